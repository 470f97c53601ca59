"""A call like an earlier one is answered at once, and only as long as all that its answer hangs on is the same."""

import os
import pty
import re
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable

import pytest

from runner.cli.replay import FORMAT
from runner.system.file_states import GRAIN
from tests.features.conftest import PYRUN, MakeProject, Project, Result

FILES = {
    "tasks.yml": """
    include: {web: web/tasks.yml}
    env-file: .settings
    tasks:
      gen: {source: [in/, "*.cfg"], target: out/made, run: "mkdir -p out && cat in/* *.cfg > out/made && tool"}
      all: {deps: [gen, "web:page"]}
      hello: {args: {who: {default: you}}, run: 'echo hello "$NAME"'}
    """,
    "web/tasks.yml": """
    tasks:
      page: {source: [page.md], target: page.html, run: cp page.md page.html}
    """,
    ".settings": "NAME=nobody\n",
    ".gitignore": "*.tmp\n",
    "in/a": "a\n",
    "in/b": "b\n",
    "one.cfg": "1\n",
    "web/page.md": "# page\n",
}
DONE = "gen: up to date (3 sources and out/made as in the last run)"


def grown(project: MakeProject) -> Project:
    """A project in a repository, with a tool of its own on PATH, whose tasks are up to date and on record."""
    p = project(FILES)
    subprocess.run(["git", "init", "--quiet"], cwd=p.root, check=True)
    os.mkdir(f"{p.root}/bin")
    os.mkdir(f"{p.root}/bin/first")
    p.script("bin/tool", "#!/bin/sh\nexit 0\n")
    assert call(p, "all").code == 0
    # The first keeps the model and what the stat of settled files is, the second finds nothing to write down.
    for words in (("all",), ("all",), ("gen",)):
        settle()
        call(p, *words)
    return p


def settle() -> None:
    """Wait until no clock of files is in doubt about what was written."""
    time.sleep(2 * GRAIN / 1e9)


def environ(p: Project) -> dict[str, str]:
    return {"PATH": f"{p.root}/bin/first:{p.root}/bin:{p.environ()['PATH']}"}


def call(p: Project, *words: str, **more: str) -> Result:
    return p.run(*words, env={**environ(p), **more})


