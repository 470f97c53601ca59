"""Taking the image that an engine gives into an OCI layout.

What an engine writes is an archive of one of two kinds, and may be of both: Docker's own, where `manifest.json`
names a config and the layers' tars, and an OCI layout, where `index.json` leads to them. Engines keep layers
unpacked or packed. One that comes packed is taken as it is. One that does not is packed the way all layers of this
project are, and remembered by its diff id, so that the same layer is packed once, whichever image brings it.

The archive is read as it comes, once, and nothing of it is believed before its digest is right.
"""

import hashlib
import io
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from runner.digest import Digest, canonical, digest_of
from runner.errors import RunError
from runner.image import media_type
from runner.image.assemble import BuiltLayer
from runner.image.descriptor import Descriptor
from runner.image.document import decode
from runner.image.image_config import ImageConfig, parse_config
from runner.image.index import for_platform, parse_index
from runner.image.layer import layer_key, packed
from runner.image.manifest import Manifest, parse_manifest
from runner.image.unpacked import packing, unpacked
from runner.image.validate import check_image
from runner.plan.platform import Platform
from runner.store.oci_layout import OciLayout
from runner.system.ahead import ahead

_CHUNK = 1 << 20
_LONGEST_DOCUMENT = 8 << 20
"""Bytes of a manifest or a config; those of real images are a thousandth of it."""
_BLOBS = "blobs/sha256/"
_WHAT = "the archive's list of images"


@dataclass(frozen=True, slots=True)
class SavedImage:
    """An image that stands in a layout, without a name yet.

    Args:
        descriptor: Points to its manifest.
        manifest: Its manifest.
        config: Its config.
        new: How many of its layers were not there before.
        unpacked_size: Bytes of its layers as tar.
    """

    descriptor: Descriptor
    manifest: Manifest
    config: ImageConfig
    new: int
    unpacked_size: int


def take_saved(chunks: Iterable[bytes], layout: OciLayout, platform: Platform) -> SavedImage:
    """Take an image into a layout, which must be held meanwhile.

    Args:
        chunks: An archive with one image, as `docker save` writes it, piece by piece.
        layout: Where to.
        platform: Which one is taken where there are several.

    Raises:
        RunError: It holds no image, or a broken one.
    """
    found = _Archive(layout)
    try:
        with tarfile.open(fileobj=io.BufferedReader(_Chunks(chunks), _CHUNK), mode="r|") as archive:
            for member in archive:
                found.take(member, archive)
                # It would keep them all.
                archive.members = []  # type: ignore[attr-defined]
    except tarfile.TarError as error:
        raise RunError(f"what the engine gave is no archive: {error}") from None
    return found.image(platform)


