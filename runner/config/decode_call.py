"""Calls, from nodes to the model: `"build ${service} --fast"`, or a map of name, args and options."""

from runner.config.fields import Faultbook, Scope, is_text_with_colon, read_map
from runner.config.node import Mapping, Node, Scalar
from runner.config.template import parse_text
from runner.errors import PyrunError
from runner.model.call import Call
from runner.model.template import TEXT, Template

_BLANKS = " \t\n"


def decode_call(book: Faultbook, node: Node, what: str, scope: Scope) -> Call | None:
    """One call; None if it is faulty."""
    if isinstance(node, Mapping) and not is_text_with_colon(node):
        return _decode_map(book, node, what, scope)
    text = book.text(node, what)
    if not isinstance(node, Scalar) or node.null:
        return None
    words = []
    try:
        for start, end in split_words(text):
            words.append(_word(node, text, start, end, scope))
    except PyrunError as error:
        book.faults.append(error)
        return None
    if not words:
        book.add(f"{what} names no task", node.position)
        return None
    for word in words:
        book.check(word, scope)
    return Call(text.strip(), tuple(words), (), (), node.position)


def split_words(text: str) -> list[tuple[int, int]]:
    """Where the words of a call begin and end. Quotes keep blanks in a word."""
    words: list[tuple[int, int]] = []
    index, start, quote = 0, -1, ""
    while index < len(text):
        letter = text[index]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _BLANKS:
            if start >= 0:
                words.append((start, index))
                start = -1
        else:
            start = index if start < 0 else start
            quote = letter if letter in "'\"" else ""
        index += 1
    if start >= 0:
        words.append((start, len(text)))
    return words


def _word(node: Scalar, text: str, start: int, end: int, scope: Scope) -> Template:
    """One word as a template, its quotes taken off."""
    written = text[start:end]
    kept = _unquoted(written)
    bare = "".join(written[index] for index in kept)

    def at_offset(offset: int, length: int) -> "object":
        inner = kept[offset] if offset < len(kept) else len(written)
        return node.at_offset(start + inner, length)

    at = node.at_offset(start, end - start)
    return parse_text(bare, at, TEXT, at_offset=at_offset, known=scope.known())  # type: ignore[arg-type]


def _unquoted(written: str) -> list[int]:
    """Where the letters stand that are not quotes around something; a quote within the other kind is a letter."""
    kept: list[int] = []
    quote = ""
    for index, letter in enumerate(written):
        if quote and letter == quote:
            quote = ""
        elif not quote and letter in "'\"":
            quote = letter
        else:
            kept.append(index)
    return kept


def _decode_map(book: Faultbook, node: Mapping, what: str, scope: Scope) -> Call | None:
    names: list[Template] = []
    args: list[Template] = []
    options: list[tuple[str, Template]] = []

    def name(_: Scalar, value: Node) -> None:
        names.append(book.template(value, "`name`", scope, filled=True))

    def args_(_: Scalar, value: Node) -> None:
        args.extend(book.strings(value, "an arg", scope))

    def options_(_: Scalar, value: Node) -> None:
        options.extend((key.text, text) for key, text in book.pairs(value, "`options`", scope))

    read_map(book, node, what, {"name": name, "args": args_, "options": options_})
    if not names:
        book.add(f"{what} names no task", node.position, "add `name`")
        return None
    text = "".join(part for part in names[0].parts if isinstance(part, str))
    return Call(text, tuple(names), tuple(args), tuple(options), node.position)
