"""Values into text, so that each stays what it is.

What a value may do to the text around it was settled when the file was read: every hole knows its context.
Here is the one place that writes a value, and the only promise is the context's: the shell takes the value
for data, or it is refused. Knows nothing of parameters and tasks.
"""

from runner.errors import PlanError
from runner.model.template import (
    ARRAY,
    BARE,
    COMMAND,
    DOUBLE,
    FOREIGN,
    HEREDOC,
    HEREDOC_RAW,
    PART,
    PATTERN,
    PLAIN,
    QUOTED,
    SINGLE,
    WORD,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.model.template import Hole

_PLAIN_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"
_RESERVED = frozenset({
    "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "in",
    "function", "select", "time", "coproc",
})  # fmt: skip
_REMEDY = 'pass it as `"$1"` or as a variable'


def is_plain(value: str) -> bool:
    """Whether a shell reads the value as typed: it is not empty and has `[A-Za-z0-9_@%+=:,./-]` only."""
    return bool(value) and not value.strip(_PLAIN_CHARACTERS)


def write(value: "str | tuple[str, ...]", hole: "Hole", what: str = "") -> str:
    """The text to put in place of a hole.

    A text is one word or part of one, and a plain one reads as typed. A list is many words outside quotes,
    each quoted, and nothing at all if it is empty; where only one word can stand, within quotes too, it is
    its words joined by blanks, as in the shell's `"$*"`.

    Args:
        value: A text, or the words of a list.
        hole: Where it is to be written.
        what: What an error calls the value; without it, the hole's name.

    Raises:
        PlanError: The value can't be written there: it has a NUL byte, would end the here-document or be
            changed by it, or no quoting is known and it is not plain, begins with `-`, or is a list of other
            than one word.
    """
    what = what or f"the value of `${{{hole.name}}}`"
    if "\0" in (value if isinstance(value, str) else "".join(value)):
        raise PlanError(f"{what} has a NUL byte, which no program can be given", hole.position)
    context = hole.context
    if context == BARE:
        return _write_bare(value, hole.detail)
    if context == PLAIN:
        return _write_plain(value, hole, what)
    if context == PATTERN:
        from runner.plan.pattern import escape  # noqa: PLC0415 - most starts write no value into a pattern

        return escape(_join(value))
    text = _join(value)
    if context == DOUBLE:
        if hole.detail == ARRAY and ("\x01" in text or "\x7f" in text):
            fault = f"{what} has a control character, 0x01 or 0x7f, that an array's double quotes may change"
            raise PlanError(fault, hole.position, "write the hole without quotes")
        return text if is_plain(text) else _escape(text).replace('"', '\\"')
    if context == SINGLE:
        return text.replace("'", "'\\''")
    if context in (HEREDOC, HEREDOC_RAW):
        _check_lines(text, hole, what)
        return _escape(text) if context == HEREDOC else text
    return text


def _join(value: "str | tuple[str, ...]") -> str:
    return value if isinstance(value, str) else " ".join(value)


def _escape(text: str) -> str:
    """What double quotes and here-documents expand, taken for itself."""
    return text.replace("\\", "\\\\").replace("$", "\\$").replace("`", "\\`")


def _write_bare(value: "str | tuple[str, ...]", detail: str) -> str:
    if isinstance(value, str) or detail in (WORD, QUOTED) or (detail == PART and not value):
        return _write_word(_join(value), detail)
    return " ".join([_write_word(word, detail) for word in value])


def _write_word(word: str, detail: str) -> str:
    asks = detail == QUOTED or (detail == COMMAND and ("=" in word or word in _RESERVED))
    if is_plain(word) and not asks:
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def _write_plain(value: "str | tuple[str, ...]", hole: "Hole", what: str) -> str:
    if not isinstance(value, str):
        if len(value) != 1:
            raise PlanError(
                f"{what} is a list of {len(value)} words, and {hole.detail} takes one plain value",
                hole.position,
                _remedy(hole),
            )
        value = value[0]
    if is_plain(value) and value[0] != "-":
        return value
    fault = "is empty" if not value else "begins with `-`" if value[0] == "-" else "would need quotes"
    raise PlanError(
        f"{what} {fault}, and pyrun can't quote for the place where it stands: {hole.detail}",
        hole.position,
        _remedy(hole),
    )


def _remedy(hole: "Hole") -> str:
    """How the value gets there all the same."""
    if hole.detail.startswith(FOREIGN):
        variable = hole.name.isidentifier() and hole.name.isascii()
        if variable:
            return f"the script finds it in the variable `{hole.name}`"
        return "give it a name without `-`: then the script finds it in a variable of that name"
    name = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in hole.name).upper()
    return f'{_REMEDY}: `env: {{{name}: "${{{hole.name}}}"}}` and `"${name}"`'


def _check_lines(text: str, hole: "Hole", what: str) -> None:
    """Refuse what would end a here-document, be changed by it, or lose its tabs in one that strips them.

    On a line that other text may complete, no part of the delimiter is let in at either end of the value:
    then whatever the neighbours are, the line is not the delimiter. Within `$( )` bash takes a line for the
    last one that only begins with the delimiter and has a `)` somewhere behind it.
    """
    operator, _, delimiter = hole.detail.partition(" ")
    fault, remedy = "", "choose another delimiter"
    lines = text.split("\n")
    if "\x01" in text or "\x7f" in text:
        # bash has a use of its own for them, and drops or doubles them in some documents.
        fault = "has a control character, 0x01 or 0x7f, that a here-document may change"
        remedy = _REMEDY
    elif "-" in operator and any(line.startswith("\t") for line in lines):
        fault = "has a line that begins with a tab, which `<<-` takes away"
        remedy = "write `<<` for this here-document"
    elif _may_end(lines, operator, delimiter):
        fault = f"could end the here-document, whose delimiter is `{delimiter}`"
    elif not text.isascii() and any(_begins_like(delimiter, line) for line in lines):
        fault = f"has a line that begins as `{delimiter}` does, and then a letter that some shells break"
    if fault:
        raise PlanError(f"{what} {fault}", hole.position, remedy)


def _may_end(lines: list[str], operator: str, delimiter: str) -> bool:
    """Whether the lines of a value could make a line that begins with the delimiter."""
    if any(line.startswith(delimiter) for line in lines):
        return True
    first = lines[0]
    if "=" in operator and (not first or first[0] in delimiter or not first[0].isascii()):
        return True
    if "+" not in operator:
        return False
    edges = [first, lines[-1]] if len(lines) > 1 else [first] if first else []
    return any((edge.strip("\t") if "-" in operator else edge) in delimiter for edge in edges)


def _begins_like(delimiter: str, line: str) -> bool:
    """Whether a line begins as a delimiter does, and the first letter that differs is not ASCII.

    dash loses a byte of such a letter.
    """
    count = 0
    while line[count : count + 1] == delimiter[count : count + 1] != "":
        count += 1
    return bool(count) and not line[count : count + 1].isascii()
