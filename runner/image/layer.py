"""A layer: a reproducible tar, compressed.

Compression is libdeflate's at level 6: unlike faster ones it chooses no code by processor that would give
other bytes. It takes whole buffers, so a layer is cut every 64 MiB into gzip members, which any reader of
gzip puts together again; memory stays bounded and most layers are one member.
"""

import hashlib
from collections.abc import Iterable, Iterator

import deflate

from runner.digest import Digest, canonical, digest_of
from runner.errors import PlanError
from runner.image import tar

LEVEL = 6
MEMBER = 64 << 20
COMPRESSION = f"gzip-libdeflate-{LEVEL}"
"""Names what makes bytes of a tar; part of a layer's key."""


class Layer:
    """A layer being written: its bytes come once.

    Args:
        entries: What it holds, in order.
        mtime: The time of each, in seconds since 1970.
        member: Into pieces of how many bytes of tar it is cut.
    """

    def __init__(self, entries: Iterable[tar.Entry], mtime: int, member: int = MEMBER) -> None:
        self._chunks = tar.tar_chunks(entries, mtime)
        self._member = member
        self._unpacked = hashlib.sha256()
        self._unpacked_size = 0

    def compressed(self) -> Iterator[bytes]:
        """The compressed bytes, piece by piece.

        Raises:
            RunError: A file is not as long as its entry says.
        """
        for piece in _pieces(self._chunks, self._member):
            self._unpacked.update(piece)
            self._unpacked_size += len(piece)
            yield bytes(deflate.gzip_compress(piece, LEVEL))

    @property
    def diff_id(self) -> Digest:
        """Digest and size of the tar; stands when all pieces have come."""
        return Digest(self._unpacked.hexdigest(), self._unpacked_size)


def layer_key(entries: Iterable[tuple[tar.Entry, Digest | None]], mtime: int) -> Digest:
    """Names the layer of these entries, each file with its content's digest, and reads nothing."""
    values = [
        (entry.path, entry.kind, entry.mode, entry.owner, entry.target, digest and (digest.hex, digest.size))
        for entry, digest in entries
    ]
    return digest_of(canonical((COMPRESSION, MEMBER, mtime, values)))


def check_name(path: str) -> None:
    """Says nothing if a layer can hold something at this path.

    Raises:
        PlanError: The last part of it means a deletion in a layer, or there is none, or a zero byte is in it.
    """
    if path.rpartition("/")[2].startswith(".wh."):
        raise PlanError(
            f"`{path}` cannot be in an image: in a layer, `.wh.` marks a deletion", hint="another name"
        )
    if not path or "\0" in path:
        raise PlanError(f"`{path!r}` is no path in an image")


def _pieces(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of exactly `size`, the last one shorter and never empty."""
    waiting: list[bytes] = []
    length = 0
    for chunk in chunks:
        begin = 0
        while length + len(chunk) - begin >= size:
            end = begin + size - length
            waiting.append(chunk[begin:end])
            yield b"".join(waiting)
            waiting.clear()
            begin, length = end, 0
        if begin < len(chunk):
            waiting.append(chunk[begin:])
            length += len(chunk) - begin
    if waiting:
        yield b"".join(waiting)
