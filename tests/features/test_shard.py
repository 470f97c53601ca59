"""`--shard 2/5`: parts of what is asked for that are even, stable, and together everything."""

import json
import shutil

import pytest

from runner.plan.file_state import LogEntry
from runner.store.build_log import BuildLog
from tests.features.conftest import MakeProject, Project, Result

TASKS = """
    tasks:
      lib: {source: [lib.txt], target: lib.out, run: cp lib.txt lib.out}
      test:
        args: {s: {values: [a, b, c, d, e, f, g]}}
        deps: [lib]
        source: [lib.txt]
        run: echo ${s} >> ran
      other: {run: echo other >> ran}
"""


@pytest.fixture
def p(project: MakeProject) -> Project:
    return project({"tasks.yml": TASKS, "lib.txt": ""})


def labels(p: Project, *words: str) -> list[str]:
    """What is asked for in a part."""
    result = p.run("--graph=json", *words)
    assert result.code == 0, result
    return [node["label"] for node in json.loads(result.stdout)["nodes"] if node["asked"]]


def remember(p: Project, name: str, milliseconds: int) -> None:
    """Let an action have taken so long."""
    log = BuildLog(p.root)
    entry = log.entry(name)
    assert entry is not None
    fields = [milliseconds if field == "milliseconds" else getattr(entry, field) for field in LogEntry.FIELDS]
    log.record(LogEntry(*fields))  # type: ignore[arg-type]  # its own fields, in their order


ASKED = ("test", "--all", "other")
EVERYTHING = [*(f"test {letter}" for letter in "abcdefg"), "other"]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 20])
def test_all_parts_together_are_everything_and_nothing_twice(p: Project, count: int) -> None:
    parts = [labels(p, *ASKED, f"--shard={part}/{count}") for part in range(1, count + 1)]
    assert sorted(label for part in parts for label in part) == sorted(EVERYTHING)
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_a_part_runs_with_what_it_needs(p: Project) -> None:
    for part in (1, 2, 3):
        wanted = labels(p, *ASKED, "--shard", f"{part}/3")
        before = p.lines("ran")
        result = p.run(*ASKED, "--shard", f"{part}/3", "-j1")
        assert result.code == 0
        assert sorted(p.lines("ran")[len(before) :]) == sorted(label.split()[-1] for label in wanted)
        assert p.exists("lib.out")
        # What a part leaves in the records would divide the next one otherwise, as on a machine of its own.
        shutil.rmtree(p.path(".pyrun"))
    assert sorted(p.lines("ran")) == sorted([*"abcdefg", "other"])


def test_by_recorded_durations_the_parts_are_even(p: Project) -> None:
    assert p.run("test", "--all", "-q").code == 0
    times = dict(zip("abcdefg", (9000, 500, 400, 300, 3000, 3000, 3000), strict=True))
    for letter, time in times.items():
        remember(p, f'["test",["s","{letter}"]]', time)
    nodes = json.loads(p.run("test", "--all", "--graph=json").stdout)["nodes"]
    assert {n["label"][-1]: n["milliseconds"] for n in nodes if n["asked"]} == times
    parts = sorted(labels(p, "test", "--all", f"--shard={part}/2") for part in (1, 2))
    loads = sorted(sum(times[label[-1]] for label in part) for part in parts)
    assert loads == [9500, 9700]


def test_which_part_is_told_only_when_asked_for_or_empty(p: Project) -> None:
    told = {
        p.run("other", "lib", "--shard", f"{part}/3", "--graph", *flags).stderr
        for part in (1, 2, 3)
        for flags in ([], ["-q"])
    }
    assert {text for text in told if text} == {
        f"pyrun: nothing to do: part {part}/3 of 2 invocations is empty\n"
        for part in (1, 2, 3)
        if not labels(p, "other", "lib", f"--shard={part}/3")
    }
    part = next(n for n in (1, 2, 3) if labels(p, "other", "lib", f"--shard={n}/3"))
    assert p.run("other", "lib", f"--shard={part}/3", "-v", "--graph").stderr == (
        f"pyrun: part {part}/3 is 1 invocation of 2\n"
    )


def test_an_empty_part_is_no_failure(p: Project) -> None:
    empty = next(part for part in (1, 2) if not labels(p, "other", f"--shard={part}/2"))
    assert p.run("other", "--shard", f"{empty}/2") == Result(
        "", f"pyrun: nothing to do: part {empty}/2 of 1 invocation is empty\n", 0
    )
    assert not p.exists("ran")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("0/5", "`--shard 0/5`: the parts are numbered 1 to 5", "`--shard 5/5` is the last one"),
        ("6/5", "`--shard 6/5`: the parts are numbered 1 to 5", "`--shard 5/5` is the last one"),
        ("x", "`--shard x` is no part of a whole", "`--shard 2/5` is the second of five parts"),
        ("2/", "`--shard 2/` is no part of a whole", "`--shard 2/5` is the second of five parts"),
        ("", "`--shard ` is no part of a whole", "`--shard 2/5` is the second of five parts"),
        ("1/5000", "`--shard 1/5000`: there are 1 to 1000 parts", "`--shard 2/5` is the second of five"),
    ],
)
def test_what_is_no_part_is_refused(p: Project, text: str, message: str, hint: str) -> None:
    assert p.run("other", f"--shard={text}") == Result("", f"pyrun: {message}\n  {hint}\n", 2)
    assert not p.exists("ran")


def test_with_no_task_it_is_an_error(p: Project) -> None:
    assert p.run("--shard", "1/2") == Result(
        "",
        "pyrun: `--shard` takes a part of the tasks asked for, and none is named\n  `pyrun --shard TASK`\n",
        2,
    )
