from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.location import Position
from runner.model.when import EXISTS, NOT_EXISTS
from runner.plan.action import Action, Limits, Traits
from runner.plan.action_key import key_of, made_by, part_digests, pieces
from runner.plan.file_state import FileState
from runner.plan.image_plan import BasePlan, ConfigPlan, ImagePlan
from runner.plan.origin import GIVEN, Origin, Provenance
from runner.plan.pattern import parse_pattern
from runner.plan.platform import Platform
from runner.plan.step import Block, Called, Guarded, PlanStep, Question, Script, Setting

HERE, THERE = Position("tasks.yml", 1, 1), Position("other.yml", 9, 9)


def script(
    text: str = "make", *, folder: str = "", shown: str | None = None, quiet: bool = False, at: Position = HERE,
    programs: tuple[str, ...] = ("make",), pty: bool = False, respond: tuple[tuple[str, str], ...] = (),
    argv: tuple[str, ...] = (),
) -> Script:  # fmt: skip
    return Script(text, shown, quiet, folder, programs, pty, respond, argv, at)


def setting(value: str | None, *, quiet: bool = False, at: Position = HERE) -> Setting:
    return Setting((("X", value),), quiet, at)


def guarded(*steps: PlanStep, kind: str = EXISTS, value: str | None = "f", at: Position = HERE) -> Guarded:
    return Guarded(((Question(kind, "", (value,), ""),),), steps, at)


def block(
    *steps: PlanStep, last: tuple[PlanStep, ...] = (), label: str = "b", shell: str = "sh", env: str = "1"
) -> Block:
    return Block(label, "", (shell, "-c"), (("B", env),), steps, last)


def traits(**changes: Any) -> Traits:
    fields: dict[str, Any] = {
        "shown": True, "quiet": False, "tusk": False, "namespace": "", "pass_env": (), "secrets": (), "cache": "", "watch": False,
    }  # fmt: skip
    assert changes.keys() <= fields.keys()
    return Traits(**(fields | changes))


def action(**changes: Any) -> Action:
    fields: dict[str, Any] = {
        "id": "id", "label": "t x", "task": "t", "values": (("s", "x"),), "steps": (script(),), "last": (),
        "interpreter": ("sh", "-c"), "env": (("A", "1"),), "dir": "", "sources": None,
        "targets": (parse_pattern("bin/x", HERE),), "deps": (), "maybe": (), "own_deps": (), "calls": (), "limits": Limits(0, 0, ()),
        "persistent": False, "server": None, "image": None, "container": None, "image_deps": (), "traits": traits(),
        "provenance": Provenance((), ()), "position": HERE,
    }  # fmt: skip
    assert changes.keys() <= fields.keys()
    return Action(**(fields | changes))


def image(name: str = "shop/x", platform: str = "amd64") -> ImagePlan:
    return ImagePlan(name, ("latest",), BasePlan("scratch"), (), ConfigPlan(), Platform("linux", platform))


def state(path: str = "a", digest: str = "d", **changes: Any) -> FileState:
    fields: dict[str, Any] = {
        "path": path,
        "signature": "s",
        "executable": False,
        "digest": digest,
        "size": 1,
    }
    return FileState(**(fields | changes))


TOOLS = [("make", "/usr/bin/make 1,2,3")]
DEPS = [("b", "made")]


def key(
    one: Action, sources: tuple[FileState, ...] = (state(),), platform: str = "linux/amd64",
    tools: list[tuple[str, str]] = TOOLS, deps: list[tuple[str, str]] = DEPS,
    base: tuple[tuple[str, object], ...] = (),
    answers: tuple[tuple[str, str], ...] = (),
) -> str:  # fmt: skip
    return key_of(pieces(one, platform, tools, deps, base, answers), sources)


@pytest.mark.parametrize(
    "other",
    [
        action(steps=(script("make all"),)),
        action(steps=(script(folder="x"),)),
        action(steps=(script(), script())),
        action(steps=()),
        action(steps=(), last=(script(),)),
        action(last=(script(),)),
        action(steps=(script(pty=True),)),
        action(steps=(script(argv=("", "-m", "x")),)),
        action(steps=(script(respond=(("a?", "b"),)),)),
        action(steps=(setting("1"), script())),
        action(steps=(script(), Called("x", HERE))),
        action(steps=(guarded(script()),)),
        action(steps=(block(script()),)),
        action(traits=traits(pass_env=(("HOME", "/"),))),
        action(interpreter=("bash", "-c")),
        action(values=(("s", "y"),)),
        action(values=(("s", ("x",)),)),
        action(values=(("r", "x"),)),
        action(env=(("A", "2"),)),
        action(env=()),
        action(env=(("A", "1"), ("B", ""))),
        action(targets=(parse_pattern("bin/y", HERE),)),
        action(targets=None),
        action(image=image()),
    ],
)  # fmt: skip
def test_what_it_does_is_in_the_key(other: Action) -> None:
    assert key(other) != key(action())


