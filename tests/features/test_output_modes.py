"""`--output`: how what tasks write is shown, how far the work is, and what came of it in the end."""

import fcntl
import json
import os
import pty
import re
import resource
import select
import struct
import subprocess
import sys
import termios
from itertools import groupby
from typing import Any

import jsonschema
import pytest

from tests.features.conftest import CPU_SECONDS, PYRUN, MakeProject, Project, Result, limit

TWO = """
    tasks:
      a: {run: [echo one, "echo two >&2", printf three]}
      b: {deps: [a], run: [{command: {exec: echo four, print: "four and three"}}, exit 3]}
"""
LOG_OF_B = "@LOG@"
TOLD = "pyrun: b failed with exit status 3: exit 3\n"
FAILED = "b $ exit 3\n" + TOLD


def without_names(text: str) -> str:
    """Text in which the names of logs read `@LOG@`."""
    return re.sub(r"\.pyrun/logs/[0-9a-f]{32}\.log", LOG_OF_B, text)


def result(p: Project, *words: str, env: dict[str, str] | None = None) -> Result:
    """What came of a command line, the names of logs taken out."""
    found = p.run(*words, env=env)
    return Result(found.stdout, without_names(found.stderr), found.code)


def test_a_mode_that_is_none_is_refused_with_those_there_are(project: MakeProject) -> None:
    p = project({"tasks.yml": TWO})
    for mode in ("nice", "", "JSON"):
        told = (
            f"pyrun: there is no `--output={mode}`\n"
            "  it is one of `interleaved`, `grouped`, `prefixed`, `json` and `plain`\n"
        )
        assert p.run(f"--output={mode}", "a") == Result("", told, 2)


@pytest.mark.parametrize("mode", ["interleaved", "plain"])
def test_interleaved_is_what_there_is_without_a_mode(project: MakeProject, mode: str) -> None:
    p = project({"tasks.yml": TWO})
    told = "a $ echo one\na $ echo two >&2\ntwo\na $ printf three\nb $ four and three\n" + FAILED
    assert p.run("b") == Result("one\nthreefour\n", told, 3)
    assert p.run("--output", mode, "b") == Result("one\nthreefour\n", told, 3)


def test_prefixed_puts_the_name_in_front_of_every_line(project: MakeProject) -> None:
    p = project({"tasks.yml": TWO})
    told = "a $ echo one\na $ echo two >&2\na | two\na $ printf three\nb $ four and three\n" + FAILED
    assert p.run("--output=prefixed", "b") == Result("a | one\na | three\nb | four\n", told, 3)
    assert p.run("--output=prefixed", "-q", "a") == Result("a | one\na | three\n", "a | two\n", 0)
    assert p.run("--output=prefixed", "-s", "b") == Result("", "", 3)


def test_a_group_has_a_header_and_all_that_the_task_says(project: MakeProject) -> None:
    p = project({"tasks.yml": TWO})
    told = (
        "--- a\na $ echo one\na $ echo two >&2\ntwo\na $ printf three\n"
        "--- b\nb $ four and three\n" + FAILED + "pyrun: ran 1, failed 1\n"
    )
    assert result(p, "--output=grouped", "b") == Result("one\nthree\nfour\n", told, 3)
    assert result(p, "--output=grouped", "-s", "b") == Result("", "", 3)


@pytest.mark.parametrize("value", ["true", "1", "woodpecker"])
def test_groups_are_the_default_where_ci_is_set(project: MakeProject, value: str) -> None:
    p = project({"tasks.yml": TWO})
    told = (
        "--- a\na $ echo one\na $ echo two >&2\ntwo\na $ printf three\n"
        "--- b\nb $ four and three\n" + FAILED + "pyrun: ran 1, failed 1\n"
    )
    assert result(p, "b", env={"CI": value}) == Result("one\nthree\nfour\n", told, 3)
    told = "a $ echo one\na $ echo two >&2\ntwo\na $ printf three\nb $ four and three\n" + FAILED
    assert p.run("b", "--output=plain", env={"CI": value}).stdout == "one\nthreefour\n"
    for other in ("", "false", "False"):
        assert p.run("b", env={"CI": other}) == Result("one\nthreefour\n", told, 3)


def test_one_task_alone_is_no_group_in_ci_and_is_seen_as_it_comes(project: MakeProject) -> None:
    p = project({"tasks.yml": TWO})
    told = "a $ echo one\na $ echo two >&2\ntwo\na $ printf three\n"
    assert p.run("a", env={"CI": "1", "GITHUB_ACTIONS": "true"}) == Result("one\nthree", told, 0)


