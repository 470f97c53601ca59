"""The layers builder as one call of pyrun uses it: the project's files, the images they stand on, the layout."""

import os

from runner.digest import Digest
from runner.execute.build_image import build_image
from runner.execute.image_files import AllFiles, ImageFiles
from runner.image.image_config import effective_workdir
from runner.plan.facts import FILE
from runner.plan.file_state import link_target
from runner.plan.image_plan import LINK, CopyFile, CopyPlan, ImagePlan, placed
from runner.plan.pattern import parse_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from runner.cli.bases import Bases
    from runner.execute.build_image import BuiltImage, Files
    from runner.image.descriptor import Descriptor
    from runner.plan.file_state import FileState
    from runner.store.oci_layout import OciLayout

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


def build_layers(
    image: ImagePlan,
    copies: "Sequence[Sequence[FileState]]",
    *,
    top: str,
    bases: "Bases",
    layout: "OciLayout",
    epoch: int,
    annotations: "Sequence[tuple[str, str]]" = (),
    approve: "Callable[[Descriptor], None] | None" = None,
) -> "BuiltImage":
    """Build an image into a layout.

    Args:
        image: The image.
        copies: For each of its copies the files that it takes of the project, in order.
        top: The project's top folder, absolute.
        bases: What it stands on and copies from.
        layout: Where it goes.
        epoch: The time of all its files, in seconds since 1970.
        annotations: Of its manifest, beside those that name the base.
        approve: See `build_image`.

    Raises:
        PyrunError: See `build_image`.
    """
    base = bases.open(image.base)
    found = base.image(image.base.tag, image.platform)[2] if base is not None else None
    workdir = effective_workdir(found, image.config)
    others = ImageFiles(bases.store)
    items: list[tuple[CopyFile, ...]] = []
    for copy, states in zip(image.copies, copies, strict=True):
        from_image = bases.open(copy.base) if copy.base is not None else None
        if from_image is None:
            items.append(project_items(copy, states, workdir))
        else:
            items.append(others.items(copy, from_image, image.platform, workdir))
    files: Files = AllFiles(ProjectFiles(top), others)
    if image.runner:
        from runner.cli.runner_files import RunnerFiles, base_python  # noqa: PLC0415 - few images have it

        own = RunnerFiles(*base_python(image, base, bases.store), files)
        image, files = own.with_runner(image), own
        items.insert(0, own.items())
    built = build_image(
        image,
        items,
        files=files,
        layout=layout,
        base=base,
        epoch=epoch,
        trees=bases.store,
        annotations=annotations,
        approve=approve,
    )
    bases.store.tidy()
    return built


def project_items(copy: CopyPlan, states: "Sequence[FileState]", workdir: str) -> tuple[CopyFile, ...]:
    """What a copy of the project's files puts where: each of its sources with those of the files that it names.

    Args:
        copy: The copy.
        states: Its files, and the links that it takes as links.
        workdir: The image's, absolute, or empty.

    Raises:
        PlanError: Nothing is there, or it has no place in the image.
    """
    found: list[CopyFile] = []
    known = {state.path: state for state in states}
    for source in copy.sources:
        pattern = parse_pattern(source, copy.at)
        matches = [path for path in known if pattern.matches(path)]
        below = None if matches == [pattern.literal_prefix] else pattern.literal_prefix
        name = source if pattern.has_wildcard else pattern.literal_prefix
        kinds = [(path, FILE if link_target(known[path]) is None else LINK) for path in matches]
        found += placed(copy, name, below, kinds, workdir)
    return tuple(_observed(file, known.get(file.source)) for file in found)


def _observed(file: CopyFile, state: "FileState | None") -> CopyFile:
    """What a copy puts somewhere, with what was seen of it."""
    if state is None or file.kind == LINK:
        return file
    digest = Digest(state.digest, state.size)
    return CopyFile(file.source, file.to, file.kind, digest, state.executable, file.named)
