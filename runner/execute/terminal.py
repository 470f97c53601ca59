"""Who has the terminal: pyrun, or the one task that it is lent to.

The task that was asked for is a process group of its own, so the terminal must be handed to it and taken
back, as a shell does it; and where the user stops the task with Ctrl-Z, pyrun stops with it.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal

    from runner.system.process import Process
else:
    # `signal` would bring `enum` along, at a sixth of a whole start.
    import _signal as signal

_STDIN = 0


class Terminal:
    """The terminal that pyrun was started from, if there is one and pyrun has it."""

    __slots__ = ("_lent", "_mine")

    def __init__(self) -> None:
        self._lent = False
        self._mine: bool | None = None

    def lend(self) -> int | None:
        """The terminal to hand to a task; None where there is none to give."""
        if self._mine is None:
            try:
                self._mine = os.isatty(_STDIN) and os.tcgetpgrp(_STDIN) == os.getpgrp()
            except OSError:
                self._mine = False
        self._lent = self._lent or self._mine
        return _STDIN if self._mine else None

    def take_back(self) -> None:
        """Be the terminal's foreground again."""
        if not self._lent:
            return
        self._lent = False
        self._give(os.getpgrp())

    def suspend(self, process: "Process") -> None:
        """The task was stopped: stop too, and go on with it when told to."""
        if not self._lent:
            return
        self._give(os.getpgrp())
        os.kill(os.getpid(), signal.SIGSTOP)
        self._give(process.pid)
        process.signal(signal.SIGCONT)

    def _give(self, group: int) -> None:
        """Make a group the foreground; a background process that does so is stopped unless it ignores that."""
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        try:
            os.tcsetpgrp(_STDIN, group)
        except OSError:
            pass
        finally:
            signal.signal(signal.SIGTTOU, before if before is not None else signal.SIG_DFL)
