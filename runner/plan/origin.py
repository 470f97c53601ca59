"""Where a value came from, for a user who asks why it is what it is."""

from runner.location import Position
from runner.model.record import Record

GIVEN = "given"
VARIABLE = "variable"
DEFAULT = "default"
ZERO = "nothing"


class Origin(Record):
    """Where a value came from.

    Args:
        kind: GIVEN (on the command line, or by a call), VARIABLE, DEFAULT or ZERO.
        detail: The variable and who set it, or empty.
        at: Where in a file, or None.
    """

    FIELDS = ("kind", "detail", "at")
    __slots__ = FIELDS

    def __init__(self, kind: str, detail: str, at: Position | None) -> None:
        self.kind = kind
        self.detail = detail
        self.at = at
