"""Where a container engine may listen, found without asking anybody: a look that costs a start nothing."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DOCKER_SOCKET = "/var/run/docker.sock"


def sockets(environ: "Mapping[str, str]") -> tuple[str, ...]:
    """The engines to try in turn, as DOCKER_HOST would name them: that variable's alone where it is set.

    Args:
        environ: The caller's variables.
    """
    host = environ.get("DOCKER_HOST", "")
    if host:
        return (host,)
    found = [f"unix://{DOCKER_SOCKET}"]
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime:
        found.append(f"unix://{runtime}/podman/podman.sock")
    return tuple(found)


def may_answer(environ: "Mapping[str, str]") -> bool:
    """Whether there is anything that could answer: a far engine, or a socket that is there."""
    return any(
        not place.startswith("unix://") or os.path.exists(place[len("unix://") :])
        for place in sockets(environ)
    )
