"""Where YAML stumbles, the corrected line is one that parses and means what was meant."""

import re
from typing import Any

import pytest
import yaml
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from runner.config import parse_yaml as module
from runner.config.decode import decode
from runner.config.node import Mapping, Node, Scalar, Sequence
from runner.config.parse_yaml import parse_yaml
from runner.errors import Faults, FileError, PyrunError

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


@pytest.fixture(params=LOADERS, ids=lambda loader: str(loader.__name__))
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Both parsers that PyYAML may come with."""
    monkeypatch.setattr(module, "_LOADER", request.param)
    return request.param


def faults_of(text: str) -> tuple[PyrunError, ...]:
    """What is wrong with a file, as a user would be told."""
    try:
        decode(text.encode(), "tasks.yml")
    except Faults as faults:
        return faults.errors
    except FileError as error:
        return (error,)
    return ()


def corrected(text: str, fault: PyrunError) -> str | None:
    """The text with the line that the hint proposes; None if it proposes none."""
    line = re.fullmatch(r"(?:write|indent with blanks:) `(.*)`", fault.hint)
    if line is None or fault.at is None:
        return None
    rows = text.split("\n")
    row = rows[fault.at.line - 1]
    margin = "" if fault.hint.startswith("indent") else row[: len(row) - len(row.lstrip())]
    rows[fault.at.line - 1] = margin + line[1]
    return "\n".join(rows)


def followed(text: str) -> str:
    """The text once every proposal has been followed."""
    for _ in range(12):
        proposed = [better for fault in faults_of(text) if (better := corrected(text, fault)) is not None]
        if not proposed:
            return text
        text = proposed[0]
    return text


def value(node: Node | None) -> Any:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [value(item) for item in node.items]
    return {key.text: value(inner) for key, inner in node} if isinstance(node, Mapping) else None


def read(text: str) -> Any:
    node, faults = parse_yaml(text, "t")
    assert faults == []
    return value(node)


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("line", "column", "better"),
    [
        # A bare ${…} within brackets.
        ("deps: [build ${x}]", 14, 'deps: ["build ${x}"]'),
        ("deps: [ ${x}, b ]", 9, 'deps: [ "${x}", b ]'),
        ("deps: [a, b ${x} c, d]", 13, 'deps: [a, "b ${x} c", d]'),
        ("deps: ['a, ${y}', ${x}]", 19, "deps: ['a, ${y}', \"${x}\"]"),
        ("source: [{go: ./cmd/${x}}]", 21, 'source: [{go: "./cmd/${x}"}]'),
        ("env: {A: ${x}, B: c}", 10, 'env: {A: "${x}", B: c}'),
        ('env: {A: ${x}, B: say "${y}"}', 10, "env: {A: \"${x}\", B: 'say \"${y}\"'}"),
        ("env: {A: ${x}${y}}  # ${z}", 10, 'env: {A: "${x}${y}"}  # ${z}'),
        ("run: {command: {exec: echo ${x}: b}}", 28, 'run: {command: {exec: "echo ${x}: b"}}'),
        ("deps: [{name: a, args: [${x}], options: {y: ${z}}}]", 25, 'deps: [{name: a, args: ["${x}"], options: {y: "${z}"}}]'),
        ("deps: [a\\${x}]", 10, "deps: ['a\\${x}']"),
        # A text that begins with a sign.
        ("source: *.go", 9, 'source: "*.go"'),
        ("source: **/*.go", 9, 'source: "**/*.go"'),
        ("source: *", 9, 'source: "*"'),
        ("source: *go", 9, 'source: "*go"'),
        ("source: [a, **/*.go]", 13, 'source: [a, "**/*.go"]'),
        ("source: [*.{a,b}, c]", 10, 'source: ["*.{a,b}", c]'),
        ("source: {exclude: *.go}", 19, 'source: {exclude: "*.go"}'),
        ("run: ! grep x y", 6, 'run: "! grep x y"'),
        ("run: !grep x y", 6, 'run: "!grep x y"'),
        ("run: !", 6, 'run: "!"'),
        ("run: !a!b c", 6, 'run: "!a!b c"'),
        ("run: [a, !b]", 10, 'run: [a, "!b"]'),
        ("run: @echo a  # b", 6, 'run: "@echo a"  # b'),
        ("run: [@a, b]", 7, 'run: ["@a", b]'),
        ("run: %a%", 6, 'run: "%a%"'),
        ("run: `which go` build", 6, 'run: "`which go` build"'),
        ('run: `echo "a # b"` c', 6, "run: '`echo \"a # b\"` c'"),
        ("run: &", 6, 'run: "&"'),
        # `: ` in a one-line command.
        ("run: echo a: b", 12, 'run: "echo a: b"'),
        ("run: echo a:", 12, 'run: "echo a:"'),
        ('run: echo "a: b"', 13, "run: 'echo \"a: b\"'"),
        ("run: echo \"it's: b\"", 16, "run: 'echo \"it''s: b\"'"),
        ("run: echo a\\: b", 13, "run: 'echo a\\: b'"),
        ("run: echo a: b  # c: d", 12, 'run: "echo a: b"  # c: d'),
        ("run: [echo a: b, c]", 7, 'run: ["echo a: b", c]'),
        ("run: [echo a: b: c]", 16, 'run: ["echo a: b: c"]'),
        ("env: {A: b: c}", 11, 'env: {A: "b: c"}'),
        ("usage: Note: this", 12, 'usage: "Note: this"'),
        # A shell's own brackets.
        ("run: [ -e x ] && touch y", 15, 'run: "[ -e x ] && touch y"'),
        ("run: [ -e x ] || y  # z", 15, 'run: "[ -e x ] || y"  # z'),
        ('run: [ "$A" = b ]; c', 18, "run: '[ \"$A\" = b ]; c'"),
        ("run: [[ ! -e ${x} && y ]] && z", 27, 'run: "[[ ! -e ${x} && y ]] && z"'),
        ("run: { a; b; } > c", 16, 'run: "{ a; b; } > c"'),
        # Quotes.
        ('run: "$A" -x "$B"', 11, "run: '\"$A\" -x \"$B\"'"),
        ("run: 'a' b", 10, "run: \"'a' b\""),
        ("usage: 'it's'", 12, 'usage: "it\'s"'),
        ('deps: ["x"y, z]', 11, "deps: ['\"x\"y', z]"),
        ('run: "grep \\d"', 12, 'run: "grep \\\\d"'),
    ],
)  # fmt: skip
def test_this_line_is_corrected_so(line: str, column: int, better: str) -> None:
    text = f"tasks:\n  a:\n    {line}\n    persistent: no\n"
    fault = faults_of(text)[0]
    assert fault.at is not None
    assert (fault.at.line, fault.at.column, fault.hint) == (3, column + 4, f"write `{better}`")
    parse_yaml(f"tasks:\n  a:\n    {better}\n", "t")


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("item", "meant"),
    [
        ("echo a: b", "echo a: b"),
        ("echo a: b  # c", "echo a: b"),
        ("echo 'a: b'", "echo 'a: b'"),
        ("! test -e x", "! test -e x"),
        ("`ls`", "`ls`"),
        ("@a 'b'", "@a 'b'"),
        ("*.sh x", "*.sh x"),
        ('"$A" b', '"$A" b'),
    ],
)
def test_an_item_of_a_list_is_corrected(item: str, meant: str) -> None:
    better = followed(f"tasks:\n  a:\n    run:\n      - echo first\n      - {item}\n      - echo last\n")
    assert faults_of(better) == ()
    assert read(better) == {"tasks": {"a": {"run": ["echo first", meant, "echo last"]}}}


@pytest.mark.usefixtures("loader")
def test_brackets_over_many_lines_are_corrected_line_by_line() -> None:
    text = "tasks:\n  a:\n    args: {x: {}}\n    source: [\n      a, *.go,\n      b/${x}, c,\n      d/${x}\n    ]\n"
    better = followed(text)
    assert read(better)["tasks"]["a"]["source"] == ["a", "*.go", "b/${x}", "c", "d/${x}"]
    assert faults_of(better) == ()


@pytest.mark.usefixtures("loader")
def test_tabs_become_blanks_line_by_line() -> None:
    text = "tasks:\n\ta:\n\t\tusage: x\n\t\trun:\n\t\t\t- echo\n"
    first = faults_of(text)[0]
    assert (first.message, first.hint) == ("a tab can't indent in YAML", "indent with blanks: `  a:`")
    better = followed(text)
    assert "\t" not in better
    assert read(better) == {"tasks": {"a": {"usage": "x", "run": ["echo"]}}}


PIECES = [
    "a",
    "b c",
    "${x}",
    "*",
    "!",
    "@",
    "%",
    "`",
    "&",
    ": ",
    ":",
    '"',
    "'",
    "\\",
    " ",
    "-",
    "$",
    "é",
    "~",
    "=",
    "(",
    "<",
]
words = st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map(lambda pieces: "".join(pieces).strip())


@settings(max_examples=800)
@given(words)
def test_a_one_line_text_means_what_was_written_once_corrected(text: str) -> None:
    # What YAML itself takes for quotes, an anchor, a null, a list or a key is another text already.
    assume(text and text[0] not in "'\"&-~" and not text.startswith(": ") and text != ":")
    file = f"tasks:\n  a:\n    args: {{x: {{}}}}\n    run: {text}\n"
    better = followed(file)
    event("as it was" if better == file else "corrected")
    assert read(better)["tasks"]["a"]["run"] == text
    assert faults_of(better) == ()


@settings(max_examples=800)
@given(st.lists(words, min_size=1, max_size=3))
def test_texts_within_brackets_mean_what_was_written_once_corrected(texts: list[str]) -> None:
    assume(all(text and text[0] not in "'\"&-~:" and not set(text) & set("'\"") for text in texts))
    # `a: b` within brackets is a map of one entry.
    assume(all(": " not in text and not text.endswith(":") for text in texts))
    file = f"tasks:\n  a:\n    args: {{x: {{}}}}\n    run: [{', '.join(texts)}]\n"
    better = followed(file)
    event("as it was" if better == file else "corrected")
    assert read(better)["tasks"]["a"]["run"] == texts
    assert faults_of(better) == ()


# What has no corrected line still has a place and plain words.


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: [b, c\n", 1, 4, "`[` is never closed"),
        ("a: {b: c", 1, 4, "`{` is never closed"),
        ("a: [b, {c: d\n", 1, 8, "`{` is never closed"),
        ("a: [", 1, 4, "`[` is never closed"),
        ("a: [b #]\n", 1, 4, "`[` is never closed"),
        ("a:\n  - [b, c\nd: e\n", 2, 5, "`[` is never closed"),
        ('a:\n  b: "c\nd: e\n', 2, 6, "this quote is never closed"),
        ("a: 'b", 1, 4, "this quote is never closed"),
        ("a:\n  b:\n   c: d\n  e\n", 4, 3, "this is neither `key: value` nor part of what stands above it"),
        ("a:\n  b: c\n d: e\n", 3, 2, "this does not fit what stands above it"),
        ("- a\nb: c\n", 2, 1, "this does not fit what stands above it"),
        ("a: b\n- c\n", 2, 1, "this does not fit what stands above it"),
        ("a: - b\n", 1, 4, "a list can't begin on the line of its key"),
        ("a: ? b\n", 1, 4, "a text that begins with `? ` must stand in quotes"),
        ("a: | b\n", 1, 6, "the text of a `|` or `>` begins on the next line"),
        ("a: }\n", 1, 4, "something is missing before this"),
        ("a\nb: c\n", 2, 2, "this can't be a key here"),
        ("a: |\n\tb\n", 2, 1, "a tab can't indent in YAML"),
        ("a:\n\t- b\n", 2, 1, "a tab can't indent in YAML"),
        ("%foo\na: b\n", 1, 1, "a text that begins with `%` must stand in quotes: YAML takes it for a directive"),
    ],
)  # fmt: skip
def test_this_is_told_in_plain_words(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(FileError) as info:
        parse_yaml(text, "t")
    at = info.value.at
    assert at is not None
    assert (at.line, at.column, info.value.message) == (line, column, message)


@pytest.mark.usefixtures("loader")
def test_a_long_line_is_not_written_out() -> None:
    text = f"a: [{'b, ' * 500}${{c}}]"
    with pytest.raises(FileError) as info:
        parse_yaml(text, "t")
    assert info.value.hint == "put the whole text in quotes"
    assert info.value.at is not None
    assert info.value.at.column == text.index("$") + 1
