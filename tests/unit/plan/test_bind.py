import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.errors import PlanError, UsageError
from runner.location import Position
from runner.model.project import Project
from runner.model.task import Task
from runner.plan.bind import Binder, Draft, Invocation, option_named, shown_word
from runner.plan.facts import Facts
from runner.plan.origin import DEFAULT, GIVEN, VARIABLE, ZERO
from tests.fakes.memory_facts import MemoryFacts

NOTHING = MemoryFacts()
IN_A_FILE = Position("tasks.yml", 7, 3)


def project_of(text: str, top: str = "") -> Project:
    """The task `t` with these keys, one a line, below other keys of the file."""
    rows = "".join(f"    {row}\n" for row in text.splitlines())
    return decode(f"{top}\ntasks:\n  t:\n{rows}".encode(), "tasks.yml")


def task_of(text: str) -> Task:
    found = project_of(text).task("t")
    assert found is not None
    return found


class Case:
    """A call of the task `t`, and the binder that it is given to."""

    def __init__(self, project: Project, at: Position | None) -> None:
        self.project = project
        task = project.task("t")
        assert task is not None
        self.draft = Draft(task, at)

    def bind(self, facts: Facts) -> tuple[Invocation, ...]:
        return Binder(self.project, facts).bind(self.draft)


def case_of(
    text: str, *args: str, at: Position | None = None, options: dict[str, list[str]] | None = None,
    every: bool = False, top: str = "",
) -> Case:  # fmt: skip
    case = Case(project_of(text, top), at)
    case.draft.args += args
    case.draft.options.update(options or {})
    case.draft.all = every
    return case


def bound(case: Case, facts: Facts = NOTHING) -> Invocation:
    (one,) = case.bind(facts)
    return one


def refused(case: Case, facts: Facts = NOTHING) -> tuple[str, str]:
    """Why words are refused, and what would be right."""
    with pytest.raises(UsageError) as info:
        case.bind(facts)
    assert info.value.at is None
    assert info.value.status == 2
    return info.value.message, info.value.hint


# Args


def test_words_fill_the_args_in_their_order() -> None:
    one = bound(case_of("args: {a: {}, b: {}, c: {type: list}}", "1", "2", "3", "4"))
    assert one.values == {"a": "1", "b": "2", "c": ("3", "4")}
    assert one.given == ("1", "2", "3", "4")


@pytest.mark.parametrize("word", ["", " ", "-x", "--all", "a b", "${a}", "é", "*"])
def test_a_word_is_kept_as_it_is(word: str) -> None:
    assert bound(case_of("args: {a: {}}", word)).values == {"a": word}


@pytest.mark.parametrize(
    ("args", "words", "message"),
    [
        ("args: {}", ["x"], "`x` is too many: `t` takes no words"),
        ("args: {a: {}}", ["x", "y"], "`y` is too many: `t` takes one word"),
        ("args: {a: {}, b: {}}", ["x", "y", "z", "0"], "`z` is too many: `t` takes 2 words"),
        ("args: {a: {}}", [], "`t` needs an a"),
        ("args: {a: {}, b: {}}", ["x"], "`t` needs a b"),
    ],
)
def test_too_many_and_too_few_words_are_refused(args: str, words: list[str], message: str) -> None:
    assert refused(case_of(args, *words))[0] == message


def test_a_fault_of_a_call_in_a_file_has_its_place() -> None:
    for case in (
        case_of("args: {a: {values: [x]}}", "y", at=IN_A_FILE),
        case_of("args: {a: {type: int}}", "y", at=IN_A_FILE),
        case_of("args: {a: {}}", at=IN_A_FILE),
        case_of("args: {}", "y", at=IN_A_FILE),
    ):
        with pytest.raises(PlanError) as info:
            case.bind(NOTHING)
        assert info.value.at == IN_A_FILE


# Types


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int", ["0", "-1", "+7", "010", "9" * 30], ["", "1.0", "1_0", "0x1", " 1", "٣", "-", "1e3"]),
        ("float", ["0", "-1.5", "1e3", ".5", "inf"], ["", "1_0", " 1", "1 ", "x", "1,5"]),
        ("string", ["", "x", "1.10"], []),
    ],
)
def test_a_number_is_checked_and_kept_as_it_was_typed(kind: str, good: list[str], bad: list[str]) -> None:
    for word in good:
        assert bound(case_of(f"args: {{a: {{type: {kind}}}}}", word)).values == {"a": word}
    for word in bad:
        message, _ = refused(case_of(f"args: {{a: {{type: {kind}}}}}", word))
        assert message.startswith(f"`{word}` is not a ")
        assert message.endswith("number, as the a of `t` must be")


