"""What is where in an image: the tree that its layers give when one is laid over the other.

A layer that puts a file below `/tmp` must say again what `/tmp` is like, or it would take away that everyone
may write there; and where `/bin` is a link to `usr/bin`, a file for `/bin` belongs below `usr/bin`, or the
layer would hide the whole folder. So what the base has is known before the first copy.

A large image has tens of thousands of files, of which a copy asks for a handful. So what is kept of an image is
a `Listing`, sorted text in which is searched and of which nothing else is read:

    tree 1 LENGTH          the head: how many bytes follow
    PATH NUL WHAT          one line for each path, sorted by its bytes

PATH is without a slash at either end, written as in JSON without the quotes, and so are targets. WHAT is
`dMODE USER GROUP` of a folder, `lTARGET` of a link, `fMODE USER GROUP SIZE LAYER PATH` of a file, with the number
of the layer that holds its content and its path there, and `o` of anything else.
"""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from runner.errors import RunError
from runner.image.unpacked import unpacked

_LINKS = 40
"""How many links on the way to a file are followed, as in the kernel."""
_HEAD = b"tree 1 "
_NOWHERE = -1
"""The layer of a file whose content is in none: a hard link to what is not there."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder: its permission bits, and its user and group number."""

    mode: int = 0o755
    owner: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class File:
    """A file.

    Args:
        mode: Permission bits.
        owner: User and group number.
        size: Bytes of its content.
        layer: The number of the layer that holds the content, the lowest being 0.
        path: Where in that layer: its own path, or that of another name of the same file.
    """

    mode: int
    owner: tuple[int, int]
    size: int
    layer: int
    path: str


@dataclass(frozen=True, slots=True)
class Other:
    """A device or a pipe."""


What = Folder | File | Other | str
"""What is at a path; text is the target of a link."""


class Listing:
    """All that is in an image.

    Args:
        data: The text; see the head of this module.

    Raises:
        RunError: It is not whole.
    """

    def __init__(self, data: bytes = b"tree 1 0\n") -> None:
        end = data.find(b"\n")
        if not data.startswith(_HEAD) or data[len(_HEAD) : end] != b"%d" % (len(data) - end - 1):
            raise RunError("the list of what is in an image is damaged")
        self.data = data
        self._begin = end + 1

    def get(self, path: str) -> What | None:
        """What is at a path, or None."""
        key = _text(path)
        at = self._at(key)
        line = self.data[at : self.data.find(b"\n", at)]
        return _parsed(line[len(key) + 1 :], path) if line.startswith(key + b"\0") else None

    def below(self, folder: str) -> Iterator[tuple[str, What]]:
        """All paths below a folder, sorted, and what is there."""
        prefix = _text(f"{folder}/") if folder else b""
        at = self._at(prefix)
        while at < len(self.data) and self.data.startswith(prefix, at):
            end = self.data.find(b"\n", at)
            key, _, what = self.data[at:end].partition(b"\0")
            path = _of_text(key)
            yield path, _parsed(what, path)
            at = end + 1

    def _at(self, key: bytes) -> int:
        """Where the first line begins whose path is not before this one."""
        data, low, high = self.data, self._begin, len(self.data)
        while low < high:
            middle = (low + high) // 2
            begin = max(data.rfind(b"\n", 0, middle) + 1, low)
            end = data.find(b"\n", middle)
            if data[begin : data.find(b"\0", begin)] < key:
                low = end + 1
            else:
                high = begin
        return low


