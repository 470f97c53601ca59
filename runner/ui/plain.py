"""Events as plain lines on stderr. stdout is the tasks' own."""

import os

from runner.events import (
    CommandStarted,
    Event,
    FilesChanged,
    ImagePushed,
    ImagePushing,
    ImageReady,
    Noticed,
    Retried,
    RunFinished,
    RunStarted,
    StepSkipped,
    TaskFailed,
    TaskFinished,
    TaskRestored,
    TaskSkipped,
    TaskStarted,
    VariablesSet,
    Watching,
)
from runner.system.witness import WITNESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.events import Reporter
    from runner.ui.progress import ProgressLine

STDERR = 2
SILENT, QUIET, NORMAL, VERBOSE = 0, 1, 2, 3
"""How much is told: nothing; failures; commands and results too; reasons and durations too."""


class PlainReporter:
    """Tells events as lines, and passes on what tasks write as it comes.

    Args:
        level: How much.
        target: The file descriptor to write to.

    Attributes:
        captures: Whether all that tasks write must be handed over.
        images: The images that are ready.
        line: The last line of a terminal, which says how far the work is, or None.
        always_sums_up: Whether there is a summary at the end whenever there is more than one task.
        name_of: How the user would name a file of the project, given relative to its top.
    """

    captures = False

    def __init__(self, level: int, target: int = 2) -> None:
        self.level = level
        self.target = target
        self.images: list[ImageReady] = []
        self.line: ProgressLine | None = None
        self.always_sums_up = False
        self.name_of: Callable[[str], str] = str
        self._run: RunStarted | None = None
        self._ended: list[Event] = []
        self._failed_last = False
        self._noticed: set[str] = set()

    def tell(self, event: Event) -> None:
        """Let the user know of an event, or not, as the level says.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        self.note(event)
        text = self.text(event)
        if text:
            self.write(text + "\n")
        if isinstance(event, TaskFailed):
            self._failed_last = True
        elif isinstance(event, RunFinished):
            self._conclude()

    def output(self, label: str, number: int, data: bytes) -> None:  # noqa: ARG002 - shown without its task
        """Show what a task has written."""
        self.put(number, data)

    def begin(self, label: str, *, server: bool, direct: bool, last: bool = False) -> "Reporter":  # noqa: ARG002
        """Who is told what a task does: the same as of all others."""
        number = self.entered(label, server=server, direct=direct)
        return self if self.line is None else Told(self, label, number)

    def end(self, *, failed: bool) -> None:
        """What is not only for one task does not end with it."""

    @property
    def sums_up(self) -> bool:
        """Whether there is something to tell at the end of all work."""
        run, level = self._run, self.level
        failed = sum(isinstance(event, TaskFailed) for event in self._ended)
        if run is None or run.total < 2 or level == SILENT or (level == QUIET and not failed):
            return False
        many = failed > 1 or (failed and run.keep_going)
        restored = any(isinstance(event, TaskRestored) for event in self._ended)
        return bool(self.always_sums_up or level >= VERBOSE or many or restored)

    def entered(self, label: str, *, server: bool, direct: bool) -> int:
        """A task begins: see that the terminal's last line shows it, or leaves room for what it writes."""
        return 0 if self.line is None or server else self.line.add(label, direct=direct)

    def left(self, number: int) -> None:
        """A task that has begun has ended."""
        if self.line is not None:
            self.line.remove(number)

    def patience(self) -> float | None:
        """How many milliseconds until the terminal's last line is due."""
        return None if self.line is None else self.line.patience()

    def refresh(self) -> None:
        """Draw the terminal's last line, if it is due."""
        if self.line is not None:
            self.line.refresh()

    def put(self, number: int, data: bytes) -> None:
        """Write bytes to the user's stdout or stderr: all that is shown goes through here."""
        if self.level == SILENT:
            return
        if self.line is not None:
            self.line.clear()
        self._failed_last = False
        target = self.target if number == STDERR else number
        WITNESS.said(target, data)
        write_bytes(target, data)

    def write(self, text: str) -> None:
        """Write text as it is."""
        self.put(STDERR, text.encode("utf-8", "surrogateescape"))

    def note(self, event: Event) -> None:
        """Keep what the summary and the terminal's last line say."""
        if isinstance(event, RunStarted):
            self._run = event
            self._ended = []
            self._noticed.clear()
        elif isinstance(event, ImageReady):
            self.images.append(event)
            self._ended.append(event)
        elif isinstance(event, (TaskFailed, TaskFinished, TaskRestored, TaskSkipped)):
            self._ended.append(event)
        if self.line is not None:
            self.line.count(len(self._ended))
            if isinstance(event, ImagePushing):
                self.line.tell(_pushing(event))
                self.line.refresh()

    def is_new(self, event: Noticed) -> bool:
        """Whether a notice says what none has said before: many tasks may find the same wrong."""
        before = len(self._noticed)
        self._noticed.add(event.text)
        return len(self._noticed) > before

    def _conclude(self) -> None:
        """All work has ended: tell what came of it, and failures again if they are not the last thing told."""
        if self.line is not None:
            self.line.clear()
            self.line = None
        if not self.sums_up:
            return
        failed = [event for event in self._ended if isinstance(event, TaskFailed)]
        from runner.ui.summary import summary  # noqa: PLC0415 - most runs have none

        again = len(failed) > 1 or not self._failed_last
        self.write(f"pyrun: {summary(self._ended)}\n")
        for event in failed if again else ():
            kept = f" (log: {self.name_of(event.log)})" if event.log else ""
            if not event.raised:
                self.write(f"{_failure(event)}{kept}\n")

    def text(self, event: Event) -> str:
        """What is told of an event, without the last line's end; empty if nothing is."""
        level = self.level
        if isinstance(event, CommandStarted):
            return _echo(event) if level >= NORMAL else ""
        if isinstance(event, TaskFailed):
            return _failure(event) if level > SILENT and not event.raised else ""
        if isinstance(event, Noticed):
            return f"pyrun: {event.text}" if level > SILENT and self.is_new(event) else ""
        if isinstance(event, VariablesSet):
            return _settings(event) if level >= NORMAL else ""
        if isinstance(event, StepSkipped):
            return (
                f"{event.label}: passed over, its condition does not hold: {event.text}"
                if level >= VERBOSE
                else ""
            )
        if isinstance(event, Retried):
            return _retry(event) if level > SILENT else ""
        if isinstance(event, TaskSkipped):
            shown = level >= VERBOSE or (event.asked and level >= NORMAL)
            return f"{event.label}: up to date ({event.why})" if shown else ""
        if isinstance(event, TaskRestored):
            shown = level >= VERBOSE or (event.asked and level >= NORMAL)
            return f"{event.label}: restored ({event.why})" if shown else ""
        if isinstance(event, TaskStarted):
            return f"{event.label}: runs, because {event.why}" if level >= VERBOSE else ""
        if isinstance(event, TaskFinished):
            return f"{event.label}: done in {duration(event.milliseconds)}" if level >= VERBOSE else ""
        if isinstance(event, (FilesChanged, Watching)):
            return _watched(event) if level >= NORMAL else ""
        if isinstance(event, (ImagePushed, ImageReady)):
            return _image(event) if level >= NORMAL else ""
        return ""


