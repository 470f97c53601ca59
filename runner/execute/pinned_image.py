"""Which of an engine's images a name stands for: the one that is pinned, and not whatever has the name just now.

An engine keeps beside an image the digests under which registries have it. One that no registry knows can't be
pinned and is taken as it is.
"""

from runner.engine.image_facts import is_for, registry_digests
from runner.errors import EngineError
from runner.image.full_name import DEFAULT_TAG, by_digest, split_tag
from runner.store.lock_file import NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from runner.execute.ports import Pins
    from runner.model.container import Container

    Document = dict[str, Any]
    """What an engine says of an image."""

_SHORT = len("sha256:") + 12
"""Characters of a digest that people are shown."""


class PinnedImages:
    """The images of an engine by what their names stand for.

    Args:
        pins: What names stand for.
        look: What the engine says of an image by name; None if it has none of that name.
        pull: Lets the engine get an image by name, for a platform or, if that is empty, for the one it chooses.
        tag: Lets the engine give an image that it has a name.
        tell: Told what takes long.
        inert: Whether nothing may be got.
    """

    def __init__(
        self,
        pins: "Pins",
        look: "Callable[[str], Document | None]",
        pull: "Callable[[str, str], None]",
        tag: "Callable[[str, str], None]",
        tell: "Callable[[str], None]",
        *,
        inert: bool,
    ) -> None:
        self._pins = pins
        self._look = look
        self._pull = pull
        self._tag = tag
        self._tell = tell
        self._inert = inert

    def find(self, container: "Container") -> "Document | None":
        """The image that a container begins with by its name, got first if it has to be.

        Returns:
            None if it is not there and nothing may be got.

        Raises:
            EngineError: The engine does not answer, or the image can't be got.
            PlanError: `--locked` does not let it be used.
            RunError: With `--update`, its registry does not say what it has.
        """
        name = container.base
        if "@" in name:
            return self._exact(container, name, "")
        pin = self._pins.known(name)
        if not pin or self._pins.moving:
            found, pin = self._new(container)
            if not pin or (found is not None and pin in registry_digests(found, name)):
                return found
        return self._exact(container, by_digest(name, pin), pin)

    def _new(self, container: "Container") -> "tuple[Document | None, str]":
        """What the engine has by a name that is not pinned or about to be pinned anew, and its pin, or empty."""
        name, at = container.base, container.position
        found, pulled = self._found(container, name), False
        if found is None and self._inert:
            return None, ""
        if found is None and not self._pins.moving and not self._pins.locked:
            found, pulled = self._got(container, name, ""), True
        if found is None:
            return None, self._pins.digest(name, at)
        have = registry_digests(found, name)
        image = str(found.get("Id", ""))
        return found, self._pins.digest_in_engine(name, at, image, have, pulled=pulled)

    def _exact(self, container: "Container", exact: str, pin: str) -> "Document | None":
        """An image by its digest, whatever has its name."""
        found = self._found(container, exact)
        if found is None and not self._inert:
            found = self._got(container, exact, pin)
            if found is not None and pin and self._look(container.base) is None:
                # Without a name it would be rubbish to those who tidy up the engine.
                repository, label = split_tag(container.base)
                self._tag(str(found.get("Id", "")), f"{repository}:{label or DEFAULT_TAG}")
        return found

    def _found(self, container: "Container", name: str) -> "Document | None":
        """What the engine has by a name, if it is for the container's platform."""
        found, wanted = self._look(name), container.platform
        return found if found is None or not wanted or is_for(found, wanted) else None

    def _got(self, container: "Container", name: str, pin: str) -> "Document | None":
        """What the engine has by a name after it has pulled it."""
        self._tell(f"pulls {name} for the container {container.name}")
        try:
            self._pull(name, container.platform)
        except EngineError as error:
            what = f"the image `{container.base}` of the container `{container.name}` is not there"
            hint = "is its name right, and is its registry reached from here? `docker pull` says more"
            if pin:
                what = f"{what} as {NAME} has it, {pin[:_SHORT]}"
                hint = "is its registry reached from here? `--update` takes what that has now"
            raise EngineError(f"{what}: {error.message}", container.position, hint) from None
        return self._look(name)
