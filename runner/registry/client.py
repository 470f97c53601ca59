"""A registry: requests with proof of who one is, tried again where that helps.

Which form of HTTP it speaks is found out by the first request. With most registries that is TLS and nothing else.
Where plain HTTP is allowed it comes first: a request without credentials that a server of TLS turns down at once,
while the other way round some servers of plain HTTP wait for the rest of what they take for a line.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Self
from urllib.parse import urlsplit

from runner import __version__
from runner.errors import RunError
from runner.registry.authorization import Authorization
from runner.registry.host import may_be_plain
from runner.registry.refusal import RefusedError, told
from runner.registry.retry import TEMPORARY, Patience, TemporaryError, Tries, retry_after
from runner.registry.transport import Answer, GivenUpError, NoTlsError, Transport

_AGENT = f"pyrun/{__version__}"
_NOT_HTTP = frozenset((400, 301, 302, 303, 307, 308, 426, 497))
"""What a server of TLS says to plain HTTP, if it says something."""


class Registry:
    """One registry. May be used by several threads.

    Args:
        name: As users name it.
        host: Name and port of the server to talk to.
        environ: The caller's variables.
        patience: How long to go on.
    """

    def __init__(
        self, name: str, host: str, environ: Mapping[str, str], patience: Patience | None = None
    ) -> None:
        self.name = name
        self.patience = patience or Patience()
        self._host = host
        self._stopped = threading.Event()
        self._transport = Transport(environ, self.patience, self._stopped)
        self._authorization = Authorization(name, environ, self._transport)
        self._plain_allowed = may_be_plain(host, environ)
        self._base = "" if self._plain_allowed else f"https://{host}"
        self._probe = threading.Lock()
        self._reached = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let threads that are still at work give up at their next request or piece; nothing is sent any more."""
        self._stopped.set()
        self._transport.close()

    @property
    def stopped(self) -> bool:
        """Whether the work was given up."""
        return self._stopped.is_set()

    def tries(self) -> Tries:
        """The attempts of one thing."""
        return Tries(self.patience, self._sleep)

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise GivenUpError

    def request(
        self,
        method: str,
        url: str,
        *,
        scopes: tuple[str, ...],
        good: Iterable[int],
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """The response to a request, which is repeated where that may help: it must do no harm to do it twice.

        Args:
            method: The method.
            url: A path below `/v2/`, or a whole URL.
            scopes: What it needs to be allowed.
            good: The statuses that are no refusal.
            headers: Further headers.
            body: What is sent.

        Raises:
            RefusedError: It said no.
            RunError: It can't be reached, or does not behave.
        """
        tries = self.tries()
        good = frozenset(good)
        while True:
            try:
                return self.attempt(
                    method,
                    url,
                    scopes=scopes,
                    good=good,
                    headers=headers,
                    body=None if body is None else lambda: body,
                )
            except TemporaryError as error:
                tries.pause(error)

    def fetch(
        self,
        url: str,
        *,
        scopes: tuple[str, ...],
        good: Iterable[int],
        headers: Mapping[str, str],
        most: int,
        what: str,
    ) -> tuple[Answer, bytes]:
        """The response to a GET and its whole body, tried again until all of it has come.

        Args:
            url: A path below `/v2/`.
            scopes: What it needs to be allowed.
            good: The statuses that are no refusal.
            headers: Further headers.
            most: Bytes of the longest body that is taken.
            what: What it is, for errors.

        Raises:
            RefusedError: It said no.
            RunError: It can't be reached, or does not behave.
        """
        tries = self.tries()
        good = frozenset(good)
        while True:
            try:
                with self.attempt("GET", url, scopes=scopes, good=good, headers=headers) as answer:
                    return answer, answer.read(most, what)
            except TemporaryError as error:
                tries.pause(error)

    def attempt(
        self,
        method: str,
        url: str,
        *,
        scopes: tuple[str, ...],
        good: frozenset[int],
        headers: Mapping[str, str] | None = None,
        body: Callable[[], Iterable[bytes] | bytes] | None = None,
    ) -> Answer:
        """The response to a request that is made once, or once more if the registry asks who one is.

        Args:
            method: The method.
            url: A path below `/v2/`, or a whole URL.
            scopes: What it needs to be allowed.
            good: The statuses that are no refusal.
            headers: Further headers.
            body: Gives what is sent, from its beginning.

        Raises:
            TemporaryError: It may succeed another time.
            RefusedError: It said no.
            RunError: It does not behave.
        """
        base = self._found_base()
        # Somewhere else nobody is told who the user is.
        foreign = "://" in url and urlsplit(url)[:2] != urlsplit(base)[:2]
        whole = url if "://" in url else f"{base}/v2/{url}"
        path = scopes[0].split(":")[1] if scopes else ""
        sent = "" if foreign else self._authorization.header(scopes, path)
        answer = self._send(method, whole, headers, sent, body)
        # Nor is somebody asked for a token whom another server than the registry itself names.
        if answer.status == 401 and urlsplit(answer.url)[:2] == urlsplit(base)[:2]:
            try:
                renewed = self._authorization.renew(answer, scopes, path, sent)
            except BaseException:
                answer.close()
                raise
            if renewed:
                answer.close()
                sent = renewed
                answer = self._send(method, whole, headers, sent, body)
        if method == "HEAD" and answer.status not in good | TEMPORARY:
            # Only the answer to a GET has room for the reason.
            answer.close()
            answer = self._send("GET", whole, headers, sent, None)
        if answer.status not in good:
            with answer:
                self._refuse(answer, good, path)
        self._reached = True
        return answer

    def resolved(self, answer: Answer, location: str) -> str:
        """See `Transport.resolved`."""
        return self._transport.resolved(answer.url, location)

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        authorization: str,
        body: Callable[[], Iterable[bytes] | bytes] | None,
    ) -> Answer:
        sent = {"User-Agent": _AGENT, **(headers or {})}
        if authorization:
            sent["Authorization"] = authorization
        try:
            if method in {"GET", "HEAD"}:
                return self._transport.follow(method, url, sent)
            return self._transport.exchange(method, url, sent, body() if body is not None else None)
        except TemporaryError as error:
            error.connected = error.connected or self._reached
            raise

    def _refuse(self, answer: Answer, good: frozenset[int], path: str) -> None:
        """Raise what a response says that is not good."""
        server = urlsplit(answer.url).netloc
        behind = "" if server == self._host else f" (`{server}`)"
        place = f"`{self.name}`{behind} says of `{path}`:"
        status = answer.status
        said = told(status, answer.beginning(), self._transport.secrets)
        if status in TEMPORARY:
            raise TemporaryError(f"{place} {said}", retry_after(answer.header("Retry-After")))
        if 200 <= status < 400:
            wanted = " or ".join(map(str, sorted(good)))
            raise RefusedError(f"{place} {said}, where {wanted} is due", status)
        hint = self._authorization.advice() if status in {401, 403} else ""
        raise RefusedError(f"{place} {said}", status, hint)

    def _found_base(self) -> str:
        """The beginning of all URLs, once it is known which form of HTTP the server speaks."""
        if self._base:
            return self._base
        with self._probe:
            if not self._base:
                self._base = f"{self._spoken()}://{self._host}"
            return self._base

    def _spoken(self) -> str:
        headers = {"User-Agent": _AGENT}
        plain: Exception | None = None
        # A connection that breaks off may be TLS, or chance: chance is not the same twice.
        for _ in range(2):
            try:
                with self._transport.exchange("GET", f"http://{self._host}/v2/", headers) as answer:
                    if answer.status not in _NOT_HTTP:
                        return "http"
                    plain = RunError(f"`{self.name}` says {told(answer.status, answer.beginning())}")
                    break
            except TemporaryError as error:
                if not error.connected:
                    raise
                plain = error
        seconds = self.patience.probe
        try:
            with self._transport.exchange("GET", f"https://{self._host}/v2/", headers, seconds=seconds):
                return "https"
        except (TemporaryError, NoTlsError) as error:
            raise (plain or error) from None
