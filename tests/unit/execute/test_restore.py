import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest

from runner.digest import Digest, digest_of
from runner.execute import bring_back, restore
from runner.execute.restore import open_results
from runner.plan.action import Action
from runner.plan.file_state import FileState
from runner.plan.pattern import parse_pattern
from runner.plan.result import Result
from runner.plan.select import select_targets
from runner.store.action_cache import ActionCache
from runner.store.blob_store import BlobStore
from runner.store.forgotten import forget_results
from runner.store.reapi import (
    ActionResult,
    Directory,
    Extra,
    FileNode,
    Made,
    Metadata,
    Moment,
    OutputDirectory,
    OutputFile,
    OutputSymlink,
    SymlinkNode,
    Tree,
    encode,
)
from runner.system.file_states import observe
from runner.system.task_log import TaskLog
from runner.system.tree import DiskTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
KEY = digest_of(b"key").hex


class Place:
    """A folder with a store and two checkouts."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.store = f"{folder}/cache/pyrun/store"
        self.one = Checkout(f"{folder}/one", self.store)
        self.two = Checkout(f"{folder}/two", self.store)


class Checkout:
    """A project in which one task makes something."""

    def __init__(self, top: str, store: str) -> None:
        self.top = top
        self.results = open_results(store, top)
        os.mkdir(top)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        full = f"{self.top}/{path}"
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if os.path.lexists(full):
            os.unlink(full)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(full, mode)

    def link(self, path: str, text: str) -> None:
        full = f"{self.top}/{path}"
        os.makedirs(os.path.dirname(full), exist_ok=True)
        os.symlink(text, full)

    def folder(self, path: str) -> str:
        os.makedirs(f"{self.top}/{path}")
        return path

    def targets(self, action: Action) -> tuple[FileState, ...]:
        return observe(self.top, select_targets(DiskTree(self.top), action.targets or ()), {})

    def keep(self, action: Action, log: str = "", made: str = "host", key: str = KEY) -> str:
        return self.results.keep(action, key, self.targets(action), log, 1234, made)

    def find(self, action: Action, made_in: str = "host") -> Result | None:
        return self.results.find(action, KEY, made_in)

    def bring(self, action: Action, *kept: str) -> bool:
        found = self.find(action)
        assert found is not None
        done = self.results.bring(action, found, set(kept))
        if done:
            assert {s.identity for s in self.targets(action)} >= {s.identity for s in found.files}
        return done

    def all(self) -> dict[str, str]:
        """All that there is but pyrun's own: text of files (`+` in front if executable), links, folders."""
        found = {}
        for where, folders, names in os.walk(self.top):
            if ".pyrun" in folders:
                folders.remove(".pyrun")
            for name in (*folders, *names):
                full = f"{where}/{name}"
                path = os.path.relpath(full, self.top)
                if os.path.islink(full):
                    found[path] = f"-> {os.readlink(full)}"
                elif os.path.isdir(full):
                    found[path] = "/"
                elif os.path.isfile(full):
                    with open(full, encoding="utf-8") as file:
                        found[path] = "+" * os.access(full, os.X_OK) + file.read()
                    assert os.stat(full).st_nlink == 1
                else:
                    found[path] = "?"
        assert not os.path.isdir(f"{self.top}/.pyrun/restore") or not os.listdir(f"{self.top}/.pyrun/restore")
        return found


@pytest.fixture
def place(tmp_path: "os.PathLike[str]") -> Place:
    return Place(os.path.realpath(tmp_path))


def task(*targets: str, name: str = "build", tusk: bool = False) -> Action:
    patterns = tuple(parse_pattern(target, files_only=tusk) for target in targets)
    return cast("Action", SimpleNamespace(id=f'["{name}"]', task=name, targets=patterns))


def blobs(place: Place) -> list[str]:
    return [f"{where}/{name}" for where, _, names in os.walk(f"{place.store}/cas") for name in names]


