"""A container engine that speaks Docker's API: finding it, asking what it has, and giving it an image.

Docker and Podman answer alike. The SDK is not needed for that, and not loaded. Which id an engine gives an
image depends on where it stores it: an older Docker names it by the digest of its config, one with
containerd's store by the digest of its manifest; both are looked for.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from runner.engine.socket_http import TCP, UNIX, Address, Connection, HungUpError, Response
from runner.engine.url import PLAIN_PORT, SSH, TLS_PORT, VARIABLE, EngineUrl, parse_url
from runner.engine.whereabouts import Candidate, candidates
from runner.errors import EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.engine.tunnel import Tunnel

NEAR_SECONDS = 1.0
"""How long all engines of this machine together may take to say that they are there."""
FAR_SECONDS = 10.0
"""How long a far engine that is needed may take for it."""
_NEXT_SECONDS = 0.2
"""What an engine of this machine leaves of that time to each one behind it."""
_ASK_SECONDS = 30.0
"""How long an engine that is there may take for a question."""


class Engine:
    """An engine.

    Args:
        address: Where it is reached from here.
        shown: How the user knows it; empty for that very address.
        tunnel: What it is reached by, if it is somewhere else.

    Attributes:
        address: Where it is reached from here.
        shown: How the user knows it.
    """

    def __init__(self, address: Address, shown: str = "", tunnel: "Tunnel | None" = None) -> None:
        self.address = address
        self.shown = shown or str(address)
        self._tunnel = tunnel
        self._idle: list[Connection] = []

    def __str__(self) -> str:
        return self.shown

    @property
    def url(self) -> str:
        """The address for a client that knows neither TLS nor SSH."""
        return str(self.address)

    @property
    def local(self) -> bool:
        """Whether it runs on this machine, by all that one can tell: it has a socket here, and no tunnel."""
        return self.address.kind == UNIX and self._tunnel is None

    def close(self) -> None:
        """End the connections to it, and what it is reached by."""
        while self._idle:
            self._idle.pop().close()
        if self._tunnel is not None:
            self._tunnel.close()

    def said(self) -> str:
        """Why what it is reached by has failed of late; empty if it has not, or there is nothing of that kind."""
        return "" if self._tunnel is None else self._tunnel.said()

    def image(self, reference: str) -> dict[str, object] | None:
        """What the engine knows of an image, as it tells it; None if it has none of that name.

        Raises:
            EngineError: It does not answer, or not that.
        """
        return self._known(f"/images/{quote(reference, safe='/:@')}/json", f"`{reference}`")

    def volume(self, name: str) -> dict[str, object] | None:
        """What the engine knows of a volume, as it tells it; None if it has none of that name.

        Raises:
            EngineError: It does not answer, or not that.
        """
        return self._known(f"/volumes/{quote(name, safe='')}", f"the volume `{name}`")

    def network(self, name: str) -> dict[str, object] | None:
        """What the engine knows of a network, as it tells it; None if it has none of that name.

        Raises:
            EngineError: It does not answer, or not that.
        """
        return self._known(f"/networks/{quote(name, safe='')}", f"the network `{name}`")

    def info(self) -> dict[str, object]:
        """What the engine tells of itself and its machine.

        Raises:
            EngineError: It does not answer, or not that.
        """
        found = self._known("/info", "it")
        if found is None:
            raise EngineError(f"the engine at {self} does not say what it is: status 404")
        return found

    def image_id(self, reference: str) -> str | None:
        """The id (`sha256:…`) of the image of that name, or None if the engine has none.

        Raises:
            EngineError: It does not answer, or not that.
        """
        document = self.image(reference)
        if document is None:
            return None
        found = document.get("Id")
        if not isinstance(found, str):
            raise EngineError(f"the engine at {self} does not say what `{reference}` is: status 200")
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

    def save(self, reference: str) -> Iterator[bytes]:
        """An image as an archive that names it, piece by piece: what `load` takes.

        Raises:
            EngineError: It has none of that name, does not answer, or breaks off.
        """
        connection = self.connect()
        try:
            answer = connection.stream("GET", f"/images/{quote(reference, safe='/:@')}/get")
            if answer.status != 200:
                body = b"".join(answer.chunks)
                raise EngineError(
                    f"the engine at {self} does not give `{reference}`: "
                    f"{_reason(Response(answer.status, answer.headers, body))}"
                )
            yield from answer.chunks
        except OSError as error:
            raise EngineError(f"the engine at {self} does not answer: {self._why(error, None)}") from error
        finally:
            connection.close()

    def tag(self, image: str, reference: str) -> None:
        """Give an image that the engine has another name; what had that name before loses it.

        Args:
            image: Its id, or a name of it.
            reference: The name, with a tag.

        Raises:
            EngineError: It did not do that.
        """
        head, _, tag = reference.rpartition(":")
        query = f"repo={quote(head, safe='')}&tag={quote(tag, safe='')}"
        answer = self._ask("POST", f"/images/{quote(image, safe='/:@')}/tag?{query}")
        if answer.status not in {200, 201}:
            raise EngineError(f"the engine at {self} did not name the image `{reference}`: {_reason(answer)}")

    def remove_image(self, image: str) -> None:
        """Remove a name of an image, or by its id one that has none; what is in use stays.

        Raises:
            EngineError: The engine does not answer.
        """
        self._ask("DELETE", f"/images/{quote(image, safe='/:@')}")

    def connect(self) -> Connection:
        """A connection for an answer that is taken as it comes; see `Connection.stream`.

        Raises:
            EngineError: Nobody listens there.
        """
        try:
            return Connection(self.address, _ASK_SECONDS)
        except OSError as error:
            raise EngineError(
                f"the engine at {self} does not answer: {self._why(error, _ASK_SECONDS)}"
            ) from error

    def platform(self) -> str:
        """What its containers run on, such as `linux/amd64`; empty if it does not say.

        Raises:
            EngineError: It does not answer, or not that.
        """
        told = self._known("/version", "it") or {}
        return "/".join(str(told[name]) for name in ("Os", "Arch") if told.get(name))

    def headers(self) -> Mapping[str, str]:
        """What it says of itself in front of any answer, by lower-case name.

        Raises:
            EngineError: It does not answer.
        """
        return self._ask("GET", "/_ping").headers

    def ping(self, seconds: float) -> str:
        """Why it does not say in time that it is there; empty if it does.

        Args:
            seconds: How long it may take.
        """
        try:
            answer = self._answer("GET", "/_ping", None, seconds)
        except EngineError as error:
            return error.message
        except OSError as error:
            return self._why(error, seconds)
        return "" if answer.status == 200 else f"it says: {_reason(answer)}"

    def _known(self, path: str, what: str) -> dict[str, object] | None:
        """A document of the engine's; None if it knows nothing of that name."""
        answer = self._ask("GET", path)
        if answer.status == 404:
            return None
        found = _json(answer.body) if answer.status == 200 else {}
        if not found:
            raise EngineError(f"the engine at {self} does not say what {what} is: {_reason(answer)}")
        return found

    def _ask(
        self,
        method: str,
        path: str,
        body: Iterable[bytes] | None = None,
        seconds: float | None = _ASK_SECONDS,
    ) -> Response:
        try:
            return self._answer(method, path, body, seconds)
        except OSError as error:
            why = self._why(error, seconds)
            raise EngineError(f"the engine at {self} does not answer: {why}") from error

    def _answer(
        self, method: str, path: str, body: Iterable[bytes] | None, seconds: float | None
    ) -> Response:
        deadline = None if seconds is None else time.monotonic() + seconds
        # What is sent piece by piece can be sent only once, so not on a connection that may be gone.
        while body is None and self._idle:
            try:
                return self._asked(self._idle.pop(), method, path, None, seconds)
            except (HungUpError, ConnectionResetError, IndexError):
                # The engine has ended it meanwhile, or another thread was faster.
                continue
        connection = Connection(self.address, seconds)
        left = None if deadline is None else max(deadline - time.monotonic(), 0.001)
        return self._asked(connection, method, path, body, left)

    def _asked(
        self,
        connection: Connection,
        method: str,
        path: str,
        body: Iterable[bytes] | None,
        seconds: float | None,
    ) -> Response:
        try:
            return connection.ask(method, path, seconds=seconds, body=body)
        finally:
            if connection.reusable:
                self._idle.append(connection)
            else:
                connection.close()

    def _why(self, error: OSError, seconds: float | None) -> str:
        """Why it does not answer, in words."""
        if isinstance(error, TimeoutError):
            return f"no answer in {seconds or _ASK_SECONDS:.2g} s"
        if self._tunnel is not None and isinstance(error, ConnectionError):
            return self._tunnel.said() or str(error)
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            return "no such socket"
        if isinstance(error, ConnectionRefusedError):
            return "connection refused"
        if isinstance(error, PermissionError) and "podman" not in self.address.path:
            return "permission denied: are you in the group `docker`?"
        return error.strerror or str(error)


