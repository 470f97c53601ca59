"""A program between a terminal and a command in a container.

It runs as a process of its own, so that whoever waits for it has a process like any other: with the user's stdin
and terminal, a group of its own, and an exit status that is the command's. Keys and signals go to the command, its
output comes back as it is; where it has a terminal in the container, that has the size of this one.

Started with the name of a file that says what to run, since words can be read by everybody on the machine.
"""

import fcntl
import json
import os
import select
import signal
import socket
import sys
import termios
import threading
import tty
from collections.abc import Mapping, Sequence
from typing import Any

from runner.engine.shells import (
    FOLDER_FAILED,
    PREPARE,
    SEND,
    Ending,
    Frames,
    Note,
    beginning,
    ended,
    long_script,
    noted,
    quoted,
    unset,
    with_odd,
)
from runner.engine.socket_http import Address, request
from runner.engine.url import TCP, UNIX
from runner.errors import ENGINE, EngineError
from runner.system.stop_signals import STOPS

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_CHUNK = 1 << 16
_SECONDS = 60.0
_BROKEN_PIPE = 141
_FIRST_OK, _SWITCHED = 200, 101


def request_text(
    url: str,
    container: str,
    user: str,
    words: Sequence[str],
    folder: str,
    environ: Mapping[str, str],
    gone: Sequence[str],
    *,
    secrets: Sequence[str],
    note: Note,
    terminal: bool,
) -> str:
    """What the client is to do, as text for its file.

    Args:
        url: The engine: `unix://PATH` or `tcp://HOST:PORT`.
        container: The container's id.
        user: Who the command runs as.
        words: The command.
        folder: Its working folder in the container.
        environ: All its variables.
        gone: Variables of the container that it does not get.
        secrets: The names of variables whose values the engine must not know.
        note: Where in the container its number goes.
        terminal: Whether it gets a terminal.
    """
    return json.dumps({
        "url": url, "container": container, "user": user, "words": list(words), "folder": folder,
        "environ": dict(environ), "gone": list(gone), "secrets": list(secrets), "note": [note.name, note.turn],
        "terminal": terminal,
    })  # fmt: skip


