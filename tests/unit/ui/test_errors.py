import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import Faults, FileError, PyrunError, UsageError
from runner.location import Position
from runner.ui.errors import render


def shown(error: PyrunError, *lines: str) -> str:
    """What a user reads of an error in a file of these lines, named as from a folder beside it."""
    return render(
        error,
        lambda at: lines[at.line - 1] if at.line <= len(lines) else None,
        lambda path: f"../{path}",
    )


def at(line: int, column: int, length: int = 1) -> Position:
    return Position("tasks.yml", line, column, length)


def test_an_error_says_where_what_and_what_would_be_right_and_shows_the_line() -> None:
    error = FileError("`rn` is not a key of a task", at(3, 5, 2), "did you mean `run`?")
    assert shown(error, "tasks:", "  a:", "    rn: x") == (
        "pyrun: ../tasks.yml:3:5: `rn` is not a key of a task\n"
        "  3 |     rn: x\n"
        "    |     ^^\n"
        "  did you mean `run`?\n"
    )


def test_what_is_not_known_is_left_out() -> None:
    assert shown(UsageError("there is no task `x`")) == "pyrun: there is no task `x`\n"
    assert shown(UsageError("no", None, "yes")) == "pyrun: no\n  yes\n"
    assert shown(FileError("no", at(9, 1)), "one line") == "pyrun: ../tasks.yml:9:1: no\n"


def test_many_errors_follow_each_other() -> None:
    errors = Faults((FileError("one", at(1, 1), "a"), FileError("two", at(1, 3))))
    assert shown(errors, "x y") == (
        "pyrun: ../tasks.yml:1:1: one\n  1 | x y\n    | ^\n  a\n"
        "pyrun: ../tasks.yml:1:3: two\n  1 | x y\n    |   ^\n"
    )


@pytest.mark.parametrize(
    ("line", "place", "below"),
    [
        ("abc", at(1, 1, 3), "^^^"),
        ("abc", at(1, 3, 9), "  ^"),
        ("abc", at(1, 4), "   ^"),
        ("", at(1, 1), "^"),
        ("\ta\tb", at(1, 4), "\t \t^"),
        ("é ü x", at(1, 5), "    ^"),
    ],
)
def test_the_caret_stands_below_the_place(line: str, place: Position, below: str) -> None:
    assert shown(FileError("m", place), line).splitlines()[1:] == [f"  1 | {line}", f"    | {below}"]


def test_the_bars_stand_below_each_other_whatever_the_line_number() -> None:
    rows = shown(FileError("m", at(123, 2)), *["ab"] * 123).splitlines()[1:]
    assert rows == ["  123 | ab", "      |  ^"]


letters = st.text(st.sampled_from("ab \té"), max_size=400)


@settings(max_examples=500)
@given(letters, st.integers(1, 401), st.integers(1, 500))
def test_a_line_of_any_width_is_shown_around_the_place(line: str, column: int, length: int) -> None:
    column = min(column, len(line) + 1)
    _, text, carets = shown(FileError("m", at(1, column, length)), line).split("\n")[:3]
    text, carets = text.removeprefix("  1 | "), carets.removeprefix("    | ")
    assert text in line
    assert len(text) <= 160
    assert len(carets) <= len(text) + 1
    blanks = carets.rstrip("^")
    marked = text[len(blanks) : len(carets)]
    # The carets are below what stands at the place, and tabs below tabs.
    assert [letter == "\t" for letter in blanks] == [letter == "\t" for letter in text[: len(blanks)]]
    assert line[column - 1 :].startswith(marked)
    if column <= len(line):
        assert marked
    assert 1 <= carets.count("^") <= length


@pytest.mark.parametrize("letter", ["\x1b", "\x07", "\r", "\0", "\x7f", "\x9b", "\x0c"])
def test_what_a_terminal_would_obey_is_not_passed_on(letter: str) -> None:
    error = FileError(f"`{letter}[31m` is no key", at(1, 3), f"not `{letter}`")
    text = shown(error, f"a {letter}[31m")
    assert letter not in text
    assert text.splitlines()[1:3] == ["  1 | a \ufffd[31m", "    |   ^"]


def test_bytes_that_are_no_text_are_passed_on() -> None:
    assert "\udcff" in shown(UsageError("there is no task `\udcff`"))
