"""Images of a registry whose digest is known, fetched as far as they are needed and once for all checkouts.

What stands in the store already is asked of nobody, so that an image that was used once needs no network.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from runner.digest import Digest
from runner.image import media_type
from runner.image.descriptor import Descriptor
from runner.image.document import decode, text
from runner.image.image_config import ImageConfig
from runner.image.manifest import Manifest
from runner.plan.platform import Platform
from runner.store.base_store import BaseStore, MissingBlobError
from runner.store.oci_layout import read_image


class Remote(Protocol):
    """A registry's image."""

    def resolve(self) -> Descriptor:
        """What its name stands for."""

    def read(self, descriptor: Descriptor) -> bytes:
        """The bytes of a document."""

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """A blob's bytes, piece by piece."""


class FetchedImages:
    """An image of a registry, or several of one name.

    Args:
        store: Where they are kept.
        hex: The digest of its manifest or index, as hexadecimal digits.
        open_remote: Gives the registry's image of that digest; called when something must be fetched.
        reference: The name by which anybody can get it.
        for_each: Does something with each of some blobs, several at once perhaps.
    """

    def __init__(
        self,
        store: BaseStore,
        hex: str,  # noqa: A002 - the word of a digest
        open_remote: Callable[[], Remote],
        reference: str,
        for_each: Callable[[Sequence[Digest], Callable[[Digest], None]], None],
    ) -> None:
        self.reference = reference
        self._for_each = for_each
        self._layers: tuple[Digest, ...] = ()
        self._store = store
        self._hex = hex
        self._open_remote = open_remote
        self._known: Remote | None = None

    def image(self, tag: str, platform: Platform) -> tuple[Descriptor, Manifest, ImageConfig]:
        """The image for a platform; looked at before it is given.

        Args:
            tag: Not looked at: the digest says it.
            platform: What it is to run on, where there are several.

        Raises:
            RunError: There is none, or it is broken, or the registry does not give it.
        """
        del tag
        data = self._store.document(self._hex)
        if data is None:
            entry = self._remote.resolve()
            self.read(entry)
        else:
            entry = _described(data, self._hex)
        found = read_image(entry, platform, self.read)
        self._layers = tuple(dict.fromkeys(layer.digest for layer in found[1].layers))
        return found

    def read(self, descriptor: Descriptor) -> bytes:
        """The bytes of a document.

        Raises:
            RunError: The registry does not give it.
        """
        try:
            return self._store.read(descriptor)
        except MissingBlobError:
            data = self._remote.read(descriptor)
            self._store.write((data,))
            return data

    def blob_path(self, digest: Digest) -> str:
        """The file that is a blob, fetched if it must be, and with a layer all those that are missing, too.

        Raises:
            RunError: The registry does not give it.
        """
        path = self._store.path(digest)
        if not path:
            remote = self._remote
            wanted = self._layers if digest in self._layers else (digest,)
            missing = [one for one in wanted if not self._store.path(one)]
            self._for_each(missing, lambda one: self._keep(remote, one))
            path = self._store.path(digest)
        return path

    def _keep(self, remote: Remote, digest: Digest) -> None:
        self._store.write(remote.chunks(digest))

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """A blob's bytes, piece by piece.

        Raises:
            RunError: The registry does not give it.
        """
        self.blob_path(digest)
        return self._store.chunks(digest)

    @property
    def _remote(self) -> Remote:
        if self._known is None:
            self._known = self._open_remote()
        return self._known


def _described(data: bytes, hex: str) -> Descriptor:  # noqa: A002 - the word of a digest
    """The descriptor of a document that says itself what it is."""
    what = "an image"
    document = decode(data, what)
    usual = media_type.INDEX if "manifests" in document else media_type.MANIFEST
    kind = media_type.as_oci(text(document, "mediaType", what) or usual)
    return Descriptor(kind, Digest(hex, len(data)))
