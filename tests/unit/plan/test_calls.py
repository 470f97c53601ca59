import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.errors import PlanError, UsageError
from runner.model.call import Call
from runner.model.project import LoadedProject, full_names
from runner.model.task import Task
from runner.plan.bind import Draft
from runner.plan.calls import draft_of, find_task, take_words
from tests.fakes.memory_tree import MemoryTree

TOP = b"""
options: {shared: {}}
include: {api: api, web: web}
tasks:
  build: {usage: top, aliases: b}
  only-top: {}
  hidden: {private: true}
"""
API = b"tasks: {build: {usage: api, aliases: [make]}, test: {}}"
WEB = b"include: {deep: deep}\ntasks: {build: {usage: web}}"
DEEP = b"tasks: {build: {usage: deep}}"


def project_of(text: str) -> LoadedProject:
    return decode(text.encode(), "tasks.yml")


def included() -> LoadedProject:
    files = {"api/tasks.yml": API, "web/tasks.yml": WEB, "web/deep/tasks.yml": DEEP}
    return decode(TOP, "tasks.yml", MemoryTree(files))


def task_of(project: LoadedProject, name: str = "t") -> Task:
    task = project.task(name)
    assert task is not None
    return task


def drafted(text: str, values: dict[str, str | tuple[str, ...]] | None = None) -> Draft:
    """The draft of the first dep of `t`."""
    project = project_of(text)
    return draft_of(project, task_of(project).deps[0], values or {}, "")


# Names


@pytest.mark.parametrize(
    ("name", "namespace", "found"),
    [
        ("build", "", "build"), ("build", "api", "api:build"), (":build", "api", "build"), (":build", "", "build"),
        ("api:build", "", "api:build"), ("api:build", "web", "api:build"), (":api:build", "web", "api:build"),
        ("build", "web:deep", "web:deep:build"), ("deep:build", "web", "web:deep:build"),
        ("web:deep:build", "", "web:deep:build"), ("only-top", "api", "only-top"), ("hidden", "", "hidden"),
        ("b", "", "build"), ("b", "api", "build"), ("make", "api", "api:build"), ("api:make", "", "api:build"),
    ],
)  # fmt: skip
def test_a_name_means_the_own_files_task_before_the_tops(name: str, namespace: str, found: str) -> None:
    assert find_task(included(), name, None, namespace).name == found


@pytest.mark.parametrize(
    ("name", "namespace"), [("make", ""), (":make", "api"), ("test", "web:deep:x"), ("", "api")]
)
def test_a_name_that_means_nothing_is_refused(name: str, namespace: str) -> None:
    project = decode(TOP.replace(b"include: {api: api, web: web}\n", b""), "tasks.yml")
    with pytest.raises(UsageError, match="there is no task"):
        find_task(project, name, None, namespace)


def test_a_name_that_is_not_there_is_a_fault_of_who_named_it() -> None:
    project = project_of("tasks: {build: {}, hidden: {private: true}}")
    with pytest.raises(UsageError, match="there is no task `biuld`") as info:
        find_task(project, "biuld", None)
    assert info.value.hint == "did you mean `build`?"
    place = project.head.position
    with pytest.raises(PlanError) as placed:
        find_task(project, "hiden", place)
    assert placed.value.at == place


@given(st.text(":ab", max_size=4), st.sampled_from(["", "a", "a:b"]))
def test_a_name_has_its_meanings_in_order(name: str, namespace: str) -> None:
    names = full_names(name, namespace)
    if name.startswith(":"):
        assert names == (name[1:],)
    else:
        assert names == ((f"{namespace}:{name}",) if namespace else ()) + (name,)


# Words


def test_take_words_knows_no_flag_among_values() -> None:
    project = project_of("tasks: {t: {args: {a: {type: list}}, options: {f: {type: bool}}}}")
    draft = Draft(task_of(project), None)
    take_words(
        draft, [("--f", False), ("--f", True), ("-", True), ("--", False), ("--", True), ("--f", True)]
    )
    assert (draft.args, draft.options) == (["--f", "-", "--", "--f"], {"f": ["true"]})


