"""The files of a project, each folder read once."""

import os
from stat import S_ISDIR, S_ISREG

from runner.plan.facts import FILE, FOLDER, LINK_TO_FOLDER, OTHER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class DiskTree:
    """The tree below a folder, as `runner.plan.facts.Tree` describes it.

    What a folder holds is remembered until `forget` is called, so between two calls the answers are of one
    moment for each folder.

    Args:
        top: The project's top folder, absolute.
    """

    __slots__ = ("_known", "top")

    def __init__(self, top: str) -> None:
        self.top = top
        self._known: dict[str, dict[str, str] | None] = {}

    def names(self, folder: str) -> "Mapping[str, str] | None":
        """What lies in a folder: name to kind; None if there is no such folder."""
        if folder in self._known:
            return self._known[folder]
        try:
            with os.scandir(self.path(folder)) as entries:
                found = {entry.name: _kind(entry) for entry in entries}
        except OSError:
            self._known[folder] = None
            return None
        self._known[folder] = found
        return found

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, links followed; None if there is no such file."""
        try:
            with open(self.path(path), "rb", buffering=0) as file:
                return file.read()
        except OSError:
            return None

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder, links followed."""
        return os.path.exists(self.path(path))

    def path(self, path: str) -> str:
        """A path from the top as one for the system."""
        if path.startswith("/"):
            return path
        return f"{self.top}/{path}" if path else self.top

    def forget(self) -> None:
        """Take nothing that was read for granted any longer."""
        self._known.clear()


def _kind(entry: "os.DirEntry[str]") -> str:
    if entry.is_file(follow_symlinks=False):
        return FILE
    if entry.is_dir(follow_symlinks=False):
        return FOLDER
    try:
        mode = entry.stat().st_mode
    except OSError:
        return OTHER
    return FILE if S_ISREG(mode) else LINK_TO_FOLDER if S_ISDIR(mode) else OTHER
