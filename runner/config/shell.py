"""Shell text to templates: every hole gets the context in which its value will have to be written.

This is where "values are words" is decided: a value is quoted for the place where its hole stands, and where
no quoting is known only plain values will be let in. Knows the shell's grammar through
`runner.config.shell_grammar`, and nothing of values.
"""

from collections.abc import Callable, Container

from runner.config.shell_grammar import Grammar
from runner.config.shell_quoting import HOLE, LostError
from runner.config.template import Gap, split
from runner.errors import FileError
from runner.location import Position
from runner.model.template import FOREIGN, PLAIN, Hole, Template

_POSIX = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "yash"})
_OPTIONS = frozenset("abefhilmnuvxcB")


def is_posix_shell(interpreter: tuple[str, ...]) -> bool:
    """Whether the words start a POSIX shell that takes its script as the next word.

    `sh -c`, `/usr/bin/env bash -eu -c`, `bash -euo pipefail -c` and `busybox sh -c` do.
    """
    words = list(interpreter)
    if words and words[0].rpartition("/")[2] in ("env", "busybox"):
        words.pop(0)
    if not words or words.pop(0).rpartition("/")[2] not in _POSIX:
        return False
    script = False
    while words:
        option = words.pop(0)
        letters = option[1:]
        if option[:1] != "-" or not letters:
            return False
        if letters[-1] == "o" and words and words.pop(0) in ("pipefail", "errexit", "nounset", "xtrace"):
            letters = letters[:-1]
        if not set(letters) <= _OPTIONS:
            return False
        script = script or "c" in letters
    return script


def parse_script(
    text: str,
    known: Container[str],
    at: Position,
    interpreter: tuple[str, ...] = ("sh", "-c"),
    *,
    at_offset: Callable[[int, int], Position] | None = None,
) -> Template:
    """The template of a script.

    Args:
        text: What the file says, YAML's own quoting already undone.
        known: The names that are holes; any other `${NAME}` is left to the shell.
        at: Where the text begins.
        interpreter: The words that start what reads the script. Unless that is a POSIX shell, every hole
            takes plain values only.
        at_offset: The position of a stretch, from its offset in the text and its length. Without it the text
            is taken to stand on one line as it is.

    Returns:
        Text that is, but for its holes, what the file says with `$$` resolved; braces (`${NAME}`) or a blank
        are added where a value would otherwise become part of the name or the redirection beside it.

    Raises:
        FileError: The text has a NUL character.
    """
    if HOLE in text:
        raise FileError("a script can't have a NUL character", at)
    parts = split(text, known)
    gaps = [part for part in parts if not isinstance(part, str)]
    if not gaps:
        return Template(tuple(part for part in parts if isinstance(part, str)), at)
    scanned = "".join(part if isinstance(part, str) else HOLE for part in parts)
    marks, inserts = _contexts(scanned, len(gaps), interpreter)
    return Template(tuple(_parts(_inserted(scanned, inserts), gaps, marks, at_offset or at.shifted)), at)


def _contexts(
    scanned: str, count: int, interpreter: tuple[str, ...]
) -> tuple[list[tuple[str, str]], list[tuple[int, str]]]:
    """The context and detail of each hole, and what is to be put into the text."""
    if not is_posix_shell(interpreter):
        return [(PLAIN, f"{FOREIGN} `{' '.join(interpreter)}`")] * count, []
    grammar = Grammar(scanned)
    try:
        grammar.scan()
    except LostError as error:
        return [(PLAIN, f"a script that can't be followed because of {error.reason}")] * count, []
    return grammar.marks, grammar.inserts


def _inserted(text: str, inserts: list[tuple[int, str]]) -> str:
    """The text with letters put in, each before what stands at its place."""
    out, done = [], 0
    for place, letter in sorted(inserts):
        out += [text[done:place], letter]
        done = place
    return "".join([*out, text[done:]])


def _parts(
    scanned: str, gaps: list[Gap], marks: list[tuple[str, str]], locate: Callable[[int, int], Position]
) -> list[str | Hole]:
    literals = scanned.split(HOLE)
    parts: list[str | Hole] = [literals[0]]
    for gap, (context, detail), literal in zip(gaps, marks, literals[1:], strict=True):
        parts += [Hole(gap.name, context, detail, locate(gap.offset, gap.length)), literal]
    return [part for part in parts if part]
