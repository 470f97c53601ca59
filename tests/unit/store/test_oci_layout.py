import gzip
import os
from collections.abc import Iterator

import pytest

from runner.digest import Digest, digest_of
from runner.errors import RunError
from runner.image import media_type
from runner.image.assemble import BuiltLayer, assemble
from runner.image.base_tree import Folder, Listing, Merged
from runner.image.descriptor import Descriptor
from runner.image.index import Index
from runner.image.media_type import INDEX, LAYER_GZIP, MANIFEST
from runner.image.reference import parse_reference
from runner.image.tar import FOLDER, Entry, tar_chunks
from runner.plan.image_plan import ConfigPlan
from runner.plan.platform import Platform
from runner.store.oci_layout import OciLayout

LINUX = Platform("linux", "amd64")


@pytest.fixture
def layout(tmp_path: os.PathLike[str]) -> OciLayout:
    return OciLayout.created(f"{os.fspath(tmp_path)}/deep/images")


def put_image(
    layout: OciLayout, *names: str, content: bytes = b"x", platform: Platform = LINUX
) -> Descriptor:
    """An image with one layer of these bytes, named."""
    tar = content * 100
    blob = Descriptor(LAYER_GZIP, layout.write((gzip.compress(tar, mtime=0),)))
    image = assemble(None, [BuiltLayer(blob, digest_of(tar), "test")], ConfigPlan(), platform, 0)
    layout.write((image.config_bytes,))
    layout.write((image.manifest_bytes,))
    layout.set_tags([parse_reference(name) for name in names], image.descriptor)
    return image.descriptor


def blobs(layout: OciLayout) -> set[str]:
    return set(os.listdir(f"{layout.folder}/blobs/sha256"))


def test_a_new_layout_is_whole_and_opens(layout: OciLayout) -> None:
    assert OciLayout.opened(layout.folder).index() == Index()
    with open(f"{layout.folder}/oci-layout") as file:
        assert file.read() == '{"imageLayoutVersion":"1.0.0"}'
    put_image(layout, "a:1")
    assert OciLayout.created(layout.folder).find("a:1")


def test_another_folder_is_no_layout(tmp_path: os.PathLike[str]) -> None:
    for folder in (os.fspath(tmp_path), f"{os.fspath(tmp_path)}/none"):
        with pytest.raises(RunError) as caught:
            OciLayout.opened(folder)
        assert "skopeo" in caught.value.hint


def test_a_blob_is_kept_under_its_digest_and_read_back(layout: OciLayout) -> None:
    digest = layout.write((b"ab", b"", b"c" * 3_000_000))
    assert digest == digest_of(b"ab" + b"c" * 3_000_000)
    assert layout.has(digest)
    assert b"".join(layout.chunks(digest)) == b"ab" + b"c" * 3_000_000
    assert os.listdir(f"{layout.folder}/new") == []
    assert not layout.has(Digest(digest.hex, 5))
    assert not layout.has(digest_of(b"other"))


def test_bytes_that_end_in_an_error_leave_nothing(layout: OciLayout) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise RunError("no more")

    with pytest.raises(RunError, match="no more"):
        layout.write(broken())
    assert blobs(layout) == set()
    assert os.listdir(f"{layout.folder}/new") == []


def test_a_damaged_or_missing_blob_is_an_error(layout: OciLayout) -> None:
    digest = layout.write((b"abc",))
    with open(layout.blob_path(digest), "wb") as file:
        file.write(b"abd")
    with pytest.raises(RunError, match="damaged"):
        list(layout.chunks(digest))
    with pytest.raises(RunError, match="damaged"):
        layout.read(Descriptor("m", digest))
    os.unlink(layout.blob_path(digest))
    with pytest.raises(RunError, match="missing"):
        list(layout.chunks(digest))
    with pytest.raises(RunError, match="missing"):
        layout.read(Descriptor("m", digest))


