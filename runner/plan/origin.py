"""Where a value came from, for a user who asks why it is what it is."""

from runner.location import Position
from runner.model.record import Record

GIVEN = "given"
VARIABLE = "variable"
DEFAULT = "default"
ZERO = "nothing"


class Provenance(Record):
    """Where all that an action was filled in with came from; only for people.

    Args:
        values: For each arg and option.
        env: For each fixed variable where it is set.
    """

    FIELDS = ("values", "env")
    __slots__ = FIELDS

    def __init__(
        self, values: "tuple[tuple[str, Origin], ...]", env: tuple[tuple[str, Position], ...]
    ) -> None:
        self.values = values
        self.env = env


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
