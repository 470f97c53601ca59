"""Scripts that are too long for one word of a command line: their interpreter reads them from a file."""

import os
import tempfile

from runner.config.shell import is_posix_shell
from runner.plan.bind import shown_word

_TEXT_FLAGS = frozenset({"-c", "-e", "-E", "-r", "--eval", "--command"})
"""What says to an interpreter that its next word is a script."""


def write_script(text: str) -> str:
    """A new file of this user's with a script; the caller removes it.

    Raises:
        OSError: It can't be written.
    """
    number, path = tempfile.mkstemp(prefix="pyrun-")
    with os.fdopen(number, "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))
    return path


def script_words(path: str, interpreter: tuple[str, ...]) -> tuple[str, ...]:
    """The words that let an interpreter run the script in a file.

    Args:
        path: The file.
        interpreter: The words to which a script is added as the last.
    """
    if is_posix_shell(interpreter):
        return (*interpreter, f". {shown_word(path)}")
    if interpreter[-1] in _TEXT_FLAGS:
        return (*interpreter[:-1], path)
    return (*interpreter, path)