def open_engine(
    environ: Mapping[str, str], asked: str = "", *, instead: str = "run the tasks here with `--in host`"
) -> Engine:
    """The engine that work needs, which answers; see `runner.engine.whereabouts` for where it may be.

    Takes a second at most if it is on this machine, else ten.

    Args:
        environ: The caller's variables.
        asked: What `--engine` says; empty if it is not given.
        instead: What can be done without an engine, to be told if there is none.

    Raises:
        UsageError: What names the engine for pyrun is no address.
        EngineError: None answers, or what names the engine for others too is no address.
    """
    engine, tried = _first(environ, asked, FAR_SECONDS)
    if engine is None:
        raise _none(tried, instead)
    return engine


def find_engine(environ: Mapping[str, str], asked: str = "") -> Engine | None:
    """The engine for what can be done without, asked a second at most; None if none answers.

    One that is named for pyrun itself is taken to be needed: see `open_engine`.

    Args:
        environ: The caller's variables.
        asked: What `--engine` says; empty if it is not given.

    Raises:
        UsageError: What names the engine for pyrun is no address.
        EngineError: What names the engine for others too is no address, or pyrun's own does not answer.
    """
    if asked or environ.get(VARIABLE):
        return open_engine(environ, asked, instead="go without: `--no-load`")
    return _first(environ, asked, NEAR_SECONDS)[0]