BOOL_WORDS = [(word, "true") for word in ("1", "t", "T", "TRUE", "true", "True")] + [
    (word, "false") for word in ("0", "f", "F", "FALSE", "false", "False")
]


@pytest.mark.parametrize(("word", "value"), BOOL_WORDS)
def test_a_bool_option_has_one_form_and_a_word_for_an_arg_stays_as_it_was_typed(
    word: str, value: str
) -> None:
    assert bound(case_of("args: {a: {type: bool}}", word)).values == {"a": word}
    assert bound(case_of("options: {a: {type: bool}}", options={"a": [word]})).values == {"a": value}
    by_variable = case_of("options: {a: {type: bool, environment: A}}")
    assert bound(by_variable, MemoryFacts(variables={"A": word})).values == {"a": value}


@pytest.mark.parametrize("word", ["yes", "on", "", "2", "tRue"])
def test_other_words_are_no_bool(word: str) -> None:
    message, _ = refused(case_of("args: {a: {type: bool}}", word))
    assert message == f"`{word}` is not `true` or `false`, as the a of `t` must be"


# Values


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("gmcro", "did you mean `gmicro`?"),
        ("", "one of: gmicro, tmicro"),
        ("zzzzzz", "one of: gmicro, tmicro"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_with_the_nearest(word: str, hint: str) -> None:
    case = case_of("args: {service: {values: [gmicro, tmicro]}}", word)
    assert refused(case) == (f"`t` knows no service `{word}`", hint)


def test_a_missing_value_names_what_there_is() -> None:
    assert refused(case_of("args: {a: {values: [x, y]}}")) == ("`t` needs an a", "one of: x, y; or `--all`")
    assert refused(case_of("options: {a: {values: [x, y], required: true}}")) == (
        "`t` needs the option `--a`",
        "one of: x, y",
    )


def test_values_may_name_what_stands_above() -> None:
    case = case_of('args: {a: {}, b: {values: ["${a}-1", "${a}-2"], default: "${a}-2"}}', "x")
    assert bound(case).values == {"a": "x", "b": "x-2"}
    case.draft.args.append("y-1")
    assert refused(case)[0] == "`t` knows no b `y-1`"


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("cmd/*/", ("api", "web")),
        ("cmd/*", ("api", "readme.md", "web")),
        ("init/*.conf", ("api", "web")),
        ("cmd/*/main.go", ("api",)),
        ("*/api", ("cmd",)),
        ("./cmd//*/", ("api", "web")),
        ("none/*", ()),
        ("init/*.con", ()),
    ],
)
def test_a_glob_gives_what_its_star_stands_for(glob: str, found: tuple[str, ...]) -> None:
    facts = MemoryFacts((
        "cmd/web/x.go", "cmd/api/main.go", "cmd/readme.md", "cmd/.hidden/main.go", "init/web.conf",
        "init/api.conf", "init/.conf",
    ))  # fmt: skip
    case = case_of(f'args: {{a: {{values: {{glob: "{glob}"}}}}}}', every=True)
    if not found:
        assert refused(case, facts) == (
            "`t --all` has nothing to do", f"`{glob}` matches nothing, so there is no value",
        )  # fmt: skip
        return
    assert tuple(one.values["a"] for one in case.bind(facts)) == found


# All


def test_all_is_every_value_of_the_one_enumerated_arg() -> None:
    case = case_of("args: {a: {}, b: {values: [x, y]}, c: {default: z}}", "1", every=True)
    assert [one.values for one in case.bind(NOTHING)] == [
        {"a": "1", "b": value, "c": "z"} for value in ("x", "y")
    ]


@pytest.mark.parametrize(
    ("args", "words", "why"),
    [
        ("args: {a: {}}", [], "it has no arg with `values`"),
        ("args: {a: {values: [x]}, b: {values: [y]}}", [], "it has more than one arg with `values`"),
        ("args: {a: {values: [x]}}", ["x"], "its value is given already"),
    ],
)
def test_all_that_can_not_be_is_refused(args: str, words: list[str], why: str) -> None:
    assert refused(case_of(args, *words, every=True))[0] == f"`--all` doesn't go with `t`: {why}"


# Where nothing is given


def test_the_variable_comes_before_the_default_and_the_word_before_both() -> None:
    text = "args: {a: {default: d, environment: A}}"
    assert bound(case_of(text)).values == {"a": "d"}
    assert bound(case_of(text), MemoryFacts(variables={"A": "v"})).values == {"a": "v"}
    assert bound(case_of(text), MemoryFacts(variables={"A": ""})).values == {"a": "d"}
    assert bound(case_of(text, "w"), MemoryFacts(variables={"A": "v"})).values == {"a": "w"}


