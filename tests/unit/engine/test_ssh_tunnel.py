import os
import socket
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from runner.engine.docker import Engine, open_engine
from runner.engine.ssh_tunnel import ssh_said, ssh_words
from runner.engine.url import FLAG, parse_url
from runner.errors import EngineError
from tests.fakes.far_server import FarServer, say_back, socket_at

# Newer Pythons warn of what starting a process beside a thread has always been.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

SSH = """\
#!{python} -IS
# Does what the real one does with `docker system dial-stdio` on another machine: passes on both directions, and
# ends when the far one does.
import os, socket, sys, threading
with open("{folder}/called", "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
{fault}
far = socket.socket(socket.AF_UNIX)
far.connect("{folder}/far")
def up():
    while data := os.read(0, 65536):
        far.sendall(data)
    far.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := far.recv(65536):
    os.write(1, data)
"""


class Far(FarServer):
    """An engine that says hello, and then gives back all it hears once the other side has ended."""

    def __init__(self, folder: str) -> None:
        super().__init__(socket_at(f"{folder}/far"))

    def answer(self, connection: socket.socket) -> None:
        with connection, suppress(BrokenPipeError, ConnectionResetError):
            say_back(connection)


@pytest.fixture
def folder() -> Iterator[str]:
    """A folder of the test's own whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="pyt", dir="/tmp") as found:
        yield found


@pytest.fixture
def opened(folder: str) -> Iterator[Callable[..., Engine]]:
    """Opens an engine by an `ssh` of the test's own, which first does something wrong."""
    os.makedirs(f"{folder}/bin")
    os.mkdir(f"{folder}/run", 0o700)
    far = Far(folder)
    engines: list[Engine] = []

    def make(fault: str = "", url: str = "ssh://far") -> Engine:
        with open(f"{folder}/bin/ssh", "w") as file:
            file.write(SSH.format(python=sys.executable, folder=folder, fault=textwrap.dedent(fault)))
        os.chmod(f"{folder}/bin/ssh", 0o755)
        environ = {"PATH": f"{folder}/bin", "TMPDIR": "/nowhere", "XDG_RUNTIME_DIR": f"{folder}/run"}
        engines.append(open_engine(environ, url))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()
    far.close()
    assert os.listdir(f"{folder}/run") == []


def test_all_that_is_said_on_a_connection_is_passed_on_and_its_end_too(opened: Callable[..., Engine]) -> None:
    engine = opened(url="ssh://me@far:2222/run/it's.sock")
    assert (str(engine), engine.local) == ("ssh://me@far:2222/run/it's.sock", False)
    said = os.urandom(1 << 20)
    with socket.socket(socket.AF_UNIX) as near:
        near.connect(engine.url.removeprefix("unix://"))
        near.sendall(said)
        near.shutdown(socket.SHUT_WR)
        heard = b""
        while piece := near.recv(1 << 16):
            heard += piece
    assert heard == said


def test_several_connections_are_open_at_once(opened: Callable[..., Engine]) -> None:
    engine = opened()
    sockets = [socket.socket(socket.AF_UNIX) for _ in range(5)]
    for number, near in enumerate(sockets):
        near.connect(engine.url.removeprefix("unix://"))
        near.sendall(b"%d" % number)
    for number, near in reversed(list(enumerate(sockets))):
        near.shutdown(socket.SHUT_WR)
        assert near.recv(10) == b"%d" % number
        near.close()


def test_the_socket_is_for_this_user_alone_and_gone_at_the_end(opened: Callable[..., Engine]) -> None:
    engine = opened()
    path = engine.url.removeprefix("unix://")
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
    with socket.socket(socket.AF_UNIX) as near:
        near.connect(path)
        near.sendall(b"never answered")
        engine.close()
        with suppress(ConnectionResetError):
            assert near.recv(10) == b""
    assert not os.path.exists(os.path.dirname(path))
    engine.close()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            "sys.exit('Warning: known.\\nssh: Could not resolve hostname far: Name or service not known')",
            "ssh said: Could not resolve hostname far: Name or service not known",
        ),
        ("sys.exit(3)", "ssh ended with status 3"),
        ("os.kill(os.getpid(), 9)", "ssh ended with status 137"),
        (
            "print('Welcome!'); sys.stdout.flush(); sys.exit(1)",
            "what answers is no container engine: 'Welcome!\\n'",
        ),
    ],
)
def test_what_ssh_says_is_the_reason(opened: Callable[..., Engine], fault: str, words: str) -> None:
    with pytest.raises(EngineError) as caught:
        opened(fault)
    assert caught.value.message == "no container engine answers at ssh://far"
    assert caught.value.hint == (
        f"{words} (`--engine` names it)\n  "
        "start it, name another with `--engine URL`, or run the tasks here with `--in host`"
    )


def test_without_ssh_the_reason_is_that(folder: str) -> None:
    with pytest.raises(EngineError) as caught:
        open_engine({"PATH": "/nowhere", "TMPDIR": folder, "DOCKER_HOST": "ssh://far"})
    assert caught.value.hint.startswith(
        "`ssh` is not found: is it installed, and on PATH? (DOCKER_HOST names it)\n"
    )
    assert os.listdir(folder) == []


def test_an_engine_that_fails_later_says_why_too(opened: Callable[..., Engine], folder: str) -> None:
    engine = opened()
    with open(f"{folder}/bin/ssh", "w") as file:
        file.write(f"#!{sys.executable} -IS\nimport sys\nsys.exit('Connection closed by far')\n")
    with pytest.raises(EngineError) as caught:
        engine.load([b"tar"])
    assert (
        caught.value.message == "the engine at ssh://far does not answer: ssh said: Connection closed by far"
    )
    assert engine.said() == "ssh said: Connection closed by far"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ssh://far", "-- far docker system dial-stdio"),
        ("ssh://me@far:22", "-l me -p 22 -- far docker system dial-stdio"),
        ("ssh://[::1]/a/b", "-- ::1 docker --host unix:///a/b system dial-stdio"),
        ("ssh://far/a;b", "-- far docker --host 'unix:///a;b' system dial-stdio"),
        ("ssh://far/$(a)", "-- far docker --host 'unix:///$(a)' system dial-stdio"),
    ],
)
def test_ssh_is_told_where_and_asks_nothing(url: str, words: str) -> None:
    told = " ".join(ssh_words(parse_url(url, FLAG)))
    assert told == f"ssh -T -o BatchMode=yes -o ConnectTimeout=10 {words}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Host key verification failed.\r\n", "Host key verification failed; call `ssh` by hand once"),
        (
            "me@far: Permission denied (publickey).\n",
            "me@far: Permission denied (publickey); it needs a key, since no password is asked for",
        ),
        ("a\nb\n\n", "b"),
        ("x" * 1000, "x" * 300),
    ],
)
def test_its_last_line_is_what_it_said(text: str, words: str) -> None:
    assert ssh_said(text, 255) == f"ssh said: {words}"
