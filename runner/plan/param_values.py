"""What an arg or an option may be, and whether a value is."""

from runner.errors import PlanError, UsageError, nearest
from runner.model.param import BOOL, FLOAT, INT
from runner.plan.expand import fill
from runner.plan.facts import FOLDER, LINK_TO_FOLDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.location import Position
    from runner.model.param import Param
    from runner.plan.expand import Value
    from runner.plan.facts import Tree

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def allowed_values(
    param: "Param", values: "Mapping[str, Value]", tree: "Tree", folder: str = ""
) -> "tuple[str, ...] | None":
    """The values that a param may have, in the file's order or sorted; None for any.

    Args:
        param: The arg or option.
        values: What its templates may name.
        tree: The files of the project.
        folder: The folder of the param's file, relative to the top.
    """
    if param.values is not None:
        return tuple(fill(value, values) for value in param.values)
    if param.glob is not None:
        pattern = fill(param.glob, values)
        return glob_values(f"{folder}/{pattern}" if folder else pattern, tree)
    return None


def glob_values(pattern: str, tree: "Tree") -> "tuple[str, ...]":
    """What the one `*` of a pattern stands for, sorted, names that begin with a dot left out.

    A pattern that ends in `/` matches folders only.
    """
    segments = [segment for segment in pattern.split("/") if segment not in {"", "."}]
    folders_only = pattern.endswith("/")
    at = next((i for i, segment in enumerate(segments) if "*" in segment), None)
    if at is None:
        return ()
    before, _, behind = segments[at].partition("*")
    folder = "/".join(segments[:at])
    rest = segments[at + 1 :]
    found = []
    for name, kind in (tree.names(folder) or {}).items():
        fits = name.startswith(before) and name.endswith(behind) and len(name) > len(before) + len(behind)
        if not fits or name.startswith("."):
            continue
        path = "/".join([*segments[:at], name, *rest])
        folder = path.rpartition("/")[0]
        at_end = (tree.names(folder) or {}).get(rest[-1], "") if rest else kind
        if at_end and (not folders_only or at_end in {FOLDER, LINK_TO_FOLDER}):
            found.append(name[len(before) : len(name) - len(behind)])
    return tuple(sorted(found))


def checked(
    param: "Param", value: str, allowed: "tuple[str, ...] | None", task: str, at: "Position | None"
) -> str:
    """The value, in the form in which templates see it.

    Raises:
        UsageError: It is of the wrong type, or not among those allowed, and came from the command line.
        PlanError: The same, and it stands in a file.
    """
    fault = ""
    if param.type == INT and not _is_int(value):
        fault = f"`{value}` is not a whole number"
    elif param.type == FLOAT and not _is_float(value):
        fault = f"`{value}` is not a number"
    elif param.type == BOOL:
        if value in _TRUE:
            return "true"
        if value in _FALSE:
            return "false"
        fault = f"`{value}` is not `true` or `false`"
    if fault:
        raise _error(f"{fault}, as the {param.name} of `{task}` must be", at, "")
    if allowed is not None and value not in allowed:
        raise _error(f"`{task}` knows no {param.name} `{value}`", at, values_hint(param, value, allowed))
    return value


def values_hint(param: "Param", value: str, allowed: "tuple[str, ...]") -> str:
    """What would be right instead of a value that is not allowed."""
    near = nearest(value, allowed) if value else ""
    if near:
        return f"did you mean `{near}`?"
    if not allowed:
        pattern = "".join(p for p in param.glob.parts if isinstance(p, str)) if param.glob is not None else ""
        return f"`{pattern}` matches nothing, so there is no value" if pattern else "it has no values"
    shown = ", ".join(allowed[:20])
    return f"one of: {shown}" + (f" and {len(allowed) - 20} more" if len(allowed) > 20 else "")


def _error(message: str, at: "Position | None", hint: str) -> UsageError | PlanError:
    return UsageError(message, None, hint) if at is None else PlanError(message, at, hint)


def _is_int(value: str) -> bool:
    digits = value[1:] if value[:1] in {"+", "-"} else value
    return digits.isascii() and digits.isdigit()


def _is_float(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return "_" not in value and value == value.strip()