def test_a_variable_is_checked_like_a_word() -> None:
    message, _ = refused(
        case_of("options: {a: {type: int, environment: A}}"), MemoryFacts(variables={"A": "x"})
    )
    assert message == "`x` is not a whole number, as the a of `t` must be"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("options: {a: {}}", ""),
        ("options: {a: {type: int}}", "0"),
        ("options: {a: {type: float}}", "0"),
        ("options: {a: {type: bool}}", "false"),
        ("options: {a: {type: list}}", ()),
        ("options: {a: {type: bool, default: yes}}", "true"),
        ("options: {a: {type: bool, default: Off}}", "false"),
        ("options: {a: {type: list, default: x y}}", ("x y",)),
        ("args: {a: {required: false}}", ""),
        ("args: {a: {type: list}}", ()),
        ('options: {a: {default: "${TARGETOS}/${TARGETARCH}"}}', "linux/amd64"),
    ],
)
def test_what_is_not_given_has_this_value(text: str, value: object) -> None:
    one = bound(case_of(text))
    assert one.values == {"a": value}
    assert one.given == ()
    assert one.label == "t"


def test_a_default_is_checked_against_neither_type_nor_values() -> None:
    one = bound(case_of("options: {a: {type: int, default: x}, b: {values: [p], default: q}}"))
    assert one.values == {"a": "x", "b": "q"}


# Options


OPTIONS = "options: {verbose: {type: bool, short: v}, quiet: {type: bool, short: q}, out: {short: o}, n: {}}"


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("--out", ("out", None, "")),
        ("--out=", ("out", "", "")),
        ("--out=a=b", ("out", "a=b", "")),
        ("-o", ("out", None, "")),
        ("-o=x", ("out", "x", "")),
        ("-vq", ("verbose", None, "-q")),
        ("-vo=x", ("verbose", None, "-o=x")),
        ("--n=1", ("n", "1", "")),
        ("-ox", None),
        ("-n", ("n", None, "")),
        ("--ou", None),
        ("-x", None),
        ("-", None),
        ("", None),
        ("out", None),
        ("--", None),
    ],
)
def test_a_word_is_for_this_option(word: str, found: tuple[str, str | None, str] | None) -> None:
    got = option_named(Draft(task_of(OPTIONS), None), word)
    assert found == (None if got is None else (got[0].name, *got[1:]))


def test_of_an_option_given_twice_the_last_holds_and_a_list_keeps_all() -> None:
    case = case_of("options: {one: {}, many: {type: list}}")
    for param in case.draft.task.options:
        case.draft.add_option(param, "x")
        case.draft.add_option(param, "y")
    one = bound(case)
    assert one.values == {"one": "y", "many": ("x", "y")}
    assert one.label == "t --one=y --many=x --many=y"


def test_an_empty_option_counts_as_not_given() -> None:
    assert bound(case_of("options: {a: {default: d}}", options={"a": [""]})).values == {"a": "d"}


def test_a_required_option_is_not_satisfied_by_nothing() -> None:
    text = "options: {a: {required: true, environment: A}}"
    for case in (case_of(text), case_of(text, options={"a": [""]})):
        assert refused(case)[0] == "`t` needs the option `--a`"
        assert refused(case, MemoryFacts(variables={"A": ""}))[0] == "`t` needs the option `--a`"
        assert bound(case, MemoryFacts(variables={"A": "v"})).values == {"a": "v"}
    assert bound(case_of(text, options={"a": ["w"]})).values == {"a": "w"}


@pytest.mark.parametrize("at", [None, IN_A_FILE])
def test_a_private_option_can_be_given_by_nobody(at: Position | None) -> None:
    case = case_of("options: {a: {private: true, default: d, type: string}}", at=at, options={"a": ["x"]})
    assert option_named(case.draft, "--a") is None
    assert case.draft.options_known() == ()
    assert bound(case, MemoryFacts(variables={"a": "v"})).values == {"a": "d"}


@pytest.mark.parametrize("given", [["true"], ["1"]])
def test_a_rewrite_is_the_value_of_what_is_true(given: list[str]) -> None:
    text = 'args: {w: {}}\noptions: {v: {type: bool, rewrite: "-v ${w}"}}'
    assert bound(case_of(text, "x", options={"v": given})).values == {"w": "x", "v": "-v x"}


