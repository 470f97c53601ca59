import errno
import os
from pathlib import Path  # noqa: TID251 - pytest's own folders

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.system import task_log
from runner.system.task_log import TaskLog, forget_log, log_path, packed, replay

pieces = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=300)), max_size=20)


def refused(why: str) -> None:
    """Nothing is refused in these tests."""
    pytest.fail(why)


def joined(data: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Pieces of one stream that follow each other as one."""
    found: list[tuple[int, bytes]] = []
    for number, piece in data:
        if found and found[-1][0] == number:
            found[-1] = (number, found[-1][1] + piece)
        elif piece:
            found.append((number, piece))
    return found


def replayed(path: str) -> tuple[bool, list[tuple[int, bytes]]]:
    """What is handed over."""
    found: list[tuple[int, bytes]] = []
    done = replay(path, lambda number, data: found.append((number, data)))
    return done, joined(found)


@settings(max_examples=200)
@given(pieces, st.sampled_from([1, 7, 1 << 16]))
def test_a_log_is_replayed_in_order_and_is_the_plain_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: list[tuple[int, bytes]], buffer: int
) -> None:
    path = str(tmp_path_factory.mktemp("log") / "a.log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task_log, "_BUFFER", buffer)
        log = TaskLog(path, refused)
        for number, piece in data:
            log.put(number, piece)
        assert log.close()
        with open(path, "rb") as file:
            assert file.read() == b"".join(piece for _, piece in data)
        assert replayed(path) == (True, joined(data))
        with packed(path) as single:
            assert single is not None
            os.rename(single, f"{path}.blob")
        assert replayed(f"{path}.blob") == (True, joined(data))
    assert sorted(os.listdir(os.path.dirname(path))) == ["a.log", "a.log.blob", "a.streams"]


def test_only_the_last_run_is_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "a.log")
    for text in (b"a long first one", b"two"):
        log = TaskLog(path, refused)
        log.put(2, text)
        assert log.close()
    assert replayed(path) == (True, [(2, b"two")])
    forget_log(path)
    forget_log(path)
    assert os.listdir(tmp_path) == []
    assert replayed(path) == (False, [])
    with packed(path) as single:
        assert single is None


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_log_is_no_fault_and_hands_over_nothing_or_what_is_there(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("log")
    path = str(folder / "a.log")
    log = TaskLog(path, refused)
    for number, piece in data.draw(pieces):
        log.put(number, piece)
    log.close()
    with packed(path) as single:
        assert single is not None
        os.rename(single, folder / "blob")
    name = data.draw(st.sampled_from(["a.log", "a.streams", "blob"]))
    (folder / name).write_bytes(data.draw(st.binary(max_size=400) | damaged((folder / name).read_bytes())))
    done, found = replayed(str(folder / "blob") if name == "blob" else path)
    assert done or found == []


def damaged(data: bytes) -> st.SearchStrategy[bytes]:
    """Bytes that are cut, or of which one is another."""
    cut = st.integers(0, len(data)).map(lambda n: data[:n])
    if not data:
        return cut
    changed = st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255))
    return cut | changed.map(lambda pair: data[: pair[0]] + bytes([pair[1]]) + data[pair[0] + 1 :])


def test_a_disk_that_takes_no_more_ends_the_log_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    path = str(tmp_path / "a.log")
    log = TaskLog(path, told.append)
    log.put(1, b"x" * (1 << 16))

    def full(_path: str, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(task_log, "_append", full)
    for _ in range(3):
        log.put(1, b"x" * (1 << 16))
    assert not log.close()
    assert told == ["No space left on device"]
    assert os.listdir(tmp_path) == []


def test_the_name_is_of_the_action() -> None:
    path = log_path("/top", "build \udcff")
    assert path.startswith("/top/.pyrun/logs/")
    assert len(os.path.basename(path)) == 32 + len(".log")
    assert path != log_path("/top", "build")