def test_a_name_moves_and_others_stay(layout: OciLayout) -> None:
    one = put_image(layout, "registry.example.org/a:1", "registry.example.org/a:latest", content=b"1")
    two = put_image(layout, "registry.example.org/a:latest", "b", content=b"2")
    assert layout.find("registry.example.org/a:1").digest == one.digest
    assert layout.find("registry.example.org/a:latest").digest == two.digest
    assert layout.find("b:latest").digest == two.digest
    names = [dict(entry.annotations) for entry in layout.index().manifests]
    assert names == [
        {
            "io.containerd.image.name": "docker.io/library/b:latest",
            "org.opencontainers.image.ref.name": "b:latest",
        },
        {
            "io.containerd.image.name": "registry.example.org/a:1",
            "org.opencontainers.image.ref.name": "registry.example.org/a:1",
        },
        {
            "io.containerd.image.name": "registry.example.org/a:latest",
            "org.opencontainers.image.ref.name": "registry.example.org/a:latest",
        },
    ]


def test_naming_again_changes_no_file(layout: OciLayout) -> None:
    put_image(layout, "a:1")
    before = os.stat(f"{layout.folder}/index.json").st_ino
    put_image(layout, "a:1")
    assert os.stat(f"{layout.folder}/index.json").st_ino == before


def test_a_base_is_found_by_name_by_tag_or_as_the_only_one(layout: OciLayout) -> None:
    one = put_image(layout, "registry.example.org/debian:bookworm", "x:y")
    assert layout.find("").digest == one.digest
    two = put_image(layout, "registry.example.org/debian:trixie", content=b"2")
    assert layout.find("bookworm").digest == one.digest
    assert layout.find("trixie").digest == two.digest
    assert layout.image("trixie", LINUX)[0].digest == two.digest


@pytest.mark.parametrize(
    ("tag", "message", "hint"),
    [
        ("trixi", "has no image `trixi`", "did you mean `trixie`?"),
        ("", "several images that fit", "name one: a:1, b:1, b:trixie"),
        ("1", "several images that fit", "name one: a:1, b:1"),
        ("wholly-else", "has no image `wholly-else`", "it has: a:1, b:1, b:trixie"),
    ],
)
def test_a_base_that_is_not_there_is_an_error_that_says_what_is(
    layout: OciLayout, tag: str, message: str, hint: str
) -> None:
    put_image(layout, "a:1", content=b"1")
    put_image(layout, "b:1", "b:trixie", content=b"2")
    with pytest.raises(RunError, match=message) as caught:
        layout.find(tag)
    assert caught.value.hint == hint


def test_an_empty_layout_has_no_base(layout: OciLayout) -> None:
    with pytest.raises(RunError, match="holds no image"):
        layout.find("")


def test_an_index_of_several_platforms_gives_the_one_asked_for(layout: OciLayout) -> None:
    arm = Platform("linux", "arm64")
    entries = [
        Descriptor(MANIFEST, put_image(layout, "x", platform=platform).digest, (), platform)
        for platform in (LINUX, arm)
    ]
    index = Descriptor(INDEX, layout.write((Index(tuple(entries)).encode(),)))
    layout.set_tags([parse_reference("x")], index)
    assert layout.image("x:latest", arm)[2].platform == arm
    assert layout.prune() == 0
    assert layout.image("x:latest", LINUX)[2].platform == LINUX


