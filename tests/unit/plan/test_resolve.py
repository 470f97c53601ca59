from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.errors import PlanError, UsageError
from runner.model.project import Project
from runner.plan.action import Action, Plan
from runner.plan.bind import Draft, Invocation, bind
from runner.plan.facts import Facts
from runner.plan.resolve import find_task, folder_text, make_plan, take_words
from tests.fakes.memory_facts import MemoryFacts

NOTHING = MemoryFacts()


def project_of(text: str) -> Project:
    return decode(text.encode(), "tasks.yml")


def plan_of(text: str, *calls: Sequence[str], facts: Facts = NOTHING) -> Plan:
    """The plan for some calls, each a task's name and its words; for `t` without words if there is none."""
    project = project_of(text)
    asked: list[Invocation] = []
    for name, *words in calls or [["t"]]:
        draft = Draft(find_task(project, name, None), None)
        draft.args += words
        asked += bind(draft, facts)
    return make_plan(project, asked, facts)


def labels(plan: Plan) -> list[str]:
    return [action.label for action in plan.actions]


def action_of(text: str, *words: str, facts: Facts = NOTHING) -> Action:
    """The action of the task `t`."""
    return plan_of(text, ["t", *words], facts=facts).actions[-1]


def refused(text: str, *calls: Sequence[str]) -> tuple[str, int, str]:
    """Why there is no plan, in which line that stands, and what would be right."""
    with pytest.raises(PlanError) as info:
        plan_of(text, *calls)
    assert info.value.at is not None
    return info.value.message, info.value.at.line, info.value.hint


# Invocations


def test_every_invocation_is_there_once_behind_what_it_needs() -> None:
    plan = plan_of(
        """
tasks:
  install: {run: x}
  build: {args: {s: {}}, options: {fast: {type: bool}}, deps: [install], run: x}
  t: {deps: [build a, build b, "build b --fast=false", build b --fast, {name: build, args: [a]}, install], run: x}
""",
        ["t"], ["build", "a"], ["t"],
    )  # fmt: skip
    assert labels(plan) == ["install", "build a", "build b", "build b --fast", "t"]
    by_id = {action.id: action for action in plan.actions}
    assert [by_id[name].label for name in plan.asked] == ["t", "build a"]
    assert [by_id[name].label for name in plan.actions[-1].deps] == [
        "build a", "build b", "build b --fast", "install",
    ]  # fmt: skip
    assert len(by_id) == len(plan.actions)


def test_ids_are_the_same_in_every_plan_and_differ_with_the_values() -> None:
    text = "tasks: {t: {args: {a: {}, b: {default: x}}, options: {c: {type: list}}, run: x}}"
    one = action_of(text, "1").id
    assert action_of(text, "1", "x").id == one
    assert len({one, action_of(text, "1", "").id, action_of(text, "2").id, action_of(text, "1 x").id}) == 4


def test_all_in_a_call_is_a_dep_for_every_value() -> None:
    text = "tasks: {t: {deps: [b --all]}, b: {args: {s: {values: {glob: cmd/*/}}}, run: x}}"
    assert labels(plan_of(text, facts=MemoryFacts(("cmd/y/f", "cmd/x/f")))) == ["b x", "b y", "t"]


def test_a_circle_is_shown_as_a_way_and_placed_at_the_dep_that_closes_it() -> None:
    text = """
tasks:
  a: {deps: [b x]}
  b: {args: {s: {}}, deps: ["c"]}
  c:
    deps:
      - b y
      - a
  t: {deps: [a]}
"""
    assert refused(text)[:2] == ("`c` needs itself: c → b y → c", 4)
    one = "tasks:\n  t:\n    deps: [t]\n"
    assert refused(one)[:2] == ("`t` needs itself: t → t", 3)


def test_calls_that_never_end_are_told() -> None:
    text = 'tasks:\n  t: {args: {a: {default: x}}, deps: ["t ${a}x"], run: "true"}\n'
    message, line, hint = refused(text)
    assert message.startswith("`t` leads to ever new calls, the last one of 5001 being `t xxxx")
    assert (line, hint) == (2, "does a task call itself with a value that grows?")


def test_two_that_write_the_same_path_are_refused_and_one_alone_is_not() -> None:
    text = "tasks:\n  a: {args: {s: {}}, target: out, run: x}\n  t: {deps: [a x, a y]}\n"
    assert refused(text) == ("`a x` and `a y` both write `out`", 2, "give each a target of its own")
    assert labels(plan_of(text, ["a", "x"])) == ["a x"]


# Calls


