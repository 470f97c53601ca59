# ruff: noqa: INP001 - a part of programs, not a package
"""Measuring commands against each other: in shuffled rounds, so that a slow moment meets all of them alike.

Wall time is what a user waits; processor time and the most memory are what the kernel says of the process and
of all its children that it waited for.
"""

import os
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


def succeeded(status: int, written: bytes) -> None:
    """Say nothing of a command that ended well.

    Raises:
        SystemExit: It did not.
    """
    if status:
        raise SystemExit(
            f"a command that is measured failed with {status}:\n{written.decode(errors='replace')}"
        )


@dataclass(frozen=True)
class Command:
    """One thing to measure.

    Args:
        argv: The program, by its path, and its words.
        folder: Where it is started.
        environ: Its variables.
        before: Called before each time it is started; not measured.
        after: Called with its exit status and what it wrote, each time; raises where that is not right.
    """

    argv: Sequence[str]
    folder: str
    environ: Mapping[str, str]
    before: Callable[[], None] = lambda: None
    after: Callable[[int, bytes], None] = succeeded


@dataclass
class Samples:
    """What was measured of one command, a number for each round.

    Attributes:
        wall: Milliseconds from start to end.
        cpu: Milliseconds of processor time.
        memory: The most bytes in memory of its largest process.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median of wall time, in milliseconds."""
        return statistics.median(self.wall)


def measured(commands: Mapping[str, Command], rounds: int, seed: int = 1) -> dict[str, Samples]:
    """What each command takes, by its name; a first round, which fills caches, does not count.

    Args:
        commands: What to measure, by name.
        rounds: How often each is measured.
        seed: Of the order in each round.
    """
    order = random.Random(seed)  # noqa: S311 - an order, not a secret
    samples = {name: Samples() for name in commands}
    for number in range(rounds + 1):
        names = list(commands)
        order.shuffle(names)
        for name in names:
            wall, cpu, memory = _once(commands[name])
            if number:
                samples[name].wall.append(wall)
                samples[name].cpu.append(cpu)
                samples[name].memory.append(memory)
    return samples


def ratio(samples: Samples, other: Samples) -> float:
    """The median of what one took in each round, divided by what the other took in the same round."""
    return statistics.median(one / two for one, two in zip(samples.wall, other.wall, strict=True))


def _once(command: Command) -> tuple[float, float, int]:
    command.before()
    # A file takes whatever is written; a pipe would make us part of what is measured.
    out = os.memfd_create("output")
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, out, 1),
        (os.POSIX_SPAWN_DUP2, out, 2),
    ]
    here = os.getcwd()
    os.chdir(command.folder)
    try:
        began = time.perf_counter()
        number = os.posix_spawn(
            command.argv[0],
            list(command.argv),
            {**command.environ, "PWD": command.folder},
            file_actions=actions,
        )
        _, status, used = os.wait4(number, 0)
        wall = time.perf_counter() - began
    finally:
        os.chdir(here)
    written = os.pread(out, os.fstat(out).st_size, 0)
    os.close(out)
    command.after(os.waitstatus_to_exitcode(status), written)
    return wall * 1e3, (used.ru_utime + used.ru_stime) * 1e3, used.ru_maxrss << 10
