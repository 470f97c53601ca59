"""One run in several places: each task where it should be, what it made handed to the next, and asked as there."""

import os
from collections.abc import Iterator

import pytest

from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.features.conftest import Result

pytestmark = pytest.mark.engine

TASKS = """
    containers:
      box: {from: "busybox:1.36", workdir: /box}
      cab: {from: "busybox:1.36", workdir: /cab, env: {OF: "cab"}}
    tasks:
      first: {source: [tasks.yml], target: a, run: echo first $PWD >a}
      second: {container: box, deps: [first], source: [], target: b, run: 'cat a >b; echo second $PWD >>b'}
      third: {container: cab, deps: [second], source: [], target: c, run: 'cat b >c; echo third $PWD >>c'}
      last: {deps: [third], source: [], target: d, quiet: true, run: 'cat c >d; echo last $PWD >>d; cat d'}
      plain: {private: true, quiet: true, run: 'echo plain $PWD'}
      in-cab: {container: cab, quiet: true, run: ['echo cab $PWD', {task: plain}, 'echo cab $PWD $OF']}
      calls: {container: box, quiet: true, run: ['echo box $PWD', {task: in-cab}, 'echo box $PWD $OF']}
      asks:
        quiet: true
        run:
        - {when: {os: linux}, command: 'echo on ${TARGETOS}'}
        - {when: {os: darwin}, command: echo on darwin}
        - {when: {exists: /box}, command: echo exists}
        - {when: {not-exists: /box}, command: echo does not exist}
        - {when: {exists: ../box/tasks.yml}, command: echo exists above}
        - {when: {exists: [/boxer, /box/../beside]}, command: echo no such thing}
        - {when: {environment: {PYRUN_CONTAINER: box}}, command: echo says box}
        - {when: {environment: {HERE: here}}, command: echo has the variable of the caller}
        - {when: {command: test -e /box}, command: echo command finds it}
        - {when: {command: test ! -e /box}, command: echo command does not find it}
      part: {env: {PATH: "/part:${PATH}"}, run: 'echo $PATH >p'}
      paths: {container: box, target: p, env: {OWN: "/own:${PATH}"}, run: [{task: part}, 'echo $OWN $PATH >>p']}
      outside: {container: box, run: {command: {exec: pwd, dir: ..}}}
"""
ON_HOST = "on linux\ndoes not exist\nhas the variable of the caller\ncommand does not find it\n"
HERE = {"HERE": "here"}
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture
def project(engine: RealEngine, tmp_path: "os.PathLike[str]") -> Iterator[ContainerProject]:
    give(engine, "busybox:1.36")
    one = ContainerProject(f"{os.path.realpath(tmp_path)}/p", engine, {"tasks.yml": TASKS})
    yield one
    assert one.gone() == []


def test_targets_are_handed_from_place_to_place(project: ContainerProject) -> None:
    made = "first @ROOT@\nsecond /box\nthird /cab\nlast {}\n"
    told = (
        "first $ echo first $PWD >a\n"
        "second $ cat a >b; echo second $PWD >>b\n"
        "third $ cat b >c; echo third $PWD >>c\n"
    )
    assert project.run("last", memory=None) == Result(made.format("@ROOT@"), told, 0)
    assert project.run("last", memory=None) == Result(
        "", "last: up to date (1 dep and d as in the last run)\n", 0
    )
    # What names a place stays there; and what is made here is known again where it is made here again.
    moved = project.run("--in", "cab", "last", memory=None)
    assert moved == Result("first /cab\nsecond /box\nthird /cab\nlast /cab\n", told, 0)
    here = project.run("--in", "host", "last", env={"DOCKER_HOST": "unix:///none"}, memory=None)
    assert here == Result(
        "first @ROOT@\nsecond @ROOT@\nthird @ROOT@\nlast @ROOT@\n",
        told.partition("\n")[2] + "pyrun: ran 3, restored 1\n",
        0,
    )


def test_called_tasks_run_in_their_own_places_and_their_caller_goes_on_in_its_own(
    project: ContainerProject,
) -> None:
    said = "box /box\ncab /cab\nplain {}\ncab /cab cab\nbox /box\n"
    assert project.run("calls", memory=None) == Result(said.format("@ROOT@"), "", 0)
    assert project.run("--in", "box", "calls", memory=None) == Result(said.format("/box"), "", 0)


def test_conditions_are_asked_where_the_task_runs(project: ContainerProject) -> None:
    assert project.run("asks", env=HERE, memory=None) == Result(ON_HOST, "", 0)
    # What lies beside the project on the host is nothing to a container.
    project.write("../beside", "")
    assert project.run("--in", "box", "asks", env=HERE, memory=None) == Result(
        "on linux\nexists\nexists above\nsays box\ncommand finds it\n", "", 0
    )


def test_a_variable_that_nobody_defines_is_the_image_s_in_a_called_task_too(
    project: ContainerProject,
) -> None:
    assert project.run("paths", memory=None).code == 0
    assert project.read("p") == f"/part:{SYSTEM_PATH}\n/own:{SYSTEM_PATH} {SYSTEM_PATH}\n"


def test_within_a_container_its_tasks_run_in_place_and_no_engine_is_asked(project: ContainerProject) -> None:
    inside = {"PYRUN_CONTAINER": "box", "DOCKER_HOST": "unix:///none"}
    assert project.run("second", env=inside) == Result(
        "", "first $ echo first $PWD >a\nsecond $ cat a >b; echo second $PWD >>b\n", 0
    )
    assert project.read("b") == f"first {project.root}\nsecond {project.root}\n"
    in_place = "on linux\ndoes not exist\nsays box\ncommand does not find it\n"
    assert project.run("--in", "box", "asks", env=inside) == Result(in_place, "", 0)
    assert project.run("in-cab", env=inside) == Result(
        "",
        "pyrun: no container engine answers at unix:///none\n"
        "  no such socket (DOCKER_HOST names it)\n"
        "  start it, name another with `--engine URL`, or run the tasks here with `--in host`\n",
        125,
    )


def test_what_can_t_be_is_told_before_anything_runs(project: ContainerProject) -> None:
    nowhere = {"DOCKER_HOST": "unix:///none"}
    for task in ("asks", "calls"):
        assert project.run("--in", "bax", task, env=nowhere) == Result(
            "", "pyrun: there is no container `bax`\n  did you mean `box`?\n", 2
        )
    assert project.run("outside", env=nowhere) == Result(
        "",
        "pyrun: tasks.yml:27:51: `outside` works in `..`, and a container sees the project's folder only\n"
        "  27 |   outside: {container: box, run: {command: {exec: pwd, dir: ..}}}\n"
        "     |                                                   ^^^\n"
        "  choose a folder of the project, or `container: host`\n",
        2,
    )


def test_one_image_that_several_files_name_is_one_container(project: ContainerProject) -> None:
    tell = "run: cat /proc/sys/kernel/hostname"
    task = f"{{container: 'busybox:1.36', quiet: true, {tell}}}"
    project.write(
        "tasks.yml", f"include: {{api: api}}\ntasks:\n  both: {{deps: [own, 'api:its']}}\n  own: {task}\n"
    )
    project.write("api/tasks.yml", f"# further down\n\ntasks: {{its: {task}}}\n")
    result = project.run("both", memory=None)
    first, second = result.stdout.split()
    assert (first, result.code) == (second, 0)
