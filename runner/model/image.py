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
        source: The pattern whose matches are copied where `call` is None, or None.
        to: Where in the image.
        mode: The mode of every file copied, as octal digits, or empty.
        owner: `UID` or `UID:GID` of everything copied, or empty.
        position: Where it stands.
    """

    FIELDS = ("call", "source", "to", "mode", "owner", "position")
    __slots__ = FIELDS

    def __init__(
        self,
        call: Call | None,
        source: Template | None,
        to: Template,
        mode: str,
        owner: str,
        position: Position,
    ) -> None:
        self.call = call
        self.source = source
        self.to = to
        self.mode = mode
        self.owner = owner
        self.position = position


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


class Image(Record):
    """A production image.

    Args:
        name: Its repository, maybe with a tag.
        tags: Its tags; none: the tag in `name`, else `latest`.
        base: `scratch` or `oci:PATH[:TAG]`.
        copy: Its layers above the base, in order.
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
        "name", "tags", "base", "copy", "workdir", "env", "labels", "user", "expose", "volumes",
        "stop_signal", "healthcheck", "entrypoint", "entrypoint_shell", "cmd", "cmd_shell", "position",
    )  # fmt: skip
    __slots__ = FIELDS

    def __init__(
        self,
        name: Template,
        tags: tuple[Template, ...],
        base: Template,
        copy: tuple[Copy, ...],
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
