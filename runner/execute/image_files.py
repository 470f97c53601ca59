"""The files of other images that a `copy` takes: found in what is in an image, and read out of its layers.

The content of a file is read once and kept by its digest, which is remembered with the image: the next build
needs no layer. A path is followed as the kernel would inside the image, and so is a link that is named, or that a
pattern matches; below a folder that is copied, links stay links.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from runner.digest import Digest
from runner.errors import PlanError, RunError, nearest
from runner.execute.build_image import Base, Trees, listing_of
from runner.image.base_tree import File, Folder, Listing, Tree, What, contents
from runner.image.descriptor import Descriptor
from runner.image.document import decode, encode
from runner.image.manifest import Manifest
from runner.plan.facts import FILE, FOLDER
from runner.plan.image_plan import LINK, BasePlan, CopyFile, CopyPlan, placed
from runner.plan.pattern import parse_pattern
from runner.plan.platform import Platform

_RECORDS = "files"


class Kept(Trees, Protocol):
    """Where the content of files is kept."""

    def path(self, digest: Digest) -> str:
        """The file that is a blob, or empty if it is not there."""

    def write(self, chunks: Iterable[bytes]) -> Digest:
        """Keeps bytes as a blob."""

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """A blob's bytes, piece by piece."""

    def recorded(self, kind: str, key: str) -> bytes | None:
        """What is remembered of something."""

    def record(self, kind: str, key: str, data: bytes) -> None:
        """Remembers something."""


class ImageFiles:
    """Files of images, for copying; a file is named by its path and its image.

    Args:
        kept: Where their content is kept.
    """

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._files: dict[str, tuple[_Image, str, Digest]] = {}
        self._links: dict[str, str] = {}

    def items(self, copy: CopyPlan, base: Base, platform: Platform, workdir: str) -> tuple[CopyFile, ...]:
        """What a copy puts where, each file with its digest.

        Args:
            copy: The copy.
            base: Where the image is read that it copies from.
            platform: Which of several images of one name.
            workdir: The working folder of the image that is made, or empty.

        Raises:
            PlanError: There is nothing of what it names, or what can't be copied.
            RunError: The image can't be read.
        """
        assert copy.base is not None
        descriptor, manifest, _ = base.image(copy.base.tag, platform)
        listing = listing_of(copy.base, descriptor, manifest, base, self._kept)
        image = _Image(copy.base, descriptor, manifest, base, Tree(listing), listing)
        found: list[tuple[CopyFile, str]] = []
        for source in copy.sources:
            found += _selected(copy, source, image, workdir)
        digests = self._digests(image, {path for item, path in found if item.kind == FILE})
        return tuple(self._item(item, path, image, digests) for item, path in found)

    def has(self, path: str) -> bool:
        """Whether this is the name of a file here."""
        return path in self._files or path in self._links

    def executable(self, path: str) -> bool:
        """Whether the file's owner may execute it."""
        image, at, _ = self._files[path]
        return bool(image.file(at).mode & 0o100)

    def link_target(self, path: str) -> str:
        """Where a symbolic link leads, as it is written."""
        return self._links[path]

    def chunks(self, path: str) -> Iterator[bytes]:
        """The file's bytes, piece by piece.

        Raises:
            RunError: The image can't be read.
        """
        image, at, digest = self._files[path]
        if not self._kept.path(digest):
            self._read(image, {at})
        return self._kept.chunks(digest)

    def _item(self, item: CopyFile, path: str, image: "_Image", digests: dict[str, Digest]) -> CopyFile:
        name = f"/{path} of {image.plan}"
        if item.kind == FOLDER:
            return CopyFile(name, item.to, FOLDER)
        if item.kind == LINK:
            target = image.tree.get(path)
            assert isinstance(target, str)
            self._links[name] = target
            return CopyFile(name, item.to, LINK)
        self._files[name] = (image, path, digests[path])
        executable = bool(image.file(path).mode & 0o100)
        return CopyFile(name, item.to, FILE, digests[path], executable, item.named)

    def _digests(self, image: "_Image", paths: set[str]) -> dict[str, Digest]:
        """The digests of some files; those that nobody remembers are read."""
        known = self._known(image)
        missing = {path for path in paths if path not in known}
        if missing:
            known |= self._read(image, missing)
            told = {path: [digest.hex, digest.size] for path, digest in sorted(known.items())}
            self._kept.record(_RECORDS, image.descriptor.digest.hex, encode(told))
        return known

    def _known(self, image: "_Image") -> dict[str, Digest]:
        data = self._kept.recorded(_RECORDS, image.descriptor.digest.hex)
        out: dict[str, Digest] = {}
        try:
            for path, one in ({} if data is None else decode(data, "a record")).items():
                match one:
                    case [str() as digits, int() as size]:
                        out[path] = Digest(digits, size)
                    case _:
                        return {}
        except RunError:
            # A record in a form that is not known is no record.
            return {}
        return out

    def _read(self, image: "_Image", paths: set[str]) -> dict[str, Digest]:
        """Keeps the content of some files; each layer that has one is read once."""
        wanted: dict[int, dict[str, list[str]]] = {}
        for path in paths:
            file = image.file(path)
            if not 0 <= file.layer < len(image.manifest.layers):
                raise RunError(
                    f"`/{path}` of {image.plan} has no content: its image is broken", image.plan.at
                )
            wanted.setdefault(file.layer, {}).setdefault(file.path, []).append(path)
        found: dict[str, Digest] = {}
        for number, names in sorted(wanted.items()):
            layer = image.manifest.layers[number]
            for name, chunks in contents(layer.media_type, image.base.chunks(layer.digest), set(names)):
                digest = self._kept.write(chunks)
                found |= dict.fromkeys(names[name], digest)
        missing = paths.difference(found)
        if missing:
            raise RunError(f"`/{min(missing)}` of {image.plan} is in none of its layers", image.plan.at)
        return found


