"""Finding out whether a server is ready: its port accepts, it answers, a command succeeds, or it says so.

Nothing here waits: the loop asks again after a while.
"""

import errno
import os
import socket
import time

from runner.errors import PyrunError, RunError
from runner.execute.streams import Stream
from runner.system.process import start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.execute.launcher import Launcher
    from runner.execute.streams import Feed
    from runner.plan.action import ServerPlan
    from runner.system.process import Process

HOST = "127.0.0.1"
_HOST_6 = "::1"
_GOOD = 400
"""Answers from this one on say that the server is not ready."""
_HANGS_UP = 0.05
"""Seconds after which a connection that is still there is taken for one."""
_STATUS_DIGITS = 3
_LAST_PORT = 65535
_LONGEST = 1 << 16
"""Bytes of an answer's first line; what has none by then is no answer."""


class Readiness:
    """The questions of one server, each asked until it is answered by yes.

    Args:
        server: What must be so.
        interpreter: The words that start a script's interpreter.
        folder: The folder of its commands, absolute.
        environ: All variables of its commands.
        launcher: What has started it, if not this machine itself.
    """

    def __init__(
        self,
        server: "ServerPlan",
        interpreter: "Sequence[str]",
        folder: str,
        environ: "Mapping[str, str]",
        launcher: "Launcher | None" = None,
    ) -> None:
        self._launcher = launcher
        self._begun = launcher is None
        self.deadline = time.monotonic() + server.limit / 1000
        self.limit = server.limit
        self._ports = server.ports
        self._open = list(server.ready)
        self._interpreter = interpreter
        self._folder = folder
        self._environ = environ
        self._said: dict[int, bytes] = {}
        self._longest = max((len(_bytes(text)) for kind, text in server.ready if kind == "log"), default=1)
        self._process: Process | None = None
        self._feed: Feed | None = None
        self._request: _Request | None = None
        self._requests = 0

    def hear(self, chunk: bytes, stream: int = 1) -> None:
        """Take note of what the server writes to a stream; a text may come in pieces."""
        said = self._said.get(stream, b"") + chunk
        self._open = [(kind, text) for kind, text in self._open if kind != "log" or _bytes(text) not in said]
        self._said[stream] = said[max(0, len(said) - self._longest + 1) :]

    def hear_nothing(self) -> None:
        """What the server writes goes straight to the user: no text is waited for."""
        self._open = [(kind, text) for kind, text in self._open if kind != "log"]

    def ready(self) -> bool:
        """Whether all is answered by yes; asks again what is not."""
        if not self._begun:
            assert self._launcher is not None
            if not self._launcher.up:
                self.deadline = time.monotonic() + self.limit / 1000
                return False
            self._begun = True
        self._open = [(kind, text) for kind, text in self._open if not self._yes(kind, text)]
        return not self._open

    def left(self) -> str:
        """What is not so yet, in words."""
        kind, text = self._open[0]
        return {
            "port": f"port {text} accepts nothing",
            "http": f"{text} does not answer well",
            "command": f"`{text.strip()}` does not succeed",
            "log": f"it has not said `{text}`",
        }[kind]

    def close(self) -> None:
        """Stop asking."""
        if self._process is not None:
            self._process.kill()
            self._process = None
        if self._request is not None:
            self._request.close()
            self._request = None

    def _yes(self, kind: str, text: str) -> bool:
        if kind == "port":
            return (
                _accepts(int(text)) if self._launcher is None else _holds(self._launcher.reached(int(text)))
            )
        if kind == "http":
            return self._answers(text)
        return kind == "command" and self._succeeds(text)

    def _succeeds(self, script: str) -> bool:
        """Whether the last start of a command has succeeded; if it has failed, it is started again."""
        if self._process is not None:
            if self._feed is not None and not self._feed.pump():
                self._feed = None
            status = self._process.poll()
            if status is None:
                return False
            self._process = None
            if status == 0:
                return True
        if self._launcher is not None:
            return self._ask(self._launcher, script)
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._process = start(
                (*self._interpreter, script), folder=self._folder, environ=self._environ, files=(null,) * 3
            )
        except RunError:
            return False
        finally:
            os.close(null)
        return False

    def _ask(self, launcher: "Launcher", script: str) -> bool:
        """Have a command started where the server runs; it has not succeeded yet."""
        sinks = [Stream(number, b"", lambda _number, _data: None, pipe=False) for number in (1, 2)]
        try:
            self._process, self._feed = launcher.start(
                (*self._interpreter, script), self._folder, launcher.environ(), sinks
            )
        except PyrunError:
            self._process = None
        return False

    def _answers(self, written: str) -> bool:
        """Whether the server has answered a request; if it has answered badly, it is asked again."""
        if self._request is None:
            host, port, path = self._address(written)
            # A server of this machine may listen at either of its two addresses.
            either = self._requests % 2 and host in {HOST, "localhost"}
            self._request = _Request(_HOST_6 if either else host, port, path)
            self._requests += 1
        status = self._request.status()
        if status is None:
            return False
        self._request.close()
        self._request = None
        return 0 < status < _GOOD

    def _address(self, written: str) -> tuple[str, int, str]:
        """Host, port and path of `/path`, `:8080/path` or `http://127.0.0.1:8080/path`."""
        rest = written.removeprefix("http://")
        place, slash, path = rest.partition("/")
        host, _, port = place.partition(":")
        usual = self._ports[0] if self._ports and rest == written else 80
        number = int(port) if is_port(port) else 0 if port else usual
        if self._launcher is not None and host in {"", HOST, "localhost"}:
            number = self._launcher.reached(number)
        return host or HOST, number, f"{slash or '/'}{path}"