def test_github_folds_what_succeeded(project: MakeProject) -> None:
    p = project({"tasks.yml": TWO})
    told = (
        "::group::a\na $ echo one\na $ echo two >&2\ntwo\na $ printf three\n::endgroup::\n"
        "--- b\nb $ four and three\n" + FAILED + "pyrun: ran 1, failed 1\n"
    )
    env = {"CI": "true", "GITHUB_ACTIONS": "true"}
    assert result(p, "b", env=env) == Result("one\nthree\nfour\n", told, 3)


def test_gitlab_folds_what_succeeded(project: MakeProject) -> None:
    p = project({"tasks.yml": TWO})
    found = p.run("b", env={"CI": "true", "GITLAB_CI": "true"})
    start, end = "\x1b[0Ksection_start:", "\x1b[0Ksection_end:"
    pattern = (
        re.escape(start) + r"\d+:pyrun_1" + re.escape("[collapsed=true]\r\x1b[0Ka\n")
        + re.escape("a $ echo one\na $ echo two >&2\ntwo\na $ printf three\n")
        + re.escape(end) + r"\d+:pyrun_1" + re.escape("\r\x1b[0K\n")
        + re.escape("--- b\nb $ four and three\n" + FAILED + "pyrun: ran 1, failed 1\n")
    )  # fmt: skip
    assert re.fullmatch(pattern, found.stderr), found.stderr
    assert (found.stdout, found.code) == ("one\nthree\nfour\n", 3)


def test_called_tasks_blocks_and_tries_stand_in_the_group_of_who_called(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {deps: [d], retries: 1, run: [{task: u}, "test -e seen || { touch seen; exit 1; }"]}
              u: {source: [tasks.yml], run: echo u}
              d: {run: 'true'}
        """
    })  # fmt: skip
    tries = "t $ test -e seen || { touch seen; exit 1; }\n"
    told = (
        "--- d\nd $ true\n--- t\nt > u $ echo u\n" + tries
        + "pyrun: t failed with exit status 1, trying again in 0.5 s (1 of 1)\n" + tries
        + "pyrun: ran 3, up to date 1\n"
    )  # fmt: skip
    assert p.run("--output=grouped", "t") == Result("u\n", told, 0)


def test_lines_of_200_tasks_side_by_side_never_mix_in_groups(project: MakeProject) -> None:
    body = "for i in $(seq 150); do printf $x-; printf '%s-' $i; echo 7; echo $x.$i >&2; done; printf $x-end"
    rows = "".join(
        f'  t{n}: {{env: {{x: t{n}}}, run: {{command: {{exec: "{body}", quiet: true}}}}}}\n'
        for n in range(200)
    )
    p = project(
        {"tasks.yml": "tasks:\n" + rows + "  all: {deps: [" + ", ".join(f"t{n}" for n in range(200)) + "]}\n"}
    )
    found = p.run("-j200", "--output=grouped", "all")
    assert found.code == 0
    groups = {
        key: list(lines)
        for key, lines in groupby(found.stdout.splitlines(), lambda line: line.partition("-")[0])
    }
    assert len(found.stdout.splitlines()) == 200 * 151
    assert groups == {f"t{n}": [*(f"t{n}-{i}-7" for i in range(1, 151)), f"t{n}-end"] for n in range(200)}
    *told, last = found.stderr.splitlines()
    assert last.startswith("pyrun: ran 201")
    heads = [told[index] for index in range(0, len(told), 151)]
    assert sorted(heads) == sorted(f"--- t{n}" for n in range(200))
    for index in range(0, len(told), 151):
        name = told[index].removeprefix("--- ")
        assert told[index + 1 : index + 151] == [f"{name}.{i}" for i in range(1, 151)]


def test_much_output_of_many_groups_is_held_on_disk_and_shown_whole(project: MakeProject) -> None:
    rows = "".join(
        f'  t{n}: {{run: {{command: {{exec: "yes t{n}-x | head -n 60000", quiet: true}}}}}}\n'
        for n in range(6)
    )
    p = project({"tasks.yml": "tasks:\n" + rows})
    found = p.run("-j6", "--output=grouped", *(f"t{n}" for n in range(6)))
    lines = found.stdout.splitlines()
    assert sorted((key, len(list(same))) for key, same in groupby(lines)) == [
        (f"t{n}-x", 60000) for n in range(6)
    ]
    assert (
        sorted(name for name in os.listdir(p.path(".pyrun/logs")) if not name.endswith((".log", ".streams")))
        == []
    )


MEASURE = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))
_, status, usage = os.wait4(os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ), 0)
with open(sys.argv[1], "w") as file:
    print(os.waitstatus_to_exitcode(status), usage.ru_maxrss, file=file)
"""
"""Stands between, since what is measured of a process counts from the fork of the one above it, which is large."""


@pytest.mark.parametrize("mode", ["grouped", "interleaved", "prefixed", "json"])
def test_a_gigabyte_costs_no_memory(project: MakeProject, mode: str) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              much: {run: {command: {exec: "head -c 1000000000 /dev/zero | tr '\\\\0' 'a' | fold -w 200", quiet: true}}}
              other: {run: 'true'}
        """
    })  # fmt: skip
    with open(os.devnull, "wb") as null, open(p.path("told"), "wb") as told:
        words = [PYRUN, "-q", "-j2", f"--output={mode}", "much", "other"]
        subprocess.run(
            [sys.executable, "-c", MEASURE, p.path("measured"), *words],
            stdin=subprocess.DEVNULL,
            stdout=null,
            stderr=told,
            cwd=p.root,
            env=p.environ(),
            check=True,
        )
    code, most = map(int, p.read("measured").split())
    header = "--- much\n" if mode == "grouped" else ""
    assert (code, p.read("told")) == (0, header)
    assert most < 100 * 1024
    logs = [name for name in os.listdir(p.path(".pyrun/logs")) if name.endswith(".log")]
    assert sorted(os.path.getsize(p.path(f".pyrun/logs/{name}")) for name in logs) == [0, 1_004_999_999]


def test_a_disk_that_is_full_costs_the_log_and_nothing_else(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              much: {run: {command: {exec: "seq 200000; exit 4", quiet: true}}}
              more: {run: {command: {exec: "seq 200000 >&2", quiet: true}}}
        """
    })  # fmt: skip

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    text = "".join(f"{n}\n" for n in range(1, 200_001))
    for mode in ("interleaved", "grouped"):
        process = subprocess.run(
            [PYRUN, f"--output={mode}", "-j2", "--keep-going", "much", "more"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd=p.root,
            env=p.environ(),
            preexec_fn=small,
        )
        notice = "pyrun: what tasks write is not kept any more: File too large"
        lines = [line for line in process.stderr.splitlines() if not line.isdigit()]
        assert (process.returncode, process.stdout) == (4, text)
        assert "".join(f"{line}\n" for line in process.stderr.splitlines() if line.isdigit()) == text
        assert lines.count(notice) == 1, lines
        assert os.listdir(p.path(".pyrun/logs")) == []


# JSON

LABEL = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}
NAMES = {"type": "array", "items": LABEL}


