from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import PlanError
from runner.location import Position
from runner.plan.action import Action, Limits, Traits
from runner.plan.graph import check_images, check_targets, ordered
from runner.plan.image_plan import BasePlan, ConfigPlan, ImagePlan
from runner.plan.origin import Provenance
from runner.plan.pattern import Pattern, parse_pattern
from runner.plan.platform import Platform

Graph = dict[str, list[str]]

graphs = st.integers(1, 9).flatmap(
    lambda count: st.fixed_dictionaries(
        {
            f"n{one}": st.lists(
                st.integers(0, count - 1).map(lambda other: f"n{other}"), unique=True, max_size=4
            )
            for one in range(count)
        }
    )
)

FILES = ("tasks.yml", "api/tasks.yml")


def at(name: str, number: int) -> Position:
    """The place of one dep: its line tells whose it is and which."""
    return Position("t", 100 * int(name[1:]) + number + 1, 1)


def edges(graph: Graph) -> dict[str, tuple[tuple[str, Position], ...]]:
    return {
        name: tuple((need, at(name, number)) for number, need in enumerate(needs))
        for name, needs in graph.items()
    }


def order_of(graph: Graph, *starts: str) -> tuple[str, ...]:
    return ordered(starts, edges(graph), {name: f"<{name}>" for name in graph})


def reached(graph: Graph, start: str) -> set[str]:
    """All that is reached from a start, by a way that is not the one tested."""
    found, rest = {start}, [start]
    while rest:
        new = set(graph[rest.pop()]) - found
        found |= new
        rest += new
    return found


def circular(graph: Graph) -> set[str]:
    """The nodes that need themselves."""
    return {name for name, needs in graph.items() if any(name in reached(graph, need) for need in needs)}


@settings(max_examples=300)
@given(graphs, st.lists(st.integers(0, 8), max_size=3))
def test_each_stands_once_and_behind_what_it_needs_or_a_real_circle_is_shown(
    graph: Graph, numbers: list[int]
) -> None:
    starts = [f"n{number % len(graph)}" for number in numbers]
    wanted = set().union(*(reached(graph, start) for start in starts))
    if not wanted & circular(graph):
        order = order_of(graph, *starts)
        assert sorted(order) == sorted(wanted)
        assert all(
            order.index(need) < order.index(name) for name, needs in graph.items() if name in wanted
            for need in needs
        )  # fmt: skip
        return
    with pytest.raises(PlanError) as info:
        order_of(graph, *starts)
    shown = info.value.message.partition(" needs itself: ")[2].split(" → ")
    way = [name.strip("<>") for name in shown]
    assert info.value.message.startswith(f"`<{way[0]}>` needs itself: ")
    assert len(way) >= 2
    assert way[0] == way[-1]
    assert len(set(way)) == len(way) - 1
    assert set(way) <= wanted
    assert all(need in graph[name] for name, need in pairwise(way))
    # The place blamed is the dep that closes the circle.
    assert info.value.at == at(way[-2], graph[way[-2]].index(way[-1]))


def test_deps_come_in_the_order_of_the_file_and_starts_in_the_order_asked() -> None:
    graph = {"n0": ["n2", "n1"], "n1": ["n3"], "n2": ["n3"], "n3": [], "n4": ["n1"]}
    assert order_of(graph, "n4", "n0", "n4") == ("n3", "n1", "n4", "n2", "n0")


def test_a_long_chain_needs_no_deep_stack() -> None:
    graph = {f"n{number}": [f"n{number + 1}"] for number in range(20_000)} | {"n20000": []}
    assert order_of(graph, "n0")[0] == "n20000"


# Targets


def plain_action(name: str, targets: tuple[Pattern, ...], image: ImagePlan | None) -> Action:
    fields: dict[str, Any] = dict.fromkeys(Action.FIELDS, ()) | {
        "id": name, "label": name, "task": name, "interpreter": ("sh", "-c"), "dir": "", "sources": None,
        "targets": targets, "limits": Limits(0, 0, ()), "persistent": False, "server": None, "image": image,
        "traits": Traits(True, False, False, "", (), (), "", False), "provenance": Provenance((), ()), "position": Position("t", 1, 1),
    }  # fmt: skip
    return Action(**fields)


