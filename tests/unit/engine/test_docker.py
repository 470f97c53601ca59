import os
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.engine import docker, whereabouts
from runner.engine.docker import Engine, find_engine, open_engine
from runner.engine.socket_http import Address
from runner.errors import EngineError, PyrunError, UsageError

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
    assert asked(serve).startswith(b"GET /images/registry.example.org:5000/a/b:1/json HTTP/1.1\r\n")


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
        (b"", "hung up without an answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "garbled"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", "cut off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "cut off"),
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


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        (lambda engine: engine.image("a@sha256:1"), "/images/a@sha256:1/json"),
        (lambda engine: engine.volume("a b"), "/volumes/a%20b"),
        (lambda engine: engine.network("a/b"), "/networks/a%2Fb"),
        (lambda engine: engine.info(), "/info"),
    ],
)
def test_what_the_engine_knows_is_told_as_it_comes(
    serve: Callable[..., Engine], ask: Callable[[Engine], object], path: str
) -> None:
    assert ask(serve(answer(b'{"Name":"x","Id":"y"}'))) == {"Name": "x", "Id": "y"}
    assert asked(serve).startswith(f"GET {path} HTTP/1.1\r\n".encode())


def test_what_the_engine_does_not_know_is_none(serve: Callable[..., Engine]) -> None:
    engine = serve(*[answer(b'{"message":"no such thing"}', "404 Not Found")] * 3)
    assert (engine.image("a"), engine.volume("a"), engine.network("a")) == (None, None, None)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda engine: engine.image("a"), "does not say what `a` is: out of order"),
        (lambda engine: engine.volume("a"), "does not say what the volume `a` is: out of order"),
        (lambda engine: engine.network("a"), "does not say what the network `a` is: out of order"),
        (lambda engine: engine.info(), "does not say what it is: out of order"),
    ],
)
def test_a_question_that_fails_is_an_error_with_the_engines_words(
    serve: Callable[..., Engine], ask: Callable[[Engine], object], words: str
) -> None:
    engine = serve(answer(b'{"message":"out of order"}', "500 Oops"))
    with pytest.raises(EngineError) as caught:
        ask(engine)
    assert caught.value.message == f"the engine at {engine} {words}"


