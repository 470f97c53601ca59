"""The local store of blobs: bytes by their SHA-256, shared by all checkouts of a user.

In the folder of the store:

- `cas/AB/HEX`, a blob; `AB` are the first two of its 64 digits. Read-only: what has a digest does not change.
- `new/NAME`, a file that is being written; it is renamed when it is whole.
- `ac/`, the action cache, see `runner.store.action_cache`.
- `bases/`, what is known of base images, see `runner.store.base_store`.
- `usage`, how many bytes all that takes, as decimal digits; only roughly, and counted anew when it is too much.
- `lock`, a file without content; who removes what was not used for long holds its lock.

A blob that was read and is not what its name says is removed, and counts as not there. The time of a file's last
change is that of its last use. Any file may vanish at any moment; whoever needs several of them takes what they
hold before anything else is done.
"""

import fcntl
import os
import time

from runner.digest import Digest, digest_of
from runner.system.copy_file import copy_and_digest, copy_verified, file_has, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LIMIT = 10 * (1 << 30)
"""Bytes that the store may take."""
_ROOM = 0.8
"""What part of that is left when something has to be removed, so that it is a while until the next time."""
_BLOCK = 4096
"""Bytes of which a file takes a whole number."""
_DIGITS = 20
"""Characters of the number in `usage`, with blanks behind it."""
_SETTLED = 3600
"""Seconds after which another use of a file is noted."""
_LEFT = 24 * 3600
"""Seconds after which a file that is being written is taken for left behind."""


