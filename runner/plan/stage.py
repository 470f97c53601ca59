"""What a multi-stage Dockerfile says, instruction by instruction, before it is text."""

from dataclasses import dataclass

from runner.plan.image_plan import Healthcheck

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.location import Position
    from runner.model.task import Secret
    from runner.plan.container_plan import Value


@dataclass(frozen=True, slots=True)
class From:
    """Where a stage begins.

    Args:
        image: An image's reference, `scratch`, or the name of another stage.
        platform: What the image is for, if that is not what is built for.
    """

    image: str
    platform: str = ""


@dataclass(frozen=True, slots=True)
class Copied:
    """Files that are copied.

    Args:
        sources: Paths, of the context or of `origin`.
        to: Where; a `/` at the end for a folder.
        origin: A stage or an image; empty for the context.
        owner: User and group, or empty for root.
        mode: Of all that is copied, or None to leave it.
    """

    sources: tuple[str, ...]
    to: str
    origin: str = ""
    owner: str = ""
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A command.

    Args:
        words: Its words.
        mounts: What it sees beside the stage, each as `--mount` takes it.
        network: Which network it has, or empty for the usual one.
    """

    words: tuple[str, ...]
    mounts: tuple[str, ...] = ()
    network: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """Variables or labels.

    Args:
        what: `ENV` or `LABEL`.
        pairs: Names and values, a value maybe with variables of the stage in it.
    """

    what: str
    pairs: "tuple[tuple[str, Value], ...]"


@dataclass(frozen=True, slots=True)
class Setting:
    """One value: of `WORKDIR`, `USER` or `STOPSIGNAL`."""

    what: str
    value: str


@dataclass(frozen=True, slots=True)
class Words:
    """A list of words: of `ENTRYPOINT`, `CMD` or `VOLUME`."""

    what: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ports:
    """What listens, as `expose` has it."""

    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """How an engine finds out whether a container is well."""

    check: Healthcheck


Instruction = From | Copied | Run | Named | Setting | Words | Ports | Health


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage.

    Args:
        name: What others call it.
        instructions: The first one is a `From`.
        words: What it is, for people.
        at: Where that stands, for errors.
    """

    name: str
    instructions: tuple[Instruction, ...]
    words: str
    at: "Position | None" = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the project.

    Args:
        path: Where a task finds it, relative to the project's top folder.
        source: The file itself, which is another one where the path is a link.
        executable: Whether its owner may execute it.
    """

    path: str
    source: str
    executable: bool


@dataclass(frozen=True, slots=True)
class Stages:
    """All stages of a Dockerfile.

    Args:
        stages: In an order in which each comes after those that it names.
        targets: The ids of the actions that make images, each with its stage.
        files: The files of the context that are copied, sorted.
        secrets: What is mounted as a secret, each once.
    """

    stages: tuple[Stage, ...]
    targets: tuple[tuple[str, str], ...]
    files: tuple[str, ...]
    secrets: "tuple[Secret, ...]"

    def of(self, action: str) -> str:
        """The stage of an image's action."""
        return dict(self.targets)[action]
