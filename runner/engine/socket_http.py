"""HTTP over a socket, as much of it as a container engine needs.

An engine is asked at each build of an image and at each run in a container, mostly to hear that all is there
already; Python's HTTP client alone takes longer to import than that answer takes to come. So this speaks just as
much HTTP as an engine does: a connection may serve several requests, a body is sent in chunks, and there are no
redirects and no encryption. What is far away is brought near by a tunnel.
"""

import contextlib
import socket
import time
from collections.abc import Iterable, Iterator

from runner.errors import EngineError

UNIX = "unix"
TCP = "tcp"

_LONGEST_HEAD = 1 << 16
_LONGEST_BODY = 1 << 26
"""Bytes; what is longer comes from no engine."""


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
        if self.kind == UNIX:
            return f"unix://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"

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


class HungUpError(ConnectionError):
    """The other side ended the connection before it had answered."""


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


class Stream:
    """An answer whose body is taken as it comes.

    Args:
        status: The HTTP status.
        headers: By lower-case name.
        chunks: The body, piece by piece; an `OSError` where it breaks off.
    """

    __slots__ = ("chunks", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], chunks: Iterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self.chunks = chunks


class Connection:
    """A connection that serves one request after the other.

    Args:
        address: Whom to ask.
        seconds: How long connecting may take, or None for as long as it takes.

    Attributes:
        reusable: Whether another request may follow.

    Raises:
        OSError: Nobody listens there, or not in time.
    """

    __slots__ = ("_ahead", "_began", "_deadline", "_socket", "reusable")

    def __init__(self, address: Address, seconds: float | None) -> None:
        self._socket = address.connect(seconds)
        self._ahead = bytearray()
        self._began = False
        self._deadline: float | None = None
        self.reusable = True

    def __del__(self) -> None:
        # Nobody need close what is thrown away, nor be warned of it.
        if hasattr(self, "_socket"):
            self._socket.close()

    def close(self) -> None:
        """End it."""
        self.reusable = False
        self._socket.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        seconds: float | None,
        body: Iterable[bytes] | None = None,
        content_type: str = "application/x-tar",
    ) -> Response:
        """The answer to a request.

        Args:
            method: `GET`, `POST`, `DELETE`.
            path: With its query.
            seconds: How long all of it may take, or None for as long as it takes.
            body: What is sent, piece by piece.
            content_type: What the body is.

        Raises:
            OSError: Nobody answers, or not in time.
            EngineError: What came is no HTTP.
        """
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._send(method, path, seconds, body, content_type, ())
        return self._answer()

    def stream(
        self,
        method: str,
        path: str,
        *,
        body: Iterable[bytes] | None = None,
        content_type: str = "application/x-tar",
        headers: Iterable[tuple[str, str]] = (),
    ) -> Stream:
        """The answer to a request that may take as long as it takes; no other can follow it.

        Args:
            method: `GET`, `POST`.
            path: With its query.
            body: What is sent, piece by piece.
            content_type: What the body is.
            headers: More of them, by name.

        Raises:
            OSError: Nobody answers.
            EngineError: What came is no HTTP.
        """
        self._deadline = None
        self._send(method, path, None, body, content_type, headers)
        _, status, found = self._final_head()
        return Stream(status, found, self._pieces(found))

    def cut(self) -> None:
        """End it at once, from another thread: who waits for an answer finds it broken off."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _send(
        self,
        method: str,
        path: str,
        seconds: float | None,
        body: Iterable[bytes] | None,
        content_type: str,
        headers: Iterable[tuple[str, str]],
    ) -> None:
        self._began = False
        self.reusable = False
        self._socket.settimeout(seconds)
        head = f"{method} {path} HTTP/1.1\r\nHost: engine\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers)
        if body is not None:
            head += f"Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n"
        # An engine that refuses answers and hangs up before all is sent: its answer says why.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(f"{head}\r\n".encode())
            for piece in _chunked(body or ()):
                self._socket.sendall(piece)
            if body is not None:
                self._socket.sendall(b"0\r\n\r\n")

    def _final_head(self) -> tuple[str, int, dict[str, str]]:
        """The version, the status and the headers of the answer, behind those that only say to wait."""
        version, status, headers = self._head()
        while 100 <= status < 200:
            version, status, headers = self._head()
        return version, status, headers

    def _answer(self) -> Response:
        version, status, headers = self._final_head()
        keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        if status in {204, 304}:
            body = b""
        elif "chunked" in headers.get("transfer-encoding", "").lower():
            body = self._chunks()
        elif headers.get("content-length", "").isdecimal():
            body = self._exactly(int(headers["content-length"]))
        else:
            keep = False
            body = self._rest()
        # What follows an answer that nobody asked for would be taken for the next one.
        self.reusable = keep and not self._ahead
        return Response(status, headers, body)

    def _head(self) -> tuple[str, int, dict[str, str]]:
        """The version, the status and the headers of an answer."""
        while (end := self._ahead.find(b"\r\n\r\n")) < 0:
            if len(self._ahead) > _LONGEST_HEAD or not self._more():
                break
        if not self._ahead:
            raise HungUpError("it hung up without an answer")
        head = bytes(self._ahead[: max(end, 0)] or self._ahead[:80]).decode("latin-1")
        first, _, lines = head.partition("\r\n")
        words = first.split(" ", 2)
        if end < 0 or len(words) < 2 or not words[0].startswith("HTTP/") or not _is_status(words[1]):
            raise EngineError(f"what answers is no container engine: {first[:80]!r}")
        del self._ahead[: end + 4]
        pairs = (line.partition(":") for line in lines.split("\r\n"))
        return words[0], int(words[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}

    def _chunks(self) -> bytes:
        """The body that is sent in chunks."""
        out = bytearray()
        while True:
            line = self._line()
            size = _size(line.partition(b";")[0].strip())
            if not size:
                break
            out += self._exactly(size, len(out))
            if self._line():
                raise _garbled()
        while self._line():
            # Headers behind a body tell nothing that is wanted here.
            continue
        return bytes(out)

    def _pieces(self, headers: dict[str, str]) -> Iterator[bytes]:
        """The body as it comes."""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            while size := _size(self._line().partition(b";")[0].strip()):
                yield from self._parts(size)
                if self._line():
                    raise _garbled()
        elif headers.get("content-length", "").isdecimal():
            yield from self._parts(int(headers["content-length"]))
        else:
            while self._ahead or self._more():
                yield bytes(self._ahead)
                self._ahead.clear()

    def _parts(self, size: int) -> Iterator[bytes]:
        """So many bytes, as they come."""
        while size:
            if not self._ahead and not self._more():
                raise _cut_off()
            part = bytes(self._ahead[:size])
            del self._ahead[: len(part)]
            size -= len(part)
            yield part

    def _line(self) -> bytes:
        while (end := self._ahead.find(b"\r\n")) < 0:
            if len(self._ahead) > _LONGEST_HEAD:
                raise _garbled()
            if not self._more():
                raise _cut_off()
        line = bytes(self._ahead[:end])
        del self._ahead[: end + 2]
        return line

    def _exactly(self, size: int, before: int = 0) -> bytes:
        if size + before > _LONGEST_BODY:
            raise _garbled()
        while len(self._ahead) < size:
            if not self._more():
                raise _cut_off()
        out = bytes(self._ahead[:size])
        del self._ahead[:size]
        return out

    def _rest(self) -> bytes:
        while self._more():
            if len(self._ahead) > _LONGEST_BODY:
                raise _garbled()
        out = bytes(self._ahead)
        self._ahead.clear()
        return out

    def _more(self) -> bool:
        """Take in more of what comes; False at its end."""
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._socket.settimeout(left)
        try:
            piece = self._socket.recv(1 << 16)
        except ConnectionResetError:
            # One that refuses early answers and hangs up on what we still send: the answer counts.
            if not self._began:
                raise
            return False
        self._began = True
        self._ahead += piece
        return bool(piece)


def request(
    address: Address,
    method: str,
    path: str,
    *,
    seconds: float | None,
    body: Iterable[bytes] | None = None,
    content_type: str = "application/x-tar",
) -> Response:
    """The answer to one request, on a connection of its own; see `Connection.ask`.

    Raises:
        OSError: Nobody answers, or not in time.
        EngineError: What came is no HTTP.
    """
    begun = time.monotonic()
    with contextlib.closing(Connection(address, seconds)) as connection:
        left = None if seconds is None else max(begun + seconds - time.monotonic(), 0.001)
        return connection.ask(method, path, seconds=left, body=body, content_type=content_type)


def _chunked(body: Iterable[bytes]) -> Iterator[bytes]:
    for piece in body:
        if piece:
            yield b"%x\r\n" % len(piece) + piece + b"\r\n"


def _is_status(word: str) -> bool:
    return len(word) == 3 and word.isascii() and word.isdecimal()


def _size(digits: bytes) -> int:
    """The size of a chunk."""
    try:
        size = int(digits, 16)
    except ValueError:
        raise _garbled() from None
    if size < 0:
        raise _garbled()
    return size


def _garbled() -> EngineError:
    return EngineError("the engine's answer is garbled")


def _cut_off() -> ConnectionError:
    return ConnectionError("its answer was cut off")
