"""Text of a file to templates: where its `${name}` holes are.

Splits once and knows nothing of shells; `runner.config.shell` adds what stands around a hole in a script.
"""

import re
from collections.abc import Callable, Container

from runner.errors import FileError
from runner.location import Position
from runner.model.template import PATTERN, TEXT, Hole, Template

# What a file pattern reads as one: an escaped character, or brackets, which may not be closed. A NUL is a gap.
_UNIT = re.compile(r"\\.?|\[[!^]?\]?(?:\[:[^\]]*:\]|\\.|[^\]\\])*+\]?|\0", re.DOTALL)
_SPECIAL = re.compile(r"\$(?:\$|\{([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\})")


class Gap:
    """A `${name}` as it stands in the text.

    Args:
        name: What it asks for.
        offset: Where its `$` is, in characters from the text's begin.
        length: How many characters it takes.
    """

    __slots__ = ("length", "name", "offset")

    def __init__(self, name: str, offset: int, length: int) -> None:
        self.name = name
        self.offset = offset
        self.length = length


def split(text: str, known: Container[str] | None = None) -> tuple[str | Gap, ...]:
    """The text's literal stretches and its gaps in turn, `$$` resolved to `$`.

    A name is made of letters, digits, `_` and `-`; dots may join several. What is written otherwise
    (`${x:-y}`, `$x`, `${}`) is literal, and so is a name outside `known` if that is given. A `$$` shields
    what follows it: `$${x}` is the literal `${x}`, `$$${x}` a `$` and a gap. No literal is empty, and no two
    are neighbours.
    """
    parts: list[str | Gap] = []
    literal: list[str] = []
    done = 0
    for match in _SPECIAL.finditer(text):
        name = match[1]
        if name is not None and known is not None and name not in known:
            continue
        literal.append(text[done : match.start()])
        done = match.end()
        if name is None:
            literal.append("$")
            continue
        if before := "".join(literal):
            parts.append(before)
        literal = []
        parts.append(Gap(name, match.start(), match.end() - match.start()))
    literal.append(text[done:])
    if rest := "".join(literal):
        parts.append(rest)
    return tuple(parts)


def parse_text(
    text: str,
    at: Position,
    context: str = TEXT,
    *,
    at_offset: Callable[[int, int], Position] | None = None,
    known: Container[str] | None = None,
) -> Template:
    """The template of a field that is not shell text.

    Args:
        text: What the file says, YAML's own quoting already undone.
        at: Where it begins.
        context: The context of every hole, TEXT or PATTERN.
        at_offset: The position of a stretch, from its offset in the text and its length. Without it the text
            is taken to stand on one line as it is.
        known: If given, other names stay as they are written.

    Raises:
        FileError: A hole of a PATTERN stands where no value can stand for itself: within its `[ ]`, or right
            behind a backslash.
    """
    locate = at_offset or at.shifted
    parts = split(text, known)
    if context == PATTERN and (wrong := _not_literal(parts)) is not None:
        gap, where, hint = wrong
        raise FileError(
            f"a value can't stand {where} in a file pattern", locate(gap.offset, gap.length), hint
        )
    return Template(
        tuple(
            part if isinstance(part, str) else Hole(part.name, context, "", locate(part.offset, part.length))
            for part in parts
        ),
        at,
    )


def _not_literal(parts: tuple[str | Gap, ...]) -> tuple[Gap, str, str] | None:
    """The first gap of a file pattern where a value would not match itself, where that is, and what to do."""
    gaps = iter([part for part in parts if not isinstance(part, str)])
    scanned = "".join(part if isinstance(part, str) else "\0" for part in parts)
    for unit in _UNIT.findall(scanned):
        gap = next(gaps, None) if "\0" in unit else None
        if gap is not None and unit[0] == "[":
            return gap, "within `[ ]`", "write it outside of them, or a `\\` before the `[`"
        if gap is not None and unit[0] == "\\":
            return gap, "right behind a `\\`", "take the backslash away"
    return None
