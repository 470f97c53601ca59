import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.engine.socket_http import Address, Connection, HungUpError, request
from runner.errors import EngineError

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def answering(tmp_path: os.PathLike[str]) -> Iterator[Callable[..., Address]]:
    """Makes servers that send some pieces, one after the other, to whoever connects first, and hang up."""
    threads: list[threading.Thread] = []

    def make(*pieces: bytes) -> Address:
        path = f"{os.fspath(tmp_path)}/s{len(threads)}"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            with listener:
                connection, _ = listener.accept()
            with connection, contextlib.suppress(BrokenPipeError):
                connection.recv(1 << 16)
                for piece in pieces:
                    connection.sendall(piece)

        threads.append(threading.Thread(target=serve, daemon=True))
        threads[-1].start()
        return Address("unix", path)

    yield make
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("answer", "body", "reusable"),
    [
        (OK + b"Content-Length: 2\r\n\r\nhi", b"hi", True),
        (OK + b"Content-Length: 0\r\n\r\n", b"", True),
        (OK + b"content-length: 2\r\nConnection: Close\r\n\r\nhi", b"hi", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1;a=b\r\ni\r\n0\r\n\r\n", b"hi", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n", b"hi", True),
        (OK + b"\r\nhi", b"hi", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi", False),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Wait\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi",
            b"hi",
            True,
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"", True),
        (OK + b"Content-Length: 2\r\n\r\nhi and more", b"hi", False),
    ],
)
def test_an_answer_ends_where_it_says(
    answering: Callable[..., Address], answer: bytes, body: bytes, reusable: bool
) -> None:
    connection = Connection(answering(answer), 30)
    assert connection.ask("GET", "/", seconds=30).body == body
    assert connection.reusable is reusable
    connection.close()


@given(st.data())
def test_an_answer_may_come_in_any_pieces(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\na\r\n0123456789\r\n0\r\n\r\n"
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1))))
    path = f"{tmp_path_factory.mktemp('p')}/s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        connection = Connection(Address("unix", path), 30)
        accepted, _ = listener.accept()
    with accepted:

        def send() -> None:
            for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
                accepted.sendall(whole[start:end])

        thread = threading.Thread(target=send)
        thread.start()
        assert connection.ask("GET", "/", seconds=30).body == b"hi0123456789"
        thread.join()
    connection.close()


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b"", HungUpError, "hung up"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", HungUpError, "hung up"),
        (OK + b"Content-Length: 3\r\n\r\nhi", ConnectionError, "cut off"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhi", ConnectionError, "cut off"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", ConnectionError, "cut off"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhiyou\r\n", EngineError, "garbled"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n", EngineError, "garbled"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n", EngineError, "garbled"),
        (OK + b"Content-Length: 99999999999\r\n\r\n", EngineError, "garbled"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", EngineError, "no container engine"),
        (b"HTTP/1.1\r\n\r\n", EngineError, "no container engine"),
        (b"HTTP/1.1 200 OK", EngineError, "no container engine"),
        (b"\x00\xff" * 100, EngineError, "no container engine"),
        (b"x" * (1 << 17), EngineError, "no container engine"),
    ],
)
def test_what_is_no_answer_is_an_error(
    answering: Callable[..., Address], answer: bytes, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        request(answering(answer), "GET", "/", seconds=30)


def test_all_together_may_take_its_time_and_no_more(tmp_path: os.PathLike[str]) -> None:
    path = f"{os.fspath(tmp_path)}/s"
    ended = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(BrokenPipeError):
                connection.sendall(OK)
                while not ended.wait(0.01):
                    connection.sendall(b"X: y\r\n")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(TimeoutError):
            request(Address("unix", path), "GET", "/", seconds=0.1)
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (Address("unix", "/run/d.sock"), "unix:///run/d.sock"),
        (Address("tcp", host="h", port=1), "tcp://h:1"),
        (Address("tcp", host="::1", port=1), "tcp://[::1]:1"),
    ],
)
def test_an_address_is_shown_as_it_is_written(address: Address, text: str) -> None:
    assert str(address) == text
