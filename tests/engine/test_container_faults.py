"""What goes wrong with containers: told clearly, with the engine's exit status, and nothing is left."""

import os
import signal

import pytest

from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.features.conftest import Result, until

pytestmark = pytest.mark.engine

TASKS = """
    containers:
      bb: busybox:1.36
      small: {from: "busybox:1.36", memory: 32m}
    tasks:
      hangs: {container: bb, quiet: true, run: touch up; sleep 300, finally: touch cleaned}
      eats: {container: small, quiet: true, run: head -c 200m /dev/zero | tail}
      killed: {container: small, quiet: true, run: kill -9 $$$$}
      absent: {container: "pyrun-tests/absent:1", quiet: true, run: echo never}
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
        "pyrun: tasks.yml:5:3: the container `bb` failed while `hangs` ran: it has ended, and nobody here told it to\n"
        "  5 |   hangs: {container: bb, quiet: true, run: touch up; sleep 300, finally: touch cleaned}\n"
        "    |   ^^^^^\n"
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
