import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.config.fields import Faultbook
from runner.config.namespaces import included_files
from runner.config.node import Node, Scalar
from runner.config.parse_yaml import parse_yaml
from runner.errors import Faults, PyrunError
from runner.location import Position
from runner.model.project import LoadedProject, head_of, public_names
from runner.model.task import Task
from runner.model.template import Template
from runner.plan.bind import Binder, Draft
from runner.plan.calls import find_task
from runner.plan.resolve import make_plan
from tests.fakes.memory_facts import MemoryFacts
from tests.fakes.memory_tree import MemoryTree

AT = Position("tasks.yml", 1, 1)


def node_of(text: str) -> Node:
    node, faults = parse_yaml(text, "tasks.yml")
    assert faults == []
    return node if node is not None else Scalar("", AT)


def included(text: str, files: dict[str, bytes], folder: str = "") -> tuple[list[tuple[str, str]], list[str]]:
    """The namespaces and paths that `include` names, and what is wrong with it."""
    book = Faultbook(text)
    found = included_files(book, node_of(text), folder, MemoryTree(files))
    return [(namespace, path) for namespace, path, _ in found], [fault.message for fault in book.faults]


def project_of(files: dict[str, str]) -> LoadedProject:
    """The project of `tasks.yml` and the files that it includes."""
    tree = MemoryTree({path: text.encode() for path, text in files.items()})
    return decode(files["tasks.yml"].encode(), "tasks.yml", tree)


def faults_of(files: dict[str, str]) -> list[tuple[str, str, int]]:
    """What is wrong, with the file and the line."""
    with pytest.raises(PyrunError) as info:
        project_of(files)
    faults = info.value.errors if isinstance(info.value, Faults) else (info.value,)
    return [(fault.message, fault.at.path, fault.at.line) for fault in faults if fault.at]


def task_of(project: LoadedProject, name: str) -> Task:
    task = project.task(name)
    assert task is not None
    return task


def shown(template: Template) -> str:
    return "".join(part if isinstance(part, str) else f"<{part.name}>" for part in template.parts)


# Which files

FILES = {
    "services/api/tasks.yml": b"", "services/web/tasks.yml": b"", "services/web/x/tasks.yml": b"",
    "services/none/other": b"", "services/.hidden/tasks.yml": b"", "services/file": b"",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{api: services/api, w-1.x: ../w}", [("api", "services/api"), ("w-1.x", "../w")]),
        ("services/*/tasks.yml", [("api", "services/api/tasks.yml"), ("web", "services/web/tasks.yml")]),
        ("[./services/*/tasks.yml]", [("api", "services/api/tasks.yml"), ("web", "services/web/tasks.yml")]),
        ("services/*", [("api", "services/api"), ("none", "services/none"), ("web", "services/web")]),
        ("services/*/x/tasks.yml", [("web", "services/web/x/tasks.yml")]),
        ("['services/*/x/tasks.yml', 'services/web/*/tasks.yml']", [("web", "services/web/x/tasks.yml"), ("x", "services/web/x/tasks.yml")]),
        ("", []),
    ],
)  # fmt: skip
def test_a_map_says_its_namespaces_and_a_patterns_are_the_folders_it_matches(
    text: str, found: list[tuple[str, str]]
) -> None:
    assert included(text, FILES) == (found, [])


def test_a_pattern_is_relative_to_the_folder_of_its_file() -> None:
    assert included("'*/tasks.yml'", FILES, "services/web") == ([("x", "x/tasks.yml")], [])
    assert included("'../*/x/tasks.yml'", FILES, "services/web") == ([("web", "../web/x/tasks.yml")], [])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("services/tasks.yml", "`services/tasks.yml` has no namespace to go by"),
        ("services/*/*/tasks.yml", "`services/*/*/tasks.yml` has no namespace to go by"),
        ("services/**/tasks.yml", "`services/**/tasks.yml` has no namespace to go by"),
        ("services/a*/tasks.yml", "`services/a*/tasks.yml` has no namespace to go by"),
        ("nowhere/*/tasks.yml", "`nowhere/*/tasks.yml` matches no file"),
        ("services/*/nothing.yml", "`services/*/nothing.yml` matches no file"),
        ("{'a:b': x}", "`a:b` can't be a namespace"),
        ("{a b: x}", "`a b` can't be a namespace"),
        ("{a/b: x}", "`a/b` can't be a namespace"),
        ("{'': x}", "`` can't be a namespace"),
        ("{a: [x]}", "the path of `a` must be a text, and this is a list"),
    ],
)
def test_what_can_not_be_included_is_told(text: str, fault: str) -> None:
    assert included(text, FILES) == ([], [fault])


