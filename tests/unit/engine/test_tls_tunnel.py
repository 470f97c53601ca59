import os
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from runner.engine.docker import Engine, open_engine
from runner.engine.tls_tunnel import TlsTunnel, tls_settings
from runner.engine.whereabouts import Certificates
from runner.errors import EngineError
from tests.fakes.far_server import FarServer, say_back

CONFIG = """\
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, digitalSignature
subjectKeyIdentifier = hash
[near]
subjectAltName = IP:127.0.0.1
authorityKeyIdentifier = keyid
[other]
subjectAltName = DNS:other.example.org
authorityKeyIdentifier = keyid
"""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with an authority, and what an engine and a user prove themselves with."""
    folder = os.fspath(tmp_path_factory.mktemp("keys"))
    with open(f"{folder}/config", "w") as file:
        file.write(CONFIG)
    for name in ("ca", "server", "elsewhere", "cert"):
        key = "key" if name == "cert" else f"{name}-key"
        argv = ["req", "-config", f"{folder}/config", "-subj", f"/CN={name}", "-days", "2", "-nodes", "-x509"]
        argv += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        argv += ["-keyout", f"{folder}/{key}.pem", "-out", f"{folder}/{name}.pem"]
        if name == "ca":
            argv += ["-extensions", "ca"]
        else:
            argv += ["-extensions", "other" if name == "elsewhere" else "near"]
            argv += ["-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca-key.pem"]
        subprocess.run(["openssl", *argv], check=True, capture_output=True)
    return folder


class Far(FarServer):
    """An engine behind TLS: says that it is there, and gives back all it hears once the other side has ended.

    Attributes:
        plain: Whether it does not speak TLS at all.
    """

    def __init__(self, folder: str, name: str = "server", *, plain: bool = False) -> None:
        self._plain = plain
        self._settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._settings.load_cert_chain(f"{folder}/{name}.pem", f"{folder}/{name}-key.pem")
        self._settings.load_verify_locations(f"{folder}/ca.pem")
        self._settings.verify_mode = ssl.CERT_REQUIRED
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        super().__init__(listener)

    def answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if self._plain:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
            with self._settings.wrap_socket(connection, server_side=True) as inner:
                say_back(inner)
                inner.unwrap()


@pytest.fixture
def runtime() -> Iterator[dict[str, str]]:
    """The variables by which tunnels stand in a folder of the test's own, which must be empty in the end."""
    # The path of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="pyt", dir="/tmp") as folder:
        yield {"XDG_RUNTIME_DIR": folder}
        assert os.listdir(folder) == []


