"""Shells in a container that are kept open, and the words by which commands are given to them.

A process more in a container costs an engine some fifty milliseconds, a command in a shell that is there already
two. So each container has as many shells as commands run side by side in it; each does one command at a time,
whose two streams are its own. How a command ended is told behind its output, by a mark that nobody can guess, on
both streams, so that nothing gets lost, mixed up or is taken for something else.

The first process of the container is a shell too, which obeys: signals go through it. It ends when nobody is
connected to it any longer, and the container with all that runs in it then; so nothing outlives a pyrun that was
killed. A container that is to stay warm ends when no shell has been open in it for a while; each run that uses it
has a shell of its own there that obeys, and that ends the run's commands when nobody is connected to it.
"""

import errno
import os
import select
import socket

from runner.system.long_script import script_words

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
_OBEY = 'while read -r line; do eval "$line"; done'
_SOONER = 200
"""Thousandths of the memory that count against a command, so that its shell lives to tell how it ended."""
_LONGEST = 120_000
"""Bytes of the longest word of a command; Linux takes 128 KiB."""
_BY_SHELL = frozenset({
    "BASHOPTS", "BASH_VERSINFO", "DIRSTACK", "EUID", "FUNCNAME", "GROUPS", "IFS", "LINENO", "OPTIND", "PPID",
    "RANDOM", "SECONDS", "SHELLOPTS", "UID",
})  # fmt: skip
"""Variables that a shell keeps for itself: it would not set them, or give them another value."""
FOLDER_FAILED, PROGRAM_FAILED = "folder", "program"
"""What is noted in place of a command's number if it could not begin: why not."""


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
    # Somebody must always wait here: who loses its parent becomes this process's child, and would never be gone.
    obeying = [SEND, "echo ready", "exec 4<&0", f"( {_OBEY} ) <&4 4<&- &", "exec 4<&- </dev/null", "wait $!"]
    lines += ["echo ready", "while :; do sleep 3600 & wait; done"] if keep else obeying
    return "\n".join(lines)


def control_words(run: str) -> list[str]:
    """The words of a shell that obeys, beside the first process of a container that outlives the run.

    Args:
        run: What tells the run's commands from those of others in the container.
    """
    return ["sh", "-c", f"echo $$ > {FOLDER}/shell.{run}\n{SEND}\n{_OBEY}\n{_end_all(run)}"]


def _end_all(run: str) -> str:
    """Shell text that ends all commands of a run that are noted, and forgets them."""
    return (
        f"for file in {FOLDER}/command.{run}.*; do read -r pid turn < $file && kill -9 -$pid; rm -f $file; done "
        "2>/dev/null"
    )


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

    def signal(self, note: "Note", number: int) -> bool:
        """Send a signal to a command and all of its group, as soon as it has begun."""
        return self.tell(f"{note.send(number)} &")

    def end_all(self, run: str) -> bool:
        """End all commands of a run that are noted, and forget them.

        Args:
            run: What tells them from those of others in the container.
        """
        return self.tell(_end_all(run))

    def close(self) -> None:
        """Nobody speaks any longer."""
        self.connection.close()


class Note:
    """Where a command in a container notes its number, so that signals find it.

    Args:
        name: The file's name, which commands that come one after the other may share.
        turn: What tells this command from those before it.
    """

    __slots__ = ("name", "turn")

    def __init__(self, name: str, turn: int) -> None:
        self.name = name
        self.turn = turn

    @property
    def path(self) -> str:
        """The file."""
        return f"{FOLDER}/{self.name}"

    @property
    def told(self) -> str:
        """The file that is there once a signal was sent."""
        return f"{FOLDER}/told.{self.name}.{self.turn}"

    @property
    def script(self) -> str:
        """The file for a script that is too long for a word."""
        return f"{FOLDER}/script.{self.name}"

    @property
    def variables(self) -> str:
        """The file for variables that the engine must not know."""
        return f"{FOLDER}/variables.{self.name}"

    def send(self, number: int) -> str:
        """The call of `SEND`'s function that sends a signal."""
        return f"pyrun_send {number} {self.path} {self.turn} {self.told}"


class Shell:
    """A shell in a container that does one command at a time.

    Args:
        connection: The connection to it.
        number: What tells it from all others in its container.
        base: The variables that it begins with.

    Attributes:
        frames: What comes from it.
        note: Where the command that runs in it notes its number.
        busy: Whether a command runs in it.
        broken: Whether it can't be used any more.
    """

    __slots__ = ("_base", "_connection", "broken", "busy", "frames", "note")

    def __init__(self, connection: socket.socket, number: str, base: "Mapping[str, str]") -> None:
        self._connection = connection
        self._base = base
        self.frames = Frames(connection)
        self.note = Note(f"command.{number}", 0)
        self.busy = False
        self.broken = False
        self._send(f"echo $$ > {FOLDER}/shell.{number}; {PREPARE}\n")

    def begin(self, words: "Sequence[str]", folder: str, environ: "Mapping[str, str]") -> str:
        """Let a command begin; the mark that follows its output.

        Args:
            words: The command's words.
            folder: Its working folder.
            environ: All its variables.
        """
        mark = os.urandom(16).hex()
        self.busy = True
        self.note = Note(self.note.name, self.note.turn + 1)
        self._send(command_text(words, folder, environ, self._base, self.note, mark))
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


