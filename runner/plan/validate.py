"""What is wrong with a project that is told only when somebody asks for the task: calls, and circles of them.

Only what a file says by itself is looked at: a call with a hole in it, and what hangs on a variable of the
caller, is known when the task is asked for and not before.
"""

from runner.errors import PlanError, PyrunError
from runner.model.step import SubTask
from runner.plan.bind import Binder
from runner.plan.calls import draft_of
from runner.plan.graph import ordered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.location import Position
    from runner.model.call import Call
    from runner.model.project import Head, Project
    from runner.model.task import Task
    from runner.plan.bind import Draft
    from runner.plan.facts import Facts, Tree
    from runner.plan.platform import Platform

_MOST = 20
"""Circles that are told."""


def faults_of(project: "Project", facts: "Facts") -> tuple[PyrunError, ...]:
    """All wrong calls and platforms without holes, and circles of deps and calls, in the order of the files.

    Args:
        project: The tasks.
        facts: How to ask about the world; no process is started if they are inert.
    """
    facts = _NoCaller(facts)
    faults: dict[Position, PyrunError] = {}
    edges: dict[str, tuple[tuple[str, Position], ...]] = {}
    tasks = [task for name in project.names() if (task := project.task(name)) is not None]
    for task in tasks:
        needs: dict[str, Position] = {}
        for call in _calls(task):
            if not _names_its_task(call):
                continue
            try:
                drafts = _drafts(project, facts, call, task)
                if _is_static(call) and not any(_hangs_on_caller(draft) for draft in drafts):
                    Binder(project, facts).bind(draft_of(project, call, {}, task.namespace))
            except PyrunError as error:
                faults.setdefault(call.position, error)
                continue
            for draft in drafts:
                needs.setdefault(draft.task.name, call.position)
        edges[task.name] = tuple(needs.items())
        for wrong in _no_platforms(task):
            faults.setdefault(wrong.at or task.position, wrong)
    for circle in _circles(edges):
        faults.setdefault(circle.at or tasks[0].position, circle)
    order = {head.file: number for number, head in enumerate(project.heads)}
    return tuple(sorted(faults.values(), key=lambda error: _place(error, order)))


def _no_platforms(task: "Task") -> "Iterator[PlanError]":
    """The platforms of an image that are none."""
    if task.image is None or not task.image.platforms:
        return
    from runner.plan.platforms import parse_platform  # noqa: PLC0415 - few images are for several

    for written in task.image.platforms:
        if len(written.parts) == 1 and isinstance(written.parts[0], str):
            try:
                parse_platform(written.parts[0], written.position)
            except PlanError as error:
                yield error


def _circles(edges: "Mapping[str, tuple[tuple[str, Position], ...]]") -> "Iterator[PlanError]":
    """The circles, each found when the call that closes the one before is left out."""
    left = dict(edges)
    for _ in range(_MOST):
        try:
            ordered(tuple(left), left, {name: name for name in left})
        except PlanError as error:
            yield error
            left = {
                name: tuple(need for need in needs if need[1] != error.at) for name, needs in left.items()
            }
        else:
            return


def _place(error: PyrunError, order: "Mapping[str, int]") -> tuple[int, int, int]:
    at = error.at
    return (order.get(at.path, len(order)), at.line, at.column) if at is not None else (0, 0, 0)


class _NoCaller:
    """The same world without the caller's variables, and with nothing that only a process could tell."""

    def __init__(self, facts: "Facts") -> None:
        self._facts = facts

    @property
    def tree(self) -> "Tree":
        """The files of the project."""
        return self._facts.tree

    def variable(self, name: str, head: "Head") -> str | None:
        """Nothing is set."""
        del name, head
        return None

    def origin(self, name: str, head: "Head") -> str:
        """Nobody set it."""
        del name, head
        return ""

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder."""
        return self._facts.exists(path)

    def output(self, argv: "Sequence[str]", folder: str, head: "Head") -> str | None:
        """Not known."""
        del argv, folder, head
        return None

    def succeeds(self, argv: "Sequence[str]", folder: str, head: "Head") -> bool | None:
        """Not known."""
        del argv, folder, head
        return None

    def platform(self) -> "Platform":
        """The platform of this machine."""
        return self._facts.platform()

    def platform_names(self) -> "Mapping[str, str]":
        """The names that every template may use."""
        return self._facts.platform_names()


def _drafts(project: "Project", facts: "Facts", call: "Call", task: "Task") -> "tuple[Draft, ...]":
    """What a call leads to as far as that is plain: of a task of several included files the ones meant."""
    if not _is_static(call):
        named = draft_of(project, _name_only(call), {}, task.namespace)
        return () if named.task.spread else (named,)
    draft = draft_of(project, call, {}, task.namespace)
    return tuple(Binder(project, facts).picked(draft)) if draft.task.spread else (draft,)


def _name_only(call: "Call") -> "Call":
    """The same call without its words."""
    return type(call)(call.text, call.words[:1], (), (), call.position)


def _hangs_on_caller(draft: "Draft") -> bool:
    """Whether what must be given may come from the caller."""
    task = draft.task
    own = [*task.args[len(draft.args) :], *task.options]
    return any(param.required for param in task.shared) or any(
        param.required and param.environment for param in own
    )


def _calls(task: "Task") -> "Iterator[Call]":
    """All calls of a task, whatever their conditions."""
    yield from task.deps
    for step in (*task.steps, *task.last):
        yield from (action.call for action in step.does if isinstance(action, SubTask))
    if task.image is not None:
        yield from (copy.call for copy in task.image.copy if copy.call is not None)


def _names_its_task(call: "Call") -> bool:
    return all(isinstance(part, str) for part in call.words[0].parts)


def _is_static(call: "Call") -> bool:
    """Whether a call has no hole."""
    texts = (*call.words, *call.args, *(value for _, value in call.options))
    return all(isinstance(part, str) for text in texts for part in text.parts)
