"""The proposed line names what it should, and is YAML."""

from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runner.execute.proposal import escaped, fold, word
from runner.plan.pattern import parse_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("paths", "folded"),
    [
        (["a"], ["a"]),
        (["a", "b/c", "b/d", "b/e"], ["a", "b/c", "b/d", "b/e"]),
        (["b/1.c", "b/2.c", "b/3.c", "b/4.c"], ["b/*.c"]),
        (["b/1.c", "b/2.c", "b/3.c", "b/x/4.c"], ["b/**/*.c"]),
        (["b/1.c", "b/2.h", "b/3.c", "b/x/4.c"], ["b"]),
        (["b/x/1", "b/x/2", "b/x/3", "b/x/4"], ["b/x"]),
        (["1", "2", "3", "4", "5"], ["1", "2", "3", "4", "5"]),
        (["lib/"], ["lib"]),
    ],
)
def test_many_files_of_a_folder_become_one_pattern(paths: "Sequence[str]", folded: list[str]) -> None:
    assert fold(paths) == folded


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@given(
    st.lists(
        PATHS.filter(lambda path: not {".", ".."} & set(path.split("/"))), min_size=1, max_size=8, unique=True
    )
)
def test_every_file_is_named_by_what_it_is_folded_to(paths: list[str]) -> None:
    patterns = [parse_pattern(text.replace("$$", "$")) for text in fold(sorted(paths))]
    for path in paths:
        assert any(pattern.matches(path) for pattern in patterns), (path, patterns)


@pytest.mark.parametrize("path", ["a*", "a?b", "[x]", "{a,b}", "\\", "!x", "**", "a b"])
def test_a_name_with_wildcards_in_it_is_itself_only(path: str) -> None:
    pattern = parse_pattern(escaped(path))
    assert pattern.matches(path)
    assert not pattern.matches("abc")


@pytest.mark.parametrize(
    "text", ["yes", "1", "1.5", "0x1", "1e3", "a b", "a: b", "#x", "- x", "é", '"', "a\nb", "~", ""]
)
def test_a_word_that_yaml_would_read_otherwise_is_in_quotes(text: str) -> None:
    assert word(text).startswith('"')


@given(st.text(max_size=20))
def test_a_word_is_the_text_again(text: str) -> None:
    assert yaml.safe_load(f"a: [{word(text)}, {word(text)}]") == {"a": [text, text]}