# Names of the shell's own variables begin with what no variable of a task begins with: a task's may be exported
# already, and would be changed for the commands that come after.

SEND = """\
pyrun_below() {
  pyrun_all=" $1 "
  pyrun_more=1
  while [ "$pyrun_more" ]; do
    pyrun_more=
    for pyrun_file in /proc/[0-9]*/stat; do
      read -r pyrun_line < $pyrun_file || continue
      set -- ${pyrun_line%% *} ${pyrun_line##*) }
      case $pyrun_all in *" $1 "*) continue ;; esac
      case $pyrun_all in *" $3 "*) pyrun_all="$pyrun_all$1 " pyrun_more=1 ;; esac
    done
  done
}
pyrun_send() (
  exec 2>/dev/null
  pyrun_tries=0
  until read -r pyrun_pid pyrun_turn < $2 && [ "$pyrun_turn" = $3 ]; do
    pyrun_tries=$((pyrun_tries + 1))
    [ $pyrun_tries -lt 200 ] || exit 0
    sleep 0.02 || sleep 1
  done
  [ $1 != 9 ] || kill -STOP -$pyrun_pid
  pyrun_below $pyrun_pid
  echo $1 $pyrun_all > $4
  kill -$1 -$pyrun_pid || kill -$1 $pyrun_all
  [ $1 != 9 ] || kill -KILL $pyrun_all
  exit 0
)"""
"""A shell's function that sends a signal: its number, a note's file and turn, and what is to be there then.

The command may be just about to begin. All below it that left its group dies with it; where the image can make no
groups, the processes below a command take the place of its group.
"""
PREPARE = """\
pyrun_setsid=$(command -v setsid)
pyrun_left() {
  pyrun_strays= pyrun_group=
  for pyrun_file in /proc/[0-9]*/stat; do
    read -r pyrun_line < $pyrun_file || continue
    set -- ${pyrun_line%% *} ${pyrun_line##*) }
    [ "$2" != Z ] || continue
    if [ "$4" = "$pyrun_pid" ]; then
      pyrun_group=-$pyrun_pid
    else
      case " $pyrun_all " in *" $1 "*) pyrun_strays="$pyrun_strays $1" ;; esac
    fi
  done
  [ "$pyrun_strays$pyrun_group" ]
}
pyrun_rest() {
  read -r pyrun_signal pyrun_all < $1
  pyrun_left || return
  [ -z "$pyrun_strays" ] || kill -TERM $pyrun_strays
  for pyrun_limit in 50 350; do
    pyrun_tries=0
    while [ $pyrun_tries -lt $pyrun_limit ]; do
      pyrun_left || return
      sleep 0.02 || { sleep 1; pyrun_tries=$((pyrun_tries + 49)); }
      pyrun_tries=$((pyrun_tries + 1))
    done
    case $pyrun_limit$pyrun_signal in
      350*) kill -KILL $pyrun_group $pyrun_strays ;;
      502 | 503) kill -TERM $pyrun_group ;;
    esac
  done
}
pyrun_held() {
  for pyrun_file in /proc/[0-9]*; do
    [ $pyrun_file != /proc/$$ ] || continue
    for pyrun_fd in $pyrun_file/fd/1 $pyrun_file/fd/2; do
      [ $pyrun_fd -ef /proc/$$/fd/1 ] && return 0
      [ $pyrun_fd -ef /proc/$$/fd/3 ] && return 0
    done
  done
  return 1
}
exec 3>&2 2>/dev/null"""
"""What a shell does before its first command.

What it has itself to say is for nobody. When a command has ended that was sent a signal, what it has left gets
some seconds to end as well: less than what ends it all by force, so that `finally` still has its turn. Who has
left the group is told now, since nobody else can tell it; and a script's background job, which does not hear the
keyboard's signals, in another way. Whoever holds the streams then may still write.
"""


