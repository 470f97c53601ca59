"""Bringing all that runs to an end, and knowing when it has.

A stop signal goes to every process group. What has left its group is told when nobody is left who could have
told it; what ignores all that is killed after a grace time. Knows processes, and not what they were for.
"""

import time

from runner.system.process import kill_left, members, signal_strays, still_there

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.execute.host import HostRun
    from runner.system.process import Process

SIGPIPE = 13
GRACE = 10.0
"""Seconds between a stop signal and the end by force."""
_LOOK_AGAIN = 20.0
"""Milliseconds between two looks at processes that are leaving."""
_DEAF = 1.0
"""Seconds after which what is left of a task is taken to have ignored a signal of the keyboard."""
SIGTERM = 15
_SIGINT, _SIGQUIT = 2, 3


class Stopping:
    """The end of a run, from the first signal on.

    Attributes:
        begun: Whether all that runs was told to stop.
        caught: The stop signal that came from outside, or 0.
    """

    __slots__ = ("_below", "_deadline", "_leaving", "_one_by_one", "_told", "_told_strays", "begun", "caught")

    def __init__(self) -> None:
        self.begun = False
        self.caught = 0
        self._deadline = 0.0
        self._below: list[tuple[int, str]] = []
        self._leaving: dict[int, HostRun] = {}
        self._told_strays: float | None = None
        self._one_by_one = False
        self._told: HostRun | None = None

    def catch(self, number: int, runs: "Iterable[HostRun]") -> None:
        """A stop signal came: pass it on, the last started first; a second one ends all at once."""
        if self.caught:
            self.kill(runs)
            return
        self.caught = number
        self.begin(SIGTERM if number == SIGPIPE else number, runs)

    def begin(self, number: int, runs: "Iterable[HostRun]") -> None:
        """Tell all that runs to stop, the last started first."""
        self.begun = True
        self._one_by_one = False
        self._deadline = time.monotonic() + GRACE
        for run in reversed(list(runs)):
            self._below += run.signal(number)

    def servers(self, runs: "Iterable[HostRun]") -> None:
        """Nobody needs the servers that run any longer: the last started is told first, the next when it ended."""
        if not self.begun:
            self.begun = self._one_by_one = True
            self.ended(runs)

    def ended(self, runs: "Iterable[HostRun]") -> None:
        """Something has ended: where servers are told one by one, the next one's turn has come."""
        left = list(runs)
        if self._one_by_one and left and self._told not in left:
            self._told = left[-1]
            self._deadline = time.monotonic() + GRACE
            self._below += self._told.signal(SIGTERM)

    def kill(self, runs: "Iterable[HostRun]") -> None:
        """End all that runs, and what is left of what ran, by force."""
        for run in runs:
            run.kill()
        kill_left(self._below)
        self._deadline = time.monotonic() + GRACE

    def force(self, runs: "Iterable[HostRun]") -> None:
        """The grace time is over: end by force what was told to stop."""
        self.kill([run for run in runs if not self._one_by_one or run is self._told])

    def orphans(self, process: "Process") -> None:
        """A server has ended by itself: what it has left in its group is of no use without it."""
        left = members(process.pid)
        if left:
            process.signal(SIGTERM)
            self._below += left

    def leave(self, pid: int, run: "HostRun") -> None:
        """The main process of a task has ended; what it started may still have to say how it ends."""
        run.process = None
        self._leaving[pid] = run

    def leaving(self) -> "Iterable[HostRun]":
        """The tasks whose main process has ended."""
        return self._leaving.values()

    def unfinished(self, *, running: bool) -> bool:
        """Whether something that was told to stop is still at it although its main process has ended.

        Args:
            running: Whether main processes are still there: then what they started is theirs to tell.
        """
        if not self.begun and (running or not self._below):
            return False
        self._below = still_there(self._below)
        if not self.begun and self._below:
            self.begun = True
            self._deadline = time.monotonic() + GRACE
        if not self._below or running:
            return bool(self._below)
        now = time.monotonic()
        if self._told_strays is None:
            # What left its group has not heard of the stop yet, and who could have told it is gone.
            self._told_strays = now
            signal_strays(self._below, tuple(self._leaving), SIGTERM)
        elif self.caught in {_SIGINT, _SIGQUIT} and now > self._told_strays + _DEAF:
            # A shell's background jobs ignore what the keyboard sends.
            self._told_strays = now + GRACE
            signal_strays(self._below, (), SIGTERM)
        return True

    def timeout(self, *, running: bool) -> float | None:
        """How many milliseconds to wait at the most for the next thing to happen; None for as long as it takes."""
        if not self.begun:
            return None
        left = max(0.0, self._deadline - time.monotonic()) * 1000
        # Nobody tells when a process ends that is not a child of ours.
        return left if running else min(left, _LOOK_AGAIN)

    def overdue(self) -> bool:
        """Whether the grace time is over."""
        return self.begun and time.monotonic() >= self._deadline

    def end(self) -> None:
        """Pass on what the last ones wrote."""
        for run in self._leaving.values():
            run.close_streams()
