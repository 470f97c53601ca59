"""Real registries for the tests: each in a folder of its own, on a port that is free, gone at its end.

Two programs of the field: Debian's `docker-registry`, which is of the specification's first version, and the
present one, built from its module, which keeps what is attached to images. Where they have neither password nor
TLS nor tokens of their own, they are as they come.
"""

import base64
import contextlib
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from tests.engine.go_programs import known_program

_SECONDS = 60
_LISTENING = re.compile(r"listening on 127\.0\.0\.1:(\d+)")


class RealRegistry:
    """A registry that answers.

    Args:
        port: Where it listens, on 127.0.0.1.
        folder: Where it keeps what it has.
        lines: What it writes to its log, as it grows.
        scheme: `http` or `https`.
    """

    def __init__(self, port: int, folder: str, lines: list[str], scheme: str) -> None:
        self.port = port
        self.folder = folder
        self.lines = lines
        self.scheme = scheme

    @property
    def host(self) -> str:
        """Its name and port, as images are named by."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The beginning of its URLs."""
        return f"{self.scheme}://{self.host}"

    def heard(self) -> int:
        """How many lines it has written of requests that were answered before this, this one's own left out."""
        mark = f"heard-{uuid.uuid4().hex}"
        context = ssl._create_unverified_context() if self.scheme == "https" else None  # noqa: SLF001 - ours
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"{self.url}/v2/?{mark}", context=context).close()
        deadline = time.monotonic() + _SECONDS
        # What it writes comes a moment after what it answers.
        while not any(mark in line and "response completed" in line for line in self.lines):
            assert time.monotonic() < deadline, "the registry writes nothing of what it is asked"
            time.sleep(0.01)
        return sum("heard-" not in line for line in self.lines)

    def repositories(self) -> dict[str, tuple[str, ...]]:
        """The repositories that it has, and the tags of each."""
        top = f"{self.folder}/data/docker/registry/v2/repositories"
        found = {}
        for folder, names, _ in os.walk(top):
            if "_manifests" in names:
                tags = f"{folder}/_manifests/tags"
                known = sorted(os.listdir(tags)) if os.path.isdir(tags) else []
                # A tag whose link is not written yet leads nowhere.
                linked = [tag for tag in known if os.path.exists(f"{tags}/{tag}/current/link")]
                found[os.path.relpath(folder, top)] = tuple(linked)
        return found


def old_program() -> list[str]:
    """Debian's registry."""
    found = shutil.which("docker-registry")
    assert found, "these tests need `docker-registry`: apt-get install docker-registry"
    return [found, "serve"]


def new_program() -> list[str]:
    """The present registry."""
    return [known_program("registry"), "serve"]


@contextlib.contextmanager
def registry(
    program: list[str],
    *,
    auth: Mapping[str, Any] | None = None,
    tls: tuple[str, str] | None = None,
) -> Iterator[RealRegistry]:
    """A registry, as long as it is needed.

    Args:
        program: What `old_program` or `new_program` gives.
        auth: The part `auth` of its settings.
        tls: The files with its certificate and its key.
    """
    with tempfile.TemporaryDirectory(prefix="pyrun-registry.") as folder:
        http: dict[str, Any] = {"addr": "127.0.0.1:0", "secret": "the tests' own"}
        if tls is not None:
            http["tls"] = {"certificate": tls[0], "key": tls[1]}
        settings: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "info", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": f"{folder}/data"}, "delete": {"enabled": True}},
            "http": http,
        }
        if auth is not None:
            settings["auth"] = dict(auth)
        with open(f"{folder}/config.yml", "w", encoding="utf-8") as file:
            # JSON is YAML, too.
            json.dump(settings, file)
        environ = {"PATH": os.environ["PATH"], "HOME": folder, "OTEL_TRACES_EXPORTER": "none"}
        process = subprocess.Popen(
            [*program, f"{folder}/config.yml"],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield _listening(process, folder, "http" if tls is None else "https")
        finally:
            process.terminate()
            process.wait(_SECONDS)


def _listening(process: "subprocess.Popen[str]", folder: str, scheme: str) -> RealRegistry:
    """The registry, once it listens; its log is read for as long as it lives."""
    lines: list[str] = []
    port: list[int] = []
    heard = threading.Event()

    def read() -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                lines.append(line)
                if not port and (found := _LISTENING.search(line)):
                    port.append(int(found[1]))
                    heard.set()
        heard.set()

    threading.Thread(target=read, daemon=True).start()
    assert heard.wait(_SECONDS), "the registry says nothing"
    assert port, f"the registry has ended:\n{''.join(lines)}"
    return RealRegistry(port[0], folder, lines, scheme)


def docker_config(folder: str, host: str, user: str, password: str) -> dict[str, str]:
    """The variables of a user who has logged in, with the file in which it stands.

    Args:
        folder: Where the file is written.
        host: The registry.
        user: The user's name.
        password: The password.
    """
    os.makedirs(folder, exist_ok=True)
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    with open(f"{folder}/config.json", "w", encoding="utf-8") as file:
        json.dump({"auths": {host: {"auth": auth}}}, file)
    return {"DOCKER_CONFIG": folder}
