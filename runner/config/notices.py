"""What a writer of a task should know although nothing is wrong: what reads otherwise than it was likely meant."""

from collections.abc import Iterable

from runner.model.param import LIST, Param
from runner.model.project import Notice
from runner.model.step import Command
from runner.model.task import Task
from runner.model.template import BARE, Hole


def notices_of(task: Task) -> Iterable[Notice]:
    """The bare `${x}` of a task whose default has blanks: it was likely meant to be several words."""
    params = {param.name: param for param in (*task.shared, *task.args, *task.options)}
    told: set[str] = set()
    for hole in _holes(task):
        param = params.get(hole.name)
        if hole.context == BARE and hole.name not in told and param is not None and _has_blanks(param):
            told.add(hole.name)
            yield Notice(
                f"the default of `{hole.name}` has blanks, and `${{{hole.name}}}` is one word here",
                f'write `"${{{hole.name}}}"` if that is meant, or say `type: list` for many words',
                hole.position,
            )


def _has_blanks(param: Param) -> bool:
    """Whether a default that is plain text would be several words."""
    return param.type != LIST and any(
        isinstance(part, str) and len(part.split()) > 1
        for default in param.defaults
        for template in default.value or ()
        for part in template.parts
    )


def _holes(task: Task) -> Iterable[Hole]:
    for step in (*task.steps, *task.last):
        for action in step.does:
            if isinstance(action, Command):
                yield from (part for part in action.script.parts if isinstance(part, Hole))
