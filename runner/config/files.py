"""How decoding asks for the files that a file names; the caller brings the answers."""

from collections.abc import Mapping
from typing import Protocol


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
