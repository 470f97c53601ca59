"""Proof of who the user is, in the form that a registry asks for: user and password, or a token.

Nothing is sent before the registry has asked. A token is for some repositories and for what is done with them (its
scope), holds for a while, and is asked for at the server that the registry names. Several threads share one.
"""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from runner.errors import RunError
from runner.registry.challenge import Challenge, parse_challenges
from runner.registry.credentials import Credential, find_credential
from runner.registry.host import INSECURE, may_be_plain, origin
from runner.registry.refusal import RefusedError, shown, told
from runner.registry.retry import TEMPORARY, TemporaryError, retry_after
from runner.registry.transport import Answer, Transport

_CLIENT = "pyrun"
_MOST_BYTES = 1 << 20
_DEFAULT_SECONDS = 60
"""How long a token holds whose server does not say."""
_MARGIN = 10
"""Seconds before a token's end at which it is not used any more."""


@dataclass(frozen=True, slots=True)
class _Token:
    """A header's text, and until when it holds, by the clock that only goes forward."""

    header: str
    until: float


class Authorization:
    """What one registry is shown. May be used by several threads.

    Args:
        registry: The registry as users name it.
        environ: The caller's variables.
        transport: Asks servers of tokens; told what must not be shown.
    """

    def __init__(self, registry: str, environ: Mapping[str, str], transport: Transport) -> None:
        self._registry = registry
        self._environ = environ
        self._transport = transport
        self._lock = threading.Lock()
        self._credential: Credential | None = None
        self._problems: tuple[str, ...] = ()
        self._looked = False
        self._challenge: Challenge | None = None
        self._tokens: dict[tuple[str, ...], _Token] = {}

    def header(self, scopes: tuple[str, ...], path: str) -> str:
        """What to send for these scopes as far as is known, or empty.

        A token that is about to end is replaced first, so that what is sent with it is not sent in vain.

        Args:
            scopes: What is to be done, as `repository:PATH:pull`.
            path: The repository.

        Raises:
            TemporaryError: The server of tokens may give one another time.
            RunError: It will not.
        """
        with self._lock:
            token = self._tokens.get(scopes)
            if token is not None and token.until < time.monotonic() + _MARGIN and self._challenge is not None:
                token = self._tokens[scopes] = self._answer(self._challenge, scopes, path)
            return token.header if token is not None else ""

    def renew(self, answer: Answer, scopes: tuple[str, ...], path: str, sent: str) -> str:
        """What to send after a registry has asked (401).

        Args:
            answer: What it said.
            scopes: What is to be done.
            path: The repository.
            sent: What had been sent, or empty.

        Returns:
            The header's text; empty if there is nothing better than what had been sent.

        Raises:
            TemporaryError: The server of tokens may give one another time.
            RunError: It will not.
        """
        challenges = parse_challenges(answer.headers.getlist("WWW-Authenticate"))
        with self._lock:
            token = self._tokens.get(scopes)
            if token is not None and token.header != sent:
                # Another thread was faster.
                return token.header
            for scheme in ("bearer", "basic"):
                for challenge in challenges:
                    if challenge.scheme == scheme:
                        self._challenge = challenge
                        token = self._answer(challenge, scopes, path)
                        self._tokens[scopes] = token
                        return token.header if token.header != sent else ""
        return ""

    def advice(self) -> str:
        """What the user can do about a refusal, as a hint."""
        name = self._registry
        if self._problems:
            return "; ".join(self._problems)
        if self._credential is None:
            return f"`docker login {name}` or `podman login {name}` keeps user and password"
        return f"user and password are from {self._credential.origin}"

    def _answer(self, challenge: Challenge, scopes: tuple[str, ...], path: str) -> _Token:
        if not self._looked:
            self._looked = True
            self._credential, self._problems = find_credential(self._registry, path, self._environ)
            if self._credential is not None:
                self._transport.secrets |= set(self._credential.secrets())
        credential = self._credential
        if credential is not None and credential.registry_token:
            return _Token(f"Bearer {credential.registry_token}", float("inf"))
        if challenge.scheme == "basic":
            header = f"Basic {credential.basic}" if credential is not None and credential.user else ""
            return _Token(header, float("inf"))
        return self._fetch(challenge, scopes)

    def _fetch(self, challenge: Challenge, scopes: tuple[str, ...]) -> _Token:
        """A token from the server that the registry names."""
        realm = self._realm(challenge)
        asked = challenge.parameters.get("scope", "").split()
        # What the registry asks for beside what is known to be needed, such as `registry:catalog:*`.
        wanted = [*scopes, *(scope for scope in asked if not _covered(scope, scopes))]
        service = challenge.parameters.get("service", "")
        credential = self._credential
        answer = None
        if credential is not None and credential.identity_token:
            answer = self._by_form(realm, service, wanted, credential)
        if answer is None:
            answer = self._by_query(realm, service, wanted, credential)
        with answer:
            server = urlsplit(realm).netloc
            if answer.status in TEMPORARY:
                wait = retry_after(answer.header("Retry-After"))
                raise TemporaryError(self._told(server, answer), wait)
            if answer.status != 200:
                raise RefusedError(self._told(server, answer), answer.status, self.advice())
            return self._token(answer.read(_MOST_BYTES, "a token"), server)

    def _told(self, server: str, answer: Answer) -> str:
        said = told(answer.status, answer.beginning(), self._transport.secrets)
        return f"`{server}` gives no token for `{self._registry}`: {said}"

    def _realm(self, challenge: Challenge) -> str:
        realm = challenge.parameters.get("realm", "")
        try:
            scheme, _, _ = origin(realm)
        except ValueError:
            raise RunError(
                f"`{self._registry}` names no server of tokens that can be used: {shown(realm) or 'none'}"
            ) from None
        server = urlsplit(realm).netloc
        plain = all(may_be_plain(name, self._environ) for name in (server, self._registry))
        if scheme == "http" and not plain:
            raise RunError(
                f"`{self._registry}` wants its tokens to be asked for without TLS at `{shown(server)}`, "
                "which is refused",
                hint=f"where that is right, name both in {INSECURE}",
            )
        return realm

    def _by_query(self, realm: str, service: str, scopes: list[str], credential: Credential | None) -> Answer:
        query = [("service", service)] if service else []
        query += [("scope", scope) for scope in scopes]
        headers = {}
        if credential is not None and credential.user:
            headers["Authorization"] = f"Basic {credential.basic}"
            query.insert(0, ("account", credential.user))
        parts = urlsplit(realm)
        text = "&".join(filter(None, (parts.query, urlencode(query))))
        return self._transport.follow("GET", parts._replace(query=text, fragment="").geturl(), headers)

    def _by_form(self, realm: str, service: str, scopes: list[str], credential: Credential) -> Answer | None:
        """The way of OAuth 2; None if the server does not know it and there is a password, too."""
        form = {
            "grant_type": "refresh_token",
            "service": service or self._registry,
            "client_id": _CLIENT,
            "scope": " ".join(scopes),
            "refresh_token": credential.identity_token,
        }
        body = urlencode(form).encode("ascii")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self._transport.exchange("POST", realm, headers, body)
        if answer.status in {404, 405} and credential.password:
            answer.close()
            return None
        return answer

    def _token(self, data: bytes, server: str) -> _Token:
        try:
            document = json.loads(data)
            text = document.get("token") or document.get("access_token")
            seconds = document.get("expires_in") or _DEFAULT_SECONDS
        except (ValueError, RecursionError, AttributeError):
            text, seconds = None, 0
        # It becomes a header: what would end that line must not be in it.
        if not isinstance(text, str) or not text.isascii() or not text.isprintable() or " " in text:
            raise RunError(f"`{server}` gave something else than a token for `{self._registry}`")
        if not isinstance(seconds, (int, float)):
            seconds = _DEFAULT_SECONDS
        self._transport.secrets.add(text)
        return _Token(f"Bearer {text}", time.monotonic() + max(float(seconds), _DEFAULT_SECONDS))


def _covered(scope: str, scopes: tuple[str, ...]) -> bool:
    """Whether a scope is within one of others."""
    head, _, actions = scope.rpartition(":")
    for other in scopes:
        other_head, _, other_actions = other.rpartition(":")
        if head == other_head and set(actions.split(",")) <= set(other_actions.split(",")):
            return True
    return False
