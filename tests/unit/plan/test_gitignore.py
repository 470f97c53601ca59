import pytest

from runner.plan.gitignore import Ignore
from tests.fakes.memory_tree import MemoryTree


def ignored(rules: str | bytes, path: str, *, folder: bool = False) -> bool:
    """Whether a repository whose only rules are these ignores a path."""
    text = rules.encode() if isinstance(rules, str) else rules
    return Ignore(MemoryTree({".gitignore": text})).ignores(path, folder=folder)


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        ("a", "a"),
        ("a", "x/y/a"),
        ("a", "a/x/y"),
        ("/a", "a"),
        ("x/a", "x/a"),
        ("*.log", "x/b.log"),
        ("*.tar.gz", "b.tar.gz"),
        ("*~", "x/b~"),
        ("*", "a"),
        ("a?c", "abc"),
        ("?é", "aé"),
        ("[a-c]x", "bx"),
        ("[[:digit:]]", "x/7"),
        ("x/*/a", "x/y/a"),
        ("**/a", "a"),
        ("**/x/a", "y/x/a"),
        ("x/**", "x/y/a"),
        ("x/**/a", "x/a"),
        ("x/**/a", "x/y/z/a"),
        ("x/", "x/a"),
        ("\\#a", "#a"),
        ("\\!a", "!a"),
        ("a\\ ", "a "),
        ("a  ", "a"),
        ("a\r\nb", "a"),
        ("b\na", "a"),
        ("!a\na", "a"),
        ("a\n!a\na", "a"),
        ("x\n!x/a", "x/a"),
        (b"\xef\xbb\xbfa", "a"),
        (b"\xff", "\udcff"),
        ("", ".git"),
        ("!.git", "x/.git/config"),
    ],
)
def test_these_rules_ignore_this_path(rules: str | bytes, path: str) -> None:
    assert ignored(rules, path)


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        ("", "a"),
        ("a", "ab"),
        ("/a", "x/a"),
        ("x/a", "y/x/a"),
        ("a/", "a"),
        ("*.log/", "b.log"),
        ("*.log", "b.log.txt"),
        ("x/*", "x"),
        ("x/*/a", "x/y/z/a"),
        ("x/**", "x"),
        ("a*b", "a/b"),
        ("?", "é"),
        ("#a", "#a"),
        ("a\n!a", "a"),
        ("*\n!*.log", "b.log"),
        ("x/*\n!x/a", "x/a"),
        ("*.log\n!/b.log", "b.log"),
        ("[a", "[a"),
        ("a\\", "a"),
        ("[[:no:]]", "n"),
        ("!", "a"),
        ("/", "a"),
    ],
)
def test_these_rules_leave_this_path(rules: str, path: str) -> None:
    assert not ignored(rules, path)


def test_a_rule_for_folders_is_about_folders() -> None:
    assert ignored("a/", "a", folder=True)
    assert ignored("*.d/\nx*y/", "x.d", folder=True)
    assert not ignored("a/\n!a", "a", folder=True)


def test_a_deeper_file_holds_over_a_higher_one() -> None:
    tree = MemoryTree(
        {".gitignore": b"*.log\nout", "x/.gitignore": b"!*.log\n/a", "x/y/.gitignore": b"b.log"}
    )
    ignore = Ignore(tree)
    assert [
        path for path in ("c.log", "x/c.log", "x/y/b.log", "x/a", "x/y/a", "a") if ignore.ignores(path)
    ] == [
        "c.log",
        "x/y/b.log",
        "x/a",
    ]


def test_rules_in_an_ignored_folder_are_not_even_read() -> None:
    tree = MemoryTree({".gitignore": b"out", "out/.gitignore": b"!*", "out/a": b""})
    assert Ignore(tree).ignores("out/a")
    assert tree.opened == [".gitignore"]


def test_each_file_of_rules_is_read_once() -> None:
    tree = MemoryTree({".gitignore": b"a", "x/.gitignore": b"b", "x/y/c": b""})
    ignore = Ignore(tree)
    assert not any(ignore.ignores(path) for path in ("x/y/c", "x/y/d", "x/c"))
    assert tree.opened == [".gitignore", "x/.gitignore"]


def test_the_repositorys_own_excludes_come_before_the_users_and_after_the_folders() -> None:
    tree = MemoryTree({".gitignore": b"!a"})
    ignore = Ignore(tree, exclude=b"a\n!b", excludes_file=b"a\nb\nc")
    assert [name for name in "abcd" if ignore.ignores(name)] == ["c"]


def test_rules_above_the_top_folder_hold_in_it() -> None:
    tree = MemoryTree({".gitignore": b"!c"})
    ignore = Ignore(
        tree, prefix="x/y", above={"": b"/x/y/a\nb\n/c\nd", "x": b"y/c\n!d\n/e"}, exclude=b"x/y/f"
    )
    assert [name for name in "abcdef" if ignore.ignores(name)] == ["a", "b", "f"]
    assert not ignore.ignores("")


def test_a_top_folder_that_is_ignored_says_so() -> None:
    tree = MemoryTree({".gitignore": b"!*"})
    ignore = Ignore(tree, prefix="out/y", above={"": b"out"})
    assert ignore.ignores("")
    assert ignore.ignores("a")


def entry(name: bytes, mode: bytes = b"\0\0\x81\xa4") -> bytes:
    """An entry of git's index, version 2."""
    data = bytes(24) + mode + bytes(32) + min(len(name), 0xFFF).to_bytes(2) + name
    return data + bytes(8 - len(data) % 8)


def index(*entries: bytes) -> bytes:
    return b"DIRC\0\0\0\2" + len(entries).to_bytes(4) + b"".join(entries)


def test_what_git_tracks_is_not_ignored_nor_the_folders_above_it() -> None:
    tree = MemoryTree({".gitignore": b"*"})
    ignore = Ignore(tree, prefix="p", tracked=index(entry(b"p/x/y/a"), entry("p/é".encode()), entry(b"q/b")))
    names = ("x/y/a", "é", "b", "x/y/b", "y/a", "a")
    assert [name for name in names if ignore.ignores(name)] == ["b", "x/y/b", "y/a", "a"]
    assert not ignore.ignores("x", folder=True)
    assert not ignore.ignores("x/y", folder=True)
    assert ignore.ignores("y", folder=True)


def test_what_lies_in_a_submodule_is_that_ones_affair() -> None:
    tree = MemoryTree({".gitignore": b"/sub\n*.log"})
    ignore = Ignore(tree, tracked=index(entry(b"sub", b"\0\0\xe0\0")))
    assert not ignore.ignores("sub", folder=True)
    assert not ignore.ignores("sub/a")


def test_the_index_is_not_looked_at_unless_a_rule_matches() -> None:
    ignore = Ignore(MemoryTree({".gitignore": b"*.log"}), tracked=b"no index at all")
    assert not ignore.ignores("a")
