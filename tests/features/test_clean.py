"""`--clean`: what is forgotten runs again, and what tasks made stays."""

import os
import shutil

import pytest

from runner.ui.plain import size as shown_size
from tests.features.conftest import MakeProject, Project

FILES = {
    "tasks.yml": """
    tasks:
      build: {source: in, target: out, run: cp in out && echo build >> ran}
      test: {source: in, target: ok, run: cp in ok && echo test >> ran}
      lint: {source: in, run: echo lint >> ran}
    """,
    "in": "1\n",
}


def all_tasks(p: Project) -> list[str]:
    """Which tasks really ran, of all."""
    if p.exists("ran"):
        p.remove("ran")
    for name in ("build", "test", "lint"):
        assert p.run(name).code == 0
    return p.lines("ran")


def change(p: Project) -> None:
    """Run all in another state, so that the state before is in the store only."""
    p.write("in", "2\n")
    assert all_tasks(p) == ["build", "test", "lint"]
    p.write("in", "1\n")


@pytest.mark.parametrize("flag", ["--clean=task:build", "--clean-task-cache=build"])
def test_a_task_that_is_forgotten_runs_again_and_others_do_not(project: MakeProject, flag: str) -> None:
    p = project(FILES)
    assert all_tasks(p) == ["build", "test", "lint"]
    assert all_tasks(p) == []
    assert p.run(flag) == ("", "pyrun: forgot 1 record of build\n", 0)
    assert p.read("out") == "1\n"
    assert all_tasks(p) == ["build"]
    assert all_tasks(p) == []


def test_a_task_that_is_forgotten_is_not_brought_back_either(project: MakeProject) -> None:
    p = project(FILES)
    all_tasks(p)
    change(p)
    assert p.run("--clean=task:build").code == 0
    assert all_tasks(p) == ["build", "lint"]
    p.write("in", "2\n")
    assert all_tasks(p) == ["build", "lint"]
    p.write("in", "1\n")
    # What was made since is kept as ever.
    assert all_tasks(p) == ["lint"]


@pytest.mark.parametrize("flag", ["--clean", "--clean=project", "--clean-project-cache"])
def test_a_project_that_is_forgotten_runs_again(project: MakeProject, flag: str) -> None:
    p = project(FILES)
    all_tasks(p)
    assert p.run(flag) == ("", "pyrun: forgot 3 records of this project\n", 0)
    assert (p.read("out"), p.read("ok")) == ("1\n", "1\n")
    assert all_tasks(p) == ["build", "test", "lint"]
    assert p.run(flag, "--quiet").stderr == ""


def test_what_one_checkout_forgets_another_one_may_bring_back(project: MakeProject) -> None:
    p = project(FILES)
    other = project({})
    all_tasks(p)
    assert p.run("--clean").code == 0
    for name in ("tasks.yml", "in"):
        shutil.copy(p.path(name), other.path(name))
    env = {"XDG_CACHE_HOME": f"{p.home}/.cache"}
    assert other.run("build", env=env).stderr == "build: restored (it has not run here yet)\n"
    assert other.read("out") == "1\n"


@pytest.mark.parametrize("flag", ["--clean=cache", "--clean-cache"])
def test_the_cache_of_the_user_is_emptied(project: MakeProject, flag: str) -> None:
    p = project(FILES)
    all_tasks(p)
    change(p)
    cache = f"{p.home}/.cache/pyrun"
    assert os.path.isdir(f"{cache}/store")
    done = p.run(flag)
    assert done.stderr == f"pyrun: forgot 3 records of this project, and emptied {cache}\n"
    assert os.listdir(cache) == []
    assert p.files() == ["in", "ok", "out", "ran", "tasks.yml"]
    assert all_tasks(p) == ["build", "test", "lint"]


def test_a_link_in_the_cache_is_not_followed(project: MakeProject) -> None:
    p = project(FILES)
    p.write("precious/x", "x")
    os.makedirs(f"{p.home}/.cache/pyrun")
    os.symlink(p.path("precious"), f"{p.home}/.cache/pyrun/store")
    assert p.run("--clean=cache").code == 0
    assert p.read("precious/x") == "x"


def test_what_can_not_be_forgotten_is_told(project: MakeProject) -> None:
    p = project(FILES)
    assert p.run("--clean=task:biuld") == (
        "", "pyrun: there is no task `biuld`\n  did you mean `build`?\n", 2,
    )  # fmt: skip
    assert p.run("--clean=all").code == 2
    assert p.run("--clean", "build").code == 2
    assert not p.exists(".pyrun")


IMAGES = {
    "tasks.yml": """
    tasks:
      image: {image: {name: "one:1", tags: [two], from: scratch, copy: [{source: in, to: /}]}}
    """,
    "in": "1\n",
}


def blobs(p: Project) -> list[str]:
    """The names of all blobs of the project's images."""
    return sorted(os.listdir(p.path(".pyrun/images/blobs/sha256")))


def test_images_are_removed_and_made_anew(project: MakeProject) -> None:
    p = project(IMAGES)
    assert p.run("--no-load", "--quiet", "image").code == 0
    before = blobs(p)
    size = sum(os.path.getsize(p.path(f".pyrun/images/blobs/sha256/{name}")) for name in before)
    cleaned = p.run("--clean=images")
    told = f"pyrun: removed 2 names of images, {shown_size(size)}, from .pyrun/images\n"
    assert cleaned == ("", told, 0)
    assert (p.read("in"), blobs(p)) == ("1\n", [])
    assert p.run("--no-load", "--quiet", "image").code == 0
    assert blobs(p) == before


def test_where_there_are_no_images_that_is_said(project: MakeProject) -> None:
    p = project(FILES)
    assert p.run("--clean=images") == ("", "pyrun: there are no images of this project here\n", 0)
