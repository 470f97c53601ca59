"""Conditions, from nodes to the model."""

from collections.abc import Mapping as MappingType

from runner.config.fields import Faultbook, Scope, read_map
from runner.config.language import Language
from runner.config.node import Mapping, Node, Scalar, Sequence
from runner.model.param import BOOL, Param
from runner.model.template import Template
from runner.model.when import COMMAND, ENVIRONMENT, EQUAL, EXISTS, NOT_EQUAL, NOT_EXISTS, OS, Check, When


def decode_when(
    book: Faultbook, node: Node, scope: Scope, language: Language, params: MappingType[str, Param]
) -> When:
    """The items of a `when`, all of which must hold.

    Args:
        book: Where faults go.
        node: One item or a list of them.
        scope: What its texts may name.
        language: How its commands are read.
        params: The args and options that it may ask for.
    """
    reader = _Reader(book, scope, language, params)
    return tuple(reader.item(item) for item in book.items(node))


class _Reader:
    def __init__(
        self, book: Faultbook, scope: Scope, language: Language, params: MappingType[str, Param]
    ) -> None:
        self.book = book
        self.scope = scope
        self.language = language
        self.params = params
        self.checks: list[Check] = []

    def item(self, node: Node) -> tuple[Check, ...]:
        """One item: a map of checks, a name, or a list of names."""
        self.checks = []
        if isinstance(node, Mapping):
            handlers = {
                OS: self.take_texts, EQUAL: self.take_params, NOT_EQUAL: self.take_params,
                ENVIRONMENT: self.take_variables, EXISTS: self.take_texts, NOT_EXISTS: self.take_texts,
                COMMAND: self.take_commands,
            }  # fmt: skip
            read_map(self.book, node, "`when`", handlers)
        else:
            for name in node.items if isinstance(node, Sequence) else [node]:
                self.take_name(name)
        return tuple(self.checks)

    def take_name(self, node: Node) -> None:
        """The short form: an option that is true."""
        name = self.book.word(node, "a condition")
        if name:
            self.know(name, node)
            self.add(EQUAL, name, (Template(("true",), node.position),), node)

    def take_texts(self, key: Scalar, node: Node) -> None:
        """The names of systems, or paths."""
        self.add(key.text, "", self.book.strings(node, f"`{key.text}`", self.scope), node)

    def take_commands(self, key: Scalar, node: Node) -> None:
        """Commands of which one succeeds."""
        scripts = [
            self.language.script(self.book, item, "a command", self.scope) for item in self.book.items(node)
        ]
        self.add(key.text, "", tuple(scripts), node)

    def take_params(self, key: Scalar, node: Node) -> None:
        """Args and options with the values that they are compared with."""
        for name, value in self.entries(key, node):
            self.know(name.text, name)
            texts = self.book.strings(value, f"`{name.text}`", self.scope)
            param = self.params.get(name.text)
            if param is not None and param.type == BOOL:
                texts = tuple(map(_as_bool, texts))
            self.add(key.text, name.text, texts, name)

    def take_variables(self, key: Scalar, node: Node) -> None:
        """Variables with the values that they are compared with, null for one that is not set."""
        for name, value in self.entries(key, node):
            items = value.items if isinstance(value, Sequence) else [value]
            values = tuple(
                None
                if isinstance(item, Scalar) and item.null
                else self.book.template(item, f"`{name.text}`", self.scope)
                for item in items
            )
            self.add(key.text, name.text, values, name)

    def entries(self, key: Scalar, node: Node) -> list[tuple[Scalar, Node]]:
        """The entries of a map."""
        if isinstance(node, Mapping):
            return list(node)
        self.book.wrong_type(node, f"`{key.text}`", "a map")
        return []

    def know(self, name: str, node: Node) -> None:
        """Note a name that can never be anything; a `tusk.yml` may ask for one."""
        if name not in self.params and not self.language.tusk:
            self.book.unknown(name, self.scope, node.position)

    def add(self, kind: str, name: str, values: tuple[Template | None, ...], node: Node) -> None:
        """Another check of the item."""
        self.checks.append(Check(kind, name, values, node.position))


_WORDS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def _as_bool(template: Template) -> Template:
    """What a bool is compared with, in the form that its values have."""
    parts = template.parts
    text = parts[0] if len(parts) == 1 else ""
    word = _WORDS.get(text.lower(), text.lower()) if isinstance(text, str) else ""
    return Template((word,), template.position) if word in {"true", "false"} else template
