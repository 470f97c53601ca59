"""A tree over a real folder, for tests that compare with a real program."""

import os
from pathlib import Path  # noqa: TID251 - a test's start may cost what it likes

from runner.plan.facts import FILE, FOLDER, LINK_TO_FOLDER, OTHER


class DiskTree:
    """The files beneath `root`, asked for anew each time."""

    def __init__(self, root: "os.PathLike[str] | str") -> None:
        self.root = Path(root)

    def names(self, folder: str) -> dict[str, str] | None:
        try:
            with os.scandir(self.root / folder) as entries:
                return {entry.name: _kind(entry) for entry in entries}
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read(self, path: str) -> bytes | None:
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None


def _kind(entry: "os.DirEntry[str]") -> str:
    if entry.is_dir():
        return LINK_TO_FOLDER if entry.is_symlink() else FOLDER
    return FILE if entry.is_file() else OTHER