def _first(
    environ: Mapping[str, str], asked: str, far_seconds: float
) -> tuple[Engine | None, list[tuple[Candidate, str]]]:
    """The first engine that answers, or None; and why those before it do not."""
    left = NEAR_SECONDS
    found = [
        (candidate, parse_url(candidate.url, candidate.source)) for candidate in candidates(environ, asked)
    ]
    tried: list[tuple[Candidate, str]] = []
    for index, (candidate, url) in enumerate(found):
        try:
            engine = _reached(candidate, url, environ)
        except OSError as error:
            tried.append((candidate, error.strerror or str(error)))
            continue
        seconds, begun = far_seconds, time.monotonic()
        if engine.local:
            behind = sum(os.path.exists(other.path) for _, other in found[index + 1 :])
            seconds = max(left - _NEXT_SECONDS * behind, left / (behind + 1), 0.01)
        why = engine.ping(seconds)
        if not why:
            return engine, tried
        left -= min(time.monotonic() - begun, seconds)
        engine.close()
        tried.append((candidate, why))
    return None, tried


def _reached(candidate: Candidate, url: EngineUrl, environ: Mapping[str, str]) -> Engine:
    """An engine that has not been asked anything yet.

    Raises:
        OSError: What it is to be reached by can't be made.
    """
    if url.kind == UNIX:
        return Engine(Address(UNIX, url.path), candidate.url)
    if url.kind == SSH:
        from runner.engine.ssh_tunnel import SshTunnel  # noqa: PLC0415 - most engines are near

        tunnel: Tunnel = SshTunnel(url, environ)
    elif candidate.certificates is not None:
        from runner.engine.tls_tunnel import TlsTunnel  # noqa: PLC0415 - most engines are near

        tunnel = TlsTunnel(url.host, url.port or TLS_PORT, candidate.certificates, environ)
    else:
        return Engine(Address(TCP, host=url.host, port=url.port or PLAIN_PORT), candidate.url)
    return Engine(Address(UNIX, tunnel.path), candidate.url, tunnel)


def _none(tried: Sequence[tuple[Candidate, str]], instead: str) -> EngineError:
    """What to say if no engine answers."""
    if len(tried) == 1:
        candidate, why = tried[0]
        lines = [f"{why} ({candidate.source} names it)"]
        message = f"no container engine answers at {candidate.url}"
        start = "start it, name another"
    else:
        lines = [f"{candidate.url}: {why}" for candidate, why in tried]
        message = "no container engine answers"
        start = "start one, name one" if not tried[0][0].source else "start it, name another"
    return EngineError(message, None, "\n  ".join([*lines, f"{start} with `--engine URL`, or {instead}"]))


def _json(data: bytes) -> dict[str, object]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
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
