"""Images out of an archive: an OCI layout in a tar, or what `docker save` writes, found out by what is in it.

An archive comes as a stream, from a file or from an engine, and is read once from its beginning to its end. What
it says of itself stands anywhere in it, often last; so every large file of it becomes a blob of the store at once,
and the small ones that may be documents are kept in mind.

The images of an OCI layout stay what they are, digest by digest. What `docker save` writes gets a manifest here,
and its layers, which stand there as bare tars, are packed as layers of our own are: else whoever pulls the image
would have to fetch several times as much. What a tar was packed into is remembered for the next one that has it.
"""

import bz2
import io
import lzma
import posixpath
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from runner.digest import Digest
from runner.errors import RunError
from runner.image import media_type
from runner.image.base_tree import Pieces
from runner.image.descriptor import REFERENCE, Descriptor, parse_descriptor
from runner.image.document import decode, encode, mapping, text, texts
from runner.image.image_config import parse_config
from runner.image.index import parse_index
from runner.image.layer import packed
from runner.image.manifest import Manifest, parse_manifest
from runner.image.unpacked import packing, unpacked
from runner.store.base_store import PACKED, BaseStore
from runner.store.oci_layout import FULL_NAME
from runner.system.ahead import ahead

_DOCUMENT = 8 << 20
"""Bytes: what is longer is no document."""
_CHUNK = 1 << 20
_WHAT = "the archive"
_HUB = ("docker.io/library/", "docker.io/")


@dataclass(frozen=True, slots=True)
class _Blob:
    """A file of an archive that stands in the store."""

    digest: Digest
    media: str


def read_archive(chunks: Iterable[bytes], store: BaseStore, where: str) -> tuple[Descriptor, ...]:
    """Puts all that an archive holds into a store; what images it holds, with their names.

    Args:
        chunks: The archive's bytes. It may be compressed, by gzip, zstd, bzip2 or xz.
        store: Where its blobs go.
        where: What it is called, in errors.

    Raises:
        RunError: It is no archive of images, or damaged.
    """
    archive = _Archive(store, where)
    try:
        source = io.BufferedReader(Pieces(_plain(iter(chunks))), 1 << 16)
        with tarfile.open(fileobj=source, mode="r|", encoding="utf-8") as tar:
            for member in tar:
                tar.members = []  # type: ignore[attr-defined]
                archive.take(member, tar)
    except (tarfile.TarError, EOFError, OSError, lzma.LZMAError) as error:
        raise RunError(f"`{where}` is no archive that can be read: {error}", hint=_WANTED) from None
    except RunError as error:
        raise RunError(f"`{where}`: {error.message}", error.at, error.hint) from None
    return archive.images()


_WANTED = "what `skopeo copy docker://NAME oci-archive:FILE` or `docker save NAME` writes"


