"""The terminal that this program was started from, while another one is given to a command.

Keys must reach the command's own terminal one by one, and what they do there is shown by that one alone; but
Ctrl-C and its like stay signals, so that whoever waits for this program notices them too.
"""

import fcntl
import os
import signal
import termios

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_IFLAG, _LFLAG, _CC = 0, 3, 6


class Keyboard:
    """Stdin, if it is a terminal that this program may read from.

    Attributes:
        there: Whether it is.
    """

    __slots__ = ("_before", "there")

    def __init__(self) -> None:
        self._before: list[int | list[bytes | int]] | None = None
        try:
            self.there = os.isatty(_STDIN) and os.tcgetpgrp(_STDIN) == os.getpgrp()
        except OSError:
            self.there = False

    def pass_keys(self) -> None:
        """Let every key through at once and show none."""
        if not self.there:
            return
        self._before = termios.tcgetattr(_STDIN)
        mode = termios.tcgetattr(_STDIN)
        mode[_LFLAG] &= ~(termios.ECHO | termios.ICANON)
        mode[_IFLAG] &= ~(termios.ICRNL | termios.IXON)
        mode[_CC][termios.VMIN], mode[_CC][termios.VTIME] = 1, 0
        self._set(mode)

    def restore(self) -> None:
        """Be what it was before."""
        if self._before is not None:
            self._set(self._before)
            self._before = None

    def _set(self, mode: list[int | list[bytes | int]]) -> None:
        # A program that is no longer in the foreground would be stopped here.
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        try:
            termios.tcsetattr(_STDIN, termios.TCSADRAIN, mode)
        except termios.error:
            # The terminal is gone, and its mode with it.
            pass
        finally:
            signal.signal(signal.SIGTTOU, before)


def copy_size(terminal: int) -> None:
    """Give a terminal the size in characters of the one that this program shows its output on, if any."""
    for fd in (_STDOUT, _STDIN, _STDERR):
        try:
            size = fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
        except OSError:
            continue
        return
