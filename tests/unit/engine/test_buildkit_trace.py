"""What BuildKit tells is understood in both of its forms."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.engine.buildkit_trace import Vertex, Written, parse_json_line, parse_trace

# One of each, as an engine has sent them.
BEGUN = bytes.fromhex(
    "0a2c0a037368611a175b6275696c6420322f335d2052554e206563686f2068692a0c08b2c797d80610fb90a0c602"
)
WROTE = bytes.fromhex("1a190a03736861120c08b2c797d80610a1f59db603180122026869")


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def test_a_step_that_has_begun() -> None:
    vertex = Vertex("sha", "[build 2/3] RUN echo hi", started=True, completed=False, cached=False, error="")
    assert list(parse_trace(BEGUN)) == [vertex]


def test_what_a_step_writes() -> None:
    assert list(parse_trace(WROTE)) == [Written("sha", b"hi")]


@given(
    st.text(max_size=300), st.text(max_size=300), st.binary(max_size=300), st.booleans(), st.text(max_size=9)
)
def test_any_message_is_read(digest: str, name: str, data: bytes, cached: bool, error: str) -> None:
    moment = field(1, 1_764_000_000) + field(2, 5)
    vertex = (
        field(1, digest.encode()) + field(2, b"an input") + field(3, name.encode()) + field(4, int(cached))
    )
    vertex += field(5, moment) + field(6, moment) + field(7, error.encode())
    log = field(1, digest.encode()) + field(2, moment) + field(3, 2) + field(4, data)
    status = field(1, b"id") + field(4, 77) + varint(9 << 3 | 1) + bytes(8) + varint(10 << 3 | 5) + bytes(4)
    message = field(1, vertex) + field(2, status) + field(3, log)
    assert list(parse_trace(message)) == [
        Vertex(digest, name, started=True, completed=True, cached=cached, error=error),
        Written(digest, data),
    ]


@given(st.binary(max_size=60))
def test_what_is_no_message_is_refused_or_tells_something_of_a_step(data: bytes) -> None:
    try:
        found = list(parse_trace(data))
    except ValueError:
        return
    assert all(isinstance(one, (Vertex, Written)) for one in found)


@pytest.mark.parametrize("cut", [1, 5, len(BEGUN) - 1])
def test_a_message_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="cut off"):
        list(parse_trace(BEGUN[:cut]))


def test_json_tells_the_same() -> None:
    line = json.dumps({
        "vertexes": [{"digest": "sha", "name": "[2/2] RUN x", "started": "2026", "completed": "2026", "error": "no"}],
        "statuses": [{"id": "exporting layers"}],
        "logs": [{"vertex": "sha", "stream": 1, "data": base64.b64encode(b"hi\\n").decode()}],
    })  # fmt: skip
    assert list(parse_json_line(line.encode())) == [
        Vertex("sha", "[2/2] RUN x", started=True, completed=True, cached=False, error="no"),
        Written("sha", b"hi\\n"),
    ]


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b"null", b'{"vertexes": 3, "logs": [3, {"data": "%"}]}', b"ERROR: no", b"[" * 99999],
)
def test_what_is_no_line_of_it_tells_nothing(line: bytes) -> None:
    assert list(parse_json_line(line)) == []
