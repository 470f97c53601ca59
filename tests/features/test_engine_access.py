"""Which container engine is used, how it is reached, and what is said if none answers."""

import json
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256

import pytest

from tests.fakes.far_server import FarServer, socket_at
from tests.features.conftest import MakeProject, Project, Result

FILE = """
    tasks:
      build:
        container: registry.example.org/tools:1
        run: echo built
      image:
        image: {name: registry.example.org/a, from: scratch, copy: [{source: a.txt, to: /}]}
    """
START = "start it, name another with `--engine URL`"
TASKS = f"{START}, or run the tasks here with `--in host`"
SHAPES = "`unix:///PATH`, `tcp://HOST[:PORT]` or `ssh://[USER@]HOST[:PORT][/PATH]`"
SSH = """\
#!{python} -IS
import os, socket, threading
far = socket.socket(socket.AF_UNIX)
far.connect({path!r})
def up():
    while data := os.read(0, 65536):
        far.sendall(data)
    far.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := far.recv(65536):
    os.write(1, data)
"""


class Engine(FarServer):
    """Says that it is there, knows no image, and takes each that it is given.

    Attributes:
        path: Its socket.
        asked: The first line of each request.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.asked: list[str] = []
        super().__init__(socket_at(path))

    def answer(self, connection: socket.socket) -> None:
        with connection, suppress(BrokenPipeError, ConnectionResetError):
            while True:
                data = b""
                while b"\r\n\r\n" not in data or (b"chunked" in data and not data.endswith(b"0\r\n\r\n")):
                    piece = connection.recv(1 << 16)
                    if not piece:
                        return
                    data += piece
                line = data.split(b"\r\n")[0].decode()
                self.asked.append(line)
                status = b"404 Not Found" if line.startswith("GET /images") else b"200 OK"
                connection.sendall(b"HTTP/1.1 %b\r\nContent-Length: 2\r\n\r\n{}" % status)


@pytest.fixture
def folder() -> Iterator[str]:
    """A folder of the test's own whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="pyt", dir="/tmp") as found:
        yield found


@pytest.fixture
def engine(folder: str) -> Iterator[Engine]:
    one = Engine(f"{folder}/e")
    yield one
    one.close()


def made(project: MakeProject) -> Project:
    return project({"tasks.yml": FILE, "a.txt": "a\n"})


LOADED = [
    "GET /_ping HTTP/1.1",
    "GET /images/registry.example.org/a:latest/json HTTP/1.1",
    "POST /images/load?quiet=1 HTTP/1.1",
]


def loaded(result: Result) -> str:
    """Where an image was loaded, as the last line tells it."""
    assert result.code == 0, result.stderr
    last = result.stderr.splitlines()[-1]
    start = "in .pyrun/images, and loaded into the engine at "
    assert last.startswith(start)
    return last.removeprefix(start)


def test_the_flag_goes_before_the_variables(project: MakeProject, engine: Engine, folder: str) -> None:
    p = made(project)
    url, none = f"unix://{engine.path}", f"unix://{folder}/none"
    env = {"PYRUN_ENGINE": none, "DOCKER_HOST": none, "DOCKER_CONTEXT": "none"}
    assert loaded(p.run("image", "--engine", url, env=env)) == url
    assert engine.asked == LOADED
    assert loaded(p.run("image", env={**env, "PYRUN_ENGINE": url})) == url
    assert loaded(p.run("image", env={**env, "PYRUN_ENGINE": "", "DOCKER_HOST": url})) == url
    assert engine.asked == LOADED * 3


def test_a_context_of_docker_leads_to_its_engine(project: MakeProject, engine: Engine) -> None:
    p = made(project)
    url = f"unix://{engine.path}"
    meta = f"../home/.docker/contexts/meta/{sha256(b'mine').hexdigest()}/meta.json"
    p.write(meta, json.dumps({"Name": "mine", "Endpoints": {"docker": {"Host": url}}}))
    assert loaded(p.run("image", env={"DOCKER_CONTEXT": "mine"})) == url
    p.write("../home/.docker/config.json", '{"currentContext": "mine"}')
    assert loaded(p.run("image")) == url
    assert engine.asked == LOADED * 2


