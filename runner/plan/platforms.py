"""Images for several platforms: what is wanted, and which parts of a graph must be done once for each.

A graph is planned for each platform as if all in it hung on that. What uses no name of the platform, runs in no
container of it and needs nothing that does is then the same for all of them, and is done once.
"""

from runner.errors import PlanError, nearest
from runner.model.record import Record
from runner.model.template import Template
from runner.plan.platform import Platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from runner.location import Position
    from runner.model.task import Task

TARGET = "target"
"""What a container says that runs on whatever the image is for."""
_NAMES = frozenset(("TARGETOS", "TARGETARCH", "TARGETVARIANT", "TARGETPLATFORM"))
_OTHERS_PARAMS = frozenset(("args", "options", "shared"))
"""What of a task is worked out on this machine before anything is planned."""
_SYSTEMS = (
    "linux",
    "windows",
    "darwin",
    "freebsd",
    "netbsd",
    "openbsd",
    "solaris",
    "illumos",
    "aix",
    "wasip1",
    "js",
)
_ARCHITECTURES = (
    "amd64", "arm64", "arm", "386", "riscv64", "ppc64le", "ppc64", "s390x", "mips64le", "mips64", "mipsle", "mips",
    "loong64", "wasm",
)  # fmt: skip
_OTHER_NAMES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "x64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "i686": "386",
}
_USUAL_VARIANTS = {("arm64", "v8"), ("amd64", "v1")}
"""Variants that go without saying."""
_VARIANTS = {"arm": ("v5", "v6", "v7", "v8"), "arm64": ("v8", "v9"), "amd64": ("v1", "v2", "v3", "v4")}


class WantedImages(Record):
    """What is wanted of images beside what files say.

    Args:
        platforms: What they are to be for; none: what they say themselves, if that counts, else `usual`.
        tags: Their tags instead of those that they say themselves; none: those.
        exports: Whether what they say themselves of platforms counts: where they are pushed or saved.
        usual: Gives what an image is for that says nothing: what the engine runs on that gets it.
    """

    FIELDS = ("platforms", "tags", "exports", "usual")
    __slots__ = FIELDS

    def __init__(
        self,
        platforms: tuple[Platform, ...],
        tags: tuple[str, ...],
        exports: bool,
        usual: "Callable[[], Platform]",
    ) -> None:
        self.platforms = platforms
        self.tags = tags
        self.exports = exports
        self.usual = usual


def parse_platform(written: str, at: "Position | None" = None) -> Platform:
    """The platform that a text names: `linux/arm64`, `linux/arm/v7`.

    A variant that goes without saying, as in `linux/arm64/v8`, is left out.

    Raises:
        PlanError: It names none.
    """
    system, _, rest = written.strip().partition("/")
    architecture, _, variant = rest.partition("/")
    known = _OTHER_NAMES.get(architecture, architecture)
    if not rest and _OTHER_NAMES.get(system, system) in _ARCHITECTURES:
        raise _no_platform(written, at, f"linux/{_OTHER_NAMES.get(system, system)}")
    if system not in _SYSTEMS:
        near = nearest(system, _SYSTEMS)
        raise _no_platform(written, at, f"{near or 'linux'}/{known if known in _ARCHITECTURES else 'arm64'}")
    if architecture not in _ARCHITECTURES:
        near = known if known in _ARCHITECTURES else nearest(architecture, _ARCHITECTURES)
        raise _no_platform(written, at, f"{system}/{near or 'arm64'}")
    if "/" in rest and variant not in _VARIANTS.get(architecture, ()):
        there = _VARIANTS.get(architecture, ())
        raise _no_platform(written, at, f"{system}/{architecture}" + (f"/{there[-1]}" if there else ""))
    return Platform(system, architecture, "" if (architecture, variant) in _USUAL_VARIANTS else variant)


def _no_platform(written: str, at: "Position | None", right: str) -> PlanError:
    return PlanError(f"`{written}` is no platform", at, f"such as `{right}`")


def parse_platforms(
    texts: "Iterable[tuple[str, Position | None]]",
) -> tuple[Platform, ...]:
    """The platforms that some texts name, each with where it stands; each platform once.

    Raises:
        PlanError: One names none.
    """
    return tuple(dict.fromkeys(parse_platform(text, at) for text, at in texts))


def uses_platform(task: "Task") -> bool:
    """Whether anything that a task says hangs on the platform that something is made for."""
    return any(_names_platform(getattr(task, name)) for name in task.FIELDS if name not in _OTHERS_PARAMS)


def _names_platform(value: object) -> bool:
    """Whether a template in some part of a model names the platform."""
    if isinstance(value, Template):
        return not _NAMES.isdisjoint(value.names())
    if isinstance(value, tuple):
        return any(map(_names_platform, value))
    return isinstance(value, Record) and any(map(_names_platform, value.fields()))


def reaching(starts: "Iterable[str]", needs: "Mapping[str, Iterable[str]]") -> set[str]:
    """Those that are, or need directly or through others, one of some; circles do no harm.

    Args:
        starts: Where to begin.
        needs: For each what it needs.
    """
    users: dict[str, list[str]] = {}
    for name, below in needs.items():
        for need in below:
            users.setdefault(need, []).append(name)
    found = set(starts)
    left = list(found)
    while left:
        for user in users.get(left.pop(), ()):
            if user not in found:
                found.add(user)
                left.append(user)
    return found
