"""What one task writes, held until it is shown: a little of it in memory, more in a file that has no name.

Knows bytes and streams, and not what they are.
"""

import errno
import os

from runner.system.copy_file import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

_IN_MEMORY = 1 << 16
"""Bytes that are held in memory."""
_PIECE = 1 << 20
"""The most bytes that are handed over at once."""


class Spool:
    """Pieces of bytes with the numbers of their streams, in order.

    Args:
        folder: Where a file may be made, absolute; None for wherever the system makes such files.
    """

    __slots__ = ("_file", "_folder", "_held", "_size", "broken")

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._held: list[tuple[int, bytes]] = []
        self._size = 0
        self.broken = False

    def __bool__(self) -> bool:
        return bool(self._held) or self._file is not None

    def put(self, number: int, data: bytes) -> bool:
        """Hold bytes of a stream; False if the disk does not take them, and then they are not held."""
        self._held.append((number, data))
        self._size += len(data)
        if self._size < _IN_MEMORY:
            return True
        try:
            self._write()
        except OSError:
            self.broken = True
        else:
            self._held, self._size = [], 0
        return not self.broken

    def _write(self) -> None:
        """Write what is held to the file, all of it or nothing."""
        if self._file is None:
            self._file = _nameless(self._folder)
        start = self._file.tell()
        try:
            for number, data in self._held:
                write_all(self._file.fileno(), bytes([number]) + len(data).to_bytes(8, "big"))
                write_all(self._file.fileno(), data)
        except OSError:
            self._file.truncate(start)
            self._file.seek(start)
            raise

    def replay(self, put: "Callable[[int, bytes], None]") -> None:
        """Hand over all of it, in order, and let go of it."""
        if self._file is not None:
            with self._file as file:
                size = file.tell()
                file.seek(0)
                self._file = None
                for number, data in _frames(file, size):
                    put(number, data)
        held, self._held, self._size = self._held, [], 0
        for number, data in held:
            put(number, data)


def _nameless(folder: str | None) -> "BinaryIO":
    """A file that is gone when it is closed, in a folder or, where that can't be written to, elsewhere."""
    from tempfile import TemporaryFile  # noqa: PLC0415 - little is written mostly

    if folder is not None and os.path.isdir(folder):
        try:
            return TemporaryFile(dir=folder, buffering=0)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise
    return TemporaryFile(buffering=0)


def _frames(file: "BinaryIO", size: int) -> "Iterator[tuple[int, bytes]]":
    while file.tell() < size:
        head = file.read(9)
        left = int.from_bytes(head[1:], "big")
        while left:
            data = file.read(min(left, _PIECE))
            if not data:
                return
            left -= len(data)
            yield head[0], data
