"""What stands before what: order, cycles, and targets that get in each other's way."""

from runner.errors import PlanError
from runner.plan.pattern import overlap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.location import Position
    from runner.plan.action import Action
    from runner.plan.pattern import Pattern


def ordered(
    starts: "Sequence[str]",
    deps: "Mapping[str, tuple[tuple[str, Position], ...]]",
    labels: "Mapping[str, str]",
) -> "tuple[str, ...]":
    """All that is reached from some starts, each behind what it needs or calls, in the order of the file.

    Args:
        starts: Where to begin.
        deps: For each what it needs, and where that is said.
        labels: What people call each.

    Raises:
        PlanError: One needs itself, directly or through others; the way is shown.
    """
    done: dict[str, None] = {}
    for start in starts:
        way: dict[str, int] = {start: 0} if start not in done else {}
        while way:
            at = next(reversed(way))
            needs = deps[at]
            if way[at] == len(needs):
                way.popitem()
                done[at] = None
                continue
            need, position = needs[way[at]]
            way[at] += 1
            if need in way:
                names = list(way)
                circle = [*names[names.index(need) :], need]
                shown = " → ".join(labels[name] for name in circle)
                raise PlanError(
                    f"`{labels[need]}` needs itself: {shown}",
                    position,
                    "take one of these deps or calls away",
                )
            if need not in done:
                way[need] = 0
    return tuple(done)


def check_targets(actions: "Sequence[Action]", files: "Sequence[str]") -> None:
    """Refuse targets that would take what is not the task's, and two actions that write the same.

    Args:
        actions: The actions of a plan.
        files: The files that the tasks stand in, relative to the top folder.

    Raises:
        PlanError: Two do; both are named.
    """
    literal: dict[str, tuple[Action, Pattern]] = {}
    wild: list[tuple[Action, Pattern]] = []
    for action in actions:
        for target in action.written:
            _check_own(action, target, files)
        for target in action.targets or ():
            if target.has_wildcard:
                wild.append((action, target))
                continue
            known, _ = literal.setdefault(target.literal_prefix, (action, target))
            if known is not action:
                raise _clash(known, action, target)
    for path, (action, target) in literal.items():
        above = path
        while "/" in above:
            above = above.rpartition("/")[0]
            known, _ = literal.get(above, (action, target))
            if known is not action:
                raise _clash(known, action, target)
    for number, (action, target) in enumerate(wild):
        for other, theirs in (*literal.values(), *wild[:number]):
            if other is not action and overlap(target, theirs):
                raise _clash(other, action, target)


def check_images(actions: "Sequence[Action]") -> None:
    """Refuse two actions that make an image of the same name and tag.

    Raises:
        PlanError: Two do; both are named.
    """
    known: dict[str, Action] = {}
    for action in actions:
        image = action.image
        for tag in image.tags if image is not None else ():
            name = f"{image.name}:{tag}" if image is not None else ""
            other = known.setdefault(name, action)
            if other is not action:
                raise PlanError(
                    f"`{other.label}` and `{action.label}` both make the image `{name}`",
                    action.position,
                    "give each a name or tag of its own",
                )


def _check_own(action: "Action", target: "Pattern", files: "Sequence[str]") -> None:
    """Refuse a target that holds the tasks' own file, or lies in what is git's or pyrun's."""
    first = target.literal_prefix.partition("/")[0]
    taken = next((file for file in files if target.matches(file)), "")
    if first in {".git", ".pyrun"} or (not first and not target.has_wildcard) or taken:
        what = f"`{first}`" if first in {".git", ".pyrun"} else f"`{taken or files[0]}` itself"
        raise PlanError(
            f"the target `{target.text}` would take {what} along",
            target.at or action.position,
            "name the files or the folder that the task makes",
        )


def _clash(one: "Action", other: "Action", target: "Pattern") -> PlanError:
    return PlanError(
        f"`{one.label}` and `{other.label}` both write `{target.text}`",
        target.at or other.position,
        "give each a target of its own",
    )
