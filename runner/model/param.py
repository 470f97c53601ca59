"""Args and options: what a task can be told on the command line."""

from runner.location import Position
from runner.model.record import Record
from runner.model.template import Template
from runner.model.when import When

STRING = "string"
INT = "int"
FLOAT = "float"
BOOL = "bool"
LIST = "list"
"""Many words, none allowed; only for a task's last arg, and for options that may be repeated."""

ZERO = {STRING: "", INT: "0", FLOAT: "0", BOOL: "false"}
"""What an option of each type is where nothing else says."""


class Default(Record):
    """What an arg or option is where none is given.

    Args:
        when: What must hold for it; empty if nothing must.
        value: The value, one text but for a list, or None if a command tells it. Without either it is the
            empty text.
        command: A script whose output is the value, or None.
        position: Where it stands.
    """

    FIELDS = ("when", "value", "command", "position")
    __slots__ = FIELDS

    def __init__(
        self, when: When, value: tuple[Template, ...] | None, command: Template | None, position: Position
    ) -> None:
        self.when = when
        self.value = value
        self.command = command
        self.position = position


class Param(Record):
    """An arg or an option.

    Args:
        name: What templates call it.
        type: One of the constants of this module.
        usage: One line for the help, or empty.
        values: The values allowed, or None for any.
        glob: A pattern whose wildcard's matches are the values allowed, instead of `values`.
        defaults: Its value where none is given: the first one whose conditions hold.
        required: Whether one must be given.
        environment: The variable that gives a value where the command line does not, or empty.
        short: An option's one-letter flag, or empty.
        private: Whether no caller can give it: it is made of its defaults only.
        rewrite: What a bool that is true becomes, one that is false becoming empty; None to leave it.
        position: Where it is defined.
    """

    FIELDS = (
        "name", "type", "usage", "values", "glob", "defaults", "required", "environment", "short", "private",
        "rewrite", "position",
    )  # fmt: skip
    __slots__ = FIELDS

    def __init__(
        self,
        name: str,
        type: str,  # noqa: A002 - the key's own name
        usage: str,
        values: tuple[Template, ...] | None,
        glob: Template | None,
        defaults: tuple[Default, ...],
        required: bool,
        environment: str,
        short: str,
        private: bool,
        rewrite: Template | None,
        position: Position,
    ) -> None:
        self.name = name
        self.type = type
        self.usage = usage
        self.values = values
        self.glob = glob
        self.defaults = defaults
        self.required = required
        self.environment = environment
        self.short = short
        self.private = private
        self.rewrite = rewrite
        self.position = position

    @property
    def enumerated(self) -> bool:
        """Whether the values allowed are known."""
        return self.values is not None or self.glob is not None
