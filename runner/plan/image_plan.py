"""An image as it is to be built: every value known, no file looked at yet.

Also the one rule for where a copied file lands, which both builders of images follow.
"""

from runner.errors import PlanError
from runner.model.path import beneath
from runner.model.record import Record
from runner.plan.facts import FILE, FOLDER
from runner.plan.platform import Platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.digest import Digest
    from runner.location import Position

LINK = "s"
"""A symbolic link that is copied as a link, wherever it leads."""
SCRATCH = "scratch"
OCI = "oci"


class BasePlan(Record):
    """What the image's first layers come from.

    Args:
        kind: SCRATCH for none, OCI for a folder with an OCI layout.
        path: The folder, relative to the project's top folder, or absolute.
        tag: Which image of it; empty for the only one.
    """

    FIELDS = ("kind", "path", "tag")
    __slots__ = FIELDS

    def __init__(self, kind: str, path: str = "", tag: str = "") -> None:
        self.kind = kind
        self.path = path
        self.tag = tag


class BaseVariable(Record):
    """In a value of an image's `env`: what the base sets this variable to, or nothing."""

    FIELDS = ("name",)
    __slots__ = FIELDS

    def __init__(self, name: str) -> None:
        self.name = name


class Healthcheck(Record):
    """How an engine finds out whether a container is well.

    Args:
        test: `CMD` and a command, `CMD-SHELL` and a shell text, or `NONE` alone.
        interval: Nanoseconds between two tests; 0 leaves this and what follows to the engine.
        timeout: Nanoseconds a test may take.
        start_period: Nanoseconds during which a failed test does not count.
        retries: How many failures in a row make it unwell.
    """

    FIELDS = ("interval", "retries", "start_period", "test", "timeout")
    __slots__ = FIELDS

    def __init__(
        self,
        test: "tuple[str, ...]",
        interval: int = 0,
        timeout: int = 0,
        start_period: int = 0,
        retries: int = 0,
    ) -> None:
        self.test = test
        self.interval = interval
        self.timeout = timeout
        self.start_period = start_period
        self.retries = retries


class ConfigPlan(Record):
    """What a container of the image starts with. Empty means: as the base has it.

    Args:
        workdir: A relative one is below the base's.
        env: Names and values; a value is text, or texts and BaseVariables in turn.
        labels: Names and texts.
        user: Name or number, with a group behind a colon.
        expose: `8080`, `53/udp`, `8000-8002`.
        volumes: Absolute paths.
        stop_signal: Such as `SIGTERM`.
        healthcheck: Or None.
        entrypoint: None for the base's; anything else, an empty one too, clears the base's `cmd`.
        cmd: None for the base's; empty for none.
    """

    FIELDS = (
        "cmd",
        "entrypoint",
        "env",
        "expose",
        "healthcheck",
        "labels",
        "stop_signal",
        "user",
        "volumes",
        "workdir",
    )
    __slots__ = FIELDS

    def __init__(
        self,
        *,
        workdir: str = "",
        env: "tuple[tuple[str, str | tuple[str | BaseVariable, ...]], ...]" = (),
        labels: "tuple[tuple[str, str], ...]" = (),
        user: str = "",
        expose: "tuple[str, ...]" = (),
        volumes: "tuple[str, ...]" = (),
        stop_signal: str = "",
        healthcheck: Healthcheck | None = None,
        entrypoint: "tuple[str, ...] | None" = None,
        cmd: "tuple[str, ...] | None" = None,
    ) -> None:
        self.workdir = workdir
        self.env = env
        self.labels = labels
        self.user = user
        self.expose = expose
        self.volumes = volumes
        self.stop_signal = stop_signal
        self.healthcheck = healthcheck
        self.entrypoint = entrypoint
        self.cmd = cmd


class CopyPlan(Record):
    """One item of `copy`, and so one layer.

    Args:
        to: Where, as written.
        sources: Files, folders and patterns, relative to the project's top folder.
        mode: Of every copied file, or None for 0644 and 0755; folders are 0755 always.
        owner: User and group number of all it makes.
        task: The call whose targets the sources are, or empty.
        at: Where it stands; takes no part in equality.
    """

    FIELDS = ("at", "mode", "owner", "sources", "task", "to")
    __slots__ = FIELDS

    def __init__(
        self,
        to: str,
        sources: "tuple[str, ...]",
        *,
        mode: int | None = None,
        owner: "tuple[int, int]" = (0, 0),
        task: str = "",
        at: "Position | None" = None,
    ) -> None:
        self.to = to
        self.sources = sources
        self.mode = mode
        self.owner = owner
        self.task = task
        self.at = at

    def fields(self) -> "tuple[object, ...]":
        """All but where it stands."""
        return (self.to, self.sources, self.mode, self.owner, self.task)


class ImagePlan(Record):
    """An image to build.

    Args:
        name: Its repository, without a tag.
        tags: At least one.
        base: What it stands on.
        copies: In order, each a layer.
        config: What a container of it starts with.
        platform: What it runs on.
    """

    FIELDS = ("base", "config", "copies", "name", "platform", "tags")
    __slots__ = FIELDS

    def __init__(
        self,
        name: str,
        tags: "tuple[str, ...]",
        base: BasePlan,
        copies: "tuple[CopyPlan, ...]",
        config: ConfigPlan,
        platform: Platform,
    ) -> None:
        self.name = name
        self.tags = tags
        self.base = base
        self.copies = copies
        self.config = config
        self.platform = platform


