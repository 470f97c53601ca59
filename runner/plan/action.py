"""One concrete thing to do.

An action is a frozen value: everything that decides what it does is in it, filled in. What only people read
(its label, where things stand in files) has no part in its identity.
"""

from runner.location import Position
from runner.model.record import Record
from runner.plan.image_plan import ImagePlan
from runner.plan.pattern import Pattern

PATTERN = "pattern"
GO = "go"


class Script(Record):
    """One command.

    Args:
        text: The script for the interpreter.
        shown: What is told instead of the script before it runs, or None.
        quiet: Whether nothing is told.
        dir: The working folder, relative to the project's top.
        programs: The names by which it plainly starts programs.
        position: Where it stands.
    """

    FIELDS = ("text", "shown", "quiet", "dir", "programs", "position")
    __slots__ = FIELDS

    def __init__(
        self,
        text: str,
        shown: str | None,
        quiet: bool,
        dir: str,  # noqa: A002 - the key's own name
        programs: tuple[str, ...],
        position: Position,
    ) -> None:
        self.text = text
        self.shown = shown
        self.quiet = quiet
        self.dir = dir
        self.programs = programs
        self.position = position


class Package(Record):
    """A package whose files are sources, found by reading its imports.

    Args:
        name: The package, as its language names it.
        tests: Whether its tests count.
        position: Where it stands.
    """

    FIELDS = ("name", "tests", "position")
    __slots__ = FIELDS

    def __init__(self, name: str, tests: bool, position: Position) -> None:
        self.name = name
        self.tests = tests
        self.position = position


class Sources(Record):
    """What an action reads.

    Args:
        patterns: Patterns, paths and folders, each with the place where it stands.
        excludes: What is taken out again.
        packages: Packages whose files are found by reading.
    """

    FIELDS = ("patterns", "excludes", "packages")
    __slots__ = FIELDS

    def __init__(
        self,
        patterns: tuple[tuple[Pattern, Position], ...],
        excludes: tuple[Pattern, ...],
        packages: tuple[Package, ...],
    ) -> None:
        self.patterns = patterns
        self.excludes = excludes
        self.packages = packages


class Action(Record):
    """A task with everything filled in.

    Args:
        id: What no other action of a plan is called, the same in every plan.
        label: What people call it.
        task: The name of its task.
        values: Its args and options.
        scripts: What it does, in order.
        interpreter: The words that start a script's interpreter.
        env: Fixed variables.
        dir: Its working folder, relative to the project's top.
        sources: What it reads, or None where its task does not say.
        targets: What it writes, or None where its task does not say.
        deps: The ids of the actions that must succeed first.
        persistent: Whether it is a server.
        image: The image it makes, or None.
        image_deps: For each `copy` of the image the id of the action whose targets it takes, or empty.
        position: Where its task stands.
    """

    FIELDS = (
        "id", "label", "task", "values", "scripts", "interpreter", "env", "dir", "sources", "targets", "deps",
        "persistent", "image", "image_deps", "position",
    )  # fmt: skip
    __slots__ = FIELDS

    def __init__(
        self,
        id: str,  # noqa: A002 - the word of the plan
        label: str,
        task: str,
        values: tuple[tuple[str, str | tuple[str, ...]], ...],
        scripts: tuple[Script, ...],
        interpreter: tuple[str, ...],
        env: tuple[tuple[str, str], ...],
        dir: str,  # noqa: A002 - the key's own name
        sources: Sources | None,
        targets: tuple[Pattern, ...] | None,
        deps: tuple[str, ...],
        persistent: bool,
        image: ImagePlan | None,
        image_deps: tuple[str, ...],
        position: Position,
    ) -> None:
        self.id = id
        self.label = label
        self.task = task
        self.values = values
        self.scripts = scripts
        self.interpreter = interpreter
        self.env = env
        self.dir = dir
        self.sources = sources
        self.targets = targets
        self.deps = deps
        self.persistent = persistent
        self.image = image
        self.image_deps = image_deps
        self.position = position

    @property
    def remembered(self) -> bool:
        """Whether it is skipped when nothing that it declares has changed."""
        return (self.sources is not None or self.image is not None) and not self.persistent


class Plan(Record):
    """All that is to be done for one command line.

    Args:
        actions: Every action once, each behind those that it needs.
        asked: The ids of those that were asked for, in the order of the command line.
    """

    FIELDS = ("actions", "asked")
    __slots__ = FIELDS

    def __init__(self, actions: tuple[Action, ...], asked: tuple[str, ...]) -> None:
        self.actions = actions
        self.asked = asked
