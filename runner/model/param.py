"""Args and options: what a task can be told on the command line."""

from runner.location import Position
from runner.model.record import Record
from runner.model.template import Template

STRING = "string"
INT = "int"
FLOAT = "float"
BOOL = "bool"
LIST = "list"
"""Many words, none allowed; only for a task's last arg, and for options that may be repeated."""

ZERO = {STRING: "", INT: "0", FLOAT: "0", BOOL: "false"}
"""What an option of each type is where nothing else says."""


class Param(Record):
    """An arg or an option.

    Args:
        name: What templates call it.
        type: One of the constants of this module.
        usage: One line for the help, or empty.
        values: The values allowed, or None for any.
        glob: A pattern whose wildcard's matches are the values allowed, instead of `values`.
        default: Its value where none is given, or None.
        required: Whether one must be given.
        environment: The variable that gives a value where the command line does not, or empty.
        short: An option's one-letter flag, or empty.
        position: Where it is defined.
    """

    FIELDS = (
        "name", "type", "usage", "values", "glob", "default", "required", "environment", "short", "position",
    )  # fmt: skip
    __slots__ = FIELDS

    def __init__(
        self,
        name: str,
        type: str,  # noqa: A002 - the key's own name
        usage: str,
        values: tuple[Template, ...] | None,
        glob: Template | None,
        default: Template | None,
        required: bool,
        environment: str,
        short: str,
        position: Position,
    ) -> None:
        self.name = name
        self.type = type
        self.usage = usage
        self.values = values
        self.glob = glob
        self.default = default
        self.required = required
        self.environment = environment
        self.short = short
        self.position = position

    @property
    def enumerated(self) -> bool:
        """Whether the values allowed are known."""
        return self.values is not None or self.glob is not None
