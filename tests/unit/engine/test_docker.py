import os
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.engine import whereabouts
from runner.engine.docker import Engine, find_engine, parse_address
from runner.engine.socket_http import Address
from runner.errors import EngineError

CONFIG, MANIFEST = "sha256:" + "c" * 64, "sha256:" + "d" * 64


class Server:
    """Listens on a socket, keeps what is asked, and answers what it is told, a connection an answer."""

    def __init__(self, path: str, *answers: bytes) -> None:
        self.path = path
        self.asked: list[bytes] = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen()
        self._answers = answers
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for answer in self._answers:
            connection, _ = self._socket.accept()
            with connection:
                data = b""
                while not self._whole(data):
                    piece = connection.recv(1 << 16)
                    data += piece
                    if not piece:
                        break
                self.asked.append(data)
                connection.sendall(answer)

    @staticmethod
    def _whole(data: bytes) -> bool:
        if b"Transfer-Encoding: chunked" in data:
            return data.endswith(b"0\r\n\r\n")
        return b"\r\n\r\n" in data

    def close(self) -> None:
        self._thread.join()
        self._socket.close()


@pytest.fixture
def serve(tmp_path: os.PathLike[str]) -> Iterator[Callable[..., Engine]]:
    servers: list[Server] = []

    def started(*answers: bytes) -> Engine:
        servers.append(Server(f"{os.fspath(tmp_path)}/s{len(servers)}", *answers))
        return Engine(Address("unix", servers[-1].path))

    started.servers = servers  # type: ignore[attr-defined]
    yield started
    for server in servers:
        server.close()


