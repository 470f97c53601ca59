"""YAML text to nodes.

Built on the events of PyYAML's parser, in C where it is there: a composer would need one stack frame a level
and the C one ends the interpreter on a deep file. Nesting and the size of what aliases bring in are bounded.
Keys stand once; `<<` brings in what is not said beside it; scalars keep their text.
"""

from typing import Any

import yaml

from runner.config.node import Mapping, Node, Scalar, Sequence
from runner.config.traps import explain, sign_fault
from runner.errors import Faults, FileError, PyrunError
from runner.location import Position

MAX_DEPTH = 200
MAX_NODES = 1_000_000
"""Nodes of a file, what its aliases bring in counted each time."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD_TAGS = "tag:yaml.org,2002:"


def decode_text(data: bytes, path: str) -> str:
    """The text of a file's bytes.

    Raises:
        FileError: They are no UTF-8, or hold a character that YAML has no place for.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        start = data.rfind(b"\n", 0, error.start) + 1
        column = len(data[start : error.start].decode("utf-8", "replace")) + 1
        at = Position(path, line, column)
        raise FileError("this is not UTF-8", at, "save the file as UTF-8") from None
    for index, letter in enumerate(text):
        if letter < " " and letter not in "\t\r\n":
            line = text.count("\n", 0, index) + 1
            at = Position(path, line, index - text.rfind("\n", 0, index))
            raise FileError(f"the control character {ord(letter):#04x} has no place in YAML", at, "remove it")
    return text


def parse_yaml(text: str, path: str) -> Node | None:
    """The nodes of a file's first document; None for an empty one.

    Args:
        text: The file.
        path: Its name, for positions.

    Raises:
        FileError: It is no YAML, or has a key twice, or is nested or grown out of all proportion.
        Faults: Several such.
    """
    builder = _Builder(text, path)
    try:
        builder.run()
    except yaml.MarkedYAMLError as error:
        raise explain(error, text, path) from None
    except yaml.YAMLError as error:
        raise FileError(f"this is no YAML: {error}", Position(path, 1, 1)) from None
    if builder.faults:
        raise builder.faults[0] if len(builder.faults) == 1 else Faults(tuple(builder.faults))
    return builder.root


class _Open:
    """A collection that has begun and not yet ended."""

    __slots__ = ("anchor", "items", "key", "mapping", "position", "seen")

    def __init__(self, mapping: bool, position: Position, anchor: str | None) -> None:
        self.mapping = mapping
        self.position = position
        self.anchor = anchor
        self.items: list[Node] = []
        self.key: Node | None = None
        self.seen: list[tuple[Scalar, Node]] = []


