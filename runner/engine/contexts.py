"""Docker's contexts: names that its users give to engines.

Which one is meant stands in `config.json` of Docker's folder or in a variable; each context has a file of its own
below `contexts/meta`, in a folder named by the digest of its name, and its certificates below `contexts/tls`.
"""

import os

from runner.errors import EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT = "default"
"""The context that is none: Docker's own socket."""


class Context:
    """Where a context leads.

    Args:
        host: The engine's address; empty for the usual sockets.
        certificates: The folder of the certificates; empty if there are none.
        verify: Whether the engine must prove who it is.
    """

    __slots__ = ("certificates", "host", "verify")

    def __init__(self, host: str, certificates: str, verify: bool) -> None:
        self.host = host
        self.certificates = certificates
        self.verify = verify


def docker_folder(environ: "Mapping[str, str]") -> str:
    """The folder of Docker's settings; empty if the user has no home.

    Args:
        environ: The caller's variables.
    """
    home = environ.get("HOME", "")
    return environ.get("DOCKER_CONFIG") or (f"{home}/.docker" if home else "")


def chosen_context(environ: "Mapping[str, str]") -> tuple[str, str]:
    """The name of the context that is to be used, and who names it; empty if it is none.

    Args:
        environ: The caller's variables.

    Raises:
        EngineError: Docker's settings can't be read.
    """
    name, source = environ.get("DOCKER_CONTEXT", ""), "DOCKER_CONTEXT"
    if not name:
        source = f"{docker_folder(environ)}/config.json"
        name = _current(source)
    return ("", "") if name in {"", DEFAULT} else (name, source)


def read_context(environ: "Mapping[str, str]", name: str, source: str) -> Context:
    """Where a context leads.

    Args:
        environ: The caller's variables.
        name: Its name.
        source: Who names it.

    Raises:
        EngineError: There is no such context, or it can't be read.
    """
    from hashlib import sha256  # noqa: PLC0415 - most users have no context

    key = sha256(name.encode("utf-8", "replace")).hexdigest()
    folder = f"{docker_folder(environ)}/contexts"
    data = _read(f"{folder}/meta/{key}/meta.json")
    if data is None:
        raise EngineError(
            f"{source} names the context `{name}`, which there is not", None, "`docker context ls` lists them"
        )
    path = f"{folder}/meta/{key}/meta.json"
    points = _object(path, _object(path, _parsed(path, data)).get("Endpoints", {}))
    point = _object(path, points.get("docker", {}))
    host = point.get("Host", "")
    if not isinstance(host, str):
        raise _unreadable(path, "it is not as Docker writes it")
    certificates = f"{folder}/tls/{key}/docker"
    return Context(
        host, certificates if os.path.isdir(certificates) else "", not point.get("SkipTLSVerify", False)
    )


def _current(path: str) -> str:
    """The context that Docker's settings name, or empty."""
    data = _read(path)
    # Mostly there is none, and then nothing that reads JSON is loaded.
    if data is None or b'"currentContext"' not in data:
        return ""
    name = _object(path, _parsed(path, data)).get("currentContext", "")
    if not isinstance(name, str):
        raise _unreadable(path, "its `currentContext` is no text")
    return name


def _read(path: str) -> bytes | None:
    """The content of a file, or None if there is none."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None


def _parsed(path: str, data: bytes) -> object:
    import json  # noqa: PLC0415 - most users have no context

    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise _unreadable(path, "it is no JSON") from None


def _object(path: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _unreadable(path, "it is not as Docker writes it")
    return value


def _unreadable(path: str, why: str) -> EngineError:
    return EngineError(
        f"`{path}` can't be read: {why}", None, "mend it, or name an engine with `--engine URL`"
    )
