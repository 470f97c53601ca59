"""The lines of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.config import rows
from runner.config.rows import Rows

ENDS = ["\n", "\r", "\r\n", "\x85", "\u2028", "\u2029"]
TEXTS = st.lists(st.one_of(st.sampled_from(ENDS), st.text("ab\t é", max_size=5)), max_size=30).map("".join)


@given(TEXTS, st.integers(0, 9))
def test_the_lines_are_those_of_the_text_however_it_is_cut(text: str, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "_BLOCK", block)
        found = Rows(text)
        expected = text.splitlines()
        assert len(found) == len(expected)
        # Forth and back, so that blocks are left and come again.
        numbers = [*range(len(expected)), *reversed(range(len(expected)))]
        assert [found[number] for number in numbers] == [expected[number] for number in numbers]


@pytest.mark.parametrize("number", [-1, 2, 10**9])
def test_there_are_no_others(number: int) -> None:
    with pytest.raises(IndexError):
        Rows("a\nb")[number]
