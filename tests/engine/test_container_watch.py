"""`--watch` with containers: they stay warm from one round to the next, and so do servers that nothing reached."""

import os
import signal

import pytest

from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.features.conftest import until

pytestmark = pytest.mark.engine

TASKS = """
    containers: {bb: "busybox:1.36"}
    tasks:
      web:
        container: bb
        ports: [80]
        quiet: true
        run: mkdir /tmp/w; cat /proc/sys/kernel/hostname >/tmp/w/index.html; exec httpd -f -p 80 -h /tmp/w
      show:
        container: bb
        deps: [web]
        source: [x]
        quiet: true
        run: echo $(cat x) $(cat /proc/sys/kernel/hostname) $(wget -qO- http://${web.host}:${web.port}/) >> seen
"""


def test_containers_and_servers_outlive_a_round(engine: RealEngine, tmp_path: "os.PathLike[str]") -> None:
    give(engine, "busybox:1.36")
    project = ContainerProject(f"{os.path.realpath(tmp_path)}/p", engine, {"tasks.yml": TASKS, "x": "one\n"})
    running = project.start("--watch", "show", memory=None)
    until(lambda: len(_seen(project)) == 1, "the first round")
    project.write("x", "two\n")
    until(lambda: len(_seen(project)) == 2, "the second round")
    running.signal(signal.SIGINT)
    assert running.result().code == 130
    first, second = _seen(project)
    assert (first[0], second[0]) == ("one", "two")
    assert first[1:] == second[1:]
    assert first[1] != first[2]
    assert project.gone() == []


def _seen(project: ContainerProject) -> list[list[str]]:
    if not project.exists("seen"):
        return []
    return [line.split() for line in project.read("seen").splitlines()]
