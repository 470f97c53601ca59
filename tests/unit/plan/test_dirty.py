import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.plan.dirty import (
    BIT,
    GONE,
    NEW,
    OTHER,
    file_changes,
    files_change,
    key_change,
    part_changes,
    targets_change,
)
from runner.plan.file_state import FileState, LogEntry


def state(path: str, digest: str = "d", executable: bool = False, signature: str = "s") -> FileState:
    return FileState(path, signature, executable, digest, 1)


def entry(
    parts: tuple[tuple[str, str], ...] = (),
    sources: tuple[FileState, ...] = (),
    targets: tuple[FileState, ...] = (),
) -> LogEntry:
    return LogEntry("id", "key", parts, sources, targets, 0, "host")


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        ([], [], ""),
        ([state("a")], [state("a", signature="touched")], ""),
        ([state("a")], [state("a", "x")], "a changed"),
        ([state("a")], [state("a", executable=True)], "the executable bit of a changed"),
        ([], [state("a")], "a is new"),
        ([state("a")], [], "a is gone"),
        ([state("a"), state("b"), state("c")], [state("a"), state("x"), state("c", "y")], "x is new"),
        ([state("b"), state("a")], [state("a")], "b is gone"),
    ],
)
def test_the_first_file_that_differs_is_named(
    before: list[FileState], now: list[FileState], change: str
) -> None:
    assert files_change(before, now) == change
    told = targets_change(entry(targets=tuple(before)), now)
    bit = "the executable bit of "
    shown = (
        f"{bit}the target {change.removeprefix(bit)}" if change.startswith(bit) else f"the target {change}"
    )
    assert told == (shown if change else "")


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        ([("command 1", "x")], [("command 1", "x")], ""),
        ([("command 1", "x")], [("command 1", "y")], "command 1 changed"),
        ([], [("variable A", "x")], "variable A is new"),
        ([("variable A", "x")], [], "variable A is gone"),
        ([("a", "1"), ("b", "1")], [("b", "2"), ("a", "2")], "b changed"),
    ],
)
def test_what_is_declared_comes_before_files(
    before: list[tuple[str, str]], now: list[tuple[str, str]], change: str
) -> None:
    assert key_change(entry(tuple(before)), now, []) == change
    assert key_change(entry(tuple(before)), now, [state("f")]) == (change or "f is new")


states = st.lists(
    st.builds(state, st.sampled_from("abc"), st.sampled_from("de"), st.booleans()),
    max_size=3,
    unique_by=lambda one: one.path,
)
pieces = st.lists(
    st.tuples(st.sampled_from("xyz"), st.sampled_from("01")), max_size=3, unique_by=lambda p: p[0]
)


@settings(max_examples=500)
@given(pieces, pieces, states, states)
def test_nothing_is_told_if_and_only_if_nothing_differs(
    parts: list[tuple[str, str]],
    now: list[tuple[str, str]],
    before: list[FileState],
    sources: list[FileState],
) -> None:
    same = dict(parts) == dict(now) and {s.identity for s in before} == {s.identity for s in sources}
    assert (key_change(entry(tuple(parts), tuple(before)), now, sources) == "") == same


@settings(max_examples=300)
@given(pieces, pieces)
def test_every_part_that_differs_is_found_once(
    before: list[tuple[str, str]], now: list[tuple[str, str]]
) -> None:
    found = list(part_changes(before, now))
    old, new = dict(before), dict(now)
    assert sorted(found) == sorted(
        (what, NEW if what not in old else GONE if what not in new else OTHER)
        for what in {*old, *new}
        if old.get(what) != new.get(what)
    )


@settings(max_examples=300)
@given(states, states)
def test_every_file_that_differs_is_found_once(before: list[FileState], now: list[FileState]) -> None:
    found = list(file_changes(before, now))
    old, new = {one.path: one for one in before}, {one.path: one for one in now}
    expected = []
    for path in {*old, *new}:
        if path not in old or path not in new:
            expected.append((path, GONE if path in old else NEW))
        elif old[path].identity != new[path].identity:
            expected.append((path, BIT if old[path].digest == new[path].digest else OTHER))
    assert sorted(found) == sorted(expected)
