"""Where the holes of a text are."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.config.template import parse_text, split
from runner.errors import FileError
from runner.location import Position
from runner.model.template import PATTERN, TEXT, Hole, Template

AT = Position("tasks.yml", 3, 10)

NAMES = st.from_regex(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)?", fullmatch=True)


def texts(template: Template) -> list[str]:
    """The parts, a hole as its name in angle brackets."""
    return [part if isinstance(part, str) else f"<{part.name}>" for part in template.parts]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("plain", ["plain"]),
        ("${name}", ["<name>"]),
        ("a ${b-c_1} d", ["a ", "<b-c_1>", " d"]),
        ("${db.host}:${db.port}", ["<db.host>", ":", "<db.port>"]),
        ("${x:-y} $x ${} ${a b} ${.x} ${é} $", ["${x:-y} $x ${} ${a b} ${.x} ${é} $"]),
        ("${x:-${y}}", ["${x:-", "<y>", "}"]),
        ("$$", ["$"]),
        ("$${name}", ["${name}"]),
        ("$$$${name}", ["$${name}"]),
        ("$$${name}", ["$", "<name>"]),
        ("$$$$${name}", ["$$", "<name>"]),
        ("a$$b", ["a$b"]),
        ("${a}${b}", ["<a>", "<b>"]),
    ],
)
def test_holes_and_dollars(text: str, parts: list[str]) -> None:
    assert texts(parse_text(text, AT)) == parts


def test_a_hole_says_where_it_stands_whatever_dollars_come_before() -> None:
    template = parse_text("a$$b ${name}", AT)
    assert template.position == AT
    assert template.parts[1] == Hole("name", TEXT, "", Position("tasks.yml", 3, 15, 7))


def test_the_caller_may_know_better_where_a_stretch_stands() -> None:
    asked: list[tuple[int, int]] = []

    def at_offset(offset: int, length: int) -> Position:
        asked.append((offset, length))
        return Position("tasks.yml", 99, 1, length)

    template = parse_text("one\n${two} ${three}", AT, PATTERN, at_offset=at_offset)
    assert asked == [(4, 6), (11, 8)]
    assert template.parts[1] == Hole("two", PATTERN, "", Position("tasks.yml", 99, 1, 6))


def test_names_that_are_not_known_stay_as_they_are_written() -> None:
    assert texts(parse_text("${HOME}/${x}", AT, known={"x"})) == ["${HOME}/", "<x>"]


@given(st.lists(st.one_of(st.text(), NAMES.map(lambda name: (name,)))))
def test_a_text_written_with_every_dollar_doubled_reads_as_it_was(pieces: list[str | tuple[str]]) -> None:
    written = "".join(
        piece.replace("$", "$$") if isinstance(piece, str) else "${" + piece[0] + "}" for piece in pieces
    )
    plain = "".join(piece if isinstance(piece, str) else f"\0{piece[0]}\0" for piece in pieces)
    found = split(written)
    assert "".join(part if isinstance(part, str) else f"\0{part.name}\0" for part in found) == plain
    for part in found:
        assert part != ""
        if not isinstance(part, str):
            assert written[part.offset : part.offset + part.length] == "${" + part.name + "}"
    kinds = [isinstance(part, str) for part in found]
    assert (True, True) not in list(pairwise(kinds))


@given(st.text(alphabet="${}ab-. "))
def test_no_text_is_refused(text: str) -> None:
    template = parse_text(text, AT)
    whole = "".join(part if isinstance(part, str) else "${" + part.name + "}" for part in template.parts)
    assert whole.replace("$", "") == text.replace("$", "")


@pytest.mark.parametrize(
    ("text", "column", "where"),
    [
        ("a[${x}]", 3, "within `[ ]`"),
        ("${y}/[!a${x}b]*", 9, "within `[ ]`"),
        ("[]${x}]", 3, "within `[ ]`"),
        ("[[:alpha:]${x}]", 11, "within `[ ]`"),
        ("[a\\]${x}]", 5, "within `[ ]`"),
        ("[${x}", 2, "within `[ ]`"),
        ("\\${x}", 2, "right behind a `\\`"),
        ("\\\\\\${x}", 4, "right behind a `\\`"),
    ],
)
def test_a_value_never_becomes_part_of_a_wildcard(text: str, column: int, where: str) -> None:
    with pytest.raises(FileError) as caught:
        parse_text(text, AT, PATTERN)
    assert caught.value.message == f"a value can't stand {where} in a file pattern"
    assert caught.value.at == AT.shifted(column - 1, 4)
    assert parse_text(text, AT).names()


@pytest.mark.parametrize(
    "text", ["\\[${x}]", "[a]${x}[b]", "[]]${x}", "[[:alpha:]]${x}", "\\\\${x}", "${x}[", "{${x},b}", "]${x}"]
)
def test_a_value_beside_a_wildcard_stands_for_itself(text: str) -> None:
    assert parse_text(text, AT, PATTERN).names() == ("x",)
