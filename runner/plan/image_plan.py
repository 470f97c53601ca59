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
    from runner.model.container import Container

LINK = "s"
"""A symbolic link that is copied as a link, wherever it leads."""
SCRATCH = "scratch"
OCI = "oci"
ARCHIVE = "archive"
ENGINE = "engine"
REGISTRY = "registry"
CONTAINER = "container"
GZIP, ZSTD = "gzip", "zstd"


class BaseVariable(Record):
    """In a value of an image's `env`: what the base sets this variable to, or nothing."""

    FIELDS = ("name",)
    __slots__ = FIELDS

    def __init__(self, name: str) -> None:
        self.name = name


class BasePlan(Record):
    """An image to stand on, or to copy from.

    Args:
        kind: SCRATCH for none, OCI for a folder with an OCI layout, ARCHIVE for a file that holds one or what
            `docker save` writes, ENGINE for an image that the engine has, REGISTRY for one by its reference,
            CONTAINER for that of a container of the file.
        path: The folder or the file, relative to the project's top folder, or absolute; of ENGINE and REGISTRY
            the reference.
        tag: Which image of a folder or file; empty for the only one.
        container: The container's definition, for CONTAINER only.
        env: What that sets above its image's variables, as in a ConfigPlan.
        made_by: The id of the action that makes the container's image, or empty.
        at: Where it stands; takes no part in equality.
    """

    FIELDS = ("kind", "path", "tag", "container", "env", "made_by", "at")
    __slots__ = FIELDS

    def __init__(
        self,
        kind: str,
        path: str = "",
        tag: str = "",
        container: "Container | None" = None,
        env: "tuple[tuple[str, str | tuple[str | BaseVariable, ...]], ...]" = (),
        made_by: str = "",
        at: "Position | None" = None,
    ) -> None:
        self.kind = kind
        self.path = path
        self.tag = tag
        self.container = container
        self.env = env
        self.made_by = made_by
        self.at = at

    def fields(self) -> "tuple[object, ...]":
        """All that makes a difference; where anything stands does not."""
        found: tuple[object, ...] = (self.kind, self.path, self.tag)
        one = self.container
        if one is None:
            return found
        made = (
            one.name,
            one.base,
            one.setup,
            one.dockerfile,
            one.stage,
            one.context,
            one.workdir,
            one.platform,
        )
        return (*found, *made, one.folder, self.env, self.made_by)

    def __str__(self) -> str:
        """As a file has it."""
        if self.container is not None:
            return self.container.name
        if self.kind in {SCRATCH, REGISTRY}:
            return self.path or self.kind
        return f"{self.kind}:{self.path}" + (f":{self.tag}" if self.tag else "")


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
        base: The image that the sources are of, then paths in that image; None for the project.
    """

    FIELDS = ("at", "base", "mode", "owner", "sources", "task", "to")
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
        base: BasePlan | None = None,
    ) -> None:
        self.base = base
        self.to = to
        self.sources = sources
        self.mode = mode
        self.owner = owner
        self.task = task
        self.at = at

    def fields(self) -> "tuple[object, ...]":
        """All but where it stands."""
        return (self.to, self.sources, self.mode, self.owner, self.task, self.base)

    @property
    def own_sources(self) -> "tuple[str, ...]":
        """The sources that are files of the project, and no task's targets."""
        return self.sources if self.base is None and not self.task else ()


class DockerfilePlan(Record):
    """A Dockerfile that makes an image: written by hand, or made of the task graph.

    Args:
        path: Where it is, relative to the project's top folder; empty where it is no file.
        stage: The stage that is taken; empty for the last.
        context: The folder that it copies from, relative to the project's top folder; empty for the top.
        build_args: Its build arguments, in order.
        at: Where its path stands; takes no part in equality.
        text: What it says, where it is no file; else empty.
        files: The files and links of the project that it copies, where it is no file.
    """

    FIELDS = ("path", "stage", "context", "build_args", "at", "text", "files")
    __slots__ = FIELDS

    def __init__(
        self,
        path: str,
        stage: str,
        context: str,
        build_args: "tuple[tuple[str, str], ...]",
        at: "Position | None" = None,
        text: str = "",
        files: "tuple[str, ...]" = (),
    ) -> None:
        self.text = text
        self.files = files
        self.path = path
        self.stage = stage
        self.context = context
        self.build_args = build_args
        self.at = at

    def fields(self) -> "tuple[object, ...]":
        """All but where it stands."""
        return (self.path, self.stage, self.context, self.build_args, self.text, self.files)

    @property
    def may_read(self) -> "tuple[str, ...]":
        """Patterns of all that it may be made of, whatever it says."""
        from runner.plan.pattern import escape  # noqa: PLC0415 - few images have one

        path = escape(self.path)
        return (path, f"{path}.dockerignore", f"{escape(self.context)}/" if self.context else "**")


