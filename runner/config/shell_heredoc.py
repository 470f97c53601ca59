"""The lines of here-documents: where they end, and what may stand on them.

A shell looks for the delimiter before it expands anything, so a value that makes a line of its own, or
completes one, could end the document and have its rest run as commands.
"""

from runner.config.shell_quoting import HOLE, LostError, Word


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
        if not self.delimiter or any(letter in self.delimiter for letter in HOLE + "\n\t") or "$" in written:
            raise LostError("the delimiter of a here-document")

    def stripped(self, line: str) -> str:
        """A line as it is compared with the delimiter."""
        return line.lstrip("\t") if self.operator == "<<-" else line


def body_end(text: str, begin: int, end: int, document: HereDocument) -> tuple[int, int]:
    """Where the text of a here-document that begins at `begin` ends, and where its delimiter's line does.

    Raises:
        LostError: It has no end before `end`, or shells differ on it.
    """
    place = begin
    while place < end:
        stop = text.find("\n", place, end)
        stop = end if stop < 0 else stop
        if document.stripped(text[place:stop]) == document.delimiter:
            if place > begin and not document.raw and _continues(text[begin : place - 1]):
                raise LostError("a here-document's delimiter behind a backslash")
            return place, min(stop + 1, end)
        place = stop + 1
    raise LostError(f"the here-document `{document.operator} {document.delimiter}` has no end")


def detail_for(text: str, place: int, begin: int, stop: int, document: HereDocument) -> str:
    """The detail of the hole at `place` of a document's text, see HEREDOC.

    Empty if its line without any holes is the delimiter, so that it must not be empty.
    """
    first, last = _line(text, place, begin, stop)
    joined = False
    if not document.raw:
        while first > begin and _continues(text[begin : first - 1]):
            first, joined = _line(text, first - 1, begin, stop)[0], True
        while last < stop and _continues(text[begin:last]):
            last, joined = _line(text, last + 1, begin, stop)[1], True
    line = text[first:last].replace("\\\n", "")
    if document.stripped(line.replace(HOLE, "")) == document.delimiter:
        return ""
    before = text[first:place].rpartition(HOLE)
    after = text[place + 1 : last].partition(HOLE)
    left = before[2] if before[1] else document.stripped(before[2])
    open_left = bool(before[1]) or bool(left)
    open_right = bool(after[1]) or bool(after[0])
    delimiter = document.delimiter
    joined = joined or (open_left and left in delimiter) or (open_right and after[0] in delimiter)
    return f"{document.operator}{'+' if joined else ''} {delimiter}"


def _line(text: str, place: int, begin: int, stop: int) -> tuple[int, int]:
    """The line of a place, without its end."""
    last = text.find("\n", place, stop)
    return text.rfind("\n", begin, place) + 1 or begin, stop if last < 0 else last


def _continues(text: str) -> bool:
    """Whether a line's end behind this text is taken away by a backslash."""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1
