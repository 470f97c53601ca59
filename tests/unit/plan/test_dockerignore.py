"""A `.dockerignore` leaves out what Docker's builders leave out."""

import pytest

from runner.plan.dockerignore import Dockerignore

PATHS = (
    "a", "a/b", "a/b/c", "b", "x.txt", "a/x.txt", "a/b/x.txt", "[x]", "a1", "a2/b", ".git/config", "a b",
)  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "out"),
    [
        ([], ""),
        (["# a", "", "   "], ""),
        (["a"], "a a/b a/b/c a/x.txt a/b/x.txt"),
        (["/a/"], "a a/b a/b/c a/x.txt a/b/x.txt"),
        (["./a/../b"], "b"),
        (["../b"], ""),
        (["a/b"], "a/b a/b/c a/b/x.txt"),
        (["*.txt"], "x.txt"),
        (["*/*.txt"], "a/x.txt"),
        (["**/*.txt"], "x.txt a/x.txt a/b/x.txt"),
        (["a/**/x.txt"], "a/x.txt a/b/x.txt"),
        (["a/**"], "a/b a/b/c a/x.txt a/b/x.txt"),
        (["**"], " ".join(path for path in PATHS if " " not in path)),
        (["a?"], "a1 a2/b"),
        (["a[1-3]"], "a1 a2/b"),
        (["a[^1]"], "a2/b"),
        (["\\[x\\]"], "[x]"),
        (["a", "!a/b"], "a a/x.txt"),
        (["a", "!a/b", "a/b/c"], "a a/x.txt a/b/c"),
        (["!a", "a"], "a a/b a/b/c a/x.txt a/b/x.txt"),
        (["**/*.txt", "!a/x.txt"], "x.txt a/b/x.txt"),
        (["."], ""),
        (["a["], ""),
    ],
)
def test_the_last_pattern_that_says_anything_counts(lines: list[str], out: str) -> None:
    found = Dockerignore("\n".join(lines))
    assert [path for path in PATHS if found.leaves_out(path) and " " not in path] == [
        path for path in PATHS if path in out.split()
    ]


def test_a_folder_is_passed_over_only_if_nothing_in_it_may_be_taken_in_again() -> None:
    assert Dockerignore("a\n").prunes("a")
    assert not Dockerignore("a\n").prunes("b")
    assert not Dockerignore("a\n!a/b\n").prunes("a")
