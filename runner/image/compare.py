"""Where two images differ that should be the same: the first difference, down to the byte.

Reads two images side by side, and knows nothing of how they were made but what their history says.
"""

import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from runner.digest import Digest
from runner.image import media_type
from runner.image.base_tree import opened
from runner.image.descriptor import Descriptor
from runner.image.document import decode
from runner.image.image_config import parse_config
from runner.image.index import parse_index
from runner.image.manifest import Manifest, parse_manifest
from runner.image.unpacked import unpacked

_SHOWN = 24
"""Bytes of each that are shown of a file's content."""
_AROUND = 256
"""Bytes before and behind the first that differs from which one may guess what it is about."""
_BEFORE = 8
"""So many of them stand before the first that differs."""
_PIECE = 1 << 20
_KINDS = {
    tarfile.DIRTYPE: "a folder",
    tarfile.SYMTYPE: "a link",
    tarfile.LNKTYPE: "another name of a file",
    tarfile.REGTYPE: "a file",
}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two images.

    Args:
        head: Points to its manifest, or to an index.
        read: Gives documents.
        chunks: Gives a blob's bytes, piece by piece.
    """

    head: Descriptor
    read: Callable[[Descriptor], bytes]
    chunks: Callable[[Digest], Iterable[bytes]]

    def of(self, head: Descriptor) -> "Side":
        """Another image of the same place."""
        return Side(head, self.read, self.chunks)

    def tar(self, layer: Descriptor) -> Iterator[bytes]:
        """The bytes of a layer, unpacked."""
        return unpacked(layer.media_type, self.chunks(layer.digest))


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two images differ.

    Args:
        what: What differs, in words: `its config at …`, `the mode of /app/gmicro`.
        first: What the first has.
        second: What the second has.
        words: What made the layer, as the history says; empty for what is in no layer.
        content: The two contents of a file around the first byte that differs, or None.
    """

    what: str
    first: str
    second: str
    words: str = ""
    content: tuple[bytes, bytes] | None = None


def first_difference(one: Side, other: Side) -> Difference | None:
    """The first thing in which two images differ, the layers before the config; None if they are the same.

    Raises:
        RunError: One of them can't be read.
    """
    if one.head.digest == other.head.digest:
        return None
    if media_type.INDEX in {one.head.media_type, other.head.media_type}:
        return _of_indexes(one, other)
    first, second = parse_manifest(one.read(one.head)), parse_manifest(other.read(other.head))
    return (
        _of_layers(one, other, first, second)
        or _of_documents("its config", one.read(first.config), other.read(second.config))
        or _of_documents("its manifest", one.read(one.head), other.read(other.head))
    )


def _of_indexes(one: Side, other: Side) -> Difference | None:
    if one.head.media_type != other.head.media_type:
        return Difference("what it is", one.head.media_type, other.head.media_type)
    heads = (parse_index(side.read(side.head)).manifests for side in (one, other))
    for first, second in zip_longest(*heads):
        if first is None or second is None or first.platform != second.platform:
            found_for = [str(head and head.platform) for head in (first, second)]
            return Difference("its platforms", found_for[0], found_for[1])
        found = first_difference(one.of(first), other.of(second))
        if found is not None:
            return found
    return _of_documents("its index", one.read(one.head), other.read(other.head))


def _of_layers(one: Side, other: Side, first: Manifest, second: Manifest) -> Difference | None:
    words = _words(one, first)
    for number, (layer, twin) in enumerate(zip_longest(first.layers, second.layers)):
        if layer is None or twin is None:
            return Difference("how many layers it has", str(len(first.layers)), str(len(second.layers)))
        if layer.digest == twin.digest:
            continue
        by = words[number] if number < len(words) else ""
        found = _of_tars(one.tar(layer), other.tar(twin), by)
        return found or Difference("how a layer is packed", str(layer.digest), str(twin.digest), by)
    return None


def _words(side: Side, manifest: Manifest) -> list[str]:
    """What made each layer."""
    history = parse_config(side.read(manifest.config)).history
    return [str(entry.get("created_by", "")) for entry in history if not entry.get("empty_layer")]


