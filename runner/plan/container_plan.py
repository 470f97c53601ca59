"""Where an action runs if not on the host: a container definition with everything filled in."""

from runner.model.container import Container
from runner.model.record import Record
from runner.plan.image_plan import BaseVariable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Value = str | tuple[str | BaseVariable, ...]
    """A variable's value; where it names variables of the image, texts and these in turn."""

USUAL_WORKDIR = "/src"
"""Where a container sees the project if its definition does not say."""
HOST_NAME = "host.docker.internal"
"""What containers call the machine that pyrun runs on, if the engine does."""


class ContainerPlan(Record):
    """The container of an action.

    Args:
        definition: What the file says of it.
        env: The variables of the definition and of the task, in order, later ones winning.
        image: The id of the action that makes its image, or empty.
        alone: Whether no other action may run in it: a server's, or one into which secrets are put.
        passed: The names of the caller's variables that are let in.
    """

    FIELDS = ("definition", "env", "image", "alone", "passed")
    __slots__ = FIELDS

    def __init__(
        self,
        definition: Container,
        env: "tuple[tuple[str, Value], ...]",
        image: str,
        alone: bool,
        passed: tuple[str, ...],
    ) -> None:
        self.definition = definition
        self.env = env
        self.image = image
        self.alone = alone
        self.passed = passed

    @property
    def name(self) -> str:
        """What people call it."""
        return self.definition.name

    @property
    def workdir(self) -> str:
        """Where it sees the project, absolute, without a `/` at its end."""
        return self.definition.workdir.rstrip("/") or USUAL_WORKDIR

    def pieces(self) -> "tuple[tuple[str, object], ...]":
        """What of it is part of an action's key beside the image: what it is in words, and its value."""
        one = self.definition
        found: list[tuple[str, object]] = [("the project's folder in the container", self.workdir)]
        for what, value in (
            ("setup of the container", one.setup),
            ("network of the container", one.network),
            ("platform of the container", one.platform),
            ("user of the container", one.user),
            ("cache mounts of the container", one.cache_mounts),
            ("mounts of the container", tuple((mount.source, mount.target) for mount in one.mounts)),
        ):
            if value:
                found.append((what, value))
        return tuple(found)


def filled(env: "tuple[tuple[str, Value], ...]", image: "Mapping[str, str]") -> dict[str, str]:
    """Variables with those of the image in their places; what neither sets is empty."""
    found: dict[str, str] = {}
    for name, value in env:
        if isinstance(value, str):
            found[name] = value
        else:
            found[name] = "".join(
                part if isinstance(part, str) else found.get(part.name, image.get(part.name, ""))
                for part in value
            )
    return found
