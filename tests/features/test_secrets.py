"""Secrets reach the commands of the task that lists them, and nothing and nobody else."""

import os
import signal

import pytest

from tests.features.conftest import MakeProject, Project, Result, until

VALUE = "s3cret-value-99"
ENV = {"TOKEN": VALUE}
FILE = """
    tasks:
      uses: {secrets: [TOKEN], run: {command: {exec: 'echo "has $TOKEN"', quiet: true}}}
      other: {run: {command: {exec: 'echo "has ${TOKEN-nothing}"', quiet: true}}}
      asks: {run: [{when: {environment: {TOKEN: ~}}, command: {exec: echo unset, quiet: true}}, {when: {command: 'test -z "$TOKEN"'}, command: {exec: echo empty, quiet: true}}]}
      computes: {options: {x: {default: {command: 'echo "<$TOKEN>"'}}}, run: {command: {exec: 'echo ${x}', quiet: true}}}
      both: {deps: [uses, other]}
      calls: {run: [{task: uses}, {task: other}]}
      kept: {secrets: [TOKEN], source: [tasks.yml], run: {command: {exec: echo ran, quiet: true}}}
"""


def everything(p: Project) -> str:
    """All that pyrun has kept."""
    found = []
    for base in (p.root, p.home):
        for at, _, names in os.walk(base):
            for name in names:
                with open(f"{at}/{name}", "rb") as file:
                    found.append(file.read().decode("utf-8", "replace"))
    return "\n".join(found)


def test_only_the_task_that_lists_a_secret_gets_it(project: MakeProject) -> None:
    p = project({"tasks.yml": FILE})
    assert p.run("uses", env=ENV) == Result(f"has {VALUE}\n", "", 0)
    assert p.run("other", env=ENV) == Result("has nothing\n", "", 0)
    assert p.run("asks", env=ENV) == Result("unset\nempty\n", "", 0)
    assert p.run("computes", env=ENV) == Result("<>\n", "", 0)
    assert p.run("-j1", "both", env=ENV).stdout == f"has {VALUE}\nhas nothing\n"
    assert p.run("calls", env=ENV) == Result(f"has {VALUE}\nhas nothing\n", "", 0)


def test_a_secret_is_in_no_key_no_log_and_no_dry_run(project: MakeProject) -> None:
    p = project({"tasks.yml": FILE, ".env": f"TOKEN={VALUE}\n"})
    assert p.run("kept") == Result("ran\n", "", 0)
    assert VALUE not in p.run("--dry-run", "-v", "kept").stdout
    p.remove(".env")
    assert VALUE not in everything(p)
    up_to_date = Result("", "kept: up to date (1 source as in the last run)\n", 0)
    assert p.run("kept", env={"TOKEN": "another"}) == up_to_date


def test_a_secret_that_is_not_there_is_told(project: MakeProject) -> None:
    p = project({"tasks.yml": FILE})
    result = p.run("uses")
    assert (result.stdout, result.code) == ("", 1)
    assert "the secret `TOKEN` is not there" in result.stderr
    assert "set the variable TOKEN" in result.stderr


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (
            "x: {options: {t: {environment: TOKEN}}, run: 'echo ${t}'}",
            "`t` would put the secret `TOKEN` into commands",
        ),
        ("x: {env: {AUTH: 'Bearer ${TOKEN}'}, run: echo}", "`AUTH` would hold the secret `TOKEN`"),
        ("x: {secrets: [{name: A, to: b}], run: echo}", "a secret with `to` needs a `file`"),
    ],
)
def test_ways_by_which_it_would_be_seen_are_refused(project: MakeProject, task: str, told: str) -> None:
    p = project({"tasks.yml": f"tasks:\n  uses: {{secrets: [TOKEN], run: echo}}\n  {task}\n"})
    result = p.run("x", env=ENV)
    assert (result.stdout, result.code) == ("", 2)
    assert told in result.stderr
    assert VALUE not in result.stderr


