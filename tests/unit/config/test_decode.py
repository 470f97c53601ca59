"""What a right file becomes. What a wrong one is told stands in the corpus of files."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.config.parse_yaml import MAX_FAULTS
from runner.errors import Faults, PyrunError
from runner.model.image import Image
from runner.model.param import Param
from runner.model.step import Command
from runner.model.task import EXCLUDE, GO, PATTERN, Task
from runner.model.template import Template


def task_of(text: str, name: str = "t") -> Task:
    task = decode(text.encode(), "tasks.yml").task(name)
    assert task is not None
    return task


def shown(template: Template | None) -> str | None:
    """A template, its holes in angle brackets."""
    if template is None:
        return None
    return "".join(part if isinstance(part, str) else f"<{part.name}>" for part in template.parts)


def all_shown(templates: tuple[Template, ...] | None) -> list[str | None]:
    return [shown(template) for template in templates or ()]


def faults_of(text: str) -> tuple[PyrunError, ...]:
    with pytest.raises(PyrunError) as info:
        decode(text.encode(), "tasks.yml")
    return info.value.errors if isinstance(info.value, Faults) else (info.value,)


def param_of(definition: str, kind: str = "options") -> Param:
    task = task_of(f"tasks: {{t: {{{kind}: {{x: {definition}}}}}}}")
    return (task.args if kind == "args" else task.options)[0]


def commands_of(task: Task) -> list[Command]:
    return [action for step in task.steps for action in step.does if isinstance(action, Command)]


def image_of(keys: str) -> Image:
    image = task_of(f"tasks: {{t: {{image: {{name: n, from: scratch, {keys}}}}}}}").image
    assert image is not None
    return image


def test_an_empty_file_is_an_empty_project() -> None:
    for text in ("", "# nothing\n", "~", "{}", "tasks:"):
        project = decode(text.encode(), "tasks.yml")
        assert project.names() == ()
        assert project.head.interpreter == ("sh", "-c")


def test_the_head() -> None:
    head = decode(b"name: 2.10\nusage: So\ninterpreter: bash -eu -c\n", "x/tasks.yml").head
    assert (head.name, head.usage, head.interpreter) == ("2.10", "So", ("bash", "-eu", "-c"))
    assert head.file == "x/tasks.yml"


def test_tasks_keep_the_order_of_the_file_and_their_texts() -> None:
    project = decode(b"tasks: {b: {usage: u, description: d}, a: {private: yes}, 1: {}}", "tasks.yml")
    assert project.names() == ("b", "a", "1")
    first, second = project.task("b"), project.task("a")
    assert first is not None
    assert second is not None
    assert (first.usage, first.description, first.private, first.persistent) == ("u", "d", False, False)
    assert second.private is True
    assert first.sources is None
    assert first.targets is None


def test_what_is_said_to_be_nothing_differs_from_what_is_not_said() -> None:
    task = task_of("tasks: {t: {source: [], target: []}}")
    assert (task.sources, task.targets) == ((), ())


def test_params_have_what_is_said() -> None:
    task = task_of(
        """
        options: {shared: {short: s}}
        tasks:
          t:
            args:
              a: {usage: A, values: [x, "1.10"], environment: AA}
              b: {type: int, default: "${a}${shared}", required: no}
              c: {values: {glob: "${a}/*/"}}
              d: {type: list}
        """.replace("c: {values", "c: {default: q, values")
    )
    a, b, c, d = task.args
    assert (a.name, a.usage, a.type, all_shown(a.values), a.environment) == (
        "a",
        "A",
        "string",
        ["x", "1.10"],
        "AA",
    )
    (default,) = b.defaults
    assert (b.type, default.when, all_shown(default.value)) == ("int", (), ["<a><shared>"])
    assert (shown(c.glob), c.values) == ("<a>/*/", None)
    assert d.type == "list"
    assert [param.required for param in task.args] == [True, False, False, False]
    assert [option.name for option in task.shared] == ["shared"]
    assert task.options == ()


@pytest.mark.parametrize(
    ("definition", "kind", "required"),
    [
        ("{}", "args", True),
        ("", "args", True),
        ("{default: a}", "args", False),
        ("{default: ''}", "args", False),
        ("{required: no}", "args", False),
        ("{type: list}", "args", False),
        ("{type: list, required: yes}", "args", True),
        ("{}", "options", False),
        ("{required: yes}", "options", True),
    ],
)
def test_whether_a_param_must_be_given(definition: str, kind: str, required: bool) -> None:
    assert param_of(definition, kind).required is required


@pytest.mark.parametrize("definition", ["{values: []}", "{values: }", "{}"])
def test_no_values_named_is_any_value(definition: str) -> None:
    assert param_of(definition).enumerated is False


@pytest.mark.parametrize(("written", "type_"), [("Integer", "int"), ("double", "float"), ("BOOLEAN", "bool")])
def test_types_have_other_names(written: str, type_: str) -> None:
    assert param_of(f"{{type: {written}}}").type == type_


@pytest.mark.parametrize(
    "task",
    [
        "{run: 'echo ${b}'}",
        "{dir: '${b}'}",
        "{env: {A: '${b}'}}",
        "{source: ['${b}']}",
        "{source: [{exclude: '${b}'}]}",
        "{source: [{go: '${b}'}]}",
        "{target: '${b}'}",
        "{deps: ['t ${b}']}",
        "{deps: [{name: t, args: ['${b}']}]}",
        "{deps: [{name: t, options: {x: '${b}'}}]}",
        "{run: {command: {exec: x, print: '${b}'}}}",
        "{run: {command: {exec: x, dir: '${b}'}}}",
        "{run: {command: {exec: x, respond: {q: '${b}'}}}}",
        "{run: {set-environment: {A: '${b}'}}}",
        "{run: {set-environment: {'${b}': x}}}",
        "{run: {task: 't ${b}'}}",
        "{run: {command: x, when: b}}",
        "{run: {command: x, when: {equal: {b: x}}}}",
        "{run: {command: x, when: {not-equal: {b: x}}}}",
        "{run: {command: x, when: {environment: {A: '${b}'}}}}",
        "{run: {command: x, when: {exists: '${b}'}}}",
        "{run: {command: x, when: {command: 'x ${b}'}}}",
        "{finally: 'echo ${b}'}",
        "{confirm: '${b}?'}",
        "{ready: {http: '/${b}'}, run: x}",
        "{usage: 'Uses ${b}'}",
        "{description: 'Uses ${b}'}",
        "{options: {own: {type: bool, rewrite: '${b}'}}}",
        "{options: {own: {default: {command: 'x ${b}'}}}}",
        "{options: {own: {default: {value: x, when: b}}}}",
        "{options: {own: {default: '${b}'}}}",
        "{args: {own: {default: '${b}'}}}",
        "{args: {own: {values: ['${b}']}}}",
        "{image: {name: '${b}', from: scratch}}",
        "{image: {name: n, from: scratch, env: {A: '${b}'}}}",
        "{image: {name: n, from: scratch, copy: [{source: x, to: '${b}'}]}}",
        "{image: {name: n, from: scratch, healthcheck: '${b}'}}",
    ],
)
def test_a_task_takes_the_shared_options_that_it_mentions_and_those_that_these_mention(task: str) -> None:
    text = f"options: {{a: {{}}, z: {{}}, b: {{default: '${{a}}'}}, y: {{}}}}\ntasks: {{t: {task}}}"
    assert [option.name for option in task_of(text).shared] == ["a", "b"]


def test_an_own_option_hides_a_shared_one() -> None:
    task = task_of("options: {a: {usage: shared}}\ntasks: {t: {options: {a: {usage: own}}, run: 'x ${a}'}}")
    assert [(option.name, option.usage) for option in task.options] == [("a", "own")]
    assert task.shared == ()


def test_a_shared_option_taken_into_the_own_ones_is_an_own_one() -> None:
    task = task_of("options: {a: {}, b: {default: '${a}'}}\ntasks: {t: {options: [b], run: 'x ${b}'}}")
    assert [option.name for option in task.options] == ["b"]
    assert [option.name for option in task.shared] == ["a"]


@pytest.mark.parametrize("run", ["x $${b}", "x ${b:-y}", "x $b"])
def test_what_only_looks_like_a_mention_is_none(run: str) -> None:
    assert task_of(f"options: {{b: {{}}}}\ntasks: {{t: {{run: '{run}'}}}}").shared == ()


def test_sources_and_targets() -> None:
    task = task_of(
        "tasks: {t: {args: {x: {}}, target: 'bin/${x}', source: ["
        "go.mod, 'a/${x}', {exclude: [b, c]}, {go: './${x}', tests: yes}, {go: d}]}}"
    )
    assert [(source.kind, shown(source.text), source.tests) for source in task.sources or ()] == [
        (PATTERN, "go.mod", False),
        (PATTERN, "a/<x>", False),
        (EXCLUDE, "b", False),
        (EXCLUDE, "c", False),
        (GO, "./<x>", True),
        (GO, "d", False),
    ]
    assert all_shown(task.targets) == ["bin/<x>"]


def test_calls_are_words_with_quotes_taken_off() -> None:
    task = task_of(
        """
        tasks:
          build all: {args: {a: {}, b: {}}}
          t:
            args: {x: {}}
            deps:
              - "build all"
              - "t ${x}'${x} y' \\"it's\\" --a=${x}"
              - {name: t, args: [a b, "${x}"], options: {o: 1.10}}
        """
    )
    first, second, third = task.deps
    assert (first.text, all_shown(first.words)) == ("build all", ["build", "all"])
    assert all_shown(second.words) == ["t", "<x><x> y", "it's", "--a=<x>"]
    assert (third.text, all_shown(third.words), all_shown(third.args)) == ("t", ["t"], ["a b", "<x>"])
    assert [(name, shown(value)) for name, value in third.options] == [("o", "1.10")]


def test_commands_in_all_forms_come_in_order() -> None:
    task = task_of(
        """
        tasks:
          t:
            args: {x: {}}
            run:
              - a ${x}
              - [b, {exec: c, print: "say ${x}", dir: "d/${x}", quiet: yes}]
              - command: [e, {print: only}]
              - 10
        """
    )
    commands = commands_of(task)
    assert [(shown(s.script), shown(s.shown), shown(s.dir), s.quiet) for s in commands] == [
        ("a <x>", None, None, False),
        ("b", None, None, False),
        ("c", "say <x>", "d/<x>", True),
        ("e", None, None, False),
        ("", "only", None, False),
        ("10", None, None, False),
    ]
    assert [command.programs for command in commands][:2] == [("a",), ("b",)]


def test_a_script_leaves_other_names_to_the_shell() -> None:
    task = task_of("tasks: {t: {args: {x: {}}, run: 'echo ${x} ${HOME} ${x:-y} $$ $${x}'}}")
    assert shown(commands_of(task)[0].script) == "echo <x> ${HOME} ${x:-y} $ ${x}"


def test_variables_leave_other_names_to_the_place() -> None:
    task = task_of("tasks: {t: {args: {x: {}}, env: {A: '${x}:${PATH}', B: 010}}}")
    assert [(name, shown(value)) for name, value in task.env] == [("A", "<x>:<PATH>"), ("B", "010")]
    image = image_of("env: {PATH: '/app:${PATH}'}")
    assert [(shown(name), shown(value)) for name, value in image.env] == [("PATH", "/app:<PATH>")]


def test_an_image() -> None:
    image = image_of(
        "tags: [a, 2], workdir: /app, user: 1000:1000, expose: 8080, volumes: [/d], stop-signal: SIGINT, "
        "labels: {a b: c}, copy: [{source: x, to: /y, mode: 0755, owner: 0:0}, {task: t, to: /z}]"
    )
    assert (shown(image.name), shown(image.base), all_shown(image.tags)) == ("n", "scratch", ["a", "2"])
    assert (shown(image.workdir), shown(image.user), shown(image.stop_signal)) == (
        "/app",
        "1000:1000",
        "SIGINT",
    )
    assert (all_shown(image.expose), all_shown(image.volumes)) == (["8080"], ["/d"])
    first, second = image.copy
    assert (shown(first.source), first.call, shown(first.to), first.mode, first.owner) == (
        "x",
        None,
        "/y",
        "0755",
        "0:0",
    )
    assert (second.source, second.call is not None, second.mode, second.owner) == (None, True, "", "")


@pytest.mark.parametrize(
    ("keys", "entrypoint", "shell"),
    [
        ("entrypoint: [a, b c]", ["a", "b c"], False),
        ("entrypoint: a b", ["a b"], True),
        ("entrypoint: []", [], False),
        ("entrypoint: ", None, False),
        ("user: x", None, False),
    ],
)
def test_a_list_is_words_and_a_text_is_for_the_shell(
    keys: str, entrypoint: list[str] | None, shell: bool
) -> None:
    image = image_of(keys)
    found = None if image.entrypoint is None else all_shown(image.entrypoint)
    assert (found, image.entrypoint_shell) == (entrypoint, shell)


UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


@given(
    st.lists(st.tuples(st.integers(0, 999_999_999), st.sampled_from(sorted(UNITS))), max_size=4),
    st.none() | st.integers(0, 999),
)
@settings(max_examples=200)
def test_a_duration_is_the_sum_of_its_parts(parts: list[tuple[int, str]], seconds: int | None) -> None:
    written = "".join(f"{number}{unit}" for number, unit in parts) + ("" if seconds is None else str(seconds))
    expected = sum(number * UNITS[unit] for number, unit in parts) + (seconds or 0) * 10**9
    if written:
        found = image_of(f"healthcheck: {{command: x, interval: {written}}}").healthcheck
        assert found is not None
        assert found.interval == expected


@pytest.mark.parametrize(
    "written", ["s", "5 m", "1.5s", "-1", "5d", "m5", "²", "1" * 10, "1" * 5000, "''", "[5]"]
)
def test_nothing_else_is_a_duration(written: str) -> None:
    faults = faults_of(
        f"tasks: {{t: {{image: {{name: n, from: s, healthcheck: {{command: x, interval: {written}}}}}}}}}"
    )
    assert len(faults) == 1
    assert faults[0].message.startswith("`interval` must be a")


def test_keys_may_come_in_any_order() -> None:
    keys = [
        "args: {x: {}}",
        "options: {o: {default: '${x}'}}",
        "deps: ['t ${x}']",
        "env: {A: '${o}'}",
        "run: 'a ${x}'",
    ]
    expected = None
    for seed in range(6):
        random.Random(seed).shuffle(keys)
        task = task_of(f"tasks: {{t: {{{', '.join(keys)}}}}}")
        found = (
            all_shown(task.deps[0].words),
            shown(task.env[0][1]),
            shown(commands_of(task)[0].script),
            task.args[0].name,
        )
        assert expected in (None, found)
        expected = found


def test_all_faults_come_at_once_in_the_order_of_the_file() -> None:
    faults = faults_of("tasks:\n  a: {deps: [nosuch], run: [~]}\n  a: {}\nnme: x\nusage: [x]\n")
    places = [(fault.at.line, fault.at.column) for fault in faults if fault.at]
    assert places == sorted(places)
    assert [line for line, _ in places] == [2, 2, 3, 4, 5]


def test_what_an_alias_repeats_is_told_once() -> None:
    (fault,) = faults_of("tasks: {a: {source: &s [[x]]}, b: {source: *s}, c: {source: *s}}")
    assert fault.at is not None
    assert fault.at.column == 25


def test_no_more_faults_are_told_than_anyone_reads() -> None:
    for text in (
        "".join(f"k{n}: x\n" for n in range(500)),
        "".join("k: x\n" for n in range(500)),
        "a: [" + "!x y, " * 500 + "]",
    ):
        faults = faults_of(text)
        assert len(faults) == MAX_FAULTS + 1
        assert faults[-1].message == f"there is more: these are the first {MAX_FAULTS} faults"


def test_many_faults_leave_no_half_read_values() -> None:
    items = "{source: [x], to: /}, " * (MAX_FAULTS + 5)
    assert len(faults_of(f"tasks: {{t: {{image: {{name: n, from: s, copy: [{items}]}}}}}}")) == MAX_FAULTS + 1


@settings(max_examples=300)
@given(st.binary(max_size=60))
def test_no_bytes_end_in_anything_but_an_error_that_can_be_told(data: bytes) -> None:
    try:
        decode(data, "tasks.yml")
    except PyrunError as error:
        assert error.message  # noqa: PT017 - an error is allowed and not expected


PIECES = [
    "tasks:", "a:", "run:", "source:", "image:", "args:", "values:", "glob:", " ", "  ", "\n", "\n  ", "\n    ", "- ",
    "[", "]", "{", "}", ",", ": ", "x", "${x}", "$", "'", '"', "\\", "|", ">", "*a", "&a ", "!b ", "@", "%", "`", "#",
    "<<: ", "~", "?", "---\n", "...", "\t", "\r", "\x85", "\u2028", "é", "0", "!!str ", "!<", "yes", "\\x00", "\\ud800",
]  # fmt: skip


@settings(max_examples=500)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
@example("[tasks:")
def test_no_text_ends_in_anything_but_an_error_in_the_file(text: str) -> None:
    try:
        decode(text.encode(), "tasks.yml")
    except PyrunError as error:
        for fault in error.errors if isinstance(error, Faults) else (error,):
            assert fault.message
            assert fault.at is not None
            rows = [*text.splitlines(), ""]
            assert fault.at.column <= len(rows[min(fault.at.line, len(rows)) - 1]) + 1
