"""Conditions, held against a plain reading of their rules."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.location import Position
from runner.model.path import beneath
from runner.model.project import Head
from runner.model.template import TEXT, Hole, Template
from runner.model.when import COMMAND, ENVIRONMENT, EQUAL, EXISTS, NOT_EQUAL, NOT_EXISTS, OS, Check, When
from runner.plan.condition import holds_now, settle
from runner.plan.step import Question
from tests.fakes.memory_facts import MemoryFacts

Value = str | tuple[str, ...]
AT = Position("tasks.yml", 3, 4)
FILES = ("there", "api/there", "api/deep/there", "/etc/there")
VARIABLES = {"SET": "x", "EMPTY": ""}
OUTPUTS: dict[str, str | int] = {"good": "", "bad": 1, "talks": "out"}
VALUES: Mapping[str, Value] = {"a": "x", "b": "", "many": ("x", "y"), "none": (), "yes": "true"}


def head_of(namespace: str = "") -> Head:
    head = decode(b"interpreter: bash -c", "tasks.yml").head
    fields = {**{name: getattr(head, name) for name in Head.FIELDS}, "namespace": namespace}
    return Head(**fields)


HEAD = head_of()


def world(*, inert: bool = False, os: str = "linux") -> MemoryFacts:
    facts = MemoryFacts(FILES, VARIABLES, OUTPUTS, {"api": {"OURS": "x"}}, os)
    facts.inert = inert
    return facts


def check(kind: str, name: str = "", *values: str | None) -> Check:
    """A check; a value `<n>` is a hole."""
    return Check(kind, name, tuple(None if value is None else template(value) for value in values), AT)


def template(text: str) -> Template:
    if text.startswith("<"):
        return Template((Hole(text.strip("<>"), TEXT, "", AT),), AT)
    return Template((text,) if text else (), AT)


def holds(when: When, facts: MemoryFacts, folder: str = "", head: Head = HEAD) -> bool | None:
    left = settle(when, VALUES, facts.platform().os, folder)
    return False if left is None else holds_now(left, facts, head)


# The plain reading: a check is true, false or not known (None)


def reads_as(one: Check, folder: str, inert: bool, os: str) -> bool | None:
    texts = [None if value is None else "".join(map(part_text, value.parts)) for value in one.values]
    words = [text for text in texts if text is not None]
    if one.kind == OS:
        aliases = {"mac": "darwin", "macos": "darwin", "osx": "darwin", "win": "windows"}
        return any(aliases.get(word.lower(), word.lower()) == os for word in words)
    if one.kind in {EQUAL, NOT_EQUAL}:
        if one.name not in VALUES:
            return False
        # A flag that is off, or an empty list, is the empty text.
        value = VALUES[one.name] or ""
        same = [word in value if isinstance(value, tuple) else word == value for word in words]
        return True in same if one.kind == EQUAL else False in same
    if one.kind == ENVIRONMENT:
        return VARIABLES.get(one.name) in texts
    if one.kind == COMMAND:
        if inert:
            return None if words else False
        return any(isinstance(OUTPUTS.get(word, 127), str) for word in words)
    there = [(word if word.startswith("/") else f"{folder}/{word}".strip("/")) in FILES for word in words]
    return True in there if one.kind == EXISTS else False in there


def part_text(part: str | Hole) -> str:
    return part if isinstance(part, str) else str(VALUES[part.name])


def all_of(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def any_of(answers: list[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False


words = st.sampled_from(["x", "y", "", "true", "<a>", "<b>"])
checks = st.one_of(
    st.builds(
        lambda values: check(OS, "", *values), st.lists(st.sampled_from(["linux", "Mac", "WIN", "osx"]), max_size=2)
    ),
    st.builds(
        lambda kind, name, values: check(kind, name, *values),
        st.sampled_from([EQUAL, NOT_EQUAL]), st.sampled_from([*VALUES, "unknown"]), st.lists(words, max_size=3),
    ),
    st.builds(
        lambda name, values: check(ENVIRONMENT, name, *values),
        st.sampled_from([*VARIABLES, "UNSET"]), st.lists(st.none() | words, max_size=3),
    ),
    st.builds(
        lambda kind, values: check(kind, "", *values),
        st.sampled_from([EXISTS, NOT_EXISTS]),
        st.lists(st.sampled_from(["there", "gone", "deep/there", "/etc/there", "/etc/gone"]), max_size=3),
    ),
    st.builds(
        lambda values: check(COMMAND, "", *values), st.lists(st.sampled_from([*OUTPUTS, "unknown"]), max_size=3)
    ),
)  # fmt: skip
whens = st.lists(st.lists(checks, max_size=3).map(tuple), max_size=3).map(tuple)


@settings(max_examples=1000)
@given(whens, st.sampled_from(["", "api"]), st.booleans(), st.sampled_from(["linux", "darwin", "windows"]))
def test_all_items_must_hold_and_of_an_item_any_check(when: When, folder: str, inert: bool, os: str) -> None:
    expected = all_of(
        [any_of([reads_as(one, folder, inert, os) for one in item]) if item else True for item in when]
    )
    assert holds(when, world(inert=inert, os=os), folder) is expected


@settings(max_examples=500)
@given(whens)
def test_what_is_known_before_anything_runs_is_settled_and_nothing_is_asked_for_it(when: When) -> None:
    facts = world()
    left = settle(when, VALUES, facts.platform().os, "api")
    assert facts.ran == []
    assert facts.tree.listed == []
    if left is None:
        # Whatever the answers are, it does not hold.
        assert holds(when, facts, "api") is False
        return
    late = [question for item in left for question in item]
    assert all(question.kind in {ENVIRONMENT, EXISTS, NOT_EXISTS, COMMAND} for question in late)
    assert all(question.dir == "api" for question in late)
    assert all(left)


# Case by case


@pytest.mark.parametrize("when", [(), ((),), ((), ())])
def test_nothing_asked_holds(when: When) -> None:
    assert holds(when, world()) is True
    assert settle(when, VALUES, world().platform().os, "") == ()


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (check(OS, "", "Linux"), True),
        (check(OS, "", "darwin", "LINUX"), True),
        (check(OS, "", "win"), False),
        (check(EQUAL, "a", "y", "x"), True),
        (check(EQUAL, "a", "<a>"), True),
        (check(EQUAL, "many", "y"), True),
        (check(EQUAL, "none", ""), True),
        (check(NOT_EQUAL, "none", ""), False),
        (check(EQUAL, "unknown", ""), False),
        (check(NOT_EQUAL, "unknown", "x"), False),
        (check(NOT_EQUAL, "a", "x"), False),
        (check(NOT_EQUAL, "a", "x", "y"), True),
        (check(NOT_EQUAL, "a"), False),
        (check(EQUAL, "yes", "true"), True),
        (check(ENVIRONMENT, "UNSET", None), True),
        (check(ENVIRONMENT, "EMPTY", None), False),
        (check(ENVIRONMENT, "EMPTY", ""), True),
        (check(ENVIRONMENT, "SET", "y", "<a>"), True),
        (check(EXISTS, "", "gone", "there"), True),
        (check(NOT_EXISTS, "", "gone", "there"), True),
        (check(NOT_EXISTS, "", "there"), False),
        (check(EXISTS, "", "/etc/there"), True),
        (check(COMMAND, "", "bad", "good"), True),
        (check(COMMAND, "", "bad"), False),
    ],
)
def test_a_check_holds_if_it_does_for_any_of_its_values(one: Check, expected: bool) -> None:
    assert holds(((one,),), world()) is expected


@pytest.mark.parametrize("name", ["mac", "macOS", "osx", "Darwin"])
def test_a_system_has_other_names(name: str) -> None:
    when = ((check(OS, "", name),),)
    assert holds(when, world(os="darwin")) is True
    assert holds(when, world()) is False


def test_commands_are_tried_in_order_until_one_succeeds_each_in_the_files_folder() -> None:
    facts = world()
    assert holds(((check(COMMAND, "", "bad", "good", "talks"),),), facts, "api", head_of("api")) is True
    assert facts.ran == [
        (("bash", "-c", "bad"), "api", "api"),
        (("bash", "-c", "good"), "api", "api"),
    ]


def test_no_command_runs_for_what_is_settled_or_answered_without_it() -> None:
    facts = world()
    early = (check(COMMAND, "", "good"), check(EQUAL, "a", "x"))
    late = (check(EXISTS, "", "there"), check(COMMAND, "", "good"))
    assert holds((early, late), facts) is True
    assert facts.ran == []


def test_a_variable_is_the_one_of_the_files_namespace() -> None:
    when = ((check(ENVIRONMENT, "OURS", "x"),),)
    assert holds(when, world(), head=head_of("api")) is True
    assert holds(when, world()) is False


def test_a_question_has_its_values_filled_in() -> None:
    left = settle(
        ((check(ENVIRONMENT, "SET", "<a>", None), check(EXISTS, "", "<a>")),),
        VALUES,
        world().platform().os,
        "d",
    )
    assert left == ((Question(ENVIRONMENT, "SET", ("x", None), "d"), Question(EXISTS, "", ("x",), "d")),)


@pytest.mark.parametrize(
    ("folder", "path", "found"),
    [("", "x", "x"), ("a/b", "x", "a/b/x"), ("a", "/x", "/x"), ("", "/x", "/x"), ("a", "", "a/")],
)
def test_a_path_is_relative_to_the_files_folder_unless_it_is_absolute(
    folder: str, path: str, found: str
) -> None:
    assert beneath(folder, path) == found
