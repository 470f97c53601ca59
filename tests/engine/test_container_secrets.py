"""What is secret reaches the commands of its task, and is to be found nowhere else, on Docker and on Podman."""

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import urllib.parse
from collections.abc import Iterator

import pytest

from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.features.conftest import Running, until

pytestmark = pytest.mark.engine

TOKEN, FILE = 'to"ken ünsaid/42', "only in the file 42"
"""Values that look another way however they are encoded."""
WAITS = "touch up; while [ ! -e go ]; do sleep 0.05; done"
TASKS = f"""
    containers:
      bb: {{from: "busybox:1.36", setup: ["echo once > /once"]}}
    tasks:
      all:
        container: bb
        quiet: true
        secrets: [TOKEN, {{name: A, file: rc, to: /etc/rc}}, {{name: B, file: rc, to: ~/conf/rc}}, {{name: C, file: rc, to: rc2}}]
        run:
          - cat $A ~/conf/rc rc2; printf %s "$TOKEN"; ls -l $A $B $C | cut -c1-10
          - printf %s "$TOKEN" | base64; printf %.5s "$TOKEN"; sleep 0.05; printf %s "${{TOKEN#?????}}"
          - {WAITS}
      terminal:
        container: bb
        quiet: true
        secrets: [TOKEN]
        run: {{command: {{exec: 'test -n "$TOKEN" && {WAITS}', pty: true, quiet: true}}}}
      agent: {{container: bb, quiet: true, secrets: [ssh], run: 'echo $SSH_AUTH_SOCK; test -S $SSH_AUTH_SOCK; {WAITS}'}}
      other:
        container: bb
        quiet: true
        run: 'echo "[$TOKEN$A$B$C$SSH_AUTH_SOCK]"; ls /etc/rc ~/conf /.pyrun 2>&1; cat /proc/*/cmdline | tr "\\\\0" " "'
    """


@pytest.fixture(params=["engine", "podman"])
def project(request: pytest.FixtureRequest, tmp_path: "os.PathLike[str]") -> ContainerProject:
    engine: RealEngine = request.getfixturevalue(request.param)
    give(engine, "busybox:1.36")
    one = ContainerProject(f"{os.path.realpath(tmp_path)}/p", engine, {"tasks.yml": TASKS, "rc": FILE})
    os.mkdir(f"{one.told}/tmp")
    return one


@pytest.fixture
def agent(tmp_path: "os.PathLike[str]") -> Iterator[str]:
    """The socket of an agent of ssh."""
    assert shutil.which("ssh-agent"), "this test needs an agent: apt-get install openssh-client"
    path = f"{tmp_path}/agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL) as process:
        try:
            until(lambda: os.path.exists(path), "the agent is there")
            yield path
        finally:
            process.terminate()


def started(project: ContainerProject, *words: str, **more: str) -> Running:
    """A task that has its secrets and waits."""
    env = {"TOKEN": TOKEN, "TMPDIR": f"{project.told}/tmp", **more}
    running = project.start(*words, memory=None, env=env)
    until(lambda: project.exists("up") or running.process.poll() is not None, "the task runs")
    assert project.exists("up"), running.stderr
    return running


def found_in(text: str) -> list[str]:
    """Which of the secrets are in a text, encoded in any way."""
    ways = []
    for one in (TOKEN, FILE):
        data = one.encode()
        ways += [
            one,
            json.dumps(one)[1:-1],
            json.dumps(one, ensure_ascii=False)[1:-1],
            urllib.parse.quote(one),
        ]
        # Where it begins among others, base64 of it has one of three forms.
        ways += [base64.b64encode(bytes(skip) + data)[4:-4].decode() for skip in range(3)]
        ways.append(data.hex())
    return [way for way in ways if way in text or way.encode().decode("latin-1") in text]


def shown_by_the_engine(project: ContainerProject) -> str:
    """All that it says of the project's containers and of what runs in them, and of what they were made of."""
    found = []
    for container in project.left():
        name = container.removeprefix("container ")
        inspected = json.loads(project.engine.docker("inspect", name))
        found += [json.dumps(inspected, ensure_ascii=False), project.engine.docker("top", name)]
        for one in inspected[0].get("ExecIDs") or ():
            answer = project.engine.client._ask("GET", f"/exec/{one}/json")  # noqa: SLF001 - the test's own question
            found.append(answer.body.decode())
        found.append(project.engine.docker("history", "--no-trunc", inspected[0]["Image"]))
    return "\n".join(found)


