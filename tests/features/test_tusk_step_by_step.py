"""One `tusk.yml` of a real kind, taken over step by step; at each step it does what it did before.

The steps are those that a user would take, each of use by itself: the file as it is; the same file named
`tasks.yml`; what must come first said once, as `deps`; what is read and written said, so that work is skipped; the
tasks in files of their own.
"""

from collections.abc import Callable

import pytest

from tests.features.conftest import MakeProject, Project, Result

TUSK = """
name: shop
usage: The shop's helpers

options:
  stage:
    usage: Where it is deployed to
    default: dev
    environment: STAGE
    values: [dev, prod]

tasks:
  prepare:
    usage: Make the folders
    run: mkdir -p out log

  compile:
    usage: Compile a service
    args:
      service: {usage: Which one, values: [api, web]}
    options:
      release: {usage: Leave the debug text out, type: bool, short: r}
      flags:
        default:
          - when: release
            value: --strip all
          - --debug
    run:
      - task: prepare
      - cat src/common.txt "src/${service}.txt" > "out/${service}.bin"
      - echo "${flags}" >> "out/${service}.bin"
      - command: {exec: 'echo "compiled ${service}"', print: "compile ${service}"}

  report:
    usage: Say how big the parts are
    run: |
      for part in out/*.bin; do
        echo "$(basename "$part" .bin): $(wc -l < "$part") lines"
      done

  deploy:
    usage: Deploy everything
    args:
      note: {usage: What the others are told}
    run:
      - task:
          - {name: compile, args: [api], options: {release: true}}
          - {name: compile, args: [web], options: {release: true}}
      - set-environment: {TARGET: "${stage}.example.org"}
      - when: {equal: {stage: prod}}
        command: echo "careful, this is prod"
      - when: {not-exists: out/web.bin}
        command: exit 3
      - command: {exec: 'printf "%s to %s\\n" "${note}" "$TARGET" >> log/deploys', quiet: true}
      - task: report
    finally:
      - rm -f out/*.tmp
      - echo "done with ${stage}"
"""
FILES = {"src/common.txt": "common\n", "src/api.txt": "api\napi\n", "src/web.txt": "web\n"}

Step = Callable[[str], dict[str, str]]


def as_it_is(text: str) -> dict[str, str]:
    return {"tusk.yml": text}


def renamed(text: str) -> dict[str, str]:
    return {"tasks.yml": text}


def with_deps(text: str) -> dict[str, str]:
    first = "    run:\n      - task: prepare\n      - cat"
    assert first in text
    return renamed(text.replace(first, "    deps: [prepare]\n    run:\n      - cat"))


def with_source_and_target(text: str) -> dict[str, str]:
    (made,) = with_deps(text).values()
    first = "    deps: [prepare]\n"
    declared = '    source: [src/common.txt, "src/${service}.txt"]\n    target: out/${service}.bin\n'
    assert first in made
    return renamed(made.replace(first, first + declared))


def in_files_of_their_own(text: str) -> dict[str, str]:
    (made,) = with_source_and_target(text).values()
    head, _, rest = made.partition("tasks:\n")
    tasks: dict[str, str] = {}
    for line in rest.splitlines():
        if line.startswith("  ") and not line.startswith("   "):
            name = line.strip(" :")
            tasks[name] = ""
        else:
            tasks[name] += line.removeprefix("    ") + "\n"
    lines = "".join(f"  {name}: {{include: tasks/{name}.yml}}\n" for name in tasks)
    files = {f"tasks/{name}.yml": body for name, body in tasks.items()}
    return {"tasks.yml": f"{head}tasks:\n{lines}", **files}


STEPS: list[Step] = [as_it_is, renamed, with_deps, with_source_and_target, in_files_of_their_own]


def outcome(
    p: Project, *words: str, env: dict[str, str] | None = None
) -> tuple[Result, list[tuple[str, str]]]:
    """What a command line gives, and what then stands in the files that it is there for."""
    result = p.run("-q", *words, env=env)
    made = [name for name in p.files() if name.startswith(("out/", "log/"))]
    return result, [(name, p.read(name)) for name in made]