class Tree:
    """What is in an image that is being made: what its base has, and what was put over that.

    Args:
        base: What the base has.
    """

    def __init__(self, base: Listing | None = None) -> None:
        self._base = base or Listing()
        self._known: dict[str, What | None] = {"": Folder()}
        self._put: dict[str, What | None] = {}
        self._hidden: set[str] = set()
        self._places: dict[str, str] = {}

    def get(self, path: str) -> What | None:
        """What is at a path; None for nothing, and for a file that was put."""
        if path in self._put:
            return self._put[path]
        if self._hidden and any(above in self._hidden for above in _above(path)):
            return None
        if path not in self._known:
            folder = path.rpartition("/")[0]
            # Most of what is copied lies in folders that the base does not have.
            there = not folder or isinstance(self.get(folder), Folder)
            self._known[path] = self._base.get(path) if there else None
        return self._known[path]

    def was_put(self, path: str) -> bool:
        """Whether what is at a path was put there, and is not the base's."""
        return path in self._put

    def put(self, path: str, what: Folder | str | None) -> None:
        """Lets a path be a folder, a link to a target, or (None) a file; what was below goes."""
        before = self.get(path)
        if isinstance(before, (Folder, str)) and not isinstance(what, Folder):
            self.remove(path)
        if isinstance(before, str) or isinstance(what, str):
            self._places.clear()
        for above in _above(path):
            if not isinstance(self.get(above), (Folder, str)):
                self._put[above] = Folder()
        self._put[path] = what

    def remove(self, path: str) -> None:
        """Forgets a path and what is below it."""
        below = f"{path}/"
        for name in [name for name in self._put if name.startswith(below)]:
            del self._put[name]
        self._put[path] = None
        self._hidden.add(path)
        self._places.clear()

    def resolved(self, path: str, *, last: bool = False) -> str:
        """The same place without links on the way; `last` follows the last part too.

        Raises:
            RunError: The links lead in a circle.
        """
        folder, slash, name = path.rpartition("/")
        if last or name in {"", ".", ".."}:
            return self._followed(path)
        if slash:
            if folder not in self._places:
                self._places[folder] = self._followed(folder)
            folder = self._places[folder]
        return f"{folder}/{name}" if folder else name

    def _followed(self, path: str) -> str:
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
            if isinstance(target, str):
                links += 1
                if links > _LINKS:
                    raise RunError(f"`/{path}` leads in a circle in the image")
                done = [] if target.startswith("/") else done[:-1]
                waiting += target.split("/")[::-1]
        return "/".join(done)


