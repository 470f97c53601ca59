import re
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.errors import PlanError
from runner.location import Position
from runner.plan.image_plan import CopyPlan, placed
from runner.plan.pattern import Pattern, escape, overlap, parse_pattern

AT = Position("tasks.yml", 3, 5, 4)
NAMES = st.text("ab.-", min_size=1, max_size=4).filter(lambda name: name not in {".", ".."})
ALL_PATHS = [
    "/".join(names) for depth in (1, 2, 3) for names in product(("a", "b", "-a", "a.", "*b"), repeat=depth)
]
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


class Piece:
    """A bit of pattern text, the regular expression that means the same, and the texts behind its braces."""

    def __init__(self, text: str, regex: str, plain: list[str] | None = None) -> None:
        self.text = text
        self.regex = regex
        self.plain = [text] if plain is None else plain

    def __repr__(self) -> str:
        return self.text

    def names_something(self) -> bool:
        """Whether its texts are few, and none means another thing when it is a whole name."""
        return len(self.plain) <= 5 and not any(
            text in {"", ".", ".."} or (len(text) > 1 and not text.strip("*")) for text in self.plain
        )


def joined(pieces: list[Piece]) -> Piece:
    plain = ["".join(texts) for texts in product(*(piece.plain for piece in pieces))]
    return Piece("".join(piece.text for piece in pieces), "".join(piece.regex for piece in pieces), plain)


def either(choices: list[Piece]) -> Piece:
    text = ",".join(choice.text for choice in choices)
    regex = "|".join(choice.regex for choice in choices)
    return Piece("{" + text + "}", f"(?:{regex})", [text for choice in choices for text in choice.plain])


LITERAL = NAMES.map(lambda text: Piece(text, re.escape(text)))
OTHERS = st.sampled_from(
    [
        Piece("*", "[^/]*"),
        Piece("?", "[^/]"),
        Piece("[ab]", "[ab]"),
        Piece("[!ab]", "[^ab/]"),
        Piece("[^a-]", "[^a/-]"),
        Piece("[a-b-]", "[ab-]"),
        Piece("[]a]", "[]a]"),
        Piece("[\\-a]", "[-a]"),
        Piece("[[:alpha:].]", "[A-Za-z.]"),
        Piece("\\a", "a"),
        Piece("\\*", "\\*"),
    ]
)
PIECES = st.recursive(
    LITERAL | OTHERS,
    lambda inner: st.lists(st.lists(inner, max_size=2).map(joined), min_size=1, max_size=3).map(either),
    max_leaves=4,
)
SEGMENT = st.lists(PIECES, min_size=1, max_size=3).map(joined).filter(Piece.names_something)


@st.composite
def models(draw: st.DrawFn) -> tuple[str, str]:
    """A pattern's text, and the regular expression of the paths that it names by their own name."""
    segments = draw(st.lists(st.one_of(SEGMENT, st.just(Piece("**", ""))), min_size=1, max_size=4))
    regex = ""
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if segment.text == "**":
            regex += "(?:[^/]+/)*[^/]+" if last else "(?:[^/]+/)*"
        else:
            regex += segment.regex + ("" if last else "/")
    text = "/".join(segment.text for segment in segments)
    if draw(st.booleans()):
        # All beneath, but not the file itself.
        return text + "/", regex + ("" if text.endswith("**") else "/.+")
    return text, regex


def names_exactly(regex: str, path: str) -> bool:
    return re.fullmatch(regex, path) is not None


@settings(max_examples=300, deadline=None)
@given(models())
@example(("**/*.", r"(?:[^/]+/)*[^/]*\."))
@example(("a/**/b", r"a/(?:[^/]+/)*b"))
def test_it_names_what_a_regular_expression_of_the_same_meaning_matches(model: tuple[str, str]) -> None:
    text, regex = model
    pattern = parse_pattern(text)
    for path in ALL_PATHS:
        assert pattern.matches(path) == names_exactly(f"(?:{regex})(?:/.+)?", path), path


@settings(deadline=None)
@given(models())
def test_with_files_only_a_folder_does_not_stand_for_what_is_in_it(model: tuple[str, str]) -> None:
    text, regex = model
    if not text.endswith("/"):
        pattern = parse_pattern(text, files_only=True)
        for path in ALL_PATHS:
            assert pattern.matches(path) == names_exactly(regex, path), path


