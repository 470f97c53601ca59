import gzip
import io
import tarfile

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import RunError
from runner.image import media_type, tar
from runner.image.base_tree import File, Folder, Listing, Merged, Other, Tree, What, contents
from runner.image.tar import Entry, file_entry, tar_chunks


def folder(path: str, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> Entry:
    return Entry(path, tar.FOLDER, mode, owner)


def link(path: str, target: str) -> Entry:
    return Entry(path, tar.LINK, 0o777, target=target)


def layer(*entries: Entry) -> bytes:
    return b"".join(tar_chunks(entries, 0))


def merged(*layers: list[Entry] | bytes) -> Listing:
    found = Merged()
    for one in layers:
        data = gzip.compress(one if isinstance(one, bytes) else layer(*one))
        found.apply(media_type.LAYER_GZIP, [data[:5], data[5:]])
    return found.listing()


def foreign(*members: tuple[str, bytes, str, bytes]) -> bytes:
    """A layer as other programs write it: name, type, target, content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, kind, target, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, target, len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def test_all_that_is_in_an_image_is_known() -> None:
    found = merged(
        [folder("tmp", 0o1777, (1, 2)), link("bin", "usr/bin"), file_entry("etc/passwd", b"abc", 0o600)],
        foreign(("dev/null", tarfile.CHRTYPE, "", b"")),
    )
    assert found.get("tmp") == Folder(0o1777, (1, 2))
    assert found.get("bin") == "usr/bin"
    assert found.get("etc/passwd") == File(0o600, (0, 0), 3, 0, "etc/passwd")
    assert found.get("etc") == Folder()
    assert found.get("dev/null") == Other()
    assert found.get("et") is None
    assert found.get("etc/passwd/x") is None


def test_names_as_other_programs_write_them_are_the_same() -> None:
    names = ("./a", "/b/", "./" + "n" * 120)
    found = merged(foreign(*((name, tarfile.DIRTYPE, "", b"") for name in names)))
    assert all(isinstance(found.get(name), Folder) for name in ("a", "b", "n" * 120))


def test_names_that_are_no_text_or_hold_what_separates_lines_are_found_again() -> None:
    names = ["new\nline", 'quote"', "back\\slash", "grüße", "b\udcff", "\U0001f600"]
    found = merged([file_entry(f"d/{name}", b"x") for name in sorted(names)])
    assert {path for path, _ in found.below("d")} == {f"d/{name}" for name in names}
    assert all(isinstance(found.get(f"d/{name}"), File) for name in names)


def test_a_later_layer_deletes_hides_and_replaces() -> None:
    found = merged(
        [folder("a"), folder("a/x"), folder("b"), folder("b/x"), folder("c"), folder("c/x"), folder("cc")],
        [file_entry(".wh.a", b""), folder("b", 0o700), file_entry("b/.wh..wh..opq", b""), folder("b/new")],
        [file_entry("c", b"")],
    )
    assert [path for path, _ in found.below("")] == ["b", "b/new", "c", "cc"]
    assert found.get("b") == Folder(0o700)
    assert isinstance(found.get("c"), File)


def test_what_a_layer_deletes_is_below_it_wherever_that_stands_in_it() -> None:
    found = merged(
        [folder("b"), file_entry("b/old", b"")], [file_entry("b/new", b""), file_entry("b/.wh..wh..opq", b"")]
    )
    assert [path for path, _ in found.below("")] == ["b", "b/new"]


def test_a_hard_link_is_the_file_that_it_is_another_name_of() -> None:
    found = merged(
        foreign(("a", tarfile.REGTYPE, "", b"abc")),
        foreign(("./b", tarfile.LNKTYPE, "./a", b""), ("c", tarfile.LNKTYPE, "nowhere", b"")),
    )
    assert found.get("b") == found.get("a")
    lost = found.get("c")
    assert isinstance(lost, File)
    assert lost.layer < 0


def test_a_later_layer_writes_through_links_as_those_who_unpack_do() -> None:
    found = merged(
        [folder("usr/bin"), link("bin", "usr/bin"), link("up", "usr/bin/../lib")],
        [file_entry("bin/sh", b""), file_entry("up/x", b""), file_entry("bin/.wh.gone", b"")],
    )
    assert isinstance(found.get("usr/bin/sh"), File)
    assert isinstance(found.get("usr/lib/x"), File)
    assert found.get("bin") == "usr/bin"
    with pytest.raises(RunError, match="in a circle"):
        merged([link("one", "two"), link("two", "one"), file_entry("one/x", b"")])


def test_links_on_the_way_are_followed_and_the_last_part_where_asked() -> None:
    tree = Tree(
        merged(
            [
                folder("usr"),
                folder("usr/bin"),
                link("bin", "usr/bin"),
                link("usr/local", "/opt/./x"),
                link("opt", "../../srv"),
                link("one", "two"),
                link("two", "one"),
            ]
        )
    )
    assert tree.resolved("bin/sh") == "usr/bin/sh"
    assert tree.resolved("bin") == "bin"
    assert tree.resolved("bin", last=True) == "usr/bin"
    assert tree.resolved("usr/local/lib") == "srv/x/lib"
    with pytest.raises(RunError, match="in a circle"):
        tree.resolved("one/x")
    tree.put("bin", None)
    tree.put("bin", Folder())
    assert tree.resolved("bin/sh") == "bin/sh"


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)
WHAT = (
    st.builds(Folder, st.integers(0, 0o7777), st.tuples(st.integers(0, 9), st.integers(0, 9)))
    | PATHS
    | st.none()
)


def of(base: list[Entry]) -> Tree:
    return Tree(merged(base))


@given(st.lists(PATHS), st.lists(st.tuples(PATHS, WHAT)), PATHS)
def test_what_is_no_folder_has_nothing_below_it(
    base: list[str], entries: list[tuple[str, Folder | str | None]], path: str
) -> None:
    tree = of([folder(name) for name in base])
    for name, what in entries:
        tree.put(name, what)
    tree.put(path, None)
    assert tree.get(path) is None
    assert all(tree.get(f"{path}/{name}") is None for name in "abc")


@given(st.lists(st.tuples(PATHS, WHAT)), PATHS)
def test_what_was_put_is_there_until_something_else_is(
    entries: list[tuple[str, Folder | str | None]], path: str
) -> None:
    tree = of([folder("a"), folder("a/b"), link("b", "a"), file_entry("c", b"")])
    known: dict[str, What | None] = {}
    for name, what in entries:
        tree.put(name, what)
        # A folder keeps what is below it; anything else has nothing there, and has folders above it.
        if not isinstance(what, Folder):
            known = {one: was for one, was in known.items() if not one.startswith(f"{name}/")}
        known[name] = what
        parts = name.split("/")
        for above in ("/".join(parts[:end]) for end in range(1, len(parts))):
            if above in known and not isinstance(known[above], (Folder, str)):
                known[above] = Folder()
    if path in known:
        assert tree.get(path) == known[path]
        assert tree.was_put(path)


NAMES = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=5).filter(
    lambda name: name not in {".", ".."} and not name.startswith(".wh.")
)


@given(st.lists(st.tuples(NAMES, NAMES)), NAMES)
def test_a_listing_finds_what_is_there_and_nothing_else(pairs: list[tuple[str, str]], other: str) -> None:
    names = {f"{one}/{two}" for one, two in pairs}
    found = merged([file_entry(name, name.encode()) for name in sorted(names)])
    again = Listing(found.data)
    for name in names:
        one = again.get(name)
        assert isinstance(one, File)
        assert one.size == len(name.encode())
    folders = {one for one, _ in pairs}
    assert {path for path, _ in again.below("")} == names | folders
    for one in folders:
        assert {path for path, _ in again.below(one)} == {
            name for name in names if name.startswith(f"{one}/")
        }
    assert (again.get(other) is None) == (other not in folders)


def test_files_are_read_out_of_a_layer() -> None:
    data = layer(folder("a"), file_entry("a/one", b"1" * 3000), file_entry("a/two", b"2"), link("a/l", "one"))
    found = {
        path: b"".join(chunks)
        for path, chunks in contents(media_type.LAYER, [data], {"a/one", "a/two", "a/l", "b"})
    }
    assert found == {"a/one": b"1" * 3000, "a/two": b"2"}


def test_a_layer_may_be_packed_by_zstd_in_several_frames() -> None:
    data = layer(file_entry("a", b"x" * 5000))
    packed = zstandard.compress(data[:700]) + zstandard.compress(data[700:])
    for size in (1, 100, len(packed)):
        found = Merged()
        found.apply(media_type.LAYER_ZSTD, [packed[at : at + size] for at in range(0, len(packed), size)])
        assert isinstance(found.listing().get("a"), File)


def test_what_is_to_be_skipped_in_zstd_is_skipped() -> None:
    data = layer(file_entry("a", b"x" * 5000))
    skipped = b"\x50\x2a\x4d\x18\x0a\0\0\0" + b"x" * 10
    found = Merged()
    found.apply(media_type.LAYER_ZSTD, [skipped + zstandard.compress(data) + skipped])
    assert isinstance(found.listing().get("a"), File)


@pytest.mark.parametrize(
    ("media", "data"),
    [
        (media_type.LAYER_GZIP, b""),
        (media_type.LAYER_GZIP, b"\x1f\x8b"),
        (media_type.LAYER_GZIP, b"no gzip at all"),
        (media_type.LAYER_GZIP, gzip.compress(b"x" * 999, mtime=0)[:-9]),
        (media_type.LAYER_GZIP, gzip.compress(layer(file_entry("a", b"x" * 3000))[:1024], mtime=0)),
        (media_type.LAYER_ZSTD, b""),
        (media_type.LAYER_ZSTD, b"no zstd at all"),
        (media_type.LAYER_ZSTD, zstandard.compress(b"x" * 999)[:-3]),
        (media_type.LAYER, b"no tar at all" * 100),
    ],
)
def test_a_damaged_layer_is_an_error_of_ours(media: str, data: bytes) -> None:
    with pytest.raises(RunError, match="damaged"):
        Merged().apply(media, [data])


def test_a_layer_of_another_kind_is_an_error_of_ours() -> None:
    with pytest.raises(RunError, match="not known here"):
        Merged().apply("application/x", [])


def lines(text: bytes) -> bytes:
    return b"tree 1 %d\n%b" % (len(text), text)


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"tree 1 5\n", b"tree 2 0\n", b"tree 1 0\nx", merged([folder("a")]).data[:-1]],
)
def test_a_listing_that_is_not_whole_is_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(RunError, match="damaged"):
        Listing(data)


@pytest.mark.parametrize("what", [b"", b"x", b"d", b"d755 0", b"f1", b'l"', b"dx 0 0"])
def test_a_line_that_cannot_be_is_an_error_of_ours(what: bytes) -> None:
    with pytest.raises(RunError, match="damaged"):
        Listing(lines(b"a\0%b\n" % what)).get("a")
