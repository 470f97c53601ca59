"""What is at work: an action, and those that it has called and waits for."""

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.execute.host import HostRun
    from runner.execute.verdict import Verdict


class Part:
    """One action of those that an item is at work on: the item's own, or one that is called."""

    __slots__ = ("began", "run", "verdict")

    def __init__(self, run: "HostRun", verdict: "Verdict") -> None:
        self.run = run
        self.verdict = verdict
        self.began = time.monotonic()


class Item:
    """An action at work, with those that it has called and waits for.

    Attributes:
        first: What runs for the action itself.
        overdue: When what has taken too long and was told to stop is ended by force, or 0.
        below: What was below it when it was told.
    """

    __slots__ = ("action", "below", "first", "overdue", "parts", "server", "terminal")

    def __init__(self, part: Part, server: bool) -> None:
        self.action = part.run.action
        self.parts = [part]
        self.first = part.run
        self.server = server
        self.terminal = part.run.lends_terminal
        self.overdue = 0.0
        self.below: tuple[tuple[int, str], ...] = ()

    @property
    def run(self) -> "HostRun":
        """What runs: the last that was called."""
        return self.parts[-1].run

    def halt(self) -> None:
        """Let no step begin any more, but those of `finally`."""
        for part in self.parts:
            part.run.halted = True

    def cleans(self) -> bool:
        """Whether something comes in the end whatever happens."""
        return any(part.run.has_last for part in self.parts)

    def expire(self, now: float) -> bool:
        """Whether one of its tries has taken too long; then no step of it begins any more."""
        late = next((n for n, part in enumerate(self.parts) if 0 < part.run.deadline <= now), None)
        if late is None:
            return False
        self.parts[late].run.expired = True
        self.parts[late].run.deadline = 0.0
        for part in self.parts[late + 1 :]:
            part.run.halted = True
        return True

    def deadlines(self) -> "list[float]":
        """When something of it is to be ended, as `time.monotonic` counts."""
        found = [part.run.deadline for part in self.parts if part.run.deadline]
        return [self.overdue] if self.overdue else found