class ImagePlan(Record):
    """An image to build.

    Args:
        name: Its repository, without a tag.
        tags: At least one, but for a part.
        base: What it stands on.
        copies: In order, each a layer.
        config: What a container of it starts with.
        platform: What it runs on.
        run: Scripts that are run in it after all copies, in order; only an engine can.
        runner: Whether pyrun itself is put in.
        compression: How its layers are packed, `gzip` or `zstd`.
        dockerfile: The Dockerfile that makes it, or None; then only name, tags, labels and platform count beside.
        parts: Of one that lists images for several platforms, the ids of the actions that make them, each with
            its platform; then only name and tags count beside. Such a part has no tags: the list has its name.
    """

    FIELDS = (
        "base", "compression", "config", "copies", "dockerfile", "name", "parts", "platform", "run", "runner",
        "tags",
    )  # fmt: skip
    __slots__ = FIELDS

    def __init__(
        self,
        name: str,
        tags: "tuple[str, ...]",
        base: BasePlan,
        copies: "tuple[CopyPlan, ...]",
        config: ConfigPlan,
        platform: Platform,
        run: "tuple[str, ...]" = (),
        runner: bool = False,
        compression: str = GZIP,
        dockerfile: DockerfilePlan | None = None,
        parts: "tuple[tuple[str, Platform], ...]" = (),
    ) -> None:
        self.name = name
        self.tags = tags
        self.base = base
        self.copies = copies
        self.config = config
        self.platform = platform
        self.run = run
        self.runner = runner
        self.compression = compression
        self.dockerfile = dockerfile
        self.parts = parts

    @property
    def platforms(self) -> "tuple[Platform, ...]":
        """All that it is for."""
        return tuple(platform for _, platform in self.parts) or (self.platform,)

    def tagged(self, tags: "tuple[str, ...]") -> "ImagePlan":
        """The same with other tags; with none as a part of an image for several platforms."""
        fields = {name: getattr(self, name) for name in self.FIELDS}
        return ImagePlan(**{**fields, "tags": tags})

    @property
    def bases(self) -> "tuple[BasePlan, ...]":
        """All images that it is made of: what it stands on, and what it copies from."""
        return (self.base, *(copy.base for copy in self.copies if copy.base is not None))


class CopyFile(Record):
    """One file, folder or link that a copy puts into the image.

    Args:
        source: The path to read, relative to the project's top folder, or absolute.
        to: The absolute path in the image.
        kind: FILE, FOLDER or LINK.
        digest: Of the content, if it is known; else it is read.
        executable: Whether the file may be executed, if it is known.
        named: Whether the copy names this very file. Then a link in its place in the image is followed, as COPY
            does; what comes with a folder or by a pattern takes the place of a link.
    """

    FIELDS = ("digest", "executable", "kind", "named", "source", "to")
    __slots__ = FIELDS

    def __init__(
        self,
        source: str,
        to: str,
        kind: str = FILE,
        digest: "Digest | None" = None,
        executable: bool | None = None,
        named: bool = False,
    ) -> None:
        self.named = named
        self.source = source
        self.to = to
        self.kind = kind
        self.digest = digest
        self.executable = executable


def base_plan(written: str, at: "Position | None" = None, folder: str = "") -> BasePlan:
    """What `from` names if it is no container of the file, a path being relative to a folder.

    Raises:
        PlanError: It names nothing.
    """
    if written == SCRATCH:
        return BasePlan(SCRATCH, at=at)
    kind, colon, rest = written.partition(":")
    if colon and kind in {OCI, ARCHIVE}:
        path, _, tag = rest.partition(":")
        if path:
            return BasePlan(kind, beneath(folder, path), tag, at=at)
        what, hint = (
            ("folder", "oci:bases/debian:bookworm") if kind == OCI else ("file", "archive:bases/debian.tar")
        )
        raise PlanError(f"`from: {written}` names no {what}", at, f"such as `{hint}`")
    if colon and kind == ENGINE:
        if rest:
            return BasePlan(ENGINE, rest, at=at)
        raise PlanError(f"`from: {written}` names no image", at, "such as `engine:debian:bookworm`")
    return BasePlan(REGISTRY, written, at=at)


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
    named = below is None
    out = [
        CopyFile(path, destination(copy.to, workdir, path, below, copy.at), kind, named=named)
        for path, kind in found
    ]
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
