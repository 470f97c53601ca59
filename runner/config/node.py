"""YAML as nodes that know where they stand. What the keys mean is not known here."""

from bisect import bisect_right
from collections.abc import Iterator

from runner.location import Position

_LONGEST = 20_000
"""Characters of the longest text with escapes or folded lines in which places are looked for."""


class Scalar:
    """A text, a number, a bool or null: its text as it was written.

    Args:
        text: The text, quotes and escapes resolved.
        position: Where it begins, the quote or the sign of a block included.
        plain: Whether it stands without quotes.
        lines: For each line of the text the line and column where it begins, if it stands in the file as it is.
        written: Otherwise the lines of the file, from the place where the text begins to the one where it ends.
    """

    __slots__ = ("_starts", "lines", "plain", "position", "text", "written")
    kind = "a text"

    def __init__(
        self,
        text: str,
        position: Position,
        plain: bool = True,
        lines: tuple[tuple[int, int], ...] = (),
        written: tuple[str, ...] = (),
    ) -> None:
        self.text = text
        self.position = position
        self.plain = plain
        self.lines = lines
        self.written = written
        self._starts: list[int] | None = None

    @property
    def null(self) -> bool:
        """Whether it says that there is no value."""
        return self.plain and self.text in {"", "~", "null", "Null", "NULL"}

    def at_offset(self, offset: int, length: int) -> Position:
        """Where the `length` characters from `offset` of the text stand; where it begins, if that is not known."""
        if not self.lines:
            return self._searched(offset, length)
        if self._starts is None:
            self._starts = _line_starts(self.text)
        number = bisect_right(self._starts, offset) - 1
        if number >= len(self.lines):
            return self.position
        line, column = self.lines[number]
        return Position(self.position.path, line, column + offset - self._starts[number], max(1, length))

    def _searched(self, offset: int, length: int) -> Position:
        """The same for a text with escapes or folded lines: the stretch is looked for in what is written."""
        wanted = self.text[offset : offset + length]
        if not wanted or len(self.text) > _LONGEST:
            return self.position
        skip = self.text.count(wanted, 0, offset)
        for number, row in enumerate(self.written):
            found = row.find(wanted)
            while found >= 0:
                if not skip:
                    column = found + (self.position.column if not number else 1)
                    return Position(self.position.path, self.position.line + number, column, length)
                skip -= 1
                found = row.find(wanted, found + length)
        return self.position


class Sequence:
    """A list.

    Args:
        items: Its items.
        position: Where it begins.
    """

    __slots__ = ("items", "position")
    kind = "a list"

    def __init__(self, items: list["Node"], position: Position) -> None:
        self.items = items
        self.position = position


class Mapping:
    """A map.

    Args:
        pairs: Keys and values in the order of the file, keys different from each other.
        position: Where it begins.
    """

    __slots__ = ("pairs", "position")
    kind = "a map"

    def __init__(self, pairs: list[tuple[Scalar, "Node"]], position: Position) -> None:
        self.pairs = pairs
        self.position = position

    def __iter__(self) -> Iterator[tuple[Scalar, "Node"]]:
        return iter(self.pairs)

    def keys(self) -> tuple[str, ...]:
        """The texts of the keys."""
        return tuple(key.text for key, _ in self.pairs)


Node = Scalar | Sequence | Mapping


def _line_starts(text: str) -> list[int]:
    """Where the lines of a text begin."""
    starts = [0]
    while found := text.find("\n", starts[-1]) + 1:
        starts.append(found)
    return starts
