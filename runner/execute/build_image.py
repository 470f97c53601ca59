"""The layers builder: an image plan and files to an image in a layout, without a container engine.

A layer is a function of what its copy names: paths, modes, owners, contents, the base's folders on the way.
That is its key. Where the layout remembers what a key made, no file is opened. Where it does not, each file's
bytes must still be the ones the key was made of.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from runner.digest import Digest
from runner.errors import PlanError, RunError
from runner.image import tar
from runner.image.assemble import BuiltLayer, assemble
from runner.image.base_tree import Folder, Tree
from runner.image.descriptor import Descriptor
from runner.image.image_config import ImageConfig, timestamp
from runner.image.layer import Layer, check_name, layer_key
from runner.image.manifest import Manifest
from runner.image.media_type import LAYER_GZIP
from runner.image.reference import Reference, parse_reference
from runner.plan.facts import FOLDER
from runner.plan.image_plan import LINK, CopyFile, CopyPlan, ImagePlan
from runner.plan.platform import Platform


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


class Layout(Protocol):
    """What the image is written to."""

    def held(self) -> AbstractContextManager[None]:
        """While this lasts, no blob is removed."""

    def has(self, digest: Digest) -> bool:
        """Whether a blob is there."""

    def write(self, chunks: Iterable[bytes]) -> Digest:
        """Keeps bytes as a blob."""

    def set_tags(self, references: Sequence[Reference], manifest: Descriptor) -> None:
        """Names an image."""

    def recorded_layer(self, key: Digest) -> BuiltLayer | None:
        """The layer that a key made, if it is still there."""

    def record_layer(self, key: Digest, layer: BuiltLayer) -> None:
        """Remembers what a key made."""

    def recorded_tree(self, manifest: Digest) -> Tree | None:
        """Folders and links of a base, if they are known."""

    def record_tree(self, manifest: Digest, tree: Tree) -> None:
        """Remembers folders and links of a base."""


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
) -> BuiltImage:
    """Builds the image and names it; equal arguments and equal files give equal bytes.

    Args:
        plan: The image.
        copies: For each copy of the plan, what it puts where.
        files: Reads them.
        layout: Where the image goes.
        base: Where the plan's base is, or None for none.
        epoch: The time of every file and of the image, in seconds since 1970.

    Raises:
        PlanError: A copy copies nothing, or two things to one place, or the config cannot be.
        RunError: The base cannot be used, or a file changed meanwhile.
    """
    references = tuple(parse_reference(f"{plan.name}:{tag}") for tag in plan.tags)
    timestamp(epoch)
    with layout.held():
        found = base.image(plan.base.tag, plan.platform) if base else None
        tree = Tree()
        if base and found:
            _take_layers(found[1], base, layout)
            tree = _tree(found[0], found[1], base, layout)
        made: dict[str, str] = {}
        built = [
            _layer(_Copy(copy, items, files, tree, made), layout, epoch)
            for copy, items in zip(plan.copies, copies, strict=True)
        ]
        image = assemble(
            found and found[1:], [layer for layer, _ in built], plan.config, plan.platform, epoch
        )
        layout.write((image.config_bytes,))
        layout.write((image.manifest_bytes,))
        layout.set_tags(references, image.descriptor)
    layers = tuple(CopiedLayer(layer.blob.digest.size, layer.diff_id, reused) for layer, reused in built)
    size = sum(layer.diff_id.size for layer in layers)
    return BuiltImage(references, image.descriptor, image.manifest, layers, size)


def _take_layers(manifest: Manifest, base: Base, layout: Layout) -> None:
    for layer in manifest.layers:
        if not layout.has(layer.digest):
            layout.write(base.chunks(layer.digest))


def _tree(descriptor: Descriptor, manifest: Manifest, base: Base, layout: Layout) -> Tree:
    known = layout.recorded_tree(descriptor.digest)
    if known is not None:
        return known
    tree = Tree()
    for layer in manifest.layers:
        tree.apply(layer.media_type, base.chunks(layer.digest))
    layout.record_tree(descriptor.digest, tree)
    return tree


def _layer(copy: "_Copy", layout: Layout, epoch: int) -> tuple[BuiltLayer, bool]:
    """The layer of a copy, and whether it was there already."""
    entries = copy.entries()
    key = layer_key(entries, epoch)
    words = f"pyrun copy to {copy.plan.to}"
    known = layout.recorded_layer(key)
    if known is not None:
        return BuiltLayer(known.blob, known.diff_id, words), True
    layer = Layer((entry for entry, _ in entries), epoch)
    blob = Descriptor(LAYER_GZIP, layout.write(layer.compressed()))
    built = BuiltLayer(blob, layer.diff_id, words)
    layout.record_layer(key, built)
    return built, False


class _Copy:
    """One copy on its way into a layer.

    Args:
        plan: The copy.
        items: What it puts where.
        files: Reads them.
        tree: Folders and links of the image so far; `entries` adds to it what the copy makes.
        made: Files and links that copies made so far, by path, each with its source; `entries` adds to it.
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
        self._items = items
        self._files = files
        self._tree = tree
        self._made = made

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
        out: dict[str, tuple[tar.Entry, Digest | None]] = {}
        for path in sorted(placed):
            self._add_parents(path, out)
            self._add(path, placed[path], out)
        return [out[path] for path in sorted(out)]

    def _place(self, item: CopyFile) -> str:
        """Where the item lands once links of the base are followed; empty for the root itself."""
        path = item.to.strip("/")
        if path:
            check_name(path)
        return self._tree.resolved(path, last=item.kind == FOLDER)

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
        if not isinstance(known, Folder):
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
            content=lambda: _same(self._files.chunks(item.source), digest, item.source),
        )
        return entry, digest


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
