"""Where a container engine may listen, found without asking anybody: a look that costs a start nothing.

The first that names one settles it, and no other is tried: `--engine`, PYRUN_ENGINE, DOCKER_HOST, Docker's
contexts. If nothing does, the sockets are tried on which engines listen by custom.
"""

import os

from runner.engine.contexts import chosen_context, docker_folder, read_context
from runner.engine.url import FLAG, VARIABLE
from runner.errors import EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DOCKER_SOCKET = "/var/run/docker.sock"
PODMAN_SOCKET = "/run/podman/podman.sock"

DOCKER, PODMAN = "docker", "podman"
"""What stands for all usual sockets of such an engine."""


class Certificates:
    """How one speaks TLS with an engine.

    Args:
        folder: Where `ca.pem`, `cert.pem` and `key.pem` are; empty if nowhere.
        verify: Whether the engine must prove who it is.
    """

    __slots__ = ("folder", "verify")

    def __init__(self, folder: str, verify: bool) -> None:
        self.folder = folder
        self.verify = verify


class Candidate:
    """An engine that may be there.

    Args:
        url: Its address, as it is written.
        source: Who names it, as the user knows it; empty for a usual socket.
        certificates: For a TCP address that speaks TLS, else None.
    """

    __slots__ = ("certificates", "source", "url")

    def __init__(self, url: str, source: str = "", certificates: Certificates | None = None) -> None:
        self.url = url
        self.source = source
        self.certificates = certificates


def candidates(environ: "Mapping[str, str]", asked: str = "") -> tuple[Candidate, ...]:
    """The engines to try in turn: where one is named, no other.

    Args:
        environ: The caller's variables.
        asked: What `--engine` says; empty if it is not given.

    Raises:
        EngineError: What Docker's settings name is not there or can't be read.
    """
    for written, source in (
        (asked, FLAG),
        (environ.get(VARIABLE, ""), VARIABLE),
        (environ.get("DOCKER_HOST", ""), "DOCKER_HOST"),
    ):
        if written in {DOCKER, PODMAN} and source != "DOCKER_HOST":
            return _usual(environ, written, source)
        if written:
            return (Candidate(written, source, _certificates(environ)),)
    name, source = chosen_context(environ)
    if name:
        context = read_context(environ, name, source)
        if context.host:
            # As Docker has it: a context that says nothing of TLS has none.
            tls = bool(context.certificates) or not context.verify
            certificates = Certificates(context.certificates, context.verify) if tls else None
            return (Candidate(context.host, f"the context `{name}` of {source}", certificates),)
    return (*_usual(environ, DOCKER), *_usual(environ, PODMAN))


def may_answer(environ: "Mapping[str, str]", asked: str = "") -> bool:
    """Whether asking is worth while: there is a far engine, one named for pyrun, a socket, or something wrong.

    Args:
        environ: The caller's variables.
        asked: What `--engine` says; empty if it is not given.
    """
    if asked or environ.get(VARIABLE):
        return True
    try:
        found = candidates(environ, asked)
    except EngineError:
        return True
    return any(
        not candidate.url.startswith("unix://") or os.path.exists(candidate.url[len("unix://") :])
        for candidate in found
    )


def _usual(environ: "Mapping[str, str]", kind: str, source: str = "") -> tuple[Candidate, ...]:
    """The sockets on which engines of a kind listen by custom."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    runtime = runtime if runtime.startswith("/") else ""
    if kind == DOCKER:
        paths = [DOCKER_SOCKET]
        if runtime:
            paths.append(f"{runtime}/docker.sock")
    else:
        paths = [f"{runtime}/podman/podman.sock"] if runtime else []
        paths.append(PODMAN_SOCKET)
    return tuple(Candidate(f"unix://{path}", source) for path in paths)


def _certificates(environ: "Mapping[str, str]") -> Certificates | None:
    """How Docker's variables say that one speaks TLS, or None if they do not."""
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if not verify and not environ.get("DOCKER_TLS"):
        return None
    return Certificates(environ.get("DOCKER_CERT_PATH") or docker_folder(environ), verify)