def test_a_layer_is_remembered_while_its_blob_is_there(layout: OciLayout) -> None:
    key = digest_of(b"key")
    layer = BuiltLayer(Descriptor(LAYER_GZIP, layout.write((b"packed",))), digest_of(b"unpacked"), "words")
    assert layout.recorded_layer(key) is None
    layout.record_layer(key, layer)
    found = layout.recorded_layer(key)
    assert found is not None
    assert (found.blob, found.diff_id) == (layer.blob, layer.diff_id)
    os.unlink(layout.blob_path(layer.blob.digest))
    assert layout.recorded_layer(key) is None


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"blob":{},"tar":{}}', b'{"blob":1,"tar":"x"}'])
def test_a_damaged_record_is_no_record(layout: OciLayout, data: bytes) -> None:
    for kind in ("layers", "trees"):
        os.makedirs(f"{layout.folder}/{kind}")
        with open(f"{layout.folder}/{kind}/{digest_of(b'key').hex}", "wb") as file:
            file.write(data)
    assert layout.recorded_layer(digest_of(b"key")) is None
    tree = layout.recorded_tree(digest_of(b"key"))
    assert tree is None or tree.get("tmp") is None


def listing() -> Listing:
    found = Merged()
    found.apply(media_type.LAYER, tar_chunks([Entry("tmp", FOLDER, 0o1777)], 0))
    return found.listing()


def test_a_tree_is_remembered(layout: OciLayout) -> None:
    layout.record_tree(digest_of(b"manifest"), listing())
    found = layout.recorded_tree(digest_of(b"manifest"))
    assert found is not None
    assert found.get("tmp") == Folder(0o1777)


def test_pruning_keeps_what_a_name_leads_to_and_nothing_else(layout: OciLayout) -> None:
    put_image(layout, "a", content=b"1")
    before = blobs(layout)
    old_layer = layout.index()
    put_image(layout, "a", content=b"2")
    after = blobs(layout) - before
    stray = layout.write((b"stray",))
    key = digest_of(b"key")
    layout.record_layer(key, BuiltLayer(Descriptor(LAYER_GZIP, stray), digest_of(b""), ""))
    with open(f"{layout.folder}/new/left-behind", "wb") as file:
        file.write(b"12345")
    sizes = sum(os.stat(f"{layout.folder}/blobs/sha256/{name}").st_size for name in before | {stray.hex})
    assert layout.prune() == sizes + 5
    assert blobs(layout) == after
    assert len(after) == 3
    assert old_layer != layout.index()
    assert os.listdir(f"{layout.folder}/new") == []
    assert os.listdir(f"{layout.folder}/layers") == []
    assert layout.image("", LINUX)
    assert layout.prune() == 0


def test_nothing_is_removed_while_anyone_builds(layout: OciLayout) -> None:
    stray = layout.write((b"stray",))
    with layout.held(), OciLayout.opened(layout.folder).held():
        assert layout.prune() == 0
        assert layout.has(stray)
    assert layout.prune() == 5
    assert not layout.has(stray)


def test_a_file_becomes_a_blob_without_being_read(layout: OciLayout, tmp_path: os.PathLike[str]) -> None:
    path = f"{os.fspath(tmp_path)}/blob"
    with open(path, "wb") as file:
        file.write(b"content")
    digest = digest_of(b"content")
    assert layout.link(path, digest)
    assert os.path.samefile(path, layout.blob_path(digest))
    assert layout.link(path, digest)
    assert b"".join(layout.chunks(digest)) == b"content"


def test_a_file_that_cannot_be_the_blob_becomes_none(layout: OciLayout, tmp_path: os.PathLike[str]) -> None:
    path = f"{os.fspath(tmp_path)}/blob"
    assert not layout.link(path, digest_of(b"content"))
    with open(path, "wb") as file:
        file.write(b"other")
    assert not layout.link(path, digest_of(b"content"))
    assert not layout.link(os.fspath(tmp_path), Digest("0" * 64, os.stat(tmp_path).st_size))
    assert not os.path.exists(layout.blob_path(digest_of(b"content")))


def test_a_layer_is_remembered_with_what_it_holds(layout: OciLayout) -> None:
    blob = Descriptor(LAYER_GZIP, layout.write((b"blob",)))
    one = BuiltLayer(blob, digest_of(b"tar"), "", (("linux/arm64", "a"),), (("b", "it is a key"),))
    layout.record_layer(digest_of(b"key"), one)
    assert layout.recorded_layer(digest_of(b"key")) == one
