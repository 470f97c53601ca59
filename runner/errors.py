"""What can go wrong, as data.

An error is raised where the fact is known, with the place in the file and what would be right. Only the user
interface makes text of it, and only the command line turns its status into the exit status.
"""

from runner.location import Position

FAILURE = 1
USAGE = 2
TIMEOUT = 124
ENGINE = 125
NOT_EXECUTABLE = 126
NOT_FOUND = 127


class PyrunError(Exception):
    """Something that stops the work, told to the user without a traceback.

    Args:
        message: What is wrong, in one sentence without a full stop.
        at: Where, if it stands in a file.
        hint: What would be right, or empty.
    """

    status = FAILURE

    def __init__(self, message: str, at: Position | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.hint = hint


class UsageError(PyrunError):
    """A wrong command line."""

    status = USAGE


class FileError(PyrunError):
    """A wrong `tasks.yml`."""

    status = USAGE


class PlanError(PyrunError):
    """Words and file are right each for itself, but cannot be planned together."""

    status = USAGE


class RunError(PyrunError):
    """Work that could not be done.

    Args:
        message: What went wrong.
        at: Where it was asked for.
        hint: What would help.
        status: The exit status that tells of it.
    """

    def __init__(
        self, message: str, at: Position | None = None, hint: str = "", status: int = FAILURE
    ) -> None:
        super().__init__(message, at, hint)
        self.status = status


class EngineError(PyrunError):
    """No container engine, or one that failed."""

    status = ENGINE


class Faults(PyrunError):  # noqa: N818 - it is many
    """Several errors at once, in the order in which a reader meets them.

    Args:
        errors: At least one.
    """

    def __init__(self, errors: tuple[PyrunError, ...]) -> None:
        super().__init__(errors[0].message, errors[0].at, errors[0].hint)
        self.errors = errors
        self.status = errors[0].status


def nearest(word: str, known: "tuple[str, ...]") -> str:
    """The name in `known` that a user who typed `word` most likely meant, or empty.

    A name qualifies if at most one edit per three letters (and always one) leads to it, a swap of neighbours
    counting as one edit; of a word of one letter nothing would be left.
    """
    best, best_distance = "", min(len(word), max(1, len(word) // 3) + 1)
    for name in known:
        distance = _edits(word.lower(), name.lower(), best_distance)
        if distance < best_distance:
            best, best_distance = name, distance
    return best


def did_you_mean(word: str, known: "tuple[str, ...]") -> str:
    """A hint that proposes the nearest name, else lists what there is if it is short, else empty."""
    name = nearest(word, known)
    if name:
        return f"did you mean `{name}`?"
    if 0 < len(known) <= 12:
        return "known: " + ", ".join(known)
    return ""


def _edits(one: str, other: str, limit: int) -> int:
    """Insertions, removals, replacements and swaps of neighbours between two words, or `limit` if more."""
    if abs(len(one) - len(other)) >= limit:
        return limit
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return min(row[-1], limit)
