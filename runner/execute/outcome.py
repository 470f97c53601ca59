"""What came of doing something: success, or the first failure in time."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.errors import PyrunError


class Outcome:
    """How steps ended.

    Args:
        status: 0, or the exit status of what failed.
        label: What failed, as people call it; empty where that is whoever asks.
        command: The command that failed, or empty.
        error: What pyrun itself found wrong, or None.
    """

    __slots__ = ("command", "error", "label", "status")

    def __init__(
        self, status: int, label: str = "", command: str = "", error: "PyrunError | None" = None
    ) -> None:
        self.status = status
        self.label = label
        self.command = command
        self.error = error

    @property
    def failed(self) -> bool:
        """Whether it is a failure."""
        return self.status != 0 or self.error is not None


DONE = Outcome(0)
HALTED = Outcome(1)
"""What was not done because all is being stopped."""
STOPPED = Outcome(1)
"""What was told to stop, and ended well all the same: nothing of it is left undone, but that is no success."""


class Pause:
    """What is waited for: nothing but time.

    Args:
        seconds: How long.
    """

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
