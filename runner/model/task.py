"""A task: what the user writes under `tasks`."""

from runner.location import Position
from runner.model.call import Call
from runner.model.image import Image
from runner.model.param import Param
from runner.model.record import Record
from runner.model.step import Command
from runner.model.template import Template

PATTERN = "pattern"
EXCLUDE = "exclude"
GO = "go"


class Source(Record):
    """One `source` item.

    Args:
        kind: PATTERN (a pattern, a path or a folder), EXCLUDE (what is taken out again), GO (a package).
        text: The pattern or the package.
        tests: For a package: whether its tests count.
        position: Where it stands.
    """

    FIELDS = ("kind", "text", "tests", "position")
    __slots__ = FIELDS

    def __init__(self, kind: str, text: Template, tests: bool, position: Position) -> None:
        self.kind = kind
        self.text = text
        self.tests = tests
        self.position = position


class Task(Record):
    """A task as its file says it.

    Args:
        name: Its name.
        usage: One line for the list of tasks, or empty.
        description: More for its own help, or empty.
        private: Whether only other tasks may call it.
        args: Its args, in order.
        options: Its options, in order, those taken from the top level included.
        deps: What must succeed first.
        sources: What it reads, or None where it does not say.
        targets: What it writes, or None where it does not say.
        env: Fixed variables, in order.
        dir: Its working folder, or None for its file's.
        steps: What it does, in order.
        persistent: Whether it is a server.
        image: The image it makes, or None.
        position: Where its name stands.
    """

    FIELDS = (
        "name", "usage", "description", "private", "args", "options", "deps", "sources", "targets",
        "env", "dir", "steps", "persistent", "image", "position",
    )  # fmt: skip
    __slots__ = FIELDS

    def __init__(
        self,
        name: str,
        usage: str,
        description: str,
        private: bool,
        args: tuple[Param, ...],
        options: tuple[Param, ...],
        deps: tuple[Call, ...],
        sources: tuple[Source, ...] | None,
        targets: tuple[Template, ...] | None,
        env: tuple[tuple[str, Template], ...],
        dir: Template | None,  # noqa: A002 - the key's own name
        steps: tuple[Command, ...],
        persistent: bool,
        image: Image | None,
        position: Position,
    ) -> None:
        self.name = name
        self.usage = usage
        self.description = description
        self.private = private
        self.args = args
        self.options = options
        self.deps = deps
        self.sources = sources
        self.targets = targets
        self.env = env
        self.dir = dir
        self.steps = steps
        self.persistent = persistent
        self.image = image
        self.position = position
