"""Args and options, from nodes to the model."""

import re
from collections.abc import Mapping as MappingType

from runner.config.decode_when import decode_when
from runner.config.fields import Faultbook, Handler, Scope, read_map
from runner.config.language import Language
from runner.config.node import Mapping, Node, Scalar, Sequence
from runner.errors import did_you_mean
from runner.location import Position
from runner.model.param import BOOL, FLOAT, INT, LIST, STRING, Default, Param
from runner.model.template import PATTERN, Template
from runner.model.when import When

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
ARG, OPTION = "arg", "option"


class Known:
    """What definitions of args and options may use.

    Args:
        language: How their texts are read.
        shared: The shared ones by name; None where it is these that are defined.
        seen: Those that are defined already and may be named in templates here, by name.
        names: Further names that may be.
    """

    __slots__ = ("language", "names", "seen", "shared")

    def __init__(
        self,
        language: Language,
        shared: MappingType[str, Param] | None,
        seen: MappingType[str, Param],
        names: tuple[str, ...],
    ) -> None:
        self.language = language
        self.shared = shared
        self.seen = seen
        self.names = names


def decode_params(book: Faultbook, node: Node, kind: str, known: Known) -> tuple[Param, ...]:
    """The args or the options of a task, or those at the top.

    Args:
        book: Where faults go.
        node: A map of definitions, or a list of names of shared ones.
        kind: ARG or OPTION.
        known: What they may use.
    """
    if isinstance(node, Scalar) and node.null:
        return ()
    if not isinstance(node, Mapping):
        if known.shared is not None:
            return _taken(book, node, kind, known.shared)
        book.wrong_type(node, f"`{kind}s`", "a map of definitions")
        return ()
    params: dict[str, Param] = {}
    for key, value in node:
        if not _NAME.fullmatch(key.text):
            book.add(
                f"`{key.text}` can't be the name of an {kind}",
                key.position,
                "use letters, digits, `_` and `-`",
            )
            continue
        params[key.text] = _ParamReader(book, key, kind, known, {**known.seen, **params}).read(value)
    # Shared args stand in no order: each task that takes them has its own.
    found = tuple(params.values())
    if known.shared is not None or kind == OPTION:
        check_order(book, [(param, param.position) for param in found], kind)
    return found


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
        kind: ARG or OPTION.
    """
    for index, (param, at) in enumerate(params):
        before = [earlier for earlier, _ in params[:index]]
        if kind == ARG and param.type == LIST and index < len(params) - 1:
            book.add(f"`{param.name}` takes all words that are left, so it must be the last", at)
        optional = bool(before) and not before[-1].required and before[-1].type != LIST
        if kind == ARG and param.required and optional:
            book.add(
                f"`{param.name}` must be given, so it can't stand behind `{before[-1].name}`, "
                "which may be left out",
                at,
                "give it a `default`, or put it first",
            )
        twin = next((p for p in before if p.short and p.short == param.short), None)
        if twin is not None:
            book.add(f"`-{param.short}` is already `{twin.name}`", at, "choose another letter")


class _ParamReader:
    """Reads one definition."""

    def __init__(
        self, book: Faultbook, key: Scalar, kind: str, known: Known, seen: MappingType[str, Param]
    ) -> None:
        self.book = book
        self.key = key
        self.kind = kind
        self.seen = seen
        self.language = known.language
        self.scope = Scope((*known.names, *seen), f"`{key.text}`", above=True, literal=known.language.tusk)
        self.type = STRING
        self.usage = ""
        self.values: tuple[Template, ...] | None = None
        self.glob: Template | None = None
        self.defaults: tuple[Default, ...] = ()
        self.required: bool | None = None
        self.environment = ""
        self.short = ""
        self.private = False
        self.rewrite: Template | None = None

    def read(self, node: Node) -> Param:
        """The definition."""
        handlers: dict[str, Handler] = {
            "usage": self.take_usage, "type": self.take_type, "values": self.take_values,
            "default": self.take_default, "environment": self.take_environment, "required": self.take_required,
        }  # fmt: skip
        if self.kind == OPTION:
            handlers |= {
                "short": self.take_short, "private": self.take_private, "rewrite": self.take_rewrite,
            }  # fmt: skip
        elif self.language.tusk:
            handlers |= dict.fromkeys(("default", "required", "environment"), self.refuse)
        read_map(self.book, node, f"the {self.kind} `{self.key.text}`", handlers)
        self.check(node)
        return Param(
            self.key.text, self.type, self.usage, self.values, self.glob, self.defaults, self.needed(),
            self.environment, self.short, self.private, self.rewrite, self.key.position,
        )  # fmt: skip

    def needed(self) -> bool:
        """Whether one must be given: an option where it says so, an arg unless it says or shows otherwise."""
        if self.kind == OPTION or self.required is not None:
            return bool(self.required)
        return not self.defaults and self.type != LIST

    def check(self, node: Node) -> None:
        """What no key can say for itself."""
        name, at = self.key.text, self.key.position
        if self.required and self.defaults:
            self.book.add(f"`{name}` can't be required and have a default", at, "remove one of them")
        if self.rewrite is not None and self.type != BOOL:
            self.book.add(f"only a bool has a `rewrite`, and `{name}` is none", at, "say `type: bool`")
        if self.private:
            told = [key for key, _ in node if key.text in _TOLD] if isinstance(node, Mapping) else []
            for key in told:
                why = "nobody can give it, so it is made of its `default` only"
                self.book.add(f"`{name}` is private and has no `{key.text}`", key.position, why)

    def refuse(self, key: Scalar, _: Node) -> None:
        """What an arg can have in a `tasks.yml` only."""
        self.book.add(
            f"in a tusk.yml an arg has no `{key.text}`",
            key.position,
            "rename the file to tasks.yml, where it may have one, or make it an option",
        )

    def take_usage(self, _: Scalar, node: Node) -> None:
        self.usage = self.book.text(node, "`usage`")

    def take_type(self, _: Scalar, node: Node) -> None:
        text = self.book.text(node, "`type`")
        if isinstance(node, Scalar) and not node.null and text.lower() not in _TYPES:
            hint = did_you_mean(text, ("string", "int", "float", "bool", "list"))
            self.book.add(f"`{text}` is not a type", node.position, hint)
        self.type = _TYPES.get(text.lower(), STRING)

    def take_values(self, _: Scalar, node: Node) -> None:
        if not isinstance(node, Mapping):
            self.values = self.book.strings(node, "a value", self.scope) or None
        elif read_map(self.book, node, "`values`", {"glob": self.take_glob}) and not node.pairs:
            self.book.add("`values` is a list, or a map with `glob`", node.position)

    def take_glob(self, _: Scalar, node: Node) -> None:
        self.glob = self.book.template(node, "`glob`", self.scope, PATTERN)
        _check_star(self.book, self.glob)

    def take_default(self, _: Scalar, node: Node) -> None:
        if isinstance(node, Scalar) and node.null:
            return
        if self.type == LIST and isinstance(node, Sequence) and _only_texts(node):
            words = self.book.strings(node, "`default`", self.scope)
            self.defaults = (Default((), words, None, node.position),)
            return
        self.defaults = tuple(map(self.default, self.book.items(node)))

    def default(self, node: Node) -> Default:
        """One entry: a text, or a map with conditions and a value or command."""
        if not isinstance(node, Mapping):
            return Default((), (self.book.template(node, "`default`", self.scope),), None, node.position)
        when: list[When] = []
        value: list[Template] = []
        command: list[Template] = []

        def when_(_: Scalar, inner: Node) -> None:
            when.append(decode_when(self.book, inner, self.scope, self.language, self.seen))

        def value_(_: Scalar, inner: Node) -> None:
            value.append(self.book.template(inner, "`value`", self.scope))

        def command_(key: Scalar, inner: Node) -> None:
            command.append(self.language.script(self.book, inner, "`command`", self.scope))
            if value:
                self.book.add("a default has a `value` or a `command`, not both", key.position)

        read_map(self.book, node, "a default", {"when": when_, "value": value_, "command": command_})
        return Default(
            tuple(item for items in when for item in items),
            tuple(value) if value else None,
            command[0] if command else None,
            node.position,
        )

    def take_required(self, _: Scalar, node: Node) -> None:
        self.required = self.book.flag(node, "`required`")

    def take_environment(self, _: Scalar, node: Node) -> None:
        self.environment = self.book.text(node, "`environment`")

    def take_short(self, _: Scalar, node: Node) -> None:
        self.short = self.book.text(node, "`short`")
        if isinstance(node, Scalar) and not node.null and not _SHORT.fullmatch(self.short):
            self.book.add("`short` is one letter or digit", node.position)
            self.short = ""

    def take_private(self, _: Scalar, node: Node) -> None:
        self.private = self.book.flag(node, "`private`")

    def take_rewrite(self, _: Scalar, node: Node) -> None:
        self.rewrite = self.book.template(node, "`rewrite`", self.scope)


_TOLD = ("required", "environment", "short", "values")
"""What is for callers only."""


def _only_texts(node: Sequence) -> bool:
    return all(isinstance(item, Scalar) for item in node.items)


def _check_star(book: Faultbook, glob: Template) -> None:
    stars = sum(part.count("*") for part in glob.parts if isinstance(part, str))
    if glob.parts and stars != 1:
        book.add("`glob` needs exactly one `*`: what it stands for is the value", glob.position)
