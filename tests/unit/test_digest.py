"""Equal values have one canonical text, unequal ones never the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.digest import canonical

TEXT = st.text(st.characters(exclude_categories=()), max_size=5)
"""Lone surrogates too, which stand for bytes that are no text."""
values = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
)


def kind(value: object) -> object:
    """A value whose equality knows a truth from a number."""
    if isinstance(value, tuple):
        return tuple(map(kind, value))
    return type(value), value


@settings(max_examples=500)
@given(values, values)
def test_two_values_have_one_text_only_if_they_are_equal(one: object, other: object) -> None:
    assert (canonical(one) == canonical(other)) == (kind(one) == kind(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (0, False), ("1", 1), (b"a", "a"), ((), None), (("a", "b"), ("a,b",)), ("\\udc80", "\udc80"),
     (b"a", ("bytes", "61")), ((("a",), "b"), ("a", ("b",)))],
)  # fmt: skip
def test_what_looks_alike_is_told_apart(one: object, other: object) -> None:
    assert canonical(one) != canonical(other)


def test_a_list_is_the_same_as_a_tuple() -> None:
    assert canonical(["a", ["b"]]) == canonical(("a", ("b",)))


@pytest.mark.parametrize("value", [object(), {1}, (1, {2})])
def test_what_has_no_canonical_text_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="no canonical form"):
        canonical(value)
