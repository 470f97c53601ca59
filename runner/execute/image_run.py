"""An image that an engine builds, which may take minutes: done by a thread of its own beside all else.

It takes the place of the commands of an action, and is waited for as they are. Knows no engine.
"""

import time

from runner.errors import TIMEOUT, RunError
from runner.events import CommandStarted
from runner.execute.host import HostRun, duration_text
from runner.execute.outcome import DONE, HALTED, Outcome
from runner.execute.streams import LineByLine
from runner.execute.warm import Job, Waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from runner.events import ImageReady
    from runner.execute.outcome import Pause
    from runner.execute.ports import ImageWork
    from runner.execute.surroundings import Surroundings
    from runner.plan.action import Action
    from runner.plan.file_state import FileState
    from runner.plan.step import Called
    from runner.system.process import Process

    Work = Generator["Process | Called | Pause", Outcome, Outcome]

_SIGNALLED = 128
_KILL = 9


class Building(Waiting):
    """Somebody who waits for an image, and ends its making when told to stop. Its feed is itself.

    Args:
        job: What makes it.
        work: The same, as it is ended.
    """

    __slots__ = ("_number", "_work")

    def __init__(self, job: Job, work: "ImageWork") -> None:
        self._work = work
        self._number = 0
        super().__init__(job)

    def signal(self, number: int) -> None:
        """End it; it is waited for a moment longer, unless it is to end at once."""
        self._number = number
        self._work.cancel()
        if number == _KILL:
            super().signal(number)

    def pump(self) -> bool:
        """Tell what is to be told; False when the image is there, or never will be."""
        more = super().pump()
        if not more and self._number:
            self.status = _SIGNALLED + self._number
        return more


class ImageRun(HostRun):
    """The making of an action's image.

    Args:
        action: The action.
        around: Who is told, and what else there is around its commands, of which it has none.
        work: What makes the image.
        label: What it is called where its steps are told, its callers first.
        quiet: Whether its steps are not told.
        caller: What has called it, or None.
    """

    __slots__ = ("_lines", "_making")

    def __init__(
        self,
        action: "Action",
        around: "Surroundings",
        work: "ImageWork",
        label: str,
        quiet: bool,
        caller: HostRun | None,
    ) -> None:
        self._making = work
        reporter = around.reporter
        self._lines = LineByLine(lambda number, data: reporter.output(action.label, number, data))
        super().__init__(action, around, {}, label, quiet, caller)

    def keep(self) -> "tuple[ImageReady, FileState]":
        """The image, which is made: it goes where it was asked to go, and this is how it is recorded.

        Raises:
            RunError: It can't go there.
        """
        return self._making.keep()

    def _whole(self) -> "Work":
        """All of it: wait until the image is there."""
        timeout = self.action.limits.timeout
        self.deadline = time.monotonic() + timeout / 1000 if timeout else 0.0
        job = Job(lambda job: self._making.run(lambda step, data: job.tell(lambda: self._told(step, data))))
        while not job.done:
            waiting = Building(job, self._making)
            self.process, self.streams = waiting, [waiting]
            outcome = yield waiting
            if self.expired:
                error = RunError(
                    f"`{self.action.label}` took longer than {duration_text(timeout)}",
                    self.action.position,
                    "",
                    TIMEOUT,
                )
                return Outcome(TIMEOUT, self.action.label, "", error)
            if outcome.failed or self.halted:
                return outcome if outcome.failed else HALTED
        self.deadline = 0.0
        job.report()
        self._lines.end()
        if job.error is None:
            return DONE
        if isinstance(job.error, RunError):
            # That there is no engine is no fault of the task.
            job.error.at = job.error.at or self.action.position
        return Outcome(job.error.status, self.action.label, "", job.error)

    def _told(self, step: str, data: bytes) -> None:
        if data:
            # What a builder writes is no task's own output: it belongs beside what is told.
            if not self.around.work.silent:
                self._lines.put(2, data)
            return
        self._lines.end()
        if not self.quiet:
            self.around.reporter.tell(CommandStarted(self.label, step))
