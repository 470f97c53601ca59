import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.model.codec import write_json
from runner.plan.file_state import BEGUN, CHANGED, FAILED, FileState, LogEntry
from runner.store import build_log
from runner.store.build_log import FORMAT, BuildLog

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def entry(name: str = '["t"]', key: str = "k", milliseconds: int = 12) -> LogEntry:
    return LogEntry(
        name, key, (("command 1", "abc"),), (FileState("a", "1,2", False, "dd", 3),),
        (FileState("bin/\udcff é", "", True, "ee", 0),), milliseconds, "host", (), 1700,
    )  # fmt: skip


@pytest.fixture
def top(tmp_path: "os.PathLike[str]") -> str:
    return os.fspath(tmp_path)


def content(top: str) -> bytes:
    with open(f"{top}/.pyrun/log", "rb") as file:
        return file.read()


def write(top: str, data: bytes) -> None:
    os.makedirs(f"{top}/.pyrun", exist_ok=True)
    with open(f"{top}/.pyrun/log", "wb") as file:
        file.write(data)


def test_what_is_recorded_is_found_by_the_same_and_by_the_next_run(top: str) -> None:
    log = BuildLog(top)
    assert log.entry('["t"]') is None
    assert dict(log.durations()) == {}
    log.record(entry())
    for one in (log, BuildLog(top)):
        assert one.entry('["t"]') == entry()
        assert one.entry('["u"]') is None
        assert dict(one.durations()) == {'["t"]': 12}


def test_looking_makes_no_file(top: str) -> None:
    BuildLog(top).entry("x")
    BuildLog(top).durations()
    assert os.listdir(top) == []


def test_the_folder_of_state_is_kept_out_of_git(top: str) -> None:
    BuildLog(top).record(entry())
    with open(f"{top}/.pyrun/.gitignore", encoding="utf-8") as file:
        assert file.read() == "*\n"


def test_the_later_of_two_records_holds(top: str) -> None:
    log = BuildLog(top)
    for key in ("one", "two", "three"):
        log.record(entry(key=key))
    assert log.entry('["t"]') == BuildLog(top).entry('["t"]') == entry(key="three")


names = st.text(st.sampled_from('ab"\\,[]\n\t\0é\udcff'), max_size=6)
states = st.lists(
    st.builds(FileState, names, names, st.booleans(), names, st.integers(0, 2**60)), max_size=2
).map(tuple)
entries = st.builds(
    LogEntry, names, names, st.lists(st.tuples(names, names), max_size=2).map(tuple), states, states,
    st.integers(0, 10**9), st.just("host"), st.lists(names, max_size=2).map(tuple), st.integers(0, 2**40),
)  # fmt: skip


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(entries, max_size=6))
def test_any_records_come_back(top: str, recorded: list[LogEntry]) -> None:
    write(top, b"")
    log = BuildLog(top)
    for one in recorded:
        log.record(one)
    again = BuildLog(top)
    last = {one.id: one for one in recorded}
    assert {name: again.entry(name) for name in last} == last
    assert dict(again.durations()) == {name: one.milliseconds for name, one in last.items()}


# Marks


@pytest.mark.parametrize("made", [BEGUN, FAILED, CHANGED])
def test_a_run_that_did_not_succeed_makes_the_one_before_count_no_more_and_keeps_what_it_was(
    top: str, made: str
) -> None:
    log = BuildLog(top)
    log.record(entry())
    log.mark('["t"]', made, ("bin/x",), ("bin/y",))
    log.mark('["u"]', made, ())
    for one in (log, BuildLog(top)):
        found, other = one.entry('["t"]'), one.entry('["u"]')
        assert found is not None
        assert other is not None
        assert (found.counts, found.made, found.left, found.others) == (False, made, ("bin/x",), ("bin/y",))
        assert (found.key, found.sources, found.when) == (entry().key, entry().sources, 1700)
        assert (other.counts, other.key, other.made) == (False, "", made)
        assert dict(one.durations()) == {'["t"]': 12}
    log.record(entry())
    for one in (log, BuildLog(top)):
        assert one.entry('["t"]') == entry()
        assert entry().counts


def test_marks_outlive_the_file_being_written_anew(top: str) -> None:
    log = BuildLog(top)
    log.record(entry("marked"))
    log.mark("marked", BEGUN, ("x",))
    for number in range(300):
        log.record(entry(milliseconds=number))
        log.mark('["t"]', FAILED, ())
    assert content(top).count(b"\n") < 300
    again = BuildLog(top).entry("marked")
    assert again is not None
    assert (again.made, again.left, again.key) == (BEGUN, ("x",), "k")


