"""pyrun itself in an image: by `runner: true` it is a command there, under supervisord and as the first process."""

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator

import pytest

from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.features.conftest import until

pytestmark = pytest.mark.engine

BASE = "python:3.11-slim"
NAME = "registry.example.org/pyrun-test/runner"
TASKS = """
    tasks:
      serve:
        persistent: true
        args: {name: }
        run: "trap 'echo ended ${name}; exit 3' TERM; echo up ${name} $$; while :; do sleep 1 & wait; done"
      greet: {args: {name: {default: you}}, env: {GREETING: hello}, run: 'echo "$GREETING ${name}"'}
      fail: {run: exit 7}
      image:
        image:
          name: @NAME@:@MARK@
          from: engine:python:3.11-slim
          runner: true
          workdir: /srv
          copy:
            - {source: tasks.yml, to: /srv/}
            - {source: supervisord.conf, to: /etc/supervisor/}
          user: "65534:65534"
          cmd: [pyrun, greet, all]
      bare:
        image: {name: x, from: "engine:busybox:1.36", runner: true}
    """
SUPERVISORD = """
    [supervisord]
    nodaemon=true
    user=nobody
    logfile=/dev/null
    logfile_maxbytes=0
    pidfile=/tmp/supervisord.pid
    [program:one]
    command=pyrun serve one
    stdout_logfile=/dev/fd/1
    stdout_logfile_maxbytes=0
    redirect_stderr=true
    [program:two]
    command=pyrun serve two
    stdout_logfile=/dev/fd/1
    stdout_logfile_maxbytes=0
    redirect_stderr=true
    """


@pytest.fixture(scope="module")
def made(engine: RealEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerProject]:
    """A project whose image has pyrun in it, which is in the engine."""
    give(engine, BASE, "busybox:1.36")
    folder = os.path.realpath(tmp_path_factory.mktemp("runner"))
    project = ContainerProject(f"{folder}/one", engine, {"tasks.yml": TASKS, "supervisord.conf": SUPERVISORD})
    text = project.read("tasks.yml").replace("@NAME@", NAME).replace("@MARK@", project.mark[:12])
    project.write("tasks.yml", text)
    result = project.run("image", memory=None)
    assert result.code == 0, result
    yield project
    engine.docker("image", "rm", "--force", name(project))


def name(project: ContainerProject) -> str:
    return f"{NAME}:{project.mark[:12]}"


def called(project: ContainerProject, *words: str, options: tuple[str, ...] = ()) -> tuple[str, str, int]:
    """What comes of a command in a new container of the image."""
    done = project.engine.call("run", "--rm", "--network=none", *options, name(project), *words)
    return done.stdout.decode(), done.stderr.decode(), done.returncode


def test_it_is_a_command_there(made: ContainerProject) -> None:
    assert called(made) == ("hello all\n", 'greet all $ echo "$GREETING all"\n', 0)
    assert called(made, "pyrun", "greet", "a b; exit 4")[0] == "hello a b; exit 4\n"
    assert called(made, "pyrun", "fail") == (
        "",
        "fail $ exit 7\npyrun: fail failed with exit status 7: exit 7\n",
        7,
    )
    listed = called(made, "pyrun", "--list")[0].splitlines()
    assert [line.split()[0] for line in listed] == ["serve", "greet", "fail", "image", "bare"]
    assert called(made, "pyrun", "--schema")[0].startswith("{")


@pytest.mark.parametrize(
    "options",
    [("--read-only",), ("--user=0",), ("--env=HOME=/nowhere", "--env=PYTHONPATH=/srv"), ("--workdir=/srv",)],
)
def test_it_needs_nothing_of_what_is_around_it(made: ContainerProject, options: tuple[str, ...]) -> None:
    assert called(made, "pyrun", "-C", "/srv", "greet", options=options)[::2] == ("hello you\n", 0)


def test_as_the_first_process_it_hands_on_a_stop(made: ContainerProject) -> None:
    container = made.engine.docker(
        "run", "--detach", "--network=none", name(made), "pyrun", "serve", "one"
    ).strip()
    try:
        until(lambda: "up one" in made.engine.docker("logs", container), "the server is up")
        made.engine.docker("stop", container)
        assert "ended one" in made.engine.docker("logs", container)
        state = made.engine.docker("inspect", "--format", "{{.State.ExitCode}}", container)
        assert state.strip() == "3"
    finally:
        made.engine.docker("rm", "--force", container)


def test_supervisord_runs_several_of_it(made: ContainerProject) -> None:
    words = (
        "--entrypoint=supervisord",
        "--network=none",
        name(made),
        "-n",
        "-c",
        "/etc/supervisor/supervisord.conf",
    )
    container = made.engine.docker("run", "--detach", *words).strip()
    try:

        def told() -> str:
            return made.engine.docker("logs", container)

        until(lambda: "up one" in told() and "up two" in told(), "both servers are up")
        made.engine.docker("stop", container)
        until(lambda: "ended one" in told() and "ended two" in told(), "both have heard of the end")
    finally:
        made.engine.docker("rm", "--force", container)


def test_a_base_without_python_is_an_error_before_anything_runs(made: ContainerProject) -> None:
    line = next(row for row in made.read("tasks.yml").splitlines() if "busybox" in row)
    at = line.index('"engine') + 1
    number = made.read("tasks.yml").splitlines().index(line) + 1
    result = made.run("fail", "bare", memory=None)
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.partition("pyrun: tasks.yml:")[2] == (
        f"{number}:{at}: `runner: true` needs Python 3.11 or newer, and `from: engine:busybox:1.36` has no Python\n"
        f"  {number} | {line}\n"
        f"  {' ' * len(str(number))} | {' ' * (at - 1)}^^^^^^^^^^^^^^^^^^^^^\n"
        "  a base that has it on its PATH, such as `python:3.13-slim`\n"
    )


def test_it_is_the_same_bytes_from_any_checkout_and_up_to_date(
    made: ContainerProject, tmp_path: os.PathLike[str]
) -> None:
    before = os.umask(0o077)
    try:
        other = ContainerProject(f"{os.path.realpath(tmp_path)}/a/longer/path", made.engine, {
            path: made.read(path) for path in ("tasks.yml", "supervisord.conf")
        })  # fmt: skip
    finally:
        os.umask(before)
    assert other.run("image", "--no-load", "--quiet", memory=None).code == 0
    assert other.read(".pyrun/images/index.json") == made.read(".pyrun/images/index.json")
    assert made.run("image").stderr.startswith("image: up to date")


def test_what_is_in_it_is_pure(made: ContainerProject) -> None:
    assert made.run("image", "--save", "out.tar", "--no-load", "--quiet", memory=None).code == 0
    subprocess.run(
        ["umoci", "unpack", "--rootless", "--image", f"{made.path('.pyrun/images')}:{name(made)}", made.path("all")],
        check=True, capture_output=True,
    )  # fmt: skip
    top = made.path("all/rootfs/usr/local/lib/pyrun")
    names = [file for _, _, files in os.walk(top) for file in files]
    assert {os.path.splitext(file)[1] for file in names} == {
        ".py", ".json", ".bash", ".fish", ".ps1", ".zsh", "",
    }  # fmt: skip
    assert sorted(os.listdir(top))[1:] == ["runner", "yaml"]
    assert os.stat(made.path("all/rootfs/usr/local/bin/pyrun")).st_mode & 0o777 == 0o755
    with tarfile.open(made.path("out.tar")) as archive:
        listed = archive.extractfile("manifest.json")
        assert listed is not None
        assert len(json.loads(listed.read())[0]["Layers"]) == 4
