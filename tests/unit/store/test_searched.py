import os
import stat

import pytest

from runner.digest import digest_of
from runner.store.searched import SearchedBlobs, mark_of

ONE, OTHER = digest_of(b"1"), digest_of(b"2")


@pytest.fixture
def folder(tmp_path: "os.PathLike[str]") -> str:
    top = os.fspath(tmp_path)
    os.makedirs(f"{top}/layout/blobs/sha256")
    for digest in (ONE, OTHER):
        with open(f"{top}/layout/blobs/sha256/{digest.hex}", "wb"):
            pass
    return top


def test_what_was_looked_through_is_known_for_these_secrets_only(folder: str) -> None:
    SearchedBlobs(f"{folder}/layout", "mark").note(ONE)
    assert SearchedBlobs(f"{folder}/layout", "mark").clean(ONE)
    assert not SearchedBlobs(f"{folder}/layout", "mark").clean(OTHER)
    assert not SearchedBlobs(f"{folder}/layout", "other").clean(ONE)


def test_blobs_that_are_gone_are_forgotten(folder: str) -> None:
    SearchedBlobs(f"{folder}/layout", "mark").note(ONE)
    os.unlink(f"{folder}/layout/blobs/sha256/{ONE.hex}")
    SearchedBlobs(f"{folder}/layout", "mark").note(OTHER)
    assert os.listdir(f"{folder}/layout/searched") == [OTHER.hex]


def test_without_a_mark_nothing_is_kept(folder: str) -> None:
    searched = SearchedBlobs(f"{folder}/layout", None)
    searched.note(ONE)
    assert not searched.clean(ONE)
    assert not os.path.exists(f"{folder}/layout/searched")


def test_a_mark_is_the_users_own(folder: str) -> None:
    first = mark_of(f"{folder}/cache", b"value")
    assert first is not None
    assert mark_of(f"{folder}/cache", b"value") == first
    assert mark_of(f"{folder}/cache", b"other") != first
    assert mark_of(f"{folder}/another", b"value") != first
    key = os.stat(f"{folder}/cache/search-key")
    assert (stat.S_IMODE(key.st_mode), key.st_size) == (0o600, 32)
    assert os.listdir(f"{folder}/cache") == ["search-key"]


def test_a_damaged_key_is_made_anew(folder: str) -> None:
    first = mark_of(f"{folder}/cache", b"value")
    os.truncate(f"{folder}/cache/search-key", 5)
    second = mark_of(f"{folder}/cache", b"value")
    assert second not in {first, None}
    assert mark_of(f"{folder}/cache", b"value") == second


def test_where_no_key_can_be_kept_there_is_no_mark(folder: str) -> None:
    assert mark_of(None, b"value") is None
    with open(f"{folder}/file", "w", encoding="utf-8"):
        pass
    assert mark_of(f"{folder}/file/cache", b"value") is None
