"""A Dockerfile is read as BuildKit's own parser reads it, which is at hand here as the package `dockerfile`."""

import dockerfile
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from runner.plan.dockerfile_text import parse_dockerfile

Row = tuple[str, tuple[str, ...], tuple[str, ...] | None, int]
"""An instruction: its name, its flags, its words where blanks or JSON part them, and its line."""

_PARTED_BY_BLANKS = ("COPY", "ADD", "FROM", "EXPOSE", "VOLUME", "ARG")


def theirs(text: str) -> list[Row]:
    """What BuildKit's parser finds."""
    rows: list[Row] = []
    for one in dockerfile.parse_string(text):
        name = one.cmd.upper()
        plain = name in _PARTED_BY_BLANKS and (one.json or "[" not in one.original)
        words = tuple(one.value) if plain or one.json else None
        # Its flags come letter by letter where a letter has several bytes.
        flags = tuple(flag.encode("latin-1").decode() for flag in one.flags)
        rows.append((name, flags, words, one.start_line))
    return rows


def ours(text: str, like: list[Row]) -> list[Row]:
    """What we find, words only where the other told any."""
    found = parse_dockerfile(text).instructions
    told = [row[2] is not None for row in like] + [True] * len(found)
    return [
        (one.name, one.flags, one.inner.words if telling else None, one.line)
        for one, telling in zip(found, told, strict=False)
    ]


TEXTS = {
    "plain": "FROM a AS b\nCOPY x y /z\n",
    "lower case": "from a\ncopy x /y\n",
    "flags": "FROM --platform=linux/amd64 a\nCOPY --from=b --chown=1:2 x /y\nRUN --mount=type=cache,target=/x make\n",
    "a flag in quotes": 'FROM a\nRUN --mount="type=cache, target=/x" make\n',
    "no flags behind two dashes": "FROM a\nCOPY -- --x /y\n",
    "a list": 'FROM a\nCOPY ["a b", "c", "/d/"]\nCOPY [not a list /x\n',
    "something behind a list": 'FROM a\nCOPY ["a", "b"] c\n',
    "a long line": "FROM a\nCOPY a \\\n  b \\\n  /c\nRUN x\n",
    "a comment in a long line": "FROM a\nCOPY a \\\n  # why\n# why\n  b /c\nRUN x\n",
    "an empty line in a long line": "FROM a\nCOPY a \\\n\n  b /c\nRUN x\n",
    "blanks behind the escape": "FROM a\nCOPY a \\ \t\n  b /c\n",
    "two escapes at the end": "FROM a\nRUN echo x\\\\\nRUN y\n",
    "the end in a long line": "FROM a\nCOPY a \\\n  /b \\",
    "another escape": "# escape=`\nFROM a\nCOPY a `\n  b /c\nCOPY a\\ /d\n",
    "a directive that is none": "FROM a\n# escape=`\nCOPY a \\\n  /b\n",
    "a directive behind a comment": "# why\n# escape=`\nFROM a\nCOPY a \\\n  /b\n",
    "carriage returns": "FROM a\r\nCOPY x \\\r\n  y /z\r\nRUN x\r\n",
    "a mark at the beginning": "\ufeffFROM a\nCOPY x /y\n",
    "indented": "  FROM a\n\tCOPY x /y\n  # why\n",
    "here-documents": "FROM a\nCOPY <<one <<two x /y/\nCOPY no /no\none\nCOPY no /no\ntwo\nRUN x\n",
    "a here-document without tabs": "FROM a\nRUN <<-end\n\tCOPY no /no\n\tend\nRUN x\n",
    "a here-document in quotes": "FROM a\nRUN <<'end' sh\nCOPY $no /no\nend\nRUN x\n",
    "no here-document": "FROM a\nENV X=<<y\nRUN x\n",
    "a here-string": "FROM a\nRUN cat <<<x\nRUN y\n",
    "onbuild": "FROM a\nONBUILD COPY x /y\nRUN x\n",
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_it_is_read_as_buildkit_reads_it(text: str) -> None:
    expected = theirs(text)
    assert ours(text, expected) == expected


pieces = st.sampled_from(
    (
        "FROM a", "COPY", "ADD", "RUN", "ENV", "ONBUILD", "#", "# escape=`", "--from=b", "--x='a b'", "x", "/y", "a\\ b",
        "\\", "`", "\\\\", "<<E", "<<-E", "<<'E'", "E", "\tE", '["a", "b"]', "[a", " ", "\t", "\n", "\n", "\n", "\r\n",
        "'", '"', "$x", "#x", "é",
    )
)  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(st.lists(pieces, max_size=14), st.sampled_from([" ", ""]))
def test_any_text_is_read_as_buildkit_reads_it(words: list[str], blank: str) -> None:
    text = "FROM a\n" + blank.join(words)
    try:
        # It takes what is nothing but escapes for an instruction.
        assume(all(one.cmd and one.cmd.strip("\\`") for one in dockerfile.parse_string(text)))
    except dockerfile.GoParseError:
        assume(False)
    expected = theirs(text)
    assert ours(text, expected) == expected
