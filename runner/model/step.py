"""One entry of a task's `run` or `finally`."""

from runner.location import Position
from runner.model.call import Call
from runner.model.invoke import InvokeTask
from runner.model.record import Record
from runner.model.template import Template
from runner.model.when import When


class Command(Record):
    """A script for the interpreter.

    Args:
        script: What it runs; empty text does nothing.
        shown: What is told instead of the script before it runs, or None.
        quiet: Whether nothing is told.
        dir: The working folder instead of the task's, or None.
        programs: The names that the script plainly starts programs by.
        pty: Whether it gets a terminal of its own.
        respond: Patterns of prompts, and what is answered to each.
        position: Where the script begins.
    """

    FIELDS = ("script", "shown", "quiet", "dir", "programs", "pty", "respond", "position")
    __slots__ = FIELDS

    def __init__(
        self,
        script: Template,
        shown: Template | None,
        quiet: bool,
        dir: Template | None,  # noqa: A002 - the key's own name
        programs: tuple[str, ...],
        pty: bool,
        respond: tuple[tuple[str, Template], ...],
        position: Position,
    ) -> None:
        self.script = script
        self.shown = shown
        self.quiet = quiet
        self.dir = dir
        self.programs = programs
        self.pty = pty
        self.respond = respond
        self.position = position


class SetEnvironment(Record):
    """Variables that are set, or taken away, for all that comes after.

    Args:
        variables: Names with values, in order; None takes a variable away.
        position: Where it stands.
    """

    FIELDS = ("variables", "position")
    __slots__ = FIELDS

    def __init__(self, variables: tuple[tuple[Template, Template | None], ...], position: Position) -> None:
        self.variables = variables
        self.position = position


class SubTask(Record):
    """Another task, run at this point.

    Args:
        call: Which, and with what.
        position: Where it stands.
    """

    FIELDS = ("call", "position")
    __slots__ = FIELDS

    def __init__(self, call: Call, position: Position) -> None:
        self.call = call
        self.position = position


class InvokeCall(Record):
    """A task of an Invoke `tasks.py`, run by Invoke.

    Args:
        task: Which, as far as the file could be read.
        file: The file, relative to the top.
        position: Where it is named.
    """

    FIELDS = ("task", "file", "position")
    __slots__ = FIELDS

    def __init__(self, task: InvokeTask, file: str, position: Position) -> None:
        self.task = task
        self.file = file
        self.position = position


class Step(Record):
    """What is done if something holds.

    Args:
        when: What must hold; empty if nothing must.
        does: What is done, in order.
        position: Where it stands.
    """

    FIELDS = ("when", "does", "position")
    __slots__ = FIELDS

    def __init__(
        self,
        when: When,
        does: tuple[Command | SetEnvironment | SubTask | InvokeCall, ...],
        position: Position,
    ) -> None:
        self.when = when
        self.does = does
        self.position = position
