import os
from collections.abc import Iterator

import pytest

from runner.digest import Digest, digest_of
from runner.errors import PlanError, RunError
from runner.execute.image_files import AllFiles, ImageFiles
from runner.image import media_type, tar
from runner.image.assemble import BuiltLayer, assemble
from runner.image.descriptor import Descriptor
from runner.image.image_config import ImageConfig
from runner.image.manifest import Manifest
from runner.image.tar import Entry, file_entry, tar_chunks
from runner.plan.facts import FILE, FOLDER
from runner.plan.image_plan import LINK, BasePlan, ConfigPlan, CopyPlan
from runner.plan.platform import Platform
from runner.store.base_store import BaseStore

LINUX = Platform("linux", "amd64")
OTHER = BasePlan("registry", "registry.example.org/tools:1")


class Image:
    """An image of these layers, that says which of them were read."""

    reference = ""

    def __init__(self, *layers: list[Entry]) -> None:
        self.blobs = [b"".join(tar_chunks(entries, 0)) for entries in layers]
        built = [
            BuiltLayer(Descriptor(media_type.LAYER, digest_of(one)), digest_of(one), "x")
            for one in self.blobs
        ]
        self._image = assemble(None, built, ConfigPlan(), LINUX, 0)
        self.read: list[int] = []

    def image(self, tag: str, platform: Platform) -> tuple[Descriptor, Manifest, ImageConfig]:
        assert (tag, platform) == ("", LINUX)
        return self._image.descriptor, self._image.manifest, self._image.config

    def blob_path(self, digest: Digest) -> str:
        raise AssertionError(digest)

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        number = next(n for n, one in enumerate(self.blobs) if digest_of(one) == digest)
        self.read.append(number)
        yield self.blobs[number]


@pytest.fixture
def store(tmp_path: os.PathLike[str]) -> BaseStore:
    return BaseStore(f"{os.fspath(tmp_path)}/store")


def tools() -> Image:
    return Image(
        [
            Entry("bin", tar.LINK, target="usr/bin"),
            Entry("usr/bin", tar.FOLDER, 0o755),
            file_entry("usr/bin/tool", b"old", 0o4755),
            file_entry("usr/bin/gone", b"x"),
            Entry("usr/lib", tar.FOLDER, 0o700, (5, 5)),
            Entry("usr/lib/empty", tar.FOLDER, 0o755),
            file_entry("usr/lib/libz.so.1", b"library"),
            Entry("usr/lib/libz.so", tar.LINK, target="libz.so.1"),
            Entry("usr/lib/dangling", tar.LINK, target="nowhere"),
            Entry("usr/lib/up", tar.LINK, target="../bin"),
        ],
        [file_entry("usr/bin/tool", b"new", 0o750), file_entry("usr/bin/.wh.gone", b"")],
    )


Copied = list[tuple[str, str, str, bytes | str | None, bool | None]]


def copied(store: BaseStore, image: Image, source: str, to: str, workdir: str = "/w") -> Copied:
    """Where what lands: the name of the source, the path, the kind, content or target, whether executable."""
    files = ImageFiles(store)
    found: Copied = []
    for item in files.items(CopyPlan(to, (source,), base=OTHER), image, LINUX, workdir):
        content: bytes | str | None = None
        if item.kind == FILE:
            content = b"".join(files.chunks(item.source))
            assert item.digest == digest_of(content)
            assert files.executable(item.source) == item.executable
        elif item.kind == LINK:
            content = files.link_target(item.source)
        found.append((item.source, item.to, item.kind, content, item.executable))
    return found


NAME = "of registry.example.org/tools:1"


@pytest.mark.parametrize("source", ["/usr/bin/tool", "usr/bin/tool", "/bin/tool", "/usr/lib/up/tool"])
def test_a_file_is_that_of_the_last_layer_whichever_way_leads_to_it(store: BaseStore, source: str) -> None:
    image = tools()
    name = f"/usr/bin/tool {NAME}"
    assert copied(store, image, source, "/x/") == [(name, "/x/tool", FILE, b"new", True)]
    assert copied(store, image, source, "to") == [(name, "/w/to", FILE, b"new", True)]


def test_a_link_that_is_named_is_what_it_leads_to(store: BaseStore) -> None:
    found = copied(store, tools(), "/usr/lib/libz.so", "/x/")
    assert found == [(f"/usr/lib/libz.so.1 {NAME}", "/x/libz.so", FILE, b"library", False)]


