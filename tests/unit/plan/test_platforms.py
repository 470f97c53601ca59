"""Plans of images for several platforms: what is done for each, what once, and under which names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.errors import PlanError
from runner.plan.action import Action, Plan
from runner.plan.apart import as_seen, inside, moved, outside, path_in
from runner.plan.bind import Binder, Draft, Invocation
from runner.plan.calls import find_task
from runner.plan.file_state import FileState
from runner.plan.pattern import parse_pattern
from runner.plan.place import WantedPlace
from runner.plan.platform import Platform
from runner.plan.platforms import WantedImages, parse_platform, parse_platforms, reaching
from runner.plan.resolve import make_plan
from tests.fakes.memory_facts import MemoryFacts

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
BOTH = (AMD64, ARM64)
FACTS = MemoryFacts()
"""The facts of a machine that is linux/amd64."""

GRAPH = """
tasks:
  install: {source: [go.mod], run: fetch}
  generate: {target: gen/api.go, run: "generate > gen/api.go"}
  build:
    args: {service: {}}
    deps: [install, generate]
    source: [gen/api.go, "cmd/**/*.go"]
    target: bin/${service}
    env: {GOARCH: "${TARGETARCH}"}
    run: go build -o bin/${service}
  image:
    args: {service: {}}
    image: {name: "r/${service}", from: scratch, copy: [{task: "build ${service}", to: /app/}]}
"""


def wanted(
    *platforms: Platform, tags: tuple[str, ...] = (), exports: bool = False, usual: Platform = AMD64
) -> WantedImages:
    return WantedImages(platforms, tags, exports, lambda: usual)


def plan_of(
    text: str,
    *calls: tuple[str, ...],
    images: WantedImages | None = None,
    place: WantedPlace | None = None,
    facts: MemoryFacts = FACTS,
) -> Plan:
    """The plan for some calls, each a task's name and its words."""
    project = decode(text.encode(), "tasks.yml")
    binder = Binder(project, facts)
    asked: list[Invocation] = []
    for name, *words in calls:
        draft = Draft(find_task(project, name, None), None)
        draft.args += words
        asked += binder.bind(draft)
    return make_plan(project, asked, binder, facts, place, None if images is None else lambda: images)


def by_label(plan: Plan) -> dict[str, Action]:
    found = {action.label: action for action in plan.actions}
    assert len(found) == len(plan.actions) == len({action.id for action in plan.actions})
    return found


def needs(plan: Plan) -> dict[str, list[str]]:
    """For each action, by label, the labels of what it needs."""
    labels = {action.id: action.label for action in plan.actions}
    return {action.label: [labels[dep] for dep in action.deps] for action in plan.actions}


# The usual case


@pytest.mark.parametrize("images", [None, wanted(), wanted(AMD64), wanted(exports=True)])
def test_an_image_for_this_machine_s_platform_is_planned_as_if_there_were_no_others(
    images: WantedImages | None,
) -> None:
    plain = plan_of(GRAPH, ("image", "one"))
    assert plan_of(GRAPH, ("image", "one"), images=images) == plain
    assert list(by_label(plain)) == ["install", "generate", "build one", "image one"]
    assert {action.platform for action in plain.actions} == {""}


def test_an_image_of_a_machine_that_is_no_linux_is_for_linux() -> None:
    found = by_label(plan_of(GRAPH, ("image", "one"), facts=MemoryFacts(os="darwin")))
    assert list(found) == ["install", "generate", "build one [linux/amd64]", "image one [linux/amd64]"]
    assert dict(found["build one [linux/amd64]"].env) == {"GOARCH": "amd64"}


# Several platforms


def test_what_uses_the_platform_is_done_for_each_and_all_else_once() -> None:
    plan = plan_of(GRAPH, ("image", "one"), images=wanted(*BOTH))
    assert needs(plan) == {
        "install": [],
        "generate": [],
        "build one": ["install", "generate"],
        "image one [linux/amd64]": ["build one"],
        "build one [linux/arm64]": ["install", "generate"],
        "image one [linux/arm64]": ["build one [linux/arm64]"],
        "image one": ["image one [linux/amd64]", "image one [linux/arm64]"],
    }
    found = by_label(plan)
    assert dict(found["build one"].env) == {"GOARCH": "amd64"}
    assert dict(found["build one [linux/arm64]"].env) == {"GOARCH": "arm64"}
    assert {label: one.platform for label, one in found.items() if one.platform} == {
        "build one [linux/arm64]": "linux/arm64"
    }


