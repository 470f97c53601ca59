"""A place to build in: what a file says under `containers`."""

from runner.location import Position
from runner.model.call import Call
from runner.model.record import Record
from runner.model.template import Template

HOST = "host"
"""The name that stands for no container at all."""


class ContainerName(Record):
    """Where a task runs, as it is written: the name of a container, an image's reference, or HOST.

    Args:
        text: What is written.
        position: Where it stands.
    """

    FIELDS = ("text", "position")
    __slots__ = FIELDS

    def __init__(self, text: str, position: Position) -> None:
        self.text = text
        self.position = position

    @property
    def is_reference(self) -> bool:
        """Whether it names an image and no container of a file."""
        return is_reference(self.text)


class Mount(Record):
    """A file or folder of the engine's machine that a container sees.

    Args:
        source: Its path there: absolute, below `~`, or relative to the file.
        target: Where it is seen: absolute or below `~`, the home in the container.
        readonly: Whether it can't be written there.
        position: Where it stands.
    """

    FIELDS = ("source", "target", "readonly", "position")
    __slots__ = FIELDS

    def __init__(self, source: str, target: str, readonly: bool, position: Position) -> None:
        self.source = source
        self.target = target
        self.readonly = readonly
        self.position = position


class Container(Record):
    """A container definition. Exactly one of `base`, `dockerfile` and `task` says what image it begins with.

    Args:
        name: Its name; for one that stands for a bare reference, that reference.
        base: The image's reference, or empty.
        setup: Scripts that make an image of its own out of that one, run in order by `sh`.
        dockerfile: The Dockerfile that makes the image, relative to its file, or empty.
        stage: The stage of the Dockerfile, or empty for the last.
        context: The folder that the Dockerfile copies from, relative to its file, or empty for the Dockerfile's
            own.
        task: The call of the image task that makes the image, or None.
        workdir: Where the project is seen, absolute; empty for the usual place.
        env: Fixed variables, in order; an unknown name in a value is a variable of the image.
        user: Who commands run as: a name or number of the image, with a group behind a colon; empty for the
            caller.
        cache_mounts: Folders that are kept between runs: absolute, or below `~`.
        network: The engine's network, `none`, or empty for the engine's default.
        platform: What it runs on, as `linux/arm64`, or empty for what the engine chooses.
        memory: The most bytes of memory, or 0 for no limit.
        cpus: The most thousandths of processors, or 0 for no limit.
        mounts: What else it sees of the engine's machine.
        init: Whether a small init is its first process.
        keep: Milliseconds that it stays warm after a run.
        folder: The folder of its file, relative to the top.
        position: Where its name stands.
    """

    FIELDS = (
        "name", "base", "setup", "dockerfile", "stage", "context", "task", "workdir", "env", "user",
        "cache_mounts", "network", "platform", "memory", "cpus", "mounts", "init", "keep", "folder", "position",
    )  # fmt: skip
    __slots__ = FIELDS

    def __init__(
        self,
        name: str,
        base: str,
        setup: tuple[str, ...],
        dockerfile: str,
        stage: str,
        context: str,
        task: Call | None,
        workdir: str,
        env: tuple[tuple[str, Template], ...],
        user: str,
        cache_mounts: tuple[str, ...],
        network: str,
        platform: str,
        memory: int,
        cpus: int,
        mounts: tuple[Mount, ...],
        init: bool,
        keep: int,
        folder: str,
        position: Position,
    ) -> None:
        self.name = name
        self.base = base
        self.setup = setup
        self.dockerfile = dockerfile
        self.stage = stage
        self.context = context
        self.task = task
        self.workdir = workdir
        self.env = env
        self.user = user
        self.cache_mounts = cache_mounts
        self.network = network
        self.platform = platform
        self.memory = memory
        self.cpus = cpus
        self.mounts = mounts
        self.init = init
        self.keep = keep
        self.folder = folder
        self.position = position


def is_reference(text: str) -> bool:
    """Whether a `container` names an image and no container of a file."""
    return ":" in text or "/" in text


def bare_container(reference: str, position: Position) -> Container:
    """The container that a bare reference stands for.

    Args:
        reference: The image's.
        position: Where it stands.
    """
    return Container(
        reference, reference, (), "", "", "", None, "", (), "", (), "", "", 0, 0, (), False, 0, "", position
    )