def test_of_a_folder_all_that_is_below_it_is_copied_and_links_stay_links(store: BaseStore) -> None:
    assert copied(store, tools(), "/usr/lib", "/l") == [
        (f"/usr/lib {NAME}", "/l", FOLDER, None, None),
        (f"/usr/lib/dangling {NAME}", "/l/dangling", LINK, "nowhere", None),
        (f"/usr/lib/empty {NAME}", "/l/empty", FOLDER, None, None),
        (f"/usr/lib/libz.so {NAME}", "/l/libz.so", LINK, "libz.so.1", None),
        (f"/usr/lib/libz.so.1 {NAME}", "/l/libz.so.1", FILE, b"library", False),
        (f"/usr/lib/up {NAME}", "/l/up", LINK, "../bin", None),
    ]
    assert [to for _, to, *_ in copied(store, tools(), "/bin/", "/")] == ["/tool"]
    assert [to for _, to, *_ in copied(store, tools(), "/", "/all/")][:4] == [
        "/all",
        "/all/bin",
        "/all/usr",
        "/all/usr/bin",
    ]


def test_a_pattern_takes_files_and_links_to_files_by_their_content(store: BaseStore) -> None:
    assert copied(store, tools(), "/usr/lib/*", "/l/") == [
        (f"/usr/lib/libz.so.1 {NAME}", "/l/libz.so", FILE, b"library", False),
        (f"/usr/lib/libz.so.1 {NAME}", "/l/libz.so.1", FILE, b"library", False),
    ]
    assert [to for _, to, *_ in copied(store, tools(), "/bin/t*", "/x/")] == ["/x/tool"]
    assert [to for _, to, *_ in copied(store, tools(), "**/tool", "/x/")] == ["/x/usr/bin/tool"]


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        ("/usr/bin/gone", f"`/usr/bin/gone` is not in {NAME[3:]}", ""),
        ("/usr/bin/tol", f"`/usr/bin/tol` is not in {NAME[3:]}", "did you mean `/usr/bin/tool`?"),
        ("/tool", f"`/tool` is not in {NAME[3:]}", ""),
        (
            "/usr/lib/dangling",
            f"`/usr/lib/dangling` {NAME} leads to `/usr/lib/nowhere`, which is not in it",
            "",
        ),
        ("/usr/bin/*.so", f"`/usr/bin/*.so` matches no file {NAME}", ""),
    ],
)
def test_what_is_not_there_is_an_error(store: BaseStore, source: str, message: str, hint: str) -> None:
    with pytest.raises(PlanError) as caught:
        copied(store, tools(), source, "/x/")
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_layer_is_read_once_for_all_files_and_never_again(store: BaseStore) -> None:
    image = tools()
    files = ImageFiles(store)
    copy = CopyPlan("/x/", ("/usr/bin/tool", "/usr/lib/libz.so.1", "/usr/lib/libz.so"), base=OTHER)
    files.items(copy, image, LINUX, "")
    assert image.read == [0, 1, 0, 1]  # what is in them, and then the content
    image.read.clear()
    again = ImageFiles(store)
    items = again.items(copy, image, LINUX, "")
    assert [b"".join(again.chunks(item.source)) for item in items] == [b"new", b"library", b"library"]
    assert image.read == []


def test_content_that_has_vanished_is_read_again(store: BaseStore) -> None:
    image = tools()
    copied(store, image, "/usr/bin/tool", "/x/")
    store.drop(digest_of(b"new"))
    image.read.clear()
    assert copied(store, image, "/usr/bin/tool", "/x/")[0][3] == b"new"
    assert image.read == [1]


@pytest.mark.parametrize("record", [b"", b"[]", b'{"usr/bin/tool":1}', b'{"usr/bin/tool":["x"]}'])
def test_a_damaged_record_is_no_record(store: BaseStore, record: bytes) -> None:
    image = tools()
    store.record("files", image.image("", LINUX)[0].digest.hex, record)
    assert copied(store, image, "/usr/bin/tool", "/x/")[0][3] == b"new"


def test_a_device_is_not_copied(store: BaseStore) -> None:
    image = Image([Entry("dev/null", b"3")])
    for source in ("/dev", "/dev/null"):
        with pytest.raises(PlanError, match=r"is a device or a pipe|is neither a file nor a folder"):
            copied(store, image, source, "/x/")


def test_a_file_without_content_is_an_error_that_says_so(store: BaseStore) -> None:
    image = Image([Entry("a", b"1", target="nowhere")])
    with pytest.raises(RunError, match="has no content: its image is broken"):
        copied(store, image, "/a", "/x/")


def test_files_of_the_project_are_beside_those_of_images(store: BaseStore) -> None:
    class Project:
        def executable(self, path: str) -> bool:
            return path == "p"

        def link_target(self, path: str) -> str:
            return f"to {path}"

        def chunks(self, path: str) -> list[bytes]:
            return [path.encode()]

    images = ImageFiles(store)
    copy = CopyPlan("/x", ("/usr/lib",), base=OTHER)
    names = {item.to: item.source for item in images.items(copy, tools(), LINUX, "")}
    files = AllFiles(Project(), images)
    assert (files.executable("p"), files.link_target("p"), list(files.chunks("p"))) == (True, "to p", [b"p"])
    assert files.link_target(names["/x/up"]) == "../bin"
    assert b"".join(files.chunks(names["/x/libz.so.1"])) == b"library"
    assert not files.executable(names["/x/libz.so.1"])
