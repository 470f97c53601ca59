"""One HTTP exchange with a server: connections, TLS, proxies, redirects, bodies with an end.

Knows nothing of registries. What fails in a way that may pass by itself is a TemporaryError, all else a RunError.
"""

import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3 import exceptions as failures
from urllib3.util import make_headers, parse_url

from runner.errors import RunError
from runner.registry.host import INSECURE, is_loopback, may_be_plain, origin, split_host
from runner.registry.refusal import shown
from runner.registry.retry import Patience, TemporaryError

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MOST_REDIRECTS = 5
_CHUNK = 1 << 18
_ERROR_BODY = 1 << 16
"""Bytes of a refusal that are read."""
_POOL = 8
"""Connections to one server that are kept."""


class GivenUpError(RunError):
    """The work was given up while a thread was still at it, mostly because another one has failed."""

    def __init__(self) -> None:
        super().__init__("the work with a registry was given up")


class NoTlsError(RunError):
    """A server does not speak TLS."""


class Answer:
    """A response whose body has not been read yet. It must be closed, or read to its end.

    Args:
        response: What the library gave.
        url: Whose response it is, after redirects.

    Attributes:
        status: The HTTP status.
        headers: Its headers; names in any case.
        url: See above.
    """

    def __init__(self, response: urllib3.BaseHTTPResponse, url: str) -> None:
        self._response = response
        self.status = response.status
        self.headers = response.headers
        self.url = url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def header(self, name: str) -> str:
        """A header's text, or empty."""
        return self.headers.get(name) or ""

    def chunks(self) -> Iterator[bytes]:
        """The body, piece by piece.

        Raises:
            TemporaryError: It ends too early, or nothing comes any more.
        """
        server = urlsplit(self.url).netloc
        try:
            while data := self._response.read(_CHUNK, decode_content=False):
                yield data
        except failures.HTTPError as error:
            self._response.close()
            raise _temporary(error, server) from None

    def read(self, most: int, what: str) -> bytes:
        """The body, of so many bytes at most.

        Raises:
            RunError: It is longer.
            TemporaryError: It ends too early, or nothing comes any more.
        """
        data = b""
        for chunk in self.chunks():
            data += chunk
            if len(data) > most:
                self._response.close()
                server = urlsplit(self.url).netloc
                raise RunError(f"{what} from `{server}` is longer than {most >> 10} KiB")
        return data

    def beginning(self) -> bytes:
        """The beginning of a body that is only to be shown; what is cut off does not matter."""
        data = b""
        try:
            for chunk in self.chunks():
                data += chunk
                if len(data) > _ERROR_BODY:
                    break
        except TemporaryError:
            pass
        self.close()
        return data[:_ERROR_BODY]

    def close(self) -> None:
        """Give the connection back if the body has been read to its end, else end it."""
        # Where nothing is left to read, the connection is good for another request.
        if self._response.length_remaining == 0:
            self._response.drain_conn()
            self._response.release_conn()
        self._response.close()


