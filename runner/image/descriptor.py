"""A descriptor: what some bytes are, and their digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.digest import Digest
from runner.errors import RunError
from runner.image.document import mapping, parse_digest, text
from runner.image.media_type import as_oci
from runner.plan.platform import Platform

REFERENCE = "org.opencontainers.image.ref.name"
"""The annotation by which a layout's index names an image."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Points to a blob.

    Args:
        media_type: What it is, by its OCI name.
        digest: Its digest and size.
        annotations: Names and texts, in the order written.
        platform: What it runs on, where an index says so.
        artifact: What is attached to an image by a manifest that is no image itself, as a media type; or empty.
    """

    media_type: str
    digest: Digest
    annotations: tuple[tuple[str, str], ...] = ()
    platform: Platform | None = None
    artifact: str = ""

    def annotation(self, name: str) -> str:
        """The text of an annotation, or empty."""
        return dict(self.annotations).get(name, "")

    def document(self) -> dict[str, Any]:
        """The descriptor as an OCI document holds it."""
        out: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.digest.size,
        }
        if self.annotations:
            out["annotations"] = dict(self.annotations)
        if self.platform is not None:
            out["platform"] = platform_document(self.platform)
        if self.artifact:
            out["artifactType"] = self.artifact
        return out


def parse_descriptor(document: Mapping[str, Any], what: str) -> Descriptor:
    """The descriptor in a document; `what` names that document in errors.

    Docker's media types become their OCI names. Fields that pyrun does not use are dropped.

    Raises:
        RunError: It is no descriptor.
    """
    size = document.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise RunError(f"a descriptor in {what} has no size")
    annotations = mapping(document, "annotations", what)
    platform = mapping(document, "platform", what)
    return Descriptor(
        as_oci(text(document, "mediaType", what)),
        parse_digest(text(document, "digest", what), size, what),
        tuple((name, text(annotations, name, what)) for name in annotations),
        parse_platform(platform, what) if platform else None,
        text(document, "artifactType", what),
    )


def parse_platform(document: Mapping[str, Any], what: str) -> Platform:
    """The platform in an index entry or at the head of an image config."""
    return Platform(
        text(document, "os", what), text(document, "architecture", what), text(document, "variant", what)
    )


def platform_document(platform: Platform) -> dict[str, Any]:
    """The platform as OCI documents hold it."""
    out = {"architecture": platform.architecture, "os": platform.os}
    if platform.variant:
        out["variant"] = platform.variant
    return out
