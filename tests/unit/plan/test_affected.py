from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.location import Position
from runner.plan.action import Action, Plan, Sources
from runner.plan.affected import (
    Changes,
    declares,
    definition,
    namespaces,
    part_of,
    reached,
    redefined,
    touches,
)
from runner.plan.pattern import parse_pattern
from runner.plan.select import select
from tests.fakes.memory_tree import MemoryTree
from tests.unit.plan.test_resolve import action_of, plan_of
from tests.unit.plan.test_schedule import action, graphs

AT = Position("t", 1, 1)
SOME = [
    "a", "x/a", "x/b.go", "x/y/c.go", "gen/a.go", "gen/b", "x/.git/a", ".pyrun/log", "x/*", "x", "**/*.go", "**",
    "x/", "*", "{a,gen/a.go}", "gen", "?", "x/[a-b]*", ".pyrun/log", "x/.git/a",
]  # fmt: skip
PATHS = ["a", "b", "x/a", "x/b.go", "x/y/c.go", "x/y/d", "gen/a.go", "gen/b", "x/.git/a", ".pyrun/log"]


def reads(patterns: list[str], excludes: list[str] = [], targets: list[str] = []) -> Action:  # noqa: B006
    """An action that reads what patterns name."""
    found = action("t", [], AT)
    fields: dict[str, Any] = {name: getattr(found, name) for name in Action.FIELDS}
    fields["sources"] = Sources(
        tuple((parse_pattern(text), AT) for text in patterns), tuple(map(parse_pattern, excludes)), ()
    )
    fields["targets"] = tuple(map(parse_pattern, targets)) or None
    return Action(**fields)


texts = st.lists(st.sampled_from(SOME), max_size=3)


@settings(max_examples=400)
@given(texts, st.lists(st.sampled_from(SOME), max_size=1), texts, st.sampled_from(PATHS))
def test_a_file_that_is_gone_is_declared_if_a_walk_would_find_it(
    patterns: list[str], excludes: list[str], targets: list[str], path: str
) -> None:
    one = reads(patterns, excludes, targets)
    assert one.sources is not None
    walked = select(
        MemoryTree({path: b""}),
        tuple(pattern for pattern, _ in one.sources.patterns),
        one.sources.excludes,
        ignore=None,
        own=one.targets or (),
    )
    assert declares(one, path) == (path in walked.files)


def closure(plan: Plan, starts: set[str]) -> set[str]:
    """By brute force: all that comes to one of some actions by way of what it needs or calls."""
    actions = {one.id: one for one in plan.actions}

    def leads(name: str) -> bool:
        return name in starts or any(leads(need) for need in (*actions[name].deps, *actions[name].calls))

    return {name for name in actions if leads(name)}


@settings(max_examples=200)
@given(graphs, st.data())
def test_a_change_reaches_what_reads_it_and_all_that_needs_that(
    graph: dict[str, list[str]], data: st.DataObject
) -> None:
    names = list(graph)
    plan = Plan(tuple(action(name, needs, AT) for name, needs in graph.items()), tuple(names), ())
    files = st.lists(st.sampled_from(PATHS), max_size=3)
    read = {name: data.draw(files) for name in names}
    changed = data.draw(files)
    others = data.draw(st.sets(st.sampled_from(names))) if names else set()
    found = reached(plan, Changes(changed), lambda one: read[one.id], others)
    direct = {name for name in names if set(read[name]) & set(changed)} | others
    assert found == closure(plan, direct)


def test_what_is_called_reaches_its_caller_and_what_is_copied_its_image() -> None:
    plan = plan_of(
        """
        tasks:
          all: {run: [{task: one}, {task: two}]}
          one: {source: [a], run: echo}
          two: {source: [b], deps: [dep], run: echo}
          dep: {source: [c], run: echo}
          made: {source: [d], target: out, run: touch out}
          image: {image: {name: app, from: scratch, copy: [{task: made, to: /}, {source: e, to: /}]}}
        """,
        ["all"], ["image"],
    )  # fmt: skip
    read = {"one": "a", "two": "b", "dep": "c", "made": "d", "image": "e"}

    def labels(path: str) -> list[str]:
        found = reached(plan, Changes([path]), lambda one: read.get(one.label, ""), ())
        return [one.label for one in plan.actions if one.id in found]

    assert [labels(path) for path in "abcdef"] == [
        ["one", "all"], ["two", "all"], ["dep", "two", "all"], ["made", "image"], ["image"], [],
    ]  # fmt: skip
    image = plan.actions[-1]
    assert [declares(image, path) for path in ("e", "e/x", "d", "out")] == [True, True, False, False]


def test_a_program_in_the_project_and_the_base_of_an_image_count() -> None:
    script = action_of("tasks: {t: {dir: sub, run: [./gen.sh x, ../other.py, cat file]}}")
    for path, found in [
        ("sub/gen.sh", True),
        ("other.py", True),
        ("gen.sh", False),
        ("sub/file", False),
        ("cat", False),
    ]:
        assert touches(script, Changes([path])) == found, path
    image = action_of("tasks: {t: {image: {name: app, from: 'oci:bases/debian:12'}}}")
    for path, found in [("bases/debian/index.json", True), ("bases/debian/", True), ("bases/x", False)]:
        assert touches(image, Changes([path])) == found, path
    assert not touches(action_of("tasks: {t: {image: {name: app, from: scratch}}}"), Changes(["x"]))


