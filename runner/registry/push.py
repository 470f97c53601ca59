"""An image, or an index with its images, into a repository.

First all blobs, several at once; then the manifests by digest, those of an index before the index; then what is
attached to them; the tags at the very end. So a tag never names something of which a part is missing, wherever the
push is broken off. What the registry has is not sent again.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from runner.digest import Digest
from runner.errors import PlanError, RunError
from runner.image import media_type
from runner.image.descriptor import Descriptor
from runner.image.document import decode, mapping, text
from runner.image.index import parse_index
from runner.image.manifest import parse_manifest
from runner.image.reference import parse_source
from runner.registry.client import Registry
from runner.registry.documents import check_digest
from runner.registry.referrers import list_referrer
from runner.registry.side_by_side import for_each
from runner.registry.upload import MOUNTED, SENT, THERE, Upload

_THREADS = 5
BASE_NAME = "org.opencontainers.image.base.name"
"""The annotation by which an image says what it stands on, whose blobs its registry has."""

Progress = Callable[[int, int], None]
"""Told how many bytes of how many are there, in the thread that pushes."""


class Blobs(Protocol):
    """What an image is read from."""

    def read(self, descriptor: Descriptor) -> bytes:
        """The bytes of a document."""

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """A blob's bytes, piece by piece."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push has done.

    Args:
        sent: Bytes of the blobs that were sent.
        blobs: How many blobs were sent.
        mounted: How many the registry has taken from another repository.
        there: How many it had.
        tags: How many tags were moved, or made.
    """

    sent: int = 0
    blobs: int = 0
    mounted: int = 0
    there: int = 0
    tags: int = 0


def push_scopes(path: str, sources: Sequence[str] = ()) -> tuple[str, ...]:
    """What one needs to be allowed for to write into a repository and to take blobs from others."""
    others = sorted(set(sources) - {path})
    return (f"repository:{path}:pull,push", *(f"repository:{other}:pull" for other in others))


class Push:
    """One push into one repository.

    Args:
        registry: Where to.
        path: The repository.
        blobs: What is read from. Blobs that the registry has are not asked for.
        beside: Another repository of the registry that may have some of the blobs, or empty.
        progress: Told how far it is.
    """

    def __init__(
        self,
        registry: Registry,
        path: str,
        blobs: Blobs,
        beside: str = "",
        progress: Progress | None = None,
    ) -> None:
        self._registry = registry
        self._path = path
        self._blobs = blobs
        self._beside = beside
        self._mounts: dict[str, str] = {}
        self._scopes = push_scopes(path)
        self._progress = progress
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._done = 0
        self._total = 0
        self._ways: list[tuple[str, int]] = []

    def run(self, image: Descriptor, tags: Sequence[str], attached: Sequence[Descriptor] = ()) -> Pushed:
        """Bring an image there and let the tags name it.

        Args:
            image: Its manifest, or an index.
            tags: The tags; all together cost one upload.
            attached: Manifests with a `subject`, which are found by what they are about.

        Raises:
            RunError: The registry does not take it. Then no tag is moved that was not moved already.
        """
        missing = [tag for tag in tags if not self._has(tag, image)]
        # What was broken off has not come to its tags, and perhaps not to the list of what is attached.
        new = [one for one in attached if missing or not self._has(str(one.digest), one)]
        if not missing and not new:
            return Pushed()
        if not self._has(str(image.digest), image):
            self._bring([image])
        self._bring(new, attached=True)
        for tag in missing:
            self._put(tag, image, self._blobs.read(image))
        ways = [way for way, _ in self._ways]
        sent = sum(size for way, size in self._ways if way == SENT)
        return Pushed(sent, ways.count(SENT), ways.count(MOUNTED), ways.count(THERE), len(missing))

    def _bring(self, heads: Sequence[Descriptor], *, attached: bool = False) -> None:
        """Bring manifests there with all that they need, deepest first."""
        manifests: dict[str, tuple[Descriptor, bytes]] = {}
        blobs: dict[str, Digest] = {}
        for head in heads:
            self._collect(head, manifests, blobs)
        # What takes longest begins first.
        order = sorted(blobs.values(), key=lambda digest: -digest.size)
        self._total += sum(digest.size for digest in order)
        for_each(order, self._upload, _THREADS, self._over.set, self._look)
        self._look()
        for manifest, data in manifests.values():
            kept = self._put(str(manifest.digest), manifest, data)
            if attached and not kept:
                list_referrer(self._registry, self._path, self._scopes, manifest, data)

    def _collect(
        self, head: Descriptor, manifests: dict[str, tuple[Descriptor, bytes]], blobs: dict[str, Digest]
    ) -> None:
        if head.digest.hex in manifests:
            return
        data = self._blobs.read(head)
        if head.media_type == media_type.INDEX:
            for entry in parse_index(data).manifests:
                self._collect(entry, manifests, blobs)
        elif head.media_type == media_type.MANIFEST:
            found = {blob.digest.hex: blob.digest for blob in parse_manifest(data).blobs()}
            blobs |= found
            self._mounts |= dict.fromkeys(found, self._beside or self._base(data))
        else:
            raise RunError(f"{head.digest} is no image that can be pushed: it is {head.media_type}")
        # Behind what it lists.
        manifests[head.digest.hex] = (head, data)

    def _base(self, manifest: bytes) -> str:
        """The repository of this registry that has the image which a manifest says it stands on, or empty."""
        what = "the manifest"
        name = text(mapping(decode(manifest, what), "annotations", what), BASE_NAME, what)
        try:
            base = parse_source(name)
        except PlanError:
            return ""
        return base.path if base.registry == self._registry.name and base.path != self._path else ""

    def _upload(self, digest: Digest) -> None:
        mount = self._mounts.get(digest.hex, "")
        upload = Upload(
            self._registry, self._path, self._scopes, digest, self._blobs.chunks, self._count, self._over
        )
        way = upload.run(mount, push_scopes(self._path, [mount]) if mount else ())
        with self._lock:
            self._ways.append((way, digest.size))

    def _count(self, size: int) -> None:
        with self._lock:
            self._done += size

    def _look(self) -> None:
        if self._progress is not None:
            self._progress(self._done, self._total)

    def _has(self, name: str, descriptor: Descriptor) -> bool:
        """Whether a tag or a digest leads to this manifest already."""
        url = f"{self._path}/manifests/{name}"
        headers = {"Accept": descriptor.media_type}
        with self._registry.request(
            "HEAD", url, scopes=self._scopes, good=(200, 404), headers=headers
        ) as answer:
            return answer.status == 200 and answer.header("Docker-Content-Digest") == str(descriptor.digest)

    def _put(self, name: str, descriptor: Descriptor, data: bytes) -> bool:
        """Give a manifest its digest or a tag as name; whether the registry keeps what it is about."""
        url = f"{self._path}/manifests/{name}"
        # Where a manifest says itself what it is, that is what it must be sent as.
        kind = text(decode(data, "the manifest"), "mediaType", "the manifest") or descriptor.media_type
        headers = {"Content-Type": kind}
        with self._registry.request(
            "PUT", url, scopes=self._scopes, good=(201,), headers=headers, body=data
        ) as answer:
            check_digest(self._registry, f"`{self._path}` at `{name}`", answer, descriptor.digest)
            return bool(answer.header("OCI-Subject"))
