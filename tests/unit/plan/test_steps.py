import pytest

from runner.config.decode import decode
from runner.errors import PlanError
from runner.location import Position
from runner.model.project import LoadedProject
from runner.model.step import SubTask
from runner.model.when import ENVIRONMENT, EXISTS
from runner.plan.bind import Binder, Draft, Invocation
from runner.plan.calls import draft_of
from runner.plan.step import Block, Called, Guarded, Question, Script, Setting, questions_in, scripts_in
from runner.plan.steps import Body, StepFiller
from tests.fakes.memory_facts import MemoryFacts
from tests.fakes.memory_tree import MemoryTree


class World:
    """A project whose steps are filled in, calls being known by their labels."""

    def __init__(self, project: LoadedProject) -> None:
        self.project = project
        self.facts = MemoryFacts()
        self.binder = Binder(project, self.facts)
        self.filler = StepFiller(
            project,
            lambda invocation: invocation.values,
            lambda invocation: (("OF", invocation.task.name),),
            self.called,
            lambda invocation, _: invocation.label,
            lambda: self.facts.platform().os,
        )

    def called(self, step: SubTask, caller: Invocation) -> tuple[Invocation, ...]:
        return self.binder.bind(draft_of(self.project, step.call, caller.values, caller.task.namespace))

    def body(self, name: str, *words: str) -> Body:
        task = self.project.task(name)
        assert task is not None
        draft = Draft(task, None)
        draft.args += words
        (invocation,) = self.binder.bind(draft)
        return self.filler.body(invocation)


def body_of(text: str, *words: str, name: str = "t") -> Body:
    return World(decode(text.encode(), "tasks.yml")).body(name, *words)


def body_with(run: str, *words: str, keys: str = "") -> Body:
    """What a task of one arg `a` does, with some `run` and maybe further keys."""
    return body_of(
        f"tasks:\n  t:\n    args: {{a: {{default: x}}}}\n    {keys}\n    run:\n      {run}\n", *words
    )


def refused(text: str) -> tuple[str, int]:
    with pytest.raises(PlanError) as info:
        body_of(text)
    assert info.value.at is not None
    return info.value.message, info.value.at.line


# Commands and variables


def test_a_command_is_filled_in() -> None:
    (step,) = body_with(
        '- {command: {exec: "make ${a}", print: "say ${a}", dir: "d/${a}", quiet: yes, pty: yes, respond: {"p?": "${a}"}}}',
        "b c",
    ).steps
    assert isinstance(step, Script)
    assert (step.text, step.shown, step.quiet, step.dir) == ("make 'b c'", "say b c", True, "d/b c")
    assert (step.programs, step.pty, step.respond) == (("make",), True, (("p?", "b c"),))


@pytest.mark.parametrize(
    ("keys", "command", "folder"),
    [
        ("", "x", ""), ("dir: d", "x", "d"), ("dir: d", "{exec: x, dir: e}", "e"), ("dir: ../d", "x", "../d"),
        ("dir: /d", "x", "/d"), ("dir: d", "{exec: x, dir: .}", ""), ("dir: d", "{exec: x, dir: /e/}", "/e"),
        ('dir: "${a}"', "x", "x"),
    ],
)  # fmt: skip
def test_a_command_runs_in_its_own_folder_or_its_tasks(keys: str, command: str, folder: str) -> None:
    (step,) = body_with(f"- command: {command}", keys=keys).steps
    assert isinstance(step, Script)
    assert step.dir == folder


def test_variables_are_filled_in_and_null_takes_away() -> None:
    (step,) = body_with('- set-environment: {A: "${a}!", B: ~, "X_${a}": ""}').steps
    assert isinstance(step, Setting)
    assert step.variables == (("A", "x!"), ("B", None), ("X_x", ""))


@pytest.mark.parametrize("name", ["", "a=b", "="])
def test_a_value_that_can_not_be_a_variables_name_is_refused(name: str) -> None:
    with pytest.raises(PlanError, match="can't be the name of a variable") as info:
        body_with('- set-environment: {"${a}": x}', name)
    assert info.value.at is not None
    assert info.value.at.line == 6


@pytest.mark.parametrize(("keys", "quiet"), [("", False), ("quiet: true", True)])
def test_in_a_quiet_task_nothing_is_told(keys: str, quiet: bool) -> None:
    body = body_with("[x, {set-environment: {A: b}}]", keys=keys)
    script, setting = body.steps
    assert isinstance(script, Script)
    assert isinstance(setting, Setting)
    assert (script.quiet, setting.quiet) == (quiet, quiet)


def test_what_is_done_in_the_end_stands_apart() -> None:
    body = body_of("tasks: {t: {run: x, finally: [y, z]}}")
    assert [script.text for script in scripts_in(body.steps)] == ["x"]
    assert [script.text for script in scripts_in(body.last)] == ["y", "z"]


# Conditions


@pytest.mark.parametrize(
    ("when", "kept"),
    [("{os: linux}", True), ("{os: win}", False), ("{equal: {a: x}}", True), ("[]", True), ("{}", True)],
)
def test_what_is_known_already_is_settled(when: str, kept: bool) -> None:
    steps = body_with(f"[{{when: {when}, command: [b, c]}}, d]").steps
    assert not questions_in(steps)
    assert [script.text for script in scripts_in(steps)] == (["b", "c"] if kept else []) + ["d"]
    assert all(isinstance(step, Script) for step in steps)


