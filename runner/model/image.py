"""What a task's `image` says."""

from runner.location import Position
from runner.model.call import Call
from runner.model.record import Record
from runner.model.template import Template

Pairs = tuple[tuple[Template, Template], ...]


class Copy(Record):
    """One `copy` item: a layer.

    Args:
        call: The task whose targets are copied, or None.
        source: The pattern whose matches are copied where `call` is None, or None; of another image where there
            is a `base`.
        to: Where in the image.
        mode: The mode of every file copied, as octal digits, or empty.
        owner: `UID` or `UID:GID` of everything copied, or empty.
        position: Where it stands.
        base: The image that `source` is copied from, as an image's `from` names one, or None for the project.
    """

    FIELDS = ("call", "source", "to", "mode", "owner", "position", "base")
    __slots__ = FIELDS

    def __init__(
        self,
        call: Call | None,
        source: Template | None,
        to: Template,
        mode: str,
        owner: str,
        position: Position,
        base: Template | None = None,
    ) -> None:
        self.call = call
        self.source = source
        self.to = to
        self.mode = mode
        self.owner = owner
        self.position = position
        self.base = base


class Healthcheck(Record):
    """How an engine asks a container of the image whether it is well.

    Args:
        test: The command: words, or one shell text.
        shell: Whether `test` is one shell text.
        interval: Nanoseconds between two asks, 0 for the engine's own.
        timeout: Nanoseconds an ask may take, 0 for the engine's own.
        start_period: Nanoseconds at the start in which a failure does not count, 0 for the engine's own.
        retries: Failures in a row that make it unwell, 0 for the engine's own.
        position: Where it stands.
    """

    FIELDS = ("test", "shell", "interval", "timeout", "start_period", "retries", "position")
    __slots__ = FIELDS

    def __init__(
        self,
        test: tuple[Template, ...],
        shell: bool,
        interval: int,
        timeout: int,
        start_period: int,
        retries: int,
        position: Position,
    ) -> None:
        self.test = test
        self.shell = shell
        self.interval = interval
        self.timeout = timeout
        self.start_period = start_period
        self.retries = retries
        self.position = position


class Dockerfile(Record):
    """A Dockerfile written by hand.

    Args:
        path: Where it is, relative to the `tasks.yml`.
        stage: The stage that is taken, or None for the last.
        context: The folder that it copies from, relative to the `tasks.yml`, or None for the Dockerfile's own.
        build_args: Its build arguments, in order.
        position: Where its path stands.
    """

    FIELDS = ("path", "stage", "context", "build_args", "position")
    __slots__ = FIELDS

    def __init__(
        self,
        path: Template,
        stage: Template | None,
        context: Template | None,
        build_args: Pairs,
        position: Position,
    ) -> None:
        self.path = path
        self.stage = stage
        self.context = context
        self.build_args = build_args
        self.position = position


class Image(Record):
    """A production image.

    Args:
        name: Its repository, maybe with a tag.
        tags: Its tags; none: the tag in `name`, else `latest`.
        base: What it stands on: `scratch`, a container's name, a reference, `oci:PATH[:TAG]`, `archive:PATH` or
            `engine:NAME`; empty where a Dockerfile says it.
        copy: Its layers above the base, in order.
        run: Commands in the image itself, after `copy`, in order.
        platforms: What it is for, as `linux/arm64`; none: what the engine runs on.
        runner: Whether pyrun itself is put in.
        compression: How its layers are packed, `gzip` or `zstd`; empty for the usual way.
        dockerfile: The Dockerfile that makes it, or None.
        workdir: The working folder of its process, or None for the base's.
        env: Variables above the base's.
        labels: Labels above the base's.
        user: Who its process runs as, or None for the base's.
        expose: Ports, as `PORT` or `PORT/PROTOCOL`.
        volumes: Folders that are volumes.
        stop_signal: The signal that stops it, or None for the base's.
        healthcheck: See there, or None for the base's.
        entrypoint: The program and its first words, or None for the base's; it clears the base's `cmd`.
        entrypoint_shell: Whether `entrypoint` is one shell text.
        cmd: The words behind the entrypoint, or None.
        cmd_shell: Whether `cmd` is one shell text.
        position: Where it stands.
    """

    FIELDS = (
        "name", "tags", "base", "copy", "run", "platforms", "runner", "compression", "dockerfile",
        "workdir", "env", "labels", "user", "expose", "volumes",
        "stop_signal", "healthcheck", "entrypoint", "entrypoint_shell", "cmd", "cmd_shell", "position",
    )  # fmt: skip
    __slots__ = FIELDS

    def __init__(
        self,
        name: Template,
        tags: tuple[Template, ...],
        base: Template,
        copy: tuple[Copy, ...],
        run: tuple[Template, ...],
        platforms: tuple[Template, ...],
        runner: bool,
        compression: str,
        dockerfile: Dockerfile | None,
        workdir: Template | None,
        env: Pairs,
        labels: Pairs,
        user: Template | None,
        expose: tuple[Template, ...],
        volumes: tuple[Template, ...],
        stop_signal: Template | None,
        healthcheck: Healthcheck | None,
        entrypoint: tuple[Template, ...] | None,
        entrypoint_shell: bool,
        cmd: tuple[Template, ...] | None,
        cmd_shell: bool,
        position: Position,
    ) -> None:
        self.name = name
        self.tags = tags
        self.base = base
        self.copy = copy
        self.run = run
        self.platforms = platforms
        self.runner = runner
        self.compression = compression
        self.dockerfile = dockerfile
        self.workdir = workdir
        self.env = env
        self.labels = labels
        self.user = user
        self.expose = expose
        self.volumes = volumes
        self.stop_signal = stop_signal
        self.healthcheck = healthcheck
        self.entrypoint = entrypoint
        self.entrypoint_shell = entrypoint_shell
        self.cmd = cmd
        self.cmd_shell = cmd_shell
        self.position = position
