"""What was seen of files, and what the build log remembers of an action. Frozen values, no behaviour."""

from runner.model.record import Record


class FileState(Record):
    """A file as it was seen.

    Args:
        path: Relative to the project's top folder.
        signature: Its size, times, inode and mode as one text; empty if a later change within the clock's
            grain could have left it the same, so that the content must be read.
        executable: Whether its owner may execute it.
        digest: The SHA-256 of its content as hexadecimal digits; of a link that an image gets as a link, `link `
            and where it leads, see `link_state`.
        size: Of its content, in bytes.
    """

    FIELDS = ("path", "signature", "executable", "digest", "size")
    __slots__ = FIELDS

    def __init__(self, path: str, signature: str, executable: bool, digest: str, size: int) -> None:
        self.path = path
        self.signature = signature
        self.executable = executable
        self.digest = digest
        self.size = size

    @property
    def identity(self) -> tuple[str, bool, str]:
        """What counts for a key."""
        return (self.path, self.executable, self.digest)


_LINK = "link "


def link_state(path: str, target: str) -> FileState:
    """A link that an image gets as a link.

    Args:
        path: Relative to the project's top folder.
        target: Where it leads, as it is written.
    """
    return FileState(path, "", False, f"{_LINK}{target}", 0)


def link_target(state: FileState) -> str | None:
    """Where such a link leads; None for a file."""
    return state.digest[len(_LINK) :] if state.digest.startswith(_LINK) else None


BEGUN, FAILED, CHANGED = "begun", "failed", "changed"
"""How a run is marked that has not ended, one that did not succeed, and one whose sources changed meanwhile."""
HOST, SANDBOX = "host", "sandbox"
"""How a result was made: where all of this machine is to be seen, or only what is declared."""
CONTAINER, HERMETIC = "container", "hermetic"
"""The same in a container: where all of the project is to be seen, or only what is declared and nothing else."""
RESTORED = " restored"
"""Stands behind how a result was made that came from the store."""


class LogEntry(Record):
    """What the last good run of an action was, and whether it still counts.

    Args:
        id: The action's.
        key: What it depended on, as one digest; empty if it has never succeeded.
        parts: The same piece by piece, so that a change can be told: what and its digest.
        sources: The files it read.
        targets: The files it left.
        milliseconds: How long it took.
        made: How: `HOST`, `SANDBOX`, `CONTAINER` or `HERMETIC`, with `RESTORED` behind it if it came from the
            store; `BEGUN`, `FAILED` or `CHANGED` if a later run did not end well, so that it counts no more.
        left: The paths that its runs made or changed, and so may be removed before the next one.
        when: Seconds since 1970 of its end, or 0.
        others: The paths that its targets match, that were there when it began and were not made by its runs.
    """

    FIELDS = ("id", "key", "parts", "sources", "targets", "milliseconds", "made", "left", "when", "others")
    __slots__ = FIELDS

    def __init__(
        self,
        id: str,  # noqa: A002 - the word of the plan
        key: str,
        parts: tuple[tuple[str, str], ...],
        sources: tuple[FileState, ...],
        targets: tuple[FileState, ...],
        milliseconds: int,
        made: str,
        left: tuple[str, ...] = (),
        when: int = 0,
        others: tuple[str, ...] = (),
    ) -> None:
        self.others = others
        self.left = left
        self.id = id
        self.key = key
        self.parts = parts
        self.sources = sources
        self.targets = targets
        self.milliseconds = milliseconds
        self.made = made
        self.when = when

    @property
    def counts(self) -> bool:
        """Whether it says what is there now, unless files were changed since."""
        return bool(self.key) and self.made not in {BEGUN, FAILED, CHANGED}
