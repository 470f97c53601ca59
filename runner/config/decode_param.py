"""Args and options, from nodes to the model."""

import re
from collections.abc import Mapping as MappingType

from runner.config.fields import Faultbook, Scope, read_map
from runner.config.node import Mapping, Node, Scalar
from runner.errors import did_you_mean
from runner.location import Position
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
_NAME = re.compile("[A-Za-z0-9_-]+")
_SHORT = re.compile("[A-Za-z0-9]")


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
    shared: MappingType[str, Param] | None,
    seen: tuple[str, ...],
) -> tuple[Param, ...]:
    """The args or the options of a task, or those at the top.

    Args:
        book: Where faults go.
        node: A map of definitions, or a list of names of shared ones.
        kind: `arg` or `option`.
        shared: The shared ones by name; None if it is these that are defined.
        seen: The names that are defined already and may be named in templates here.
    """
    if isinstance(node, Scalar) and node.null:
        return ()
    if not isinstance(node, Mapping):
        if shared is not None:
            return _taken(book, node, kind, shared)
        book.wrong_type(node, f"`{kind}s`", "a map of definitions")
        return ()
    params: list[Param] = []
    for key, value in node:
        if not _NAME.fullmatch(key.text):
            book.add(
                f"`{key.text}` can't be the name of an {kind}",
                key.position,
                "use letters, digits, `_` and `-`",
            )
            continue
        names = seen + tuple(param.name for param in params)
        params.append(_decode(book, key, value, kind, names))
    # Shared args stand in no order: each task that takes them has its own.
    if shared is not None or kind == "option":
        check_order(book, [(param, param.position) for param in params], kind)
    return tuple(params)


def _taken(book: Faultbook, node: Node, kind: str, shared: MappingType[str, Param]) -> tuple[Param, ...]:
    found: dict[str, tuple[Param, Position]] = {}
    for item in book.items(node):
        name = book.text(item, f"the name of a shared {kind}")
        if name in found:
            book.add(f"`{name}` stands here a second time", item.position, "keep one of them")
        elif name in shared:
            found[name] = (shared[name], item.position)
        elif isinstance(item, Scalar) and not item.null:
            hint = did_you_mean(name, tuple(shared)) or f"define it under `{kind}s` at the top"
            book.add(f"there is no shared {kind} `{name}`", item.position, hint)
    check_order(book, list(found.values()), kind)
    return tuple(param for param, _ in found.values())


def check_order(book: Faultbook, params: list[tuple[Param, Position]], kind: str) -> None:
    """Note what can't stand side by side.

    A list is the last of the args; what may be left out stands behind what may not; a letter is one option's.

    Args:
        book: Where faults go.
        params: Params as a task has them, each with the place to blame.
        kind: `arg` or `option`.
    """
    for index, (param, at) in enumerate(params):
        before = [earlier for earlier, _ in params[:index]]
        if kind == "arg" and param.type == LIST and index < len(params) - 1:
            book.add(f"`{param.name}` takes all words that are left, so it must be the last", at)
        optional = bool(before) and not before[-1].required and before[-1].type != LIST
        if kind == "arg" and param.required and optional:
            book.add(
                f"`{param.name}` must be given, so it can't stand behind `{before[-1].name}`, "
                "which may be left out",
                at,
                "give it a `default`, or put it first",
            )
        twin = next((p for p in before if p.short and p.short == param.short), None)
        if twin is not None:
            book.add(f"`-{param.short}` is already `{twin.name}`", at, "choose another letter")


def _decode(book: Faultbook, key: Scalar, node: Node, kind: str, names: tuple[str, ...]) -> Param:
    draft = _Draft()
    scope = Scope(names, f"`{key.text}`", above=True)

    def type_(_: Scalar, value: Node) -> None:
        draft.type = _decode_type(book, value)

    def usage(_: Scalar, value: Node) -> None:
        draft.usage = book.text(value, "`usage`")

    def values(_: Scalar, value: Node) -> None:
        if not isinstance(value, Mapping):
            draft.values = book.strings(value, "a value", scope) or None
        elif read_map(book, value, "`values`", {"glob": glob}) and not value.pairs:
            book.add("`values` is a list, or a map with `glob`", value.position)

    def glob(_: Scalar, value: Node) -> None:
        draft.glob = book.template(value, "`glob`", scope, PATTERN)
        _check_star(book, draft.glob)

    def default(_: Scalar, value: Node) -> None:
        draft.default = book.template(value, "`default`", scope)

    def required(_: Scalar, value: Node) -> None:
        draft.required = book.flag(value, "`required`")

    def environment(_: Scalar, value: Node) -> None:
        draft.environment = book.text(value, "`environment`")

    def short(_: Scalar, value: Node) -> None:
        draft.short = book.text(value, "`short`")
        if isinstance(value, Scalar) and not value.null and not _SHORT.fullmatch(draft.short):
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


def _decode_type(book: Faultbook, node: Node) -> str:
    text = book.text(node, "`type`")
    if isinstance(node, Scalar) and not node.null and text.lower() not in _TYPES:
        hint = did_you_mean(text, ("string", "int", "float", "bool", "list"))
        book.add(f"`{text}` is not a type", node.position, hint)
    return _TYPES.get(text.lower(), STRING)


def _check_star(book: Faultbook, glob: Template) -> None:
    stars = sum(part.count("*") for part in glob.parts if isinstance(part, str))
    if glob.parts and stars != 1:
        book.add("`glob` needs exactly one `*`: what it stands for is the value", glob.position)
