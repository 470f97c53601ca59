"""YAML as nodes that know where they stand. What the keys mean is not known here."""

from collections.abc import Iterator

from runner.location import Position

LONGEST = 20_000
"""Characters of the longest text with escapes or folded lines in which places are looked for."""


class Scalar:
    """A text, a number, a bool or null: its text as it was written.

    Args:
        text: The text, quotes and escapes resolved.
        position: Where it begins, the quote or the sign of a block included.
        plain: Whether it stands without quotes.
        begins: The line and column where its first line begins, if it stands in the file as it is, all its
            lines indented alike.
        written: Otherwise what stands in the file; empty if the text is longer than LONGEST.
    """

    __slots__ = ("_near", "begins", "plain", "position", "text", "written")
    kind = "a text"

    def __init__(
        self,
        text: str,
        position: Position,
        plain: bool = True,
        begins: tuple[int, int] | None = None,
        written: str = "",
    ) -> None:
        self.text = text
        self.position = position
        self.plain = plain
        self.begins = begins
        self.written = written
        # An offset that was asked for, the number of its line in the text, and where that line begins.
        self._near = (0, 0, 0)

    @property
    def null(self) -> bool:
        """Whether it says that there is no value."""
        return self.plain and self.text in {"", "~", "null", "Null", "NULL"}

    def at_offset(self, offset: int, length: int) -> Position:
        """Where the `length` characters from `offset` of the text stand; where it begins, if that is not known."""
        if self.begins is None:
            return self._searched(offset, length)
        near, number, begin = self._near if self._near[0] <= offset else (0, 0, 0)
        number += self.text.count("\n", near, offset)
        begin = self.text.rfind("\n", near, offset) + 1 or begin
        self._near = (offset, number, begin)
        line, column = self.begins
        return Position(self.position.path, line + number, column + offset - begin, max(1, length))

    def _searched(self, offset: int, length: int) -> Position:
        """The same for a text with escapes or folded lines: the stretch is looked for in what is written."""
        wanted = self.text[offset : offset + length]
        if not wanted or len(self.text) > LONGEST:
            return self.position
        skip = self.text.count(wanted, 0, offset)
        for number, row in enumerate(self.written.splitlines()):
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
