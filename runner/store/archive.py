"""An image as one tar archive that both kinds of reader accept.

It is an OCI layout and what `docker save` writes at once: `index.json` and `manifest.json` lead to the same
blobs, each of which stands in it once, behind the documents that name them.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from runner.digest import Digest
from runner.image import tar
from runner.image.descriptor import Descriptor
from runner.image.document import encode
from runner.image.index import Index
from runner.image.manifest import Manifest
from runner.image.media_type import LAYER_ZSTD
from runner.image.reference import Reference
from runner.image.unpacked import unpacked
from runner.store.oci_layout import MARKER, named
from runner.store.whole_file import new_file, rename


def archive_chunks(
    references: Sequence[Reference],
    descriptor: Descriptor,
    manifest: Manifest,
    blob: Callable[[Digest], Iterable[bytes]],
    attached: Sequence[tuple[Descriptor, Manifest]] = (),
    listed: Sequence[tuple[Descriptor, Manifest]] = (),
) -> Iterator[bytes]:
    """An archive's bytes, piece by piece; the same for the same image and names.

    Args:
        references: The names a reader gives the image.
        descriptor: Points to the manifest, or to an index.
        manifest: The manifest; with an index that of the one image that is for readers who know none.
        blob: Gives a blob's bytes.
        attached: Manifests about the image, which only readers of an OCI layout see.
        listed: The images that the index lists.
    """
    images = [
        {
            "Config": _path(manifest.config.digest),
            "RepoTags": [str(reference) for reference in references],
            "Layers": [_path(layer.digest) for layer in manifest.layers],
        }
    ]
    blobs = {entry.digest.hex: entry.digest for entry in (descriptor, *manifest.blobs())}
    for head, document in (*attached, *listed):
        blobs |= {entry.digest.hex: entry.digest for entry in (head, *document.blobs())}
    heads = (*named(references, descriptor), *(about for about, _ in attached))
    entries = [
        tar.file_entry("oci-layout", MARKER),
        tar.file_entry("index.json", Index(heads).encode()),
        tar.file_entry("manifest.json", encode(images)),
        tar.Entry("blobs", tar.FOLDER, 0o755),
        tar.Entry("blobs/sha256", tar.FOLDER, 0o755),
        *(_blob_entry(digest, blob) for _, digest in sorted(blobs.items())),
    ]
    return tar.tar_chunks(entries, 0)


def plain_archive_chunks(
    references: Sequence[Reference], manifest: Manifest, blob: Callable[[Digest], Iterable[bytes]]
) -> Iterator[bytes]:
    """The bytes of an archive for engines that know no zstd: as `docker save` writes one, such layers unpacked.

    Args:
        references: The names a reader gives the image.
        manifest: The manifest.
        blob: Gives a blob's bytes.
    """
    layers = []
    for number, layer in enumerate(manifest.layers):
        if layer.media_type == LAYER_ZSTD:
            layers.append(_unpacked_entry(f"{number}/layer.tar", layer, blob))
        else:
            layers.append(_blob_entry(layer.digest, blob, f"{number}/layer.tar"))
    config = _blob_entry(manifest.config.digest, blob, "config.json")
    names = [str(reference) for reference in references]
    images = [{"Config": config.path, "RepoTags": names, "Layers": [layer.path for layer in layers]}]
    return tar.tar_chunks([tar.file_entry("manifest.json", encode(images)), config, *layers], 0)


def save(path: str, chunks: Iterable[bytes]) -> int:
    """Writes a file whole or not at all, with its folder if that is missing; says how many bytes."""
    folder, name = os.path.split(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with new_file(folder, f".{name}.") as file:
        file.writelines(chunks)
        rename(file, path)
        return file.tell()


def _path(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _blob_entry(digest: Digest, blob: Callable[[Digest], Iterable[bytes]], path: str = "") -> tar.Entry:
    return tar.Entry(path or _path(digest), size=digest.size, content=lambda: blob(digest))


def _unpacked_entry(path: str, layer: Descriptor, blob: Callable[[Digest], Iterable[bytes]]) -> tar.Entry:
    # How long it is stands in front of it, so it is unpacked twice.
    size = sum(len(piece) for piece in unpacked(layer.media_type, blob(layer.digest)))
    return tar.Entry(path, size=size, content=lambda: unpacked(layer.media_type, blob(layer.digest)))
