"""Text of a file to templates: where its `${name}` holes are.

Splits once and knows nothing of shells; `runner.config.shell` adds what stands around a hole in a script.
"""

import re
from collections.abc import Callable, Container

from runner.location import Position
from runner.model.template import TEXT, Hole, Template

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
    """
    locate = at_offset or at.shifted
    return Template(
        tuple(
            part if isinstance(part, str) else Hole(part.name, context, "", locate(part.offset, part.length))
            for part in split(text, known)
        ),
        at,
    )
