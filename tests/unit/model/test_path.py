import posixpath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.model.path import beneath, resolved


@pytest.mark.parametrize(
    ("written", "folder"),
    [
        ("", ""), (".", ""), ("./", ""), ("a", "a"), ("a/", "a"), ("./a//b/.", "a/b"), ("a/../b", "b"), ("a/..", ""),
        ("..", ".."), ("../a", "../a"), ("a/../../b", "../b"), ("../../a/..", "../.."), ("/", "/"), ("/x/", "/x"),
        ("...", "..."),
    ],
)  # fmt: skip
def test_a_folder_has_one_form(written: str, folder: str) -> None:
    assert resolved(written) == folder
    assert resolved(folder) == folder


@settings(max_examples=300)
@given(st.lists(st.sampled_from(["a", "b", "..", ".", "", "..."]), max_size=6).map("/".join))
@example("a/./../..")
def test_a_relative_folder_is_what_the_system_would_take_it_for(written: str) -> None:
    relative = written.lstrip("/")
    expected = posixpath.normpath(relative)
    assert resolved(relative) == ("" if expected == "." else expected)


@pytest.mark.parametrize(
    ("base", "written", "joined"),
    [("", "x", "x"), ("a", "x", "a/x"), ("a", "/x", "/x"), ("a", "", "a/"), ("", "", "")],
)
def test_a_folder_is_relative_to_its_files(base: str, written: str, joined: str) -> None:
    assert beneath(base, written) == joined
