import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator

import pytest

from runner.digest import Digest, digest_of
from runner.errors import RunError
from runner.image.assemble import BuiltLayer, Image, assemble
from runner.image.descriptor import Descriptor
from runner.image.media_type import LAYER_GZIP
from runner.image.reference import parse_reference
from runner.plan.image_plan import ConfigPlan
from runner.plan.platform import Platform
from runner.store.archive import archive_chunks, save

LAYER = b"layer bytes"


def small_image() -> Image:
    layer = BuiltLayer(Descriptor(LAYER_GZIP, digest_of(LAYER)), digest_of(b"unpacked"), "test")
    return assemble(None, [layer, layer], ConfigPlan(), Platform("linux", "amd64"), 0)


def archive(*names: str) -> bytes:
    image = small_image()
    blobs = {digest_of(data): data for data in (LAYER, image.config_bytes, image.manifest_bytes)}
    references = [parse_reference(name) for name in names]
    return b"".join(
        archive_chunks(references, image.descriptor, image.manifest, lambda digest: (blobs[digest],))
    )


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as found:
        files = {member.name: found.extractfile(member) for member in found}
        assert len(files) == len(found.getnames())
        return {name: file.read() if file else b"" for name, file in files.items()}


def test_it_is_a_layout_whose_blobs_stand_once_under_their_digests() -> None:
    found = members(archive("registry.example.org/a:1"))
    assert json.loads(found["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    blobs = {
        name.rpartition("/")[2]: data for name, data in found.items() if name.startswith("blobs/sha256/")
    }
    assert len(blobs) == 3
    assert all(hashlib.sha256(data).hexdigest() == name for name, data in blobs.items())
    (entry,) = json.loads(found["index.json"])["manifests"]
    manifest = json.loads(blobs[entry["digest"].removeprefix("sha256:")])
    assert {
        item["digest"].removeprefix("sha256:") for item in [manifest["config"], *manifest["layers"]]
    } < set(blobs)


def test_it_is_what_docker_saves_too() -> None:
    found = members(archive("a", "registry.example.org/a:1"))
    (entry,) = json.loads(found["manifest.json"])
    assert entry["RepoTags"] == ["a:latest", "registry.example.org/a:1"]
    assert [found[path] for path in entry["Layers"]] == [LAYER, LAYER]
    assert found[entry["Config"]] == small_image().config_bytes


def test_it_is_the_same_bytes_twice() -> None:
    assert archive("a", "b") == archive("a", "b")


def test_a_blob_of_another_size_is_an_error() -> None:
    image = small_image()
    with pytest.raises(RunError):
        list(archive_chunks([], image.descriptor, image.manifest, lambda _: (b"x",)))


def test_a_file_is_written_whole_with_its_folder(tmp_path: os.PathLike[str]) -> None:
    path = f"{os.fspath(tmp_path)}/out/a.tar"
    assert save(path, [b"12", b"3"]) == 3
    with open(path, "rb") as file:
        assert file.read() == b"123"
    assert os.listdir(f"{os.fspath(tmp_path)}/out") == ["a.tar"]


def test_a_file_in_the_current_folder_needs_no_folder(
    tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(os.fspath(tmp_path))
    save("a.tar", [b"1"])
    assert os.listdir() == ["a.tar"]


def test_an_error_leaves_the_file_that_was_there(tmp_path: os.PathLike[str]) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise RunError("no more")

    path = f"{os.fspath(tmp_path)}/a.tar"
    save(path, [b"old"])
    with pytest.raises(RunError, match="no more"):
        save(path, broken())
    with open(path, "rb") as file:
        assert file.read() == b"old"
    assert os.listdir(os.fspath(tmp_path)) == ["a.tar"]


def test_blobs_are_asked_for_by_digest_when_their_turn_comes() -> None:
    image = small_image()
    asked: list[Digest] = []

    def blob(digest: Digest) -> tuple[bytes]:
        asked.append(digest)
        return (bytes(digest.size),)

    chunks = archive_chunks([], image.descriptor, image.manifest, blob)
    next(chunks)
    assert asked == []
    list(chunks)
    assert len(asked) == 3
