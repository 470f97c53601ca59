"""The lines of here-documents: where they end, and what may stand on them.

A shell looks for the delimiter before it expands anything, so a value that makes a line of its own, or
completes one, could end the document and have its rest run as commands.
"""

import re

from runner.config.shell_quoting import HOLE, LostError, Quoting, Word
from runner.model.template import HEREDOC, HEREDOC_RAW, PLAIN

_RAW = re.compile("[^\\0]+")
_EXPANDED = re.compile("[^\\0\\\\$`]+")


class HereDocument:
    """A here-document whose text is still to come.

    Args:
        operator: `<<` or `<<-`.
        word: The word behind it.
        written: That word as it is written.

    Attributes:
        why: Why only plain values may stand in it, or empty.

    Raises:
        LostError: The delimiter is empty, not known, or has blanks that matter.
    """

    __slots__ = ("delimiter", "operator", "raw", "why")

    def __init__(self, operator: str, word: Word, written: str) -> None:
        self.operator = operator
        self.delimiter = word.text
        self.raw = any(letter in written for letter in "'\"\\")
        self.why = ""
        if (
            not self.delimiter
            or any(letter in self.delimiter for letter in HOLE + "\n\t")
            or "$" in written
            or "\n" in written
        ):
            raise LostError("the delimiter of a here-document")

    def stripped(self, line: str) -> str:
        """A line as it is compared with the delimiter."""
        return line.lstrip("\t") if self.operator == "<<-" else line


def body_end(
    text: str, begin: int, end: int, document: HereDocument, *, substituted: bool
) -> tuple[int, int]:
    """Where the text of a here-document that begins at `begin` ends, and where its delimiter's line does.

    Args:
        text: The script.
        begin: Where the text of the document begins.
        end: Where it must have ended.
        document: The document.
        substituted: Whether it stands in a substitution; there bash ends it before a `)` too.

    Raises:
        LostError: It has no end before `end`, or shells differ on it.
    """
    place = begin
    while place < end:
        stop = text.find("\n", place, end)
        stop = end if stop < 0 else stop
        line = document.stripped(text[place:stop])
        if substituted and line != document.delimiter and line.startswith(document.delimiter):
            raise LostError("a here-document's line that begins with its delimiter")
        if line == document.delimiter:
            if place > begin and not document.raw and _continues(text, begin, place - 1):
                raise LostError("a here-document's delimiter behind a backslash")
            return place, min(stop + 1, end)
        place = stop + 1
    raise LostError(f"the here-document `{document.operator} {document.delimiter}` has no end")


class Line:
    """A line of a here-document, with those that a backslash joins to it.

    Args:
        text: The script.
        place: Where in the line something stands.
        begin: Where the text of the document begins.
        stop: Where it ends.
        document: The document.

    Attributes:
        last: Where the line ends.
    """

    __slots__ = ("_alone", "_begun", "_delimiter", "_document", "_first", "_joined", "_text", "last")

    def __init__(self, text: str, place: int, begin: int, stop: int, document: HereDocument) -> None:
        first, last = _line(text, place, begin, stop)
        joined = False
        if not document.raw:
            while first > begin and _continues(text, begin, first - 1):
                first, joined = _line(text, first - 1, begin, stop)[0], True
            while last < stop and _continues(text, begin, last):
                last, joined = _line(text, last + 1, begin, stop)[1], True
        self._text = text
        self._first = first
        self.last = last
        self._joined = joined
        self._document = document
        self._delimiter = document.delimiter
        before, hole, behind = text[first:last].replace("\\\n", "").partition(HOLE)
        before = document.stripped(before)
        written = document.stripped(before + behind.replace(HOLE, ""))
        self._alone = written == self._delimiter
        self._begun = bool(before and hole) and self._delimiter.startswith(before)

    def detail(self, place: int) -> str:
        """The detail of the hole at a place of the line, see HEREDOC.

        Empty if the line without any holes is the delimiter, so that it must not be empty.
        """
        if self._alone:
            return ""
        before = self._text.rfind(HOLE, self._first, place)
        after = self._text.find(HOLE, place + 1, self.last)
        left = self._text[max(before + 1, self._first) : place]
        left = left if before >= 0 else self._document.stripped(left)
        right = self._text[place + 1 : after if after >= 0 else self.last]
        open_left, open_right = before >= 0 or bool(left), after >= 0 or bool(right)
        joined = (
            self._joined
            or (open_left and left in self._delimiter)
            or (open_right and right in self._delimiter)
            or not right[:1].isascii()
            or any(
                self._delimiter.endswith(right[:n])
                for n in range(1, min(len(self._delimiter), len(right)) + 1)
            )
        )
        signs = ("+" if joined else "") + ("=" if self._begun else "")
        return f"{self._document.operator}{signs} {self._delimiter}"


