"""What the words of a command are for, and so how a value must be written in them.

Between the quoting of `runner.config.shell_quoting` and the grammar of `runner.config.shell_grammar`.
"""

import re
from collections.abc import Iterator

from runner.config.shell_heredoc import HereDocuments
from runner.config.shell_quoting import HOLE, LostError, Word
from runner.model.template import ARRAY, BARE, COMMAND, DOUBLE, PART, PLAIN, QUOTED, WORD

RESERVED_OPENING = frozenset({"if", "while", "until", "{"})
"""The reserved words that open a compound command of which nothing more need be known."""
RESERVED_BETWEEN = frozenset({"then", "else", "elif", "do"})
"""Those within one."""
RESERVED_CLOSING = frozenset({"fi", "done", "}"})
"""Those that close one."""
_RESERVED = (
    RESERVED_OPENING
    | RESERVED_BETWEEN
    | RESERVED_CLOSING
    | {"esac", "coproc", "function", "for", "select", "case", "[[", "!", "time"}
)
ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[.*\])?\+?=", re.DOTALL)
"""How the shape of an assignment begins."""
_ASSIGNED_HOLE = re.compile(r"[A-Za-z0-9_]*\0[A-Za-z0-9_\0]*(?:\[.*\])?\+?=", re.DOTALL)
_SUBSCRIPT = re.compile(r"[A-Za-z0-9_\0]*\[")
_NO_NAME = re.compile(r"[^A-Za-z0-9_\0$]")
# Variables whose value the shell evaluates by itself.
_EVALUATED = frozenset({
    "PS0", "PS1", "PS2", "PS4", "PROMPT_COMMAND", "ENV", "BASH_ENV", "SECONDS", "RANDOM", "SRANDOM", "OPTIND",
    "LINENO", "HISTCMD", "MAILPATH",
})  # fmt: skip


class Words(HereDocuments):
    """The scan of words.

    Attributes:
        assigned: The assigning words met so far.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.assigned: list[Word] = []

    def some_word(self) -> Word:
        """The word that must begin here."""
        begin = self.at
        word = self.word()
        if self.at == begin:
            raise LostError("an operator where a word should be")
        return word

    def settle(self, word: Word, detail: str) -> None:
        """Give the unquoted holes of a word their contexts."""
        if word.bare:
            shape = word.shape
            named = _NO_NAME.search(shape)
            # From where on what is there belongs neither to a reserved word nor to an assignment.
            unnamed = named.start() if named and detail == COMMAND else len(shape)
            for number, place, before in _before(word):
                self.let_in(number, *_context(shape, place, before, detail, place > unnamed))
        if detail == COMMAND:
            self._check_subscript(word.shape)

    def _check_subscript(self, shape: str) -> None:
        """Refuse a subscript that goes on behind a blank."""
        if _SUBSCRIPT.match(shape) and len(shape) > 1 and shape.count("[") > shape.count("]"):
            raise LostError("a subscript with blanks")

    def maybe_first(self, word: Word) -> None:
        """A word before which all may turn out to be an empty list, so that it would begin the command."""
        if word.literal() and word.text in _RESERVED:
            raise LostError(f"a hole before `{word.text}`")
        self._check_subscript(word.shape)
        if ASSIGNMENT.match(word.shape) or _ASSIGNED_HOLE.match(word.shape):
            self.one_word(word)

    def one_word(self, word: Word) -> None:
        """Let a list in a word be one word."""
        for number, _ in word.bare:
            if self.marks[number] in ((BARE, ""), (BARE, PART)):
                self.marks[number] = (BARE, WORD)

    def assignment(self, word: Word) -> bool:
        """Whether a word before a command's name is an assignment; if so, its holes get their contexts."""
        shape = word.shape
        if _ASSIGNED_HOLE.match(shape):
            self.settle(word, WORD)
            self.plain(word.first, word.last, "an assigned variable's name")
        elif match := ASSIGNMENT.match(shape):
            self.settle(word, WORD)
            if HOLE in match[0]:
                self.plain(word.first, word.last, "an array's subscript")
            if match.end() == len(shape) and self.peek() == "(":
                self.array(word)
            self.assigned.append(word)
            if match[1] in _EVALUATED:
                self.plain(word.first, word.last, f"the value of `{match[1]}`, which the shell evaluates")
        else:
            return False
        return True

    def array(self, word: Word) -> None:
        """The words of an array, which become part of the assigning word."""
        if self.substitutions:
            # bash writes such commands anew before it runs them, and gets quotes wrong behind a line's end.
            raise LostError("an array in a substitution")
        first = len(self.marks)
        self.at += 1
        self.skip(lines=True)
        while self.peek() != ")":
            item = self.some_word()
            self.settle(item, "")
            self._check_subscript(item.shape)
            if item.shape.startswith("["):
                self.plain(item.first, item.last, "an array's subscript")
            self.skip(lines=True)
        self.at += 1
        for number in range(first, len(self.marks)):
            if self.marks[number][0] == DOUBLE:
                self.marks[number] = (DOUBLE, ARRAY)
        word.last = len(self.marks)


class _Before:
    """What stands in a word before some place of it.

    Attributes:
        tilde: Whether a `~` goes on up to there, so that what follows names a user.
        braces: How many braces are open.
        bracket: Whether a `[` is.
    """

    __slots__ = ("braces", "bracket", "tilde")

    def __init__(self) -> None:
        self.tilde = False
        self.braces = 0
        self.bracket = False

    def pass_by(self, stretch: str, *, first: bool) -> None:
        """Let a stretch without holes count, the first of its word or a later one."""
        cut = max(stretch.rfind("/"), stretch.rfind(":"))
        rest = stretch[cut + 1 :]
        begins = stretch[cut] == ":" if cut >= 0 else first
        self.tilde = (self.tilde and cut < 0) or (begins and rest.startswith("~")) or "=~" in rest
        self.braces += stretch.count("{") - stretch.count("}")
        opened, closed = stretch.rfind("["), stretch.rfind("]")
        if opened != closed:
            self.bracket = opened > closed


def _before(word: Word) -> Iterator[tuple[int, int, _Before]]:
    """Each unquoted hole of a word: its number, its place in the shape, and what stands before it."""
    shape, done, before = word.shape, 0, _Before()
    for number, place in word.bare:
        before.pass_by(shape[done:place], first=not done)
        yield number, place, before
        done = place


def _context(shape: str, place: int, before: _Before, detail: str, unnamed: bool) -> tuple[str, str]:
    """The context and the detail of an unquoted hole.

    Args:
        shape: That of its word.
        place: Where in it the hole is.
        before: What stands before it.
        detail: What its word is for.
        unnamed: Whether what stands before it can't be part of a name.
    """
    if before.tilde:
        return PLAIN, "behind a `~`"
    inner = before.braces > 0
    if inner and ".." in shape:
        return PLAIN, "a range in braces"
    if inner or before.bracket or shape[place + 1 : place + 2] == "~":
        return BARE, QUOTED
    if len(shape) == 1:
        return BARE, detail
    if detail == COMMAND:
        # Together they could be a reserved word or an assignment, unless what is there belongs to neither.
        return BARE, PART if unnamed else QUOTED
    return BARE, detail or PART