class Client:
    """A command in a container, as this process has it.

    Args:
        wanted: What `request_text` has written.
    """

    def __init__(self, wanted: Mapping[str, Any]) -> None:
        self._wanted = wanted
        self._terminal = bool(wanted["terminal"])
        self._note = Note(*wanted["note"])
        self._ending = Ending(os.urandom(16).hex(), _write_to)
        kind, _, rest = str(wanted["url"]).partition("://")
        host, _, port = rest.rpartition(":")
        self._address = (
            Address(UNIX, rest) if kind == UNIX else Address(TCP, host=host.strip("[]"), port=int(port))
        )
        self._exec = ""
        self._before: list[Any] | None = None
        self._signals, self._signals_in = os.pipe()

    def run(self) -> int:
        """Run the command to its end; its exit status.

        Raises:
            EngineError: The engine does not do it.
        """
        os.set_blocking(self._signals_in, False)
        signal.set_wakeup_fd(self._signals_in, warn_on_full_buffer=False)
        for number in (*STOPS, signal.SIGWINCH, signal.SIGTSTP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _nothing)
        words = self._words()
        self._exec = self._made(words)
        connection, rest = self._started()
        try:
            self._raw()
            self._resize()
            threading.Thread(target=self._send_stdin, args=(connection,), daemon=True).start()
            self._pass_output(connection, rest)
        finally:
            self._restore()
        if self._ending.status is not None:
            return self._ending.status
        return self._status()

    def _status(self) -> int:
        """How the process has ended; an engine may hear of that later than of the end of its output."""
        pause = 0.001
        while True:
            found = self._ask("GET", f"/exec/{self._exec}/json")
            if not found.get("Running"):
                break
            select.select([], [], [], pause)
            pause = min(2 * pause, 0.1)
        status = int(found.get("ExitCode") or 0)
        if not self._terminal and not status:
            raise EngineError("the container ended, or the engine hung up")
        return status

    def _words(self) -> list[str]:
        """The words of the shell in the container that does the command."""
        wanted, note = self._wanted, self._note
        words = wanted["words"]
        script, words = long_script(words, note)
        if script:
            self._put(note.script, script)
        words = with_odd(words, wanted["environ"])
        begin = beginning(
            '"$@"', quoted(wanted["words"][0]), wanted["folder"], refused=_refused, group=not self._terminal
        )
        parts = "; ".join([*self._secrets(), *unset(wanted["gone"]), begin])
        if self._terminal:
            rows, columns = _size()
            # The engine is told as well, but hears of it when the command has begun already.
            size = f"stty rows {rows} cols {columns} 2>/dev/null; " if rows and columns else ""
            return ["sh", "-c", f"exec 3>&2; {noted(note)}; {size}{parts}", "sh", *words]
        text = f"{PREPARE}\n( {noted(note)}; {parts} ); {ended(note, self._ending.mark)}"
        if script:
            text += f"; rm -f {note.script}"
        return ["sh", "-c", text, "sh", *words]

    def _secrets(self) -> Sequence[str]:
        """The shell text by which the command gets its secrets: some engines write on disk what they are told."""
        environ, file = self._wanted["environ"], self._note.variables
        secrets = {name: environ[name] for name in self._wanted["secrets"] if name in environ}
        if not secrets:
            return []
        self._put(file, f"export {' '.join(f'{name}={quoted(value)}' for name, value in secrets.items())}\n")
        return [f". {file}", f"rm -f {file}"]

    def _put(self, path: str, text: str) -> None:
        """Write a file in the container, for the command's user alone."""
        self._exec = self._made(["sh", "-c", f"umask 077; cat > {quoted(path)}"], plain=True)
        connection, rest = self._started()
        with connection:
            connection.sendall(text.encode("utf-8", "surrogateescape"))
            connection.shutdown(socket.SHUT_WR)
            while rest:
                rest = connection.recv(_CHUNK)
            while connection.recv(_CHUNK):
                pass

    def _made(self, words: Sequence[str], *, plain: bool = False) -> str:
        """The id of a process that is to be started.

        Args:
            words: Its words.
            plain: Whether it is not the command itself, which gets the terminal and the variables.
        """
        wanted = self._wanted
        terminal = self._terminal and not plain
        told = (
            {}
            if plain
            else {
                name: wanted["environ"][name] for name in wanted["environ"] if name not in wanted["secrets"]
            }
        )
        environ = [f"{name}={value}" for name, value in told.items()]
        if terminal and "TERM" in os.environ and "TERM" not in wanted["environ"]:
            environ.append(f"TERM={os.environ['TERM']}")
        body = {
            "AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "Tty": terminal,
            "Cmd": list(words), "Env": environ, "User": wanted["user"],
        }  # fmt: skip
        return str(self._ask("POST", f"/containers/{wanted['container']}/exec", body)["Id"])

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else [json.dumps(body).encode()]
        try:
            answer = request(
                self._address, method, path, seconds=_SECONDS, body=data, content_type="application/json"
            )
        except OSError as error:
            raise EngineError(f"the engine does not answer: {error}") from None
        if answer.status >= 300:
            raise EngineError(f"the engine did not do it: {answer.body.decode('utf-8', 'replace').strip()}")
        return dict(json.loads(answer.body)) if answer.body.strip() else {}

    def _started(self) -> tuple[socket.socket, bytes]:
        """The connection to the command's streams, and what came over it already."""
        body = json.dumps({"Detach": False, "Tty": self._terminal}).encode()
        head = (
            f"POST /exec/{self._exec}/start HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection = self._address.connect(_SECONDS)
        connection.sendall(head.encode() + body)
        got = b""
        while b"\r\n\r\n" not in got:
            chunk = connection.recv(_CHUNK)
            if not chunk:
                raise EngineError("the engine hung up")
            got += chunk
        first, _, rest = got.partition(b"\r\n\r\n")
        status = first.split(b" ", 2)[1]
        if status not in {b"101", b"200"}:
            raise EngineError(f"the engine did not start it: {rest.decode('utf-8', 'replace').strip()}")
        connection.settimeout(None)
        return connection, rest

    # Both directions

    def _send_stdin(self, connection: socket.socket) -> None:
        """Send what is typed, or comes from where stdin is connected; a thread of its own does that."""
        try:
            while data := os.read(_STDIN, _CHUNK):
                connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            # The command has ended, or nobody may read from that terminal.
            return

    def _pass_output(self, connection: socket.socket, rest: bytes) -> None:
        """Pass on what the command writes until it has ended, and signals to it meanwhile."""
        frames = Frames(connection)
        if self._terminal:
            _write(_STDOUT, rest)
        elif rest:
            frames.feed(rest, self._ending.take)
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        poll.register(self._signals, select.POLLIN)
        # What the command has left running may hold its streams: nobody waits for that.
        while not self._ending.done:
            ready = [fd for fd, _ in poll.poll()]
            if self._signals in ready:
                self._hear()
            if connection.fileno() not in ready:
                continue
            if self._terminal:
                data = connection.recv(_CHUNK)
                _write(_STDOUT, data)
                if not data:
                    return
            elif not frames.receive(self._ending.take):
                self._ending.end()
                return

    def _hear(self) -> None:
        for number in dict.fromkeys(os.read(self._signals, _CHUNK)):
            if number == signal.SIGWINCH:
                self._resize()
            elif number in STOPS:
                self._signal(number)
            elif number == signal.SIGTSTP:
                self._suspend()

    def _suspend(self) -> None:
        """Stop with the command, as Ctrl-Z wants, and go on with it."""
        self._restore()
        # In a session of its own the command would not heed the signal that can be caught.
        self._signal(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        self._raw()
        self._resize()
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        """Send a signal to the command and all of its group."""
        text = f"{SEND}\n{self._note.send(number)}"
        body = {"AttachStdout": False, "Cmd": ["sh", "-c", text], "User": "0"}
        made = self._ask("POST", f"/containers/{self._wanted['container']}/exec", body)
        self._ask("POST", f"/exec/{made['Id']}/start", {"Detach": True})

    # The terminal

    def _raw(self) -> None:
        """Let every key through as it is: what it does is for the container's terminal to say."""
        if self._terminal and os.isatty(_STDIN):
            self._before = termios.tcgetattr(_STDIN)
            tty.setraw(_STDIN)

    def _restore(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            try:
                termios.tcsetattr(_STDIN, termios.TCSADRAIN, self._before)
            except termios.error:
                # The terminal is gone.
                pass
            self._before = None

    def _resize(self) -> None:
        """Give the container's terminal the size of this one."""
        if not self._terminal:
            return
        rows, columns = _size()
        if rows and columns:
            try:
                self._ask("POST", f"/exec/{self._exec}/resize?h={rows}&w={columns}")
            except EngineError:
                # It has just ended.
                return


def _size() -> tuple[int, int]:
    """The rows and columns of this process's terminal; none if it has none."""
    for fd in (_STDOUT, _STDIN, _STDERR):
        try:
            size = fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))
        except OSError:
            continue
        return int.from_bytes(size[:2], sys.byteorder), int.from_bytes(size[2:4], sys.byteorder)
    return 0, 0


def _refused(why: str, status: int) -> str:
    """The shell text for a command that can't begin."""
    what = (
        "its working folder can't be entered"
        if why == FOLDER_FAILED
        else "there is no such program in the container"
    )
    return f"echo {quoted(f'pyrun: {what}')} >&2; exit {status}"


def _nothing(_number: int, _frame: object) -> None:
    """The pipe has the number."""


def _write_to(stream: int, data: bytes) -> None:
    _write(_STDOUT if stream != _STDERR else _STDERR, data)


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def main(path: str) -> int:
    """Do what a file says; the exit status."""
    try:
        with open(path, encoding="utf-8") as file:
            wanted = json.load(file)
        os.unlink(path)
        return Client(wanted).run()
    except EngineError as error:
        sys.stderr.write(f"pyrun: {error.message}\n")
        return ENGINE
    except BrokenPipeError:
        return _BROKEN_PIPE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