class _Archive:
    """An archive being read."""

    def __init__(self, store: BaseStore, where: str) -> None:
        self._store = store
        self._where = where
        self._documents: dict[str, bytes] = {}
        self._blobs: dict[str, _Blob] = {}
        self._links: dict[str, str] = {}

    def take(self, member: tarfile.TarInfo, tar: tarfile.TarFile) -> None:
        """Takes in one file."""
        name = posixpath.normpath(f"/{member.name}")[1:]
        if member.issym():
            # Old engines write a layer that stands there twice once, and a link to it.
            self._links[name] = posixpath.normpath(f"/{posixpath.dirname(name)}/{member.linkname}")[1:]
        elif member.islnk():
            self._links[name] = posixpath.normpath(f"/{member.linkname}")[1:]
        if not member.isreg():
            return
        file = tar.extractfile(member)
        assert file is not None
        head = file.read(min(member.size, _CHUNK))
        if member.size <= _DOCUMENT and head[:1] in {b"{", b"["}:
            head += file.read()
            self._documents[name] = head
            if not name.startswith("blobs/"):
                return
        digest = self._store.write(_behind(head, iter(lambda: file.read(_CHUNK), b"")))
        if name.startswith("blobs/sha256/") and name.rpartition("/")[2] != digest.hex:
            raise RunError(f"`{name}` is damaged: its bytes are {digest}")
        self._blobs[name] = _Blob(digest, packing(head))

    def images(self) -> tuple[Descriptor, ...]:
        """What images there are."""
        listed = self._documents.get("manifest.json")
        if "index.json" in self._documents and "oci-layout" in self._documents:
            entries = parse_index(self._documents["index.json"]).manifests
            entries = tuple(entry for entry in entries if _path(entry.digest) in self._documents)
            return tuple(self._named(self._packed(entry) if listed else entry) for entry in entries)
        if listed is None:
            raise RunError(
                f"`{self._where}` holds no image: neither an `index.json` nor a `manifest.json` is in it",
                hint=_WANTED,
            )
        found: list[Descriptor] = []
        for image in _objects(listed):
            found += self._saved(image)
        return tuple(found)

    def _named(self, entry: Descriptor) -> Descriptor:
        """An entry by the name that users know, where the index has only parts of it."""
        full = entry.annotation(FULL_NAME)
        if not full:
            return entry
        for prefix in _HUB:
            full = full.removeprefix(prefix)
        return Descriptor(entry.media_type, entry.digest, ((REFERENCE, full),), entry.platform)

    def _packed(self, entry: Descriptor) -> Descriptor:
        """An entry of what an engine has written, bare layers packed."""
        if entry.media_type != media_type.MANIFEST:
            return entry
        manifest = parse_manifest(self._documents[_path(entry.digest)])
        blobs = [self._blobs.get(_path(layer.digest)) for layer in manifest.layers]
        if not any(blob and blob.media == media_type.LAYER for blob in blobs):
            return entry
        layers = tuple(
            layer if blob is None else self._layer(blob, layer.digest)
            for layer, blob in zip(manifest.layers, blobs, strict=True)
        )
        data = Manifest(manifest.config, layers, manifest.annotations).encode()
        return Descriptor(media_type.MANIFEST, self._store.write((data,)), entry.annotations, entry.platform)

    def _saved(self, image: dict[str, Any]) -> Iterator[Descriptor]:
        """The image that an entry of `manifest.json` tells of, once for each of its names."""
        data = self._documents.get(self._place(text(image, "Config", _WHAT)))
        if data is None:
            raise RunError(f"`{self._where}` lacks the config of an image, of which it tells")
        config = parse_config(data)
        names = texts(image, "Layers", _WHAT)
        if len(names) != len(config.diff_ids):
            raise RunError(
                f"`{self._where}` is broken: it has {len(names)} layers, and its config tells of "
                f"{len(config.diff_ids)}"
            )
        layers = []
        for name, diff_id in zip(names, config.diff_ids, strict=True):
            blob = self._blobs.get(self._place(name))
            if blob is None:
                raise RunError(f"`{self._where}` lacks the layer `{name}`, of which it tells")
            layers.append(self._layer(blob, diff_id))
        descriptor = Descriptor(media_type.CONFIG, self._store.write((data,)))
        written = Manifest(descriptor, tuple(layers)).encode()
        entry = Descriptor(media_type.MANIFEST, self._store.write((written,)))
        for name in texts(image, "RepoTags", _WHAT) or ("",):
            annotations = ((REFERENCE, name),) if name else ()
            yield Descriptor(entry.media_type, entry.digest, annotations)

    def _layer(self, blob: _Blob, diff_id: Digest) -> Descriptor:
        """A layer that a config tells of, packed; that it is the one is found out."""
        if blob.media != media_type.LAYER:
            found = _digest(unpacked(blob.media, self._store.chunks(blob.digest)))
            self._check(found, diff_id)
            return Descriptor(blob.media, blob.digest)
        self._check(blob.digest, diff_id)
        known = self._store.recorded(PACKED, diff_id.hex)
        if known is not None:
            descriptor = parse_descriptor(decode(known, _WHAT), _WHAT)
            if self._store.path(descriptor.digest):
                self._store.drop(blob.digest)
                return descriptor
        digest = self._store.write(packed(self._store.chunks(blob.digest), each=ahead))
        descriptor = Descriptor(media_type.LAYER_GZIP, digest)
        self._store.record(PACKED, diff_id.hex, encode(descriptor.document()))
        self._store.drop(blob.digest)
        return descriptor

    def _check(self, found: Digest, diff_id: Digest) -> None:
        if found.hex != diff_id.hex:
            raise RunError(f"`{self._where}` is damaged: a layer is {found}, where {diff_id} is told of")

    def _place(self, name: str) -> str:
        """Where a file stands that may be a link."""
        name = posixpath.normpath(f"/{name}")[1:]
        for _ in range(len(self._links)):
            if name not in self._links:
                break
            name = self._links[name]
        return name


def encode_entries(entries: Sequence[Descriptor]) -> list[dict[str, Any]]:
    """What an archive holds, to be remembered as JSON."""
    return [entry.document() for entry in entries]


def parse_entries(document: dict[str, Any]) -> tuple[Descriptor, ...]:
    """What `encode_entries` gave, under `entries` of a document.

    Raises:
        RunError: It is something else.
    """
    found = document.get("entries")
    if not isinstance(found, list):
        raise RunError(f"a record of {_WHAT} is damaged")
    return tuple(parse_descriptor(mapping({"entry": entry}, "entry", _WHAT), _WHAT) for entry in found)


def _objects(data: bytes) -> list[dict[str, Any]]:
    found = decode(b'{"images":%b}' % data, "`manifest.json`")["images"]
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise RunError("`manifest.json` of the archive is no list of images")
    return found


def _path(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _digest(chunks: Iterable[bytes]) -> Digest:
    import hashlib  # noqa: PLC0415 - few archives have packed layers that nothing else vouches for

    found, size = hashlib.sha256(), 0
    for chunk in chunks:
        found.update(chunk)
        size += len(chunk)
    return Digest(found.hexdigest(), size)


def _behind(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def _plain(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes of an archive, whatever packs all of it."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= 6:
            break
    whole = _behind(head, chunks)
    if head.startswith(b"BZh"):
        return _by(bz2.BZ2Decompressor, whole)
    if head.startswith(b"\xfd7zXZ\0"):
        return _by(lzma.LZMADecompressor, whole)
    return unpacked(packing(head), whole)


def _by(
    open_unpacker: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor], chunks: Iterator[bytes]
) -> Iterator[bytes]:
    unpacker = open_unpacker()
    for chunk in chunks:
        rest = chunk
        while rest or not (unpacker.needs_input or unpacker.eof):
            if unpacker.eof:
                unpacker = open_unpacker()
            yield unpacker.decompress(rest, _CHUNK)
            rest = unpacker.unused_data if unpacker.eof else b""
    if not unpacker.eof:
        raise EOFError("it ends too early")
