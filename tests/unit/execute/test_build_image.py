import gzip
import io
import os
import tarfile
from collections.abc import Iterable, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.digest import digest_of
from runner.errors import PlanError, RunError
from runner.execute.build_image import BuiltImage, build_image
from runner.image.assemble import BuiltLayer, assemble
from runner.image.descriptor import Descriptor
from runner.image.media_type import LAYER_GZIP
from runner.image.reference import parse_reference
from runner.image.tar import FOLDER as TAR_FOLDER
from runner.image.tar import LINK as TAR_LINK
from runner.image.tar import Entry, tar_chunks
from runner.plan.facts import FOLDER
from runner.plan.image_plan import LINK, BasePlan, ConfigPlan, CopyFile, CopyPlan, ImagePlan
from runner.plan.platform import Platform
from runner.store.oci_layout import OciLayout

LINUX = Platform("linux", "amd64")
SCRATCH = BasePlan("scratch")


class MemoryFiles:
    """Files that stand in a dictionary; says which were opened."""

    def __init__(self, contents: dict[str, bytes], links: dict[str, str] | None = None) -> None:
        self.contents = contents
        self.links = links or {}
        self.opened: list[str] = []

    def executable(self, path: str) -> bool:
        return path.endswith(".sh")

    def link_target(self, path: str) -> str:
        return self.links[path]

    def chunks(self, path: str) -> Iterable[bytes]:
        self.opened.append(path)
        data = self.contents[path]
        return (data[:3], data[3:])


@pytest.fixture
def layout(tmp_path: os.PathLike[str]) -> OciLayout:
    return OciLayout.created(f"{os.fspath(tmp_path)}/images")


def built(
    layout: OciLayout,
    files: MemoryFiles,
    *copies: tuple[CopyPlan, Sequence[CopyFile]],
    base: OciLayout | None = None,
    epoch: int = 0,
) -> BuiltImage:
    plan = ImagePlan(
        "registry.example.org/a",
        ("1", "2"),
        BasePlan("oci", "bases") if base else SCRATCH,
        tuple(copy for copy, _ in copies),
        ConfigPlan(entrypoint=("/app/run",)),
        LINUX,
    )
    return build_image(
        plan, [items for _, items in copies], files=files, layout=layout, base=base, epoch=epoch
    )


def copy_of(to: str, *sources: str, mode: int | None = None, owner: tuple[int, int] = (0, 0)) -> CopyPlan:
    return CopyPlan(to, sources, mode=mode, owner=owner)


def members(layout: OciLayout, image: BuiltImage, number: int = -1) -> dict[str, tarfile.TarInfo]:
    data = b"".join(layout.chunks(image.manifest.layers[number].digest))
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as archive:
        return {member.name: member for member in archive}


def base_layout(folder: str, *entries: Entry) -> OciLayout:
    layout = OciLayout.created(folder)
    tar = b"".join(tar_chunks(entries, 0))
    blob = Descriptor(LAYER_GZIP, layout.write((gzip.compress(tar, mtime=0),)))
    image = assemble(None, [BuiltLayer(blob, digest_of(tar), "base")], ConfigPlan(), LINUX, 0)
    layout.write((image.config_bytes,))
    layout.write((image.manifest_bytes,))
    layout.set_tags([parse_reference("base")], image.descriptor)
    return layout


def test_a_copy_becomes_a_layer_with_its_folders(layout: OciLayout) -> None:
    files = MemoryFiles({"run.sh": b"binary", "c": b"conf"}, {"l": "run.sh"})
    items = [
        CopyFile("run.sh", "/app/bin/run"),
        CopyFile("c", "/app/conf"),
        CopyFile("l", "/app/bin/link", LINK),
        CopyFile("e", "/app/empty", FOLDER),
    ]
    image = built(layout, files, (copy_of("/app/"), items), epoch=5)
    found = members(layout, image)
    assert [(name, oct(member.mode), member.size) for name, member in found.items()] == [
        ("app", "0o755", 0),
        ("app/bin", "0o755", 0),
        ("app/bin/link", "0o777", 0),
        ("app/bin/run", "0o755", 6),
        ("app/conf", "0o644", 4),
        ("app/empty", "0o755", 0),
    ]
    assert found["app/bin/link"].linkname == "run.sh"
    assert {(member.mtime, member.uid, member.gid) for member in found.values()} == {(5, 0, 0)}