names = st.text("ab.-", min_size=1, max_size=3).filter(lambda name: not name.startswith("."))


@settings(max_examples=200)
@given(st.sets(names, min_size=1, max_size=5), st.sets(names, max_size=3))
def test_a_pattern_finds_each_folder_that_has_the_file_once_and_sorted(
    having: set[str], lacking: set[str]
) -> None:
    files = {f"s/{name}/t.yml": b"" for name in having} | {f"s/{name}/other": b"" for name in lacking}
    assert included("s/*/t.yml", files) == ([(name, f"s/{name}/t.yml") for name in sorted(having)], [])


# What they are called


def test_a_files_tasks_have_its_namespace_and_its_heads_stand_in_order() -> None:
    project = project_of({
        "tasks.yml": "include: {api: api, web: web/t.yml}\ntasks: {top: {}}",
        "api/tasks.yml": "include: {deep: ../deep}\nname: a\ntasks: {build: {aliases: b}}",
        "deep/tusk.yml": "tasks: {build: {}}",
        "web/t.yml": "interpreter: bash -c\ntasks: {test: {}}",
    })  # fmt: skip
    assert [(head.namespace, head.folder, head.file, head.tusk) for head in project.heads] == [
        ("", "", "tasks.yml", False), ("api", "api", "api/tasks.yml", False),
        ("api:deep", "deep", "deep/tusk.yml", True), ("web", "web", "web/t.yml", False),
    ]  # fmt: skip
    assert {"top", "api:build", "api:deep:build", "web:test"} <= set(project.names())
    assert head_of(project, task_of(project, "web:test")).interpreter == ("bash", "-c")
    assert head_of(project, task_of(project, "api:deep:build")).namespace == "api:deep"
    assert project.task("api:b") is project.task("api:build")


def test_a_file_sees_the_shared_options_of_those_that_include_it_and_its_own_win() -> None:
    project = project_of({
        "tasks.yml": "options: {s: {usage: top}, u: {}}\ninclude: {api: api, web: web}",
        "api/tasks.yml": "options: {s: {usage: api}}\ntasks: {t: {run: 'x ${s} ${u}'}}",
        "web/tasks.yml": "tasks: {t: {run: 'x ${s}'}}",
    })  # fmt: skip
    assert [option.usage for option in task_of(project, "api:t").shared] == ["api", ""]
    assert [option.usage for option in task_of(project, "web:t").shared] == ["top"]


def test_a_call_of_an_included_file_is_checked_against_its_own_names_first() -> None:
    files = {
        "tasks.yml": "include: {api: api}\ntasks: {lib: {}}",
        "api/tasks.yml": "tasks:\n  a: {}\n  t: {deps: [a, lib, ':lib', ':api:a', 'api:a']}\n",
    }
    assert project_of(files).task("api:t") is not None
    files["api/tasks.yml"] += "  u: {deps: [nosuch]}\n  v: {deps: [':a']}\n"
    messages = [(path, line) for _, path, line in faults_of(files)]
    assert ("api/tasks.yml", 4) in messages


# What goes wrong


@pytest.mark.parametrize(
    ("top", "fault"),
    [
        ("include: {a: nosuch}", "there is no file `nosuch`"),
        ("include: {a: empty}", "there is no tasks.yml in `empty`"),
        ("include: {a: tasks.yml}", "`tasks.yml` includes itself: tasks.yml → tasks.yml"),
        ("include: {a: .}", "`tasks.yml` includes itself: tasks.yml → tasks.yml"),
        ("include: {a: round}", "`tasks.yml` includes itself: tasks.yml → round/tasks.yml → tasks.yml"),
        ("include: ['one/*/t.yml', 'two/*/t.yml']", "the namespace `x` is there already"),
    ],
)
def test_an_include_that_can_not_be_is_told_at_its_place(top: str, fault: str) -> None:
    files = {
        "tasks.yml": top, "empty/other": "", "round/tasks.yml": "include: {back: ..}", "one/x/t.yml": "",
        "two/x/t.yml": "",
    }  # fmt: skip
    ((message, path, line),) = faults_of(files)
    assert message == fault
    assert (path, line) == ("round/tasks.yml" if "round" in top else "tasks.yml", 1)


