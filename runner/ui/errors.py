"""Errors as text: the only place that makes any of them."""

from runner.errors import Faults, PyrunError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.location import Position

_WIDEST = 160
"""Columns of a line that are shown around the place."""


def render(
    error: PyrunError, line_of: "Callable[[Position], str | None]", name_of: "Callable[[str], str]"
) -> str:
    """What a user reads of an error: where, what, the line with a caret, what would be right.

    Args:
        error: The error, or many at once.
        line_of: The text of the line where something stands; None if it can't be had.
        name_of: How the user would name a file from the current folder.
    """
    if isinstance(error, Faults):
        return "".join(render(fault, line_of, name_of) for fault in error.errors)
    at = error.at
    place = f"{name_of(at.path)}:{at.line}:{at.column}: " if at is not None else ""
    lines = [f"pyrun: {place}{error.message}"]
    if error.at is not None:
        lines += _shown_line(error.at, line_of(error.at))
    if error.hint:
        lines.append(f"  {error.hint}")
    return _harmless("\n".join(lines)) + "\n"


def _harmless(text: str) -> str:
    """The text with a sign for each character that a terminal would obey instead of showing it."""
    if text.isprintable():
        return text
    return "".join("\N{REPLACEMENT CHARACTER}" if _obeyed(letter) else letter for letter in text)


def _obeyed(letter: str) -> bool:
    return (letter < " " and letter not in "\t\n") or "\x7f" <= letter <= "\x9f"


def _shown_line(at: "Position", text: str | None) -> list[str]:
    """The line and a caret below the place; nothing if the line is not there."""
    if text is None:
        return []
    start = max(0, at.column - _WIDEST // 2)
    cut = text[start : start + _WIDEST]
    before = cut[: at.column - 1 - start]
    # A tab takes as many columns above the caret as in the line itself.
    blanks = "".join("\t" if letter == "\t" else " " for letter in before)
    width = max(1, min(at.length, len(cut) - len(before)))
    number = str(at.line)
    return [f"  {number} | {cut}", f"  {' ' * len(number)} | {blanks}{'^' * width}"]
