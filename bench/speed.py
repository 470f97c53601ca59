# ruff: noqa: INP001 - a program, not a package
"""pyrun beside other runners, scenario by scenario: `[ROUNDS] [SCENARIO…]`.

Prints tables in Markdown. What each took is a median; a ratio is the median of the ratios of each round, which a
slow moment of the machine does not change.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from bench.measure import Command, Samples, measured, ratio
from bench.peers import Peer, peers
from bench.scenarios import PYRUN, Work, commands, emptied, layers, packages, trivial, wide

_ROUNDS = 20
Commands = dict[str, Command]


@dataclass(frozen=True)
class Scenario:
    """One kind of work.

    Args:
        title: What it is.
        rounds: How often at most, since some take long.
        make: Writes the projects, given a folder and the runners, and gives the commands.
    """

    title: str
    rounds: int
    make: Callable[[str, Mapping[str, Peer]], Commands]


def _one_of(count: int, name: str) -> Callable[[str, Mapping[str, Peer]], Commands]:
    """A task that does nothing, of many."""
    words = {
        PYRUN: (name,), "ninja": (name,), "make": ("-rR", name), "just": (name,), "task": (name,),
        "mise": ("run", "--quiet", name), "tusk": ("-q", name), "doit": ("run", name),
        "poe": ("-q", "-C", ".", name), "invoke": (name,), "nox": ("-s", name),
    }  # fmt: skip
    left_out = () if count < 100 else ("poe", "nox")
    kept = {runner: argv for runner, argv in words.items() if runner not in left_out}
    return lambda folder, known: commands(folder, known, trivial(count), kept)


def _listed(folder: str, known: Mapping[str, Peer]) -> Commands:
    words = {
        PYRUN: ("--list",), "just": ("--list",), "task": ("--list-all",), "mise": ("tasks", "ls"),
        "tusk": (), "doit": ("list",), "invoke": ("--list",),
    }  # fmt: skip
    found = commands(folder, known, trivial(100), words)
    base = found[PYRUN]
    completing = ("--pyrun-complete=bash", "1", "pyrun", "t")
    return {**found, "pyrun, completing": Command((base.argv[0], *completing), base.folder, base.environ)}


def _unchanged(
    work: list[Work], names: tuple[str, ...], target: str = "all"
) -> Callable[[str, Mapping[str, Peer]], Commands]:
    words: dict[str, tuple[str, ...]] = {
        PYRUN: (target,), "ninja": (target,), "make": ("-rR", target), "task": (target,),
        "mise": ("run", "--quiet", target), "tusk": ("-q", target), "doit": ("run", target),
        "turbo": ("run", "build", "--output-logs=none"), "nx": ("run-many", "-t", "build"),
        "moon": ("run", ":build"),
    }  # fmt: skip
    kept = {runner: argv for runner, argv in words.items() if runner in (PYRUN, *names)}
    return lambda folder, known: commands(folder, known, work, kept)


def _cold(folder: str, known: Mapping[str, Peer]) -> Commands:
    work = trivial(1000)
    work.append(Work("all", deps=tuple(one.name for one in work)))
    words = {
        PYRUN: ("-j2", "--quiet", "all"), "ninja": ("-j2", "all"), "make": ("-rR", "-j2", "all"), "just": ("all",),
        "task": ("-C", "2", "all"), "mise": ("run", "--quiet", "-j2", "all"), "doit": ("run", "-n2", "all"),
    }  # fmt: skip
    return commands(folder, known, work, words, before=emptied)


def _one_changed(folder: str, known: Mapping[str, Peer]) -> Commands:
    names = (PYRUN, "ninja", "make", "task", "mise", "tusk", "doit")
    state = {"number": 0}

    def before(place: str) -> Callable[[], None]:
        def change() -> None:
            state["number"] += 1
            with open(f"{place}/src/t0_0/f0.txt", "w", encoding="utf-8") as file:
                file.write(f"change {state['number']}\n")

        return change

    def after(place: str) -> Callable[[int, bytes], None]:
        def check(status: int, written: bytes) -> None:
            with open(f"{place}/src/t0_0/f0.txt", encoding="utf-8") as file:
                wanted = file.read()
            with open(f"{place}/out/t9_0", encoding="utf-8") as file:
                found = file.read()
            if status or wanted not in found:
                raise SystemExit(f"{place}: the change did not get through\n{written[-2000:].decode()}")

        return check

    words: dict[str, tuple[str, ...]] = {
        PYRUN: ("-j2", "--quiet", "all"), "ninja": ("-j2", "all"), "make": ("-rR", "-j2", "all"),
        "task": ("-C", "2", "all"), "mise": ("run", "--quiet", "-j2", "all"), "tusk": ("-q", "all"),
        "doit": ("run", "-n2", "all"),
    }  # fmt: skip
    return commands(
        folder, known, layers(1000, 10), {name: words[name] for name in names}, before=before, after=after
    )


def _first_parse(folder: str, known: Mapping[str, Peer]) -> Commands:
    found = commands(
        folder, known, trivial(2000), {PYRUN: ("--list",), "task": ("t5",), "tusk": ("-q", "t5")}
    )
    base = found[PYRUN]
    parse = "import yaml; yaml.load(open('tasks.yml', 'rb'), yaml.CSafeLoader)"
    environ = {**base.environ, "XDG_CACHE_HOME": f"{base.folder}/.none"}

    def forget() -> None:
        import shutil  # noqa: PLC0415 - for this only

        shutil.rmtree(f"{base.folder}/.none", ignore_errors=True)

    return {
        **found,
        PYRUN: Command(base.argv, base.folder, environ, forget),
        "PyYAML's C loader": Command((sys.executable, "-c", parse), base.folder, base.environ),
    }


SCENARIOS = {
    "S1": Scenario("a trivial task of 10", 40, _one_of(10, "t5")),
    "S2": Scenario("list 100 tasks; a completion", 40, _listed),
    "S3": Scenario("a trivial task of 2,000", 40, _one_of(2000, "t1000")),
    "S4": Scenario(
        "no change, 1,000 tasks with 10 sources each, in 10 layers",
        10,
        _unchanged(layers(1000, 10), ("ninja", "make", "task", "mise", "tusk", "doit")),
    ),
    "S5": Scenario(
        "no change, 100,000 sources",
        5,
        _unchanged(wide(100_000), ("ninja", "make", "task", "mise", "tusk"), "one"),
    ),
    "S6": Scenario("1,000 trivial tasks, cold, 2 jobs", 5, _cold),
    "S7": Scenario("one source changed, 100 of 1,000 tasks run", 7, _one_changed),
    "S8": Scenario(
        "100 packages with 20 files each, no change",
        10,
        _unchanged(packages(100, 20), ("ninja", "make", "task", "mise", "doit", "turbo", "nx", "moon")),
    ),
    "S12": Scenario("the first look at a file of 2,000 tasks", 10, _first_parse),
}


def main() -> None:
    """Measure what was asked for, and print a table for each."""
    words = sys.argv[1:]
    rounds = int(words.pop(0)) if words and words[0].isdigit() else _ROUNDS
    known = peers()
    for name in words or SCENARIOS:
        scenario = SCENARIOS[name]
        with tempfile.TemporaryDirectory(prefix="pyrun-bench-") as folder:
            found = measured(scenario.make(folder, known), min(rounds, scenario.rounds))
        sys.stdout.write(f"\n### {name}: {scenario.title}\n\n{table(found)}")
        sys.stdout.flush()


def table(found: Mapping[str, Samples]) -> str:
    """What was measured, as a table in Markdown, the fastest first."""
    lines = ["| | median ms | processor ms | peak MB | pyrun takes |\n", "|---|---:|---:|---:|---:|\n"]
    for name, samples in sorted(found.items(), key=lambda item: item[1].median):
        beside = "" if name.startswith(PYRUN) else f"{ratio(found[PYRUN], samples):.2f} x"
        cpu, memory = statistics.median(samples.cpu), statistics.median(samples.memory) / 1e6
        lines.append(f"| {name} | {samples.median:.1f} | {cpu:.1f} | {memory:.0f} | {beside} |\n")
    return "".join(lines)


if __name__ == "__main__":
    main()
