"""A file made as a copy of another one: the content, and whether it may be executed, and nothing else.

The copy shares its bytes with the original where the file system can do that (until one of the two is written
to), and is never the same file under another name. Knows nothing of what is copied, or why.
"""

import errno
import fcntl
import os
from stat import S_ISREG

from runner.digest import Digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_FICLONE = 0x40049409
"""What asks a file system of Linux to let two files share their bytes (linux/fs.h)."""
_PIECE = 1 << 20
"""Bytes that are read at once."""
_SMALL = 1 << 16
"""Bytes that are read at once of a file that does not say how many it has."""
_CAN_NOT = frozenset((
    errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM, errno.EBADF,
    errno.ETXTBSY, errno.EISDIR,
))  # fmt: skip
"""What a system says that can't copy in some way, though it may in another one."""
_clones: dict[tuple[int, int], bool] = {}
"""Whether files of one device can share their bytes with those of another."""


def copy_file(source: str, target: str, *, executable: bool) -> None:
    """Make a file with the content of another one, links to which are followed.

    Args:
        source: What is copied.
        target: What is made; nothing may be there.
        executable: Whether it may be executed, by all that the umask lets read it.

    Raises:
        OSError: The one can't be read or the other not be written (FileExistsError: something is there).
            Nothing is left of the copy then.
    """

    def transfer(reads: int, writes: int, found: os.stat_result) -> None:
        if not (found.st_size and (_clone(reads, writes, found) or _copied_by_system(reads, writes))):
            _read(reads, found.st_size, lambda data: write_all(writes, data))

    _copy(source, target, 0o777 if executable else 0o666, 0, transfer)


def copy_verified(source: str, target: str, digest: str, *, executable: bool) -> os.stat_result | None:
    """As `copy_file`, with the content read on the way, and links not followed.

    Args:
        source: What is copied.
        target: What is made; nothing may be there.
        digest: The SHA-256 that the content should have, as hexadecimal digits.
        executable: Whether it may be executed.

    Returns:
        The stat of what was copied; None, and no copy, if it has another digest.

    Raises:
        OSError: As in `copy_file`.
    """
    copied = _Hashed(None)
    found = _copy(source, target, 0o777 if executable else 0o666, os.O_NOFOLLOW, copied.transfer)
    if copied.digest.hex == digest:
        return found
    os.unlink(target)
    return None


def copy_and_digest(source: str, target: str, look: "Callable[[bytes], object] | None" = None) -> Digest:
    """As `copy_file`, with links not followed, and the copy for reading only.

    Args:
        source: What is copied.
        target: What is made; nothing may be there.
        look: Is shown all that the copy holds, piece by piece.

    Returns:
        The digest of what the copy holds, whatever the original becomes meanwhile.

    Raises:
        OSError: As in `copy_file`.
    """
    copied = _Hashed(look)
    _copy(source, target, 0o444, os.O_NOFOLLOW, copied.transfer)
    return copied.digest


def _copy(
    source: str,
    target: str,
    mode: int,
    how: int,
    transfer: "Callable[[int, int, os.stat_result], None]",
) -> os.stat_result:
    # Not to wait for a writer of a pipe that somebody has put there.
    reads = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | how)
    try:
        found = os.fstat(reads)
        if not S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no file", source)
        writes = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            transfer(reads, writes, found)
        except BaseException:
            os.unlink(target)
            raise
        finally:
            os.close(writes)
    finally:
        os.close(reads)
    return found


class _Hashed:
    """A copy whose content is read on the way."""

    def __init__(self, look: "Callable[[bytes], object] | None") -> None:
        self._look = look
        self.digest = Digest("", 0)

    def transfer(self, reads: int, writes: int, found: os.stat_result) -> None:
        """Copy, and take the digest of just what the copy then holds."""
        from hashlib import sha256  # noqa: PLC0415 - a start that copies nothing does without

        shared = found.st_size > 0 and _clone(reads, writes, found)
        hashed, size = sha256(), 0

        def take(data: bytes) -> None:
            nonlocal size
            hashed.update(data)
            size += len(data)
            if not shared:
                write_all(writes, data)
            if self._look is not None:
                self._look(data)

        _read(writes if shared else reads, found.st_size, take)
        self.digest = Digest(hashed.hexdigest(), size)


def _read(reads: int, size: int, take: "Callable[[bytes], object]") -> None:
    """Read a file to its end, with no more calls than a file of this size needs."""
    piece = min(size + 1, _PIECE) if size else _SMALL
    while data := os.read(reads, piece):
        take(data)
        if size and len(data) < piece:
            # Of a file with a size the system gives all that was asked for, or it ends there.
            return


def _clone(reads: int, writes: int, found: os.stat_result) -> bool:
    """Let a new file share another one's bytes; False if that can't be, and then it is empty still."""
    devices = (found.st_dev, os.fstat(writes).st_dev)
    if not _clones.get(devices, True):
        return False
    try:
        fcntl.ioctl(writes, _FICLONE, reads)
    except OSError as error:
        if error.errno not in _CAN_NOT:
            raise
        if error.errno in {errno.EXDEV, errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOSYS}:
            _clones[devices] = False
        return False
    return True


def _copied_by_system(reads: int, writes: int) -> bool:
    """Copy without taking the bytes through this process; False if that can't be, and then nothing is copied."""
    copied = 0
    try:
        while count := os.copy_file_range(reads, writes, 1 << 30):
            copied += count
    except OSError as error:
        if copied or error.errno not in _CAN_NOT:
            raise
        return False
    except AttributeError:
        return False
    # Some file systems, such as those of the kernel, say 0 at once and have content all the same.
    return copied > 0


def write_all(writes: int, data: bytes) -> None:
    """Write bytes to a file, all of them.

    Raises:
        OSError: There is no room.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(writes, view) :]


def file_has(path: str, digest: str, look: "Callable[[bytes], object] | None" = None) -> bool:
    """Whether a file has the content of a digest; no if it can't be read. A link is not followed.

    Args:
        path: The file.
        digest: The SHA-256, as hexadecimal digits.
        look: Is shown all that it holds, piece by piece.
    """
    from hashlib import sha256  # noqa: PLC0415 - a start that reads nothing does without

    try:
        reads = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    hashed = sha256()

    def take(data: bytes) -> None:
        hashed.update(data)
        if look is not None:
            look(data)

    try:
        _read(reads, os.fstat(reads).st_size, take)
    except OSError:
        return False
    finally:
        os.close(reads)
    return hashed.hexdigest() == digest
