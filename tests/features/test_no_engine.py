"""Tasks in containers where there is no container engine: what needs one says so at once, what does not goes on."""

import os
import socket
from collections.abc import Iterator

import pytest

from tests.features.conftest import MakeProject, Project, Result

TASKS = """
    containers:
      box: {from: "busybox:1.36", setup: [touch /made]}
    tasks:
      inside: {container: box, source: [in], target: out, run: cp in out}
      here: {run: echo here}
      both: {deps: [here, inside]}
      server: {container: "busybox:1.36", ports: [80]}
    """
INSTEAD = "or run the tasks here with `--in host`\n"


@pytest.fixture
def p(project: MakeProject) -> Project:
    return project({"tasks.yml": TASKS, "in": "text\n"})


def named(path: str) -> dict[str, str]:
    return {"DOCKER_HOST": f"unix://{path}"}


def told(path: str, why: str) -> str:
    return (
        f"pyrun: no container engine answers at unix://{path}\n"
        f"  {why} (DOCKER_HOST names it)\n"
        f"  start it, name another with `--engine URL`, {INSTEAD}"
    )


@pytest.fixture
def refusing(tmp_path: "os.PathLike[str]") -> Iterator[str]:
    """The path of a socket on which nobody listens."""
    path = f"{tmp_path}/refusing"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)
        yield path


@pytest.fixture
def silent(tmp_path: "os.PathLike[str]") -> Iterator[str]:
    """The path of a socket on which somebody listens and says nothing."""
    path = f"{tmp_path}/silent"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)
        one.listen(8)
        yield path


def test_what_was_tried_and_what_can_be_done_is_told(p: Project, refusing: str, silent: str) -> None:
    for path, why in (
        ("/nowhere/d.sock", "no such socket"),
        (refusing, "connection refused"),
        (silent, "no answer in 1 s"),
    ):
        assert p.run("inside", env=named(path)) == Result("", told(path, why), 125)
    assert p.files() == ["in", "tasks.yml"]


@pytest.mark.parametrize("words", [("--shell", "box"), ("server",)])
def test_all_that_starts_a_container_needs_one(p: Project, words: tuple[str, ...]) -> None:
    path = "/nowhere/d.sock"
    assert p.run(*words, env=named(path)) == Result("", told(path, "no such socket"), 125)


def test_all_that_is_of_pyrun_can_not_be_removed_from_none(p: Project) -> None:
    result = p.run("--clean=containers", env=named("/nowhere/d.sock"))
    assert (result.stdout, result.code) == ("", 125)
    assert result.stderr.startswith("pyrun: no container engine answers at unix:///nowhere/d.sock\n")


def test_what_needs_none_is_done_and_the_rest_can_be_resumed(p: Project) -> None:
    env = named("/nowhere/d.sock")
    first = p.run("--keep-going", "both", env=env)
    assert (first.stdout, first.code) == ("here\n", 125)
    assert "no container engine answers at unix:///nowhere/d.sock\n" in first.stderr
    again = p.run("--resume", env=env)
    assert (again.stdout, again.code) == ("", 125)
    assert p.run("--resume", "--in", "host", env=env) == Result("", "inside $ cp in out\n", 0)
    assert p.read("out") == "text\n"


NOTICE = "pyrun: no container engine answers at unix:///nowhere/d.sock, so tasks in containers are taken to have changed\n"


@pytest.mark.parametrize(
    ("words", "notice"),
    [
        (("--dry-run",), NOTICE),
        (("--dry-run", "-v"), NOTICE),
        (("--why",), NOTICE),
        (("--graph=json",), ""),
        (("--graph",), ""),
    ],
)
def test_a_look_at_a_plan_needs_none(p: Project, words: tuple[str, ...], notice: str) -> None:
    result = p.run(*words, "both", env=named("/nowhere/d.sock"))
    assert (result.stderr, result.code) == (notice, 0)
    assert p.files() == ["in", "tasks.yml"]
