"""The words of a shell script: what quotes, backslashes and `$` do to the characters between blanks.

The lower part of the scan that finds the context of every hole; `runner.config.shell_grammar` is the upper
one. A hole is one HOLE character in the scanned text. The scan goes over the text once, from left to right,
so the holes are met in order. Where shells differ, or a construct is too rare to be worth its code, the scan gives
up: a value is better refused than put where it could be read as something else.
"""

import re
from abc import ABC, abstractmethod

from runner.model.template import BARE, DOUBLE, PLAIN, SINGLE

HOLE = "\0"
"""Stands for a hole in the text, and for whatever is not known before the script runs in `Word.text`."""
QUOTED_LETTER = '"'
"""Stands for a quoted letter in `Word.shape`."""
EXPANSION = "$"
"""Stands for something the shell expands in `Word.shape`."""

_NAME_BEGIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_NAME = _NAME_BEGIN | frozenset("0123456789")
_SPECIAL = frozenset("0123456789@*#?$!-")
_DEEPEST = 40
# What stands for itself, outside of quotes and between double quotes.
_ORDINARY = re.compile("[^ \\t\\n;&|)<>(\\0\\\\'\"$`]+")
_QUOTED_ORDINARY = re.compile('[^"\\\\\\0$`]+')


class LostError(Exception):
    """The scan can't tell any more how a shell would read the text.

    Args:
        reason: Why, as part of a sentence.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Word:
    """A word of the script.

    Args:
        first: The number of the first hole that may stand in it.

    Attributes:
        direct: The numbers of its holes that stand in no substitution within it.
        bare: Those outside quotes, each with its place in `shape`.
        last: The number behind that of its last hole.
        process: Whether it has a `<( )` or `>( )`.
    """

    __slots__ = ("_length", "_shapes", "_text", "bare", "direct", "first", "last", "process")

    def __init__(self, first: int) -> None:
        self._text: list[str] = []
        self._shapes: list[str] = []
        self._length = 0
        self.first = first
        self.last = first
        self.direct: list[int] = []
        self.bare: list[tuple[int, int]] = []
        self.process = False

    def add(self, letters: str, shape: str) -> None:
        """Letters more, and for each how it stands."""
        self._text.append(letters)
        self._shapes.append(shape)
        self._length += len(shape)

    @property
    def text(self) -> str:
        """Its letters, quotes taken off, HOLE for what is not known."""
        if len(self._text) != 1:
            self._text = ["".join(self._text)]
        return self._text[0]

    @property
    def shape(self) -> str:
        """How each letter of `text` stands.

        An unquoted letter as itself, HOLE for an unquoted hole, else QUOTED_LETTER or EXPANSION.
        """
        if len(self._shapes) != 1:
            self._shapes = ["".join(self._shapes)]
        return self._shapes[0]

    def __len__(self) -> int:
        return self._length

    def literal(self) -> bool:
        """Whether it is known as a whole, and without any quotes."""
        return self.text == self.shape and HOLE not in self.text


class Quoting(ABC):
    """A place in a script, and the contexts of the holes met so far.

    Args:
        text: The script.

    Attributes:
        marks: The context and the detail of each hole.
        inserts: What is to be put into the text, and at which offset, so that holes keep their distance.
        blocked: Whether a line's end here would begin a here-document outside of the present substitution.
        substitutions: How many substitutions are open.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.end = len(text)
        self.marks: list[tuple[str, str]] = []
        self.inserts: list[tuple[int, str]] = []
        self.blocked = False
        self.substitutions = 0
        self._swept = 0
        self.depth = 0

    @abstractmethod
    def commands(self, closer: str) -> str:
        """Go over commands up to what closes them."""

    @abstractmethod
    def substitution(self) -> None:
        """Go over commands up to behind the `)` that closes them; the `(` is done."""

    @abstractmethod
    def here_documents_wait(self) -> bool:
        """Whether the next line's end begins a here-document."""

    def peek(self, offset: int = 0) -> str:
        """The letter at some distance, empty behind the end."""
        place = self.at + offset
        return self.text[place] if place < self.end else ""

    def mark(self, context: str, detail: str = "") -> int:
        """Give the next hole its context. Its number."""
        self.marks.append((context, detail))
        return len(self.marks) - 1

    def plain(self, first: int, last: int, why: str) -> None:
        """No value but a plain one for the holes from `first` to before `last`."""
        for number in range(max(first, self._swept), last):
            if self.marks[number][0] != PLAIN:
                self.marks[number] = (PLAIN, why)
        if first <= self._swept:
            self._swept = max(self._swept, last)

    def let_in(self, number: int, context: str, detail: str) -> None:
        """Give a hole another context than it has."""
        self.marks[number] = (context, detail)
        # Those before it are plain; from here on that has to be looked at again.
        self._swept = min(self._swept, number)

    def word(self) -> Word:
        """The word that begins here, empty if none does."""
        word = Word(len(self.marks))
        while self.at < self.end and self._letter(word):
            pass
        word.last = len(self.marks)
        return word

    def _letter(self, word: Word) -> bool:
        """Take what comes next into a word; False if it does not belong to it."""
        if run := _ORDINARY.match(self.text, self.at, self.end):
            word.add(run[0], run[0])
            self.at = run.end()
            return True
        letter = self.text[self.at]
        if letter in " \t\n;&|)":
            return False
        if letter in "<>":
            return self._process(word)
        if letter == "(":
            return self._extended_pattern(word)
        if letter == HOLE:
            number = self.mark(BARE)
            word.direct.append(number)
            word.bare.append((number, len(word)))
            word.add(HOLE, HOLE)
            self.at += 1
        elif letter == "\\":
            self._backslash(word)
        elif letter == "'":
            self._single(word)
        else:
            self.expands(word, "", quoted=False)
        return True

    def expands(self, word: Word, why: str, *, quoted: bool) -> bool:
        """Take what double quotes leave special, and those themselves; False if nothing such comes next."""
        letter = self.text[self.at]
        if letter == '"':
            self.at += 1
            self._double(word, why)
        elif letter == "$":
            self._dollar(word, quoted=quoted)
        elif letter == "`":
            self._backquotes(word)
        else:
            return False
        return True

    def _process(self, word: Word) -> bool:
        if self.peek(1) != "(":
            return False
        if self.peek(2) == "(":
            raise LostError("parentheses that may be arithmetic or not")
        self.at += 2
        self.substitution()
        word.process = True
        word.add(HOLE, EXPANSION)
        return True

    def _extended_pattern(self, word: Word) -> bool:
        """A bash pattern such as `@(a|b)`; its parentheses count as braces, where values need quotes."""
        before = word.shape[-1:]
        if before in ("!", HOLE):
            raise LostError("a `(` right after a `!` or a hole")
        if not before or before not in "@?*+":
            return False
        word.add("(", "{")
        self.deeper()
        self.at += 1
        while self.peek() != ")":
            if self.peek() == "|":
                word.add("|", "|")
                self.at += 1
            elif not self.peek() or not self._letter(word):
                raise LostError("a pattern with parentheses")
        word.add(")", "}")
        self.depth -= 1
        self.at += 1
        return True

    def _backslash(self, word: Word) -> None:
        letter = self.peek(1)
        if letter == HOLE:
            self._refuse(word, "after a backslash")
        elif letter != "\n":
            word.add(letter or "\\", QUOTED_LETTER)
        self.at += 2

    def _refuse(self, word: Word, why: str) -> None:
        word.direct.append(self.mark(PLAIN, why))
        word.add(HOLE, EXPANSION)

    def _single(self, word: Word) -> None:
        close = self.text.find("'", self.at + 1, self.end)
        if close < 0:
            raise self.unclosed("'")
        inner = self.text[self.at + 1 : close]
        word.direct.extend([self.mark(SINGLE) for _ in range(inner.count(HOLE))])
        word.add(inner, QUOTED_LETTER * len(inner))
        self._pass_to(close + 1)

    def _double(self, word: Word, why: str) -> None:
        """Double-quoted text behind its opening quote; with `why`, no quoting is known there."""
        begin = self.at
        while (letter := self.peek()) != '"':
            if not letter:
                self.at = begin
                raise self.unclosed('"')
            if run := _QUOTED_ORDINARY.match(self.text, self.at, self.end):
                word.add(run[0], QUOTED_LETTER * len(run[0]))
                self._pass_to(run.end())
            elif letter == "\\":
                self._backslash(word)
            elif letter == HOLE:
                word.direct.append(self.mark(PLAIN if why else DOUBLE, why))
                word.add(HOLE, QUOTED_LETTER)
                self.at += 1
            else:
                self.expands(word, why, quoted=True)
        self.at += 1

    def _backquotes(self, word: Word) -> None:
        begin = self.at
        self.at += 1
        while (letter := self.peek()) != "`":
            if not letter:
                self.at = begin
                raise self.unclosed("`")
            self.skip_letter("backquotes")
        self._pass_to(self.at + 1, begin)
        word.add(HOLE, EXPANSION)

    def skip_letter(self, why: str) -> None:
        """Pass one letter, and what a backslash takes with it, where no quoting is known."""
        if self.peek() == "\\":
            self.at += 1
        if self.peek() == HOLE:
            self.mark(PLAIN, why)
        self.at += 1

    def _dollar(self, word: Word, *, quoted: bool) -> None:
        """What begins with a `$`."""
        letter = self.peek(1)
        if letter == HOLE:
            self.at += 1
            while self.peek() == HOLE:
                self._refuse(word, "right after a `$`")
                self.at += 1
            return
        if letter == "[" or (letter == "\\" and self.peek(2) == "\n"):
            raise LostError("a `$[` or a `$` at a line's end")
        if letter == '"' and not quoted:
            self.at += 2
            self._double(word, 'text in `$" "`')
            return
        if letter in ("(", "{") or (letter == "'" and not quoted):
            self._dollar_bracket(letter, quoted=quoted)
        elif letter in _NAME_BEGIN or letter in _SPECIAL:
            self._variable(letter)
        else:
            word.add("$", QUOTED_LETTER)
            self.at += 1
            return
        word.add(HOLE, EXPANSION)

    def _dollar_bracket(self, letter: str, *, quoted: bool) -> None:
        self.deeper()
        if letter == "{":
            self._parameter(quoted=quoted)
        elif letter == "'":
            self._ansi()
        elif self.peek(2) == "(":
            self.at += 1
            self.arithmetic("arithmetic, `$(( ))`")
        else:
            self.at += 2
            self.substitution()
        self.depth -= 1

    def _variable(self, letter: str) -> None:
        """A `$name`; braces keep a hole behind it from lengthening the name."""
        begin = self.at + 1
        self.at += 2
        while letter in _NAME_BEGIN and self.peek() in _NAME:
            self.at += 1
        behind = self.at
        while self.text.startswith("\\\n", behind, self.end):
            behind += 2
        if self.text.startswith(HOLE, behind, self.end):
            self.inserts += [(begin, "{"), (self.at, "}")]

    def _ansi(self) -> None:
        begin = self.at
        self.at += 2
        while (letter := self.peek()) != "'":
            if not letter:
                self.at = begin
                raise self.unclosed("$'")
            if letter == "\\" and self.peek(1) == "'":
                raise LostError("a `\\'` in `$' '`")
            self.skip_letter("text in `$' '`")
        self._pass_to(self.at + 1, begin)

    def _parameter(self, *, quoted: bool) -> None:
        """A `${…}`; what stands in it is read by rules of its own, which differ between shells."""
        why = "a parameter expansion, `${ }`"
        begin = self.at
        inner = Word(len(self.marks))
        self.at += 2
        if self.peek() in (" ", "\t", "\n", "|"):
            raise LostError("a `${` with a blank")
        while (letter := self.peek()) != "}":
            if not letter:
                self.at = begin
                raise self.unclosed("${")
            if letter == "'":
                self._apostrophe(why)
            elif not self.expands(inner, why, quoted=quoted):
                self.skip_letter(why)
        self._pass_to(self.at + 1, begin)

    def _apostrophe(self, why: str) -> None:
        """A quote within `${…}`, which within double quotes may be none: both readings must end alike."""
        close = self.text.find("'", self.at + 1, self.end)
        inner = self.text[self.at + 1 : close]
        if close < 0 or any(letter in inner for letter in '}"$`\\'):
            raise LostError("a `'` in a parameter expansion")
        for _ in range(inner.count(HOLE)):
            self.mark(PLAIN, why)
        self._pass_to(close + 1)

    def arithmetic(self, why: str) -> None:
        """Go over a `((…))` from its first parenthesis."""
        begin = self.at
        inner = Word(len(self.marks))
        self.at += 2
        depth = 2
        while depth:
            letter = self.peek()
            if not letter or (depth == 1 and letter != ")"):
                raise LostError("parentheses that may be arithmetic or not")
            if letter in "'#" or self.text.startswith("<<", self.at):
                raise LostError(f"a `{letter}` in arithmetic")
            if not self.expands(inner, why, quoted=True):
                depth += (letter == "(") - (letter == ")")
                self.skip_letter(why)
        self._pass_to(self.at, begin)

    def _pass_to(self, place: int, begin: int | None = None) -> None:
        """Go on at `place`, unless a line's end before it would begin a here-document."""
        if self.here_documents_wait() and "\n" in self.text[self.at if begin is None else begin : place]:
            raise LostError("a line's end between a `<<` and its text")
        self.at = place

    def deeper(self) -> None:
        """Count one level of nesting more."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise LostError("nesting too deep")

    def unclosed(self, opener: str) -> LostError:
        """The error that something is never closed that was opened here."""
        line = self.text.count("\n", 0, self.at) + 1
        return LostError(f"the `{opener}` in its line {line} is never closed")
