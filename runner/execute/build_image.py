"""The layers builder: an image plan and files to an image in a layout, without a container engine.

A layer is a function of what its copy names: paths, modes, owners, contents, the base's folders on the way.
That is its key. Where the layout remembers what a key made, no file is opened. Where it does not, each file's
bytes must still be the ones the key was made of.

What changes more often lies higher, so that whoever has the lower layers keeps them: files of other images, files
of the project, what tasks make. Two copies change places only where that can't be seen in the files that come of
it: where neither puts anything where the other does. The order of the plan is that of a Dockerfile and holds else.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from runner.digest import Digest
from runner.errors import PlanError, RunError
from runner.image import tar
from runner.image.assemble import BuiltLayer, assemble
from runner.image.base_tree import File, Folder, Listing, Merged, Other, Tree
from runner.image.content import HEAD, WHOLE, may_run, runs_on, secret_in
from runner.image.descriptor import Descriptor
from runner.image.image_config import ImageConfig, effective_workdir, timestamp
from runner.image.layer import MEDIA_TYPES, Layer, check_name, layer_key
from runner.image.manifest import Manifest
from runner.image.reference import Reference, parse_reference
from runner.plan.facts import FOLDER
from runner.plan.image_plan import LINK, BasePlan, CopyFile, CopyPlan, ImagePlan
from runner.plan.platform import Platform
from runner.system.ahead import ahead

BASE_NAME = "org.opencontainers.image.base.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"


class Files(Protocol):
    """The files to copy. Paths are those of the CopyFiles; links are followed where a file is asked for."""

    def executable(self, path: str) -> bool:
        """Whether the file's owner may execute it."""

    def link_target(self, path: str) -> str:
        """Where a symbolic link leads, as it is written."""

    def chunks(self, path: str) -> Iterable[bytes]:
        """The file's bytes, piece by piece."""


class Base(Protocol):
    """What a base image is read from."""

    def image(self, tag: str, platform: Platform) -> tuple[Descriptor, Manifest, ImageConfig]:
        """The image of that tag, for that platform."""

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """A blob's bytes, piece by piece."""

    def blob_path(self, digest: Digest) -> str:
        """A file that is that blob, got first if it must be; empty if there is none to be linked to."""

    @property
    def reference(self) -> str:
        """The name by which anybody can get it; empty if that is known here only."""


class Trees(Protocol):
    """Who remembers what is in images."""

    def recorded_tree(self, manifest: Digest) -> Listing | None:
        """All that is in the image with this manifest, if that is known."""

    def record_tree(self, manifest: Digest, tree: Listing) -> None:
        """Remembers all that is in an image."""


class Layout(Trees, Protocol):
    """What the image is written to."""

    def held(self) -> AbstractContextManager[None]:
        """While this lasts, no blob is removed."""

    def has(self, digest: Digest) -> bool:
        """Whether a blob is there."""

    def write(self, chunks: Iterable[bytes]) -> Digest:
        """Keeps bytes as a blob."""

    def link(self, path: str, digest: Digest) -> bool:
        """Lets a file be a blob, without reading it; False where that can't be."""

    def set_tags(self, references: Sequence[Reference], manifest: Descriptor) -> None:
        """Names an image."""

    def recorded_layer(self, key: Digest) -> BuiltLayer | None:
        """The layer that a key made, if it is still there."""

    def record_layer(self, key: Digest, layer: BuiltLayer) -> None:
        """Remembers what a key made."""


@dataclass(frozen=True, slots=True)
class CopiedLayer:
    """What became of one copy.

    Args:
        size: Bytes of the blob.
        diff_id: Digest and size of the unpacked tar.
        reused: Whether it was there already.
    """

    size: int
    diff_id: Digest
    reused: bool


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image that stands in the layout.

    Args:
        references: Its names.
        descriptor: Points to its manifest.
        manifest: Its manifest.
        layers: One for each copy.
        unpacked_size: Bytes of the copies' layers as tar; the base's are not counted.
    """

    references: tuple[Reference, ...]
    descriptor: Descriptor
    manifest: Manifest
    layers: tuple[CopiedLayer, ...]
    unpacked_size: int

    @property
    def size(self) -> int:
        """Bytes of all layers, the base's too, as they are stored and sent."""
        return sum(layer.digest.size for layer in self.manifest.layers)

    @property
    def ids(self) -> tuple[str, ...]:
        """What an engine that has this image may call it."""
        return str(self.manifest.config.digest), str(self.descriptor.digest)


