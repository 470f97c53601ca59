import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import RunError
from runner.image import media_type, tar
from runner.image.base_tree import Folder, Tree, parse_tree
from runner.image.tar import Entry, file_entry, tar_chunks


def folder(path: str, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> Entry:
    return Entry(path, tar.FOLDER, mode, owner)


def link(path: str, target: str) -> Entry:
    return Entry(path, tar.LINK, 0o777, target=target)


def tree_of(*layers: list[Entry]) -> Tree:
    tree = Tree()
    for entries in layers:
        data = gzip.compress(b"".join(tar_chunks(entries, 0)))
        tree.apply(media_type.LAYER_GZIP, [data[:5], data[5:]])
    return tree


def test_folders_and_links_are_known_and_files_are_not() -> None:
    tree = tree_of([folder("tmp", 0o1777, (1, 2)), link("bin", "usr/bin"), file_entry("etc/passwd", b"")])
    assert tree.get("tmp") == Folder(0o1777, (1, 2))
    assert tree.get("bin") == "usr/bin"
    assert tree.get("etc/passwd") is None


def test_names_as_other_programs_write_them_are_the_same() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in ("./a", "/b/", "./" + "n" * 120):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
    tree = Tree()
    tree.apply(media_type.LAYER, [out.getvalue()])
    assert all(isinstance(tree.get(name), Folder) for name in ("a", "b", "n" * 120))


def test_a_later_layer_deletes_hides_and_replaces() -> None:
    tree = tree_of(
        [folder("a"), folder("a/x"), folder("b"), folder("b/x"), folder("c"), folder("c/x"), folder("cc")],
        [file_entry(".wh.a", b""), folder("b", 0o700), file_entry("b/.wh..wh..opq", b""), folder("b/new")],
        [file_entry("c", b"")],
    )
    known = {name for name in ("a", "a/x", "b", "b/x", "b/new", "c", "c/x", "cc") if tree.get(name)}
    assert known == {"b", "b/new", "cc"}
    assert tree.get("b") == Folder(0o700)


def test_links_on_the_way_are_followed_and_the_last_part_where_asked() -> None:
    tree = tree_of(
        [
            folder("usr"),
            folder("usr/bin"),
            link("bin", "usr/bin"),
            link("usr/local", "/opt/./x"),
            link("opt", "../../srv"),
            link("one", "two"),
            link("two", "one"),
        ]
    )
    assert tree.resolved("bin/sh") == "usr/bin/sh"
    assert tree.resolved("bin") == "bin"
    assert tree.resolved("bin", last=True) == "usr/bin"
    assert tree.resolved("usr/local/lib") == "srv/x/lib"
    with pytest.raises(RunError, match="in a circle"):
        tree.resolved("one/x")


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)
WHAT = st.builds(Folder, st.integers(0, 0o7777), st.tuples(st.integers(0, 9), st.integers(0, 9))) | PATHS


@given(st.lists(st.tuples(PATHS, WHAT)), PATHS)
def test_a_tree_is_read_back_as_it_was_written(entries: list[tuple[str, Folder | str]], path: str) -> None:
    tree = Tree()
    for name, what in entries:
        tree.put(name, what)
    again = parse_tree(tree.encode())
    assert again.encode() == tree.encode()
    assert again.get(path) == tree.get(path)


@given(st.lists(st.tuples(PATHS, WHAT)), PATHS)
def test_what_is_no_folder_has_nothing_below_it(entries: list[tuple[str, Folder | str]], path: str) -> None:
    tree = Tree()
    for name, what in entries:
        tree.put(name, what)
    tree.put(path, None)
    assert tree.get(path) is None
    assert all(tree.get(f"{path}/{name}") is None for name in "abc")


@pytest.mark.parametrize(
    "data", [b"", b"\x1f\x8b", b"no gzip at all", gzip.compress(b"x" * 999, mtime=0)[:-9]]
)
def test_a_damaged_layer_is_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(RunError, match="damaged"):
        Tree().apply(media_type.LAYER_GZIP, [data])


def test_zstd_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(RunError) as caught:
        Tree().apply(media_type.LAYER_ZSTD, [])
    assert "gzip" in caught.value.hint


@pytest.mark.parametrize("data", [b"[]", b'{"a":1}', b'{"a":[1,2]}', b'{"a":["x",1,2]}'])
def test_a_damaged_record_is_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(RunError):
        parse_tree(data)
