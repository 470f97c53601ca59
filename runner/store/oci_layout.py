"""A folder in the OCI image layout: images as others read them, and what saves work when built again.

    oci-layout, index.json, blobs/sha256/HEX   as the OCI image specification has them
    layers/HEX                                 what layer a key made: blob, its size, diff id, its size
    trees/HEX                                  folders and links of the base whose manifest has this digest
    new/                                       files being written
    lock, tags.lock                            see below; never removed

An image is named in the index by its whole reference: `oci:FOLDER:registry.example.org/app:1` finds it. Who
builds holds `lock` shared, who removes blobs holds it alone: a blob is never taken from under a build.
`tags.lock` is held for the moment in which the index is read and written again.
"""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence

from runner.digest import Digest
from runner.errors import RunError, nearest
from runner.image import media_type
from runner.image.assemble import BuiltLayer
from runner.image.base_tree import Tree, parse_tree
from runner.image.descriptor import REFERENCE, Descriptor, parse_descriptor
from runner.image.document import decode, encode, mapping
from runner.image.image_config import ImageConfig, parse_config
from runner.image.index import Index, for_platform, parse_index
from runner.image.manifest import Manifest, parse_manifest
from runner.image.reference import Reference
from runner.image.validate import check_blob, check_image
from runner.plan.platform import Platform
from runner.store.whole_file import WholeFiles, rename

FULL_NAME = "io.containerd.image.name"
"""The annotation by which containerd names what it loads."""
MARKER = encode({"imageLayoutVersion": "1.0.0"})
_CHUNK = 1 << 20
_RECORD = "a layer's record"