def _line(text: str, place: int, begin: int, stop: int) -> tuple[int, int]:
    """The line of a place, without its end."""
    last = text.find("\n", place, stop)
    return text.rfind("\n", begin, place) + 1 or begin, stop if last < 0 else last


def _continues(text: str, begin: int, end: int) -> bool:
    """Whether a backslash before `end`, where a line ends, takes the line's end away."""
    place = end
    while place > begin and text[place - 1] == "\\":
        place -= 1
    return (end - place) % 2 == 1


class HereDocuments(Quoting):
    """Quoting, and what becomes of the ends of lines.

    Attributes:
        waiting: The here-documents whose text begins behind the next end of a line.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.waiting: list[HereDocument] = []

    def here_documents_wait(self) -> bool:
        """Whether the next line's end begins a here-document."""
        return self.blocked or bool(self.waiting)

    def substitution(self) -> None:
        """Go over commands up to behind the `)` that closes them; the `(` is done."""
        waiting, blocked = self.waiting, self.blocked
        self.blocked = self.here_documents_wait()
        self.waiting = []
        self.substitutions += 1
        self.commands(")")
        self.substitutions -= 1
        if self.waiting:
            raise LostError("a here-document without text")
        self.waiting, self.blocked = waiting, blocked

    def skip(self, *, lines: bool = False) -> None:
        """Pass blanks, continued lines and comments, and with `lines` ends of lines too."""
        while letter := self.peek():
            if letter == "\\" and self.peek(1) == "\n":
                self.at += 2
            elif letter == "#":
                stop = self.text.find("\n", self.at, self.end)
                stop = self.end if stop < 0 else stop
                for _ in range(self.text.count(HOLE, self.at, stop)):
                    self.mark(PLAIN, "a comment")
                self.at = stop
            elif letter == "\n" and lines:
                self.newline()
            elif letter in " \t":
                self.at += 1
            else:
                return

    def newline(self) -> None:
        """Pass the end of a line, and the texts of the here-documents that wait for it."""
        if self.blocked:
            raise LostError("a line's end between a `<<` and its text")
        self.at += 1
        waiting, self.waiting = self.waiting, []
        for document in waiting:
            self._here_document(document)

    def _here_document(self, document: HereDocument) -> None:
        """The text of a here-document, from the begin of its first line to behind its last."""
        begin = self.at
        stop, behind = body_end(self.text, begin, self.end, document, substituted=self.substitutions > 0)
        end, self.end = self.end, stop
        line = Line(self.text, begin, begin, stop, document)
        while self.at < stop:
            if run := (_RAW if document.raw else _EXPANDED).match(self.text, self.at, stop):
                self.at = run.end()
                continue
            if self.at >= line.last:
                line = Line(self.text, self.at, begin, stop, document)
            self._body_letter(line, document)
        self.at, self.end = behind, end
        if document.why:
            why, context = document.why, (HEREDOC, HEREDOC_RAW)
            for number in self._holes_since(begin):
                if self.marks[number][0] in context:
                    self.marks[number] = (PLAIN, why)

    def _holes_since(self, begin: int) -> range:
        return range(len(self.marks) - self.text.count(HOLE, begin, self.at), len(self.marks))

    def _body_letter(self, line: "Line", document: HereDocument) -> None:
        letter = self.text[self.at]
        if letter == HOLE:
            detail = line.detail(self.at)
            if detail:
                self.mark(HEREDOC_RAW if document.raw else HEREDOC, detail)
            else:
                self.mark(PLAIN, "a here-document's line that without it is the delimiter")
            self.at += 1
        elif letter == "\\":
            self.skip_letter("after a backslash")
        else:
            self._body_expansion()

    def _body_expansion(self) -> None:
        """A `$` or a backquote: quotes within are read after the lines are, so no quoting holds there."""
        begin, first = self.at, len(self.marks)
        self.expands(Word(first), "", quoted=True)
        if len(self.marks) > first:
            if "\n" in self.text[begin : self.at]:
                raise LostError("a substitution over several lines of a here-document")
            self.plain(first, len(self.marks), "a substitution in a here-document")
