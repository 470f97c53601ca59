"""What goes with an image and is no part of it: a document about it, in a manifest that says which image that is.

So the OCI image specification 1.1 has it: a manifest with `subject`, whose one layer is the document. The image
stays as it is, digest and all; who asks a registry what is about it is told these.
"""

from dataclasses import dataclass

from runner.digest import Digest, digest_of
from runner.image import media_type
from runner.image.descriptor import Descriptor
from runner.image.document import encode

SBOM = "application/vnd.cyclonedx+json"
"""The media type of a bill of materials in CycloneDX's JSON."""
STATEMENT = "application/vnd.in-toto+json"
"""The media type of a statement as in-toto has them, of which provenance is one kind."""
PREDICATE = "in-toto.io/predicate-type"
"""The annotation that says what a statement states, for those who choose without reading it."""
_EMPTY = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"
"""What stands where an image has its config."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document about an image.

    Args:
        kind: Its media type.
        data: The document.
        annotations: What the manifest says of it: names and texts.
    """

    kind: str
    data: bytes
    annotations: tuple[tuple[str, str], ...] = ()

    def manifest(self, subject: Descriptor) -> tuple[Descriptor, bytes]:
        """The manifest that says what the document is about, and what points to it."""
        document = Descriptor(self.kind, digest_of(self.data))
        out = {
            "schemaVersion": 2,
            "mediaType": media_type.MANIFEST,
            "artifactType": self.kind,
            "config": Descriptor(_EMPTY, digest_of(EMPTY)).document(),
            "layers": [document.document()],
            "subject": Descriptor(subject.media_type, subject.digest).document(),
        }
        if self.annotations:
            out["annotations"] = dict(self.annotations)
        data = encode(out)
        return Descriptor(media_type.MANIFEST, digest_of(data), self.annotations, artifact=self.kind), data


def subject_of(manifest: dict[str, object]) -> str:
    """The digest of what a manifest is about, as `sha256:…`; empty if it is about nothing."""
    subject = manifest.get("subject")
    found = subject.get("digest") if isinstance(subject, dict) else None
    return found if isinstance(found, str) and found.startswith(f"{Digest.algorithm}:") else ""