@pytest.mark.parametrize(
    "value", ["x", "x y", "", "-f", "--fast", "--", "--all", "$(touch pwned)", "'", '"', "${a}"]
)
@pytest.mark.parametrize("call", ['"b ${a}"', "\"b '${a}'\"", '{name: b, args: ["${a}"]}', '"b -- ${a}"'])
def test_a_value_in_a_call_stays_one_word_and_is_no_flag(call: str, value: str) -> None:
    text = f"tasks:\n  b: {{args: {{s: {{}}}}, options: {{fast: {{short: f}}}}, run: x}}\n  t: {{args: {{a: {{}}}}, deps: [{call}]}}\n"
    first = plan_of(text, ["t", value]).actions[0]
    assert first.values == (("fast", ""), ("s", value))


@settings(max_examples=200)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=4))
def test_a_list_in_a_call_is_its_words(words: list[str]) -> None:
    text = 'tasks:\n  b: {args: {s: {type: list}}, run: x}\n  t: {args: {a: {type: list}}, deps: ["b 1 ${a} 2"]}\n'
    assert plan_of(text, ["t", *words]).actions[0].values == (("s", ("1", *words, "2")),)


@pytest.mark.parametrize(
    ("call", "values"),
    [
        ("b x --fast", ("true", (), "x")),
        ("b --fast x", ("true", (), "x")),
        ("b -f x", ("true", (), "x")),
        ("b --fast=0 x --fast=1", ("true", (), "x")),
        ("b --fast=0 x", ("false", (), "x")),
        ("b x --tags=1 --tags 2", ("false", ("1", "2"), "x")),
        ("b x -ft=1", ("true", ("1",), "x")),
        ("b -- --fast", ("false", (), "--fast")),
        ("b -", ("false", (), "-")),
        ("b 'x y'", ("false", (), "x y")),
        ('b "--fast"', ("true", (), "")),
        ("{name: b, args: [--fast]}", ("false", (), "--fast")),
        ("{name: b, args: [x], options: {fast: true, tags: y}}", ("true", ("y",), "x")),
    ],
)
def test_a_call_is_read_so(call: str, values: tuple[str, tuple[str, ...], str]) -> None:
    text = (
        "tasks:\n  b: {args: {s: {required: false}}, options: {fast: {type: bool, short: f}, "
        f"tags: {{type: list, short: t}}}}, run: x}}\n  t:\n    deps:\n      - {call}\n"
    )
    fast, tags, word = values
    assert plan_of(text).actions[0].values == (("fast", fast), ("s", word), ("tags", tags))


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        ("b --fats", "`b` has no option `--fats`", "it has --fast"),
        ("c --fats", "`c` has no option `--fats`", "it has no options"),
        ("b x --out", "`--out` needs a value", "write `--out=VALUE`"),
        ("{name: c, options: {fast: 1}}", "`c` has no option `fast`", ""),
        ("b y", "`b` knows no s `y`", "one of: x"),
        ("b x x", "`x` is too many: `b` takes one word", ""),
        ("b", "`b` needs a s", "one of: x; or `--all`"),
        ("c --all", "`--all` doesn't go with `c`: it has no arg with `values`", ""),
        ("${u}", "there is no task `d`", "known: b, c, t"),
    ],
)  # fmt: skip
def test_a_call_that_is_not_understood_is_placed(call: str, message: str, hint: str) -> None:
    options = "{fast: {type: bool}, out: {}}" if "--out" in call else "{fast: {type: bool}}"
    text = (
        f"tasks:\n  b: {{args: {{s: {{values: [x]}}}}, options: {options}}}\n  c: {{}}\n"
        f"  t:\n    args: {{u: {{default: d}}}}\n    deps:\n      - {call}\n"
    )
    assert refused(text) == (message, 7, hint)


def test_a_task_whose_name_is_the_whole_text_of_a_call_comes_first() -> None:
    text = "tasks: {b: {args: {s: {}}, run: x}, b x: {run: y}, t: {deps: [b x, b z]}}"
    assert [action.task for action in plan_of(text).actions] == ["b x", "b", "t"]


def test_take_words_knows_no_flag_among_values() -> None:
    task = project_of("tasks: {t: {args: {a: {type: list}}, options: {f: {type: bool}}}}").task("t")
    assert task is not None
    draft = Draft(task, None)
    take_words(
        draft, [("--f", False), ("--f", True), ("-", True), ("--", False), ("--", True), ("--f", True)]
    )
    assert (draft.args, draft.options) == (["--f", "-", "--", "--f"], {"f": ["true"]})


def test_a_name_that_is_not_there_is_a_fault_of_who_named_it() -> None:
    project = project_of("tasks: {build: {}, hidden: {private: true}}")
    with pytest.raises(UsageError, match="there is no task `biuld`") as info:
        find_task(project, "biuld", None)
    assert info.value.hint == "did you mean `build`?"
    place = project.head.position
    with pytest.raises(PlanError) as placed:
        find_task(project, "hiden", place)
    assert placed.value.at == place


# Actions


