import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.digest import Digest, digest_of
from runner.store.reapi import Directory, DirectoryNode, FileNode, MalformedError, SymlinkNode, Tree, encode
from runner.store.tree_message import Entries, check_path, checked, leads_out, read_tree, write_tree

ONE = digest_of(b"one")
names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=4).filter(
    lambda name: name.lower() not in {".", "..", ".git"}
)


@st.composite
def entries(draw: st.DrawFn) -> Entries:
    found = Entries()
    found.folders["out"] = None
    for parent, name in draw(st.lists(st.tuples(st.integers(0, 5), names), max_size=12)):
        folders = list(found.folders)
        path = f"{folders[parent % len(folders)]}/{name}"
        if path in found.folders or path in found.files or path in found.links:
            continue
        kind = draw(st.integers(0, 2))
        if kind == 0:
            found.folders[path] = None
        elif kind == 1:
            found.files[path] = (digest_of(draw(st.binary(max_size=2))), draw(st.booleans()))
        else:
            found.links[path] = draw(names)
    return found


@given(entries())
def test_a_folder_that_was_written_is_read_again(found: Entries) -> None:
    data = write_tree("out", found)
    again = Entries()
    read_tree("out", data, again)
    assert (again.files, again.links, again.folders) == (found.files, found.links, found.folders)
    shuffled = Entries()
    for path in reversed(found.folders):
        shuffled.folders[path] = None
    shuffled.files = dict(reversed(found.files.items()))
    shuffled.links = dict(reversed(found.links.items()))
    assert write_tree("out", shuffled) == data


@given(st.binary())
def test_any_bytes_are_refused_or_stay_below_the_folder(data: bytes) -> None:
    found = Entries()
    try:
        read_tree("out", data, found)
    except MalformedError:
        return
    assert all(
        path == "out" or path.startswith("out/") for path in (*found.files, *found.links, *found.folders)
    )


def test_what_lies_beside_the_folder_is_not_in_it() -> None:
    found = Entries()
    found.folders.update({"out": None, "out2": None, "out2/a": None})
    found.files["out2/x"] = found.files["out.x"] = (ONE, False)
    assert write_tree("out", found) == encode(Tree(Directory((), (), ()), ()))[:0] + b"\x0a\x00"


def bad(directory: Directory, *children: Directory) -> bytes:
    return encode(Tree(directory, children))


EMPTY = Directory((), (), ())
HOSTILE = [
    b"",
    b"\xff",
    *(bad(Directory((FileNode(name, ONE, False),), (), ())) for name in ("", ".", "..", "a/b", "/", "\0", ".git", ".PYRUN", "x" * 5000)),
    *(bad(Directory((), (), (SymlinkNode(name, "x"),))) for name in ("", "..", "../x")),
    bad(Directory((), (DirectoryNode("..", digest_of(b"")),), ()), EMPTY),
    bad(Directory((FileNode("a", ONE, False), FileNode("a", ONE, True)), (), ())),
    bad(Directory((FileNode("a", ONE, False),), (), (SymlinkNode("a", "x"),))),
    bad(Directory((FileNode("a", ONE, False),), (DirectoryNode("a", digest_of(b"")),), ()), EMPTY),
    bad(Directory((), (DirectoryNode("a", digest_of(b"gone")),), ()), EMPTY),
    bad(Directory((FileNode("a", None, False),), (), ())),
    bad(Directory((FileNode("a", Digest("../../../../etc/passwd", 1), False),), (), ())),
    bad(Directory((FileNode("a", Digest(ONE.hex.upper(), 1), False),), (), ())),
    bad(Directory((FileNode("a", Digest(ONE.hex, -1), False),), (), ())),
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE)
def test_what_is_not_to_be_trusted_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read_tree("out", data, Entries())


def test_few_bytes_that_stand_for_too_much_are_refused() -> None:
    child = Directory((FileNode("f", ONE, False),), (), ())
    children = [child]
    for _ in range(40):
        digest = digest_of(encode(children[-1]))
        children.append(Directory((), (DirectoryNode("a", digest), DirectoryNode("b", digest)), ()))
    data = encode(Tree(children[-1], tuple(children[:-1])))
    assert len(data) < 10_000
    with pytest.raises(MalformedError, match="more entries"):
        read_tree("out", data, Entries())


@pytest.mark.parametrize(
    "path", ["", "/a", "a//b", "a/", "./a", "a/..", "..", "a\0b", ".git/hooks/x", "a/.Git", ".pyrun/log"]
)
def test_paths_that_are_refused(path: str) -> None:
    with pytest.raises(MalformedError):
        check_path(path)


@pytest.mark.parametrize("path", ["a", "a/b.git", ".gitignore", "...", "a/..b", "ä b\n"])
def test_paths_that_are_taken(path: str) -> None:
    check_path(path)


def test_no_digest_is_refused() -> None:
    with pytest.raises(MalformedError):
        checked(None)
    assert checked(ONE) == ONE


@pytest.mark.parametrize(
    ("path", "text", "out"),
    [
        ("a/l", "b", False),
        ("a/l", "../b", False),
        ("a/l", "..", False),
        ("a/l", "./../b//c/", False),
        ("a/b/l", "../../c", False),
        ("a/l", "../../b", True),
        ("l", "..", True),
        ("a/l", "/etc/passwd", True),
        ("a/l", "", True),
        ("a/l", "b/../c", True),
        ("a/l", "b\0c", True),
    ],
)
def test_links_that_may_lead_out(path: str, text: str, out: bool) -> None:
    assert leads_out(path, text) == out
