"""Whether an image that was made before still stands whole in a layout.

This is asked at every run of an image task that is up to date, so it reads two small documents and looks at
the sizes of blobs, and loads none of the code that makes images.
"""

import os

from runner.digest import digest_of
from runner.model.codec import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

REFERENCE = "org.opencontainers.image.ref.name"
_KNOWN: "dict[str, Any]" = {}
"""The names in the index that was read last."""


def stands_whole(layout: str, references: tuple[str, ...], digest: str) -> bool:
    """Whether all names lead to the manifest or index of that digest, and all blobs are there with their sizes.

    Args:
        layout: The folder of the OCI layout.
        references: The names with tags; none for an image that an index is made of.
        digest: Hexadecimal digits of the manifest's or index's SHA-256.
    """
    try:
        names = _names(f"{layout}/index.json")
        if any(names.get(reference) != f"sha256:{digest}" for reference in references):
            return False
        return _is_whole(layout, digest)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # A layout that can't be understood is no image.
        return False


def _names(path: str) -> "Mapping[str, str]":
    """The names of an index and the digests that they lead to; read once for as long as it stays the same."""
    found = os.stat(path)
    # It is written anew and renamed, never changed where it is.
    seen = (path, found.st_ino, found.st_mtime_ns, found.st_size)
    if _KNOWN.get("seen") != seen:
        index = read_json(_read(path).decode())
        names = {
            entry["annotations"][REFERENCE]: entry["digest"]
            for entry in index["manifests"]
            if REFERENCE in entry.get("annotations", ())
        }
        _KNOWN.update(seen=seen, names=names)
    known: Mapping[str, str] = _KNOWN["names"]
    return known


def _is_whole(layout: str, digest: str) -> bool:
    """Whether a manifest, or an index with all that it lists, is there with all its blobs."""
    data = _read(f"{layout}/blobs/sha256/{digest}")
    document = read_json(data.decode())
    if digest_of(data).hex != digest:
        return False
    if "manifests" in document:
        return all(_is_whole(layout, one["digest"].removeprefix("sha256:")) for one in document["manifests"])
    return all(
        os.stat(f"{layout}/blobs/{blob['digest'].replace(':', '/')}").st_size == blob["size"]
        for blob in (document["config"], *document["layers"])
    )


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()