def test_an_image_for_several_platforms_has_the_id_and_the_names_of_one_and_its_parts_have_none() -> None:
    plain = by_label(plan_of(GRAPH, ("image", "one")))
    plan = plan_of(GRAPH, ("image", "one"), images=wanted(*BOTH))
    found = by_label(plan)
    image = found["image one"].image
    assert image is not None
    assert plan.asked == (found["image one"].id,) == (plain["image one"].id,)
    assert (image.name, image.tags, image.platforms) == ("r/one", ("latest",), BOTH)
    assert image.parts == (
        (found["image one [linux/amd64]"].id, AMD64),
        (found["image one [linux/arm64]"].id, ARM64),
    )
    for platform in BOTH:
        part = found[f"image one [{platform}]"].image
        assert part is not None
        assert (part.name, part.tags, part.platforms) == ("r/one", (), (platform,))
    # What this machine's platform shares with a plan for that one alone keeps its ids.
    assert {one.id for one in plain.values()} < {one.id for one in plan.actions}


def test_one_other_platform_is_a_plain_image_whose_tasks_are_done_apart() -> None:
    plan = plan_of(GRAPH, ("image", "one"), images=wanted(ARM64))
    assert needs(plan) == {
        "install": [],
        "generate": [],
        "build one [linux/arm64]": ["install", "generate"],
        "image one [linux/arm64]": ["build one [linux/arm64]"],
    }
    image = plan.actions[-1].image
    assert image is not None
    assert (image.parts, image.platform, image.tags) == ((), ARM64, ("latest",))
    assert plan.asked == (by_label(plan_of(GRAPH, ("image", "one")))["image one"].id,)


def test_targets_that_are_made_apart_are_kept_apart_and_copied_from_there() -> None:
    found = by_label(plan_of(GRAPH, ("image", "one"), images=wanted(ARM64)))
    build, image = found["build one [linux/arm64]"], found["image one [linux/arm64]"].image
    assert build.targets is not None
    assert image is not None
    assert build.apart == ".pyrun/platforms/linux-arm64"
    assert [target.literal_prefix for target in build.targets] == [".pyrun/platforms/linux-arm64/bin/one"]
    assert [target.literal_prefix for target in build.written] == ["bin/one"]
    assert image.copies[0].sources == (".pyrun/platforms/linux-arm64/bin/one",)
    assert as_seen(build).targets == build.written


TWO_STEPS = """
tasks:
  tool: {target: out/tool, run: "make ${TARGETPLATFORM}"}
  plain: {target: out/plain, run: make plain}
  use: {deps: [tool, plain], source: [out/tool, out/plain, in.txt], target: out/use, run: use}
  image: {image: {name: n, from: scratch, copy: [{task: use, to: /}, {task: plain, to: /}]}}
"""


def test_what_needs_something_that_is_done_for_each_platform_is_done_for_each_too() -> None:
    plan = plan_of(TWO_STEPS, ("image",), images=wanted(ARM64))
    assert needs(plan) == {
        "tool [linux/arm64]": [],
        "plain": [],
        "use [linux/arm64]": ["tool [linux/arm64]", "plain"],
        "image [linux/arm64]": ["use [linux/arm64]", "plain"],
    }
    use = by_label(plan)["use [linux/arm64]"]
    assert use.sources is not None
    # That of this checkout is another one.
    assert [pattern.text for pattern, _ in use.sources.patterns] == ["out/plain", "in.txt"]


def test_a_task_that_is_asked_for_beside_an_image_for_another_platform_is_done_here() -> None:
    plan = plan_of(GRAPH, ("build", "one"), ("image", "one"), images=wanted(ARM64))
    assert [label for label in needs(plan) if label.startswith("build")] == [
        "build one", "build one [linux/arm64]",
    ]  # fmt: skip


def test_what_an_image_s_platforms_say_counts_where_it_is_pushed_or_saved() -> None:
    text = GRAPH.replace(
        "from: scratch,", "from: scratch, platforms: [linux/arm64, linux/amd64, linux/arm64/v8],"
    )
    assert list(by_label(plan_of(text, ("image", "one")))) == [
        "install",
        "generate",
        "build one",
        "image one",
    ]
    image = plan_of(text, ("image", "one"), images=wanted(exports=True)).actions[-1].image
    assert image is not None
    assert image.platforms == (ARM64, AMD64)
    image = plan_of(text, ("image", "one"), images=wanted(AMD64, exports=True)).actions[-1].image
    assert image is not None
    assert image.platforms == (AMD64,)


