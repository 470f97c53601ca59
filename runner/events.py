"""What happened, as frozen values, and who is told.

Work tells events and knows nothing of how they are shown; the user interface shows them and knows nothing of
how the work is done.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class Event:
    """Something that happened; each kind has fields of its own."""

    __slots__ = ()


class RunStarted(Event):
    """The work on a plan begins.

    Args:
        total: How many tasks are in it.
        asked: The labels of those that were asked for.
        keep_going: Whether after a failure all is done that does not need what failed.
    """

    __slots__ = ("asked", "keep_going", "total")

    def __init__(self, total: int, asked: tuple[str, ...], *, keep_going: bool) -> None:
        self.total = total
        self.asked = asked
        self.keep_going = keep_going


class RunFinished(Event):
    """The work on a plan has ended.

    Args:
        status: The exit status.
    """

    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status


class CommandStarted(Event):
    """A command of a task begins.

    Args:
        label: The task's.
        text: What is told of it: its script, or what the file says instead.
    """

    __slots__ = ("label", "text")

    def __init__(self, label: str, text: str) -> None:
        self.label = label
        self.text = text


class TaskSkipped(Event):
    """A task is up to date.

    Args:
        label: The task's.
        asked: Whether it was asked for by name.
        why: Why it need not run, in words.
        milliseconds: How long it took when it ran.
    """

    __slots__ = ("asked", "label", "milliseconds", "why")

    def __init__(self, label: str, asked: bool, why: str, milliseconds: int) -> None:
        self.label = label
        self.asked = asked
        self.why = why
        self.milliseconds = milliseconds


class TaskRestored(Event):
    """What a task makes was brought back from the store.

    Args:
        label: The task's.
        asked: Whether it was asked for by name.
        why: Why it was not up to date, in words.
        milliseconds: How long it took when it ran.
    """

    __slots__ = ("asked", "label", "milliseconds", "why")

    def __init__(self, label: str, asked: bool, why: str, milliseconds: int) -> None:
        self.label = label
        self.asked = asked
        self.why = why
        self.milliseconds = milliseconds


class TaskStarted(Event):
    """A task runs.

    Args:
        label: The task's.
        why: Why it must run, in words.
    """

    __slots__ = ("label", "why")

    def __init__(self, label: str, why: str) -> None:
        self.label = label
        self.why = why


class TaskFinished(Event):
    """A task ran and succeeded.

    Args:
        label: The task's.
        milliseconds: How long it took.
    """

    __slots__ = ("label", "milliseconds")

    def __init__(self, label: str, milliseconds: int) -> None:
        self.label = label
        self.milliseconds = milliseconds


class TaskFailed(Event):
    """A task failed.

    Args:
        label: The task's.
        status: The exit status of its command.
        command: The command, or what is wrong; or empty.
        log: Where what it wrote is kept, relative to the project's top, or empty.
        raised: Whether pyrun ends by an error that tells it.
    """

    __slots__ = ("command", "label", "log", "raised", "status")

    def __init__(self, label: str, status: int, command: str, log: str = "", *, raised: bool = False) -> None:
        self.label = label
        self.status = status
        self.command = command
        self.log = log
        self.raised = raised


class StepSkipped(Event):
    """A step whose condition does not hold is passed over.

    Args:
        label: The task's.
        text: Its first command, or empty.
    """

    __slots__ = ("label", "text")

    def __init__(self, label: str, text: str) -> None:
        self.label = label
        self.text = text


class VariablesSet(Event):
    """Variables are set for all that comes after.

    Args:
        variables: Names with values, None for those that are taken away.
    """

    __slots__ = ("variables",)

    def __init__(self, variables: tuple[tuple[str, str | None], ...]) -> None:
        self.variables = variables


class Retried(Event):
    """A task failed and is tried again.

    Args:
        label: The task's.
        status: The exit status of its command.
        number: Which of the further tries this is, from 1.
        most: How many there may be.
        pause: Milliseconds before it begins.
    """

    __slots__ = ("label", "most", "number", "pause", "status")

    def __init__(self, label: str, status: int, number: int, most: int, pause: int) -> None:
        self.pause = pause
        self.label = label
        self.status = status
        self.number = number
        self.most = most


class Noticed(Event):
    """Something that does not stop the work, but that the user should know.

    Args:
        text: What, in a sentence.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Watching(Event):
    """All that there was to do is done, and changes are waited for.

    Args:
        files: How many files are watched.
    """

    __slots__ = ("files",)

    def __init__(self, files: int) -> None:
        self.files = files


