"""A real container engine for the tests that need one: the user's, or one that lives as long as the run."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator

import pytest

from runner.engine.docker import Engine, find_engine

_SECONDS = 60


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """An engine that answers."""
    found = find_engine(os.environ)
    if found is not None:
        yield found
        return
    with _started() as started:
        yield started


@contextlib.contextmanager
def _started() -> Iterator[Engine]:
    dockerd = shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin")
    assert dockerd, "these tests need a container engine: apt-get install docker.io iptables"
    assert os.geteuid() == 0, "no container engine answers, and only root can start one: set DOCKER_HOST"
    # The paths of the sockets within must stay short.
    folder = tempfile.mkdtemp(prefix="pye", dir="/tmp")
    socket = f"unix://{folder}/d.sock"
    argv = [
        dockerd,
        f"--data-root={folder}/data",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/d.pid",
        f"--host={socket}",
    ]
    with open(f"{folder}/log", "wb") as log, subprocess.Popen(argv, stdout=log, stderr=log) as process:
        try:
            yield _answering(socket, process, f"{folder}/log")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
    _remove(folder)


def _answering(socket: str, process: "subprocess.Popen[bytes]", log: str) -> Engine:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end and process.poll() is None:
        found = find_engine({"DOCKER_HOST": socket})
        if found is not None:
            return found
        time.sleep(0.1)
    with open(log, errors="replace") as file:
        pytest.fail(f"dockerd does not answer; its last words:\n{file.read()[-3000:]}")


def _remove(folder: str) -> None:
    """Removes the engine's folders, and first what it left mounted in them."""
    with open("/proc/self/mounts") as file:
        points = [line.split()[1] for line in file]
    for point in sorted(points, reverse=True):
        if point.startswith(f"{folder}/"):
            subprocess.run(["umount", "-l", point], check=False)
    shutil.rmtree(folder, ignore_errors=True)
