"""Events as JSON, one a line, on stdout; stable, and described in `docs/graph.md`.

Whoever reads them finds everything there: what tasks write is in them too, and nothing is told on stderr but
the error by which pyrun ends. New keys and new kinds of events may come; what is there stays as it is, or the
version in the first line changes.
"""

import json

from runner.events import (
    CommandStarted,
    Event,
    FilesChanged,
    ImagePushed,
    ImageReady,
    Noticed,
    Retried,
    RunFinished,
    RunStarted,
    StepSkipped,
    TaskAudited,
    TaskFailed,
    TaskFinished,
    TaskRestored,
    TaskSkipped,
    TaskStarted,
    VariablesSet,
    Watching,
)
from runner.ui.plain import SILENT, PlainReporter, Told, write_bytes
from runner.ui.summary import Counts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.events import Reporter

VERSION = 1
_STDOUT = 1
_STREAMS = {1: "stdout", 2: "stderr"}


class JsonReporter(PlainReporter):
    """Tells every event, whatever the level, as a line of JSON.

    Args:
        level: How much would be told to people.
    """

    captures = True

    @property
    def sums_up(self) -> bool:
        """There is a summary in any case."""
        return True

    def tell(self, event: Event) -> None:
        """Let the reader know of an event."""
        self.tell_of(event, "")

    def tell_of(self, event: Event, task: str) -> None:
        """Let the reader know of an event of a task that runs; empty for none."""
        self.note(event)
        if isinstance(event, Noticed) and not self.is_new(event):
            return
        found = described(event)
        if found is not None:
            known = {"task": clean(task)} if task and "task" not in found else {}
            self.emit({"event": found.pop("event"), **known, **found})
        elif isinstance(event, RunFinished):
            self.emit({"event": "summary", "status": event.status, **self._counts()})

    def output(self, label: str, number: int, data: bytes) -> None:
        """Hand over what a task has written."""
        if self.level > SILENT:
            self.emit({"event": "output", "task": clean(label), "stream": _STREAMS[number], **_text(data)})

    def begin(self, label: str, *, server: bool, direct: bool, last: bool = False) -> "Reporter":  # noqa: ARG002
        """Who is told what a task does."""
        return JsonTold(self, label, self.entered(label, server=server, direct=direct))

    def write(self, text: str) -> None:
        """What is told to people only is not told."""

    def emit(self, found: "Mapping[str, object]") -> None:
        """Write a line.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        line = json.dumps(found, separators=(",", ":"))
        write_bytes(_STDOUT, f"{line}\n".encode())

    def _counts(self) -> dict[str, int]:
        counts = Counts(self._ended)
        return {
            "ran": counts.ran,
            "upToDate": counts.skipped,
            "restored": counts.restored,
            "failed": counts.failed,
            "savedMilliseconds": counts.saved,
        }


class JsonTold(Told):
    """Who is told what one task does."""

    __slots__ = ("_owner",)

    def __init__(self, owner: JsonReporter, label: str, number: int) -> None:
        super().__init__(owner, label, number)
        self._owner = owner

    def tell(self, event: Event) -> None:
        """Let the reader know of an event, and that it is this task's."""
        self._owner.tell_of(event, self.label)

    def output(self, label: str, number: int, data: bytes) -> None:  # noqa: ARG002 - its own is known
        """Hand over what the task has written."""
        self._owner.output(self.label, number, data)


def described(event: Event) -> dict[str, object] | None:
    """An event as the keys and values of its line; None if it has none of its own."""
    if isinstance(event, RunStarted):
        asked = [clean(label) for label in event.asked]
        return {"event": "run-started", "version": VERSION, "tasks": event.total, "asked": asked}
    if isinstance(event, TaskStarted):
        return {"event": "task-started", "task": clean(event.label), "why": clean(event.why)}
    if isinstance(event, TaskFinished):
        return {"event": "task-finished", "task": clean(event.label), "milliseconds": event.milliseconds}
    if isinstance(event, (TaskSkipped, TaskRestored)):
        return {
            "event": "task-skipped" if isinstance(event, TaskSkipped) else "task-restored",
            "task": clean(event.label),
            "asked": event.asked,
            "why": clean(event.why),
            "savedMilliseconds": event.milliseconds,
        }
    if isinstance(event, TaskFailed):
        return {
            "event": "task-failed",
            "task": clean(event.label),
            "status": event.status,
            "command": clean(event.command),
            "log": clean(event.log) or None,
        }
    return _within(event)


def _within(event: Event) -> dict[str, object] | None:
    """The same for what happens while a task runs."""
    if isinstance(event, CommandStarted):
        return {"event": "command-started", "label": clean(event.label), "command": clean(event.text)}
    if isinstance(event, StepSkipped):
        return {"event": "step-skipped", "label": clean(event.label), "command": clean(event.text)}
    if isinstance(event, VariablesSet):
        variables = {clean(name): None if value is None else clean(value) for name, value in event.variables}
        return {"event": "variables-set", "variables": variables}
    if isinstance(event, Retried):
        return {
            "event": "retry",
            "task": clean(event.label),
            "status": event.status,
            "number": event.number,
            "most": event.most,
            "pauseMilliseconds": event.pause,
        }
    if isinstance(event, Watching):
        return {"event": "watching", "files": event.files}
    if isinstance(event, FilesChanged):
        return {"event": "files-changed", "paths": [clean(path) for path in event.paths]}
    if isinstance(event, Noticed):
        return {"event": "notice", "text": clean(event.text)}
    if isinstance(event, TaskAudited):
        return {
            "event": "audit",
            "task": clean(event.label),
            "reads": [clean(path) for path in event.reads],
            "writes": [clean(path) for path in event.writes],
            "unread": [clean(path) for path in event.unread],
            "lines": [clean(line) for line in event.lines],
            "failed": event.failed,
        }
    if isinstance(event, ImagePushed):
        return {
            "event": "image-pushed",
            "references": [clean(name) for name in event.references],
            "digest": event.digest,
            "blobsSent": event.sent[0],
            "bytesSent": event.sent[1],
            "blobsMounted": event.mounted,
            "blobsThere": event.there,
        }
    if isinstance(event, ImageReady):
        return {
            "event": "image",
            "task": clean(event.label),
            "references": [clean(name) for name in event.references],
            "digest": event.digest,
            "platforms": [clean(name) for name in event.platforms],
            "size": event.size,
            "skipped": event.skipped,
            "why": clean(event.why),
        }
    return None


def clean(text: str) -> str:
    """Text without what no Unicode text can hold, so that every reader of JSON takes it."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _text(data: bytes) -> dict[str, str]:
    """Bytes as text where they are UTF-8, in base64 where they are not."""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        from base64 import b64encode  # noqa: PLC0415 - few tasks write such

        return {"base64": b64encode(data).decode()}