class OciLayout:
    """An OCI layout.

    Args:
        folder: Where it is; see `opened` and `created`.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._files = WholeFiles(folder)

    @classmethod
    def opened(cls, folder: str) -> "OciLayout":
        """The layout in a folder.

        Raises:
            RunError: There is none.
        """
        layout = cls(folder)
        if layout._files.read("oci-layout") is None:
            raise RunError(
                f"`{folder}` is no OCI layout: it has no file `oci-layout`",
                hint=f"`skopeo copy docker://NAME oci:{folder}:TAG` makes one",
            )
        return layout

    @classmethod
    def created(cls, folder: str) -> "OciLayout":
        """The layout in a folder, made if there is none."""
        layout = cls(folder)
        layout._files.make("blobs", Digest.algorithm)
        for name, data in (("index.json", Index().encode()), ("oci-layout", MARKER)):
            if layout._files.read(name) is None:
                layout._files.replace((name,), data)
        return layout

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """While this lasts, no blob is removed."""
        with self._files.locked("lock", fcntl.LOCK_SH):
            yield

    # Blobs

    def has(self, digest: Digest) -> bool:
        """Whether the blob is there, by its name and size."""
        try:
            return os.stat(self.blob_path(digest)).st_size == digest.size
        except FileNotFoundError:
            return False

    def blob_path(self, digest: Digest) -> str:
        """Where the blob is, or would be."""
        return self._files.path("blobs", digest.algorithm, digest.hex)

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """A blob's bytes, piece by piece.

        Raises:
            RunError: It is not there; or, after the last piece, it is not what its digest says.
        """
        found, size = hashlib.sha256(), 0
        try:
            with open(self.blob_path(digest), "rb") as file:
                while chunk := file.read(_CHUNK):
                    found.update(chunk)
                    size += len(chunk)
                    yield chunk
        except FileNotFoundError:
            raise RunError(f"{digest} is missing in `{self.folder}`") from None
        if (found.hexdigest(), size) != (digest.hex, digest.size):
            raise RunError(f"{digest} is damaged in `{self.folder}`", hint="remove that file and build again")

    def read(self, descriptor: Descriptor) -> bytes:
        """A blob's bytes, for documents.

        Raises:
            RunError: It is not there, or not what its descriptor says.
        """
        data = self._files.read("blobs", "sha256", descriptor.digest.hex)
        if data is None:
            raise RunError(f"{descriptor.digest} is missing in `{self.folder}`")
        check_blob(descriptor, data)
        return data

    def write(self, chunks: Iterable[bytes]) -> Digest:
        """Keeps bytes as a blob; if the pieces end in an error, nothing is kept."""
        found, size = hashlib.sha256(), 0
        with self._files.new_file() as file:
            for chunk in chunks:
                found.update(chunk)
                size += len(chunk)
                file.write(chunk)
            digest = Digest(found.hexdigest(), size)
            rename(file, self.blob_path(digest))
        return digest

    # Names

    def index(self) -> Index:
        """What the layout lists.

        Raises:
            RunError: Its `index.json` is missing or damaged.
        """
        data = self._files.read("index.json")
        if data is None:
            raise RunError(f"`{self.folder}` is no OCI layout: it has no file `index.json`")
        return parse_index(data)

    def set_tags(self, references: Sequence[Reference], manifest: Descriptor) -> None:
        """Names an image, all names at once; what had one of them loses it, and other names stay."""
        names = {str(reference) for reference in references}
        with self._files.locked("tags.lock", fcntl.LOCK_EX):
            before = self.index().manifests
            kept = [entry for entry in before if _name(entry) not in names]
            after = Index(tuple(sorted([*kept, *named(references, manifest)], key=_order)))
            if after.manifests != before:
                self._files.replace(("index.json",), after.encode())

    def find(self, tag: str) -> Descriptor:
        """The index entry that a tag names: a whole name of the index, or the end of one behind a colon.

        An empty tag stands for the only image there is.

        Raises:
            RunError: There is no such image, or several.
        """
        entries = self.index().manifests
        fitting = [entry for entry in entries if not tag or _name(entry) == tag]
        fitting = fitting or [entry for entry in entries if _tag(entry) == tag]
        if len({entry.digest for entry in fitting}) == 1:
            return fitting[0]
        if fitting:
            hint = "name one: " + _listed(fitting)
            raise RunError(f"`{self.folder}` holds several images that fit", hint=hint)
        if not entries:
            raise RunError(f"`{self.folder}` holds no image")
        known = tuple(text for entry in entries for text in (_name(entry), _tag(entry)) if text)
        hint = f"did you mean `{near}`?" if (near := nearest(tag, known)) else "it has: " + _listed(entries)
        raise RunError(f"`{self.folder}` has no image `{tag}`", hint=hint)

    def image(self, tag: str, platform: Platform) -> tuple[Descriptor, Manifest, ImageConfig]:
        """The image that a tag names, for a platform where there are several; looked at before it is given.

        Raises:
            RunError: There is no such image, or it is broken.
        """
        entry = self.find(tag)
        if entry.media_type == media_type.INDEX:
            entry = for_platform(parse_index(self.read(entry)).manifests, platform)
        manifest = parse_manifest(self.read(entry))
        config = parse_config(self.read(manifest.config))
        check_image(manifest, config)
        return entry, manifest, config

    # What saves work

    def recorded_layer(self, key: Digest) -> BuiltLayer | None:
        """The layer that a key made, if its blob is still there."""
        data = self._files.read("layers", key.hex)
        if data is None:
            return None
        # A record in a form that is not known is no record.
        with contextlib.suppress(RunError):
            entry = decode(data, _RECORD)
            blob = parse_descriptor(mapping(entry, "blob", _RECORD), _RECORD)
            tar = parse_descriptor(mapping(entry, "tar", _RECORD), _RECORD)
            if self.has(blob.digest):
                return BuiltLayer(blob, tar.digest, "")
        return None

    def record_layer(self, key: Digest, layer: BuiltLayer) -> None:
        """Remembers what a key made."""
        tar = Descriptor(media_type.LAYER, layer.diff_id)
        data = encode({"blob": layer.blob.document(), "tar": tar.document()})
        self._files.replace(("layers", key.hex), data)

    def recorded_tree(self, manifest: Digest) -> Tree | None:
        """Folders and links of the base with this manifest, if they are known."""
        data = self._files.read("trees", manifest.hex)
        if data is not None:
            with contextlib.suppress(RunError):
                return parse_tree(data)
        return None

    def record_tree(self, manifest: Digest, tree: Tree) -> None:
        """Remembers folders and links of a base."""
        self._files.replace(("trees", manifest.hex), tree.encode())

    # Tidying

    def prune(self) -> int:
        """Removes blobs that no named image needs, and their records; says how many bytes.

        Does nothing while anyone builds.
        """
        try:
            with self._files.locked("lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
                return self._sweep(self._needed())
        except BlockingIOError:
            return 0

    def _needed(self) -> set[str]:
        """The hex digests of all that the index leads to."""
        waiting = list(self.index().manifests)
        needed: set[str] = set()
        while waiting:
            entry = waiting.pop()
            if entry.digest.hex in needed:
                continue
            needed.add(entry.digest.hex)
            # What an index of several platforms lists need not all be here.
            if not self.has(entry.digest):
                continue
            if entry.media_type == media_type.INDEX:
                waiting += parse_index(self.read(entry)).manifests
            elif entry.media_type == media_type.MANIFEST:
                needed |= {blob.digest.hex for blob in parse_manifest(self.read(entry)).blobs()}
        return needed

    def _sweep(self, needed: set[str]) -> int:
        freed = 0
        for folder in (("blobs", Digest.algorithm), ("new",)):
            for name in self._files.names(*folder):
                if name not in needed:
                    path = self._files.path(*folder, name)
                    freed += os.stat(path).st_size
                    os.unlink(path)
        for name in self._files.names("layers"):
            if self.recorded_layer(Digest(name, 0)) is None:
                os.unlink(self._files.path("layers", name))
        return freed


def named(references: Sequence[Reference], manifest: Descriptor) -> tuple[Descriptor, ...]:
    """What an index says of an image with these names: an entry for each."""
    return tuple(
        Descriptor(
            manifest.media_type,
            manifest.digest,
            ((FULL_NAME, reference.full), (REFERENCE, str(reference))),
            manifest.platform,
        )
        for reference in references
    )


def _name(entry: Descriptor) -> str:
    return entry.annotation(REFERENCE)


def _tag(entry: Descriptor) -> str:
    """The tag in a name, or the name that is but a tag."""
    return _name(entry).rpartition("/")[2].rpartition(":")[2]


def _listed(entries: Sequence[Descriptor]) -> str:
    return ", ".join(dict.fromkeys(_name(entry) or str(entry.digest) for entry in entries))


def _order(entry: Descriptor) -> tuple[str, str]:
    return _name(entry), entry.digest.hex
