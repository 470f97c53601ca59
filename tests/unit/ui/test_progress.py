import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.ui.progress import ProgressLine, cut


class Screen:
    """A terminal's last line."""

    def __init__(self) -> None:
        self.text = ""
        self.writes = 0

    def write(self, _target: int, data: bytes) -> None:
        self.writes += 1
        before, erased, text = data.decode().rpartition("\r\x1b[K")
        assert not before
        self.text = text if erased else self.text + text


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test may set."""
    now = [100.0]
    monkeypatch.setattr("runner.ui.progress.time.monotonic", lambda: now[0])
    return now


def test_the_line_is_drawn_again_when_it_is_due_and_only_then(clock: list[float]) -> None:
    screen = Screen()
    line = ProgressLine(3, os.open(os.devnull, os.O_RDONLY), screen.write)
    line.refresh()
    assert (line.patience(), screen.text) == (None, "")
    first = line.add("a", direct=False)
    line.refresh()
    assert (line.patience(), screen.text) == (None, "[0/3] running a")
    line.add("b", direct=False)
    line.refresh()
    assert screen.text == "[0/3] running a"
    assert (line.patience() or 0) > 50
    clock[0] += 1
    line.refresh()
    line.refresh()
    assert (screen.text, screen.writes) == ("[0/3] running a, b", 3)
    line.remove(first)
    line.count(1)
    line.clear()
    line.clear()
    assert (screen.text, screen.writes) == ("", 4)
    clock[0] += 1
    line.refresh()
    assert screen.text == "[1/3] running b"


def test_the_line_stays_away_while_a_task_has_the_terminal(clock: list[float]) -> None:
    screen = Screen()
    line = ProgressLine(2, -1, screen.write)
    line.add("a", direct=False)
    line.refresh()
    shell = line.add("shell", direct=True)
    clock[0] += 1
    line.refresh()
    assert (line.patience(), screen.text) == (None, "")
    line.remove(shell)
    line.refresh()
    assert screen.text == "[0/2] running a"


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("a\nb\x1b[31m", 20, "a?b?[31m"),
        ("abc", 0, ""),
        ("e\u0301e\u0301", 2, "e\u0301e\u0301"),
    ],
)
def test_a_line_is_cut_to_the_width(text: str, width: int, shown: str) -> None:
    assert cut(text, width) == shown


@given(st.text(), st.integers(0, 200))
def test_nothing_is_shown_that_moves_the_cursor(text: str, width: int) -> None:
    assert cut(text, width).isprintable()
