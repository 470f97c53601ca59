"""Where a finished image goes beside the project's layout: an archive, the engine, a registry."""

from typing import NamedTuple

from runner.engine.docker import Engine, find_engine, open_engine
from runner.errors import EngineError, RunError
from runner.events import Noticed
from runner.image.manifest import parse_manifest
from runner.image.media_type import LAYER_ZSTD
from runner.store.archive import archive_chunks, plain_archive_chunks, save

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.cli.engine_platform import EnginePlatform
    from runner.cli.push import Pusher
    from runner.events import Reporter
    from runner.image.descriptor import Descriptor
    from runner.image.manifest import Manifest
    from runner.image.reference import Reference
    from runner.plan.platform import Platform
    from runner.store.oci_layout import OciLayout


class Found(NamedTuple):
    """An image that stands in the layout.

    Args:
        descriptor: Points to its manifest.
        manifest: Its manifest.
        platform: What it is for.
    """

    descriptor: "Descriptor"
    manifest: "Manifest"
    platform: "Platform"

    @property
    def ids(self) -> tuple[str, str]:
        """What an engine that has it may call it."""
        return str(self.manifest.config.digest), str(self.descriptor.digest)


def fitting(images: "Sequence[Found]", platform: "Platform") -> Found | None:
    """The one of some images that runs on a platform, the one of the same variant if there are several."""
    found = [
        one
        for one in images
        if (one.platform.os, one.platform.architecture) == (platform.os, platform.architecture)
    ]
    exact = (one for one in found if one.platform == platform)
    return next(exact, found[0] if found else None)


def listed_platforms(images: "Sequence[Found]") -> str:
    """What some images are for, in words."""
    return ", ".join(str(one.platform) for one in images)


class Sinks:
    """Where the images of one call go.

    Args:
        environ: The caller's variables.
        flags: What the command line says.
        archive: The file that an image is saved to, absolute, or empty.
        reporter: Who is told what does not stop the work.
        platform: What the engine runs on.
    """

    def __init__(
        self,
        environ: "Mapping[str, str]",
        flags: "Mapping[str, str]",
        archive: str,
        reporter: "Reporter",
        platform: "EnginePlatform",
    ) -> None:
        self._platform = platform
        self.environ = environ
        self.flags = flags
        self._archive = archive
        self._reporter = reporter
        self._found_engine: Engine | None = None
        self._asked_engine = False
        self._pusher: Pusher | None = None

    def ship(
        self,
        layout: "OciLayout",
        references: "Sequence[Reference]",
        descriptor: "Descriptor",
        images: "Sequence[Found]",
        attached: "Sequence[Descriptor]" = (),
    ) -> str:
        """Save, push and load an image as was asked, with what is attached to it; which engine has it, or empty.

        An engine keeps nothing of what is attached, and of an index the image for what it runs on.

        Args:
            layout: Where it is.
            references: Its names.
            descriptor: Points to its manifest, or to an index.
            images: The image, or those that the index lists.
            attached: Manifests about it.

        Raises:
            RunError: A registry did not take it.
            EngineError: The engine did not take it.
        """
        if self._archive:
            about = [(one, parse_manifest(layout.read(one))) for one in attached]
            listed = [(one.descriptor, one.manifest) for one in images]
            first = (fitting(images, self._platform.get()) or images[0]).manifest
            save(self._archive, archive_chunks(references, descriptor, first, layout.chunks, about, listed))
        if "push" in self.flags:
            self._registry().push(layout, references, descriptor, attached)
        engine = self._engine()
        return "" if engine is None else self._load(engine, layout, references, images)

    def _load(
        self,
        engine: Engine,
        layout: "OciLayout",
        references: "Sequence[Reference]",
        images: "Sequence[Found]",
    ) -> str:
        """Give an engine the one of some images that it runs; which engine has it, or empty."""
        platform = self._platform.get()
        image = fitting(images, platform) or (images[0] if len(images) == 1 else None)
        names = [str(reference) for reference in references]
        if image is not None and engine.has(names, image.ids):
            return str(engine)
        # One that is elsewhere may have become another one.
        platform = self._platform.ask(engine)
        image = fitting(images, platform)
        if image is None and "load" in self.flags and len(images) == 1:
            image = images[0]
        if image is None:
            told = (
                f"`{names[0]}` is for {listed_platforms(images)}, and the engine at {engine} runs {platform}"
            )
            if "load" in self.flags:
                raise RunError(
                    told, hint="leave `--load` out, or make it for that platform with `--platform`"
                )
            more = "; `--load` gives it to it all the same" if len(images) == 1 else ""
            self._reporter.tell(Noticed(f"{told}, so it is not loaded{more}"))
            return ""
        try:
            engine.load(archive_chunks(references, image.descriptor, image.manifest, layout.chunks))
        except EngineError:
            if all(layer.media_type != LAYER_ZSTD for layer in image.manifest.layers):
                raise
            # Docker before 23 unpacks none of that.
            engine.load(plain_archive_chunks(references, image.manifest, layout.chunks))
        return str(engine)

    def stands_in(self, engine: Engine, image: str, references: "Sequence[Reference]") -> None:
        """An image was built in an engine: give it its names there, if that is where images go.

        Args:
            engine: The engine.
            image: What it is called so far.
            references: The names.

        Raises:
            EngineError: The engine does not answer.
        """
        must = "load" in self.flags
        leaves = "no-load" in self.flags or (not must and ("save" in self.flags or "push" in self.flags))
        if leaves:
            return
        for reference in references:
            engine.tag(image, str(reference))
        self._asked_engine, self._found_engine = True, engine

    def _registry(self) -> "Pusher":
        """Who pushes, for all images of the call."""
        if self._pusher is None:
            from runner.cli.push import Pusher  # noqa: PLC0415 - with `--push` only

            self._pusher = Pusher(self.environ, self._reporter)
        return self._pusher

    def _engine(self) -> Engine | None:
        """The engine to load into, asked for once; None if there is none, or it is not to be used.

        Raises:
            EngineError: `--load` was given, and none answers.
        """
        must = "load" in self.flags
        if "no-load" in self.flags or (not must and ("save" in self.flags or "push" in self.flags)):
            return None
        if not self._asked_engine:
            self._asked_engine = True
            asked = self.flags.get("engine", "")
            if must:
                self._found_engine = open_engine(self.environ, asked, instead="leave `--load` out")
                return self._found_engine
            try:
                self._found_engine = find_engine(self.environ, asked)
            except EngineError as error:
                self._reporter.tell(Noticed(f"the image is not loaded: {error.message}"))
        return self._found_engine
