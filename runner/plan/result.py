"""What an action has made, as the store knows it. A frozen value, no behaviour."""

from runner.model.record import Record
from runner.plan.file_state import FileState


class Result(Record):
    """What an action has left, and how that came about.

    Paths are relative to the project's top folder.

    Args:
        key: The key that it is kept under.
        files: The files, links to files among them, as they will be seen; without signature.
        links: The symbolic links, each with where it leads to, as it is written in it.
        folders: The target folders and all folders in them.
        log: The SHA-256 of the log of what the action wrote, as hexadecimal digits; empty where that is not kept.
        milliseconds: How long it took.
        made: `host`, `sandbox` or `hermetic`.
        only_in: The one project, by its absolute path, that it may be restored in, since that path stands in a
            target; empty for any.
    """

    FIELDS = ("key", "files", "links", "folders", "log", "milliseconds", "made", "only_in")
    __slots__ = FIELDS

    def __init__(
        self,
        key: str,
        files: tuple[FileState, ...],
        links: tuple[tuple[str, str], ...],
        folders: tuple[str, ...],
        log: str,
        milliseconds: int,
        made: str,
        only_in: str,
    ) -> None:
        self.key = key
        self.files = files
        self.links = links
        self.folders = folders
        self.log = log
        self.milliseconds = milliseconds
        self.made = made
        self.only_in = only_in

    @property
    def paths(self) -> tuple[str, ...]:
        """The files and links, sorted, each once."""
        return tuple(sorted({*(state.path for state in self.files), *(path for path, _ in self.links)}))