def build_image(
    plan: ImagePlan,
    copies: Sequence[Sequence[CopyFile]],
    *,
    files: Files,
    layout: Layout,
    base: Base | None,
    epoch: int,
    trees: Trees | None = None,
    annotations: Sequence[tuple[str, str]] = (),
    approve: Callable[[Descriptor], None] | None = None,
) -> BuiltImage:
    """Builds the image and names it; equal arguments and equal files give equal bytes.

    Args:
        plan: The image.
        copies: For each copy of the plan, what it puts where.
        files: Reads them.
        layout: Where the image goes.
        base: Where the plan's base is, or None for none.
        epoch: The time of every file and of the image, in seconds since 1970.
        trees: Remembers what is in bases; None for the layout itself.
        annotations: Of the manifest, beside those that name the base.
        approve: Called when all of the image is in the layout and before it gets its names, unless it raises.

    Raises:
        PlanError: A copy copies nothing, or two things to one place, or what should not ship, or the config
            cannot be.
        RunError: The base cannot be used, or a file changed meanwhile, or is for another platform.
    """
    references = tuple(parse_reference(f"{plan.name}:{tag}") for tag in plan.tags)
    timestamp(epoch)
    said = list(annotations)
    with layout.held():
        found = base.image(plan.base.tag, plan.platform) if base else None
        tree = Tree()
        if base and found:
            tree = Tree(listing_of(plan.base, found[0], found[1], base, trees or layout))
            _take_layers(found[1], base, layout)
            if base.reference:
                said += [(BASE_NAME, base.reference), (BASE_DIGEST, str(found[0].digest))]
        made: dict[str, str] = {}
        built = [
            _layer(_Copy(copy, items, files, tree, made), plan, layout, epoch)
            for copy, items in zip(plan.copies, copies, strict=True)
        ]
        image = assemble(
            found and found[1:],
            [
                *(one.layer for one in _ordered(built)),
                *_workdir(plan, found and found[2], tree, layout, epoch),
            ],
            plan.config,
            plan.platform,
            epoch,
            said,
        )
        layout.write((image.config_bytes,))
        layout.write((image.manifest_bytes,))
        if approve is not None:
            approve(image.descriptor)
        layout.set_tags(references, image.descriptor)
    layers = tuple(CopiedLayer(one.layer.blob.digest.size, one.layer.diff_id, one.reused) for one in built)
    size = sum(layer.diff_id.size for layer in layers)
    return BuiltImage(references, image.descriptor, image.manifest, layers, size)


def _take_layers(manifest: Manifest, base: Base, layout: Layout) -> None:
    """See to it that the layout has the layers of a base: as other names of the very files, where that can be."""
    for layer in manifest.layers:
        if layout.has(layer.digest):
            continue
        path = base.blob_path(layer.digest)
        if not (path and layout.link(path, layer.digest)):
            layout.write(base.chunks(layer.digest))


def listing_of(
    plan: BasePlan, descriptor: Descriptor, manifest: Manifest, base: Base, trees: Trees
) -> Listing:
    """All that is in an image, from its layers if nobody remembers it.

    Args:
        plan: What the file says of it, for errors.
        descriptor: Points to its manifest.
        manifest: Its manifest.
        base: Where it is read.
        trees: Who remembers.

    Raises:
        RunError: A layer can't be read.
    """
    known = trees.recorded_tree(descriptor.digest)
    if known is not None:
        return known
    merged = Merged()
    for layer in manifest.layers:
        try:
            merged.apply(layer.media_type, base.chunks(layer.digest))
        except RunError as error:
            message = f"`{plan}` can't be read: {error.message}"
            raise RunError(message, error.at or plan.at, error.hint or "get it anew") from None
    listing = merged.listing()
    trees.record_tree(descriptor.digest, listing)
    return listing


def _workdir(
    plan: ImagePlan, base: ImageConfig | None, tree: Tree, layout: Layout, epoch: int
) -> Iterator[BuiltLayer]:
    """The layer that makes the working folder, where the image has none otherwise: so does `WORKDIR`."""
    written = effective_workdir(base, plan.config).strip("/") if plan.config.workdir else ""
    path = tree.resolved(written, last=True) if written else ""
    if not path or tree.get(path) is not None:
        return
    names = path.split("/")
    folders = []
    for count in range(1, len(names) + 1):
        known = tree.get("/".join(names[:count]))
        mode, owner = (known.mode, known.owner) if isinstance(known, Folder) else (0o755, (0, 0))
        folders.append(tar.Entry("/".join(names[:count]), tar.FOLDER, mode, owner))
    layer = Layer(iter(folders), epoch, compression=plan.compression)
    blob = Descriptor(MEDIA_TYPES[plan.compression], layout.write(layer.compressed()))
    yield BuiltLayer(blob, layer.diff_id, f"pyrun workdir /{written}")


