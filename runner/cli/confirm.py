"""Asking before anything runs: a task's `confirm`."""

import os

from runner.errors import RunError
from runner.ui.plain import write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.plan.action import Action, Plan

_YES = frozenset({"y", "yes"})


def confirm(plan: "Plan") -> None:
    """Ask the questions of a plan's tasks, each once; return only if all are answered by yes.

    Raises:
        RunError: One is not, or there is no terminal to ask at.
    """
    asked: set[str] = set()
    for action in plan.actions:
        for question in action.limits.confirm:
            if question not in asked:
                asked.add(question)
                _ask(question, action)


def _ask(question: str, action: "Action") -> None:
    if not (os.isatty(0) and os.isatty(2)):
        raise RunError(
            f"`{action.label}` wants to ask: {question}",
            action.position,
            "there is no terminal to ask at; `--yes` answers all questions",
        )
    write_text(2, f"{question} [y/N] ")
    if _line().strip().lower() not in _YES:
        raise RunError(f"`{action.label}` was not confirmed, so nothing runs")


def _line() -> str:
    """What is typed, up to the end of the line, and not a byte more: the rest is the task's."""
    data = b""
    while not data.endswith(b"\n"):
        letter = os.read(0, 1)
        if not letter:
            break
        data += letter
    return data.decode("utf-8", "replace")
