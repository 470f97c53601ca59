"""A folder as a message of the Remote Execution API, and back.

Writing gives the same bytes for the same folder. Reading takes nothing on trust: a name that could lead anywhere
else, two things of one name, a folder that is missing or more entries than any folder has, and it is refused.
Knows no files.
"""

from runner.digest import Digest, digest_of
from runner.store.reapi import (
    Directory,
    DirectoryNode,
    FileNode,
    MalformedError,
    SymlinkNode,
    Tree,
    decode,
    encode,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST = 1_000_000
"""How many entries a folder may have, with all below it: few bytes could stand for more than any disk holds."""
LONGEST = 4096
"""Characters of a path."""
_MOST_CHARACTERS = 1 << 27
"""Of all paths of a folder together."""
FORBIDDEN = (".git", ".pyrun")
"""Names that nothing which is brought back may have."""
_HEX = frozenset("0123456789abcdef")


class Entries:
    """Files, links and folders by path.

    Attributes:
        files: The digest of each file, and whether it may be executed.
        links: Where each symbolic link leads to, as it is written in it.
        folders: The folders.
    """

    __slots__ = ("files", "folders", "links")

    def __init__(self) -> None:
        self.files: dict[str, tuple[Digest, bool]] = {}
        self.links: dict[str, str] = {}
        self.folders: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self.files) + len(self.links) + len(self.folders)


def write_tree(root: str, entries: Entries) -> bytes:
    """The message of a folder.

    Args:
        root: Its path.
        entries: All in it and perhaps more; all folders in it are among the folders.

    Raises:
        UnicodeEncodeError: A name is no Unicode text.
    """
    files = _by_folder(root, entries.files)
    links = _by_folder(root, entries.links)
    below = _by_folder(root, entries.folders)
    digests: dict[str, Digest] = {}
    found: dict[str, Directory] = {}
    directory = Directory((), (), ())
    # Sorted backwards a folder comes behind all that is in it.
    for folder in sorted(
        [root, *(path for path in entries.folders if path.startswith(f"{root}/"))], reverse=True
    ):
        prefix = f"{folder}/"
        directory = Directory(
            tuple(FileNode(name, *entries.files[prefix + name]) for name in sorted(files.get(folder, ()))),
            tuple(DirectoryNode(name, digests[prefix + name]) for name in sorted(below.get(folder, ()))),
            tuple(SymlinkNode(name, entries.links[prefix + name]) for name in sorted(links.get(folder, ()))),
        )
        digests[folder] = digest_of(encode(directory))
        found[digests[folder].hex] = directory
    del found[digests[root].hex]
    return encode(Tree(directory, tuple(found[key] for key in sorted(found))))


def _by_folder(root: str, paths: "Iterable[str]") -> "dict[str, list[str]]":
    """The names in each folder below a root, and in the root."""
    found: dict[str, list[str]] = {}
    for path in paths:
        if path.startswith(f"{root}/"):
            folder, _, name = path.rpartition("/")
            found.setdefault(folder, []).append(name)
    return found


def read_tree(root: str, data: bytes, entries: Entries) -> None:
    """Add a folder, and all in it, to some entries.

    Args:
        root: Its path.
        data: The message of it.
        entries: What it is added to.

    Raises:
        MalformedError: It is no such message, or not to be trusted.
    """
    tree = decode(Tree, data)
    if tree.root is None:
        raise MalformedError("a tree has no root")
    known = {digest_of(encode(child)): child for child in tree.children}
    left: list[tuple[str, Directory]] = [(root, tree.root)]
    characters = 0
    entries.folders[root] = None
    while left:
        folder, directory = left.pop()
        names: set[str] = set()
        nodes: tuple[FileNode | DirectoryNode | SymlinkNode, ...]
        nodes = (*directory.files, *directory.directories, *directory.symlinks)
        for node in nodes:
            path = f"{folder}/{node.name}"
            if "/" in node.name or node.name in names:
                raise MalformedError("a name is no name, or stands twice in a folder")
            check_path(path)
            names.add(node.name)
            characters += len(path)
            if isinstance(node, FileNode):
                entries.files[path] = (checked(node.digest), node.executable)
            elif isinstance(node, SymlinkNode):
                entries.links[path] = node.target
            else:
                left.append((path, _child(known, node)))
                entries.folders[path] = None
        if len(entries) > MOST or characters > _MOST_CHARACTERS:
            raise MalformedError("it has more entries than any folder")


def _child(known: "Mapping[Digest, Directory]", node: DirectoryNode) -> Directory:
    child = known.get(checked(node.digest))
    if child is None:
        raise MalformedError("a folder is missing")
    return child


def check_path(path: str) -> None:
    """Refuse a path that is not plainly one of something below the project's top folder.

    Raises:
        MalformedError: It is absolute, leads out, is empty or too long, or is of git's or our own state.
    """
    names = path.split("/")
    if "" in names or "." in names or ".." in names or "\0" in path or len(path) > LONGEST:
        raise MalformedError(f"{path!r} is no path")
    if any(name.lower() in FORBIDDEN for name in names):
        raise MalformedError(f"{path!r} is not a task's to write")


def checked(digest: Digest | None) -> Digest:
    """A digest that was read.

    Raises:
        MalformedError: It is none.
    """
    if digest is None or len(digest.hex) != 64 or not _HEX.issuperset(digest.hex) or digest.size < 0:
        raise MalformedError("a digest is none")
    return digest


def leads_out(path: str, text: str) -> bool:
    """Whether a symbolic link could lead out of the project, by where it is and what it says.

    One that goes up only at its beginning, and not above the top, stays inside, unless the project itself has a
    link out of it. Of any other one that hangs on what else there is.
    """
    names = [name for name in text.split("/") if name not in {"", "."}]
    up = next((number for number, name in enumerate(names) if name != ".."), len(names))
    return (
        not text
        or text.startswith("/")
        or "\0" in text
        or len(text) > LONGEST
        or ".." in names[up:]
        or up > path.count("/")
    )