def test_the_path_of_a_folder_stands_for_all_beneath_it() -> None:
    changes = Changes(["sub/", "a"])
    assert [changes.hold(path) for path in ("a", "sub/x", "sub", "subx", "b")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert changes.hold_any(["b", "sub/x/y"])
    assert not changes.hold_any(["b", "subx"])
    assert changes.beneath("sub")
    assert not changes.beneath("a")


BASE = "tasks: {t: {args: {n: {default: '1'}}, env: {A: '1'}, source: [a, {exclude: b}], target: out, run: echo}}"


@pytest.mark.parametrize(
    ("change", "other"),
    [
        (("run: echo", "run: echo 2"), True),
        (("run: echo", "run: [echo]"), False),
        (("run: echo", "run: {command: {exec: echo, print: hello}}"), False),
        (("tasks: {t: {", "tasks: {t: {usage: Says it, description: 'Words', "), False),
        (("A: '1'", "A: '2'"), True),
        (("A: '1'", "B: '1'"), True),
        (("[a, ", "[c, "), True),
        (("[a, ", "[a, c, "), True),
        (("exclude: b", "exclude: c"), True),
        (("target: out", "target: other"), True),
        (("target: out, ", ""), True),
        (("source: [a, {exclude: b}], ", ""), True),
        (("source: [a, {exclude: b}], ", "source: [], "), True),
        (("target: out", "target: out, timeout: 5"), True),
        (("target: out", "target: out, retries: 1"), True),
        (("target: out", "target: out, dir: sub"), True),
        (("target: out", "target: out, cache: false"), True),
        (("target: out", "target: out, secrets: [TOKEN]"), True),
        (("target: out", "target: out, confirm: Sure?"), False),
        (("tasks:", "interpreter: bash -c\ntasks:"), True),
        (("tasks:", "\n\n# A remark\ntasks:"), False),
    ],
)  # fmt: skip
def test_what_counts_as_another_definition(change: tuple[str, str], other: bool) -> None:
    assert BASE.count(change[0]) == 1
    before, now = plan_of(BASE), plan_of(BASE.replace(*change))
    found = redefined(now, {one.id: one for one in before.actions})
    assert found == ({now.actions[0].id} if other else frozenset())
    assert (definition(before.actions[0]) != definition(now.actions[0])) == other


def test_a_value_that_there_was_not_is_another_definition() -> None:
    before, now = plan_of(BASE), plan_of(BASE, ["t", "2"])
    assert redefined(now, {one.id: one for one in before.actions}) == {now.actions[0].id}
    assert redefined(now, {}) == {now.actions[0].id}


def test_another_package_dep_or_server_is_another_definition() -> None:
    text = """
        tasks:
          t: {source: [{go: ./cmd/a}], deps: [one, db], run: echo}
          one: {run: echo}
          two: {run: echo}
          db: {ports: [5432], run: serve}
        """
    before = {one.id: one for one in plan_of(text).actions}
    for change, labels in [
        (("./cmd/a}", "./cmd/b}"), {"t"}),
        (("./cmd/a}", "./cmd/a, tests: true}"), {"t"}),
        (("[one, db]", "[two, db]"), {"t", "two"}),
        (("5432", "5433"), {"db", "t"}),
        (("run: serve", "ready: {log: x}, run: serve"), {"db"}),
    ]:
        assert text.count(change[0]) == 1
        plan = plan_of(text.replace(*change))
        found = redefined(plan, before)
        assert {one.label for one in plan.actions if one.id in found} <= labels, change
        assert found, change


def test_the_namespaces_of_called_tasks_are_an_actions_too() -> None:
    one = action_of("tasks: {t: {source: [a], run: {task: u}}, u: {run: echo}}")
    assert namespaces(one) == {""}


# A part


@settings(max_examples=200)
@given(graphs, st.data())
def test_a_part_holds_what_it_needs_and_no_more(graph: dict[str, list[str]], data: st.DataObject) -> None:
    names = list(graph)
    plan = Plan(tuple(action(name, needs, AT) for name, needs in graph.items()), tuple(names), ())
    asked = data.draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    part = part_of(plan, asked)
    assert part.asked == tuple(asked)
    needed = set(asked)
    for name in reversed(names):
        needed |= set(graph[name]) if name in needed else set()
    assert [one.id for one in part.actions] == [name for name in names if name in needed]
    assert part.called == ()
    assert part_of(plan, names) == plan


def test_what_is_only_called_in_a_part_has_no_turn_of_its_own_there() -> None:
    plan = plan_of(
        "tasks: {one: {run: {task: two}}, two: {deps: [three], run: echo}, three: {run: echo}}",
        ["one"],
        ["two"],
    )
    one, two = plan.asked
    assert plan.called == ()
    assert part_of(plan, [one]).called == (two,)
    assert [a.label for a in part_of(plan, [one]).scheduled] == ["three", "one"]
    assert [a.label for a in part_of(plan, [two]).actions] == ["three", "two"]
    assert part_of(plan, []) == Plan((), (), ())
