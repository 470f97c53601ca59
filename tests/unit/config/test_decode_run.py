import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config.decode_run import RunReader
from runner.config.fields import Faultbook, Scope
from runner.config.language import TEXTUAL, WORDS, Language
from runner.config.node import Node, Scalar
from runner.config.parse_yaml import parse_yaml
from runner.location import Position
from runner.model.param import BOOL, Param
from runner.model.step import Command, InvokeCall, SetEnvironment, Step, SubTask
from runner.model.template import Template
from runner.model.when import EQUAL, EXISTS

AT = Position("t.yml", 1, 1)
TASKS, TUSK = Language(False, WORDS, ("sh", "-c")), Language(True, TEXTUAL, ("sh", "-c"))
PARAMS = {"a": Param("a", BOOL, "", None, None, (), False, "", "", False, None, AT)}


def node_of(text: str) -> Node:
    node, faults = parse_yaml(text, "t.yml")
    assert faults == []
    return node if node is not None else Scalar("", AT)


def read(text: str, language: Language = TASKS) -> tuple[tuple[Step, ...], Faultbook]:
    book = Faultbook(text)
    scope = Scope(tuple(PARAMS), "`t`", literal=language.tusk)
    return RunReader(book, scope, language, PARAMS).steps(node_of(text)), book


def steps_of(text: str, language: Language = TASKS) -> tuple[Step, ...]:
    steps, book = read(text, language)
    assert [fault.message for fault in book.faults] == []
    return steps


def faults_of(text: str, language: Language = TASKS) -> list[tuple[str, str]]:
    return [(fault.message, fault.hint) for fault in read(text, language)[1].faults]


def shown(template: Template | None) -> str | None:
    if template is None:
        return None
    return "".join(part if isinstance(part, str) else f"<{part.name}>" for part in template.parts)


def told(action: Command | SetEnvironment | SubTask | InvokeCall) -> object:
    """An action in short."""
    if isinstance(action, Command):
        return shown(action.script)
    if isinstance(action, SetEnvironment):
        return {shown(name): shown(value) for name, value in action.variables}
    assert isinstance(action, SubTask)
    return "→" + action.call.text


def does(text: str) -> list[list[object]]:
    return [list(map(told, step.does)) for step in steps_of(text)]


# Forms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []), ("~", []), ("[]", []), ("x", [["x"]]), ("[x, y]", [["x"], ["y"]]), ("[[x, y], z]", [["x", "y"], ["z"]]),
        ("10", [["10"]]), ("'x ${a} ${HOME}'", [["x <a> ${HOME}"]]),
        ("{command: x}", [["x"]]), ("{command: [x, {exec: y}]}", [["x", "y"]]), ("{command: {exec: x}}", [["x"]]),
        ("{command: {print: p}}", [[""]]), ("{command: []}", [[]]), ("{command: ~}", [[]]),
        ("{task: b}", [["→b"]]), ("{task: [b, 'c d', {name: e}]}", [["→b", "→c d", "→e"]]),
        ("{set-environment: {A: x, B: ~, C: ''}}", [[{"A": "x", "B": None, "C": ""}]]),
        ("{set-environment: {'${a}': '${a}!'}}", [[{"<a>": "<a>!"}]]),
        ("{when: a}", [[]]), ("{}", [[]]), ("[{command: x, when: a}, {task: b, when: {exists: f}}]", [["x"], ["→b"]]),
        ("[[x, {exec: y, quiet: yes}]]", [["x", "y"]]),
    ],
)  # fmt: skip
def test_an_item_is_one_action_in_any_of_its_forms(text: str, expected: list[list[object]]) -> None:
    assert does(text) == expected


def test_a_condition_holds_for_the_whole_item() -> None:
    first, second, third = steps_of("[x, {when: [a, {exists: f}], command: [y, z]}, {task: b, when: [[a]]}]")
    assert first.when == ()
    assert [[(check.kind, check.name) for check in item] for item in second.when] == [
        [(EQUAL, "a")],
        [(EXISTS, "")],
    ]
    assert [[check.name for check in item] for item in third.when] == [["a"]]


def test_all_keys_of_a_command() -> None:
    (step,) = steps_of(
        "{command: {exec: 'make ${a}', print: 'p ${a}', dir: 'd/${a}', quiet: yes, pty: on, respond: {'u?': '${a}', p: q}}}"
    )
    (command,) = step.does
    assert isinstance(command, Command)
    assert (shown(command.script), shown(command.shown), shown(command.dir)) == ("make <a>", "p <a>", "d/<a>")
    assert (command.quiet, command.pty, command.programs) == (True, True, ("make",))
    assert [(prompt, shown(answer)) for prompt, answer in command.respond] == [("u?", "<a>"), ("p", "q")]


