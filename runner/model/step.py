"""One entry of a task's `run`."""

from runner.location import Position
from runner.model.record import Record
from runner.model.template import Template


class Command(Record):
    """A script for the interpreter.

    Args:
        script: What it runs; empty text does nothing.
        shown: What is told instead of the script before it runs, or None.
        quiet: Whether nothing is told.
        dir: The working folder instead of the task's, or None.
        programs: The names that the script plainly starts programs by.
        position: Where the script begins.
    """

    FIELDS = ("script", "shown", "quiet", "dir", "programs", "position")
    __slots__ = FIELDS

    def __init__(
        self,
        script: Template,
        shown: Template | None,
        quiet: bool,
        dir: Template | None,  # noqa: A002 - the key's own name
        programs: tuple[str, ...],
        position: Position,
    ) -> None:
        self.script = script
        self.shown = shown
        self.quiet = quiet
        self.dir = dir
        self.programs = programs
        self.position = position