class FilesChanged(Event):
    """Files changed that are watched: the work begins anew.

    Args:
        paths: Which.
    """

    __slots__ = ("paths",)

    def __init__(self, paths: tuple[str, ...]) -> None:
        self.paths = paths


class ImageReady(Event):
    """An image is there.

    Args:
        label: The task's.
        references: Its names with tags; none for an image that an index is made of.
        digest: Of its manifest or index, as `sha256:…`.
        layers: How many, and how many of them were there already.
        size: Its bytes, layers compressed.
        unpacked: The bytes of its files' archive, not compressed.
        loaded: The engine that has it too, or empty.
        skipped: Whether it was there already.
        why: Why it need not be made, in words.
        platforms: What it is for, such as `linux/arm64`; several for an index.
    """

    __slots__ = (
        "digest", "label", "layers", "loaded", "platforms", "references", "size", "skipped", "unpacked", "why",
    )  # fmt: skip

    def __init__(
        self,
        label: str,
        references: tuple[str, ...],
        digest: str,
        layers: tuple[int, int],
        size: int,
        unpacked: int,
        loaded: str,
        skipped: bool,
        why: str,
        platforms: tuple[str, ...] = (),
    ) -> None:
        self.platforms = platforms
        self.label = label
        self.references = references
        self.digest = digest
        self.layers = layers
        self.size = size
        self.unpacked = unpacked
        self.loaded = loaded
        self.skipped = skipped
        self.why = why


class ImagePushing(Event):
    """A registry has so much of an image.

    Args:
        done: Bytes of its blobs that are there.
        total: All their bytes.
    """

    __slots__ = ("done", "total")

    def __init__(self, done: int, total: int) -> None:
        self.done = done
        self.total = total


class ImagePushed(Event):
    """An image is in a repository, under all its names there.

    Args:
        references: The names, with tags.
        digest: Of its manifest or index, as `sha256:…`.
        sent: How many blobs were sent, and their bytes.
        mounted: How many the registry has taken from another repository.
        there: How many it had.
        tags: How many names did not stand for this image before.
    """

    __slots__ = ("digest", "mounted", "references", "sent", "tags", "there")

    def __init__(
        self,
        references: tuple[str, ...],
        digest: str,
        sent: tuple[int, int],
        mounted: int,
        there: int,
        tags: int,
    ) -> None:
        self.references = references
        self.digest = digest
        self.sent = sent
        self.mounted = mounted
        self.there = there
        self.tags = tags


class TaskAudited(Event):
    """What was seen of a task while it ran, held against what it declares.

    Args:
        label: The task's.
        reads: The files of the project that it read and does not declare.
        writes: Those that it wrote or removed and does not declare.
        unread: Those that it declares to read and never looked at.
        lines: What would declare all of it, as lines of a file.
        failed: Whether it failed, so that not all may have been seen.
    """

    __slots__ = ("failed", "label", "lines", "reads", "unread", "writes")

    def __init__(
        self,
        label: str,
        reads: tuple[str, ...],
        writes: tuple[str, ...],
        unread: tuple[str, ...],
        lines: tuple[str, ...],
        failed: bool,
    ) -> None:
        self.failed = failed
        self.label = label
        self.reads = reads
        self.writes = writes
        self.unread = unread
        self.lines = lines


class Reporter(Protocol):
    """Who is told what happened."""

    @property
    def captures(self) -> bool:
        """Whether all that tasks write must be handed over, so that none writes straight to the user."""

    @property
    def sums_up(self) -> bool:
        """Whether there is something to tell at the end of all work."""

    def tell(self, event: Event) -> None:
        """Let the user know of an event, or not, as the flags say."""

    def output(self, label: str, number: int, data: bytes) -> None:
        """Show what a task has written to its stdout (1) or stderr (2): whole lines, but for the last one."""

    def begin(self, label: str, *, server: bool, direct: bool, last: bool = False) -> "Reporter":
        """A task begins: who is told what it does and writes, until `end` is called there.

        Args:
            label: The task's.
            server: Whether it may run as long as all the others.
            direct: Whether it writes straight to the user, or has the terminal.
            last: Whether it is all that is left to do, so that nothing can come between what it writes.
        """

    def end(self, *, failed: bool) -> None:
        """The task that this was given for has ended."""

    def patience(self) -> float | None:
        """How many milliseconds until `refresh` is to be called; None for never."""

    def refresh(self) -> None:
        """Show how far the work is, where that is shown."""
