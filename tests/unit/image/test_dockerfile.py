"""The text of Dockerfiles: whole ones as they are, and what no value may do to one."""

import json
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.errors import PlanError
from runner.image.dockerfile import dockerfile_text, dockerignore_text, told_step
from runner.plan.action import Action
from runner.plan.bind import Binder, Draft, Invocation
from runner.plan.calls import find_task
from runner.plan.dockerfile_text import parse_dockerfile
from runner.plan.dockerignore import Dockerignore
from runner.plan.image_plan import BaseVariable, Healthcheck
from runner.plan.pattern import parse_pattern
from runner.plan.resolve import make_plan
from runner.plan.select import select
from runner.plan.stage import (
    Copied,
    From,
    Health,
    Instruction,
    Named,
    Run,
    Setting,
    SourceFile,
    Stage,
    Stages,
    Words,
)
from runner.plan.stages import MOST_COPIES, stages_of
from tests.fakes.memory_facts import MemoryFacts
from tests.fakes.memory_tree import MemoryTree

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "golden", "dockerfile")
FILES = (
    "go.mod", "go.sum", "cmd/gmicro/main.go", "cmd/tmicro/main.go", "internal/store/store.go",
    "internal/store/sub/x.go", "conf/a", "conf/b/c", "it's $5 [1] \"x\".txt", "extra.txt", "src/use.sh",
    "src/link", "gen/one",
)  # fmt: skip
CASES = {
    "service": ("service", ["gmicro"]),
    "services": ("service", ["gmicro", "tmicro"]),
    "image": ("image", [""]),
    "containers": ("containers", [""]),
}


def stages(
    text: str, calls: list[str], files: tuple[str, ...] = FILES, machine: str = "linux/amd64"
) -> Stages:
    """The stages of the images that the task `t` makes, each with one word or none."""
    tree = MemoryTree(dict.fromkeys(files, b""))
    project, facts = decode(text.encode(), "tasks.yml"), MemoryFacts()
    binder = Binder(project, facts)
    asked: list[Invocation] = []
    for word in calls:
        draft = Draft(find_task(project, "t", None), None)
        draft.args += [word] if word else []
        asked += binder.bind(draft)
    plan = make_plan(project, asked, binder, facts)

    def source(path: str) -> SourceFile:
        return SourceFile(path, "src/use.sh" if path == "src/link" else path, path.endswith(".sh"))

    def files_of(action: Action) -> list[SourceFile]:
        own = (action.sources, *action.sources.more) if action.sources is not None else ()
        patterns = [pattern for one in own for pattern, _ in one.patterns]
        for copy in action.image.copies if action.image is not None else ():
            patterns += [parse_pattern(one) for one in copy.own_sources]
        found = select(tree, tuple(patterns), ignore=None).files if patterns else ()
        return [source(path) for path in found]

    def pinned(reference: str) -> str:
        return f"{reference}@sha256:{'1' * 64}" if reference == "alpine:3.22" else reference

    return stages_of(
        plan, plan.asked, files_of, lambda _: (), pinned, project=project.head.name, machine=machine
    )


def made(case: str) -> str:
    name, calls = CASES[case]
    with open(f"{GOLDEN}/{name}.yml", encoding="utf-8") as file:
        found = stages(file.read(), calls)
    return f"{dockerfile_text(found, ['from tasks.yml', 'docker build .'])}\n{dockerignore_text(found.files)}"


@pytest.mark.parametrize("case", CASES)
def test_a_graph_is_this_dockerfile(case: str) -> None:
    with open(f"{GOLDEN}/{case}.Dockerfile", encoding="utf-8") as file:
        assert made(case) == file.read()


def one_stage(*instructions: Instruction) -> str:
    return dockerfile_text(Stages((Stage("s", (From("scratch"), *instructions), "words"),), (), (), ()))


def read(text: str) -> list[tuple[str, str]]:
    """The instructions that another reader finds, behind the `FROM`."""
    return [(one.name, one.text) for one in parse_dockerfile(text).instructions[1:]]


ANYTHING = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300)
LINE = st.text(st.characters(exclude_characters="\0\n\r", exclude_categories=["Cs"]), max_size=80)


@given(words=st.lists(st.one_of(ANYTHING, st.text("#\\ \n\"'$x\t", max_size=40)), min_size=1, max_size=4))
def test_the_words_of_a_run_come_through_whatever_they_are(words: list[str]) -> None:
    text = one_stage(Run(tuple(words)))
    ((name, found),) = read(text)
    assert (name, json.loads(found)) == ("RUN", words)


