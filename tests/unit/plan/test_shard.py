from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import UsageError
from runner.plan.shard import MOST, divide, parse_shard, shard

names = st.lists(st.text(max_size=4), unique=True, max_size=40)
parts = st.integers(1, 9)


@pytest.mark.parametrize(
    ("text", "found"), [("1/1", (1, 1)), ("2/5", (2, 5)), ("05/05", (5, 5)), ("1/1000", (1, 1000))]
)
def test_a_part_of_a_whole(text: str, found: tuple[int, int]) -> None:
    assert parse_shard(text) == found


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        *(
            (text, f"`--shard {text}` is no part of a whole", "`--shard 2/5` is the second of five parts")
            for text in (
                "",
                "x",
                "2",
                "/",
                "2/",
                "/5",
                "-1/5",
                "1/-5",
                "+1/5",
                "1 /5",
                "1/5/5",
                "1.0/5",
                "²/5",
                "1/1000000000",
            )
        ),
        ("0/5", "`--shard 0/5`: the parts are numbered 1 to 5", "`--shard 5/5` is the last one"),
        ("6/5", "`--shard 6/5`: the parts are numbered 1 to 5", "`--shard 5/5` is the last one"),
        ("1/0", "`--shard 1/0`: there are 1 to 1000 parts", "`--shard 2/5` is the second of five"),
        ("1/1001", "`--shard 1/1001`: there are 1 to 1000 parts", "`--shard 2/5` is the second of five"),
    ],
)
def test_what_is_no_part_is_refused(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_shard(text)
    assert (caught.value.message, caught.value.hint, caught.value.status) == (message, hint, 2)


@given(names, parts, st.data())
def test_each_is_in_exactly_one_part(items: list[str], count: int, data: st.DataObject) -> None:
    durations = data.draw(st.dictionaries(st.sampled_from([*items, "other"]), st.integers(-1, 10**6)))
    found = [shard(items, number, count, durations) for number in range(1, count + 1)]
    assert sorted(name for part in found for name in part) == sorted(items)
    for part in found:
        assert list(part) == [name for name in items if name in part]
    assert divide(list(reversed(items)), count, durations) == divide(items, count, durations)


@given(st.lists(st.integers(1, 10**6), max_size=40), parts)
def test_no_part_is_longer_than_longest_first_makes_it(lengths: list[int], count: int) -> None:
    durations = {f"n{number}": length for number, length in enumerate(lengths)}
    place = divide(list(durations), count, durations)
    loads = [sum(durations[name] for name in place if place[name] == part) for part in range(1, count + 1)]
    greedy = [0] * count
    for length in sorted(lengths, reverse=True):
        greedy[greedy.index(min(greedy))] += length
    assert sorted(loads) == sorted(greedy)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=7), st.integers(1, 3))
def test_the_longest_part_is_at_most_a_third_longer_than_the_best_there_is(
    lengths: list[int], count: int
) -> None:
    durations = {f"n{number}": length for number, length in enumerate(lengths)}
    place = divide(list(durations), count, durations)
    longest = max(
        sum(durations[name] for name in place if place[name] == part) for part in range(1, count + 1)
    )
    best = min(
        max(
            sum(length for length, at in zip(lengths, where, strict=True) if at == part)
            for part in range(count)
        )
        for where in product(range(count), repeat=len(lengths))
    )
    # Graham's bound for longest-first: 4/3 - 1/(3 m).
    assert 3 * count * longest <= (4 * count - 1) * best


@given(names, parts)
def test_with_no_durations_the_parts_differ_by_one_at_most(items: list[str], count: int) -> None:
    sizes = [len(shard(items, number, count, {})) for number in range(1, count + 1)]
    assert max(sizes) - min(sizes) <= 1


def test_one_more_moves_few() -> None:
    items = [f"build service-{number}" for number in range(200)]
    before = divide(items, 5, {})
    for extra in ("build a", "build service-0000", "zzz"):
        after = divide([extra, *items], 5, {})
        assert sum(before[name] != after[name] for name in items) <= 20, extra


def test_one_without_a_duration_counts_as_the_median() -> None:
    durations = {"a": 10, "b": 100, "c": 1000, "d": 0, "e": -5}
    place = divide(["a", "b", "c", "d", "e"], 2, durations)
    # 1000 alone; the others are 10 and three times 100.
    assert [name for name in place if place[name] == place["c"]] == ["c"]


def test_the_same_names_give_the_same_parts_for_ever() -> None:
    assert divide(["a", "b", "c", "d"], 2, {}) == {"a": 2, "b": 1, "c": 2, "d": 1}


def test_the_largest_number_of_parts_is_soon_divided() -> None:
    items = [f"n{number}" for number in range(MOST)]
    assert sorted(divide(items, MOST, {}).values()) == list(range(1, MOST + 1))
