"""A line of YAML with quotes where they are missing.

Works on one line and knows only where texts begin and end in it: what stands before a value, where a text ends
that takes the rest of its line or an item within brackets. Why quotes are missing is `runner.config.traps`' to
say.
"""

import re
from collections.abc import Iterator

CLOSING = {"[": "]", "{": "}"}
_VALUE = re.compile(r"""\s*(?:- +)*(?:(?:[^\s'"\[\]{}#:]|:(?!\s))++:\s+(?:- +)*)?""")
"""What stands before the value of a line."""
_DOUBLE = re.compile(r'"(?:[^"\\]|\\.)*+"')
_SINGLE = re.compile("'[^']*'")


def value_start(row: str) -> int:
    """Where the value of a `key: value`, a `- value` or a `- key: value` begins."""
    match = _VALUE.match(row)
    return match.end() if match else 0


def quote_from(row: str, begin: int, within: bool = False) -> str:
    """The line with the text that begins there in quotes, as far as it goes; in brackets to the next comma."""
    end = _end_from(row, begin, within)
    return row[:begin] + quoted(row[begin:end]) + row[end:]


def brace_from(row: str, begin: int, within: bool = False) -> str:
    """The same line with that text in braces."""
    end = _end_from(row, begin, within)
    return f"{row[:begin]}{{{row[begin:end]}}}{row[end:]}"


def _end_from(row: str, begin: int, within: bool) -> int:
    end = _item_end(row, begin) if within else text_end(row, begin)
    return begin + len(row[begin:end].rstrip())


def quote_flow(row: str, start: int, mapping: bool) -> str:
    """The line with every item within brackets in quotes that needs them.

    Args:
        row: The line.
        start: Where in it the brackets open; -1 if on a line before.
        mapping: Whether they are `{}`.
    """
    out, item, index = [row[: start + 1]], start + 1, start + 1
    maps, value = [mapping], False
    while index < len(row) and maps:
        letter = row[index]
        if letter in "'\"":
            index = _quote_end(row, index)
        elif row.startswith("${", index):
            index = row.find("}", index) + 1 or len(row)
        elif (
            letter in ",]}"
            or (letter in "[{" and not row[item:index].strip())
            or _key_ends(row, item, index, value)
        ):
            out += [_quoted_if_needed(row[item:index]), letter]
            value = letter == ":" and maps[-1]
            if letter in "[{":
                maps.append(letter == "{")
            elif letter in "]}":
                maps.pop()
            index += 1
            item = index
        elif letter == "#" and row[index - 1] == " ":
            break
        else:
            index += 1
    return "".join(out) + (_quoted_if_needed(row[item:index]) + row[index:] if maps else row[item:])


def text_end(row: str, start: int) -> int:
    """Where a text that takes the rest of its line ends: before a comment, quotes respected."""
    index = start
    while index < len(row):
        if row[index] in "'\"":
            index = _quote_end(row, index)
        elif row.startswith(" #", index):
            return len(row[:index].rstrip())
        else:
            index += 1
    return len(row.rstrip())


def item_start(row: str, end: int) -> int:
    """Where the item within brackets begins in which a place is."""
    before = row[:end].replace("${", "  ")
    start = max(
        (before.rfind(mark) + len(mark) for mark in (",", "[", "{", ": ") if mark in before), default=0
    )
    return start + len(row[start:end]) - len(row[start:end].lstrip())


def closing_end(row: str, start: int) -> int:
    """Where the brackets end that open there."""
    return next((index + 1 for index, _, depth in _marks(row, start) if not depth), len(row))


def quoted(text: str) -> str:
    """The text in the quotes that leave it readable."""
    if '"' in text or "\\" in text:
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def _quoted_if_needed(item: str) -> str:
    text = item.strip()
    if text[:1] in {"'", '"'}:
        needed = _quote_end(text, 0) < len(text)
    else:
        needed = "${" in text or ": " in text or text.endswith(":")
    return item.replace(text, quoted(text)) if needed else item


def _key_ends(row: str, item: int, index: int, value: bool) -> bool:
    """Whether the `:` here stands behind a key, and not in a text."""
    if row[index] != ":" or row[index + 1 : index + 2] not in {"", " "} or value:
        return False
    key = row[item:index].strip()
    return bool(key) and (" " not in key or key[0] in "'\"")


def _item_end(row: str, start: int) -> int:
    """Where an item within brackets ends: before a comma or the bracket that closes them."""
    return next(
        (index for index, letter, depth in _marks(row, start) if depth < 0 or (letter == "," and not depth)),
        len(row),
    )


def _marks(row: str, start: int) -> Iterator[tuple[int, str, int]]:
    """The brackets and commas of a line from there, each with how many brackets are open behind it."""
    depth, index = 0, start
    while index < len(row):
        letter = row[index]
        if row.startswith("${", index):
            index = row.find("}", index) + 1 or len(row)
        elif letter in "'\"":
            index = _quote_end(row, index)
        else:
            if letter in "[]{},":
                depth += (letter in "[{") - (letter in "]}")
                yield index, letter, depth
            index += 1


def _quote_end(row: str, start: int) -> int:
    """Where what begins with a quote ends: behind its twin, or with the line."""
    match = (_DOUBLE if row[start] == '"' else _SINGLE).match(row, start)
    return match.end() if match else len(row)
