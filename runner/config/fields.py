"""Reading the entries of a map, each with what it may be, all faults collected.

A reader never stops at a fault: it notes it and goes on with a stand-in, so that a user sees all faults of a
file at once.
"""

from collections.abc import Callable, Container
from collections.abc import Mapping as MappingType

from runner.config.node import Mapping, Node, Scalar, Sequence
from runner.config.parse_yaml import MAX_FAULTS
from runner.config.template import parse_text
from runner.config.traps import colon_fault
from runner.errors import FileError, PyrunError, did_you_mean
from runner.location import Position
from runner.model.template import PATTERN, TEXT, Template

_TRUE = {"true", "yes", "on", "y"}
_FALSE = {"false", "no", "off", "n"}
_DIGITS = 9


class Scope:
    """What a template of one place may name.

    Args:
        names: The names that have a value there.
        owner: Whose names they are, for messages.
        lenient: Whether an unknown name is left for later, as in `env`, where it is a variable.
        above: Whether the owner sees only what is defined above it.
        literal: Whether an unknown name stays as it is written, as in a `tusk.yml`.
    """

    __slots__ = ("above", "lenient", "literal", "names", "owner")

    def __init__(
        self,
        names: Container[str],
        owner: str,
        lenient: bool = False,
        above: bool = False,
        literal: bool = False,
    ) -> None:
        self.names = names
        self.owner = owner
        self.lenient = lenient
        self.above = above
        self.literal = literal

    def known(self) -> Container[str] | None:
        """The names that are holes; None if all are, whether they have a value or not."""
        return self.names if self.literal and not self.lenient else None


