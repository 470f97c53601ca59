"""Manifests and indexes as a registry gives them: whole, of a known kind, and the bytes that were asked for.

What a registry says of a document beside its bytes (its digest, its kind) must agree with them, or it is refused:
who believes a header builds upon something else than what was looked at.
"""

from collections.abc import Iterable

from runner.digest import Digest, digest_of
from runner.errors import RunError
from runner.image import media_type
from runner.image.descriptor import Descriptor
from runner.image.document import decode, text
from runner.registry.client import Registry
from runner.registry.refusal import shown
from runner.registry.transport import Answer

KINDS = (
    media_type.INDEX,
    media_type.MANIFEST,
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""What may stand behind a tag, in the order in which it is wished for."""
MOST_BYTES = 4 << 20
"""Of a document; the specification lets a registry refuse longer ones."""


def pull_scope(path: str) -> tuple[str, ...]:
    """What one needs to be allowed for to read from a repository."""
    return (f"repository:{path}:pull",)


def fetch_document(
    registry: Registry, path: str, wanted: str, scopes: tuple[str, ...], good: Iterable[int] = (200,)
) -> tuple[Descriptor, bytes] | None:
    """A manifest or an index; None if the registry has none and 404 is good.

    Args:
        registry: Who has it.
        path: The repository.
        wanted: A tag, or a digest as `sha256:…`.
        scopes: What it needs to be allowed.
        good: The statuses that are no refusal.

    Raises:
        RunError: It can't be had, or is not what it is said to be.
    """
    headers = {"Accept": ", ".join(KINDS)}
    url = f"{path}/manifests/{wanted}"
    what = f"`{path}` at `{wanted}`"
    answer, data = registry.fetch(url, scopes=scopes, good=good, headers=headers, most=MOST_BYTES, what=what)
    if answer.status != 200:
        return None
    digest = digest_of(data)
    if ":" in wanted and str(digest) != wanted:
        raise RunError(f"`{registry.name}` gives other bytes for {what}: {digest}")
    check_digest(registry, what, answer, digest)
    return Descriptor(_kind(registry, what, answer, data), digest), data


def check_digest(registry: Registry, what: str, answer: Answer, digest: Digest) -> None:
    """Say nothing if a response names this digest, or none.

    Raises:
        RunError: It names another one.
    """
    said = answer.header("Docker-Content-Digest")
    if said and said != str(digest):
        raise RunError(f"`{registry.name}` says that {what} is {shown(said)}, but it is {digest}")


def _kind(registry: Registry, what: str, answer: Answer, data: bytes) -> str:
    """What a document is, by its OCI name.

    Raises:
        RunError: It is of no kind that is known here, or of two kinds at once.
    """
    said = answer.header("Content-Type").partition(";")[0].strip()
    document = decode(data, f"{what} from `{registry.name}`")
    own = text(document, "mediaType", what)
    if "layers" in document and "manifests" in document:
        raise RunError(f"{what} from `{registry.name}` is an image and an index at once")
    if own and said in KINDS and said != own:
        raise RunError(f"`{registry.name}` says that {what} is `{said}`, but it is `{shown(own)}`")
    kind = own or said
    if kind not in KINDS:
        raise RunError(
            f"{what} from `{registry.name}` is no image: it is `{shown(kind or 'nothing that it says')}`",
            hint="an image or an index of OCI or Docker (version 2, schema 2) can be used",
        )
    return media_type.as_oci(kind)
