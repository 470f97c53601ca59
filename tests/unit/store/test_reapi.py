import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.digest import Digest
from runner.store import reapi
from runner.store.reapi import (
    ActionResult,
    Directory,
    DirectoryNode,
    Extra,
    FileNode,
    Made,
    MalformedError,
    Metadata,
    Moment,
    OutputDirectory,
    OutputFile,
    OutputSymlink,
    SymlinkNode,
    Tree,
    decode,
    encode,
)

KINDS = [
    kind
    for kind in vars(reapi).values()
    if isinstance(kind, type) and hasattr(kind, "FIELDS") and kind.FIELDS
]
HEX = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

text = st.text(st.characters(codec="utf-8"), max_size=8)
whole = st.integers(-(1 << 63), (1 << 63) - 1)
digests = st.builds(Digest, text, whole)
maybe_digest = st.none() | digests


def some(of: "st.SearchStrategy[object]") -> "st.SearchStrategy[tuple[object, ...]]":
    return st.lists(of, max_size=3).map(tuple)


directories = st.builds(
    Directory,
    some(st.builds(FileNode, text, maybe_digest, st.booleans())),
    some(st.builds(DirectoryNode, text, maybe_digest)),
    some(st.builds(SymlinkNode, text, text)),
)
moments = st.none() | st.builds(Moment, whole, whole)
messages = st.one_of(
    digests,
    directories,
    st.builds(Tree, st.none() | directories, some(directories)),
    st.builds(Made, text, text, maybe_digest),
    st.builds(
        ActionResult,
        some(st.builds(OutputFile, text, maybe_digest, st.booleans())),
        some(st.builds(OutputDirectory, text, maybe_digest)),
        whole,
        st.none()
        | st.builds(Metadata, moments, some(st.builds(Extra, text, st.binary(max_size=8))), moments),
        some(st.builds(OutputSymlink, text, text)),
    ),
)


@given(messages)
def test_what_was_written_is_read_again(message: object) -> None:
    assert decode(type(message), encode(message)) == message


@given(messages, messages)
def test_equal_messages_have_equal_bytes_and_others_others(one: object, other: object) -> None:
    if type(one) is type(other):
        assert (encode(one) == encode(other)) == (one == other)


@given(st.sampled_from(KINDS), st.binary())
def test_any_bytes_are_a_message_or_are_refused(kind: type, data: bytes) -> None:
    try:
        found: object = decode(kind, data)
    except MalformedError:
        return
    assert type(found) is kind


@given(messages, st.data())
def test_a_torn_or_altered_message_is_a_message_or_is_refused(message: object, data: st.DataObject) -> None:
    whole_text = encode(message)
    at = data.draw(st.integers(0, len(whole_text)))
    instead = data.draw(st.binary(max_size=3))
    try:
        found = decode(type(message), whole_text[:at] + instead + whole_text[at + len(instead) :])
    except MalformedError:
        return
    assert type(found) is type(message)


def test_the_bytes_are_those_of_the_protocol() -> None:
    digest = Digest("ab", 300)
    assert encode(digest) == b"\x0a\x02ab\x10\xac\x02"
    node = FileNode("f", digest, True)
    assert encode(node) == b"\x0a\x01f\x12\x07" + encode(digest) + b"\x20\x01"
    assert encode(SymlinkNode("l", "t")) == b"\x0a\x01l\x12\x01t"
    assert encode(OutputDirectory("d", digest)) == b"\x0a\x01d\x1a\x07" + encode(digest)
    result = ActionResult((), (), -1, Metadata(Moment(1, 2), (Extra("k", b"v"),), Moment(3, 0)), ())
    metadata = b"\x42\x04\x08\x01\x10\x02" + b"\x5a\x06\x0a\x01k\x12\x01v" + b"\x62\x02\x08\x03"
    assert encode(result) == b"\x20" + b"\xff" * 9 + b"\x01" + b"\x4a\x12" + metadata
    assert encode(ActionResult((), (), 0, None, (OutputSymlink("p", "t"),))) == b"\x62\x06\x0a\x01p\x12\x01t"
    assert encode(Directory((), (), ())) == b""


def test_fields_of_later_versions_are_passed_over() -> None:
    data = encode(Digest(HEX, 3))
    extra = b"\x2a\x03abc" + b"\x30\x05" + b"\x39" + bytes(8) + b"\x45" + bytes(4)
    assert decode(Digest, extra + data + extra) == Digest(HEX, 3)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x0a\x02a", "it ends too early"),
        (b"\x0a", "it ends too early"),
        (b"\x10" + b"\xff" * 10, "a number is too long"),
        (b"\x10" + b"\xff" * 9 + b"\x7f", "a number is too long"),
        (b"\x0b", "an unknown wire type"),
        (b"\x02\x00", "a field has no number"),
        (b"\x08\x01", "a field is of another type"),
        (b"\x12\x01a", "a field is of another type"),
        (b"\x0d" + bytes(4), "a field is of another type"),
        (b"\x0a\x01\xff", "a text is not UTF-8"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        decode(Digest, data)


def test_what_can_not_be_written_is_refused() -> None:
    with pytest.raises(ValueError, match="out of bounds"):
        encode(Digest("", 1 << 63))
    with pytest.raises(UnicodeEncodeError):
        encode(SymlinkNode("\udcff", ""))
