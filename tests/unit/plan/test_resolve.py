from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.errors import PlanError
from runner.model.project import Project
from runner.plan.action import Action, Limits, Plan, ServerPlan
from runner.plan.bind import Binder, Draft, Invocation
from runner.plan.calls import find_task
from runner.plan.facts import Facts
from runner.plan.origin import DEFAULT, GIVEN
from runner.plan.resolve import make_plan
from runner.plan.step import Block, Called
from tests.fakes.memory_facts import MemoryFacts
from tests.fakes.memory_tree import MemoryTree

NOTHING = MemoryFacts()


def project_of(text: str) -> Project:
    return decode(text.encode(), "tasks.yml")


def plan_of(text: str, *calls: Sequence[str], facts: Facts = NOTHING) -> Plan:
    """The plan for some calls, each a task's name and its words; for `t` without words if there is none."""
    project = project_of(text)
    binder = Binder(project, facts)
    asked: list[Invocation] = []
    for name, *words in calls or [["t"]]:
        draft = Draft(find_task(project, name, None), None)
        draft.args += words
        asked += binder.bind(draft)
    return make_plan(project, asked, binder, facts)


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
        ("{name: c, options: {fast: 1}}", "`c` has no option `fast`", "it has no options"),
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


# Steps that call


def ids(plan: Plan) -> dict[str, str]:
    """The label of each action by its id."""
    return {action.id: action.label for action in plan.actions}


CALLS = """
options: {shared: {default: s}}
tasks:
  tool: {run: x}
  lib: {run: x}
  inner: {deps: [lib], run: x}
  outer: {args: {a: {}}, run: [{task: inner}, "echo ${a} ${shared}"], finally: {task: tool}}
  t: {deps: [tool], run: [{task: outer p}, {task: [outer p, outer q]}]}
"""


def test_what_is_called_has_no_turn_and_what_it_needs_is_done_before_its_caller() -> None:
    plan = plan_of(CALLS)
    names = ids(plan)
    assert [names[name] for name in plan.called] == ["inner", "outer p", "outer q"]
    assert [action.label for action in plan.scheduled] == ["tool", "lib", "t"]
    last = plan.actions[-1]
    assert [names[name] for name in last.calls] == ["outer p", "outer q"]
    assert [names[name] for name in last.deps] == ["tool", "lib"]
    assert [names[step.id] for step in last.steps if isinstance(step, Called)] == [
        "outer p", "outer p", "outer q",
    ]  # fmt: skip


def test_what_is_called_and_asked_for_has_a_turn_too() -> None:
    plan = plan_of(CALLS, ["t"], ["inner"])
    names = ids(plan)
    assert [names[name] for name in plan.called] == ["outer p", "outer q"]
    assert [names[name] for name in plan.asked] == ["t", "inner"]


def test_a_call_sees_nothing_of_its_caller_but_what_it_passes_on() -> None:
    text = """
tasks:
  inner: {args: {a: {}}, options: {o: {default: d}}, run: "echo ${a} ${o}"}
  t: {args: {a: {}}, options: {o: {}}, run: [{task: "inner x"}, {task: {name: inner, args: "${a}", options: {o: "${o}!"}}}]}
"""
    plan = plan_of(text, ["t", "mine"])
    assert [action.scripts[0].text for action in plan.actions if action.task == "inner"] == [
        "echo x d", "echo mine '!'",
    ]  # fmt: skip


def test_a_call_that_leads_back_is_a_circle_even_where_its_condition_does_not_hold() -> None:
    text = "tasks:\n  a: {run: {task: t}}\n  t:\n    run:\n      - {when: {os: none}, task: a}\n"
    assert refused(text)[:2] == ("`t` needs itself: t → a → t", 2)


def test_a_call_whose_condition_does_not_hold_is_left_out_and_must_be_right_all_the_same() -> None:
    text = "tasks:\n  a: {deps: [b], run: x}\n  b: {run: x}\n  t:\n    run:\n      - {when: {os: none}, task: CALL}\n      - y\n"
    plan = plan_of(text.replace("CALL", "a"))
    assert labels(plan) == ["t"]
    assert [script.text for script in plan.actions[0].scripts] == ["y"]
    assert refused(text.replace("CALL", "a x"))[:2] == ("`x` is too many: `a` takes no words", 6)


def test_what_is_called_by_a_task_that_says_what_it_reads_becomes_part_of_it() -> None:
    text = """
tasks:
  dep: {run: x}
  inner: {args: {a: {}}, deps: [dep], source: "${a}.c", target: "${a}.o", env: {E: "${a}"}, run: "cc ${a}", finally: z}
  t: {source: s, target: o, run: [{task: inner p}, link]}
"""
    plan = plan_of(text)
    assert labels(plan) == ["dep", "t"]
    (action,) = plan.scheduled[1:]
    assert (plan.called, action.calls) == ((), ())
    assert action.deps == (plan.actions[0].id,)
    block = action.steps[0]
    assert isinstance(block, Block)
    assert (block.label, block.env) == ("inner p", (("E", "p"),))
    assert [script.text for script in action.scripts] == ["cc p", "z", "link"]
    assert action.sources is not None
    groups = (action.sources, *action.sources.more)
    assert [[pattern.text for pattern, _ in group.patterns] for group in groups] == [["s"], ["p.c"]]
    assert [target.text for target in action.targets or ()] == ["o", "p.o"]


