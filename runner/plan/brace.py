"""Braces in file patterns: one text that stands for several.

Comes before all other parsing of a pattern, so that a brace may hold any part of a path.
"""

from runner.plan.wildcard import MalformedError, parse_set


def expand_braces(text: str, most: int) -> list[str]:
    """Each text that `text` stands for by its braces, `{a,b}` for either, nested ones too.

    Escapes and brackets are left as they are, and what stands in them is no brace.

    Args:
        text: Any text.
        most: How many texts are accepted.

    Raises:
        MalformedError: A brace is not closed, or there would be more texts.
    """
    done: list[str] = []
    open_texts = [text]
    while open_texts:
        text = open_texts.pop()
        commas = _first_braces(text)
        if not commas:
            done.append(text)
            continue
        before, behind = text[: commas[0]], text[commas[-1] + 1 :]
        choices = [text[commas[i] + 1 : commas[i + 1]] for i in range(len(commas) - 1)]
        open_texts.extend(before + choice + behind for choice in reversed(choices))
        if len(done) + len(open_texts) > most:
            raise MalformedError(f"stands for more than {most} texts by its braces")
    return done


def _first_braces(text: str) -> list[int]:
    """The places of the first `{`, of its commas and of its `}`; empty if there is none."""
    places: list[int] = []
    depth = at = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "[":
            at = _behind_bracket(text, at) - 1
        elif char == "{":
            depth += 1
            if depth == 1:
                places.append(at)
        elif char == "," and depth == 1:
            places.append(at)
        elif char == "}" and depth:
            depth -= 1
            if not depth:
                return [*places, at]
        at += 1
    if depth:
        raise MalformedError("has a `{` without its `}`")
    return []


def _behind_bracket(text: str, at: int) -> int:
    """The place behind the bracket that opens at `at`, or just behind its `[` if it never closes."""
    try:
        return parse_set(text, at + 1)[1]
    except MalformedError:
        return at + 1
