"""Whether an image that was made before still stands whole in a layout.

This is asked at every run of an image task that is up to date, so it reads two small documents and looks at
the sizes of blobs, and loads none of the code that makes images.
"""

import os

from runner.digest import digest_of
from runner.model.codec import read_json

_REFERENCE = "org.opencontainers.image.ref.name"


def stands_whole(layout: str, references: tuple[str, ...], digest: str) -> bool:
    """Whether all names lead to the manifest of that digest, and all its blobs are there with their sizes.

    Args:
        layout: The folder of the OCI layout.
        references: The names with tags.
        digest: Hexadecimal digits of the manifest's SHA-256.
    """
    try:
        index = read_json(_read(f"{layout}/index.json").decode())
        names = {
            entry["annotations"][_REFERENCE]: entry["digest"]
            for entry in index["manifests"]
            if _REFERENCE in entry.get("annotations", ())
        }
        if any(names.get(reference) != f"sha256:{digest}" for reference in references):
            return False
        data = _read(f"{layout}/blobs/sha256/{digest}")
        manifest = read_json(data.decode())
        return digest_of(data).hex == digest and all(
            os.stat(f"{layout}/blobs/{blob['digest'].replace(':', '/')}").st_size == blob["size"]
            for blob in (manifest["config"], *manifest["layers"])
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # A layout that can't be understood is no image.
        return False


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()
