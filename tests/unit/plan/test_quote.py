"""Values written where holes stand."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import PlanError
from runner.location import Position
from runner.model.template import (
    ARRAY,
    BARE,
    COMMAND,
    DOUBLE,
    HEREDOC,
    HEREDOC_RAW,
    PART,
    PATTERN,
    PLAIN,
    QUOTED,
    SINGLE,
    TEXT,
    WORD,
    Hole,
)
from runner.plan.quote import is_plain, write

AT = Position("tasks.yml", 3, 10)

Value = str | tuple[str, ...]

PLAIN_VALUES = st.from_regex(r"[A-Za-z0-9_@%+=:,./-]+", fullmatch=True)


def hole(context: str, detail: str = "") -> Hole:
    return Hole("x", context, detail, AT)


@pytest.mark.parametrize(
    ("context", "detail", "value", "written"),
    [
        (BARE, "", "go1.22", "go1.22"),
        (BARE, "", "", "''"),
        (BARE, "", "a b", "'a b'"),
        (BARE, "", "it's", "'it'\\''s'"),
        (BARE, "", "-rf", "-rf"),
        (BARE, "", "; rm -rf /", "'; rm -rf /'"),
        (BARE, "", "é", "'é'"),
        (BARE, "", (), ""),
        (BARE, "", ("a", "b c", ""), "a 'b c' ''"),
        (BARE, PART, (), "''"),
        (BARE, PART, ("a", "b c"), "a 'b c'"),
        (BARE, WORD, ("a", "b c"), "'a b c'"),
        (BARE, WORD, (), "''"),
        (BARE, WORD, "a=b", "a=b"),
        (BARE, COMMAND, "make", "make"),
        (BARE, COMMAND, "A=b", "'A=b'"),
        (BARE, COMMAND, "done", "'done'"),
        (BARE, COMMAND, ("if", "make"), "'if' make"),
        (BARE, QUOTED, "a", "'a'"),
        (BARE, QUOTED, ("a", "b"), "'a b'"),
        (DOUBLE, "", 'a"b`c$d\\e', 'a\\"b\\`c\\$d\\\\e'),
        (DOUBLE, "", "a'b\n", "a'b\n"),
        (DOUBLE, "", ("a", "b c"), "a b c"),
        (SINGLE, "", "it's $x", "it'\\''s $x"),
        (HEREDOC, "<< EOF", 'a"b`c$d\\e', 'a"b\\`c\\$d\\\\e'),
        (HEREDOC, "<< EOF", "EO\nxEOFF\n\tEOF", "EO\nxEOFF\n\tEOF"),
        (HEREDOC_RAW, "<< EOF", "a`b$c\\", "a`b$c\\"),
        (HEREDOC_RAW, "<< EOF", "éE", "éE"),
        (HEREDOC_RAW, "<<= EOF", "a OF", "a OF"),
        (DOUBLE, "", "\x01\x7f", "\x01\x7f"),
        (DOUBLE, ARRAY, "a\x02", "a\x02"),
        (HEREDOC, "<<+ EOF", "", ""),
        (HEREDOC, "<<+ EOF", "name", "name"),
        (PLAIN, "a comment", "v1.2", "v1.2"),
        (PLAIN, "a comment", ("v1",), "v1"),
        (PATTERN, "", "a*[b]", "a\\*\\[b\\]"),
        (TEXT, "", "a $b 'c'", "a $b 'c'"),
        (TEXT, "", ("a", "b"), "a b"),
    ],
)
def test_what_is_written(context: str, detail: str, value: Value, written: str) -> None:
    assert write(value, hole(context, detail)) == written


@pytest.mark.parametrize(
    ("context", "detail", "value", "fault"),
    [
        (PLAIN, "a comment", "a b", "would need quotes"),
        (PLAIN, "a comment", "a\n", "would need quotes"),
        (PLAIN, "a comment", "-a", "begins with `-`"),
        (PLAIN, "a comment", "", "is empty"),
        (PLAIN, "a comment", ("a", "b"), "list of 2 words"),
        (PLAIN, "a comment", (), "list of 0 words"),
        (HEREDOC, "<< EOF", "EOF", "could end the here-document"),
        (HEREDOC_RAW, "<< EOF", "a\nEOF\nb", "could end the here-document"),
        (HEREDOC_RAW, "<< EOF", "a\x01b", "0x01"),
        (HEREDOC, "<< EOF", "a\x01b", "0x01"),
        (HEREDOC_RAW, "<< EOF", "a\nEOF; reboot )", "could end the here-document"),
        (HEREDOC_RAW, "<< EOF", "a\nEé", "a letter that some shells break"),
        (HEREDOC, "<< EOF", "EOFé", "could end the here-document"),
        (HEREDOC, "<<= EOF", "", "could end the here-document"),
        (HEREDOC, "<<+= EOF", "OF) reboot", "could end the here-document"),
        (HEREDOC, "<<= EOF", "é", "could end the here-document"),
        (DOUBLE, ARRAY, "a\x01b", "a control character"),
        (DOUBLE, ARRAY, "a\x7fb", "a control character"),
        (HEREDOC, "<<- EOF", "a\n\tb", "begins with a tab"),
        (HEREDOC, "<<- EOF", "\ta", "begins with a tab"),
        (HEREDOC, "<<+ EOF", "EO", "could end the here-document"),
        (HEREDOC, "<<+ EOF", "a\nE", "could end the here-document"),
        (HEREDOC, "<<+ EOF", "F\na", "could end the here-document"),
        (HEREDOC, "<<+ EOF", "a\n", "could end the here-document"),
        (HEREDOC, "<<-+ EOF", "EO\t", "could end the here-document"),
        (TEXT, "", "a\0b", "NUL"),
        (BARE, "", ("a", "\0"), "NUL"),
    ],
)
def test_what_is_refused_and_where(context: str, detail: str, value: Value, fault: str) -> None:
    with pytest.raises(PlanError) as caught:
        write(value, hole(context, detail))
    assert fault in caught.value.message
    assert caught.value.at == AT


def test_a_refusal_names_the_place_and_the_remedy_but_never_the_value() -> None:
    with pytest.raises(PlanError) as caught:
        write("top secret", hole(PLAIN, "the text of `eval`"))
    assert caught.value.message == (
        "the value of `${x}` would need quotes, and pyrun can't quote for the place where it stands: "
        "the text of `eval`"
    )
    assert caught.value.hint.startswith('pass it as `"$1"` or as a variable: `env: {')


def test_a_refusal_can_name_the_value_otherwise() -> None:
    with pytest.raises(PlanError, match=r"^option `tag` is empty"):
        write("", hole(PLAIN, "a comment"), "option `tag`")


@given(PLAIN_VALUES, st.sampled_from([(BARE, ""), (BARE, PART), (BARE, WORD), (DOUBLE, ""), (SINGLE, "")]))
def test_a_plain_value_reads_exactly_as_typed(value: str, place: tuple[str, str]) -> None:
    assert is_plain(value)
    assert write(value, hole(*place)) == value


@given(st.text(), st.sampled_from("\n \t'\"$`\\;&|<>(){}[]*?~#!^é"))
def test_any_other_character_makes_a_value_not_plain(text: str, letter: str) -> None:
    assert not is_plain(text + letter)
    assert not is_plain(letter + text)


def test_the_import_brings_nothing_slow() -> None:
    script = (
        "import sys; before = set(sys.modules); import runner.plan.quote; "
        "print(*sorted(name for name in set(sys.modules) - before if not name.startswith('runner')))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
