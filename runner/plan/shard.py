"""One part of what was asked for, so that several machines do all of it together.

The parts are as even as longest-first makes them. Which of those that take equally long goes where is settled by
a hash of its id with each part's number, so that one more or less moves few others. Knows no record and no clock.
"""

from heapq import heapify, heapreplace

from runner.digest import digest_of
from runner.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST = 1000
"""Parts that something may be divided into."""


def parse_shard(text: str) -> tuple[int, int]:
    """Which part of how many a text such as `2/5` means, counted from 1.

    Raises:
        UsageError: It means none.
    """
    which, sign, of = text.partition("/")
    if not (sign and _is_number(which) and _is_number(of)):
        raise UsageError(
            f"`--shard {text}` is no part of a whole", None, "`--shard 2/5` is the second of five parts"
        )
    part, parts = int(which), int(of)
    if not 1 <= parts <= MOST:
        raise UsageError(
            f"`--shard {text}`: there are 1 to {MOST} parts", None, "`--shard 2/5` is the second of five"
        )
    if not 1 <= part <= parts:
        raise UsageError(
            f"`--shard {text}`: the parts are numbered 1 to {parts}",
            None,
            f"`--shard {parts}/{parts}` is the last one",
        )
    return part, parts


def shard(names: "Sequence[str]", part: int, parts: int, durations: "Mapping[str, int]") -> tuple[str, ...]:
    """The names that fall into one part, in their order.

    For the same names and durations each name is in exactly one of the parts. The longest part takes no longer
    than longest-first makes it.

    Args:
        names: The ids of what was asked for, each once.
        part: Which part, from 1.
        parts: How many there are.
        durations: How long each took last time, in milliseconds. One that is not known, or 0, is taken for the
            median of those that are; where none is, all are alike.
    """
    place = divide(names, parts, durations)
    return tuple(name for name in names if place[name] == part)


def divide(names: "Sequence[str]", parts: int, durations: "Mapping[str, int]") -> dict[str, int]:
    """For each name the number of its part, from 1; see `shard`."""
    weights = _weights(names, durations)
    alike: dict[int, list[str]] = {}
    for name in names:
        alike.setdefault(weights[name], []).append(name)
    loads = [(0, number) for number in range(1, parts + 1)]
    heapify(loads)
    place: dict[str, int] = {}
    for weight in sorted(alike, reverse=True):
        room: dict[int, int] = {}
        for _ in alike[weight]:
            load, number = loads[0]
            heapreplace(loads, (load + weight, number))
            room[number] = room.get(number, 0) + 1
        _settle(alike[weight], room, place)
    return place


def _weights(names: "Sequence[str]", durations: "Mapping[str, int]") -> dict[str, int]:
    """How long each is taken to take."""
    known = sorted(durations[name] for name in names if durations.get(name, 0) > 0)
    usual = known[len(known) // 2] if known else 1
    return {name: durations.get(name, 0) if durations.get(name, 0) > 0 else usual for name in names}


def _settle(names: "Sequence[str]", room: dict[int, int], place: dict[str, int]) -> None:
    """Give names that take equally long their parts, of which each has room for some.

    Name and part that go best together by their hash come first, so a name that is added takes one place, and
    whom it pushes out takes the next, until there is room.
    """
    left = dict(room)
    if len(left) == 1:
        place.update(dict.fromkeys(names, next(iter(left))))
        return
    seeds = {name: int(digest_of(name.encode("utf-8", "surrogateescape")).hex[:16], 16) for name in names}
    pairs = sorted(
        ((_fit(seeds[name], number), name, number) for name in names for number in left), reverse=True
    )
    settled: set[str] = set()
    for _, name, number in pairs:
        if name not in settled and left[number]:
            settled.add(name)
            left[number] -= 1
            place[name] = number


def _fit(seed: int, number: int) -> int:
    """How well a name and a part go together: 64 bits that look like chance (the finish of SplitMix64)."""
    mixed = (seed + number * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return mixed ^ (mixed >> 31)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
