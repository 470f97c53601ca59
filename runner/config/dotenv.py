r"""Environment files: `.env` and those that `env-file` names.

A file is parsed once to assignments whose values are kept as parts, each with the place where its name stands;
what the parts come to is worked out when the variables around the file are known.

    # a comment, also behind white space at the end of a line
    NAME=value              also `NAME = value`, `NAME: value` and `export NAME=value`
    RAW='as it is: \n, $X'  up to the next single quote
    TEXT="two\nlines, $X"   `\n`, `\r`, `\t`; a `\` before anything else gives that itself
    PATH=${HOME}/bin        `$X` and `${X}` mean X; `\$` is `$`

Quoted values may span lines. This module may not know which files there are, nor who wins over whom.
"""

from runner.errors import FileError
from runner.location import Position
from runner.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import NoReturn

_BLANKS = " \t\v\f\r"
_UPPER = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset("0123456789")
_IN_REFERENCE = _UPPER | _LOWER | _DIGITS | {"_"}
_IN_NAME = _IN_REFERENCE | {"."}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class Reference(Record):
    """A `$NAME` or `${NAME}` within a value.

    Args:
        name: The variable meant.
        text: How it is written.
    """

    FIELDS = ("name", "text")
    __slots__ = FIELDS

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text


class Assignment(Record):
    """One assignment of an environment file.

    Args:
        name: The variable.
        parts: Its value, literal text and references in turn.
        position: Where its name stands.
    """

    FIELDS = ("name", "parts", "position")
    __slots__ = FIELDS

    def __init__(self, name: str, parts: tuple[str | Reference, ...], position: Position) -> None:
        self.name = name
        self.parts = parts
        self.position = position


def parse_dotenv(text: str, path: str) -> tuple[Assignment, ...]:
    """The assignments of an environment file, in order; a name given twice is there twice.

    Lines may end in CRLF, and the text may begin with a byte order mark.

    Args:
        text: The file's text.
        path: The file as the user would name it.

    Raises:
        FileError: A line is no assignment, a name is none, or a quote is not closed. It names the place and
            what would be right.
    """
    return _Parser(text.removeprefix("\ufeff").replace("\r\n", "\n"), path).assignments()


def dotenv_values(
    assignments: "Iterable[Assignment]", outer: "Callable[[str], str | None]"
) -> "dict[str, str]":
    """The variables that assignments make, in the order in which their names first come.

    A reference means the nearest earlier assignment of that name, else what `outer` gives. A name that neither
    knows is empty, except that one with a lower-case letter stays as it is written: such text is more often
    another program's template than a variable that is not set.
    """
    values: dict[str, str] = {}
    for assignment in assignments:
        values[assignment.name] = "".join(
            part if isinstance(part, str) else _meaning(part, values, outer) for part in assignment.parts
        )
    return values


def _meaning(reference: Reference, values: dict[str, str], outer: "Callable[[str], str | None]") -> str:
    value = values.get(reference.name)
    if value is None:
        value = outer(reference.name)
    if value is None:
        value = "" if _LOWER.isdisjoint(reference.name) else reference.text
    return value


