"""The images that an image stands on or copies from: where each is read, and what identifies it now.

What identifies them is asked at every run of an image task that is up to date, so it costs no more than a look at
`tasks.lock`, at an index, or a question to the engine.
"""

import os
import time

from runner.digest import digest_of
from runner.errors import EngineError, PyrunError, RunError
from runner.plan.image_plan import ARCHIVE, CONTAINER, ENGINE, OCI, REGISTRY, SCRATCH, BasePlan
from runner.system.file_states import COARSE_GRAIN, signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from runner.cli.pins import Pins
    from runner.digest import Digest
    from runner.engine.docker import Engine
    from runner.events import Reporter
    from runner.execute.build_image import Base
    from runner.execute.container_facts import ContainerFacts
    from runner.execute.warm import Job
    from runner.image.descriptor import Descriptor
    from runner.image.image_config import ImageConfig
    from runner.image.manifest import Manifest
    from runner.plan.container_plan import ContainerPlan
    from runner.plan.platform import Platform
    from runner.registry.pull import RegistryImage
    from runner.registry.registries import Registries
    from runner.store.base_store import BaseStore, StoredImages

_THREADS = 4
"""Blobs that are fetched at once."""
_TICK = 0.05
"""Seconds after which what a container's commands write is looked for."""
_NO_ENGINE = "take a base that needs none, by its reference or with `oci:PATH`"


