"""The tracer's text: what it says is understood, and what it does not say in full is put together."""

import os
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import RunError
from runner.system.strace import Reader, Trace, find_strace, read_trace, traced


def trace(text: str, folder: str = "/p") -> Trace:
    found = Trace()
    Reader(found, folder).take(text.strip().splitlines())
    return found


def short(text: str) -> tuple[list[str], list[str], list[str]]:
    found = trace(text)
    return sorted(found.reads), sorted(found.writes), sorted(found.removed)


@pytest.mark.parametrize(
    ("line", "reads", "writes", "removed"),
    [
        ('openat(AT_FDCWD</p>, "a", O_RDONLY) = 3</p/a>', ["/p/a"], [], []),
        ('openat(AT_FDCWD, "a", O_RDONLY) = 3', ["/p/a"], [], []),
        ('openat(4</p/d>, "a", O_RDONLY|O_CLOEXEC) = 3</p/d/a>', ["/p/d/a"], [], []),
        ('open("../q/./a", O_RDONLY) = 3', ["/q/a"], [], []),
        ('open("a", O_RDONLY) = -1 ENOENT (No such file or directory)', [], [], []),
        ('open("a", O_RDONLY) = ?', [], [], []),
        ('open("a", O_RDWR) = 3', ["/p/a"], ["/p/a"], []),
        ('open("a", O_RDWR|O_CREAT|O_TRUNC, 0666) = 3', [], ["/p/a"], []),
        ('open("a", O_WRONLY|O_CREAT|O_APPEND, 0666) = 3', [], ["/p/a"], []),
        ('openat2(AT_FDCWD</p>, "a", {flags=O_RDONLY, resolve=0}, 24) = 3</p/a>', ["/p/a"], [], []),
        ('openat(AT_FDCWD</p>, "d", O_RDONLY|O_DIRECTORY) = 3</p/d>', [], [], []),
        ('openat(AT_FDCWD</p>, "a", O_RDONLY|O_PATH) = 3</p/a>', [], [], []),
        ('creat("a", 0644) = 3', [], ["/p/a"], []),
        ('execve("./run", [...], 0x7f /* 3 vars */) = 0', ["/p/run"], [], []),
        ('rename("a", "b") = 0', [], ["/p/b"], ["/p/a"]),
        ('renameat(5</x>, "a", AT_FDCWD</p>, "b") = 0', [], ["/p/b"], ["/x/a"]),
        ('renameat2(AT_FDCWD</p>, "a", AT_FDCWD</p>, "b", RENAME_EXCHANGE) = 0', [], ["/p/a", "/p/b"], []),
        ('linkat(AT_FDCWD</p>, "a", AT_FDCWD</p>, "b", 0) = 0', ["/p/a"], ["/p/b"], []),
        ('symlinkat("../any", 4</p/d>, "l") = 0', [], ["/p/d/l"], []),
        ('symlink("any", "l") = 0', [], ["/p/l"], []),
        ('unlinkat(AT_FDCWD</p>, "a", 0) = 0', [], [], ["/p/a"]),
        ('unlinkat(AT_FDCWD</p>, "d", AT_REMOVEDIR) = 0', [], [], []),
        ('mkdir("d", 0777) = 0', [], [], []),
        ('truncate("a", 0) = 0', [], ["/p/a"], []),
        ('newfstatat(AT_FDCWD</p>, "a", {st_mode=S_IFREG|0644, st_size=3, ...}, 0) = 0', [], [], []),
        ('openat(AT_FDCWD</p>, "a, b) = 3\\"", O_RDONLY) = 3</p/a>', ['/p/a, b) = 3"'], [], []),
        ('openat(AT_FDCWD</p/\\76>, "\\303\\244\\n", O_RDONLY) = 3</p/x>', ["/p/>/ä\n"], [], []),
        ("--- SIGCHLD {si_signo=SIGCHLD} ---", [], [], []),
        ("+++ exited with 0 +++", [], [], []),
        ("what is this", [], [], []),
        ("openat(", [], [], []),
    ],
)  # fmt: skip
def test_one_call(line: str, reads: list[str], writes: list[str], removed: list[str]) -> None:
    assert short(f"7 {line}") == (reads, writes, removed)


