import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config.decode_when import decode_when
from runner.config.fields import Faultbook, Scope
from runner.config.language import TEXTUAL, WORDS, Language
from runner.config.node import Node, Scalar
from runner.config.parse_yaml import parse_yaml
from runner.location import Position
from runner.model.param import BOOL, STRING, Param
from runner.model.template import BARE, TEXT, Template
from runner.model.when import COMMAND, ENVIRONMENT, EQUAL, EXISTS, NOT_EQUAL, NOT_EXISTS, OS, Check, When

AT = Position("t.yml", 1, 1)
TASKS, TUSK = Language(False, WORDS, ("sh", "-c")), Language(True, TEXTUAL, ("sh", "-c"))


def param(name: str, kind: str) -> Param:
    return Param(name, kind, "", None, None, (), False, "", "", False, None, AT)


PARAMS = {"a": param("a", STRING), "b": param("b", BOOL)}


def node_of(text: str) -> Node:
    node, faults = parse_yaml(text, "t.yml")
    assert faults == []
    return node if node is not None else Scalar("", AT)


def read(text: str, language: Language = TASKS) -> tuple[When, list[tuple[str, int, int]]]:
    """What a `when` says, and its faults with their places."""
    book = Faultbook(text)
    scope = Scope((*PARAMS, "TARGETOS"), "`t`", literal=language.tusk)
    found = decode_when(book, node_of(text), scope, language, PARAMS)
    return found, [(fault.message, fault.at.line, fault.at.column) for fault in book.faults if fault.at]


def shown(template: Template | None) -> str | None:
    if template is None:
        return None
    return "".join(part if isinstance(part, str) else f"<{part.name}>" for part in template.parts)


def plain(check: Check) -> tuple[str, str, list[str | None]]:
    return check.kind, check.name, list(map(shown, check.values))


def when_of(text: str, language: Language = TASKS) -> list[list[tuple[str, str, list[str | None]]]]:
    found, faults = read(text, language)
    assert faults == []
    return [list(map(plain, item)) for item in found]


A_IS_TRUE, B_IS_TRUE = (EQUAL, "a", ["true"]), (EQUAL, "b", ["true"])


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", []), ("~", []), ("[]", []), ("{}", [[]]), ("[{}, []]", [[], []]),
        ("b", [[B_IS_TRUE]]), ("[a, b]", [[A_IS_TRUE], [B_IS_TRUE]]), ("[[a, b]]", [[A_IS_TRUE, B_IS_TRUE]]),
        ("[[a], b]", [[A_IS_TRUE], [B_IS_TRUE]]),
        ("{os: linux}", [[(OS, "", ["linux"])]]),
        ("{os: [linux, mac]}", [[(OS, "", ["linux", "mac"])]]),
        ("{exists: f}", [[(EXISTS, "", ["f"])]]),
        ("{not-exists: [f, '${a}/g']}", [[(NOT_EXISTS, "", ["f", "<a>/g"])]]),
        ("{command: [x, 'y ${a}']}", [[(COMMAND, "", ["x", "y <a>"])]]),
        ("{equal: {a: [x, 1.10]}}", [[(EQUAL, "a", ["x", "1.10"])]]),
        ("{not-equal: {a: x, b: yes}}", [[(NOT_EQUAL, "a", ["x"]), (NOT_EQUAL, "b", ["true"])]]),
        ("{environment: {A: x}}", [[(ENVIRONMENT, "A", ["x"])]]),
        ("{environment: {A: ~}}", [[(ENVIRONMENT, "A", [None])]]),
        ("{environment: {A: [x, ~, '']}}", [[(ENVIRONMENT, "A", ["x", None, ""])]]),
        ("{environment: {A: '', B: '${a}'}}", [[(ENVIRONMENT, "A", [""]), (ENVIRONMENT, "B", ["<a>"])]]),
    ],
)  # fmt: skip
def test_a_when_is_items_of_checks(text: str, items: list[list[tuple[str, str, list[str | None]]]]) -> None:
    assert when_of(text) == items


