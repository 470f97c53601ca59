"""What would become of an action and why, as it is told to people. Frozen values, no behaviour."""

from runner.model.record import Record

RUNS, UP_TO_DATE, RESTORED, LATER, IDLE = "runs", "up to date", "restored", "later", "idle"
"""What would become of an action. LATER: what it needs would run first and decides; IDLE: a server that nobody
needs."""


class Difference(Record):
    """One thing that is not as recorded.

    Args:
        what: What: its kind and name, never a value.
        how: What became of it: it `is new`, `changed` or `is gone`.
        dep: The id of the dep that it is, or empty.
    """

    FIELDS = ("what", "how", "dep")
    __slots__ = FIELDS

    def __init__(self, what: str, how: str, dep: str = "") -> None:
        self.what = what
        self.how = how
        self.dep = dep


class Answer(Record):
    """What would become of an action, and why.

    Args:
        state: What would become of it.
        why: Why, where that is not the differences alone; or empty.
        waits: The label of what would run first and decides, or empty.
        differences: All that is not as it was in its last good run.
        when: The end of that run, in seconds since 1970; 0 if that is not known.
        succeeded: Whether there was such a run.
        made: How its result was made, or empty.
        layers: Of an image what is said of its layers that hang on what is still to be made, a line each.
    """

    FIELDS = ("state", "why", "waits", "differences", "when", "succeeded", "made", "layers")
    __slots__ = FIELDS

    def __init__(
        self,
        state: str,
        why: str,
        waits: str = "",
        differences: tuple[Difference, ...] = (),
        when: int = 0,
        succeeded: bool = False,
        made: str = "",
        layers: tuple[str, ...] = (),
    ) -> None:
        self.state = state
        self.why = why
        self.waits = waits
        self.differences = differences
        self.when = when
        self.succeeded = succeeded
        self.made = made
        self.layers = layers
