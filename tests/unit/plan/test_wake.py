from hypothesis import given, settings
from hypothesis import strategies as st

from runner.plan.action import Plan
from runner.plan.select import select
from runner.plan.wake import Origins, Wake
from tests.fakes.memory_tree import MemoryTree
from tests.unit.plan.test_affected import PATHS, SOME, reads
from tests.unit.plan.test_resolve import plan_of

NONE = Origins((), (), (), ())

texts = st.lists(st.sampled_from(SOME), max_size=3)
paths = st.sampled_from(PATHS)


def wake(
    plan: Plan, found: dict[str, tuple[str, ...]], origins: Origins = NONE, ignored: tuple[str, ...] = ()
) -> Wake:
    return Wake(plan, found, origins, lambda path: path in ignored or path.partition("/")[0] in ignored)


def of(patterns: list[str], targets: list[str], files: list[str]) -> Wake:
    """What wakes one action that reads and writes what patterns name, with some files there."""
    one = reads(patterns, [], targets)
    assert one.sources is not None
    walked = select(
        MemoryTree(dict.fromkeys(files, b"")),
        tuple(pattern for pattern, _ in one.sources.patterns),
        ignore=None,
        own=one.targets or (),
    )
    return wake(Plan((one,), (one.id,), ()), {one.id: walked.files})


@settings(max_examples=400)
@given(texts, texts, paths, st.booleans())
def test_a_file_wakes_if_and_only_if_it_is_read_and_not_written(
    patterns: list[str], targets: list[str], path: str, there: bool
) -> None:
    one = reads(patterns, [], targets)
    assert one.sources is not None
    walked = select(
        MemoryTree({path: b""}),
        tuple(pattern for pattern, _ in one.sources.patterns),
        ignore=None,
        own=one.targets or (),
    )
    found = of(patterns, targets, [path] if there else [])
    # A file that is both by its whole name is the action's own work: waking by it would have no end.
    both = any(tuple(path.split("/")) in target.alternatives for target in one.targets or ())
    assert found.concerns(path, gone=False) == (path in walked.files and not both)


@given(texts, st.lists(paths, unique=True, max_size=4))
def test_a_folder_that_is_gone_wakes_if_something_in_it_was_read(
    patterns: list[str], files: list[str]
) -> None:
    files = [path for path in files if not any(other.startswith(f"{path}/") for other in files)]
    found = of(patterns, [], files)
    for folder in ("x", "x/y", "gen", "zz"):
        inside = any(path.startswith(f"{folder}/") for path in found.reads)
        assert found.concerns(folder, gone=True) == inside


def test_what_git_ignores_wakes_only_if_it_is_written_out() -> None:
    one = reads(["src/*", "src/out.txt"])
    found = wake(Plan((one,), (one.id,), ()), {one.id: ()}, NONE, ("src/out.txt", "src/tmp.txt"))
    assert [found.concerns(path, gone=False) for path in ("src/out.txt", "src/tmp.txt", "src/a")] == [
        True,
        False,
        True,
    ]


def test_a_target_of_another_action_does_not_wake_who_reads_it() -> None:
    plan = plan_of(
        """
        tasks:
          gen: {source: [in], target: [gen/a.go], run: gen}
          t: {deps: [gen], source: [gen/a.go, other], run: t}
        """,
        "t",
    )
    found = wake(plan, {plan.asked[0]: ("gen/a.go", "other")})
    assert not found.concerns("gen/a.go", gone=False)
    assert found.concerns("other", gone=False)


def test_programs_and_questions_wake() -> None:
    plan = plan_of(
        """
        tasks:
          t: {dir: sub, source: [in], run: [./gen.sh, {when: {exists: flag}, command: a}]}
        """,
        "t",
    )
    found = wake(plan, {})
    assert found.concerns("sub/gen.sh", gone=False)
    assert found.concerns("flag", gone=True)
    assert not found.concerns("gen.sh", gone=False)


def test_what_a_plan_is_made_from_asks_for_another_plan() -> None:
    plan = plan_of("tasks: {t: {source: [in], target: [cmd/out], run: t}}", "t")
    origins = Origins([], ["tasks.yml", "/elsewhere/x.yml", "api/tasks.yml"], [".env"], ["cmd"])
    found = wake(plan, {plan.asked[0]: ("in",)}, origins)
    yes = ("tasks.yml", "/elsewhere/x.yml", ".gitignore", "x/.gitignore", "cmd/new", "api")
    no = ("in", "cmd/out", "cmd/new/file", ".pyrun/log", ".git/index", ".env")
    assert [path for path in (*yes, *no) if found.asks(path)] == list(yes)
    assert found.concerns(".env", gone=False)
    assert found.count == 1


def test_folders_that_are_ignored_are_entered_only_for_what_is_written_out() -> None:
    one = reads(["**/*.go", "tmp/deep/x"])
    found = wake(Plan((one,), (one.id,), ()), {one.id: ()}, NONE, ("tmp", "node_modules"))
    entered = [name for name in ("src", "tmp", "node_modules", ".git", "src/.pyrun") if found.enters(name)]
    assert entered == ["src", "tmp"]


def test_changes_reach_through_deps_and_calls() -> None:
    plan = plan_of(
        """
        tasks:
          a: {source: [a], run: a}
          b: {source: [b], run: b}
          caller: {run: [{task: a}]}
          top: {deps: [caller], run: top}
        """,
        ["top"], ["b"],
    )  # fmt: skip
    labels = {action.id: action.label for action in plan.actions}
    found = wake(plan, {name: (label,) for name, label in labels.items() if label in {"a", "b"}})
    assert {labels[name] for name in found.reached(["a"])} == {"a", "caller", "top"}
    assert {labels[name] for name in found.reached(["b"])} == {"b"}


def test_a_plan_without_sources_is_not_watchable() -> None:
    assert not wake(plan_of("tasks: {t: {run: t}}", "t"), {}).watchable
    assert not wake(plan_of("tasks: {t: {source: [], run: t}}", "t"), {}).watchable
    assert wake(plan_of("tasks: {t: {source: [a], run: t}}", "t"), {}).watchable


def test_a_file_beside_the_files_of_a_package_may_be_part_of_it() -> None:
    plan = plan_of("tasks: {t: {source: [{go: ./cmd}], run: t}}", "t")
    found = wake(plan, {plan.asked[0]: ("go.mod", "cmd/main.go")})
    paths = ("cmd/new.go", "lib/go.mod", "lib/x.go", "cmd/deep/x.go")
    assert [path for path in paths if found.concerns(path, gone=False)] == ["cmd/new.go", "lib/go.mod"]
