"""Words to invocations: what the args and options of a task are in one call of it.

The same reading serves the command line and the calls of a file. Words that come out of a template are never
taken for flags.
"""

from runner.errors import PlanError, UsageError
from runner.model.param import BOOL, LIST, ZERO
from runner.plan.expand import fill
from runner.plan.param_values import allowed_values, checked, values_hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.location import Position
    from runner.model.param import Param
    from runner.model.task import Task
    from runner.plan.expand import Value
    from runner.plan.facts import Facts


_YAML_BOOLS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
"""How a file may write a bool beside `true` and `false`."""


class Invocation:
    """A task with its args and options filled in.

    Args:
        task: The task.
        values: Every arg and option by its name.
        given: The words that were given, for its label.
    """

    __slots__ = ("given", "key", "label", "task", "values")

    def __init__(self, task: "Task", values: "dict[str, Value]", given: "tuple[str, ...]") -> None:
        self.task = task
        self.values = values
        self.given = given
        self.label = " ".join((task.name, *map(shown_word, given)))
        self.key = (task.name, tuple(sorted(values.items())))


class Draft:
    """A call that is being read.

    Args:
        task: The task called.
        at: Where the call stands, or None for the command line.
    """

    __slots__ = ("all", "args", "at", "options", "task")

    def __init__(self, task: "Task", at: "Position | None") -> None:
        self.task = task
        self.at = at
        self.args: list[str] = []
        self.options: dict[str, list[str]] = {}
        self.all = False

    def takes_more(self) -> bool:
        """Whether another word would still be an arg."""
        args = self.task.args
        return len(self.args) < len(args) or bool(args and args[-1].type == LIST)

    def add_option(self, param: "Param", value: str) -> None:
        """An option was given; of an option given twice the last value holds, a list keeps all."""
        if param.type == LIST:
            self.options.setdefault(param.name, []).append(value)
        else:
            self.options[param.name] = [value]


def option_named(task: "Task", word: str) -> "tuple[Param, str | None, str] | None":
    """The option that a word such as `--name`, `--name=value`, `-n` or `-n=value` is for.

    Returns:
        The option, the value within the word, and, where the word is a bundle of one-letter flags, the rest
        of the bundle as a word of its own. None if the task has no such option.
    """
    if len(word) < 2 or word[0] != "-":
        return None
    if word.startswith("--"):
        name, sign, value = word[2:].partition("=")
        param = next((p for p in task.options if p.name == name), None)
        return (param, value if sign else None, "") if param is not None else None
    param = next((p for p in task.options if p.short and p.short == word[1]), None)
    if param is None:
        return None
    rest = word[2:]
    if rest.startswith("="):
        return param, rest[1:], ""
    if not rest:
        return param, None, ""
    return (param, None, "-" + rest) if param.type == BOOL else None


def bind(draft: Draft, facts: "Facts") -> "tuple[Invocation, ...]":
    """The invocations that a call asks for: one, or with `--all` one for every value of the one enumerated arg.

    Raises:
        UsageError: Words of the command line that the task does not understand.
        PlanError: The same in a call of a file.
    """
    task = draft.task
    if not draft.all:
        return (_bind_one(draft, tuple(draft.args), facts),)
    enumerated = [index for index, param in enumerate(task.args) if param.enumerated]
    if len(enumerated) != 1 or draft.args[enumerated[0] :]:
        why = (
            "it has no arg with `values`"
            if not enumerated
            else "its value is given already"
            if len(enumerated) == 1
            else "it has more than one arg with `values`"
        )
        raise _error(draft, f"`--all` doesn't go with `{task.name}`: {why}", "")
    index = enumerated[0]
    allowed = allowed_values(task.args[index], _earlier(draft, index, facts), facts.tree) or ()
    if not allowed:
        param = task.args[index]
        raise _error(draft, f"`{task.name} --all` has nothing to do", values_hint(param, "", ()))
    return tuple(
        _bind_one(draft, (*draft.args[:index], value, *draft.args[index:]), facts) for value in allowed
    )


def _earlier(draft: Draft, index: int, facts: "Facts") -> "dict[str, Value]":
    """The values of the args before one."""
    values: dict[str, Value] = dict(facts.platform_names())
    for param, word in zip(draft.task.args[:index], draft.args, strict=False):
        values[param.name] = word
    return values


def _bind_one(draft: Draft, args: "tuple[str, ...]", facts: "Facts") -> Invocation:
    task = draft.task
    values: dict[str, Value] = {}
    seen: dict[str, Value] = dict(facts.platform_names())
    given: list[str] = []
    left = list(args)
    for param in task.args:
        value: Value
        if param.type == LIST and left:
            allowed = allowed_values(param, seen, facts.tree)
            value = tuple(checked(param, word, allowed, task.name, draft.at) for word in left)
            given += left
            left = []
        elif left:
            word = left.pop(0)
            value = checked(param, word, allowed_values(param, seen, facts.tree), task.name, draft.at)
            given.append(word)
        else:
            value = _fallback(param, draft, seen, facts)
        values[param.name] = seen[param.name] = value
    if left:
        takes = f"takes {len(task.args)} words" if len(task.args) > 1 else "takes one word"
        takes = "takes no words" if not task.args else takes
        hint = "" if task.args else f"`pyrun {task.name} --help` shows what it takes"
        raise _error(draft, f"`{left[0]}` is too many: `{task.name}` {takes}", hint)
    for param in task.options:
        words = draft.options.get(param.name)
        if words is None or words == [""]:
            value = _fallback(param, draft, seen, facts)
        else:
            allowed = allowed_values(param, seen, facts.tree)
            texts = tuple(checked(param, word, allowed, task.name, draft.at) for word in words)
            value = texts if param.type == LIST else texts[-1]
            for text in texts:
                given.append(
                    f"--{param.name}" if param.type == BOOL and text == "true" else f"--{param.name}={text}"
                )
        values[param.name] = seen[param.name] = value
    return Invocation(task, values, tuple(given))


def _fallback(param: "Param", draft: Draft, seen: "Mapping[str, Value]", facts: "Facts") -> "Value":
    """The value where the call gives none: the variable, the default, or the type's zero."""
    task = draft.task.name
    if param.environment:
        found = facts.variable(param.environment)
        if found:
            allowed = allowed_values(param, seen, facts.tree)
            value = checked(param, found, allowed, task, draft.at)
            return (value,) if param.type == LIST else value
    if param.default is not None:
        allowed = allowed_values(param, seen, facts.tree)
        text = fill(param.default, seen)
        if param.type == BOOL:
            text = _YAML_BOOLS.get(text.lower(), text)
        value = checked(param, text, allowed, task, param.default.position)
        return (value,) if param.type == LIST else value
    if param.required:
        kind = "option" if param in draft.task.options else "arg"
        allowed = allowed_values(param, seen, facts.tree)
        hint = values_hint(param, "", allowed) if allowed is not None else ""
        if allowed and kind == "arg":
            hint += "; or `--all`"
        what = f"the option `--{param.name}`" if kind == "option" else f"a {param.name}"
        raise _error(draft, f"`{task}` needs {what}", hint)
    return () if param.type == LIST else ZERO.get(param.type, "") if param in draft.task.options else ""


def _error(draft: Draft, message: str, hint: str) -> UsageError | PlanError:
    return UsageError(message, None, hint) if draft.at is None else PlanError(message, draft.at, hint)


def shown_word(word: str) -> str:
    """A word as a shell would want it typed."""
    if word and all(letter.isalnum() or letter in "_@%+=:,./-" for letter in word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"
