"""A folder in the OCI image layout: images as others read them, and what saves work when built again.

    oci-layout, index.json, blobs/sha256/HEX   as the OCI image specification has them
    layers/HEX                                 what layer a key made: blob, its size, diff id, its size
    trees/HEX                                  what is in the base whose manifest has this digest
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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from runner.digest import Digest
from runner.errors import RunError, nearest
from runner.image import media_type
from runner.image.assemble import BuiltLayer
from runner.image.attachment import subject_of
from runner.image.base_tree import Listing
from runner.image.descriptor import REFERENCE, Descriptor, parse_descriptor
from runner.image.document import decode, encode, mapping, text
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

    def link(self, path: str, digest: Digest) -> bool:
        """Lets a file be a blob too, by another name of the same file and without reading it.

        False, and no blob, where the file is of another size, gone, or on another file system, or the system does
        not allow it.
        """
        target = self.blob_path(digest)
        try:
            if os.stat(path, follow_symlinks=False).st_size != digest.size:
                return False
            with contextlib.suppress(FileNotFoundError):
                # One of another size, or it would not be asked for.
                os.unlink(target)
            os.link(path, target, follow_symlinks=False)
        except FileExistsError:
            return self.has(digest)
        except OSError:
            return False
        return True

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

    def attach(self, subject: Digest, manifests: Sequence[Descriptor]) -> None:
        """Lists manifests that are about an image, instead of those that were listed before.

        They stay as long as anything names the image.
        """
        with self._files.locked("tags.lock", fcntl.LOCK_EX):
            before = self.index().manifests
            kept = [entry for entry in before if self._subject(entry) != str(subject)]
            after = Index(tuple(sorted([*kept, *manifests], key=_order)))
            if after.manifests != before:
                self._files.replace(("index.json",), after.encode())

    def attached(self, subject: Digest) -> tuple[Descriptor, ...]:
        """The manifests about an image that are whole here."""
        return tuple(
            entry
            for entry in self.index().manifests
            if self._subject(entry) == str(subject)
            and all(self.has(blob.digest) for blob in parse_manifest(self.read(entry)).blobs())
        )

    def _subject(self, entry: Descriptor) -> str:
        """What a manifest is about, as `sha256:…`; empty for an image, and for what is not here."""
        if not entry.artifact or not self.has(entry.digest):
            return ""
        return subject_of(decode(self.read(entry), "a manifest"))

    def find(self, tag: str) -> Descriptor:
        """The index entry that a tag names, see `find_image`.

        Raises:
            RunError: There is no such image, or several.
        """
        return find_image(self.index().manifests, tag, self.folder)

    def image(self, tag: str, platform: Platform) -> tuple[Descriptor, Manifest, ImageConfig]:
        """The image that a tag names, for a platform where there are several; looked at before it is given.

        Raises:
            RunError: There is no such image, or it is broken.
        """
        return read_image(self.find(tag), platform, self.read)

    @property
    def reference(self) -> str:
        """Empty: what a folder holds has no name that others know."""
        return ""

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
                return BuiltLayer(blob, tar.digest, "", _pairs(entry, "programs"), _pairs(entry, "secrets"))
        return None

    def record_layer(self, key: Digest, layer: BuiltLayer) -> None:
        """Remembers what a key made."""
        tar = Descriptor(media_type.LAYER, layer.diff_id)
        more = {"programs": dict(layer.programs), "secrets": dict(layer.secrets)}
        data = encode({"blob": layer.blob.document(), "tar": tar.document(), **more})
        self._files.replace(("layers", key.hex), data)

    def recorded_tree(self, manifest: Digest) -> Listing | None:
        """All that is in the base with this manifest, if that is known."""
        data = self._files.read("trees", manifest.hex)
        if data is not None:
            with contextlib.suppress(RunError):
                return Listing(data)
        return None

    def record_tree(self, manifest: Digest, tree: Listing) -> None:
        """Remembers all that is in a base."""
        self._files.replace(("trees", manifest.hex), tree.data)

    # Tidying

    def prune(self) -> int:
        """Removes blobs that no named image needs, and their records; says how many bytes.

        Does nothing while anyone builds.
        """
        try:
            with self._files.locked("lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
                needed = self._needed()
                self._unlist(needed)
                return self._sweep(needed)
        except BlockingIOError:
            return 0

    def clear(self) -> int:
        """Removes all images and what saves work; says how many bytes of blobs. Waits for who builds."""
        with self._files.locked("lock", fcntl.LOCK_EX), self._files.locked("tags.lock", fcntl.LOCK_EX):
            self._files.replace(("index.json",), Index().encode())
            for folder in ("layers", "trees", "searched"):
                for name in self._files.names(folder):
                    os.unlink(self._files.path(folder, name))
            return self._sweep(set())

    def _unlist(self, needed: set[str]) -> None:
        """Take what is about images that are gone out of the index."""
        with self._files.locked("tags.lock", fcntl.LOCK_EX):
            before = self.index().manifests
            kept = tuple(entry for entry in before if not entry.artifact or entry.digest.hex in needed)
            if kept != before:
                self._files.replace(("index.json",), Index(kept).encode())

    def _needed(self) -> set[str]:
        """The hex digests of all that the index leads to, and of what is about that."""
        entries = self.index().manifests
        needed = self._reached([entry for entry in entries if not entry.artifact])
        about = [entry for entry in entries if self._subject(entry).partition(":")[2] in needed]
        return needed | self._reached(about)

    def _reached(self, heads: Sequence[Descriptor]) -> set[str]:
        """The hex digests of some images and all that they need."""
        waiting = list(heads)
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


def find_image(entries: Sequence[Descriptor], tag: str, where: str) -> Descriptor:
    """The entry of an index that a tag names: a whole name, or the end of one behind a colon.

    Args:
        entries: What the index lists.
        tag: The tag; an empty one stands for the only image there is.
        where: What holds them, in errors.

    Raises:
        RunError: There is no such image, or several.
    """
    # What is about an image is none.
    entries = [entry for entry in entries if not entry.artifact]
    fitting = [entry for entry in entries if not tag or _name(entry) == tag]
    fitting = fitting or [entry for entry in entries if _tag(entry) == tag]
    if len({entry.digest for entry in fitting}) == 1:
        return fitting[0]
    if fitting:
        hint = "name one: " + _listed(fitting)
        raise RunError(f"`{where}` holds several images that fit", hint=hint)
    if not entries:
        raise RunError(f"`{where}` holds no image")
    known = tuple(name for entry in entries for name in (_name(entry), _tag(entry)) if name)
    hint = f"did you mean `{near}`?" if (near := nearest(tag, known)) else "it has: " + _listed(entries)
    raise RunError(f"`{where}` has no image `{tag}`", hint=hint)


def read_image(
    entry: Descriptor, platform: Platform, read: Callable[[Descriptor], bytes]
) -> tuple[Descriptor, Manifest, ImageConfig]:
    """The image that an entry of an index leads to, looked at before it is given.

    Args:
        entry: Points to a manifest, or to an index of some.
        platform: What it is to run on, where there are several.
        read: Gives documents.

    Raises:
        RunError: It is broken, or for other platforms.
    """
    if entry.media_type == media_type.INDEX:
        entry = for_platform(parse_index(read(entry)).manifests, platform)
    manifest = parse_manifest(read(entry))
    config = parse_config(read(manifest.config))
    check_image(manifest, config)
    return entry, manifest, config


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


def _pairs(record: Mapping[str, Any], key: str) -> tuple[tuple[str, str], ...]:
    found = mapping(record, key, _RECORD)
    return tuple((name, text(found, name, _RECORD)) for name in found)


def _name(entry: Descriptor) -> str:
    return entry.annotation(REFERENCE)


def _tag(entry: Descriptor) -> str:
    """The tag in a name, or the name that is but a tag."""
    return _name(entry).rpartition("/")[2].rpartition(":")[2]


def _listed(entries: Sequence[Descriptor]) -> str:
    return ", ".join(dict.fromkeys(_name(entry) or str(entry.digest) for entry in entries))


def _order(entry: Descriptor) -> tuple[bool, str, str]:
    # Who takes the first takes an image.
    return bool(entry.artifact), _name(entry), entry.digest.hex
