"""Every line that a task writes behind the task's name, as `api:build | compiling`."""

from runner.ui.plain import PlainReporter, Told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.events import Reporter


class PrefixedReporter(PlainReporter):
    """Shows what each task writes behind its name."""

    captures = True

    def begin(self, label: str, *, server: bool, direct: bool, last: bool = False) -> "Reporter":  # noqa: ARG002
        """Who is told what a task does."""
        return Prefixed(self, label, self.entered(label, server=server, direct=direct))

    def output(self, label: str, number: int, data: bytes) -> None:
        """Show what a task has written."""
        self.put(number, prefixed(label, data))


class Prefixed(Told):
    """Who is told what one task does, its name in front of each line that it writes."""

    __slots__ = ()

    def output(self, label: str, number: int, data: bytes) -> None:  # noqa: ARG002 - its own is known
        """Show what the task has written."""
        self.owner.put(number, prefixed(self.label, data))


def prefixed(label: str, data: bytes) -> bytes:
    """Lines with a task's name in front of each; a part of a line becomes one, so that no two tasks share one."""
    prefix = f"{label} | ".encode("utf-8", "surrogateescape")
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return b"".join(prefix + line + b"\n" for line in lines)