class _Archive:
    """What was found in an archive so far.

    Args:
        layout: Where layers go.
    """

    def __init__(self, layout: OciLayout) -> None:
        self._layout = layout
        self._documents: dict[str, bytes] = {}
        self._layers: dict[str, BuiltLayer] = {}
        self._links: dict[str, str] = {}
        self._new: set[str] = set()

    def take(self, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        """Take the next entry."""
        path = member.name.removeprefix("./")
        if member.issym() or member.islnk():
            # An older engine writes a layer that two images share once, and leads to it from the other's place.
            folder = path.rpartition("/")[0] if member.issym() else ""
            self._links[path] = _joined(folder, member.linkname)
        file = archive.extractfile(member) if member.isreg() else None
        if file is None:
            return
        head = file.read(512)
        if head[:1] in {b"{", b"["} and member.size <= _LONGEST_DOCUMENT:
            self._documents[path] = head + file.read()
        elif path in {"oci-layout", "repositories"} or path.endswith(("/VERSION", "/json")):
            return
        else:
            self._layers[path] = self._layer(head, file, path)

    def _layer(self, head: bytes, file: "IO[bytes]", path: str) -> BuiltLayer:
        """A layer, which is in the layout then."""
        name = path.removeprefix(_BLOBS) if path.startswith(_BLOBS) else ""
        kind = packing(head)
        if kind != media_type.LAYER:
            return self._packed(_pieces(head, file), kind, name)
        known = self._known("saved layer", name) if name else None
        if known is not None:
            return known
        digest = hashlib.sha256()
        with tempfile.TemporaryFile(dir=self._layout.folder) as spool:
            for piece in _pieces(head, file):
                digest.update(piece)
                spool.write(piece)
            diff_id = Digest(digest.hexdigest(), spool.tell())
            if name and diff_id.hex != name:
                raise RunError(f"what the engine gave is damaged: `{path}` is sha256:{diff_id.hex}")
            known = self._known("saved layer", diff_id.hex)
            if known is not None:
                return known
            spool.seek(0)
            blob = Descriptor(media_type.LAYER_GZIP, self._layout.write(packed(_rest(spool), each=ahead)))
        return self._made("saved layer", diff_id.hex, BuiltLayer(blob, diff_id, ""))

    def _packed(self, pieces: Iterator[bytes], kind: str, name: str) -> BuiltLayer:
        """A layer that comes packed."""
        known = self._known("saved blob", name) if name else None
        if known is not None:
            return known
        blob = Descriptor(kind, self._layout.write(pieces))
        if name and blob.digest.hex != name:
            raise RunError(f"what the engine gave is damaged: `{_BLOBS}{name}` is {blob.digest}")
        digest, size = hashlib.sha256(), 0
        for piece in unpacked(kind, self._layout.chunks(blob.digest)):
            digest.update(piece)
            size += len(piece)
        return self._made(
            "saved blob", blob.digest.hex, BuiltLayer(blob, Digest(digest.hexdigest(), size), "")
        )

    def _known(self, what: str, name: str) -> BuiltLayer | None:
        return self._layout.recorded_layer(_key(what, name))

    def _made(self, what: str, name: str, layer: BuiltLayer) -> BuiltLayer:
        self._layout.record_layer(_key(what, name), layer)
        self._new.add(layer.diff_id.hex)
        return layer

    def image(self, platform: Platform) -> SavedImage:
        """The image, when all has come."""
        whole = self._whole(platform) if "index.json" in self._documents else None
        manifest_bytes, config_bytes, layers = whole or self._assembled()
        manifest, config = parse_manifest(manifest_bytes), parse_config(config_bytes)
        check_image(manifest, config)
        if tuple(layer.diff_id.hex for layer in layers) != tuple(each.hex for each in config.diff_ids):
            raise RunError("what the engine gave is damaged: its layers are not those that its config names")
        self._layout.write((config_bytes,))
        self._layout.write((manifest_bytes,))
        return SavedImage(
            Descriptor(media_type.MANIFEST, digest_of(manifest_bytes)),
            manifest,
            config,
            sum(layer.diff_id.hex in self._new for layer in layers),
            sum(layer.diff_id.size for layer in layers),
        )

    def _whole(self, platform: Platform) -> tuple[bytes, bytes, list[BuiltLayer]] | None:
        """The image of an OCI layout whose layers are packed, as it is; None if there is none of that kind."""
        entries = parse_index(self._documents["index.json"]).manifests
        while True:
            known = [entry for entry in entries if _BLOBS + entry.digest.hex in self._documents]
            if not known:
                return None
            entry = known[0] if len(known) == 1 else for_platform(known, platform)
            data = self._checked(entry.digest.hex)
            if media_type.as_oci(entry.media_type) != media_type.INDEX:
                break
            entries = parse_index(data).manifests
        manifest = parse_manifest(data)
        if any(layer.media_type not in _PACKED for layer in manifest.layers):
            return None
        found = [self._layers.get(_BLOBS + layer.digest.hex) for layer in manifest.layers]
        layers = [layer for layer in found if layer is not None]
        if len(layers) != len(found):
            return None
        return data, self._checked(manifest.config.digest.hex), layers

    def _checked(self, name: str) -> bytes:
        """The bytes of a document that goes by its digest."""
        data = self._documents.get(_BLOBS + name, b"")
        if digest_of(data).hex != name:
            raise RunError(f"what the engine gave is damaged: it has no document sha256:{name}")
        return data

    def _assembled(self) -> tuple[bytes, bytes, list[BuiltLayer]]:
        """The image of Docker's own archive, with a manifest that names the layers as they are packed here."""
        listed = self._documents.get("manifest.json")
        images = decode(b'{"images":' + listed + b"}", _WHAT).get("images") if listed is not None else None
        if not isinstance(images, list) or len(images) != 1 or not isinstance(images[0], dict):
            raise RunError("what the engine gave holds no image")
        image: dict[str, Any] = images[0]
        config = self._documents.get(str(image.get("Config")))
        paths = image.get("Layers") or []
        if config is None or not isinstance(paths, list):
            raise RunError("what the engine gave holds no image: it has no config")
        layers = [self._at(str(path)) for path in paths]
        manifest = Manifest(
            Descriptor(media_type.CONFIG, digest_of(config)), tuple(layer.blob for layer in layers)
        )
        return manifest.encode(), config, layers

    def _at(self, path: str) -> BuiltLayer:
        """The layer at a path, links followed."""
        for _ in self._links:
            path = self._links.get(path, path)
        if path not in self._layers:
            raise RunError(f"what the engine gave is damaged: it has no layer `{path}`")
        return self._layers[path]


_PACKED = (media_type.LAYER_GZIP, media_type.LAYER_ZSTD)


class _Chunks(io.RawIOBase):
    """Pieces as a file that is read once.

    Args:
        chunks: The pieces.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Give the next bytes; none at the end."""
        while not self._held:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._held = memoryview(chunk)
        size = min(len(buffer), len(self._held))
        buffer[:size] = self._held[:size]
        self._held = self._held[size:]
        return size


def _key(what: str, name: str) -> Digest:
    # What packs layers, and how, is in the key of an empty one.
    return digest_of(canonical((what, layer_key((), 0).hex, name)))


def _pieces(head: bytes, file: "IO[bytes]") -> Iterator[bytes]:
    yield head
    yield from _rest(file)


def _rest(file: "IO[bytes]") -> Iterator[bytes]:
    while piece := file.read(_CHUNK):
        yield piece


def _joined(folder: str, target: str) -> str:
    """Where a link leads within the archive."""
    names = folder.split("/") if folder else []
    for name in target.split("/"):
        if name == "..":
            names = names[:-1]
        elif name not in {"", "."}:
            names.append(name)
    return "/".join(names)
