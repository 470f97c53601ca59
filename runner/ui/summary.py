"""What came of all tasks, in a line at the end."""

from runner.events import Event, ImageReady, TaskFailed, TaskFinished, TaskRestored, TaskSkipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Counts:
    """How many tasks ended in which way.

    Args:
        ended: How each has ended, in time.

    Attributes:
        saved: Milliseconds that those took earlier which did not have to run now.
    """

    __slots__ = ("failed", "ran", "restored", "saved", "skipped")

    def __init__(self, ended: "Sequence[Event]") -> None:
        images = [event.skipped for event in ended if isinstance(event, ImageReady)]
        self.failed = sum(isinstance(event, TaskFailed) for event in ended)
        self.ran = sum(isinstance(event, TaskFinished) for event in ended) + images.count(False)
        self.skipped = sum(isinstance(event, TaskSkipped) for event in ended) + images.count(True)
        self.restored = sum(isinstance(event, TaskRestored) for event in ended)
        self.saved = sum(
            event.milliseconds for event in ended if isinstance(event, (TaskRestored, TaskSkipped))
        )


def summary(ended: "Sequence[Event]") -> str:
    """The line: `ran 3, up to date 5, restored 2, failed 1; saved 12 s`, without what is none.

    Args:
        ended: How each task has ended, in time.
    """
    counts = Counts(ended)
    numbers = (
        ("ran", counts.ran),
        ("up to date", counts.skipped),
        ("restored", counts.restored),
        ("failed", counts.failed),
    )
    text = ", ".join(f"{word} {number}" for word, number in numbers if number) or "nothing was done"
    saved = counts.saved // 1000
    return f"{text}; saved {_time(saved)}" if saved else text


def _time(seconds: int) -> str:
    """Seconds as people read them; a part of the smaller unit is left out."""
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} m {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} m"
