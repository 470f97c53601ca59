"""What to say where YAML stumbles: the reason in the words of a `tasks.yml`, and the line as it should be.

YAML's parser says what it met; a user wants to know what to write. The traps known here are the ones that
scripts and `${…}` run into: a bare `${…}` within brackets, a text that begins with a sign that YAML keeps for
itself, `: ` in a one-line command, words behind a closing quote, a tab. PyYAML's two parsers, in C and in
Python, word and place some errors differently; what is read here holds for both.
"""

import re

import yaml

from runner.config.quoted_line import (
    CLOSING,
    brace_from,
    closing_end,
    item_start,
    quote_flow,
    quote_from,
    quoted,
    text_end,
    value_start,
)
from runner.config.rows import Rows
from runner.errors import FileError
from runner.location import Position

Lines = Rows | list[str]
"""The lines of a file."""

_SIGNS = {
    "*": "an alias",
    "&": "an anchor",
    "!": "a tag",
    "@": "a sign kept for later",
    "%": "a directive",
    "`": "a sign kept for later",
}
_WIDEST = 400
"""Characters of the longest corrected line that is shown."""
_HOLE = "within brackets a text with `${…}` must stand in quotes"
_COLON = "a one-line text with `: ` in it must stand in quotes"
_TAG = re.compile(r"[\[{,]\s*!(?=[^'\"]*[\]}])")
_STEP = re.compile(r"\b(?:run|finally):\s+((?:task|command|when|set-environment):)$")
_INDENTED = "is it indented as its neighbours are?"
_KNOWN = (
    ("mapping keys are not allowed", "a text that begins with `? ` must stand in quotes", ""),
    (
        "line break",
        "the text of a `|` or `>` begins on the next line",
        "or put the whole in quotes",
    ),
    (
        "indentation indicators",
        "the text of a `|` or `>` begins on the next line",
        "or put the whole in quotes",
    ),
    (
        "sequence entries are not allowed",
        "a list can't begin on the line of its key",
        "begin it on the next line, or write it in brackets: `[a, b]`",
    ),
    ("expected key", "this does not fit what stands above it", _INDENTED),
    ("block end", "this does not fit what stands above it", _INDENTED),
    ("'-' indicator", "this does not fit what stands above it", _INDENTED),
    ("or ']'", "a comma or a closing `]` is missing before this", ""),
    ("or '}'", "a comma or a closing `}` is missing before this", ""),
    ("node content", "something is missing before this", "a value, or quotes around a text that begins so"),
    (
        "could not find expected ':'",
        "this is neither `key: value` nor part of what stands above it",
        "is it indented as its neighbours are, and is the line above finished?",
    ),
)
"""What a parser's problem is in plain words, and what would be right."""


def explain(error: yaml.MarkedYAMLError, text: str, opened: Position) -> FileError:
    """The error that says where, why, and how the line should read.

    Args:
        error: What the parser says.
        text: The file.
        opened: Where the innermost list or map begins that has not ended yet.
    """
    rows = Rows(text)
    path = opened.path
    mark, begin = error.problem_mark, error.context_mark
    if mark is None:
        return FileError(_sentence(error), opened)
    if (found := _behind_bracket(rows, mark, path)) or (found := _unfinished(error, rows, opened)):
        return found
    if begin is not None and ("simple key" in str(error.context) or _begins_with_sign(error, rows)):
        mark = begin
    line, column = mark.line, mark.column
    row = rows[line] if line < len(rows) else ""
    at = Position(path, line + 1, column + 1)
    if (found := _tab(error, row, at)) or (found := _step(rows, row, at)) or (found := _flow(error, row, at)):
        return found
    if row[column : column + 1] in _SIGNS:
        return _hole_before(row, at) or sign_fault(rows, at)
    if "document start" in str(error.problem) and rows and rows[0].startswith("%"):
        return sign_fault(rows, Position(path, 1, 1))
    if "mapping values are not allowed" in str(error.problem):
        return _colon(row, at)
    if "escape character" in str(error.problem):
        return _escape(error, row, at)
    start = item_start(row, column) if row and _within(rows, at) else value_start(row)
    if start < column and row[start : start + 1] in _SIGNS:
        return sign_fault(rows, Position(path, line + 1, start + 1))
    return _behind_quote(error, row, at) or _plainly(error, at)


