import gzip
import io
import os
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.digest import Digest, digest_of
from runner.errors import PlanError, RunError
from runner.execute.build_image import Base, BuiltImage, build_image
from runner.image.assemble import BuiltLayer, assemble
from runner.image.descriptor import Descriptor
from runner.image.media_type import LAYER_GZIP, LAYER_ZSTD
from runner.image.reference import parse_reference
from runner.image.tar import FOLDER as TAR_FOLDER
from runner.image.tar import LINK as TAR_LINK
from runner.image.tar import Entry, file_entry, tar_chunks
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
    base: Base | None = None,
    epoch: int = 0,
    platform: Platform = LINUX,
    compression: str = "gzip",
) -> BuiltImage:
    plan = ImagePlan(
        "registry.example.org/a",
        ("1", "2"),
        BasePlan("oci", "bases") if base else SCRATCH,
        tuple(copy for copy, _ in copies),
        ConfigPlan(entrypoint=("/app/run",)),
        platform,
        compression=compression,
    )
    return build_image(
        plan, [items for _, items in copies], files=files, layout=layout, base=base, epoch=epoch
    )


def copy_of(
    to: str, *sources: str, mode: int | None = None, owner: tuple[int, int] = (0, 0), task: str = ""
) -> CopyPlan:
    return CopyPlan(to, sources, mode=mode, owner=owner, task=task)


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


def test_a_file_of_the_base_is_no_folder(layout: OciLayout, tmp_path: os.PathLike[str]) -> None:
    base = base_layout(f"{os.fspath(tmp_path)}/base", file_entry("etc/passwd", b"root"))
    for item in (CopyFile("a", "/etc/passwd/a"), CopyFile("d", "/etc/passwd", FOLDER)):
        with pytest.raises(PlanError, match="`/etc/passwd` is a file in the base"):
            built(layout, MemoryFiles({"a": b""}), (copy_of("/x"), [item]), base=base)
    image = built(layout, MemoryFiles({"a": b""}), (copy_of("/x"), [CopyFile("a", "/etc/passwd")]), base=base)
    assert list(members(layout, image)) == ["etc", "etc/passwd"]


def test_the_layers_of_a_base_are_the_very_files(layout: OciLayout, tmp_path: os.PathLike[str]) -> None:
    base = base_layout(f"{os.fspath(tmp_path)}/base", file_entry("a", b"a"))
    built(layout, MemoryFiles({"a": b"a"}), (copy_of("/x"), [CopyFile("a", "/x")]), base=base)
    digest = base.image("", LINUX)[1].layers[0].digest
    assert os.path.samefile(base.blob_path(digest), layout.blob_path(digest))


class Far:
    """A base that gives no file to link to, says by which name it can be got, and counts what is read."""

    reference = "registry.example.org/base:1"

    def __init__(self, inner: OciLayout) -> None:
        self._inner = inner
        self.image = inner.image
        self.read: list[Digest] = []

    def blob_path(self, digest: Digest) -> str:
        del digest
        return ""

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        self.read.append(digest)
        return self._inner.chunks(digest)


def test_a_base_that_others_can_get_is_named(layout: OciLayout, tmp_path: os.PathLike[str]) -> None:
    inner = base_layout(f"{os.fspath(tmp_path)}/base", file_entry("a", b"a"))
    copy = (copy_of("/x"), [CopyFile("a", "/x")])
    image = built(layout, MemoryFiles({"a": b"a"}), copy, base=Far(inner))
    assert image.manifest.annotations == (
        ("org.opencontainers.image.base.digest", str(inner.find("").digest)),
        ("org.opencontainers.image.base.name", "registry.example.org/base:1"),
    )
    here = built(layout, MemoryFiles({"a": b"a"}), copy, base=inner)
    assert here.manifest.annotations == ()
    assert here.manifest.layers == image.manifest.layers


def test_what_is_known_of_a_base_is_not_read_again(layout: OciLayout, tmp_path: os.PathLike[str]) -> None:
    base = Far(base_layout(f"{os.fspath(tmp_path)}/base", file_entry("a", b"a")))
    for name in "ab":
        built(layout, MemoryFiles({name: b""}), (copy_of("/x"), [CopyFile(name, "/x")]), base=base)
    assert len(base.read) == 2  # once for what is in it, once for the layout


def test_zstd_is_another_packing_of_the_same_files(layout: OciLayout) -> None:
    files = MemoryFiles({"a": b"aaaa"})
    copy = (copy_of("/"), [CopyFile("a", "/a")])
    one, two = built(layout, files, copy), built(layout, files, copy, compression="zstd")
    assert one.layers[0].diff_id == two.layers[0].diff_id
    assert two.manifest.layers[0].media_type == LAYER_ZSTD
    assert built(layout, files, copy, compression="zstd").layers[0].reused


ARM = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\xb7\0" + bytes(100)
KEY = b"-----BEGIN PRIVATE KEY-----\n"


def test_an_executable_of_another_platform_is_an_error_also_when_its_layer_is_known(
    layout: OciLayout,
) -> None:
    files = MemoryFiles({"bin/app.sh": ARM})
    copy = (copy_of("/app/", "bin/app.sh", task="build app"), [CopyFile("bin/app.sh", "/app/app.sh")])
    assert built(layout, files, copy, platform=Platform("linux", "arm64")).layers[0].reused is False
    for _ in range(2):
        with pytest.raises(RunError) as caught:
            built(layout, files, copy)
        assert caught.value.message == (
            "`bin/app.sh` is built for linux/arm64, and the image is for linux/amd64: `build app` makes it"
        )
    assert 'in Go by `env: {GOOS: "${TARGETOS}", GOARCH: "${TARGETARCH}"}`' in caught.value.hint