# Other runs


def test_what_another_run_records_is_taken_in_when_asked(top: str) -> None:
    mine, other = BuildLog(top), BuildLog(top)
    assert mine.entry("a") is None
    assert not mine.refresh()
    other.record(entry("a"))
    mine.record(entry("b"))
    assert mine.entry("a") is None
    assert mine.refresh()
    assert mine.entry("a") == entry("a")
    other.mark("a", FAILED, ())
    assert mine.refresh()
    found = mine.entry("a")
    assert found is not None
    assert not found.counts
    for number in range(450):
        other.record(entry("a", milliseconds=number))
    assert mine.refresh()
    assert mine.entry("a") == entry("a", milliseconds=449)
    assert mine.entry("b") == entry("b")
    mine.record(entry("c"))
    assert not mine.refresh()


def test_what_was_taken_in_when_the_file_was_written_anew_is_news_too(top: str) -> None:
    mine, other = BuildLog(top), BuildLog(top)
    mine.record(entry())
    other.record(entry("other"))
    for number in range(250):
        mine.record(entry(milliseconds=number))
    assert mine.entry("other") == entry("other")
    assert mine.refresh()
    assert not mine.refresh()


def test_writing_anew_loses_nothing_that_another_run_has_recorded(top: str) -> None:
    one, two = BuildLog(top), BuildLog(top)
    for number in range(700):
        one.record(entry(f"one{number % 5}", milliseconds=number))
        two.record(entry(f"two{number % 5}", milliseconds=number))
    for log in (BuildLog(top),):
        for name in ("one", "two"):
            assert [log.entry(f"{name}{n}") for n in range(5)] == [
                entry(f"{name}{n}", milliseconds=695 + n) for n in range(5)
            ]
    assert content(top).count(b"\n") < 300


# Damage


def test_a_record_torn_anywhere_is_passed_over_and_the_next_one_counts(top: str) -> None:
    log = BuildLog(top)
    log.record(entry("one"))
    whole = len(content(top))
    log.record(entry("two"))
    data = content(top)
    for end in range(whole, len(data) - 1):
        write(top, data[:end])
        again = BuildLog(top)
        assert again.entry("one") == entry("one")
        assert again.entry("two") is None
        again.record(entry("three"))
        last = BuildLog(top)
        assert (last.entry("one"), last.entry("three")) == (entry("one"), entry("three"))
        assert last.entry("two") is None


def test_a_record_torn_anywhere_leaves_what_was_known_before_it(top: str) -> None:
    log = BuildLog(top)
    log.record(entry())
    log.mark('["t"]', BEGUN, ("left",))
    whole = len(content(top))
    log.record(entry(key="new"))
    data = content(top)
    for end in range(whole, len(data) - 1):
        write(top, data[:end])
        BuildLog(top).record(entry("other"))
        found = BuildLog(top).entry('["t"]')
        assert found is not None
        assert (found.key, found.made, found.left) == ("k", BEGUN, ("left",)), end


def test_a_log_torn_in_its_first_line_is_begun_anew(top: str) -> None:
    for end in range(1, len(FORMAT)):
        write(top, FORMAT[:end])
        BuildLog(top).record(entry())
        assert BuildLog(top).entry('["t"]') == entry()


@pytest.mark.parametrize(
    "data", [b"pyrun build log 1\n", b"pyrun build log 1x\n", b"\0\0\0", b"something else"]
)
def test_the_log_of_another_version_is_put_aside(top: str, data: bytes) -> None:
    write(top, data)
    log = BuildLog(top)
    assert log.entry('["t"]') is None
    log.record(entry())
    assert BuildLog(top).entry('["t"]') == entry()
    with open(f"{top}/.pyrun/log.old", "rb") as file:
        assert file.read() == data


