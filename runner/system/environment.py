"""The facts of this machine and of the caller."""

import os

from runner.plan.platform import Platform
from runner.system.tree import DiskTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "amd64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "arm64": ("arm64", ""),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i686": ("386", ""),
    "i386": ("386", ""),
}


class HostFacts:
    """What planning may ask, answered for this machine.

    Args:
        top: The project's top folder, absolute.
        environ: The caller's variables.
    """

    __slots__ = ("_environ", "_platform", "tree")

    def __init__(self, top: str, environ: "Mapping[str, str]") -> None:
        self.tree = DiskTree(top)
        self._environ = environ
        self._platform: Platform | None = None

    def variable(self, name: str) -> str | None:
        """What a variable of the caller is set to; None if it is not set."""
        return self._environ.get(name)

    def platform(self) -> Platform:
        """The platform of this machine, in the words of the OCI specification."""
        if self._platform is None:
            found = os.uname()
            architecture, variant = _ARCHITECTURES.get(found.machine, (found.machine, ""))
            self._platform = Platform(found.sysname.lower(), architecture, variant)
        return self._platform

    def platform_names(self) -> "Mapping[str, str]":
        """`TARGETOS`, `TARGETARCH`, `TARGETVARIANT`, `TARGETPLATFORM` and `BUILDPLATFORM`."""
        here = self.platform()
        return {
            "TARGETOS": here.os,
            "TARGETARCH": here.architecture,
            "TARGETVARIANT": here.variant,
            "TARGETPLATFORM": str(here),
            "BUILDPLATFORM": str(here),
        }


def cores() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def find_upwards(start: str, names: tuple[str, ...]) -> str | None:
    """The first of some file names that is there in a folder or the nearest one above it.

    Args:
        start: The folder to begin in, absolute.
        names: File names, the better ones first.
    """
    folder = start
    while True:
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                return path
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def cache_folder(environ: "Mapping[str, str]") -> str | None:
    """Where this user's caches of pyrun are kept; None if the user has no home."""
    base = environ.get("XDG_CACHE_HOME", "")
    if not base.startswith("/"):
        home = environ.get("HOME", "")
        if not home.startswith("/"):
            return None
        base = f"{home}/.cache"
    return f"{base}/pyrun"