@given(letter=st.sampled_from(["#", " ", "\\", "x", "\t", '"', "é", "\N{GRINNING FACE}", "\u00a0"]))
def test_a_long_line_goes_on_in_the_next_one(letter: str) -> None:
    word = letter * 30_000
    text = one_stage(Run(("sh", "-c", word)))
    assert max(len(line.encode()) for line in text.split("\n")) < 65_535
    ((_, found),) = read(text)
    assert json.loads(found) == ["sh", "-c", word]


def unquoted(text: str) -> str:
    """A word as a builder reads it: backslashes and double quotes taken away, variables left as they are."""
    out, at = "", 0
    while at < len(text):
        if text[at] == "\\":
            out += text[at + 1]
            at += 1
        elif text[at] != '"':
            out += f"<{text[at]}>" if text[at] == "$" else text[at]
        at += 1
    return out


@given(value=LINE)
def test_the_value_of_a_variable_stays_a_value(value: str) -> None:
    ((name, found),) = read(one_stage(Named("ENV", (("A", (value, BaseVariable("PATH"), "!")),))))
    assert (name, unquoted(found)) == ("ENV", f"A={value}<$>{{PATH}}!")


@given(path=LINE.filter(lambda path: path.isprintable() and path.strip("/ ") and "\\" not in path))
def test_a_path_is_no_pattern_and_no_variable(path: str) -> None:
    ((_, found),) = read(one_stage(Copied((path,), f"/to/{path}")))
    source, to = (unquoted(word) for word in json.loads(found))
    for wild in "*?":
        source = source.replace(f"[{wild}]", wild)
    assert (source.replace("[[]", "["), to) == (path, f"/to/{path}")


@pytest.mark.parametrize(
    ("instruction", "told"),
    [
        (Named("ENV", (("A", "one\ntwo"),)), "the variable `A` has a line's end in it"),
        (Named("LABEL", (("a", "one\ntwo"),)), "the label `a` has a line's end in it"),
        (Setting("WORKDIR", "/a\nRUN x"), "`workdir` has a line's end in it"),
        (Copied(("a\\b",), "/"), "a file of the name"),
        (Copied(("a\nb",), "/"), "a file of the name"),
        (Named("ENV", (("A B", "x"),)), "`A B` can't be the name of a variable"),
        (Health(Healthcheck(("CMD-SHELL", "one\ntwo"))), "the text of `healthcheck` can't stand"),
        (Health(Healthcheck(("CMD-SHELL", '["a"]'))), "the text of `healthcheck` can't stand"),
        (Words("CMD", ("\udc80",)), "words has bytes in it that are no UTF-8"),
    ],
)
def test_what_a_dockerfile_can_not_say_is_refused(instruction: Instruction, told: str) -> None:
    with pytest.raises(PlanError) as caught:
        one_stage(instruction)
    assert caught.value.message.startswith(told)


@given(
    names=st.lists(LINE.filter(lambda name: name.strip("/.") and "//" not in name), min_size=1, max_size=4)
)
def test_what_is_copied_is_not_left_out(names: list[str]) -> None:
    paths = [name.strip("/") for name in names]
    ignore = Dockerignore(dockerignore_text(paths))
    assert [path for path in paths if ignore.leaves_out(path)] == []
    assert ignore.leaves_out("something/else")


def test_only_what_is_copied_is_sent() -> None:
    ignore = Dockerignore(dockerignore_text(["cmd/a.go", "go.mod"]))
    left = [path for path in ("cmd/a.go", "cmd/b.go", "go.mod", ".git/config") if not ignore.leaves_out(path)]
    assert left == ["cmd/a.go", "go.mod"]


def test_many_files_are_gathered_in_stages_of_a_hundred_copies() -> None:
    files = tuple(f"src/{number:04}/file" for number in range(2 * MOST_COPIES + 1))
    text = "tasks: {m: {container: 'a:1', source: [src/], target: out, run: x}, t: {image: {name: i, from: scratch, copy: [{task: m, to: /}]}}}"
    found = stages(text, [""], files).stages
    gathered = [stage for stage in found if stage.name.startswith("m-files")]
    assert [(stage.name, len(stage.instructions) - 1, stage.instructions[0]) for stage in gathered] == [
        ("m-files", 100, From("scratch")),
        ("m-files-2", 100, From("m-files")),
        ("m-files-3", 1, From("m-files-2")),
    ]
    assert next(one for one in found[-2].instructions if isinstance(one, Copied)) == Copied(
        ("/",), "/src/", "m-files-3"
    )


def test_tasks_run_on_this_machine_whatever_an_image_is_for() -> None:
    text = "tasks: {m: {container: 'a:1', target: out, run: x}, t: {image: {name: i, from: 'b:1', copy: [{task: m, to: /}]}}}"
    found = stages(text, [""], machine="linux/riscv64").stages
    assert [stage.instructions[0] for stage in found] == [
        From("a:1", "$BUILDPLATFORM"),
        From("a-1"),
        From("b:1"),
    ]


