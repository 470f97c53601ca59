import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.errors import PyrunError
from runner.store import model_cache
from runner.store.model_cache import load_model, save_model
from runner.system.file_states import signature

TEXT = b"tasks: {a: {usage: \xc3\xa9, run: x}, b: {run: y}}"


class Cached:
    """A file and a cache folder.

    Args:
        folder: Where they are made.
    """

    def __init__(self, folder: str) -> None:
        self.file = f"{folder}/tasks.yml"
        self.folder = f"{folder}/cache"

    def write(self, data: bytes = TEXT) -> None:
        with open(self.file, "wb") as file:
            file.write(data)

    def save(self) -> None:
        project = decode(TEXT, "tasks.yml")
        save_model(self.folder, self.file, project, signature(self.file), {})

    def save_with(self, *others: str) -> None:
        """Save, the model having come from other files and folders, too."""
        seen = {other: signature(other) or "" for other in others}
        save_model(self.folder, self.file, decode(TEXT, "tasks.yml"), signature(self.file), seen)

    def loads(self) -> bool:
        return load_model(self.folder, self.file) is not None

    def kept(self) -> list[str]:
        """The files in the cache."""
        return sorted(f"{at}/{name}" for at, _, names in os.walk(self.folder) for name in names)


@pytest.fixture
def cached(tmp_path: "os.PathLike[str]", monkeypatch: pytest.MonkeyPatch) -> Cached:
    """A file that counts as settled however new it is."""
    monkeypatch.setattr(model_cache, "GRAIN", -(10**12))
    one = Cached(os.fspath(tmp_path))
    one.write()
    return one


def test_what_was_saved_is_loaded(cached: Cached) -> None:
    assert not cached.loads()
    cached.save()
    found = load_model(cached.folder, cached.file)
    assert found is not None
    want = decode(TEXT, "tasks.yml")
    assert found.head == want.head
    assert found.names() == ("a", "b")
    assert [found.task(name) for name in "ab"] == [want.task(name) for name in "ab"]


def test_nothing_but_the_model_is_left(cached: Cached) -> None:
    cached.save()
    cached.save()
    assert len(cached.kept()) == 1


@pytest.mark.parametrize("change", ["content", "time", "mode", "replaced", "gone"])
def test_another_stat_is_another_file(cached: Cached, change: str) -> None:
    cached.save()
    if change == "content":
        cached.write(TEXT + b"\n")
    elif change == "time":
        os.utime(cached.file, ns=(1, 1))
    elif change == "mode":
        os.chmod(cached.file, 0o600)
    elif change == "replaced":
        os.rename(cached.file, f"{cached.file}.old")
        cached.write()
    else:
        os.unlink(cached.file)
    assert not cached.loads()


def test_a_file_that_changed_while_it_was_read_is_not_kept(cached: Cached) -> None:
    before = signature(cached.file)
    cached.write(b"tasks: {}")
    save_model(cached.folder, cached.file, decode(TEXT, "tasks.yml"), before, {})
    save_model(cached.folder, cached.file, decode(TEXT, "tasks.yml"), None, {})
    os.unlink(cached.file)
    save_model(cached.folder, cached.file, decode(TEXT, "tasks.yml"), before, {})
    assert cached.kept() == []


def test_a_file_of_this_very_moment_is_not_kept(cached: Cached, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_cache, "GRAIN", 10**12)
    cached.save()
    assert cached.kept() == []


def test_another_version_of_pyrun_reads_the_file_anew(
    cached: Cached, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached.save()
    monkeypatch.setattr(model_cache, "FORMAT", "pyrun model 1 99.0")
    assert not cached.loads()
    cached.save()
    assert cached.loads()


@pytest.mark.parametrize("name", ["other.yml", "tab\there", "new\nline", "é", "\udcff"])
def test_a_model_counts_as_long_as_all_that_it_came_from_stays(
    cached: Cached, tmp_path: "os.PathLike[str]", name: str
) -> None:
    folder = f"{os.fspath(tmp_path)}/{name}.d"
    other, missing = f"{folder}/{name}", f"{folder}/missing"
    os.mkdir(folder)
    with open(other, "w") as file:
        file.write("one")
    changes: tuple[Callable[[], None], ...] = (
        lambda: os.utime(other, ns=(1, 1)),
        lambda: os.unlink(other),
        lambda: os.mkdir(missing),
        lambda: os.rmdir(missing),
        lambda: os.mkdir(f"{folder}/new"),
    )
    for change in changes:
        cached.save_with(other, missing, folder)
        assert cached.loads()
        change()
        assert not cached.loads()


def test_what_changed_while_it_was_read_is_not_kept(cached: Cached, tmp_path: "os.PathLike[str]") -> None:
    other = f"{os.fspath(tmp_path)}/other"
    seen = {other: signature(other) or ""}
    os.mkdir(other)
    save_model(cached.folder, cached.file, decode(TEXT, "tasks.yml"), signature(cached.file), seen)
    assert cached.kept() == []


NAMES = ["%2F", "a%b", "é", "\udcff", "x" * 250, "a b", "new\nline", "tab\tname", "a.1", "-"]


@pytest.mark.parametrize("name", NAMES)
def test_any_path_has_a_model_of_its_own(cached: Cached, name: str, tmp_path: "os.PathLike[str]") -> None:
    cached.save()
    folder = f"{os.fspath(tmp_path)}/{name}"
    os.mkdir(folder)
    other = Cached(folder)
    other.folder = cached.folder
    other.write()
    assert not other.loads()
    other.save()
    assert other.loads()
    assert cached.loads()
    assert len(cached.kept()) == 2
    assert all(os.path.dirname(path) == f"{cached.folder}/models" for path in cached.kept())


def test_the_model_of_another_path_is_not_taken(cached: Cached) -> None:
    cached.save()
    (place,) = cached.kept()
    with open(place, "rb") as file:
        data = file.read()
    with open(place, "wb") as file:
        file.write(data.replace(b"/tasks.yml\t", b"/tasks.yaml\t", 1))
    assert not cached.loads()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 1), st.integers(0, 30), st.binary(max_size=6))
def test_a_damaged_model_is_told_or_as_good_as_none(
    cached: Cached, place: float, gone: int, new: bytes
) -> None:
    cached.save()
    (path,) = cached.kept()
    with open(path, "rb") as file:
        data = file.read()
    at = int(place * len(data))
    with open(path, "wb") as file:
        file.write(data[:at] + new + data[at + gone :])
    found = load_model(cached.folder, cached.file)
    if found is None:
        return
    try:
        for name in found.names():
            found.task(name)
    except PyrunError:
        return


@pytest.mark.parametrize("end", [0, 1, 20, -1, -20])
def test_a_model_that_ends_early_is_none(cached: Cached, end: int) -> None:
    cached.save()
    (path,) = cached.kept()
    os.truncate(path, end if end >= 0 else os.path.getsize(path) + end)
    assert not cached.loads()


def test_a_cache_that_can_not_be_written_is_no_error(cached: Cached) -> None:
    with open(cached.folder, "wb"):
        pass
    cached.save()
    assert not cached.loads()
    os.unlink(cached.folder)
    os.makedirs(f"{cached.folder}/models")
    for name in ("models", "models/x"):
        assert load_model(cached.folder, f"{cached.folder}/{name}") is None
