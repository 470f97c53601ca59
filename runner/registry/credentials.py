"""Who the user is for a registry, from the files in which `docker login` and `podman login` keep it.

Docker's `config.json` comes first, Podman's `auth.json` second. Within a file the helper for that very registry
comes first, then what stands in it for the longest beginning of the repository's name, then the helper for all.
Nothing is read before a registry asks for it, so a broken file is in nobody's way who needs no password.
"""

import base64
import binascii
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.errors import RunError
from runner.registry.credential_helper import ask_helper

_HUB_KEY = "https://index.docker.io/v1/"
"""By which name Docker keeps what belongs to its own registry."""
_HUB_NAMES = frozenset(("docker.io", "index.docker.io", "registry-1.docker.io"))
_NO_USER = "<token>"
"""The user's name by which a helper says that its secret is an identity token."""


@dataclass(frozen=True, slots=True)
class Credential:
    """User and password, or a token in their place. Its texts are not for showing.

    Args:
        user: The user's name.
        password: The password.
        identity_token: What a server of tokens takes instead of both; empty if there is none.
        registry_token: A token for the registry itself; empty if there is none.
        origin: Who told it, to be shown.
    """

    user: str = field(repr=False)
    password: str = field(repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    origin: str = ""

    @property
    def basic(self) -> str:
        """User and password as the header `Authorization` takes them, behind `Basic`."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")

    def secrets(self) -> tuple[str, ...]:
        """All texts of it that nobody may see."""
        basic = (self.basic,) if self.password else ()
        return (*filter(None, (self.password, self.identity_token, self.registry_token)), *basic)


def find_credential(
    registry: str, path: str, environ: Mapping[str, str]
) -> tuple[Credential | None, tuple[str, ...]]:
    """What the user has for a repository, and what kept it from being found.

    Args:
        registry: As users name it, `docker.io` too.
        path: The repository within it.
        environ: The caller's variables: they say where the files are.
    """
    problems: list[str] = []
    for file in _files(environ):
        try:
            found = _in_file(file, registry, path, environ, problems)
        except RunError as error:
            problems.append(error.message)
            continue
        if found is not None:
            return found, tuple(problems)
    return None, tuple(problems)


def _files(environ: Mapping[str, str]) -> Iterator[str]:
    home = environ.get("HOME", "")
    docker = environ.get("DOCKER_CONFIG") or (f"{home}/.docker" if home else "")
    if docker:
        yield f"{docker}/config.json"
    if asked := environ.get("REGISTRY_AUTH_FILE"):
        yield asked
    elif runtime := environ.get("XDG_RUNTIME_DIR"):
        yield f"{runtime}/containers/auth.json"


def _in_file(
    file: str, registry: str, path: str, environ: Mapping[str, str], problems: list[str]
) -> Credential | None:
    document = _document(file)
    helpers = _object(file, document, "credHelpers")
    names = (*sorted(_HUB_NAMES), _HUB_KEY) if registry in _HUB_NAMES else (registry,)
    for name in names:
        if name in helpers:
            return _helped(file, helpers[name], registry, environ, problems)
    store = document.get("credsStore")
    entry = _entry(file, _object(file, document, "auths"), registry, path)
    if store:
        found = _helped(file, store, registry, environ, problems)
        if found is not None:
            return found
    return _written(file, entry) if entry is not None else None


def _helped(
    file: str, helper: object, registry: str, environ: Mapping[str, str], problems: list[str]
) -> Credential | None:
    """What a helper has; one that fails is a problem to be told, not an end: the registry may do without."""
    if not isinstance(helper, str):
        raise _unreadable(file, "the name of a credential helper is no text")
    try:
        found = ask_helper(helper, _HUB_KEY if registry in _HUB_NAMES else registry, environ)
    except RunError as error:
        problems.append(f"{error.message} (`{file}` names it)")
        return None
    if found is None:
        return None
    user, secret = found
    origin = f"docker-credential-{helper}"
    if user == _NO_USER:
        return Credential("", "", identity_token=secret, origin=origin)
    return Credential(user, secret, origin=origin)


def _entry(file: str, auths: Mapping[str, Any], registry: str, path: str) -> Mapping[str, Any] | None:
    """What stands in a file for the longest beginning of a repository's name."""
    by_name: dict[str, Any] = {}
    for key, value in auths.items():
        by_name.setdefault(_normal(key), value)
    wanted = f"{'docker.io' if registry in _HUB_NAMES else registry}/{path}"
    while wanted:
        value = by_name.get(wanted)
        # Where a helper keeps the password, an empty entry says only that there is one.
        if value:
            if not isinstance(value, dict):
                raise _unreadable(file, "what stands below `auths` is no object")
            return value
        wanted = wanted.rpartition("/")[0]
    return None


def _normal(key: str) -> str:
    """A name below `auths` without what older programs put around it."""
    for scheme in ("https://", "http://"):
        if key.startswith(scheme):
            # What stood behind the server's name was the version of the protocol.
            key = key.removeprefix(scheme).partition("/")[0]
    key = key.rstrip("/")
    server, slash, rest = key.partition("/")
    return ("docker.io" if server in _HUB_NAMES else server) + slash + rest


def _written(file: str, entry: Mapping[str, Any]) -> Credential | None:
    """The credential that a file itself holds."""

    def text(key: str) -> str:
        value = entry.get(key) or ""
        if not isinstance(value, str):
            raise _unreadable(file, f"`{key}` is no text")
        return value

    user, password = text("username"), text("password")
    if auth := text("auth"):
        try:
            decoded = base64.b64decode(auth, validate=True).decode()
        except (binascii.Error, ValueError):
            raise _unreadable(file, "an `auth` is not user and password in base 64") from None
        user, colon, password = decoded.partition(":")
        if not colon:
            raise _unreadable(file, "an `auth` is not user and password in base 64")
        password = password.rstrip("\0")
    found = Credential(user, password, text("identitytoken"), text("registrytoken"), file)
    return found if found.secrets() else None


def _document(file: str) -> dict[str, Any]:
    try:
        with open(file, "rb") as opened:
            data = opened.read()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _unreadable(file, os.strerror(error.errno or 0)) from None
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise _unreadable(file, "it is no JSON") from None
    if not isinstance(document, dict):
        raise _unreadable(file, "it is not as Docker writes it")
    return document


def _object(file: str, document: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key) or {}
    if not isinstance(value, dict):
        raise _unreadable(file, f"`{key}` is no object")
    return value


def _unreadable(file: str, why: str) -> RunError:
    return RunError(f"`{file}` can't be read: {why}")