class _Builder:
    """Events to nodes, by a stack of its own."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.rows = text.splitlines()
        self.faults: list[PyrunError] = []
        self.anchors: dict[str, Node] = {}
        self.sizes: dict[int, int] = {}
        self.count = 0
        self.stack: list[_Open] = []
        self.root: Node | None = None

    def run(self) -> None:
        """Read to the end of the first document."""
        for event in yaml.parse(self.text, Loader=_LOADER):
            if isinstance(event, yaml.DocumentEndEvent):
                return
            self.take(event)

    def at(self, mark: Any, length: int = 1) -> Position:
        return Position(self.path, mark.line + 1, mark.column + 1, length)

    def take(self, event: Any) -> None:
        """Let one event count."""
        if isinstance(event, yaml.ScalarEvent):
            self.finish(self.scalar(event), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self.alias(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            at = self.at(event.start_mark)
            if event.tag and not event.tag.startswith(_STANDARD_TAGS):
                self.faults.append(sign_fault("!", self.row(at), at))
            if len(self.stack) >= MAX_DEPTH:
                raise FileError(f"this is nested more than {MAX_DEPTH} deep", at, "flatten it")
            self.stack.append(_Open(isinstance(event, yaml.MappingStartEvent), at, event.anchor))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            done = self.stack.pop()
            node = (
                Mapping(self.merged(done.seen), done.position)
                if done.mapping
                else Sequence(done.items, done.position)
            )
            self.finish(node, done.anchor)

    def scalar(self, event: Any) -> Scalar:
        """A scalar, its lines placed."""
        start, end = event.start_mark, event.end_mark
        text = str(event.value)
        lines: tuple[tuple[int, int], ...] = ()
        width = max(1, end.column - start.column) if end.line == start.line else 1
        if event.style in {"|", ">"}:
            lines = self.block_lines(start.line, text, folded=event.style == ">")
        elif end.line == start.line:
            written = self.rows[start.line][start.column : end.column] if start.line < len(self.rows) else ""
            inner = 1 if event.style in {"'", '"'} else 0
            # A tag or an anchor stands before the text; escapes make the text shorter than what is written.
            skipped = len(written) - len(text) - inner
            if skipped >= 0 and written.find(text) >= 0:
                lines = ((start.line + 1, start.column + written.find(text) + 1),)
        tag = event.tag or ""
        if tag and not tag.startswith(_STANDARD_TAGS) and tag != "!":
            self.faults.append(sign_fault("!", self.row(self.at(start)), self.at(start)))
        return Scalar(text, self.at(start, width), not event.style, lines, tag)

    def block_lines(self, header: int, text: str, *, folded: bool) -> tuple[tuple[int, int], ...]:
        """Where each line of a block scalar begins, none for a folded one that is folded."""
        count = text.count("\n") + 1
        if folded and count > 2:
            return ()
        first = header + 1
        while first < len(self.rows) and not self.rows[first].strip() and not text.startswith("\n"):
            first += 1
        if first >= len(self.rows):
            return ()
        row = next((r for r in self.rows[first : first + count] if r.strip()), "")
        written = next((line for line in text.split("\n") if line.strip()), "")
        indent = len(row) - len(row.lstrip(" ")) - (len(written) - len(written.lstrip(" ")))
        return tuple((first + 1 + number, indent + 1) for number in range(count))

    def alias(self, event: Any) -> None:
        """What was anchored stands here again."""
        node = self.anchors.get(event.anchor)
        if node is None:
            at = self.at(event.start_mark, len(event.anchor) + 1)
            open_now = any(opened.anchor == event.anchor for opened in self.stack)
            if open_now:
                raise FileError(f"`*{event.anchor}` stands within what it stands for", at, "break the circle")
            raise explain(
                yaml.MarkedYAMLError(problem="found undefined alias", problem_mark=event.start_mark),
                self.text,
                self.path,
            )
        self.place(node)

    def finish(self, node: Node, anchor: str | None) -> None:
        """A node is whole."""
        if anchor:
            self.anchors[anchor] = node
        self.place(node)

    def place(self, node: Node) -> None:
        """Put a node where the innermost open collection wants it."""
        self.count += self.size(node)
        if self.count > MAX_NODES:
            raise FileError("its aliases make this file too large", node.position, "write it without them")
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if not top.mapping:
            top.items.append(node)
        elif top.key is None:
            top.key = node
        else:
            key, top.key = top.key, None
            if isinstance(key, Scalar):
                self.pair(top, key, node)
            else:
                hint = (
                    "a `${…}` must stand in quotes here" if "${" in self.row(key.position) else "use a text"
                )
                self.faults.append(FileError(f"{key.kind} can't be a key", key.position, hint))

    def row(self, at: Position) -> str:
        return self.rows[at.line - 1] if at.line <= len(self.rows) else ""

    def size(self, node: Node) -> int:
        """How many nodes a node holds, itself included."""
        if isinstance(node, Scalar):
            return 1
        known = self.sizes.get(id(node))
        if known is None:
            inner = node.items if isinstance(node, Sequence) else [value for _, value in node.pairs]
            known = self.sizes[id(node)] = 1 + sum(self.size(item) for item in inner)
        return known

    def pair(self, top: _Open, key: Scalar, value: Node) -> None:
        """One entry of a map; `<<` may come more than once."""
        if key.text != "<<":
            earlier = next((seen for seen, _ in top.seen if seen.text == key.text), None)
            if earlier is not None:
                self.faults.append(
                    FileError(
                        f"`{key.text}` stands here a second time",
                        key.position,
                        f"the first one is on line {earlier.position.line}; keep one of them",
                    )
                )
                return
        top.seen.append((key, value))

    def merged(self, pairs: list[tuple[Scalar, Node]]) -> list[tuple[Scalar, Node]]:
        """The entries with what `<<` brings in behind them."""
        if all(key.text != "<<" for key, _ in pairs):
            return pairs
        own = [(key, value) for key, value in pairs if key.text != "<<"]
        known = {key.text for key, _ in own}
        for key, value in pairs:
            if key.text != "<<":
                continue
            for source in value.items if isinstance(value, Sequence) else [value]:
                if not isinstance(source, Mapping):
                    self.faults.append(
                        FileError("`<<` takes a map or a list of maps", source.position, "use `<<: *NAME`")
                    )
                    continue
                for inner, node in source.pairs:
                    if inner.text not in known:
                        known.add(inner.text)
                        own.append((inner, node))
        return own
