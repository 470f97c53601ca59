"""Conditions: what must hold for a step, or for a default."""

from runner.location import Position
from runner.model.record import Record
from runner.model.template import Template

OS = "os"
EQUAL = "equal"
NOT_EQUAL = "not-equal"
ENVIRONMENT = "environment"
EXISTS = "exists"
NOT_EXISTS = "not-exists"
COMMAND = "command"

EARLY = (OS, EQUAL, NOT_EQUAL)
"""What is known before anything runs; the rest is asked when its turn comes."""


class Check(Record):
    """One question; it holds if it does for any of its values.

    Args:
        kind: One of the constants of this module.
        name: The arg, option or variable that it asks for; empty where it asks for none.
        values: What is compared with, looked for or run; None stands for a variable that is not set.
        position: Where it stands.
    """

    FIELDS = ("kind", "name", "values", "position")
    __slots__ = FIELDS

    def __init__(self, kind: str, name: str, values: tuple[Template | None, ...], position: Position) -> None:
        self.kind = kind
        self.name = name
        self.values = values
        self.position = position


When = tuple[tuple[Check, ...], ...]
"""All of the items must hold; of the checks of an item any. An item without checks holds."""
