"""Programs on PATH."""

import os

from runner.system.file_states import signature
from runner.system.witness import WITNESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


def find_program(name: str, environ: "Mapping[str, str]", folder: str) -> str | None:
    """Where a program is found; None if it is nowhere.

    Args:
        name: Its name, or a path.
        environ: The variables it is started with: their PATH counts.
        folder: The working folder that relative paths begin at, absolute.
    """
    if "/" in name:
        path = os.path.join(folder, name)
        WITNESS.saw(path)
        return path if os.path.exists(path) else None
    for entry in (environ.get("PATH") or DEFAULT_PATH).split(":"):
        path = os.path.join(folder, entry, name)
        WITNESS.saw(path)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None


class ProgramIdentities:
    """Which programs names stand for, as texts that change when the program does; each looked up once.

    Args:
        folder: The folder that relative entries of PATH begin at, absolute.
    """

    __slots__ = ("_folder", "_known")

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._known: dict[tuple[str, str, str], str] = {}

    def identity(self, name: str, environ: "Mapping[str, str]", folder: str) -> str | None:
        """The path and stat, links followed, of the program of that name; None if there is none.

        Args:
            name: Its name, or a path.
            environ: The variables it is started with.
            folder: The working folder that it is started in, relative to this one's own.
        """
        key = (name, environ.get("PATH", ""), folder if "/" in name else "")
        found = self._known.get(key)
        if found is None:
            path = find_program(name, environ, os.path.join(self._folder, folder))
            found = self._known[key] = "" if path is None else f"{path} {signature(path)}"
        return found or None
