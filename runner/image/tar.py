"""Tar archives that are the same bytes on every machine.

USTAR, because every reader knows it; an entry that does not fit gets a PAX header before it, with only the
records it needs. No user or group names, no times but the one given. The caller brings names in the order in
which they shall stand.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from runner.errors import RunError

BLOCK = 512
FILE = b"0"
LINK = b"2"
FOLDER = b"5"
_PAX = b"x"
_PAX_NAME = b"././@PaxHeader"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an archive.

    Args:
        path: Its name, without a slash at either end; bytes that are no UTF-8 as surrogates.
        kind: FILE, LINK or FOLDER.
        mode: Permission bits.
        owner: User and group number.
        size: How many bytes a file has.
        target: Where a link leads.
        content: Gives a file's bytes, piece by piece.
    """

    path: str
    kind: bytes = FILE
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    size: int = 0
    target: str = ""
    content: Callable[[], Iterable[bytes]] = tuple


def file_entry(path: str, data: bytes, mode: int = 0o644) -> Entry:
    """A file with these bytes."""
    return Entry(path, size=len(data), mode=mode, content=lambda: (data,))


def tar_chunks(entries: Iterable[Entry], mtime: int) -> Iterator[bytes]:
    """The archive's bytes, piece by piece.

    Args:
        entries: What stands in it, in this order.
        mtime: The time of each, in seconds since 1970, 0 or more.

    Raises:
        RunError: A file's content is not as long as its entry says.
    """
    for entry in entries:
        yield _header(entry, mtime)
        if entry.kind == FILE:
            yield from _content(entry)
    yield bytes(2 * BLOCK)


def _content(entry: Entry) -> Iterator[bytes]:
    size = 0
    for chunk in entry.content():
        size += len(chunk)
        if size > entry.size:
            break
        yield chunk
    if size != entry.size:
        raise RunError(f"`{entry.path}` changed while it was read", hint="run again when nothing writes it")
    yield bytes(-size % BLOCK)


def _header(entry: Entry, mtime: int) -> bytes:
    name = _bytes(entry.path) + (b"/" if entry.kind == FOLDER else b"")
    target = _bytes(entry.target)
    records: list[tuple[bytes, bytes]] = []
    prefix, short = _split(name)
    if short is None or not name.isascii():
        records.append((b"path", name))
    if len(target) > 100 or not target.isascii():
        records.append((b"linkpath", target))
    numbers = {
        b"size": (entry.size, 12),
        b"uid": (entry.owner[0], 8),
        b"gid": (entry.owner[1], 8),
        b"mtime": (mtime, 12),
    }
    fields: dict[bytes, bytes] = {}
    for key, (number, width) in numbers.items():
        fits = number < 8 ** (width - 1)
        if not fits:
            records.append((key, b"%d" % number))
        fields[key] = _octal(number if fits else 0, width)
    block = _block(
        name[:100] if short is None else short, prefix, entry.kind, entry.mode, target[:100], fields
    )
    return _pax(records) + block if records else block


def _pax(records: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(_record(key, value) for key, value in sorted(records))
    zero = {key: _octal(0, width) for key, width in ((b"uid", 8), (b"gid", 8), (b"mtime", 12))}
    block = _block(_PAX_NAME, b"", _PAX, 0o644, b"", {**zero, b"size": _octal(len(body), 12)})
    return block + body + bytes(-len(body) % BLOCK)


def _record(key: bytes, value: bytes) -> bytes:
    """A line `LENGTH KEY=VALUE`, where the length counts its own digits too."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)


def _block(
    name: bytes, prefix: bytes, kind: bytes, mode: int, target: bytes, fields: dict[bytes, bytes]
) -> bytes:
    head = b"".join(
        (
            name.ljust(100, b"\0"),
            _octal(mode, 8),
            fields[b"uid"],
            fields[b"gid"],
            fields[b"size"],
            fields[b"mtime"],
        )
    )
    tail = b"".join(
        (
            kind,
            target.ljust(100, b"\0"),
            b"ustar\x0000",
            bytes(64),
            _octal(0, 8),
            _octal(0, 8),
            prefix.ljust(155, b"\0"),
        )
    ) + bytes(12)
    # The sum counts its own eight bytes as blanks.
    total = sum(head) + sum(tail) + 8 * 32
    return head + b"%06o\0 " % total + tail


def _split(name: bytes) -> tuple[bytes, bytes | None]:
    """Prefix and name as USTAR holds them; no name if they do not fit."""
    if len(name) <= 100:
        return b"", name
    cut = name.find(b"/", len(name) - 101, len(name) - 1)
    if 0 < cut <= 155:
        return name[:cut], name[cut + 1 :]
    return b"", None


def _octal(number: int, width: int) -> bytes:
    return b"%0*o\0" % (width - 1, number)


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