def loads(p: Project, *words: str, cwd: str = "", **more: str) -> set[str]:
    """What of pyrun is loaded for a call."""
    listing = f"{p.told}/imports"
    argv = [sys.executable, "-X", "importtime", PYRUN, *words]
    with open(listing, "wb") as file:
        subprocess.run(
            argv,
            cwd=p.path(cwd),
            env={**p.environ(), **environ(p), **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=file,
            check=False,
        )
    with open(listing, encoding="utf-8", errors="replace") as file:
        rows = [line.rpartition("|")[2].strip() for line in file if line.startswith("import time:")]
    return {row for row in rows if row.partition(".")[0] == "runner"}


def replayed(p: Project, *words: str, cwd: str = "", **more: str) -> bool:
    """Whether a call is answered from a record, and nothing more of pyrun is loaded for it."""
    return loads(p, *words, cwd=cwd, **more) == {"runner", "runner.cli", "runner.cli.replay"}


def test_the_third_of_three_calls_is_answered_as_the_second_was(project: MakeProject) -> None:
    p = grown(project)
    first = call(p, "gen")
    assert first == ("", f"{DONE}\n", 0)
    assert replayed(p, "gen")
    assert call(p, "gen") == first
    assert replayed(p, "all")
    assert call(p, "all") == ("", "", 0)


def test_a_list_and_a_completion_are_answered_alike(project: MakeProject) -> None:
    p = grown(project)
    for words in (("--list",), (), ("--pyrun-complete=zsh", ""), ("--list=json",)):
        first = call(p, *words)
        assert first.code == 0
        assert replayed(p, *words), words
        assert call(p, *words) == first


def test_a_task_that_is_one_command_is_started_with_the_same_words_folder_and_variables(
    project: MakeProject,
) -> None:
    p = project({
        "tasks.yml": r"""
        tasks:
          show:
            args: {word: {}}
            dir: below
            env: {MORE: "a b", EMPTY: ""}
            run: sh -c 'printf "%s|" "$0" "$@" "$MORE" "$EMPTY" "$PWD" "$(pwd)" "$KEPT"; echo; exit 7' ${word} "" 'x  y'
        """,
        "below/.keep": "",
    })  # fmt: skip
    settle()
    p.run("--list")
    first = p.run("show", "it's ü", env={"KEPT": "1"})
    assert first.stdout == "it's ü||x  y|a b||@ROOT@/below|@ROOT@/below|1|\n"
    assert first.code == 7
    assert loads(p, "show", "it's ü", KEPT="1", PATH=p.environ()["PATH"]) == {
        "runner",
        "runner.cli",
        "runner.cli.replay",
    }
    assert p.run("show", "it's ü", env={"KEPT": "1"}) == first
    assert p.run("show", "it's ü", env={"KEPT": "2"}).stdout.endswith("|2|\n")


def test_the_value_of_a_file_of_variables_is_written_into_no_record(project: MakeProject) -> None:
    p = grown(project)
    p.write(".settings", "NAME=s3cr3t-of-the-file\n")
    settle()
    for _ in range(3):
        assert call(p, "hello").stdout == "hello s3cr3t-of-the-file\n"
        assert call(p, "hello", TOKEN="s3cr3t-of-the-caller").code == 0
    for folder, _, names in os.walk(f"{p.home}/.cache/pyrun/replay"):
        for name in names:
            with open(f"{folder}/{name}", "rb") as file:
                assert b"s3cr3t" not in file.read()


def swap(p: Project) -> None:
    """Another content of the same length, with the old time."""
    found = os.stat(p.path("in/a"))
    p.write("in/a", "A\n")
    os.utime(p.path("in/a"), ns=(found.st_atime_ns, found.st_mtime_ns))


def moved_in(p: Project) -> None:
    """A file of long ago comes by a rename."""
    with open(f"{p.told}/old", "w", encoding="utf-8") as file:
        file.write("old\n")
    os.utime(f"{p.told}/old", (1, 1))
    os.rename(f"{p.told}/old", p.path("in/c"))


def linked(p: Project) -> None:
    p.remove("in/a")
    os.symlink("b", p.path("in/a"))


def ignored_by_the_user(p: Project) -> None:
    os.makedirs(f"{p.home}/.config/git")
    p.write(f"{p.home}/.config/git/ignore", "in/b\n")


CHANGES: dict[str, Callable[[Project], object]] = {
    "a source": lambda p: p.write("in/a", "changed\n"),
    "a source, its time put back": swap,
    "a source more": lambda p: p.write("in/c", "c\n"),
    "a source more, from long ago": moved_in,
    "a source more by a pattern": lambda p: p.write("two.cfg", "2\n"),
    "a source less": lambda p: p.remove("in/b"),
    "a source that is a link now": linked,
    "the target": lambda p: p.write("out/made", "by hand\n"),
    "no target": lambda p: p.remove("out/made"),
    "the mode of a source": lambda p: os.chmod(p.path("in/a"), 0o755),
    "the command": lambda p: p.write("tasks.yml", p.read("tasks.yml").replace("&& tool", "&& tool x")),
    "the tool": lambda p: p.script("bin/tool", "#!/bin/sh\n# another\nexit 0\n"),
    "a tool before it": lambda p: p.script("bin/first/tool", "#!/bin/sh\nexit 0\n"),
    "what git ignores": lambda p: p.write(".gitignore", "in/b\n"),
    "what git ignores here only": lambda p: p.write(".git/info/exclude", "in/b\n"),
    "what this user ignores": ignored_by_the_user,
    "nothing is known any longer": lambda p: shutil.rmtree(p.path(".pyrun")),
    "the record is void": lambda p: p.run("--clean=task:gen"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_an_answer_is_seen(project: MakeProject, what: str) -> None:
    p = grown(project)
    change = CHANGES[what]
    assert replayed(p, "gen")
    change(p)
    assert not replayed(p, "--verbose", "gen")
    done = call(p, "gen")
    assert done.code == 0
    assert done.stderr != "", "it ran, was brought back, or is up to date"
    settle()
    # What the whole way finds now is found again, and is what the record says from then on.
    whole = call(p, "gen")
    assert whole.code == 0
    assert call(p, "gen") == whole
    with open(p.path("out/made"), encoding="utf-8") as file:
        made = file.read()
    wanted = "".join(
        p.read(path)
        for path in sorted(p.files())
        if path.startswith("in/") or (path.endswith(".cfg") and "/" not in path)
    )
    ignored = "git ignores" in what or "user ignores" in what
    assert made == wanted or ignored


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tasks.yml", None), ("web/tasks.yml", None), (".settings", "NAME=somebody\n"), ("web/page.md", "# other\n"),
        ("web/page.html", "by hand"),
    ],
)  # fmt: skip
def test_each_file_of_the_project_counts(project: MakeProject, name: str, text: str | None) -> None:
    p = grown(project)
    assert replayed(p, "all")
    p.write(name, p.read(name) + "\n# a comment\n" if text is None else text)
    assert not replayed(p, "all")


def test_a_nearer_file_is_found_when_it_appears(project: MakeProject) -> None:
    p = grown(project)
    settle()
    assert p.run("--list", cwd="in").code == 0
    first = p.run("--list", cwd="in")
    p.write("in/tasks.yml", "tasks: {near: {run: 'true'}}\n")
    assert p.run("--list", cwd="in") != first
    assert "near" in p.run("--list", cwd="in").stdout


@pytest.mark.parametrize("more", [{"NAME": "me"}, {"LANG": "C"}, {"NEW": ""}])
def test_another_variable_is_another_call(project: MakeProject, more: dict[str, str]) -> None:
    p = grown(project)
    assert replayed(p, "gen")
    assert not replayed(p, "gen", **more)


@pytest.mark.parametrize(
    "words", [("-v", "gen"), ("--force", "gen"), ("all",), ("gen", "all"), ("--why", "gen")]
)
def test_other_words_are_another_call(project: MakeProject, words: tuple[str, ...]) -> None:
    p = project(FILES)
    p.script("bin/tool", "#!/bin/sh\n")
    os.makedirs(p.path("bin/first"))
    assert call(p, "gen").code == 0
    for _ in range(2):
        settle()
        call(p, "gen")
    assert replayed(p, "gen")
    assert not replayed(p, *words)


def test_what_forces_work_is_never_on_record(project: MakeProject) -> None:
    p = grown(project)
    for _ in range(3):
        assert call(p, "--force", "--quiet", "gen").code == 0
        settle()
        assert not replayed(p, "--force", "--quiet", "gen")


def test_a_killed_run_is_tidied_up_before_anything_is_answered(project: MakeProject) -> None:
    p = grown(project)
    assert replayed(p, "gen")
    p.write(".pyrun/runs/1-x", "")
    assert not replayed(p, "gen")


def test_there_is_something_to_resume_no_more_after_a_good_run(project: MakeProject) -> None:
    p = grown(project)
    assert replayed(p, "gen")
    p.write(".pyrun/resume", "[]\n")
    call(p, "gen")
    assert not p.exists(".pyrun/resume")


def test_a_terminal_is_another_call_than_a_pipe(project: MakeProject) -> None:
    p = grown(project)
    assert replayed(p, "gen")
    ours, theirs = pty.openpty()
    env = {**p.environ(), **environ(p)}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", PYRUN, "gen"],
        cwd=p.root,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=True,
    )
    os.close(ours)
    os.close(theirs)
    assert b"runner.cli.main" in done.stderr