@settings(deadline=None)
@given(models(), NAMES, PATHS)
def test_it_is_relative_to_its_base(model: tuple[str, str], base: str, path: str) -> None:
    plain, based = parse_pattern(model[0]), parse_pattern(model[0], base=base)
    assert based.matches(f"{base}/{path}") == plain.matches(path)
    assert not based.matches(path) or path.startswith(base + "/")


@given(PATHS, st.data())
def test_points_are_cleaned(path: str, data: st.DataObject) -> None:
    names = path.split("/")
    at = data.draw(st.integers(0, len(names)))
    extra = data.draw(st.sampled_from([["."], [""], ["x", ".."], [".", "x", "y", "..", ".."]]))
    if extra == [""] and at in {0, len(names)}:
        extra = ["."]
    pattern = parse_pattern("/".join([*names[:at], *extra, *names[at:]]))
    assert pattern.literal_prefix == path
    assert not pattern.has_wildcard
    assert pattern.folder_only == (at == len(names))


@given(st.text(min_size=1).filter(lambda text: "/" not in text and text not in {".", ".."}))
def test_an_escaped_value_names_itself_only(value: str) -> None:
    alone = parse_pattern(escape(value))
    assert (alone.literal_prefix, alone.has_wildcard) == (value, False)
    chosen = parse_pattern("x{" + escape(value) + ",b}y")
    assert chosen.matches(f"x{value}y")
    assert chosen.matches("xby")
    assert len(chosen.alternatives) == (1 if value == "b" else 2)


