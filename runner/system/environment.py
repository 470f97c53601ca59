"""The facts of this machine and of the caller."""

import os

from runner.errors import RunError
from runner.plan.platform import Platform
from runner.system.tree import DiskTree
from runner.system.variables import Variables
from runner.system.witness import WITNESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.model.project import Head

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

    Attributes:
        inert: Whether no process may be started: then what only one could tell is not known.
    """

    __slots__ = ("_platform", "_top", "inert", "tree", "variables")

    def __init__(self, top: str, environ: "Mapping[str, str]") -> None:
        self.tree = DiskTree(top)
        self.variables = Variables(top, environ)
        self.inert = False
        self._top = top
        self._platform: Platform | None = None

    def variable(self, name: str, head: "Head") -> str | None:
        """What a variable is set to for the tasks of a file; None if it is not set."""
        return self.variables.of(head).get(name)

    def origin(self, name: str, head: "Head") -> str:
        """Who set a variable, in words: the caller, or a file with a line."""
        return self.variables.origin(name, head)

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder, links followed; `path` may be absolute."""
        return self.tree.exists(path)

    def output(self, argv: "Sequence[str]", folder: str, head: "Head") -> str | None:
        """What a program writes to its stdout, blanks at both ends taken off; None if nothing may run now.

        Raises:
            RunError: It can't be started or fails.
        """
        if self.inert:
            return None
        status, data = self._run(argv, folder, head)
        if status:
            raise RunError(f"`{argv[-1].strip()}` failed with exit status {status}")
        return data.decode("utf-8", "surrogateescape").strip()

    def succeeds(self, argv: "Sequence[str]", folder: str, head: "Head") -> bool | None:
        """Whether a program ends well; None if nothing may run now."""
        return None if self.inert else self._run(argv, folder, head)[0] == 0

    def _run(self, argv: "Sequence[str]", folder: str, head: "Head") -> "tuple[int, bytes]":
        from runner.system.process import capture  # noqa: PLC0415 - few files ask a command

        place = folder if folder.startswith("/") else f"{self._top}/{folder}".rstrip("/")
        hidden = frozenset(head.secrets)
        environ = {name: value for name, value in self.variables.of(head).items() if name not in hidden}
        return capture(argv, folder=place, environ={**environ, "PWD": place})

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
            WITNESS.saw(path)
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
