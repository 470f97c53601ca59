"""Stop signals are told by a pipe, and none is lost on the way there."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runner.system import stop_signals
from runner.system.stop_signals import FIRST, PASSED, STOPS, StoppedError, StopSignals

EARLY = """
import os, signal, sys
from runner.system.stop_signals import StopSignals, end_on_signals
"""


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """The handlers are the same before and after, whatever a test found out."""
    before = {number: signal.getsignal(number) for number in (*STOPS, *PASSED, signal.SIGCHLD)}
    yield
    after = {number: signal.getsignal(number) for number in before}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert after == before


def send(*numbers: int) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)


def early(text: str) -> tuple[int, str]:
    """The exit status and the output of a process that begins as a container's first one does."""
    root = os.path.join(os.path.dirname(__file__), "../../..")
    found = subprocess.run(
        [sys.executable, "-c", EARLY + text],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert found.stderr == ""
    return found.returncode, found.stdout


def test_each_signal_is_told_once_in_the_order_in_which_they_came() -> None:
    with StopSignals() as signals:
        assert signals.read() == ()
        send(signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD, signal.SIGTERM)
        assert signals.read() == (signal.SIGHUP, signal.SIGTERM)
        assert signals.read() == ()


def test_what_the_caller_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals() as signals:
            send(signal.SIGHUP)
            assert signals.read() == ()
            assert signal.SIGHUP not in signals.handled
    finally:
        signal.signal(signal.SIGHUP, before)


def test_only_a_stop_signal_interrupts_and_only_while_it_may() -> None:
    with StopSignals() as signals:
        with signals.interruptible():
            send(signal.SIGCHLD)
        with pytest.raises(StoppedError), signals.interruptible():
            send(signal.SIGTERM)
        send(signal.SIGINT)
        assert signals.read() == (signal.SIGTERM, signal.SIGINT)


def test_only_the_first_process_takes_what_is_for_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    with StopSignals() as signals:
        assert not set(PASSED) & set(signals.handled)
    monkeypatch.setattr(stop_signals, "FIRST", os.getpid())
    with StopSignals() as signals:
        assert set(PASSED) <= set(signals.handled)
        send(signal.SIGUSR2, signal.SIGTERM, signal.SIGWINCH, signal.SIGUSR2)
        assert signals.passed() == ()
        assert signals.read() == (signal.SIGTERM,)
        assert signals.passed() == (signal.SIGUSR2, signal.SIGWINCH)
        assert signals.passed() == ()
        with signals.interruptible():
            send(signal.SIGUSR1)
        assert signals.read() == ()
        assert signals.passed() == (signal.SIGUSR1,)


def test_the_first_process_is_number_one() -> None:
    assert FIRST == 1


@pytest.mark.parametrize("number", STOPS)
def test_before_the_work_a_stop_signal_ends_the_process_with_its_status(number: int) -> None:
    text = f"end_on_signals()\nos.kill(os.getpid(), {number:d})\nprint('never')\n"
    assert early(text) == (128 + number, "")


def test_a_signal_that_came_just_before_the_work_is_not_lost() -> None:
    text = """
end_on_signals()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
os.kill(os.getpid(), signal.SIGTERM)
with StopSignals() as signals:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    print(signals.read() == (signal.SIGTERM,))
"""
    assert early(text) == (0, "True\n")


def test_after_the_work_a_stop_signal_ends_the_process_again() -> None:
    text = """
end_on_signals()
with StopSignals():
    pass
os.kill(os.getpid(), signal.SIGHUP)
"""
    assert early(text) == (129, "")


def test_before_the_work_too_what_the_caller_ignores_stays_ignored() -> None:
    text = """
signal.signal(signal.SIGHUP, signal.SIG_IGN)
end_on_signals()
os.kill(os.getpid(), signal.SIGHUP)
print("on")
"""
    assert early(text) == (0, "on\n")
