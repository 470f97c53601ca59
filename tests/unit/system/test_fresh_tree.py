"""A tree of its own: what is put in, what is taken out, and what is told of the rest."""

import os
from collections.abc import Iterator

import pytest

from runner.system.claimed_folder import claim, remove_folder, remove_left
from runner.system.fresh_tree import FreshTree, base_folder


class Both:
    """A project and a tree of it."""

    def __init__(self, folder: str) -> None:
        self.top = f"{folder}/project"
        self.base = f"{folder}/trees"
        os.mkdir(self.top)

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        path = f"{self.top}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def tree(self, name: str = "task") -> FreshTree:
        return FreshTree(self.top, self.base, name)


@pytest.fixture
def both(tmp_path: "os.PathLike[str]") -> Iterator[Both]:
    one = Both(os.fspath(tmp_path))
    yield one
    remove_left(one.base)
    assert not os.path.exists(one.base)


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def make(path: str, text: str = "") -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def test_files_are_copies_with_their_bit_and_their_time(both: Both) -> None:
    both.write("d/run", "x", 0o755)
    os.utime(f"{both.top}/d/run", ns=(1_000_000_001, 2_000_000_002))
    tree = both.tree()
    tree.add([("d/run", True), ("gone", False)])
    found = os.stat(f"{tree.root}/d/run")
    assert (found.st_mode & 0o777, found.st_mtime_ns) == (0o755, 2_000_000_002)
    assert found.st_ino != os.stat(f"{both.top}/d/run").st_ino
    make(f"{tree.root}/d/run", "changed")
    assert read(f"{both.top}/d/run") == "x"
    assert tree.written(lambda _: False) == ["d/run"]
    tree.remove()


def test_a_link_stays_one_only_if_what_it_leads_to_is_there_too(both: Both) -> None:
    both.write("a", "a")
    both.write("sub/b", "b")
    os.symlink("../a", f"{both.top}/sub/to-a")
    os.symlink("sub/b", f"{both.top}/to-b")
    os.symlink(f"{both.top}/a", f"{both.top}/full")
    tree = both.tree()
    tree.add([("a", False), ("sub/to-a", False), ("to-b", False), ("full", False)])
    kinds = {name: os.path.islink(f"{tree.root}/{name}") for name in ("sub/to-a", "to-b", "full")}
    assert kinds == {"sub/to-a": True, "to-b": False, "full": False}
    assert [read(f"{tree.root}/{name}") for name in ("sub/to-a", "to-b", "full")] == ["a", "b", "a"]
    tree.remove()


def test_what_was_put_in_and_not_changed_is_not_taken_out(both: Both) -> None:
    both.write("d/kept", "kept")
    tree = both.tree()
    tree.add([("d/kept", False)])
    make(f"{tree.root}/d/new", "new")
    both.write("d/kept", "edited meanwhile")
    tree.take_out(["d"])
    assert (read(f"{both.top}/d/kept"), read(f"{both.top}/d/new")) == ("edited meanwhile", "new")
    tree.remove()


def test_what_else_was_written_is_folded(both: Both) -> None:
    both.write("src/a", "a")
    both.write("src/b", "b")
    tree = both.tree()
    tree.add([("src/a", False), ("src/b", False)])
    tree.add_folders(["out/deep"])
    for name in ("new/x/1", "new/2", "src/more", "out/deep/t", "out/stray", "made/t", "made/u"):
        make(f"{tree.root}/{name}")
    os.unlink(f"{tree.root}/src/b")
    os.makedirs(f"{tree.root}/empty")
    found = tree.written(lambda path: path in {"out/deep/t", "made/t"})
    assert found == ["made/u", "new/", "out/stray", "src/b", "src/more"]
    tree.remove()


def test_one_name_gives_one_path_unless_it_is_taken(both: Both) -> None:
    first = both.tree("build api")
    second = both.tree("build api")
    other = both.tree("build web")
    assert first.root != second.root
    assert os.path.dirname(second.root) == f"{os.path.dirname(first.root)}-2"
    assert other.root.startswith(f"{both.base}/build-")
    path = first.root
    for tree in (first, second, other):
        tree.remove()
    again = both.tree("build api")
    assert again.root == path
    again.remove()


