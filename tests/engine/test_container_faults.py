"""What goes wrong with containers: told clearly, with the engine's exit status, and nothing is left."""

import os
import signal
import socket

import pytest

from tests.engine.engines import RealEngine, leftovers
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.features.conftest import Result, until

pytestmark = pytest.mark.engine

TASKS = """
    containers:
      bb: busybox:1.36
      small: {from: "busybox:1.36", memory: 32m}
      slow: {from: "busybox:1.36", setup: ["echo going; sleep 300"]}
      new: {from: "busybox:1.36", setup: ["echo new > /new"]}
      broken: {from: "busybox:1.36", setup: ["true", "exit 7"]}
      off: {from: "busybox:1.36", network: none}
      kept: {from: "busybox:1.36", memory: 32m, keep: 5m}
    tasks:
      hangs: {container: bb, quiet: true, run: touch up; sleep 300, finally: touch cleaned}
      eats: {container: small, quiet: true, run: head -c 200m /dev/zero | tail}
      killed: {container: small, quiet: true, run: kill -9 $$$$}
      absent: {container: "pyrun-tests/absent:1", quiet: true, run: echo never}
      sets-up: {container: slow, quiet: true, run: echo never}
      set-up: {container: new, quiet: true, run: "test -e /new && echo done"}
      broken: {container: broken, quiet: true, run: echo never}
      netless: {container: off, quiet: true, run: ls /sys/class/net}
      fine: {container: bb, quiet: true, run: echo fine}
      all: {deps: [broken, absent, fine]}
      kept: {container: kept, quiet: true, run: echo kept}
      kept-hangs: {container: kept, quiet: true, run: touch up; sleep 300}
      kept-eats: {container: kept, quiet: true, run: head -c 200m /dev/zero | tail}
      kept-killed: {container: kept, quiet: true, run: kill -9 $$$$}
      server: {container: "pyrun-tests/sleeps:1", ports: [80], ready: {command: "true"}}
      served: {container: bb, quiet: true, deps: [server], run: touch up; sleep 300}
      secret:
        container: bb
        quiet: true
        secrets: [TOKEN, {name: RC, file: rc, to: /etc/rc}]
        run: echo $TOKEN $(cat $RC) | tr a-z A-Z; touch up; while [ ! -e go ]; do sleep 0.1; done
      other: {container: bb, quiet: true, run: 'echo [$TOKEN]; ls /etc/rc; ps -ef; cat /proc/*/cmdline | tr "\\0" " "'}
    """


@pytest.fixture(params=["engine", "podman"])
def project(request: pytest.FixtureRequest, tmp_path: "os.PathLike[str]") -> ContainerProject:
    engine: RealEngine = request.getfixturevalue(request.param)
    give(engine, "busybox:1.36")
    files = {"tasks.yml": TASKS, "rc": "in the file\n"}
    return ContainerProject(f"{os.path.realpath(tmp_path)}/p", engine, files)


def test_a_container_that_is_killed_from_outside_is_told(project: ContainerProject) -> None:
    running = project.start("hangs", memory=None)
    until(lambda: project.exists("up"), "the task runs")
    (container,) = project.left()
    project.engine.docker("kill", container.removeprefix("container "))
    result = running.result()
    told = (
        "pyrun: tasks.yml:10:3: the container `bb` failed while `hangs` ran: it has ended, and nobody here told it to\n"
        "  10 |   hangs: {container: bb, quiet: true, run: touch up; sleep 300, finally: touch cleaned}\n"
        "     |   ^^^^^\n"
        "  was it or its engine stopped from outside, or did a command end all processes?\n"
    )
    assert result == Result("", told, 125)
    assert project.gone() == []


def test_nothing_outlives_a_pyrun_that_is_killed(project: ContainerProject) -> None:
    running = project.start("hangs", memory=None)
    until(lambda: project.exists("up"), "the task runs")
    running.signal(signal.SIGKILL)
    running.result()
    assert project.gone() == []
    assert not project.exists("cleaned")


def test_a_stop_signal_ends_what_runs_and_cleans_up(project: ContainerProject) -> None:
    running = project.start("hangs", memory=None)
    until(lambda: project.exists("up"), "the task runs")
    running.signal(signal.SIGTERM)
    assert running.result() == Result("", "", 143)
    assert project.exists("cleaned")
    assert project.gone() == []


def test_one_that_takes_too_much_memory_is_explained_and_one_that_is_killed_is_not(
    project: ContainerProject,
) -> None:
    eats = project.run("eats", memory=None)
    assert eats.code == 137
    assert "`eats` was killed (exit status 137): the container `small` reached its memory limit of 32m\n" in (
        eats.stderr
    )
    killed = project.run("killed", memory=None)
    assert (killed.code, killed.stderr) == (137, "pyrun: killed failed with exit status 137: kill -9 $$\n")


def test_an_image_that_is_nowhere_is_told(project: ContainerProject) -> None:
    result = project.run("absent", memory=None)
    assert (result.stdout, result.code) == ("", 125)
    assert (
        "the image `pyrun-tests/absent:1` of the container `pyrun-tests/absent:1` is not there: "
        in result.stderr
    )
    assert project.gone() == []