FILES = """
    tasks:
      content: {secrets: [{name: NPMRC, file: here/npmrc}], run: {command: {exec: 'echo "$NPMRC"', quiet: true}}}
      placed: {dir: sub, secrets: [{name: NPMRC, file: here/npmrc, to: .npmrc}], run: {command: {exec: 'stat -c %a .npmrc; cat .npmrc "$NPMRC"', quiet: true}}}
      fails: {dir: sub, secrets: [{name: NPMRC, file: here/npmrc, to: .npmrc}], run: {command: {exec: exit 3, quiet: true}}}
      waits: {dir: sub, secrets: [{name: NPMRC, file: here/npmrc, to: .npmrc}], run: {command: {exec: cat .npmrc; sleep 300, quiet: true}}}
      home: {secrets: [{name: NPMRC, file: ~/npmrc}], run: {command: {exec: 'echo "$NPMRC"', quiet: true}}}
"""


def test_a_file_is_in_the_variable_or_where_the_task_wants_it_as_long_as_it_runs(
    project: MakeProject,
) -> None:
    p = project({"tasks.yml": FILES, "here/npmrc": "one\ntwo\n", "sub/x": ""})
    assert p.run("content") == Result("one\ntwo\n", "", 0)
    assert p.run("placed") == Result("600\n" + "one\ntwo\n" * 2, "", 0)
    assert not p.exists("sub/.npmrc")
    assert p.run("fails").code == 3
    assert not p.exists("sub/.npmrc")
    with open(f"{p.home}/npmrc", "w") as file:
        file.write("mine\n")
    assert p.run("home") == Result("mine\n", "", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_takes_the_file_away(project: MakeProject, number: signal.Signals) -> None:
    p = project({"tasks.yml": FILES, "here/npmrc": "one\n", "sub/x": ""})
    running = p.start("waits")
    until(lambda: "one" in running.stdout, "it runs")
    running.signal(number)
    assert running.result().code == 128 + number
    assert not p.exists("sub/.npmrc")


def test_what_is_there_already_is_never_replaced(project: MakeProject) -> None:
    p = project({"tasks.yml": FILES, "here/npmrc": "one\n", "sub/.npmrc": "mine"})
    result = p.run("placed")
    assert (result.stdout, result.code) == ("", 1)
    assert "the secret `NPMRC` can't be put at `sub/.npmrc`: something is there already" in result.stderr
    assert p.read("sub/.npmrc") == "mine"
    p.remove("here/npmrc")
    p.remove("sub/.npmrc")
    assert "the secret `NPMRC` can't be read: here/npmrc: No such file or directory" in p.run("placed").stderr


def test_a_secret_for_a_folder_that_is_not_there_says_how_to_make_it(project: MakeProject) -> None:
    p = project({
        "key": VALUE,
        "tasks.yml": "tasks: {t: {secrets: [{name: k, file: key, to: no/such/k}], run: echo}}\n",
    })  # fmt: skip
    result = p.run("t")
    assert result.code == 1
    assert "can't be put at `no/such/k`: No such file or directory\n" in result.stderr
    assert result.stderr.endswith("\n  make its folder first: `mkdir -p no/such`\n")


def test_a_faulty_secret_is_one_fault(project: MakeProject) -> None:
    text = "tasks: {t: {secrets: {k: {file: key}}, run: x}, u: {args: {a: {}}, run: x}}\n"
    assert project({"tasks.yml": text}).run().stderr.count("pyrun: ") == 1


def test_what_a_task_with_secrets_writes_is_kept_nowhere(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              made: {secrets: [TOKEN], source: [in], target: out, run: 'echo "has $TOKEN"; cp in out'}
              caller: {run: [{task: made}, echo called]}
              beside: {run: echo beside}
              both: {deps: [caller, beside]}
        """,
        "in": "text\n",
    })  # fmt: skip
    for words in (["made"], ["both"], ["both", "--output=grouped"]):
        p.write("in", f"{words}\n")
        result = p.run(*words, env={"TOKEN": "mY-sEcReT"})
        assert ("has mY-sEcReT\n" in result.stdout, result.code) == (True, 0), result
    for folder, _, names in (*os.walk(p.path(".pyrun")), *os.walk(p.home)):
        for name in names:
            with open(f"{folder}/{name}", "rb") as file:
                assert b"mY-sEcReT" not in file.read(), name
    p.remove("out")
    assert p.run("-q", "made", env={"TOKEN": "mY-sEcReT"}).stdout == ""
    assert p.read("out") == p.read("in")
