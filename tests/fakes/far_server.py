"""A server of a test's own: every connection is answered in a thread, and all have ended when it is closed."""

import socket
import threading
from abc import ABC, abstractmethod
from contextlib import suppress


class FarServer(ABC):
    """Answers whoever connects.

    Args:
        listener: Where it listens; closed with it.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self.answer, args=(connection,), daemon=True))
                self._threads[-1].start()

    @abstractmethod
    def answer(self, connection: socket.socket) -> None:
        """Answer one connection, and close it."""

    def close(self) -> None:
        """End it, when all connections have ended."""
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()


def socket_at(path: str) -> socket.socket:
    """A socket that listens at a path."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    return listener


def say_back(connection: socket.socket) -> None:
    """Say that an engine is there to who asks that first; then give back all that comes, once it has ended."""
    data = connection.recv(1 << 16)
    if data.startswith(b"GET /_ping "):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
        data = b""
    while piece := connection.recv(1 << 16):
        data += piece
    connection.sendall(data)