def answer(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.0 {status}\r\nContent-Type: application/json\r\n\r\n".encode() + body


def chunked(*pieces: bytes) -> bytes:
    body = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n" + body + b"0\r\n\r\n"


def asked(serve: Callable[..., Engine]) -> bytes:
    server: Server = serve.servers[0]  # type: ignore[attr-defined]
    server.close()
    return b"".join(server.asked)


def test_an_image_is_asked_for_by_its_name(serve: Callable[..., Engine]) -> None:
    engine = serve(answer(b'{"Id":"' + CONFIG.encode() + b'"}'))
    assert engine.image_id("registry.example.org:5000/a/b:1") == CONFIG
    assert asked(serve).startswith(b"GET /images/registry.example.org:5000/a/b:1/json HTTP/1.0\r\n")


def test_an_id_without_its_algorithm_is_the_same_id(serve: Callable[..., Engine]) -> None:
    assert serve(answer(b'{"Id":"' + b"c" * 64 + b'"}')).image_id("a") == CONFIG


def test_an_image_the_engine_has_not_is_none(serve: Callable[..., Engine]) -> None:
    assert serve(answer(b'{"message":"No such image"}', "404 Not Found")).image_id("a") is None


@pytest.mark.parametrize(
    ("given_answer", "words"),
    [
        (answer(b'{"message":"out of order"}', "500 Oops"), "out of order"),
        (answer(b"<html>", "502 Bad"), "status 502"),
        (answer(b"[]"), "status 200"),
        (answer(b'{"Id":1}'), "status 200"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no container engine"),
        (b"", "no container engine"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "garbled"),
    ],
)
def test_another_answer_is_an_error_with_the_engines_words(
    serve: Callable[..., Engine], given_answer: bytes, words: str
) -> None:
    with pytest.raises(EngineError, match=words) as caught:
        serve(given_answer).image_id("a")
    assert caught.value.status == 125


@pytest.mark.parametrize(
    ("ids", "expected"),
    [((CONFIG, CONFIG), True), ((MANIFEST, MANIFEST), True), ((CONFIG, "sha256:" + "e" * 64), False)],
)
def test_an_engine_has_an_image_if_every_name_is_it(
    serve: Callable[..., Engine], ids: tuple[str, ...], expected: bool
) -> None:
    engine = serve(*(answer(b'{"Id":"' + found.encode() + b'"}') for found in ids))
    assert engine.has(["a:1", "a:2"], [CONFIG, MANIFEST]) is expected


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_an_archive_arrives_as_it_was_sent(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    server = Server(f"{tmp_path_factory.mktemp('e')}/s", chunked(b'{"stream":"Loaded', b' image"}\r\n'))
    Engine(Address("unix", server.path)).load(pieces)
    server.close()
    head, _, body = server.asked[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /images/load?quiet=1 HTTP/1.1\r\n")
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        found += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
    assert found == b"".join(pieces)


@pytest.mark.parametrize(
    ("given_answer", "words"),
    [
        (answer(b'{"message":"no space left"}', "500 Oops"), "no space left"),
        (
            chunked(b'{"stream":"x"}\r\n{"errorDetail":{"message":"bad ', b'layer"},"error":"bad layer"}'),
            "bad layer",
        ),
        (chunked(b'{"errorDetail":{"message":"bad layer"}}'), "bad layer"),
    ],
)
def test_an_archive_that_is_refused_is_an_error(
    serve: Callable[..., Engine], given_answer: bytes, words: str
) -> None:
    with pytest.raises(EngineError, match=words):
        serve(given_answer).load([b"tar"])


def test_an_engine_that_hangs_up_early_still_says_why(tmp_path: os.PathLike[str]) -> None:
    path = f"{os.fspath(tmp_path)}/s"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def refuse() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(answer(b'{"message":"not today"}', "500 Oops"))
            connection.shutdown(socket.SHUT_RD)

    thread = threading.Thread(target=refuse, daemon=True)
    thread.start()
    with listener, pytest.raises(EngineError, match="not today"):
        Engine(Address("unix", path)).load(bytes(1 << 16) for _ in range(100))
    thread.join()


def test_no_engine_is_none(tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch) -> None:
    top = os.fspath(tmp_path)
    monkeypatch.setattr(whereabouts, "DOCKER_SOCKET", f"{top}/none")
    assert find_engine({}) is None
    assert find_engine({"XDG_RUNTIME_DIR": top}) is None
    assert find_engine({"DOCKER_HOST": f"unix://{top}/none"}) is None
    assert find_engine({"DOCKER_HOST": "tcp://127.0.0.1:1"}) is None


def test_the_one_the_user_names_is_asked_and_no_other(
    serve: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    named = serve(answer(b"OK"))
    monkeypatch.setattr(whereabouts, "DOCKER_SOCKET", "/nowhere")
    found = find_engine({"DOCKER_HOST": str(named), "XDG_RUNTIME_DIR": "/nowhere"})
    assert str(found) == str(named)
    assert asked(serve).startswith(b"GET /_ping HTTP/1.0\r\n")


def test_else_dockers_socket_and_else_the_users_podman(
    tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    top = os.fspath(tmp_path)
    os.mkdir(f"{top}/podman")
    environ = {"XDG_RUNTIME_DIR": top}
    monkeypatch.setattr(whereabouts, "DOCKER_SOCKET", f"{top}/docker")
    podman = Server(f"{top}/podman/podman.sock", answer(b"OK"))
    assert str(find_engine(environ)) == f"unix://{top}/podman/podman.sock"
    podman.close()
    both = Server(f"{top}/docker", answer(b"OK"), answer(b"", "503 Starting"))
    assert str(find_engine(environ)) == f"unix://{top}/docker"
    assert find_engine(environ) is None
    both.close()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("unix:///run/d.sock", "unix:///run/d.sock"),
        ("tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375"),
        ("tcp://host/", "tcp://host:2375"),
        ("tcp://[::1]:2376", "tcp://::1:2376"),
    ],
)
def test_an_address_is_read(written: str, expected: str) -> None:
    assert str(parse_address(written)) == expected


@pytest.mark.parametrize(
    ("written", "tls"),
    [("ssh://me@host", False), ("unix://", False), ("tcp://:x", False), ("tcp://h:1", True)],
)
def test_what_cannot_be_reached_is_an_error_that_says_what_can(written: str, tls: bool) -> None:
    with pytest.raises(EngineError) as caught:
        parse_address(written, tls=tls)
    assert "unix:///PATH" in caught.value.hint
