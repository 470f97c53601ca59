"""When to try again, and how long to wait before.

What may pass by itself is tried again: a cut connection, a server that is overloaded or being replaced. Each pause
is twice the last one, with some chance in it, so that many that failed at once do not come back at once. A server
that says when to come back is obeyed, within reason.
"""

import email.utils
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from runner.errors import RunError

TEMPORARY = frozenset((408, 425, 429, 500, 502, 503, 504))
"""The statuses of HTTP that may pass by themselves."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on.

    Args:
        attempts: How often something is tried in a row without any progress.
        first_attempts: The same for a server with which no connection has ever come about, which may not be there.
        pause: Seconds of the first pause.
        longest_pause: Seconds of the longest pause that is chosen here.
        longest_wait: Seconds of the longest pause that a server may ask for.
        connect: Seconds for a connection to come about.
        read: Seconds in which something must come from the server.
        probe: Seconds in which a server that broke off plain HTTP must have answered in TLS.
    """

    attempts: int = 7
    first_attempts: int = 3
    pause: float = 0.25
    longest_pause: float = 8.0
    longest_wait: float = 60.0
    connect: float = 10.0
    read: float = 120.0
    probe: float = 2.0


class TemporaryError(Exception):
    """Something failed that may succeed when it is tried again.

    Args:
        message: What, in one sentence without a full stop.
        wait: Seconds after which the server wants to be asked again; None if it does not say.
        connected: Whether there was a connection.
    """

    def __init__(self, message: str, wait: float | None = None, *, connected: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.wait = wait
        self.connected = connected


class Tries:
    """One thing's attempts.

    Args:
        patience: How long to go on.
        sleep: Waits so many seconds.
    """

    def __init__(self, patience: Patience, sleep: Callable[[float], None]) -> None:
        self._patience = patience
        self._sleep = sleep
        self._failed = 0

    def progress(self) -> None:
        """Something has come about: what fails from now on is counted anew."""
        self._failed = 0

    def pause(self, error: TemporaryError) -> None:
        """Wait before the next attempt.

        Raises:
            RunError: There is to be none.
        """
        patience = self._patience
        self._failed += 1
        most = patience.attempts if error.connected else patience.first_attempts
        if self._failed >= most:
            times = f" ({self._failed} attempts)" if self._failed > 1 else ""
            raise RunError(f"{error.message}{times}") from None
        if error.wait is not None and error.wait > patience.longest_wait:
            raise RunError(
                f"{error.message}; it wants to be asked again in {error.wait:.0f} seconds",
                hint="run again then",
            ) from None
        pause = min(patience.longest_pause, patience.pause * 2 ** (self._failed - 1))
        pause *= random.uniform(0.5, 1)  # noqa: S311 - no secret hangs on it
        self._sleep(max(pause, error.wait or 0))


def retry_after(text: str) -> float | None:
    """The seconds that a header `Retry-After` asks for: a number of them, or a date; None if it says neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    try:
        return max(0.0, date.timestamp() - time.time())
    except (OverflowError, OSError):
        return None