def test_the_faults_of_all_files_come_at_once_each_in_its_own_file() -> None:
    faults = faults_of({
        "tasks.yml": "include: {a: a, b: b}\nnme: x\n", "a/tasks.yml": "\nnme: x\n", "b/tasks.yml": "tasks: [\n",
    })  # fmt: skip
    assert {path for _, path, _ in faults} == {"tasks.yml", "a/tasks.yml", "b/tasks.yml"}
    assert [path for _, path, _ in faults][:2] == ["tasks.yml", "a/tasks.yml"]


# What only included files define


SPREAD = {
    "tasks.yml": "include: {api: api, web: web}\ntasks: {mine: {run: x}}",
    "api/tasks.yml": (
        "tasks: {build: {usage: Builds, args: {v: {}}, options: {f: {type: bool, short: f}, n: {default: d}}, "
        "run: 'make ${v} ${f} ${n}'}, mine: {}, only: {run: o}, secret: {private: true}}"
    ),
    "web/tasks.yml": (
        "tasks: {build: {args: {v: {}}, options: {f: {type: bool}, n: {default: e}}, run: 'npm ${v} ${f} ${n}'}}"
    ),
}


def test_a_task_that_only_included_files_define_is_one_of_the_top_with_the_namespace_as_an_arg() -> None:
    project = project_of(SPREAD)
    build = task_of(project, "build")
    assert (build.namespace, build.usage, build.private) == ("", "Builds", False)
    assert [param.name for param in build.args] == ["namespace", "v"]
    assert [shown(value) for value in build.args[0].values or ()] == ["api", "web"]
    assert [(param.name, param.short) for param in build.options] == [("f", "f"), ("n", "")]
    assert [shown(value) for value in task_of(project, "only").args[0].values or ()] == ["api"]
    assert task_of(project, "mine").args == ()
    assert project.task("secret") is None
    assert public_names(project) == (
        "mine", "api:build", "api:mine", "api:only", "web:build", "build", "only",
    )  # fmt: skip


def scripts_of(
    name: str, *words: str, every: bool = False, options: dict[str, list[str]] | None = None
) -> list[str]:
    project, facts = project_of(SPREAD), MemoryFacts()
    binder = Binder(project, facts)
    draft = Draft(find_task(project, name, None), None)
    draft.args += words
    draft.options.update(options or {})
    draft.all = every
    plan = make_plan(project, binder.bind(draft), binder, facts)
    return [script.text for action in plan.actions for script in action.scripts]


def test_it_runs_the_task_of_the_namespace_that_is_named_or_of_all() -> None:
    assert scripts_of("only", "api") == ["o"]
    assert scripts_of("only", every=True) == ["o"]


def test_it_passes_on_its_words_and_options_and_leaves_the_rest_to_the_task() -> None:
    assert scripts_of("build", "api", "-v w") == ["make '-v w' false d"]
    assert scripts_of("build", "web", "v", options={"f": ["true"], "n": ["m n"]}) == ["npm v true 'm n'"]


@pytest.mark.parametrize(
    "other",
    ["args: {w: {}}", "args: {v: {type: int}}", "args: {v: {default: d}}"],
)
def test_tasks_that_take_different_words_take_none_through_the_top(other: str) -> None:
    files = {
        "tasks.yml": "include: {a: a, b: b}", "a/tasks.yml": "tasks: {t: {args: {v: {}}}}",
        "b/tasks.yml": f"tasks: {{t: {{{other}}}}}",
    }  # fmt: skip
    task = task_of(project_of(files), "t")
    assert ([param.name for param in task.args], task.options) == (["namespace"], ())


def test_an_alias_of_the_top_is_not_taken_by_a_task_of_an_included_file() -> None:
    project = project_of({
        "tasks.yml": "include: {a: a}\ntasks: {mine: {aliases: t}}", "a/tasks.yml": "tasks: {t: {}}",
    })  # fmt: skip
    assert task_of(project, "t").name == "mine"
    assert "t" not in project.names()


def test_an_alias_in_an_included_file_hides_no_task_of_another() -> None:
    project = project_of({
        "tasks.yml": "include: {a: a, b: b}", "a/tasks.yml": "tasks: {t: {aliases: build}}",
        "b/tasks.yml": "tasks: {build: {}}",
    })  # fmt: skip
    assert [shown(value) for value in task_of(project, "build").args[0].values or ()] == ["b"]