def kind(**keys: object) -> dict[str, Any]:
    """A schema of what must have these keys and no others."""
    return {
        "type": "object",
        "properties": {"event": True, **keys},
        "required": ["event", *keys],
        "additionalProperties": False,
    }


EVENTS: dict[str, dict[str, Any]] = {
    "run-started": kind(version={"const": 1}, tasks=COUNT, asked=NAMES),
    "task-started": kind(task=LABEL, why=LABEL),
    "task-finished": kind(task=LABEL, milliseconds=COUNT),
    "task-skipped": kind(task=LABEL, asked={"type": "boolean"}, why=LABEL, savedMilliseconds=COUNT),
    "task-restored": kind(task=LABEL, asked={"type": "boolean"}, why=LABEL, savedMilliseconds=COUNT),
    "task-failed": kind(task=LABEL, status=COUNT, command={"type": "string"}, log={"type": ["string", "null"]}),
    "command-started": kind(task=LABEL, label=LABEL, command={"type": "string"}),
    "step-skipped": kind(task=LABEL, label=LABEL, command={"type": "string"}),
    "variables-set": kind(task=LABEL, variables={"type": "object", "additionalProperties": {"type": ["string", "null"]}}),
    "output": {"oneOf": [
        kind(task=LABEL, stream={"enum": ["stdout", "stderr"]}, text=LABEL),
        kind(task=LABEL, stream={"enum": ["stdout", "stderr"]}, base64=LABEL),
    ]},
    "retry": kind(task=LABEL, status=COUNT, number=COUNT, most=COUNT, pauseMilliseconds=COUNT),
    "notice": kind(task=LABEL, text=LABEL),
    "image": kind(task=LABEL, references=NAMES, digest=LABEL, size=COUNT, skipped={"type": "boolean"}, why={"type": "string"}),
    "summary": kind(status=COUNT, ran=COUNT, upToDate=COUNT, restored=COUNT, failed=COUNT, savedMilliseconds=COUNT),
}  # fmt: skip


