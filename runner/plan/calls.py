"""The calls of a file: which task a call names, and the words that it gets."""

from runner.errors import PlanError, UsageError, did_you_mean, nearest
from runner.model.project import full_names, public_names, unknown_task_hint
from runner.plan.bind import Draft, option_named
from runner.plan.expand import fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.location import Position
    from runner.model.call import Call
    from runner.model.project import Project
    from runner.model.task import Task
    from runner.plan.expand import Value

_SHOWN = 12
"""Names that a hint lists at most."""


def find_task(project: "Project", name: str, at: "Position | None", namespace: str = "") -> "Task":
    """The task of that name.

    Args:
        project: The tasks.
        name: The name as it is written.
        at: Where, or None for the command line.
        namespace: The namespace of the file that names it.

    Raises:
        UsageError: There is none, and the command line named it.
        PlanError: There is none, and a file named it.
    """
    for full in full_names(name, namespace):
        task = project.task(full)
        if task is not None:
            return task
    message = f"there is no task `{name}`"
    if at is None:
        raise UsageError(message, None, _within_hint(name, project) or unknown_task_hint(name, project))
    raise PlanError(message, at, _within_hint(name, project) or did_you_mean(name, project.names()))


def _within_hint(name: str, project: "Project") -> str:
    """What to say to `NAMESPACE:TASK` where there is no such namespace, or it has no such task; else empty."""
    namespace, colon, short = name.lstrip(":").rpartition(":")
    known = tuple(head.namespace for head in project.heads[1:])
    if not colon or not known:
        return ""
    if namespace not in known:
        near = nearest(namespace, known)
        if near and project.task(f"{near}:{short}") is not None:
            return f"did you mean `{near}:{short}`?"
        return f"there is no namespace `{namespace}`; {_listed('namespaces', known)}"
    own = tuple(one for one in public_names(project) if one.startswith(f"{namespace}:"))
    near = nearest(short, tuple(one[len(namespace) + 1 :] for one in own))
    if near:
        return f"did you mean `{namespace}:{near}`?"
    return _listed(f"`{namespace}` has", own) if own else f"`{namespace}` has no task"


def _listed(what: str, names: "Sequence[str]") -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    sign = "" if what.endswith("has") else ":"
    return f"{what}{sign} {', '.join(names[:_SHOWN])}{more}"


def draft_of(project: "Project", call: "Call", values: "Mapping[str, Value]", namespace: str) -> Draft:
    """What a call of a file asks for.

    Args:
        project: The tasks.
        call: The call.
        values: What its templates may name.
        namespace: The namespace of its file.

    Raises:
        PlanError: There is no such task or option.
    """
    task = None
    if len(call.words) > 1:
        found = (project.task(full) for full in full_names(call.text, namespace))
        task = next((one for one in found if one is not None), None)
    words = [] if task is not None else _filled_words(call, values)
    if task is None:
        if not words:
            raise PlanError(f"there is no task: `{call.text}` is empty here", call.position)
        task = find_task(project, words.pop(0)[0], call.words[0].position, namespace)
    draft = Draft(task, call.position)
    take_words(draft, words)
    draft.args += [fill(template, values) for template in call.args]
    for option, template in call.options:
        param = next((p for p in draft.options_known() if p.name == option), None)
        if param is None:
            raise _no_option(draft, option)
        draft.add_option(param, fill(template, values))
    return draft


def _no_option(draft: Draft, name: str) -> PlanError:
    known = ", ".join(f"--{param.name}" for param in draft.options_known())
    hint = f"it has {known}" if known else "it has no options"
    short = name.lstrip("-").partition("=")[0]
    if any(short and short in {param.name, param.short} for param in draft.task.shared):
        hint = (
            "a shared option is one value for the whole run; take it into the task's own `options` to pass it"
        )
    return PlanError(f"`{draft.task.name}` has no option `{name}`", draft.at, hint)


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
        found = option_named(draft, word)
        if found is None:
            if word == "--all":
                draft.all = True
                continue
            raise _no_option(draft, word)
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
