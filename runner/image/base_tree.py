"""The folders and links of a base image.

A layer that puts a file below `/tmp` must say again what `/tmp` is like, or it would take away that everyone
may write there; and where `/bin` is a link to `usr/bin`, a file for `/bin` belongs below `usr/bin`, or the
layer would hide the whole folder. So folders and links of the base are known before the first copy.
"""

import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from runner.errors import RunError
from runner.image import media_type
from runner.image.document import decode, encode

_LINKS = 40
"""How many links on the way to a file are followed, as in the kernel."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder: its permission bits, and its user and group number."""

    mode: int = 0o755
    owner: tuple[int, int] = (0, 0)


class Tree:
    """What is a folder or a link in an image; all other names are not known.

    Args:
        entries: By path without a slash at either end: a folder, or the target of a link.
    """

    def __init__(self, entries: dict[str, Folder | str] | None = None) -> None:
        self._entries = entries or {}

    def get(self, path: str) -> Folder | str | None:
        """The folder, the target of the link, or None for anything else."""
        return self._entries.get(path)

    def put(self, path: str, what: Folder | str | None) -> None:
        """Lets a path be a folder, a link to a target, or (None) something else; what was below goes."""
        if path in self._entries and not (isinstance(what, Folder) and isinstance(self.get(path), Folder)):
            self.remove(path)
        # Not every writer of layers says what the folders on the way are like.
        at = path.find("/")
        while at > 0:
            self._entries.setdefault(path[:at], Folder())
            at = path.find("/", at + 1)
        if what is not None:
            self._entries[path] = what

    def remove(self, path: str, *, only_below: bool = False) -> None:
        """Forgets a path and what is below it."""
        below = f"{path}/" if path else ""
        gone = [name for name in self._entries if name.startswith(below)]
        for name in gone:
            del self._entries[name]
        if not only_below:
            self._entries.pop(path, None)

    def resolved(self, path: str, *, last: bool = False) -> str:
        """The same place without links on the way; `last` follows the last part too.

        Raises:
            RunError: The links lead in a circle.
        """
        waiting = path.split("/")[::-1]
        done: list[str] = []
        links = 0
        while waiting:
            name = waiting.pop()
            if name in {"", "."}:
                continue
            if name == "..":
                del done[-1:]
                continue
            done.append(name)
            target = self.get("/".join(done))
            if isinstance(target, str) and (waiting or last):
                links += 1
                if links > _LINKS:
                    raise RunError(f"`/{path}` leads in a circle in the base image")
                done = [] if target.startswith("/") else done[:-1]
                waiting += target.split("/")[::-1]
        return "/".join(done)

    def apply(self, media: str, chunks: Iterable[bytes]) -> None:
        """Lays a layer over what is known.

        Raises:
            RunError: The layer is compressed in a way that is not known here, or damaged.
        """
        if media == media_type.LAYER_ZSTD:
            raise RunError(
                "a layer of the base is compressed with zstd, which is not known here",
                hint="copy the base with `skopeo copy --dest-compress-format gzip`",
            )
        try:
            pieces = _unpacked(chunks) if media == media_type.LAYER_GZIP else iter(chunks)
            source = io.BufferedReader(_Pieces(pieces), 1 << 16)
            with tarfile.open(fileobj=source, mode="r|") as archive:
                members = [(member, _clean(member.name)) for member in archive]
        except (tarfile.TarError, zlib.error, EOFError) as error:
            raise RunError(f"a layer of the base is damaged: {error}") from None
        for _, path in members:
            self._delete(path)
        for member, path in members:
            if member.isdir():
                self.put(path, Folder(member.mode & 0o7777, (member.uid, member.gid)))
            elif not path.rpartition("/")[2].startswith(".wh."):
                self.put(path, member.linkname if member.issym() else None)

    def _delete(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        if name == ".wh..wh..opq":
            self.remove(parent, only_below=True)
        elif name.startswith(".wh.") and not name.startswith(".wh..wh."):
            self.remove(f"{parent}/{name[4:]}" if parent else name[4:])

    def encode(self) -> bytes:
        """The tree as bytes that `parse_tree` reads."""
        return encode(
            {
                path: what if isinstance(what, str) else [what.mode, *what.owner]
                for path, what in sorted(self._entries.items())
            }
        )


def parse_tree(data: bytes) -> Tree:
    """The tree that `Tree.encode` wrote.

    Raises:
        RunError: These are other bytes.
    """
    out: dict[str, Folder | str] = {}
    for path, what in decode(data, "the list of the base's folders").items():
        match what:
            case str():
                out[path] = what
            case [int() as mode, int() as user, int() as group]:
                out[path] = Folder(mode, (user, group))
            case _:
                raise RunError("the list of the base's folders is damaged")
    return Tree(out)


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a file to be read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._waiting = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._waiting:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._waiting = memoryview(piece)
        room = memoryview(buffer).cast("B")
        size = min(len(room), len(self._waiting))
        room[:size] = self._waiting[:size]
        self._waiting = self._waiting[size:]
        return size


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of all members of a gzip stream."""
    unpacker = zlib.decompressobj(31)
    for chunk in chunks:
        rest = chunk
        while rest:
            if unpacker.eof:
                unpacker = zlib.decompressobj(31)
            yield unpacker.decompress(rest, 1 << 20)
            rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    if not unpacker.eof:
        raise EOFError("it ends too early")


def _clean(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in {"", ".", ".."})
