import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import RunError
from runner.image import tar
from runner.image.tar import Entry, file_entry, tar_chunks

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=60).filter(
    lambda name: name not in {".", ".."}
)
PATHS = st.lists(NAMES, min_size=1, max_size=6).map("/".join)


def packed(*entries: Entry, mtime: int = 0) -> bytes:
    return b"".join(tar_chunks(entries, mtime))


def unpacked(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        return archive.getmembers()


@given(
    PATHS,
    st.binary(max_size=1500),
    st.integers(0, 0o7777),
    st.tuples(st.integers(0, 1 << 32), st.integers(0, 1 << 32)),
    st.integers(0, 1 << 36),
)
@settings(max_examples=300)
def test_an_independent_reader_finds_what_was_written(
    path: str, data: bytes, mode: int, owner: tuple[int, int], mtime: int
) -> None:
    entry = Entry(path, mode=mode, owner=owner, size=len(data), content=lambda: (data[:7], data[7:]))
    written = packed(entry, mtime=mtime)
    with tarfile.open(fileobj=io.BytesIO(written), mode="r:") as archive:
        (found,) = archive.getmembers()
        content = archive.extractfile(found)
        assert content is not None
        assert content.read() == data
    assert (found.name, found.mode, found.uid, found.gid, found.mtime) == (path, mode, *owner, mtime)
    assert found.isreg()
    assert (found.uname, found.gname) == ("", "")


@given(PATHS, PATHS)
def test_a_link_leads_where_it_said(path: str, target: str) -> None:
    (found,) = unpacked(packed(Entry(path, tar.LINK, 0o777, target=target)))
    assert found.issym()
    assert (found.name, found.linkname) == (path, target)


@given(st.lists(st.sampled_from(["a", "bb", "c" * 40]), min_size=1, max_size=8).map("/".join))
def test_a_folder_is_a_folder_however_long_its_name(path: str) -> None:
    (found,) = unpacked(packed(Entry(path, tar.FOLDER, 0o755)))
    assert found.isdir()
    assert found.name == path


@pytest.mark.parametrize(
    "path", ["app/gmicro", "a" * 100, "d" * 90 + "/" + "n" * 99, "p" * 155 + "/" + "n" * 100]
)
def test_what_fits_ustar_gets_no_pax_header(path: str) -> None:
    data = packed(file_entry(path, b""))
    assert data[156:157] == tar.FILE
    assert len(data) == 3 * 512


@pytest.mark.parametrize("path", ["ü", "n" * 101, "p" * 156 + "/" + "n" * 100])
def test_what_does_not_fit_ustar_gets_one(path: str) -> None:
    assert packed(file_entry(path, b""))[156:157] == b"x"


def test_the_first_entry_ends_within_two_blocks_where_no_header_is_needed() -> None:
    assert packed(file_entry("Dockerfile", b"FROM scratch\n"))[512:525] == b"FROM scratch\n"


def test_a_large_file_has_its_size_in_a_record() -> None:
    size = 8 << 30
    header = next(iter(tar_chunks([Entry("big", size=size)], 0)))
    assert b"19 size=8589934592\n" in header


def test_a_name_that_is_not_utf8_keeps_its_bytes() -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    data = packed(file_entry(name, b""))
    assert b"13 path=caf\xe9\n" in data
    assert unpacked(data)[0].name == name


@pytest.mark.parametrize("content", [b"12", b"1234"])
def test_content_of_another_length_is_an_error(content: bytes) -> None:
    with pytest.raises(RunError, match="`a` changed while it was read"):
        packed(Entry("a", size=3, content=lambda: (content,)))
