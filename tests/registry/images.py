"""Images for the tests of registries: small, with files of random bytes, in a layout of pyrun's own."""

import gzip
import random
from typing import NamedTuple

from runner.digest import digest_of
from runner.image import media_type
from runner.image.descriptor import Descriptor
from runner.image.document import encode
from runner.image.index import Index
from runner.image.tar import file_entry, tar_chunks
from runner.plan.platform import Platform
from runner.registry.retry import Patience
from runner.store.oci_layout import OciLayout

AMD64 = Platform("linux", "amd64")
ARM64 = Platform("linux", "arm64")
HASTY = Patience(pause=0.001, longest_pause=0.004, read=20)
"""As often as ever, with hardly a pause."""


class Made(NamedTuple):
    """An image.

    Args:
        layout: Where it is.
        descriptor: Points to its manifest.
        layers: Its layers' bytes by digest.
    """

    layout: OciLayout
    descriptor: Descriptor
    layers: dict[str, bytes]


def make_image(
    folder: str,
    seed: int,
    sizes: tuple[int, ...] = (9000, 500, 1),
    *,
    platform: Platform = AMD64,
    base: str = "",
) -> Made:
    """An image with layers of these sizes; another one for each seed.

    Args:
        folder: The layout's.
        seed: What the bytes follow from.
        sizes: Bytes of the file in each layer.
        platform: What it says that it runs on.
        base: What it says that it stands on, or empty.
    """
    chance = random.Random(seed)
    layout = OciLayout.created(folder)
    layers = {}
    descriptors = []
    unpacked = []
    for number, size in enumerate(sizes):
        tar = b"".join(tar_chunks([file_entry(f"file{number}", chance.randbytes(size))], 0))
        data = gzip.compress(tar, 1, mtime=0)
        digest = layout.write((data,))
        layers[str(digest)] = data
        descriptors.append(Descriptor(media_type.LAYER_GZIP, digest))
        unpacked.append(str(digest_of(tar)))
    config = encode(
        {
            "architecture": platform.architecture,
            "os": platform.os,
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": unpacked},
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type.MANIFEST,
        "config": Descriptor(media_type.CONFIG, layout.write((config,))).document(),
        "layers": [one.document() for one in descriptors],
    }
    if base:
        manifest["annotations"] = {"org.opencontainers.image.base.name": base}
    data = encode(manifest)
    layout.write((data,))
    return Made(layout, Descriptor(media_type.MANIFEST, digest_of(data), (), platform), layers)


def make_index(layout: OciLayout, *images: Descriptor) -> Descriptor:
    """An index of images, in their layout."""
    data = Index(images).encode()
    return Descriptor(media_type.INDEX, layout.write((data,)))


def attach(layout: OciLayout, subject: Descriptor, kind: str, content: bytes) -> Descriptor:
    """A manifest that is about another one, with a blob of some kind."""
    empty = layout.write((b"{}",))
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type.MANIFEST,
        "artifactType": kind,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": str(empty), "size": 2},
        "layers": [Descriptor(kind, layout.write((content,))).document()],
        "subject": subject.document(),
        "annotations": {"org.example.about": "a test"},
    }
    data = encode(manifest)
    return Descriptor(media_type.MANIFEST, layout.write((data,)))
