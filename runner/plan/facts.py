"""How planning asks about the world it may not touch.

Planning asks, `runner.system` answers, a test answers from a dictionary. Paths are relative to the project's
top folder, with `/` between names; the top folder itself is the empty text. None of these calls changes
anything or starts a process.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from runner.plan.platform import Platform
else:
    Protocol = object

FILE = "f"
FOLDER = "d"
LINK_TO_FOLDER = "l"
OTHER = "o"


class Tree(Protocol):
    """The files of a project, read only."""

    def names(self, folder: str) -> "Mapping[str, str] | None":
        """What lies in a folder: name to kind; None if there is no such folder.

        The kind is FILE (also a link to one), FOLDER, LINK_TO_FOLDER, or OTHER (a socket, a device, a link
        that leads nowhere).
        """

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, links followed; None if there is no such file."""


class Facts(Protocol):
    """All that planning may ask."""

    @property
    def tree(self) -> Tree:
        """The files of the project."""

    def variable(self, name: str) -> str | None:
        """What a variable of the caller is set to; None if it is not set."""

    def platform(self) -> "Platform":
        """The platform of this machine, in the words of the OCI specification."""

    def platform_names(self) -> "Mapping[str, str]":
        """`TARGETOS`, `TARGETARCH`, `TARGETVARIANT`, `TARGETPLATFORM` and `BUILDPLATFORM` with their values."""
