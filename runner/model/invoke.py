"""What a `tasks.py` of Invoke offers: its tasks, as far as the file can be read without running it."""

from runner.errors import FileError
from runner.location import Position
from runner.model.param import BOOL, FLOAT, LIST, STRING
from runner.model.record import Record

COUNT = "count"
"""An option that counts how often it is given; Invoke's `incrementable`."""

Default = str | int | float | bool | None


class InvokeParam(Record):
    """A parameter of an Invoke task.

    Args:
        name: Its flag's name without dashes in front, as Invoke writes it: `dry-run` for `dry_run`.
        type: STRING, INT, FLOAT, BOOL, LIST of `model.param`, or COUNT.
        default: Its value where none is given; None where that is `None`, nothing, or not known.
        required: Whether it must be given, which is what Invoke calls a positional argument.
        optional: Whether its flag may be given without a value, which then is `True`.
        short: Its one-letter flag, or empty.
        help: One line for the help, or empty.
        position: Where it is defined.
    """

    FIELDS = ("name", "type", "default", "required", "optional", "short", "help", "position")
    __slots__ = FIELDS

    def __init__(
        self,
        name: str,
        type: str,  # noqa: A002 - as in `Param`
        default: Default,
        required: bool,
        optional: bool,
        short: str,
        help: str,  # noqa: A002 - Invoke's own name
        position: Position,
    ) -> None:
        self.name = name
        self.type = type
        self.default = default
        self.required = required
        self.optional = optional
        self.short = short
        self.help = help
        self.position = position


class InvokeTask(Record):
    """A task of a `tasks.py`.

    Args:
        name: What Invoke calls it, with its collections: `docs.build`.
        aliases: Its other names.
        usage: The first line of its docstring, or empty.
        description: The rest of it, or empty.
        params: Its parameters, in Invoke's order: those that must be given first.
        reserved: Names that can't be the value of an optional flag, since Invoke would take them for tasks.
        position: Where its name stands.
    """

    FIELDS = ("name", "aliases", "usage", "description", "params", "reserved", "position")
    __slots__ = FIELDS

    def __init__(
        self,
        name: str,
        aliases: tuple[str, ...],
        usage: str,
        description: str,
        params: tuple[InvokeParam, ...],
        reserved: tuple[str, ...],
        position: Position,
    ) -> None:
        self.name = name
        self.aliases = aliases
        self.usage = usage
        self.description = description
        self.params = params
        self.reserved = reserved
        self.position = position


class InvokeTasks:
    """The tasks of a `tasks.py`.

    Args:
        tasks: They, in Invoke's order.
        notices: What could not be followed without running the file, each with its place. No task is made
            up: one that could not be read is missing, and told here.
        asked: The files that were asked for beside it, found or not: what this reading depends on.
    """

    __slots__ = ("asked", "notices", "tasks")

    def __init__(
        self, tasks: tuple[InvokeTask, ...], notices: tuple[FileError, ...], asked: tuple[str, ...]
    ) -> None:
        self.tasks = tasks
        self.notices = notices
        self.asked = asked


def default_text(param: InvokeParam) -> str | None:
    """A param's default as it would be typed; None if it has none of its type."""
    value = param.default
    if param.type == BOOL:
        return "true" if value is True else "false"
    if param.type == LIST or value is None or isinstance(value, bool):
        return None
    if param.type == STRING:
        return value if isinstance(value, str) else None
    return repr(value) if param.type == FLOAT else str(value)
