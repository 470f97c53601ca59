import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from runner.digest import Digest, digest_of
from runner.errors import RunError
from runner.image.assemble import BuiltLayer, assemble
from runner.image.descriptor import REFERENCE, Descriptor
from runner.image.image_config import parse_config
from runner.image.layer import packed
from runner.image.manifest import parse_manifest
from runner.image.media_type import LAYER_GZIP
from runner.image.reference import parse_reference
from runner.image.tar import file_entry, tar_chunks
from runner.plan.image_plan import ConfigPlan
from runner.plan.platform import Platform
from runner.store.archive import archive_chunks
from runner.store.base_store import BaseStore, StoredImages
from runner.store.read_archive import encode_entries, parse_entries, read_archive

LINUX = Platform("linux", "amd64")
NAME = "registry.example.org/a:1"


@pytest.fixture
def store(tmp_path: os.PathLike[str]) -> BaseStore:
    return BaseStore(f"{os.fspath(tmp_path)}/store")


def layer(*names: str) -> bytes:
    return b"".join(tar_chunks([file_entry(name, b"content of it") for name in names], 0))


def in_chunks(data: bytes) -> list[bytes]:
    return [data[at : at + 700] for at in range(0, len(data), 700)]


def ours(*tars: bytes) -> tuple[Descriptor, bytes]:
    """An image as pyrun saves it, and what points to its manifest."""
    blobs = {}
    layers = []
    for tar in tars:
        data = b"".join(packed([tar]))
        blobs[digest_of(data).hex] = data
        layers.append(BuiltLayer(Descriptor(LAYER_GZIP, digest_of(data)), digest_of(tar), "test"))
    image = assemble(None, layers, ConfigPlan(), LINUX, 0)
    for data in (image.config_bytes, image.manifest_bytes):
        blobs[digest_of(data).hex] = data
    chunks = archive_chunks(
        [parse_reference(NAME)], image.descriptor, image.manifest, lambda digest: [blobs[digest.hex]]
    )
    return image.descriptor, b"".join(chunks)


def saved(
    tars: list[bytes], *, names: list[str] | None = None, tags: list[str] | None = None, **changed: Any
) -> bytes:
    """An image as engines have always saved it: each layer in a folder of its own, the lists behind them."""
    diff_ids = [str(digest_of(tar)) for tar in tars]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["A=1"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created_by": "x"} for _ in tars],
    } | changed
    files = {f"{number}/layer.tar": tar for number, tar in enumerate(tars)}
    listed = names if names is not None else [f"{number}/layer.tar" for number in range(len(tars))]
    manifest = [{"Config": "config.json", "RepoTags": tags, "Layers": listed}]
    return archived(
        files | {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    )


def archived(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return out.getvalue()


def files_of(data: bytes) -> dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            if member.isreg():
                file = tar.extractfile(member)
                assert file is not None
                found[member.name] = file.read()
    return found


@pytest.mark.parametrize(
    "pack",
    [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress],
    ids=lambda one: one.__name__,
)
def test_what_we_save_is_read_back_as_it_was_however_all_of_it_is_packed(
    store: BaseStore, pack: Callable[[bytes], bytes]
) -> None:
    descriptor, data = ours(layer("a"), layer("b"))
    (entry,) = read_archive(in_chunks(pack(data)), store, "a.tar")
    assert (entry.digest, entry.annotation(REFERENCE)) == (descriptor.digest, NAME)
    images = StoredImages(store, "a.tar", lambda: (), (entry,))
    found, manifest, config = images.image("1", LINUX)
    assert found.digest == descriptor.digest
    assert [digest.hex for digest in config.diff_ids] == [digest_of(layer(name)).hex for name in "ab"]
    assert [gzip.decompress(b"".join(images.chunks(one.digest))) for one in manifest.layers] == [
        layer("a"),
        layer("b"),
    ]


def test_what_engines_save_gets_a_manifest_and_packed_layers(store: BaseStore) -> None:
    data = saved([layer("a"), layer("b")], tags=["a:1", "a:2"])
    one, two = read_archive(in_chunks(data), store, "a.tar")
    assert [entry.annotation(REFERENCE) for entry in (one, two)] == ["a:1", "a:2"]
    assert one.digest == two.digest
    manifest = parse_manifest(store.read(one))
    config = store.read(manifest.config)
    assert manifest.config.digest == digest_of(files_of(data)["config.json"])
    assert parse_config(config).config == {"Env": ["A=1"]}
    for name, descriptor in zip("ab", manifest.layers, strict=True):
        assert descriptor == Descriptor(LAYER_GZIP, digest_of(b"".join(packed([layer(name)]))))
        assert gzip.decompress(b"".join(store.chunks(descriptor.digest))) == layer(name)
        # The bare tar is of no use any longer.
        assert store.path(digest_of(layer(name))) == ""


def test_an_image_without_a_name_is_the_only_one(store: BaseStore) -> None:
    entries = read_archive([saved([layer("a")])], store, "a.tar")
    assert StoredImages(store, "a.tar", lambda: (), entries).image("", LINUX)[0].digest == entries[0].digest


def test_a_layer_that_was_packed_once_is_not_packed_again(store: BaseStore) -> None:
    (first,) = read_archive([saved([layer("a")])], store, "a.tar")
    marked = digest_of(b"marked")
    store.write([b"marked"])
    store.record(
        "packed", digest_of(layer("a")).hex, json.dumps(Descriptor(LAYER_GZIP, marked).document()).encode()
    )
    (second,) = read_archive([saved([layer("a"), layer("b")])], store, "b.tar")
    assert parse_manifest(store.read(first)).layers[0].digest != marked
    assert parse_manifest(store.read(second)).layers[0].digest == marked


def test_a_layer_that_stands_there_as_a_link_is_found(store: BaseStore) -> None:
    files = files_of(saved([layer("a"), layer("a")], names=["0/layer.tar", "1/layer.tar"]))
    del files["1/layer.tar"]
    (entry,) = read_archive([archived(files, {"1/layer.tar": "../0/layer.tar"})], store, "a.tar")
    one, two = parse_manifest(store.read(entry)).layers
    assert one == two


def test_packed_layers_of_an_engine_stay_as_they_are(store: BaseStore) -> None:
    tar, data = layer("a"), gzip.compress(layer("a"), mtime=3)
    files = files_of(saved([tar]))
    (entry,) = read_archive([archived(files | {"0/layer.tar": data})], store, "a.tar")
    assert parse_manifest(store.read(entry)).layers[0].digest == digest_of(data)


def test_an_engine_s_layout_with_bare_layers_is_packed_and_a_plain_layout_is_not(store: BaseStore) -> None:
    tar = layer("a")
    config = files_of(saved([tar]))["config.json"]
    manifest = {
        "schemaVersion": 2,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": str(digest_of(config)),
            "size": len(config),
        },
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": str(digest_of(tar)),
                "size": len(tar),
            }
        ],
    }
    written = json.dumps(manifest).encode()
    entry = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": str(digest_of(written)),
        "size": len(written),
        "annotations": {"io.containerd.image.name": "docker.io/library/a:1", REFERENCE: "1"},
    }
    files = {f"blobs/sha256/{digest_of(data).hex}": data for data in (tar, config, written)}
    files |= {
        "index.json": json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode(),
        "oci-layout": b"{}",
    }
    (plain,) = read_archive([archived(files)], store, "a.tar")
    assert plain.digest == digest_of(written)
    assert plain.annotation(REFERENCE) == "a:1"
    (packed_one,) = read_archive([archived(files | {"manifest.json": b"[]"})], store, "a.tar")
    assert parse_manifest(store.read(packed_one)).layers[0].media_type == LAYER_GZIP


