"""What tasks write, brought to the user line by line.

Where tasks run side by side, each writes into pipes, and only whole lines are passed on, so that no line is
torn. Bytes are passed on as they are.
"""

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol
else:
    Protocol = object

_CHUNK = 65536
_LONGEST_LINE = 1 << 20
"""A line of more bytes is passed on in pieces rather than kept in memory."""


class Lines:
    """Pieces of text in, whole lines out.

    Args:
        put: Takes the lines.
    """

    __slots__ = ("_held", "_put")

    def __init__(self, put: "Callable[[bytes], None]") -> None:
        self._put = put
        self._held = b""

    def take(self, chunk: bytes) -> None:
        """Pass on the lines that are whole by now; of one that is very long, what is there."""
        data = self._held + chunk
        end = data.rfind(b"\n") + 1
        if not end and len(data) > _LONGEST_LINE:
            end = len(data)
        self._held = data[end:]
        if end:
            self._put(data[:end])

    def end(self) -> None:
        """Pass on the last line although it has no end; it gets one."""
        if self._held:
            held, self._held = self._held, b""
            self._put(held + b"\n")


class LineByLine:
    """The same for both streams of a task.

    Args:
        write: Takes lines, with the number of their stream.
    """

    __slots__ = ("_lines",)

    def __init__(self, write: "Callable[[int, bytes], None]") -> None:
        self._lines = {
            1: Lines(lambda data: write(1, data)),
            2: Lines(lambda data: write(2, data)),
        }

    def put(self, number: int, data: bytes) -> None:
        """Pass on the lines that are whole by now."""
        self._lines[number].take(data)

    def end(self) -> None:
        """Pass on what is left."""
        for lines in self._lines.values():
            lines.end()


class Feed(Protocol):
    """What a loop waits for and passes on."""

    @property
    def reader(self) -> int:
        """The descriptor to poll."""

    def pump(self) -> bool:
        """Pass on what is there; False when nothing more will come."""

    def drain(self) -> None:
        """Pass on what is left, and let go."""

    def close_writer(self) -> None:
        """The other side has its end."""


class Stream:
    """One pipe from a task to the user.

    Args:
        target: Where the lines go: 1 or 2.
        prefix: What each line begins with.
        write: Takes the lines with where they go.
        whole: Whether lines are passed on whole; if not, all is passed on at once and without a prefix.
        pipe: Whether there is one; else somebody else brings what the task writes.

    Attributes:
        reader: The end to poll.
        writer: The end for the task.
        listener: Hears all that comes through, or None.
    """

    __slots__ = ("_lines", "_prefix", "_target", "_write", "listener", "reader", "writer")

    def __init__(
        self,
        target: int,
        prefix: bytes,
        write: "Callable[[int, bytes], None]",
        *,
        whole: bool = True,
        pipe: bool = True,
    ) -> None:
        self.reader = self.writer = -1
        if pipe:
            self.reader, self.writer = os.pipe()
            os.set_blocking(self.reader, False)
        self._target = target
        self._prefix = prefix
        self._write = write
        self._lines = Lines(self._put) if whole else None
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
        self.take(chunk)
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
            self.take(chunk)
        self.end()
        self.close_writer()
        os.close(self.reader)

    def end(self) -> None:
        """Pass on the last line although it has no end."""
        if self._lines is not None:
            self._lines.end()

    def take(self, chunk: bytes) -> None:
        """Pass on what the task wrote."""
        if self.listener is not None:
            self.listener(chunk)
        if self._lines is None:
            self._write(self._target, chunk)
        else:
            self._lines.take(chunk)

    def _put(self, data: bytes) -> None:
        self._write(self._target, prefixed(self._prefix, data) if self._prefix else data)


def prefixed(prefix: bytes, data: bytes) -> bytes:
    """Lines with something in front of each."""
    lines = data.split(b"\n")
    last = lines.pop()
    found = b"".join(prefix + line + b"\n" for line in lines)
    return found + prefix + last if last else found
