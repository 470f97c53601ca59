import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.errors import PlanError, UsageError
from runner.location import Position
from runner.model.task import Task
from runner.plan.bind import Draft, Invocation, bind, option_named, shown_word
from runner.plan.facts import Facts
from tests.fakes.memory_facts import MemoryFacts

NOTHING = MemoryFacts()
IN_A_FILE = Position("tasks.yml", 7, 3)


def task_of(text: str) -> Task:
    """The task `t` with these keys, one a line."""
    rows = "".join(f"    {row}\n" for row in text.splitlines())
    found = decode(f"tasks:\n  t:\n{rows}".encode(), "tasks.yml").task("t")
    assert found is not None
    return found


def draft_of(
    text: str, *args: str, at: Position | None = None, options: dict[str, list[str]] | None = None
) -> Draft:
    draft = Draft(task_of(text), at)
    draft.args += args
    draft.options.update(options or {})
    return draft


def bound(draft: Draft, facts: Facts = NOTHING) -> Invocation:
    (one,) = bind(draft, facts)
    return one


def refused(draft: Draft, facts: Facts = NOTHING) -> tuple[str, str]:
    """Why words are refused, and what would be right."""
    with pytest.raises(UsageError) as info:
        bind(draft, facts)
    assert info.value.at is None
    assert info.value.status == 2
    return info.value.message, info.value.hint


# Args


def test_words_fill_the_args_in_their_order() -> None:
    one = bound(draft_of("args: {a: {}, b: {}, c: {type: list}}", "1", "2", "3", "4"))
    assert one.values == {"a": "1", "b": "2", "c": ("3", "4")}
    assert one.given == ("1", "2", "3", "4")


@pytest.mark.parametrize("word", ["", " ", "-x", "--all", "a b", "${a}", "é", "*"])
def test_a_word_is_kept_as_it_is(word: str) -> None:
    assert bound(draft_of("args: {a: {}}", word)).values == {"a": word}


@pytest.mark.parametrize(
    ("args", "words", "message"),
    [
        ("args: {}", ["x"], "`x` is too many: `t` takes no words"),
        ("args: {a: {}}", ["x", "y"], "`y` is too many: `t` takes one word"),
        ("args: {a: {}, b: {}}", ["x", "y", "z", "0"], "`z` is too many: `t` takes 2 words"),
        ("args: {a: {}}", [], "`t` needs a a"),
        ("args: {a: {}, b: {}}", ["x"], "`t` needs a b"),
    ],
)
def test_too_many_and_too_few_words_are_refused(args: str, words: list[str], message: str) -> None:
    assert refused(draft_of(args, *words))[0] == message


def test_a_fault_of_a_call_in_a_file_has_its_place() -> None:
    for draft in (
        draft_of("args: {a: {values: [x]}}", "y", at=IN_A_FILE),
        draft_of("args: {a: {type: int}}", "y", at=IN_A_FILE),
        draft_of("args: {a: {}}", at=IN_A_FILE),
        draft_of("args: {}", "y", at=IN_A_FILE),
    ):
        with pytest.raises(PlanError) as info:
            bind(draft, NOTHING)
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
        assert bound(draft_of(f"args: {{a: {{type: {kind}}}}}", word)).values == {"a": word}
    for word in bad:
        message, _ = refused(draft_of(f"args: {{a: {{type: {kind}}}}}", word))
        assert message.startswith(f"`{word}` is not a ")
        assert message.endswith("number, as the a of `t` must be")


@pytest.mark.parametrize(
    ("word", "value"),
    [(word, "true") for word in ("1", "t", "T", "TRUE", "true", "True")]
    + [(word, "false") for word in ("0", "f", "F", "FALSE", "false", "False")],
)
def test_a_bool_has_one_form(word: str, value: str) -> None:
    assert bound(draft_of("args: {a: {type: bool}}", word)).values == {"a": value}


@pytest.mark.parametrize("word", ["yes", "on", "", "2", "tRue"])
def test_other_words_are_no_bool(word: str) -> None:
    message, _ = refused(draft_of("args: {a: {type: bool}}", word))
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
    draft = draft_of("args: {service: {values: [gmicro, tmicro]}}", word)
    assert refused(draft) == (f"`t` knows no service `{word}`", hint)


