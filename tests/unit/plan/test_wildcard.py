import re

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.plan.wildcard import DEEP, MANY, ONE, STAR, CharSet, Token, match, name_matcher, parse_tokens

REGEX = {STAR: "[^/]*", ONE: "[^/]", DEEP: "(?:.*/)?", MANY: ".*"}
FRAGMENTS = ("*", "**", "**/", "/", "/**/", "/**\\/", "?", "a", "b", "ab", "[a]", "[!a-b]", "\\a")
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join)


def regex(token: Token) -> str:
    if isinstance(token, CharSet):
        return "[^ab/]" if token.negated else "a"
    return re.escape(token) if isinstance(token, str) else REGEX[token]


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(["", "a", "b/"]), TEXTS, st.lists(st.text("ab/c", max_size=8), min_size=1, max_size=8))
def test_it_matches_as_a_regular_expression_of_the_same_meaning(
    literal: str, wildcard: str, texts: list[str]
) -> None:
    tokens = ((literal,) if literal else ()) + parse_tokens(wildcard)
    model = re.compile("".join(map(regex, tokens)), re.DOTALL)
    matches = name_matcher(tokens)
    for text in texts:
        expected = model.fullmatch(text) is not None
        assert match(tokens, text) == expected, text
        if "/" not in text and DEEP not in tokens:
            assert matches(text) == expected, text


def test_a_hopeless_match_takes_few_steps() -> None:
    # Tried in every way there is, this would not end.
    assert not match(parse_tokens("*a" * 40 + "b"), "a" * 400)
    assert not match(parse_tokens("**/a/" * 40 + "b"), "a/" * 400)


def test_stars_of_a_whole_name_go_deep() -> None:
    assert parse_tokens("**/a") == (DEEP, "a")
    assert parse_tokens("a/**/b") == ("a/", DEEP, "b")
    assert parse_tokens("a/***") == ("a/", MANY)
    assert parse_tokens("a**/b**") == ("a", STAR, "/b", STAR)


def test_sets_are_values() -> None:
    assert parse_tokens("[!a-c\\]x]") == (CharSet("a]x", (("a", "c"),), negated=True),)
    assert len(set(parse_tokens("[a]?[a]"))) == 2