@pytest.mark.parametrize(
    "other",
    [
        action(label="other"),
        action(position=THERE),
        action(steps=(script(shown="says"),)),
        action(steps=(script(quiet=True),)),
        action(steps=(script(at=THERE),)),
        action(steps=(script(programs=()),)),
        action(id="other", task="u"),
        action(provenance=Provenance((("s", Origin(GIVEN, "", None)),), (("A", HERE),))),
        action(traits=traits(shown=False, quiet=True, namespace="n", cache="local")),
        action(limits=Limits(1, 2, ("sure?",))),
        action(targets=(parse_pattern("bin/x", THERE),)),
    ],
)
def test_what_only_people_read_is_not_in_the_key(other: Action) -> None:
    assert key(other) == key(action())


def test_each_kind_of_step_is_in_the_key_with_what_it_does() -> None:
    steps: list[tuple[PlanStep, ...]] = [
        (), (script(),), (script("x"),), (script(), script()), (setting("1"),), (setting(None),), (setting(""),),
        (setting("1"), script()), (script(), setting("1")), (guarded(script()),), (guarded(),), (guarded(), script()),
        (guarded(script(), kind=NOT_EXISTS),), (guarded(script(), value="g"),), (guarded(script(), value=None),),
        (guarded(guarded(script())),), (block(script()),), (block(), script()), (block(last=(script(),)),),
        (block(script(), shell="bash"),), (block(script(), env="2"),), (block(block(script())),),
        (Guarded(((Question(EXISTS, "", ("f",), ""),) * 2,), (script(),), HERE),),
        (Guarded(((Question(EXISTS, "", ("f",), ""),),) * 2, (script(),), HERE),),
        (Guarded(((Question(EXISTS, "", ("f",), "d"),),), (script(),), HERE),),
        (Guarded(((Question(EXISTS, "n", ("f",), ""),),), (script(),), HERE),),
        (Called("x", HERE),),
    ]  # fmt: skip
    keys = [key(action(steps=one)) for one in steps] + [key(action(last=one)) for one in steps if one]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (setting("1"), setting("1", quiet=True, at=THERE)),
        (guarded(script()), guarded(script(quiet=True, at=THERE), at=THERE)),
        (block(script()), block(script(shown="s"), label="")),
        (Called("x", HERE), Called("y", THERE)),
    ],
)
def test_of_a_step_what_only_people_read_is_not_in_the_key(one: PlanStep, other: PlanStep) -> None:
    assert key(action(steps=(one,))) == key(action(steps=(other,)))


def test_what_it_runs_with_is_in_the_key() -> None:
    one = action()
    keys = [
        key(one), key(one, platform="linux/arm64"), key(one, tools=[]), key(one, tools=[("make", "/bin/make")]),
        key(one, deps=[]), key(one, deps=[("b", "other")]), key(one, deps=[("c", "made")]),
        key(one, deps=[("b", "made"), ("c", "made")]), key(one, sources=()), key(one, sources=(state("b"),)),
        key(one, sources=(state("a", "e"),)), key(one, sources=(state("a", executable=True),)),
        key(action(image=image())), key(action(image=image()), base=(("base", "sha256:1"),)),
        key(one, answers=(("whether f exists", "yes"),)), key(one, answers=(("whether f exists", "no"),)),
        key(action(image=image("shop/y"))), key(action(image=image(platform="arm64"))),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)


def test_times_are_not_in_the_key() -> None:
    assert key(action(), sources=(state(signature="touched"),)) == key(action())


TEXTS = st.text(st.sampled_from("ab \0():;,1"), max_size=3)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)


@given(PAIRS, PAIRS, PAIRS, PAIRS)
def test_no_text_of_one_thing_is_taken_for_another(
    values: tuple[tuple[str, str], ...], env: tuple[tuple[str, str], ...],
    other_values: tuple[tuple[str, str], ...], other_env: tuple[tuple[str, str], ...],
) -> None:  # fmt: skip
    same = (values, env) == (other_values, other_env)
    one, other = action(values=values, env=env), action(values=other_values, env=other_env)
    assert (key(one) == key(other)) == same


def test_a_part_is_told_by_name_and_its_value_is_not_kept() -> None:
    secret = "correct horse battery staple"
    parts = dict(part_digests(pieces(action(env=(("PASSWORD", secret),)), "linux/amd64", TOOLS, DEPS)))
    assert {"platform", "arg s", "command 1", "variable PASSWORD", "program make", "dep b"} <= parts.keys()
    assert secret not in repr(parts)
    changed = dict(part_digests(pieces(action(env=(("PASSWORD", "x"),)), "linux/amd64", TOOLS, DEPS)))
    assert {what for what in parts if parts[what] != changed[what]} == {"variable PASSWORD"}


def test_what_was_made_is_paths_bits_and_contents() -> None:
    one = made_by([state("a"), state("b")])
    assert made_by([state("a", signature="touched"), state("b")]) == one
    others = [[state("a")], [state("a", "x"), state("b")], [state("a", executable=True), state("b")], []]
    assert len({made_by(other) for other in others} | {one}) == 5
