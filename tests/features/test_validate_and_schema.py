"""`--validate` checks a file and runs nothing; `--schema` shows what an editor checks with."""

import json
import os

from tests.features.conftest import MakeProject, Result


def test_a_right_file_is_valid(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {a: {run: touch made}, b: {}}\n", "sub/x": ""})
    assert p.run("--validate") == Result("tasks.yml is valid: 2 tasks\n", "", 0)
    assert p.run("--validate", cwd="sub") == Result("../tasks.yml is valid: 2 tasks\n", "", 0)
    assert not p.exists("made")


def test_a_wrong_file_tells_all_its_faults(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks:\n  a: {rn: x}\n  b: {quite: 1, run: touch made}\n"})
    result = p.run("--validate")
    assert result.code == 2
    assert [line for line in result.stderr.splitlines() if line.startswith("pyrun: ")] == [
        "pyrun: tasks.yml:2:7: `rn` is not a key of the task `a`",
        "pyrun: tasks.yml:3:7: `quite` is not a key of the task `b`",
    ]


def test_the_faults_of_all_files_are_told_each_with_its_place(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "include: {api: api}\ntasks: {lint: {include: lint.yml}, b: {cach: local}}\n",
            "api/tasks.yml": "tasks: {a: {rn: x}}\n",
            "lint.yml": "timeout: never\n",
        }
    )
    result = p.run("--validate")
    assert result.code == 2
    assert sorted(line for line in result.stderr.splitlines() if line.startswith("pyrun: ")) == [
        "pyrun: api/tasks.yml:1:13: `rn` is not a key of the task `api:a`",
        "pyrun: lint.yml:1:10: `timeout` must be a duration",
        "pyrun: tasks.yml:2:40: `cach` is not a key of the task `b`",
    ]


def test_a_tusk_file_is_checked_by_its_own_ways(project: MakeProject) -> None:
    text = 'tasks: {a: {args: {x: {default: 1}}, run: "echo ${who}"}}\n'
    p = project({"tusk.yml": text})
    assert "in a tusk.yml an arg has no `default`" in p.run("--validate").stderr
    p.write("tasks.yml", text)
    assert p.run("--validate") == Result("tasks.yml is valid: 1 task\n", "", 0)


def test_the_schema_is_shown_without_a_project(project: MakeProject) -> None:
    p = project({})
    result = p.run("--schema")
    assert (result.stderr, result.code) == ("", 0)
    schema = os.path.join(os.path.dirname(__file__), "../../schema/tasks.schema.json")
    with open(schema, encoding="utf-8") as file:
        assert json.loads(result.stdout) == json.load(file)


def test_validate_finds_circles_wrong_calls_and_missing_files_of_variables(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """\
env-file: gone.env
options: {must: {required: true}}
tasks:
  a: {deps: [c]}
  c: {run: [task: e]}
  e: {run: [task: a]}
  b: {args: {s: {values: [x, y]}}, run: 'echo ${s}'}
  u1: {deps: [b x --no]}
  u2: {deps: [b x y]}
  u3: {deps: [b]}
  u4: {run: [task: b z]}
  uses: {run: 'echo ${must}'}
  ok: {args: {q: {}}, deps: ["b x", "b --all", "b ${q}", uses]}
  self: {deps: [self]}
"""
    })  # fmt: skip
    result = p.run("--validate")
    assert (result.stdout, result.code) == ("", 2)
    assert [line for line in result.stderr.splitlines() if line.startswith("pyrun")] == [
        "pyrun: tasks.yml:6:19: `a` needs itself: a → c → e → a",
        "pyrun: tasks.yml:8:15: `b` has no option `--no`",
        "pyrun: tasks.yml:9:15: `y` is too many: `b` takes one word",
        "pyrun: tasks.yml:10:15: `b` needs a s",
        "pyrun: tasks.yml:11:20: `b` knows no s `z`",
        "pyrun: tasks.yml:14:17: `self` needs itself: self → self",
        "pyrun: tasks.yml:1:11: there is no file `gone.env`",
    ]


def test_a_dry_run_misses_a_file_of_variables_as_a_run_does(project: MakeProject) -> None:
    p = project({"tasks.yml": "env-file: gone.env\ntasks: {t: {run: echo}}\n"})
    looked = p.run("--dry-run", "t")
    assert (looked.stdout, looked.code) == ("", 2)
    assert looked == p.run("t")