def sign_fault(rows: Lines, at: Position) -> FileError:
    """What to say where a text begins with a sign that YAML keeps for itself.

    Args:
        rows: The lines of the file.
        at: The sign.
    """
    row = rows[at.line - 1]
    begin, within = at.column - 1, _within(rows, at)
    start = item_start(row, begin) if within else value_start(row)
    if start < begin and row[start : start + 1] in _SIGNS:
        at = Position(at.path, at.line, start + 1)
        begin = start
    sign = row[begin]
    return FileError(
        f"a text that begins with `{sign}` must stand in quotes: YAML takes it for {_SIGNS[sign]}",
        at,
        _instead(quote_from(row, begin, within)),
    )


def colon_fault(rows: Lines, at: Position) -> FileError:
    """What to say where a text with `: ` in it was read as a map.

    Args:
        rows: The lines of the file.
        at: Where the text begins.
    """
    fixed = quote_from(rows[at.line - 1], at.column - 1, _within(rows, at))
    return FileError(_COLON, at, _instead(fixed))


def list_fault(rows: Lines, at: Position) -> FileError:
    """What to say where a shell's `[[ ]]` was read as a list in a list.

    Args:
        rows: The lines of the file.
        at: Where it begins.
    """
    fixed = quote_from(rows[at.line - 1], at.column - 1, _within(rows, at))
    return FileError("a text that begins with `[` must stand in quotes", at, _instead(fixed))


def _hole_before(row: str, at: Position) -> FileError | None:
    """The fault of a bare `${…}` within brackets where the parser stumbled over a sign behind it."""
    hole = row.rfind("${", 0, at.column)
    behind = row[row.find("}", hole) + 1 : at.column - 1]
    if hole < 0 or ": " in behind or set(behind) & set(",[]{}"):
        return None
    outer = value_start(row)
    start = outer if row[outer : outer + 1] in CLOSING else -1
    fixed = quote_flow(row, start, row[start : start + 1] == "{")
    if fixed == row:
        return None
    return FileError(_HOLE, Position(at.path, at.line, hole + 1, 2), _instead(fixed))


def _within(rows: Lines, at: Position) -> bool:
    """Whether a place is within brackets, which may have opened on a line above."""
    before = rows[at.line - 1][: at.column - 1]
    if any(before.count(opening) > before.count(closing) for opening, closing in CLOSING.items()):
        return True
    line = at.line - 2
    while line >= 0 and (end := rows[line][: text_end(rows[line], 0)]).endswith((",", "[", "{")):
        if not end.endswith(","):
            return True
        line -= 1
    return False


def _begins_with_sign(error: yaml.MarkedYAMLError, rows: Lines) -> bool:
    """Whether what was being read when the error came began with a sign of YAML's own."""
    begin = error.context_mark
    reading = str(error.context).endswith(("alias", "anchor", "tag", "node", "directive"))
    if begin is None or begin.line >= len(rows) or not reading:
        return False
    return rows[begin.line][begin.column : begin.column + 1] in _SIGNS


def _unfinished(error: yaml.MarkedYAMLError, rows: Lines, opened: Position) -> FileError | None:
    """The fault of a bracket or a quote without its twin."""
    mark, begin = error.problem_mark, error.context_mark
    if mark is None:
        return None
    if begin is not None and "quoted scalar" in str(error.context) and "unexpected" in str(error.problem):
        at = Position(opened.path, begin.line + 1, begin.column + 1)
        start = value_start(rows[begin.line])
        if _at(rows, begin.line, start) in _SIGNS:
            return sign_fault(rows, Position(at.path, at.line, start + 1))
        return FileError("this quote is never closed", at, f"add a `{rows[begin.line][begin.column]}`")
    bracket = _at(rows, opened.line - 1, opened.column - 1)
    over = mark.line >= len(rows) or "<stream end>" in str(error.problem)
    # A `key:` on a later line, behind one that has no comma.
    new_key = mark.line >= opened.line and _at(rows, mark.line, mark.column) == ":"
    new_key = new_key and not rows[mark.line - 1].rstrip().endswith((",", bracket))
    if bracket in CLOSING and (over or new_key) and (tag := _TAG.search(rows[opened.line - 1])):
        # The parser in Python takes the closing bracket for a part of the tag.
        return sign_fault(rows, Position(opened.path, opened.line, tag.end()))
    if bracket in CLOSING and (over or new_key):
        return FileError(f"`{bracket}` is never closed", opened, f"add a `{CLOSING[bracket]}`")
    return None


def _at(rows: Lines, line: int, column: int) -> str:
    return rows[line][column : column + 1] if line < len(rows) else ""


