import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.registry.refusal import shown, told


def errors(*found: object) -> bytes:
    return json.dumps({"errors": found}).encode()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (errors({"code": "DENIED", "message": "no"}), ": DENIED: no"),
        (errors({"code": "DENIED"}), ": DENIED"),
        (errors({"message": "no"}), ": no"),
        (errors({"code": 5, "message": None}, "x", {}), ""),
        (errors({"code": "A"}, {"code": "A"}), ": A"),
        (errors(*({"code": text} for text in "ABCDE")), ": A; B; C (and 2 more)"),
        (b'{"errors": 5}', ""),
        (b'{"details": "wrong password"}', ": wrong password"),
        (b'{"error": "invalid_grant", "error_description": "too old"}', ": too old"),
        (b'{"message": {"a": 1}}', ""),
        (b"plain words\nand more", ": plain words"),
        (b"<html>a page</html>", ""),
        (b"{broken", ""),
        (b"\xff\xfe\x00", ""),
        (b"", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_what_a_registry_says(body: bytes, said: str) -> None:
    assert told(403, body) == f"403 Forbidden{said}"


def test_a_status_that_has_no_name() -> None:
    assert told(599, b"") == "599"


@given(st.integers(100, 999), st.binary(max_size=300))
def test_any_answer_is_one_printable_line(status: int, body: bytes) -> None:
    line = told(status, body)
    assert line.isprintable()
    assert len(line) < 400


@given(st.text(max_size=2000), st.text(min_size=4, max_size=20))
def test_no_secret_is_shown(text: str, secret: str) -> None:
    assert secret not in shown(f"{text}{secret}{text}".replace("***", ""), [secret]).replace("***", "")
