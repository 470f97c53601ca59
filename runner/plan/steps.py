"""A task's steps with everything filled in."""

from runner.errors import PlanError
from runner.model.path import beneath, resolved
from runner.model.project import head_of
from runner.model.step import Command, InvokeCall, SetEnvironment
from runner.plan.bind import shown_word
from runner.plan.condition import settle
from runner.plan.expand import fill
from runner.plan.step import Block, Called, Guarded, Script, Setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.location import Position
    from runner.model.project import Head, Project
    from runner.model.step import Step, SubTask
    from runner.model.task import Task
    from runner.plan.bind import Invocation
    from runner.plan.container_plan import Value as Variable
    from runner.plan.expand import Value
    from runner.plan.step import PlanStep

DONE, MAYBE, IDLE = 0, 1, 2
"""Whether what is called is done, done if a condition holds at its turn, or not done at all."""
_DEEPEST = 200
"""Calls within calls that become part of one action."""


class Body:
    """What an invocation does, and what it needs for that.

    Attributes:
        steps: What it does, in order.
        last: What it does in the end.
        calls: The ids of what it calls, and where.
        idle: The ids of what it would call if a condition held that does not; they must be right all the same.
        parts: The invocations that became part of it, by their keys, each with whether it is only done if a
            condition holds at its turn.
        blocks: Their steps.
    """

    __slots__ = ("blocks", "calls", "idle", "last", "parts", "steps")

    def __init__(self) -> None:
        self.steps: tuple[PlanStep, ...] = ()
        self.last: tuple[PlanStep, ...] = ()
        self.calls: dict[str, Position] = {}
        self.idle: dict[str, Position] = {}
        self.parts: dict[object, tuple[Invocation, bool]] = {}
        self.blocks: dict[object, Block] = {}


class StepFiller:
    """Fills in the steps of one invocation.

    Args:
        project: The tasks.
        values_of: The names that templates of an invocation may use.
        env_of: The fixed variables of an invocation.
        called: The invocations that a sub-task asks for.
        add: Makes an invocation an action of its own and gives its id.
        system: The operating system of the place in which the invocation runs.
    """

    def __init__(
        self,
        project: "Project",
        values_of: "Callable[[Invocation], Mapping[str, Value]]",
        env_of: "Callable[[Invocation], tuple[tuple[str, Variable], ...]]",
        called: "Callable[[SubTask, Invocation], tuple[Invocation, ...]]",
        add: "Callable[[Invocation, Position], str]",
        system: "Callable[[], str]",
    ) -> None:
        self.project = project
        self.system = system
        self.values_of = values_of
        self.env_of = env_of
        self.called = called
        self.add = add

    def body(self, invocation: "Invocation") -> Body:
        """What an invocation does.

        Raises:
            PlanError: A call that can't be, or that leads back to itself.
        """
        body = Body()
        task = invocation.task
        whole = task.sources is not None or task.targets is not None
        filling = _Filling(self, body, invocation, (invocation,) if whole else (), task.quiet, DONE)
        body.steps = filling.steps(task.steps)
        body.last = filling.steps(task.last)
        return body