class CopyFile(Record):
    """One file, folder or link that a copy puts into the image.

    Args:
        source: The path to read, relative to the project's top folder, or absolute.
        to: The absolute path in the image.
        kind: FILE, FOLDER or LINK.
        digest: Of the content, if it is known; else it is read.
        executable: Whether the file may be executed, if it is known.
    """

    FIELDS = ("digest", "executable", "kind", "source", "to")
    __slots__ = FIELDS

    def __init__(
        self,
        source: str,
        to: str,
        kind: str = FILE,
        digest: "Digest | None" = None,
        executable: bool | None = None,
    ) -> None:
        self.source = source
        self.to = to
        self.kind = kind
        self.digest = digest
        self.executable = executable


def base_plan(written: str, at: "Position | None" = None, folder: str = "") -> BasePlan:
    """What `from:` names, a path being relative to a folder.

    Raises:
        PlanError: It is nothing the layers builder can stand on.
    """
    if written == SCRATCH:
        return BasePlan(SCRATCH)
    if written.startswith("oci:"):
        path, _, tag = written[4:].partition(":")
        if path:
            return BasePlan(OCI, beneath(folder, path), tag)
        raise PlanError(f"`from: {written}` names no folder", at, "such as `oci:bases/debian:bookworm`")
    raise PlanError(
        f"`from: {written}` is not a base that can be read here",
        at,
        "`scratch`, or `oci:PATH:TAG` with a folder that `skopeo copy docker://NAME oci:PATH:TAG` fills",
    )


def name_and_tags(
    name: str, tags: "tuple[str, ...]", instead: "tuple[str, ...]" = ()
) -> "tuple[str, tuple[str, ...]]":
    """The repository and the tags, each once.

    A tag in the name is the first, `latest` stands for none at all, and `instead` (the command line's)
    replaces them all.
    """
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    found = instead or ((tag, *tags) if tag else tags) or ("latest",)
    return head + slash + last, tuple(dict.fromkeys(found))


def shell_form(text: str) -> "tuple[str, ...]":
    """The command that runs a shell text, as `cmd: TEXT` means it."""
    return ("/bin/sh", "-c", text)


def destination(to: str, workdir: str, path: str, below: str | None, at: "Position | None" = None) -> str:
    """The absolute path in the image of one file of a copy.

    Args:
        to: The copy's `to`. A relative one is below `workdir`.
        workdir: The image's, absolute, or empty if it has none.
        path: The file, relative to the project's top folder, or absolute.
        below: None for a file that the copy names itself: it lands in a `to` that ends in `/` under its base
            name, else under that very name. Otherwise a folder that holds the file: what the copied folder or
            the fixed part of the pattern is; the file keeps its path below it.
        at: Where the copy stands, for errors.

    Raises:
        PlanError: `to` is relative and there is no `workdir`, or it leads above the root.
    """
    if not to.startswith("/"):
        if not workdir:
            raise PlanError(f"`to: {to}` is relative, and the image has no `workdir`", at, f"`to: /{to}`")
        to = f"{workdir}/{to}"
    if below is not None:
        rest = path[len(below) :].lstrip("/")
        return _normal(f"{to}/{rest}", to, at)
    if to.rpartition("/")[2] in {"", ".", ".."}:
        to = f"{to}/{path.rpartition('/')[2]}"
    return _normal(to, to, at)


def placed(
    copy: CopyPlan, source: str, below: str | None, found: "Iterable[tuple[str, str]]", workdir: str
) -> "tuple[CopyFile, ...]":
    """What one source of a copy puts where, sorted by where.

    Args:
        copy: The copy.
        source: One of its sources, as a path or as a pattern is written.
        below: None if the source is one file; the source itself if it is a folder; of a pattern, the folder
            before its first wildcard.
        found: Paths and kinds: the file itself, all that is below the folder, or the pattern's matches.
        workdir: The image's, absolute, or empty.

    Raises:
        PlanError: Nothing was found, or it has no place in the image.
    """
    out = [CopyFile(path, destination(copy.to, workdir, path, below, copy.at), kind) for path, kind in found]
    if below == source:
        root = destination(copy.to, workdir, source, source, copy.at)
        if root != "/":
            out.append(CopyFile(source, root, FOLDER))
    elif not out:
        raise PlanError(f"nothing matches `{source}`, so there is nothing to copy to `{copy.to}`", copy.at)
    return tuple(sorted(out, key=lambda file: file.to))


def _normal(path: str, written: str, at: "Position | None") -> str:
    names: list[str] = []
    for name in path.split("/"):
        if name == "..":
            if not names:
                raise PlanError(
                    f"`to: {written}` leads above the image's root", at, "an absolute path without `..`"
                )
            names.pop()
        elif name not in {"", "."}:
            names.append(name)
    return "/" + "/".join(names)