def test_what_is_copied_as_no_program_may_be_for_anything(layout: OciLayout) -> None:
    files = MemoryFiles({"bin/app.sh": ARM, "firmware": ARM})
    built(layout, files, (copy_of("/app/", mode=0o644), [CopyFile("bin/app.sh", "/app/app.sh")]))
    built(layout, files, (copy_of("/app/"), [CopyFile("firmware", "/app/firmware")]))


def test_a_secret_ships_only_by_its_name(layout: OciLayout) -> None:
    files = MemoryFiles({"conf/key": KEY, "conf/.env": b"A=1"})
    for _ in range(2):
        with pytest.raises(PlanError) as caught:
            built(layout, files, (copy_of("/conf", "conf"), [CopyFile("conf/key", "/conf/key")]))
        assert caught.value.message == (
            "`conf/key` would be in the image for all to read: it holds a private key"
        )
        assert "`{source: conf/key, to: /conf/key}`" in caught.value.hint
    item = CopyFile("conf/key", "/conf/key", named=True)
    named = built(layout, files, (copy_of("/conf/", "conf/key"), [item]))
    assert list(members(layout, named)) == ["conf", "conf/key"]
    with pytest.raises(PlanError, match=r"`conf/\.env` would be"):
        built(layout, files, (copy_of("/conf/", "conf"), [CopyFile("conf/.env", "/conf/.env")]))


def test_what_other_images_hold_is_for_those_to_answer_for(layout: OciLayout) -> None:
    copy = CopyPlan("/", ("x",), base=BasePlan("registry", "registry.example.org/x"))
    built(
        layout,
        MemoryFiles({"x.sh": ARM, "key": KEY}),
        (copy, [CopyFile("x.sh", "/x"), CopyFile("key", "/k")]),
    )


def order(layout: OciLayout, image: BuiltImage) -> list[int]:
    """The numbers of the copies as their layers lie, the lowest first."""
    places = [layer.diff_id.hex for layer in image.layers]
    return [places.index(diff_id.hex) for diff_id in layout.image("1", LINUX)[2].diff_ids]


MADE = copy_of("/app/", task="build")
SOURCE = copy_of("/app/")
OTHER = CopyPlan("/etc/", (), base=BasePlan("registry", "registry.example.org/x"))


def test_what_changes_more_often_lies_higher(layout: OciLayout) -> None:
    files = MemoryFiles({"made": b"1", "source": b"2", "image": b"3"})
    made, source = [CopyFile("made", "/app/made")], [CopyFile("source", "/app/source")]
    image = built(layout, files, (MADE, made), (SOURCE, source), (OTHER, [CopyFile("image", "/etc/image")]))
    assert order(layout, image) == [2, 1, 0]


def test_a_folder_that_two_layers_tell_of_is_the_same_whichever_lies_higher(layout: OciLayout) -> None:
    files = MemoryFiles({"a": b"a", "b": b"b"})
    made = (copy_of("/app/", task="build", owner=(7, 7)), [CopyFile("a", "/app/a")])
    image = built(layout, files, made, (SOURCE, [CopyFile("b", "/app/b")]))
    assert order(layout, image) == [1, 0]
    assert [members(layout, image, number)["app"].uid for number in (0, 1)] == [7, 7]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (CopyFile("a", "/app/x"), CopyFile("b", "/app/x")),
        (CopyFile("l", "/app/x", LINK), CopyFile("b", "/app/x")),
        (CopyFile("a", "/app/x"), CopyFile("l", "/app/x", LINK)),
    ],
)
def test_of_two_things_in_one_place_the_later_one_wins(
    layout: OciLayout, first: CopyFile, second: CopyFile
) -> None:
    files = MemoryFiles({"a": b"a", "b": b"b"}, {"l": "a"})
    below = (copy_of("/z/", task="build"), [CopyFile("a", "/z/a")])
    image = built(layout, files, (MADE, [first]), (SOURCE, [second]), below)
    assert order(layout, image) == [0, 1, 2]


def test_what_a_copy_puts_behind_a_link_of_another_stays_there(layout: OciLayout) -> None:
    files = MemoryFiles({"b": b"b"}, {"l": "v1"})
    image = built(
        layout, files, (MADE, [CopyFile("l", "/app/now", LINK)]), (SOURCE, [CopyFile("b", "/app/now/b")])
    )
    assert order(layout, image) == [1, 0]
    assert list(members(layout, image, 0)) == ["app", "app/v1", "app/v1/b"]


def test_a_link_in_the_place_of_a_file_is_followed_if_the_copy_names_the_file(
    layout: OciLayout, tmp_path: os.PathLike[str]
) -> None:
    base = base_layout(
        f"{os.fspath(tmp_path)}/base",
        Entry("etc/now", TAR_LINK, target="v1"),
        file_entry("etc/v1", b"old"),
        Entry("etc/none", TAR_LINK, target="/opt/x"),
    )
    files = MemoryFiles({"a": b"a"})
    for to, named, there in (
        ("/etc/now", True, ["etc", "etc/v1"]),
        ("/etc/none", True, ["opt", "opt/x"]),
        ("/etc/now", False, ["etc", "etc/now"]),
    ):
        image = built(layout, files, (copy_of("/x"), [CopyFile("a", to, named=named)]), base=base)
        assert list(members(layout, image)) == there
