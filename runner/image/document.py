"""JSON documents of images, written one way only and read with suspicion.

A document's bytes are its identity, so its keys stand in the order in which the caller built it, without
spaces and in ASCII. What is read comes from other people's programs: every value is looked at before use.
"""

import json
from collections.abc import Mapping
from typing import Any

from runner.digest import Digest
from runner.errors import RunError

HEX_DIGITS = frozenset("0123456789abcdef")


def encode(value: object) -> bytes:
    """The one text of a JSON value; equal values with equal order of keys give equal bytes."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def decode(data: bytes, what: str) -> dict[str, Any]:
    """The JSON object in these bytes; `what` names the document in errors.

    Raises:
        RunError: It is no JSON, or no object.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{what} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise RunError(f"{what} is not a JSON object")
    return value


def text(document: Mapping[str, Any], key: str, what: str) -> str:
    """The text at `key`, or empty if there is none.

    Raises:
        RunError: Something else stands there.
    """
    value = document.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RunError(f"`{key}` of {what} is not text")
    return value


def objects(document: Mapping[str, Any], key: str, what: str) -> tuple[dict[str, Any], ...]:
    """The list of objects at `key`, or nothing if there is none.

    Raises:
        RunError: Something else stands there.
    """
    value = document.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise RunError(f"`{key}` of {what} is not a list of objects")
    return tuple(value)


def texts(document: Mapping[str, Any], key: str, what: str) -> tuple[str, ...]:
    """The list of texts at `key`, or nothing if there is none.

    Raises:
        RunError: Something else stands there.
    """
    value = document.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RunError(f"`{key}` of {what} is not a list of texts")
    return tuple(value)


def mapping(document: Mapping[str, Any], key: str, what: str) -> dict[str, Any]:
    """The object at `key`, or an empty one if there is none.

    Raises:
        RunError: Something else stands there.
    """
    value = document.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RunError(f"`{key}` of {what} is not an object")
    return value


def parse_digest(written: str, size: int, what: str) -> Digest:
    """The digest that `sha256:HEX` writes, of `size` bytes.

    Raises:
        RunError: It is another algorithm, or no digest.
    """
    algorithm, _, digits = written.partition(":")
    if algorithm != Digest.algorithm or len(digits) != 64 or not HEX_DIGITS.issuperset(digits):
        raise RunError(f"`{written}` in {what} is not a digest", hint="`sha256:` and 64 hexadecimal digits")
    return Digest(digits, size)