def test_an_image_that_says_nothing_is_for_what_the_engine_runs_on() -> None:
    found = plan_of(GRAPH, ("image", "one"), images=wanted(usual=ARM64)).actions[-1]
    assert found.label == "image one [linux/arm64]"


def test_tags_of_the_command_line_replace_all_others() -> None:
    for platforms in ((), BOTH):
        plan = plan_of(GRAPH, ("image", "one"), images=wanted(*platforms, tags=("a", "b")))
        image = plan.actions[-1].image
        assert image is not None
        assert image.tags == ("a", "b")


def test_called_tasks_and_their_callers_go_by_the_same_rule() -> None:
    text = """
tasks:
  inner: {run: "echo ${TARGETARCH}"}
  other: {run: echo}
  calls: {run: [{task: other}, {task: inner}]}
  build: {deps: [calls], target: x, run: make}
  image: {image: {name: n, from: scratch, copy: [{task: build, to: /}]}}
"""
    assert [action.label for action in plan_of(text, ("image",), images=wanted(ARM64)).actions] == [
        "other", "inner [linux/arm64]", "calls [linux/arm64]", "build [linux/arm64]", "image [linux/arm64]",
    ]  # fmt: skip


def test_what_became_part_of_a_task_counts_as_its_own() -> None:
    text = """
tasks:
  inner: {run: "echo ${TARGETARCH}"}
  build: {target: x, run: [{task: inner}]}
  image: {image: {name: n, from: scratch, copy: [{task: build, to: /}]}}
"""
    labels = [action.label for action in plan_of(text, ("image",), images=wanted(ARM64)).actions]
    assert labels == ["build [linux/arm64]", "image [linux/arm64]"]


def test_a_call_with_the_platform_in_its_values_is_another_call() -> None:
    text = """
tasks:
  one: {args: {arch: {}}, target: "x-${arch}", run: make}
  build: {deps: ["one ${TARGETARCH}"], target: y, run: make}
  image: {image: {name: n, from: scratch, copy: [{task: build, to: /}]}}
"""
    assert needs(plan_of(text, ("image",), images=wanted(*BOTH))) == {
        "one amd64": [],
        "build": ["one amd64"],
        "image [linux/amd64]": ["build"],
        "one arm64": [],
        "build [linux/arm64]": ["one arm64"],
        "image [linux/arm64]": ["build [linux/arm64]"],
        "image": ["image [linux/amd64]", "image [linux/arm64]"],
    }


def test_two_tasks_that_need_each_other_are_told_whatever_they_are_for() -> None:
    text = """
tasks:
  a: {deps: [b], target: x, run: "echo ${TARGETARCH}"}
  b: {deps: [a], run: echo}
  image: {image: {name: n, from: scratch, copy: [{task: a, to: /}]}}
"""
    with pytest.raises(PlanError) as info:
        plan_of(text, ("image",), images=wanted(ARM64))
    assert info.value.message == (
        "`a [linux/arm64]` needs itself: a [linux/arm64] → b [linux/arm64] → a [linux/arm64]"
    )


def test_two_tasks_that_write_the_same_for_another_platform_are_refused() -> None:
    text = """
tasks:
  a: {target: x, run: "echo ${TARGETARCH}"}
  b: {target: x, run: "echo ${TARGETARCH} b"}
  image: {image: {name: n, from: scratch, copy: [{task: a, to: /}, {task: b, to: /}]}}
"""
    with pytest.raises(PlanError) as info:
        plan_of(text, ("image",), images=wanted(ARM64))
    assert info.value.message == "`a [linux/arm64]` and `b [linux/arm64]` both write `x`"
    with pytest.raises(PlanError) as info:
        plan_of(text.replace("target: x", "target: .git/x"), ("image",), images=wanted(ARM64))
    assert info.value.message == "the target `.git/x` would take `.git` along"


# Places

CONTAINERS = """
containers:
  go: {from: "golang:1"}
  native: {from: "golang:1", platform: target}
  fixed: {from: "golang:1", platform: linux/riscv64}
"""
IN = (
    CONTAINERS
    + """
tasks:
  build: {target: x, env: {A: "${TARGETARCH}", B: "${BUILDPLATFORM}"}, run: make}
  plain: {target: y, run: make}
  image:
    container: PLACE
    image: {name: n, from: scratch, copy: [{task: build, to: /}, {task: plain, to: /}]}
"""
)


