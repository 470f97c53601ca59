"""Why an action must run: what is observed against what is recorded, in words."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.plan.file_state import FileState, LogEntry

NEVER = "it has not run here yet"


def key_change(entry: "LogEntry", parts: "Sequence[tuple[str, str]]", sources: "Sequence[FileState]") -> str:
    """The first thing that differs between a record and what is there now, in words; empty if nothing does."""
    before, now = dict(entry.parts), dict(parts)
    for what, digest in parts:
        if what not in before:
            return f"{what} is new"
        if before[what] != digest:
            return f"{what} changed"
    for what in before:
        if what not in now:
            return f"{what} is gone"
    return files_change(entry.sources, sources)


def files_change(before: "Sequence[FileState]", now: "Sequence[FileState]") -> str:
    """The first file that differs between two lists, in words; empty if none does."""
    known = {state.path: state for state in before}
    for state in now:
        old = known.pop(state.path, None)
        if old is None:
            return f"{state.path} is new"
        if old.digest != state.digest:
            return f"{state.path} changed"
        if old.executable != state.executable:
            return f"the executable bit of {state.path} changed"
    for path in known:
        return f"{path} is gone"
    return ""


def targets_change(entry: "LogEntry", now: "Sequence[FileState]") -> str:
    """The first target that is not as recorded, in words; empty if all are."""
    change = files_change(entry.targets, now)
    return f"the target {change}" if change else ""