IMAGE = "image: {name: i, from: scratch, copy: [{task: m, to: /}]}"


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        (
            f"tasks: {{m: {{target: o, run: x}}, t: {{{IMAGE}}}}}",
            "`m` runs in no container, and a Dockerfile has no stage for it",
            "say `container: NAME` at the image task, for all that it copies, or give `--in NAME`",
        ),
        (
            f"tasks: {{s: {{container: 'a:1', ports: [1], run: x}}, m: {{container: 'a:1', deps: [s], target: o, run: x}}, t: {{{IMAGE}}}}}",
            "`m` needs the server `s`, and nothing runs beside a `RUN`",
            "let an image need only what makes its files",
        ),
        (
            f"tasks: {{d: {{container: 'b:1', run: x}}, m: {{container: 'a:1', deps: [d], target: o, run: x}}, t: {{{IMAGE}}}}}",
            "`m` runs in `a:1` and needs `d`, which runs in `b:1` and has no `target`: one stage does not see what another one has done",
            "name under its `target` what `d` makes, or let both run in one container",
        ),
        (
            f"containers: {{c: {{dockerfile: D}}}}\ntasks: {{m: {{container: c, target: o, run: x}}, t: {{{IMAGE}}}}}",
            "the container `c` is made by `D`, and one Dockerfile can't contain another",
            "name an image with `from`, and what is to be added to it with `setup`",
        ),
        (
            f"containers: {{c: {{from: 'a:1', mounts: ['~/.m2:/m']}}}}\ntasks: {{m: {{container: c, target: o, run: x}}, t: {{{IMAGE}}}}}",
            "the container `c` has `mounts` of this machine, which no Dockerfile has",
            "declare what its tasks read under `source`; what is to be kept is a cache mount",
        ),
        (
            f"containers: {{c: {{from: 'a:1', network: db}}}}\ntasks: {{m: {{container: c, target: o, run: x}}, t: {{{IMAGE}}}}}",
            "the container `c` is in the network `db`, and a `RUN` can be in none of an engine's",
            "leave `network` out, or say `none`",
        ),
        (
            f"containers: {{c: {{from: 'a:1', user: app, cache-mounts: [~/x]}}}}\ntasks: {{m: {{container: c, target: o, run: x}}, t: {{{IMAGE}}}}}",
            "`~/x` in the container `c` is below the home of `app`, which only its image knows",
            "write the folder out: `/home/…`",
        ),
        (
            "tasks: {t: {image: {name: i, from: 'oci:base:1'}}}",
            "`from: oci:base:1` is a file of this machine, and a Dockerfile names images only",
            "give it to the engine or to a registry, and name it there: `from: engine:NAME`",
        ),
        (
            "tasks: {t: {image: {name: i, dockerfile: D}}}",
            "`t` has a Dockerfile of its own, `D`, which no other one can contain",
            "`docker build --file D` takes it as it is",
        ),
        (
            "tasks: {t: {image: {name: i, from: scratch, copy: [{from: 'a:1', source: '/x/*.so', to: /}]}}}",
            "`/x/*.so` is a pattern for files of `a:1`, and a Dockerfile takes other ones",
            "name the files or the folder",
        ),
    ],
)
def test_what_a_dockerfile_can_not_do_is_refused(text: str, told: str, hint: str) -> None:
    with pytest.raises(PlanError) as caught:
        stages(text, [""])
    assert (caught.value.message, caught.value.hint) == (told, hint)
    assert caught.value.at is not None


def test_a_step_is_told_by_what_it_does() -> None:
    words = Run(("sh", "-c", "# build gmicro\ncd x")).words
    for step in (
        f"[go 5/6] RUN --mount=type=cache,target=/c {json.dumps(words)}",
        "sh -c # build gmicro\ncd x",
        f"Step 3/9 : RUN {json.dumps(words)}",
    ):
        assert told_step(step) == "build gmicro"
    assert told_step("[go 4/6] COPY --from=x [/, /src/]") == ""
    assert told_step("Step 3/9 : WORKDIR /app") == ""
    assert told_step('[i 2/2] RUN ["/bin/sh", "-c", "true"]') == '[i 2/2] RUN ["/bin/sh", "-c", "true"]'


if __name__ == "__main__":
    # Writes what is to be looked at and kept: `python -m tests.unit.image.test_dockerfile`.
    for name in sys.argv[1:] or CASES:
        with open(f"{GOLDEN}/{name}.Dockerfile", "w", encoding="utf-8") as golden:
            golden.write(made(name))