def _tab(error: yaml.MarkedYAMLError, row: str, at: Position) -> FileError | None:
    """The fault of a tab that indents."""
    margin = row[: len(row) - len(row.lstrip())]
    if "\t" not in margin or "flow" in str(error.context):
        return None
    at = Position(at.path, at.line, margin.index("\t") + 1)
    fixed = margin.replace("\t", "  ") + row.strip()
    return FileError("a tab can't indent in YAML", at, f"indent with blanks: `{fixed}`")


def _flow(error: yaml.MarkedYAMLError, row: str, at: Position) -> FileError | None:
    """The fault of a text within brackets that must stand in quotes."""
    column = at.column - 1
    context = str(error.context)
    if "flow" not in context or column >= len(row):
        return None
    begin = error.context_mark
    start, mapping = -1, "mapping" in context
    if begin is not None and begin.line == at.line - 1:
        outer = value_start(row)
        start = outer if row[outer : outer + 1] in CLOSING else begin.column
        mapping = row[start] == "{"
    fixed = quote_flow(row, start, mapping)
    if fixed == row:
        return None
    message = "nothing may follow behind a closing quote"
    if row[column - 1 : column + 1] == "${":
        at = Position(at.path, at.line, column, 2)
        message = _HOLE
    elif row[column] == ":":
        message = _COLON
    return FileError(message, at, _instead(fixed))


def _step(rows: Lines, row: str, at: Position) -> FileError | None:
    """The fault of a step on the line of its key: `run: task: x`."""
    step = _STEP.search(row[: at.column])
    if step is None:
        return None
    fixed = brace_from(row, step.start(1), _within(rows, at))
    return FileError("a map on the line of its key must stand in braces", at, _instead(fixed))


def _colon(row: str, at: Position) -> FileError:
    """The fault of a `:` that would make a key of what can be none."""
    begin = value_start(row)
    if begin < at.column - 1 and row[:begin].strip():
        return FileError(_COLON, at, _instead(quote_from(row, begin)))
    hint = "is the line indented as its neighbours are, and is the one above finished?"
    return FileError("this can't be a key here", at, hint)


def _behind_bracket(rows: Lines, mark: yaml.Mark, path: str) -> FileError | None:
    """The fault of a text that begins like a list or a map and is none: `[ -e x ] && y`."""
    row = rows[mark.line] if mark.line < len(rows) else ""
    begin = value_start(row)
    if row[begin : begin + 1] not in CLOSING or mark.column < begin:
        return None
    end = closing_end(row, begin)
    behind = row[end:].strip()
    # Behind it may come a comment, and a `:` if it was meant as a key.
    if not behind or behind[0] in "#:]}":
        return None
    at = Position(path, mark.line + 1, len(row) - len(row[end:].lstrip()) + 1)
    message = f"a text that begins with `{row[begin]}` must stand in quotes"
    return FileError(message, at, _instead(quote_from(row, begin)))


def _behind_quote(error: yaml.MarkedYAMLError, row: str, at: Position) -> FileError | None:
    """The fault of a text that goes on behind a closing quote."""
    begin = value_start(row)
    quote = row[begin : begin + 1]
    if "expected" not in str(error.problem) or quote not in {"'", '"'} or begin >= at.column - 1:
        return None
    end = text_end(row, begin)
    text = row[begin:end]
    if quote == "'" and text.endswith("'") and text.count("'") % 2:
        fixed = row[:begin] + quoted(text[1:-1]) + row[end:]
        return FileError("a quote within single quotes ends the text", at, _instead(fixed))
    fixed = row[:begin] + quoted(text) + row[end:]
    return FileError("nothing may follow behind a closing quote", at, _instead(fixed))


def _escape(error: yaml.MarkedYAMLError, row: str, at: Position) -> FileError:
    """The fault of a backslash within double quotes that is none of YAML's own."""
    column = row.rfind("\\", 0, at.column)
    if column < 0:
        return FileError(_sentence(error), at)
    fixed = f"{row[:column]}\\{row[column:]}"
    at = Position(at.path, at.line, column + 1, 2)
    return FileError("within double quotes a backslash must be written twice", at, _instead(fixed))


def _plainly(error: yaml.MarkedYAMLError, at: Position) -> FileError:
    """The fault in the words for it, or else in the parser's."""
    for part, message, hint in _KNOWN:
        if part in str(error.problem):
            return FileError(message, at, hint)
    return FileError(_sentence(error), at)


def _sentence(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return "this is no YAML: " + ", ".join(parts)


def _instead(fixed: str) -> str:
    fixed = fixed.strip()
    return f"write `{fixed}`" if len(fixed) <= _WIDEST else "put the whole text in quotes"
