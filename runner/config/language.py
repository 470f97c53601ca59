"""How text of a file is to be read: which grammar it keeps, and what reads its scripts."""

from runner.config.fields import Faultbook, Scope
from runner.config.node import Node, Scalar
from runner.config.shell import parse_script
from runner.config.template import parse_text
from runner.errors import PyrunError
from runner.model.template import TEXT, Template

TEXTUAL, WORDS = "textual", "words"
"""Whether values are pasted into scripts, or quoted for the place where they stand."""


class Language:
    """What holds for the scripts of a file or a task.

    Args:
        tusk: Whether the file is a `tusk.yml`: there unknown names stay as they are written.
        interpolation: TEXTUAL or WORDS.
        interpreter: The words that start a script's interpreter.
    """

    __slots__ = ("interpolation", "interpreter", "tusk")

    def __init__(self, tusk: bool, interpolation: str, interpreter: tuple[str, ...]) -> None:
        self.tusk = tusk
        self.interpolation = interpolation
        self.interpreter = interpreter

    def script(self, book: Faultbook, node: Node, what: str, scope: Scope) -> Template:
        """The text of a script, its holes placed in the shell's grammar unless values are pasted."""
        text = book.text(node, what)
        if not isinstance(node, Scalar):
            return Template((), node.position)
        try:
            if self.interpolation == TEXTUAL:
                return parse_text(text, node.position, TEXT, at_offset=node.at_offset, known=scope.names)
            return parse_script(text, scope.names, node.position, self.interpreter, at_offset=node.at_offset)
        except PyrunError as error:
            book.faults.append(error)
            return Template((), node.position)


def is_tusk(path: str) -> bool:
    """Whether a file keeps the ways of a `tusk.yml`, which its name says."""
    return path.rpartition("/")[2].partition(".")[0] == "tusk"


def decode_interpolation(book: Faultbook, node: Node, default: str) -> str:
    """What `interpolation` says."""
    text = book.word(node, "`interpolation`")
    if text in {TEXTUAL, WORDS}:
        return text
    if text:
        book.add(f"`interpolation` is `{WORDS}` or `{TEXTUAL}`", node.position)
    return default
