"""An image in a registry, read as far as it is asked for: its documents at once, blobs piece by piece."""

import hashlib
from collections.abc import Iterator

from runner.digest import Digest
from runner.errors import RunError
from runner.image import media_type
from runner.image.descriptor import Descriptor
from runner.image.image_config import ImageConfig, parse_config
from runner.image.index import for_platform, parse_index
from runner.image.manifest import Manifest, parse_manifest
from runner.image.reference import Source
from runner.image.validate import check_image
from runner.plan.platform import Platform
from runner.registry.client import Registry
from runner.registry.documents import fetch_document, pull_scope
from runner.registry.refusal import shown
from runner.registry.retry import TemporaryError
from runner.registry.transport import Answer

_CONFIG_BYTES = 8 << 20


class RegistryImage:
    """An image in a registry, or several of one name.

    Args:
        registry: Who has it.
        source: Its name there.
    """

    def __init__(self, registry: Registry, source: Source) -> None:
        self._registry = registry
        self.source = source
        self._scopes = pull_scope(source.path)
        self._documents: dict[str, tuple[Descriptor, bytes]] = {}

    def resolve(self) -> Descriptor:
        """What the name stands for now: a manifest or an index. One request, and none the second time.

        Raises:
            RunError: There is none, or the registry does not give it.
        """
        return self._document(self.source.wanted)[0]

    def image(self, tag: str, platform: Platform) -> tuple[Descriptor, Manifest, ImageConfig]:
        """The image for a platform, looked at before it is given.

        Args:
            tag: Not looked at: the source says it.
            platform: What it is to run on, where there are several.

        Raises:
            RunError: There is none, or it is broken, or the registry does not give it.
        """
        del tag
        descriptor, data = self._document(self.source.wanted)
        if descriptor.media_type == media_type.INDEX:
            entry = for_platform(parse_index(data).manifests, platform)
            found, data = self._document(str(entry.digest))
            if found.digest.size != entry.digest.size or found.media_type != entry.media_type:
                raise RunError(f"`{self.source}` is broken: its index and {entry.digest} do not agree")
            descriptor = entry
        manifest = parse_manifest(data)
        config = parse_config(self._config(manifest.config))
        check_image(manifest, config)
        return descriptor, manifest, config

    def read(self, descriptor: Descriptor) -> bytes:
        """The bytes of a manifest, an index or a config.

        Raises:
            RunError: The registry does not give them.
        """
        if descriptor.media_type in {media_type.INDEX, media_type.MANIFEST}:
            return self._document(str(descriptor.digest))[1]
        return self._config(descriptor)

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """A blob's bytes, piece by piece. A connection that is cut is taken up again where it broke off.

        Raises:
            RunError: The registry does not give it; or, after the last piece, it is not what its digest says.
        """
        found, size = hashlib.sha256(), 0
        tries = self._registry.tries()
        while True:
            try:
                with self._blob(digest, size) as answer:
                    for chunk in self._from(answer, digest, size):
                        size += len(chunk)
                        found.update(chunk)
                        tries.progress()
                        yield chunk
            except TemporaryError as error:
                tries.pause(error)
                continue
            break
        if found.hexdigest() != digest.hex:
            raise RunError(
                f"`{self._registry.name}` gives other bytes for {digest}: sha256:{found.hexdigest()}"
            )

    def _blob(self, digest: Digest, offset: int) -> Answer:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        return self._registry.attempt(
            "GET",
            f"{self.source.path}/blobs/{digest}",
            scopes=self._scopes,
            good=frozenset((200, 206)),
            headers=headers,
        )

    def _from(self, answer: Answer, digest: Digest, offset: int) -> Iterator[bytes]:
        """The pieces of a response that begin at an offset, whether the registry kept to it or not."""
        whole = digest.size
        if answer.status == 206:
            said = answer.header("Content-Range").replace(" ", "")
            if said not in {f"bytes{offset}-{whole - 1}/{end}" for end in (whole, "*")}:
                raise RunError(f"`{self._registry.name}` gives another part of {digest}: {shown(said)}")
            offset, whole = 0, whole - offset
        length = answer.header("Content-Length")
        if length.isdigit() and int(length) != whole:
            raise RunError(f"`{self._registry.name}` says that {digest} has {length} bytes and not {whole}")
        left = whole
        for chunk in answer.chunks():
            left -= len(chunk)
            if left < 0:
                raise RunError(f"`{self._registry.name}` gives more than {digest} is long")
            if offset < len(chunk):
                yield chunk[offset:] if offset else chunk
            offset = max(0, offset - len(chunk))
        if left:
            raise TemporaryError(f"`{self._registry.name}` ended {digest} too early")

    def _config(self, descriptor: Descriptor) -> bytes:
        if descriptor.digest.size > _CONFIG_BYTES:
            raise RunError(f"the config of `{self.source}` is longer than {_CONFIG_BYTES >> 20} MiB")
        return b"".join(self.chunks(descriptor.digest))

    def _document(self, wanted: str) -> tuple[Descriptor, bytes]:
        known = self._documents.get(wanted)
        if known is None:
            known = fetch_document(self._registry, self.source.path, wanted, self._scopes)
            assert known is not None
            self._documents[wanted] = self._documents[str(known[0].digest)] = known
        return known
