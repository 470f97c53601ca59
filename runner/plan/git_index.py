"""Which files git tracks, read from the bytes of `.git/index`.

Format: https://git-scm.com/docs/index-format, versions 2, 3 and 4, SHA-1 or SHA-256. An entry is 40 bytes of
stat fields (its mode at 24), a hash, 2 bytes of flags (2 more if bit 14 is set) whose low 12 bits are the
length of the name, and the name with a NUL behind it. In versions 2 and 3 names stand there whole and entries
are padded to 8 bytes; in version 4 a name is told by what differs from the one before.

A big index has ten megabytes and most plans ask about a few folders only, so the first questions are answered
by a search for the name; who asks more gets an index read whole. Of a split index only the part at hand is
known: what stands in its shared part counts as not tracked.
"""

from runner.errors import PlanError

SEARCHES = 16
"""How many questions are answered by searching before the index is read whole."""

_MODES = (b"\0\0\x81\xa4", b"\0\0\x81\xed", b"\0\0\xa0\0", b"\0\0\xe0\0", b"\0\0\x40\0", b"\0\0\x81\xb4")
_FIXED = 40
_MODE = 24
_EXTENDED = 0x4000
_LENGTH = 0xFFF


class TrackedFiles:
    """The paths that git tracks; a submodule counts as one path.

    Paths are bytes, relative to the repository's root.

    Args:
        index: The bytes of `.git/index`; empty if there is none.
    """

    __slots__ = ("_files", "_folders", "_index", "_searches")

    def __init__(self, index: bytes) -> None:
        self._index = index
        self._searches = 0
        self._files: frozenset[bytes] | None = None
        self._folders: frozenset[bytes] = frozenset()

    def holds(self, path: bytes) -> bool:
        """Whether git tracks the file or submodule at this path.

        Raises:
            PlanError: The index cannot be read.
        """
        return self._found(path, b"\0") if self._may_search() else path in self._all()

    def holds_beneath(self, folder: bytes) -> bool:
        """Whether git tracks anything beneath this folder.

        Raises:
            PlanError: The index cannot be read.
        """
        if self._may_search():
            return self._found(folder, b"/")
        self._all()
        return folder in self._folders

    def _may_search(self) -> bool:
        self._searches += 1
        return (
            self._files is None
            and self._searches <= SEARCHES
            and self._index[4:8]
            in (
                b"\0\0\0\2",
                b"\0\0\0\3",
            )
        )

    def _found(self, path: bytes, end: bytes) -> bool:
        """Whether an entry's name begins with `path` and `end`."""
        find = self._index.find
        at = find(path + end, _FIXED)
        while at >= 0:
            if self._begins_name(at, len(path), end == b"/"):
                return True
            at = find(path + end, at + 1)
        return False

    def _begins_name(self, at: int, least: int, longer: bool) -> bool:
        """Whether an entry's name of `least` bytes, or of more, begins at `at`."""
        index = self._index
        for flags_size in (2, 4):
            start = at - flags_size
            flags = int.from_bytes(index[start : start + 2])
            length = flags & _LENGTH
            if bool(flags & _EXTENDED) != (flags_size == 4):
                continue
            if not (length > least or length == _LENGTH if longer else length == min(least, _LENGTH)):
                continue
            if length < _LENGTH and index[at + length : at + length + 1] != b"\0":
                continue
            # No name holds a NUL, so the bytes of a mode cannot stand in a longer name that ends like this.
            if any(index[start - back : start - back + 4] in _MODES for back in (36, 48)):
                return True
        return False

    def _all(self) -> frozenset[bytes]:
        """All paths; from now on answers come from here."""
        if self._files is None:
            names = _read(self._index) if self._index else []
            self._files = frozenset(names)
            self._folders = frozenset(_folders(names))
            self._index = b""
        return self._files


def _read(index: bytes) -> list[bytes]:
    """The names of all entries, in their order."""
    version = int.from_bytes(index[4:8])
    if index[:4] == b"DIRC" and version in (2, 3, 4):
        for hash_size in (20, 32):
            names = _read_entries(index, version, hash_size)
            if names is not None:
                return names
    hint = "does `git status` work here?"
    raise PlanError("git's list of tracked files, `.git/index`, cannot be read", hint=hint)


def _read_entries(index: bytes, version: int, hash_size: int) -> list[bytes] | None:
    """The names of all entries, or None if they are not laid out with hashes of this size."""
    names: list[bytes] = []
    name = b""
    at = 12
    for _ in range(int.from_bytes(index[8:12])):
        if index[at + _MODE : at + _MODE + 4] not in _MODES:
            return None
        start = at + _FIXED + hash_size
        flags = int.from_bytes(index[start : start + 2])
        start += 4 if flags & _EXTENDED else 2
        kept = 0
        if version == 4:
            removed, start = _offset(index, start)
            kept = len(name) - removed
        end = index.find(b"\0", start)
        if end < 0 or kept < 0:
            return None
        name = name[:kept] + index[start:end]
        if min(len(name), _LENGTH) != flags & _LENGTH:
            return None
        names.append(name)
        # At least one NUL, and in the older versions as many as make the entry a multiple of 8 bytes.
        at = end + 1 if version == 4 else at + ((end - at + 8) & ~7)
    return names


def _offset(index: bytes, at: int) -> tuple[int, int]:
    """The number in git's offset encoding that begins at `at`, and the place behind it."""
    value = 0
    for place in range(at, len(index)):
        value = (value << 7) + (index[place] & 127)
        if index[place] < 128:
            return value, place + 1
        value += 1
    return value, len(index)


def _folders(names: list[bytes]) -> set[bytes]:
    """All folders above these names."""
    folders: set[bytes] = set()
    for name in names:
        folder = name.rpartition(b"/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition(b"/")[0]
    return folders