class Merged:
    """Layers laid over each other, the lowest first."""

    def __init__(self) -> None:
        self._root = _Node(Folder())
        self._folders: dict[str, _Node] = {}
        self._count = 0

    def apply(self, media: str, chunks: Iterable[bytes]) -> None:
        """Lays a layer over what is known.

        Args:
            media: The media type of its blob.
            chunks: The blob's bytes.

        Raises:
            RunError: The layer is packed in a way that is not known here, or damaged.
        """
        number, self._count = self._count, self._count + 1
        entries: list[tuple[str, What, str]] = []
        with opened(unpacked(media, chunks)) as archive:
            for member in archive:
                entries.append(_entry(member, number))
                # It would keep them all.
                archive.members = []  # type: ignore[attr-defined]
        # What a layer deletes is of those below it, wherever in the layer that stands.
        for path, _, _ in entries:
            self._delete(path)
        for path, what, original in entries:
            if path and not path.rpartition("/")[2].startswith(".wh."):
                self._put(path, what, original)

    def listing(self) -> Listing:
        """All that is there now."""
        lines = []
        waiting = [("", self._root)]
        while waiting:
            prefix, node = waiting.pop()
            for name, child in node.names.items():
                path = prefix + name
                lines.append(b"%b\0%b\n" % (_text(path), _written(child.what, path)))
                if child.names:
                    waiting.append((f"{path}/", child))
        # A NUL is less than all that a path is written with, so that lines sort as paths do.
        body = b"".join(sorted(lines))
        return Listing(b"%b%d\n%b" % (_HEAD, len(body), body))

    def _put(self, path: str, what: What, original: str) -> None:
        folder, _, name = path.rpartition("/")
        node = self._folder(folder)
        if original:
            what = self._linked(original)
        known = node.names.get(name)
        if known is None:
            node.names[name] = _Node(what)
            return
        if not (isinstance(what, Folder) and isinstance(known.what, Folder)):
            if known.names or isinstance(known.what, str):
                self._folders.clear()
            known.names = {}
        known.what = what

    def _linked(self, original: str) -> What:
        """What a hard link is: the very thing that another name stands for."""
        folder, _, name = original.rpartition("/")
        node = self._folder(folder).names.get(name)
        return node.what if node is not None else File(0o644, (0, 0), 0, _NOWHERE, original)

    def _delete(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        if not name.startswith(".wh."):
            return
        if name == ".wh..wh..opq":
            self._folder(folder).names.clear()
        elif not name.startswith(".wh..wh."):
            self._folder(folder).names.pop(name[4:], None)
        self._folders.clear()

    def _folder(self, path: str) -> "_Node":
        """The folder at a path, links followed; made where none is: not every writer of layers tells of each."""
        found = self._folders.get(path)
        if found is not None:
            return found
        waiting = path.split("/")[::-1]
        way = [self._root]
        links = 0
        while waiting:
            name = waiting.pop()
            if name in {"", "."}:
                continue
            if name == "..":
                way = way[:-1] or way
                continue
            node = way[-1].names.get(name)
            if node is not None and isinstance(node.what, str):
                links += 1
                if links > _LINKS:
                    raise RunError(f"a layer is damaged: `/{path}` leads in a circle")
                way = way[:1] if node.what.startswith("/") else way
                waiting += node.what.split("/")[::-1]
                continue
            if node is None or not isinstance(node.what, Folder):
                node = way[-1].names[name] = _Node(Folder())
            way.append(node)
        self._folders[path] = way[-1]
        return way[-1]


class _Node:
    """A place in merged layers; `names` is what lies in it."""

    __slots__ = ("names", "what")

    def __init__(self, what: What) -> None:
        self.what = what
        self.names: dict[str, _Node] = {}


def contents(
    media: str, chunks: Iterable[bytes], wanted: "set[str]"
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Some files of a layer, in the order in which they stand there: path and content.

    The content must be read before the next file is asked for. Of a path that stands there twice the last counts.

    Args:
        media: The media type of the layer's blob.
        chunks: The blob's bytes.
        wanted: Paths.

    Raises:
        RunError: The layer is damaged.
    """
    with opened(unpacked(media, chunks)) as archive:
        for member in archive:
            archive.members = []  # type: ignore[attr-defined]
            path = _clean(member.name)
            if path in wanted and member.isreg():
                file = archive.extractfile(member)
                assert file is not None
                yield path, iter(lambda file=file: file.read(1 << 20), b"")  # type: ignore[misc]


class opened:  # noqa: N801 - reads as a function
    """A tar to be read from its beginning to its end; what is wrong with it is an error of ours."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._source = io.BufferedReader(Pieces(chunks), 1 << 16)

    def __enter__(self) -> tarfile.TarFile:
        try:
            self._archive = tarfile.open(fileobj=self._source, mode="r|", encoding="utf-8")
        except (tarfile.TarError, EOFError) as error:
            raise RunError(f"a layer is damaged: {error}") from None
        return self._archive

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._archive.close()
        if isinstance(error, (tarfile.TarError, EOFError)):
            raise RunError(f"a layer is damaged: {error}") from None


class Pieces(io.RawIOBase):
    """Pieces of bytes as a file to be read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._waiting = memoryview(b"")

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """See `io.RawIOBase`."""
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


def _entry(member: tarfile.TarInfo, layer: int) -> tuple[str, What, str]:
    """Of an entry of a layer its path, what is there, and which file a hard link is another name of."""
    path = _clean(member.name)
    mode, owner = member.mode & 0o7777, (member.uid, member.gid)
    if member.isdir():
        return path, Folder(mode, owner), ""
    if member.issym():
        return path, member.linkname, ""
    if member.islnk():
        return path, Other(), _clean(member.linkname)
    if member.isreg():
        return path, File(mode, owner, member.size, layer, path), ""
    return path, Other(), ""


def _clean(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in {"", ".", ".."})


def _above(path: str) -> Iterator[str]:
    """The folders on the way to a path."""
    at = path.find("/")
    while at > 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _text(path: str) -> bytes:
    return json.dumps(path)[1:-1].encode()


def _of_text(written: bytes) -> str:
    try:
        return str(json.loads(b'"%b"' % written))
    except ValueError:
        raise RunError("the list of what is in an image is damaged") from None


def _written(what: What, path: str) -> bytes:
    if isinstance(what, str):
        return b"l" + _text(what)
    if isinstance(what, Folder):
        return b"d%o %d %d" % (what.mode, *what.owner)
    if isinstance(what, File):
        other = b"" if what.path == path else _text(what.path)
        return b"f%o %d %d %d %d %b" % (what.mode, *what.owner, what.size, what.layer, other)
    return b"o"


def _parsed(written: bytes, path: str) -> What:
    kind, rest = written[:1], written[1:]
    try:
        if kind == b"l":
            return _of_text(rest)
        if kind == b"d":
            mode, user, group = rest.split(b" ")
            return Folder(int(mode, 8), (int(user), int(group)))
        if kind == b"f":
            mode, user, group, size, layer, other = rest.split(b" ", 5)
            inner = _of_text(other) if other else path
            return File(int(mode, 8), (int(user), int(group)), int(size), int(layer), inner)
    except ValueError:
        kind = b""
    if kind != b"o":
        raise RunError("the list of what is in an image is damaged")
    return Other()
