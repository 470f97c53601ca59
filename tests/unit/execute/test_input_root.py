"""What an action may see: its sources, and targets of what it needs, as far as the look goes."""

from types import SimpleNamespace
from typing import cast

from runner.execute.input_root import input_root, providers
from runner.plan.action import Action
from runner.plan.file_state import FileState


def action(
    name: str, deps: str = "", *, target: str | None = None, calls: str = "", image: bool = False
) -> Action:
    return cast(
        "Action",
        SimpleNamespace(
            id=name,
            deps=tuple(deps.split()),
            calls=tuple(calls.split()),
            targets=None if target is None else tuple(target.split()),
            image=object() if image else None,
        ),
    )


def seen(name: str, *actions: Action, sources: str = "") -> list[str]:
    known = {one.id: one for one in actions}

    def state(path: str, digest: str) -> FileState:
        return FileState(path, "", False, digest, 0)

    def targets_of(one: str) -> list[FileState]:
        return [state(path, "made") for path in cast("tuple[str, ...]", known[one].targets)]

    root = input_root(known[name], known, [state(path, "source") for path in sources.split()], targets_of)
    return [one.path if one.digest == "source" else f"{one.path}*" for one in root]


def test_sources_and_the_targets_of_deps_sorted() -> None:
    assert seen("a", action("a", "b"), action("b", target="z c"), sources="y d") == ["c*", "d", "y", "z*"]


def test_a_dep_without_target_is_looked_through_and_one_with_is_not() -> None:
    through = (action("a", "b"), action("b", "c"), action("c", "d", target="c"), action("d", target="d"))
    assert seen("a", *through) == ["c*"]
    assert seen("a", action("a", "b"), action("b", "c", target=""), action("c", target="c")) == []


def test_a_file_is_there_once_as_it_was_made() -> None:
    assert seen("a", action("a", "b c"), action("b", target="x"), action("c", target="x"), sources="x") == [
        "x*"
    ]


def test_what_was_called_may_be_seen_and_its_caller_not() -> None:
    actions = (action("a", calls="b"), action("b", "a c", target="b"), action("c", target="c"))
    assert seen("a", *actions) == ["b*"]
    assert seen("b", *actions) == ["c*"]


def test_an_image_is_no_file() -> None:
    actions = (action("a", "b"), action("b", "c", image=True), action("c", target="c"))
    assert seen("a", *actions) == []
    assert providers(actions[0], {one.id: one for one in actions}) == []
