"""Args and options, from nodes to the model."""

from collections.abc import Mapping as MappingType

from runner.config.fields import Faultbook, Scope, read_map
from runner.config.node import Mapping, Node, Scalar, Sequence
from runner.errors import did_you_mean
from runner.model.param import BOOL, FLOAT, INT, LIST, STRING, Param
from runner.model.template import PATTERN, Template

_TYPES = {
    "string": STRING,
    "int": INT,
    "integer": INT,
    "float": FLOAT,
    "float64": FLOAT,
    "double": FLOAT,
    "bool": BOOL,
    "boolean": BOOL,
    "list": LIST,
}
_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


class _Draft:
    """What has been read of a param so far."""

    def __init__(self) -> None:
        self.type = STRING
        self.usage = ""
        self.values: tuple[Template, ...] | None = None
        self.glob: Template | None = None
        self.default: Template | None = None
        self.required: bool | None = None
        self.environment = ""
        self.short = ""


def decode_params(
    book: Faultbook,
    node: Node,
    kind: str,
    shared: MappingType[str, Param],
    seen: tuple[str, ...],
) -> tuple[Param, ...]:
    """The args or the options of a task, or those at the top.

    Args:
        book: Where faults go.
        node: A map of definitions, or a list of names of shared ones.
        kind: `arg` or `option`.
        shared: The shared ones by name.
        seen: The names that are defined already and may be named in templates here.
    """
    if isinstance(node, Scalar) and node.null:
        return ()
    if isinstance(node, Sequence) or (isinstance(node, Scalar) and shared):
        return _taken(book, node, kind, shared)
    if not isinstance(node, Mapping):
        book.wrong_type(node, f"`{kind}s`", "a map of definitions or a list of shared names")
        return ()
    params: list[Param] = []
    for key, value in node:
        if not key.text or not set(key.text) <= _NAME_LETTERS:
            book.add(
                f"`{key.text}` can't be the name of an {kind}",
                key.position,
                "use letters, digits, `_` and `-`",
            )
            continue
        names = seen + tuple(param.name for param in params)
        params.append(_decode(book, key, value, kind, names))
    _check_order(book, params, kind)
    return tuple(params)


def _taken(book: Faultbook, node: Node, kind: str, shared: MappingType[str, Param]) -> tuple[Param, ...]:
    found = []
    for item in book.items(node):
        name = book.text(item, f"the name of a shared {kind}")
        if name in shared:
            found.append(shared[name])
        elif name:
            hint = did_you_mean(name, tuple(shared)) or f"define it under `{kind}s` at the top"
            book.add(f"there is no shared {kind} `{name}`", item.position, hint)
    return tuple(found)


def _check_order(book: Faultbook, params: list[Param], kind: str) -> None:
    """A list is last; what may be left out stands behind what may not; a letter is one option's."""
    for index, param in enumerate(params):
        if kind == "arg" and param.type == LIST and index < len(params) - 1:
            book.add(f"`{param.name}` takes all words that are left, so it must be the last", param.position)
        if kind == "arg" and param.required and index and not params[index - 1].required:
            book.add(
                f"`{param.name}` must be given, so it can't stand behind `{params[index - 1].name}`, "
                "which may be left out",
                param.position,
                "give it a `default`, or put it first",
            )
        twin = next((p for p in params[:index] if p.short and p.short == param.short), None)
        if twin is not None:
            book.add(f"`-{param.short}` is already `{twin.name}`", param.position, "choose another letter")


def _decode(book: Faultbook, key: Scalar, node: Node, kind: str, names: tuple[str, ...]) -> Param:
    draft = _Draft()
    scope = Scope(names, f"`{key.text}`")

    def type_(_: Scalar, value: Node) -> None:
        text = book.text(value, "`type`")
        if text and text.lower() not in _TYPES:
            hint = did_you_mean(text, ("string", "int", "float", "bool", "list"))
            book.add(f"`{text}` is not a type", value.position, hint)
        draft.type = _TYPES.get(text.lower(), STRING)

    def usage(_: Scalar, value: Node) -> None:
        draft.usage = book.text(value, "`usage`")

    def values(_: Scalar, value: Node) -> None:
        if isinstance(value, Mapping):
            read_map(book, value, "`values`", {"glob": glob})
        else:
            draft.values = book.strings(value, "a value", scope)

    def glob(_: Scalar, value: Node) -> None:
        draft.glob = book.template(value, "`glob`", scope, PATTERN)
        text = "".join(part for part in draft.glob.parts if isinstance(part, str))
        if text.count("*") != 1 and draft.glob.parts:
            book.add("`glob` needs exactly one `*`: what it stands for is the value", value.position)

    def default(_: Scalar, value: Node) -> None:
        draft.default = book.template(value, "`default`", scope)

    def required(_: Scalar, value: Node) -> None:
        draft.required = book.flag(value, "`required`")

    def environment(_: Scalar, value: Node) -> None:
        draft.environment = book.text(value, "`environment`")

    def short(_: Scalar, value: Node) -> None:
        draft.short = book.text(value, "`short`")
        if len(draft.short) != 1 or not draft.short.isalnum():
            book.add("`short` is one letter or digit", value.position)
            draft.short = ""

    handlers = {
        "usage": usage, "type": type_, "values": values, "default": default,
        "environment": environment, "required": required,
    }  # fmt: skip
    if kind == "option":
        handlers["short"] = short
    read_map(book, node, f"the {kind} `{key.text}`", handlers)
    if draft.required and draft.default is not None:
        book.add(f"`{key.text}` can't be required and have a default", key.position, "remove one of them")
    if kind == "arg":
        required_now = draft.required if draft.required is not None else draft.default is None
        required_now = required_now and not (draft.type == LIST and draft.required is None)
    else:
        required_now = bool(draft.required)
    return Param(
        key.text, draft.type, draft.usage, draft.values, draft.glob, draft.default, required_now,
        draft.environment, draft.short, key.position,
    )  # fmt: skip
