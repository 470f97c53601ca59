import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.plan.go_embed import embedded, files_below, joined, matches
from tests.fakes.memory_tree import MemoryTree

TREE = MemoryTree(
    dict.fromkeys(
        (
            *("p/a.txt", "p/b.txt", "p/.c.txt", "p/_d.txt", "p/[x]", "p/p.go", "q/q.txt"),
            *("p/sub/a.txt", "p/sub/.hidden", "p/sub/_hidden", "p/sub/.git/config", "p/sub/deep/a.txt"),
            *("p/sub/_deep/a.txt", "p/sub/mod/go.mod", "p/sub/mod/a.txt", "p/.git/config"),
        ),
        b"",
    ),
    links={"p/link": "q", "p/sub/link": "q"},
    others=("p/socket", "p/sub/socket"),
)


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("a.txt", ["a.txt"]),
        ("*.txt", [".c.txt", "_d.txt", "a.txt", "b.txt"]),
        ("?.txt", ["a.txt", "b.txt"]),
        (r"\[x\]", ["[x]"]),
        ("sub", ["sub/a.txt", "sub/deep/a.txt"]),
        (
            "all:sub",
            ["sub/.hidden", "sub/_deep/a.txt", "sub/_hidden", "sub/a.txt", "sub/deep/a.txt"],
        ),
        ("sub/*", ["sub/.hidden", "sub/_deep/a.txt", "sub/_hidden", "sub/a.txt", "sub/deep/a.txt"]),
        ("s*/deep/*.txt", ["sub/deep/a.txt"]),
        ("sub/mod", []),
        (".git", []),
        ("link/q.txt", []),
        ("socket", []),
        ("none", []),
        ("a.txt/b", []),
        ("../q/q.txt", []),
        ("/p/a.txt", []),
        ("./a.txt", []),
        (".", []),
        ("", []),
    ],
)
def test_patterns(pattern: str, files: list[str]) -> None:
    assert sorted(embedded(TREE.names, "p", pattern)) == [f"p/{file}" for file in files]


def test_a_package_in_the_top_folder() -> None:
    assert embedded(TREE.names, "", "q/*") == ["q/q.txt"]


def test_all_that_lies_below() -> None:
    assert len(files_below(TREE.names, "p/sub", hidden=True, modules=True)) == 7
    assert files_below(TREE.names, "none", hidden=True) == []


def test_joined() -> None:
    assert (joined("", "a"), joined("a/b", "c")) == ("a", "a/b/c")


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*", ("", "a", ".a"), ()),
        ("*a", ("a", "aa", "ba"), ("", "ab")),
        ("a*b*c", ("abc", "axbxbxc"), ("ab", "abcd")),
        ("[a-c]", ("a", "b", "c"), ("d", "", "ab")),
        ("[^a-c]", ("d", "^"), ("a", "")),
        ("[]]", ("]",), ("[]]",)),
        ("[a^]", ("^", "a"), ("b",)),
        (r"[\]-\^x]", ("]", "^", "x"), ("\\", "-")),
        (r"\*\\", ("*\\",), ("a\\",)),
        ("[a", (), ("a", "[a")),
        ("[a-", (), ("a", "[a-")),
        ("a\\", (), ("a", "a\\")),
    ],
)
def test_wildcards(pattern: str, yes: tuple[str, ...], no: tuple[str, ...]) -> None:
    assert [matches(pattern, name) for name in yes] == [True] * len(yes)
    assert [matches(pattern, name) for name in no] == [False] * len(no)


PIECES = {"*": ".*", "?": ".", "[a-b]": "[a-b]", "[^a]": "[^a]", "\\*": r"\*", "a": "a", "b": "b", ".": r"\."}


@given(st.lists(st.sampled_from(sorted(PIECES)), max_size=7), st.text("ab.*c", max_size=7))
def test_wildcards_are_those_of_a_regular_expression(pieces: list[str], name: str) -> None:
    expression = "".join(PIECES[piece] for piece in pieces)
    assert matches("".join(pieces), name) == (re.fullmatch(expression, name) is not None)