class Transport:
    """Connections to servers, kept for the next request. May be used by several threads.

    Args:
        environ: The caller's variables: proxies, certificates, servers without TLS.
        patience: How long to wait for a server.
        stopped: Set when nothing more is to be sent.
    """

    def __init__(self, environ: Mapping[str, str], patience: Patience, stopped: threading.Event) -> None:
        self._environ = environ
        self._timeout = urllib3.Timeout(connect=patience.connect, read=patience.read)
        self._stopped = stopped
        self._lock = threading.Lock()
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._tls: ssl.SSLContext | None = None
        self.secrets: set[str] = set()

    def follow(self, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        """The response to a request without a body, after redirects. Another server gets no credentials.

        Raises:
            TemporaryError: It may succeed another time.
            RunError: It will not.
        """
        sent = dict(headers)
        at = url
        for _ in range(_MOST_REDIRECTS):
            answer = self.exchange(method, at, sent)
            if answer.status not in _REDIRECTS or not answer.header("Location"):
                return answer
            answer.close()
            after = self.resolved(at, answer.header("Location"))
            if origin(after) != origin(at):
                sent.pop("Authorization", None)
            at = after
        raise RunError(
            f"`{urlsplit(url).netloc}` redirects in a circle, or through more than {_MOST_REDIRECTS}"
        )

    def resolved(self, url: str, location: str) -> str:
        """Where a header `Location` leads.

        Args:
            url: Whose response has it.
            location: Its text.

        Raises:
            RunError: To no server, or from TLS to plain HTTP.
        """
        server = urlsplit(url).netloc
        try:
            found = urljoin(url, location)
            scheme, _, _ = origin(found)
            target = urlsplit(found).netloc
        except ValueError:
            raise RunError(f"`{server}` leads to something that is no URL: {self._shown(location)}") from None
        if scheme == "http" and not (url.startswith("http:") and may_be_plain(target, self._environ)):
            raise RunError(
                f"`{server}` leads to `{self._shown(target)}` without TLS, which is refused",
                hint="a proxy in front of a registry must send it `X-Forwarded-Proto: https`",
            )
        return found

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Iterable[bytes] | bytes | None = None,
        *,
        seconds: float | None = None,
    ) -> Answer:
        """The response to one request; redirects are not followed.

        Args:
            method: The method.
            url: Where to.
            headers: Headers; with a body in pieces, `Content-Length` must be one of them.
            body: What is sent.
            seconds: How long to wait for the connection and for the answer, each; None for as long as ever.

        Raises:
            TemporaryError: It may succeed another time.
            RunError: It will not; or the body could not be read.
        """
        if self._stopped.is_set():
            raise GivenUpError
        server = urlsplit(url).netloc
        try:
            response = self._pool(url).urlopen(
                method,
                url,
                body=body,
                headers={"Accept-Encoding": "identity", **headers},
                redirect=False,
                retries=False,
                timeout=self._timeout if seconds is None else urllib3.Timeout(seconds, seconds),
                preload_content=False,
                decode_content=False,
            )
        except failures.LocationValueError:
            raise RunError(f"`{self._shown(url)}` is no URL of a registry") from None
        except failures.HTTPError as error:
            raise _permanent(error, server) or _temporary(error, server) from None
        except (UnicodeError, ValueError):
            # What was asked for can't be written as a request.
            raise RunError(f"`{self._shown(url)}` is no URL of a registry") from None
        return Answer(response, url)

    def _shown(self, text: str) -> str:
        return shown(text, self.secrets)

    def close(self) -> None:
        """End all connections that nobody uses."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()
            self._pools.clear()

    def _pool(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        proxy = proxy_for(parts.scheme, parts.hostname or "", parts.port, self._environ)
        with self._lock:
            key = f"{parts.scheme} {proxy}"
            if key not in self._pools:
                self._pools[key] = self._new_pool(parts.scheme, proxy)
            return self._pools[key]

    def _new_pool(self, scheme: str, proxy: str) -> urllib3.PoolManager:
        options: dict[str, Any] = {"num_pools": _POOL, "maxsize": _POOL, "retries": False}
        if scheme == "https":
            options["ssl_context"] = self._context()
        if not proxy:
            return urllib3.PoolManager(**options)
        try:
            parsed = parse_url(proxy if "://" in proxy else f"http://{proxy}")
            headers = make_headers(proxy_basic_auth=parsed.auth) if parsed.auth else {}
            if parsed.auth:
                self.secrets |= {parsed.auth, *headers.values()}
            if parsed.scheme == "https":
                options["proxy_ssl_context"] = self._context()
            plain = parsed._replace(auth=None).url
            return urllib3.ProxyManager(plain, proxy_headers=headers, **options)
        except (failures.HTTPError, ValueError):
            raise RunError(
                "the proxy that HTTPS_PROXY or HTTP_PROXY names can't be used",
                hint="such as http://proxy.example.org:3128",
            ) from None

    def _context(self) -> ssl.SSLContext:
        """What servers must prove, made once: reading all authorities takes a while."""
        if self._tls is None:
            self._tls = tls_context(self._environ)
        return self._tls


def tls_context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """The authorities that servers are trusted by: the system's, and those of SSL_CERT_FILE and SSL_CERT_DIR.

    Raises:
        RunError: They can't be read.
    """
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if not (file or folder or paths.cafile or paths.capath):
        # An interpreter without a system around it.
        import certifi  # noqa: PLC0415 - most have one

        file = certifi.where()
    try:
        if file or folder:
            context.load_verify_locations(file or None, folder or None)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "it holds no certificates"
        raise RunError(f"SSL_CERT_FILE names `{file}`, which can't be read: {reason}") from None
    return context


def proxy_for(scheme: str, name: str, port: int | None, environ: Mapping[str, str]) -> str:
    """The proxy on the way to a server, or empty; this machine itself is reached without one.

    Args:
        scheme: `http` or `https`.
        name: The server's name or address.
        port: Its port, if one is named.
        environ: The caller's variables: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, or in lower case.
    """

    def variable(key: str) -> str:
        return environ.get(key.lower()) or environ.get(key) or ""

    proxy = variable(f"{scheme.upper()}_PROXY") or variable("ALL_PROXY")
    if not proxy or is_loopback(name):
        return ""
    excluded = [entry.strip().lower() for entry in variable("NO_PROXY").split(",")]
    return "" if any(_excludes(entry, name.lower(), port) for entry in excluded) else proxy


def _excludes(entry: str, name: str, port: int | None) -> bool:
    """Whether an entry of NO_PROXY is about a server: `*`, a domain and what is below it, a network."""
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(name) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        pass
    domain, only = split_host(entry)
    domain = domain.lstrip("*").lstrip(".")
    return bool(domain) and (name == domain or name.endswith(f".{domain}")) and only in {None, port}


def _permanent(error: failures.HTTPError, server: str) -> RunError | None:
    """The error of a server with which it will not go another time either."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return RunError(
                f"`{server}` can't prove who it is: {found.verify_message}",
                hint="SSL_CERT_FILE names a file with the authority that signed for it",
            )
        if isinstance(found, ssl.SSLError) and found.reason in _NO_TLS:
            return NoTlsError(
                f"`{server}` does not speak TLS",
                hint=f"where it may be spoken with in plain HTTP, name it in {INSECURE}",
            )
        if isinstance(found, socket.gaierror) and found.errno not in {socket.EAI_AGAIN, None}:
            return RunError(f"there is no server `{server}`: its name is not known")
        found = found.__cause__ or found.__context__
    return None