class _Parser:
    """A reader of one file, at one place in it."""

    __slots__ = ("_at", "_counted", "_line", "_path", "_text")

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path
        self._at = 0
        # The line that a place stands in, so that no line is counted for each assignment anew.
        self._counted = 0
        self._line = 1

    def assignments(self) -> tuple[Assignment, ...]:
        """All of the file."""
        nul = self._text.find("\0")
        if nul >= 0:
            self._fail("a NUL can't stand in a variable", nul, 1, "remove it")
        found = []
        while self._at < len(self._text):
            self._skip_blanks()
            if self._peek() not in {"", "\n", "#"}:
                found.append(self._assignment())
                self._skip_blanks()
            self._end_line()
        return tuple(found)

    def _assignment(self) -> Assignment:
        start = self._at
        if self._text.startswith("export", start) and self._text[start + 6 : start + 7] in {" ", "\t"}:
            self._at += 6
            self._skip_blanks()
            if self._peek() in {"=", ":"}:
                self._at = start
        begin = self._at
        line = self._text[begin : self._line_end()]
        ends = [at for at in (line.find("="), line.find(":")) if at >= 0]
        name = line[: min(ends)].rstrip(_BLANKS) if ends else ""
        if not name:
            what = "an assignment without a name" if ends else "this is not an assignment"
            self._fail(what, start, len(line.rstrip(_BLANKS)) + begin - start, "write `NAME=value`")
        bad = next((i for i, letter in enumerate(name) if letter not in _IN_NAME), -1)
        if bad >= 0:
            hint = "use letters, digits, `_` and `.`"
            if name[bad] in _BLANKS:
                hint = "write `NAME=value`, and `#` before a comment"
            self._fail(f"`{_shown(name)}` can't be the name of a variable", begin + bad, 1, hint)
        self._at = begin + min(ends) + 1
        self._skip_blanks()
        position = self._position(begin, len(name))
        return Assignment(name, self._value(), position)

    def _value(self) -> tuple[str | Reference, ...]:
        first = self._peek()
        if first in {"'", '"'}:
            quote = self._at
            self._at += 1
            value = self._raw(quote) if first == "'" else self._double(quote)
            self._check_end(first)
            return value
        return self._bare()

    def _raw(self, quote: int) -> tuple[str | Reference, ...]:
        end = self._text.find("'", self._at)
        if end < 0:
            self._unclosed(quote)
        value = self._text[self._at : end]
        self._at = end + 1
        return (value,) if value else ()

    def _double(self, quote: int) -> tuple[str | Reference, ...]:
        parts = _Parts()
        while (letter := self._peek()) != '"':
            if letter == "\\" and self._at + 1 < len(self._text):
                escaped = self._text[self._at + 1]
                parts.add(_ESCAPES.get(escaped, escaped))
                self._at += 2
            elif letter == "$":
                parts.add(self._dollar())
            elif letter:
                parts.add(letter)
                self._at += 1
            if self._at >= len(self._text) or not letter:
                self._unclosed(quote)
        self._at += 1
        return parts.done()

    def _bare(self) -> tuple[str | Reference, ...]:
        end = self._line_end()
        comment = next(
            (at for at in range(self._at, end) if self._text[at] == "#" and self._text[at - 1] in _BLANKS),
            end,
        )
        stop = self._at + len(self._text[self._at : comment].rstrip(_BLANKS))
        parts = _Parts()
        while self._at < stop:
            letter = self._text[self._at]
            if letter == "\\" and self._text[self._at + 1 : min(self._at + 2, stop)] == "$":
                parts.add("$")
                self._at += 2
            elif letter == "$":
                parts.add(self._dollar())
            else:
                parts.add(letter)
                self._at += 1
        return parts.done()

    def _dollar(self) -> str | Reference:
        """The reference that begins here, or a `$` that is none."""
        start = self._at
        self._at += 1
        braced = self._peek() == "{"
        self._at += braced
        begin = self._at
        allowed = _IN_NAME if braced else _IN_REFERENCE
        while self._peek() in allowed:
            self._at += 1
        name = self._text[begin : self._at]
        if braced and name and self._peek() == "}":
            self._at += 1
            return Reference(name, self._text[start : self._at])
        if not braced and name and name[0] not in _DIGITS:
            return Reference(name, self._text[start : self._at])
        if braced and name and _LOWER.isdisjoint(name) and name[0] not in _DIGITS:
            self._fail(
                f"`${{{name}` is not closed by a `}}`",
                start,
                len(name) + 2,
                f"write `${{{name}}}`; nothing else is understood there, and a `$` that means itself is `\\$`",
            )
        self._at = start + 1
        return "$"

    def _check_end(self, quote: str) -> None:
        """Nothing but a comment may follow a quoted value."""
        before = self._at
        self._skip_blanks()
        letter = self._peek()
        if letter in {"", "\n"} or (letter == "#" and self._at > before):
            return
        rest = self._text[self._at : self._line_end()].rstrip(_BLANKS)
        hint = (
            "a comment needs a blank before its `#`" if letter == "#" else "write what belongs to it within"
        )
        if quote == '"' and letter != "#":
            hint += ', and a `"` there as `\\"`'
        self._fail(f"`{_shown(rest)}` stands behind the quoted value", self._at, len(rest), hint)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip_blanks(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in _BLANKS:
            self._at += 1

    def _line_end(self) -> int:
        end = self._text.find("\n", self._at)
        return len(self._text) if end < 0 else end

    def _end_line(self) -> None:
        self._at = self._line_end() + 1

    def _position(self, at: int, length: int) -> Position:
        if at < self._counted:
            self._counted, self._line = 0, 1
        self._line += self._text.count("\n", self._counted, at)
        self._counted = at
        return Position(self._path, self._line, at - self._text.rfind("\n", 0, at), max(length, 1))

    def _unclosed(self, quote: int) -> "NoReturn":
        mark = self._text[quote]
        what = "single" if mark == "'" else "double"
        self._fail(f"this {what} quote is not closed", quote, 1, f"end the value with `{mark}`")

    def _fail(self, message: str, at: int, length: int, hint: str) -> "NoReturn":
        raise FileError(message, self._position(at, length), hint)


class _Parts:
    """Parts of a value as they come."""

    __slots__ = ("_letters", "_parts")

    def __init__(self) -> None:
        self._letters: list[str] = []
        self._parts: list[str | Reference] = []

    def add(self, part: str | Reference) -> None:
        """Literal text, or a reference."""
        if isinstance(part, str):
            self._letters.append(part)
            return
        self._flush()
        self._parts.append(part)

    def done(self) -> tuple[str | Reference, ...]:
        """All parts, literal text joined."""
        self._flush()
        return tuple(self._parts)

    def _flush(self) -> None:
        if self._letters:
            self._parts.append("".join(self._letters))
            self._letters = []


def _shown(text: str) -> str:
    """Enough of a text for a message."""
    return text if len(text) <= 40 else text[:39] + "…"
