"""What is kept of images that others stand on or copy from: once for all checkouts of a user.

It is in the store of blobs. Their manifests, configs and layers are blobs like all others, under their digests,
and become blobs of a project's layout as other names of the same files. Beside them, in its folder `bases`:

- `trees/HEX`, what is in the image whose manifest has that digest; see `runner.image.base_tree`
- `files/HEX`, the digests of those of its files that were copied from it: JSON, by path
- `archives/HEX`, which images an archive holds, under the digest of its path, or of an engine's image, by its id
- `packed/HEX`, the blob into which the tar of that digest was packed

Each may vanish at any moment, as all in the store, and is made again.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from runner.digest import Digest, digest_of
from runner.errors import RunError
from runner.image.base_tree import Listing
from runner.image.descriptor import Descriptor
from runner.image.image_config import ImageConfig
from runner.image.manifest import Manifest
from runner.image.validate import check_blob
from runner.plan.platform import Platform
from runner.store.blob_store import LIMIT, BlobStore, note_use
from runner.store.oci_layout import find_image, read_image

TREES, FILES, ARCHIVES, PACKED = "trees", "files", "archives", "packed"
_CHUNK = 1 << 20


class BaseStore:
    """What is kept of base images.

    Args:
        folder: The folder of the store, absolute; made when something is kept.
        limit: How many bytes all of the store may take, roughly.
    """

    def __init__(self, folder: str, limit: int = LIMIT) -> None:
        self.folder = folder
        self._blobs = BlobStore(folder, limit)

    def path(self, digest: Digest) -> str:
        """The file that is a blob, or empty if it is not there."""
        return self._blobs.path(digest.hex) if self._blobs.has(digest) else ""

    def document(self, hex: str) -> bytes | None:  # noqa: A002 - the word of a digest
        """The bytes of a small blob whose size need not be known, or None if it is not there whole."""
        try:
            with open(self._blobs.path(hex), "rb", buffering=0) as file:
                data = file.read()
        except OSError:
            return None
        return data if digest_of(data).hex == hex else None

    def read(self, descriptor: Descriptor) -> bytes:
        """The bytes of a document.

        Raises:
            RunError: It is not there.
        """
        data = self.document(descriptor.digest.hex)
        if data is None:
            raise MissingBlobError(descriptor.digest)
        check_blob(descriptor, data)
        return data

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """A blob's bytes, piece by piece.

        Raises:
            RunError: It is not there; or, after the last piece, it is not what its digest says.
        """
        import hashlib  # noqa: PLC0415 - who only looks for a path does without

        found = hashlib.sha256()
        try:
            with open(self._blobs.path(digest.hex), "rb") as file:
                while chunk := file.read(_CHUNK):
                    found.update(chunk)
                    yield chunk
        except FileNotFoundError:
            raise MissingBlobError(digest) from None
        if found.hexdigest() != digest.hex:
            self.drop(digest)
            raise RunError(f"{digest} is damaged in `{self.folder}`", hint="run again: it is got once more")

    def write(self, chunks: Iterable[bytes]) -> Digest:
        """Keeps bytes as a blob; if the pieces end in an error, nothing is kept.

        Raises:
            RunError: They can't be kept.
        """
        try:
            return self._blobs.put_chunks(chunks)
        except OSError as error:
            raise RunError(
                f"the store at `{self.folder}` can't be written: {error.strerror or error}"
            ) from None

    def drop(self, digest: Digest) -> None:
        """Removes a blob that is of no use any longer."""
        with contextlib.suppress(OSError):
            os.unlink(self._blobs.path(digest.hex))

    def recorded(self, kind: str, key: str) -> bytes | None:
        """What is remembered of something; None if nothing is."""
        path = self._record(kind, key)
        try:
            with open(path, "rb", buffering=0) as file:
                found = os.fstat(file.fileno())
                data = file.read()
        except OSError:
            return None
        note_use(path, found)
        return data

    def record(self, kind: str, key: str, data: bytes) -> None:
        """Remembers something; that it can't be is no harm."""
        with contextlib.suppress(OSError):
            self._blobs.replace(self._record(kind, key), data)

    def recorded_tree(self, manifest: Digest) -> Listing | None:
        """All that is in the image with this manifest, if that is known."""
        data = self.recorded(TREES, manifest.hex)
        with contextlib.suppress(RunError):
            return None if data is None else Listing(data)
        return None

    def record_tree(self, manifest: Digest, tree: Listing) -> None:
        """Remembers all that is in an image."""
        self.record(TREES, manifest.hex, tree.data)

    def tidy(self) -> None:
        """See `BlobStore.tidy`."""
        with contextlib.suppress(OSError):
            self._blobs.tidy()

    def _record(self, kind: str, key: str) -> str:
        return f"{self.folder}/bases/{kind}/{key}"


class MissingBlobError(RunError):
    """A blob is not in the store, though it was.

    Args:
        digest: The blob's.
    """

    def __init__(self, digest: Digest) -> None:
        super().__init__(f"{digest} is missing")
        self.digest = digest


class StoredImages:
    """Images that were taken out of something, an archive or an engine, and stand in the store.

    Args:
        store: The store.
        where: What they were taken out of, in errors.
        take: Takes all out of it again, if something has vanished from the store; what it lists.
        entries: What it lists.
    """

    reference = ""
    """Empty: the name of what stands here says nothing to others."""

    def __init__(
        self,
        store: BaseStore,
        where: str,
        take: Callable[[], Sequence[Descriptor]],
        entries: Sequence[Descriptor],
    ) -> None:
        self._store = store
        self._where = where
        self._take = take
        self._entries = entries

    def find(self, tag: str) -> Descriptor:
        """The image that a tag names, see `find_image`.

        Raises:
            RunError: There is no such image, or several.
        """
        return find_image(self._entries, tag, self._where)

    def image(self, tag: str, platform: Platform) -> tuple[Descriptor, Manifest, ImageConfig]:
        """The image that a tag names, for a platform where there are several; looked at before it is given.

        Raises:
            RunError: There is no such image, or it is broken.
        """
        return read_image(self.find(tag), platform, self.read)

    def read(self, descriptor: Descriptor) -> bytes:
        """The bytes of a document.

        Raises:
            RunError: It is not there.
        """
        try:
            return self._store.read(descriptor)
        except MissingBlobError:
            self._take_again(descriptor.digest)
            return self._store.read(descriptor)

    def blob_path(self, digest: Digest) -> str:
        """The file that is a blob.

        Raises:
            RunError: It is not there.
        """
        return self._store.path(digest) or self._take_again(digest)

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """A blob's bytes, piece by piece.

        Raises:
            RunError: It is not there, or damaged.
        """
        self.blob_path(digest)
        return self._store.chunks(digest)

    def _take_again(self, digest: Digest) -> str:
        self._entries = self._take()
        path = self._store.path(digest)
        if not path:
            raise RunError(f"`{self._where}` lacks {digest}, of which it tells")
        return path