class Told:
    """Who is told what one task does: what is told is the same as without this.

    Args:
        owner: Who is told of everything.
        label: The task's.
        number: What the terminal's last line knows the task by.
    """

    __slots__ = ("label", "number", "owner")

    def __init__(self, owner: PlainReporter, label: str, number: int) -> None:
        self.owner = owner
        self.label = label
        self.number = number

    @property
    def captures(self) -> bool:
        """Whether all that the task writes must be handed over."""
        return self.owner.captures

    def tell(self, event: Event) -> None:
        """Let the user know of an event, or not."""
        self.owner.tell(event)

    def output(self, label: str, number: int, data: bytes) -> None:
        """Show what the task has written."""
        self.owner.output(label, number, data)

    @property
    def sums_up(self) -> bool:
        """Whether there is something to tell at the end of all work."""
        return self.owner.sums_up

    def begin(self, label: str, *, server: bool, direct: bool, last: bool = False) -> "Reporter":  # noqa: ARG002
        """What the task calls is part of it."""
        return self

    def end(self, *, failed: bool) -> None:  # noqa: ARG002 - the same however it ended
        """The task has ended."""
        self.owner.left(self.number)

    def patience(self) -> float | None:
        """How many milliseconds until something is to be shown."""
        return self.owner.patience()

    def refresh(self) -> None:
        """Show how far the work is."""
        self.owner.refresh()


