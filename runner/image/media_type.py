"""Media types of the documents and layers of an image.

Images are written with the OCI names only. Docker's own names for the same bytes are known, because base
images carry them.
"""

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"

_DOCKER = {
    "application/vnd.docker.distribution.manifest.list.v2+json": INDEX,
    "application/vnd.docker.distribution.manifest.v2+json": MANIFEST,
    "application/vnd.docker.container.image.v1+json": CONFIG,
    "application/vnd.docker.image.rootfs.diff.tar": LAYER,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": LAYER_GZIP,
}

LAYERS = frozenset((LAYER, LAYER_GZIP, LAYER_ZSTD))


def as_oci(media_type: str) -> str:
    """The OCI name of what Docker names otherwise; any other media type as it is."""
    return _DOCKER.get(media_type, media_type)