API = ("out/api.bin", "common\napi\napi\n--strip all\n")
WEB = ("out/web.bin", "common\nweb\n--strip all\n")
COMPILED = "compiled api\ncompiled web\n"
REPORT = "api: 4 lines\nweb: 3 lines\n"


@pytest.mark.parametrize("step", STEPS)
def test_each_step_does_what_the_file_did_before(project: MakeProject, step: Step) -> None:
    p = project({**step(TUSK.lstrip()), **FILES})
    assert outcome(p, "compile", "web") == (
        Result("compiled web\n", "", 0),
        [("out/web.bin", "common\nweb\n--debug\n")],
    )
    log = ("log/deploys", "it's new; $HOME to dev.example.org\n")
    assert outcome(p, "deploy", "it's new; $HOME" if p.exists("tasks.yml") else "it's new; \\$HOME") == (
        Result(f"{COMPILED}{REPORT}done with dev\n", "", 0),
        [log, API, WEB],
    )
    again = COMPILED if step in STEPS[:3] else ""
    result, files = outcome(p, "deploy", "--stage", "prod", "two")
    assert result == Result(f"{again}careful, this is prod\n{REPORT}done with prod\n", "", 0)
    assert files == [(log[0], log[1] + "two to prod.example.org\n"), API, WEB]
    assert outcome(p, "report") == (Result(REPORT, "", 0), files)


@pytest.mark.parametrize("step", STEPS)
def test_each_step_refuses_what_the_file_refused(project: MakeProject, step: Step) -> None:
    p = project({**step(TUSK.lstrip()), **FILES})
    for words, env in (
        (["compile"], {}),
        (["compile", "shop"], {}),
        (["compile", "api", "--stage=prod"], {}),
        (["deploy", "x", "--stage=test"], {}),
        (["deploy", "x"], {"STAGE": "test"}),
        (["deploy"], {}),
        (["missing"], {}),
    ):
        result = p.run(*words, env=env)
        assert (result.stdout, result.code) == ("", 2), words
    assert not p.exists("out")
    assert "Deploy everything" in p.run("--list").stdout
    assert "--release" in p.run("compile", "--help").stdout


@pytest.mark.parametrize("step", STEPS)
def test_each_step_fails_as_the_file_failed(project: MakeProject, step: Step) -> None:
    p = project({**step(TUSK.lstrip()), **FILES})
    p.write("out/web.bin/in-the-way", "")
    result = p.run("-q", "deploy", "x", env={"STAGE": "prod"})
    assert result.code != 0
    assert result.stdout == "compiled api\ndone with prod\n"
    assert "compile web --release failed" in result.stderr
    assert not p.exists("log/deploys")


@pytest.mark.parametrize("step", STEPS[3:])
def test_what_is_declared_is_not_done_twice(project: MakeProject, step: Step) -> None:
    p = project({**step(TUSK.lstrip()), **FILES})
    assert p.run("-q", "compile", "web", "-r").stdout == "compiled web\n"
    assert p.run("compile", "web", "-r") == Result(
        "", "prepare $ mkdir -p out log\ncompile web --release: up to date (2 sources, 1 dep and out/web.bin as in the last run)\n", 0
    )  # fmt: skip
    p.write("src/api.txt", "other\n")
    assert p.run("-q", "compile", "web", "-r").stdout == ""
    p.write("src/web.txt", "other\n")
    assert p.run("-q", "compile", "web", "-r").stdout == "compiled web\n"
    assert p.run("-q", "compile", "web").stdout == "compiled web\n"
    assert p.read("out/web.bin") == "common\nother\n--debug\n"


def test_the_listing_is_the_same_at_each_step(project: MakeProject) -> None:
    shown = {project({**step(TUSK.lstrip()), **FILES}).run("--list").stdout for step in STEPS}
    assert len(shown) == 1