def words_of_all_processes() -> str:
    """What everybody on this machine can read of what runs."""
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/cmdline", "rb") as file:
                found.append(file.read().decode("latin-1"))
        except OSError:
            continue
    return "\n".join(found)


def written_by_podman(engine: RealEngine) -> str:
    """What its service has written of its containers, in its own view of the disk; empty for another engine."""
    found = []
    address = str(engine)
    for number in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{number}/cmdline", "rb") as file:
            if file.read().split(b"\0")[1:3] != [b"system", b"service"]:
                continue
            data = f"/proc/{number}/root{os.path.dirname(address.removeprefix('unix://'))}/data"
            for base in (f"{data}/libpod", f"{data}/overlay-containers"):
                for folder, _, names in os.walk(base):
                    found += [f"{folder}/{name}" for name in names if os.path.isfile(f"{folder}/{name}")]
    text = []
    for path in found:
        with contextlib.suppress(OSError), open(path, "rb") as file:
            text.append(file.read().decode("latin-1"))
    assert text or engine.name != "podman"
    return "\n".join(text)


def kept(project: ContainerProject, *besides: str) -> str:
    """All that is in files of the project, of its home and of the folder for temporary files."""
    found = []
    for base in (project.root, project.home, f"{project.told}/tmp"):
        for folder, _, names in os.walk(base):
            for name in names:
                path = f"{folder}/{name}"
                if path not in {project.path(one) for one in besides} and os.path.isfile(path):
                    with open(path, "rb") as file:
                        found.append(f"{path}\n{file.read().decode('latin-1')}")
    return "\n".join(found)


def test_they_reach_their_task_and_nothing_else(project: ContainerProject) -> None:
    running = started(project, "all")
    shown, words = shown_by_the_engine(project), words_of_all_processes()
    while_it_runs = kept(project, "rc", "rc2")
    other = project.run("other", memory=None, env={"TOKEN": TOKEN})
    project.write("go", "")
    result = running.result()
    three = "-rw-------\n" * 3
    encoded = base64.b64encode(TOKEN.encode()).decode()
    assert found_in(result.stdout)
    assert (result.stdout, result.code) == (f"{FILE * 3}{TOKEN}{three}{encoded}\n{TOKEN}", 0)
    assert other.stdout.startswith("[]\n")
    for text in (shown, words, while_it_runs, other.stdout, other.stderr, result.stderr, kept(project, "rc")):
        assert found_in(text) == []
    assert not project.exists("rc2")
    assert os.listdir(f"{project.told}/tmp") == []
    assert project.gone() == []


def test_nothing_of_them_is_left_by_a_pyrun_that_is_killed(project: ContainerProject) -> None:
    running = started(project, "all")
    running.signal(signal.SIGKILL)
    running.result()
    assert project.gone() == []
    # What the task wanted in the project itself is there until somebody cleans up.
    assert found_in(kept(project, "rc", "rc2")) == []


def test_a_command_with_a_terminal_gets_them_and_tells_nobody(project: ContainerProject) -> None:
    running = started(project, "terminal")
    written = written_by_podman(project.engine)
    for text in (shown_by_the_engine(project), words_of_all_processes(), kept(project, "rc"), written):
        assert found_in(text) == []
    project.write("go", "")
    assert running.result().code == 0
    assert found_in(written_by_podman(project.engine)) == []
    assert os.listdir(f"{project.told}/tmp") == []


def test_only_its_task_sees_the_agent(project: ContainerProject, agent: str) -> None:
    running = started(project, "agent", SSH_AUTH_SOCK=agent)
    other = project.run("other", memory=None, env={"SSH_AUTH_SOCK": agent})
    project.write("go", "")
    assert (running.result().stdout, running.result().code) == ("/.pyrun/agent\n", 0)
    assert other.stdout.startswith("[]\nls: ")
    assert "/.pyrun: No such file" in other.stdout


def test_no_layer_has_them(project: ContainerProject) -> None:
    running = started(project, "all")
    (container,) = project.left()
    image = json.loads(project.engine.docker("inspect", container.removeprefix("container ")))[0]["Image"]
    saved = project.engine.call("save", image).stdout
    project.write("go", "")
    assert running.result().code == 0
    assert len(saved) > 1_000_000
    assert found_in(saved.decode("latin-1")) == []
