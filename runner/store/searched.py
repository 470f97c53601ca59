"""Which blobs of a layout were looked through for secrets, and for which.

    searched/HEX    the mark of the secrets that are not in the blob of that digest

A mark is a keyed digest of all that was looked for; the key is the user's own, so that a mark tells nothing of a
value, not even to someone who guesses it. Knows no value itself.
"""

import hmac
import os

from runner.digest import Digest
from runner.store.whole_file import WholeFiles

_FOLDER = "searched"
_KEY = "search-key"
_KEY_BYTES = 32


class SearchedBlobs:
    """What was looked through in a layout.

    Args:
        layout: The folder of the layout.
        mark: What tells these secrets from others, see `mark_of`; None where nothing can be remembered.
    """

    def __init__(self, layout: str, mark: str | None) -> None:
        self._files = WholeFiles(layout)
        self._mark = mark
        self._tidied = False

    def clean(self, blob: Digest) -> bool:
        """Whether nothing was found in a blob."""
        return self._mark is not None and self._files.read(_FOLDER, blob.hex) == self._mark.encode()

    def note(self, blob: Digest) -> None:
        """Nothing was found in a blob."""
        if self._mark is None:
            return
        if not self._tidied:
            self._tidied = True
            self._tidy()
        self._files.replace((_FOLDER, blob.hex), self._mark.encode())

    def _tidy(self) -> None:
        """Forget blobs that are gone."""
        there = set(self._files.names("blobs", Digest.algorithm))
        for name in self._files.names(_FOLDER):
            if name not in there:
                os.unlink(self._files.path(_FOLDER, name))


def mark_of(cache: str | None, material: bytes) -> str | None:
    """A mark by which what was looked for is known again; None where there is no place for a key.

    Args:
        cache: The folder of this user's caches, or None.
        material: What tells it from other things. It can't be found out from the mark.
    """
    if cache is None:
        return None
    try:
        return hmac.new(_key(cache), material, "sha256").hexdigest()
    except OSError:
        return None


def _key(cache: str) -> bytes:
    """The user's key, made if there is none."""
    path = f"{cache}/{_KEY}"
    for _ in range(2):
        try:
            with open(path, "rb") as file:
                data = file.read()
            if len(data) == _KEY_BYTES:
                return data
            # A machine that lost its power while it was written.
            os.unlink(path)
        except FileNotFoundError:
            pass
        os.makedirs(cache, exist_ok=True)
        made = f"{path}.{os.urandom(8).hex()}"
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(os.urandom(_KEY_BYTES))
            # Of two runs that make one, both take the same.
            os.link(made, path)
        except FileExistsError:
            continue
        finally:
            os.unlink(made)
    with open(path, "rb") as file:
        return file.read()
