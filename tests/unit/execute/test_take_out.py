"""Targets from the tree in which they were made to their places."""

import os
from types import SimpleNamespace
from typing import Any

from runner.execute.take_out import take_out
from runner.plan.pattern import parse_pattern
from runner.system.fresh_tree import FreshTree


def action(*targets: str, maybe: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(
        label="a",
        position=None,
        written=tuple(parse_pattern(text) for text in targets),
        maybe=maybe,
        traits=SimpleNamespace(tusk=False),
    )


def made(tmp_path: "os.PathLike[str]", *paths: str) -> tuple[FreshTree, str]:
    top = f"{os.path.realpath(tmp_path)}/top"
    os.mkdir(top)
    tree = FreshTree(top, f"{top}/../trees", "a")
    for path in paths:
        os.makedirs(os.path.dirname(f"{tree.root}/{path}"), exist_ok=True)
        with open(f"{tree.root}/{path}", "w") as file:
            file.write("new")
    return tree, top


def found(top: str) -> list[str]:
    return sorted(
        os.path.relpath(f"{folder}/{name}", top) for folder, _, names in os.walk(top) for name in names
    )


def test_only_targets_are_put_in_their_places(tmp_path: "os.PathLike[str]") -> None:
    tree, top = made(tmp_path, "out/a", "out/b/c", "x.o", "y.c", "z")
    assert take_out(action("out", "*.o"), tree) is None
    assert found(top) == ["out/a", "out/b/c", "x.o"]
    tree.remove()


def test_a_target_that_is_missing_keeps_all_of_them_back(tmp_path: "os.PathLike[str]") -> None:
    tree, top = made(tmp_path, "a")
    outcome = take_out(action("a", "b"), tree)
    assert outcome is not None
    assert outcome.error is not None
    assert outcome.error.message == "`a` succeeded, but left no `b`"
    assert found(top) == []
    assert take_out(action("a", "b", maybe=("b",)), tree) is None
    assert found(top) == ["a"]
    tree.remove()


def test_what_was_left_behind_stays_as_the_project_has_it(tmp_path: "os.PathLike[str]") -> None:
    tree, top = made(tmp_path, "a", "b")
    with open(f"{top}/a", "w") as file:
        file.write("mine")
    tree.leave_behind("a")
    assert take_out(action("a", "b"), tree) is None
    with open(f"{top}/a") as file:
        assert file.read() == "mine"
    assert found(top) == ["a", "b"]
    tree.remove()


def test_nothing_is_put_where_a_link_leads_out(tmp_path: "os.PathLike[str]") -> None:
    tree, top = made(tmp_path, "out/a", "b")
    os.symlink("..", f"{top}/out")
    outcome = take_out(action("b", "out"), tree)
    assert outcome is not None
    assert outcome.error is not None
    assert outcome.error.message == (
        "a target of `a` can't be put in its place: a link leads out of the project: out"
    )
    assert found(top) == []
    tree.remove()
