"""The files of a project, each folder read once."""

import os
from stat import S_ISDIR, S_ISREG

from runner.plan.facts import FILE, FOLDER, LINK_TO_FOLDER, OTHER
from runner.system.file_states import settled
from runner.system.witness import WITNESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class DiskTree:
    """The tree below a folder, as `runner.plan.facts.Tree` describes it.

    What a folder holds is remembered until `forget` is called, so between two calls the answers are of one
    moment for each folder. From then on a folder whose own stat is as it was, and which had not just been changed
    when it was read, still holds what it held; one with links in it is read again, since what they lead to may
    have become a folder.

    Args:
        top: The project's top folder, absolute.
    """

    __slots__ = ("_known", "_moment", "top")

    def __init__(self, top: str) -> None:
        self.top = top
        self._moment = 0
        self._known: dict[str, tuple[int, tuple[int, ...], dict[str, str] | None]] = {}

    def names(self, folder: str) -> "Mapping[str, str] | None":
        """What lies in a folder: name to kind; None if there is no such folder."""
        known = self._known.get(folder)
        if known is not None and known[0] == self._moment:
            return known[2]
        path = self.path(folder)
        WITNESS.saw(path)
        stat = _stat(path)
        if known is not None and known[1] and known[1] == stat:
            self._known[folder] = (self._moment, *known[1:])
            return known[2]
        found, links = _names(path)
        self._known[folder] = (self._moment, stat if settled(stat) and not links else (), found)
        return found

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, links followed; None if there is no such file."""
        WITNESS.saw(self.path(path))
        try:
            with open(self.path(path), "rb", buffering=0) as file:
                return file.read()
        except OSError:
            return None

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder, links followed."""
        WITNESS.saw(self.path(path))
        return os.path.exists(self.path(path))

    def path(self, path: str) -> str:
        """A path from the top as one for the system."""
        if path.startswith("/"):
            return path
        return f"{self.top}/{path}" if path else self.top

    def forget(self) -> None:
        """Take nothing that was read for granted any longer."""
        self._moment += 1


def _stat(path: str) -> "tuple[int, ...]":
    """What changes when a name in a folder comes or goes; nothing if there is no such folder."""
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def _names(path: str) -> "tuple[dict[str, str] | None, bool]":
    """What lies in a folder, name to kind, None if there is no such folder; and whether a link is among it."""
    found: dict[str, str] = {}
    links = False
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    found[entry.name] = FILE
                elif entry.is_dir(follow_symlinks=False):
                    found[entry.name] = FOLDER
                else:
                    found[entry.name] = _kind(entry)
                    links = True
    except OSError:
        return None, False
    return found, links


def _kind(entry: "os.DirEntry[str]") -> str:
    """What a link leads to, or what else is neither file nor folder."""
    try:
        mode = entry.stat().st_mode
    except OSError:
        return OTHER
    return FILE if S_ISREG(mode) else LINK_TO_FOLDER if S_ISDIR(mode) else OTHER
