"""Noticing that files change: the library `watchfiles` in a thread of its own, and a pipe that tells of it.

The thread only puts down what changed and writes a byte; who waits for the pipe takes it from there.
"""

import os
import threading

from runner.errors import RunError
from runner.system.state_folder import NAME
from runner.system.tree import DiskTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from watchfiles._rust_notify import RustNotify

_LONGEST, _QUIET = 400, 60
"""Milliseconds that changes are gathered for at the most, and after which nothing more is taken to come."""
_POLL = 300
"""Milliseconds between two looks at all files, where the system tells of no changes."""
_ADDED = 1
_SOON = 5.0
"""Seconds in which the thread has to end."""


class Watcher:
    """Tells what changes in a project until it is closed; from its making on nothing is missed.

    Args:
        top: The project's top folder, absolute.
        others: Files outside of it, absolute.
        environ: The caller's variables: `WATCHFILES_FORCE_POLLING` is among those that count.

    Attributes:
        reader: The end of a pipe that can be read from as long as there is something to take.

    Raises:
        RunError: The system can't tell of changes.
    """

    def __init__(self, top: str, others: "Iterable[str]", environ: "Mapping[str, str]") -> None:
        self._top = top
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._changes: dict[str, bool] = {}
        poll = environ.get("WATCHFILES_FORCE_POLLING", "").lower() not in {"", "false", "disable", "disabled"}
        around = sorted({os.path.dirname(path) for path in others} - {""})
        there = [folder for folder in around if os.path.isdir(folder)]
        notifiers = [_notifier([top], poll=poll, deep=True)]
        notifiers += [_notifier(there, poll=poll, deep=False)] if there else []
        self.reader, self._writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(self._writer, False)
        self._threads = [
            threading.Thread(target=self._follow, args=(notifier,), daemon=True) for notifier in notifiers
        ]
        for thread in self._threads:
            thread.start()

    def take(self) -> "list[tuple[str, bool]]":
        """The paths that changed since the last call, and of each whether it may be new.

        They are relative to the top folder, absolute where they lie outside of it.
        """
        try:
            while os.read(self.reader, 4096):
                pass
        except BlockingIOError:
            pass
        with self._lock:
            found, self._changes = self._changes, {}
        return list(found.items())

    def close(self) -> None:
        """Tell nothing any more."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_SOON)
        os.close(self.reader)
        os.close(self._writer)

    def _follow(self, notifier: "RustNotify") -> None:
        """In the thread: put down what changes, until told to stop."""
        while not self._stop.is_set():
            found = notifier.watch(_LONGEST, _QUIET, 0, self._stop)
            if not isinstance(found, str):
                self._put(found)
        notifier.close()

    def _put(self, found: "set[tuple[int, str]]") -> None:
        changes = [
            (short, kind == _ADDED)
            for kind, path in found
            if (short := self._short(path)) and f"{short}/".partition("/")[0] != NAME
        ]
        if not changes:
            return
        with self._lock:
            for path, added in changes:
                self._changes[path] = added or self._changes.get(path, False)
        try:
            os.write(self._writer, b".")
        except BlockingIOError:
            # There is enough in the pipe to be seen.
            return

    def _short(self, path: str) -> str:
        """A path relative to the top folder; empty for that folder itself."""
        if path == self._top:
            return ""
        inside = path.startswith(f"{self._top}/")
        return path[len(self._top) + 1 :] if inside else path


def _notifier(paths: "list[str]", *, poll: bool, deep: bool) -> "RustNotify":
    """What tells of changes in some folders.

    Raises:
        RunError: The system can't.
    """
    from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError  # noqa: PLC0415 - slow

    try:
        return RustNotify(paths, False, poll, _POLL, deep, True)
    except (OSError, WatchfilesRustInternalError) as error:
        raise RunError(
            f"this system can't watch the project's files: {error}",
            None,
            "raise `fs.inotify.max_user_watches` or `max_user_instances`,"
            " or set WATCHFILES_FORCE_POLLING=true to look at all files again and again",
        ) from None


class NotedTree(DiskTree):
    """The files of a project, with the folders that were asked for.

    Args:
        top: The project's top folder, absolute.

    Attributes:
        asked: The folders whose names were listed.
    """

    __slots__ = ("asked",)

    def __init__(self, top: str) -> None:
        super().__init__(top)
        self.asked: set[str] = set()

    def names(self, folder: str) -> "Mapping[str, str] | None":
        """What lies in a folder: name to kind; None if there is no such folder."""
        self.asked.add(folder)
        return super().names(folder)


def files_below(top: str, folder: str, enters: "Callable[[str], bool]") -> list[str]:
    """The files in a folder, in those below it too; links to folders are not followed.

    Args:
        top: The project's top folder, absolute.
        folder: The folder, relative to it.
        enters: Whether to look into a folder.
    """
    found: list[str] = []
    left = [folder]
    while left:
        place = left.pop()
        if not enters(place):
            continue
        try:
            with os.scandir(f"{top}/{place}") as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        left.append(f"{place}/{entry.name}")
                    else:
                        found.append(f"{place}/{entry.name}")
        except OSError:
            continue
    return found


def followed(top: str, paths: "Sequence[str]") -> frozenset[str]:
    """Some files, and what links lead to, as far as that is in the project.

    Args:
        top: The project's top folder, absolute.
        paths: The files, relative to it.
    """
    root = os.path.realpath(top)
    folders: dict[str, str] = {}
    found = set(paths)
    for path in paths:
        folder, _, name = path.rpartition("/")
        real = folders.get(folder)
        if real is None:
            real = folders[folder] = os.path.realpath(f"{root}/{folder}")
        full = f"{real}/{name}"
        for place in (full, os.path.realpath(full)) if os.path.islink(full) else (full,):
            if place.startswith(f"{root}/"):
                found.add(place[len(root) + 1 :])
    return frozenset(found)
