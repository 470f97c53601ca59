"""Servers in containers: how they are reached, when they are ready, how they end, and that nothing stays."""

import os
import signal

import pytest

from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.features.conftest import Result, until

pytestmark = pytest.mark.engine

BUSYBOX = "busybox:1.36"
TASKS = """
    containers: {bb: "busybox:1.36"}
    args: {n: {values: [a, b]}}
    tasks:
      web:
        args: [n]
        container: bb
        ports: [80]
        quiet: true
        run: mkdir /tmp/w; echo ${n} >/tmp/w/index.html; exec httpd -f -p 80 -h /tmp/w
      inside:
        container: bb
        deps: ["web a", "web b"]
        run: wget -qO- http://web-a:${web.port}/ http://web-b/ && echo ${web.host}
      outside:
        deps: ["web a"]
        quiet: true
        run: curl -s http://${web.host}:${web.port}/
      never:
        container: bb
        ports: [80]
        ready: {port: 80, timeout: 200ms}
        run: sleep 100
      early: {container: bb, ports: [80], run: echo bye; exit 3}
      waits: {deps: [never], run: echo waits}
      needs: {deps: [early], run: echo needs}
      skipped: {deps: ["web a"], source: [tasks.yml], run: echo done}
"""


@pytest.fixture(params=["engine", "podman"])
def project(request: pytest.FixtureRequest, tmp_path: "os.PathLike[str]") -> ContainerProject:
    engine: RealEngine = request.getfixturevalue(request.param)
    give(engine, BUSYBOX)
    return ContainerProject(f"{os.path.realpath(tmp_path)}/p", engine, {"tasks.yml": TASKS})


def test_two_with_one_port_are_told_apart_by_name(project: ContainerProject) -> None:
    result = project.run("inside", memory=None)
    assert (result.stdout, result.code) == ("a\nb\nweb-b\n", 0)
    assert project.gone() == []


def test_a_host_task_finds_the_port_that_the_engine_chose(project: ContainerProject) -> None:
    assert project.run("outside", memory=None) == Result("a\n", "", 0)
    shown = project.run("outside", "--dry-run").stdout
    assert "  $ curl -s http://127.0.0.1:${web.port}/\n" in shown
    assert project.gone() == []


def test_who_needs_one_that_does_not_come_fails(project: ContainerProject) -> None:
    assert project.run("waits", memory=None) == Result(
        "",
        "never $ sleep 100\n"
        "pyrun: tasks.yml:18:3: the server `never` is not ready: after 0.2 s port 80 accepts nothing\n"
        "  18 |   never:\n"
        "     |   ^^^^^\n",
        1,
    )
    assert project.run("needs", memory=None) == Result(
        "early | bye\n",
        "early $ echo bye; exit 3\npyrun: early failed with exit status 3: echo bye; exit 3\n",
        3,
    )
    assert project.gone() == []


def test_none_is_started_where_nobody_runs(project: ContainerProject) -> None:
    assert project.run("skipped", memory=None).stdout == "done\n"
    again = project.run("skipped", memory=None)
    assert (again.stdout, again.code) == ("", 0)
    assert project.gone() == []


def test_asked_for_they_stay_until_they_are_told_to_stop(project: ContainerProject) -> None:
    running = project.start("web", "--all", memory=None)
    label = f"label=pyrun.project={project.root}"
    until(lambda: len(project.engine.docker("ps", "-q", "--filter", label).split()) == 2, "both are up")
    running.signal(signal.SIGINT)
    assert running.result().code == 130
    assert project.gone() == []
