"""Durations as people write them: `30`, `5m`, `250ms`, `1h30m`."""

import re

from runner.config.fields import Faultbook
from runner.config.node import Node, Scalar

SECOND = 1_000_000_000
"""Nanoseconds."""
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3_600 * SECOND,
}
_DURATION = re.compile("(?:[0-9]{1,9}(?:ns|us|ms|s|m|h))*(?:[0-9]{1,9})?")
_DURATION_PART = re.compile("([0-9]+)(ns|us|ms|s|m|h|$)")


def decode_duration(book: Faultbook, node: Node, what: str) -> int:
    """A duration in nanoseconds: `30` and `30s` are seconds, `5m`, `250ms`, `1h30m`."""
    text = book.text(node, what)
    if not isinstance(node, Scalar) or node.null:
        return 0
    if not text or not _DURATION.fullmatch(text):
        book.add(f"{what} must be a duration", node.position, "write it as `30`, `5m` or `250ms`")
        return 0
    return sum(int(number) * _UNITS.get(unit, SECOND) for number, unit in _DURATION_PART.findall(text))


def decode_time_limit(book: Faultbook, node: Node, what: str) -> int:
    """A duration above 0, in milliseconds."""
    before = len(book.faults)
    found = decode_duration(book, node, what) * 1000 // SECOND
    if not found and len(book.faults) == before:
        book.add(f"{what} must be longer than nothing", node.position, "write it as `30`, `5m` or `250ms`")
    return found
