"""Who is at what, and what a killed run has left: with real processes, killed for real."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from runner.store.run_locks import RunLocks

PATIENCE = 30.0
"""Seconds after which something that must happen is taken for never happening."""

OWNER = """
import os, subprocess, sys, time
from runner.store.run_locks import RunLocks

locks = RunLocks(sys.argv[1])
for word in sys.argv[2:]:
    if word.startswith("take="):
        print("took" if locks.take(word[5:]) else "busy", flush=True)
    elif word.startswith("release="):
        locks.release(word[8:])
        print("released", flush=True)
    elif word == "open":
        locks.open_run()
    elif word == "close":
        locks.close_run()
        print("closed", flush=True)
    elif word.startswith("start="):
        held = () if word.startswith("start=noted") else (locks.inherited,)
        child = subprocess.Popen(["sh", "-c", word.partition(":")[2]], start_new_session=True, pass_fds=held, stdout=2)
        with open(sys.argv[1] + "/started", "a") as file:
            print(child.pid, file=file)
        if not word.startswith("start=unnoted"):
            locks.note(child.pid, ["x"])
        print(child.pid, flush=True)
    elif word == "stay":
        time.sleep(300)
"""
"""A run: does what its words say, and answers a line for each."""

Start = Callable[..., "subprocess.Popen[str]"]


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"this never happened: {what}"
        time.sleep(0.005)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def runs(top: str) -> list[str]:
    return os.listdir(f"{top}/.pyrun/runs")


@pytest.fixture
def top(tmp_path: "os.PathLike[str]") -> str:
    return os.path.realpath(tmp_path)


@pytest.fixture
def start(top: str) -> Iterator[Start]:
    """Starts runs in a project; whatever is left of them in the end is killed."""
    begun: list[subprocess.Popen[str]] = []

    def owner(*words: str) -> "subprocess.Popen[str]":
        environ = {**os.environ, "PYTHONPATH": os.getcwd()}
        argv = [sys.executable, "-c", OWNER, top, *words]
        begun.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environ))
        return begun[-1]

    yield owner
    for process in begun:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    if os.path.exists(f"{top}/started"):
        with open(f"{top}/started", encoding="ascii") as file:
            for pid in filter(alive, map(int, file.read().split())):
                os.killpg(pid, signal.SIGKILL)


def test_only_one_run_is_at_an_action(top: str, start: Start) -> None:
    locks = RunLocks(top)
    assert locks.take("a")
    other = start("take=a", "take=b", "stay")
    assert [line(other), line(other)] == ["busy", "took"]
    assert not locks.take("b")
    locks.release("a")
    third = start("take=a", "release=a", "stay")
    assert [line(third), line(third)] == ["took", "released"]
    assert locks.take("a")
    locks.close_run()


def test_taking_twice_is_one_and_releasing_what_is_not_held_nothing(top: str, start: Start) -> None:
    locks = RunLocks(top)
    locks.release("never")
    assert locks.take("a")
    assert locks.take("a")
    locks.release("other")
    assert line(start("take=a")) == "busy"
    locks.close_run()
    assert line(start("take=a")) == "took"


def test_a_killed_run_is_at_nothing(top: str, start: Start) -> None:
    locks = RunLocks(top)
    other = start("take=a", "stay")
    assert line(other) == "took"
    assert not locks.take("a")
    kill(other)
    assert locks.take("a")
    locks.close_run()


@pytest.mark.parametrize(
    ("how", "command"),
    [
        ("held", "sleep 300"),
        ("held", "setsid sleep 300 & sleep 300"),
        ("held", "setsid -f sleep 300"),
        ("held", "trap '' TERM INT HUP; while :; do sleep 0.1; done"),
        ("unnoted", "sleep 300"),
        ("noted", "sleep 300"),
        ("noted", "sleep 300 & sleep 300"),
        ("noted", "setsid sleep 300 & wait"),
    ],
)
def test_what_a_killed_run_has_left_is_ended(top: str, start: Start, how: str, command: str) -> None:
    run = start("open", f"start={how}:touch {top}/up; {command}", "stay")
    pid = int(line(run))
    until(lambda: os.path.exists(f"{top}/up"), "the command begins")
    kill(run)
    locks = RunLocks(top)
    before = _of(top)
    assert locks.end_left() == 1
    assert not alive(pid)
    assert [one for one in before if alive(one)] == []
    assert runs(top) == []
    assert locks.end_left() == 0
    locks.close_run()


def _of(top: str) -> list[int]:
    """The processes that have the file of a run open."""
    files = [os.stat(f"{top}/.pyrun/runs/{name}") for name in runs(top)]
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            held = [os.stat(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue
        if any(os.path.samestat(one, file) for one in held for file in files):
            found.append(int(pid))
    return found


def test_a_run_that_is_alive_is_left_alone(top: str, start: Start) -> None:
    run = start("open", "start=held:exec sleep 300", "take=a", "stay")
    pid = int(line(run))
    assert line(run) == "took"
    locks = RunLocks(top)
    assert locks.end_left() == 0
    assert alive(pid)
    assert len(runs(top)) == 1
    # Nor does a run end what it has started itself.
    locks.open_run()
    assert locks.end_left() == 0
    locks.close_run()
    assert len(runs(top)) == 1


def test_what_a_run_leaves_on_purpose_stays(top: str, start: Start) -> None:
    run = start("open", "start=held:exec sleep 300", "close")
    pid = int(line(run))
    assert line(run) == "closed"
    run.wait()
    assert runs(top) == []
    locks = RunLocks(top)
    assert locks.end_left() == 0
    assert alive(pid)
    locks.close_run()


def test_a_number_that_is_used_again_is_somebody_else(top: str) -> None:
    bystander = subprocess.Popen(["sleep", "300"], start_new_session=True)
    try:
        os.makedirs(f"{top}/.pyrun/runs")
        dead = subprocess.Popen(["true"])
        dead.wait()
        with open(f"{top}/.pyrun/runs/{dead.pid}-ab", "w", encoding="ascii") as file:
            file.write(f"{bystander.pid} 1\n")
        locks = RunLocks(top)
        locks.end_left()
        assert bystander.poll() is None
        assert runs(top) == []
        locks.close_run()
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize(
    "text", [b"", b"\n\n", b"12", b"a b\n", b"\xff\xfe 1\n", b"-1 5\n", b"1 2 3\n", b"99999999999 5\n"]
)
def test_a_file_that_makes_no_sense_is_taken_away(top: str, text: bytes) -> None:
    os.makedirs(f"{top}/.pyrun/runs")
    for name in ("999999999-ab", "no number", "99999999999999999999-x"):
        with open(f"{top}/.pyrun/runs/{name}", "wb") as file:
            file.write(text)
    locks = RunLocks(top)
    locks.end_left()
    assert runs(top) == []
    locks.close_run()


def test_files_may_go_at_any_moment(top: str, start: Start) -> None:
    locks = RunLocks(top)
    assert locks.end_left() == 0
    locks.open_run()
    locks.open_run()
    assert len(runs(top)) == 1
    os.unlink(f"{top}/.pyrun/runs/{runs(top)[0]}")
    locks.note(os.getpid(), ["x"])
    locks.close_run()
    locks.close_run()
    assert locks.inherited == -1
    run = start("open", "start=held:exec sleep 300", "stay")
    pid = int(line(run))
    kill(run)
    os.unlink(f"{top}/.pyrun/runs/{runs(top)[0]}")
    assert locks.end_left() == 0
    assert alive(pid)
    assert locks.take("a")
    locks.close_run()


def test_of_two_that_come_after_a_killed_run_both_find_it_ended(top: str, start: Start) -> None:
    run = start("open", f"start=held:touch {top}/up; exec sleep 300", "stay")
    pid = int(line(run))
    until(lambda: os.path.exists(f"{top}/up"), "the command begins")
    kill(run)
    ask = "import sys; from runner.store.run_locks import RunLocks; print(RunLocks(sys.argv[1]).end_left())"
    environ = {**os.environ, "PYTHONPATH": os.getcwd()}
    both = [
        subprocess.Popen([sys.executable, "-c", ask, top], stdout=subprocess.PIPE, text=True, env=environ)
        for _ in range(2)
    ]
    counts = sorted(one.communicate(timeout=PATIENCE)[0].strip() for one in both)
    assert counts in (["0", "1"], ["1", "1"])
    assert not alive(pid)
    assert runs(top) == []


def test_what_is_started_holds_the_file_of_its_run(top: str) -> None:
    locks = RunLocks(top)
    locks.open_run()
    name = runs(top)[0]
    assert os.get_inheritable(locks.inherited)
    with open(f"{top}/.pyrun/runs/{name}", "r+b") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    locks.close_run()
