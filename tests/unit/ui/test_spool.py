import errno
import os
from pathlib import Path  # noqa: TID251 - pytest's own folders

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.system.copy_file import write_all
from runner.ui import spool
from runner.ui.spool import Spool


def replayed(held: Spool) -> list[tuple[int, bytes]]:
    """What is handed over, stretches of one stream as one."""
    found: list[tuple[int, bytes]] = []

    def put(number: int, data: bytes) -> None:
        if found and found[-1][0] == number:
            found[-1] = (number, found[-1][1] + data)
        else:
            found.append((number, data))

    held.replay(put)
    return found


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=60)), max_size=20),
    st.sampled_from([1, 50, 1 << 16]),
)
def test_all_is_handed_over_in_order_and_once(data: list[tuple[int, bytes]], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "_IN_MEMORY", most)
        held, other = Spool(), Spool()
        for number, piece in data:
            assert held.put(number, piece)
            other.put(number, piece)
        assert bool(held) == bool(data)
        found = replayed(held)
        for number in (1, 2):
            mine = b"".join(piece for one, piece in data if one == number)
            assert b"".join(piece for one, piece in found if one == number) == mine
        assert b"".join(piece for _, piece in found) == b"".join(piece for _, piece in data)
        assert not held
        assert replayed(held) == []
        replayed(other)


def test_nothing_is_left_in_the_folder_and_one_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    for folder in (str(tmp_path), f"{tmp_path}/none"):
        held = Spool(folder)
        assert held.put(1, b"x" * 200_000)
        assert os.listdir(tmp_path) == []
        assert replayed(held) == [(1, b"x" * 200_000)]


def test_a_disk_that_takes_no_more_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Spool()
    assert held.put(1, b"a" * 70_000)
    taken = iter([True, False])

    def full(writes: int, data: bytes) -> None:
        if not next(taken):
            write_all(writes, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        write_all(writes, data)

    monkeypatch.setattr(spool, "write_all", full)
    assert not held.put(2, b"b" * 70_000)
    assert replayed(held) == [(1, b"a" * 70_000), (2, b"b" * 70_000)]
