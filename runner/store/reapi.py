"""The messages of the Remote Execution API (build.bazel.remote.execution.v2) in which results are kept.

Only those that a result is made of, and of them only the fields that are used; others are passed over in
reading. Written in the one canonical way: fields by their number, none that has its default value. Knows bytes
and values, no files.

The wire format: each field is a varint of its number and wire type, then a varint (type 0), or the length of
what follows as a varint and then that (type 2); see the specification of protocol buffers.
"""

from runner.digest import Digest
from runner.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    Message = TypeVar("Message")

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Wire types."""
_MOST = (1 << 64) - 1
_WHOLE = 1 << 63
"""What a signed whole number is below."""
_LONGEST_VARINT = 10
"""Bytes."""


class MalformedError(Exception):
    """Bytes that are not the message that they should be."""


class FileNode(Record):
    """A file of a folder."""

    FIELDS = ("name", "digest", "executable")
    __slots__ = FIELDS

    def __init__(self, name: str, digest: Digest | None, executable: bool) -> None:
        self.name = name
        self.digest = digest
        self.executable = executable


class DirectoryNode(Record):
    """A folder of a folder, by the digest of its message."""

    FIELDS = ("name", "digest")
    __slots__ = FIELDS

    def __init__(self, name: str, digest: Digest | None) -> None:
        self.name = name
        self.digest = digest


class SymlinkNode(Record):
    """A symbolic link of a folder."""

    FIELDS = ("name", "target")
    __slots__ = FIELDS

    def __init__(self, name: str, target: str) -> None:
        self.name = name
        self.target = target


class Directory(Record):
    """A folder; each list is sorted by name."""

    FIELDS = ("files", "directories", "symlinks")
    __slots__ = FIELDS

    def __init__(
        self,
        files: tuple[FileNode, ...],
        directories: tuple[DirectoryNode, ...],
        symlinks: tuple[SymlinkNode, ...],
    ) -> None:
        self.files = files
        self.directories = directories
        self.symlinks = symlinks


class Tree(Record):
    """A folder and all folders in it, each once."""

    FIELDS = ("root", "children")
    __slots__ = FIELDS

    def __init__(self, root: Directory | None, children: tuple[Directory, ...]) -> None:
        self.root = root
        self.children = children


class OutputFile(Record):
    """A file that an action has left."""

    FIELDS = ("path", "digest", "executable")
    __slots__ = FIELDS

    def __init__(self, path: str, digest: Digest | None, executable: bool) -> None:
        self.path = path
        self.digest = digest
        self.executable = executable


class OutputDirectory(Record):
    """A folder that an action has left, by the digest of its `Tree`."""

    FIELDS = ("path", "tree")
    __slots__ = FIELDS

    def __init__(self, path: str, tree: Digest | None) -> None:
        self.path = path
        self.tree = tree


class OutputSymlink(Record):
    """A symbolic link that an action has left."""

    FIELDS = ("path", "target")
    __slots__ = FIELDS

    def __init__(self, path: str, target: str) -> None:
        self.path = path
        self.target = target


class Moment(Record):
    """A Timestamp or a Duration."""

    FIELDS = ("seconds", "nanos")
    __slots__ = FIELDS

    def __init__(self, seconds: int, nanos: int) -> None:
        self.seconds = seconds
        self.nanos = nanos


class Extra(Record):
    """An Any: a message of a kind that the API does not know."""

    FIELDS = ("kind", "value")
    __slots__ = FIELDS

    def __init__(self, kind: str, value: bytes) -> None:
        self.kind = kind
        self.value = value


class Metadata(Record):
    """How a result came about: an ExecutedActionMetadata."""

    FIELDS = ("completed", "extras", "duration")
    __slots__ = FIELDS

    def __init__(self, completed: Moment | None, extras: tuple[Extra, ...], duration: Moment | None) -> None:
        self.completed = completed
        self.extras = extras
        self.duration = duration


class ActionResult(Record):
    """What an action has left."""

    FIELDS = ("files", "directories", "exit_code", "metadata", "symlinks")
    __slots__ = FIELDS

    def __init__(
        self,
        files: tuple[OutputFile, ...],
        directories: tuple[OutputDirectory, ...],
        exit_code: int,
        metadata: Metadata | None,
        symlinks: tuple[OutputSymlink, ...],
    ) -> None:
        self.files = files
        self.directories = directories
        self.exit_code = exit_code
        self.metadata = metadata
        self.symlinks = symlinks


class Made(Record):
    """What pyrun adds: how a result was made, where alone it may be used, and its log."""

    FIELDS = ("how", "only_in", "log")
    __slots__ = FIELDS
    KIND = "pyrun/made"

    def __init__(self, how: str, only_in: str, log: Digest | None) -> None:
        self.how = how
        self.only_in = only_in
        self.log = log


_TABLES: "dict[type, tuple[tuple[int, Any, bool], ...]]" = {
    Digest: ((1, str, False), (2, int, False)),
    FileNode: ((1, str, False), (2, Digest, False), (4, bool, False)),
    DirectoryNode: ((1, str, False), (2, Digest, False)),
    SymlinkNode: ((1, str, False), (2, str, False)),
    Directory: ((1, FileNode, True), (2, DirectoryNode, True), (3, SymlinkNode, True)),
    Tree: ((1, Directory, False), (2, Directory, True)),
    OutputFile: ((1, str, False), (2, Digest, False), (4, bool, False)),
    OutputDirectory: ((1, str, False), (3, Digest, False)),
    OutputSymlink: ((1, str, False), (2, str, False)),
    Moment: ((1, int, False), (2, int, False)),
    Extra: ((1, str, False), (2, bytes, False)),
    Metadata: ((8, Moment, False), (11, Extra, True), (12, Moment, False)),
    ActionResult: (
        (2, OutputFile, True),
        (3, OutputDirectory, True),
        (4, int, False),
        (9, Metadata, False),
        (12, OutputSymlink, True),
    ),
    Made: ((1, str, False), (2, str, False), (3, Digest, False)),
}
"""Of each message its fields in the order of its constructor's arguments: number, kind, whether repeated."""
_DEFAULTS: "dict[Any, object]" = {str: "", int: 0, bool: False, bytes: b""}


