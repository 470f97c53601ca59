import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.errors import RunError
from runner.location import Position
from runner.model.param import STRING, Default, Param
from runner.model.project import Head
from runner.model.template import Template
from runner.model.when import EXISTS, OS, Check
from runner.plan.fallback import Fallback
from runner.plan.origin import DEFAULT
from tests.fakes.memory_facts import MemoryFacts

Value = str | tuple[str, ...]
AT = Position("tasks.yml", 1, 1)
SEEN: dict[str, Value] = {"a": "x", "many": ("p", "q")}


def param_of(definition: str, top: str = "") -> tuple[Param, Head]:
    """The option `o` of the task `t`, which sees the args `a` and `many`, and the head of its file."""
    text = f"{top}\ntasks:\n  t:\n    args: {{a: {{}}, many: {{type: list}}}}\n    options:\n      o: {definition}\n"
    project = decode(text.encode(), "tasks.yml")
    task = project.task("t")
    assert task is not None
    return task.options[0], project.head


def value_of(definition: str, facts: MemoryFacts | None = None, top: str = "") -> Value | None:
    param, head = param_of(definition, top)
    found = Fallback(facts or MemoryFacts()).value(param, SEEN, head)
    return None if found is None else found[0]


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ("{default: d}", "d"),
        ("{default: ''}", ""),
        ('{default: "${a}!"}', "x!"),
        ("{default: {}}", ""),
        ("{default: {value: v}}", "v"),
        ("{default: [{when: {os: darwin}, value: v}, w]}", "w"),
        ("{default: [{when: {equal: {a: x}}, value: v}, w]}", "v"),
        ("{default: [{when: {equal: {a: y}}}, {when: {exists: f}, value: v}, w]}", "v"),
        ("{default: [{when: {exists: g}, value: v}]}", None),
        ("{default: []}", None),
        ("{}", None),
        ("{type: int, default: 010}", "010"),
        ("{type: bool, default: Yes}", "true"),
        ("{type: bool, default: OFF}", "false"),
        ("{type: bool, default: TRUE}", "true"),
        ("{type: string, default: yes}", "yes"),
        ("{type: list, default: [p, q r]}", ("p", "q r")),
        ("{type: list, default: p}", ("p",)),
        ("{type: list, default: {value: p}}", ("p",)),
        ("{type: list, default: {}}", ()),
    ],
)
def test_the_first_default_that_holds_is_the_value(definition: str, value: Value | None) -> None:
    assert value_of(definition, MemoryFacts(("f",))) == value


TRUTHS = {
    True: Check(OS, "", (Template(("linux",), AT),), AT),
    False: Check(OS, "", (Template(("win",), AT),), AT),
}
LATE = {
    True: Check(EXISTS, "", (Template(("f",), AT),), AT),
    False: Check(EXISTS, "", (Template(("g",), AT),), AT),
}
answers = st.tuples(st.booleans(), st.booleans())


@settings(max_examples=200)
@given(st.lists(answers, max_size=6))
def test_of_many_defaults_the_first_that_holds_counts_and_tells_where_it_stands(
    entries: list[tuple[bool, bool]],
) -> None:
    defaults = tuple(
        Default(
            ((TRUTHS[early],), (LATE[late],)),
            (Template((f"d{number}",), AT),),
            None,
            Position("tasks.yml", number + 1, 1),
        )
        for number, (early, late) in enumerate(entries)
    )
    param = Param("o", STRING, "", None, None, defaults, False, "", "", False, None, AT)
    found = Fallback(MemoryFacts(("f",))).value(param, {}, param_of("{}")[1])
    first = next((number for number, (early, late) in enumerate(entries) if early and late), None)
    if first is None:
        assert found is None
        return
    assert found is not None
    assert found[0] == f"d{first}"
    assert (found[1].kind, found[1].at) == (DEFAULT, defaults[first].position)


# Commands


def test_a_command_gives_its_output_without_the_blanks_around_it() -> None:
    facts = MemoryFacts(outputs={"echo x": " \n two words \n\n"})
    assert value_of('{default: {command: "echo ${a}"}}', facts, "interpreter: bash -eu -c") == "two words"
    assert facts.ran == [(("bash", "-eu", "-c", "echo x"), "", "")]


def test_what_a_command_writes_is_one_word_of_a_list() -> None:
    assert value_of("{type: list, default: {command: c}}", MemoryFacts(outputs={"c": "p q"})) == ("p q",)


def test_only_the_command_that_is_reached_runs() -> None:
    facts = MemoryFacts(outputs={"one": "1", "two": "2", "three": "3"})
    text = "{default: [{when: {os: win}, command: one}, {command: two}, {command: three}]}"
    assert value_of(text, facts) == "2"
    assert [argv[-1] for argv, _, _ in facts.ran] == ["two"]


def test_a_condition_that_is_a_command_is_asked_in_its_turn() -> None:
    facts = MemoryFacts(outputs={"good": ""})
    text = "{default: [{when: {command: bad}, value: 1}, {when: {command: good}, value: 2}, {when: {command: last}}]}"
    assert value_of(text, facts) == "2"
    assert [argv[-1] for argv, _, _ in facts.ran] == ["bad", "good"]


def test_a_command_that_fails_is_told_with_its_option_and_place() -> None:
    with pytest.raises(RunError) as info:
        value_of("{default: {command: c}}", MemoryFacts(outputs={"c": 3}))
    assert info.value.message == "the default of `o` can't be worked out: `c` failed with exit status 3"
    assert info.value.at is not None
    assert (info.value.at.line, info.value.at.column) == (6, 30)


def test_a_command_runs_in_its_files_folder() -> None:
    param, top = param_of("{default: {command: c}}")
    fields = {**{name: getattr(top, name) for name in Head.FIELDS}, "folder": "api", "namespace": "api"}
    facts = MemoryFacts(outputs={"c": "out"})
    found = Fallback(facts).value(param, SEEN, Head(**fields))
    assert found is not None
    assert found[0] == "out"
    assert facts.ran == [(("sh", "-c", "c"), "api", "api")]


def test_where_nothing_may_run_the_value_says_that_it_is_not_known() -> None:
    facts = MemoryFacts(("f",))
    facts.inert = True
    assert value_of("{default: {command: ' c '}}", facts) == "<output of `c`>"
    unknown = value_of("{default: [{when: {command: c}, value: v}, w]}", facts)
    assert isinstance(unknown, str)
    assert unknown.startswith("<known when it runs")
    assert facts.ran == []
    # What is known without a command is the value all the same.
    assert (
        value_of(
            "{default: [{when: {exists: g, os: win}}, {when: {exists: f, command: c}, value: v}]}", facts
        )
        == "v"
    )


def test_a_command_that_may_not_run_does_not_hide_that_another_check_fails() -> None:
    facts = MemoryFacts()
    facts.inert = True
    assert value_of("{default: [{when: [{command: c}, {exists: g}], value: v}, w]}", facts) == "w"