class Faultbook:
    """The faults of a file, in the order in which they were met.

    Args:
        text: The file, for corrected lines.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._rows: list[str] | None = None
        self.faults: list[PyrunError] = []

    @property
    def full(self) -> bool:
        """Whether so much is wrong that nobody will read a hint for more."""
        return len(self.faults) > MAX_FAULTS

    def add(self, message: str, at: Position, hint: str = "") -> None:
        """Note a fault."""
        self.faults.append(FileError(message, at, hint))

    @property
    def rows(self) -> list[str]:
        """The lines of the file."""
        if self._rows is None:
            self._rows = self._text.splitlines()
        return self._rows

    def wrong_type(self, node: Node, what: str, wanted: str) -> None:
        """Note that something is of the wrong kind."""
        if is_text_with_colon(node) and not self.full:
            rows, at = self.rows, node.position
            if rows[at.line - 1][at.column - 1] != "{":
                self.faults.append(colon_fault(rows, at))
                return
        found = "nothing" if isinstance(node, Scalar) and node.null else node.kind
        self.add(f"{what} must be {wanted}, and this is {found}", node.position)

    def text(self, node: Node, what: str) -> str:
        """The text of a node, null and lists refused."""
        if isinstance(node, Scalar) and not node.null:
            return node.text
        self.wrong_type(node, what, "a text")
        return ""

    def word(self, node: Node, what: str) -> str:
        """The text of a node, an empty one refused too."""
        text = self.text(node, what)
        if not text and isinstance(node, Scalar) and not node.null:
            self.add(f"{what} can't be empty", node.position)
        return text

    def flag(self, node: Node, what: str) -> bool:
        """The truth of a node."""
        if isinstance(node, Scalar):
            word = node.text.lower()
            if word in _TRUE:
                return True
            if word in _FALSE:
                return False
        self.add(f"{what} must be `true` or `false`", node.position)
        return False

    def number(self, node: Node, what: str) -> int:
        """The whole number of a node, not negative and of nine digits at most."""
        if isinstance(node, Scalar) and is_number(node.text):
            return int(node.text)
        self.add(f"{what} must be a whole number below a thousand million", node.position)
        return 0

    def template(
        self, node: Node, what: str, scope: Scope, context: str = TEXT, filled: bool = False
    ) -> Template:
        """The text of a node, its holes checked; refused if it is empty and a pattern, or must be `filled`."""
        text = self.text(node, what)
        if not isinstance(node, Scalar):
            return Template((), node.position)
        if (filled or context == PATTERN) and not text and not node.null:
            self.add(f"{what} can't be empty", node.position)
        try:
            found = parse_text(text, node.position, context, at_offset=node.at_offset, known=scope.known())
        except PyrunError as error:
            self.faults.append(error)
            return Template((), node.position)
        self.check(found, scope)
        return found

    def check(self, template: Template, scope: Scope) -> None:
        """Note every hole that has no value in a scope."""
        if scope.lenient:
            return
        for part in template.parts:
            if not isinstance(part, str) and part.name not in scope.names:
                self.unknown(part.name, scope, part.position)

    def unknown(self, name: str, scope: Scope, at: Position) -> None:
        """Note a name that has no value in a scope."""
        known = tuple(scope.names) if isinstance(scope.names, (tuple, list, dict)) else ()
        near = "" if self.full else did_you_mean(name, known)
        proposal = f"for a variable, define an option: `{name}: {{environment: {name}}}`"
        hint = near if near.startswith("did") else proposal
        message = f"{scope.owner} has no arg or option `{name}`"
        if scope.above:
            message = f"no arg or option `{name}` is defined above {scope.owner}"
        self.add(message, at, hint)

    def items(self, node: Node) -> list[Node]:
        """The items of a list; one that is none stands for a list of one, null for none."""
        if isinstance(node, Sequence):
            return node.items
        if isinstance(node, Scalar) and node.null:
            return []
        return [node]

    def strings(self, node: Node, what: str, scope: Scope, context: str = TEXT) -> tuple[Template, ...]:
        """A list of texts, or one text."""
        return tuple(self.template(item, what, scope, context) for item in self.items(node))

    def pairs(self, node: Node, what: str, scope: Scope) -> tuple[tuple[Scalar, Template], ...]:
        """A map of texts."""
        if not isinstance(node, Mapping):
            if not (isinstance(node, Scalar) and node.null):
                self.wrong_type(node, what, "a map")
            return ()
        return tuple((key, self.template(value, f"`{key.text}`", scope)) for key, value in node)


def check_variable(book: Faultbook, name: str, node: Node) -> None:
    """Note a name that no variable can have."""
    if not name.isascii() or not name.isidentifier():
        hint = "use letters, digits and `_`"
        book.add(f"`{name}` can't be the name of a variable", node.position, hint)


def is_number(text: str) -> bool:
    """Whether a text is a whole number that is not out of all proportion."""
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def is_text_with_colon(node: Node) -> bool:
    """Whether a map is what YAML makes of a one-line text with `: ` in it: `- echo a: b`."""
    if not isinstance(node, Mapping) or len(node.pairs) != 1:
        return False
    key, value = node.pairs[0]
    return " " in key.text.strip() and key.plain and key.position.line == value.position.line


Handler = Callable[[Scalar, Node], None]


def read_map(
    book: Faultbook,
    node: Node,
    what: str,
    handlers: MappingType[str, Handler],
    elsewhere: MappingType[str, str] | None = None,
) -> bool:
    """Give each entry of a map to the handler of its key; whether it is a map at all.

    Keys come in the order of `handlers`, so that one may build on another whatever the order of the file.

    Args:
        book: Where faults go.
        node: The map.
        what: What it is, for messages.
        handlers: What takes the value of each key.
        elsewhere: Keys that belong somewhere else, each with what would be right.
    """
    if not isinstance(node, Mapping):
        if isinstance(node, Scalar) and node.null:
            return True
        book.wrong_type(node, what, "a map")
        return False
    found = {}
    for key, value in node:
        if key.text in handlers:
            found[key.text] = (key, value)
        else:
            known = (elsewhere or {}).get(key.text, "")
            hint = known or ("" if book.full else did_you_mean(key.text, tuple(handlers)))
            book.add(f"`{key.text}` is not a key of {what}", key.position, hint)
    for name, handler in handlers.items():
        if name in found:
            handler(*found[name])
    return True
