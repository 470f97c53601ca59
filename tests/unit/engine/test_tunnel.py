import os
import socket
import tempfile
from collections.abc import Iterator

import pytest

from runner.engine.tunnel import Tunnel, private_folder


class Echo(Tunnel):
    """Gives back the first thing it hears."""

    def _carry(self, near: socket.socket) -> None:
        with near:
            near.sendall(near.recv(100))

    def _end(self) -> None:
        """Nothing is carried on any longer."""


@pytest.fixture
def runtime() -> Iterator[str]:
    """A folder of the test's own, for this user alone, whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="pyt", dir="/tmp") as folder:
        yield folder


def test_tunnels_stand_side_by_side_and_leave_nothing(runtime: str) -> None:
    tunnels = [Echo({"XDG_RUNTIME_DIR": runtime}) for _ in range(3)]
    assert sorted(os.listdir(f"{runtime}/pyrun")) == ["engine", "engine-2", "engine-3"]
    assert os.stat(f"{runtime}/pyrun").st_mode & 0o777 == 0o700
    for tunnel in tunnels:
        with socket.socket(socket.AF_UNIX) as near:
            near.connect(tunnel.path)
            near.sendall(b"hello")
            assert near.recv(10) == b"hello"
        tunnel.close()
    assert os.listdir(runtime) == []


def test_what_a_killed_one_has_left_is_removed_by_the_next(runtime: str) -> None:
    for name in ("engine", "engine-2"):
        os.makedirs(f"{runtime}/pyrun/{name}")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(f"{runtime}/pyrun/{name}/s")
    tunnel = Echo({"XDG_RUNTIME_DIR": runtime})
    assert os.listdir(f"{runtime}/pyrun") == ["engine"]
    tunnel.close()
    assert os.listdir(runtime) == []


def test_the_folder_is_the_users_own(runtime: str) -> None:
    top = runtime
    own = f"{top}/pyrun-{os.geteuid()}"
    os.mkdir(f"{top}/open")
    os.chmod(f"{top}/open", 0o755)
    # Others may look into this one.
    assert private_folder({"XDG_RUNTIME_DIR": f"{top}/open", "TMPDIR": top}) == own
    os.chmod(own, 0o777)
    assert private_folder({"TMPDIR": top}) == own
    assert os.stat(own).st_mode & 0o777 == 0o700
    os.rmdir(own)
    # Somebody else could have put a link there.
    os.symlink(f"{top}/open", own)
    found = private_folder({"TMPDIR": top})
    assert found.startswith(f"{top}/pyrun-")
    assert found != own
    assert os.stat(found).st_mode & 0o777 == 0o700


def test_a_long_folder_would_make_the_sockets_path_too_long(runtime: str) -> None:
    long = f"{runtime}/{'x' * 100}"
    os.mkdir(long, 0o700)
    folder = private_folder({"XDG_RUNTIME_DIR": long, "TMPDIR": long})
    assert len(folder) < 75
    if not os.listdir(folder):
        os.rmdir(folder)