@dataclass(frozen=True, slots=True)
class _Placed:
    """A layer, and what decides where it lies.

    Args:
        layer: The layer.
        reused: Whether it was there already.
        rank: How often it changes, the higher the more.
        new: The entries that make or change something, by path.
    """

    layer: BuiltLayer
    reused: bool
    rank: int
    new: dict[str, tuple[bytes, int, tuple[int, int]]]


def _ordered(built: Sequence[_Placed]) -> list[_Placed]:
    """The layers with what changes more often above, as far as the same files come of it."""
    out: list[_Placed] = []
    for one in built:
        at = len(out)
        while at and out[at - 1].rank > one.rank and _apart(out[at - 1], one):
            at -= 1
        out.insert(at, one)
    return out


def _apart(one: _Placed, other: _Placed) -> bool:
    """Whether it is all the same which of two layers lies above: what both make is the same folders."""
    return all(
        one.new[path] == other.new[path] and one.new[path][0] == tar.FOLDER
        for path in one.new.keys() & other.new.keys()
    )


def _layer(copy: "_Copy", plan: ImagePlan, layout: Layout, epoch: int) -> _Placed:
    """The layer of a copy."""
    entries = copy.entries()
    key = layer_key(entries, epoch, plan.compression)
    words = f"pyrun copy to {copy.plan.to}"
    known = layout.recorded_layer(key)
    if known is not None:
        built = replace(known, words=words)
    else:
        layer = Layer((entry for entry, _ in entries), epoch, compression=plan.compression)
        blob = Descriptor(MEDIA_TYPES[plan.compression], layout.write(layer.compressed(ahead)))
        built = BuiltLayer(
            blob, layer.diff_id, words, tuple(sorted(copy.programs.items())), tuple(copy.secrets.items())
        )
        layout.record_layer(key, built)
    copy.check(built, plan.platform)
    rank = 0 if copy.plan.base is not None else 2 if copy.plan.task else 1
    new = {
        entry.path: (entry.kind, entry.mode, entry.owner)
        for entry, _ in entries
        if entry.path not in copy.as_before
    }
    return _Placed(built, known is not None, rank, new)