class Bases:
    """The base images of a project.

    Args:
        top: The project's top folder, absolute.
        store: The folder of what is kept of them, absolute.
        limit: How many bytes that may take, roughly; 0 for as many as usual.
        environ: The caller's variables.
        asked: What `--engine` says; empty if it is not given.
        reporter: Who is told what takes long.
        pins: Gives what references stand for.
        registries: Gives the registries of this call.
        containers: Gives what is known of containers.
        inert: Whether nothing may be changed: then no archive is read that was not read before.
    """

    def __init__(
        self,
        top: str,
        store: str,
        limit: int,
        environ: "Mapping[str, str]",
        asked: str,
        reporter: "Reporter",
        pins: "Callable[[], Pins]",
        registries: "Callable[[], Registries]",
        containers: "Callable[[], ContainerFacts]",
        *,
        inert: bool,
    ) -> None:
        self._inert = inert
        self._top = top
        self._folder = store
        self._limit = limit
        self._environ = environ
        self._asked = asked
        self._reporter = reporter
        self._pins = pins
        self._registries = registries
        self._containers = containers
        self._engine_here: Engine | None = None
        self._looked = False
        self._known_store: BaseStore | None = None
        self._opened: dict[tuple[object, ...], Base] = {}
        self._identities: dict[tuple[object, ...], str] = {}

    @property
    def store(self) -> "BaseStore":
        """Where what is known of them is kept."""
        if self._known_store is None:
            from runner.store.base_store import BaseStore  # noqa: PLC0415 - when an image is made
            from runner.store.blob_store import LIMIT  # noqa: PLC0415

            self._known_store = BaseStore(self._folder, self._limit or LIMIT)
        return self._known_store

    def open(self, base: BasePlan) -> "Base | None":
        """Where an image is read; None for none.

        Raises:
            PyrunError: It can't be read here, or is not there.
        """
        if base.kind == SCRATCH:
            return None
        key = base.fields()
        if key not in self._opened:
            try:
                self._opened[key] = _Told(self._open(base), base)
            except PyrunError as error:
                error.at = error.at or base.at
                raise
        return self._opened[key]

    def identity(self, base: BasePlan) -> str:
        """What identifies an image now, of all platforms; empty for `scratch`, and for what is not known yet.

        Raises:
            PyrunError: It can't be read here, or is not there.
        """
        if base.kind == SCRATCH:
            return ""
        key = base.fields()
        if key not in self._identities:
            try:
                self._identities[key] = self._identity(base)
            except PyrunError as error:
                error.at = error.at or base.at
                raise
        return self._identities[key]

    def forget(self) -> None:
        """Take nothing for granted any longer: something has run."""
        self._opened.clear()
        self._identities.clear()

    # What identifies one

    def _identity(self, base: BasePlan) -> str:
        if base.kind == REGISTRY:
            return self._pins().digest(base.path, base.at)
        if base.kind == OCI:
            return self._layout_identity(os.path.join(self._top, base.path), base.tag)
        if base.kind == ARCHIVE:
            return self._archive_identity(base)
        if base.kind == ENGINE:
            return "" if self._containers().lacking else self._engine_id(base.path, base)
        return self._container_identity(base)

    def _layout_identity(self, folder: str, tag: str) -> str:
        from runner.store.base_identity import layout_digest  # noqa: PLC0415 - for images only

        found = layout_digest(folder, tag)
        if not found:
            from runner.store.oci_layout import OciLayout  # noqa: PLC0415 - says what is wrong

            found = str(OciLayout.opened(folder).find(tag).digest)
        return found

    def _archive_identity(self, base: BasePlan) -> str:
        from runner.store.base_identity import recorded_digest  # noqa: PLC0415 - for images only

        path = os.path.join(self._top, base.path)
        found = recorded_digest(self._archive_record(path), base.tag, signature(path) or "")
        if found or (self._inert and os.path.isfile(path)):
            return found
        return str(self._archive(base).find(base.tag).digest)

    def _container_identity(self, base: BasePlan) -> str:
        one = base.container
        assert one is not None
        if base.made_by and not one.setup:
            # It depends on the action that makes it, whose image is what it is.
            return ""
        if one.setup or one.dockerfile:
            facts, plan = self._containers(), _plan_of(base)
            return "" if facts.lacking else facts.reference(plan)
        digest = self._plain(base)
        return self._engine_id(one.base, base) if digest is None else digest

    # Where one is read

    def _open(self, base: BasePlan) -> "Base":
        if base.kind == REGISTRY:
            return self._registry(base.path, self._pins().digest(base.path, base.at))
        if base.kind == OCI:
            from runner.store.oci_layout import OciLayout  # noqa: PLC0415 - when an image is made

            return OciLayout.opened(os.path.join(self._top, base.path))
        if base.kind == ARCHIVE:
            return self._archive(base)
        if base.kind == ENGINE:
            return self._of_engine(base.path, base)
        assert base.kind == CONTAINER
        return self._container(base)

    def _container(self, base: BasePlan) -> "Base":
        one = base.container
        assert one is not None
        if one.setup:
            reference = self._set_up(base)
            return _AfterSetup(self._of_engine(reference, base), self._settings_before(base), one.name)
        if one.dockerfile:
            return self._of_engine(self._set_up(base), base)
        if base.made_by:
            from runner.store.oci_layout import OciLayout  # noqa: PLC0415 - when an image is made

            reference = self._containers().base_reference(_plan_of(base))
            return _OneImage(OciLayout.opened(f"{self._top}/.pyrun/images"), reference)
        digest = self._plain(base)
        return self._of_engine(one.base, base) if digest is None else self._registry(one.base, digest)

    def _registry(self, written: str, digest: str) -> "Base":
        from runner.image.reference import Source, parse_source  # noqa: PLC0415 - when an image is made
        from runner.store.fetched_images import FetchedImages  # noqa: PLC0415

        source = parse_source(written)
        pinned = Source(source.registry, source.path, "", digest)

        def remote() -> "RegistryImage":
            from runner.events import Noticed  # noqa: PLC0415 - when something is fetched

            self._reporter.tell(Noticed(f"fetches {written}"))
            return self._registries().image(pinned)

        name = f"{source.registry}/{source.path}" + (f":{source.tag}" if source.tag else "")
        return FetchedImages(self.store, digest.partition(":")[2], remote, name, self._several)

    def _several(self, digests: "Sequence[Digest]", work: "Callable[[Digest], None]") -> None:
        """Do something with each of some blobs, a few at once."""
        from runner.registry.side_by_side import for_each  # noqa: PLC0415 - when something is fetched

        for_each(digests, work, _THREADS, self._registries().stop, lambda: None)

    def _archive_record(self, path: str) -> str:
        return f"{self._folder}/bases/archives/{digest_of(os.fsencode(path)).hex}"

    def _archive(self, base: BasePlan) -> "StoredImages":
        from runner.image.document import decode, encode  # noqa: PLC0415 - when an image is made
        from runner.store.base_store import ARCHIVES, StoredImages  # noqa: PLC0415
        from runner.store.read_archive import encode_entries, parse_entries, read_archive  # noqa: PLC0415

        path = os.path.join(self._top, base.path)
        key = digest_of(os.fsencode(path)).hex
        seen = signature(path)
        if seen is None or not os.path.isfile(path):
            raise RunError(
                f"there is no file `{base.path}`",
                base.at,
                f"`skopeo copy docker://NAME oci-archive:{base.path}` makes one, and so does "
                f"`docker save NAME --output {base.path}`",
            )

        def take() -> "Sequence[Descriptor]":
            entries = read_archive(_file_chunks(path), self.store, base.path)
            settled = seen if _settled(path, seen) else ""
            told = {"signature": settled, "entries": encode_entries(entries)}
            self.store.record(ARCHIVES, key, encode(told))
            return entries

        entries: Sequence[Descriptor] = ()
        data = self.store.recorded(ARCHIVES, key)
        if data is not None:
            try:
                document = decode(data, "a record")
                entries = parse_entries(document) if document.get("signature") == seen else ()
            except RunError:
                # A record in a form that is not known is no record.
                entries = ()
        return StoredImages(self.store, base.path, take, entries or take())

    # Engines

    def _engine(self) -> "Engine":
        """The engine.

        Raises:
            EngineError: None answers.
        """
        if self._engine_here is None:
            from runner.engine.docker import open_engine  # noqa: PLC0415 - for images of an engine only

            self._engine_here = open_engine(self._environ, self._asked, instead=_NO_ENGINE)
        return self._engine_here

    def _plain(self, base: BasePlan) -> str | None:
        """The digest that the reference of a container stands for; None if only the engine knows that image.

        Empty where nothing may be asked that would tell.
        """
        one = base.container
        assert one is not None

        def look(name: str) -> "Mapping[str, object] | None":
            # What the container's tasks run in is what is shipped: the engine's, where it has one.
            engine = self._engine_if_any()
            return engine.image(name) if engine is not None else None

        return self._pins().digest_beside(one.base, base.at, look)

    def _engine_if_any(self) -> "Engine | None":
        """The engine, if one answers; asked once."""
        if not self._looked:
            self._looked = True
            from runner.engine.docker import find_engine  # noqa: PLC0415 - for containers only

            try:
                self._engine_here = self._engine_here or find_engine(self._environ, self._asked)
            except EngineError:
                # A registry may have what it stands on.
                self._engine_here = None
        return self._engine_here

    def _engine_id(self, reference: str, base: BasePlan) -> str:
        engine = self._engine()
        found = engine.image_id(reference)
        if found is None:
            raise RunError(
                f"the engine at {engine} has no image `{reference}`",
                base.at,
                f"`docker pull {reference}` gets it there; `from: {reference}` needs no engine",
            )
        return found

    def _of_engine(self, reference: str, base: BasePlan) -> "StoredImages":
        from runner.events import Noticed  # noqa: PLC0415 - when an image is made
        from runner.image.document import decode, encode  # noqa: PLC0415
        from runner.store.base_store import ARCHIVES, StoredImages  # noqa: PLC0415
        from runner.store.read_archive import encode_entries, parse_entries, read_archive  # noqa: PLC0415

        name = self._engine_id(reference, base)
        key = name.partition(":")[2]
        engine = self._engine()

        def take() -> "Sequence[Descriptor]":
            self._reporter.tell(Noticed(f"takes {reference} from the engine at {engine}"))
            entries = read_archive(engine.save(name), self.store, f"engine:{reference}")
            self.store.record(ARCHIVES, key, encode({"entries": encode_entries(entries)}))
            return entries

        entries: Sequence[Descriptor] = ()
        data = self.store.recorded(ARCHIVES, key)
        if data is not None:
            try:
                entries = parse_entries(decode(data, "a record"))
            except RunError:
                # A record in a form that is not known is no record.
                entries = ()
        return StoredImages(self.store, f"engine:{reference}", take, entries or take())

    def _settings_before(self, base: BasePlan) -> "dict[str, object]":
        """What a container of the image starts with that a container's `setup` is run in."""
        facts, plan = self._containers(), _plan_of(base)
        before = facts.base(plan)
        document = (facts.engine.image(before.id) if before is not None else None) or {}
        config = document.get("Config")
        return {name: value for name, value in config.items() if value} if isinstance(config, dict) else {}

    def _set_up(self, base: BasePlan) -> str:
        """The reference of a container's image, which its Dockerfile or its `setup` makes if it is not there."""
        from runner.execute.make_image import make_image  # noqa: PLC0415 - for containers only
        from runner.execute.warm import Job  # noqa: PLC0415
        from runner.system.this_run import this_run  # noqa: PLC0415

        facts, plan = self._containers(), _plan_of(base)
        engine = facts.sdk
        labels = {"pyrun.run": this_run(), "pyrun.project": self._top, "pyrun.what": plan.name}
        job = Job(lambda job: make_image(engine, facts, plan, labels, job, self._tell, engine.create))
        # The thread that waits is the one that stop signals reach.
        while not job.done:
            job.join(_TICK)
            job.report()
        job.report()
        if job.error is not None:
            raise job.error
        return str(job.result)

    def _tell(self, job: "Job", plan: "ContainerPlan", shown: str, data: bytes) -> None:
        """Tell a command that makes an image, or what it writes."""
        from runner.events import CommandStarted  # noqa: PLC0415 - for containers only

        label = f"container {plan.name}"
        if shown:
            job.tell(lambda: self._reporter.tell(CommandStarted(label, shown)))
        if data:
            job.tell(lambda: self._reporter.output(label, 2, data))