EVERYTHING = ("bin/app", "dist/", "gen/*.go", "one")


def make_everything(here: Checkout) -> None:
    here.write("bin/app", "binary", 0o755)
    here.write("dist/a/b.js", "b")
    here.write("dist/a/run.sh", "run", 0o700)
    os.makedirs(f"{here.top}/dist/empty/deep")
    here.link("dist/latest", "a")
    here.link("dist/a/up", "../a/b.js")
    here.link("dist/dangling", "nothing/here")
    here.write("gen/x.go", "x")
    here.write("gen/y.go", "")
    here.link("one", "bin/app")


MADE = {
    "bin": "/",
    "bin/app": "+binary",
    "dist": "/",
    "dist/a": "/",
    "dist/a/b.js": "b",
    "dist/a/run.sh": "+run",
    "dist/a/up": "-> ../a/b.js",
    "dist/dangling": "-> nothing/here",
    "dist/empty": "/",
    "dist/empty/deep": "/",
    "dist/latest": "-> a",
    "gen": "/",
    "gen/x.go": "x",
    "gen/y.go": "",
    "one": "-> bin/app",
}


def test_all_that_was_made_is_brought_back_elsewhere(place: Place) -> None:
    action = task(*EVERYTHING)
    make_everything(place.one)
    assert place.one.keep(action) == ""
    found = place.two.find(action)
    assert found is not None
    assert (found.milliseconds, found.made, found.only_in, found.log) == (1234, "host", "", "")
    assert set(found.paths) == {path for path, what in MADE.items() if what != "/"}
    assert place.two.all() == {}
    assert place.two.bring(action)
    assert place.two.all() == MADE
    assert {s.identity for s in place.two.targets(action)} == {s.identity for s in found.files}
    assert place.two.bring(action)
    assert place.two.all() == MADE


def test_modes_are_those_of_new_files(place: Place) -> None:
    place.one.write("out", "x", 0o700)
    assert place.one.keep(task("out")) == ""
    before = os.umask(0o027)
    try:
        assert place.two.bring(task("out"))
    finally:
        os.umask(before)
    assert os.stat(f"{place.two.top}/out").st_mode & 0o7777 == 0o750


def test_what_is_as_it_should_be_is_not_written_again(place: Place) -> None:
    action = task("dist")
    place.one.write("dist/a", "a")
    place.one.write("dist/b", "b")
    assert place.one.keep(action) == ""
    place.one.write("dist/b", "B")
    before = [os.stat(f"{place.one.top}/dist/{name}").st_ino for name in "ab"]
    assert place.one.bring(action)
    after = [os.stat(f"{place.one.top}/dist/{name}").st_ino for name in "ab"]
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)


def test_what_else_lies_in_a_target_folder_goes_and_sources_stay(place: Place) -> None:
    action = task("dist")
    place.one.write("dist/a", "a")
    assert place.one.keep(action) == ""
    two = place.two
    two.write("dist/old/deep/x", "x")
    two.write("dist/src/keep.go", "source")
    two.write("dist/src/other.go", "other")
    two.write("beside", "mine")
    two.link("dist/gone", "/etc/passwd")
    os.mkfifo(f"{two.top}/dist/pipe")
    assert two.bring(action, "dist/src/keep.go", "beside")
    assert two.all() == {
        "beside": "mine",
        "dist": "/",
        "dist/a": "a",
        "dist/src": "/",
        "dist/src/keep.go": "source",
    }


def test_files_that_a_pattern_does_not_bring_stay(place: Place) -> None:
    action = task("gen/*.go", "maybe")
    place.one.write("gen/a.go", "a")
    assert place.one.keep(action) == ""
    place.two.write("gen/mine.go", "mine")
    place.two.write("maybe", "mine")
    found = place.two.find(action)
    assert found is not None
    assert place.two.results.bring(action, found, set())
    assert place.two.all() == {"gen": "/", "gen/a.go": "a", "gen/mine.go": "mine", "maybe": "mine"}


