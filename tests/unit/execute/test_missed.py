"""What a failed command missed, by what it wrote."""

import os

import pytest

from runner.execute.missed import Missed

FILES = (
    "a.txt", "lib/util.py", "lib/__init__.py", "inc/deep/h.h", "web/src/view.ts", "web/index.js", "pkg/y/y.go",
    "seen.txt", ".git/config", "own.out", "Makefile", "data/one", "conf/x.yml", "we ird.txt",
)  # fmt: skip


@pytest.fixture
def look(tmp_path: "os.PathLike[str]") -> Missed:
    top, root = (f"{os.fspath(tmp_path)}/{name}" for name in ("top", "root"))
    for base, names in ((top, FILES), (root, ("seen.txt",))):
        for name in names:
            path = f"{base}/{name}"
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8"):
                pass
    return Missed(top, root, "", lambda path: path == "own.out")


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("cat: a.txt: No such file or directory", ["a.txt"]),
        ("cat: 'we ird.txt': No such file or directory", ["we ird.txt"]),
        ("open(./lib/../a.txt)", ["a.txt"]),
        ("error at a.txt:3:4", ["a.txt"]),
        ("seen.txt own.out .git/config nothing ../top/a.txt", []),
        ("ModuleNotFoundError: No module named 'lib'", ["lib/"]),
        ("ModuleNotFoundError: No module named 'lib.util'", ["lib/util.py"]),
        ("ImportError: cannot import name 'util' from 'lib' (unknown location)", ["lib/util.py"]),
        ("a.c:1:10: fatal error: deep/h.h: No such file or directory", ["inc/deep/h.h"]),
        ("a.c:1:10: fatal error: h.h: No such file or directory", ["inc/deep/h.h"]),
        ("Error: Cannot find module './src/view'", ["web/src/view.ts"]),
        ("main.go:3:8: no required module provides package example.com/m/pkg/y; to add it:", ["pkg/y/"]),
        ("make: *** No rule to make target 'Makefile'.  Stop.", ["Makefile"]),
        ("the Makefile is fine", []),
        ("data is data", []),
        ("ls: cannot access 'data': No such file or directory", ["data/"]),
        ("a.txt conf/x.yml", ["a.txt", "conf/x.yml"]),
        ("", []),
        ("\0 a\0.txt", []),
        ("x" * 100_000, []),
        (" ".join(f"w{number}.x" for number in range(9000)), []),
    ],
)  # fmt: skip
def test_words_that_name_what_is_not_there(look: Missed, text: str, paths: list[str]) -> None:
    assert look.paths(text) == paths


def test_a_folder_stands_for_what_is_beneath_it(look: Missed) -> None:
    text = "no such file: lib\nno such file: lib/util.py"
    assert look.paths(text) == ["lib/"]


def test_absolute_paths_of_the_tree_and_of_the_project_count(
    look: Missed, tmp_path: "os.PathLike[str]"
) -> None:
    for base in ("top", "root"):
        assert look.paths(f"{os.fspath(tmp_path)}/{base}/a.txt") == ["a.txt"]
    assert look.paths("/etc/passwd not found") == []