class _Told:
    """A base that says in its errors where it stands in the file."""

    def __init__(self, inner: "Base", base: BasePlan) -> None:
        self._inner = inner
        self._base = base

    @property
    def reference(self) -> str:
        return self._inner.reference

    def image(self, tag: str, platform: "Platform") -> "tuple[Descriptor, Manifest, ImageConfig]":
        try:
            found = self._inner.image(tag, platform)
        except RunError as error:
            error.at = error.at or self._base.at
            raise
        has = found[2].platform
        if (has.os, has.architecture) != (platform.os, platform.architecture):
            raise RunError(
                f"`{self._base}` is for {has}, and the image for {platform}", self._base.at, "a base for that"
            )
        return found

    def blob_path(self, digest: "Digest") -> str:
        try:
            return self._inner.blob_path(digest)
        except RunError as error:
            error.at = error.at or self._base.at
            raise

    def chunks(self, digest: "Digest") -> "Iterator[bytes]":
        try:
            yield from self._inner.chunks(digest)
        except RunError as error:
            error.at = error.at or self._base.at
            raise


class _AfterSetup:
    """The image that a container's `setup` leaves: what its commands made, and nothing of where they ran.

    Args:
        inner: The image as the engine has it.
        settings: What a container starts with, as it was before.
        name: The container's.
    """

    reference = ""

    def __init__(self, inner: "Base", settings: "Mapping[str, object]", name: str) -> None:
        self._inner = inner
        self._settings = settings
        self._name = name
        self.blob_path = inner.blob_path
        self.chunks = inner.chunks

    def image(self, tag: str, platform: "Platform") -> "tuple[Descriptor, Manifest, ImageConfig]":
        from runner.image.image_config import ImageConfig  # noqa: PLC0415 - when an image is made

        descriptor, manifest, config = self._inner.image(tag, platform)
        made = {"created_by": f"pyrun setup of the container {self._name}"}
        return (
            descriptor,
            manifest,
            ImageConfig(
                config.platform, self._settings, config.diff_ids, (*config.history[:-1], made),
                config.created, config.more,
            ),
        )  # fmt: skip


class _OneImage:
    """The image of one name in a layout of many."""

    reference = ""

    def __init__(self, inner: "Base", name: str) -> None:
        self._inner = inner
        self._name = name
        self.blob_path = inner.blob_path
        self.chunks = inner.chunks

    def image(self, tag: str, platform: "Platform") -> "tuple[Descriptor, Manifest, ImageConfig]":
        del tag
        return self._inner.image(self._name, platform)


def _plan_of(base: BasePlan) -> "ContainerPlan":
    """The container that a base is the image of, as if something ran in it."""
    from runner.plan.container_plan import ContainerPlan  # noqa: PLC0415 - for containers only

    assert base.container is not None
    return ContainerPlan(base.container, (), base.made_by, False, ())


def _settled(path: str, seen: str) -> bool:
    """Whether a file is as it was seen, and any later change would show."""
    # What only just changed may change again, and its times stay the same.
    found = os.stat(path)
    newest = max(found.st_mtime_ns, found.st_ctime_ns)
    return signature(path) == seen and newest + COARSE_GRAIN < time.time_ns()


def _file_chunks(path: str) -> "Iterator[bytes]":
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(1 << 20):
            yield chunk