def encode(message: object) -> bytes:
    """The bytes of a message: equal ones for equal messages.

    Raises:
        UnicodeEncodeError: A text is no Unicode text.
        ValueError: A number is out of bounds.
    """
    out: list[bytes] = []
    values = (message.hex, message.size) if isinstance(message, Digest) else message.fields()  # type: ignore[attr-defined]
    for (number, _, repeated), value in zip(_TABLES[type(message)], values, strict=True):
        for item in value if repeated else () if value is None or value in ("", 0, b"") else (value,):
            if isinstance(item, int):
                out.append(
                    _varint(number << 3) + _varint(item % (1 << 64) if -_WHOLE <= item < _WHOLE else -1)
                )
            else:
                data = item.encode() if isinstance(item, str) else item
                data = data if isinstance(data, bytes) else encode(data)
                out.append(_varint(number << 3 | _BYTES) + _varint(len(data)) + data)
    return b"".join(out)


def decode(kind: "type[Message]", data: bytes) -> "Message":
    """The message of some bytes.

    Raises:
        MalformedError: They are none of this kind.
    """
    table = _TABLES[kind]
    places = {number: place for place, (number, _, _) in enumerate(table)}
    values: list[Any] = [[] if repeated else _DEFAULTS.get(kind) for _, kind, repeated in table]
    at, end = 0, len(data)
    while at < end:
        tag, at = _read_varint(data, at)
        wire, place = tag & 7, places.get(tag >> 3)
        value, at = _read_value(data, at, wire)
        if place is None:
            if not tag >> 3:
                raise MalformedError("a field has no number")
            continue
        _, wanted, repeated = table[place]
        item = _typed(wanted, wire, value)
        if repeated:
            values[place].append(item)
        else:
            values[place] = item
    return kind(*(tuple(value) if isinstance(value, list) else value for value in values))


def _typed(wanted: "Any", wire: int, value: "int | bytes") -> object:
    """The value of a field."""
    if isinstance(value, int):
        if wire != _VARINT or wanted not in {int, bool}:
            raise MalformedError("a field is of another type")
        return value != 0 if wanted is bool else value - (1 << 64) if value >= _WHOLE else value
    if wanted is bytes:
        return value
    if wanted is str:
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise MalformedError("a text is not UTF-8") from None
    if wanted in {int, bool}:
        raise MalformedError("a field is of another type")
    return decode(wanted, value)


def _read_value(data: bytes, at: int, wire: int) -> "tuple[int | bytes, int]":
    """A value of a wire type, and where it ends; what has a fixed length is of no message here."""
    if wire == _VARINT:
        return _read_varint(data, at)
    if wire == _BYTES:
        length, at = _read_varint(data, at)
    elif wire in {_FIXED64, _FIXED32}:
        length = 8 if wire == _FIXED64 else 4
    else:
        raise MalformedError("an unknown wire type")
    end = at + length
    if end > len(data):
        raise MalformedError("it ends too early")
    return (data[at:end] if wire == _BYTES else 0), end


def _varint(value: int) -> bytes:
    """A number below 2 to the 64 as a varint."""
    if not 0 <= value <= _MOST:
        raise ValueError("a number is out of bounds")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A varint, and where it ends."""
    value = 0
    for count in range(_LONGEST_VARINT):
        if at + count >= len(data):
            raise MalformedError("it ends too early")
        byte = data[at + count]
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            if value > _MOST:
                break
            return value, at + count + 1
    raise MalformedError("a number is too long")
