"""What a run of a plan would do, as far as that is known before anything runs. Writes nothing."""

from runner.execute.servers import foreground_servers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.execute.ports import Results
    from runner.execute.verdict import Judge
    from runner.plan.action import Plan


def look_ahead(plan: "Plan", judge: "Judge", open_results: "Callable[[], Results | None]") -> dict[str, str]:
    """For each action, by id, what is known of whether it must run, in words.

    Args:
        plan: The plan.
        judge: Says what must run.
        open_results: Gives what was made before, or None where nothing is kept.

    Raises:
        PlanError: A source matches nothing.
        RunError: An image's base is not there.
    """
    words: dict[str, str] = {}
    labels = {action.id: action.label for action in plan.actions}
    idle: set[str] = set()
    # What an action is decided by, where that is still to be made: for a server what its own key hangs on.
    late: dict[str, str] = {}
    for action in plan.actions:
        waits = next((late[dep] for dep in action.deps if dep in late), "")
        always = judge.always(action)
        if waits or (always and not action.persistent):
            late[action.id] = waits if action.persistent else labels[action.id]
            words[action.id] = f"would run, because {always}" if always else _decided_later(waits)
            continue
        verdict = judge.verdict(action)
        if action.persistent:
            judge.note_server(action, verdict)
        elif verdict.skip:
            judge.assume(action, verdict)
            idle.add(action.id)
        else:
            late[action.id] = labels[action.id]
        if verdict.skip:
            words[action.id] = f"up to date ({verdict.why})"
            continue
        results = open_results() if action.restorable and not judge.forced else None
        found = results is not None and results.find(action, verdict.key, judge.made_in(action)) is not None
        words[action.id] = f"would {'be restored' if found else 'run'}, because {verdict.why}"
    for name in idle_servers(plan, idle):
        words[name] = "would not start, because nothing that needs it would run"
    return words


def _decided_later(waits: str) -> str:
    return f"is decided when `{waits}` is done"


def idle_servers(plan: "Plan", idle: set[str]) -> set[str]:
    """The servers that only actions need that are up to date, and servers that are idle for that reason."""
    stay = foreground_servers(plan)
    found: set[str] = set()
    for action in reversed(plan.actions):
        if action.persistent and action.id not in stay:
            users = [user.id for user in plan.actions if action.id in user.deps]
            if all(user in idle or user in found for user in users):
                found.add(action.id)
    return found