def _of_tars(one: Iterator[bytes], other: Iterator[bytes], words: str) -> Difference | None:
    with opened(one) as first, opened(other) as second:
        for entry, twin in zip_longest(first, second):
            if entry is None or twin is None or entry.name != twin.name:
                named = [f"`/{found.name}`" if found else "no further entry" for found in (entry, twin)]
                return Difference("what comes next", named[0], named[1], words)
            found = _of_entries(first, entry, second, twin)
            if found is not None:
                return Difference(found.what, found.first, found.second, words, found.content)
            # They would keep them all.
            first.members = second.members = []  # type: ignore[attr-defined]
    return None


def _of_entries(
    first: tarfile.TarFile, entry: tarfile.TarInfo, second: tarfile.TarFile, twin: tarfile.TarInfo
) -> Difference | None:
    path = f"`/{entry.name}`"
    for what, of in (
        ("the kind of", lambda found: _KINDS.get(found.type, "something else")),
        ("the mode of", lambda found: f"{found.mode:04o}"),
        ("the owner of", lambda found: f"{found.uid}:{found.gid}"),
        ("the time of", lambda found: f"{found.mtime}"),
        ("where the link leads:", lambda found: found.linkname),
    ):
        if of(entry) != of(twin):
            return Difference(f"{what} {path}", of(entry), of(twin))
    if entry.isreg():
        return _of_contents(path, _pieces(first, entry), _pieces(second, twin))
    return None


def _pieces(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Iterator[bytes]:
    file = archive.extractfile(entry)
    assert file is not None
    while piece := file.read(_PIECE):
        yield piece


def _of_contents(path: str, first: Iterator[bytes], second: Iterator[bytes]) -> Difference | None:
    passed, before = 0, (b"", b"")
    for piece, twin in zip_longest(first, second, fillvalue=b""):
        if piece != twin:
            at = next(
                (number for number, (a, b) in enumerate(zip(piece, twin, strict=False)) if a != b),
                min(len(piece), len(twin)),
            )
            shown = [_around(kept, data, at) for kept, data in zip(before, (piece, twin), strict=True)]
            return Difference(
                f"byte {passed + at} of {path}",
                _readable(*shown[0]),
                _readable(*shown[1]),
                content=(shown[0][0], shown[1][0]),
            )
        passed += len(piece)
        before = (piece[-_AROUND:], twin[-_AROUND:])
    return None


def _around(before: bytes, data: bytes, at: int) -> tuple[bytes, int]:
    """What stands around a byte, and which of it that byte is."""
    begin = max(0, len(before) + at - _AROUND)
    return (before + data)[begin : len(before) + at + _AROUND], len(before) + at - begin


def _readable(around: bytes, at: int) -> str:
    """The bytes from one on, as text where they are one, else as hexadecimal digits."""
    data = around[max(0, at - _BEFORE) : at - _BEFORE + _SHOWN if at > _BEFORE else _SHOWN]
    if at >= len(around):
        return "its end"
    if all(0x20 <= byte < 0x7F or byte in b"\t\n" for byte in data):
        return f"`{data.decode()}`".replace("\n", "\\n").replace("\t", "\\t")
    return data.hex(" ")


def _of_documents(what: str, one: bytes, other: bytes) -> Difference | None:
    found = _of_values("", decode(one, what), decode(other, what))
    if found is None:
        return None if one == other else Difference(what, "other bytes", "of the same meaning")
    place, first, second = found
    return Difference(f"{what} at `{place}`", f"`{first}`", f"`{second}`")


def _of_values(place: str, one: Any, other: Any) -> tuple[str, Any, Any] | None:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys((*one, *other)):
            inner = f"{place}.{name}" if place else str(name)
            if found := _of_values(inner, one.get(name), other.get(name)):
                return found
        return None
    if isinstance(one, list) and isinstance(other, list):
        for first, second in zip_longest(one, other):
            if found := _of_values(place, first, second):
                return found
        return None
    return None if one == other else (place, one, other)
