"""An engine that ends while pyrun works with it, whose disk is full, or that is to be rid of all that is pyrun's."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.engine.engines import OwnEngine, leftovers, own_docker_engine
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.features.conftest import Result, until

pytestmark = pytest.mark.engine

TASKS = """
    containers:
      bb: busybox:1.36
      new: {from: "busybox:1.36", setup: ["touch /src/up; sleep 300"]}
      warm: {from: "busybox:1.36", keep: 5m, setup: ["echo here > /here"], cache-mounts: [/kept]}
    tasks:
      runs: {container: bb, quiet: true, run: touch up; sleep 300}
      sets-up: {container: new, quiet: true, run: echo never}
      fills: {container: bb, quiet: true, run: "head -c 60m /dev/zero 2>&- > /full || exit 3"}
      takes: {container: bb, quiet: true, source: [large], target: small, run: touch small}
      warm: {container: warm, quiet: true, run: cat /here}
      hello: {container: bb, quiet: true, run: echo hello}
    """


@pytest.fixture(scope="module")
def engine() -> Iterator[OwnEngine]:
    """An engine that may end."""
    with own_docker_engine("40m") as found:
        yield found


@pytest.fixture
def project(engine: OwnEngine, tmp_path: "os.PathLike[str]") -> ContainerProject:
    give(engine, "busybox:1.36")
    return ContainerProject(f"{os.path.realpath(tmp_path)}/p", engine, {"tasks.yml": TASKS})


def test_one_whose_disk_is_full_says_so(project: ContainerProject) -> None:
    told = "pyrun: fills failed with exit status 3: head -c 60m /dev/zero 2>&- > /full || exit 3\n"
    assert project.run("fills", memory=None) == Result("", told, 3)
    with open(project.path("large"), "wb") as file:
        file.truncate(60 << 20)
    taken = project.run("--sandbox", "takes", memory=None)
    assert taken.code == 125
    assert "no space left on device" in taken.stderr
    assert project.run("hello", memory=None) == Result("hello\n", "", 0)
    assert project.gone() == []


def test_all_that_is_of_pyrun_goes_when_that_is_asked_for(project: ContainerProject) -> None:
    assert project.run("warm", memory=None).stdout == "here\n"
    assert len(leftovers(project.engine, "container")) == 1
    result = project.run("--clean=containers", memory=None)
    removed = "1 container, 2 volumes and 1 image"
    assert result == Result("", f"pyrun: removed {removed} from the engine at {project.engine}\n", 0)
    assert leftovers(project.engine) == []
    assert "pyrun/setup" not in project.engine.docker("images")
    again = project.run("--clean=containers", memory=None)
    assert again == Result("", f"pyrun: removed nothing from the engine at {project.engine}\n", 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_one_that_ends_while_a_task_runs_is_told(project: ContainerProject, number: signal.Signals) -> None:
    engine = project.engine
    assert isinstance(engine, OwnEngine)
    running = project.start("runs", memory=None)
    until(lambda: project.exists("up"), "the task runs")
    engine.end(number)
    result = running.result()
    engine.start()
    assert result.code == 125
    assert "the container `bb` failed while `runs` ran: " in result.stderr
    assert "Traceback" not in result.stderr
    assert project.run("hello", memory=None) == Result("hello\n", "", 0)
    assert project.gone() == []


def test_one_that_ends_during_a_setup_is_told(project: ContainerProject) -> None:
    engine = project.engine
    assert isinstance(engine, OwnEngine)
    running = project.start("sets-up", memory=None)
    until(lambda: "touch /src/up" in running.stderr, "the setup runs")
    engine.end(signal.SIGKILL)
    result = running.result()
    engine.start()
    assert result.code == 125
    assert "Traceback" not in result.stderr
    assert project.run("hello", memory=None) == Result("hello\n", "", 0)
    assert project.gone() == []