def test_mode_is_for_files_and_owner_for_all_that_is_new(layout: OciLayout) -> None:
    files = MemoryFiles({"run.sh": b"", "c": b""})
    items = [CopyFile("run.sh", "/app/run"), CopyFile("c", "/app/c")]
    found = members(layout, built(layout, files, (copy_of("/app/", mode=0o600, owner=(10, 20)), items)))
    assert {name: (oct(m.mode), m.uid, m.gid) for name, m in found.items()} == {
        "app": ("0o755", 10, 20),
        "app/run": ("0o600", 10, 20),
        "app/c": ("0o600", 10, 20),
    }


def test_the_image_is_named_and_told_of(layout: OciLayout) -> None:
    image = built(layout, MemoryFiles({"a": b"a"}), (copy_of("/"), [CopyFile("a", "/a")]))
    assert [str(reference) for reference in image.references] == [
        "registry.example.org/a:1",
        "registry.example.org/a:2",
    ]
    for tag in ("1", "2"):
        entry, manifest, config = layout.image(tag, LINUX)
        assert entry.digest == image.descriptor.digest
        assert manifest == image.manifest
        assert config.diff_ids[0].hex == image.layers[0].diff_id.hex
    assert image.ids == (str(image.manifest.config.digest), str(image.descriptor.digest))
    assert image.size == image.layers[0].size
    assert image.unpacked_size == image.layers[0].diff_id.size == 2048


@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3), st.tuples(st.binary(max_size=9), st.booleans()), min_size=1
    ),
    st.randoms(use_true_random=False),
)
def test_the_same_files_give_the_same_image_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory, contents: dict[str, tuple[bytes, bool]], random: Random
) -> None:
    one, two = (OciLayout.created(os.fspath(tmp_path_factory.mktemp("i"))) for _ in range(2))
    files = MemoryFiles({name: data for name, (data, _) in contents.items()})
    items = [CopyFile(name, f"/x/{name}", executable=yes) for name, (_, yes) in contents.items()]
    first = built(one, files, (copy_of("/x/"), items))
    random.shuffle(items)
    known = [CopyFile(i.source, i.to, i.kind, digest_of(contents[i.source][0]), i.executable) for i in items]
    assert built(two, files, (copy_of("/x/"), known)).descriptor == first.descriptor


def test_an_unchanged_layer_is_neither_read_nor_written_again(layout: OciLayout) -> None:
    def items(content: bytes) -> tuple[list[CopyFile], list[CopyFile]]:
        return (
            [CopyFile("a", "/a", digest=digest_of(b"aaaa"), executable=False)],
            [CopyFile("b", "/b", digest=digest_of(content), executable=False)],
        )

    files = MemoryFiles({"a": b"aaaa", "b": b"old"})
    copies = (copy_of("/"), copy_of("/"))
    first = built(layout, files, *zip(copies, items(b"old"), strict=True))
    assert [layer.reused for layer in first.layers] == [False, False]
    files = MemoryFiles({"a": b"not read", "b": b"new"})
    second = built(layout, files, *zip(copies, items(b"new"), strict=True))
    assert [layer.reused for layer in second.layers] == [True, False]
    assert files.opened == ["b"]
    assert second.layers[0].diff_id == first.layers[0].diff_id
    assert second.manifest.layers[0] == first.manifest.layers[0]


def test_a_layer_whose_blob_is_gone_is_made_again(layout: OciLayout) -> None:
    files = MemoryFiles({"a": b"aaaa"})
    copy = (copy_of("/"), [CopyFile("a", "/a")])
    first = built(layout, files, copy)
    os.unlink(layout.blob_path(first.manifest.layers[0].digest))
    second = built(layout, files, copy)
    assert second.layers[0].reused is False
    assert second.descriptor == first.descriptor
    assert layout.has(first.manifest.layers[0].digest)


def test_a_file_that_is_not_what_its_digest_says_is_an_error_and_remembers_nothing(layout: OciLayout) -> None:
    files = MemoryFiles({"a": b"aaab"})
    copy = (copy_of("/"), [CopyFile("a", "/a", digest=digest_of(b"aaaa"))])
    for _ in range(2):
        with pytest.raises(RunError, match="`a` changed while it was copied"):
            built(layout, files, copy)
    assert layout.index().manifests == ()


