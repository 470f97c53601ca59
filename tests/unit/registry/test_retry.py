import email.utils
import time

import pytest

from runner.errors import RunError
from runner.registry.retry import Patience, TemporaryError, Tries, retry_after


def test_each_pause_is_up_to_twice_the_last_one_and_then_it_is_over() -> None:
    slept: list[float] = []
    tries = Tries(Patience(attempts=6, pause=1, longest_pause=5), slept.append)
    for _ in range(5):
        tries.pause(TemporaryError("it broke off"))
    with pytest.raises(RunError) as caught:
        tries.pause(TemporaryError("it broke off"))
    assert caught.value.message == "it broke off (6 attempts)"
    assert len(slept) == 5
    for pause, most in zip(slept, (1, 2, 4, 5, 5), strict=True):
        assert most / 2 <= pause <= most


def test_a_server_that_was_never_reached_is_given_up_sooner() -> None:
    slept: list[float] = []
    tries = Tries(Patience(first_attempts=3), slept.append)
    for _ in range(2):
        tries.pause(TemporaryError("nobody there", connected=False))
    with pytest.raises(RunError, match="nobody there \\(3 attempts\\)"):
        tries.pause(TemporaryError("nobody there", connected=False))
    assert len(slept) == 2


def test_progress_makes_it_begin_anew() -> None:
    slept: list[float] = []
    tries = Tries(Patience(attempts=2), slept.append)
    for _ in range(20):
        tries.pause(TemporaryError("it broke off"))
        tries.progress()
    assert len(slept) == 20


def test_a_server_that_says_when_is_obeyed_within_reason() -> None:
    slept: list[float] = []
    tries = Tries(Patience(longest_wait=60), slept.append)
    tries.pause(TemporaryError("busy", 7))
    assert slept == [7]
    with pytest.raises(RunError) as caught:
        tries.pause(TemporaryError("busy", 61))
    assert caught.value.message == "busy; it wants to be asked again in 61 seconds"
    assert caught.value.hint == "run again then"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        (" 12 ", 12),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("9" * 30, 999_999_999),
    ],
)
def test_seconds(text: str, seconds: float | None) -> None:
    assert retry_after(text) == seconds


def test_a_date_is_seconds_from_now() -> None:
    found = retry_after(email.utils.formatdate(time.time() + 1000, usegmt=True))
    assert found is not None
    assert 900 < found <= 1000
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