def test_a_call_that_is_interrupted_by_another_process() -> None:
    assert short("""
1 vfork( <unfinished ...>
2 execve("/bin/x", [...], 0x1 /* 1 var */ <unfinished ...>
1 <... vfork resumed>) = 2
2 <... execve resumed>) = 0
2 openat(AT_FDCWD</p>, "a", O_RDONLY <unfinished ...>
1 openat(AT_FDCWD</p>, "b", O_RDONLY) = 3</p/b>
2 <... openat resumed>) = 3</p/a>
""") == (["/bin/x", "/p/a", "/p/b"], [], [])


def test_working_folders_are_inherited_shared_and_changed() -> None:
    assert short("""
1 chdir("d") = 0
1 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD) = 2
2 chdir("e") = 0
2 open("a", O_RDONLY) = 3
1 open("a", O_RDONLY) = 3
1 clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD, stack=0x1}, 88) = 3
3 fchdir(4</q>) = 0
1 open("a", O_RDONLY) = 3
1 chdir("nowhere") = -1 ENOENT (No such file or directory)
3 open("b", O_RDONLY) = 3
""") == (["/p/d/a", "/p/d/e/a", "/q/a", "/q/b"], [], [])


def test_a_process_that_is_at_work_before_it_is_known_who_started_it() -> None:
    assert short("""
1 chdir("d") = 0
1 clone(flags=SIGCHLD <unfinished ...>
2 open("a", O_RDONLY) = 3
2 clone(flags=SIGCHLD) = 3
3 open("b", O_RDONLY) = 3
1 <... clone resumed>) = 2
""") == (["/p/d/a", "/p/d/b"], [], [])


def test_a_number_that_is_used_again_is_another_process() -> None:
    assert short("""
1 fork() = 2
2 chdir("d") = 0
2 open("a" <unfinished ...>
2 +++ killed by SIGKILL +++
1 fork() = 2
2 open("b", O_RDONLY) = 3
""") == (["/p/b"], [], [])


def test_what_a_process_made_itself_it_does_not_read() -> None:
    found = trace("""
1 open("a", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3
1 open("a", O_RDONLY) = 3
1 rename("a", "b") = 0
1 open("b", O_RDONLY) = 3
1 unlink("b") = 0
""")
    assert (found.reads, found.writes, found.removed) == ({}, {}, {})


def test_a_folder_that_is_renamed_takes_what_was_made_in_it_along() -> None:
    assert short("""
1 open("d/a", O_WRONLY|O_CREAT, 0666) = 3
1 rename("d", "e") = 0
""") == ([], ["/p/e/a"], [])


def test_links_are_told_by_both_names() -> None:
    found = trace('1 openat(AT_FDCWD</p>, "l/a", O_RDONLY) = 3</real/a>')
    assert found.reads == {"/p/l/a": "/real/a"}


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=60), max_size=10))
def test_no_text_makes_it_fail(rows: list[str]) -> None:
    Reader(Trace(), "/p").take([f"{number % 3} {row}" for number, row in enumerate(rows)])


CALLS = st.tuples(
    st.sampled_from(["open", "openat", "rename", "clone", "chdir", "execve", "unlinkat", "fchdir"]),
    st.text(st.sampled_from('"\\<>(){}[], =ab1/'), max_size=30),
).map(lambda pair: f"{pair[0]}({pair[1]}")


@given(st.lists(CALLS, max_size=10))
def test_no_torn_call_makes_it_fail(rows: list[str]) -> None:
    Reader(Trace(), "/p").take([f"1 {row}" for row in rows])


def test_a_program_is_started_through_it() -> None:
    words = traced("/usr/bin/strace", ["sh", "-c", "x"], "/out")
    assert words[0] == "/usr/bin/strace"
    assert words[-5:] == ("/out", "--", "sh", "-c", "x")
    assert words[-6] == "-o"


def test_without_one_that_is_told() -> None:
    with pytest.raises(RunError) as found:
        find_strace({"PATH": "/nowhere"}, "/")
    assert (found.value.status, "apt-get install strace" in found.value.hint) == (125, True)
    assert find_strace(os.environ, "/").endswith("/strace")


def test_no_text_is_nothing(tmp_path: "os.PathLike[str]") -> None:
    found = Trace()
    read_trace(found, f"{os.fspath(tmp_path)}/none", "/p")
    assert SimpleNamespace(reads=found.reads, writes=found.writes) == SimpleNamespace(reads={}, writes={})
