"""Events as plain lines on stderr. stdout is the tasks' own."""

import os

from runner.events import (
    CommandStarted,
    Event,
    ImageReady,
    Noticed,
    Retried,
    StepSkipped,
    TaskFailed,
    TaskFinished,
    TaskRestored,
    TaskSkipped,
    TaskStarted,
    VariablesSet,
)

SILENT, QUIET, NORMAL, VERBOSE = 0, 1, 2, 3
"""How much is told: nothing; failures; commands and results too; reasons and durations too."""


class PlainReporter:
    """Tells events as lines.

    Args:
        level: How much.
        target: The file descriptor to write to.
    """

    def __init__(self, level: int, target: int = 2) -> None:
        self._level = level
        self._target = target
        self.images: list[ImageReady] = []

    def tell(self, event: Event) -> None:
        """Let the user know of an event, or not, as the level says.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        if isinstance(event, ImageReady):
            self.images.append(event)
        text = self._text(event)
        if text:
            self.write(text + "\n")

    def output(self, label: str, number: int, data: bytes) -> None:  # noqa: ARG002 - shown without its task
        """Show what a task has written."""
        write_bytes(number, data)

    def write(self, text: str) -> None:
        """Write text as it is."""
        write_text(self._target, text)

    def _text(self, event: Event) -> str:
        level = self._level
        if isinstance(event, CommandStarted):
            return _echo(event) if level >= NORMAL else ""
        if isinstance(event, TaskFailed):
            return _failure(event) if level > SILENT else ""
        if isinstance(event, Noticed):
            return f"pyrun: {event.text}" if level > SILENT else ""
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
        if isinstance(event, ImageReady) and event.skipped:
            return f"{event.label}: up to date ({event.why})" if level >= NORMAL else ""
        return ""


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
        view = view[os.write(target, view) :]


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