def test_the_checks_of_an_item_come_in_one_order_whatever_the_files() -> None:
    parts = [
        "command: x",
        "exists: f",
        "os: linux",
        "not-exists: g",
        "environment: {A: b}",
        "equal: {a: b}",
        "not-equal: {a: c}",
    ]
    (item,) = when_of("{" + ", ".join(parts) + "}")
    (other,) = when_of("{" + ", ".join(parts[::-1]) + "}")
    assert item == other
    assert [kind for kind, _, _ in item] == [OS, EQUAL, NOT_EQUAL, ENVIRONMENT, EXISTS, NOT_EXISTS, COMMAND]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "true"),
        ("ON", "true"),
        ("y", "true"),
        ("True", "true"),
        ("no", "false"),
        ("'off'", "false"),
        ("1", "1"),
    ],
)
def test_a_bool_is_compared_in_the_form_that_it_has_and_a_text_as_it_is_written(
    written: str, value: str
) -> None:
    assert when_of(f"{{equal: {{b: {written}}}}}") == [[(EQUAL, "b", [value])]]
    assert when_of(f"{{equal: {{a: {written}}}}}") == [[(EQUAL, "a", [written.strip("'")])]]


def test_a_value_is_written_into_a_command_as_a_word_and_elsewhere_as_it_is() -> None:
    found, _ = read("{command: 'x ${a}', exists: '${a}'}")
    contexts = {
        check.kind: [
            part.context
            for value in check.values
            if value
            for part in value.parts
            if not isinstance(part, str)
        ]
        for check in found[0]
    }
    assert contexts == {COMMAND: [BARE], EXISTS: [TEXT]}


# Names


@pytest.mark.parametrize(
    ("text", "column"),
    [("nope", 1), ("[a, nope]", 5), ("{equal: {nope: x}}", 10), ("{not-equal: {a: x, nope: y}}", 20)],
)
def test_a_name_that_can_never_be_anything_is_told_but_in_a_tusk_file(text: str, column: int) -> None:
    _, faults = read(text)
    assert faults == [("`t` has no arg or option `nope`", 1, column)]
    assert read(text, TUSK)[1] == []


def test_an_unknown_hole_is_told_but_in_a_tusk_file() -> None:
    _, faults = read("{exists: '${nope}'}")
    assert [message for message, _, _ in faults] == ["`t` has no arg or option `nope`"]
    assert when_of("{exists: '${nope}'}", TUSK) == [[(EXISTS, "", ["${nope}"])]]


# Faults


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{exist: f}", "`exist` is not a key of `when`"),
        ("{not_equal: {a: x}}", "`not_equal` is not a key of `when`"),
        ("[~]", "a condition must be a text, and this is nothing"),
        ("[[{os: linux}]]", "a condition must be a text, and this is a map"),
        ("{equal: a}", "`equal` must be a map, and this is a text"),
        ("{environment: [A]}", "`environment` must be a map, and this is a list"),
        ("{equal: {a: {b: c}}}", "`a` must be a text, and this is a map"),
        ("{environment: {A: {b: c}}}", "`A` must be a text, and this is a map"),
        ("{os: [[linux]]}", "`os` must be a text, and this is a list"),
        ("{command: [~]}", "a command must be a text, and this is nothing"),
    ],
)
def test_what_is_wrong_is_told(text: str, message: str) -> None:
    _, faults = read(text)
    assert [told for told, _, _ in faults] == [message]


SHAPES = st.recursive(
    st.sampled_from(["a", "b", "nope", "~", "''", "yes", "'${a}'", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(
            st.sampled_from(
                ["os", "equal", "not-equal", "environment", "exists", "not-exists", "command", "a", "b"]
            ),
            inner,
            max_size=3,
        ).map(lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs.items()) + "}")
    ),
    max_leaves=8,
)


@settings(max_examples=400)
@given(SHAPES, st.sampled_from([TASKS, TUSK]))
def test_whatever_is_written_gives_an_item_for_each_entry_and_faults_with_places(
    text: str, language: Language
) -> None:
    book = Faultbook(text)
    node = node_of(text)
    scope = Scope(tuple(PARAMS), "`t`", literal=language.tusk)
    found = decode_when(book, node, scope, language, PARAMS)
    assert len(found) == len(book.items(node))
    assert all(fault.at is not None and fault.message for fault in book.faults)
    for item in found:
        assert all((check.name != "") == (check.kind in {EQUAL, NOT_EQUAL, ENVIRONMENT}) for check in item)
