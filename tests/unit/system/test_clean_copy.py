import os
import stat
import subprocess

import pytest

from runner.system.clean_copy import copy_project, copy_repository, other_home

QUIET = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture
def top(tmp_path: "os.PathLike[str]") -> str:
    folder = f"{os.path.realpath(tmp_path)}/project"
    for name, text in {"a": "a", "run.sh": "run", "in/b": "b", ".pyrun/state": "s", "in/.git/x": "x"}.items():
        write(f"{folder}/{name}", text)
    os.chmod(f"{folder}/run.sh", 0o755)
    os.symlink("in/b", f"{folder}/link")
    return folder


def write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def git(folder: str, *words: str) -> str:
    argv = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
    return subprocess.run(argv, cwd=folder, env=QUIET, check=True, capture_output=True, text=True).stdout


def listed(folder: str) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(where, name), folder)
        for where, folders, names in os.walk(folder)
        if ".git" not in where.split("/")
        for name in (*names, *folders)
        if name != ".git"
    )


def test_files_get_what_the_umask_gives(top: str) -> None:
    before = os.umask(0o077)
    try:
        copy_project(top, f"{top}-copy", lambda path, _: path == "a")
    finally:
        os.umask(before)
    assert listed(f"{top}-copy") == ["in", "in/b", "link", "run.sh"]
    assert os.readlink(f"{top}-copy/link") == "in/b"
    modes = [stat.S_IMODE(os.stat(f"{top}-copy/{name}").st_mode) for name in ("in", "in/b", "run.sh")]
    assert modes == [0o700, 0o600, 0o700]


def test_a_folder_that_is_left_is_not_looked_into(top: str) -> None:
    asked = []

    def left(path: str, is_folder: bool) -> bool:
        asked.append((path, is_folder))
        return is_folder

    copy_project(top, f"{top}-copy", left)
    assert listed(f"{top}-copy") == ["a", "link", "run.sh"]
    assert ("in", True) in asked
    assert ("in/b", False) not in asked


def test_a_checkout_has_the_commit_and_a_repository_of_its_own(top: str) -> None:
    os.rename(f"{top}/in/.git", f"{top}/in/git")
    git(top, "init", "-q", "-b", "main")
    git(top, "remote", "add", "origin", "https://git.example.org/app.git")
    git(top, "add", "a", "run.sh", "in", "link")
    git(top, "commit", "-qm", "x")
    git(top, "tag", "v1")
    index = os.stat(f"{top}/.git/index")
    copy = copy_repository(top, f"{top}-copy/project", QUIET)
    assert copy == f"{top}-copy/project"
    copy_project(top, copy, lambda _, __: False)
    assert git(copy, "describe", "--tags", "--dirty") == "v1\n"
    assert git(copy, "config", "remote.origin.url") == "https://git.example.org/app.git\n"
    assert git(copy, "status", "--porcelain") == ""
    write(f"{copy}/new", "new")
    git(copy, "add", "-A")
    git(copy, "commit", "-qm", "another")
    found = os.stat(f"{top}/.git/index")
    assert (found.st_ino, found.st_mtime_ns) == (index.st_ino, index.st_mtime_ns)
    assert git(top, "log", "--format=%s") == "x\n"


def test_a_project_below_the_top_of_a_repository_is_below_it_in_the_copy(top: str) -> None:
    above = os.path.dirname(top)
    git(above, "init", "-q")
    git(above, "add", "project/a")
    git(above, "commit", "-qm", "x")
    assert copy_repository(top, f"{above}-copy/it", QUIET) == f"{above}-copy/it/project"


def test_without_a_repository_there_is_none(top: str) -> None:
    quiet = {**QUIET, "GIT_CEILING_DIRECTORIES": os.path.dirname(top)}
    copy = copy_repository(top, f"{top}-copy/project", quiet)
    copy_project(top, copy, lambda _, __: False)
    assert not os.path.lexists(f"{copy}/.git")
    assert copy_repository(top, f"{top}-other/project", {"PATH": "/nowhere"}) == f"{top}-other/project"


def test_a_home_has_all_but_caches(top: str) -> None:
    for name in (".cache/x", ".ccache/x", ".netrc", "go/pkg"):
        write(f"{top}/home/{name}", name)
    other_home(f"{top}/home", f"{top}/other")
    assert sorted(os.listdir(f"{top}/other")) == [".cache", ".netrc", "go"]
    assert os.listdir(f"{top}/other/.cache") == []
    assert os.path.samefile(f"{top}/other/go/pkg", f"{top}/home/go/pkg")
    other_home("", f"{top}/third")
    assert os.listdir(f"{top}/third") == [".cache"]
