"""YAML text to nodes.

Built on the events of PyYAML's parser, in C where it is there: a composer would need one stack frame a level
and the C one ends the interpreter on a deep file. Nesting and the size of what aliases bring in are bounded.
Keys stand once; `<<` brings in what is not said beside it; scalars keep their text.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from runner.config.node import LONGEST, Mapping, Node, Scalar, Sequence
from runner.config.rows import LINE_END, Rows
from runner.config.traps import explain, list_fault, sign_fault
from runner.errors import FileError, PyrunError, nearest
from runner.location import Position

MAX_DEPTH = 200
MAX_FAULTS = 100
"""How many faults of a file are told."""
MAX_REPEATED = 50_000
"""What all aliases of a file may bring in: a node counts 1, and 1 more for each `_WEIGHT` characters."""
LARGE = 8 << 20
"""Characters from which on a file is taken for an accident, so that it is not read for minutes."""
MAX_NODES = (600_000, 100_000)
"""How many keys, values, lists and maps a file may hold, and a large one."""
MAX_HOLES = (200_000, 50_000)
"""How many `${` a file may hold, and a large one."""

_WEIGHT = 64
_SMALLER = "split it into several files"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_TAGS = frozenset(_STANDARD + name for name in ("str", "int", "float", "bool", "null", "map", "seq"))
_INK = re.compile(r"\S")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""What escapes can bring into a text, and no file name, variable or word of a command can hold."""
_NO_YAML = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def decode_text(data: bytes, path: str) -> str:
    """The text of a file's bytes.

    Raises:
        FileError: They are no UTF-8, or hold a character that YAML has no place for.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8")
        raise FileError("this is not UTF-8", _end_of(before, path), "save the file as UTF-8") from None
    wrong = _NO_YAML.search(text)
    if wrong:
        at = _end_of(text[: wrong.start()], path)
        raise FileError(f"the control character {ord(wrong[0]):#04x} has no place in YAML", at, "remove it")
    return text


def _end_of(text: str, path: str) -> Position:
    """The place behind a text with which a file begins."""
    rows = Rows(f"{text}.")
    return Position(path, len(rows), len(rows[len(rows) - 1]))


def parse_yaml(text: str, path: str) -> tuple[Node | None, list[PyrunError]]:
    """The nodes of a file's first document, None for an empty one, and what is wrong with them.

    A document behind the first one is a fault if it holds anything; in a `tusk.yml` it is passed over.

    What can be told without losing the rest (a key that stands twice, a tag, a map as a key) is among the
    faults, so that all others are found too.

    Args:
        text: The file.
        path: Its name, for positions.

    Raises:
        FileError: It is no YAML, or is nested or grown out of all proportion.
    """
    most = MAX_HOLES[len(text) > LARGE]
    if text.count("${") > most:
        raise _too_many_holes(text, path, most)
    builder = _Builder(text, path)
    try:
        builder.run()
    except FileError:
        builder.forget()
        raise
    except yaml.MarkedYAMLError as error:
        if "nesting depth" in str(error.problem) and error.problem_mark is not None:
            # Newer versions of the parser have a limit of their own, and read so far ahead that it comes first.
            raise _too_deep(builder.at(error.problem_mark)) from None
        opened = builder.stack[-1].position if builder.stack else Position(path, 1, 1)
        raise explain(error, text, opened) from None
    except yaml.YAMLError as error:
        raise FileError(f"this is no YAML: {error}", Position(path, 1, 1)) from None
    return builder.root, builder.faults


def _too_deep(at: Position) -> FileError:
    return FileError(f"this is nested more than {MAX_DEPTH} deep", at, "flatten it")


def _too_many_holes(text: str, path: str, most: int) -> FileError:
    place = -1
    for _ in range(most + 1):
        place = text.find("${", place + 1)
    return FileError(f"this file has more than {most} `${{`", _end_of(text[:place], path), _SMALLER)


class _Text:
    """A text that YAML's parser reads piece by piece, so that no second one is made of it."""

    name = "a file"

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def read(self, size: int = 1 << 16, /) -> str:
        """The next piece, of that many characters at the most; empty at the end."""
        begin = self._at
        self._at += size
        return self._text[begin : self._at]


class _Open:
    """A collection that has begun and not yet ended."""

    __slots__ = ("anchor", "index", "items", "key", "mapping", "names", "position", "seen", "test")

    def __init__(self, mapping: bool, index: int, position: Position, anchor: str | None) -> None:
        self.mapping = mapping
        self.index = index
        self.test = False
        self.position = position
        self.anchor = anchor
        self.items: list[Node] = []
        self.key: Node | None = None
        self.seen: list[tuple[Scalar, Node]] = []
        self.names: dict[str, Scalar] = {}


