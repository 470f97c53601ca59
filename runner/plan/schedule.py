"""Which action may start now: wanted, ready, running, done. Runs nothing and knows no clock."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.plan.action import Action, Plan


class Schedule:
    """The order of work on a plan, longest way to the end first.

    Args:
        plan: What is to be done.
        durations: How long actions took last time, in milliseconds, by id.
    """

    def __init__(self, plan: "Plan", durations: "Mapping[str, int]") -> None:
        self._actions = {action.id: action for action in plan.scheduled}
        self._waits = {action.id: len(action.deps) for action in plan.scheduled}
        self._users: dict[str, list[str]] = {action.id: [] for action in plan.scheduled}
        for action in plan.scheduled:
            for dep in action.deps:
                self._users[dep].append(action.id)
        self._weight: dict[str, int] = {}
        for action in reversed(plan.scheduled):
            behind = max((self._weight[user] for user in self._users[action.id]), default=0)
            self._weight[action.id] = behind + max(1, durations.get(action.id, 1))
        place = {action.id: number for number, action in enumerate(plan.scheduled)}
        self._rank = {name: (-weight, place[name]) for name, weight in self._weight.items()}
        self._ready = sorted(
            (name for name, count in self._waits.items() if not count),
            key=self._rank.__getitem__,
            reverse=True,
        )
        self._stopped = False
        self._blocked: set[str] = set()
        self.unfinished = len(self._actions)

    def ready(self) -> bool:
        """Whether an action could start now."""
        return bool(self._ready)

    def start(self) -> "Action":
        """Take the next action; only while `ready`."""
        return self._actions[self._ready.pop()]

    def finish(self, name: str) -> None:
        """An action is done; what needed only this may start."""
        self.unfinished -= 1
        grown = False
        for user in self._users[name]:
            self._waits[user] -= 1
            if not self._waits[user] and not self._stopped and user not in self._blocked:
                self._ready.append(user)
                grown = True
        if grown:
            self._ready.sort(key=self._rank.__getitem__, reverse=True)

    def fail(self, name: str) -> None:
        """An action failed: what needs it, directly or not, will not start, and all else may."""
        self.unfinished -= 1
        left = list(self._users.get(name, ()))
        while left:
            user = left.pop()
            if user not in self._blocked:
                self._blocked.add(user)
                self.unfinished -= 1
                left += self._users[user]

    def stop(self) -> None:
        """Let nothing start any more, whatever finishes."""
        self._stopped = True
        self._ready.clear()