def command_text(
    words: "Sequence[str]",
    folder: str,
    environ: "Mapping[str, str]",
    base: "Mapping[str, str]",
    note: Note,
    mark: str,
) -> str:
    """What a shell that has done `PREPARE` is told to do a command, and to tell how it ended.

    Variables go by `export` and never by a program's words, which everybody in the container could read.

    Args:
        words: The command's words.
        folder: Its working folder.
        environ: All its variables.
        base: The variables that the shell has already.
        note: Where its number goes.
        mark: What is told behind its output.
    """
    script, begun = long_script(words, note)
    put = f"( umask 077; printf %s {quoted(script)} > {note.script} ); " if script else ""
    new = {name: value for name, value in environ.items() if base.get(name) != value}
    gone = [name for name in base if name not in environ]
    parts = [*unset(gone)]
    plain = [f"{name}={quoted(value)}" for name, value in new.items() if not is_odd(name)]
    if plain:
        parts.append(f"export {' '.join(plain)}")
    parts.append(
        beginning(
            " ".join(map(quoted, with_odd(begun, new))),
            quoted(words[0]),
            folder,
            refused=lambda why, status: f"echo {why} {note.turn} > {note.path}; exit {status}",
        )
    )
    took = f"; rm -f {note.script}" if script else ""
    return f"{put}( {noted(note)}; {'; '.join(parts)} ) </dev/null; {ended(note, mark)}{took}\n"


def long_script(words: "Sequence[str]", note: Note) -> "tuple[str, Sequence[str]]":
    """A script that is too long for a word, and the command's words with the note's file in its place."""
    script = words[-1]
    if len(script) * 4 <= _LONGEST or len(script.encode("utf-8", "surrogateescape")) <= _LONGEST:
        return "", words
    return script, script_words(note.script, tuple(words[:-1]))


def is_odd(name: str) -> bool:
    """Whether a shell can't export a variable of that name."""
    return not (name.isascii() and name.isidentifier()) or name in _BY_SHELL


def with_odd(words: "Sequence[str]", environ: "Mapping[str, str]") -> "Sequence[str]":
    """The words of a command with the variables that no shell can export."""
    odd = [f"{name}={value}" for name, value in environ.items() if is_odd(name)]
    return ["env", *odd, *words] if odd else words


def unset(names: "Iterable[str]") -> "Sequence[str]":
    """The shell text that takes variables away, if it takes any."""
    plain = [name for name in names if not is_odd(name)]
    return [f"unset {' '.join(plain)}"] if plain else []


def noted(note: Note) -> str:
    """The shell text by which a part of a shell that becomes a command notes its number."""
    number = (
        f"{{ read -r pyrun_pid pyrun_line < /proc/self/stat; echo $pyrun_pid {note.turn} > {note.path}; "
        f"echo {_SOONER} > /proc/self/oom_score_adj; }}"
    )
    return f"{number} 2>/dev/null; exec 2>&3 3>&-"


def beginning(
    words: str, first: str, folder: str, *, refused: "Callable[[str, int], str]", group: bool = True
) -> str:
    """The shell text by which a part of a shell becomes a command.

    The command gets a session of its own where the image can do that, so that a signal reaches all of its group.

    Args:
        words: The command's words, as text of a shell.
        first: The first of its own.
        folder: Its working folder.
        refused: What is done if it can't begin, by what `FOLDER_FAILED` and its like say, and the exit status.
        group: Whether it gets a session of its own.
    """
    where = quoted(folder)
    return (
        f"cd -- {where} 2>/dev/null || {{ {refused(FOLDER_FAILED, 1)}; }}; unset OLDPWD; "
        f"command -v {first} >/dev/null 2>&1 || [ -e {first} ] || {{ {refused(PROGRAM_FAILED, 127)}; }}; "
        f"exec {'$pyrun_setsid ' if group else ''}{words}"
    )


def ended(note: Note, mark: str) -> str:
    """How a shell tells, on both streams, that a command has ended, and whether what it has left may write."""
    return (
        f"pyrun_status=$?; pyrun_pid=; read -r pyrun_pid pyrun_line < {note.path}; "
        f"[ ! -e {note.told} ] || pyrun_rest {note.told}; "
        f"pyrun_held && pyrun_status=$pyrun_status+; "
        f"printf '\\000{mark} %s %s\\000' $pyrun_status $pyrun_pid; printf '\\000{mark}\\000' >&3"
    )


class Ending:
    """Watches a command's two streams for the mark that follows its output.

    Args:
        mark: The mark.
        put: Takes what the command wrote: the number of the stream, and bytes.

    Attributes:
        mark: The mark.
        status: How the command ended, or None.
        left: Whether it has left something running that may still write.
        failing: Why it could not even begin, as `FOLDER_FAILED` and its like; else empty.
    """

    __slots__ = ("_held", "_marks", "_put", "_seen", "failing", "left", "mark", "status")

    def __init__(self, mark: str, put: "Callable[[int, bytes], None]") -> None:
        self.mark = mark
        text = mark.encode()
        self._marks = {1: b"\0" + text + b" ", 2: b"\0" + text + b"\0"}
        self._put = put
        self._held = {1: b"", 2: b""}
        self._seen: set[int] = set()
        self.status: int | None = None
        self.left = False
        self.failing = ""

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
            told, end, _ = data[at + len(mark) :].partition(b"\0")
            if not end:
                self._held[number] = data
                return
            digits, _, noted = told.decode("ascii").partition(" ")
            self.left = digits.endswith("+")
            self.status = int(digits.rstrip("+"))
            self.failing = "" if noted.isdigit() else noted
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
