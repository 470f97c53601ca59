"""Servers by name and port, and with which of them plain HTTP may be spoken.

Plain HTTP carries passwords that anyone on the way reads, and images that anyone on the way changes. So it is for
this machine's own addresses and for those that the user has listed, and for nothing else.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

INSECURE = "PYRUN_INSECURE_REGISTRIES"
"""The variable that lists servers with which plain HTTP may be spoken: `HOST[:PORT]`, with commas between."""
_PORTS = {"http": 80, "https": 443}


def split_host(server: str) -> tuple[str, int | None]:
    """Name and port of `HOST[:PORT]`; the name of an IPv6 address comes without its brackets."""
    name, colon, port = server.rpartition(":")
    if colon and port.isascii() and port.isdigit() and (name.startswith("[") or ":" not in name):
        return name.strip("[]").lower(), int(port)
    return server.strip("[]").lower(), None


def origin(url: str) -> tuple[str, str, int]:
    """What a URL must have in common with another one to be the same server's.

    Raises:
        ValueError: It is no URL of a server.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
        raise ValueError(f"no URL of a registry: {url[:200]}")
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]


def is_loopback(name: str) -> bool:
    """Whether a name stands for this machine itself."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def may_be_plain(server: str, environ: Mapping[str, str]) -> bool:
    """Whether plain HTTP may be spoken with a server.

    Args:
        server: `HOST[:PORT]`.
        environ: The caller's variables, of which `INSECURE` lists servers.
    """
    name, port = split_host(server)
    if is_loopback(name):
        return True
    for entry in environ.get(INSECURE, "").split(","):
        listed, listed_port = split_host(entry.strip())
        if listed and listed == name and listed_port in {None, port}:
            return True
    return False