def test_all_is_filled_in() -> None:
    text = """
tasks:
  t:
    args: {s: {}}
    source: ["cmd/${s}/*.go", {exclude: "${s}.tmp"}, {go: "./cmd/${s}", tests: true}]
    target: ["bin/${s}"]
    env: {A: "${s}!", B: "${HOME}", C: "${NOWHERE}", D: $$x}
    dir: "x/${s}/../y"
    run:
      - echo ${s}
      - {command: {exec: "make ${s}", dir: "./z/${s}", print: "says ${s}", quiet: true}}
"""
    action = action_of(text, "a b", facts=MemoryFacts(variables={"HOME": "/home/me", "s": "no"}))
    assert action.label == "t 'a b'"
    assert action.values == (("s", "a b"),)
    assert action.env == (("A", "a b!"), ("B", "/home/me"), ("C", ""), ("D", "$x"))
    assert action.dir == "x/y"
    assert [(s.text, s.dir, s.shown, s.quiet) for s in action.scripts] == [
        ("echo 'a b'", "x/y", None, False),
        ("make 'a b'", "z/a b", "says a b", True),
    ]
    assert action.sources is not None
    assert [pattern.literal_prefix for pattern, _ in action.sources.patterns] == ["cmd/a b"]
    assert [pattern.literal_prefix for pattern in action.sources.excludes] == ["a b.tmp"]
    assert [(package.name, package.tests) for package in action.sources.packages] == [("./cmd/a b", True)]
    assert [target.literal_prefix for target in action.targets or ()] == ["bin/a b"]


def test_what_a_task_does_not_say_is_told_from_what_it_says_is_nothing() -> None:
    silent = action_of("tasks: {t: {run: x}}")
    assert (silent.sources, silent.targets, silent.dir, silent.image) == (None, None, "", None)
    assert not silent.remembered
    says = action_of("tasks: {t: {source: [], run: x}}")
    assert says.sources is not None
    assert says.sources.patterns == ()
    assert says.remembered


def test_a_wildcard_in_a_value_is_a_letter() -> None:
    action = action_of('tasks: {t: {args: {s: {}}, source: "${s}/x", target: "${s}"}}', "*{a,b}")
    assert action.sources is not None
    assert not any(pattern.has_wildcard for pattern, _ in action.sources.patterns)
    assert [target.literal_prefix for target in action.targets or ()] == ["*{a,b}"]


def test_an_interpreter_that_is_no_shell_gets_the_values_as_variables() -> None:
    text = """
interpreter: python3 -c
tasks:
  t:
    args: {s: {}, own: {}, a-b: {}, many: {type: list}}
    env: {own: fixed}
    run: print(1)
"""
    action = action_of(text, "x", "y", "z", "w")
    assert dict(action.env) == {"own": "fixed", "s": "x"}
    assert action.interpreter == ("python3", "-c")


IMAGE = """
tasks:
  build: {args: {s: {}}, target: "bin/${s}", run: x}
  none: {run: x}
  t:
    args: {s: {}}
    image:
      name: shop/${s}
      from: scratch
      copy:
        - {task: "CALL", to: /app/}
        - {source: conf, to: /etc/}
"""


def test_what_an_image_copies_from_is_a_dep_of_it() -> None:
    plan = plan_of(IMAGE.replace("CALL", "build ${s}"), ["t", "x"])
    assert labels(plan) == ["build x", "t x"]
    image = plan.actions[1]
    assert image.deps == (plan.actions[0].id,)
    assert image.image_deps == (plan.actions[0].id, "")
    assert image.image is not None
    assert image.image.name == "shop/x"
    assert [copy.sources for copy in image.image.copies] == [("bin/x",), ("conf",)]
    assert image.remembered


def test_a_copy_needs_one_task_with_a_target() -> None:
    message, line, _ = refused(IMAGE.replace("CALL", "none"), ["t", "x"])
    assert (message, line) == ("`none` has no `target`, so there is nothing to copy from it", 11)
    text = IMAGE.replace("CALL", "build --all").replace(
        "build: {args: {s: {}}", "build: {args: {s: {values: [a, b]}}"
    )
    assert refused(text, ["t", "x"])[:2] == ("a `copy` names one task", 11)


# Folders


@pytest.mark.parametrize(
    ("written", "folder"),
    [
        ("", ""), (".", ""), ("./", ""), ("a", "a"), ("a/", "a"), ("./a//b/.", "a/b"), ("a/../b", "b"), ("a/..", ""),
        ("..", ".."), ("../a", "../a"), ("a/../../b", "../b"), ("../../a/..", "../.."), ("/", "/"), ("/x/", "/x"),
        ("...", "..."),
    ],
)  # fmt: skip
def test_a_folder_has_one_form(written: str, folder: str) -> None:
    assert folder_text(written) == folder
    assert folder_text(folder) == folder
