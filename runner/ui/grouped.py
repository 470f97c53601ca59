"""What a task writes is shown in one piece when it ends, with the marks by which GitHub and GitLab fold it.

Everything about a group stands in it: its commands and notices too. The marks and headers go to stderr, as all
that is not the tasks' own. A task that failed is not folded. Servers write as it comes, behind their names:
they end last. What is all that is left to do writes as it comes too, so that a long last task is not silent.
"""

import time

from runner.events import Event, RunFinished
from runner.ui.plain import STDERR, PlainReporter, Told
from runner.ui.prefixed import Prefixed
from runner.ui.spool import Spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.events import Reporter

    Marks = Callable[[str, int], tuple[str, str]]


class GroupedReporter(PlainReporter):
    """Shows what tasks do one after the other, although they run side by side.

    Args:
        level: How much is told.
        marks: What stands before and behind the group of a label and a number.
        folder: Where much output may be held, absolute, or None.
    """

    captures = True

    def __init__(self, level: int, marks: "Marks", folder: str | None = None) -> None:
        super().__init__(level)
        self.always_sums_up = True
        self._marks = marks
        self._folder = folder
        self._open: dict[int, Group] = {}
        self._count = 0

    def begin(self, label: str, *, server: bool, direct: bool, last: bool = False) -> "Reporter":
        """Who is told what a task does: its group."""
        number = self.entered(label, server=server, direct=direct)
        if server:
            return Prefixed(self, label, number)
        if last:
            return LastGroup(self, label, number)
        self._count += 1
        group = Group(self, label, number, self._count, Spool(self._folder))
        self._open[self._count] = group
        return group

    def show(self, group: "Group", *, failed: bool) -> None:
        """Show a group that has ended."""
        self._open.pop(group.count, None)
        if not group.spool:
            return
        before, behind = header(group.label, 0) if failed else self._marks(group.label, group.count)
        self.write(before)
        group.spool.replay(self.put)
        if behind:
            self.write(behind)

    def note(self, event: Event) -> None:
        """Keep what the summary says; at the end of all work, groups that are still open are shown."""
        super().note(event)
        if isinstance(event, RunFinished):
            for group in list(self._open.values()):
                group.end(failed=True)


class Group(Told):
    """What one task does, held until it has ended.

    Args:
        owner: Shows it.
        label: The task's.
        number: What the terminal's last line knows the task by.
        count: Which group it is, from 1.
        spool: Holds it.
    """

    __slots__ = ("_ended", "_owner", "count", "spool")

    def __init__(self, owner: GroupedReporter, label: str, number: int, count: int, spool: Spool) -> None:
        super().__init__(owner, label, number)
        self._owner = owner
        self._ended = False
        self.count = count
        self.spool = spool

    def tell(self, event: Event) -> None:
        """Hold what is told of an event."""
        self.owner.note(event)
        text = self.owner.text(event)
        if text:
            self._put(STDERR, f"{text}\n".encode("utf-8", "surrogateescape"))

    def output(self, label: str, number: int, data: bytes) -> None:  # noqa: ARG002 - its own is known
        """Hold what the task has written."""
        self._put(number, data)

    def end(self, *, failed: bool) -> None:
        """Show it."""
        if not self._ended:
            self._ended = True
            self._owner.show(self, failed=failed)
        super().end(failed=failed)

    def _put(self, number: int, data: bytes) -> None:
        if self._ended:
            # It was told to stop, and what it has started still writes.
            self.owner.put(number, data)
        elif not self.spool.put(number, data):
            # The disk is full: nothing is lost, though from here on it is not in one piece.
            self._owner.show(self, failed=True)
            self._ended = True


class LastGroup(Told):
    """What the last task does, as it comes, behind a header."""

    __slots__ = ("_begun",)

    def __init__(self, owner: GroupedReporter, label: str, number: int) -> None:
        super().__init__(owner, label, number)
        self._begun = False

    def tell(self, event: Event) -> None:
        """Tell an event."""
        self.owner.note(event)
        text = self.owner.text(event)
        if text:
            self._begin()
            self.owner.write(f"{text}\n")

    def output(self, label: str, number: int, data: bytes) -> None:  # noqa: ARG002 - its own is known
        """Show what the task has written."""
        self._begin()
        self.owner.put(number, data)

    def _begin(self) -> None:
        """Write the header, once there is something behind it."""
        if not self._begun:
            self._begun = True
            self.owner.write(header(self.label, 0)[0])


def header(label: str, _number: int) -> tuple[str, str]:
    """A line with the task's name before its group, and nothing behind it."""
    return f"--- {one_line(label)}\n", ""


def github_marks(label: str, _number: int) -> tuple[str, str]:
    """The marks by which GitHub's log folds a group."""
    return f"::group::{one_line(label)}\n", "::endgroup::\n"


def gitlab_marks(label: str, number: int) -> tuple[str, str]:
    """The marks by which GitLab's log folds a group."""
    now, name = int(time.time()), f"pyrun_{number}"
    return (
        f"\x1b[0Ksection_start:{now}:{name}[collapsed=true]\r\x1b[0K{one_line(label)}\n",
        f"\x1b[0Ksection_end:{now}:{name}\r\x1b[0K\n",
    )


def one_line(label: str) -> str:
    """A label in which nothing ends the line or moves the cursor."""
    return "".join(char if char.isprintable() else "?" for char in label)
