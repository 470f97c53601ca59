"""The command line that has Invoke run one of its tasks.

Invoke knows no way to say that a word is a value and not one of the task's own flags, so a value that reads as
one is refused here: it would be taken for something else without a word.
"""

from runner.errors import PlanError
from runner.model.invoke import COUNT
from runner.model.param import BOOL, LIST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.location import Position
    from runner.model.invoke import InvokeParam, InvokeTask
    from runner.plan.expand import Value


def invoke_words(
    task: "InvokeTask",
    values: "Mapping[str, Value]",
    python: str,
    folder: str,
    module: str,
    at: "Position | None" = None,
) -> tuple[str, ...]:
    """The words of the process that runs an Invoke task with exactly these values.

    Args:
        task: The task.
        values: The values by the names of its params, in the form in which templates see them. A param that is
            missing here keeps Invoke's default, and so does an empty value of one that need not be given and
            has no text for a default: an option that was not given can't be told from an empty one.
        python: The interpreter that has Invoke.
        folder: The absolute folder of the `tasks.py`.
        module: The file's name without `.py`, or the package's.
        at: Where the values come from, for errors.

    Raises:
        PlanError: Invoke would take a value for one of its own words.
    """
    known = _flags(task)
    # Without `-P`, a folder `invoke` below the working folder would be taken for Invoke.
    words = [python, "-P", "-m", "invoke", f"--search-root={folder}", f"--collection={module}", task.name]
    # An optional flag without its value would take what follows for ambiguous while something is missing.
    for param in sorted(task.params, key=lambda param: not param.required):
        if param.name in values:
            words += _words(task, param, values[param.name], known, at)
    return tuple(words)


def _words(
    task: "InvokeTask", param: "InvokeParam", value: "Value", known: frozenset[str], at: "Position | None"
) -> "list[str]":
    flag = _flag(param.name)
    if param.type == BOOL:
        return _switch(task, param, value == "true", at)
    if param.type == COUNT and isinstance(value, str):
        return [flag] * _times(task, param, value, at)
    if isinstance(value, str) and not value and not param.required and not isinstance(param.default, str):
        return []
    texts = (value,) if isinstance(value, str) else value
    if param.type != LIST:
        texts = texts[-1:]
    for text in texts:
        _check(task, param, text, known, at)
    return [f"{flag}={text}" for text in texts]


def _switch(task: "InvokeTask", param: "InvokeParam", wanted: bool, at: "Position | None") -> "list[str]":
    if wanted == bool(param.default):
        return []
    if wanted:
        return [_flag(param.name)]
    inverse = _flag(f"no-{param.name}")
    if any(_flag(other.name) == inverse for other in task.params):
        raise PlanError(
            f"`{task.name}` can't be told to leave out {param.name}: for Invoke, `{inverse}` is another option",
            at,
            "rename one of its parameters",
        )
    return [inverse]


def _times(task: "InvokeTask", param: "InvokeParam", value: str, at: "Position | None") -> int:
    """How often a counting flag is to be given."""
    begin = param.default if isinstance(param.default, int) else 0
    times = int(value or begin) - begin
    if times < 0:
        raise PlanError(
            f"the {param.name} of `{task.name}` counts up from {begin}, so it can't be {value}",
            at,
            f"give {begin} or more",
        )
    return times


def _check(
    task: "InvokeTask", param: "InvokeParam", text: str, known: frozenset[str], at: "Position | None"
) -> None:
    taken = text in known
    if param.optional:
        taken = taken or text.partition("=")[0] in known or text[:2] in known or text in task.reserved
    if taken or "\0" in text:
        why = "it has a NUL" if "\0" in text else "Invoke would take it for a word of its own"
        raise PlanError(
            f"`{text}` can't be the {param.name} of `{task.name}`: {why}", at, "give another value"
        )


def _flags(task: "InvokeTask") -> frozenset[str]:
    """All flags that the task has in Invoke."""
    found = set()
    for param in task.params:
        found.add(_flag(param.name))
        if param.short:
            found.add(_flag(param.short))
        if param.type == BOOL and param.default is True:
            found.add(_flag(f"no-{param.name}"))
    return frozenset(found)


def _flag(name: str) -> str:
    return f"-{name}" if len(name) == 1 else f"--{name}"
