"""The first difference of two images, down to the byte, and none between an image and itself."""

import io
import tarfile
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.digest import Digest, digest_of
from runner.image import media_type
from runner.image.compare import Difference, Side, first_difference
from runner.image.descriptor import Descriptor
from runner.image.image_config import ImageConfig
from runner.image.index import Index
from runner.image.layer import packed
from runner.image.manifest import Manifest
from runner.plan.platform import Platform

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
WORDS = "pyrun copy to /app/"


class Store:
    """Blobs in memory."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def put(self, kind: str, data: bytes, platform: Platform | None = None) -> Descriptor:
        digest = digest_of(data)
        self.blobs[digest.hex] = data
        return Descriptor(kind, digest, (), platform)

    def chunks(self, digest: Digest) -> Iterable[bytes]:
        data = self.blobs[digest.hex]
        return (data[at : at + 1000] for at in range(0, len(data), 1000))

    def side(self, head: Descriptor) -> Side:
        return Side(head, lambda one: self.blobs[one.digest.hex], self.chunks)


STORE = Store()


def entry(
    name: str = "app", data: bytes = b"", mode: int = 0o644, uid: int = 0, link: str = "", mtime: int = 0
) -> tuple[tarfile.TarInfo, bytes]:
    found = tarfile.TarInfo(name)
    found.size, found.mode, found.uid, found.mtime = len(data), mode, uid, mtime
    if link:
        found.type, found.linkname = tarfile.SYMTYPE, link
    return found, data


def layer(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for found, data in entries:
            archive.addfile(found, io.BytesIO(data))
    return out.getvalue()


def image(*layers: bytes, env: tuple[str, ...] = (), platform: Platform = AMD64) -> Side:
    config = ImageConfig(
        platform,
        {"Env": list(env)},
        tuple(digest_of(one) for one in layers),
        tuple({"created_by": WORDS} for _ in layers),
    )
    manifest = Manifest(
        STORE.put(media_type.CONFIG, config.encode()),
        tuple(STORE.put(media_type.LAYER_GZIP, b"".join(packed([one]))) for one in layers),
    )
    return STORE.side(STORE.put(media_type.MANIFEST, manifest.encode(), platform))


def difference(one: bytes, other: bytes) -> Difference:
    same = layer(entry("same", b"same"))
    found = first_difference(image(same, one), image(same, other))
    assert found is not None
    assert found.words == WORDS
    return found


def test_an_image_does_not_differ_from_itself() -> None:
    data = layer(entry("app", b"data"))
    assert first_difference(image(data), image(data)) is None


@pytest.mark.parametrize(
    ("one", "other", "what", "first", "second"),
    [
        ({"mode": 0o644}, {"mode": 0o4755}, "the mode of `/app`", "0644", "4755"),
        ({"uid": 0}, {"uid": 7}, "the owner of `/app`", "0:0", "7:0"),
        ({"mtime": 0}, {"mtime": 5}, "the time of `/app`", "0", "5"),
        ({"link": "a"}, {"link": "b"}, "where the link leads: `/app`", "a", "b"),
        ({"link": "a"}, {}, "the kind of `/app`", "a link", "a file"),
        ({}, {"name": "other"}, "what comes next", "`/app`", "`/other`"),
        ({"data": b"abc"}, {"data": b"abcd"}, "byte 3 of `/app`", "its end", "`abcd`"),
        ({"data": b"\0bc"}, {"data": b"\0bd"}, "byte 2 of `/app`", "00 62 63", "00 62 64"),
    ],
)
def test_entries_that_differ(
    one: dict[str, object], other: dict[str, object], what: str, first: str, second: str
) -> None:
    found = difference(layer(entry(**one)), layer(entry(**other)))  # type: ignore[arg-type]
    assert (found.what, found.first, found.second) == (what, first, second)


def test_an_entry_more() -> None:
    found = difference(layer(entry()), layer(entry(), entry("more")))
    assert (found.what, found.first, found.second) == ("what comes next", "no further entry", "`/more`")


@given(st.integers(0, 3 << 20), st.integers(0, 3 << 20))
def test_the_byte_is_the_first_that_differs(one: int, other: int) -> None:
    data = bytearray(3 << 20)
    first = layer(entry("app", bytes(data)))
    data[one % len(data)] = 1
    data[other % len(data)] = 1
    found = difference(first, layer(entry("app", bytes(data))))
    assert found.what == f"byte {min(one % len(data), other % len(data))} of `/app`"


def test_around_it_is_what_one_may_guess_from() -> None:
    before, behind = b"x" * 2000, b"y" * 2000
    found = difference(layer(entry("a", before + b"1" + behind)), layer(entry("a", before + b"2" + behind)))
    assert found.first == "`" + "x" * 8 + "1" + "y" * 15 + "`"
    assert found.content == (b"x" * 256 + b"1" + b"y" * 255, b"x" * 256 + b"2" + b"y" * 255)


def test_layers_that_are_packed_otherwise() -> None:
    data = layer(entry("a", b"data"))
    one = image(data)
    manifest = Manifest(
        STORE.put(media_type.CONFIG, ImageConfig(AMD64, {}, (digest_of(data),)).encode()),
        (STORE.put(media_type.LAYER, data),),
    )
    found = first_difference(one, STORE.side(STORE.put(media_type.MANIFEST, manifest.encode())))
    assert found is not None
    assert found.what == "how a layer is packed"


def test_more_layers() -> None:
    data = layer(entry("a", b"data"))
    found = first_difference(image(data), image(data, data))
    assert found == Difference("how many layers it has", "1", "2")


def test_the_config_comes_behind_the_layers() -> None:
    data = layer(entry("a", b"data"))
    found = first_difference(image(data, env=("A=1", "B=1")), image(data, env=("A=1", "B=2")))
    assert found == Difference("its config at `config.Env`", "`B=1`", "`B=2`")


def test_the_images_of_an_index_are_looked_at_one_by_one() -> None:
    def index(*sides: Side) -> Side:
        return STORE.side(STORE.put(media_type.INDEX, Index(tuple(side.head for side in sides)).encode()))

    same = image(layer(entry("a", b"1")))
    arm = [image(layer(entry("a", data)), platform=ARM64) for data in (b"1", b"2")]
    assert first_difference(index(same, arm[0]), index(same, arm[0])) is None
    found = first_difference(index(same, arm[0]), index(same, arm[1]))
    assert found is not None
    assert found.what == "byte 0 of `/a`"
    found = first_difference(index(same, arm[0]), index(same))
    assert found == Difference("its platforms", "linux/arm64", "None")
    found = first_difference(index(same), same)
    assert found is not None
    assert found.what == "what it is"
