"""Images that an engine builds by a Dockerfile: from what it is built of to the image in the project's layout.

Imported only when one is to be made.
"""

import os
from contextlib import suppress
from dataclasses import replace

from runner.engine.docker import Engine, open_engine
from runner.engine.image_build import Build, FailedStepError, ImageBuild
from runner.errors import EngineError, RunError
from runner.events import ImageReady
from runner.image.reference import parse_reference
from runner.plan.file_state import FileState
from runner.store.oci_layout import OciLayout
from runner.store.saved_image import take_saved
from runner.system.secrets import read_secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from runner.execute.build_context import BuildContext
    from runner.image.descriptor import Descriptor
    from runner.image.reference import Reference
    from runner.plan.action import Action
    from runner.plan.image_plan import DockerfilePlan, ImagePlan
    from runner.plan.platform import Platform
    from runner.store.saved_image import SavedImage

_FIRST_WITHOUT_NETWORK = (1, 42)
"""The version of Docker's API since which a command of a Dockerfile may have no network."""
_BUILT = "pyrun/built"
"""What the engine calls an image until it has names of its own, or none."""


class EngineImage:
    """The making of one image by an engine, as `runner.execute.ports.ImageWork` has it.

    Args:
        action: Whose image it is.
        image: The image, with all that is written on it.
        layout: Where it goes.
        environ: The caller's variables.
        asked: What `--engine` says; empty if it is not given.
        what: Gives what is built; asked in the thread that builds.
        made_by: What makes it, for errors, such as "the Dockerfile `x`".
        approve: Says nothing if the image may have its name.
        built: Told which image stands in the engine now, and which names it is to have.
        ship: Lets the image go where it was asked to go; which engine has it, or empty.
    """

    def __init__(
        self,
        action: "Action",
        image: "ImagePlan",
        layout: OciLayout,
        environ: "Mapping[str, str]",
        asked: str,
        what: "Callable[[Engine], Build]",
        made_by: str,
        approve: "Callable[[Descriptor], None]",
        built: "Callable[[Engine, str, Sequence[Reference]], None]",
        ship: "Callable[[SavedImage], str]",
    ) -> None:
        self._action = action
        self._image = image
        self._layout = layout
        self._environ = environ
        self._asked = asked
        self._what = what
        self._made_by = made_by
        self._approve = approve
        self._built = built
        self._ship = ship
        self._cancelled = False
        self._build: ImageBuild | None = None
        self._references = tuple(parse_reference(f"{image.name}:{tag}") for tag in image.tags)
        self._saved: SavedImage | None = None

    def run(self, tell: "Callable[[str, bytes], None]") -> None:
        """See `runner.execute.ports.ImageWork`."""
        instead = "make it without an engine, by `from` and `copy`"
        engine = open_engine(self._environ, self._asked, instead=instead)
        # No one else may take its blobs for left over before it has its name.
        with self._layout.held():
            # A name of its own, so that nobody takes it away meanwhile as one that nobody wants.
            name = f"{_BUILT}:{os.urandom(16).hex()}"
            try:
                self._make(engine, name, tell)
                self._saved = take_saved(self._taken(engine, name), self._layout, self._image.platform)
                self._approve(self._saved.descriptor)
                if self._references:
                    self._layout.set_tags(self._references, self._saved.descriptor)
                self._built(engine, name, self._references)
            finally:
                # Where the engine does not answer any more, that is told by what came before.
                with suppress(EngineError):
                    engine.remove_image(name)

    def _make(self, engine: Engine, name: str, tell: "Callable[[str, bytes], None]") -> None:
        """Let the engine build the image under a name."""
        try:
            build = replace(self._what(engine), tags=(name,))
            if self._lacks_network_none(engine):
                tell(
                    "`network: none`: this engine can't take the network away from a RUN, so it has one", b""
                )
            self._build = ImageBuild(engine, self._environ, build, self._shown(tell))
            if self._cancelled:
                self._build.cancel()
            self._build.run()
        except FailedStepError as error:
            message = f"{self._made_by} failed with exit status {error.status}: {self._said(error.message)}"
            raise RunError(message, self._action.position, "", error.status) from None
        except EngineError as error:
            message = f"the image of `{self._action.label}`: {error.message}"
            raise EngineError(message, self._action.position, error.hint) from None

    def _lacks_network_none(self, engine: Engine) -> bool:
        one = self._image.dockerfile
        return one is not None and fitting(one, engine) is not one

    def _said(self, step: str) -> str:
        """What a step is called: of the task graph, by the task that it is."""
        one = self._image.dockerfile
        if one is None or not one.text:
            return step
        from runner.image.dockerfile import told_step  # noqa: PLC0415 - see the test above

        return told_step(step)

    def _shown(self, tell: "Callable[[str, bytes], None]") -> "Callable[[str, bytes], None]":
        """Tell of steps by what they are called."""

        def told(step: str, data: bytes) -> None:
            words = self._said(step)
            if words or data:
                tell(words or step, data)

        return told

    def _taken(self, engine: Engine, built: str) -> "Iterator[bytes]":
        """The image as the engine gives it, until this is cancelled."""
        for chunk in engine.save(built):
            if self._cancelled:
                raise EngineError("the build was ended")
            yield chunk

    def cancel(self) -> None:
        """See `runner.execute.ports.ImageWork`."""
        self._cancelled = True
        if self._build is not None:
            self._build.cancel()

    def keep(self) -> tuple[ImageReady, FileState]:
        """See `runner.execute.ports.ImageWork`."""
        saved = self._saved
        assert saved is not None
        loaded = self._ship(saved)
        count = len(saved.manifest.layers)
        size = sum(layer.digest.size for layer in saved.manifest.layers)
        digest = saved.descriptor.digest
        ready = ImageReady(
            self._action.label, tuple(map(str, self._references)), str(digest), (count, count - saved.new), size,
            saved.unpacked_size, loaded, skipped=False, why="", platforms=(str(self._image.platform),),
        )  # fmt: skip
        numbers = f"{count} {size} {saved.unpacked_size}"
        return ready, FileState(" ".join(ready.references), numbers, False, digest.hex, digest.size)


