import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.config.fields import Faultbook, Scope, is_number, is_text_with_colon, read_map
from runner.config.node import Mapping, Node, Scalar, Sequence
from runner.config.parse_yaml import MAX_FAULTS, parse_yaml
from runner.location import Position
from runner.model.template import PATTERN

SCOPE = Scope(("service", "level"), "`build`")


def node_of(text: str) -> Node:
    node, faults = parse_yaml(text, "t.yml")
    assert faults == []
    return node if node is not None else Scalar("", Position("t.yml", 1, 1))


def told(book: Faultbook) -> list[tuple[str, str]]:
    return [(fault.message, fault.hint) for fault in book.faults]


@pytest.mark.parametrize("word", ["true", "yes", "on", "y", "True", "YES", "On", "Y", "'yes'"])
def test_these_words_are_true(word: str) -> None:
    book = Faultbook(word)
    assert book.flag(node_of(word), "`x`") is True
    assert not book.faults


@pytest.mark.parametrize("word", ["false", "no", "off", "n", "False", "NO", "Off", "N", '"off"'])
def test_these_words_are_false(word: str) -> None:
    book = Faultbook(word)
    assert book.flag(node_of(word), "`x`") is False
    assert not book.faults


@pytest.mark.parametrize("text", ["", "~", "1", "0", "maybe", "[yes]", "{yes: no}", "yes please", "''"])
def test_nothing_else_is_a_flag(text: str) -> None:
    book = Faultbook(text)
    book.flag(node_of(text), "`x`")
    assert told(book) == [("`x` must be `true` or `false`", "")]


@given(st.text(max_size=12))
def test_a_number_is_up_to_nine_digits(text: str) -> None:
    assert is_number(text) == (0 < len(text) <= 9 and set(text) <= set("0123456789"))


@given(st.integers(0, 999_999_999))
def test_a_number_has_its_value(number: int) -> None:
    book = Faultbook("")
    assert book.number(Scalar(str(number), Position("t", 1, 1)), "`x`") == number
    assert not book.faults


@pytest.mark.parametrize("text", ["", "-1", "1.5", "0x1", "1_000", "²", "٣", "1" * 10, "1" * 5000, "[1]"])
def test_nothing_else_is_a_number(text: str) -> None:
    book = Faultbook(text)
    book.number(node_of(text), "`x`")
    assert told(book) == [("`x` must be a whole number below a thousand million", "")]


@pytest.mark.parametrize(
    ("text", "found"), [("", "nothing"), ("~", "nothing"), ("[a]", "a list"), ("{a: b}", "a map")]
)
def test_what_is_no_text_is_told_with_what_it_is(text: str, found: str) -> None:
    book = Faultbook(text)
    assert book.text(node_of(text), "`x`") == ""
    assert told(book) == [(f"`x` must be a text, and this is {found}", "")]


@pytest.mark.parametrize("text", ["a", "1.10", "010", "yes", "'~'", "''", "2001-01-01"])
def test_a_text_is_what_was_written(text: str) -> None:
    book = Faultbook(text)
    assert book.text(node_of(text), "`x`") == text.strip("'")
    assert not book.faults


def test_one_is_as_good_as_a_list_of_one_and_nothing_is_none() -> None:
    book = Faultbook("")
    assert [template.parts for template in book.strings(node_of("a"), "`x`", SCOPE)] == [("a",)]
    assert [template.parts for template in book.strings(node_of("[a, b]"), "`x`", SCOPE)] == [("a",), ("b",)]
    assert book.strings(node_of(""), "`x`", SCOPE) == ()
    assert book.pairs(node_of(""), "`x`", SCOPE) == ()
    assert not book.faults


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("servce", "did you mean `service`?"),
        ("HOME", "for a variable, define an option: `HOME: {environment: HOME}`"),
    ],
)
def test_an_unknown_name_is_told_with_what_would_be_right(name: str, hint: str) -> None:
    text = f"cmd/${{{name}}}/x"
    book = Faultbook(text)
    book.template(node_of(text), "`x`", SCOPE)
    assert told(book) == [(f"`build` has no arg or option `{name}`", hint)]
    assert book.faults[0].at == Position("t.yml", 1, 5, len(name) + 3)


def test_a_definition_sees_what_stands_above_it() -> None:
    book = Faultbook("${x}")
    book.template(node_of("${x}"), "`x`", Scope((), "`level`", above=True))
    assert [message for message, _ in told(book)] == ["no arg or option `x` is defined above `level`"]


def test_a_lenient_scope_leaves_unknown_names_for_later() -> None:
    book = Faultbook("")
    template = book.template(
        node_of("${HOME}/${service}"), "`x`", Scope(SCOPE.names, "`build`", lenient=True)
    )
    assert template.names() == ("HOME", "service")
    assert not book.faults


def test_a_pattern_and_what_must_be_filled_can_not_be_empty() -> None:
    book = Faultbook("''")
    book.template(node_of("''"), "a source", SCOPE, PATTERN)
    book.template(node_of("''"), "`to`", SCOPE, filled=True)
    book.template(node_of("''"), "`dir`", SCOPE)
    assert [message for message, _ in told(book)] == ["a source can't be empty", "`to` can't be empty"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("echo a: b", True),
        ("echo a:", True),
        ("echo: a", False),
        ("'echo a': b", False),
        ("{a b: c, d: e}", False),
        ("echo a:\n  - b", False),
        ("[a b]", False),
    ],
)
def test_a_map_may_be_a_text_with_a_colon(text: str, expected: bool) -> None:
    assert is_text_with_colon(node_of(text)) is expected


def test_a_text_with_a_colon_is_told_with_the_line_in_quotes() -> None:
    text = "- run\n- echo a: b  # c\n"
    book = Faultbook(text)
    node = node_of(text)
    assert isinstance(node, Sequence)
    book.text(node.items[1], "a command")
    hint = 'write `- "echo a: b"  # c`'
    assert told(book) == [("a one-line text with `: ` in it must stand in quotes", hint)]


def test_entries_go_to_their_handlers_in_the_order_of_the_handlers() -> None:
    text = "b: 1\nc: 3\na: 2\nbb: 4\n"
    book, seen = Faultbook(text), []

    def take(key: Scalar, node: Node) -> None:
        assert isinstance(node, Scalar)
        seen.append((key.text, node.text))

    assert read_map(book, node_of(text), "the file", {"a": take, "b": take, "x": take}) is True
    assert seen == [("a", "2"), ("b", "1")]
    assert told(book) == [
        ("`c` is not a key of the file", "known: a, b, x"),
        ("`bb` is not a key of the file", "did you mean `b`?"),
    ]


def test_nothing_is_an_empty_map_and_a_list_is_none() -> None:
    book = Faultbook("")
    assert read_map(book, node_of(""), "the file", {}) is True
    assert not book.faults
    assert read_map(book, node_of("[a]"), "the file", {}) is False
    assert told(book) == [("the file must be a map, and this is a list", "")]


def test_no_more_hints_are_looked_for_than_are_read() -> None:
    at = Position("t", 1, 1)
    book = Faultbook("")
    node = Mapping([(Scalar(f"namx{number}", at), Scalar("", at)) for number in range(MAX_FAULTS + 2)], at)
    read_map(book, node, "the file", {"name": lambda _key, _node: None})
    assert len(book.faults) == MAX_FAULTS + 2
    assert book.full
    assert book.faults[0].hint == "known: name"
    assert book.faults[-1].hint == ""