def test_files_and_folders_change_places(place: Place) -> None:
    action = task("out", "dist")
    place.one.write("out", "file")
    place.one.write("dist/a/b", "b")
    place.one.write("dist/c", "c")
    place.one.link("dist/l", "a/b")
    assert place.one.keep(action) == ""
    two = place.two
    two.write("out/was/a/folder", "x")
    two.write("dist/a", "was a file")
    two.write("dist/c/d/e", "was a folder")
    two.write("dist/l/x", "was a folder")
    assert two.bring(action)
    assert two.all() == place.one.all()
    os.rename(f"{two.top}/dist", f"{two.top}/away")
    two.write("dist", "was a file")
    assert two.bring(action)
    assert {path: what for path, what in two.all().items() if not path.startswith("away")} == place.one.all()


def test_a_folder_that_nobody_may_write_to_is_no_obstacle(place: Place) -> None:
    action = task("dist")
    place.one.write("dist/a/b", "b")
    assert place.one.keep(action) == ""
    place.two.write("dist/a/b", "old")
    place.two.write("dist/a/c", "old")
    os.chmod(f"{place.two.top}/dist/a", 0o555)
    assert place.two.bring(action)
    os.chmod(f"{place.two.top}/dist/a", 0o755)
    assert place.two.all() == place.one.all()


def test_a_tusk_target_is_a_file_and_never_a_folder(place: Place) -> None:
    action = task("out/*", "dist", tusk=True)
    place.one.write("out/a", "a")
    place.one.write("dist/x", "x")
    assert place.one.keep(action) == ""
    place.two.write("out/b", "b")
    place.two.write("dist/mine", "mine")
    assert place.two.bring(action)
    assert place.two.all() == {
        "dist": "/", "dist/mine": "mine", "out": "/", "out/a": "a", "out/b": "b",
    }  # fmt: skip


def test_nothing_is_known_under_another_key_task_or_target(place: Place) -> None:
    place.one.write("a", "a")
    assert place.one.keep(task("a")) == ""
    assert place.two.find(task("a", name="other")) is None
    assert place.two.find(task("b")) is None
    assert place.two.results.find(task("a"), digest_of(b"other").hex, "host") is None
    assert place.two.find(task("a")) is not None


def test_what_was_made_in_the_open_does_not_count_for_a_sandbox(place: Place) -> None:
    place.one.write("a", "a")
    for made, known in (("host", False), ("sandbox", True), ("hermetic", True)):
        assert place.one.keep(task("a"), made=made) == ""
        assert (place.two.find(task("a"), "sandbox") is not None) == known
        found = place.two.find(task("a"))
        assert found is not None
        assert found.made == made


@pytest.mark.parametrize("before", [0, 100, (1 << 20) - 5])
def test_a_target_with_the_projects_path_is_for_that_project_only(place: Place, before: int) -> None:
    action = task("a")
    for kept in range(2):
        # The second time the bytes are in the store already.
        place.one.write("a", "-" * before + f"prefix={place.one.top}\n" + "-" * 100)
        assert place.one.keep(action) == "", kept
        found = place.one.find(action)
        assert found is not None
        assert found.only_in == place.one.top
        assert place.two.find(action) is None
    place.one.write("a", "nothing of it")
    assert place.one.keep(action) == ""
    assert place.two.find(action) is not None


def test_a_target_with_the_path_of_the_sandbox_is_for_that_project_only(place: Place) -> None:
    sandbox = f"{place.folder}/cache/pyrun/sandbox/{digest_of(place.one.top.encode()).hex[:12]}/build-1/one"
    place.one.write("a", f"made in {sandbox}")
    assert place.one.keep(task("a"), made="sandbox") == ""
    assert place.two.find(task("a")) is None
    assert place.one.find(task("a")) is not None


