"""What the work needs of the rest, as protocols; `runner.cli.session` brings what fulfils them."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Protocol

    from runner.events import ImageReady
    from runner.plan.action import Action
    from runner.plan.file_state import FileState, LogEntry
else:
    Protocol = object


class Log(Protocol):
    """What ran last, and with which digests."""

    def entry(self, name: str) -> "LogEntry | None":
        """What is recorded of an action; None if nothing is."""

    def record(self, entry: "LogEntry") -> None:
        """Keep what the last good run of an action was."""

    def durations(self) -> "Mapping[str, int]":
        """How long the last good run of each action took, in milliseconds."""


class Programs(Protocol):
    """The programs of this machine."""

    def identity(self, name: str, environ: "Mapping[str, str]", folder: str) -> str | None:
        """A text that changes when the program of that name, seen from a folder, does; None if there is none."""


class Images(Protocol):
    """Where images are made and kept."""

    def base_digest(self, action: "Action") -> str:
        """What identifies the base that an image stands on now, and the time that its files get.

        Raises:
            RunError: It is not there.
        """

    def make(
        self, action: "Action", copies: "Sequence[Sequence[FileState]]"
    ) -> "tuple[ImageReady, FileState]":
        """Make an image from files in this order, one list a `copy`; how it is recorded comes with it."""

    def ready(self, action: "Action", recorded: "Sequence[FileState]", why: str) -> "ImageReady | None":
        """The image that is recorded, if it is still there and has its names; None if it is not."""
