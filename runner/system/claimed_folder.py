"""Folders for the time of one run.

As long as one is in use it is locked, so that what a killed run has left is known and removed by the next one.
"""

import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def remove_left(*bases: str) -> None:
    """Remove what lies in some folders and no run is at, and the folders too if that is all."""
    for base in bases:
        try:
            names = os.listdir(base)
        except OSError:
            continue
        for name in names:
            lock = _lock(f"{base}/{name}")
            if lock >= 0:
                remove_folder(f"{base}/{name}")
                os.close(lock)
        try:
            os.rmdir(base)
        except OSError:
            # Somebody is at something in it.
            continue


def claim(base: str, name: str) -> tuple[str, int]:
    """An empty folder that is ours as long as the descriptor is open."""
    number = 1
    while True:
        os.makedirs(base, exist_ok=True)
        folder = f"{base}/{name}" if number == 1 else f"{base}/{name}-{number}"
        try:
            os.mkdir(folder, 0o700)
        except FileNotFoundError:
            continue
        except FileExistsError:
            lock = _lock(folder)
            if lock >= 0:
                remove_folder(folder)
                os.close(lock)
            # Another run is at it, or it can't be removed.
            number += os.path.lexists(folder)
            continue
        lock = _lock(folder)
        if lock >= 0:
            return folder, lock


def _lock(folder: str) -> int:
    """A descriptor that holds the lock of a folder, or -1 if another one does or it is gone."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return -1
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), os.stat(folder)):
            return handle
    except OSError:
        pass
    os.close(handle)
    return -1


def remove_folder(folder: str) -> None:
    """Remove a folder and all in it, what its owner may not write in too; what can't be removed stays."""
    from shutil import rmtree  # noqa: PLC0415 - for those who ask for a tree only

    def allow(function: "Callable[[str], object]", path: str, _: object) -> None:
        try:
            os.chmod(os.path.dirname(path), 0o700)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
            function(path)
        except (OSError, TypeError):
            pass

    rmtree(folder, onerror=allow)
    if os.path.isdir(folder):
        rmtree(folder, ignore_errors=True)
