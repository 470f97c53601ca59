"""A proxy in front of a registry that does harm: what comes through it has seen the worst of networks.

It reads a request as far as it means to, does one thing by chance, and is itself no part of what is tested: it
knows of HTTP only where a head ends and how long a body is.
"""

import collections
import contextlib
import random
import socket
import struct
import threading
import time
from typing import BinaryIO, Self

HARMLESS = ("cut head", "cut request", "cut answer", "lost answer", "delay", "busy", "broken")
"""What a client should get over: nothing that it is told is wrong."""
LIES = ("corrupt answer", "corrupt request", "short answer", "long answer", "elsewhere", "garbage")
"""What a client must notice."""
_BUSY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_BROKEN = b"HTTP/1.1 %d Broken\r\nContent-Length: 6\r\nConnection: close\r\n\r\nbroken"
_STATUSES = (500, 502, 503, 504)


class FaultProxy:
    """The proxy; it listens as long as it is entered.

    Args:
        port: Where the registry listens, on 127.0.0.1.
        seed: What its chance follows from.
        faults: What it does.
        rate: How many of the requests it harms, from 0 to 1.

    Attributes:
        done: How often it did what.
    """

    def __init__(self, port: int, seed: int, faults: tuple[str, ...], rate: float) -> None:
        self.rate = rate
        self.done: collections.Counter[str] = collections.Counter()
        self._port = port
        self._faults = faults
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    @property
    def host(self) -> str:
        """Its name and port."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        """Answer one connection's requests until one of them ends it."""
        with near, contextlib.suppress(OSError, ValueError):
            near.settimeout(30)
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with near.makefile("rb") as file:
                while head := _head(file):
                    with self._lock:
                        fault = self._chance.choice(self._faults) if self._chance.random() < self.rate else ""
                        share = self._chance.random()
                        status = self._chance.choice(_STATUSES)
                        self.done[fault] += 1
                    if not self._one(near, file, head, fault, share, status):
                        return

    def _one(
        self,
        near: socket.socket,
        file: BinaryIO,
        head: bytes,
        fault: str,
        share: float,
        status: int,
    ) -> bool:
        """Answer one request; whether the connection lives on."""
        length = _length(head)
        body = file.read(length if fault != "cut request" else int(length * share))
        if fault in {"cut head", "cut request"}:
            if fault == "cut request":
                self._passed(head, body)
            return _cut(near)
        if fault in {"busy", "broken"}:
            near.sendall(_BUSY if fault == "busy" else _BROKEN % status)
            return False
        if fault == "garbage":
            near.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<html>\0{]")
            return True
        if fault == "elsewhere":
            near.sendall(
                b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n"
            )
            return True
        answer_head, answer = self._answer(
            head, _flipped(body, share) if fault == "corrupt request" else body
        )
        if fault == "lost answer":
            return _cut(near)
        if fault == "delay":
            time.sleep(share / 50)
        if fault == "corrupt answer":
            answer = _flipped(answer, share)
        if fault == "short answer":
            answer = answer[: int(len(answer) * share)]
            answer_head = _relabelled(answer_head, len(answer))
        if fault == "long answer":
            answer += b"\0" * (1 + int(9000 * share))
            answer_head = _relabelled(answer_head, len(answer))
        if fault == "cut answer":
            whole = answer_head + answer
            near.sendall(whole[: int(len(whole) * share)])
            return _cut(near)
        near.sendall(answer_head + answer)
        return True

    def _passed(self, head: bytes, body: bytes) -> None:
        """Hand a request on whose end never comes."""
        with socket.create_connection(("127.0.0.1", self._port)) as far:
            far.sendall(head + body)

    def _answer(self, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """The registry's answer, taken apart."""
        with socket.create_connection(("127.0.0.1", self._port)) as far:
            first, _, rest = head.partition(b"\r\n")
            far.sendall(first + b"\r\nConnection: close\r\n" + rest + body)
            answer = b""
            while piece := far.recv(1 << 16):
                answer += piece
        answer_head, _, answer_body = answer.partition(b"\r\n\r\n")
        lines = [line for line in answer_head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        return b"\r\n".join(lines) + b"\r\n\r\n", answer_body


def _head(file: BinaryIO) -> bytes:
    """A request's head, to the empty line; empty if there is no further request."""
    head = b""
    while line := file.readline():
        head += line
        if line == b"\r\n":
            return head
    return b""


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, text = line.partition(b":")
        if name.lower() == b"content-length":
            return int(text)
    return 0


def _relabelled(head: bytes, length: int) -> bytes:
    """A head that says another length, if it says one."""
    lines = head.split(b"\r\n")
    return b"\r\n".join(
        b"Content-Length: %d" % length if line.lower().startswith(b"content-length:") else line
        for line in lines
    )


def _flipped(data: bytes, share: float) -> bytes:
    """Bytes with one of them changed."""
    if not data:
        return data
    at = int(len(data) * share)
    return data[:at] + bytes((data[at] ^ 0x15,)) + data[at + 1 :]


def _cut(near: socket.socket) -> bool:
    """End a connection at once: what is on its way is lost."""
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False
