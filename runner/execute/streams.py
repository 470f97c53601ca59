"""What tasks write, brought to the user line by line.

Where tasks run side by side, each writes into pipes, and only whole lines are passed on, so that no line is
torn. Bytes are passed on as they are.
"""

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK = 65536
_LONGEST_LINE = 1 << 20
"""A line of more bytes is passed on in pieces rather than kept in memory."""


class Stream:
    """One pipe from a task to the user.

    Args:
        target: Where the lines go: 1 or 2.
        prefix: What each line begins with.
        write: Writes all of some bytes to a file descriptor.

    Attributes:
        reader: The end to poll.
        writer: The end for the task.
        listener: Hears all that comes through, or None.
    """

    __slots__ = ("_held", "_prefix", "_target", "_write", "listener", "reader", "writer")

    def __init__(self, target: int, prefix: bytes, write: "Callable[[int, bytes], None]") -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self._target = target
        self._prefix = prefix
        self._write = write
        self._held = b""
        self.listener: Callable[[bytes], None] | None = None

    def close_writer(self) -> None:
        """The task has its end: ours is of no more use."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def pump(self) -> bool:
        """Pass on what is there; False at the end of the stream."""
        try:
            chunk = os.read(self.reader, _CHUNK)
        except BlockingIOError:
            return True
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            chunk = b""
        if not chunk:
            return False
        self._take(chunk)
        return True

    def drain(self) -> None:
        """Pass on all that is there now, the last line too, and close. A child left behind may write on."""
        while True:
            try:
                chunk = os.read(self.reader, _CHUNK)
            except OSError:
                break
            if not chunk:
                break
            self._take(chunk)
        if self._held:
            self._put(self._held + b"\n")
            self._held = b""
        self.close_writer()
        os.close(self.reader)

    def _take(self, chunk: bytes) -> None:
        if self.listener is not None:
            self.listener(chunk)
        data = self._held + chunk
        end = data.rfind(b"\n") + 1
        if not end and len(data) > _LONGEST_LINE:
            end = len(data)
        self._held = data[end:]
        if end:
            self._put(data[:end])

    def _put(self, data: bytes) -> None:
        if self._prefix:
            lines = data.split(b"\n")
            last = lines.pop()
            data = b"".join(self._prefix + line + b"\n" for line in lines)
            if last:
                data += self._prefix + last
        self._write(self._target, data)


def write_all(target: int, data: bytes) -> None:
    """Write all of some bytes, however often that takes.

    Raises:
        BrokenPipeError: Nobody reads any more.
    """
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            # Somebody made our output non-blocking: wait until it takes more.
            from select import select  # noqa: PLC0415

            select([], [target], [])