def test_a_project_that_is_reached_by_a_link_is_the_same_one(place: Place) -> None:
    os.symlink("one", f"{place.folder}/alias")
    place.one.write("a", f"see {place.folder}/alias/x")
    alias = open_results(place.store, f"{place.folder}/alias")
    action = task("a")
    assert alias.keep(action, KEY, place.one.targets(action), "", 1, "host") == ""
    assert place.one.find(action) is not None
    assert alias.find(action, KEY, "host") is not None
    assert place.two.find(action) is None


def test_a_link_counts_as_what_it_leads_to(place: Place) -> None:
    action = task("dist", "l")
    for here in (place.one, place.two):
        here.write("src/undeclared", here.top[-3:])
    one = place.one
    one.write("dist/a/file", "in it")
    one.link("dist/b", "a")
    one.link("dist/c", "b/file")
    one.link("dist/out", "../src/undeclared")
    one.link("dist/loop", "loop")
    one.link("l", "dist/c")
    assert one.keep(action) == ""
    found = place.two.find(action)
    assert found is not None
    assert [(s.path, s.size) for s in found.files] == [
        ("dist/a/file", 5), ("dist/c", 5), ("dist/out", 3), ("l", 5),
    ]  # fmt: skip
    assert place.two.bring(action)
    assert {s.identity for s in place.two.targets(action)} == {s.identity for s in found.files}


def test_the_log_is_played_again_as_it_came(place: Place) -> None:
    path = f"{place.folder}/task.log"
    log = TaskLog(path, pytest.fail)
    log.put(1, b"out\n")
    log.put(2, b"err \xff\n")
    log.put(1, b"again\n")
    assert log.close()
    place.one.write("a", "a")
    assert place.one.keep(task("a"), path) == ""
    found = place.two.find(task("a"))
    assert found is not None
    heard: list[tuple[int, bytes]] = []
    place.two.results.replay(found, lambda number, data: heard.append((number, data)))
    assert heard == [(1, b"out\n"), (2, b"err \xff\n"), (1, b"again\n")]
    stored = next(one for one in blobs(place) if one.endswith(found.log))
    os.chmod(stored, 0o600)
    with open(stored, "r+b") as file:
        file.write(b"0")
    place.two.results.replay(found, lambda *_: pytest.fail("a damaged log was played"))
    os.unlink(stored)
    place.two.results.replay(found, lambda *_: pytest.fail("no log was played"))
    assert place.two.bring(task("a"))


def test_a_log_that_is_not_there_is_no_fault(place: Place) -> None:
    place.one.write("a", "a")
    assert place.one.keep(task("a"), f"{place.folder}/none.log") == ""
    found = place.one.find(task("a"))
    assert found is not None
    assert found.log == ""
    place.one.results.replay(found, lambda *_: pytest.fail("there is none"))


UNFIT: list[tuple[str, "Callable[[Checkout], object]", str]] = [
    ("dist", lambda here: os.mkfifo(f"{here.top}/dist/p"), "dist/p is neither file nor folder nor link"),
    ("dist", lambda here: bind(f"{here.top}/dist/s"), "dist/s is neither file nor folder nor link"),
    ("dist", lambda here: here.link("dist/l", "/etc"), "the link dist/l leads to /etc, which may be out of the project"),
    ("dist", lambda here: here.link("dist/l", "../../x"), "the link dist/l leads to ../../x, which may be out of the project"),
    ("dist", lambda here: here.link("dist/l", "a/../b"), "the link dist/l leads to a/../b, which may be out of the project"),
    ("l", lambda here: here.link("l", "dist"), "l is a link to a folder"),
    ("p", lambda here: os.mkfifo(f"{here.top}/p"), "p is neither file nor folder nor link"),
    ("dist", lambda here: here.write("dist/.git/config", ""), "dist/.git/config is not a task's to write"),
    ("dist", lambda here: here.write("dist/\udcff", ""), "the name 'dist/\\udcff' is no Unicode text"),
    ("./", lambda here: here.write("x", ""), "a target is the whole project"),
]  # fmt: skip


