"""What needs what, as a tree of lines."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.plan.action import Action, Plan

_DEEPEST = 100
"""Levels of the tree that are shown."""


def graph_tree(plan: "Plan") -> str:
    """A tree for each thing that was asked for: what it needs first, then what it calls.

    What has been shown with all beneath it is not unfolded again.
    """
    actions = {action.id: action for action in plan.actions}
    seen: set[str] = set()
    lines: list[str] = []
    for name in plan.asked:
        lines.append(actions[name].label)
        _unfold(actions, name, "", seen, lines)
    return "".join(f"{line}\n" for line in lines)


def _unfold(
    actions: "Mapping[str, Action]", name: str, indent: str, seen: set[str], lines: list[str]
) -> None:
    action = actions[name]
    seen.add(name)
    own = [need for need in action.deps if need not in _needed_below(actions, action)]
    below = [(need, _mark(actions[need])) for need in own]
    below += [(called, " (called at its turn)") for called in action.calls]
    for number, (need, mark) in enumerate(below):
        last = number == len(below) - 1
        again = need in seen and bool(actions[need].deps or actions[need].calls)
        shown = f"{actions[need].label}{mark}{' (see above)' if again else ''}"
        lines.append(f"{indent}{'└─ ' if last else '├─ '}{shown}")
        if not again and len(indent) < 3 * _DEEPEST:
            _unfold(actions, need, f"{indent}{'   ' if last else '│  '}", seen, lines)


def _mark(action: "Action") -> str:
    """What sets an action apart."""
    return " (server)" if action.persistent else ""


def _needed_below(actions: "Mapping[str, Action]", action: "Action") -> set[str]:
    """What an action needs only because something that it calls does: shown there."""
    below: set[str] = set()
    left = list(action.calls)
    while left:
        called = actions[left.pop()]
        below |= set(called.deps)
        left += called.calls
    return below - set(action.own_deps)
