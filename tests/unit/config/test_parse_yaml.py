from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config import parse_yaml as module
from runner.config.node import Mapping, Node, Scalar, Sequence
from runner.config.parse_yaml import MAX_DEPTH, MAX_REPEATED, decode_text, parse_yaml
from runner.errors import FileError

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


@pytest.fixture(params=LOADERS, ids=lambda loader: str(loader.__name__))
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Both parsers that PyYAML may come with."""
    monkeypatch.setattr(module, "_LOADER", request.param)
    return request.param


def parsed(text: str) -> Node | None:
    node, faults = parse_yaml(text, "t.yml")
    assert faults == []
    return node


def fault(text: str) -> tuple[str, int, int]:
    """The one fault of a text, and where."""
    try:
        _, faults = parse_yaml(text, "t.yml")
    except FileError as error:
        faults = [error]
    (found,) = faults
    assert found.at is not None
    assert found.at.path == "t.yml"
    return found.message, found.at.line, found.at.column


def value(node: Node | None) -> Any:
    """A node without its places."""
    if isinstance(node, Scalar):
        return None if node.null else node.text
    if isinstance(node, Sequence):
        return [value(item) for item in node.items]
    if isinstance(node, Mapping):
        return {key.text: value(inner) for key, inner in node}
    return None


def scalars(node: Node | None) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from scalars(item)
    elif isinstance(node, Mapping):
        for key, inner in node:
            yield key
            yield from scalars(inner)


# Text


def test_text_is_utf8_with_or_without_a_mark() -> None:
    assert decode_text("a: é".encode(), "t") == "a: é"
    assert decode_text(b"\xef\xbb\xbfa: b", "t") == "a: b"
    assert decode_text(b"", "t") == ""


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b"\xff", 1, 1),
        (b"a: b\nc\xc3\xa9\xe9x", 2, 3),
        (b"\xef\xbb\xbfab\xff", 1, 3),
        ("a: é".encode("utf-16"), 1, 1),
    ],
)
def test_what_is_not_utf8_is_placed(data: bytes, line: int, column: int) -> None:
    with pytest.raises(FileError, match="this is not UTF-8") as info:
        decode_text(data, "t")
    assert info.value.at is not None
    assert (info.value.at.line, info.value.at.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "line", "column", "code"),
    [("a\0b", 1, 2, "0x00"), ("a: b\n  \x1b[", 2, 3, "0x1b"), ("\x7f", 1, 1, "0x7f"), ("a\r\nb\r\n\f", 3, 1, "0x0c"),
     ("\ufffe", 1, 1, "0xfffe"), ("a: b\ufeffc", 1, 5, "0xfeff")],
)  # fmt: skip
def test_a_character_without_a_place_in_yaml_is_placed(text: str, line: int, column: int, code: str) -> None:
    with pytest.raises(FileError, match=f"control character {code} has no place in YAML") as info:
        decode_text(text.encode(), "t")
    assert info.value.at is not None
    assert (info.value.at.line, info.value.at.column) == (line, column)


# Nodes


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("# only a comment\n", None),
        ("~", None),
        ("a: 1.10\nb: 010\nc: yes\nd: 0x1F\ne: 2001-01-01\nf: 1:30", dict(zip("abcdef", ["1.10", "010", "yes", "0x1F", "2001-01-01", "1:30"], strict=True))),
        ("a: null\nb: ~\nc:\nd: 'null'\ne: ''\nf: !!str null", {"a": None, "b": None, "c": None, "d": "null", "e": "", "f": "null"}),
        ("a:\r\n  - b\r\n  - |\r\n    c\r\n    d\r\n", {"a": ["b", "c\nd\n"]}),
        ("---\na: [b, {c: d}]\n...\n---\n# no more\n", {"a": ["b", {"c": "d"}]}),
        ("a: &x [1, 2]\nb: *x", {"a": ["1", "2"], "b": ["1", "2"]}),
        ("a: &x 1\na2: &x 2\nb: *x", {"a": "1", "a2": "2", "b": "2"}),
        ("k: &k a\n*k : b", {"k": "a", "a": "b"}),
        ("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3, z: 4}", {"a": {"x": "1", "y": "2"}, "b": {"y": "3", "z": "4", "x": "1"}}),
        ("b: {<<: [{x: 1}, {x: 2, y: 2}]}", {"b": {"x": "1", "y": "2"}}),
        ("b: {<<: {x: 1}, <<: {y: 2}}", {"b": {"x": "1", "y": "2"}}),
        ("a: &a {x: 1}\nb: &b {<<: *a, y: 1}\nc: {<<: *b}", {"a": {"x": "1"}, "b": {"y": "1", "x": "1"}, "c": {"y": "1", "x": "1"}}),
    ],
)  # fmt: skip
def test_a_text_is_these_nodes(text: str, expected: object) -> None:
    assert value(parsed(text)) == expected


plain = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn"), exclude_characters="\ufeff"),
    max_size=8,
)
trees = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(plain.filter(lambda k: k != "<<"), inner, max_size=4)
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    trees, st.sampled_from([None, True, False]), st.sampled_from([None, '"', "'", "|", ">"]), st.booleans()
)
def test_what_was_written_is_read(tree: Any, flow: bool | None, style: str | None, unicode: bool) -> None:
    text = yaml.safe_dump(tree, default_flow_style=flow, default_style=style, allow_unicode=unicode, width=20)

    def bare(node: Node | None) -> Any:
        if isinstance(node, Scalar):
            return node.text
        if isinstance(node, Sequence):
            return [bare(item) for item in node.items]
        return {key.text: bare(inner) for key, inner in node} if node else None

    assert bare(parsed(text)) == yaml.load(text, Loader=yaml.BaseLoader)


HOLE = "${hole}"


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a", " ", "\n", "é", '"', "'", "\\", "#", ":", "\t", "${hol}", "$", "xyz "]),
        max_size=12,
    ),
    st.integers(0, 12),
    st.sampled_from([None, '"', "'", "|", ">"]),
    st.sampled_from([None, True]),
)
def test_a_hole_is_found_where_it_is_written(
    pieces: list[str], place: int, style: str | None, flow: bool | None
) -> None:
    before = "".join(pieces[:place])
    text = yaml.safe_dump(
        {"a": {"key": [before + HOLE + "".join(pieces[place:])]}},
        default_style=style, default_flow_style=flow, allow_unicode=True, width=10_000,
    )  # fmt: skip
    (scalar,) = [scalar for scalar in scalars(parsed(text)) if HOLE in scalar.text]
    at = scalar.at_offset(scalar.text.index(HOLE), len(HOLE))
    assert text.splitlines()[at.line - 1][at.column - 1 :].startswith(HOLE)
    assert at.length == len(HOLE)


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    "text",
    [
        "run: |\n  one\n  ${hole}\n",
        "run: |  # why\n\n\n    one\n      ${hole}\n",
        "run: |2\n    one ${hole}\n",
        "run: |-\n\n   ${hole}",
        "run: >\n  one\n  two\n\n  ${hole}\n",
        "run: >-\n  one\n   more ${hole}\n  two\n",
        "run: one\n  two\n  ${hole}",
        'run: "one\n  two \\\n  ${hole}"',
        "run: 'it''s\n\n  ${hole}'",
        'run: "\\"\\x41 ${hole}"',
        "run: !!str '${hole}'",
        "run: &a ${hole}",
        '{"run": [ "a", "${hole}" ]}',
        "- - - a ${hole}",
        "? |\n  x${hole}\n: b",
        "run: |\r\n  one\r\n  ${hole}\r\n",
        "run: |\n  a\n\n  ${hole}",
    ],
)
def test_a_hole_is_found_in_every_style(text: str) -> None:
    (scalar,) = [scalar for scalar in scalars(parsed(text)) if HOLE in scalar.text]
    at = scalar.at_offset(scalar.text.index(HOLE), len(HOLE))
    assert text.splitlines()[at.line - 1][at.column - 1 :].startswith(HOLE)


def test_each_of_many_equal_holes_is_found() -> None:
    (scalar,) = scalars(parsed('"${a}\\t${a} $${a}\\\n ${a}"'))
    found = [scalar.at_offset(offset, 4) for offset in (0, 5, 11, 15)]
    assert [(at.line, at.column) for at in found] == [(1, 2), (1, 8), (1, 14), (2, 2)]


def test_a_place_that_is_not_known_is_where_the_text_begins() -> None:
    (scalar,) = scalars(parsed('  "\\x24{a}"'))
    assert scalar.at_offset(0, 4) == scalar.position
    assert (scalar.position.line, scalar.position.column) == (1, 3)


@pytest.mark.usefixtures("loader")
def test_nodes_know_where_they_begin() -> None:
    node = parsed("a:\n  - {b: 'c'}\n  - [d]\n")
    assert isinstance(node, Mapping)
    inner = node.pairs[0][1]
    assert isinstance(inner, Sequence)
    places = [node.position, inner.position, *(item.position for item in inner.items)]
    assert [(at.line, at.column) for at in places] == [(1, 1), (2, 3), (2, 5), (3, 5)]
    assert [(s.text, s.position.line, s.position.column, s.position.length) for s in scalars(node)] == [
        ("a", 1, 1, 1), ("b", 2, 6, 1), ("c", 2, 9, 3), ("d", 3, 6, 1),
    ]  # fmt: skip


# Faults


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", ("`a` stands here a second time", 3, 1)),
        ("x: {a: 1, 'a': 2}", ("`a` stands here a second time", 1, 11)),
        ("? [a]\n: b", ("a list can't be a key", 1, 3)),
        ("{a: b}: c", ("a map can't be a key", 1, 1)),
        ("a: {<<: 1}", ("`<<` takes a map or a list of maps", 1, 9)),
        ("a: {<<: [{b: c}, 1]}", ("`<<` takes a map or a list of maps", 1, 18)),
        ("a: &a [b, *a]", ("`*a` stands within what it stands for", 1, 11)),
        ("a: &a {b: {c: *a}}", ("`*a` stands within what it stands for", 1, 15)),
        ("a: &first 1\nb: *frist", ("there is no anchor `&frist`", 2, 4)),
        ("a: !ruby/object x", ("a text that begins with `!` must stand in quotes: YAML takes it for a tag", 1, 4)),
        ("a: !x {b: c}", ("a text that begins with `!` must stand in quotes: YAML takes it for a tag", 1, 4)),
        ("a: !!python/none x", ("a text that begins with `!` must stand in quotes: YAML takes it for a tag", 1, 4)),
        ('a: "x\\0"', ("a text can't hold this character", 1, 4)),
        ("a: " + "[" * MAX_DEPTH, (f"this is nested more than {MAX_DEPTH} deep", 1, 3 + MAX_DEPTH)),
    ],
)  # fmt: skip
def test_this_is_a_fault_there(text: str, expected: tuple[str, int, int]) -> None:
    assert fault(text) == expected


@pytest.mark.usefixtures("loader")
def test_a_lone_surrogate_is_refused() -> None:
    with_one = 'a: "\\uD800"'
    try:
        _, faults = parse_yaml(with_one, "t")
    except FileError:
        return
    assert [error.message for error in faults] == ["a text can't hold this character"]


@pytest.mark.usefixtures("loader")
def test_nesting_up_to_the_limit_is_read() -> None:
    node = parsed("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert isinstance(node, Sequence)


def test_what_does_not_end_the_reading_comes_at_once() -> None:
    _, faults = parse_yaml("a: 1\na: 2\nb: !x y\n? [c]\n: d", "t")
    assert [error.at.line for error in faults if error.at] == [2, 3, 4]


@given(st.integers(1, 9), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_aliases_bring_in_no_more_than_the_limit(width: int, depth: int) -> None:
    rows = ["a0: &a0 [x, y]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, depth)]
    sizes = [3]
    for _ in range(1, depth):
        sizes.append(1 + width * sizes[-1])
    brought = sum(width * size for size in sizes[:-1])
    text = "\n".join(rows)
    if brought > MAX_REPEATED:
        assert fault(text)[0] == "its aliases make this file too large"
    else:
        assert isinstance(parsed(text), Mapping)


def test_long_texts_count_for_more() -> None:
    text = "x" * 1_000_000
    assert fault(f"a: &a {text}\nb: [{'*a, ' * 10}]")[0] == "its aliases make this file too large"
    assert len(list(scalars(parsed(f"a: &a {text}\nb: [*a, *a]")))) == 5
