import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.errors import PlanError
from runner.plan.git_index import SEARCHES, TrackedFiles

NAMES = st.sets(
    st.lists(
        st.sampled_from([b"a", b"b", b"ab", b"\xc3\xa9", b"a" * 200, b"b" * 2100]), min_size=1, max_size=4
    ).map(b"/".join),
    max_size=12,
).map(sorted)
MODE = b"\0\0\x81\xa4"


def offset_encoded(value: int) -> bytes:
    """A number in git's offset encoding."""
    data = [value & 127]
    while value := value >> 7:
        value -= 1
        data.insert(0, 128 | (value & 127))
    return bytes(data)


def index_of(names: list[bytes], version: int, hash_size: int) -> bytes:
    """An index as git writes it, with random bits for the hash and an extension behind the entries."""
    data = b"DIRC" + version.to_bytes(4) + len(names).to_bytes(4)
    before = b""
    for number, name in enumerate(names):
        extended = version > 2 and number % 2 == 0
        flags = min(len(name), 0xFFF) | (0x4000 if extended else 0)
        head = bytes([255 - number]) * 24 + MODE + b"\1" * 12 + b"a" * hash_size
        head += flags.to_bytes(2) + (b"\x40\0" if extended else b"")
        if version == 4:
            kept = next(
                (i for i, pair in enumerate(zip(before, name, strict=False)) if pair[0] != pair[1]), None
            )
            kept = min(len(before), len(name)) if kept is None else kept
            data += head + offset_encoded(len(before) - kept) + name[kept:] + b"\0"
        else:
            data += head + name + bytes(8 - (len(head) + len(name)) % 8)
        before = name
    return data + b"TREE\0\0\0\x08a\0001 1\na" + bytes(hash_size)


LAYOUTS = [(version, size) for version in (2, 3, 4) for size in (20, 32)]


@settings(max_examples=200, deadline=None)
@given(NAMES, NAMES, st.sampled_from(LAYOUTS), st.booleans())
@example([b"a/b" + b"a" * 300, b"b"], [b"a" * 300, b"b"], (2, 20), False)
def test_it_holds_what_was_written_and_nothing_else(
    names: list[bytes], asked: list[bytes], layout: tuple[int, int], whole: bool
) -> None:
    index = index_of(names, *layout)
    tracked = TrackedFiles(index)
    for _ in range(SEARCHES if whole else 0):
        tracked.holds(b"z")
    for path in {*asked, *names, *(name.rpartition(b"/")[2] for name in names), b"a", b"z"}:
        # Asked anew each time, the answer comes from a search where the version allows one.
        once = tracked if whole else TrackedFiles(index)
        assert once.holds(path) == (path in names)
        assert once.holds_beneath(path) == any(name.startswith(path + b"/") for name in names)


def test_names_that_end_alike_are_told_apart() -> None:
    # The bytes in front of `b` in the first name read as a length that fits the second.
    longer = b"x" * 60 + b"\x01\x2c" + b"b" * 300
    index = index_of([longer], 2, 20)
    assert not TrackedFiles(index).holds(b"b" * 300)
    assert TrackedFiles(index).holds(longer)


def test_no_index_tracks_nothing() -> None:
    tracked = TrackedFiles(b"")
    assert not tracked.holds(b"a")
    assert not tracked.holds_beneath(b"a")


@pytest.mark.parametrize(
    "index",
    [b"DIRC\0\0\0\5\0\0\0\0", b"text", index_of([b"a", b"b"], 4, 20)[:100], index_of([b"a"], 4, 20)[:50]],
)
def test_an_index_that_cannot_be_read_is_an_error(index: bytes) -> None:
    with pytest.raises(PlanError) as caught:
        TrackedFiles(index).holds(b"a")
    assert caught.value.message == "git's list of tracked files, `.git/index`, cannot be read"
