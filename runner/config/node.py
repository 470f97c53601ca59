"""YAML as nodes that know where they stand. What the keys mean is not known here."""

from collections.abc import Iterator

from runner.location import Position


class Scalar:
    """A text, a number, a bool or null: its text as it was written.

    Args:
        text: The text, quotes and escapes resolved.
        position: Where it begins, the quote or the sign of a block included.
        plain: Whether it stands without quotes.
        lines: For each line of the text where it begins, where this is known exactly.
        tag: What follows a `!`, or empty.
    """

    __slots__ = ("lines", "plain", "position", "tag", "text")
    kind = "a text"

    def __init__(
        self,
        text: str,
        position: Position,
        plain: bool = True,
        lines: tuple[tuple[int, int], ...] = (),
        tag: str = "",
    ) -> None:
        self.text = text
        self.position = position
        self.plain = plain
        self.lines = lines
        self.tag = tag

    @property
    def null(self) -> bool:
        """Whether it says that there is no value."""
        return self.plain and self.text in {"", "~", "null", "Null", "NULL"}

    def at_offset(self, offset: int, length: int) -> Position:
        """Where the `length` characters from `offset` of the text stand, as well as is known."""
        before = self.text[:offset]
        number = before.count("\n")
        column = offset - (before.rfind("\n") + 1)
        if number < len(self.lines):
            line, start = self.lines[number]
            return Position(self.position.path, line, start + column, max(1, length))
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
