"""Where images are made and kept: the project's OCI layout.

Imported only when an image is asked for.
"""

import os
from contextlib import ExitStack

from runner.cli.layers import build_layers
from runner.cli.sinks import Found
from runner.digest import Digest
from runner.errors import RunError
from runner.events import ImageReady
from runner.image import media_type
from runner.image.annotations import labelled
from runner.image.descriptor import Descriptor
from runner.image.index import Index, parse_index
from runner.image.manifest import parse_manifest
from runner.image.reference import parse_reference
from runner.plan.action import Action
from runner.plan.file_state import FileState
from runner.plan.image_plan import ImagePlan
from runner.store.oci_layout import OciLayout
from runner.system.state_folder import make_state_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.cli.attest import Attester
    from runner.cli.bases import Bases
    from runner.cli.engine_images import EngineImage
    from runner.cli.sinks import Sinks
    from runner.execute.search_secrets import SecretSearch
    from runner.image.reference import Reference
    from runner.store.saved_image import SavedImage


class ProjectImages:
    """The images of a project.

    Args:
        top: The project's top folder, absolute.
        bases: What they stand on.
        sinks: Where they go.
        epoch: The time of all files of an image, in seconds since 1970.
        search: Looks for secrets in them, or None where there are none.
        annotations: Gives what is written on an image that is made now: names and texts.
        attester: Attests them, or None.
        verified: Names, each with the digest that an image must have to be named so and to ship.
        waiting: The ids of the actions whose images no index lists yet; what is made is added and taken away here.
        parts: Gives the actions that make the images of an index, in its order.
    """

    def __init__(
        self,
        top: str,
        bases: "Bases",
        sinks: "Sinks",
        epoch: int,
        search: "SecretSearch | None" = None,
        annotations: "Callable[[], Sequence[tuple[str, str]]]" = tuple,
        attester: "Attester | None" = None,
        verified: "Mapping[str, str] | None" = None,
        waiting: "set[str] | None" = None,
        parts: "Callable[[Action], Sequence[Action]]" = lambda _: (),
    ) -> None:
        self._waiting = set() if waiting is None else waiting
        self._parts = parts
        self._held = ExitStack()
        self._holds = False
        self._verified = verified or {}
        self._attester = attester
        self._annotations = annotations
        self._search = search
        self._top = top
        self._bases = bases
        self._sinks = sinks
        self._epoch = epoch

    @property
    def folder(self) -> str:
        """The folder of the layout."""
        return f"{self._top}/.pyrun/images"

    def make(self, action: Action, copies: "Sequence[Sequence[FileState]]") -> tuple[ImageReady, FileState]:
        """Make an image from files in this order, one list a `copy`; how it is recorded comes with it.

        Raises:
            PlanError: A copy copies nothing, or two things to one place.
            RunError: The base can't be used.
            EngineError: The engine did not take it.
        """
        said = self._annotations()
        image = labelled(_image(action), said)
        make_state_folder(self._top)
        layout = OciLayout.created(self.folder)
        self._hold(layout, action)
        built = build_layers(
            image,
            copies,
            top=self._top,
            bases=self._bases,
            layout=layout,
            epoch=self._epoch,
            annotations=said,
            approve=lambda head: self._approve(layout, head, action),
        )
        self._prune(layout)
        loaded = ""
        if image.tags:
            attached = self._attached(layout, action, built.descriptor, made_now=True)
            found = Found(built.descriptor, built.manifest, image.platform)
            loaded = self._sinks.ship(layout, built.references, built.descriptor, [found], attached)
        count = len(built.manifest.layers)
        made_now = sum(not layer.reused for layer in built.layers)
        ready = ImageReady(
            action.label,
            tuple(map(str, built.references)),
            str(built.descriptor.digest),
            (count, count - made_now),
            built.size,
            built.unpacked_size,
            loaded,
            skipped=False,
            why="",
            platforms=(str(image.platform),),
        )
        names = " ".join(ready.references)
        numbers = f"{count} {built.size} {built.unpacked_size}"
        digest = built.descriptor.digest
        return ready, FileState(names, numbers, False, digest.hex, digest.size)

    def join(self, action: Action, states: "Sequence[FileState]") -> tuple[ImageReady, FileState]:
        """Make an index of images, one for each platform; how it is recorded comes with it.

        Args:
            action: What makes it.
            states: How its images are recorded, in order.

        Raises:
            RunError: One is not there any more, or a registry did not take it.
            EngineError: The engine did not take it.
        """
        image = _image(action)
        layout = OciLayout.created(self.folder)
        entries = tuple(
            Descriptor(media_type.MANIFEST, Digest(state.digest, state.size), platform=platform)
            for state, platform in zip(states, image.platforms, strict=True)
        )
        references = tuple(parse_reference(f"{image.name}:{tag}") for tag in image.tags)
        with layout.held():
            for entry in entries:
                if not layout.has(entry.digest):
                    raise RunError(
                        f"the image of `{action.label}` for {entry.platform} is gone from `{self.folder}`",
                        action.position,
                        "run again: it is made anew",
                    )
            head = Descriptor(
                media_type.INDEX, layout.write((Index(entries, tuple(self._annotations())).encode(),))
            )
            self._check_verified(head, action)
            layout.set_tags(references, head)
        self._waiting.difference_update(part for part, _ in image.parts)
        if not self._waiting:
            self._held.close()
            self._holds = False
        self._prune(layout)
        loaded = self._shipped(layout, action, references, head)
        numbers = [list(map(int, state.signature.split(" "))) for state in states]
        count, size, unpacked = (sum(column) for column in zip(*numbers, strict=True))
        names = tuple(map(str, references))
        ready = ImageReady(
            action.label, names, str(head.digest), (count, count), size, unpacked, loaded, skipped=False, why="",
            platforms=tuple(map(str, image.platforms)),
        )  # fmt: skip
        digest = head.digest
        return ready, FileState(" ".join(names), f"{count} {size} {unpacked}", False, digest.hex, digest.size)

    def _hold(self, layout: OciLayout, action: Action) -> None:
        """If an action makes an image for an index, let nobody take it for left over before that lists it."""
        if _image(action).tags:
            return
        self._waiting.add(action.id)
        if not self._holds:
            self._held.enter_context(layout.held())
            self._holds = True

    def _prune(self, layout: OciLayout) -> None:
        """Remove what no image needs, unless some wait for the index that will need them."""
        if not self._waiting:
            layout.prune()

    def work(self, action: Action) -> "EngineImage | None":
        """See `runner.execute.ports.Images`."""
        if _image(action).dockerfile is None:
            return None
        from runner.cli.engine_images import EngineImage, hand_written  # noqa: PLC0415 - for those only

        image = labelled(_image(action), self._annotations())
        assert image.dockerfile is not None
        if self._search is not None:
            self._search.text(image.name, "its Dockerfile", self._dockerfile(image), action.position)
        make_state_folder(self._top)
        layout = OciLayout.created(self.folder)
        self._hold(layout, action)
        flags = self._sinks.flags
        environ = self._sinks.environ
        return EngineImage(
            action,
            image,
            layout,
            environ,
            flags.get("engine", ""),
            lambda engine: hand_written(action, image, self._top, environ, engine, pull="update" in flags),
            f"the Dockerfile `{image.dockerfile.path}`" if image.dockerfile.path else f"`{action.label}`",
            lambda head: self._approve(layout, head, action),
            self._sinks.stands_in,
            lambda saved: self._ship_saved(layout, action, image, saved),
        )

    def _dockerfile(self, image: ImagePlan) -> bytes:
        """What the Dockerfile of an image says; nothing of one that is not there, which building it tells."""
        one = image.dockerfile
        assert one is not None
        if one.text:
            return one.text.encode()
        try:
            with open(os.path.join(self._top, one.path), "rb") as file:
                return file.read()
        except OSError:
            return b""

    def _ship_saved(self, layout: OciLayout, action: Action, image: ImagePlan, saved: "SavedImage") -> str:
        """Save, load and push an image that an engine has made, as was asked; which engine has it, or empty."""
        self._prune(layout)
        if not image.tags:
            return ""
        attached = self._attached(layout, action, saved.descriptor, made_now=True)
        found = Found(saved.descriptor, saved.manifest, image.platform)
        references = [parse_reference(f"{image.name}:{tag}") for tag in image.tags]
        return self._sinks.ship(layout, references, saved.descriptor, [found], attached)

    def _approve(self, layout: OciLayout, head: "Descriptor", action: Action) -> None:
        """Say nothing if an image may have its name, and ship.

        Raises:
            RunError: A secret is in it, or it is another one than was verified.
        """
        self._check_verified(head, action)
        if self._search is not None:
            self._search.image(layout, head, _image(action), action.position)

    def _check_verified(self, head: Descriptor, action: Action) -> None:
        """Say nothing if an image is what was verified, or that was not asked for.

        Raises:
            RunError: It is another one.
        """
        image = _image(action)
        # What an index lists has no name of its own.
        name = f"{image.name}:{image.tags[0]}" if image.tags else ""
        wanted = self._verified.get(name, str(head.digest))
        if wanted != str(head.digest):
            raise RunError(
                f"the image of `{action.label}` is {head.digest}, and what was verified is {wanted}",
                action.position,
                "something that was made before `--verify` is in it: `--force` makes it anew",
            )

    def _attached(
        self, layout: OciLayout, action: Action, head: "Descriptor", *, made_now: bool
    ) -> "Sequence[Descriptor]":
        """What goes with an image."""
        if self._attester is None:
            return ()
        return self._attester.attest(layout, action, _image(action), head, self._search, made_now=made_now)

    def ship(self, action: Action, names: "Sequence[str]") -> str:
        """Save, load and push an image that stands in the layout, as was asked; which engine has it, or empty.

        Raises:
            RunError: It is not there, or a secret is in it.
            EngineError: The engine did not take it.
        """
        layout = OciLayout.opened(self.folder)
        descriptor = layout.find(names[0])
        references = tuple(map(parse_reference, names))
        if _image(action).parts:
            self._check_verified(descriptor, action)
            return self._shipped(layout, action, references, descriptor)
        self._approve(layout, descriptor, action)
        found = Found(descriptor, parse_manifest(layout.read(descriptor)), _image(action).platform)
        attached = self._attached(layout, action, descriptor, made_now=False)
        return self._sinks.ship(layout, references, descriptor, [found], attached)

    def _shipped(
        self, layout: OciLayout, action: Action, references: "Sequence[Reference]", head: Descriptor
    ) -> str:
        """Save, load and push an index, as was asked; which engine has the image for what it runs on, or empty."""
        images: list[Found] = []
        attached: list[Descriptor] = []
        entries = parse_index(layout.read(head)).manifests
        for entry, part in zip(entries, self._parts(action), strict=True):
            image = _image(part)
            images.append(Found(entry, parse_manifest(layout.read(entry)), image.platform))
            if self._search is not None:
                self._search.image(layout, entry, image, action.position)
            if self._attester is not None:
                named = image.tagged(_image(action).tags)
                attached += self._attester.attest(layout, part, named, entry, self._search, made_now=False)
        return self._sinks.ship(layout, references, head, images, attached)


def _image(action: Action) -> ImagePlan:
    if action.image is None:
        raise RunError(f"`{action.label}` makes no image")
    return action.image
