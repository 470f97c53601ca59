"""What is attached to an image, for registries that do not keep it by themselves.

Registries of version 1.1 of the specification list by themselves which manifests are about which. For the others
there is an index under a tag that is made of the digest they are about, and every client adds to it.
"""

from typing import Any

from runner.digest import digest_of
from runner.errors import RunError
from runner.image import media_type
from runner.image.descriptor import Descriptor
from runner.image.document import decode, encode, mapping, objects, text
from runner.registry.client import Registry
from runner.registry.documents import check_digest, fetch_document

_WHAT = "what is attached to an image"


def referrer_tag(digest: str) -> str:
    """The tag under which stands what is attached to a digest."""
    return digest.replace(":", "-")


def list_referrer(
    registry: Registry, path: str, scopes: tuple[str, ...], manifest: Descriptor, data: bytes
) -> None:
    """Add a manifest to the list of what is about its subject, unless it is there.

    Args:
        registry: Where.
        path: The repository.
        scopes: What it needs to be allowed.
        manifest: Points to the manifest.
        data: The manifest.

    Raises:
        RunError: The list can't be read or written, or the manifest is about nothing.
    """
    document = decode(data, _WHAT)
    subject = text(mapping(document, "subject", _WHAT), "digest", _WHAT)
    if not subject:
        raise RunError(f"{manifest.digest} is to be attached and does not say to what")
    tag = referrer_tag(subject)
    found = fetch_document(registry, path, tag, scopes, good=(200, 404))
    entries = []
    if found is not None:
        if found[0].media_type != media_type.INDEX:
            raise RunError(f"`{path}` at `{tag}` is no list of {_WHAT}")
        entries = list(objects(decode(found[1], _WHAT), "manifests", _WHAT))
    if any(entry.get("digest") == str(manifest.digest) for entry in entries):
        return
    entries.append(_entry(manifest, document))
    index = encode({"schemaVersion": 2, "mediaType": media_type.INDEX, "manifests": entries})
    with registry.request(
        "PUT",
        f"{path}/manifests/{tag}",
        scopes=scopes,
        good=(201,),
        headers={"Content-Type": media_type.INDEX},
        body=index,
    ) as answer:
        check_digest(registry, f"`{path}` at `{tag}`", answer, digest_of(index))


def _entry(manifest: Descriptor, document: dict[str, Any]) -> dict[str, Any]:
    """What the list says of a manifest: beside its digest its kind and annotations."""
    kind = text(document, "artifactType", _WHAT) or text(
        mapping(document, "config", _WHAT), "mediaType", _WHAT
    )
    out: dict[str, Any] = {
        "mediaType": manifest.media_type,
        "digest": str(manifest.digest),
        "size": manifest.digest.size,
    }
    if kind:
        out["artifactType"] = kind
    annotations = mapping(document, "annotations", _WHAT)
    if annotations:
        out["annotations"] = annotations
    return out
