"""What `ahead` promises: as `map`, in order, several at once."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.system.ahead import ahead


@given(st.lists(st.integers(), max_size=20))
def test_the_results_are_those_of_map_in_their_order(items: list[int]) -> None:
    assert list(ahead(lambda item: item * 2, items)) == [item * 2 for item in items]


def test_two_are_at_work_at_once() -> None:
    both = threading.Barrier(2, timeout=30)
    assert sorted(ahead(lambda _: both.wait(), [1, 2])) == [0, 1]


def test_what_fails_fails_when_its_turn_comes() -> None:
    def fail(item: int) -> int:
        if item == 2:
            raise ValueError("two")
        return item

    found = ahead(fail, [1, 2, 3])
    assert next(found) == 1
    with pytest.raises(ValueError, match="two"):
        next(found)


def test_no_more_is_taken_than_is_needed_for_all_to_be_at_work() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    assert next(ahead(lambda item: item, items())) == 0
    assert len(taken) < 100