@pytest.fixture
def far(keys: str) -> Iterator[Callable[..., Far]]:
    made: list[Far] = []

    def make(*words: str, plain: bool = False) -> Far:
        made.append(Far(keys, *words, plain=plain))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def opened(far: Callable[..., Far], keys: str, runtime: dict[str, str]) -> Iterator[Engine]:
    """An engine behind TLS."""
    url = f"tcp://127.0.0.1:{far().port}"
    engine = open_engine({**runtime, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": keys, "DOCKER_HOST": url})
    assert (str(engine), engine.local, engine.url[:7]) == (url, False, "unix://")
    yield engine
    engine.close()


def joined(engine: Engine) -> socket.socket:
    near = socket.socket(socket.AF_UNIX)
    near.connect(engine.url.removeprefix("unix://"))
    return near


@pytest.mark.parametrize("size", [1, 5_000_000])
def test_all_that_is_said_is_passed_on_and_its_end_in_both_directions(opened: Engine, size: int) -> None:
    said = os.urandom(size)
    with joined(opened) as near:
        near.sendall(said)
        near.shutdown(socket.SHUT_WR)
        heard = b""
        while piece := near.recv(1 << 16):
            heard += piece
    assert heard == said


def test_a_far_side_that_ends_first_still_hears(keys: str, runtime: dict[str, str]) -> None:
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.load_cert_chain(f"{keys}/server.pem", f"{keys}/server-key.pem")
    heard: list[bytes] = []

    def serve() -> None:
        raw, _ = listener.accept()
        raw.settimeout(30)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secret = settings.wrap_bio(incoming, outgoing, server_side=True)
        with raw:
            while True:
                with suppress(ssl.SSLWantReadError):
                    secret.do_handshake()
                    break
                raw.sendall(outgoing.read())
                incoming.write(raw.recv(1 << 16))
            with suppress(ssl.SSLWantReadError):
                secret.unwrap()
            raw.sendall(outgoing.read())
            while True:
                try:
                    piece = secret.read(100)
                except ssl.SSLWantReadError:
                    incoming.write(raw.recv(1 << 16))
                    continue
                except ssl.SSLZeroReturnError:
                    piece = b""
                heard.append(piece)
                if not piece:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        tunnel = TlsTunnel("127.0.0.1", listener.getsockname()[1], Certificates(keys, verify=True), runtime)
        with socket.socket(socket.AF_UNIX) as near:
            near.connect(tunnel.path)
            assert near.recv(10) == b""
            near.sendall(b"still")
            near.shutdown(socket.SHUT_WR)
            thread.join()
        tunnel.close()
    assert b"".join(heard) == b"still"


def test_many_connections_are_open_at_once_and_all_end_with_the_tunnel(opened: Engine) -> None:
    sockets = [joined(opened) for _ in range(10)]
    for number, near in enumerate(sockets):
        near.sendall(b"%d" % number)
    for number, near in list(enumerate(sockets))[5:]:
        near.shutdown(socket.SHUT_WR)
        assert near.recv(10) == b"%d" % number
    opened.close()
    for near in sockets:
        with suppress(ConnectionResetError):
            assert near.recv(10) == b""
        near.close()


def test_one_that_is_gone_before_the_answer_came_leaves_nothing(opened: Engine) -> None:
    for _ in range(5):
        with joined(opened) as near:
            near.sendall(b"x" * 1_000_000)


def reason(environ: dict[str, str], **more: str) -> str:
    """Why no engine answers, as the user reads it."""
    with pytest.raises(EngineError) as caught:
        open_engine({**environ, **more})
    line, _, rest = caught.value.hint.partition(" (DOCKER_HOST names it)\n  ")
    assert rest == "start it, name another with `--engine URL`, or run the tasks here with `--in host`"
    return line


def test_an_engine_that_does_not_prove_itself_is_not_spoken_with(
    far: Callable[..., Far], keys: str, runtime: dict[str, str], tmp_path: os.PathLike[str]
) -> None:
    environ = {**runtime, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": keys}
    url = f"tcp://127.0.0.1:{far('elsewhere').port}"
    assert reason(environ, DOCKER_HOST=url) == (
        "TLS failed: IP address mismatch, certificate is not valid for '127.0.0.1'"
    )
    stranger = f"{os.fspath(tmp_path)}/keys"
    os.mkdir(stranger)
    os.link(f"{keys}/server.pem", f"{stranger}/ca.pem")
    url = f"tcp://127.0.0.1:{far().port}"
    told = reason(environ, DOCKER_HOST=url, DOCKER_CERT_PATH=stranger)
    # Older versions of OpenSSL spell it in two words.
    assert told.replace("self signed", "self-signed") == (
        "TLS failed: self-signed certificate in certificate chain"
    )


def test_a_user_who_does_not_prove_himself_is_told(
    far: Callable[..., Far], keys: str, runtime: dict[str, str], tmp_path: os.PathLike[str]
) -> None:
    folder = f"{os.fspath(tmp_path)}/keys"
    os.mkdir(folder)
    os.link(f"{keys}/ca.pem", f"{folder}/ca.pem")
    environ = {**runtime, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": folder}
    told = reason(environ, DOCKER_HOST=f"tcp://127.0.0.1:{far().port}")
    assert told.startswith("TLS failed: ")
    assert "certificate required" in told


def test_without_verification_any_engine_is_spoken_with(
    far: Callable[..., Far], keys: str, runtime: dict[str, str]
) -> None:
    url = f"tcp://127.0.0.1:{far('elsewhere').port}"
    engine = open_engine({**runtime, "DOCKER_TLS": "1", "DOCKER_CERT_PATH": keys, "DOCKER_HOST": url})
    assert str(engine) == url
    engine.close()


def test_one_that_does_not_speak_tls_is_told_of(
    far: Callable[..., Far], keys: str, runtime: dict[str, str]
) -> None:
    environ = {**runtime, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": keys}
    url = f"tcp://127.0.0.1:{far(plain=True).port}"
    assert reason(environ, DOCKER_HOST=url).startswith("TLS failed: ")


def test_one_that_is_not_there_is_told_of(keys: str, runtime: dict[str, str]) -> None:
    environ = {**runtime, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": keys}
    assert reason(environ, DOCKER_HOST="tcp://127.0.0.1:1") == "connection refused"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("ca.pem", None, "is not there"),
        ("ca.pem", "no certificate", "can't be used: no certificate or crl found"),
        ("key.pem", "no key", "can't be used: "),
    ],
)
def test_certificates_that_are_wrong_are_named(
    keys: str, tmp_path: os.PathLike[str], name: str, content: str | None, words: str
) -> None:
    folder = os.fspath(tmp_path)
    for other in ("ca.pem", "cert.pem", "key.pem"):
        if other != name:
            os.link(f"{keys}/{other}", f"{folder}/{other}")
    if content is not None:
        with open(f"{folder}/{name}", "w") as file:
            file.write(content)
    with pytest.raises(OSError, match=words) as caught:
        tls_settings(Certificates(folder, verify=True))
    assert str(caught.value).startswith(f"`{folder}/{'cert' if name == 'key.pem' else 'ca'}.pem` ")


def test_a_key_that_is_locked_is_not_asked_for(keys: str, tmp_path: os.PathLike[str]) -> None:
    folder = os.fspath(tmp_path)
    os.link(f"{keys}/ca.pem", f"{folder}/ca.pem")
    os.link(f"{keys}/cert.pem", f"{folder}/cert.pem")
    argv = ["openssl", "pkey", "-aes256", "-passout", "pass:secret", "-in", f"{keys}/key.pem"]
    subprocess.run([*argv, "-out", f"{folder}/key.pem"], check=True, capture_output=True)
    with pytest.raises(OSError, match="can't be used"):
        tls_settings(Certificates(folder, verify=True))
