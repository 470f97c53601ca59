"""The example monorepo in a folder and a git repository of its own, for tests that work in it.

Go gets nothing of the user's settings, but the user's caches: what was compiled once is not compiled again.
"""

import functools
import http.client
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.features.conftest import Project, Result

SOURCE = os.path.join(os.path.dirname(__file__), "..", "examples", "payments")
SERVICES = ("gateway", "gmicro", "tmicro")
REPOSITORY = "registry.example.org/payments"
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
"""This machine's processor, as images name it."""
NO_ENGINE = "unix:///no-engine.sock"
BUILD_SECONDS = 600
"""The longest that a pyrun that compiles may take, with nothing in Go's cache."""
_LEAVING_SECONDS = 5
"""How long what has ended may take to be gone."""
_MADE = shutil.ignore_patterns("bin", ".pyrun", "data", "coverage.out", "*.pid")


class Example(Project):
    """A copy of the example monorepo, without what was made in it; pyrun finds no engine unless it is told of one.

    Args:
        folder: Where it and its home are made; as long as the tests like.
    """

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        super().__init__(folder)
        shutil.copytree(SOURCE, self.root, ignore=_MADE, dirs_exist_ok=True)
        self.git("init", "--quiet")
        self.commit("the services")

    def environ(self) -> dict[str, str]:
        return {**super().environ(), **_go_settings(), "DOCKER_HOST": NO_ENGINE}

    def git(self, *words: str) -> None:
        """Call git in it, without the user's settings."""
        environ = {**self.environ(), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *who, *words], cwd=self.root, env=environ, check=True)

    def commit(self, message: str) -> None:
        """Commit all that git does not ignore."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def pyrun(self, *argv: str, env: dict[str, str] | None = None) -> Result:
        """Call pyrun and wait as long as compiling may take."""
        running = self.start(*argv, env=env, memory=None)
        running.process.wait(BUILD_SECONDS)
        return running.result()

    def done(self, *argv: str, env: dict[str, str] | None = None) -> Result:
        """The same for what must succeed."""
        result = self.pyrun(*argv, env=env)
        assert result.code == 0, result.stderr
        return result

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the one place in a file where a text stands."""
        text = self.read(name)
        assert text.count(old) == 1, f"{name} has {old!r} {text.count(old)} times"
        self.write(name, text.replace(old, new))

    def image(self, service: str) -> str:
        """An image in the layout as skopeo names it."""
        return f"oci:{self.root}/.pyrun/images:{REPOSITORY}/{service}:latest"

    def manifest(self, service: str) -> tuple[str, dict[str, Any]]:
        """The digest and the manifest of an image in the layout."""
        index = json.loads(self.read(".pyrun/images/index.json"))
        name = f"{REPOSITORY}/{service}:latest"
        (digest,) = (
            entry["digest"]
            for entry in index["manifests"]
            if entry["annotations"]["org.opencontainers.image.ref.name"] == name
        )
        manifest: dict[str, Any] = json.loads(self.read(self.blob(digest)))
        return digest, manifest

    def blob(self, digest: str) -> str:
        """The path of a blob."""
        return f".pyrun/images/blobs/{digest.replace(':', '/')}"


@contextmanager
def example(folder: str) -> Iterator[Example]:
    """A copy for a test, at whose end nothing may run in it any longer."""
    one = Example(folder)
    try:
        yield one
        deadline = time.monotonic() + _LEAVING_SECONDS
        while one.left() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not one.left(), "these were left running"
    finally:
        one.end_all()


@functools.cache
def _go_settings() -> dict[str, str]:
    assert shutil.which("go"), "these tests compile: install Go 1.24 or newer"
    names = ("GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB")
    done = subprocess.run(["go", "env", "-json", *names], capture_output=True, check=True)
    return {**json.loads(done.stdout), "GOENV": "off", "GOTOOLCHAIN": "local"}


def ask(port: int, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """The status and the JSON that a service on this machine answers with.

    Raises:
        OSError: Nobody answers.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def healthy(port: int, service: str) -> bool:
    """Whether that service answers there."""
    try:
        return ask(port, "GET", "/healthz") == (200, {"status": "ok", "service": service})
    except (OSError, http.client.HTTPException):
        return False


def serves_groups(port: int) -> str:
    """Create a group at a service and find it listed; its id."""
    asked = {"name": "Trip", "members": ["ann", "bob"]}
    status, group = ask(port, "POST", "/groups", asked)
    assert status == 201
    assert {name: group[name] for name in asked} == asked
    status, listed = ask(port, "GET", "/groups")
    assert status == 200
    assert group in listed
    found: str = group["id"]
    return found
