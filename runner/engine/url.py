"""The address of an engine as users write it."""

from runner.errors import EngineError, PyrunError, UsageError

UNIX, TCP, SSH = "unix", "tcp", "ssh"

FLAG, VARIABLE = "`--engine`", "PYRUN_ENGINE"
"""Who names an engine to pyrun, and to nobody else."""

PLAIN_PORT, TLS_PORT = 2375, 2376
"""Where an engine listens, by custom, without and with TLS."""


class EngineUrl:
    """An address, taken apart.

    Args:
        kind: UNIX, TCP or SSH.
        path: The socket's path: on this machine for UNIX, on the far one for SSH, where it may be empty.
        host: Name or number; empty for UNIX.
        port: Of the host, or 0 if none is said.
        user: Who one is on the far machine; empty if that is not said.
    """

    __slots__ = ("host", "kind", "path", "port", "user")

    def __init__(self, kind: str, path: str = "", host: str = "", port: int = 0, user: str = "") -> None:
        self.kind = kind
        self.path = path
        self.host = host
        self.port = port
        self.user = user


def parse_url(written: str, source: str) -> EngineUrl:
    """The address in a text.

    Args:
        written: The text.
        source: Who names it, as the user knows it.

    Raises:
        UsageError: It is none, and was meant for pyrun alone.
        EngineError: It is none, and was meant for others too.
    """
    kind, _, rest = written.partition("://")
    found = None
    if kind == UNIX and rest.startswith("/") and rest != "/" and _is_path(rest):
        found = EngineUrl(UNIX, rest)
    elif not written.isprintable() or " " in written:
        found = None
    elif kind == TCP:
        found = _far(TCP, rest.rstrip("/"))
    elif kind == SSH:
        place, slash, path = rest.partition("/")
        user, sign, host = place.rpartition("@")
        far = _far(SSH, host)
        # A password would be seen by all who see the address; what begins with `-` would be a flag of ssh.
        if far is not None and bool(user) == bool(sign) and ":" not in user and user[:1] != "-":
            found = EngineUrl(SSH, f"/{path}" if slash and path else "", far.host, far.port, user)
    if found is None:
        raise _wrong(written, source)
    return found


def _is_path(text: str) -> bool:
    """Whether a text can be a path at all."""
    try:
        return b"\0" not in text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False


def _far(kind: str, place: str) -> EngineUrl | None:
    """The address of `HOST`, `HOST:PORT` or `[NUMBER]:PORT`; None if it is none."""
    host, colon, digits = place.rpartition(":")
    if not colon or place.endswith("]"):
        host, digits = place, "0"
        colon = ""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if bare == host and ":" in host:
        # Which of its numbers is the port can't be told.
        return None
    if not bare or bare.startswith("-") or any(letter in bare for letter in "[]/@?#"):
        return None
    if not (digits.isascii() and digits.isdecimal()) or int(digits) > 65535 or (colon and not int(digits)):
        return None
    return EngineUrl(kind, "", bare, int(digits))


def _wrong(written: str, source: str) -> PyrunError:
    shapes = "`unix:///PATH`, `tcp://HOST[:PORT]` or `ssh://[USER@]HOST[:PORT][/PATH]`"
    message = f"{source} names the engine `{written}`, which is no address of one"
    if source in {FLAG, VARIABLE}:
        return UsageError(message, None, f"write {shapes}, or just `docker` or `podman`")
    return EngineError(message, None, f"write {shapes}")
