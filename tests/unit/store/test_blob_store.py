import errno
import os
import subprocess
import sys
import time

import pytest

from runner.digest import Digest, digest_of
from runner.store import blob_store
from runner.store.blob_store import BlobStore

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BLOCK = 4096


@pytest.fixture
def folder(tmp_path: "os.PathLike[str]") -> str:
    return os.fspath(tmp_path)


@pytest.fixture
def store(folder: str) -> BlobStore:
    return BlobStore(f"{folder}/store")


def write(path: str, data: bytes) -> str:
    if os.path.lexists(path):
        os.unlink(path)
    with open(path, "wb") as file:
        file.write(data)
    return path


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def used_at(store: BlobStore, digest: Digest, seconds: float) -> None:
    os.utime(store.path(digest.hex), (seconds, seconds))


def all_files(folder: str) -> list[str]:
    return sorted(os.path.join(where, name) for where, _, names in os.walk(folder) for name in names)


def test_what_is_put_is_got(store: BlobStore, folder: str) -> None:
    one = store.put(b"one")
    two = store.put_file(write(f"{folder}/two", b"two"))
    assert (one, two) == (digest_of(b"one"), digest_of(b"two"))
    assert (store.get(one), store.get(two)) == (b"one", b"two")
    assert store.has(one)
    assert not store.has(digest_of(b"three"))
    assert store.get(digest_of(b"three")) is None
    assert all_files(store.folder) == sorted(store.path(one.hex) for one in (one, two))


def test_bytes_are_kept_once(store: BlobStore, folder: str) -> None:
    one = store.put(b"same")
    inode = os.stat(store.path(one.hex)).st_ino
    assert store.put(b"same") == one
    assert store.put_file(write(f"{folder}/a", b"same")) == one
    assert os.stat(store.path(one.hex)).st_ino == inode
    assert all_files(store.folder) == [store.path(one.hex)]


def test_a_blob_is_nobody_elses_and_not_to_be_written(store: BlobStore, folder: str) -> None:
    path = write(f"{folder}/a", b"x")
    one = store.put_file(path)
    found = os.stat(store.path(one.hex))
    assert (found.st_nlink, found.st_mode & 0o222) == (1, 0)
    assert os.stat(store.folder).st_mode & 0o077 == 0
    write(path, b"y")
    assert store.get(one) == b"x"
    assert store.copy(one, f"{folder}/b", executable=True)
    assert os.stat(f"{folder}/b").st_nlink == 1
    assert os.stat(f"{folder}/b").st_mode & 0o300 == 0o300


@pytest.mark.parametrize("instead", [b"xne", b"", b"one more"])
def test_a_damaged_blob_is_not_there_and_then_is_gone(store: BlobStore, folder: str, instead: bytes) -> None:
    one = store.put(b"one")
    write(store.path(one.hex), instead)
    assert store.get(one) is None
    assert all_files(folder) == []
    store.put(b"one")
    write(store.path(one.hex), instead)
    assert not store.copy(one, f"{folder}/b", executable=False)
    assert all_files(folder) == []


def test_a_link_or_folder_in_place_of_a_blob_is_not_there(store: BlobStore, folder: str) -> None:
    one = store.put(b"one")
    os.unlink(store.path(one.hex))
    os.symlink(write(f"{folder}/a", b"one"), store.path(one.hex))
    assert store.get(one) is None
    assert not store.copy(one, f"{folder}/b", executable=False)
    if os.path.lexists(store.path(one.hex)):
        os.unlink(store.path(one.hex))
    os.mkdir(store.path(one.hex))
    assert store.get(one) is None
    assert not store.copy(one, f"{folder}/b", executable=False)
    assert not os.path.lexists(f"{folder}/b")


def test_that_the_copy_can_not_be_made_is_not_the_blobs_fault(store: BlobStore, folder: str) -> None:
    one = store.put(b"one")
    with pytest.raises(FileNotFoundError):
        store.copy(one, f"{folder}/none/b", executable=False)
    assert store.get(one) == b"one"


def test_a_full_disk_leaves_no_part_of_a_blob(
    store: BlobStore, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(f"{folder}/a", b"x" * 100)
    real = os.write

    def full(handle: int, data: "memoryview") -> int:
        if len(data) < 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data[:50])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        store.put_file(path)
    with pytest.raises(OSError, match="No space"):
        store.put(b"x" * 100)
    assert all_files(store.folder) == []
    monkeypatch.undo()
    assert store.get(store.put_file(path)) == b"x" * 100