@pytest.mark.parametrize("name", ["", "..", "a/b", "/", "ä" * 300, "a\nb", "x:y --z='1'"])
def test_any_name_will_do(both: Both, name: str) -> None:
    tree = both.tree(name)
    assert os.path.dirname(os.path.dirname(tree.root)) == both.base
    tree.remove()


def test_what_nobody_is_at_is_removed(both: Both) -> None:
    tree = both.tree()
    os.makedirs(f"{both.base}/left/deep")
    os.symlink(both.top, f"{both.base}/left/link")
    both.write("a", "a")
    remove_left(both.base, f"{both.base}/nowhere")
    assert os.listdir(both.base) == [os.path.basename(os.path.dirname(tree.root))]
    assert read(f"{both.top}/a") == "a"
    tree.remove()


def test_a_folder_that_is_claimed_is_empty_and_ours(both: Both) -> None:
    os.makedirs(f"{both.base}/x/old")
    folder, lock = claim(both.base, "x")
    assert (folder, os.listdir(folder)) == (f"{both.base}/x", [])
    other, second = claim(both.base, "x")
    assert other == f"{both.base}/x-2"
    for path, handle in ((folder, lock), (other, second)):
        remove_folder(path)
        os.close(handle)
    make(f"{both.base}/x")
    third, handle = claim(both.base, "x")
    assert third == f"{both.base}/x-2"
    os.unlink(f"{both.base}/x")
    remove_folder(third)
    os.close(handle)


def test_trees_are_in_the_cache_and_else_in_the_project(both: Both) -> None:
    cache = f"{both.top}/../cache"
    assert base_folder(both.top, cache).startswith(f"{cache}/sandbox/")
    assert base_folder(both.top, None) == f"{both.top}/.pyrun/sandbox"
    make(f"{both.top}/file")
    assert base_folder(both.top, f"{both.top}/file") == f"{both.top}/.pyrun/sandbox"


def test_what_is_no_file_can_not_go_to_another_file_system(both: Both) -> None:
    base = f"/dev/shm/pyrun-test-{os.getpid()}"
    tree = FreshTree(both.top, base, "task")
    assert os.stat(tree.root).st_dev != os.stat(both.top).st_dev
    os.mkfifo(f"{tree.root}/pipe")
    with pytest.raises(OSError, match="no file"):
        tree.take_out(["pipe"])
    assert not os.path.lexists(f"{both.top}/pipe")
    tree.remove()
    remove_left(base)
    assert not os.path.exists(base)


def test_a_tree_apart_shows_files_of_its_folder_at_the_top_and_gives_back_into_it(both: Both) -> None:
    both.write("in", "of the top")
    both.write("out", "of the top")
    both.write("apart/x/dep", "of another", 0o755)
    os.symlink("dep", f"{both.top}/apart/x/link")
    tree = FreshTree(both.top, both.base, "task", "apart/x")
    tree.add([("in", False), ("apart/x/dep", True), ("apart/x/link", True)])
    assert read(f"{tree.root}/in") == "of the top"
    assert (read(f"{tree.root}/dep"), os.readlink(f"{tree.root}/link")) == ("of another", "dep")
    assert not tree.has("apart")
    make(f"{tree.root}/out", "made")
    make(f"{tree.root}/deep/one", "made")
    make(f"{tree.root}/stray", "made")
    assert tree.written(lambda path: path == "out" or path.startswith("deep/")) == ["stray"]
    tree.take_out(["out", "deep", "dep"])
    assert read(f"{both.top}/out") == "of the top"
    assert (read(f"{both.top}/apart/x/out"), read(f"{both.top}/apart/x/deep/one")) == ("made", "made")
    assert sorted(os.listdir(both.top)) == ["apart", "in", "out"]
    tree.remove()


def test_nothing_leaves_the_folder_apart_by_a_link(both: Both) -> None:
    os.makedirs(f"{both.top}/apart/x")
    os.symlink(both.top, f"{both.top}/apart/x/way")
    tree = FreshTree(both.top, both.base, "task", "apart/x")
    make(f"{tree.root}/way/out", "made")
    with pytest.raises(OSError, match="leads out"):
        tree.take_out(["way/out"])
    assert not os.path.exists(f"{both.top}/out")
    tree.remove()