@pytest.mark.parametrize("harm", ["empty", "cut", "other", "longer"])
def test_a_damaged_record_is_none(project: MakeProject, harm: str) -> None:
    p = grown(project)
    first = call(p, "gen")
    folder = f"{p.home}/.cache/pyrun/replay"
    for name in os.listdir(folder):
        with open(f"{folder}/{name}", "r+b") as file:
            data = file.read()
            file.seek(0)
            file.truncate()
            file.write(
                {
                    "empty": b"",
                    "cut": data[: len(data) // 2],
                    "other": data.replace(FORMAT, b"pyrun replay 0"),
                    "longer": data + b"x",
                }[harm]
            )
    assert not replayed(p, "gen")
    assert call(p, "gen") == first


def test_nothing_is_kept_where_there_is_no_home(project: MakeProject) -> None:
    p = grown(project)
    for _ in range(3):
        assert call(p, "gen", HOME="", XDG_CACHE_HOME="") == ("", f"{DONE}\n", 0)
    assert not replayed(p, "gen", HOME="", XDG_CACHE_HOME="")


def test_a_record_is_for_its_owner_alone(project: MakeProject) -> None:
    p = grown(project)
    folder = f"{p.home}/.cache/pyrun/replay"
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert {os.stat(f"{folder}/{name}").st_mode & 0o777 for name in os.listdir(folder)} == {0o600}


def test_all_that_a_call_looks_at_is_on_record(project: MakeProject) -> None:
    """What the system tells that the program asked for, against what it noted of it."""
    strace = shutil.which("strace")
    assert strace, "this test listens to system calls: apt-get install strace"
    p = grown(project)
    folder = f"{p.home}/.cache/pyrun/replay"
    shutil.rmtree(folder)
    trace = f"{p.told}/trace"
    subprocess.run(
        [strace, "-f", "-y", "-e", "trace=%file", "-o", trace, sys.executable, PYRUN, "all"],
        cwd=p.root,
        env={**p.environ(), **environ(p)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    (name,) = os.listdir(folder)
    with open(f"{folder}/{name}", "rb") as file:
        head, _, rest = file.read().partition(b"\n")
    listed = rest[: int(head.split(b"\t")[1])]
    noted = {os.path.normpath(os.fsdecode(path)) for path in listed.split(b"\0") if path}
    asked = set()
    with open(trace, encoding="utf-8", errors="replace") as file:
        for line in file:
            for path in re.findall(r'"(/[^"]*)"', line.partition(" = ")[0]):
                asked.add(os.path.normpath(path))
    within = {path for path in asked if path.startswith((f"{p.root}/", p.root)) or path.endswith("/tool")}
    state = f"{p.root}/.pyrun"
    # What it writes itself says nothing of what it found.
    own = {path for path in within if path in {state, f"{state}/locks"} or path.startswith(f"{state}/runs/")}
    assert within - own - {p.root} <= noted, sorted(within - own - noted)
    assert {f"{state}/log", f"{state}/runs", f"{state}/resume", f"{p.root}/in/a", f"{p.root}/in"} <= noted


def test_old_records_make_room_for_new_ones(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {a: {run: 'true'}}\n"})
    settle()
    code = """
    import sys
    from runner.cli import recording
    recording._MOST = 4
    sys.argv = ["pyrun", *sys.argv[1:]]
    from runner.cli.main import main
    sys.exit(main())
    """
    env = {**p.environ(), "PYTHONDONTWRITEBYTECODE": "1"}
    for number in range(9):
        argv = [sys.executable, "-c", textwrap.dedent(code), "--list"]
        subprocess.run(argv, cwd=p.root, env={**env, "N": str(number)}, check=True, capture_output=True)
    assert 1 <= len(os.listdir(f"{p.home}/.cache/pyrun/replay")) <= 4
