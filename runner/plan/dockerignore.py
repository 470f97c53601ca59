"""What a `.dockerignore` leaves out of a context, by the rules of Docker's builders.

A pattern is matched against a whole path; one that matches a folder leaves out all beneath it. The last pattern
that says anything of a path counts, and one behind `!` takes a path in again.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple


class _Rule(NamedTuple):
    """A line.

    Args:
        matches: Whether a path is meant.
        takes_in: Whether it takes in again what others leave out.
    """

    matches: "re.Pattern[str]"
    takes_in: bool


class Dockerignore:
    """What is left out.

    Args:
        text: The file's; an empty one leaves nothing out.
    """

    def __init__(self, text: str) -> None:
        self._rules = tuple(_rules(text))
        self._takes_in = any(rule.takes_in for rule in self._rules)

    def leaves_out(self, path: str) -> bool:
        """Whether a file or folder is left out.

        Args:
            path: Relative to the context.
        """
        names = path.split("/")
        paths = [*("/".join(names[:count]) for count in range(1, len(names))), path]
        out = False
        for rule in self._rules:
            if rule.takes_in is out and any(rule.matches.fullmatch(one) for one in paths):
                out = not out
        return out

    def prunes(self, folder: str) -> bool:
        """Whether all beneath a folder is left out, so that nobody need look into it."""
        return not self._takes_in and self.leaves_out(folder)


def _rules(text: str) -> "Sequence[_Rule]":
    found = []
    for line in text.removeprefix("\ufeff").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        pattern = line.strip()
        takes_in = pattern.startswith("!")
        path = _clean(pattern[1:].strip() if takes_in else pattern)
        if path in {"", "."}:
            # It would leave out everything, which no builder takes it for.
            continue
        try:
            found.append(_Rule(re.compile(_expression(path), re.DOTALL), takes_in))
        except re.error:
            # A builder refuses it, and says so.
            continue
    return found


def _clean(path: str) -> str:
    """A path without what means nothing, as Go's `filepath.Clean` leaves it, and without a slash in front."""
    names: list[str] = []
    for name in path.split("/"):
        if name == ".." and names and names[-1] != "..":
            names.pop()
        elif name not in {"", "."} and not (name == ".." and path.startswith("/")):
            names.append(name)
    return "/".join(names)


def _expression(pattern: str) -> str:
    """A pattern as a regular expression."""
    out: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*" and pattern[at : at + 1] == "*":
            at += 1
            at += pattern[at : at + 1] == "/"
            # At the end it is all that is beneath; elsewhere any number of folders.
            out.append(".*" if at >= len(pattern) else "(?:.*/)?")
        elif char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "\\" and at < len(pattern):
            out.append(re.escape(pattern[at]))
            at += 1
        elif char == "[" and (end := pattern.find("]", at + 1)) >= 0:
            inner = pattern[at:end].replace("[", "\\[")
            out.append(f"[{inner}]")
            at = end + 1
        else:
            out.append(re.escape(char))
    return "".join(out)