def events(text: str) -> list[dict[str, object]]:
    """The events in what was written, each as it must be; how long things took reads 0."""
    found = []
    for line in text.splitlines():
        event = json.loads(line)
        jsonschema.validate(event, EVENTS[event["event"]])
        for name in ("milliseconds", "savedMilliseconds"):
            if name in event:
                event[name] = 0
        found.append(event)
    return found


def test_json_is_one_event_a_line_and_nothing_else(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {deps: [d], retries: 1, run: [set-environment: {X: x, Y: null}, "echo $X; printf '\\\\377'; exit 3"]}
              d: {source: [tasks.yml], run: [{when: {exists: none}, command: "true"}, "echo é >&2"]}
        """
    })  # fmt: skip
    found = p.run("--output=json", "t")
    command = "echo $X; printf '\\377'; exit 3"
    tried: list[dict[str, object]] = [
        {"event": "variables-set", "task": "t", "variables": {"X": "x", "Y": None}},
        {"event": "command-started", "task": "t", "label": "t", "command": command},
        {"event": "output", "task": "t", "stream": "stdout", "text": "x\n"},
        {"event": "output", "task": "t", "stream": "stdout", "base64": "/wo="},
    ]
    (log,) = {event["log"] for event in events(found.stdout) if event["event"] == "task-failed"}
    assert events(found.stdout) == [
        {"event": "run-started", "version": 1, "tasks": 2, "asked": ["t"]},
        {"event": "task-started", "task": "d", "why": "it has not run here yet"},
        {"event": "step-skipped", "task": "d", "label": "d", "command": "true"},
        {"event": "command-started", "task": "d", "label": "d", "command": "echo é >&2"},
        {"event": "output", "task": "d", "stream": "stderr", "text": "é\n"},
        {"event": "task-finished", "task": "d", "milliseconds": 0},
        {"event": "task-started", "task": "t", "why": "it has no `source`, so it runs every time"},
        *tried,
        {"event": "retry", "task": "t", "status": 3, "number": 1, "most": 1, "pauseMilliseconds": 500},
        *tried,
        {"event": "task-failed", "task": "t", "status": 3, "command": command, "log": log},
        {
            "event": "summary", "status": 3, "ran": 1, "upToDate": 0, "restored": 0, "failed": 1,
            "savedMilliseconds": 0,
        },
    ]  # fmt: skip
    assert (found.stderr, found.code) == ("", 3)
    with open(p.path(str(log)), "rb") as file:
        assert file.read() == b"x\n\xffx\n\xff"
    again = p.run("--output=json", "-q", "d")
    skipped = {
        "event": "task-skipped",
        "task": "d",
        "asked": True,
        "why": "1 source as in the last run",
        "savedMilliseconds": 0,
    }
    assert events(again.stdout)[1] == skipped


def test_json_of_an_error_has_it_on_stderr_and_the_failure_in_an_event(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {source: [tasks.yml], target: [out], run: 'true'}}\n"})
    found = p.run("--output=json", "t")
    failed, last = events(found.stdout)[-2:]
    assert (failed["event"], failed["command"]) == ("task-failed", "`t` succeeded, but left no `out`")
    assert (last["event"], last["status"], found.code) == ("summary", found.code, 1)
    assert found.stderr.startswith("pyrun: tasks.yml:1:43: `t` succeeded, but left no `out`\n")


# The end


def test_several_failures_are_told_again_at_the_end_with_their_logs(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {run: {command: {exec: "echo a; exit 3", quiet: true}}}
              b: {run: {command: {exec: "until [ -e c ]; do sleep 0.01; done; echo b; exit 4", quiet: true}}}
              c: {run: {command: {exec: "touch c; exit 5", quiet: true}}}
        """
    })  # fmt: skip
    found = p.run("--keep-going", "-j3", "a", "b", "c", cwd="")
    *told, summed, first, second, third = found.stderr.splitlines()
    assert sorted(told) == sorted(
        [first.partition(" (log")[0], second.partition(" (log")[0], third.partition(" (log")[0]]
    )
    assert summed == "pyrun: failed 3"
    logs = {}
    for line in (first, second, third):
        match = re.fullmatch(r"pyrun: (.) failed with exit status (.): .* \(log: (\S+)\)", line)
        assert match is not None, line
        logs[match[1]] = (match[2], p.read(match[3]))
    assert logs == {"a": ("3", "a\n"), "b": ("4", "b\n"), "c": ("5", "")}