@pytest.mark.parametrize("given", [None, ["false"], [""]])
@pytest.mark.parametrize(("file", "off"), [("tasks.yml", ()), ("tusk.yml", "")])
def test_what_is_not_true_is_rewritten_to_no_word_and_in_a_tusk_file_to_an_empty_one(
    given: list[str] | None, file: str, off: str | tuple[str, ...]
) -> None:
    project = decode(b"tasks: {t: {options: {v: {type: bool, rewrite: -v}}}}", file)
    case = Case(project, None)
    case.draft.options.update({} if given is None else {"v": given})
    assert bound(case).values == {"v": off}


def test_a_rewritten_option_is_told_as_it_was_given() -> None:
    text = "options: {v: {type: bool, rewrite: -v}}"
    assert bound(case_of(text, options={"v": ["true"]})).label == "t --v"


def test_a_later_option_sees_an_earlier_one_as_it_was_rewritten() -> None:
    text = 'options: {v: {type: bool, default: yes, rewrite: "-v"}, w: {default: "<${v}>"}}'
    assert bound(case_of(text)).values == {"v": "-v", "w": "<-v>"}


# Shared options

SHARED = "options: {s: {short: s, default: {command: ask}}, u: {default: '${s}!'}}"


def test_a_shared_option_that_is_mentioned_is_a_flag_of_the_command_line_only() -> None:
    here, there = case_of("run: echo ${s}", top=SHARED), case_of("run: echo ${s}", top=SHARED, at=IN_A_FILE)
    for word in ("--s", "-s"):
        assert option_named(here.draft, word) is not None
        assert option_named(there.draft, word) is None
    assert option_named(here.draft, "--u") is None


def test_a_shared_option_taken_into_a_tasks_own_can_be_passed_by_a_call() -> None:
    case = case_of("options: [s]\nrun: echo ${s}", top=SHARED, at=IN_A_FILE, options={"s": ["x"]})
    assert option_named(case.draft, "--s") is not None
    assert bound(case).values == {"s": "x"}


def test_a_shared_option_is_worked_out_once_a_run() -> None:
    project = project_of("run: 'echo ${u}'", SHARED)
    facts = MemoryFacts(outputs={"ask": "it"})
    binder = Binder(project, facts)
    task = project.task("t")
    assert task is not None
    for _ in range(2):
        (one,) = binder.bind(Draft(task, None))
        assert one.values == {"s": "it", "u": "it!"}
    assert [argv[-1] for argv, _, _ in facts.ran] == ["ask"]


def test_what_the_command_line_says_of_a_shared_option_holds_for_the_whole_run() -> None:
    project = project_of("run: 'echo ${u}'", SHARED)
    facts = MemoryFacts(outputs={"ask": "it"})
    binder = Binder(project, facts)
    task = project.task("t")
    assert task is not None
    asked = Draft(task, None)
    asked.options["s"] = ["said"]
    binder.take_shared(asked)
    for draft in (asked, Draft(task, IN_A_FILE)):
        (one,) = binder.bind(draft)
        assert one.values == {"s": "said", "u": "said!"}
    assert facts.ran == []


# Where a value came from


def test_each_value_tells_where_it_came_from() -> None:
    text = "args: {given: {}, fixed: {default: d}}\noptions: {flag: {}, from_env: {environment: E}, none: {}}"
    facts = MemoryFacts(variables={"E": "e"})
    one = bound(case_of(text, "g", options={"flag": ["f"]}), facts)
    origins = {name: (origin.kind, origin.detail) for name, origin in one.origins.items()}
    assert origins == {
        "given": (GIVEN, ""), "fixed": (DEFAULT, ""), "flag": (GIVEN, ""),
        "from_env": (VARIABLE, "E, the caller's"), "none": (ZERO, ""),
    }  # fmt: skip
    default = one.origins["fixed"].at
    assert default is not None
    assert default.line == 4


# What people read


def test_a_label_is_what_would_have_to_be_typed() -> None:
    case = case_of(
        "args: {a: {}}\noptions: {b: {type: bool}, c: {}}", "x y", options={"b": ["1"], "c": ["$z"]}
    )
    assert bound(case).label == "t 'x y' --b '--c=$z'"


@settings(max_examples=300)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_shown_word_is_one_word_to_a_shell(word: str) -> None:
    assert shlex.split(shown_word(word)) == [word]


def test_the_key_is_the_values_and_not_how_they_were_given() -> None:
    text = "args: {a: {default: x}}\noptions: {b: {type: bool}}"
    plain = bound(case_of(text))
    assert bound(case_of(text, "x", options={"b": ["false"]})).key == plain.key
    assert bound(case_of(text, "y")).key != plain.key
