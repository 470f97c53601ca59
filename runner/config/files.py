"""How decoding asks for the files that a file names; the caller brings the answers."""

from collections.abc import Mapping
from typing import Protocol

FILE_NAMES = ("tasks.yml", "tasks.yaml", "tusk.yml", "tusk.yaml")
"""What a folder's own file may be called, the first one first."""


class Files(Protocol):
    """Files by their path relative to the folder of the top file, with `/` between names."""

    def names(self, folder: str) -> Mapping[str, str] | None:
        """What lies in a folder: name to kind, `d` and `l` being folders; None if there is no such folder."""

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, links followed; None if there is no such file."""


class NoFiles:
    """A world without files."""

    def names(self, folder: str) -> Mapping[str, str] | None:  # noqa: ARG002 - the protocol's
        """None: there is no folder."""
        return None

    def read(self, path: str) -> bytes | None:  # noqa: ARG002 - the protocol's
        """None: there is no file."""
        return None


def joined(folder: str, path: str) -> str:
    """A path that is written in a file of a folder, relative to the top, `.` and `..` resolved.

    An absolute path stays one. `..` that lead out of the top stay at its beginning.
    """
    if path.startswith("/"):
        return path
    names: list[str] = []
    for name in f"{folder}/{path}".split("/"):
        if name == ".." and names and names[-1] != "..":
            names.pop()
        elif name not in {"", "."}:
            names.append(name)
    return "/".join(names)
