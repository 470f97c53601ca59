"""A call: a task named with its args and options, as text with holes."""

from runner.location import Position
from runner.model.record import Record
from runner.model.template import Template


class Call(Record):
    """One call of a task.

    It is split into words before anything is filled in, so a value with blanks stays one word and a value
    that begins with `-` is not taken for a flag.

    Args:
        text: The call as it was written; a task whose name is the whole text comes first.
        words: Its words; the first names the task.
        args: Further values for the task's args, never taken for flags.
        options: Further options with their values.
        position: Where it stands.
    """

    FIELDS = ("text", "words", "args", "options", "position")
    __slots__ = FIELDS

    def __init__(
        self,
        text: str,
        words: tuple[Template, ...],
        args: tuple[Template, ...],
        options: tuple[tuple[str, Template], ...],
        position: Position,
    ) -> None:
        self.text = text
        self.words = words
        self.args = args
        self.options = options
        self.position = position
