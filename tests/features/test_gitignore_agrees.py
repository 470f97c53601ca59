"""What git ignores, beside the real `git`: random trees, rules, tracked files, places of the top folder."""

# ruff: noqa: TID251 - a test's start may cost what it likes

import os
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runner.plan.gitignore import Ignore
from tests.fakes.disk_tree import DiskTree

NAMES = ("a", "b", "ab", "a.b", ".b", "foo", "é", "a b")
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
FRAGMENTS = (
    *(
        "a",
        "b",
        "ab",
        ".b",
        "foo",
        "*",
        "**",
        "?",
        "/",
        "/",
        "/**/",
        "**/",
        "/**",
        "\\a",
        "\\",
        "[ab]",
        "[!a]",
    ),
    *(
        "[^a-b]",
        "[]a]",
        "[a",
        "[[:alpha:]]",
        "[[:no:]]",
        "[a/b]",
        "[\\]a]",
        "[b-a-]",
        "é",
        " ",
        "\\ ",
        "#",
        "!",
    ),
)
RULE = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(("", "", "", "!", "/", "!/", "\\!", "#")),
    st.one_of(PATHS, st.lists(st.sampled_from(FRAGMENTS), max_size=4).map("".join)),
    st.sampled_from(("", "", "", "/", " ", "\\ ", "  ", "//")),
    st.sampled_from(("", "", "", "", "\r")),
)
RULES = st.lists(RULE, max_size=6).map("\n".join)


class World(NamedTuple):
    """A repository to be: which files, which rules in which folder, and where the project is in it."""

    files: list[str]
    rules: dict[str, str]
    prefix: str = ""
    exclude: str = ""
    excludes_file: str = ""
    tracked: int = 0
    version: int = 2


@st.composite
def worlds(draw: st.DrawFn) -> World:
    files = sorted(draw(st.sets(PATHS, min_size=1, max_size=12)))
    folders = st.sampled_from(["", *sorted({path.rpartition("/")[0] for path in files})])
    return World(
        files,
        draw(st.dictionaries(folders, RULES, max_size=4)),
        draw(folders),
        draw(RULES),
        draw(RULES),
        draw(st.integers(0, 3)),
        draw(st.sampled_from((2, 3, 4))),
    )


def git(root: Path, *words: str, feed: bytes = b"") -> bytes:
    """What git says; its status counts only where it is more than 1, which means that no path was found."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-c", f"core.excludesFile={root}.global", "-c", "advice.addIgnoredFile=false", *words]
    done = subprocess.run(command, cwd=root, input=feed, env=environment, capture_output=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


def write(root: Path, path: str, text: str) -> bool:
    """Write a file unless a folder or a file is in its way."""
    try:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode())
    except OSError:
        return False
    return True


def repository(root: Path, world: World) -> None:
    """Make a repository out of a drawn world."""
    git(root, "init", "-q", "--template=", ".")
    (root / ".git/info").mkdir()
    (root / ".git/info/exclude").write_bytes(world.exclude.encode())
    Path(f"{root}.global").write_bytes(world.excludes_file.encode())
    made = [path for path in world.files if write(root, path, "x")]
    for folder, text in sorted(world.rules.items()):
        write(root, f"{folder}/.gitignore".removeprefix("/"), text)
    tracked = made[:: world.tracked] if world.tracked else []
    if tracked:
        git(root, "update-index", "--index-version", str(world.version))
        git(root, "add", "-f", "--", *tracked)
        # Version 3 is what git itself writes if an entry has a flag of the longer kind.
        if world.version == 3:
            git(root, "update-index", "--skip-worktree", "--", tracked[0])


def ignore_of(root: Path, prefix: str) -> Ignore:
    """What the program would hand in for this repository."""
    above: dict[str, bytes] = {}
    names = prefix.split("/") if prefix else []
    for depth in range(len(names)):
        folder = "/".join(names[:depth])
        rules = root / folder / ".gitignore"
        if rules.is_file():
            above[folder] = rules.read_bytes()
    index = root / ".git/index"
    return Ignore(
        DiskTree(root / prefix),
        prefix=prefix,
        above=above,
        exclude=(root / ".git/info/exclude").read_bytes(),
        excludes_file=Path(f"{root}.global").read_bytes(),
        tracked=index.read_bytes() if index.exists() else None,
    )


def ignored_by_git(root: Path, paths: list[str]) -> set[str]:
    feed = b"".join(os.fsencode(path) + b"\0" for path in paths)
    told = git(root, "check-ignore", "-z", "--stdin", feed=feed)
    return {os.fsdecode(path) for path in told.split(b"\0") if path}


def check(world: World) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        root.mkdir()
        repository(root, world)
        prefix = world.prefix if (root / world.prefix).is_dir() else ""
        top = root / prefix
        found = sorted(path for path in top.rglob("*") if ".git" not in path.relative_to(top).parts)
        ignore = ignore_of(root, prefix)
        ours = {
            str(path.relative_to(root))
            for path in found
            if ignore.ignores(str(path.relative_to(top)), folder=path.is_dir())
        }
        if prefix and ignore.ignores("", folder=True):
            ours.add(prefix)
        paths = [str(path.relative_to(root)) for path in found] + [prefix] * bool(prefix)
        assert ours == ignored_by_git(root, paths)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
@example(World(["foo/a/b", "foob"], {"": "foo**/b"}))
@example(World(["foo/a/b", "foo/b"], {"": "foo/*\n!foo/b"}, prefix="foo"))
@example(World(["a/b/foo"], {"": "a", "a/b": "!foo"}, prefix="a/b"))
@example(World(["a/b", "a/foo"], {"": "a"}, tracked=2, prefix="a"))
@example(World(["a", "b"], {"": "!a"}, exclude="a", excludes_file="b"))
def test_the_same_files_and_folders_are_ignored(world: World) -> None:
    check(world)


def test_a_large_index_is_asked_by_search_and_as_a_whole(tmp_path: Path) -> None:
    for version in (2, 3, 4):
        names = [f"{'d' * (number % 9)}x/{number}" for number in range(60)] + ["x/" + "n" * 200, "y"]
        root = tmp_path / str(version)
        root.mkdir()
        check_tracked(root, names, version)


def check_tracked(root: Path, names: list[str], version: int) -> None:
    """Ignore all, and compare what is left because it is tracked."""
    git(root, "init", "-q", "--template=", ".")
    (root / ".git/info").mkdir()
    (root / ".git/info/exclude").write_text("*")
    Path(f"{root}.global").write_text("")
    for name in names:
        write(root, name, "x")
    git(root, "add", "-f", "--", *names[::2])
    if version == 3:
        git(root, "update-index", "--skip-worktree", "--", names[0], names[40])
    git(root, "update-index", "--index-version", str(version))
    assert (root / ".git/index").read_bytes()[7] == version
    first, second = names[:5], names
    for some in (first, second):
        ignore = ignore_of(root, "")
        assert {name for name in some if ignore.ignores(name)} == ignored_by_git(root, some)
