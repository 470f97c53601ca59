import pytest

from runner.plan.brace import expand_braces
from runner.plan.wildcard import MalformedError


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("a", ["a"]),
        ("{a,b}", ["a", "b"]),
        ("x{a,b/c}y", ["xay", "xb/cy"]),
        ("{a,b}{c,d}", ["ac", "ad", "bc", "bd"]),
        ("{a,{b,c}d}e", ["ae", "bde", "cde"]),
        ("a{,b}", ["a", "ab"]),
        ("{a}", ["a"]),
        ("a,b}", ["a,b}"]),
        ("\\{a,b}", ["\\{a,b}"]),
        ("{a\\,b,c\\}}", ["a\\,b", "c\\}"]),
        ("{[,}],b}", ["[,}]", "b"]),
        ("[{]{a,b}", ["[{]a", "[{]b"]),
        ("{[,b}", ["[", "b"]),
    ],
)
def test_each_way_through_the_braces_is_a_text(text: str, texts: list[str]) -> None:
    assert expand_braces(text, 9) == texts


def test_an_open_brace_or_too_many_texts_are_refused() -> None:
    with pytest.raises(MalformedError, match="without its"):
        expand_braces("{a,{b}", 9)
    assert len(expand_braces("{a,b}" * 3, 8)) == 8
    with pytest.raises(MalformedError, match="more than 7 texts"):
        expand_braces("{a,b}" * 3, 7)
