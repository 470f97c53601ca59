"""The last line of a terminal, which says how far the work is: `[3/12] running a, b`.

It is taken away before anything else is written, and drawn again some ten times a second at the most. While a
task writes straight to the terminal it stays away. Draws nothing by itself: whoever waits asks for it.
"""

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSE = 0.1
"""Seconds between two drawings."""
_WIDTH = 80
"""Columns of a terminal that does not say how many it has."""
_CLEAR = b"\r\x1b[K"


class ProgressLine:
    """The line.

    Args:
        total: How many tasks there are.
        target: The terminal.
        write: Writes all of some bytes to a file descriptor.
    """

    __slots__ = (
        "_detail",
        "_direct",
        "_done",
        "_drawn",
        "_last",
        "_number",
        "_running",
        "_target",
        "_total",
        "_write",
    )

    def __init__(self, total: int, target: int, write: "Callable[[int, bytes], None]") -> None:
        self._total = total
        self._target = target
        self._write = write
        self._running: dict[int, str] = {}
        self._direct: set[int] = set()
        self._done = 0
        self._drawn = ""
        self._detail = ""
        self._last = 0.0
        self._number = 0

    def add(self, label: str, *, direct: bool) -> int:
        """A task begins; the number by which it is taken away.

        Args:
            label: The task's.
            direct: Whether it writes straight to the terminal.
        """
        self._number += 1
        self._running[self._number] = label
        if direct:
            self.clear()
            self._direct.add(self._number)
        return self._number

    def remove(self, number: int) -> None:
        """A task has ended."""
        self._running.pop(number, None)
        self._direct.discard(number)

    def count(self, done: int) -> None:
        """So many tasks are done."""
        self._done = min(done, self._total)

    def tell(self, detail: str) -> None:
        """Say how far one piece of work is that belongs to no task that runs; empty when it is done."""
        self._detail = detail

    def clear(self) -> None:
        """Take the line away."""
        if self._drawn:
            self._drawn = ""
            self._write(self._target, _CLEAR)

    def patience(self) -> float | None:
        """How many milliseconds until it is to be drawn; None if there is nothing new."""
        if self._direct or not self._text() or self._drawn == self._text():
            return None
        return max(0.0, (self._last + _PAUSE - time.monotonic()) * 1000) + 1

    def refresh(self) -> None:
        """Draw it, if there is something new and the last time is some while ago."""
        now = time.monotonic()
        if self._direct or now < self._last + _PAUSE:
            return
        text = self._text()
        if text == self._drawn:
            return
        self._last = now
        self.clear()
        if text:
            self._write(self._target, text.encode("utf-8", "replace"))
            self._drawn = text

    def _text(self) -> str:
        running = ", ".join(self._running.values())
        now = "; ".join(filter(None, (self._detail, f"running {running}" if running else "")))
        return cut(f"[{self._done}/{self._total}] {now}", _columns(self._target) - 1) if now else ""


def cut(text: str, width: int) -> str:
    """Text in so many columns: what is too long ends in `…`, and what can't be printed is shown as `?`."""
    from unicodedata import combining, east_asian_width  # noqa: PLC0415 - on a terminal only

    shown: list[str] = []
    ends: list[int] = []
    used = 0
    for char in text[: 2 * width + 2]:
        char = char if char.isprintable() else "?"  # noqa: PLW2901 - what is shown of it
        used += 0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1
        shown.append(char)
        ends.append(used)
    if used <= width and len(text) <= len(shown):
        return "".join(shown)
    return "".join(char for char, end in zip(shown, ends, strict=True) if end < width) + "…" * (width > 0)


def _columns(target: int) -> int:
    try:
        return os.get_terminal_size(target).columns or _WIDTH
    except OSError:
        return _WIDTH
