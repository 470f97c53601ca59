"""A socket of this machine that leads to an engine elsewhere.

Whoever connects to it speaks with the engine, and need not know of TLS or SSH. It stands in a folder that only the
user can enter, and is gone with the process; what a killed one has left, the next one removes.
"""

import atexit
import os
import signal
import socket
import stat
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping

from runner.system.claimed_folder import claim, remove_folder, remove_left

_LONGEST_FOLDER = 75
"""Characters: the path of a socket may have some hundred in all."""
_SAYING_SECONDS = 1.0
"""How long what has failed may take to say why."""


class Tunnel(ABC):
    """A socket whose connections are carried on; how, a tunnel of each kind knows.

    Args:
        environ: The caller's variables.

    Attributes:
        path: The socket.

    Raises:
        OSError: It can't be made.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._base = private_folder(environ)
        self._folder, self._lock = claim(self._base, "engine")
        # Another run, at its end, may have removed the folder above it just before.
        if not _made_private(self._base):
            os.close(self._lock)
            raise OSError(f"`{self._base}` is not for this user alone")
        remove_left(self._base)
        self.path = f"{self._folder}/s"
        self._closed = False
        self._closing = threading.Lock()
        self._words = ""
        self._spoke = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(128)
        atexit.register(self.close)
        self._thread = threading.Thread(target=self._serve, name="pyrun-tunnel", daemon=True)
        self._thread.start()

    def said(self) -> str:
        """Why a connection failed of late; empty if none did. Waits a moment for one that has only just failed."""
        self._spoke.wait(_SAYING_SECONDS)
        return self._words

    def close(self) -> None:
        """End all connections, and leave nothing."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        atexit.unregister(self.close)
        # The thread that waits for a connection gets one.
        with socket.socket(socket.AF_UNIX) as last:
            try:
                last.connect(self.path)
            except OSError:
                # It has ended by itself.
                pass
            self._thread.join()
        self._listener.close()
        self._end()
        remove_folder(self._folder)
        os.close(self._lock)
        remove_left(self._base)

    def _serve(self) -> None:
        # Signals are the main thread's, which may be waiting for one.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._closed:
                connection.close()
                return
            self._carry(connection)

    @abstractmethod
    def _carry(self, near: socket.socket) -> None:
        """Carry a connection on, and return at once; `near` is the tunnel's from now on."""

    @abstractmethod
    def _end(self) -> None:
        """End what was carried on."""

    def _tell(self, words: str) -> None:
        """Note why a connection failed."""
        self._words = words
        self._spoke.set()


def private_folder(environ: Mapping[str, str]) -> str:
    """A folder with a short path that nobody but this user can enter; made if it is not there.

    Args:
        environ: The caller's variables.

    Raises:
        OSError: None can be made.
    """
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime and _is_private(runtime):
        return f"{runtime}/pyrun"
    top = environ.get("TMPDIR", "")
    if not top.startswith("/") or len(top) > _LONGEST_FOLDER or not os.path.isdir(top):
        top = "/tmp"  # noqa: S108 - what is made in it is looked at before it is used
    folder = f"{top.rstrip('/')}/pyrun-{os.geteuid()}"
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    # Somebody else may have made it, to see what is put in it.
    return folder if _made_private(folder) else tempfile.mkdtemp(prefix="pyrun-", dir=top)


def _made_private(folder: str) -> bool:
    """See that only this user can enter a folder; False if it is somebody else's."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if os.fstat(handle).st_uid == os.geteuid():
            os.fchmod(handle, 0o700)
            return True
        return False
    finally:
        os.close(handle)


def _is_private(folder: str) -> bool:
    """Whether a path is a folder, and no link to one, that only this user can enter, and short enough."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    mine = found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077
    return stat.S_ISDIR(found.st_mode) and mine and len(folder) <= _LONGEST_FOLDER
