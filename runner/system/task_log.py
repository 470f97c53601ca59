"""What a task wrote when it ran last, kept on disk so that it can be read, and shown again as it came.

`NAME.log` holds the bytes as they were written, both streams in the order in which they came, and `NAME.streams`
beside it says which stretch was which: the lengths of stretches of stdout and stderr in turn, stdout's first,
each as a number of seven bits a byte, the lowest first, with the high bit set where another byte follows. Where
one file must do, that record stands behind the bytes, and behind it its length (8 bytes, big-endian) and a mark.
Knows neither tasks nor who is shown anything.
"""

import os

from runner.system.copy_file import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

_MARK = b"PYRUNLOG1"
_TAIL = 8 + len(_MARK)
_BUFFER = 1 << 16
"""Bytes that are held before they are written."""
_RECORD = ".streams"


def log_path(top: str, action: str) -> str:
    """Where the log of an action is.

    Args:
        top: The project's top folder, absolute.
        action: The action's id.
    """
    from runner.digest import digest_of  # noqa: PLC0415 - hashing is for what is kept only

    name = digest_of(action.encode("utf-8", "surrogateescape")).hex[:32]
    return f"{top}/.pyrun/logs/{name}.log"


def forget_log(path: str) -> None:
    """Remove a log: its task runs again, and this time nothing is kept."""
    for name in (path, _record_path(path)):
        try:
            os.unlink(name)
        except OSError:
            continue


class TaskLog:
    """A log that is being written; what was there before goes.

    No descriptor stays open, so that hundreds of tasks side by side can have one. A disk that takes no more ends
    the log and nothing else.

    Args:
        path: Where it is; its folder is there.
        give_up: Told why, if it can't be written; not told anything where nothing may be written at all.
    """

    __slots__ = ("_bytes", "_current", "_give_up", "_held", "_record", "_run", "path", "whole")

    def __init__(self, path: str, give_up: "Callable[[str], None]") -> None:
        self.path = path
        self.whole = True
        self._give_up = give_up
        self._bytes: list[bytes] = []
        self._held = 0
        self._record = bytearray()
        self._current = 1
        self._run = 0
        forget_log(path)

    def put(self, number: int, data: bytes) -> None:
        """Keep what was written to stdout (1) or stderr (2)."""
        if not self.whole or not data:
            return
        if number != self._current:
            _add_number(self._record, self._run)
            self._current, self._run = number, 0
        self._run += len(data)
        self._bytes.append(data)
        self._held += len(data)
        if self._held + len(self._record) >= _BUFFER:
            self._flush()

    def close(self) -> bool:
        """Write what is left; whether all is kept."""
        if self.whole:
            _add_number(self._record, self._run)
            self._flush()
        return self.whole

    def _flush(self) -> None:
        try:
            _append(self.path, b"".join(self._bytes))
            _append(_record_path(self.path), bytes(self._record))
        except OSError as error:
            self.whole = False
            forget_log(self.path)
            self._give_up(error.strerror or str(error))
        self._bytes = []
        self._held = 0
        self._record = bytearray()


def replay(path: str, put: "Callable[[int, bytes], None]") -> bool:
    """Hand over what a log holds, in pieces and in the order in which it came.

    Args:
        path: A log, or a single file that holds one.
        put: Takes the number of a stream and bytes.

    Returns:
        False if there is none or it is damaged; then nothing was handed over.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            record_path = _record_path(path)
            if os.path.exists(record_path):
                with open(record_path, "rb") as record:
                    return _replay(file, size, record, os.fstat(record.fileno()).st_size, put)
            with open(path, "rb") as record:
                length = _record_size(record, size)
                if length is None:
                    return False
                size -= length + _TAIL
                record.seek(size)
                return _replay(file, size, record, length, put)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        return False


def packed(path: str) -> "Packed":
    """A context with the path of one file that holds all of a log; with None if there is no whole log."""
    return Packed(path)


class Packed:
    """One file that holds all of a log, as long as this lasts.

    Args:
        path: The log.
    """

    __slots__ = ("_path", "_single")

    def __init__(self, path: str) -> None:
        self._path = path
        self._single = ""

    def __enter__(self) -> str | None:
        """Write the file; its path, or None if there is no whole log.

        Raises:
            OSError: It can't be written.
        """
        record = _record_path(self._path)
        if not (os.path.exists(self._path) and os.path.exists(record)):
            return None
        self._single = f"{self._path}.{os.urandom(8).hex()}"
        try:
            with open(self._single, "xb") as out:
                _copy(self._path, out)
                out.write(_copy(record, out).to_bytes(8, "big") + _MARK)
        except OSError:
            self.__exit__()
            raise
        return self._single

    def __exit__(self, *_: object) -> None:
        if self._single:
            forget_log(self._single)
            self._single = ""


def _replay(
    file: "BinaryIO", size: int, record: "BinaryIO", length: int, put: "Callable[[int, bytes], None]"
) -> bool:
    """Hand over the first `size` bytes of a file by a record of `length` bytes, if that fits them."""
    start = record.tell()
    total = 0
    for run in _numbers(record, length):
        if run is None:
            return False
        total += run
    if total != size:
        return False
    record.seek(start)
    number = 1
    for run in _numbers(record, length):
        left = run or 0
        while left:
            data = file.read(min(left, _BUFFER))
            if not data:
                return True
            left -= len(data)
            put(number, data)
        number = 3 - number
    return True


def _numbers(record: "BinaryIO", length: int) -> "Iterator[int | None]":
    """The numbers of a record; None where it is damaged."""
    value = shift = 0
    while length > 0:
        chunk = record.read(min(length, _BUFFER))
        if not chunk:
            yield None
            return
        length -= len(chunk)
        for byte in chunk:
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                yield value
                value = shift = 0
            elif shift > 63:
                yield None
                return
    if shift:
        yield None


def _add_number(record: bytearray, value: int) -> None:
    while value > 127:
        record.append(value & 127 | 128)
        value >>= 7
    record.append(value)


def _record_path(path: str) -> str:
    return path.removesuffix(".log") + _RECORD


def _record_size(file: "BinaryIO", size: int) -> int | None:
    """How long the record in a single file is; None if that is no such file."""
    if size < _TAIL:
        return None
    file.seek(size - _TAIL)
    tail = file.read(_TAIL)
    length = int.from_bytes(tail[:8], "big")
    return length if tail[8:] == _MARK and length <= size - _TAIL else None


def _append(path: str, data: bytes) -> None:
    with open(path, "ab", buffering=0) as file:
        write_all(file.fileno(), data)


def _copy(path: str, out: "BinaryIO") -> int:
    """Copy a file to the end of another; how many bytes that is."""
    total = 0
    with open(path, "rb") as file:
        while chunk := file.read(_BUFFER):
            out.write(chunk)
            total += len(chunk)
    return total