def action(name: str, *targets: str) -> Action:
    return plain_action(name, tuple(parse_pattern(text, Position("t", 9, 2)) for text in targets), None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bin/a", "bin/a"),
        ("bin", "bin/a"),
        ("bin/", "bin/a/b"),
        ("bin/*", "bin/a"),
        ("bin/**", "bin/x/y"),
        ("bin/a*", "bin/*b"),
        ("bin/{a,b}", "bin/b"),
        ("./bin/a", "bin//a"),
        ("bin/*", "bin"),
    ],
)
def test_two_that_write_one_path_are_named(one: str, other: str) -> None:
    for first, second in ((one, other), (other, one)):
        with pytest.raises(PlanError, match=r"`a` and `b` both write|`b` and `a` both write") as info:
            check_targets([action("a", first), action("b", second)], FILES)
        assert info.value.at == Position("t", 9, 2)
        check_targets([action("a", first, second)], FILES)


@pytest.mark.parametrize(
    ("one", "other"),
    [("bin/a", "bin/b"), ("bin/a", "bin/ab"), ("bin/a*", "bin/b*"), ("a/bin", "bin"), ("*.a", "x/y.a")],
)
def test_targets_side_by_side_are_no_fault(one: str, other: str) -> None:
    check_targets([action("a", one), action("b", other), action("c")], FILES)


names = st.sampled_from(["a", "b", "ab", "*", "a*", "**"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


@settings(max_examples=200)
@given(st.lists(st.lists(paths, max_size=2), min_size=2, max_size=4))
def test_a_clash_does_not_depend_on_the_order(targets: list[list[str]]) -> None:
    actions = [action(f"n{number}", *texts) for number, texts in enumerate(targets)]

    def clashes(order: list[Action]) -> bool:
        try:
            check_targets(order, FILES)
        except PlanError:
            return True
        return False

    assert clashes(actions) == clashes(actions[::-1])
    whole: Mapping[str, list[str]] = {one.id: texts for one, texts in zip(actions, targets, strict=True)}
    literal = [(name, text) for name, texts in whole.items() for text in texts if "*" not in text]
    if any(
        name != other and (text == theirs or theirs.startswith(text + "/"))
        for name, text in literal
        for other, theirs in literal
    ):
        assert clashes(actions)


@pytest.mark.parametrize(
    "target", ["tasks.yml", "./tasks.yml", "*.yml", "**", "*", "{a,tasks}.yml", "api", "api/*.yml"]
)
def test_a_target_that_would_take_the_tasks_own_file_along_is_refused(target: str) -> None:
    with pytest.raises(PlanError, match=r"would take `(api/)?tasks\.yml` itself along") as info:
        check_targets([action("a", target)], FILES)
    assert info.value.at == Position("t", 9, 2)


@pytest.mark.parametrize("target", [".git", ".git/config", ".git/**", ".pyrun/log"])
def test_a_target_in_what_is_gits_or_pyruns_is_refused(target: str) -> None:
    with pytest.raises(PlanError, match=r"would take `\.(git|pyrun)` along"):
        check_targets([action("a", target)], FILES)


@pytest.mark.parametrize(
    "target",
    ["tasks.yaml", "x/tasks.yml", "api/tasks", "api/tasks.yml.new", ".github", ".gitignore", "*.yaml"],
)
def test_a_target_beside_them_is_no_fault(target: str) -> None:
    check_targets([action("a", target)], FILES)


# Images


def image_action(name: str, image: str, *tags: str) -> Action:
    plan = ImagePlan(image, tags, BasePlan("scratch"), (), ConfigPlan(), Platform("linux", "amd64"))
    return plain_action(name, (), plan)


def test_two_that_make_one_image_are_named() -> None:
    one, other = image_action("a", "shop/x", "1", "latest"), image_action("b", "shop/x", "2", "latest")
    with pytest.raises(PlanError, match="`a` and `b` both make the image `shop/x:latest`"):
        check_images([one, other])
    check_images([one, one, image_action("b", "shop/x", "2"), image_action("c", "shop/y", "latest")])
    check_images([action("d", "bin")])
