"""Why actions would run or need not, as text: a tree of what was asked for and what it needs, each once."""

import time
from collections.abc import Mapping

from runner.plan.action import Plan
from runner.plan.explanation import IDLE, LATER, RESTORED, RUNS, UP_TO_DATE, Answer, Difference
from runner.plan.file_state import CONTAINER, HERMETIC, HOST, SANDBOX
from runner.plan.file_state import RESTORED as FROM_STORE

_WORDS = {
    "key version": "what pyrun takes into account",
    "platform": "the platform",
    "interpreter": "the interpreter",
    "targets": "the list of targets",
}
_MADE = {
    HOST: "made on the host",
    SANDBOX: "made in a sandbox",
    CONTAINER: "made in a container",
    HERMETIC: "made in a container that saw what it declares",
}
_DEEPEST = 60
"""Levels that are indented; what lies deeper comes behind, as if asked for."""


def why_text(plan: Plan, answers: Mapping[str, Answer]) -> str:
    """A tree for each thing that was asked for: what differs, then what it needs.

    Args:
        plan: The plan.
        answers: For each action, by id, what would become of it.
    """
    return _Tree(plan, answers).text()


class _Tree:
    def __init__(self, plan: Plan, answers: Mapping[str, Answer]) -> None:
        self.plan = plan
        self.answers = answers
        self.actions = {action.id: action for action in plan.actions}
        self.seen: set[str] = set()
        self.lines: list[str] = []
        self.left: list[str] = []

    def text(self) -> str:
        """All of it."""
        self.left = list(reversed(self.plan.asked))
        while self.left:
            name = self.left.pop()
            if name not in self.seen:
                self.unfold(name, 0)
        return "".join(f"{line}\n" for line in self.lines)

    def unfold(self, name: str, depth: int) -> None:
        """An action, what differs, and what it needs and calls that was not told yet."""
        if depth > _DEEPEST:
            self.left.append(name)
            return
        self.seen.add(name)
        action, answer = self.actions[name], self.answers[name]
        self.tell(depth, f"{action.label}: {_state(answer)}")
        if answer.state == UP_TO_DATE:
            self.tell(depth + 1, _made(answer))
        for layer in answer.layers:
            self.tell(depth + 1, layer)
        for difference in answer.differences:
            below = difference.dep
            again = " (see above)" if below in self.seen else ""
            self.tell(depth + 1, f"{_difference(difference)}{again}")
            if below and not again:
                self.unfold(below, depth + 2)
        for need in (*action.deps, *action.calls):
            if need not in self.seen:
                self.unfold(need, depth + 1)

    def tell(self, depth: int, text: str) -> None:
        """One line."""
        self.lines.append("  " * depth + text)


def _state(answer: Answer) -> str:
    if answer.state == UP_TO_DATE:
        return f"up to date ({answer.why})"
    if answer.state == IDLE:
        return f"would not start, because {answer.why}"
    words = "would be restored from the store" if answer.state == RESTORED else "would run"
    if answer.state == LATER:
        words = f"is decided when `{answer.waits}` is done" if answer.waits else "is decided at its turn"
    if answer.why:
        words += f", because {answer.why}" if answer.state == RUNS else f"; {answer.why}"
    if not answer.succeeded:
        return words
    last = f"it last succeeded{_time(answer.when)}"
    if answer.differences:
        return f"{words}; since {last}:"
    return f"{words}; nothing {'of its own ' * bool(answer.waits)}has changed since {last}"


def _difference(difference: Difference) -> str:
    what = difference.what
    if what.startswith("answer to "):
        what = f"the answer of the condition on {what.removeprefix('answer to ')}"
    return f"{_WORDS.get(what, what)} {difference.how}"


def _made(answer: Answer) -> str:
    how = answer.made.removesuffix(FROM_STORE)
    restored = ", restored from the store" if how != answer.made else ""
    return f"{_MADE.get(how, f'made by {how}')}{restored}{_time(answer.when)}"


def _time(when: int) -> str:
    """A moment in the user's own time; empty if it is not known."""
    return f" on {time.strftime('%Y-%m-%d at %H:%M:%S', time.localtime(when))}" if when else ""