@pytest.mark.parametrize(
    "line",
    [b"null", b"[]", b"[1,2]", b"{", b"", b'"\xff"', b"[[[[", b'["k",[["a"]],[],[],1,"host"]', b"[" * 100_000,
     b'["k",[],[["a"]],[],1,"host"]', b'["k",[],[],[],1,"host",2]', b'["k",5,[],[],[],[],1,"host",0]',
     b'["begun",[', b'["failed",[1,{}]]x'],
)  # fmt: skip
def test_a_line_that_is_none_is_no_record_and_the_others_are(top: str, line: bytes) -> None:
    BuildLog(top).record(entry("good"))
    write(top, content(top) + b'"bad"\t' + line + b"\n")
    log = BuildLog(top)
    assert log.entry("bad") is None
    assert log.entry("good") == entry("good")
    assert log.durations()["good"] == 12


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 400), st.integers(0, 20), st.binary(max_size=6))
def test_damage_costs_records_and_nothing_else(top: str, at: int, gone: int, new: bytes) -> None:
    write(top, b"")
    log = BuildLog(top)
    for name in ("one", "two", "three"):
        log.record(entry(name))
    data = content(top)
    write(top, data[:at] + new + data[at + gone :])
    again = BuildLog(top)
    assert all(isinstance(again.entry(name), LogEntry | None) for name in ("one", "two", "three"))
    again.durations()
    again.record(entry("four"))
    assert BuildLog(top).entry("four") == entry("four")


# Size


def test_a_log_of_outdated_lines_is_written_anew(top: str) -> None:
    log = BuildLog(top)
    log.record(entry("other"))
    most = 0
    for number in range(700):
        log.record(entry(milliseconds=number))
        most = max(most, content(top).count(b"\n"))
    assert most < 250
    assert BuildLog(top).entry('["t"]') == entry(milliseconds=699)
    assert BuildLog(top).entry("other") == entry("other")
    assert sorted(os.listdir(f"{top}/.pyrun")) == [".gitignore", "log"]


def test_it_is_written_anew_too_if_each_run_adds_one_line(top: str) -> None:
    for number in range(450):
        BuildLog(top).record(entry(milliseconds=number))
    assert content(top).count(b"\n") < 250
    assert BuildLog(top).entry('["t"]') == entry(milliseconds=449)


APPEND = """
import sys
from runner.plan.file_state import LogEntry
from runner.store.build_log import BuildLog
top, mark = sys.argv[1:]
print("ready", flush=True)
sys.stdin.read(1)
log = BuildLog(top)
for number in range(300):
    log.record(LogEntry(f"{mark}{number}", mark * 500, (), (), (), number, "host"))
"""


def test_two_at_once_tear_no_line_of_each_other(top: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, top, mark], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for mark in "ab"
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        process.communicate(b"\n", timeout=60)
        assert process.returncode == 0
    log = BuildLog(top)
    for mark in "ab":
        for number in range(300):
            found = log.entry(f"{mark}{number}")
            assert found is not None
            assert (found.key, found.milliseconds) == (mark * 500, number)
    assert len(content(top).splitlines()) in {601, 602}


def test_only_digests_are_in_the_file(top: str) -> None:
    BuildLog(top).record(entry())
    line = content(top).removeprefix(FORMAT).decode()
    assert line == (
        f'{write_json(entry().id)}\t["k",[["command 1","abc"]],[["a","1,2",false,"dd",3]],'
        '[["bin/\\udcff \\u00e9","",true,"ee",0]],[],[],12,"host",1700]\n'
    )


def test_what_is_forgotten_is_gone_for_the_next_run_too(top: str) -> None:
    log = BuildLog(top)
    ids = [write_json(["t"]), write_json(["t", ["a", "1"]]), write_json(["tt"]), f"{write_json(['t'])} key"]
    for name in ids:
        log.record(entry(name))
    assert log.forget("t") == 3
    for one in (log, BuildLog(top)):
        assert [one.entry(name) is None for name in ids] == [True, True, False, True]
    assert BuildLog(top).forget("t") == 0
    assert BuildLog(top).forget() == 1
    assert BuildLog(top).entry(ids[2]) is None


def test_forgetting_where_nothing_ran_makes_no_file(top: str) -> None:
    assert BuildLog(top).forget() == 0
    assert os.listdir(top) == []


def test_the_oldest_records_go_when_there_are_too_many(top: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_log, "_MOST", 10)
    monkeypatch.setattr(build_log, "_SPARE_LINES", 5)
    log = BuildLog(top)
    for number in range(100):
        log.record(entry("first"))
        log.record(entry(f"n{number}"))
    kept = BuildLog(top)
    assert kept.entry("first") is not None
    assert kept.entry("n99") is not None
    assert kept.entry("n50") is None
    assert len(content(top).splitlines()) < 40
