"""What a failed action seems to have lacked where only what it declares is to be seen, and the line to add."""

from runner.errors import RunError
from runner.execute.missed import Missed
from runner.execute.outcome import HALTED, Outcome
from runner.execute.proposal import source_line
from runner.model.path import resolved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.plan.action import Action
    from runner.plan.facts import Tree

_SIGNALLED = 128


def lacking(
    action: "Action",
    outcome: Outcome,
    told: bytes,
    *,
    top: str,
    root: str,
    has: "Callable[[str], bool]",
    tree: "Tree",
    place: str,
) -> Outcome:
    """What came of a failed action, with the sources that it seems to lack.

    Args:
        action: The action.
        outcome: What came of it.
        told: What its commands wrote last.
        top: The project's top folder, absolute.
        root: What stood for it.
        has: Whether there was something at a path of the project.
        tree: The project's files.
        place: What kind of place it was.
    """
    ours = outcome.label == action.label and outcome is not HALTED and outcome.status < _SIGNALLED
    missing = _missing(action, outcome, told, top, root, has) if ours else []
    if not missing:
        return outcome
    names = ", ".join(missing)
    first = outcome.command.strip().partition("\n")[0]
    message = f"`{action.label}` failed with exit status {outcome.status} in its {place}: {first}"
    if outcome.error is not None:
        message = f"in the {place} of `{action.label}` {outcome.error.message}"
    are = "is" if len(missing) == 1 else "are"
    hint = f"{names} {are} not to be seen there; add what it reads to the task:"
    line = source_line(action, missing, tree)
    error = RunError(message, action.position, f"{hint}\n    {line}", outcome.status)
    return Outcome(outcome.status, outcome.label, outcome.command, error)


def working_folders(action: "Action") -> "list[str]":
    """The folders in which an action's commands run, relative to the top; those outside are left out."""
    written = dict.fromkeys((action.dir, *(script.dir for script in action.scripts)))
    found = (resolved(folder) for folder in written)
    return [folder for folder in found if not folder.startswith(("/", "../")) and folder != ".."]


def _missing(
    action: "Action", outcome: Outcome, told: bytes, top: str, root: str, has: "Callable[[str], bool]"
) -> "list[str]":
    """The files that a failed command seems to have missed: what it names, else what its own text names."""
    targets = action.written

    def named(path: str) -> bool:
        return any(target.matches(path) or target.literal_prefix == path for target in targets)

    text = told.decode("utf-8", "replace")
    if outcome.error is not None:
        text += f"\n{outcome.error.message}"
    for one in (text, outcome.command):
        found: set[str] = set()
        for folder in working_folders(action):
            found.update(Missed(top, root, folder, named, has).paths(one))
        if found:
            return sorted(found)
    return []