def test_an_engine_by_ssh_is_reached_and_nothing_is_left(
    project: MakeProject, engine: Engine, folder: str
) -> None:
    p = made(project)
    p.write("../bin/ssh", SSH.format(python=sys.executable, path=engine.path), 0o755)
    env = {"PATH": f"{p.told}/bin:{p.environ()['PATH']}", "TMPDIR": folder}
    assert loaded(p.run("image", "--engine", "ssh://me@far", env=env)) == "ssh://me@far"
    # What it runs on is asked before an image is made for it, and again before it gets that.
    version = "GET /version HTTP/1.1"
    assert engine.asked == [LOADED[0], version, *LOADED[:2], version, LOADED[2]]
    assert os.listdir(folder) == ["e"]


@pytest.mark.parametrize(
    ("argv", "env", "told"),
    [
        (("--engine", "unix:///none"), {"DOCKER_HOST": "unix:///other"}, "`--engine`"),
        ((), {"PYRUN_ENGINE": "unix:///none", "DOCKER_HOST": "unix:///other"}, "PYRUN_ENGINE"),
        ((), {"DOCKER_HOST": "unix:///none"}, "DOCKER_HOST"),
    ],
)
def test_one_that_is_named_and_does_not_answer_is_an_error(
    project: MakeProject, argv: tuple[str, ...], env: dict[str, str], told: str
) -> None:
    p = made(project)
    start = "pyrun: no container engine answers at unix:///none\n"
    start += f"  no such socket ({told} names it)\n"
    assert p.run(*argv, "build", env=env) == Result("", f"{start}  {TASKS}\n", 125)
    expected = Result("", f"{start}  {START}, or leave `--load` out\n", 125)
    assert p.run(*argv, "image", "--load", env=env) == expected


def test_the_context_that_names_it_is_told(project: MakeProject) -> None:
    p = made(project)
    meta = f"../home/.docker/contexts/meta/{sha256(b'mine').hexdigest()}/meta.json"
    p.write(meta, json.dumps({"Name": "mine", "Endpoints": {"docker": {"Host": "tcp://127.0.0.1:1"}}}))
    assert p.run("build", env={"DOCKER_CONTEXT": "mine"}) == Result(
        "",
        "pyrun: no container engine answers at tcp://127.0.0.1:1\n"
        "  connection refused (the context `mine` of DOCKER_CONTEXT names it)\n"
        f"  {TASKS}\n",
        125,
    )
    assert p.run("build", env={"DOCKER_CONTEXT": "other"}) == Result(
        "",
        "pyrun: DOCKER_CONTEXT names the context `other`, which there is not\n"
        "  `docker context ls` lists them\n",
        125,
    )


def test_what_is_no_address_is_refused(project: MakeProject) -> None:
    p = made(project)
    for argv, env, told in (
        (("--engine", "desk"), {}, "`--engine`"),
        ((), {"PYRUN_ENGINE": "desk"}, "PYRUN_ENGINE"),
    ):
        for task in ("build", "image"):
            assert p.run(*argv, task, env=env) == Result(
                "",
                f"pyrun: {told} names the engine `desk`, which is no address of one\n"
                f"  write {SHAPES}, or just `docker` or `podman`\n",
                2,
            )
    assert p.run("build", env={"DOCKER_HOST": "desk"}) == Result(
        "",
        f"pyrun: DOCKER_HOST names the engine `desk`, which is no address of one\n  write {SHAPES}\n",
        125,
    )


def test_one_that_accepts_and_never_answers_is_not_waited_for(project: MakeProject, folder: str) -> None:
    p = made(project)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{folder}/s")
        silent.listen()
        url = f"unix://{folder}/s"
        assert p.run("build", "--engine", url) == Result(
            "",
            f"pyrun: no container engine answers at {url}\n"
            "  no answer in 1 s (`--engine` names it)\n"
            f"  {TASKS}\n",
            125,
        )


def test_an_image_that_needs_no_engine_is_made_without_the_one_that_was_named(project: MakeProject) -> None:
    p = made(project)
    for why in ("", "image: up to date (1 source and the image as in the last run)\n"):
        result = p.run("image", "--engine", "unix:///none")
        told = "pyrun: the image is not loaded: no container engine answers at unix:///none\n"
        assert result.code == 0
        assert sorted(result.stderr.splitlines(keepends=True)[: 2 if why else 1]) == sorted(
            [told, why] if why else [told]
        )
        assert result.stderr.endswith("\nin .pyrun/images\n")
    result = p.run("image", env={"DOCKER_HOST": "unix:///none"})
    assert "not loaded" not in result.stderr
    assert result.stderr.endswith("\nin .pyrun/images\n")


def test_what_runs_on_the_host_asks_no_engine(project: MakeProject) -> None:
    p = made(project)
    result = p.run("build", "--in", "host", "--engine", "unix:///none")
    assert result == Result("built\n", "build $ echo built\n", 0)
