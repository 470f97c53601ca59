import json
import os
from collections.abc import Callable, Iterator, Sequence

import pytest

from runner.digest import Digest, digest_of
from runner.errors import RunError
from runner.image.assemble import BuiltLayer, assemble
from runner.image.base_tree import Merged
from runner.image.descriptor import Descriptor
from runner.image.index import Index
from runner.image.media_type import INDEX, LAYER
from runner.image.tar import file_entry, tar_chunks
from runner.plan.image_plan import ConfigPlan
from runner.plan.platform import Platform
from runner.store.base_store import BaseStore, MissingBlobError, StoredImages
from runner.store.fetched_images import FetchedImages
from runner.store.oci_layout import OciLayout

LINUX = Platform("linux", "amd64")
TAR = b"".join(tar_chunks([file_entry("a", b"content")], 0))


@pytest.fixture
def store(tmp_path: os.PathLike[str]) -> BaseStore:
    return BaseStore(f"{os.fspath(tmp_path)}/store")


class Remote:
    """A registry's image for one platform or, in an index, for two; says what was asked of it."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {digest_of(TAR).hex: TAR}
        self.asked: list[str] = []
        entries = []
        for architecture in ("amd64", "arm64"):
            platform = Platform("linux", architecture)
            one = BuiltLayer(Descriptor(LAYER, digest_of(TAR)), digest_of(TAR), "x")
            image = assemble(None, [one], ConfigPlan(), platform, 0)
            self.blobs |= {digest_of(data).hex: data for data in (image.config_bytes, image.manifest_bytes)}
            entries.append(
                Descriptor(image.descriptor.media_type, image.descriptor.digest, platform=platform)
            )
        self.one = entries[0]
        data = Index(tuple(entries)).encode()
        self.index = Descriptor(INDEX, digest_of(data))
        self.blobs[self.index.digest.hex] = data

    def resolve(self) -> Descriptor:
        self.asked.append("resolve")
        return self.index

    def read(self, descriptor: Descriptor) -> bytes:
        self.asked.append("read")
        return self.blobs[descriptor.digest.hex]

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        self.asked.append("chunks")
        yield self.blobs[digest.hex]


def fetched(store: BaseStore, remote: Remote) -> FetchedImages:
    return FetchedImages(
        store, remote.index.digest.hex, lambda: remote, "registry.example.org/a:1", one_by_one
    )


def one_by_one(digests: Sequence[Digest], work: Callable[[Digest], None]) -> None:
    for digest in digests:
        work(digest)


def test_a_registry_is_asked_once_for_what_is_needed(store: BaseStore) -> None:
    remote = Remote()
    images = fetched(store, remote)
    descriptor, manifest, config = images.image("", LINUX)
    assert (descriptor.digest, config.platform) == (remote.one.digest, LINUX)
    assert remote.asked == ["resolve", "read", "read", "read"]
    layer = manifest.layers[0].digest
    with open(images.blob_path(layer), "rb") as file:
        assert file.read() == TAR
    remote.asked.clear()
    again = fetched(store, remote)
    assert again.image("", LINUX)[0] == descriptor
    assert b"".join(again.chunks(layer)) == TAR
    assert remote.asked == []


def test_another_platform_of_it_is_fetched_when_it_is_needed(store: BaseStore) -> None:
    remote = Remote()
    fetched(store, remote).image("", LINUX)
    remote.asked.clear()
    arm = Platform("linux", "arm64")
    assert fetched(store, remote).image("", arm)[2].platform == arm
    assert remote.asked == ["read", "read"]
    with pytest.raises(RunError, match="the base has nothing for linux/s390x"):
        fetched(store, remote).image("", Platform("linux", "s390x"))


def test_what_has_vanished_or_is_damaged_is_fetched_again(store: BaseStore) -> None:
    remote = Remote()
    images = fetched(store, remote)
    _, manifest, _ = images.image("", LINUX)
    layer = manifest.layers[0].digest
    path = images.blob_path(layer)
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.write(b"damage")
    with pytest.raises(RunError, match="damaged"):
        list(images.chunks(layer))
    assert b"".join(images.chunks(layer)) == TAR
    os.unlink(images.blob_path(remote.index.digest))
    remote.asked.clear()
    assert fetched(store, remote).image("", LINUX)[1] == manifest
    assert remote.asked == ["resolve", "read"]


def test_what_ends_in_an_error_leaves_nothing(store: BaseStore) -> None:
    def chunks() -> Iterator[bytes]:
        yield TAR
        raise RunError("cut off")

    with pytest.raises(RunError, match="cut off"):
        store.write(chunks())
    assert store.path(digest_of(TAR)) == ""
    assert os.listdir(f"{store.folder}/new") == []


def test_a_store_that_cannot_be_written_is_an_error_of_ours(tmp_path: os.PathLike[str]) -> None:
    path = f"{os.fspath(tmp_path)}/file"
    with open(path, "wb"):
        pass
    store = BaseStore(f"{path}/store")
    with pytest.raises(RunError, match="can't be written"):
        store.write([b"x"])
    store.record("trees", "key", b"x")
    assert store.recorded("trees", "key") is None


def test_what_is_in_an_image_is_remembered(store: BaseStore) -> None:
    found = Merged()
    found.apply(LAYER, [TAR])
    store.record_tree(digest_of(b"manifest"), found.listing())
    again = store.recorded_tree(digest_of(b"manifest"))
    assert again is not None
    assert again.data == found.listing().data
    store.record("trees", digest_of(b"manifest").hex, b"tree 1 99\n")
    assert store.recorded_tree(digest_of(b"manifest")) is None
    assert store.recorded_tree(digest_of(b"other")) is None


def test_stored_images_are_taken_again_when_something_has_vanished(store: BaseStore) -> None:
    remote = Remote()

    def take() -> Sequence[Descriptor]:
        for data in remote.blobs.values():
            store.write([data])
        return (remote.index,)

    images = StoredImages(store, "a.tar", take, (remote.index,))
    _, manifest, _ = images.image("", LINUX)
    layer = manifest.layers[0].digest
    os.unlink(images.blob_path(layer))
    assert b"".join(images.chunks(layer)) == TAR
    os.unlink(images.blob_path(layer))
    del remote.blobs[layer.hex]
    with pytest.raises(RunError, match=r"`a\.tar` lacks sha256:"):
        images.blob_path(layer)


def test_a_missing_blob_is_an_error_of_its_own(store: BaseStore) -> None:
    digest = digest_of(b"x")
    for ask in (lambda: store.read(Descriptor(LAYER, digest)), lambda: list(store.chunks(digest))):
        with pytest.raises(MissingBlobError):
            ask()


def test_kept_blobs_become_blobs_of_a_layout_without_being_read(
    store: BaseStore, tmp_path: os.PathLike[str]
) -> None:
    digest = store.write([TAR])
    layout = OciLayout.created(f"{os.fspath(tmp_path)}/images")
    assert layout.link(store.path(digest), digest)
    assert os.path.samefile(store.path(digest), layout.blob_path(digest))
    # What the one gives away the other keeps.
    store.drop(digest)
    assert b"".join(layout.chunks(digest)) == TAR


def test_what_is_remembered_is_part_of_what_the_store_takes(tmp_path: os.PathLike[str]) -> None:
    store = BaseStore(f"{os.fspath(tmp_path)}/store", 50_000)
    for number in range(20):
        store.record("trees", f"{number}", json.dumps("x" * 8000).encode())
    store.tidy()
    left = [number for number in range(20) if store.recorded("trees", f"{number}") is not None]
    assert 0 < len(left) < 10