class _Request:
    """One HTTP request under way, without waiting."""

    def __init__(self, host: str, port: int, path: str) -> None:
        self._socket = socket.socket(_family(host), socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._failed = False
        place = f"[{host}]" if ":" in host else host
        self._left = _bytes(f"GET {path} HTTP/1.0\r\nHost: {place}:{port}\r\nConnection: close\r\n\r\n")
        self._got = b""
        try:
            self._failed = not port or self._socket.connect_ex((host, port)) not in {0, errno.EINPROGRESS}
        except (OSError, ValueError):
            self._failed = True

    def status(self) -> int | None:
        """The status of the answer, 0 if there will be none; None if it is not here yet."""
        if self._failed:
            return 0
        try:
            while self._left:
                self._left = self._left[self._socket.send(self._left) :]
            while b"\r\n" not in self._got:
                chunk = self._socket.recv(4096)
                if not chunk or len(self._got) > _LONGEST:
                    return 0
                self._got += chunk
        except BlockingIOError:
            return None
        except OSError as error:
            return None if error.errno == errno.ENOTCONN else 0
        words = self._got.split(b"\r\n", 1)[0].split()
        status = words[1] if len(words) > 1 else b""
        return int(status) if status.isdigit() and len(status) == _STATUS_DIGITS else 0

    def close(self) -> None:
        """Stop waiting for an answer."""
        self._socket.close()


def is_port(text: str) -> bool:
    """Whether a text is the number of a port."""
    return (
        text.isascii()
        and text.isdigit()
        and len(text) <= len(str(_LAST_PORT))
        and 0 < int(text) <= _LAST_PORT
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _family(host: str) -> "socket.AddressFamily":
    return socket.AF_INET6 if ":" in host and socket.has_ipv6 else socket.AF_INET


def _accepts(port: int) -> bool:
    """Whether something of this machine accepts connections at a port."""
    for host in (HOST, _HOST_6):
        try:
            with socket.socket(_family(host), socket.SOCK_STREAM) as one:
                one.settimeout(0.2)
                one.connect((host, port))
        except OSError:
            continue
        return True
    return False


def _holds(port: int) -> bool:
    """Whether something accepts connections behind a port that an engine keeps for it.

    The engine itself accepts as long as the container is there, and hangs up when nobody does behind it.
    """
    if not port:
        return False
    try:
        with socket.create_connection((HOST, port), 0.2) as one:
            one.settimeout(_HANGS_UP)
            return bool(one.recv(1))
    except TimeoutError:
        return True
    except OSError:
        return False


def taken_port(ports: "Sequence[int]") -> int:
    """The first of some ports at which something listens already, or 0."""
    return next((port for port in ports if _taken(HOST, port) or _taken(_HOST_6, port)), 0)


def _taken(host: str, port: int) -> bool:
    try:
        with socket.socket(_family(host), socket.SOCK_STREAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((host, port))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False
