"""Which files and folders a reading depends on, so that what came of it can be kept as long as they stay."""

from runner.system.file_states import signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.system.tree import DiskTree


class AskedFiles:
    """Files of a project for one reading, each question noted.

    Args:
        tree: The project's files.

    Attributes:
        seen: The signature of each file and folder that was asked for, by its absolute path, from before it
            was read; empty for one that is not there.
    """

    __slots__ = ("_tree", "seen")

    def __init__(self, tree: "DiskTree") -> None:
        self._tree = tree
        self.seen: dict[str, str] = {}

    def names(self, folder: str) -> "Mapping[str, str] | None":
        """What lies in a folder: name to kind; None if there is no such folder."""
        self._note(folder)
        return self._tree.names(folder)

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, links followed; None if there is no such file."""
        self._note(path)
        return self._tree.read(path)

    def _note(self, path: str) -> None:
        full = self._tree.path(path)
        if full not in self.seen:
            self.seen[full] = signature(full) or ""
