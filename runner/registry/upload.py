"""One blob on its way into a repository.

The specification's two requests: one opens an upload, one sends the bytes and names their digest. Where the first
names another repository of the registry that has the blob, nothing need be sent at all. When the connection breaks
off, the registry is asked how far it got, and the rest follows; with one that does not know it begins anew.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, urlencode, urlsplit

from runner.digest import Digest
from runner.errors import RunError
from runner.registry.client import Registry
from runner.registry.documents import check_digest
from runner.registry.refusal import RefusedError
from runner.registry.retry import TemporaryError, Tries
from runner.registry.transport import Answer, GivenUpError

SENT, MOUNTED, THERE = "sent", "mounted", "there"
"""What became of a blob: its bytes were sent; the registry has taken it from another repository; it had it."""
_PIECE = 1 << 16
"""Bytes that are sent before it is looked whether to go on."""


class Upload:
    """A blob's upload.

    Args:
        registry: Where to.
        path: The repository.
        scopes: What it needs to be allowed.
        digest: The blob's.
        read: Gives its bytes from the beginning; asked only if they must be sent.
        count: Told of bytes that are there now (or, below zero, are not there after all).
        over: Set when the push is given up.
    """

    def __init__(
        self,
        registry: Registry,
        path: str,
        scopes: tuple[str, ...],
        digest: Digest,
        read: Callable[[Digest], Iterable[bytes]],
        count: Callable[[int], None],
        over: threading.Event,
    ) -> None:
        self._registry = registry
        self._path = path
        self._scopes = scopes
        self._digest = digest
        self._read = read
        self._count = count
        self._over = over
        self._counted = 0

    def run(self, mount_from: str, mount_scopes: tuple[str, ...]) -> str:
        """Bring the blob there; how.

        Args:
            mount_from: A repository of the same registry that may have it, or empty.
            mount_scopes: What taking it from there needs to be allowed.

        Raises:
            RunError: The registry does not take it, or it can't be read.
        """
        tries = Tries(self._registry.patience, self._sleep)
        way = THERE
        while not self._is_there():
            way, place = MOUNTED, self._mounted(mount_from, mount_scopes, tries) if mount_from else ""
            if place is None:
                break
            mount_from, way = "", SENT
            if self._sent(place, tries):
                break
        self._told(self._digest.size)
        return way

    def _sleep(self, seconds: float) -> None:
        if self._over.wait(seconds):
            raise GivenUpError

    def _is_there(self) -> bool:
        url = f"{self._path}/blobs/{self._digest}"
        with self._registry.request("HEAD", url, scopes=self._scopes, good=(200, 404)) as answer:
            if answer.status != 200:
                return False
            # Bytes of another length can't be the blob.
            said = answer.header("Content-Length")
            if said.isdigit() and int(said) != self._digest.size:
                raise RunError(
                    f"`{self._registry.name}` says that {self._digest} has {said} bytes, "
                    f"not {self._digest.size}"
                )
            return True

    def _mounted(self, mount_from: str, scopes: tuple[str, ...], tries: Tries) -> str | None:
        """None if the registry has taken the blob from there; else where to send it, if that is known."""
        query = urlencode({"mount": str(self._digest), "from": mount_from})
        try:
            answer = self._open(f"?{query}", scopes, frozenset((201, 202)))
        except TemporaryError as error:
            tries.pause(error)
            return ""
        except RefusedError:
            # The user may write here and not read there.
            return ""
        with answer:
            if answer.status == 201:
                check_digest(self._registry, f"what is in `{mount_from}`", answer, self._digest)
                return None
            return self._place(answer)

    def _sent(self, place: str, tries: Tries) -> bool:
        """Whether all bytes have been sent; if not, it must be begun anew."""
        offset = 0
        while True:
            try:
                if not place:
                    with self._open("", self._scopes, frozenset((202,))) as answer:
                        place = self._place(answer)
                self._finish(place, offset)
            except TemporaryError as error:
                tries.pause(error)
                place, reached = self._reached(place) if place else ("", 0)
                if not place:
                    return False
                if reached > offset:
                    tries.progress()
                offset = reached
            except RefusedError as error:
                # An upload that the registry has forgotten, or of which it does not know how far it is.
                if not offset or error.code not in {400, 404, 416}:
                    raise
                tries.pause(TemporaryError(error.message))
                return False
            else:
                return True

    def _open(self, query: str, scopes: tuple[str, ...], good: frozenset[int]) -> Answer:
        url = f"{self._path}/blobs/uploads/{query}"
        headers = {"Content-Length": "0"}
        return self._registry.attempt("POST", url, scopes=scopes, good=good, headers=headers)

    def _finish(self, place: str, offset: int) -> None:
        """Send all bytes from an offset on, and name the digest."""
        size = self._digest.size
        kind = {"Content-Type": "application/octet-stream"}
        if not offset:
            self._close(place, {**kind, "Content-Length": str(size)}, 0)
            return
        if offset < size:
            headers = {
                **kind,
                "Content-Length": str(size - offset),
                "Content-Range": f"{offset}-{size - 1}",
            }
            with self._attempt("PATCH", place, headers, offset, frozenset((202, 204))) as answer:
                place = self._place(answer)
        self._close(place, {"Content-Length": "0"}, size)

    def _close(self, place: str, headers: dict[str, str], offset: int) -> None:
        parts = urlsplit(place)
        query = f"{parts.query}&" if parts.query else ""
        url = parts._replace(query=f"{query}digest={quote(str(self._digest), safe='')}").geturl()
        with self._attempt("PUT", url, headers, offset, frozenset((201, 204))) as answer:
            check_digest(self._registry, "a blob", answer, self._digest)

    def _attempt(
        self, method: str, url: str, headers: dict[str, str], offset: int, good: frozenset[int]
    ) -> Answer:
        body = (lambda: self._body(offset)) if offset < self._digest.size else None
        return self._registry.attempt(method, url, scopes=self._scopes, good=good, headers=headers, body=body)

    def _body(self, offset: int) -> Iterator[bytes]:
        """The bytes from an offset on: as many as were announced, or an error."""
        self._told(offset)
        left, size = offset, 0
        try:
            for chunk in self._read(self._digest):
                size += len(chunk)
                if size > self._digest.size:
                    break
                start = min(left, len(chunk))
                left -= start
                for at in range(start, len(chunk), _PIECE):
                    if self._over.is_set():
                        raise GivenUpError
                    piece = chunk[at : at + _PIECE]
                    yield piece
                    self._told(self._counted + len(piece))
        except OSError as error:
            # Not the connection's: what is sent comes from a file.
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise RunError(f"{self._digest} can't be read: {reason}") from None
        if size != self._digest.size:
            raise RunError(f"{self._digest} is not as long as it should be: {size} bytes")

    def _told(self, there: int) -> None:
        """So many of the blob's bytes are there by now."""
        if there != self._counted:
            self._count(there - self._counted)
            self._counted = there

    def _reached(self, place: str) -> tuple[str, int]:
        """Where to go on, and how many bytes the registry has; empty if it must be begun anew."""
        try:
            good = frozenset((204, 200))
            with self._registry.attempt("GET", place, scopes=self._scopes, good=good) as answer:
                first, dash, last = answer.header("Range").removeprefix("bytes=").partition("-")
                if first != "0" or not dash or not last.isdigit() or int(last) >= self._digest.size:
                    return "", 0
                # `0-0` is one byte to some registries, and none to others.
                if last == "0":
                    return "", 0
                location = answer.header("Location")
                return self._registry.resolved(answer, location) if location else place, int(last) + 1
        except (TemporaryError, RefusedError):
            return "", 0

    def _place(self, answer: Answer) -> str:
        location = answer.header("Location")
        if not location:
            raise RunError(f"`{self._registry.name}` does not say where to send a blob to")
        return self._registry.resolved(answer, location)
