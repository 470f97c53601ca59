"""What a secret may look like in an image: its value, and the forms in which programs write it down.

Knows the values, and so is never written anywhere: what leaves this module names a secret, and no value.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence

from runner.digest import canonical

SHORTEST = 8
"""Bytes. A shorter value stands by chance in any program, or is a word that is in use for other things."""
_WORD = re.compile(rb"[A-Za-z0-9_-]{20,}")
"""What a token in a file of several lines looks like."""
_HEX = re.compile(rb"[0-9a-fA-F-]{32,}")
_WORDS = 64
"""So many of them are looked for; a key of thousands of lines is found by these as well."""
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_URL = bytes.maketrans(b"+/", b"-_")


class Needles:
    """What is looked for.

    Args:
        values: Of each secret its name, its value, and whether that is the content of a file.

    Attributes:
        short: The names of those whose value is too short to be looked for.
        longest: Bytes of the longest form, or 0 if there is nothing to look for.
    """

    def __init__(self, values: Iterable[tuple[str, bytes, bool]]) -> None:
        forms: dict[bytes, str] = {}
        short: dict[str, None] = {}
        for name, value, is_file in values:
            text = value.strip()
            if len(text) < SHORTEST:
                # One that is empty gives nothing away.
                short |= {name: None} if text else {}
                continue
            for part in (text, *(_words(text) if is_file else ())):
                for form in _forms(part):
                    forms.setdefault(form, name)
        self.short = tuple(short)
        self.longest = max(map(len, forms), default=0)
        self._forms = forms

    def find(self, data: bytes) -> tuple[int, str] | None:
        """Where the first form begins that is found in these bytes, and of which secret; None if none is."""
        for form, name in self._forms.items():
            at = data.find(form)
            if at >= 0:
                return at, name
        return None

    def search(self, chunks: Iterable[bytes]) -> tuple[int, str] | None:
        """The same in bytes that come piece by piece, wherever they are cut."""
        if not self.longest:
            return None
        kept, passed = b"", 0
        for chunk in chunks:
            data = kept + chunk
            found = self.find(data)
            if found is not None:
                return passed + found[0], found[1]
            kept = data[max(0, len(data) - self.longest + 1) :]
            passed += len(data) - len(kept)
        return None

    def material(self) -> bytes:
        """What tells these needles from others, for a keyed digest; holds the values."""
        return canonical(tuple(sorted((form.hex(), name) for form, name in self._forms.items())))


def _words(text: bytes) -> Sequence[bytes]:
    """What in the content of a file is a secret also by itself: a token behind a `=`, a line of a key."""
    found = {
        word: None
        for word in _WORD.findall(text)
        # Names of machines and of projects are long, too, and not written like this.
        if all(re.search(letters, word) for letters in (rb"[0-9]", rb"[a-z]", rb"[A-Z]"))
        or _HEX.fullmatch(word)
    }
    return sorted(found, key=len, reverse=True)[:_WORDS]


def _forms(value: bytes) -> Iterable[bytes]:
    yield value
    text = value.decode("utf-8", "surrogateescape")
    for ascii_only in (True, False):
        yield json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode("utf-8", "surrogateescape")
    for digits in (b"%%%02X", b"%%%02x"):
        escaped = b"".join(bytes((byte,)) if byte in _PLAIN else digits % byte for byte in value)
        yield escaped
        yield escaped.replace(b"%20", b"+")
        # A path keeps its slashes.
        yield escaped.replace(b"%2F", b"/").replace(b"%2f", b"/")
    for form in _base64(value):
        yield form
        yield form.translate(_URL)
    yield value.hex().encode()
    yield value.hex().upper().encode()


def _base64(value: bytes) -> Iterable[bytes]:
    """Base64 of text in which the value stands, be it the first, second or third byte of a group.

    A letter that also tells of a byte before or behind the value is left out.
    """
    for before in range(3):
        first = (before * 8 + 5) // 6
        letters = (before + len(value)) * 8 // 6
        yield b64encode(bytes(before) + value)[first:letters]