def framed(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


class Lasting(Server):
    """Serves many requests on one connection, as many as it is told, then ends it and takes the next."""

    def __init__(self, path: str, *connections: int) -> None:
        self.connections = connections
        super().__init__(path)

    def _serve(self) -> None:
        for count in self.connections:
            connection, _ = self._socket.accept()
            with connection:
                for _ in range(count):
                    data = b""
                    while not self._whole(data):
                        data += connection.recv(1 << 16)
                    self.asked.append(data)
                    connection.sendall(framed(b'{"Id":"' + CONFIG.encode() + b'"}'))


def test_one_connection_serves_many_questions_and_another_follows_one_that_ended(
    tmp_path: os.PathLike[str],
) -> None:
    server = Lasting(f"{os.fspath(tmp_path)}/s", 2, 2)
    engine = Engine(Address("unix", server.path))
    assert [engine.image_id(name) for name in "abcd"] == [CONFIG] * 4
    server.close()
    assert [data.split(b"/")[2] for data in server.asked] == [b"a", b"b", b"c", b"d"]
    with pytest.raises(EngineError, match="does not answer: connection refused"):
        engine.image_id("e")
    engine.close()


def test_an_archive_is_sent_on_a_connection_of_its_own(tmp_path: os.PathLike[str]) -> None:
    server = Lasting(f"{os.fspath(tmp_path)}/s", 1, 1)
    engine = Engine(Address("unix", server.path))
    assert engine.image_id("a") == CONFIG
    engine.load([b"tar"])
    server.close()
    assert [data.split(b" ")[0] for data in server.asked] == [b"GET", b"POST"]
    engine.close()


@pytest.fixture
def top(tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder in which all usual sockets would be, with no others to be found."""
    folder = os.fspath(tmp_path)
    os.mkdir(f"{folder}/podman")
    monkeypatch.setattr(whereabouts, "DOCKER_SOCKET", f"{folder}/d")
    monkeypatch.setattr(whereabouts, "PODMAN_SOCKET", f"{folder}/p")
    return folder


def dead(path: str) -> None:
    """A socket on which nobody listens any longer."""
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)


def test_no_engine_is_none(top: str) -> None:
    assert find_engine({}) is None
    assert find_engine({"XDG_RUNTIME_DIR": top}) is None
    assert find_engine({"DOCKER_HOST": f"unix://{top}/none"}) is None
    assert find_engine({"DOCKER_HOST": "tcp://127.0.0.1:1"}) is None


def test_one_that_is_named_for_pyrun_is_needed_wherever_it_is_used(top: str) -> None:
    for environ, asked in (({}, f"unix://{top}/none"), ({"PYRUN_ENGINE": f"unix://{top}/none"}, "")):
        with pytest.raises(EngineError, match="no container engine answers at unix://"):
            find_engine(environ, asked)


@pytest.mark.parametrize("name", ["asked", "PYRUN_ENGINE", "DOCKER_HOST"])
def test_the_one_the_user_names_is_asked_and_no_other(
    serve: Callable[..., Engine], top: str, name: str
) -> None:
    named = serve(answer(b"OK"))
    names = ("PYRUN_ENGINE", "DOCKER_HOST")
    lesser = names if name == "asked" else names[names.index(name) + 1 :]
    environ = {"XDG_RUNTIME_DIR": top, "DOCKER_CONTEXT": "none", **dict.fromkeys(lesser, "unix:///none")}
    if name != "asked":
        environ[name] = str(named)
    found = find_engine(environ, str(named) if name == "asked" else "")
    assert str(found) == str(named)
    assert asked(serve).startswith(b"GET /_ping HTTP/1.1\r\n")


@pytest.mark.parametrize("place", ["d", "docker.sock", "podman/podman.sock", "p"])
def test_else_the_first_usual_socket_on_which_somebody_answers(top: str, place: str) -> None:
    places = ["d", "docker.sock", "podman/podman.sock", "p"]
    before = places[: places.index(place)]
    for other in before[:1]:
        dead(f"{top}/{other}")
    servers = [Server(f"{top}/{other}", answer(b"", "503 Starting")) for other in before[1:]]
    servers.append(Server(f"{top}/{place}", answer(b"OK")))
    found = open_engine({"XDG_RUNTIME_DIR": top})
    assert (found.url, found.shown, found.local) == (f"unix://{top}/{place}",) * 2 + (True,)
    for server in servers:
        server.close()


def test_the_name_of_a_kind_stands_for_its_usual_sockets(top: str) -> None:
    server = Server(f"{top}/p", answer(b"OK"), answer(b"OK"))
    assert str(open_engine({}, "podman")) == f"unix://{top}/p"
    assert str(open_engine({"PYRUN_ENGINE": "podman"})) == f"unix://{top}/p"
    server.close()
    with pytest.raises(EngineError) as caught:
        open_engine({}, "docker")
    assert f"unix://{top}/p" not in caught.value.hint


INSTEAD = "or run the tasks here with `--in host`"


def test_where_none_answers_each_is_told_with_the_reason(top: str) -> None:
    dead(f"{top}/docker.sock")
    server = Server(f"{top}/podman/podman.sock", answer(b'{"message":"starting"}', "503 Starting"))
    odd = Server(f"{top}/p", b"SSH-2.0-OpenSSH\r\n\r\n")
    with pytest.raises(EngineError) as caught:
        open_engine({"XDG_RUNTIME_DIR": top})
    assert (caught.value.message, caught.value.status) == ("no container engine answers", 125)
    assert caught.value.hint.split("\n  ") == [
        f"unix://{top}/d: no such socket",
        f"unix://{top}/docker.sock: connection refused",
        f"unix://{top}/podman/podman.sock: it says: starting",
        f"unix://{top}/p: what answers is no container engine: 'SSH-2.0-OpenSSH'",
        f"start one, name one with `--engine URL`, {INSTEAD}",
    ]
    server.close()
    odd.close()


def test_one_that_is_silent_leaves_time_for_those_behind_it(
    top: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker, "_NEXT_SECONDS", 0.5)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{top}/d")
        silent.listen()
        server = Server(f"{top}/p", answer(b"OK"), answer(b"", "503 Starting"))
        assert str(open_engine({})) == f"unix://{top}/p"
        with pytest.raises(EngineError) as caught:
            open_engine({}, "docker")
        assert caught.value.hint == (
            f"no answer in 1 s (`--engine` names it)\n  start it, name another with `--engine URL`, {INSTEAD}"
        )
        with pytest.raises(EngineError) as caught:
            open_engine({}, instead="sing")
        assert caught.value.hint.split("\n  ") == [
            f"unix://{top}/d: no answer in 0.5 s",
            f"unix://{top}/p: it says: status 503",
            "start one, name one with `--engine URL`, or sing",
        ]
        server.close()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("docker.sock", "permission denied: are you in the group `docker`?"),
        ("podman.sock", "Permission denied"),
    ],
)
def test_a_socket_that_may_not_be_used_is_told_of(
    monkeypatch: pytest.MonkeyPatch, path: str, words: str
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Address, "connect", refuse)
    assert Engine(Address("unix", f"/run/{path}")).ping(1) == words


def test_a_far_engine_without_tls_is_asked_as_it_is() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(answer(b"OK"))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    found = open_engine({"DOCKER_HOST": f"{url}/"})
    assert (found.url, found.shown, found.local, found.said()) == (url, f"{url}/", False, "")
    thread.join()
    listener.close()


@pytest.mark.parametrize(
    ("environ", "asked_for", "kind"),
    [
        ({}, "gopher://x", UsageError),
        ({"PYRUN_ENGINE": "gopher://x"}, "", UsageError),
        ({"DOCKER_HOST": "gopher://x"}, "", EngineError),
    ],
)
def test_what_is_no_address_is_an_error_of_who_wrote_it(
    environ: dict[str, str], asked_for: str, kind: type[PyrunError]
) -> None:
    for find in (find_engine, open_engine):
        with pytest.raises(kind, match="no address"):
            find(environ, asked_for)


def test_certificates_that_are_not_there_are_told_of(top: str) -> None:
    environ = {"DOCKER_HOST": "tcp://127.0.0.1", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": top}
    with pytest.raises(EngineError) as caught:
        open_engine({**environ, "TMPDIR": top})
    assert caught.value.hint.startswith(f"`{top}/ca.pem` is not there (DOCKER_HOST names it)\n")
    assert sorted(os.listdir(top)) == ["podman"]
