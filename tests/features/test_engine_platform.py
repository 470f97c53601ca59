"""Images are made for what the engine runs on that gets them: an engine elsewhere says so, once."""

import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.features.conftest import MakeProject, Project
from tests.features.test_platforms import BOTH, FILES, HERE, MINE, NAME, OTHER, THEIRS, content, images


class Handler(BaseHTTPRequestHandler):
    """Answers as an engine does, as far as pyrun asks."""

    protocol_version = "HTTP/1.1"
    server: "Far"

    def do_GET(self) -> None:
        """Answer a question."""
        self.server.asked.append(self.path)
        if self.path == "/_ping":
            self.answer(200, b"OK")
        elif self.path == "/version":
            self.answer(200, json.dumps({"Os": "linux", "Arch": self.server.arch}).encode())
        else:
            name = self.path.removeprefix("/images/").removesuffix("/json")
            found = self.server.images.get(name)
            self.answer(404 if found is None else 200, json.dumps({"Id": found}).encode())

    def do_POST(self) -> None:
        """Take an image."""
        self.server.asked.append("load")
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            documents: dict[str, Any] = {}
            for name in ("manifest.json",):
                file = tar.extractfile(name)
                assert file is not None
                documents[name] = json.load(file)
            for image in documents["manifest.json"]:
                file = tar.extractfile(image["Config"])
                assert file is not None
                self.server.loaded.append(json.load(file)["architecture"])
                digest = f"sha256:{image['Config'].rpartition('/')[2]}"
                self.server.images |= dict.fromkeys(image["RepoTags"], digest)
        self.answer(200, b"{}")

    def answer(self, status: int, body: bytes) -> None:
        """Send it."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        """Nobody reads it."""


class Far(ThreadingHTTPServer):
    """An engine elsewhere.

    Attributes:
        arch: What it runs on.
        asked: What it was asked.
        loaded: The architectures of images that it was given.
        images: Those that it has: ids by name.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.daemon_threads = True
        self.arch = OTHER
        self.asked: list[str] = []
        self.loaded: list[str] = []
        self.images: dict[str, str] = {}

    def taken(self) -> list[str]:
        """What it was asked since this was asked last, apart from whether it is there."""
        found, self.asked = [one for one in self.asked if one != "/_ping"], []
        return found


@pytest.fixture
def far() -> Iterator[Far]:
    with Far() as one:
        thread = threading.Thread(target=one.serve_forever)
        thread.start()
        yield one
        one.shutdown()
        thread.join()


def call(p: Project, far: Far, *words: str) -> str:
    """What is told of a call that succeeds with this engine, without the table at its end."""
    result = p.run("image", *words, env={"DOCKER_HOST": f"tcp://127.0.0.1:{far.server_address[1]}"})
    assert result.code == 0, result.stderr
    return result.stderr.partition("\nIMAGE ")[0]


def test_an_image_is_for_what_the_engine_runs_on_which_is_asked_once(project: MakeProject, far: Far) -> None:
    p = project(FILES)
    call(p, far)
    assert images(p) == {THEIRS: content(OTHER)}
    assert far.loaded == [OTHER]
    assert p.files() == ["got.txt", "in.txt", "main.txt", "tasks.yml"]
    far.taken()
    assert call(p, far) == f"image [{THEIRS}]: up to date (1 dep and the image as in the last run)\n"
    # Only whether it has the image still.
    assert far.taken() == [f"/images/{NAME}:latest/json"]


def test_an_engine_that_became_another_one_is_found_out_when_it_gets_an_image(
    project: MakeProject, far: Far
) -> None:
    p = project(FILES)
    call(p, far)
    far.arch, far.images = HERE, {}
    shown = f"tcp://127.0.0.1:{far.server_address[1]}"
    assert call(p, far) == (
        f"pyrun: `{NAME}:latest` is for {THEIRS}, and the engine at {shown} runs {MINE}, so it is not loaded; "
        "`--load` gives it to it all the same\n"
        f"image [{THEIRS}]: up to date (1 dep and the image as in the last run)\n"
    )
    call(p, far)
    assert images(p) == {MINE: content(HERE)}
    assert far.loaded == [OTHER, HERE]


def test_of_an_index_an_engine_gets_the_image_for_what_it_runs_on(project: MakeProject, far: Far) -> None:
    p = project(FILES)
    call(p, far, "--platform", BOTH)
    assert far.loaded == [OTHER]
    far.taken()
    call(p, far, "--platform", BOTH)
    assert far.loaded == [OTHER]
    assert far.taken() == [f"/images/{NAME}:latest/json"]


def test_an_image_for_something_else_is_given_to_an_engine_only_if_that_is_asked_for(
    project: MakeProject, far: Far
) -> None:
    p = project(FILES)
    shown = f"tcp://127.0.0.1:{far.server_address[1]}"
    told = (
        f"pyrun: `{NAME}:latest` is for {MINE}, and the engine at {shown} runs {THEIRS}, so it is not loaded; "
        "`--load` gives it to it all the same\n"
    )
    assert told in call(p, far, "--platform", MINE)
    assert far.loaded == []
    call(p, far, "--platform", MINE, "--load")
    assert far.loaded == [HERE]
    assert told not in call(p, far, "--platform", MINE)
    neither = ("--platform", "linux/riscv64,linux/s390x", "--load", "-q")
    result = p.run("image", *neither, env={"DOCKER_HOST": shown})
    assert result.code == 1
    assert result.stderr == (
        f"pyrun: `{NAME}:latest` is for linux/riscv64, linux/s390x, and the engine at {shown} runs {THEIRS}\n"
        "  leave `--load` out, or make it for that platform with `--platform`\n"
    )


@pytest.mark.parametrize("flag", [("--no-load",), ("--save", "x.tar")])
def test_an_engine_that_gets_no_image_is_not_asked(
    project: MakeProject, far: Far, flag: tuple[str, ...]
) -> None:
    p = project(FILES)
    call(p, far, *flag)
    assert images(p) == {MINE: content(HERE)}
    assert far.asked == []