def test_a_base_keeps_its_layers_and_its_folders_their_modes(
    layout: OciLayout, tmp_path: os.PathLike[str]
) -> None:
    base = base_layout(
        f"{os.fspath(tmp_path)}/base",
        Entry("bin", TAR_LINK, 0o777, target="usr/bin"),
        Entry("home/app", TAR_FOLDER, 0o700, (1000, 1000)),
        Entry("tmp", TAR_FOLDER, 0o1777),
        Entry("usr", TAR_FOLDER, 0o755),
        Entry("usr/bin", TAR_FOLDER, 0o755),
    )
    files = MemoryFiles({"a.sh": b"a"})
    items = [CopyFile("a.sh", to) for to in ("/bin/a", "/tmp/new/a", "/home/app/a")] + [
        CopyFile("d", "/bin", FOLDER)
    ]
    for _ in range(2):
        image = built(layout, files, (copy_of("/x"), items), base=base)
        found = members(layout, image)
        assert {name: (oct(m.mode), m.uid) for name, m in found.items()} == {
            "home": ("0o755", 0),
            "home/app": ("0o700", 1000),
            "home/app/a": ("0o755", 0),
            "tmp": ("0o1777", 0),
            "tmp/new": ("0o755", 0),
            "tmp/new/a": ("0o755", 0),
            "usr": ("0o755", 0),
            "usr/bin": ("0o755", 0),
            "usr/bin/a": ("0o755", 0),
        }
    below = base.image("", LINUX)[1]
    assert image.manifest.layers[0] == below.layers[0]
    assert layout.has(below.layers[0].digest)


def test_a_later_copy_keeps_the_folders_an_earlier_one_made(layout: OciLayout) -> None:
    files = MemoryFiles({"a": b"a", "b": b"b"})
    image = built(
        layout,
        files,
        (copy_of("/data/", owner=(7, 7)), [CopyFile("a", "/data/a")]),
        (copy_of("/data/"), [CopyFile("b", "/data/a")]),
    )
    assert members(layout, image)["data"].uid == 7
    assert members(layout, image)["data/a"].uid == 0


@pytest.mark.parametrize(
    ("copies", "message"),
    [
        ([[]], "there is nothing to copy to `/t`"),
        ([[CopyFile("a", "/x"), CopyFile("b", "/x")]], "`a` and `b` would both be `/x` in the image"),
        ([[CopyFile("a", "/x"), CopyFile("b", "/x/y")]], "`/x` in the image would be `a` and a folder"),
        ([[CopyFile("b", "/x/y"), CopyFile("a", "/x")]], "`/x` in the image would be `a` and a folder"),
        ([[CopyFile("a", "/x")], [CopyFile("b", "/x/y")]], "`/x` in the image would be `a` and a folder"),
        ([[CopyFile("b", "/x/y")], [CopyFile("a", "/x")]], "`a` would replace the folder `/x` of the image"),
        ([[CopyFile("a", "/x"), CopyFile("d", "/x", FOLDER)]], "would both be `/x`"),
        ([[CopyFile("a", "/x/.wh.y")]], "cannot be in an image"),
    ],
)
def test_things_that_cannot_be_in_one_place_are_an_error(
    layout: OciLayout, copies: list[list[CopyFile]], message: str
) -> None:
    files = MemoryFiles({"a": b"a", "b": b"b"})
    with pytest.raises(PlanError) as caught:
        built(layout, files, *((copy_of("/t"), items) for items in copies))
    assert message in caught.value.message
    assert caught.value.hint


def test_the_same_thing_twice_in_one_place_is_one(layout: OciLayout) -> None:
    same = digest_of(b"a")
    files = MemoryFiles({"a": b"a", "b": b"a"})
    items = [CopyFile("a", "/x", digest=same), CopyFile("b", "/x", digest=same), CopyFile("a", "/x")]
    assert list(members(layout, built(layout, files, (copy_of("/x"), items)))) == ["x"]


def test_a_time_before_1970_is_refused_before_anything_is_read(layout: OciLayout) -> None:
    files = MemoryFiles({"a": b"a"})
    with pytest.raises(PlanError, match="SOURCE_DATE_EPOCH"):
        built(layout, files, (copy_of("/"), [CopyFile("a", "/a")]), epoch=-1)
    assert files.opened == []


def test_a_large_file_becomes_several_members_that_any_reader_joins(layout: OciLayout) -> None:
    class Large(MemoryFiles):
        def chunks(self, path: str) -> Iterable[bytes]:
            assert path == "big"
            return (bytes(1 << 20) for _ in range(65))

    image = built(layout, Large({}), (copy_of("/"), [CopyFile("big", "/big", executable=False)]))
    data = b"".join(layout.chunks(image.manifest.layers[0].digest))
    assert digest_of(gzip.decompress(data)) == image.layers[0].diff_id
    assert members(layout, image)["big"].size == 65 << 20