class AllFiles:
    """Files of a project and files of images.

    Args:
        project: Those of the project.
        images: Those of images.
    """

    def __init__(self, project: "_Files", images: ImageFiles) -> None:
        self._project = project
        self._images = images

    def _of(self, path: str) -> "_Files":
        return self._images if self._images.has(path) else self._project

    def executable(self, path: str) -> bool:
        """Whether the file's owner may execute it."""
        return self._of(path).executable(path)

    def link_target(self, path: str) -> str:
        """Where a symbolic link leads, as it is written."""
        return self._of(path).link_target(path)

    def chunks(self, path: str) -> Iterable[bytes]:
        """The file's bytes, piece by piece."""
        return self._of(path).chunks(path)


class _Files(Protocol):
    """See `runner.execute.build_image.Files`."""

    def executable(self, path: str) -> bool: ...

    def link_target(self, path: str) -> str: ...

    def chunks(self, path: str) -> Iterable[bytes]: ...


class _Image:
    """An image that is copied from."""

    def __init__(
        self,
        plan: BasePlan,
        descriptor: Descriptor,
        manifest: Manifest,
        base: Base,
        tree: Tree,
        listing: Listing,
    ) -> None:
        self.plan = plan
        self.descriptor = descriptor
        self.manifest = manifest
        self.base = base
        self.tree = tree
        self.listing = listing

    def file(self, path: str) -> File:
        """The file at a path where there is one."""
        found = self.tree.get(path)
        assert isinstance(found, File)
        return found


def _selected(copy: CopyPlan, source: str, image: _Image, workdir: str) -> list[tuple[CopyFile, str]]:
    """What one source of a copy puts where, each with its place in the image."""
    pattern = parse_pattern(source.strip("/") or ".", copy.at)
    if not pattern.has_wildcard:
        return _named(copy, pattern.literal_prefix, image, workdir)
    prefix = pattern.literal_prefix
    folder = image.tree.resolved(prefix, last=True)
    matches: dict[str, str] = {}
    for path, what in image.listing.below(folder):
        written = f"{prefix}/{path[len(folder) :].lstrip('/')}".lstrip("/")
        place = path
        if isinstance(what, str):
            place = image.tree.resolved(path, last=True)
        if isinstance(image.tree.get(place), File) and pattern.matches(written):
            matches[written] = place
    found = [(path, FILE) for path in sorted(matches)]
    if not found:
        raise PlanError(f"`{source}` matches no file of {image.plan}", copy.at, _near(source, image))
    return [(item, matches[item.source]) for item in placed(copy, source, prefix, found, workdir)]


def _named(copy: CopyPlan, path: str, image: _Image, workdir: str) -> list[tuple[CopyFile, str]]:
    """What is copied of a path that is written out."""
    place = image.tree.resolved(path, last=True)
    what: What | None = image.tree.get(place)
    if isinstance(what, File):
        return [(item, place) for item in placed(copy, path, None, [(path, FILE)], workdir)]
    if what is None and isinstance(image.tree.get(image.tree.resolved(path)), str):
        raise PlanError(f"`/{path}` of {image.plan} leads to `/{place}`, which is not in it", copy.at)
    if not isinstance(what, Folder):
        problem = "is not in" if what is None else "is neither a file nor a folder of"
        raise PlanError(f"`/{path}` {problem} {image.plan}", copy.at, _near(path, image))
    kinds = {File: FILE, Folder: FOLDER, str: LINK}
    below: list[tuple[str, str]] = []
    places = {path: place}
    for inner, one in image.listing.below(place):
        kind = kinds.get(type(one))
        if kind is None:
            raise PlanError(
                f"`/{inner}` of {image.plan} is a device or a pipe, and is not copied",
                copy.at,
                "a narrower `source`",
            )
        written = f"{path}/{inner[len(place) :].lstrip('/')}".lstrip("/")
        below.append((written, kind))
        places[written] = inner
    return [(item, places[item.source]) for item in placed(copy, path, path, below, workdir)]


def _near(path: str, image: _Image) -> str:
    """What the user may have meant."""
    folder, _, name = path.strip("/").rpartition("/")
    place = image.tree.resolved(folder, last=True)
    names: Sequence[str] = [inner[len(place) :].lstrip("/") for inner, _ in image.listing.below(place)]
    near = nearest(name, tuple(name for name in names if "/" not in name))
    return f"did you mean `/{folder}{'/' if folder else ''}{near}`?" if near else ""
