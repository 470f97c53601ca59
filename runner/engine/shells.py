"""Shells in a container that are kept open, and the words by which commands are given to them.

A process more in a container costs an engine some fifty milliseconds, a command in a shell that is there already
two. So each container has as many shells as commands run side by side in it; each does one command at a time,
whose two streams are its own. How a command ended is told behind its output, by a mark that nobody can guess, on
both streams, so that nothing gets lost, mixed up or is taken for something else.

The first process of the container is a shell too, which obeys: signals go through it. It ends when nobody is
connected to it any longer, and the container with all that runs in it then; so nothing outlives a pyrun that was
killed. A container that is to stay warm ends when no shell has been open in it for a while.
"""

import errno
import os
import select
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

FOLDER = "/dev/shm/.pyrun"  # noqa: S108 - a folder in memory, so that a full disk does not matter
"""Where the shells note what runs."""
READY, UNSEEN = b"ready", b"unseen"
_CHUNK = 1 << 18
_HEAD = 8
"""Bytes in front of each frame of an engine: the stream, three of nothing, and the length."""
_LOOK = 5
"""Seconds between two looks at whether a warm container is still used."""


def quoted(text: str) -> str:
    """A text as one word of a POSIX shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def first_process(
    *, home: str, user: int, group: int, owned: "Iterable[str]", token: tuple[str, str] | None, keep: int
) -> str:
    """The script of a container's first process, which runs as root.

    Args:
        home: The folder that is to be the commands' HOME; it is made.
        user: Whose it is to be.
        group: The group that it is to have.
        owned: Other folders that are to be theirs, with all in them.
        token: A file, and what its only line must be, or None; else the project is not to be seen.
        keep: Seconds that the container stays when nobody uses it any more; 0 for none.
    """
    lines = ["trap 'exit 143' TERM INT HUP", f"mkdir -p {FOLDER} {quoted(home)}", f"chmod 1777 {FOLDER}"]
    if user:
        # Programs ask who they are, and an image knows nobody of that number.
        entry = f"pyrun:x:{user}:{group}::{home}:/bin/sh"
        lines.append(
            f"grep -q '^[^:]*:[^:]*:{user}:' /etc/passwd 2>/dev/null || echo {quoted(entry)} >> /etc/passwd"
        )
    for folder in (home, *owned):
        where = quoted(folder)
        lines.append(
            f'mkdir -p {where}; [ "$(stat -c %u:%g {where} 2>/dev/null)" = {user}:{group} ] || '
            f"chown -R {user}:{group} {where}"
        )
    if token is not None:
        path, text = token
        lines.append(f'read -r seen < {quoted(path)}; [ "$seen" = {quoted(text)} ] || echo unseen')
    if keep:
        lines.append(
            f"( idle=0; while sleep {_LOOK}; do idle=$((idle + {_LOOK})); "
            f'for file in {FOLDER}/shell.*; do read -r pid < "$file" && kill -0 "$pid" && idle=0; done '
            f"2>/dev/null; [ $idle -lt {keep} ] || kill 1; done ) &"
        )
    lines += ["echo ready", 'while read -r line; do eval "$line"; done']
    if keep:
        lines.append("while :; do sleep 3600 & wait; done")
    return "\n".join(lines)


class Frames:
    """What comes over a connection, taken apart into the streams that it carries.

    Args:
        connection: The connection.
    """

    __slots__ = ("_data", "_left", "_stream", "connection")

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._data = b""
        self._stream = 1
        self._left = 0

    def receive(self, put: "Callable[[int, bytes], None]") -> bool:
        """Hand over what is there now; False at the end of the connection."""
        try:
            chunk = self.connection.recv(_CHUNK, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError as error:
            if error.errno == errno.EINTR:
                return True
            chunk = b""
        if not chunk:
            return False
        self.feed(chunk, put)
        return True

    def feed(self, chunk: bytes, put: "Callable[[int, bytes], None]") -> None:
        """Take what has come and hand it over."""
        data = self._data + chunk if self._data else chunk
        at, size = 0, len(data)
        while at < size:
            if not self._left:
                if size - at < _HEAD:
                    break
                self._stream = data[at]
                self._left = int.from_bytes(data[at + 4 : at + _HEAD], "big")
                at += _HEAD
                continue
            piece = data[at : at + self._left]
            at += len(piece)
            self._left -= len(piece)
            put(self._stream, piece)
        self._data = data[at:]

    def wait(self) -> None:
        """Wait until there is something, or the connection is at its end."""
        select.select([self.connection], [], [])

    def lines(self, deadline: "Callable[[], float]") -> "Iterable[bytes]":
        """The lines that come on any stream, until the connection or the time is at its end.

        Args:
            deadline: How many seconds are left.
        """
        held: list[bytes] = []
        found = b""
        while (left := deadline()) > 0:
            if not select.select([self.connection], [], [], left)[0]:
                continue
            going = self.receive(lambda _, piece: held.append(piece))
            found += b"".join(held)
            held.clear()
            *whole, found = found.split(b"\n")
            yield from whole
            if not going:
                break
        if found:
            yield found


class Control:
    """The connection to a container's first process, which obeys.

    Args:
        connection: The connection.
    """

    __slots__ = ("connection",)

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def tell(self, line: str) -> bool:
        """Have one line of shell text done; whether it could be told."""
        try:
            self.connection.sendall(f"{line}\n".encode())
        except OSError:
            return False
        return True

    def signal(self, name: str, number: int) -> bool:
        """Send a signal to a command and all of its group."""
        file = f"{FOLDER}/{name}"
        return self.tell(
            f"read -r pid < {file} && {{ kill -{number} -$pid || kill -{number} $pid; }} 2>/dev/null"
        )

    def end_all(self) -> bool:
        """End all commands that are noted, and forget them."""
        return self.tell(
            f"for file in {FOLDER}/command.*; do read -r pid < $file && kill -9 -$pid; rm -f $file; done 2>/dev/null"
        )

    def close(self) -> None:
        """Nobody speaks any longer."""
        self.connection.close()


class Shell:
    """A shell in a container that does one command at a time.

    Args:
        connection: The connection to it.
        number: What tells it from all others in its container.
        base: The variables that it begins with.

    Attributes:
        frames: What comes from it.
        busy: Whether a command runs in it.
        broken: Whether it can't be used any more.
    """

    __slots__ = ("_base", "_connection", "_marks", "broken", "busy", "frames", "name")

    def __init__(self, connection: socket.socket, number: str, base: "Mapping[str, str]") -> None:
        self._connection = connection
        self._base = base
        self._marks = (b"", b"")
        self.frames = Frames(connection)
        self.name = f"command.{number}"
        self.busy = False
        self.broken = False
        # What the shell itself has to say of how a command ended is for nobody.
        self._send(f"echo $$ > {FOLDER}/shell.{number}; exec 3>&2 2>/dev/null\n")

    def begin(self, words: "Sequence[str]", folder: str, environ: "Mapping[str, str]") -> str:
        """Let a command begin; the mark that follows its output.

        Args:
            words: The command's words.
            folder: Its working folder.
            environ: All its variables.
        """
        mark = os.urandom(16).hex()
        self.busy = True
        self._send(command_text(words, folder, environ, self._base, f"{FOLDER}/{self.name}", mark))
        return mark

    def _send(self, text: str) -> None:
        try:
            self._connection.sendall(text.encode("utf-8", "surrogateescape"))
        except OSError:
            self.broken = True

    def close(self) -> None:
        """End the shell."""
        self.broken = True
        self._connection.close()


def command_text(
    words: "Sequence[str]",
    folder: str,
    environ: "Mapping[str, str]",
    base: "Mapping[str, str]",
    note: str,
    mark: str,
) -> str:
    """What a shell is told to do a command and to tell how it ended.

    Args:
        words: The command's words.
        folder: Its working folder.
        environ: All its variables.
        base: The variables that the shell has already.
        note: The file into which its number goes.
        mark: What is told behind its output.
    """
    own = own_part(words, folder, environ, base, note)
    return f"( exec 2>&3 3>&-; {own} ) </dev/null; {_told(mark, note)}"


def own_part(
    words: "Sequence[str]", folder: str, environ: "Mapping[str, str]", base: "Mapping[str, str]", note: str
) -> str:
    """The shell text that turns a shell into a command.

    Variables go by `export` and never by a program's words, which everybody in the container could read. The
    command gets a session of its own where the image can do that, so that a signal reaches all of its group.
    """
    plain = [name for name in environ if name.isascii() and name.isidentifier()]
    odd = [name for name in environ if not (name.isascii() and name.isidentifier())]
    new = [name for name in plain if base.get(name) != environ[name]]
    gone = [name for name in base if name not in environ and name.isascii() and name.isidentifier()]
    parts = []
    if gone:
        parts.append(f"unset {' '.join(gone)}")
    if new:
        parts.append("export " + " ".join(f"{name}={quoted(environ[name])}" for name in new))
    parts.append(f"cd -- {quoted(folder)} || exit 1; unset OLDPWD")
    run = f'echo $$ >{note}; exec "$@"'
    inner = ["sh", "-c", run, "sh", *words]
    if odd:
        inner = ["env", *(f"{name}={environ[name]}" for name in odd), *inner]
    text = " ".join(map(quoted, inner))
    parts.append(f"command -v setsid >/dev/null && exec setsid {text}")
    parts.append(f"exec {text}")
    return "; ".join(parts)


def _told(mark: str, note: str) -> str:
    """How a shell tells that a command has ended, on both streams, and whether it has left something running."""
    left = f"{{ read -r p <{note} && kill -0 -$p; }} 2>/dev/null && s=$s+"
    return f"s=$?; {left}; printf '\\000{mark} %s\\000' $s; printf '\\000{mark}\\000' >&3\n"


class Ending:
    """Watches a command's two streams for the mark that follows its output.

    Args:
        mark: The mark.
        put: Takes what the command wrote: the number of the stream, and bytes.

    Attributes:
        status: How the command ended, or None.
        left: Whether it has left something running in its group, which may still write.
    """

    __slots__ = ("_held", "_marks", "_put", "_seen", "left", "status")

    def __init__(self, mark: str, put: "Callable[[int, bytes], None]") -> None:
        text = mark.encode()
        self._marks = {1: b"\0" + text + b" ", 2: b"\0" + text + b"\0"}
        self._put = put
        self._held = {1: b"", 2: b""}
        self._seen: set[int] = set()
        self.status: int | None = None
        self.left = False

    @property
    def done(self) -> bool:
        """Whether all that the command wrote is here."""
        return len(self._seen) == len(self._marks)

    def take(self, number: int, data: bytes) -> None:
        """Take what came on a stream."""
        if number in self._seen or number not in self._marks:
            return
        mark = self._marks[number]
        data = self._held[number] + data
        at = data.find(mark)
        if at < 0:
            keep = _beginning(data, mark)
            self._held[number] = data[len(data) - keep :]
            self._pass(number, data[: len(data) - keep])
            return
        if number == 1:
            digits, end, _ = data[at + len(mark) :].partition(b"\0")
            if not end:
                self._held[number] = data
                return
            self.left = digits.endswith(b"+")
            self.status = int(digits.rstrip(b"+"))
        self._seen.add(number)
        self._held[number] = b""
        self._pass(number, data[:at])

    def end(self) -> None:
        """Nothing more comes: what is held back was the command's."""
        for number, data in self._held.items():
            self._held[number] = b""
            self._pass(number, data)

    def _pass(self, number: int, data: bytes) -> None:
        if data:
            self._put(number, data)


def _beginning(data: bytes, mark: bytes) -> int:
    """How many bytes at the end of some may be the beginning of a mark."""
    at = data.find(b"\0", max(0, len(data) - len(mark) + 1))
    while at >= 0:
        if mark.startswith(data[at:]):
            return len(data) - at
        at = data.find(b"\0", at + 1)
    return 0
