from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.location import Position
from runner.plan.action import Action, Limits, Plan, Traits
from runner.plan.origin import Provenance
from runner.plan.schedule import Schedule


def action(name: str, needs: list[str], at: Position) -> Action:
    fields: dict[str, Any] = dict.fromkeys(Action.FIELDS, ()) | {
        "id": name, "label": name, "task": name, "interpreter": ("sh", "-c"), "dir": "", "sources": None,
        "targets": None, "deps": tuple(needs), "maybe": (), "own_deps": (), "limits": Limits(0, 0, ()), "persistent": False, "server": None,
        "image": None, "container": None, "traits": Traits(True, False, False, "", (), (), "", False), "provenance": Provenance((), ()), "position": at,
    }  # fmt: skip
    return Action(**fields)


def plan_of(graph: dict[str, list[str]], called: tuple[str, ...] = ()) -> Plan:
    """A plan of what needs only what stands before it."""
    at = Position("t", 1, 1)
    return Plan(tuple(action(name, needs, at) for name, needs in graph.items()), (), called)


graphs = st.integers(0, 9).flatmap(
    lambda count: st.tuples(*(
        st.lists(st.sampled_from([f"n{before}" for before in range(one)]), unique=True) if one else st.just([])
        for one in range(count)
    ))
).map(lambda rows: {f"n{number}": row for number, row in enumerate(rows)})  # fmt: skip


@settings(max_examples=200)
@given(graphs, st.integers(1, 4), st.data())
def test_each_starts_once_behind_its_deps_and_all_finish(
    graph: dict[str, list[str]], jobs: int, data: st.DataObject
) -> None:
    durations = data.draw(st.dictionaries(st.sampled_from([*graph, "gone"]), st.integers(0, 10**6)))
    schedule = Schedule(plan_of(graph), durations)
    running: list[str] = []
    done: list[str] = []
    while schedule.unfinished:
        assert schedule.unfinished == len(graph) - len(done)
        while schedule.ready() and len(running) < jobs:
            name = schedule.start().id
            assert name not in running
            assert name not in done
            assert set(graph[name]) <= set(done)
            running.append(name)
        if len(running) < jobs:
            # What could start is not kept waiting.
            waiting = set(graph) - set(running) - set(done)
            assert not any(set(graph[name]) <= set(done) for name in waiting)
        assert running
        done.append(running.pop(data.draw(st.integers(0, len(running) - 1))))
        schedule.finish(done[-1])
    assert sorted(done) == sorted(graph)
    assert not schedule.ready()


def way_length(graph: dict[str, list[str]], durations: dict[str, int], name: str) -> int:
    """The longest way from an action's begin to the end of all, in milliseconds."""
    behind = [way_length(graph, durations, user) for user, needs in graph.items() if name in needs]
    return max(1, durations.get(name, 1)) + max(behind, default=0)


@settings(max_examples=200)
@given(graphs, st.data())
def test_the_longest_way_goes_first_and_the_order_of_the_plan_decides_else(
    graph: dict[str, list[str]], data: st.DataObject
) -> None:
    durations = {name: data.draw(st.integers(0, 3)) for name in graph}
    schedule = Schedule(plan_of(graph), durations)
    done: set[str] = set()
    while schedule.ready():
        could = [name for name, needs in graph.items() if set(needs) <= done and name not in done]
        best = max(could, key=lambda name: way_length(graph, durations, name))
        assert schedule.start().id == best
        done.add(best)
        schedule.finish(best)
    assert len(done) == len(graph)


def test_once_stopped_nothing_starts_whatever_finishes() -> None:
    schedule = Schedule(plan_of({"a": [], "b": [], "c": ["a"]}), {})
    assert schedule.start().id == "a"
    schedule.stop()
    assert not schedule.ready()
    schedule.finish("a")
    assert not schedule.ready()
    assert schedule.unfinished == 2


@settings(max_examples=100)
@given(graphs, st.data())
def test_what_is_only_called_has_no_turn(graph: dict[str, list[str]], data: st.DataObject) -> None:
    needed = {need for needs in graph.values() for need in needs}
    called = tuple(name for name in graph if name not in needed and data.draw(st.booleans()))
    schedule = Schedule(plan_of(graph, called), {})
    started = set()
    while schedule.ready():
        name = schedule.start().id
        started.add(name)
        schedule.finish(name)
    assert started == set(graph) - set(called)
    assert schedule.unfinished == 0