@pytest.mark.parametrize(
    ("place", "platform", "build_platform", "plain"),
    [
        ("go", "", "linux/amd64", "plain"),
        ("native", "linux/arm64", "linux/arm64", "plain [linux/arm64]"),
        ("fixed", "linux/riscv64", "linux/riscv64", "plain"),
    ],
)
def test_a_container_runs_on_its_own_platform_or_on_the_image_s(
    place: str, platform: str, build_platform: str, plain: str
) -> None:
    found = by_label(plan_of(IN.replace("PLACE", place), ("image",), images=wanted(ARM64)))
    assert list(found) == ["build [linux/arm64]", plain, "image [linux/arm64]"]
    container = found["build [linux/arm64]"].container
    assert container is not None
    assert dict(container.env) == {"A": "arm64", "B": build_platform}
    assert container.definition.platform == platform
    container = found[plain].container
    assert container is not None
    assert container.definition.platform == platform


def test_a_container_for_the_image_s_platform_is_the_engine_s_choice_here() -> None:
    found = by_label(plan_of(IN.replace("PLACE", "native"), ("image",)))
    for label in ("build", "plain"):
        container = found[label].container
        assert container is not None
        assert container.definition.platform == ""


def test_the_container_that_an_image_gives_holds_for_what_is_done_once() -> None:
    plan = plan_of(IN.replace("PLACE", "go"), ("plain",), ("image",), images=wanted(ARM64))
    container = by_label(plan)["plain"].container
    assert container is not None
    assert container.name == "go"


# Words


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", AMD64),
        ("linux/arm64", ARM64),
        ("linux/arm64/v8", ARM64),
        (" linux/arm/v7 ", Platform("linux", "arm", "v7")),
        ("linux/amd64/v1", AMD64),
        ("linux/amd64/v3", Platform("linux", "amd64", "v3")),
        ("windows/amd64", Platform("windows", "amd64")),
    ],
)
def test_a_platform_is_a_system_an_architecture_and_maybe_a_variant(text: str, platform: Platform) -> None:
    assert parse_platform(text) == platform


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "such as `linux/arm64`"),
        ("arm64", "such as `linux/arm64`"),
        ("aarch64", "such as `linux/arm64`"),
        ("linux", "such as `linux/arm64`"),
        ("linux/", "such as `linux/arm64`"),
        ("linux/x86_64", "such as `linux/amd64`"),
        ("linux/arm46", "such as `linux/arm64`"),
        ("linx/amd64", "such as `linux/amd64`"),
        ("plan9/amd64", "such as `linux/amd64`"),
        ("linux/arm64/", "such as `linux/arm64/v9`"),
        ("linux/riscv64/v1", "such as `linux/riscv64`"),
        ("linux/arm64/v8/x", "such as `linux/arm64/v9`"),
        ("LINUX/ARM64", "such as `linux/arm64`"),
    ],
)
def test_what_is_no_platform_is_told_with_one(text: str, hint: str) -> None:
    with pytest.raises(PlanError) as info:
        parse_platform(text)
    assert (info.value.message, info.value.hint) == (f"`{text}` is no platform", hint)
    # What is proposed is one.
    assert parse_platform(hint.removeprefix("such as ").strip("`"))


def test_platforms_are_each_there_once_in_their_order() -> None:
    assert parse_platforms([("linux/arm64", None), ("linux/amd64", None), ("linux/arm64/v8", None)]) == (
        ARM64,
        AMD64,
    )


@given(st.text(max_size=30))
def test_any_text_is_a_platform_or_a_plan_error(text: str) -> None:
    try:
        found = parse_platform(text)
    except PlanError:
        return
    assert parse_platform(str(found)) == found


# Paths


NAMES = st.lists(st.sampled_from(["a", "b.c", ".d"]), min_size=1, max_size=3).map("/".join)


@given(NAMES, st.one_of(st.just(""), NAMES), NAMES)
def test_a_target_that_is_moved_apart_and_back_is_the_same(text: str, base: str, apart: str) -> None:
    target = parse_pattern(text, base=base)
    there = outside(target, apart)
    assert there.literal_prefix == f"{apart}/{target.literal_prefix}"
    assert inside(there, apart) == target


@given(NAMES, NAMES)
def test_files_that_are_moved_apart_and_back_are_the_same(path: str, apart: str) -> None:
    state = FileState(path, "s", True, "d", 1)
    (there,) = moved([state], "", apart)
    assert there == FileState(f"{apart}/{path}", "s", True, "d", 1)
    assert moved([there], apart, "") == (state,)
    assert path_in("elsewhere/x", "other", "") == "elsewhere/x"


def test_what_reaches_something_is_found_through_circles() -> None:
    below = {"a": ["b"], "b": ["a", "c"], "c": [], "d": ["e"], "e": ["d"]}
    assert reaching(["c"], below) == {"a", "b", "c"}