class BlobStore:
    """The blobs below a folder.

    Args:
        folder: The folder of the store, absolute; made when something is kept.
        limit: How many bytes it may take, roughly, with the action cache.
    """

    def __init__(self, folder: str, limit: int = LIMIT) -> None:
        self.folder = folder
        self._limit = limit
        self._added = 0

    def path(self, hex: str) -> str:  # noqa: A002 - the word of a digest
        """Where a blob is, if it is there."""
        return f"{self.folder}/cas/{hex[:2]}/{hex}"

    def has(self, digest: Digest) -> bool:
        """Whether there is a blob of that name and size, which is then not removed soon."""
        path = self.path(digest.hex)
        try:
            found = os.stat(path, follow_symlinks=False)
        except OSError:
            return False
        if found.st_size != digest.size:
            _remove(path)
            return False
        note_use(path, found)
        return True

    def holds(self, digest: Digest, look: "Callable[[bytes], object] | None" = None) -> bool:
        """Whether a blob is there and whole, which is then not removed soon.

        Args:
            digest: Its digest.
            look: Is shown all that it holds, piece by piece.
        """
        if not self.has(digest):
            return False
        path = self.path(digest.hex)
        if file_has(path, digest.hex, look):
            return True
        _remove(path)
        return False

    def get(self, digest: Digest) -> bytes | None:
        """The bytes of a blob; None if it is not there or damaged."""
        path = self.path(digest.hex)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            with open(handle, "rb", buffering=0) as file:
                data = file.read()
        except OSError:
            return None
        if digest_of(data) == digest:
            return data
        _remove(path)
        return None

    def copy(self, digest: Digest, target: str, *, executable: bool) -> bool:
        """Make a file of a blob, verified; False, and no file, if the blob is not there or damaged.

        Raises:
            OSError: The file can't be made.
        """
        path = self.path(digest.hex)
        try:
            found = copy_verified(path, target, digest.hex, executable=executable)
        except OSError:
            if self.has(digest):
                raise
            return False
        if found is None:
            _remove(path)
            return False
        note_use(path, found)
        return True

    def put(self, data: bytes) -> Digest:
        """Keep bytes.

        Raises:
            OSError: There is no room, or the store can't be written.
        """
        digest = digest_of(data)
        if self.get(digest) is None:
            path = self._new()
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
                try:
                    write_all(handle, data)
                finally:
                    os.close(handle)
                self._place(path, digest)
            except BaseException:
                _remove(path)
                raise
        return digest

    def put_chunks(self, chunks: "Iterable[bytes]") -> Digest:
        """Keep bytes that come piece by piece; if the pieces end in an error, nothing is kept.

        Raises:
            OSError: There is no room, or the store can't be written.
        """
        from hashlib import sha256  # noqa: PLC0415 - a start that keeps nothing does without

        path = self._new()
        hashed, size = sha256(), 0
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        try:
            try:
                for chunk in chunks:
                    hashed.update(chunk)
                    size += len(chunk)
                    write_all(handle, chunk)
            finally:
                os.close(handle)
            digest = Digest(hashed.hexdigest(), size)
            self._place(path, digest)
        except BaseException:
            _remove(path)
            raise
        return digest

    def put_file(self, source: str, look: "Callable[[bytes], object] | None" = None) -> Digest:
        """Keep what a file holds; a link is not followed.

        Args:
            source: The file.
            look: Is shown all that it holds, piece by piece.

        Raises:
            OSError: It can't be read, there is no room, or the store can't be written.
        """
        path = self._new()
        digest = copy_and_digest(source, path, look)
        if self.holds(digest):
            _remove(path)
        else:
            try:
                self._place(path, digest)
            except BaseException:
                _remove(path)
                raise
        return digest

    def _new(self) -> str:
        """The name of a file to write."""
        folder = f"{self.folder}/new"
        if not os.path.isdir(folder):
            # What tasks make is their user's business alone.
            os.makedirs(self.folder, 0o700, exist_ok=True)
            os.makedirs(folder, exist_ok=True)
        return f"{folder}/{os.getpid()}-{os.urandom(8).hex()}"

    def _place(self, path: str, digest: Digest) -> None:
        """Give a new file its name."""
        place(path, self.path(digest.hex))
        self._added += _taken(digest.size)

    def replace(self, path: str, data: bytes) -> None:
        """Let a file of the store that is no blob have these bytes, whole or not at all.

        Raises:
            OSError: There is no room, or the store can't be written.
        """
        new = self._new()
        try:
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            try:
                write_all(handle, data)
            finally:
                os.close(handle)
            place(new, path)
        except BaseException:
            _remove(new)
            raise
        self._added += _taken(len(data))

    def tidy(self) -> None:
        """Count what was added; if the store takes too much, remove what was not used for longest.

        Raises:
            OSError: The store can't be written.
        """
        added, self._added = self._added, 0
        if not added or self._count(added) <= self._limit:
            return
        handle = os.open(f"{self.folder}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Another run is just about it.
            os.close(handle)
            return
        try:
            before = self._count(0)
            self._count(self._shrink() - before)
        finally:
            os.close(handle)

    def _count(self, change: int) -> int:
        """How many bytes are taken, with a change of that written down."""
        handle = os.open(f"{self.folder}/usage", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            text = os.pread(handle, 32, 0)
            # Where there is no number all is counted.
            counted = len(text) == _DIGITS and text.strip().isdigit()
            known = int(text) if counted else self._limit + 1
            total = max(0, known + change)
            if not counted:
                os.ftruncate(handle, 0)
            if change or not counted:
                os.pwrite(handle, b"%-*d" % (_DIGITS, total), 0)
            return total
        finally:
            os.close(handle)

    def _shrink(self) -> int:
        """Remove what was not used for longest until there is room, and what killed runs left; bytes taken now."""
        files = sorted(self._files())
        total = sum(_taken(size) for _, size, _ in files)
        if total > self._limit:
            for _, size, path in files:
                if total <= self._limit * _ROOM:
                    break
                if _remove(path):
                    total -= _taken(size)
        old = time.time() - _LEFT
        for entry in _entries(f"{self.folder}/new"):
            try:
                if entry.stat(follow_symlinks=False).st_mtime < old:
                    os.unlink(entry.path)
            except OSError:
                continue
        return total

    def _files(self) -> "Iterator[tuple[int, int, str]]":
        """Of all that is kept: the time of its last use, its size, and its path."""
        for kind in ("cas", "ac", "bases"):
            for folder in _entries(f"{self.folder}/{kind}"):
                for entry in _entries(folder.path):
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    yield found.st_mtime_ns, found.st_size, entry.path


def note_use(path: str, found: os.stat_result) -> None:
    """A file of the store is used, so it should not be removed soon.

    Args:
        path: The file.
        found: Its stat.
    """
    if found.st_mtime + _SETTLED < time.time():
        try:
            os.utime(path)
        except OSError:
            return


def place(path: str, final: str) -> None:
    """Give a whole file its name, and make the folder of that if need be.

    Raises:
        OSError: It can't be done.
    """
    try:
        os.rename(path, final)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(final), exist_ok=True)
        os.rename(path, final)


def _entries(folder: str) -> "list[os.DirEntry[str]]":
    """What lies in a folder."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _remove(path: str) -> bool:
    """Remove a file; whether that could be done."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def _taken(size: int) -> int:
    """The bytes that a file of a size takes."""
    return max(1, -(-size // _BLOCK)) * _BLOCK