@pytest.mark.parametrize(
    ("text", "prefix", "wildcard", "folder"),
    [
        ("a/b", "a/b", False, False),
        ("a/b/", "a/b", False, True),
        ("./", "", False, True),
        (".", "", False, True),
        ("a/..", "", False, True),
        ("a/**", "a", True, False),
        ("a/**/", "a", True, False),
        ("a/*.json", "a", True, False),
        ("*.go", "", True, False),
        ("a/{b,c}/d", "a", True, False),
        ("{a,b}", "", True, False),
        ("{a/x,a/y}", "a", True, False),
        ("{a/x}", "a/x", False, False),
        ("a/\\*", "a/*", False, False),
        ("a/[b]", "a", True, False),
    ],
)
def test_it_tells_its_literal_beginning_and_whether_more_follows(
    text: str, prefix: str, wildcard: bool, folder: bool
) -> None:
    pattern = parse_pattern(text)
    assert (pattern.literal_prefix, pattern.has_wildcard, pattern.folder_only) == (prefix, wildcard, folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a pattern is empty"),
        ("a{/b,}{", "the pattern `a{/b,}{` has a `{` without its `}`"),
        ("/etc/passwd", "the pattern `/etc/passwd` is an absolute path"),
        ("../x", "the pattern `../x` leads out of the project"),
        ("a/../../x", "the pattern `a/../../x` leads out of the project"),
        ("*/../x", "the pattern `*/../x` has `..` behind a wildcard"),
        ("a/**/..", "the pattern `a/**/..` has `..` behind a wildcard"),
        ("[ab", "the pattern `[ab` has a `[` without its `]`"),
        ("a[b/c]", "the pattern `a[b/c]` has a `[` without its `]`"),
        ("[[:letter:]]", "the pattern `[[:letter:]]` names an unknown class `[:letter:]`"),
        ("a\\", "the pattern `a\\` has a backslash at its end"),
        ("{a,b}" * 12, f"the pattern `{'{a,b}' * 12}` stands for more than 1000 texts by its braces"),
    ],
)
def test_what_is_no_pattern_is_an_error_that_says_where_and_why(text: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_pattern(text, AT)
    assert caught.value.message == message
    assert caught.value.at is AT
    assert caught.value.hint


def test_an_upward_step_out_of_the_base_stays_in_the_project() -> None:
    pattern = parse_pattern("../proto/*.proto", base="services/api")
    assert pattern.matches("services/proto/x.proto")
    with pytest.raises(PlanError):
        parse_pattern("../../../x", base="services/api")


@pytest.mark.parametrize(
    ("text", "path", "left"),
    [
        ("web/dist/**", "web/dist/a/b.js", "a/b.js"),
        ("conf/*.json", "conf/x.json", "x.json"),
        ("web/dist", "web/dist/a/b.js", "a/b.js"),
        ("web/dist/", "web/dist/a/b.js", "a/b.js"),
        ("bin/api", "bin/api", "api"),
        ("api", "api", "api"),
        ("**/*.md", "docs/a.md", "docs/a.md"),
        ("conf/{a,b}/x.json", "conf/a/x.json", "a/x.json"),
        ("services/*/conf/", "services/api/conf/a.yml", "api/conf/a.yml"),
    ],
)
def test_a_match_keeps_its_path_below_the_first_wildcard(text: str, path: str, left: str) -> None:
    pattern = parse_pattern(text)
    assert pattern.matches(path)
    below = None if path == pattern.literal_prefix else pattern.literal_prefix
    *_, file = placed(CopyPlan("/to/", (text,)), text, below, [(path, "f")], "")
    assert file.to == f"/to/{left}"


@given(PATHS, PATHS)
def test_written_out_paths_overlap_if_equal_or_one_is_a_folder_above_the_other(one: str, other: str) -> None:
    expected = (one + "/").startswith(other + "/") or (other + "/").startswith(one + "/")
    assert overlap(parse_pattern(one), parse_pattern(other)) == expected


@settings(max_examples=300, deadline=None)
@given(models(), models())
def test_patterns_that_name_a_common_path_overlap(one: tuple[str, str], other: tuple[str, str]) -> None:
    first, second = parse_pattern(one[0]), parse_pattern(other[0])
    assert overlap(first, second) == overlap(second, first)
    if any(names_exactly(one[1], path) and names_exactly(other[1], path) for path in ALL_PATHS):
        assert overlap(first, second)
    assert overlap(first, first)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("bin/*.a", "bin/*.b", False),
        ("**/*.a", "**/*.b", False),
        ("bin/lib*", "bin/app*", False),
        ("bin/x", "bin/x/y", True),
        ("bin/x", "bin/xy", False),
        ("bin/x", "bin/*", True),
        ("bin/x.a", "bin/*.b", False),
        ("bin/", "bin/*.a", True),
        ("dist/", "**/*.js", True),
        ("bin/api", "**/*.pb.go", False),
        ("bin/*", "bin/x/y", True),
        ("*", "cmd/*/gen.go", True),
        ("*.pb.go", "*/gen.go", False),
        ("a/**/x", "a/b/c/x", True),
        ("a/**/x", "b/**/x", False),
        ("{a,b}/x", "{c,b}/x", True),
        ("{a,b}/x", "{c,d}/x", False),
        ("[ab]*", "c*", True),
        ("./", "anything", True),
    ],
)
def test_overlap_of_typical_targets(one: str, other: str, expected: bool) -> None:
    assert overlap(parse_pattern(one), parse_pattern(other)) is expected
    assert overlap(parse_pattern(other), parse_pattern(one)) is expected


def test_patterns_are_values() -> None:
    assert parse_pattern("a", AT) == parse_pattern("a")
    assert len({parse_pattern("a"), parse_pattern("a", AT), parse_pattern("a", base="b")}) == 2
    assert parse_pattern("a") != parse_pattern("a", files_only=True)
    assert repr(parse_pattern("*", base="b")) == "Pattern('*', base='b')"
    assert repr(parse_pattern("*")) == "Pattern('*')"
    assert isinstance(parse_pattern("a"), Pattern)


def test_a_cursor_stays_where_a_deep_wildcard_leads_to_the_same_place() -> None:
    cursor = parse_pattern("**/*.go").start()
    assert cursor.below("a") is cursor
    assert cursor.literals is None


def test_a_cursor_knows_the_only_names_that_lead_on() -> None:
    cursor = parse_pattern("{a,b}/c/*").start()
    assert cursor.literals == frozenset("ab")
    inner = cursor.below("a")
    assert inner is not None
    assert inner.literals == frozenset("c")
    assert cursor.below("c") is None
    assert cursor.through_link("a") == inner
    assert inner.through_link("x") is None
