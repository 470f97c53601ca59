"""The tar in a layer's blob, whatever packs it: gzip, zstd, or nothing."""

import zlib
from collections.abc import Iterable, Iterator

from runner.errors import RunError
from runner.image import media_type

_PIECE = 1 << 20
"""Bytes that are unpacked at once, so that a small blob can't fill the memory."""
_LONGEST_WINDOW = 1 << 27
"""Bytes that zstd may look back: what its own program accepts where nothing else is said."""


def unpacked(media: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of a layer's tar, piece by piece.

    Args:
        media: The blob's media type, by its OCI name.
        chunks: The blob's bytes.

    Raises:
        RunError: It is packed in a way that is not known here, or is not what its media type says.
    """
    if media == media_type.LAYER:
        return iter(chunks)
    if media == media_type.LAYER_GZIP:
        return _of_gzip(chunks)
    if media == media_type.LAYER_ZSTD:
        return _of_zstd(chunks)
    raise RunError(f"a layer is of a kind that is not known here: {media}")


def packing(head: bytes) -> str:
    """The media type of a layer whose first bytes these are; a tar, if they are of nothing else."""
    if head.startswith(b"\x1f\x8b"):
        return media_type.LAYER_GZIP
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return media_type.LAYER_ZSTD
    return media_type.LAYER


def _of_gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of all members of a gzip stream."""
    unpacker = zlib.decompressobj(31)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if unpacker.eof:
                    unpacker = zlib.decompressobj(31)
                yield unpacker.decompress(rest, _PIECE)
                rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    except zlib.error as error:
        raise _damaged(str(error)) from None
    if not unpacker.eof:
        raise _damaged("it ends too early")


def _of_zstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of all frames of a zstd stream."""
    import zstandard  # noqa: PLC0415 - few layers are packed by it

    context = zstandard.ZstdDecompressor(max_window_size=_LONGEST_WINDOW)
    unpacker = context.decompressobj()
    begun = False
    try:
        for chunk in chunks:
            # What the unpacker gives for one piece is kept small by giving it little at once.
            for at in range(0, len(chunk), _PIECE // 16):
                rest = chunk[at : at + _PIECE // 16]
                while rest:
                    if unpacker.eof:
                        unpacker = context.decompressobj()
                    begun = True
                    yield unpacker.decompress(rest)
                    rest = unpacker.unused_data if unpacker.eof else b""
    except zstandard.ZstdError as error:
        raise _damaged(str(error)) from None
    if not begun or not unpacker.eof:
        raise _damaged("it ends too early")


def _damaged(why: str) -> RunError:
    return RunError(f"a layer is damaged: {why}")