@pytest.mark.parametrize("key", ["source: s", "target: o"])
@pytest.mark.parametrize(
    ("called", "why"),
    [
        ("persistent: true, run: x", "`a` is a server"),
        ("image: {name: n, from: scratch}", "`a` makes an image"),
        ("timeout: 3, run: x", "`a` has a `timeout` of its own"),
        ("retries: 3, run: x", "`a` has `retries` of its own"),
        ("secrets: S, run: x", "`a` has `secrets` of its own"),
        ("run: {task: t}", "`t` calls itself: t → a → t"),
        ("run: {task: a}", "`a` calls itself: a → a"),
    ],
)
def test_what_can_not_become_part_of_a_task_is_refused(key: str, called: str, why: str) -> None:
    assert why in refused(f"tasks:\n  a: {{{called}}}\n  t: {{{key}, run: {{task: a}}}}\n")[0]


# Servers


def test_a_server_is_reached_at_its_port_and_its_users_know_where() -> None:
    text = """
tasks:
  db: {ports: ["15432:5432", 80], ready: {timeout: 3s}, run: serve}
  silent: {persistent: true, run: serve}
  t: {deps: [db, silent], env: {AT: "${db.host}:${db.port}"}, run: "echo ${db.port}"}
"""
    db, silent, t = plan_of(text).actions
    assert db.server == ServerPlan((5432, 80), (("port", "5432"),), 3000)
    assert (db.persistent, silent.persistent, silent.server) == (True, True, None)
    assert t.env == (("AT", "127.0.0.1:5432"),)
    assert t.scripts[0].text == "echo 5432"


def test_a_server_without_ports_has_a_host_all_the_same() -> None:
    text = 'tasks: {db: {persistent: true, run: x}, t: {deps: [db], run: "echo ${db.host}"}}'
    assert action_of(text).scripts[0].text == "echo 127.0.0.1"


def test_what_a_server_says_of_its_readiness_is_filled_in() -> None:
    text = 'tasks: {t: {args: {p: {}}, ports: 80, ready: {http: "/${p}", log: up}, run: x}}'
    server = action_of(text, "health").server
    assert server == ServerPlan((80,), (("http", "/health"), ("log", "up")), 60_000)


def test_what_is_no_server_has_no_server_plan() -> None:
    assert action_of("tasks: {t: {persistent: false, ports: 80, run: x}}").server is None


# Files under namespaces


def test_a_task_of_an_included_file_works_in_its_own_folder_and_sees_its_own_variables() -> None:
    top = b"include: {api: api}\ntasks: {lib: {run: x}, t: {deps: [api:build, api:lib]}}"
    inner = (
        b"tasks: {build: {deps: [lib, ':lib'], source: s, target: o, dir: d, env: {A: '${HOME}'}, "
        b"run: {command: {exec: x, dir: e}}}, lib: {run: x}}"
    )
    project = decode(top, "tasks.yml", MemoryTree({"api/tasks.yml": inner}))
    facts = MemoryFacts(by_namespace={"api": {"HOME": "/api"}, "": {"HOME": "/top"}})
    binder = Binder(project, facts)
    plan = make_plan(project, binder.bind(Draft(find_task(project, "t", None), None)), binder, facts)
    assert labels(plan) == ["api:lib", "lib", "api:build", "t"]
    build = plan.actions[2]
    assert (build.dir, build.scripts[0].dir, build.env) == ("api/d", "api/e", (("A", "/api"),))
    assert build.sources is not None
    assert [pattern.literal_prefix for pattern, _ in build.sources.patterns] == ["api/s"]
    assert [target.literal_prefix for target in build.targets or ()] == ["api/o"]
    assert (build.traits.namespace, build.traits.tusk) == ("api", False)


def test_the_variables_that_a_task_passes_on_are_part_of_it_unless_it_says_otherwise() -> None:
    text = "pass-env: [A, B]\ntasks: {t: {pass-env: [{name: B, key: no}, C, {name: D, key: yes}], run: x}}"
    action = action_of(text, facts=MemoryFacts(variables={"A": "1", "B": "2", "C": "3"}))
    assert action.traits.pass_env == (("A", "1"), ("C", "3"), ("D", None))


def test_how_it_is_tried_is_filled_in() -> None:
    action = action_of(
        'tasks: {t: {args: {a: {}}, timeout: 2m, retries: 3, confirm: "to ${a}?", run: x}}', "prod"
    )
    assert action.limits == Limits(120_000, 3, ("to prod?",))
    assert action_of("tasks: {t: {run: x}}").limits == Limits(0, 0, ())


def test_what_becomes_part_of_a_task_brings_its_questions_and_variables_along() -> None:
    text = """
tasks:
  a: {args: {x: {}}, confirm: "really ${x}?", pass-env: A, run: x}
  t: {source: s, confirm: sure?, pass-env: T, run: [{task: a 1}, {task: a 2}, {task: a 1}]}
"""
    action = action_of(text, facts=MemoryFacts(variables={"A": "1"}))
    assert action.limits.confirm == ("sure?", "really 1?", "really 2?")
    assert action.traits.pass_env == (("T", None), ("A", "1"))


def test_it_is_told_where_values_and_variables_stand() -> None:
    action = action_of("tasks:\n  t:\n    args: {a: {}, b: {default: d}}\n    env: {E: x}\n", "w")
    assert {name: origin.kind for name, origin in action.provenance.values} == {"a": GIVEN, "b": DEFAULT}
    assert [(name, at.line) for name, at in action.provenance.env] == [("E", 4)]


@pytest.mark.parametrize(("cache", "remembered"), [("true", True), ("false", False), ("local", True)])
def test_a_task_can_say_that_it_is_not_remembered(cache: str, remembered: bool) -> None:
    assert action_of(f"tasks: {{t: {{source: [], cache: {cache}, run: x}}}}").remembered is remembered
