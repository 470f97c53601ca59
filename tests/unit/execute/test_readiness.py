"""Whether a server is found ready exactly when it is, against real sockets of this machine."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.execute.readiness import HOST, Readiness, taken_port
from runner.plan.action import ServerPlan

SHELL = ("sh", "-c")
TRIES = 4000
"""Times that a question is asked again, 5 ms apart, before a test gives up."""


class Listener:
    """A server of one thread that gives every caller one answer; `wait` is none at all.

    Attributes:
        answer: What it answers from now on.
        heard: What each caller has asked.
        held: The callers who wait.
    """

    def __init__(self, answer: bytes, at: socket.socket) -> None:
        self.answer = answer
        self.heard: list[bytes] = []
        self.socket = at
        at.listen()
        self.port: int = self.socket.getsockname()[1]
        self.held: list[socket.socket] = []
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                one, _ = self.socket.accept()
            except OSError:
                return
            if self.answer == b"wait":
                self.held.append(one)
                continue
            with one:
                try:
                    asked = b""
                    while b"\r\n\r\n" not in asked and (chunk := one.recv(4096)):
                        asked += chunk
                    if asked:
                        self.heard.append(asked)
                    one.sendall(self.answer)
                except OSError:
                    continue

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for one in self.held:
            one.close()
        self.thread.join()


@contextmanager
def listener(answer: bytes, *, at: socket.socket | None = None) -> Iterator[Listener]:
    one = Listener(answer, at or bound())
    try:
        yield one
    finally:
        one.close()


def bound() -> socket.socket:
    """A socket with a port of its own, at which nothing listens yet."""
    one = socket.socket()
    one.bind((HOST, 0))
    return one


def free_port() -> int:
    with socket.create_server((HOST, 0)) as one:
        port: int = one.getsockname()[1]
        return port


@contextmanager
def asking(
    *ready: tuple[str, str], ports: tuple[int, ...] = (), interpreter: tuple[str, ...] = SHELL, folder: str = "/",
    environ: dict[str, str] | None = None,
) -> Iterator[Readiness]:  # fmt: skip
    one = Readiness(
        ServerPlan(ports, ready, 60_000), interpreter, folder, os.environ if environ is None else environ
    )
    try:
        yield one
    finally:
        one.close()


def becomes_ready(one: Readiness) -> bool:
    return until(one.ready)


def until(so: Callable[[], bool]) -> bool:
    """Whether something becomes so; asked until it is."""
    for _ in range(TRIES):
        if so():
            return True
        time.sleep(0.005)
    return False


def never_ready(one: Readiness, other: Callable[[], bool]) -> bool:
    """Whether one is not ready before something else is so, nor then."""
    return until(lambda: one.ready() or other()) and not one.ready()


# Ports


def test_a_port_is_ready_when_something_listens_there() -> None:
    port = free_port()
    with asking(("port", str(port))) as one:
        assert not one.ready()
        assert one.left() == f"port {port} accepts nothing"
        with socket.create_server((HOST, port)):
            assert one.ready()
        # What was so once is not asked again.
        assert one.ready()


def test_a_taken_port_is_found_and_a_free_one_is_not() -> None:
    free = free_port()
    with socket.create_server((HOST, 0)) as one, socket.create_server(("", 0)) as other:
        mine, theirs = one.getsockname()[1], other.getsockname()[1]
        assert taken_port(()) == 0
        assert taken_port((free,)) == 0
        assert taken_port((free, mine, theirs)) == mine
        assert taken_port((theirs,)) == theirs
    assert taken_port((mine, theirs)) == 0


def test_looking_at_a_port_does_not_take_it() -> None:
    port = free_port()
    for _ in range(3):
        assert taken_port((port,)) == 0
    socket.create_server((HOST, port)).close()


# HTTP


def answer(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize("good", ["200 OK", "204 No Content", "302 Found", "399 X", "200"])
def test_a_good_answer_is_ready(good: str) -> None:
    with listener(answer(good)) as server, asking(("http", "/"), ports=(server.port,)) as one:
        assert becomes_ready(one)


@pytest.mark.parametrize(
    "bad",
    [
        answer("400 Bad Request"), answer("404 Not Found"), answer("503 Busy"), b"", b"nonsense\r\n", b"HTTP/1.1\r\n",
        b"HTTP/1.1 OK\r\n", b"\r\n", b"HTTP/1.1 2", b"HTTP/1.1 -1 x\r\n",
    ],
)  # fmt: skip
def test_a_bad_answer_is_not_ready_and_it_is_asked_again(bad: bytes) -> None:
    with listener(bad) as server, asking(("http", "/"), ports=(server.port,)) as one:
        assert never_ready(one, lambda: len(server.heard) >= 2)
        assert one.left() == "/ does not answer well"
        server.answer = answer("200 OK")
        assert becomes_ready(one)


def test_an_endless_status_is_no_answer() -> None:
    bad = b"HTTP/1.1 " + b"2" * 5000 + b"\r\n"
    with listener(bad) as server, asking(("http", "/"), ports=(server.port,)) as one:
        assert never_ready(one, lambda: len(server.heard) >= 2)


def test_a_server_that_does_not_listen_yet_is_asked_again() -> None:
    early = bound()
    with asking(("http", "/"), ports=(early.getsockname()[1],)) as one:
        for _ in range(20):
            assert not one.ready()
        with listener(answer("200 OK"), at=early):
            assert becomes_ready(one)


def test_a_server_that_keeps_silent_does_not_hold_up_anybody() -> None:
    with listener(b"wait") as server, asking(("http", "/"), ports=(server.port,)) as one:
        assert never_ready(one, lambda: bool(server.held))
        # The answer may come in pieces.
        server.held[0].sendall(b"HTTP/1.1 2")
        assert not one.ready()
        server.held[0].sendall(b"00 OK\r\n")
        assert becomes_ready(one)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("/", "/"), ("/health?x=1", "/health?x=1"), (":PORT/ok", "/ok"), (":PORT", "/"), ("http://127.0.0.1:PORT/a/b", "/a/b"),
        ("http://127.0.0.1:PORT", "/"), ("127.0.0.1:PORT/x", "/x"), ("http://:PORT/y", "/y"),
    ],
)  # fmt: skip
def test_an_address_may_be_written_in_short(written: str, path: str) -> None:
    with listener(answer("200 OK")) as server:
        text = written.replace("PORT", str(server.port))
        with asking(("http", text), ports=(server.port,)) as one:
            assert becomes_ready(one)
        lines = server.heard[0].decode().split("\r\n")
        assert lines[0] == f"GET {path} HTTP/1.0"
        assert f"Host: 127.0.0.1:{server.port}" in lines


@pytest.mark.parametrize("written", [":99999/", ":\u00b2/"])
def test_an_address_that_can_not_be_never_answers(written: str) -> None:
    with asking(("http", written), ports=(80,)) as one:
        assert not one.ready()
        assert not one.ready()


# Commands


def test_a_command_that_succeeds_is_ready_and_one_that_fails_is_asked_again(
    tmp_path: "os.PathLike[str]",
) -> None:
    place = str(tmp_path)
    with asking(("command", "echo x >> tries; test -e sign\n"), folder=place) as one:

        def tried_twice() -> bool:
            return os.path.exists(f"{place}/tries") and os.path.getsize(f"{place}/tries") >= 4

        assert never_ready(one, tried_twice)
        assert one.left() == "`echo x >> tries; test -e sign` does not succeed"
        open(f"{place}/sign", "wb").close()
        assert becomes_ready(one)


def test_a_command_has_its_interpreter_and_variables_and_writes_to_nobody(
    tmp_path: "os.PathLike[str]", capfd: pytest.CaptureFixture[str]
) -> None:
    script = "import os, sys; print('seen'); sys.exit(os.environ.get('A') != 'b' or sys.stdin.read() != '')"
    environ = {"A": "b", "PATH": os.environ["PATH"]}
    with asking(
        ("command", script), folder=str(tmp_path), interpreter=(sys.executable, "-c"), environ=environ
    ) as one:
        assert becomes_ready(one)
    assert capfd.readouterr() == ("", "")


def test_a_command_that_can_not_be_started_is_not_ready() -> None:
    with asking(("command", "x"), interpreter=("nosuch-interpreter", "-c")) as one:
        assert not one.ready()
        assert not one.ready()


def test_a_command_that_still_runs_is_no_answer_and_ends_when_nobody_asks_any_more(
    tmp_path: "os.PathLike[str]",
) -> None:
    place = str(tmp_path)
    os.mkfifo(f"{place}/fifo")
    with asking(("command", "echo $$ > pid; exec cat fifo"), folder=place) as one:
        assert never_ready(
            one, lambda: os.path.exists(f"{place}/pid") and os.path.getsize(f"{place}/pid") > 0
        )
        with open(f"{place}/pid", encoding="ascii") as file:
            pid = int(file.read())
        assert not one.ready()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9


# What it says


TEXT = st.text(st.sampled_from("ab \né"), min_size=1, max_size=4)


@settings(max_examples=300)
@given(TEXT, st.lists(st.text(st.sampled_from("ab \né"), max_size=6), max_size=6), st.integers(1, 5))
def test_what_it_says_is_found_however_it_comes_in_pieces(wanted: str, lines: list[str], size: int) -> None:
    said = "".join(lines).encode()
    with asking(("log", wanted)) as one:
        for start in range(0, len(said), size):
            one.hear(said[start : start + size])
        assert one.ready() == (wanted.encode() in said)


@pytest.mark.parametrize(
    "chunks",
    [
        [b"ready"], [b"x" * 70_000 + b"ready"], [b"x" * 70_000, b"ready"], [b"x" * 65_534 + b"re", b"ady"],
        [b"ready" + b"x" * 70_000], [b"rea", b"dy" + b"x" * 65_534], [b"ready", b"x" * 70_000],
    ],
)  # fmt: skip
def test_a_text_is_found_wherever_it_stands(chunks: list[bytes]) -> None:
    with asking(("log", "ready")) as one:
        for chunk in chunks:
            one.hear(chunk)
        assert one.ready()


def test_a_text_of_any_bytes_is_found() -> None:
    with asking(("log", "\udcff!")) as one:
        one.hear(b"\xfe!")
        assert not one.ready()
        one.hear(b"\xff!")
        assert one.ready()


def test_what_it_has_not_said_is_told() -> None:
    with asking(("log", "listening")) as one:
        assert not one.ready()
        assert one.left() == "it has not said `listening`"


# All of it


def test_all_must_be_so_and_the_first_that_is_not_is_told() -> None:
    with listener(answer("200 OK")) as server:
        ready = (("log", "up"), ("port", str(server.port)), ("http", "/"))
        with asking(*ready, ports=(server.port,)) as one:
            assert not one.ready()
            assert one.left() == "it has not said `up`"
            assert never_ready(one, lambda: any(b"GET" in heard for heard in server.heard))
            one.hear(b"now up\n")
            assert becomes_ready(one)


def test_a_server_of_which_nothing_is_asked_is_ready() -> None:
    with asking() as one:
        assert one.ready()
