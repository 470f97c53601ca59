import fcntl
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.execute.streams import _LONGEST_LINE, Lines, Stream


class Sink:
    """What was written, and whereto."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.targets: set[int] = set()

    def write(self, target: int, data: bytes) -> None:
        self.targets.add(target)
        self.pieces.append(data)

    @property
    def text(self) -> bytes:
        return b"".join(self.pieces)


def pumped(stream: Stream, data: bytes) -> None:
    """Let a task write something, and pass on what is there."""
    os.write(stream.writer, data)
    assert stream.pump()


chunks = st.lists(st.text(st.sampled_from("ab\n\r\t"), min_size=1, max_size=5).map(str.encode), max_size=8)


@settings(max_examples=300)
@given(chunks, st.sampled_from([b"", b"p| "]))
def test_only_whole_lines_are_passed_on_and_all_of_them(data: list[bytes], prefix: bytes) -> None:
    sink = Sink()
    stream = Stream(2, prefix, sink.write)
    written = b""
    for chunk in data:
        pumped(stream, chunk)
        written += chunk
        whole = written[: written.rfind(b"\n") + 1]
        lines = whole.split(b"\n")[:-1]
        assert sink.text == b"".join(prefix + line + b"\n" for line in lines)
        assert all(piece.endswith(b"\n") for piece in sink.pieces)
    stream.drain()
    last = [line for line in [written.rpartition(b"\n")[2]] if line]
    lines = [*written.split(b"\n")[:-1], *last]
    assert sink.text == b"".join(prefix + line + b"\n" for line in lines)
    assert sink.targets <= {2}


@settings(max_examples=100)
@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=4)), max_size=12))
def test_lines_of_two_tasks_stay_whole(data: list[tuple[bool, bytes]]) -> None:
    sink = Sink()
    streams = [Stream(1, mark, sink.write) for mark in (b"0", b"1")]
    for which, chunk in data:
        pumped(streams[which], chunk)
    for stream in streams:
        stream.drain()
    rows = sink.text.split(b"\n")[:-1]
    for which, mark in ((False, b"0"), (True, b"1")):
        own = b"".join(chunk for one, chunk in data if one is which)
        expected = own.removesuffix(b"\n").split(b"\n") if own else []
        assert [row[1:] for row in rows if row[:1] == mark] == expected


def test_bytes_that_are_no_text_are_passed_on_as_they_are() -> None:
    sink = Sink()
    stream = Stream(1, b"", sink.write)
    pumped(stream, bytes(range(256)) + b"\n")
    stream.drain()
    assert sink.text == bytes(range(256)) + b"\n"


def test_nothing_there_is_no_end_and_a_closed_pipe_is_one() -> None:
    sink = Sink()
    stream = Stream(1, b"", sink.write)
    assert stream.pump()
    pumped(stream, b"a")
    stream.close_writer()
    stream.close_writer()
    assert not stream.pump()
    stream.drain()
    assert sink.text == b"a\n"


def test_a_line_without_end_is_not_kept_in_memory() -> None:
    sink = Sink()
    stream = Stream(1, b"", sink.write)
    fcntl.fcntl(stream.writer, fcntl.F_SETPIPE_SZ, 65536)
    for _ in range(2 * _LONGEST_LINE // 65536 + 1):
        pumped(stream, b"x" * 65536)
    assert len(sink.text) > _LONGEST_LINE
    assert max(map(len, sink.pieces)) <= _LONGEST_LINE + 65536
    stream.drain()
    assert sink.text == b"x" * (2 * _LONGEST_LINE + 65536) + b"\n"


def test_both_ends_are_closed_in_the_end() -> None:
    stream = Stream(1, b"", Sink().write)
    ends = (stream.reader, stream.writer)
    stream.drain()
    for end in ends:
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(end)


def test_what_a_child_that_was_left_behind_holds_open_is_not_waited_for() -> None:
    sink = Sink()
    stream = Stream(1, b"", sink.write)
    left = os.dup(stream.writer)
    pumped(stream, b"a\nb")
    stream.drain()
    os.close(left)
    assert sink.text == b"a\nb\n"


def test_what_need_not_be_whole_is_passed_on_at_once_and_as_it_is() -> None:
    sink = Sink()
    stream = Stream(2, b"p| ", sink.write, whole=False)
    pumped(stream, b"Sure? ")
    assert sink.pieces == [b"Sure? "]
    stream.drain()
    assert (sink.text, sink.targets) == (b"Sure? ", {2})


@given(chunks)
def test_lines_are_the_same_however_they_come_in_pieces(data: list[bytes]) -> None:
    found: list[bytes] = []
    lines = Lines(found.append)
    for chunk in data:
        lines.take(chunk)
    lines.end()
    lines.end()
    text = b"".join(data)
    assert b"".join(found) == (text if text.endswith(b"\n") or not text else text + b"\n")
    assert all(piece.endswith(b"\n") for piece in found)
