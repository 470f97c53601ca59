"""One HTTP request over a fresh socket.

An engine is asked at each build of an image, mostly to hear that it has the image already; Python's HTTP
client alone takes longer to import than that answer takes to come. So this speaks just as much HTTP as an
engine on the same machine needs: one request a connection, the body in chunks, no redirects, no encryption.
"""

import contextlib
import socket
import time
from collections.abc import Iterable, Iterator

from runner.errors import EngineError

UNIX = "unix"
TCP = "tcp"


class Address:
    """Where an engine listens.

    Args:
        kind: UNIX or TCP.
        path: The socket's path; empty for TCP.
        host: Name or number; empty for UNIX.
        port: Of the host.
    """

    __slots__ = ("host", "kind", "path", "port")

    def __init__(self, kind: str, path: str = "", host: str = "", port: int = 0) -> None:
        self.kind = kind
        self.path = path
        self.host = host
        self.port = port

    def __str__(self) -> str:
        return f"unix://{self.path}" if self.kind == UNIX else f"tcp://{self.host}:{self.port}"

    def connect(self, timeout: float | None) -> socket.socket:
        """A connection on which each step may take `timeout` seconds.

        Raises:
            OSError: Nobody listens there, or not in time.
        """
        if self.kind == TCP:
            return socket.create_connection((self.host, self.port), timeout)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout)
            connection.connect(self.path)
        except BaseException:
            connection.close()
            raise
        return connection


class Response:
    """An answer.

    Args:
        status: The HTTP status.
        headers: By lower-case name.
        body: All of it.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


def request(
    address: Address,
    method: str,
    path: str,
    *,
    seconds: float | None,
    body: Iterable[bytes] | None = None,
    content_type: str = "application/x-tar",
) -> Response:
    """The answer to one request.

    Args:
        address: Whom to ask.
        method: `GET` or `POST`.
        path: With its query.
        seconds: How long all of it may take, or None for as long as it takes.
        body: What is sent, piece by piece.
        content_type: What the body is.

    Raises:
        OSError: Nobody answers, or not in time.
        EngineError: What came is no HTTP.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    with address.connect(seconds) as connection:
        version = "1.0" if body is None else "1.1"
        head = f"{method} {path} HTTP/{version}\r\nHost: engine\r\nConnection: close\r\n"
        if body is not None:
            head += f"Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n"
        connection.sendall(f"{head}\r\n".encode())
        # An engine that refuses answers and hangs up before all is sent: its answer says why.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in _chunked(body or ()):
                connection.sendall(piece)
            if body is not None:
                connection.sendall(b"0\r\n\r\n")
        return _response(_received(connection, deadline))


def _chunked(body: Iterable[bytes]) -> Iterator[bytes]:
    for piece in body:
        if piece:
            yield b"%x\r\n" % len(piece) + piece + b"\r\n"


def _received(connection: socket.socket, deadline: float | None) -> bytes:
    """All that comes until the other side hangs up."""
    out: list[bytes] = []
    while True:
        if deadline is not None:
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            piece = connection.recv(1 << 16)
        except ConnectionResetError:
            # One that refuses early answers and hangs up on what we still send: the answer counts.
            if not out:
                raise
            piece = b""
        if not piece:
            return b"".join(out)
        out.append(piece)


def _response(data: bytes) -> Response:
    head, blank, body = data.partition(b"\r\n\r\n")
    first, _, lines = head.decode("latin-1").partition("\r\n")
    words = first.split(" ", 2)
    if not blank or len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdecimal():
        raise EngineError(f"what answers is no container engine: {first[:80]!r}")
    pairs = (line.partition(":") for line in lines.split("\r\n"))
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _joined(body)
    return Response(int(words[1]), headers, body)


def _joined(data: bytes) -> bytes:
    """The body that was sent in chunks; what is cut off at its end is missing."""
    out: list[bytes] = []
    while data:
        line, _, data = data.partition(b"\r\n")
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            raise EngineError("the engine's answer is garbled") from None
        if size <= 0:
            break
        out.append(data[:size])
        data = data[size + 2 :]
    return b"".join(out)
