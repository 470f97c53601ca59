import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.digest import digest_of
from runner.store.action_cache import ActionCache
from runner.store.blob_store import BlobStore
from runner.store.reapi import ActionResult, OutputFile, OutputSymlink

KEY = digest_of(b"key").hex
RESULT = ActionResult((OutputFile("bin/ä", digest_of(b"x"), True),), (), 0, None, ())


@pytest.fixture
def cache(tmp_path: "os.PathLike[str]") -> ActionCache:
    return ActionCache(BlobStore(f"{os.fspath(tmp_path)}/store"))


def content(cache: ActionCache) -> bytes:
    with open(cache.path(KEY), "rb") as file:
        return file.read()


def overwrite(cache: ActionCache, data: bytes) -> None:
    with open(cache.path(KEY), "wb") as file:
        file.write(data)


def test_what_was_kept_is_known(cache: ActionCache) -> None:
    assert cache.get(KEY) is None
    cache.put(KEY, RESULT)
    assert cache.get(KEY) == RESULT
    other = ActionResult((), (), 0, None, (OutputSymlink("a", "b"),))
    cache.put(KEY, other)
    assert cache.get(KEY) == other
    assert cache.get(digest_of(b"other").hex) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_that_was_altered_in_any_way_is_not_known(cache: ActionCache, data: st.DataObject) -> None:
    cache.put(KEY, RESULT)
    whole = content(cache)
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = data.draw(
        st.sampled_from([whole[:at], whole + b"\0", whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]])
    )
    overwrite(cache, changed)
    assert cache.get(KEY) is None


def test_one_with_a_good_sum_that_is_no_result_is_not_known(cache: ActionCache) -> None:
    cache.put(KEY, RESULT)
    data = b"\x0f"
    overwrite(cache, b"pyrun result 1 " + digest_of(data).hex.encode() + b"\n" + data)
    assert cache.get(KEY) is None


def test_a_name_that_is_no_text_is_refused_and_nothing_is_kept(cache: ActionCache) -> None:
    with pytest.raises(UnicodeEncodeError):
        cache.put(KEY, ActionResult((OutputFile("\udcff", digest_of(b""), False),), (), 0, None, ()))
    assert cache.get(KEY) is None


def test_a_use_is_noted(cache: ActionCache) -> None:
    cache.used(KEY)
    cache.put(KEY, RESULT)
    os.utime(cache.path(KEY), (1, 1))
    assert cache.get(KEY) == RESULT
    assert os.stat(cache.path(KEY)).st_mtime == 1
    cache.used(KEY)
    assert os.stat(cache.path(KEY)).st_mtime > 1
