"""`tasks.lock`: what it says is read or refused with its place, and what is written keeps all that stood there."""

import os
import threading
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Faults, FileError
from runner.store.lock_file import NAME, parse_pins, read_pins, save_pins, with_pins

ONE, TWO, THREE = (f"sha256:{digit * 64}" for digit in "1a3")
ALPINE, GO = "docker.io/library/alpine:3.22", "docker.io/library/golang:1.24"
OWN = "registry.example.org:5000/team/base:7"
HEAD = """\
# What the names of images in tasks.yml stand for. pyrun adds each name on its first use, and goes by this file
# from then on; `--update` lets the names that a task uses stand for what their registries have. Keep it in git.

"""


def test_a_new_file_says_what_it_is_and_has_a_line_a_name_sorted() -> None:
    written = with_pins(b"", {GO: TWO, ALPINE: ONE, OWN: THREE}).decode()
    assert written == f"{HEAD}{ALPINE} {ONE}\n{GO} {TWO}\n{OWN} {THREE}\n"


def test_what_people_wrote_stays_where_it_is() -> None:
    before = (
        "# our own words\n\n\n"
        f"# stays until the move\r\n  alpine:3.22\t{ONE}  \r\n"
        f"\n# for the old service\n{OWN} {THREE}\n# the end"
    )
    after = with_pins(before.encode(), {GO: TWO, ALPINE: TWO, "zzz.example.org/a:1": ONE}).decode()
    assert after == (
        "# our own words\n\n\n"
        f"# stays until the move\n{ALPINE} {TWO}\n"
        f"\n{GO} {TWO}\n# for the old service\n{OWN} {THREE}\n# the end\n\nzzz.example.org/a:1 {ONE}\n"
    )


def test_a_name_in_front_of_all_others_comes_behind_the_words_at_the_top() -> None:
    assert with_pins(f"# top\n{GO} {TWO}\n".encode(), {ALPINE: ONE}).decode() == (
        f"# top\n{ALPINE} {ONE}\n{GO} {TWO}\n"
    )


def test_one_image_has_one_digest_however_it_is_spelled() -> None:
    assert parse_pins(f"alpine:3.22 {ONE}\nindex.docker.io/library/golang:1.24 {TWO}\n".encode()) == {
        ALPINE: ONE,
        GO: TWO,
    }


def test_lines_that_a_merge_took_from_both_sides_count_once() -> None:
    assert parse_pins(f"{GO} {TWO}\n{ALPINE} {ONE}\n{GO} {TWO}".encode()) == {GO: TWO, ALPINE: ONE}


@pytest.mark.parametrize(
    ("line", "message", "column", "length", "hint"),
    [
        ("  alpine:3.22", "here is a name and nothing else", 3, 11, f"such as `{ALPINE} sha256:…`"),
        (f"{GO} {ONE} # why", "here is more than a name and a digest", 1, 107, f"such as `{GO} sha256:…`"),
        (
            f"{GO} {ONE[:-1]}",
            f"`{ONE[:-1]}` is no digest",
            31,
            70,
            "`sha256:` and 64 digits from `0` to `f`, in lower case",
        ),
        (
            f"{GO} {TWO.upper()}",
            f"`{TWO.upper()}` is no digest",
            31,
            71,
            "`sha256:` and 64 digits from `0` to `f`, in lower case",
        ),
        (
            f"{GO}@{ONE} {ONE}",
            f"`{GO}@{ONE}` is no name that a digest can be kept for",
            1,
            101,
            "a name and a tag",
        ),
        (
            f"alpine:3.22 {TWO}",
            "`alpine:3.22` has another digest further up",
            1,
            83,
            "keep one of the two lines",
        ),
        (
            "<<<<<<< HEAD",
            "a conflict of git's stands here",
            1,
            12,
            "keep one line for each name; for a digest that is not in tasks.lock the registry is asked",
        ),
    ],
)
def test_a_wrong_line_is_told_with_its_place(
    line: str, message: str, column: int, length: int, hint: str
) -> None:
    with pytest.raises(FileError) as caught:
        parse_pins(f"# head\n{ALPINE} {ONE}\n{line}\n".encode())
    at = caught.value.at
    assert at is not None
    assert (caught.value.message, at.path, at.line, at.column, at.length, caught.value.hint) == (
        message,
        "tasks.lock",
        3,
        column,
        length,
        hint,
    )