def test_one_that_is_paused_hears_a_stop_signal(project: ContainerProject) -> None:
    running = project.start("hangs", memory=None)
    until(lambda: project.exists("up"), "the task runs")
    (container,) = project.left()
    project.engine.docker("pause", container.removeprefix("container "))
    running.signal(signal.SIGTERM)
    assert running.result() == Result("", "", 143)
    assert project.gone() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143)])
def test_a_setup_ends_with_pyrun(project: ContainerProject, number: signal.Signals, code: int) -> None:
    running = project.start("sets-up", memory=None)
    until(lambda: "going\n" in running.stderr, "the setup runs")
    running.signal(number)
    assert running.result() == Result("", "container slow $ echo going; sleep 300\ngoing\n", code)
    assert project.gone() == []


def test_runs_share_one_that_is_kept_and_each_ends_what_is_its_own(project: ContainerProject) -> None:
    first = project.start("kept-hangs", memory=None)
    until(lambda: project.exists("up"), "the task runs")
    (container,) = project.left()
    name = container.removeprefix("container ")
    # What the first run lost to its limit is nothing to the second.
    assert project.run("kept-eats", memory=None).code == 137
    killed = project.run("kept-killed", memory=None)
    assert (killed.code, killed.stderr) == (
        137,
        "pyrun: kept-killed failed with exit status 137: kill -9 $$\n",
    )
    assert "sleep 300" in project.engine.docker("top", name)
    first.signal(signal.SIGKILL)
    first.result()
    until(lambda: "sleep 300" not in project.engine.docker("top", name), "its command has ended")
    assert project.run("kept", memory=None).stdout == "kept\n"
    assert project.left() == [container]
    project.engine.docker("rm", "--force", name)


def test_runs_that_need_the_same_setup_at_once_both_get_it(project: ContainerProject) -> None:
    both = [project.start("set-up", memory=None) for _ in range(2)]
    for one in both:
        result = one.result()
        assert (result.stdout, result.code) == ("done\n", 0)
    assert project.gone() == []


def test_a_container_that_can_not_be_had_is_the_failure_of_its_task_only(project: ContainerProject) -> None:
    result = project.run("--keep-going", "all", memory=None)
    assert (result.stdout, result.code) == ("fine\n", 125)
    assert "the setup of the container `broken` failed with exit status 7: exit 7\n" in result.stderr
    assert "the image `pyrun-tests/absent:1` of the container" in result.stderr
    again = project.run("--resume", memory=None)
    assert (again.stdout, again.code) == ("", 125)
    assert project.gone() == []


def test_without_a_network_there_is_none(project: ContainerProject) -> None:
    assert project.run("netless", memory=None) == Result("lo\n", "", 0)


def test_what_a_killed_run_has_left_is_removed_by_the_next(project: ContainerProject) -> None:
    docker = project.engine.docker
    made = docker("create", "busybox:1.36").strip()
    files = project.engine.call("export", made).stdout
    docker("import", "--change", 'CMD ["sleep", "300"]', "-", "pyrun-tests/sleeps:1", stdin=files)
    docker("rm", made)
    running = project.start("served", memory=None)
    until(lambda: project.exists("up"), "the task runs")
    assert len(project.left()) == 2
    running.signal(signal.SIGKILL)
    running.result()
    project.run("netless", memory=None)
    assert project.gone() == []
    assert leftovers(project.engine, "network") == []


def test_a_pull_that_takes_for_ever_is_ended(project: ContainerProject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        project.write(
            "tasks.yml", f"tasks: {{pull: {{container: '127.0.0.1:{port}/none:1', run: echo never}}}}"
        )
        running = project.start("pull", memory=None)
        with silent.accept()[0]:
            running.signal(signal.SIGINT)
            result = running.result()
    assert (result.stdout, result.code) == ("", 130)
    assert (
        result.stderr == f"pyrun: pulls 127.0.0.1:{port}/none:1 for the container 127.0.0.1:{port}/none:1\n"
    )


def test_a_shell_of_none_that_is_defined_is_a_mistake(project: ContainerProject) -> None:
    assert project.run("--shell", "smal", memory=None) == Result(
        "", "pyrun: there is no container `smal`\n  did you mean `small`?\n", 2
    )
    assert project.run("--shell", "bb", stdin="pwd; exit 4\n", memory=None) == Result("/src\n", "", 4)


def test_what_is_secret_reaches_its_task_and_nothing_else(project: ContainerProject) -> None:
    token = "xyzzy-plugh-7"
    running = project.start("secret", memory=None, env={"TOKEN": token})
    until(lambda: project.exists("up"), "the task runs")
    (container,) = project.left()
    shown = project.engine.docker("inspect", container.removeprefix("container "))
    other = project.run("other", memory=None, env={"TOKEN": token})
    project.write("go", "")
    result = running.result()
    assert (result.stdout, result.code) == (f"{token} in the file\n".upper(), 0)
    assert other.stdout.startswith("[]\n")
    for text in (shown, other.stdout, *_kept(project)):
        assert token not in text
        assert "in the file" not in text
    assert project.gone() == []


def _kept(project: ContainerProject) -> list[str]:
    """All that pyrun has written down."""
    found = []
    for base in (f"{project.root}/.pyrun", project.home):
        for folder, _, names in os.walk(base):
            for name in names:
                with open(f"{folder}/{name}", "rb") as file:
                    found.append(file.read().decode("latin-1"))
    assert found
    return found
