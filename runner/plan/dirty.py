"""Why an action must run: what is observed against what is recorded, in words."""

from runner.plan.file_state import BEGUN, CHANGED, FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runner.plan.file_state import FileState, LogEntry

NEVER = "it has not run here yet"
MARKED = {
    BEGUN: "its last run was cut short",
    FAILED: "it did not succeed last time",
    CHANGED: "a source changed while it ran last time",
}
"""Why a record does not count, by how the run after it is marked."""
_BIT_OF = "the executable bit of "
NEW, OTHER, GONE, BIT = "is new", "changed", "is gone", "executable bit"
"""How something differs from what is recorded; of a file that is still there, also only in its executable bit."""


def key_change(entry: "LogEntry", parts: "Sequence[tuple[str, str]]", sources: "Sequence[FileState]") -> str:
    """The first thing that differs between a record and what is there now, in words; empty if nothing does."""
    for what, how in part_changes(entry.parts, parts):
        return f"{what} {how}"
    return files_change(entry.sources, sources)


def part_changes(
    before: "Sequence[tuple[str, str]]", now: "Sequence[tuple[str, str]]"
) -> "Iterator[tuple[str, str]]":
    """What differs between two lists of things with their digests: what, and NEW, OTHER or GONE."""
    known = dict(before)
    for what, digest in now:
        old = known.pop(what, None)
        if old != digest:
            yield what, NEW if old is None else OTHER
    for what in known:
        yield what, GONE


def files_change(before: "Sequence[FileState]", now: "Sequence[FileState]") -> str:
    """The first file that differs between two lists, in words; empty if none does."""
    for path, how in file_changes(before, now):
        return f"{_BIT_OF}{path} {OTHER}" if how == BIT else f"{path} {how}"
    return ""


def file_changes(before: "Sequence[FileState]", now: "Sequence[FileState]") -> "Iterator[tuple[str, str]]":
    """The files that differ between two lists: path, and NEW, OTHER, BIT or GONE."""
    known = {state.path: state for state in before}
    for state in now:
        old = known.pop(state.path, None)
        if old is None:
            yield state.path, NEW
        elif old.digest != state.digest:
            yield state.path, OTHER
        elif old.executable != state.executable:
            yield state.path, BIT
    for path in known:
        yield path, GONE


def targets_change(entry: "LogEntry", now: "Sequence[FileState]") -> str:
    """The first target that is not as recorded, in words; empty if all are."""
    change = files_change(entry.targets, now)
    if change.startswith(_BIT_OF):
        return f"{_BIT_OF}the target {change.removeprefix(_BIT_OF)}"
    return f"the target {change}" if change else ""
