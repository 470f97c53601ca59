"""Where images are made and kept: the project's OCI layout, an archive, the engine.

Imported only when an image is asked for.
"""

import os

from runner.digest import Digest
from runner.engine.docker import Engine, find_engine, open_engine
from runner.errors import EngineError, RunError
from runner.events import ImageReady, Noticed
from runner.execute.build_image import build_image
from runner.image.descriptor import Descriptor
from runner.image.image_config import effective_workdir
from runner.image.manifest import Manifest, parse_manifest
from runner.image.reference import Reference, parse_reference
from runner.plan.action import Action
from runner.plan.facts import FILE
from runner.plan.file_state import FileState
from runner.plan.image_plan import OCI, CopyFile, CopyPlan, ImagePlan, placed
from runner.plan.pattern import parse_pattern
from runner.store.archive import archive_chunks, save
from runner.store.oci_layout import OciLayout
from runner.system.state_folder import make_state_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runner.events import Reporter

_CHUNK = 1 << 20


class ProjectFiles:
    """The files of a project, for copying.

    Args:
        top: The project's top folder, absolute.
    """

    def __init__(self, top: str) -> None:
        self._top = top

    def executable(self, path: str) -> bool:
        """Whether the file's owner may execute it."""
        return bool(os.stat(f"{self._top}/{path}").st_mode & 0o100)

    def link_target(self, path: str) -> str:
        """Where a symbolic link leads, as it is written."""
        return os.readlink(f"{self._top}/{path}")

    def chunks(self, path: str) -> "Iterable[bytes]":
        """The file's bytes, piece by piece."""
        with open(f"{self._top}/{path}", "rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                yield chunk


class ProjectImages:
    """The images of a project.

    Args:
        top: The project's top folder, absolute.
        environ: The caller's variables.
        load: Whether images go to the engine: True, False, or None where one answers.
        archive: The file that an image is saved to, or empty.
        epoch: The time of all files of an image, in seconds since 1970.
        reporter: Who is told what does not stop the work.
        asked: What `--engine` says; empty if it is not given.
    """

    def __init__(
        self,
        top: str,
        environ: "Mapping[str, str]",
        load: bool | None,
        archive: str,
        epoch: int,
        reporter: "Reporter",
        asked: str = "",
    ) -> None:
        self._asked = asked
        self._epoch = epoch
        self._top = top
        self._environ = environ
        self._load = load
        self._archive = archive
        self._reporter = reporter
        self._found_engine: Engine | None = None
        self._asked_engine = False

    @property
    def folder(self) -> str:
        """The folder of the layout."""
        return f"{self._top}/.pyrun/images"

    def base_digest(self, action: Action) -> str:
        """What identifies the base that an image stands on now; empty for `scratch`.

        Raises:
            RunError: It is not there.
        """
        image = _image(action)
        base = self._base(image)
        return "" if base is None else str(base.find(image.base.tag).digest)

    def make(self, action: Action, copies: "Sequence[Sequence[FileState]]") -> tuple[ImageReady, FileState]:
        """Make an image from files in this order, one list a `copy`; how it is recorded comes with it.

        Raises:
            PlanError: A copy copies nothing, or two things to one place.
            RunError: The base can't be used.
            EngineError: The engine did not take it.
        """
        image = _image(action)
        make_state_folder(self._top)
        layout = OciLayout.created(self.folder)
        base = self._base(image)
        found = base.image(image.base.tag, image.platform)[2] if base is not None else None
        workdir = effective_workdir(found, image.config)
        files = [_placed(copy, states, workdir) for copy, states in zip(image.copies, copies, strict=True)]
        built = build_image(
            image,
            files,
            files=ProjectFiles(self._top),
            layout=layout,
            base=base,
            epoch=self._epoch,
        )
        layout.prune()
        loaded = self._ship(layout, built.references, built.descriptor, built.manifest)
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
        )
        names = " ".join(ready.references)
        numbers = f"{count} {built.size} {built.unpacked_size}"
        digest = built.descriptor.digest
        return ready, FileState(names, numbers, False, digest.hex, digest.size)

    def ship(self, names: "Sequence[str]") -> str:
        """Save and load an image that stands in the layout, as was asked; which engine has it, or empty.

        Raises:
            RunError: It is not there.
            EngineError: The engine did not take it.
        """
        layout = OciLayout.opened(self.folder)
        descriptor = layout.find(names[0])
        manifest = parse_manifest(layout.read(descriptor))
        return self._ship(layout, tuple(map(parse_reference, names)), descriptor, manifest)

    def _ship(
        self,
        layout: OciLayout,
        references: "Sequence[Reference]",
        descriptor: Descriptor,
        manifest: Manifest,
    ) -> str:
        """Save and load an image as was asked; which engine has it, or empty."""
        if self._archive:
            save(self._archive, archive_chunks(references, descriptor, manifest, layout.chunks))
        engine = self._engine()
        if engine is None:
            return ""
        ids = (str(manifest.config.digest), str(descriptor.digest))
        if not engine.has([str(reference) for reference in references], ids):
            engine.load(archive_chunks(references, descriptor, manifest, layout.chunks))
        return str(engine)

    def _engine(self) -> Engine | None:
        """The engine to load into, asked for once; None if there is none, or it is not to be used.

        Raises:
            EngineError: `--load` was given, and none answers.
        """
        if self._load is False or (self._load is None and self._archive):
            return None
        if not self._asked_engine:
            self._asked_engine = True
            if self._load:
                self._found_engine = open_engine(self._environ, self._asked, instead="leave `--load` out")
                return self._found_engine
            try:
                self._found_engine = find_engine(self._environ, self._asked)
            except EngineError as error:
                self._reporter.tell(Noticed(f"the image is not loaded: {error.message}"))
        return self._found_engine

    def _base(self, image: ImagePlan) -> OciLayout | None:
        if image.base.kind != OCI:
            return None
        return OciLayout.opened(os.path.join(self._top, image.base.path))


def _image(action: Action) -> ImagePlan:
    if action.image is None:
        raise RunError(f"`{action.label}` makes no image")
    return action.image


def _placed(copy: CopyPlan, states: "Sequence[FileState]", workdir: str) -> tuple[CopyFile, ...]:
    """What a copy puts where: each of its sources with those of the files that it names."""
    found: list[CopyFile] = []
    known = {state.path: state for state in states}
    for source in copy.sources:
        pattern = parse_pattern(source, copy.at)
        matches = [state.path for state in states if pattern.matches(state.path)]
        below = None if matches == [pattern.literal_prefix] else pattern.literal_prefix
        name = source if pattern.has_wildcard else pattern.literal_prefix
        found += placed(copy, name, below, [(path, FILE) for path in matches], workdir)
    return tuple(
        CopyFile(
            file.source,
            file.to,
            file.kind,
            Digest(known[file.source].digest, known[file.source].size) if file.source in known else None,
            known[file.source].executable if file.source in known else None,
        )
        for file in found
    )
