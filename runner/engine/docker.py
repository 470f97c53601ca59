"""A container engine that speaks Docker's API: which images it has, and giving it one.

Docker and Podman answer alike. The SDK is not needed for that, and not loaded. Which id an engine gives an
image depends on where it stores it: an older Docker names it by the digest of its config, one with
containerd's store by the digest of its manifest; both are looked for.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from runner.engine.socket_http import TCP, UNIX, Address, Response, request
from runner.engine.whereabouts import sockets
from runner.errors import EngineError

_FIND_SECONDS = 1.0
"""How long all engines together may take to say that they are there."""
_ASK_SECONDS = 30.0
"""How long an engine that is there may take for a question."""


class Engine:
    """An engine that answered.

    Args:
        address: Where it listens.
    """

    def __init__(self, address: Address) -> None:
        self.address = address

    def __str__(self) -> str:
        return str(self.address)

    def image_id(self, reference: str) -> str | None:
        """The id (`sha256:…`) of the image of that name, or None if the engine has none.

        Raises:
            EngineError: It does not answer, or not that.
        """
        answer = self._ask("GET", f"/images/{quote(reference, safe='/:')}/json")
        if answer.status == 404:
            return None
        found = _json(answer.body).get("Id") if answer.status == 200 else None
        if not isinstance(found, str):
            raise EngineError(f"the engine at {self} does not say what `{reference}` is: {_reason(answer)}")
        return found if found.startswith("sha256:") else f"sha256:{found}"

    def has(self, references: Sequence[str], ids: Sequence[str]) -> bool:
        """Whether each name stands for an image with one of these ids.

        Args:
            references: Names with tags.
            ids: The digests of the image's config and of its manifest, as `sha256:…`.

        Raises:
            EngineError: The engine does not answer.
        """
        return all(self.image_id(reference) in ids for reference in references)

    def load(self, archive: Iterable[bytes]) -> None:
        """Gives the engine the image in an archive, which also names it.

        Raises:
            EngineError: It did not take it.
        """
        answer = self._ask("POST", "/images/load?quiet=1", archive, None)
        if answer.status != 200:
            raise EngineError(f"the engine at {self} did not load the image: {_reason(answer)}")
        for message in _messages(answer.body):
            if "error" in message or "errorDetail" in message:
                detail = message.get("errorDetail")
                words = message.get("error") or (
                    detail.get("message") if isinstance(detail, dict) else detail
                )
                raise EngineError(f"the engine at {self} did not load the image: {words}")

    def _ask(
        self,
        method: str,
        path: str,
        body: Iterable[bytes] | None = None,
        seconds: float | None = _ASK_SECONDS,
    ) -> Response:
        try:
            return request(self.address, method, path, seconds=seconds, body=body)
        except OSError as error:
            raise EngineError(f"the engine at {self} does not answer: {error}") from error


def find_engine(environ: Mapping[str, str]) -> Engine | None:
    """The engine that answers: the one DOCKER_HOST names, else Docker's own socket, else the user's Podman.

    Takes a second at most. None if none answers.

    Raises:
        EngineError: DOCKER_HOST names one that cannot be spoken to from here.
    """
    deadline = time.monotonic() + _FIND_SECONDS
    for address in _addresses(environ):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            answer = request(address, "GET", "/_ping", seconds=left)
        except (OSError, EngineError):
            continue
        if answer.status == 200:
            return Engine(address)
    return None


def _addresses(environ: Mapping[str, str]) -> Iterator[Address]:
    for place in sockets(environ):
        yield parse_address(place, tls=bool(environ.get("DOCKER_TLS_VERIFY")))


def parse_address(written: str, *, tls: bool = False) -> Address:
    """The address in a DOCKER_HOST.

    Raises:
        EngineError: It is none, or one that is reached in a way that is not known here.
    """
    scheme, _, rest = written.partition("://")
    if scheme == UNIX and rest:
        return Address(UNIX, rest)
    if scheme == TCP and not tls:
        host, colon, port = rest.rstrip("/").rpartition(":")
        if not colon:
            host, port = rest.rstrip("/"), "2375"
        if host and port.isdecimal() and 0 < int(port) < 65536:
            return Address(TCP, host=host.strip("[]"), port=int(port))
    how = "with TLS" if tls and scheme == TCP else f"as `{written}`"
    raise EngineError(
        f"DOCKER_HOST names an engine {how}, which cannot be reached from here",
        hint="`unix:///PATH` or `tcp://HOST:PORT`; `ssh -L` brings a far socket near",
    )


def _json(data: bytes) -> dict[str, object]:
    try:
        value = json.loads(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _messages(data: bytes) -> Iterator[dict[str, object]]:
    """The messages of a stream, one a line."""
    for line in data.splitlines():
        if line.strip():
            yield _json(line)


def _reason(answer: Response) -> str:
    words = _json(answer.body).get("message")
    return str(words) if words else f"status {answer.status}"