def bind(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)


@pytest.mark.parametrize(("target", "change", "why"), UNFIT)
def test_what_can_not_be_kept_and_why(
    place: Place, target: str, change: "Callable[[Checkout], object]", why: str
) -> None:
    place.one.write("dist/a", "a")
    change(place.one)
    action = task(target)
    said = place.one.keep(action)
    if ".git" in why:
        # Of what lies in such a folder nothing is a target.
        assert said.startswith("dist/.git")
    else:
        assert said == why
    assert place.one.find(action) is None
    assert not os.path.exists(f"{place.store}/ac")


def test_what_changes_while_it_is_kept_is_not_kept(place: Place) -> None:
    action = task("dist")
    place.one.write("dist/a", "a")
    seen = place.one.targets(action)
    place.one.write("dist/a", "b")
    assert place.one.results.keep(action, KEY, seen, "", 1, "host") == "dist/a changed when all was done"
    place.one.write("dist/c", "c")
    place.one.write("dist/a", "a")
    why = place.one.results.keep(action, KEY, seen, "", 1, "host")
    assert why == "dist/c came when all was done, or can't be read"
    os.unlink(f"{place.one.top}/dist/a")
    assert place.one.results.keep(action, KEY, seen, "", 1, "host") != ""
    assert place.one.find(action) is None


def test_links_in_a_folder_that_a_link_leads_to_are_not_kept(place: Place) -> None:
    one = place.one
    one.write("deep/real/x", "x")
    one.link("out", "deep/real")
    one.link("deep/real/l", "x")
    assert one.keep(task("out/*")) == "out is reached by a link, and there are links in it"
    os.unlink(f"{one.top}/deep/real/l")
    assert one.keep(task("out/*")) == ""
    place.two.link("out", "here")
    os.mkdir(f"{place.two.top}/here")
    assert place.two.bring(task("out/*"))
    assert place.two.all() == {"here": "/", "here/x": "x", "out": "-> here"}


