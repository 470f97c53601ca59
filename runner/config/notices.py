"""What a writer of a task should know although nothing is wrong: what reads otherwise than it was likely meant."""

import re
from collections.abc import Iterable

from runner.model.param import LIST, STRING, Param
from runner.model.project import Notice
from runner.model.step import Command
from runner.model.task import Task
from runner.model.template import BARE, DOUBLE, Hole

_EXPANDED = re.compile(r"\$\(|\$[A-Za-z_]|`|^~(/|$)")
"""What a shell would expand."""


def notices_of(task: Task) -> Iterable[Notice]:
    """The `${x}` of a task that likely were meant to be several words, none at all, or something to be run."""
    params = {param.name: param for param in (*task.shared, *task.args, *task.options)}
    options = {param.name for param in (*task.shared, *task.options)}
    told: set[str] = set()
    for hole in _holes(task):
        param = params.get(hole.name)
        if param is None or hole.name in told or hole.context not in {BARE, DOUBLE}:
            continue
        notice = _blanks(hole, param) or _expansion(hole, param)
        if notice is None and hole.name in options:
            notice = _empty(hole, param)
        if notice is not None:
            told.add(hole.name)
            yield notice


def _blanks(hole: Hole, param: Param) -> Notice | None:
    """A bare hole whose default has blanks."""
    words = next((text.split() for text in _texts(param) if len(text.split()) > 1), None)
    if words is None or hole.context != BARE:
        return None
    name = hole.name
    listed = ", ".join(word if word.replace("-", "").isalnum() else f'"{word}"' for word in words)
    return Notice(
        f"the default of `{name}` has blanks, and `${{{name}}}` is one word here",
        f'write `"${{{name}}}"` if that is meant; for many words say `type: list` and `default: [{listed}]`',
        hole.position,
    )


def _expansion(hole: Hole, param: Param) -> Notice | None:
    """A default with something in it that a shell would have expanded."""
    found = next((text for text in _texts(param) if _EXPANDED.search(text)), None)
    if found is None:
        return None
    return Notice(
        f"the default of `{hole.name}` is `{found}`, and a value is never expanded or run",
        "for the output of a command: `default: {command: …}`; for a variable: `environment: NAME`",
        hole.position,
    )


def _empty(hole: Hole, param: Param) -> Notice | None:
    """A bare hole that is a word of its own, and empty where nobody gives it a value."""
    given = param.defaults or param.required or param.rewrite is not None or param.type != STRING
    if given or param.enumerated or hole.context != BARE or hole.detail:
        return None
    name = hole.name
    return Notice(
        f"where `{name}` is not given, `${{{name}}}` is an empty word here",
        f'write `"${{{name}}}"` if that is meant, give it a `default`, or say `type: list` for no word at all',
        hole.position,
    )


def _texts(param: Param) -> Iterable[str]:
    """The defaults that are plain text; of one with holes what stands between them."""
    for default in param.defaults:
        if param.type == LIST and default.value is not None and len(default.value) > 1:
            continue
        for template in default.value or ():
            yield "".join(
                part if isinstance(part, str) else "${" + part.name + "}" for part in template.parts
            )


def _holes(task: Task) -> Iterable[Hole]:
    for step in (*task.steps, *task.last):
        for action in step.does:
            if isinstance(action, Command):
                yield from (part for part in action.script.parts if isinstance(part, Hole))
