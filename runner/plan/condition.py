"""Conditions with their values: what is known before anything runs, and what is left to ask at its turn."""

from runner.model.path import beneath
from runner.model.when import COMMAND, EARLY, ENVIRONMENT, EQUAL, EXISTS, NOT_EQUAL, OS
from runner.plan.expand import fill
from runner.plan.step import Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.model.project import Head
    from runner.model.when import Check, When
    from runner.plan.expand import Value
    from runner.plan.facts import Facts

_SYSTEMS = {"mac": "darwin", "macos": "darwin", "osx": "darwin", "win": "windows"}


def settle(
    when: "When", values: "Mapping[str, Value]", system: str, folder: str
) -> "tuple[tuple[Question, ...], ...] | None":
    """What is left to ask of a condition; None if it does not hold whatever the answers are.

    Args:
        when: The condition.
        values: What its names stand for.
        system: The operating system of the place that it is about.
        folder: The folder of its paths and commands, relative to the top.
    """
    left: list[tuple[Question, ...]] = []
    for item in when:
        early = [check for check in item if check.kind in EARLY]
        late = [check for check in item if check.kind not in EARLY]
        if not item or any(_holds(check, values, system) for check in early):
            continue
        if not late:
            return None
        left.append(tuple(_question(check, values, folder) for check in late))
    return tuple(left)


def holds_now(left: "tuple[tuple[Question, ...], ...]", facts: "Facts", head: "Head") -> bool | None:
    """Whether all items hold at this moment; None where only a command could tell and none may run."""
    unknown = False
    for item in left:
        answers = []
        for question in item:
            answers.append(_answer(question, facts, head))
            if answers[-1]:
                break
        if not any(answers):
            if None not in answers:
                return False
            unknown = True
    return None if unknown else True


def _answer(question: Question, facts: "Facts", head: "Head") -> bool | None:
    if question.kind == ENVIRONMENT:
        return facts.variable(question.name, head) in question.values
    texts = [value for value in question.values if value is not None]
    if question.kind == COMMAND:
        for script in texts:
            answer = facts.succeeds((*head.interpreter, script), question.dir, head)
            if answer or answer is None:
                return answer
        return False
    found = [facts.exists(beneath(question.dir, path)) for path in texts]
    return any(found) if question.kind == EXISTS else not all(found)


def _holds(check: "Check", values: "Mapping[str, Value]", system: str) -> bool:
    texts = [fill(value, values) for value in check.values if value is not None]
    if check.kind == OS:
        return any(_SYSTEMS.get(text.lower(), text.lower()) == system for text in texts)
    value = values.get(check.name)
    if value is None:
        return False
    value = value or ""
    alike = [text == value or (isinstance(value, tuple) and text in value) for text in texts]
    return any(alike) if check.kind == EQUAL else check.kind == NOT_EQUAL and not all(alike)


def _question(check: "Check", values: "Mapping[str, Value]", folder: str) -> Question:
    texts = tuple(None if value is None else fill(value, values) for value in check.values)
    return Question(check.kind, check.name, texts, folder)