class _Copy:
    """One copy on its way into a layer.

    Args:
        plan: The copy.
        items: What it puts where.
        files: Reads them.
        tree: What is in the image so far; `entries` adds to it what the copy makes.
        made: Files and links that copies made so far, by path, each with its source; `entries` adds to it.

    Attributes:
        as_before: The folders that are said again just as the base has them.
        programs: What the executables are built for that were read, each with the first one's path.
        secrets: The files that were read and should not ship, and why.
    """

    def __init__(
        self,
        plan: CopyPlan,
        items: Sequence[CopyFile],
        files: Files,
        tree: Tree,
        made: dict[str, str],
    ) -> None:
        self.plan = plan
        self.as_before: set[str] = set()
        self.programs: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self._items = items
        self._files = files
        self._tree = tree
        self._made = made
        self._items_by_path: dict[str, CopyFile] = {}

    def entries(self) -> list[tuple[tar.Entry, Digest | None]]:
        """The entries of the layer in order, each file with the digest of its content."""
        if not self._items:
            raise PlanError(
                f"there is nothing to copy to `{self.plan.to}`", self.plan.at, "a source with files"
            )
        placed: dict[str, CopyFile] = {}
        for item in self._items:
            path = self._place(item)
            if path:
                self._check_clash(path, item, placed.setdefault(path, item))
        self._items_by_path = placed
        out: dict[str, tuple[tar.Entry, Digest | None]] = {}
        for path in sorted(placed):
            self._add_parents(path, out)
            self._add(path, placed[path], out)
        return [out[path] for path in sorted(out)]

    def check(self, layer: BuiltLayer, platform: Platform) -> None:
        """Says nothing if all that the layer holds may ship, and runs.

        Raises:
            PlanError: A file should not ship, and the copy does not name it.
            RunError: An executable is for another platform.
        """
        if self.plan.base is not None:
            # What is in other images is for those to answer for.
            return
        for path, why in layer.secrets:
            source = self._items_by_path[path].source
            if not self._items_by_path[path].named:
                raise PlanError(
                    f"`{source}` would be in the image for all to read: {why}",
                    self.plan.at,
                    f"leave it out of what is copied; if it must be there, name it: "
                    f"`{{source: {source}, to: /{path}}}`",
                )
        for built_for, path in layer.programs:
            if not may_run(built_for, platform):
                source = self._items_by_path[path].source
                raise RunError(
                    f"`{source}` is built for {built_for}, and the image is for {platform}"
                    + (f": `{self.plan.task}` makes it" if self.plan.task else ""),
                    self.plan.at,
                    _rebuild(self.plan.task, platform),
                )

    def _place(self, item: CopyFile) -> str:
        """Where the item lands once links of the base are followed; empty for the root itself."""
        path = item.to.strip("/")
        if path:
            check_name(path)
        return self._tree.resolved(path, last=item.kind == FOLDER or item.named)

    def _check_clash(self, path: str, item: CopyFile, other: CopyFile) -> None:
        same = other.source == item.source or other.kind == item.kind == FOLDER
        if not same and (item.digest is None or item.digest != other.digest or item.kind != other.kind):
            raise PlanError(
                f"`{other.source}` and `{item.source}` would both be `/{path}` in the image",
                self.plan.at,
                "different names, or two copies, of which the later one wins",
            )

    def _add_parents(self, path: str, out: dict[str, tuple[tar.Entry, Digest | None]]) -> None:
        """Says of every folder on the way what it is like: as in the base, or new."""
        at = path.find("/")
        while at > 0:
            parent = path[:at]
            if parent not in out or parent in self._made:
                out[parent] = (self._folder(parent), None)
            at = path.find("/", at + 1)

    def _folder(self, path: str) -> tar.Entry:
        if path in self._made:
            raise PlanError(
                f"`/{path}` in the image would be `{self._made[path]}` and a folder",
                self.plan.at,
                "another `to`",
            )
        known = self._tree.get(path)
        if isinstance(known, (File, Other)):
            raise PlanError(
                f"`/{path}` is a file in the base, so nothing can be below it", self.plan.at, "another `to`"
            )
        if isinstance(known, Folder):
            if not self._tree.was_put(path):
                self.as_before.add(path)
        else:
            known = Folder(0o755, self.plan.owner)
            self._tree.put(path, known)
        return tar.Entry(path, tar.FOLDER, known.mode, known.owner)

    def _add(self, path: str, item: CopyFile, out: dict[str, tuple[tar.Entry, Digest | None]]) -> None:
        if item.kind == FOLDER:
            out[path] = (self._folder(path), None)
            return
        if isinstance(self._tree.get(path), Folder):
            raise PlanError(
                f"`{item.source}` would replace the folder `/{path}` of the image",
                self.plan.at,
                f"`to: /{path}/`",
            )
        self._made[path] = item.source
        if item.kind == LINK:
            target = self._files.link_target(item.source)
            self._tree.put(path, target)
            out[path] = (tar.Entry(path, tar.LINK, 0o777, self.plan.owner, target=target), None)
            return
        self._tree.put(path, None)
        out[path] = self._file(path, item)

    def _file(self, path: str, item: CopyFile) -> tuple[tar.Entry, Digest]:
        mode = self.plan.mode
        if mode is None:
            known = item.executable
            mode = 0o755 if (self._files.executable(item.source) if known is None else known) else 0o644
        digest = item.digest or _digest(self._files.chunks(item.source))
        entry = tar.Entry(
            path,
            tar.FILE,
            mode,
            self.plan.owner,
            digest.size,
            content=lambda: self._content(path, mode, item, digest),
        )
        return entry, digest

    def _content(self, path: str, mode: int, item: CopyFile, digest: Digest) -> Iterator[bytes]:
        """A file's bytes, and on the way what they say."""
        most = WHOLE if digest.size <= WHOLE else HEAD
        head = b""
        for chunk in _same(self._files.chunks(item.source), digest, item.source):
            if len(head) < most:
                head += chunk[: most - len(head)]
            yield chunk
        if self.plan.base is not None:
            return
        # What is no program may be for whatever it likes: firmware, and what is handed out.
        built_for = runs_on(head, path) if mode & 0o111 else ""
        if built_for:
            self.programs.setdefault(built_for, path)
        why = secret_in(path, head if most == WHOLE else None)
        if why:
            self.secrets[path] = why


def _rebuild(task: str, platform: Platform) -> str:
    """How to get an executable for a platform."""
    where = f"at `{task}`" if task else "where it is built"
    return (
        f'build it for {platform}, in Go by `env: {{GOOS: "${{TARGETOS}}", GOARCH: "${{TARGETARCH}}"}}` {where}; '
        "with `mode: 0644` it is copied as it is, as no program"
    )


def _digest(chunks: Iterable[bytes]) -> Digest:
    found, size = hashlib.sha256(), 0
    for chunk in chunks:
        found.update(chunk)
        size += len(chunk)
    return Digest(found.hexdigest(), size)


def _same(chunks: Iterable[bytes], digest: Digest, source: str) -> Iterator[bytes]:
    """The pieces as they come.

    Raises:
        RunError: After the last one, if they are not what the digest says.
    """
    found = hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
        yield chunk
    if found.hexdigest() != digest.hex:
        raise RunError(f"`{source}` changed while it was copied", hint="run again when nothing writes it")
