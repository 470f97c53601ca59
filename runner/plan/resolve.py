"""Model and calls to a plan: every invocation once, everything filled in, edges drawn."""

from runner.errors import PlanError, UsageError
from runner.model.codec import write_json
from runner.model.project import unknown_task_hint
from runner.model.task import EXCLUDE, GO
from runner.plan.action import Action, Package, Plan, Script, Sources
from runner.plan.bind import Draft, Invocation, bind, option_named
from runner.plan.expand import fill
from runner.plan.graph import check_images, check_targets, ordered
from runner.plan.pattern import parse_pattern
from runner.plan.plan_image import plan_image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.location import Position
    from runner.model.call import Call
    from runner.model.project import Project
    from runner.model.step import Command
    from runner.model.task import Source, Task
    from runner.model.template import Template
    from runner.plan.expand import Value
    from runner.plan.facts import Facts
    from runner.plan.pattern import Pattern


def make_plan(project: "Project", asked: "Sequence[Invocation]", facts: "Facts") -> Plan:
    """The plan for some invocations.

    Args:
        project: The tasks.
        asked: What was asked for, in order.
        facts: How to ask about the world.

    Raises:
        PlanError: Something the plan needs is not there, goes in circles, or two write the same path.
    """
    planner = _Planner(project, facts)
    wanted = tuple(dict.fromkeys(planner.add(invocation) for invocation in asked))
    planner.discover()
    order = ordered(wanted, planner.deps, planner.labels)
    actions = tuple(planner.action(name) for name in order)
    check_targets(actions, project.head.file)
    check_images(actions)
    return Plan(actions, wanted)


def find_task(project: "Project", name: str, at: "Position | None") -> "Task":
    """The task of that name.

    Raises:
        UsageError: There is none, and the command line named it.
        PlanError: There is none, and a file named it.
    """
    task = project.task(name)
    if task is not None:
        return task
    message, hint = f"there is no task `{name}`", unknown_task_hint(name, project)
    raise UsageError(message, None, hint) if at is None else PlanError(message, at, hint)


_DEEPEST = 5000
"""Calls from the one asked for to the one farthest away; no real project comes near."""


class _Planner:
    """Invocations by id, grown until nothing new is reached."""

    def __init__(self, project: "Project", facts: "Facts") -> None:
        self.project = project
        self.facts = facts
        self.invocations: dict[str, Invocation] = {}
        self.labels: dict[str, str] = {}
        self.deps: dict[str, tuple[tuple[str, Position], ...]] = {}
        self.copied: dict[str, tuple[str, ...]] = {}
        self.depths: dict[str, int] = {}
        self.open: list[str] = []

    def add(self, invocation: Invocation, depth: int = 0, at: "Position | None" = None) -> str:
        """The id of an invocation, made known."""
        task, values = invocation.key
        name = write_json([task, *([key, value] for key, value in values)])
        if name not in self.invocations:
            self.invocations[name] = invocation
            self.labels[name] = invocation.label
            self.depths[name] = depth
            self.open.append(name)
            if depth > _DEEPEST:
                raise PlanError(
                    f"`{task}` leads to ever new calls, the last one of {depth} being `{invocation.label[:80]}`",
                    at,
                    "does a task call itself with a value that grows?",
                )
        return name

    def discover(self) -> None:
        """Follow deps and copies until there is nothing new."""
        while self.open:
            name = self.open.pop()
            invocation = self.invocations[name]
            values = self.values(invocation)
            depth = self.depths[name] + 1
            found: dict[str, Position] = {}
            for call in invocation.task.deps:
                for need in self.called(call, values):
                    found.setdefault(self.add(need, depth, call.position), call.position)
            copied = []
            for copy in invocation.task.image.copy if invocation.task.image is not None else ():
                if copy.call is None:
                    copied.append("")
                    continue
                needs = self.called(copy.call, values)
                if len(needs) != 1:
                    raise PlanError("a `copy` names one task", copy.position, "write an item for each")
                copied.append(self.add(needs[0], depth, copy.call.position))
                found.setdefault(copied[-1], copy.call.position)
            self.deps[name] = tuple(found.items())
            self.copied[name] = tuple(copied)

    def values(self, invocation: Invocation) -> "Mapping[str, Value]":
        """All names that templates of an invocation may use."""
        return {**self.facts.platform_names(), **invocation.values}

    def called(self, call: "Call", values: "Mapping[str, Value]") -> tuple[Invocation, ...]:
        """The invocations that a call of a file asks for."""
        task = self.project.task(call.text) if len(call.words) > 1 else None
        words = [] if task is not None else _filled_words(call, values)
        if task is None:
            task = find_task(self.project, words.pop(0)[0], call.position)
        draft = Draft(task, call.position)
        take_words(draft, words)
        draft.args += [fill(template, values) for template in call.args]
        for option, template in call.options:
            param = next((p for p in task.options if p.name == option), None)
            if param is None:
                raise PlanError(f"`{task.name}` has no option `{option}`", call.position)
            draft.add_option(param, fill(template, values))
        return bind(draft, self.facts)

    def action(self, name: str) -> Action:
        """The action of an invocation whose deps are known."""
        invocation = self.invocations[name]
        task = invocation.task
        values = self.values(invocation)
        folder = "" if task.dir is None else folder_text(fill(task.dir, values))
        copied = self.copied[name]
        targets = self.targets(task, values)
        image = None
        if task.image is not None:
            image = plan_image(task.image, values, self.facts, [self.copy_source(need) for need in copied])
        return Action(
            name,
            invocation.label,
            task.name,
            invocation.key[1],
            tuple(self.script(step, values, folder) for step in task.steps),
            self.project.head.interpreter,
            self.env(task, invocation.values, values),
            folder,
            None if task.sources is None else _sources(task.sources, values),
            targets,
            tuple(need for need, _ in self.deps[name]),
            task.persistent,
            image,
            copied,
            task.position,
        )

    def copy_source(self, need: str) -> "tuple[str, tuple[Pattern, ...]] | None":
        """The label and the targets of a task that is copied from."""
        if not need:
            return None
        invocation = self.invocations[need]
        return invocation.label, self.targets(invocation.task, self.values(invocation)) or ()

    def targets(self, task: "Task", values: "Mapping[str, Value]") -> "tuple[Pattern, ...] | None":
        """What a task writes."""
        if not task.targets:
            return None
        return tuple(parse_pattern(fill(target, values), target.position) for target in task.targets)

    def env(
        self, task: "Task", own: "Mapping[str, Value]", values: "Mapping[str, Value]"
    ) -> tuple[tuple[str, str], ...]:
        """The fixed variables of a task; for an interpreter that is no shell its values too."""
        found = {key: self.variable(value, values) for key, value in task.env}
        if not self.project.head.shell:
            for name, value in own.items():
                if name.isidentifier() and name.isascii() and isinstance(value, str):
                    found.setdefault(name, value)
        return tuple(found.items())

    def variable(self, template: "Template", values: "Mapping[str, Value]") -> str:
        """The value of a variable; an unknown name is the caller's."""
        return fill(template, values, lambda name: self.facts.variable(name) or "")

    def script(self, step: "Command", values: "Mapping[str, Value]", folder: str) -> Script:
        """A command with its values."""
        return Script(
            fill(step.script, values),
            None if step.shown is None else fill(step.shown, values),
            step.quiet,
            folder if step.dir is None else folder_text(fill(step.dir, values)),
            step.programs,
            step.position,
        )


