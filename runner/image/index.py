"""The index: several images, of a layout's folder or of one name for several platforms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.errors import RunError
from runner.image import media_type
from runner.image.descriptor import Descriptor, parse_descriptor
from runner.image.document import decode, encode, mapping, objects, text
from runner.plan.platform import Platform

_WHAT = "the image index"


@dataclass(frozen=True, slots=True)
class Index:
    """An index.

    Args:
        manifests: What it lists, in order.
        annotations: Names and texts, written in the order of their names.
    """

    manifests: tuple[Descriptor, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        """The document's bytes, the same for equal indexes."""
        manifests = [descriptor.document() for descriptor in self.manifests]
        out: dict[str, Any] = {"schemaVersion": 2, "mediaType": media_type.INDEX, "manifests": manifests}
        if self.annotations:
            out["annotations"] = dict(sorted(self.annotations))
        return encode(out)


def parse_index(data: bytes) -> Index:
    """The index in these bytes, OCI's or Docker's.

    Raises:
        RunError: They hold none.
    """
    document = decode(data, _WHAT)
    if document.get("schemaVersion") != 2:
        raise RunError(f"{_WHAT} is of a version that is not known here", hint="`schemaVersion` 2")
    manifests = objects(document, "manifests", _WHAT)
    annotations = mapping(document, "annotations", _WHAT)
    return Index(
        tuple(parse_descriptor(manifest, _WHAT) for manifest in manifests),
        tuple((name, text(annotations, name, _WHAT)) for name in annotations),
    )


def for_platform(manifests: Sequence[Descriptor], platform: Platform) -> Descriptor:
    """The entry of an index that runs on a platform, the one of the same variant if there are several.

    Raises:
        RunError: None does.
    """
    fitting = [
        found
        for found in manifests
        if found.platform
        and (found.platform.os, found.platform.architecture) == (platform.os, platform.architecture)
    ]
    for found in fitting:
        if found.platform == platform:
            return found
    if fitting and not platform.variant:
        return fitting[0]
    there = ", ".join(dict.fromkeys(str(found.platform) for found in manifests if found.platform))
    raise RunError(f"the base has nothing for {platform}", hint=f"it has: {there}" if there else "")
