"""What to say where YAML stumbles: the reason in the words of a `tasks.yml`, and the line as it should be.

YAML's parser says what it met; a user wants to know what to write. The traps known here are the ones that
scripts and `${…}` run into: a bare `${…}` within brackets, a text that begins with a sign that YAML keeps for
itself, `: ` in a one-line command, a tab.
"""

import yaml

from runner.errors import FileError
from runner.location import Position

TAB = "\t"
_SIGNS = {
    "*": "an alias",
    "&": "an anchor",
    "!": "a tag",
    "@": "a sign kept for later",
    "%": "a directive",
    "`": "a sign kept for later",
}


def explain(error: yaml.MarkedYAMLError, text: str, path: str) -> FileError:
    """The error that says where, why, and how the line should read."""
    mark = error.problem_mark or error.context_mark
    rows = text.splitlines()
    if mark is None:
        return FileError(f"this is no YAML: {error.problem}", Position(path, 1, 1))
    line, column = mark.line, mark.column
    if line >= len(rows):
        return _unfinished(error, rows, path)
    row = rows[line]
    at = Position(path, line + 1, column + 1)
    problem = str(error.problem)
    if "\t" in row[: len(row) - len(row.lstrip())]:
        column = row.index("\t")
        return FileError(
            "a tab can't indent in YAML",
            Position(path, line + 1, column + 1),
            f"indent with blanks: `{row[: len(row) - len(row.lstrip())].replace(TAB, '  ') + row.strip()}`",
        )
    if "flow" in str(error.context) and "${" in row and (fixed := quote_flow(row, error, line)) != row:
        return FileError(
            "within brackets a text with `${…}` must stand in quotes",
            Position(path, line + 1, row.index("${") + 1, 2),
            _instead(fixed),
        )
    sign = row[column : column + 1]
    before = row[column - 1 : column] if column else ""
    if sign not in _SIGNS and before in _SIGNS:
        sign, column = before, column - 1
    if sign not in _SIGNS and error.context_mark is not None and error.context_mark.line == line:
        start = error.context_mark.column
        if row[start : start + 1] in _SIGNS:
            sign, column = row[start : start + 1], start
    if sign in _SIGNS:
        return sign_fault(sign, row, Position(path, line + 1, column + 1))
    if "mapping values are not allowed" in problem:
        return _colon(row, column, at)
    return FileError(_sentence(error), at, _general_hint(problem, row))


def sign_fault(sign: str, row: str, at: Position) -> FileError:
    """What to say where a text begins with a sign that YAML keeps for itself."""
    column = at.column - 1
    in_flow = any(
        row[:column].count(opening) > row[:column].count(closing) for opening, closing in ("[]", "{}")
    )
    end = _item_end(row, column) if in_flow else len(row.rstrip())
    fixed = row[:column] + _quoted(row[column:end].rstrip()) + row[end:]
    return FileError(
        f"a text that begins with `{sign}` must stand in quotes: YAML takes it for {_SIGNS[sign]}",
        at,
        _instead(fixed),
    )


def quote_flow(row: str, error: yaml.MarkedYAMLError, line: int) -> str:
    """The line with every bare item within brackets in quotes that needs them."""
    mark = error.context_mark
    start = mark.column if mark is not None and mark.line == line else 0
    out, index, item = [row[:start]], start, start
    while index < len(row):
        letter = row[index]
        if letter in "'\"":
            index = _quote_end(row, index)
        elif row.startswith("${", index):
            index = row.find("}", index) + 1 or len(row)
        elif letter in ",[]{}" or (letter == ":" and row[index + 1 : index + 2] in {"", " "}):
            out += [_quoted_if_needed(row[item:index]), letter]
            index += 1
            item = index
        else:
            index += 1
    out.append(_quoted_if_needed(row[item:]))
    return "".join(out)


def colon_fix(row: str) -> str | None:
    """A one-line `key: text` or `- text` with the text in quotes, or None if it is neither."""
    start = len(row) - len(row.lstrip())
    while row.startswith("- ", start):
        start += 2
        while row[start : start + 1] == " ":
            start += 1
    split = row.find(": ", start)
    if split < 0:
        return None
    listed = row[:start].strip().startswith("-")
    begin = start if listed and " " in row[start:split] else split + 2
    return row[:begin] + _quoted(row[begin:].strip())


def _colon(row: str, column: int, at: Position) -> FileError:
    fixed = colon_fix(row)
    if fixed is not None and fixed.endswith(("'", '"')) and column > len(row) - len(row.lstrip()):
        first = row.find(": ")
        if listed_text(row) or 0 <= first < column:
            message = "a one-line text with `: ` in it must stand in quotes"
            return FileError(message, at, _instead(fixed))
    return FileError(
        "this can't be a key here",
        at,
        "is the line indented as its neighbours are, and is the one above finished?",
    )


def listed_text(row: str) -> bool:
    """Whether the line is `- some words: …`, a command in a list that YAML would read as a map."""
    start = row.lstrip()
    return start.startswith("- ") and " " in start[2:].split(": ", 1)[0].strip()


def _unfinished(error: yaml.MarkedYAMLError, rows: list[str], path: str) -> FileError:
    mark = error.context_mark
    if mark is None or mark.line >= len(rows):
        return FileError(_sentence(error), Position(path, max(1, len(rows)), 1))
    opened = rows[mark.line][mark.column : mark.column + 1]
    closing = {"[": "]", "{": "}"}.get(opened, opened)
    return FileError(
        f"`{opened}` is never closed", Position(path, mark.line + 1, mark.column + 1), f"add a `{closing}`"
    )


def _general_hint(problem: str, row: str) -> str:
    if "mapping keys are not allowed" in problem:
        return "a text that begins with `? ` must stand in quotes"
    if "unexpected end of stream" in problem:
        return "a quote is never closed"
    if "unknown escape character" in problem:
        return "within double quotes write `\\\\` for a backslash, or use single quotes"
    if "expected key" in problem and row.count("'") > 2:
        return "within single quotes a quote is written twice: ''"
    if "block scalar" in problem or "comment or line break" in problem:
        return "the text of a `|` or `>` begins on the next line; or put the whole in quotes"
    if "sequence entries are not allowed" in problem:
        return "a list begins on the next line, or stands in brackets: `[a, b]`"
    if "did not find expected key" in problem or "block end" in problem:
        return "is the line indented as its neighbours are?"
    return ""


def _sentence(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return "this is no YAML: " + ", ".join(parts)


def _instead(fixed: str) -> str:
    return f"write `{fixed.strip()}`"


def _quoted(text: str) -> str:
    """The text in the quotes that leave it readable."""
    if '"' in text or "\\" in text:
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def _quoted_if_needed(item: str) -> str:
    text = item.strip()
    if text[:1] not in {"'", '"'} and ("${" in text or text[:1] in _SIGNS):
        return item.replace(text, _quoted(text))
    return item


def _quote_end(row: str, start: int) -> int:
    end = row.find(row[start], start + 1)
    return len(row) if end < 0 else end + 1


def _item_end(row: str, start: int) -> int:
    """Where an item within brackets ends."""
    depth, index = 0, start
    while index < len(row):
        if row.startswith("${", index):
            index = row.find("}", index) + 1 or len(row)
            continue
        letter = row[index]
        if letter in "[{":
            depth += 1
        elif letter in "]}" and depth:
            depth -= 1
        elif letter in ",]}" and not depth:
            return index
        index += 1
    return len(row)