def test_all_wrong_lines_are_told_at_once_but_of_a_conflict_the_first_only() -> None:
    with pytest.raises(Faults) as caught:
        parse_pins(b"one\ntwo\n<<<<<<< HEAD\nthree\n=======\nfour\n>>>>>>> x\n")
    assert [error.at.line if error.at else 0 for error in caught.value.errors] == [1, 2, 3]


def test_what_is_no_text_is_told_with_its_place() -> None:
    with pytest.raises(FileError) as caught:
        parse_pins(b"# \xc3\xa4\nabc\xff\n")
    at = caught.value.at
    assert at is not None
    assert (caught.value.message, at.line, at.column) == ("this is no text in UTF-8", 2, 4)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = parse_pins(data)
    except (FileError, Faults):
        return
    assert parse_pins(with_pins(data, found)) == found


_NAMES = st.from_regex(r"\A[a-z]{1,3}(/[a-z]{1,3})?(:[a-z0-9]{1,3})?\Z")
_PINS = st.dictionaries(
    _NAMES.map(lambda name: f"r.example.org/{name.replace(':', '/')}:1"), st.sampled_from((ONE, TWO, THREE))
)


@given(_PINS, _PINS)
def test_what_is_written_is_read_again_and_sorted(
    before: Mapping[str, str], changes: Mapping[str, str]
) -> None:
    first = with_pins(b"", before)
    second = with_pins(first, changes)
    assert parse_pins(second) == {**before, **changes}
    names = [line.split()[0] for line in second.decode().splitlines() if line and line[0] != "#"]
    assert names == sorted(names)
    kept = set(first.decode().splitlines()) - set(second.decode().splitlines())
    assert all(line.split()[0] in changes for line in kept)


def test_the_first_to_write_a_name_is_right_unless_it_is_to_be_replaced(tmp_path: "os.PathLike[str]") -> None:
    top = os.fspath(tmp_path)
    assert read_pins(top) == {}
    assert save_pins(top, {GO: ONE}, replace=False) == {GO: ONE}
    assert save_pins(top, {GO: TWO, ALPINE: THREE}, replace=False) == {GO: ONE, ALPINE: THREE}
    assert save_pins(top, {GO: TWO}, replace=True) == {GO: TWO, ALPINE: THREE}
    assert read_pins(top) == {GO: TWO, ALPINE: THREE}
    assert sorted(os.listdir(top)) == [".pyrun", NAME]


def test_a_file_that_says_what_it_should_is_not_touched(tmp_path: "os.PathLike[str]") -> None:
    top = os.fspath(tmp_path)
    save_pins(top, {GO: ONE}, replace=False)
    before = os.stat(f"{top}/{NAME}")
    save_pins(top, {GO: ONE}, replace=True)
    after = os.stat(f"{top}/{NAME}")
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_wrong_file_is_never_written_over(tmp_path: "os.PathLike[str]") -> None:
    top = os.fspath(tmp_path)
    with open(f"{top}/{NAME}", "w", encoding="utf-8") as file:
        file.write("something else\n")
    with pytest.raises(FileError):
        save_pins(top, {GO: ONE}, replace=True)
    with open(f"{top}/{NAME}", encoding="utf-8") as file:
        assert file.read() == "something else\n"


def test_a_link_stays_one(tmp_path: "os.PathLike[str]") -> None:
    top = os.fspath(tmp_path)
    os.mkdir(f"{top}/shared")
    os.symlink("shared/pins", f"{top}/{NAME}")
    save_pins(top, {GO: ONE}, replace=False)
    assert os.readlink(f"{top}/{NAME}") == "shared/pins"
    assert read_pins(top) == {GO: ONE}


def test_what_is_no_file_is_told(tmp_path: "os.PathLike[str]") -> None:
    os.mkdir(f"{os.fspath(tmp_path)}/{NAME}")
    with pytest.raises(FileError, match=r"^`tasks\.lock` can't be read: Is a directory$"):
        read_pins(os.fspath(tmp_path))


def test_many_who_write_at_once_lose_no_line(tmp_path: "os.PathLike[str]") -> None:
    top = os.fspath(tmp_path)
    names = [f"r.example.org/{number:02}:1" for number in range(24)]
    together = threading.Barrier(8)

    def write(mine: list[str]) -> None:
        together.wait()
        for name in mine:
            save_pins(top, {name: ONE}, replace=False)

    # Each opens the lock's file by itself, as another process would.
    threads = [threading.Thread(target=write, args=(names[start::8],)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(read_pins(top)) == names
