"""Signals as something to wait for, beside the output of tasks.

Handlers do nothing; the number of each signal comes out of a pipe, where the loop finds it.

The kernel drops what is sent to a container's first process unless that has a handler for it. So there the
`pyrun` script calls `end_on_signals` before it imports anything else, and until the loop is there a stop signal
does what it does to any other process.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    # `signal` would bring `enum` along, at a sixth of a whole start.
    import _signal as signal

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
PASSED = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)
"""What a container is sent for the service in it: to read its settings again, or an image's own stop signal."""
FIRST = 1
"""The number of a container's first process."""


def end_on_signals() -> None:
    """Let a stop signal end this process with 128 and its number, at once, as long as nothing runs."""
    for number in STOPS:
        # What the caller ignores (`nohup`) stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _frame: object) -> None:
    # The kernel takes along what was only asked, such as the command of a default.
    os._exit(128 + number)


class StoppedError(BaseException):
    """A stop signal came while this thread itself was at work; its number is in the pipe."""


class StopSignals:
    """While this lasts, signals are told by a pipe.

    Signals that came before are not lost: whoever had a handler was called before it was replaced.

    Attributes:
        reader: The end to poll.
    """

    __slots__ = ("_before", "_interrupting", "_passed", "_writer", "reader")

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(self._writer, False)
        self._before: dict[int, object] = {}
        self._interrupting = False
        self._passed: dict[int, None] = {}

    def __enter__(self) -> "StopSignals":  # noqa: PYI034 - `Self` is in `typing`
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        # Any other process is ended by these, or by default does not heed them.
        passed = PASSED if os.getpid() == FIRST else ()
        for number in (*STOPS, signal.SIGCHLD, *passed):
            # What the caller ignores (`nohup`) stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGCHLD:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)  # type: ignore[arg-type]
        os.close(self.reader)
        os.close(self._writer)

    def read(self) -> tuple[int, ...]:
        """The signals that came since the last call, each once, ends of children not among them."""
        try:
            data = os.read(self.reader, 4096)
        except BlockingIOError:
            return ()
        numbers = dict.fromkeys(data)
        self._passed.update((number, None) for number in numbers if number in PASSED)
        return tuple(number for number in numbers if number in STOPS)

    def passed(self) -> tuple[int, ...]:
        """The signals among those read that are for what runs and mean nothing to pyrun, each once."""
        numbers = tuple(self._passed)
        self._passed.clear()
        return numbers

    @property
    def handled(self) -> tuple[int, ...]:
        """The signals that a program put in this one's place should not find changed."""
        return tuple(self._before)

    def interruptible(self) -> "StopSignals.Interruptible":
        """A context in which a stop signal raises `StoppedError` in the main thread."""
        return StopSignals.Interruptible(self)

    def _note(self, number: int, _frame: object) -> None:
        """The pipe has the number; whoever can't look there is interrupted."""
        if self._interrupting and number in STOPS:
            self._interrupting = False
            raise StoppedError

    class Interruptible:
        """See `interruptible`."""

        __slots__ = ("_signals",)

        def __init__(self, signals: "StopSignals") -> None:
            self._signals = signals

        def __enter__(self) -> None:
            self._signals._interrupting = True  # noqa: SLF001 - its own outer class

        def __exit__(self, *_: object) -> None:
            self._signals._interrupting = False  # noqa: SLF001 - its own outer class