class _Filling:
    """The steps of one invocation, as its own action or as a part of another.

    Args:
        filler: Fills in.
        body: Where calls are noted.
        invocation: Whose steps these are.
        way: The invocations whose action this is part of, the first one the action's own; empty where calls
            are actions of their own.
        quiet: Whether nothing is told.
        turn: DONE, MAYBE or IDLE.
    """

    def __init__(
        self,
        filler: StepFiller,
        body: Body,
        invocation: "Invocation",
        way: "tuple[Invocation, ...]",
        quiet: bool,
        turn: int,
    ) -> None:
        self.turn = turn
        self.filler = filler
        self.body = body
        self.invocation = invocation
        self.way = way
        self.quiet = quiet
        self.values = filler.values_of(invocation)
        self.head: Head = head_of(filler.project, invocation.task)
        self.folder = task_folder(invocation.task, self.head, self.values)

    def steps(self, steps: "Sequence[Step]") -> "tuple[PlanStep, ...]":
        """The steps that are left when all that is known already is settled."""
        found: list[PlanStep] = []
        for step in steps:
            left = settle(step.when, self.values, self.filler.system(), self.head.folder)
            does: list[PlanStep] = []
            for action in step.does:
                if isinstance(action, Command):
                    does.append(self.script(action))
                elif isinstance(action, SetEnvironment):
                    does.append(self.setting(action))
                elif isinstance(action, InvokeCall):
                    does.append(self.invoke(action))
                else:
                    turn = IDLE if left is None else MAYBE if left else DONE
                    does += self.calls(action, max(turn, self.turn))
            if left:
                found.append(Guarded(left, tuple(does), step.position))
            elif left is not None:
                found += does
        return tuple(found)

    def script(self, step: Command) -> Script:
        """A command with its values."""
        values = self.values
        folder = self.folder
        if step.dir is not None:
            folder = resolved(beneath(self.head.folder, fill(step.dir, values)))
        return Script(
            fill(step.script, values),
            None if step.shown is None else fill(step.shown, values),
            step.quiet or self.quiet,
            folder,
            step.programs,
            step.pty,
            tuple((prompt, fill(answer, values)) for prompt, answer in step.respond),
            (),
            step.position,
        )

    def invoke(self, step: "InvokeCall") -> Script:
        """A task of Invoke's with its values."""
        from runner.plan.invoke_words import invoke_words  # noqa: PLC0415 - few projects have one

        folder, _, file = step.file.rpartition("/")
        module = file.removesuffix(".py")
        if file == "__init__.py":
            folder, _, module = folder.rpartition("/")
        up = "/".join([".."] * len(self.folder.split("/"))) if self.folder else "."
        root = "." if folder == self.folder else beneath(up, folder) or up
        argv = invoke_words(step.task, self.invocation.values, "", root, module, step.position)
        text = " ".join(("invoke", *map(shown_word, argv[6:])))
        return Script(text, None, self.quiet, self.folder, (), False, (), argv, step.position)

    def setting(self, step: SetEnvironment) -> Setting:
        """Variables with their values."""
        values = self.values
        found = tuple(
            (fill(name, values), None if value is None else fill(value, values))
            for name, value in step.variables
        )
        for name, _ in found:
            if not name or "=" in name or "\0" in name:
                raise PlanError(f"`{name}` can't be the name of a variable", step.position)
        return Setting(found, self.quiet, step.position)

    def calls(self, step: "SubTask", turn: int) -> "list[PlanStep]":
        """What a sub-task stands for: calls, or the steps of what is called."""
        idle = turn == IDLE
        found: list[PlanStep] = []
        for called in self.filler.called(step, self.invocation):
            if self.way:
                block = self.part(called, step, turn)
                found += [] if idle else [block]
                continue
            name = self.filler.add(called, step.position)
            (self.body.idle if idle else self.body.calls).setdefault(name, step.position)
            found.append(Called(name, step.position))
        return found

    def part(self, called: "Invocation", step: "SubTask", turn: int) -> Block:
        """The steps of what is called, as part of this action."""
        known = self.body.blocks.get((called.key, self.quiet, turn))
        if known is not None:
            return known
        task, owner = called.task, self.way[0].task
        keys = [one.key for one in self.way]
        if called.key in keys or len(keys) > _DEEPEST:
            circle = [*(one.label for one in self.way[keys.index(called.key) :]), called.label] \
                if called.key in keys else [called.label[:80]]  # fmt: skip
            raise PlanError(
                f"`{called.label[:80]}` calls itself: {' → '.join(circle)}",
                step.position,
                "take one of these calls away",
            )
        for fault, what in (
            (task.image is not None, "makes an image"),
            (task.persistent, "is a server"),
            (task.timeout, "has a `timeout` of its own"),
            (task.retries, "has `retries` of its own"),
            (task.secrets, "has `secrets` of its own"),
        ):
            if fault:
                raise PlanError(
                    f"`{owner.name}` declares what it reads or writes, so what it calls becomes part of it, and "
                    f"`{task.name}` {what}",
                    step.position,
                    f"name `{task.name}` under `deps`",
                )
        filling = _Filling(
            self.filler, self.body, called, (*self.way, called), self.quiet or task.quiet, turn
        )
        block = Block(
            "" if task.private else called.label,
            task.namespace,
            filling.head.interpreter,
            self.filler.env_of(called),
            filling.steps(task.steps),
            filling.steps(task.last),
        )
        self.body.blocks[called.key, self.quiet, turn] = block
        if turn != IDLE:
            _, maybe = self.body.parts.get(called.key, (called, True))
            self.body.parts[called.key] = (called, maybe and turn == MAYBE)
        return block


def task_folder(task: "Task", head: "Head", values: "Mapping[str, Value]") -> str:
    """The working folder of a task, relative to the top."""
    return resolved(beneath(head.folder, "" if task.dir is None else fill(task.dir, values)))
