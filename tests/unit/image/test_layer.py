import gzip
import hashlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from runner.digest import digest_of
from runner.errors import PlanError
from runner.image import tar
from runner.image.layer import Layer, check_name, layer_key, packed
from runner.image.tar import Entry, file_entry, tar_chunks
from runner.system.ahead import ahead


@given(st.lists(st.binary(max_size=5000), max_size=4), st.integers(1, 3000))
def test_a_layer_is_its_tar_however_it_is_cut(contents: list[bytes], member: int) -> None:
    entries = [file_entry(f"f{number}", data) for number, data in enumerate(contents)]
    plain = b"".join(tar_chunks(entries, 7))
    layer = Layer(entries, 7, member)
    pieces = list(layer.compressed())
    assert gzip.decompress(b"".join(pieces)) == plain
    assert len(pieces) == -(-len(plain) // member)
    assert (layer.diff_id.hex, layer.diff_id.size) == (hashlib.sha256(plain).hexdigest(), len(plain))


def test_a_small_layer_is_one_member_and_its_bytes_are_known() -> None:
    (data,) = Layer([file_entry("app/gmicro", b"binary", 0o755)], 0).compressed()
    # No name, no time, an unknown system.
    assert data[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    assert digest_of(data).hex == "89fdf608e93cc0c69293527529f34b21d38a07e21e67279b3d9deba09dfa73ec"


@given(st.lists(st.binary(max_size=5000), max_size=4), st.integers(1, 3000))
def test_zstd_holds_the_same_tar(contents: list[bytes], member: int) -> None:
    entries = [file_entry(f"f{number}", data) for number, data in enumerate(contents)]
    layer = Layer(entries, 7, member, "zstd")
    pieces = list(layer.compressed())
    with zstandard.ZstdDecompressor().stream_reader(b"".join(pieces), read_across_frames=True) as reader:
        plain = reader.read()
    assert plain == b"".join(tar_chunks(entries, 7))
    assert layer.diff_id == digest_of(plain)
    assert pieces == list(Layer(entries, 7, member, "zstd").compressed())


def test_a_tar_from_elsewhere_is_packed_as_our_own_are() -> None:
    entries = [file_entry("app/gmicro", b"binary", 0o755)]
    for compression in ("gzip", "zstd"):
        own = b"".join(Layer(entries, 0, compression=compression).compressed())
        chunks = list(tar_chunks(entries, 0))
        assert b"".join(packed(chunks, compression)) == own
        assert b"".join(packed([b"".join(chunks)], compression)) == own


def test_the_key_changes_with_each_thing_that_changes_the_layer() -> None:
    one = digest_of(b"one")
    entry = Entry("a", size=3)
    keys = [
        layer_key([(entry, one)], 0),
        layer_key([(entry, digest_of(b"two"))], 0),
        layer_key([(entry, one)], 1),
        layer_key([(Entry("b", size=3), one)], 0),
        layer_key([(Entry("a", size=3, mode=0o755), one)], 0),
        layer_key([(Entry("a", size=3, owner=(0, 1)), one)], 0),
        layer_key([(Entry("a", tar.FOLDER), None)], 0),
        layer_key([(Entry("a", tar.LINK, target="x"), None)], 0),
        layer_key([(Entry("a", tar.LINK, target="y"), None)], 0),
        layer_key([], 0),
        layer_key([(entry, one)], 0, "zstd"),
    ]
    assert len({key.hex for key in keys}) == len(keys)
    assert layer_key([(Entry("a", size=3, content=lambda: [b"other"]), one)], 0) == keys[0]


@pytest.mark.parametrize("path", [".wh.a", "app/.wh.a", "app/.wh..wh..opq", "", "a\0b"])
def test_a_name_that_means_something_else_in_a_layer_is_refused(path: str) -> None:
    with pytest.raises(PlanError):
        check_name(path)


def test_other_names_are_not() -> None:
    check_name("app/.whatever")
    check_name(".wh/a")


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_the_bytes_do_not_hang_on_how_many_are_packed_at_once(compression: str) -> None:
    entries = [file_entry(f"f{number}", bytes(range(256)) * 40 * number) for number in range(20)]
    one, other = (Layer(entries, 7, 4096, compression) for _ in range(2))
    assert b"".join(one.compressed(ahead)) == b"".join(other.compressed())
    assert one.diff_id == other.diff_id