def test_a_full_disk_is_told_and_no_failure(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    action = task("dist")
    place.one.write("dist/a", "a")
    real = os.write
    for call in range(3):
        # What was kept when the disk was full is there the next time.
        left = [call]

        def full(handle: int, data: bytes, left: list[int] = left) -> int:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(handle, data)

        monkeypatch.setattr(os, "write", full)
        why = place.one.keep(action)
        monkeypatch.undo()
        assert why == ("" if call == 2 else "No space left on device"), call
        assert (place.one.find(action) is None) == bool(why)
        assert os.listdir(f"{place.store}/new") == []
    place.two.write("dist/mine", "mine")
    found = place.two.find(action)
    assert found is not None

    def none(_: int, __: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", none)
    monkeypatch.setattr(os, "copy_file_range", none, raising=False)
    assert not place.two.results.bring(action, found, set())
    assert place.two.all() == {"dist": "/", "dist/mine": "mine"}


def test_a_store_that_can_not_be_written_is_told(place: Place) -> None:
    os.makedirs(os.path.dirname(place.store))
    with open(place.store, "w", encoding="utf-8"):
        pass
    place.one.write("a", "a")
    assert "File exists" in place.one.keep(task("a")) or "Not a directory" in place.one.keep(task("a"))
    assert place.one.find(task("a")) is None


def test_a_blob_that_is_gone_or_damaged_changes_nothing(place: Place) -> None:
    action = task("dist", "out")
    place.one.write("dist/a", "first")
    place.one.write("out", "other")
    assert place.one.keep(action) == ""
    place.two.write("dist/mine", "mine")
    before = place.two.all()
    files = [
        path for path in blobs(place) if path.endswith((digest_of(b"first").hex, digest_of(b"other").hex))
    ]
    assert len(files) == 2
    for path in files:
        with open(path, "rb") as file:
            data = file.read()
        os.chmod(path, 0o600)
        with open(path, "wb") as file:
            file.write(b"FIRST")
        for _ in range(2):
            # The second time it is gone.
            assert not place.two.bring(action)
            assert place.two.all() == before
            assert not os.path.exists(path)
        place.one.results._blobs.put(data)  # noqa: SLF001
    for path in blobs(place):
        if path not in files:
            os.unlink(path)
    assert place.two.find(action) is None


def digest(place: Place, data: bytes) -> Digest:
    return BlobStore(place.store).put(data)


def plant(place: Place, action: Action, result: ActionResult, made: Made | None = None) -> None:
    """Put a result into the store as somebody evil could."""
    store = BlobStore(place.store)
    extra = Extra(Made.KIND, encode(made or Made("host", "", None)))
    metadata = result.metadata or Metadata(Moment(1 << 40, 0), (extra,), None)
    full = ActionResult(result.files, result.directories, result.exit_code, metadata, result.symlinks)
    ActionCache(store).put(restore._name_of(action, KEY), full)  # noqa: SLF001


def tree(place: Place, directory: Directory) -> Digest:
    return digest(place, encode(Tree(directory, ())))


def files(place: Place, *paths: str) -> ActionResult:
    one = digest(place, b"evil")
    return ActionResult(tuple(OutputFile(path, one, False) for path in paths), (), 0, None, ())


def symlinks(*pairs: tuple[str, str]) -> ActionResult:
    return ActionResult((), (), 0, None, tuple(OutputSymlink(*pair) for pair in pairs))


def folder(place: Place, path: str, **parts: object) -> ActionResult:
    whole = {"files": (), "directories": (), "symlinks": (), **parts}
    root = Directory(whole["files"], whole["directories"], whole["symlinks"])  # type: ignore[arg-type]
    return ActionResult((), (OutputDirectory(path, tree(place, root)),), 0, None, ())


HOSTILE: list["Callable[[Place], ActionResult]"] = [
    lambda place: files(place, "../x"),
    lambda place: files(place, "/tmp/x"),
    lambda place: files(place, "dist/../../x"),
    lambda place: files(place, "dist//x"),
    lambda place: files(place, "elsewhere"),
    lambda place: files(place, "dist/.git/hooks/pre-commit"),
    lambda place: files(place, ".pyrun/log"),
    lambda place: files(place, "out/a", "out/a"),
    lambda place: files(place, "out/a", "out/a/b"),
    lambda place: files(place, "out/a", "elsewhere"),
    lambda _: ActionResult((OutputFile("out/a", None, False),), (), 0, None, ()),
    lambda _: ActionResult((OutputFile("out/a", Digest("../../x", 1), False),), (), 0, None, ()),
    lambda _: symlinks(("out/l", "/etc")),
    lambda _: symlinks(("out/l", "../../etc")),
    lambda _: symlinks(("out/l", "x/../../../etc")),
    lambda _: symlinks(("out/a", "b"), ("out/a/x", "c")),
    lambda _: symlinks(("../l", "x")),
    lambda place: folder(place, "elsewhere"),
    lambda place: folder(place, "out"),
    lambda place: folder(place, ""),
    lambda place: folder(place, ".."),
    lambda place: folder(place, "dist/sub"),
    lambda place: folder(place, "dist", files=(FileNode("../../x", digest(place, b"x"), False),)),
    lambda place: folder(place, "dist", files=(FileNode("..", digest(place, b"x"), False),)),
    lambda place: folder(place, "dist", symlinks=(SymlinkNode("l", "../.."),)),
    lambda place: ActionResult((), (OutputDirectory("dist", digest(place, b"\xff")),), 0, None, ()),
    lambda _: ActionResult((), (OutputDirectory("dist", digest_of(b"gone")),), 0, None, ()),
    lambda _: ActionResult((), (OutputDirectory("dist", None),), 0, None, ()),
    lambda place: ActionResult((), (OutputDirectory("dist", tree(place, Directory((), (), ()))),) * 2, 0, None, ()),
    lambda _: ActionResult((), (), 1, None, ()),
    lambda _: ActionResult((), (), 0, Metadata(None, (), None), ()),
    lambda _: ActionResult((), (), 0, Metadata(Moment(1 << 40, 0), (Extra("other/kind", b""),), None), ()),
    lambda _: ActionResult((), (), 0, Metadata(Moment(1 << 40, 0), (Extra(Made.KIND, b"\xff"),), None), ()),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_result_is_refused_as_a_whole(place: Place, number: int) -> None:
    action = task("dist", "out/**")
    plant(place, action, HOSTILE[number](place))
    assert place.two.find(action) is None
    assert place.two.all() == {}


def test_the_same_way_in_good_results_are_planted(place: Place) -> None:
    action = task("dist", "out/**")
    for good in (files(place, "out/a", "out/b/c"), symlinks(("out/l", "../x")), folder(place, "dist")):
        plant(place, action, good)
        assert place.two.find(action) is not None
    plant(place, action, files(place, "out/a"), Made("host", "", Digest("../x", 1)))
    assert place.two.find(action) is None
    plant(place, action, files(place, "out/a"), Made("host", "/other", None))
    assert place.two.find(action) is None


OBSTACLES: list["Callable[[Checkout], object]"] = [
    lambda here: here.link("out", "/tmp"),
    lambda here: here.link("out", ".."),
    lambda here: here.link("out", "../one"),
    lambda here: here.write("out", "a file"),
    lambda here: here.write("out/a/b", "a folder where a file should be"),
    lambda here: here.link("out", here.folder(".git/hooks")),
    lambda here: here.link("dist", "elsewhere"),
    lambda here: here.link("dist", here.folder("build")),
    lambda here: here.write("dist/sub/.git/config", "a repository"),
    lambda here: here.write("dist/.git", "gitdir: /somewhere"),
    lambda here: here.write("dist/d", "a source"),
    lambda here: here.write("dist/f/x", "a source"),
    lambda here: here.write("dist/f", "another source"),
]


@pytest.mark.parametrize("number", range(len(OBSTACLES)))
def test_what_is_in_the_way_stays_and_nothing_is_brought(place: Place, number: int) -> None:
    action = task("dist", "out/*")
    place.one.write("dist/f", "f")
    place.one.write("dist/d/e", "e")
    place.one.write("out/a", "a")
    assert place.one.keep(action) == ""
    place.two.write("mine", "mine")
    OBSTACLES[number](place.two)
    before = place.two.all()
    kept = [path for path, what in before.items() if what.endswith("source")]
    assert not place.two.bring(action, *kept)
    assert place.two.all() == before


def test_going_through_a_link_within_the_project_is_fine(place: Place) -> None:
    action = task("out/a")
    place.one.write("out/a", "a")
    assert place.one.keep(action) == ""
    os.mkdir(f"{place.two.top}/build")
    place.two.link("out", "build")
    assert place.two.bring(action)
    assert place.two.all() == {"build": "/", "build/a": "a", "out": "-> build"}


def test_a_link_in_place_of_a_file_is_replaced_and_not_followed(place: Place) -> None:
    action = task("out", "dist")
    place.one.write("out", "new")
    place.one.write("dist/x/y", "new")
    assert place.one.keep(action) == ""
    victim = f"{place.folder}/victim"
    os.mkdir(f"{place.folder}/folder")
    with open(victim, "w", encoding="utf-8") as file:
        file.write("precious")
    place.two.link("out", "../victim")
    place.two.link("dist/x", "../../folder")
    assert place.two.bring(action)
    assert place.two.all() == place.one.all()
    assert os.listdir(f"{place.folder}/folder") == []
    with open(victim, encoding="utf-8") as file:
        assert file.read() == "precious"


def test_bytes_in_a_checkout_are_never_those_of_the_store(place: Place) -> None:
    action = task("out")
    place.one.write("out", "x")
    assert place.one.keep(action) == ""
    assert place.two.bring(action)
    for here in (place.one, place.two):
        with open(f"{here.top}/out", "a", encoding="utf-8") as file:
            file.write("more")
    os.unlink(f"{place.two.top}/out")
    assert place.two.bring(action)
    assert place.two.all() == {"out": "x"}


def test_killed_at_any_moment_no_half_file_has_a_name(place: Place) -> None:
    action = task("dist")
    for number in range(4):
        place.one.write(f"dist/{number}", f"new {number}")
    assert place.one.keep(action) == ""
    code = (
        "import os, sys\n"
        "sys.path.insert(0, os.getcwd())\n"
        "from tests.unit.execute.test_restore import *\n"
        "left = int(sys.argv[3])\n"
        "def audit(event, args):\n"
        "    global left\n"
        "    if event in {'open', 'os.rename', 'os.remove', 'os.mkdir', 'os.rmdir'}:\n"
        "        left -= 1\n"
        "        if left < 0:\n"
        "            os._exit(9)\n"
        "here = open_results(sys.argv[1], sys.argv[2])\n"
        "action = task('dist')\n"
        "found = here.find(action, KEY, 'host')\n"
        "import shutil\n"
        "sys.addaudithook(audit)\n"
        "assert here.bring(action, found, set())\n"
    )
    allowed = {f"dist/{n}": {f"new {n}", f"old {n} and longer"} for n in range(4)}
    ends = []
    for moment in range(0, 60, 3):
        for number in range(4):
            place.two.write(f"dist/{number}", f"old {number} and longer")
        run = subprocess.run(
            [sys.executable, "-c", code, place.store, place.two.top, str(moment)], cwd=ROOT, check=False
        )
        ends.append(run.returncode)
        for path, texts in allowed.items():
            with open(f"{place.two.top}/{path}", encoding="utf-8") as file:
                assert file.read() in texts
        assert place.two.bring(action)
        assert place.two.all() == place.one.all()
    assert set(ends) == {0, 9}


def test_another_file_system_below_the_top_is_no_obstacle(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = task("dist")
    place.one.write("dist/a", "a", 0o755)
    place.one.link("dist/l", "a")
    assert place.one.keep(action) == ""
    real = os.rename

    def rename(source: str, target: str) -> None:
        if "/.pyrun/" in source and "/.pyrun/" not in target:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    assert place.two.bring(action)
    assert place.two.all() == place.one.all()


def test_a_stop_in_the_middle_leaves_no_rubbish(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    action = task("dist")
    place.one.write("dist/a", "a")
    assert place.one.keep(action) == ""

    class Stop(BaseException):
        pass

    def stop(*_: object) -> None:
        raise Stop

    for name in ("_stage", "_rename"):
        monkeypatch.setattr(bring_back, name, stop)
        with pytest.raises(Stop):
            place.two.bring(action)
        monkeypatch.undo()
    assert os.listdir(f"{place.two.top}/.pyrun/restore") == []
    assert place.two.bring(action)


def test_what_was_to_be_forgotten_is_not_brought_back_here(place: Place) -> None:
    action = task("a")
    place.one.write("a", "a")
    assert place.one.keep(action) == ""
    forget_results(place.two.top, "build")
    assert place.two.find(action) is None
    assert place.one.find(action) is not None
    forget_results(place.one.top)
    assert place.one.find(action) is None
    assert place.one.keep(action) == ""
    assert place.one.find(action) is not None
    assert place.two.find(action) is not None


def test_looking_changes_nothing(place: Place) -> None:
    action = task("dist")
    assert place.one.find(action) is None
    assert not os.path.exists(place.store)
    place.one.write("dist/a", "a")
    assert place.one.keep(action) == ""
    assert place.two.find(action) is not None
    assert os.listdir(place.two.top) == []