def test_an_entry_whose_manifest_is_not_there_is_none(store: BaseStore) -> None:
    _, data = ours(layer("a"))
    files = files_of(data)
    index = json.loads(files["index.json"])
    index["manifests"].append({**index["manifests"][0], "digest": str(digest_of(b"elsewhere"))})
    entries = read_archive([archived(files | {"index.json": json.dumps(index).encode()})], store, "a.tar")
    assert len(entries) == 1


def without(data: bytes, name: str) -> bytes:
    files = files_of(data)
    del files[name]
    return archived(files)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no archive that can be read"),
        (b"text " * 400, "no archive that can be read"),
        (archived({}), "no archive that can be read|holds no image"),
        (archived({"x": b"{}"}), "holds no image: neither"),
        (gzip.compress(saved([layer("a")]))[:-20], "damaged"),
        (saved([layer("a")])[:1500], "no archive that can be read"),
        (without(saved([layer("a")]), "config.json"), "lacks the config"),
        (without(saved([layer("a")]), "0/layer.tar"), "lacks the layer `0/layer.tar`"),
        (saved([layer("a")], names=[]), "0 layers, and its config tells of 1"),
        (
            saved([layer("a")], rootfs={"type": "layers", "diff_ids": [str(digest_of(b"other"))]}),
            "is damaged: a layer is",
        ),
        (archived({"manifest.json": b"{}"}), "no list of images"),
        (archived({"manifest.json": b"[1]"}), "no list of images"),
        (archived({"manifest.json": b'[{"Config": 1}]'}), "is not text"),
        (archived({f"blobs/sha256/{'0' * 64}": b"x"}), "is damaged: its bytes are"),
    ],
    ids=range(14),
)
def test_what_is_no_archive_of_images_is_an_error_that_names_it(
    store: BaseStore, data: bytes, message: str
) -> None:
    with pytest.raises(RunError, match=message) as caught:
        read_archive([data], store, "bases/a.tar")
    assert "bases/a.tar" in caught.value.message or "archive" in caught.value.message


SAVED = saved([layer("a"), layer("b")], tags=["a:1"])


@given(st.integers(0, len(SAVED) - 1), st.integers(1, 255))
def test_a_changed_byte_is_an_error_of_ours_or_makes_no_difference_to_the_files(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: int
) -> None:
    data = bytearray(SAVED)
    data[place] ^= change
    store = BaseStore(f"{tmp_path_factory.mktemp('s')}/store")
    try:
        (entry,) = read_archive([bytes(data)], store, "a.tar")
        _, manifest, _ = StoredImages(store, "a.tar", lambda: (), (entry,)).image("", LINUX)
    except RunError:
        return
    tars = [gzip.decompress(b"".join(store.chunks(one.digest))) for one in manifest.layers]
    assert tars == [layer("a"), layer("b")]


def test_entries_are_remembered() -> None:
    entries = (Descriptor(LAYER_GZIP, Digest("0" * 64, 3), ((REFERENCE, "a:1"),), LINUX),)
    assert parse_entries({"entries": encode_entries(entries)}) == entries
    wrongs: list[dict[str, Any]] = [{}, {"entries": {}}, {"entries": [1]}, {"entries": [{}]}]
    for wrong in wrongs:
        with pytest.raises(RunError):
            parse_entries(wrong)
