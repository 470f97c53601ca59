import errno
import fcntl
import hashlib
import os
import socket
from collections.abc import Callable

import pytest

from runner.digest import digest_of
from runner.system import copy_file as module
from runner.system.copy_file import copy_and_digest, copy_file, copy_verified, file_has

MIB = 1 << 20
CONTENTS = [
    b"",
    b"x",
    b"one line\n",
    bytes(range(256)) * 4096,
    b"x" * (MIB - 1),
    b"y" * MIB,
    b"z" * (MIB + 1),
]


@pytest.fixture
def folder(tmp_path: "os.PathLike[str]") -> str:
    return os.fspath(tmp_path)


@pytest.fixture(params=["as the system can", "no sharing", "no help of the system"])
def _system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, "no")

    monkeypatch.setattr(module, "_clones", {})
    if request.param != "as the system can":
        monkeypatch.setattr(fcntl, "ioctl", refuse)
    if request.param == "no help of the system":
        monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)


def write(path: str, data: bytes) -> str:
    with open(path, "wb") as file:
        file.write(data)
    return path


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


@pytest.mark.usefixtures("_system")
@pytest.mark.parametrize("data", CONTENTS, ids=len)
def test_a_copy_has_the_content_and_is_another_file(folder: str, data: bytes) -> None:
    source = write(f"{folder}/a", data)
    copy_file(source, f"{folder}/b", executable=False)
    assert copy_and_digest(source, f"{folder}/c") == digest_of(data)
    assert copy_verified(source, f"{folder}/d", digest_of(data).hex, executable=True) is not None
    for name in "bcd":
        assert read(f"{folder}/{name}") == data
        assert os.stat(f"{folder}/{name}").st_nlink == 1
    write(f"{folder}/b", b"other")
    assert read(source) == data


@pytest.mark.usefixtures("_system")
def test_all_that_a_copy_holds_is_shown(folder: str) -> None:
    data = b"abc" * MIB
    seen: list[bytes] = []
    copy_and_digest(write(f"{folder}/a", data), f"{folder}/b", seen.append)
    assert b"".join(seen) == data


def test_modes_are_of_two_kinds_minus_the_umask(folder: str) -> None:
    source = write(f"{folder}/a", b"x")
    os.chmod(source, 0o600)
    before = os.umask(0o027)
    try:
        copy_file(source, f"{folder}/b", executable=False)
        copy_file(source, f"{folder}/c", executable=True)
        copy_and_digest(source, f"{folder}/d")
    finally:
        os.umask(before)
    assert [os.stat(f"{folder}/{name}").st_mode & 0o7777 for name in "bcd"] == [0o640, 0o750, 0o440]


def test_what_is_there_stays(folder: str) -> None:
    source = write(f"{folder}/a", b"new")
    write(f"{folder}/b", b"old")
    os.symlink("c", f"{folder}/l")
    for name in ("b", "l"):
        with pytest.raises(FileExistsError):
            copy_file(source, f"{folder}/{name}", executable=False)
    assert sorted(os.listdir(folder)) == ["a", "b", "l"]
    assert read(f"{folder}/b") == b"old"


def test_a_damaged_original_gives_no_copy(folder: str) -> None:
    source = write(f"{folder}/a", b"flipped")
    assert copy_verified(source, f"{folder}/b", digest_of(b"flopped").hex, executable=False) is None
    assert os.listdir(folder) == ["a"]


def test_what_is_no_file_is_refused_at_once(folder: str) -> None:
    os.mkfifo(f"{folder}/pipe")
    os.mkdir(f"{folder}/folder")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"{folder}/s")
        for name in ("pipe", "folder", "s", "none"):
            for copy in (copy_file, copy_verified, copy_and_digest):
                with pytest.raises(OSError, match=f"{folder}/{name}"):
                    call(copy, f"{folder}/{name}", f"{folder}/b")
    assert "b" not in os.listdir(folder)


def call(copy: "Callable[..., object]", source: str, target: str) -> None:
    if copy is copy_file:
        copy_file(source, target, executable=False)
    elif copy is copy_verified:
        copy_verified(source, target, "0" * 64, executable=False)
    else:
        copy_and_digest(source, target)


def test_links_are_followed_only_where_that_was_said(folder: str) -> None:
    write(f"{folder}/a", b"x")
    os.symlink("a", f"{folder}/l")
    copy_file(f"{folder}/l", f"{folder}/b", executable=False)
    assert read(f"{folder}/b") == b"x"
    with pytest.raises(OSError, match="symbolic"):
        copy_and_digest(f"{folder}/l", f"{folder}/c")
    assert not file_has(f"{folder}/l", digest_of(b"x").hex)


@pytest.mark.usefixtures("_system")
def test_a_full_disk_leaves_nothing(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(f"{folder}/a", b"x" * (3 * MIB))
    done = 0

    def full(*args: object) -> int:
        nonlocal done
        done += 1
        if done > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return MIB if len(args) > 2 else len(args[1])  # type: ignore[arg-type]

    if os.copy_file_range.__module__ == "posix":
        monkeypatch.setattr(os, "copy_file_range", full)
    monkeypatch.setattr(os, "write", full)
    for copy in (copy_file, copy_and_digest):
        done = 0
        with pytest.raises(OSError, match="No space left"):
            call(copy, source, f"{folder}/b")
        assert os.listdir(folder) == ["a"]


def test_a_file_without_a_size_is_read_to_its_end(folder: str) -> None:
    copy_file("/proc/cpuinfo", f"{folder}/a", executable=False)
    assert os.path.getsize(f"{folder}/a") > 0
    assert copy_and_digest("/proc/cpuinfo", f"{folder}/b").size > 0


def test_whether_a_file_has_a_content(folder: str) -> None:
    path = write(f"{folder}/a", b"some")
    assert file_has(path, hashlib.sha256(b"some").hexdigest())
    assert not file_has(path, hashlib.sha256(b"other").hexdigest())
    assert not file_has(f"{folder}/none", hashlib.sha256(b"").hexdigest())
    assert not file_has(folder, hashlib.sha256(b"").hexdigest())