def test_a_missing_value_names_what_there_is() -> None:
    assert refused(draft_of("args: {a: {values: [x, y]}}")) == ("`t` needs a a", "one of: x, y; or `--all`")
    assert refused(draft_of("options: {a: {values: [x, y], required: true}}")) == (
        "`t` needs the option `--a`",
        "one of: x, y",
    )


def test_values_may_name_what_stands_above() -> None:
    draft = draft_of('args: {a: {}, b: {values: ["${a}-1", "${a}-2"], default: "${a}-2"}}', "x")
    assert bound(draft).values == {"a": "x", "b": "x-2"}
    draft.args.append("y-1")
    assert refused(draft)[0] == "`t` knows no b `y-1`"


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
    draft = draft_of(f'args: {{a: {{values: {{glob: "{glob}"}}}}}}')
    draft.all = True
    if not found:
        assert refused(draft, facts) == (
            "`t --all` has nothing to do", f"`{glob}` matches nothing, so there is no value",
        )  # fmt: skip
        return
    assert tuple(one.values["a"] for one in bind(draft, facts)) == found


# All


def test_all_is_every_value_of_the_one_enumerated_arg() -> None:
    draft = draft_of("args: {a: {}, b: {values: [x, y]}, c: {default: z}}", "1", options={})
    draft.all = True
    assert [one.values for one in bind(draft, NOTHING)] == [
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
    draft = draft_of(args, *words)
    draft.all = True
    assert refused(draft)[0] == f"`--all` doesn't go with `t`: {why}"


# Where nothing is given


def test_the_variable_comes_before_the_default_and_the_word_before_both() -> None:
    text = "args: {a: {default: d, environment: A}}"
    assert bound(draft_of(text)).values == {"a": "d"}
    assert bound(draft_of(text), MemoryFacts(variables={"A": "v"})).values == {"a": "v"}
    assert bound(draft_of(text), MemoryFacts(variables={"A": ""})).values == {"a": "d"}
    assert bound(draft_of(text, "w"), MemoryFacts(variables={"A": "v"})).values == {"a": "w"}


def test_a_variable_is_checked_like_a_word() -> None:
    message, _ = refused(
        draft_of("options: {a: {type: int, environment: A}}"), MemoryFacts(variables={"A": "x"})
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
    one = bound(draft_of(text))
    assert one.values == {"a": value}
    assert one.given == ()
    assert one.label == "t"


def test_a_wrong_default_is_a_fault_of_the_file() -> None:
    with pytest.raises(PlanError) as info:
        bind(draft_of("options: {a: {type: int, default: x}}"), NOTHING)
    assert info.value.at is not None
    assert info.value.at.line == 3


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
        ("-n", None),
        ("--ou", None),
        ("-x", None),
        ("-", None),
        ("", None),
        ("out", None),
        ("--", None),
    ],
)
def test_a_word_is_for_this_option(word: str, found: tuple[str, str | None, str] | None) -> None:
    got = option_named(task_of(OPTIONS), word)
    assert found == (None if got is None else (got[0].name, *got[1:]))


def test_of_an_option_given_twice_the_last_holds_and_a_list_keeps_all() -> None:
    draft = draft_of("options: {one: {}, many: {type: list}}")
    for param in draft.task.options:
        draft.add_option(param, "x")
        draft.add_option(param, "y")
    one = bound(draft)
    assert one.values == {"one": "y", "many": ("x", "y")}
    assert one.label == "t --one=y --many=x --many=y"


def test_an_empty_option_counts_as_not_given() -> None:
    assert bound(draft_of("options: {a: {default: d}}", options={"a": [""]})).values == {"a": "d"}


# What people read


def test_a_label_is_what_would_have_to_be_typed() -> None:
    draft = draft_of(
        "args: {a: {}}\noptions: {b: {type: bool}, c: {}}", "x y", options={"b": ["1"], "c": ["$z"]}
    )
    assert bound(draft).label == "t 'x y' --b '--c=$z'"


@settings(max_examples=300)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_shown_word_is_one_word_to_a_shell(word: str) -> None:
    assert shlex.split(shown_word(word)) == [word]


def test_the_key_is_the_values_and_not_how_they_were_given() -> None:
    text = "args: {a: {default: x}}\noptions: {b: {type: bool}}"
    plain = bound(draft_of(text))
    assert bound(draft_of(text, "x", options={"b": ["false"]})).key == plain.key
    assert bound(draft_of(text, "y")).key != plain.key
