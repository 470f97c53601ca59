"""What bash inserts behind what is typed leads to the word that was offered."""

import shlex

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from runner.cli.bash_line import BashLine, split, unquoted

WORDS = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" :=$`'\"\\;&!*~#"), min_size=1
)


def spelt(text: str, quote: str) -> str:
    """A text as somebody types it: in an open quote, or each sign behind a backslash."""
    if quote == "'":
        return "'" + text
    if quote == '"':
        return '"' + "".join(f"\\{letter}" if letter in '$`"\\' else letter for letter in text)
    return "".join(letter if letter.isalnum() or letter in ":=" else f"\\{letter}" for letter in text)


@given(WORDS, st.integers(0, 20), st.sampled_from(["", "'", '"']))
@example("api:build", 4, "")
@example("--env=a b", 6, "")
@example("a b", 1, "'")
@example("a`b", 2, '"')
def test_what_is_inserted_makes_the_word(word: str, count: int, quote: str) -> None:
    typed = spelt(word[:count], quote)
    assume("'" not in typed[1:] if quote == "'" else "!" not in word or not quote)
    # Outside quotes bash keeps what stands before the last break, within quotes the quote.
    kept = max(typed.rfind(":"), typed.rfind("=")) + 1 if not quote else 1
    line = BashLine(f"pyrun build {typed}", typed[kept:])
    assert line.words == ["build", word[:count]]
    inserted = line.insertion(word)
    if quote == "'" and "'" in word:
        assert inserted == ""
        return
    whole = typed[:kept] + inserted + quote
    assert unquoted(whole) == (word, "")
    assert BashLine(f"pyrun {whole} ", "").words == [word, ""]


@given(st.text("ab '\"\\:=", max_size=20))
def test_what_is_typed_is_taken_apart_as_a_shell_does(line: str) -> None:
    try:
        wanted = shlex.split(line)
    except ValueError:
        assume(False)
    found = [unquoted(word)[0] for word in split(line)]
    assert found[: len(wanted)] == wanted
    assert found[len(wanted) :] in ([], [""])


@given(st.text(max_size=30), st.text(max_size=5))
def test_any_line_is_read(line: str, replaced: str) -> None:
    found = BashLine(line, replaced)
    assert found.words
    assert isinstance(found.insertion(found.words[-1]), str)


@pytest.mark.parametrize(
    ("line", "replaced", "word", "inserted"),
    [
        ("pyrun bu", "bu", "build", "build"),
        ("pyrun bu", "bu", "test", ""),
        ("pyrun api:bu", "bu", "api:build", "build"),
        ("pyrun api:", "", "api:build", "build"),
        ("pyrun ", "", "$(x)", "\\$\\(x\\)"),
        ("pyrun '", "", "$(x)", "$(x)"),
        ("pyrun '", "", "it's", ""),
        ('pyrun "', "", "$(x)", "\\$(x)"),
        ('pyrun "', "", "a!b", ""),
        ("pyrun a\\", "a\\", "a b", "a\\ b"),
        ("", "", "build", "build"),
    ],
)
def test_cases(line: str, replaced: str, word: str, inserted: str) -> None:
    assert BashLine(line, replaced).insertion(word) == inserted
