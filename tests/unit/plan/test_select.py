import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.plan.gitignore import Ignore
from runner.plan.pattern import Pattern, parse_pattern
from runner.plan.select import NEVER, Selection, select, select_targets
from tests.fakes.memory_tree import MemoryTree


def patterns(*texts: str) -> tuple[Pattern, ...]:
    return tuple(parse_pattern(text) for text in texts)


def tree_of(*paths: str, ignored: str | None = None) -> MemoryTree:
    """Empty files, and a `.gitignore` in the top folder if `ignored` says what stands in it."""
    files = dict.fromkeys(paths, b"")
    if ignored is not None:
        files[".gitignore"] = ignored.encode()
    return MemoryTree(files)


def taken(
    tree: MemoryTree, *texts: str, excludes: tuple[str, ...] = (), own: tuple[str, ...] = ()
) -> list[str]:
    chosen = select(tree, patterns(*texts), patterns(*excludes), ignore=Ignore(tree), own=patterns(*own))
    return list(chosen.files)


def test_files_are_sorted_by_code_point_and_listed_once() -> None:
    tree = tree_of("c/b", "a.b", "B", "é", "\ufb01", "\U0001f600")
    assert taken(tree, "**", "*", "c/", "c/b") == ["B", "a.b", "c/b", "é", "\ufb01", "\U0001f600"]


def test_a_written_out_file_is_taken_whatever_git_says() -> None:
    tree = tree_of("a.log", "out/b", "out/c", ".git/HEAD", ".pyrun/state", ignored="*.log\nout/\n")
    assert taken(tree, "a.log", "out/b", ".git/HEAD", ".pyrun/state") == [
        ".git/HEAD",
        ".pyrun/state",
        "a.log",
        "out/b",
    ]
    assert taken(tree, "{a.log,out/b}") == ["a.log", "out/b"]


@pytest.mark.parametrize(
    "text", ["**", "./", "*", "a.lo[g]", "out", "out/", "out/*", ".git", ".pyrun/", ".git/*"]
)
def test_a_wildcard_or_folder_never_reaches_what_git_ignores_nor_state(text: str) -> None:
    tree = tree_of(
        "a.log", "out/b", ".git/HEAD", ".pyrun/state", "sub/.git", "sub/.pyrun/x", ignored="*.log\nout/\n"
    )
    assert set(taken(tree, text)) <= {".gitignore"}


def test_without_a_repository_nothing_is_ignored() -> None:
    tree = tree_of("a.log", ignored="*.log")
    chosen = select(tree, patterns("*.log"), ignore=None)
    assert chosen == Selection(("a.log",), ())


def test_the_own_targets_are_reached_only_if_written_out() -> None:
    tree = tree_of("bin/api", "bin/web", "gen/a.go", "gen/b.txt")
    assert taken(tree, "**", own=("bin/api", "gen/*.go")) == ["bin/web", "gen/b.txt"]
    assert taken(tree, "**", "bin/api", own=("bin/", "gen/")) == ["bin/api"]


def test_excludes_apply_to_all() -> None:
    tree = tree_of("a.go", "a_test.go", "x/b.go", "x/b_test.go", "y/testdata/z/c.go")
    assert taken(tree, "**/*.go", "a_test.go", excludes=("**/*_test.go", "**/testdata")) == ["a.go", "x/b.go"]
    assert taken(tree, "x", excludes=("x/",)) == []


def test_what_a_pattern_calls_a_folder_stands_for_all_beneath() -> None:
    tree = tree_of("src/a", "src/b/c", "src/b/d/e", "srcs")
    assert (
        taken(tree, "src") == taken(tree, "src/") == taken(tree, "sr[c]") == ["src/a", "src/b/c", "src/b/d/e"]
    )
    assert taken(tree, "src/*/") == ["src/b/c", "src/b/d/e"]


def test_with_files_only_a_folder_matches_nothing() -> None:
    tree = tree_of("src/a", "src/b/c", "top")
    chosen = select(
        tree, (parse_pattern("*", files_only=True), parse_pattern("src", files_only=True)), ignore=None
    )
    assert chosen.files == ("top",)
    assert [pattern.text for pattern in chosen.unmatched] == ["src"]


def test_patterns_that_give_no_file_are_told() -> None:
    tree = tree_of("a.go", "out/x", "b.md", "sub/c/d", ignored="out/\n")
    wanted = patterns("*.go", "*.rs", "gone", "out/", "gone/**", "*.md", "sub/*/d", "sub/c")
    chosen = select(tree, wanted, patterns("*.md"), ignore=Ignore(tree))
    assert [pattern.text for pattern in chosen.unmatched] == ["*.rs", "gone", "out/", "gone/**", "*.md"]
    assert chosen.files == ("a.go", "sub/c/d")