def test_what_is_not_known_yet_guards_the_whole_item() -> None:
    when = "[{os: linux}, {environment: {A: '${a}'}, exists: f}]"
    guarded, after = body_with(f"[{{when: {when}, command: [b, c]}}, d]").steps
    assert isinstance(guarded, Guarded)
    assert guarded.when == ((Question(ENVIRONMENT, "A", ("x",), ""), Question(EXISTS, "", ("f",), "")),)
    assert [script.text for script in scripts_in(guarded.steps)] == ["b", "c"]
    assert isinstance(after, Script)


def test_an_item_with_a_condition_and_nothing_to_do_does_nothing() -> None:
    assert scripts_in(body_with("- when: {exists: f}").steps) == ()


# Calls


CALLS = "tasks:\n  b: {args: {x: {}}, private: true, env: {E: x}, run: 'do ${x}', finally: end}\n"


def test_a_call_of_a_task_that_declares_nothing_is_an_action_of_its_own() -> None:
    body = body_of(CALLS + "  t: {run: [{task: [b 1, b 2, b 1]}, {when: {os: win}, task: b 3}]}\n")
    assert [step.id for step in body.steps if isinstance(step, Called)] == ["b 1", "b 2", "b 1"]
    assert (list(body.calls), list(body.idle), list(body.parts)) == (["b 1", "b 2"], ["b 3"], [])


@pytest.mark.parametrize("key", ["source: s", "target: s", "source: []"])
def test_a_call_of_a_task_that_says_what_it_reads_or_writes_is_part_of_it(key: str) -> None:
    body = body_of(
        f"{CALLS}  t: {{{key}, run: [{{task: b 1}}, {{when: {{os: win}}, task: b 2}}], finally: {{task: b 3}}}}\n"
    )
    (block,) = body.steps
    assert isinstance(block, Block)
    assert (block.label, block.interpreter, block.env) == ("", ("sh", "-c"), (("OF", "b"),))
    assert [script.text for script in scripts_in((block,))] == ["do 1", "end"]
    assert [script.text for script in scripts_in(body.last)] == ["do 3", "end"]
    assert (body.calls, body.idle) == ({}, {})
    # What a false condition leaves out must be right, but it counts for nothing.
    assert [(part.label, maybe) for part, maybe in body.parts.values()] == [("b 1", False), ("b 3", False)]


def test_a_part_has_parts_and_a_public_one_has_its_label() -> None:
    body = body_of(
        "tasks:\n  c: {args: {x: {}}, run: 'c ${x}'}\n  b: {args: {x: {}}, run: [{task: 'c ${x}1'}, b]}\n"
        "  t: {source: s, run: {task: b q}}\n"
    )
    (block,) = body.steps
    assert isinstance(block, Block)
    inner = block.steps[0]
    assert isinstance(inner, Block)
    assert (block.label, inner.label) == ("b q", "c q1")
    assert [part.label for part, _ in body.parts.values()] == ["c q1", "b q"]


@pytest.mark.parametrize(
    ("outer", "inner", "quiet"), [("", "", False), ("quiet: yes,", "", True), ("", "quiet: yes,", True)]
)
def test_what_a_quiet_task_calls_is_quiet(outer: str, inner: str, quiet: bool) -> None:
    text = f"tasks:\n  b: {{{inner} run: x}}\n  t: {{{outer} source: s, run: {{task: b}}}}\n"
    (script,) = scripts_in(body_of(text).steps)
    assert script.quiet is quiet


@pytest.mark.parametrize(
    "run", ["{task: t}", "[{when: {os: win}, task: t}]", "[{when: {exists: f}, task: b}]"]
)
def test_a_part_that_leads_back_is_refused(run: str) -> None:
    text = f"tasks:\n  b: {{run: {{task: t}}}}\n  t:\n    source: s\n    run: {run}\n"
    message, _ = refused(text)
    assert message in {"`t` calls itself: t → t", "`t` calls itself: t → b → t"}


def test_a_part_that_calls_itself_with_ever_new_values_is_refused() -> None:
    text = 'tasks:\n  b: {args: {x: {}}, run: {task: "b ${x}x"}}\n  t: {source: s, run: {task: b x}}\n'
    message, line = refused(text)
    assert message.startswith("`b xxxx")
    assert "calls itself" in message
    assert line == 2


def test_a_call_in_a_file_of_a_namespace_has_that_files_folder_and_condition() -> None:
    inner = b"interpreter: bash -c\ntasks: {b: {dir: d, run: [{when: {exists: f}, command: x}]}}"
    project = decode(
        b"include: {api: api}\ntasks: {t: {source: s, run: {task: 'api:b'}}}", "tasks.yml",
        MemoryTree({"api/tasks.yml": inner}),
    )  # fmt: skip
    (block,) = World(project).body("t").steps
    assert isinstance(block, Block)
    assert block.interpreter == ("bash", "-c")
    assert questions_in((block,)) == (Question(EXISTS, "", ("f",), "api"),)
    assert [script.dir for script in scripts_in((block,))] == ["api/d"]


def test_a_step_tells_where_it_stands() -> None:
    (step,) = body_with("- when: {exists: f}\n        command: x").steps
    assert isinstance(step, Guarded)
    assert step.position == Position("tasks.yml", 6, 9)
    (script,) = scripts_in((step,))
    assert script.position == Position("tasks.yml", 7, 18)