def test_a_log_is_named_as_the_user_would(project: MakeProject) -> None:
    p = project({"tasks.yml": TWO, "x/y": ""})
    found = p.run("--keep-going", "-j2", "b", "a", "--output=prefixed", cwd="x")
    assert found.code == 3
    both = project({
        "tasks.yml": """
            tasks:
              a: {run: {command: {exec: exit 3, quiet: true}}}
              b: {run: {command: {exec: exit 4, quiet: true}}}
        """,
        "x/y": "",
    })  # fmt: skip
    named = without_names(both.run("--keep-going", "-j2", "a", "b", cwd="x").stderr).splitlines()[-2:]
    assert sorted(named) == [
        "pyrun: a failed with exit status 3: exit 3 (log: ../@LOG@)",
        "pyrun: b failed with exit status 4: exit 4 (log: ../@LOG@)",
    ]


def test_one_failure_that_is_the_last_thing_told_is_not_told_again(project: MakeProject) -> None:
    p = project({"tasks.yml": TWO})
    assert p.run("b", "-q") == Result("one\nthreefour\n", "two\n" + TOLD, 3)
    assert result(p, "b", "-q", "--keep-going") == Result(
        "one\nthreefour\n", "two\n" + TOLD + "pyrun: ran 1, failed 1\n", 3
    )
    assert p.run("b", "-s", "--keep-going") == Result("", "", 3)


# Who is captured


def test_what_may_be_restored_is_captured_and_still_reads_what_the_user_types(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {source: [tasks.yml], target: out, run: ["read x; echo $x > out", "printf 'Sure? '; read y; echo $y >&2"]}
        """
    })  # fmt: skip
    told = "t $ read x; echo $x > out\nt $ printf 'Sure? '; read y; echo $y >&2\nb\n"
    assert p.run("t", stdin="a\nb\n") == Result("Sure? ", told, 0)
    (log,) = (name for name in os.listdir(p.path(".pyrun/logs")) if name.endswith(".log"))
    assert p.read(f".pyrun/logs/{log}") == "Sure? b\n"


def test_what_is_restored_writes_again_what_it_wrote_in_every_mode(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {source: [in], target: out, run: ["cp in out; echo one; echo two >&2; printf three"]}
              u: {deps: [t], run: {command: {exec: "true", quiet: true}}}
        """,
        "in": "",
    })  # fmt: skip
    assert p.run("-q", "t") == Result("one\nthree", "two\n", 0)
    wanted = {
        "interleaved": Result("one\nthree\n", "two\npyrun: ran 1, restored 1\n", 0),
        "prefixed": Result("t | one\nt | three\n", "t | two\npyrun: ran 1, restored 1\n", 0),
        "grouped": Result("one\nthree\n", "--- t\ntwo\npyrun: ran 1, restored 1\n", 0),
    }
    for mode, shown_then in wanted.items():
        p.remove("out")
        assert p.run(f"--output={mode}", "u") == shown_then, mode
    p.remove("out")
    kinds = [event["event"] for event in events(p.run("--output=json", "t").stdout)]
    assert kinds == ["run-started", "task-restored", "output", "output", "output", "summary"]
    p.remove("out")
    assert p.run("-s", "u") == Result("", "", 0)
    assert p.exists("out")


def test_what_a_task_called_wrote_is_in_both_logs(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {run: [echo t, {task: u}]}
              u: {source: [tasks.yml], run: echo u}
        """
    })  # fmt: skip
    assert p.run("t", "--output=prefixed", "-q") == Result("t | t\nt | u\n", "", 0)
    logs = [
        p.read(f".pyrun/logs/{name}") for name in os.listdir(p.path(".pyrun/logs")) if name.endswith(".log")
    ]
    assert sorted(logs) == ["t\nu\n", "u\n"]


def test_where_nothing_can_be_written_there_is_no_log_and_no_fault(project: MakeProject) -> None:
    p = project({"tasks.yml": TWO, ".pyrun/logs": "in the way"})
    assert p.run("--output=prefixed", "-q", "a") == Result("a | one\na | three\n", "a | two\n", 0)


@pytest.mark.parametrize(("mode", "tasks"), [("prefixed", "a b"), ("json", "a b"), ("grouped", "b")])
def test_a_closed_pipe_ends_every_mode_with_141(project: MakeProject, mode: str, tasks: str) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {run: {command: {exec: yes a, quiet: true}}}
              b: {run: {command: {exec: "seq 200000", quiet: true}}}
              pipe: {run: {command: {exec: "bash ./pipe", quiet: true}}}
        """,
        "pipe": f'pyrun -q -j2 --output={mode} {tasks} | head -c 1 | wc -c; echo "${{PIPESTATUS[0]}}"\n',
    })  # fmt: skip
    found = p.run("pipe")
    assert found.stdout == "1\n141\n"
    assert "Traceback" not in found.stderr
    assert p.left() == []


