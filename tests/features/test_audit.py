"""`--audit`: what tasks read and write is held against what they declare, and everything else stays as it is."""

import json
import os
import signal
import subprocess

import pytest

from tests.features.conftest import MakeProject, Project, Result, until


def audit(p: Project, *words: str) -> str:
    """What an audit reports."""
    result = p.run("--audit", "-q", *words)
    assert result.code == 0, result
    return result.stdout


def test_a_task_that_declares_all_gets_one_line(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {copy: {source: [a], target: b, run: cp a b}}\n", "a": "1"})
    told = "copy: declares all that it reads and writes\n"
    for _ in range(2):
        # It runs although it is up to date.
        assert p.run("--audit", "copy") == Result(told, "copy $ cp a b\n", 0)
    assert p.run("copy") == Result("", "copy: up to date (1 source and b as in the last run)\n", 0)
    assert p.files() == ["a", "b", "tasks.yml"]


def test_what_is_not_declared_is_told_with_the_lines_to_add(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              build:
                source: [a.txt, unused.txt]
                target: out
                run: cat a.txt b.txt lib/*.h > out; echo log >> build.log; rm old
        """,
        "a.txt": "", "b.txt": "", "unused.txt": "", "old": "",
        **{f"lib/{number}.h": "" for number in range(5)},
    })  # fmt: skip
    assert p.run("--audit", "-q", "build") == Result(
        "build:\n"
        "  reads without declaring it: b.txt, lib/0.h, lib/1.h, lib/2.h, lib/3.h, lib/4.h\n"
        "  writes without declaring it: build.log, old\n"
        "  add to the task:\n"
        '    source: [b.txt, "lib/*.h"]\n'
        "    target: [build.log]\n"
        "  declares and never looks at: unused.txt\n",
        "",
        0,
    )


@pytest.mark.parametrize(
    ("run", "reads", "writes"),
    [
        ("cat x", "x", ""),
        ("sh -c 'cat x & wait'", "x", ""),
        ("cd sub && (cd .. && cat x) && cat y", "sub/y, x", ""),
        ("cd sub && sh -c 'sh -c \"cat ../x\"'", "x", ""),
        ("find . -name x -exec cat {} +", "x", ""),
        ("./run.sh", "run.sh", ""),
        ("python3 -c 'import subprocess; subprocess.run([\"cat\", \"y\"], cwd=\"sub\")'", "sub/y", ""),
        ("python3 -c 'import os; os.chdir(\"sub\"); open(\"y\")'", "sub/y", ""),
        ("python3 -c 'import os; d = os.open(\"sub\", 0); os.open(\"y\", 0, dir_fd=d)'", "sub/y", ""),
        ("python3 -c 'import os; d = os.open(\"sub\", 0); os.fchdir(d); open(\"y\")'", "sub/y", ""),
        ("python3 -c 'import threading as t; t.Thread(target=lambda: open(\"x\")).start()'", "x", ""),
        ("echo > new", "", "new"),
        ("echo >> x", "", "x"),
        ("touch new && mv new newer", "", "newer"),
        ("mkdir d && touch d/f && mv d e", "", "e/f"),
        ("mkdir d && ln -s x l && mv l d", "", "d/l"),
        ("ln x hard", "x", "hard"),
        ("rm x", "", "x"),
        ("mv x z", "", "x, z"),
        ("sed -i s/a/b/ x", "x", "x"),
        ("echo > temporary; cat temporary; rm temporary", "", ""),
        ("test -e x; ls > /dev/null; cat nothing 2> /dev/null || true", "", ""),
        ("python3 -c 'open(\"x\", \"r+\").write(\"1\")'", "x", "x"),
        ("cat a", "", ""),
    ],
)  # fmt: skip
def test_whatever_a_task_does(project: MakeProject, run: str, reads: str, writes: str) -> None:
    p = project({"tasks.yml": "", "a": "", "x": "a\n", "sub/y": ""})
    p.script("run.sh", "#!/bin/sh\n")
    p.write("run", run)
    p.write("tasks.yml", f"tasks:\n  go:\n    source: [a]\n    run: |\n      {run}\n")
    rows = audit(p, "go").splitlines()
    found = dict.fromkeys(("reads", "writes"), "")
    for row in rows:
        for what in found:
            begin = f"  {what} without declaring it: "
            if row.startswith(begin):
                found[what] = row.removeprefix(begin)
    assert found == {"reads": reads, "writes": writes}


def test_targets_of_deps_and_of_called_tasks_may_be_read(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              gen: {source: [seed], target: gen/x, run: cp seed gen/x}
              use: {deps: [gen], source: [], target: used, run: cp gen/x used}
              all: {run: [{task: gen}, cat gen/x]}
              peek: {deps: [gen], source: [], run: cat seed}
        """,
            "seed": "s\n",
            "gen/keep": "",
        }
    )
    clean = "declares all that it reads and writes\n"
    assert audit(p, "use") == f"gen: {clean}use: {clean}"
    assert audit(p, "all") == f"s\ngen: {clean}all: {clean}"
    assert audit(p, "peek") == (
        f"s\ngen: {clean}peek:\n  reads without declaring it: seed\n  add to the task:\n    source: [seed]\n"
    )


def test_exit_status_and_stdin_are_the_tasks_own(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              read: {run: 'read x; echo "got $x"; exit 7'}
              term: {run: 'kill -TERM $$$$'}
              gone: {run: nosuchcommand x}
              bad: {run: ./text}
              group: {run: 'kill -KILL 0'}
        """,
            "text": "no program",
        }
    )
    told = "declares all that it reads and writes, as far as it came before it failed\n"
    result = p.run("--audit", "read", "-q", stdin="word\n")
    assert (result.stdout, result.code) == (f"got word\nread: {told}", 7)
    for name, code in (("term", 143), ("gone", 127), ("bad", 126), ("group", 137)):
        assert p.run("--audit", "-q", name).code == code, name


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_stop_signal_ends_all(project: MakeProject, number: signal.Signals, code: int) -> None:
    p = project({"tasks.yml": "tasks: {wait: {run: 'sleep 100 & touch up; sleep 100; wait'}}\n"})
    running = p.start("--audit", "wait")
    until(lambda: p.exists("up"), "the task runs")
    running.signal(number)
    assert running.result().code == code
    until(lambda: not p.left(), "all have ended")
    assert not p.exists(".pyrun/audit")


def test_what_a_task_leaves_running_is_not_waited_for(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {go: {run: 'sleep 100 > /dev/null 2>&1 & cat a; true'}}\n", "a": "1"})
    running = p.start("--audit", "-q", "go")
    result = running.result()
    p.end_all()
    assert (result.code, "    source: [a]\n" in result.stdout) == (0, True), result


def test_caches_and_state_do_not_count(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              go:
                source: ["*.py", .gitignore]
                run:
                  - python3 main.py
                  - mkdir -p .x_cache cachedir tool-cache; touch .x_cache/f tool-cache/f cachedir/f; git status
                  - cat .x_cache/f tool-cache/f
        """,
        "main.py": "import helper\n", "helper.py": "", ".gitignore": "*cache/\n", "tool-cache/CACHEDIR.TAG": "",
    })  # fmt: skip
    subprocess.run(["git", "init", "-q"], cwd=p.root, check=True)
    assert audit(p, "go").splitlines()[-4:] == [
        "go:",
        "  writes without declaring it: cachedir/f",
        "  add to the task:",
        "    target: [cachedir/f]",
    ]


def test_a_go_package_is_proposed_as_one(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              build: {source: [cmd/x/main.go], target: bin/x, run: go build -o bin/x ./cmd/x && cat more}
              right: {source: [{go: ./cmd/x}], target: bin/y, run: go build -o bin/y ./cmd/x}
        """,
            "go.mod": "module example.com/m\n\ngo 1.20\n",
            "cmd/x/main.go": 'package main\n\nimport "example.com/m/internal/y"\n\nfunc main() { y.Y() }\n',
            "internal/y/y.go": 'package y\n\nfunc Y() { println("y") }\n',
            "more": "",
        }
    )
    env = {name: os.environ[name] for name in ("GOPATH", "GOCACHE", "GOROOT") if name in os.environ}
    result = p.run("--audit", "-q", "build", env=env, memory=None)
    assert result.stdout == (
        "build:\n"
        "  reads without declaring it: go.mod, internal/y/y.go, more\n"
        "  add to the task:\n"
        "    source: [{go: ./cmd/x}, more]\n"
    )
    result = p.run("--audit", "-q", "right", env=env, memory=None)
    assert result.stdout == "right: declares all that it reads and writes\n"


def test_a_file_with_a_namespace_gets_its_own_paths_proposed(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "include: {api: api/tasks.yml}\ntasks: {}\n",
            "api/tasks.yml": "tasks: {show: {source: [], run: cat x.txt ../y.txt}}\n",
            "api/x.txt": "",
            "y.txt": "",
        }
    )
    assert audit(p, "api:show").splitlines()[-1] == "    source: [x.txt, ../y.txt]"


@pytest.mark.parametrize(
    "name",
    ["a b", "a,b", 'a"b', "a>b", "a<b>", "a)b", "a\\b", "ä", "a\nb", "a\tb", "a = 3", "a$b", "a[1]*?", "(deleted)"],
)  # fmt: skip
def test_names_of_all_kinds(project: MakeProject, name: str) -> None:
    p = project(
        {"tasks.yml": "tasks: {go: {dir: d, run: 'cat *; cat */*'}}\n", f"d/{name}/{name}": "", "d/a": ""}
    )
    p.write(f"d/{name}.x", "")
    rows = audit(p, "go").split("\n")
    line = next(row.strip() for row in rows if row.startswith("    source: "))
    p.write("tasks.yml", f"tasks:\n  go:\n    {line}\n    dir: d\n    run: cat *; cat */*\n")
    assert audit(p, "go") == "go: declares all that it reads and writes\n"


def test_a_project_that_is_reached_by_a_link(project: MakeProject) -> None:
    p = project(
        {"tasks.yml": 'tasks: {go: {source: [a], run: \'cat "$PWD/a" "$(pwd -P)/b"\'}}\n', "a": "", "b": ""}
    )
    os.symlink("project", f"{p.root}/../linked")
    result = p.run("--audit", "-q", "go", cwd="../linked", env={"PWD": f"{os.path.dirname(p.root)}/linked"})
    assert result.stdout == ("go:\n  reads without declaring it: b\n  add to the task:\n    source: [b]\n")


def test_without_strace_it_says_how_to_get_it(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {go: {run: touch ran}}\n", "bin/x": ""})
    for program in ("sh", "touch", "env"):
        os.symlink(f"/bin/{program}", p.path(f"bin/{program}"))
    assert p.run("--audit", "go", env={"PATH": p.path("bin")}) == Result(
        "",
        "pyrun: `--audit` needs `strace`, and it is not found\n"
        "  on Debian and Ubuntu: `apt-get install strace`; it works on Linux only\n",
        125,
    )
    assert not p.exists("ran")


def test_a_strace_that_may_not_look_is_told(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {go: {run: touch ran}}\n"})
    p.script("bin/strace", "#!/bin/sh\necho 'strace: not permitted' >&2\nexit 1\n")
    result = p.run("--audit", "go", env={"PATH": f"{p.path('bin')}:{os.environ['PATH']}"})
    assert (result.stdout, result.code) == ("", 125)
    assert result.stderr.startswith("pyrun: `--audit` needs `strace`, and this one may not look")
    assert not p.exists("ran")


def test_many_run_side_by_side(project: MakeProject) -> None:
    tasks = "".join(f"  t{n}: {{source: [a{n}], run: cat a{n} b{n}}}\n" for n in range(12))
    names = ", ".join(f"t{n}" for n in range(12))
    files = {f"{letter}{n}": "" for letter in "ab" for n in range(12)}
    p = project({"tasks.yml": f"tasks:\n  all: {{deps: [{names}]}}\n{tasks}", **files})
    rows = audit(p, "-j4", "all").splitlines()
    assert sorted(row for row in rows if "source" in row) == sorted(f"    source: [b{n}]" for n in range(12))


def test_every_command_of_a_task_is_looked_at(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              go:
                source: []
                retries: 1
                run:
                  - cat a
                  - when: {command: cat b}
                    command: cat c
                  - test -e tried || { touch tried; exit 1; }
                finally: cat d
        """,
        "a": "", "b": "", "c": "", "d": "",
    })  # fmt: skip
    assert "  reads without declaring it: a, b, c, d\n" in audit(p, "go")


def test_a_server_is_looked_at_too(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              serve: {persistent: true, ready: {log: up}, run: 'cat a; echo up; exec sleep 100'}
              use: {deps: [serve], run: 'true'}
        """,
            "a": "",
        }
    )
    rows = audit(p, "use").splitlines()
    assert "  reads without declaring it: a" in rows


def test_among_events_the_findings_are_events_and_nothing_else_is_on_stdout(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {source: [a], target: b, run: cat a c > b}}\n", "a": "1", "c": "2"})
    result = p.run("--audit", "--output=json", "t")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    (found,) = [event for event in events if event["event"] == "audit"]
    assert (found["task"], found["reads"], found["writes"]) == ("t", ["c"], [])
    assert (events[-1]["event"], result.stderr, result.code) == ("summary", "", 0)
