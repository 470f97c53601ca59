"""How planning asks about the world it may not touch.

Planning asks, `runner.system` answers, a test answers from a dictionary. Paths are relative to the project's
top folder, with `/` between names; the top folder itself is the empty text. None of these calls changes
anything, and none starts a process but `output` and `succeeds`, which run what a file says for that purpose.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Protocol

    from runner.model.project import Head
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

    def variable(self, name: str, head: "Head") -> str | None:
        """What a variable is set to for the tasks of a file; None if it is not set."""

    def origin(self, name: str, head: "Head") -> str:
        """Who set a variable, in words: the caller, or a file with a line."""

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder, links followed; `path` may be absolute."""

    def output(self, argv: "Sequence[str]", folder: str, head: "Head") -> str | None:
        """What a program writes to its stdout, blanks at both ends taken off; None if nothing may run now.

        Args:
            argv: Its name and words.
            folder: The folder it runs in.
            head: The file whose variables it gets.

        Raises:
            RunError: It can't be started or fails.
        """

    def succeeds(self, argv: "Sequence[str]", folder: str, head: "Head") -> bool | None:
        """Whether a program ends well; None if nothing may run now."""

    def platform(self) -> "Platform":
        """The platform of this machine, in the words of the OCI specification."""

    def platform_names(self) -> "Mapping[str, str]":
        """`TARGETOS`, `TARGETARCH`, `TARGETVARIANT`, `TARGETPLATFORM` and `BUILDPLATFORM` with their values."""