def test_what_was_not_used_for_longest_goes_first(folder: str) -> None:
    store = BlobStore(f"{folder}/store", limit=10 * BLOCK)
    digests = [store.put(b"%d" % number) for number in range(10)]
    store.tidy()
    for number, digest in enumerate(digests):
        used_at(store, digest, time.time() - 100_000 + number)
    assert store.has(digests[0])
    assert store.copy(digests[1], f"{folder}/copy", executable=False)
    assert all(os.path.exists(store.path(digest.hex)) for digest in digests)
    last = store.put(b"last")
    store.tidy()
    left = [
        number for number, digest in enumerate([*digests, last]) if os.path.exists(store.path(digest.hex))
    ]
    # A fifth of the room is made free: for eight of eleven, the first two of which were used just now.
    assert left == [0, 1, 5, 6, 7, 8, 9, 10]


def test_nothing_is_removed_while_there_is_room(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = BlobStore(f"{folder}/store", limit=100 * BLOCK)
    store.put(b"first")
    store.tidy()

    def never(_: object) -> int:
        raise AssertionError("the store was gone through")

    monkeypatch.setattr(BlobStore, "_shrink", never)
    for number in range(90):
        store.put(b"%d" % number)
        store.tidy()
        BlobStore(store.folder, 100 * BLOCK).tidy()


@pytest.mark.parametrize("usage", [b"", b"-5", b"\xff", b"9" * 40, b"0 and more"])
def test_a_damaged_count_is_made_anew(folder: str, usage: bytes) -> None:
    store = BlobStore(f"{folder}/store", limit=10 * BLOCK)
    for number in range(4):
        store.put(b"%d" % number)
    store.tidy()
    write(f"{store.folder}/usage", usage)
    store.put(b"more")
    store.tidy()
    assert len(all_files(f"{store.folder}/cas")) == 5
    assert int(read(f"{store.folder}/usage")) == 5 * BLOCK


def test_only_one_run_removes(folder: str) -> None:
    store = BlobStore(f"{folder}/store", limit=BLOCK)
    store.put(b"a")
    store.tidy()
    code = (
        "import fcntl, os, sys\n"
        f"handle = os.open({store.folder + '/lock'!r}, os.O_RDWR | os.O_CREAT)\n"
        "fcntl.flock(handle, fcntl.LOCK_EX)\n"
        "print(flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        store.put(b"b")
        store.tidy()
        assert len(all_files(f"{store.folder}/cas")) == 2
        other.communicate()
    store.put(b"c")
    store.tidy()
    assert len(all_files(f"{store.folder}/cas")) < 2


def test_what_a_killed_run_was_writing_is_removed_in_the_end(folder: str) -> None:
    store = BlobStore(f"{folder}/store", limit=BLOCK)
    store.put(b"a")
    long_ago = time.time() - 3 * 86400
    write(f"{store.folder}/new/left", b"half")
    write(f"{store.folder}/new/now", b"half")
    os.utime(f"{store.folder}/new/left", (long_ago, long_ago))
    store.put(b"b")
    store.tidy()
    assert os.listdir(f"{store.folder}/new") == ["now"]


def test_many_runs_at_once_keep_and_remove(folder: str) -> None:
    code = (
        "import sys\n"
        "from runner.store.blob_store import BlobStore\n"
        f"store = BlobStore({folder + '/store'!r}, 40 * 4096)\n"
        "for number in range(150):\n"
        "    data = b'%d' % ((number * 7 + int(sys.argv[1]) * 31) % 97)\n"
        "    digest = store.put(data)\n"
        "    assert store.get(digest) in {data, None}\n"
        "    store.tidy()\n"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, str(n)], cwd=ROOT) for n in range(4)]
    assert [run.wait() for run in runs] == [0, 0, 0, 0]
    store = BlobStore(f"{folder}/store", 40 * BLOCK)
    # A run that finds another one at it leaves what is too much to the next that adds something.
    store.put(b"one more")
    store.tidy()
    files = all_files(f"{store.folder}/cas")
    assert 0 < len(files) <= 40
    for path in files:
        assert digest_of(read(path)).hex == os.path.basename(path)
    assert os.listdir(f"{store.folder}/new") == []


def test_a_store_that_is_emptied_meanwhile_is_made_anew(store: BlobStore, folder: str) -> None:
    store.put(b"a")
    os.rename(store.folder, f"{folder}/away")
    one = store.put(b"b")
    store.tidy()
    assert store.get(one) == b"b"


def test_a_use_is_noted_once_an_hour(store: BlobStore) -> None:
    one = store.put(b"a")
    for ago, noted in ((blob_store._SETTLED - 60, False), (blob_store._SETTLED + 60, True)):  # noqa: SLF001
        before = time.time() - ago
        used_at(store, one, before)
        assert store.has(one)
        assert (os.stat(store.path(one.hex)).st_mtime > before + 1) == noted