def hand_written(
    action: "Action",
    image: "ImagePlan",
    top: str,
    environ: "Mapping[str, str]",
    engine: Engine,
    *,
    pull: bool,
) -> Build:
    """What an image by a Dockerfile of the user's own is built of.

    Args:
        action: Whose image it is.
        image: The image.
        top: The project's top folder, absolute.
        environ: The caller's variables.
        engine: Who builds.
        pull: Whether bases are asked for anew at their registries.

    Raises:
        PlanError: A file is not there.
        RunError: A secret can't be read.
    """
    assert image.dockerfile is not None
    one = fitting(image.dockerfile, engine)
    context = context_of(action, one, image.platform, top)
    secrets, ssh = _secrets(action, context, top, environ)
    args = dict(one.build_args)
    if epoch := environ.get("SOURCE_DATE_EPOCH"):
        args.setdefault("SOURCE_DATE_EPOCH", epoch)
    # An old engine takes a platform only if it is let try things out.
    platform = str(image.platform) if not engine.platform().startswith(str(image.platform)) else ""
    return Build(
        context.archive, context.name, one.stage, (), tuple(args.items()), image.config.labels, platform, secrets,
        ssh, pull=pull, hidden=context.hidden, needs=context.needs.builder,
    )  # fmt: skip


def _runs_without_network(engine: Engine) -> bool:
    """Whether an engine can run a command of a Dockerfile without a network: Docker since 23.0, and Podman."""
    headers = engine.headers()
    major, _, minor = headers.get("api-version", "").partition(".")
    if not (major.isdigit() and minor.isdigit()) or "libpod-api-version" in headers:
        return True
    return (int(major), int(minor)) >= _FIRST_WITHOUT_NETWORK


def fitting(one: "DockerfilePlan", engine: Engine) -> "DockerfilePlan":
    """A Dockerfile as an engine takes it: one of the task graph does without what an old engine does not know."""
    if not one.text:
        return one
    from runner.image.dockerfile import without_network_none  # noqa: PLC0415 - few images are made by one

    text = without_network_none(one.text)
    if text == one.text or _runs_without_network(engine):
        return one
    fields = {name: getattr(one, name) for name in one.FIELDS}
    return type(one)(**{**fields, "text": text})


def context_of(action: "Action", one: "DockerfilePlan", platform: "Platform", top: str) -> "BuildContext":
    """What the Dockerfile of an image is built of, looked at now."""
    from runner.execute.build_context import image_context  # noqa: PLC0415 - for a moment
    from runner.system.tree import DiskTree  # noqa: PLC0415

    return image_context(DiskTree(top), one, platform, action.position)


def _secrets(
    action: "Action", context: "BuildContext", top: str, environ: "Mapping[str, str]"
) -> tuple[tuple[tuple[str, bytes], ...], str]:
    """The secrets of a task that its Dockerfile mounts, and the socket of the agent if it mounts that."""
    found: list[tuple[str, bytes]] = []
    ssh = ""
    for secret in action.traits.secrets:
        if secret.variable == "SSH_AUTH_SOCK":
            ssh = environ.get(secret.variable, "") if context.needs.ssh else ""
        elif secret.name in context.needs.secrets:
            if secret.file:
                found.append((secret.name, read_secret(secret, environ, top)))
            elif secret.name in environ:
                found.append((secret.name, environ[secret.name].encode("utf-8", "surrogateescape")))
            else:
                raise RunError(
                    f"the secret `{secret.name}` is not there",
                    secret.position,
                    f"set the variable {secret.name}",
                )
    return tuple(found), ssh