def test_what_a_command_does_not_say_is_not_so() -> None:
    ((command,),) = [step.does for step in steps_of("x")]
    assert isinstance(command, Command)
    assert (command.shown, command.dir, command.quiet, command.pty, command.respond) == (
        None,
        None,
        False,
        False,
        (),
    )


def test_a_script_has_the_place_where_its_text_begins() -> None:
    steps = steps_of("- x\n- command:\n    quiet: yes\n    exec: |\n      make\n      make all\n- [y, z]\n")
    places = [action.position for step in steps for action in step.does]
    assert [(at.line, at.column) for at in places] == [(1, 3), (4, 11), (7, 4), (7, 7)]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("- echo a: b\n", '- "echo a: b"'),
        ("- [x, echo a: b]\n", '- [x, "echo a: b"]'),
        ("command:\n  - echo a: b\n", '- "echo a: b"'),
    ],
)
def test_a_shell_text_with_a_colon_is_told_with_its_quotes(text: str, right: str) -> None:
    (fault,) = faults_of(text)
    assert fault == ("a one-line text with `: ` in it must stand in quotes", f"write `{right}`")


def test_in_a_tusk_file_unknown_names_stay_as_they_are() -> None:
    (step,) = steps_of("{set-environment: {A: '${nope}:${a}'}}", TUSK)
    assert list(map(told, step.does)) == [{"A": "${nope}:<a>"}]
    assert faults_of("{set-environment: {A: '${nope}'}}")[0][0] == "`t` has no arg or option `nope`"


# Faults


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "{command: x, task: b}",
            "an item has one action, and this one has `command` already",
            "begin another item: `- task:`",
        ),
        (
            "{set-environment: {A: b}, command: x}",
            "an item has one action, and this one has `set-environment` already",
            "begin another item: `- command:`",
        ),
        ("{comand: x}", "`comand` is not a key of a `run` item", "did you mean `command`?"),
        ("{command: {exce: x}}", "`exce` is not a key of a command", "did you mean `exec`?"),
        (
            "{environment: {A: b}}",
            "`environment` is not a key of a `run` item",
            "known: when, command, task, set-environment",
        ),
        ("[[[x]]]", "a command must be a text, and this is a list", ""),
        ("[~]", "a command must be a text, and this is nothing", ""),
        ("{command: [[x]]}", "a command must be a text, and this is a list", ""),
        ("{set-environment: [A]}", "`set-environment` must be a map of variables, and this is a list", ""),
        ("{set-environment: ~}", "`set-environment` must be a map of variables, and this is nothing", ""),
        ("{set-environment: {A: [b]}}", "`A` must be a text, and this is a list", ""),
        ("{set-environment: {'': b}}", "a variable can't be empty", ""),
        ("{command: {exec: x, quiet: maybe}}", "`quiet` must be `true` or `false`", ""),
        ("{command: {exec: x, respond: [a]}}", "`respond` must be a map, and this is a list", ""),
        ("{task: [~]}", "a task must be a text, and this is nothing", ""),
        ("{task: {args: [x]}}", "a task names no task", "add `name`"),
        ("{task: ''}", "a task names no task", ""),
    ],
)
def test_what_is_wrong_is_told(text: str, message: str, hint: str) -> None:
    assert faults_of(text) == [(message, hint)]


def test_each_further_action_of_an_item_is_told_at_its_place() -> None:
    _, book = read("task: b\ncommand: x\nset-environment: {A: b}\n")
    assert [(fault.at.line, fault.at.column) for fault in book.faults if fault.at] == [(2, 1), (3, 1)]


SHAPES = st.recursive(
    st.sampled_from(["x", "~", "''", "yes", "'${a}'", "'${nope}'", "10", "'x: y'"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(
            st.sampled_from(
                ["when", "command", "task", "set-environment", "exec", "print", "dir", "name", "args", "x"]
            ),
            inner,
            max_size=3,
        ).map(lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs.items()) + "}")
    ),
    max_leaves=8,
)


@settings(max_examples=400)
@given(SHAPES, st.sampled_from([TASKS, TUSK]))
def test_whatever_is_written_gives_a_step_for_each_item_and_faults_with_places(
    text: str, language: Language
) -> None:
    steps, book = read(text, language)
    assert len(steps) == len(book.items(node_of(text)))
    for fault in book.faults:
        assert fault.message
        assert fault.at is not None
        assert 1 <= fault.at.column <= len(text) + 1
