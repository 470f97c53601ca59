"""The manifest: an image's config and layers, by digest."""

from dataclasses import dataclass
from typing import Any

from runner.errors import RunError
from runner.image import media_type
from runner.image.descriptor import Descriptor, parse_descriptor
from runner.image.document import decode, encode, mapping, objects, text

_WHAT = "the image manifest"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest of one image for one platform.

    Args:
        config: The image config.
        layers: Lowest first.
        annotations: Names and texts, written in the order of their names.
    """

    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        """The document's bytes, the same for equal manifests."""
        out: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": media_type.MANIFEST,
            "config": self.config.document(),
            "layers": [layer.document() for layer in self.layers],
        }
        if self.annotations:
            out["annotations"] = dict(sorted(self.annotations))
        return encode(out)

    def blobs(self) -> tuple[Descriptor, ...]:
        """All that the manifest points to."""
        return (self.config, *self.layers)


def parse_manifest(data: bytes) -> Manifest:
    """The manifest in these bytes, OCI's or Docker's.

    Raises:
        RunError: They hold none.
    """
    document = decode(data, _WHAT)
    kind = media_type.as_oci(text(document, "mediaType", _WHAT) or media_type.MANIFEST)
    config = mapping(document, "config", _WHAT)
    if document.get("schemaVersion") != 2 or kind != media_type.MANIFEST or not config:
        raise RunError(
            f"{_WHAT} is of a kind that is not known here: {kind}", hint="an OCI or Docker v2 image"
        )
    layers = objects(document, "layers", _WHAT)
    annotations = mapping(document, "annotations", _WHAT)
    return Manifest(
        parse_descriptor(config, _WHAT),
        tuple(parse_descriptor(layer, _WHAT) for layer in layers),
        tuple((name, text(annotations, name, _WHAT)) for name in annotations),
    )
