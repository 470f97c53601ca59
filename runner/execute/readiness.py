"""Finding out whether a server is ready: its port accepts, it answers, a command succeeds, or it says so.

Nothing here waits: the loop asks again after a while.
"""

import errno
import os
import socket
import time

from runner.errors import RunError
from runner.system.process import start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.plan.action import ServerPlan
    from runner.system.process import Process

HOST = "127.0.0.1"
_GOOD = 400
"""Answers from this one on say that the server is not ready."""
_LONGEST = 1 << 16
"""Bytes of a server's output that are kept to look for what it says."""


class Readiness:
    """The questions of one server, each asked until it is answered by yes.

    Args:
        server: What must be so.
        interpreter: The words that start a script's interpreter.
        folder: The folder of its commands, absolute.
        environ: All variables of its commands.
    """

    def __init__(
        self, server: "ServerPlan", interpreter: "Sequence[str]", folder: str, environ: "Mapping[str, str]"
    ) -> None:
        self.deadline = time.monotonic() + server.limit / 1000
        self.limit = server.limit
        self._ports = server.ports
        self._open = list(server.ready)
        self._interpreter = interpreter
        self._folder = folder
        self._environ = environ
        self._said = b""
        self._process: Process | None = None
        self._request: _Request | None = None

    def hear(self, chunk: bytes) -> None:
        """Take note of what the server writes."""
        self._said = (self._said + chunk)[-_LONGEST:]
        self._open = [
            (kind, text) for kind, text in self._open if kind != "log" or text.encode() not in self._said
        ]

    def ready(self) -> bool:
        """Whether all is answered by yes; asks again what is not."""
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
            self._process.signal(9)
            self._process = None
        if self._request is not None:
            self._request.close()
            self._request = None

    def _yes(self, kind: str, text: str) -> bool:
        if kind == "port":
            return _accepts(int(text))
        if kind == "http":
            return self._answers(text)
        return kind == "command" and self._succeeds(text)

    def _succeeds(self, script: str) -> bool:
        """Whether the last start of a command has succeeded; if it has failed, it is started again."""
        if self._process is not None:
            status = self._process.poll()
            if status is None:
                return False
            self._process = None
            if status == 0:
                return True
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

    def _answers(self, written: str) -> bool:
        """Whether the server has answered a request; if it has answered badly, it is asked again."""
        if self._request is None:
            self._request = _Request(*self._address(written))
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
        return host or HOST, int(port) if port.isdigit() else usual, f"{slash or '/'}{path}"


class _Request:
    """One HTTP request under way, without waiting."""

    def __init__(self, host: str, port: int, path: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._failed = False
        self._left = f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()
        self._got = b""
        try:
            self._failed = self._socket.connect_ex((host, port)) not in {0, errno.EINPROGRESS}
        except OSError:
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
                if not chunk:
                    return 0
                self._got += chunk
        except BlockingIOError:
            return None
        except OSError as error:
            return None if error.errno == errno.ENOTCONN else 0
        words = self._got.split(b"\r\n", 1)[0].split()
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

    def close(self) -> None:
        """Stop waiting for an answer."""
        self._socket.close()


def _accepts(port: int) -> bool:
    """Whether something of this machine accepts connections at a port."""
    for family, host in ((socket.AF_INET, HOST), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as one:
                one.settimeout(0.2)
                one.connect((host, port))
        except OSError:
            continue
        return True
    return False


def taken_port(ports: "Sequence[int]") -> int:
    """The first of some ports at which something listens already, or 0."""
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((HOST, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    return port
    return 0