def _filled_words(call: "Call", values: "Mapping[str, Value]") -> "list[tuple[str, bool]]":
    """The words of a call, each with whether it may be a flag: only what the file itself says may."""
    words: list[tuple[str, bool]] = []
    for template in call.words:
        parts = template.parts
        first = parts[0] if parts else ""
        if len(parts) == 1 and not isinstance(first, str):
            value = values.get(first.name, "")
            if isinstance(value, tuple):
                words += [(word, False) for word in value]
                continue
        words.append((fill(template, values), isinstance(first, str) and first.startswith("-")))
    return words


def take_words(draft: Draft, words: "Sequence[tuple[str, bool]]") -> None:
    """Give the words of a file's call to its draft.

    Raises:
        PlanError: A flag that the task does not have.
    """
    left = list(reversed(words))
    while left:
        word, may_be_flag = left.pop()
        if word == "--" and may_be_flag:
            draft.args += [text for text, _ in reversed(left)]
            return
        if not may_be_flag or word == "-":
            draft.args.append(word)
            continue
        found = option_named(draft.task, word)
        if found is None:
            if word == "--all":
                draft.all = True
                continue
            known = ", ".join(f"--{param.name}" for param in draft.task.options)
            hint = f"it has {known}" if known else "it has no options"
            raise PlanError(f"`{draft.task.name}` has no option `{word}`", draft.at, hint)
        param, value, rest = found
        if rest:
            left.append((rest, True))
        if value is None:
            if param.type == "bool":
                value = "true"
            elif not left:
                raise PlanError(f"`{word}` needs a value", draft.at, f"write `{word}=VALUE`")
            else:
                value = left.pop()[0]
        draft.add_option(param, value)


def folder_text(written: str) -> str:
    """A working folder as a path without `.` and without `..` where they can be resolved."""
    if written.startswith("/"):
        return written.rstrip("/") or "/"
    names: list[str] = []
    for name in written.split("/"):
        if name == ".." and names and names[-1] != "..":
            names.pop()
        elif name not in {"", "."}:
            names.append(name)
    return "/".join(names)


def _sources(sources: "Sequence[Source]", values: "Mapping[str, Value]") -> Sources:
    patterns = []
    excludes = []
    packages = []
    for source in sources:
        text = fill(source.text, values)
        if source.kind == GO:
            packages.append(Package(text, source.tests, source.position))
        elif source.kind == EXCLUDE:
            excludes.append(parse_pattern(text, source.position))
        else:
            patterns.append((parse_pattern(text, source.position), source.position))
    return Sources(tuple(patterns), tuple(excludes), tuple(packages))
