"""Where something stands in a file.

Knows nothing of what a file means: the reader of a file makes positions, errors carry them, the user
interface draws them.
"""


class Position:
    """A stretch of one line of a file.

    Args:
        path: The file as the user would name it.
        line: Its line, counted from 1.
        column: The first character of the stretch, counted from 1.
        length: How many characters it spans, 1 at the least.
    """

    __slots__ = ("column", "length", "line", "path")

    def __init__(self, path: str, line: int, column: int, length: int = 1) -> None:
        self.path = path
        self.line = line
        self.column = column
        self.length = length

    def shifted(self, offset: int, length: int) -> "Position":
        """The stretch of `length` characters that begins `offset` characters behind this one's begin."""
        return Position(self.path, self.line, self.column + offset, length)

    def _key(self) -> tuple[str, int, int, int]:
        return (self.path, self.line, self.column, self.length)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Position) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Position({self.path}:{self.line}:{self.column}+{self.length})"
