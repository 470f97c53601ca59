"""What a registry says when it refuses, made fit to be shown: short, on one line, without secrets."""

import json
import re
from collections.abc import Iterable
from http import HTTPStatus

from runner.errors import RunError

_LONGEST = 300
_MOST = 3
"""How many of a registry's errors are shown."""
_SHORTEST_SECRET = 4
"""Characters of a text that is hidden wherever it occurs: of a shorter one little would be left to read."""


class RefusedError(RunError):
    """A registry said no, or its server of tokens.

    Args:
        message: What it said.
        code: The HTTP status.
        hint: What would help.
    """

    def __init__(self, message: str, code: int, hint: str = "") -> None:
        super().__init__(message, None, hint)
        self.code = code


def told(status: int, body: bytes, secrets: Iterable[str] = ()) -> str:
    """A refusal in words: the status, and what the distribution specification's `errors` say.

    Args:
        status: The HTTP status.
        body: The response's body, or its beginning.
        secrets: What must not be shown even if the registry says it.
    """
    try:
        name = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        name = str(status)
    said = _errors(body) or _plain(body)
    return f"{name}: {shown(said, secrets)}" if said else name


def shown(text: str, secrets: Iterable[str] = ()) -> str:
    """Somebody else's text on one line: shortened, control characters and secrets taken out."""
    for secret in sorted(
        (secret for secret in secrets if len(secret) >= _SHORTEST_SECRET), key=len, reverse=True
    ):
        text = text.replace(secret, "***")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _errors(body: bytes) -> str:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    errors = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(errors, list):
        return _of_token_server(document)
    found = []
    for error in errors[:_MOST]:
        if isinstance(error, dict):
            parts = [part for key in ("code", "message") if isinstance(part := error.get(key), str) and part]
            found.append(": ".join(parts))
    more = f" (and {len(errors) - _MOST} more)" if len(errors) > _MOST else ""
    return "; ".join(dict.fromkeys(filter(None, found))) + more


def _of_token_server(document: object) -> str:
    """What servers of tokens say, which do not keep to the registry's form."""
    if not isinstance(document, dict):
        return ""
    for key in ("details", "error_description", "message", "error"):
        said = document.get(key)
        if isinstance(said, str) and said:
            return said
    return ""


def _plain(body: bytes) -> str:
    """A body that is plain text; pages for browsers and broken documents say nothing to a reader."""
    text = body.decode("utf-8", "replace").strip()
    if text[:1] in {"<", "{", "[", ""} or re.search(r"[\x00-\x08\x0e-\x1f\ufffd]", text):
        return ""
    return text.partition("\n")[0]