_NO_TLS = frozenset(
    ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
)


def _temporary(error: failures.HTTPError, server: str) -> TemporaryError:
    if isinstance(error, failures.ProxyError):
        return TemporaryError(f"the proxy on the way to `{server}` does not do its part", connected=False)
    if isinstance(error, failures.NameResolutionError):
        return TemporaryError(f"the name of `{server}` can't be looked up now", connected=False)
    if isinstance(error, failures.NewConnectionError):
        return TemporaryError(f"`{server}` can't be reached{_reason(error)}", connected=False)
    if isinstance(error, failures.ConnectTimeoutError):
        return TemporaryError(f"`{server}` does not answer", connected=False)
    if isinstance(error, failures.TimeoutError):
        return TemporaryError(f"`{server}` has not answered for too long")
    if isinstance(error, failures.IncompleteRead):
        return TemporaryError(f"`{server}` ended its answer too early")
    if isinstance(error, failures.SSLError):
        return TemporaryError(f"the connection to `{server}` broke off{_reason(error)}")
    return TemporaryError(f"the connection to `{server}` broke off{_reason(error)}")


def _reason(error: BaseException) -> str:
    """What the system said of a connection, behind a colon."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and not isinstance(found, ssl.SSLError) and found.errno:
            return f": {os.strerror(found.errno)}"
        found = found.__cause__ or found.__context__
    return ""
