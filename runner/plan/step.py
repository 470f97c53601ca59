"""What an action does, step by step, everything filled in."""

from runner.location import Position
from runner.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.plan.container_plan import Value as Variable


class Script(Record):
    """One command.

    Args:
        text: The script for the interpreter.
        shown: What is told instead of the script before it runs, or None.
        quiet: Whether nothing is told.
        dir: The working folder, relative to the project's top.
        programs: The names by which it plainly starts programs.
        pty: Whether it gets a terminal of its own.
        respond: Patterns of prompts, and what is answered to each.
        argv: The words of the program that is started instead of the interpreter, an empty first one being the
            Python that pyrun runs on; empty for a script.
        position: Where it stands.
    """

    FIELDS = ("text", "shown", "quiet", "dir", "programs", "pty", "respond", "argv", "position")
    __slots__ = FIELDS

    def __init__(
        self,
        text: str,
        shown: str | None,
        quiet: bool,
        dir: str,  # noqa: A002 - the key's own name
        programs: tuple[str, ...],
        pty: bool,
        respond: tuple[tuple[str, str], ...],
        argv: tuple[str, ...],
        position: Position,
    ) -> None:
        self.text = text
        self.shown = shown
        self.quiet = quiet
        self.dir = dir
        self.programs = programs
        self.pty = pty
        self.respond = respond
        self.argv = argv
        self.position = position


class Setting(Record):
    """Variables that are set, or with None taken away, for all that comes after.

    Args:
        variables: Names with values, in order.
        quiet: Whether nothing is told.
        position: Where it stands.
    """

    FIELDS = ("variables", "quiet", "position")
    __slots__ = FIELDS

    def __init__(
        self, variables: tuple[tuple[str, str | None], ...], quiet: bool, position: Position
    ) -> None:
        self.variables = variables
        self.quiet = quiet
        self.position = position


class Called(Record):
    """Another action of the plan, done at this point.

    Args:
        id: Which.
        position: Where it is called.
    """

    FIELDS = ("id", "position")
    __slots__ = FIELDS

    def __init__(self, id: str, position: Position) -> None:  # noqa: A002 - the word of the plan
        self.id = id
        self.position = position


class Question(Record):
    """A check that can be answered only at its turn; it holds if it does for any of its values.

    Args:
        kind: One of the late kinds of `runner.model.when`.
        name: The variable that it asks for, or empty.
        values: What is compared with, looked for or run.
        dir: The folder of paths and commands, relative to the top.
    """

    FIELDS = ("kind", "name", "values", "dir")
    __slots__ = FIELDS

    def __init__(
        self,
        kind: str,
        name: str,
        values: tuple[str | None, ...],
        dir: str,  # noqa: A002 - the key's own name
    ) -> None:
        self.kind = kind
        self.name = name
        self.values = values
        self.dir = dir


class Guarded(Record):
    """Steps that are done if something holds when their turn comes.

    Args:
        when: What: all of the items, and of an item any of its questions.
        steps: The steps.
        position: Where the condition stands.
    """

    FIELDS = ("when", "steps", "position")
    __slots__ = FIELDS

    def __init__(
        self, when: tuple[tuple[Question, ...], ...], steps: "tuple[PlanStep, ...]", position: Position
    ) -> None:
        self.when = when
        self.steps = steps
        self.position = position


class Block(Record):
    """The steps of a called task that are part of its caller's action.

    Args:
        label: What people call it; empty if they are not to be told.
        namespace: The namespace of its file, whose variables its commands get.
        interpreter: The words that start its scripts' interpreter.
        env: Fixed variables; in a container those that name the image's are not filled in yet.
        steps: What it does, in order.
        last: What it does in the end, whether the steps succeeded or not.
    """

    FIELDS = ("label", "namespace", "interpreter", "env", "steps", "last")
    __slots__ = FIELDS

    def __init__(
        self,
        label: str,
        namespace: str,
        interpreter: tuple[str, ...],
        env: "tuple[tuple[str, Variable], ...]",
        steps: "tuple[PlanStep, ...]",
        last: "tuple[PlanStep, ...]",
    ) -> None:
        self.label = label
        self.namespace = namespace
        self.interpreter = interpreter
        self.env = env
        self.steps = steps
        self.last = last


PlanStep = Script | Setting | Called | Guarded | Block


def scripts_in(steps: tuple[PlanStep, ...]) -> tuple[Script, ...]:
    """All commands of some steps, in order."""
    found: list[Script] = []
    for step in steps:
        if isinstance(step, Script):
            found.append(step)
        elif isinstance(step, Guarded):
            found += scripts_in(step.steps)
        elif isinstance(step, Block):
            found += scripts_in((*step.steps, *step.last))
    return tuple(found)


def interpreters_in(steps: tuple[PlanStep, ...]) -> tuple[str, ...]:
    """The programs that read the scripts of called tasks, in order."""
    found: list[str] = []
    for step in steps:
        if isinstance(step, Guarded):
            found += interpreters_in(step.steps)
        elif isinstance(step, Block):
            found += (step.interpreter[0], *interpreters_in((*step.steps, *step.last)))
    return tuple(found)


def questions_in(steps: tuple[PlanStep, ...]) -> tuple[Question, ...]:
    """All that some steps ask at their turn, in order."""
    found: list[Question] = []
    for step in steps:
        if isinstance(step, Guarded):
            found += (question for item in step.when for question in item)
            found += questions_in(step.steps)
        elif isinstance(step, Block):
            found += questions_in((*step.steps, *step.last))
    return tuple(found)


def essence(steps: tuple[PlanStep, ...]) -> tuple[object, ...]:
    """What decides what some steps do: nothing that only people read, and no places in files."""
    found: list[object] = []
    for step in steps:
        if isinstance(step, Script):
            found.append(("run", step.text, step.dir, step.pty, step.respond, step.argv))
        elif isinstance(step, Setting):
            found.append(("set", step.variables))
        elif isinstance(step, Called):
            found.append(("call",))
        elif isinstance(step, Guarded):
            when = tuple(tuple(question.plain() for question in item) for item in step.when)
            found.append(("when", when, essence(step.steps)))
        else:
            env = plain_variables(step.env)
            found.append(("task", step.interpreter, env, essence(step.steps), essence(step.last)))
    return tuple(found)


def plain_variables(env: "tuple[tuple[str, Variable], ...]") -> tuple[tuple[str, object], ...]:
    """Fixed variables as plain values, the names of the image's variables in their places."""
    return tuple(
        (
            name,
            value
            if isinstance(value, str)
            else tuple(part if isinstance(part, str) else part.plain() for part in value),
        )
        for name, value in env
    )