def write_text(target: int, text: str) -> None:
    """Write text to a file descriptor as UTF-8, whatever the locale; bytes that are no text stay as they were.

    Raises:
        BrokenPipeError: Nobody reads any more.
    """
    write_bytes(target, text.encode("utf-8", "surrogateescape"))


def write_bytes(target: int, data: bytes) -> None:
    """Write all of some bytes to a file descriptor.

    Raises:
        BrokenPipeError: Nobody reads any more.
    """
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            # Somebody made our output non-blocking: wait until it takes more.
            from select import select  # noqa: PLC0415

            select([], [target], [])


def _echo(event: CommandStarted) -> str:
    """The command behind its task's name; the lines after the first are indented."""
    lines = event.text.rstrip("\n").split("\n")
    return "\n".join([f"{event.label} $ {lines[0]}", *(f"    {line}" for line in lines[1:])])


def _settings(event: VariablesSet) -> str:
    """The variables that are set, a line each."""
    return "\n".join(
        f"unset {name}" if value is None else f"set {name}={value}" for name, value in event.variables
    )


def _retry(event: Retried) -> str:
    which = f"{event.number} of {event.most}"
    failed = f"{event.label} failed with exit status {event.status}"
    return f"pyrun: {failed}, trying again in {event.pause / 1000:g} s ({which})"


def _watched(event: FilesChanged | Watching) -> str:
    """That changes are waited for, or that there are some."""
    if isinstance(event, Watching):
        files = "1 file" if event.files == 1 else f"{event.files} files"
        return f"pyrun: watching {files}; Ctrl-C ends it"
    more = len(event.paths) - 1
    return f"pyrun: {event.paths[0]}{f' and {more} more' if more else ''} changed"


def _pushing(event: ImagePushing) -> str:
    return f"pushed {size(event.done)} of {size(event.total)}" if event.done < event.total else ""


def _image(event: ImagePushed | ImageReady) -> str:
    """That an image was there already; or where it is now, and what had to be sent for it."""
    if isinstance(event, ImageReady):
        # Of an image that an index lists, the index tells.
        told = event.skipped and event.references
        return f"{event.label}: up to date ({event.why})" if told else ""
    names = " ".join(event.references)
    if not event.tags:
        return f"pushed {names}: it was there"
    count, sent = event.sent
    parts = [f"{count} {'blob' if count == 1 else 'blobs'} sent, {size(sent)}" if count else "nothing sent"]
    parts += [f"{event.mounted} taken from another repository"] if event.mounted else []
    parts += [f"{event.there} there"] if event.there else []
    return f"pushed {names}: {'; '.join(parts)}"


def _failure(event: TaskFailed) -> str:
    command = event.command.strip().split("\n")
    shown = command[0] + (" …" if len(command) > 1 else "")
    behind = f": {shown}" if shown else ""
    return f"pyrun: {event.label} failed with exit status {event.status}{behind}"


def duration(milliseconds: int) -> str:
    """A duration as people read it: `340 ms`, `1.2 s`, `2 m 5 s`; what is begun of the last part is left out."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds // 100 / 10:.1f} s"
    return f"{milliseconds // 60_000} m {milliseconds % 60_000 // 1000} s"


def size(count: int) -> str:
    """Bytes as people read them, in powers of 1000 as registries do: `8.53 MB`."""
    if count < 1000:
        return f"{count} B"
    for unit, scale in (("kB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        number = count / scale
        # What would be rounded to 1000 is 1 of the next unit.
        if number < 999.5:
            return f"{number:.3g} {unit}"
    return f"{number:.0f} GB"
