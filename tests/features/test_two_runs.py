"""Several pyruns at once in one project: each action is done once, nobody waits without need, nothing is lost."""

import signal

import pytest

from tests.features.conftest import MakeProject, until

LAYERS, WIDTH = 10, 20
ROUNDS = 50


def graph() -> str:
    """A tasks.yml of 200 tasks in layers; each adds a line to what three of the layer below have made."""
    lines = ["tasks:"]
    for layer in range(LAYERS):
        for number in range(WIDTH):
            name = f"t{layer}_{number}"
            deps = [f"t{layer - 1}_{(number + step) % WIDTH}" for step in (0, 1, 7)] if layer else []
            reads = " ".join(f"out/{dep}" for dep in deps) or "seed"
            lines += [
                f"  {name}:",
                f"    deps: [{', '.join(deps)}]",
                "    source: [seed]",
                f"    target: out/{name}",
                f"    run: echo {name} >> log; cat {reads} | sort -u > out/{name}",
            ]
    tops = ", ".join(f"t{LAYERS - 1}_{number}" for number in range(WIDTH))
    return "\n".join([*lines, "  all:", f"    deps: [{tops}]", ""])


@pytest.mark.long
def test_of_two_and_of_eight_runs_at_once_over_200_tasks_each_action_is_done_once(
    project: MakeProject,
) -> None:
    p = project({"tasks.yml": graph(), "out/.keep": ""})
    names = sorted(f"t{layer}_{number}" for layer in range(LAYERS) for number in range(WIDTH))
    for number in range(ROUNDS):
        p.write("seed", f"{number}")
        p.write("log", "")
        count = 8 if number % 2 else 2
        results = [running.result() for running in [p.start("-q", "-j2", "all") for _ in range(count)]]
        assert [result.code for result in results] == [0] * count, results
        assert sorted(p.lines("log")) == names, number
        assert p.read(f"out/t{LAYERS - 1}_0").startswith(str(number))
        assert p.run("-v", "all").stderr.count(": up to date (") == LAYERS * WIDTH


def waits_for(name: str) -> str:
    return f"pyrun: {name} waits for another pyrun that is at it\n"


SLOW = """
    tasks:
      slow: {source: [in], target: out, run: "echo slow >> log; touch begun; while [ ! -e go ]; do sleep 0.01; done; cat in > out"}
      other: {source: [in], target: out2, run: "echo other >> log; cat in > out2"}
      both: {deps: [slow, other]}
      caller: {run: [{task: slow}, echo called >> log]}
      user: {deps: [slow], source: [in], run: "cat out >> log"}
"""


def test_a_second_run_waits_for_what_the_first_is_at_and_finds_it_done(project: MakeProject) -> None:
    p = project({"tasks.yml": SLOW, "in": "text\n"})
    first = p.start("-q", "slow")
    until(lambda: p.exists("begun"), "the first one is at it")
    others = [p.start("-q", words) for words in ("slow", "both", "caller", "user")]
    for running in others:
        until(lambda r=running: "waits" in r.stderr, "it waits")  # type: ignore[misc]
    # What nobody else is at does not wait.
    until(lambda: "other" in p.lines("log"), "what the first one is not at is done")
    p.write("go", "")
    assert first.result().code == 0
    for running in others:
        result = running.result()
        assert (result.stdout, result.stderr, result.code) == ("", waits_for("slow"), 0)
    assert sorted(p.lines("log")) == ["called", "other", "slow", "text"]


def test_where_the_first_run_fails_the_second_one_does_it(project: MakeProject) -> None:
    p = project({"tasks.yml": SLOW, "in": "text\n"})
    first = p.start("-q", "slow")
    until(lambda: p.exists("begun"), "the first one is at it")
    second = p.start("-q", "user")
    until(lambda: "waits" in second.stderr, "the second one waits")
    first.signal(signal.SIGTERM)
    assert first.result().code == 143
    p.write("go", "")
    assert second.result().code == 0
    assert p.lines("log") == ["slow", "slow", "text"]


def test_where_the_first_run_is_killed_the_second_one_ends_its_rest_and_does_it(project: MakeProject) -> None:
    p = project({"tasks.yml": SLOW, "in": "text\n"})
    first = p.start("-q", "slow")
    until(lambda: p.exists("begun"), "the first one is at it")
    p.remove("begun")
    second = p.start("-q", "slow")
    until(lambda: "waits" in second.stderr, "the second one waits")
    first.signal(signal.SIGKILL)
    assert first.result().code == -9
    until(lambda: p.exists("begun"), "the second one is at it")
    p.write("go", "")
    assert second.result().code == 0
    assert p.lines("log") == ["slow", "slow"]


def test_a_stop_signal_reaches_a_run_that_waits(project: MakeProject) -> None:
    p = project({"tasks.yml": SLOW, "in": "text\n"})
    first = p.start("-q", "slow")
    until(lambda: p.exists("begun"), "the first one is at it")
    for words in ("slow", "caller"):
        second = p.start("-q", words)
        until(lambda r=second: "waits" in r.stderr, "it waits")  # type: ignore[misc]
        second.signal(signal.SIGTERM)
        assert second.result().code == 143
    p.write("go", "")
    assert first.result().code == 0
    assert p.lines("log") == ["slow"]


def test_runs_that_touch_different_tasks_do_not_know_of_each_other(project: MakeProject) -> None:
    p = project({"tasks.yml": SLOW, "in": "text\n"})
    first = p.start("-q", "slow")
    until(lambda: p.exists("begun"), "the first one is at it")
    result = p.run("-q", "other")
    assert (result.stdout, result.stderr, result.code) == ("", "", 0)
    p.write("go", "")
    assert first.result().code == 0


def test_what_a_run_leaves_on_purpose_is_not_ended_by_the_next(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {source: [in], run: 'sleep 300 > /dev/null 2>&1 & echo $! > pid'}, u: {source: [in], run: [true]}}\n",
        "in": "",
    })  # fmt: skip
    assert p.run("-q", "t").code == 0
    assert p.run("-q", "u").code == 0
    assert p.left()
    p.end_all()
