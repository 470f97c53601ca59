"""Targets from the tree in which an action has made them to their places in the project."""

from runner.errors import RunError
from runner.execute.outcome import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.plan.action import Action
    from runner.system.fresh_tree import FreshTree


def take_out(action: "Action", tree: "FreshTree") -> Outcome | None:
    """Put targets in their places; None if all are there, else what is missing or in the way."""
    from runner.plan.select import select_targets  # noqa: PLC0415 - a task without files does without
    from runner.system.tree import DiskTree  # noqa: PLC0415

    targets = action.written
    for target in targets:
        needed = not (target.has_wildcard or target.text in action.maybe or action.traits.tusk)
        if needed and not tree.has(target.literal_prefix):
            hint = f"does its command write `{target.text}`, relative to the file's folder?"
            at = target.at or action.position
            error = RunError(f"`{action.label}` succeeded, but left no `{target.text}`", at, hint)
            return Outcome(error.status, action.label, "", error)
    whole = [t.literal_prefix for t in targets if not t.has_wildcard and tree.is_folder(t.literal_prefix)]
    found = select_targets(DiskTree(tree.root), targets)
    alone = [path for path in found if not path.startswith(tuple(f"{folder}/" for folder in whole))]
    try:
        tree.take_out([*whole, *alone])
    except OSError as failure:
        what = failure.filename2 or failure.filename or ""
        error = RunError(
            f"a target of `{action.label}` can't be put in its place: {failure.strerror}: {what}",
            action.position,
        )
        return Outcome(error.status, action.label, "", error)
    return None
