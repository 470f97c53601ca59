"""What BuildKit tells of a build while it goes on, in both forms: its own messages, and their JSON.

The engine's API hands on BuildKit's messages as they are, in the wire format of Protocol Buffers; `docker buildx`
writes them as JSON, one a line. Of either only what a reader of the build wants to know is taken: which step
begins, what it writes, and what failed. The wire format is read here by hand: a few fields of two messages are no
reason for a library with generated code.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_VERTEXES, _LOGS = 1, 3
"""Fields of `StatusResponse`."""
_DIGEST, _NAME, _CACHED, _STARTED, _COMPLETED, _ERROR = 1, 3, 4, 5, 6, 7
"""Fields of `Vertex`."""
_OF, _MESSAGE = 1, 4
"""Fields of `VertexLog`."""


@dataclass(frozen=True, slots=True)
class Vertex:
    """A step as it stands.

    Args:
        digest: What it goes by.
        name: What people call it, such as `[build 2/3] RUN make`.
        started: Whether it has begun.
        completed: Whether it has ended.
        cached: Whether nothing had to be done for it.
        error: Why it failed, or empty.
    """

    digest: str
    name: str
    started: bool
    completed: bool
    cached: bool
    error: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a step has written.

    Args:
        digest: The step's.
        data: The bytes.
    """

    digest: str
    data: bytes


def parse_trace(message: bytes) -> Iterator[Vertex | Written]:
    """What a message of BuildKit's tells.

    Raises:
        ValueError: It is none.
    """
    for field, value in _fields(message):
        if not isinstance(value, bytes):
            continue
        if field == _VERTEXES:
            yield _vertex(dict(_fields(value)))
        elif field == _LOGS:
            found = dict(_fields(value))
            yield Written(_text(found.get(_OF)), _bytes(found.get(_MESSAGE)))


def parse_json_line(line: bytes) -> Iterator[Vertex | Written]:
    """What a line of `--progress=rawjson` tells; nothing if it is none.

    Args:
        line: The line.
    """
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return
    if not isinstance(document, dict):
        return
    for one in _objects(document, "vertexes"):
        yield Vertex(
            str(one.get("digest", "")), str(one.get("name", "")), bool(one.get("started")),
            bool(one.get("completed")), bool(one.get("cached")), str(one.get("error") or ""),
        )  # fmt: skip
    for one in _objects(document, "logs"):
        try:
            data = base64.b64decode(str(one.get("data", "")), validate=True)
        except binascii.Error:
            continue
        yield Written(str(one.get("vertex", "")), data)


def _objects(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = document.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _vertex(found: Mapping[int, "int | bytes"]) -> Vertex:
    return Vertex(
        _text(found.get(_DIGEST)), _text(found.get(_NAME)), _STARTED in found, _COMPLETED in found,
        bool(found.get(_CACHED)), _text(found.get(_ERROR)),
    )  # fmt: skip


def _bytes(value: "int | bytes | None") -> bytes:
    return value if isinstance(value, bytes) else b""


def _text(value: "int | bytes | None") -> str:
    return _bytes(value).decode("utf-8", "replace")


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The number and the value of each field of a message.

    Raises:
        ValueError: It is cut off, or no message.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            number, at = _varint(message, at)
            yield key >> 3, number
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in {_FIXED_32, _FIXED_64}:
            size = 4 if kind == _FIXED_32 else 8
        else:
            raise ValueError("no message")
        if at + size > len(message):
            raise ValueError("cut off")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("cut off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at
