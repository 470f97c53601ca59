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
from runner.image.reference import Reference
from runner.store.oci_layout import MARKER, named
from runner.store.whole_file import new_file, rename


def archive_chunks(
    references: Sequence[Reference],
    descriptor: Descriptor,
    manifest: Manifest,
    blob: Callable[[Digest], Iterable[bytes]],
) -> Iterator[bytes]:
    """An archive's bytes, piece by piece; the same for the same image and names.

    Args:
        references: The names a reader gives the image.
        descriptor: Points to the manifest.
        manifest: The manifest.
        blob: Gives a blob's bytes.
    """
    images = [
        {
            "Config": _path(manifest.config.digest),
            "RepoTags": [str(reference) for reference in references],
            "Layers": [_path(layer.digest) for layer in manifest.layers],
        }
    ]
    blobs = {entry.digest.hex: entry.digest for entry in (descriptor, *manifest.blobs())}
    entries = [
        tar.file_entry("oci-layout", MARKER),
        tar.file_entry("index.json", Index(named(references, descriptor)).encode()),
        tar.file_entry("manifest.json", encode(images)),
        tar.Entry("blobs", tar.FOLDER, 0o755),
        tar.Entry("blobs/sha256", tar.FOLDER, 0o755),
        *(_blob_entry(digest, blob) for _, digest in sorted(blobs.items())),
    ]
    return tar.tar_chunks(entries, 0)


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


def _blob_entry(digest: Digest, blob: Callable[[Digest], Iterable[bytes]]) -> tar.Entry:
    return tar.Entry(_path(digest), size=digest.size, content=lambda: blob(digest))