WORDS = st.text(st.sampled_from("ab-= \n$'\"{}:"), max_size=6)


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=6))
def test_words_that_may_not_be_flags_are_all_args(words: list[str]) -> None:
    project = project_of("tasks: {t: {args: {a: {type: list}}, options: {c: {short: b}}}}")
    draft = Draft(task_of(project), None)
    take_words(draft, [(word, False) for word in words])
    assert (draft.args, draft.options, draft.all) == (words, {}, False)


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=6))
def test_behind_two_dashes_all_words_are_args(words: list[str]) -> None:
    project = project_of("tasks: {t: {args: {a: {type: list}}, options: {c: {short: b}}}}")
    draft = Draft(task_of(project), None)
    take_words(draft, [("--", True), *((word, True) for word in words)])
    assert (draft.args, draft.options, draft.all) == (words, {}, False)


# Calls


@pytest.mark.parametrize(
    ("value", "args"),
    [("x y", ["x y"]), ("", [""]), ("--o=1", ["--o=1"]), (("p", "-q"), ["p", "-q"]), ((), [])],
)
def test_a_hole_that_is_the_whole_word_is_its_value(value: str | tuple[str, ...], args: list[str]) -> None:
    text = 'tasks: {b: {options: {o: {}}}, t: {args: {v: {}}, deps: ["b ${v}"]}}'
    draft = drafted(text, {"v": value})
    assert (draft.args, draft.options) == (args, {})


def test_a_flag_of_the_file_takes_a_value_whatever_it_looks_like() -> None:
    text = 'tasks: {b: {options: {o: {}}}, t: {args: {v: {}}, deps: ["b --o ${v} --o=${v}2"]}}'
    assert drafted(text, {"v": "--o"}).options == {"o": ["--o2"]}


def test_a_map_of_options_is_values_and_no_flags() -> None:
    text = 'tasks: {b: {args: {a: {}}, options: {o: {}, l: {type: list}}}, t: {args: {v: {}}, deps: [{name: b, args: ["${v}"], options: {o: "${v}", l: x}}]}}'
    draft = drafted(text, {"v": "-x"})
    assert (draft.args, draft.options) == (["-x"], {"o": ["-x"], "l": ["x"]})


def test_a_value_can_name_the_task() -> None:
    text = 'tasks: {b: {}, t: {args: {v: {}}, deps: ["${v}"]}}'
    assert drafted(text, {"v": "b"}).task.name == "b"
    with pytest.raises(PlanError, match="there is no task `c`") as info:
        drafted(text, {"v": "c"})
    assert info.value.at is not None


def test_a_value_with_blanks_is_one_name_and_no_call() -> None:
    text = 'tasks: {b: {args: {x: {}}}, t: {args: {v: {}}, deps: ["${v}"]}}'
    with pytest.raises(PlanError, match="there is no task `b x`"):
        drafted(text, {"v": "b x"})


def test_an_empty_list_names_no_task_and_is_told() -> None:
    text = 'tasks: {b: {args: {x: {}}}, t: {args: {v: {type: list}}, deps: ["${v}"]}}'
    with pytest.raises(PlanError, match="there is no task"):
        drafted(text, {"v": ()})


@pytest.mark.parametrize("call", ['"b --shared=1"', "{name: b, options: {shared: 1}}"])
def test_a_shared_option_that_is_only_mentioned_can_not_be_passed(call: str) -> None:
    text = f'options: {{shared: {{}}}}\ntasks: {{b: {{run: "echo ${{shared}}"}}, t: {{deps: [{call}]}}}}'
    with pytest.raises(PlanError, match="`b` has no option") as info:
        drafted(text)
    assert info.value.hint.startswith("a shared option is one value for the whole run")
    taken = text.replace("b: {run", "b: {options: [shared], run")
    assert drafted(taken).options == {"shared": ["1"]}


def test_a_private_option_can_not_be_passed() -> None:
    text = "tasks: {b: {options: {p: {private: true}, o: {}}}, t: {deps: [b --p=1]}}"
    with pytest.raises(PlanError, match="`b` has no option `--p=1`") as info:
        drafted(text)
    assert info.value.hint == "it has --o"


def test_a_call_of_an_included_file_means_its_own_task_first() -> None:
    project = included()
    call: Call = task_of(decode(b"tasks: {build: {}, t: {deps: [build]}}", "t.yml")).deps[0]
    assert draft_of(project, call, {}, "api").task.usage == "api"
    assert draft_of(project, call, {}, "").task.usage == "top"
