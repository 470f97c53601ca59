import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.events import (
    CommandStarted,
    Event,
    ImagePushed,
    ImagePushing,
    ImageReady,
    Noticed,
    TaskFailed,
    TaskFinished,
    TaskSkipped,
    TaskStarted,
)
from runner.ui.plain import (
    NORMAL,
    QUIET,
    SILENT,
    VERBOSE,
    PlainReporter,
    duration,
    size,
    write_bytes,
    write_text,
)
from runner.ui.progress import ProgressLine


def written(level: int, *events: Event) -> str:
    """What is told of some events."""
    reader, writer = os.pipe()
    reporter = PlainReporter(level, writer)
    for event in events:
        reporter.tell(event)
    os.close(writer)
    with open(reader, "rb") as file:
        return file.read().decode("utf-8", "surrogateescape")


def pushed(sent: tuple[int, int], mounted: int, there: int, tags: int) -> ImagePushed:
    return ImagePushed(("x/y:1", "x/y:2"), "sha256:1", sent, mounted, there, tags)


def image(skipped: bool) -> ImageReady:
    return ImageReady("image x", ("shop/x:latest",), "sha256:1", (2, 1), 10, 20, "", skipped, "as it was")


@pytest.mark.parametrize(
    ("event", "text", "lowest"),
    [
        (CommandStarted("build x", "go build"), "build x $ go build", NORMAL),
        (CommandStarted("a", "one\n  two\nthree\n"), "a $ one\n      two\n    three", NORMAL),
        (CommandStarted("a", ""), "a $ ", NORMAL),
        (TaskFailed("a", 7, "make all"), "pyrun: a failed with exit status 7: make all", QUIET),
        (TaskFailed("a", 7, "\n one\n two\n"), "pyrun: a failed with exit status 7: one …", QUIET),
        (TaskFailed("a", 130, ""), "pyrun: a failed with exit status 130", QUIET),
        (Noticed("the clock goes back"), "pyrun: the clock goes back", QUIET),
        (TaskSkipped("a", True, "nothing changed", 5), "a: up to date (nothing changed)", NORMAL),
        (TaskSkipped("a", False, "nothing changed", 5), "a: up to date (nothing changed)", VERBOSE),
        (TaskStarted("a", "b changed"), "a: runs, because b changed", VERBOSE),
        (TaskFinished("a", 1234), "a: done in 1.2 s", VERBOSE),
        (image(True), "image x: up to date (as it was)", NORMAL),
        (pushed((2, 4_200_000), 0, 0, 1), "pushed x/y:1 x/y:2: 2 blobs sent, 4.2 MB", NORMAL),
        (
            pushed((1, 12), 3, 2, 2),
            "pushed x/y:1 x/y:2: 1 blob sent, 12 B; 3 taken from another repository; 2 there",
            NORMAL,
        ),
        (pushed((0, 0), 0, 4, 1), "pushed x/y:1 x/y:2: nothing sent; 4 there", NORMAL),
        (pushed((0, 0), 0, 0, 0), "pushed x/y:1 x/y:2: it was there", NORMAL),
    ],
)
def test_an_event_is_told_from_this_level_on(event: Event, text: str, lowest: int) -> None:
    for level in (SILENT, QUIET, NORMAL, VERBOSE):
        assert written(level, event) == (f"{text}\n" if level >= lowest else "")


def test_an_image_that_was_made_is_kept_for_the_table_and_told_by_it() -> None:
    reader, writer = os.pipe()
    reporter = PlainReporter(VERBOSE, writer)
    for skipped in (False, True):
        reporter.tell(image(skipped))
    os.close(writer)
    with open(reader, "rb") as file:
        assert file.read() == b"image x: up to date (as it was)\n"
    assert [one.skipped for one in reporter.images] == [False, True]


def test_events_are_told_in_their_order() -> None:
    told = written(VERBOSE, TaskStarted("a", "x"), CommandStarted("a", "y"), TaskFinished("a", 1))
    assert told == "a: runs, because x\na $ y\na: done in 1 ms\n"


def test_text_is_utf8_and_other_bytes_stay_as_they_were() -> None:
    reader, writer = os.pipe()
    write_text(writer, "é → \udcff")
    os.close(writer)
    with open(reader, "rb") as file:
        assert file.read() == b"\xc3\xa9 \xe2\x86\x92 \xff"


def test_nobody_reading_is_told() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        PlainReporter(QUIET, writer).tell(Noticed("x"))
    os.close(writer)


# Numbers


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (1299, "1.2 s"), (59_999, "59.9 s"), (60_000, "1 m 0 s"),
        (125_999, "2 m 5 s"), (3_600_000, "60 m 0 s"),
    ],
)  # fmt: skip
def test_a_duration_is_shown_so(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1500, "1.5 kB"), (8_530_000, "8.53 MB"), (787_000_000, "787 MB"),
        (1_234_000_000, "1.23 GB"), (10**12, "1000 GB"), (12_345 * 10**9, "12345 GB"), (999_999, "1 MB"),
        (999_600_000, "1 GB"),
    ],
)  # fmt: skip
def test_a_size_is_shown_so(count: int, text: str) -> None:
    assert size(count) == text


@given(
    st.integers(0, 10**13)
    | st.builds(lambda at, off: 10**at - off, st.integers(0, 13), st.integers(-9, 9999)).filter(
        lambda n: n >= 0
    )
)
def test_a_size_is_right_to_three_digits_and_never_in_powers(count: int) -> None:
    number, _, unit = size(count).partition(" ")
    scale = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}[unit]
    assert abs(float(number) * scale - count) <= 0.0051 * count
    assert "e" not in number


@given(st.integers(0, 10**8) | st.integers(59_900, 60_100))
def test_a_duration_is_right_to_a_tenth_and_no_part_overflows(milliseconds: int) -> None:
    words = duration(milliseconds).split()
    parts = dict(zip(words[1::2], map(float, words[::2]), strict=True))
    whole = sum(value * {"ms": 1, "s": 1000, "m": 60_000}[unit] for unit, value in parts.items())
    assert abs(whole - milliseconds) < 1000
    assert parts.get("s", 0) < 60
    assert parts.get("ms", 0) < 1000


# Writing


def test_all_is_written_to_a_pipe_that_takes_little_at_once() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    data = os.urandom(500_000)
    got = bytearray()

    def read() -> None:
        while chunk := os.read(reader, 4096):
            got.extend(chunk)

    thread = threading.Thread(target=read)
    thread.start()
    write_bytes(writer, data)
    os.close(writer)
    thread.join()
    os.close(reader)
    assert bytes(got) == data


def test_a_push_shows_on_the_last_line_of_a_terminal_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("runner.ui.progress.time.monotonic", lambda: now[0])
    drawn: list[bytes] = []
    reporter = PlainReporter(NORMAL, -1)
    reporter.line = ProgressLine(2, -1, lambda _, data: drawn.append(data))
    for done in (0, 2_000_000, 4_000_000):
        now[0] += 1
        reporter.tell(ImagePushing(done, 4_000_000))
    assert drawn == [b"[0/2] pushed 0 B of 4 MB", b"\r\x1b[K", b"[0/2] pushed 2 MB of 4 MB", b"\r\x1b[K"]
