"""The whole file.

A start needs one task of maybe thousands, so a project answers for its tasks one by one, and one that comes
from the cache decodes a task when it is asked for and not before.
"""

from runner.errors import did_you_mean
from runner.location import Position
from runner.model.record import Record
from runner.model.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


SHELL = ("sh", "-c")
"""The interpreter where a file names none."""


class Head(Record):
    """What a file says beside its tasks.

    Args:
        name: The project's name, or empty.
        usage: The project in one line, or empty.
        interpreter: The words that start a script's interpreter; the script is added as the last.
        shell: Whether that is a POSIX shell, in whose text values can be quoted.
        file: The file's name as errors show it.
        position: Where the file begins.
    """

    FIELDS = ("name", "usage", "interpreter", "shell", "file", "position")
    __slots__ = FIELDS

    def __init__(
        self,
        name: str,
        usage: str,
        interpreter: tuple[str, ...],
        shell: bool,
        file: str,
        position: Position,
    ) -> None:
        self.name = name
        self.usage = usage
        self.interpreter = interpreter
        self.shell = shell
        self.file = file
        self.position = position


class Project(Protocol):
    """A file's tasks."""

    head: Head

    def names(self) -> tuple[str, ...]:
        """The names of all tasks, in the order of the file."""

    def task(self, name: str) -> Task | None:
        """The task of that name, or None."""


class LoadedProject:
    """A project whose tasks are all at hand.

    Args:
        head: What the file says beside its tasks.
        tasks: Its tasks, in order.
    """

    __slots__ = ("_tasks", "head")

    def __init__(self, head: Head, tasks: tuple[Task, ...]) -> None:
        self.head = head
        self._tasks = {task.name: task for task in tasks}

    def names(self) -> tuple[str, ...]:
        """The names of all tasks, in the order of the file."""
        return tuple(self._tasks)

    def task(self, name: str) -> Task | None:
        """The task of that name, or None."""
        return self._tasks.get(name)


def public_names(project: Project) -> tuple[str, ...]:
    """The names that can be asked for on the command line, in the order of the file."""
    return tuple(name for name in project.names() if (task := project.task(name)) and not task.private)


def unknown_task_hint(name: str, project: Project) -> str:
    """What to say to a user who named a task that is not there."""
    return did_you_mean(name, public_names(project)) or "`pyrun --list` shows the tasks"
