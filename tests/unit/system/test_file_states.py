import os
import time

import pytest

from runner.digest import digest_of
from runner.plan.file_state import FileState
from runner.system.file_states import COARSE_GRAIN, GRAIN, observe, signature

LONG_AGO = 1_600_000_000_123_456_789


@pytest.fixture
def top(tmp_path: "os.PathLike[str]") -> str:
    return os.fspath(tmp_path)


def write(path: str, data: bytes = b"content", mode: int = 0o644) -> None:
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def settle(path: str) -> None:
    """Wait until the file was changed long enough ago to be trusted by its stat."""
    while os.stat(path).st_ctime_ns + GRAIN >= time.time_ns():
        time.sleep(0.005)


def see(top: str, *paths: str, known: tuple[FileState, ...] = ()) -> tuple[FileState, ...]:
    return observe(top, paths, {state.path: state for state in known})


def test_a_file_is_its_content_its_bit_and_its_size(top: str) -> None:
    write(f"{top}/a", b"one")
    write(f"{top}/b", b"", 0o755)
    settle(f"{top}/b")
    assert see(top, "b", "a") == (
        FileState("b", signature(f"{top}/b") or "", True, digest_of(b"").hex, 0),
        FileState("a", signature(f"{top}/a") or "", False, digest_of(b"one").hex, 3),
    )


@pytest.mark.parametrize(
    ("mode", "executable"), [(0o100, True), (0o744, True), (0o644, False), (0o655, False)]
)
def test_executable_is_what_its_owner_may_execute(top: str, mode: int, executable: bool) -> None:
    write(f"{top}/a", mode=mode | 0o400)
    assert see(top, "a")[0].executable is executable


def test_what_is_not_there_or_no_file_is_left_out(top: str) -> None:
    os.mkdir(f"{top}/folder")
    os.symlink("nowhere", f"{top}/dangling")
    os.symlink("circle", f"{top}/circle")
    write(f"{top}/a")
    paths = ("gone", "folder", "dangling", "circle", "a/b", "nul\0byte", "x" * 300)
    assert [state.path for state in see(top, *paths, "a")] == ["a"]
    assert [signature(f"{top}/{path}") for path in ("gone", "dangling", "circle", "a/b", "nul\0byte")] == [
        None
    ] * 5


def test_a_link_is_what_it_leads_to(top: str) -> None:
    write(f"{top}/a", b"one")
    os.symlink("a", f"{top}/link")
    settle(f"{top}/a")
    assert signature(f"{top}/link") == signature(f"{top}/a")
    assert see(top, "link")[0].digest == digest_of(b"one").hex


def test_a_file_whose_stat_is_as_recorded_is_not_read(top: str) -> None:
    write(f"{top}/a")
    record = FileState("a", signature(f"{top}/a") or "", False, "what the record says", 7)
    assert see(top, "a", known=(record,)) == (record,)
    other = FileState("b", signature(f"{top}/a") or "", False, "of another file", 7)
    assert see(top, "a", known=(other,))[0].digest == digest_of(b"content").hex


def test_every_change_is_found_by_the_stat(top: str) -> None:
    path = f"{top}/a"

    def rewritten() -> None:
        write(path, b"CONTENT")
        os.utime(path, ns=(LONG_AGO, LONG_AGO))

    def replaced() -> None:
        write(f"{path}.new", b"content")
        os.utime(f"{path}.new", ns=(LONG_AGO, LONG_AGO))
        os.replace(f"{path}.new", path)

    for change in (
        rewritten,
        replaced,
        lambda: os.chmod(path, 0o755),
        lambda: os.truncate(path, 3),
        lambda: os.utime(path, ns=(LONG_AGO + 1, LONG_AGO + 1)),
    ):
        write(path)
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
        settle(path)
        before = see(top, "a")
        assert before[0].signature
        change()
        assert signature(path) != before[0].signature


def test_a_file_changed_just_now_is_not_trusted_by_its_stat(top: str) -> None:
    write(f"{top}/a")
    ahead = time.time_ns() + 3_600 * 10**9
    os.utime(f"{top}/a", ns=(ahead, ahead))
    fresh = see(top, "a")
    assert fresh[0].signature == ""
    # So its content is read again, and a change that leaves no trace in the stat is found.
    write(f"{top}/a", b"CONTENT")
    assert see(top, "a", known=fresh)[0].digest == digest_of(b"CONTENT").hex


def test_whole_seconds_are_trusted_later(top: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (LONG_AGO // 10**9) * 10**9

    def stat_of(path: str, mtime: int, now: int) -> str:
        """What is seen of a file whose times are all this one."""
        found = os.stat(path)
        fields = list(found)
        fields[7] = fields[8] = fields[9] = mtime // 10**9
        rest = {"st_atime_ns": mtime, "st_mtime_ns": mtime, "st_ctime_ns": mtime}
        monkeypatch.setattr(os, "fstat", lambda _: os.stat_result(fields, rest))
        monkeypatch.setattr(time, "time_ns", lambda: now)
        seen = see(top, "a")[0].signature
        monkeypatch.undo()
        return seen

    write(f"{top}/a")
    path = f"{top}/a"
    assert not stat_of(path, whole, whole + COARSE_GRAIN)
    assert stat_of(path, whole, whole + COARSE_GRAIN + 1)
    assert not stat_of(path, LONG_AGO, LONG_AGO + GRAIN)
    assert stat_of(path, LONG_AGO, LONG_AGO + GRAIN + 1)


def test_what_may_not_be_read_is_left_out(top: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_more: object) -> None:
        raise PermissionError(13, "no")

    write(f"{top}/a")
    monkeypatch.setattr("builtins.open", refuse)
    seen = see(top, "a")
    monkeypatch.undo()
    assert seen == ()
