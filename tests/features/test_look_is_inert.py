"""Looking never executes anything: the calls that a look makes to the kernel are watched.

The file uses all that can execute. A look may start no process, open no socket, and write nothing but into
pyrun's own cache folder.
"""

import os
import re
import subprocess

import pytest

from tests.features.conftest import PYRUN, MakeProject, Project

TASKS = """
    env-file: {path: settings.env, required: true}
    include: {api: services/api}
    invoke: tasks.py
    options:
      shared: {default: {command: touch ran-shared}}
    tasks:
      all:
        usage: All of it ${shared}
        args:
          what: {values: {glob: "parts/*/"}}
        options:
          made: {default: {command: touch ran-default; echo made}}
          chosen: {default: [{when: {command: "touch ran-when-default; false"}, value: x}, {command: touch ran-second}]}
        deps: [dep, "kept ${what}"]
        run:
          - touch ran-run
          - {when: {command: touch ran-when}, command: touch ran-guarded}
          - {when: {exists: settings.env}, command: 'echo ${made} ${chosen} ${shared}'}
          - {set-environment: {LATE: /nowhere}}
          - {task: dep}
        finally: touch ran-finally
      dep: {run: touch ran-dep}
      kept:
        args: {what: {}}
        source: ["parts/${what}"]
        target: out-${what}
        run: 'touch ran-kept out-${what}'
      again: {timeout: 5, retries: 2, run: touch ran-again}
      serve: {deps: [db], run: touch ran-serve}
      db: {ports: [5432], ready: {command: touch ran-ready}, run: touch ran-db}
      part: {include: part.yml}
      guarded:
        confirm: Sure?
        watch: true
        pass-env: [HOME]
        secrets: [TOKEN]
        run: {command: {exec: touch ran-guarded, pty: true, respond: {"?": "yes"}}}
"""
FILES = {
    "tasks.yml": TASKS,
    "part.yml": "options: {x: {default: {command: touch ran-part}}}\nrun: touch ran-part\n",
    "settings.env": "A=$(touch ran-env)\nB=`touch ran-env`\n",
    "tasks.py": 'from invoke import task\n\nopen("ran-python", "w")\n\n@task\ndef old(c):\n    c.run("touch ran-invoke")\n',
    "services/api/tasks.yml": "tasks: {up: {options: {x: {default: {command: touch ran-up}}}, run: touch ran-up}}\n",
    "parts/one/x": "", "parts/two/x": "",
}  # fmt: skip
LOOKS = [
    (),
    ("--list",),
    ("--help",),
    ("all", "--help"),
    ("serve", "--help"),
    ("part", "--help"),
    ("--validate",),
    ("--schema",),
    ("--version",),
    ("--completion", "bash"),
    ("--dry-run", "all", "one"),
    ("--dry-run", "-v", "all", "one"),
    ("--dry-run", "-v", "kept", "two", "--force"),
    ("--dry-run", "again"),
    ("--dry-run", "guarded"),
    ("--dry-run", "api:up"),
    ("--dry-run", "old"),
    ("old", "--help"),
    ("--dry-run", "serve"),
    ("--dry-run", "part"),
    ("--why", "all", "one"),
    ("--why", "kept", "two", "--force"),
    ("--why", "serve"),
    ("--graph=json", "all", "one"),
    ("--graph=json", "--shard=1/2", "kept", "one", "all", "two"),
    ("--pyrun-complete=zsh", ""),
    ("--pyrun-complete=zsh", "all", ""),
    ("--pyrun-complete=zsh", "all", "one", "--"),
    ("--pyrun-complete=zsh", "all", "one", "--chosen", ""),
    ("--pyrun-complete=fish", "part", "--x", ""),
    ("--pyrun-complete=bash", "pyrun all ", "pyrun all "),
]
STARTS = "execve,execveat,fork,vfork,clone,clone3,%network"
WRITES = "openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,truncate,chmod,fchmodat,utimensat"
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)$")
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')


def watched(p: Project, calls: str, *words: str) -> tuple[list[str], int]:
    """The calls of those kinds that a command line makes, and its exit status."""
    trace = f"{os.path.dirname(p.root)}/trace"
    done = subprocess.run(
        ["strace", "-f", "-qq", "-s", "4096", "-e", f"trace={calls}", "-e", "signal=none", "-o", trace, PYRUN, *words],
        cwd=p.root, env=p.environ(), stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr
    with open(trace, encoding="utf-8", errors="surrogateescape") as file:
        return file.read().splitlines(), done.returncode


def written(p: Project, lines: list[str]) -> set[str]:
    """The paths that were opened for writing, made, renamed or removed, each with its folder's links followed."""
    found = set()
    for line in lines:
        match = _CALL.match(line)
        if match is None:
            continue
        name, rest = match.groups()
        if name in {"open", "openat"} and not re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", rest):
            continue
        paths = _PATH.findall(rest)
        found |= {os.path.normpath(os.path.join(p.root, path)) for path in paths}
    return found - {"/dev/null", "/dev/tty"}


@pytest.fixture
def one(project: MakeProject) -> Project:
    return project(FILES)


def test_the_file_does_execute_when_it_is_run(one: Project) -> None:
    # Else the rest of this module would prove nothing.
    assert one.run("-q", "all", "one").code == 0
    assert [name for name in one.files() if name.startswith("ran-")] == [
        "ran-default", "ran-dep", "ran-finally", "ran-guarded", "ran-kept", "ran-run", "ran-second", "ran-shared",
        "ran-when", "ran-when-default",
    ]  # fmt: skip
    lines, _ = watched(one, STARTS, "-q", "dep")
    assert sum("execve" in line for line in lines) > 1


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_a_look_starts_no_process_and_opens_no_socket(one: Project, words: tuple[str, ...]) -> None:
    before = one.files()
    for _ in range(2):  # with nothing in pyrun's cache, and with the file's model there
        lines, code = watched(one, STARTS, *words)
        assert code == 0
        assert len(lines) == 1, lines
        assert f'execve("{PYRUN}"' in lines[0]
        assert one.files() == before


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_a_look_writes_nothing_but_into_pyruns_cache(one: Project, words: tuple[str, ...]) -> None:
    for _ in range(2):
        lines, code = watched(one, WRITES, *words)
        assert code == 0
        cache = f"{one.home}/.cache"
        outside = {
            path for path in written(one, lines) if path != cache and not path.startswith(f"{cache}/pyrun")
        }
        outside -= {one.home}
        assert not outside
    assert not one.exists(".pyrun")


@pytest.mark.parametrize(
    "words",
    [
        ("--list",),
        ("--help",),
        ("x", "--help"),
        ("--validate",),
        ("--dry-run", "x"),
        ("--pyrun-complete=zsh", ""),
    ],
)
def test_a_look_at_a_wrong_file_is_inert_too(project: MakeProject, words: tuple[str, ...]) -> None:
    p = project(
        {
            **FILES,
            "tasks.yml": "tasks: {x: {rnu: touch ran, options: {o: {default: {command: touch ran}}}}}\n",
        }
    )
    lines, _ = watched(p, STARTS, *words)
    assert len(lines) == 1, lines
    assert not p.exists("ran")