def test_servers_in_groups_write_as_it_comes_behind_their_names(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {deps: [s], run: [echo t1, echo t2]}
              s:
                ready: {log: up}
                run: {command: {exec: "echo up; exec sleep 300", quiet: true}}
        """
    })  # fmt: skip
    assert p.run("--output=grouped", "-q", "t") == Result("s | up\nt1\nt2\n", "--- t\n", 0)


# A terminal


class Terminal:
    """A pyrun whose stdout and stderr are a terminal of 40 columns."""

    def __init__(self, p: Project, *words: str, env: dict[str, str] | None = None) -> None:
        self._main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
        self._process = subprocess.Popen(
            [PYRUN, *words],
            stdin=subprocess.DEVNULL,
            stdout=other,
            stderr=other,
            cwd=p.root,
            env={**p.environ(), "TERM": "xterm", **(env or {})},
            preexec_fn=lambda: limit(2 << 30),  # noqa: PLW1509 - no thread runs here
        )
        os.close(other)

    def text(self) -> str:
        """All that was written, when it has ended."""
        found = b""
        while select.select([self._main], [], [], 60)[0]:
            try:
                chunk = os.read(self._main, 65536)
            except OSError:
                break
            found += chunk
        os.close(self._main)
        assert self._process.wait(60) == 0
        return found.decode().replace("\r\n", "\n")


PARALLEL = """
    tasks:
      first: {run: {command: {exec: "sleep 0.4; echo one", quiet: true}}}
      a-task-with-a-long-name: {run: {command: {exec: "sleep 0.8; echo two", quiet: true}}}
"""


def shown(text: str) -> tuple[str, list[str]]:
    """What is left on the terminal, and the last lines that were there in between."""
    lines: list[str] = []
    for line in text.split("\n"):
        *gone, last = line.split("\r\x1b[K")
        lines += [one for one in gone if one]
        text = text.replace(line, last, 1)
    return text, lines


def test_a_terminal_shows_how_far_the_work_is_in_a_line_that_goes(project: MakeProject) -> None:
    p = project({"tasks.yml": PARALLEL})
    left, lines = shown(Terminal(p, "-j2", "first", "a-task-with-a-long-name").text())
    assert left == "one\ntwo\npyrun: ran 2\n"
    assert "[0/2] running first, a-task-with-a-lon…" in lines
    assert lines[-1] == "[1/2] running a-task-with-a-long-name"
    assert all(len(line) <= 39 and line.startswith("[") for line in lines)


@pytest.mark.parametrize(
    ("words", "env", "last"),
    [
        (("--output=plain",), {}, "pyrun: ran 2\n"),
        (("-q",), {}, ""),
        (("-s",), {}, ""),
        ((), {"TERM": "dumb"}, "pyrun: ran 2\n"),
        (("--output=interleaved",), {"CI": "1"}, "pyrun: ran 2\n"),
    ],
)
def test_a_terminal_shows_no_such_line_where_it_is_not_wanted(
    project: MakeProject, words: tuple[str, ...], env: dict[str, str], last: str
) -> None:
    # The second is at work beside the first, and says its word behind it.
    tasks = """
        tasks:
          first: {quiet: true, run: echo one; touch said}
          a-task-with-a-long-name: {quiet: true, run: 'until [ -e said ]; do sleep 0.01; done; echo two'}
        """
    p = project({"tasks.yml": tasks})
    found = Terminal(p, *words, "-j2", "first", "a-task-with-a-long-name", env=env).text()
    assert found == ("" if "-s" in words else "one\ntwo\n" + last)


def test_one_task_alone_has_the_terminal_for_itself(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {run: [test -t 1, 'sleep 0.3; printf x']}}\n"})
    assert Terminal(p, "t").text() == "t $ test -t 1\nt $ sleep 0.3; printf x\nx"
