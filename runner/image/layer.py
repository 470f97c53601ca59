"""A layer: a reproducible tar, packed.

gzip is libdeflate's at level 6: unlike faster ones it chooses no code by processor that would give other
bytes. zstd is its own library's at level 3. Both take 4 MiB at once, which become a gzip member or a zstd frame,
and any reader puts those together again; so several can be packed at once, whose bytes do not hang on how many,
and memory stays bounded. What that costs in size is less than a thousandth.
Another version of a library may give other bytes, so the version is part of what a layer is remembered by.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from runner.digest import Digest, canonical, digest_of
from runner.errors import PlanError
from runner.image import media_type, tar
from runner.plan.image_plan import GZIP, ZSTD

Each = Callable[[Callable[[bytes], bytes], Iterable[bytes]], Iterable[bytes]]
"""What `map` is: it calls a function with each of many things, and gives the results in order."""
LEVELS = {GZIP: 6, ZSTD: 3}
MEDIA_TYPES = {GZIP: media_type.LAYER_GZIP, ZSTD: media_type.LAYER_ZSTD}
"""What a layer is that is packed in each way."""
MEMBER = 4 << 20
_VERSION = 2
"""Counted up whenever the same entries come to be another layer, or more is remembered of it."""


class Layer:
    """A layer being written: its bytes come once.

    Args:
        entries: What it holds, in order.
        mtime: The time of each, in seconds since 1970.
        member: Into pieces of how many bytes of tar it is cut.
        compression: `gzip` or `zstd`.
    """

    def __init__(
        self, entries: Iterable[tar.Entry], mtime: int, member: int = MEMBER, compression: str = GZIP
    ) -> None:
        self._chunks = tar.tar_chunks(entries, mtime)
        self._member = member
        self._compression = compression
        self._unpacked = hashlib.sha256()
        self._unpacked_size = 0

    def compressed(self, each: Each = map) -> Iterator[bytes]:
        """The compressed bytes, piece by piece.

        Args:
            each: Calls a function with each of many things and gives the results in order; it may do several at
                once.

        Raises:
            RunError: A file is not as long as its entry says.
        """
        return iter(each(partial(_packed, self._compression), self._counted()))

    def _counted(self) -> Iterator[bytes]:
        for piece in _pieces(self._chunks, self._member):
            self._unpacked.update(piece)
            self._unpacked_size += len(piece)
            yield piece

    @property
    def diff_id(self) -> Digest:
        """Digest and size of the tar; stands when all pieces have come."""
        return Digest(self._unpacked.hexdigest(), self._unpacked_size)


def packed(chunks: Iterable[bytes], compression: str = GZIP, each: Each = map) -> Iterator[bytes]:
    """The bytes of a tar that was made elsewhere, packed as layers are; for `each` see `Layer.compressed`."""
    return iter(each(partial(_packed, compression), _pieces(chunks, MEMBER)))


def layer_key(
    entries: Iterable[tuple[tar.Entry, Digest | None]], mtime: int, compression: str = GZIP
) -> Digest:
    """Names the layer of these entries, each file with its content's digest, and reads nothing."""
    values = [
        (entry.path, entry.kind, entry.mode, entry.owner, entry.target, digest and (digest.hex, digest.size))
        for entry, digest in entries
    ]
    return digest_of(canonical((_VERSION, _packer(compression), MEMBER, mtime, values)))


def _packer(compression: str) -> str:
    """What makes bytes of a tar: library, version, level."""
    if compression == ZSTD:
        import zstandard  # noqa: PLC0415 - few layers are packed by it

        library = f"libzstd {'.'.join(map(str, zstandard.ZSTD_VERSION))}"
    else:
        import deflate  # noqa: PLC0415 - for layers only

        library = f"deflate {deflate.__version__}"
    return f"{compression} {library} {LEVELS[compression]}"


def _packed(compression: str, piece: bytes) -> bytes:
    if compression == ZSTD:
        import zstandard  # noqa: PLC0415 - few layers are packed by it

        return zstandard.ZstdCompressor(LEVELS[ZSTD], threads=0).compress(piece)
    import deflate  # noqa: PLC0415 - for layers only

    return bytes(deflate.gzip_compress(piece, LEVELS[GZIP]))


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
