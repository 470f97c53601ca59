"""What `--audit` found, as text: a task after the other, with the lines that each lacks."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.events import TaskAudited

_MOST = 8
"""Files that are named one by one."""


def audit_text(findings: "Sequence[TaskAudited]") -> str:
    """What was found out about each task, in the order in which they ended."""
    return "".join(map(_of_task, findings)) or "nothing ran that could be looked at\n"


def _of_task(found: "TaskAudited") -> str:
    rows = []
    if found.reads:
        rows.append(f"reads without declaring it: {_names(found.reads)}")
    if found.writes:
        rows.append(f"writes without declaring it: {_names(found.writes)}")
    if found.lines:
        rows += ["add to the task:", *(f"  {line}" for line in found.lines)]
    if found.unread:
        rows.append(f"declares and never looks at: {_names(found.unread)}")
    if not (found.reads or found.writes):
        rows.insert(0, "declares all that it reads and writes")
    if found.failed:
        rows[0] += ", as far as it came before it failed"
    if len(rows) == 1:
        return f"{found.label}: {rows[0]}\n"
    return f"{found.label}:\n" + "".join(f"  {row}\n" for row in rows)


def _names(paths: "Sequence[str]") -> str:
    """Some names, and how many more there are."""
    more = len(paths) - _MOST
    shown = ", ".join(paths if more <= 1 else paths[:_MOST])
    return shown if more <= 1 else f"{shown} and {more} more"