class _Builder:
    """Events to nodes, by a stack of its own."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.rows = Rows(text)
        self.nodes = 0
        self.most_nodes = MAX_NODES[len(text) > LARGE]
        self.faults: list[PyrunError] = []
        self.anchors: dict[str, Node] = {}
        self.sizes: dict[str, int] = {}
        self.repeated = 0
        self.stack: list[_Open] = []
        self.root: Node | None = None

    def run(self) -> None:
        """Read to the end of the first document."""
        events = yaml.parse(_Text(self.text), Loader=_LOADER)
        for event in events:
            if isinstance(event, yaml.DocumentEndEvent):
                break
            self.take(event)
        if not self.path.rpartition("/")[2].startswith("tusk"):
            self.no_more(events)

    def forget(self) -> None:
        """Let go of what was read: the error that comes of it would keep it in memory while it is told."""
        self.anchors.clear()
        for opened in self.stack:
            opened.items.clear()
            opened.seen.clear()
            opened.names.clear()
        self.stack.clear()

    def no_more(self, events: Iterator[Any]) -> None:
        """Note what a second document begins with."""
        next(events, None)
        event = next(events, None)
        if event is None or (isinstance(event, yaml.ScalarEvent) and not event.value and event.implicit[0]):
            return
        hint = "only the first one of a file counts: put all into one, without a `---` between"
        self.note("a second document begins here", self.at(event.start_mark), hint)

    def at(self, mark: Any, length: int = 1) -> Position:
        return Position(self.path, mark.line + 1, mark.column + 1, length)

    def index(self, mark: Any) -> int:
        """How many characters stand before a mark."""
        return int(mark.index)

    def take(self, event: Any) -> None:
        """Let one event count."""
        if isinstance(event, yaml.ScalarEvent):
            self.finish(self.scalar(event), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self.alias(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            at = self.at(event.start_mark)
            if event.tag:
                self.check_tag(event.tag, at)
            if len(self.stack) >= MAX_DEPTH:
                raise _too_deep(at)
            opened = _Open(
                isinstance(event, yaml.MappingStartEvent), self.index(event.start_mark), at, event.anchor
            )
            self.test_begins(opened)
            self.stack.append(opened)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            done = self.stack.pop()
            self.finish(self.collection(done, self.index(event.end_mark)), done.anchor)

    def collection(self, done: _Open, end: int) -> Node:
        """The node of a list or a map that ends there."""
        if done.mapping:
            return Mapping(self.merged(done.seen), done.position)
        written = self.text[done.index : end] if done.test else ""
        if written.endswith(" ]]") and not LINE_END.search(written):
            self.faults.append(list_fault(self.rows, done.position))
            return Scalar(written, done.position, plain=False)
        return Sequence(done.items, done.position)

    def test_begins(self, opened: _Open) -> None:
        """Note whether the innermost list is a shell's `[[ -e x ]]`, read as a list in a list."""
        if not opened.mapping and self.stack:
            top = self.stack[-1]
            top.test = not (top.mapping or top.items) and self.text.startswith("[[ ", top.index)

    def check_tag(self, tag: str | None, at: Position) -> None:
        """Note a tag that says more than YAML's own types: it was meant as text."""
        if tag and tag not in _TAGS and len(self.faults) <= MAX_FAULTS:
            self.faults.append(sign_fault(self.rows, at))

    def note(self, message: str, at: Position, hint: str) -> None:
        """Note a fault, unless so much is wrong already that nobody would read it."""
        if len(self.faults) <= MAX_FAULTS:
            self.faults.append(FileError(message, at, hint))

    def scalar(self, event: Any) -> Scalar:
        """A scalar, its lines placed."""
        start, end, text, style = event.start_mark, event.end_mark, event.value, event.style
        if event.tag:
            self.check_tag(event.tag, self.at(start))
        if style == '"' and _NO_TEXT.search(text):
            self.note("a text can't hold this character", self.at(start), "remove its escape")
        # What has a tag is never taken for null.
        plain = not style and not event.tag
        if plain and start.index == end.index:
            return Scalar("", self.nothing(start))
        one_line = end.line == start.line
        begins, written = None, ""
        if style == "|":
            begins = self.block_begin(start, end, text)
        elif one_line:
            # Behind a tag or an anchor and between quotes, the text may stand as it is.
            found = self.text.find(text, start.index, end.index)
            begins = (start.line + 1, start.column + 1 + found - start.index) if found >= 0 else None
        if begins is None and len(text) <= LONGEST:
            written = self.text[start.index : end.index]
        at = self.at(start, max(1, end.column - start.column) if one_line else 1)
        return Scalar(text, at, plain, begins, written)

    def nothing(self, mark: Any) -> Position:
        """Where a value should stand and none does: behind what comes before it on its line."""
        before = self.text[mark.index - mark.column : mark.index].rstrip()
        return Position(self.path, mark.line + 1, (len(before) if before else mark.column) + 1)

    def block_begin(self, start: Any, end: Any, text: str) -> tuple[int, int] | None:
        """The line and the column where a block that is not folded begins."""
        header = LINE_END.search(self.text, start.index, end.index)
        if header is None:
            return None
        line, row = start.line + 2, header.end()
        ink, inner = _INK.search(self.text, row, end.index), _INK.search(text)
        if ink is None or inner is None:
            return line, 1
        for count, found in enumerate(LINE_END.finditer(self.text, row, ink.start()), 1):
            row = found.end()
            line = line if text.startswith("\n") else start.line + 2 + count
        indent = ink.start() - row - (inner.start() - text.rfind("\n", 0, inner.start()) - 1)
        return line, indent + 1

    def alias(self, event: Any) -> None:
        """What was anchored stands here again."""
        at = self.at(event.start_mark, len(event.anchor) + 1)
        if any(opened.anchor == event.anchor for opened in self.stack):
            raise FileError(f"`*{event.anchor}` stands within what it stands for", at, "break the circle")
        node = self.anchors.get(event.anchor)
        if node is None:
            near = nearest(event.anchor, tuple(self.anchors))
            if near:
                raise FileError(f"there is no anchor `&{event.anchor}`", at, f"did you mean `*{near}`?")
            raise sign_fault(self.rows, at)
        self.repeated += self.size(event.anchor, node)
        if self.repeated > MAX_REPEATED:
            raise FileError("its aliases make this file too large", at, "write it without them")
        self.place(node)

    def finish(self, node: Node, anchor: str | None) -> None:
        """A node is whole."""
        if anchor:
            self.anchors[anchor] = node
            self.sizes.pop(anchor, None)
        self.place(node)

    def place(self, node: Node) -> None:
        """Put a node where the innermost open collection wants it."""
        self.nodes += 1
        if self.nodes > self.most_nodes:
            message = f"this file holds more than {self.most_nodes} keys and values"
            raise FileError(message, node.position, _SMALLER)
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
                self.note(f"{key.kind} can't be a key", key.position, hint)

    def row(self, at: Position) -> str:
        return self.rows[at.line - 1] if at.line <= len(self.rows) else ""

    def size(self, anchor: str, node: Node) -> int:
        """What an anchored node counts where an alias brings it in, as far as the limit."""
        total, rest = self.sizes.get(anchor, 0), [node]
        while rest and not self.sizes.get(anchor) and total <= MAX_REPEATED:
            inner = rest.pop()
            total += 1
            if isinstance(inner, Scalar):
                total += len(inner.text) // _WEIGHT + inner.text.count("${")
            elif isinstance(inner, Sequence):
                rest += inner.items
            else:
                rest += (value for _, value in inner.pairs)
        self.sizes[anchor] = total
        return total

    def pair(self, top: _Open, key: Scalar, value: Node) -> None:
        """One entry of a map; `<<` may come more than once."""
        earlier = top.names.setdefault(key.text, key)
        if earlier is not key and not _merges(key):
            hint = f"the first one is on line {earlier.position.line}; keep one of them"
            self.note(f"`{key.text}` stands here a second time", key.position, hint)
            return
        top.seen.append((key, value))

    def merged(self, pairs: list[tuple[Scalar, Node]]) -> list[tuple[Scalar, Node]]:
        """The entries with what `<<` brings in behind them."""
        if all(not _merges(key) for key, _ in pairs):
            return pairs
        own = [(key, value) for key, value in pairs if not _merges(key)]
        known = {key.text for key, _ in own}
        for key, value in pairs:
            if not _merges(key):
                continue
            for source in value.items if isinstance(value, Sequence) else [value]:
                if not isinstance(source, Mapping):
                    self.note("`<<` takes a map or a list of maps", source.position, "use `<<: *NAME`")
                    continue
                for inner, node in source.pairs:
                    if inner.text not in known:
                        known.add(inner.text)
                        own.append((inner, node))
        return own


def _merges(key: Scalar) -> bool:
    """Whether a key brings in other entries; in quotes it is a key like any other."""
    return key.plain and key.text == "<<"