LINKED = {"real/x.js": b"", "real/in/y.js": b"", "app/z.js": b""}
LINKS = {"link": "real", "app/up": "real/in", "app/w.js": "app/z.js", "app/gone": "nowhere"}


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("**/*.js", ["app/w.js", "app/z.js", "real/in/y.js", "real/x.js"]),
        ("*/x.js", ["real/x.js"]),
        ("app/", ["app/w.js", "app/z.js"]),
        ("link/x.js", ["link/x.js"]),
        ("link/*.js", ["link/x.js"]),
        ("link", ["link/in/y.js", "link/x.js"]),
        ("{link/none,*/x.js}", ["real/x.js"]),
        ("app/gone", []),
    ],
)
def test_links_to_folders_are_followed_where_they_are_written_out(text: str, files: list[str]) -> None:
    assert taken(MemoryTree(LINKED, LINKS, others=("app/socket",)), text) == files


def test_what_is_neither_file_nor_folder_is_left_out() -> None:
    tree = MemoryTree({"a": b""}, others=("b",))
    assert taken(tree, "*", "b") == ["a"]


def test_who_wants_links_gets_those_to_folders_and_what_else_is_no_file() -> None:
    tree = MemoryTree(
        {
            "a/f": b"",
            "a/out/f": b"",
            "b/f": b"",
            ".gitignore": b"out\nignored\n",
        },
        links={"a/folder": "b", "a/sub/folder": "b", "a/ignored": "b"},
        others=("a/socket",),
    )
    ignore = Ignore(tree)
    assert select(tree, patterns("a"), ignore=ignore, links=True).files == (
        "a/f",
        "a/folder",
        "a/socket",
        "a/sub/folder",
    )
    assert select(tree, patterns("a"), ignore=ignore).files == ("a/f",)
    assert select_targets(tree, patterns("a"), links=True) == (
        "a/f",
        "a/folder",
        "a/ignored",
        "a/out/f",
        "a/socket",
        "a/sub/folder",
    )


def test_only_folders_that_a_pattern_can_reach_are_read_and_each_once() -> None:
    tree = tree_of("a/b/c/x.go", "a/b/d", "e/f/x.go", "out/g/x.go", "h/i/j", "k/l", ignored="out/\n")
    assert taken(tree, "a/*/c/*.go", "a/b/**/*.go", "e/*.go", "out/**", excludes=("h",), own=("k/",)) == [
        "a/b/c/x.go"
    ]
    # The top folder is also asked about its rules.
    assert sorted(folder for folder in tree.listed if folder) == ["a", "a/b", "a/b/c", "e"]
    assert set(tree.listed) == {"", "a", "a/b", "a/b/c", "e"}


def test_targets_are_found_whatever_git_says() -> None:
    tree = tree_of("out/a", "out/b/c", "x.o", "y/z.o", ".git/w.o", ".pyrun/v.o", ignored="*\n")
    assert select_targets(tree, patterns("out/", "**/*.o", "none")) == ("out/a", "out/b/c", "x.o", "y/z.o")
    assert select_targets(tree, patterns("none", "none/")) == ()
    assert select_targets(tree, ()) == ()
    assert select_targets(tree, patterns("x.o", "out/b")) == ("out/b/c", "x.o")


NAMES = st.sampled_from(["a", "b", "c.o", "ab", ".git", ".pyrun", ".d"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
TEXTS = st.lists(
    st.sampled_from(["a", "b", "c.o", "*", "**", "a*", "*.o", "{a,ab}", "?", ".d"]), min_size=1, max_size=4
).map("/".join)
MANY = st.lists(TEXTS, max_size=3)


def placed(paths: set[str]) -> dict[str, bytes]:
    """Files at these paths, without those that have another in the place of a folder."""
    return {path: b"" for path in paths if not any(path.startswith(other + "/") for other in paths)}


@settings(max_examples=500, deadline=None)
@given(st.sets(PATHS, max_size=15), MANY, MANY, MANY, st.lists(TEXTS, max_size=3))
def test_it_takes_just_what_asking_about_each_file_would(
    paths: set[str], texts: list[str], excludes: list[str], own: list[str], rules: list[str]
) -> None:
    files = placed(paths)
    tree = MemoryTree({**files, ".gitignore": "\n".join(rules).encode()})
    wanted, outs, mine, ignore = patterns(*texts), patterns(*excludes), patterns(*own), Ignore(tree)
    gives: dict[str, list[int]] = {}
    for path in [*files, ".gitignore"]:
        reached = not (
            set(NEVER) & set(path.split("/"))
            or ignore.ignores(path)
            or any(item.matches(path) for item in mine)
        )
        if not any(item.matches(path) for item in outs):
            gives[path] = [
                index
                for index, item in enumerate(wanted)
                if path in {"/".join(map(str, row)) for row in item.alternatives}
                or (reached and item.matches(path))
            ]
    chosen = select(tree, wanted, outs, ignore=ignore, own=mine)
    assert chosen.files == tuple(sorted(path for path, found in gives.items() if found))
    matched = {index for found in gives.values() for index in found}
    assert chosen.unmatched == tuple(item for index, item in enumerate(wanted) if index not in matched)


def test_selections_are_values() -> None:
    assert len({Selection(("a",), ()), Selection(("a",), ()), Selection((), ())}) == 2
    assert repr(Selection(("a",), patterns("b"))) == "Selection(('a',), unmatched=(Pattern('b'),))"
