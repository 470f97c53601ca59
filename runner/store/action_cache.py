"""The local action cache: by the key of an action what it has left, in the shape of the Remote Execution API.

A file `ac/AB/KEY` in the folder of the store for each key: a line `pyrun result 1 HEX` with the SHA-256 of what
follows, and then an `ActionResult`. One that is not just that counts as not there.
"""

import os

from runner.digest import digest_of
from runner.store.blob_store import BlobStore, note_use
from runner.store.reapi import ActionResult, MalformedError, decode, encode

_FORMAT = b"pyrun result 1 "


class ActionCache:
    """What actions have left, by key.

    Args:
        blobs: The store that it is a part of.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def path(self, key: str) -> str:
        """Where a result is, if it is there."""
        return f"{self._blobs.folder}/ac/{key[:2]}/{key}"

    def get(self, key: str) -> ActionResult | None:
        """What an action with this key has left; None if that is not known. Writes nothing."""
        try:
            handle = os.open(self.path(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            with open(handle, "rb", buffering=0) as file:
                head, newline, data = file.read().partition(b"\n")
        except OSError:
            return None
        if not newline or head != _FORMAT + digest_of(data).hex.encode():
            return None
        try:
            return decode(ActionResult, data)
        except MalformedError:
            return None

    def put(self, key: str, result: ActionResult) -> None:
        """Keep what an action has left, in place of what was known.

        Raises:
            OSError: There is no room, or the store can't be written.
            UnicodeEncodeError: A name is no Unicode text.
        """
        data = encode(result)
        self._blobs.replace(self.path(key), _FORMAT + digest_of(data).hex.encode() + b"\n" + data)

    def used(self, key: str) -> None:
        """What is known of a key is used, so it should not be removed soon."""
        path = self.path(key)
        try:
            note_use(path, os.stat(path))
        except OSError:
            return
