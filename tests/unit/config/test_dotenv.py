"""Environment files: what they assign, what references come to, and what is refused where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.config.dotenv import dotenv_values, parse_dotenv
from runner.errors import FileError
from runner.location import Position

NAMES = st.from_regex(r"[A-Za-z0-9_.]{1,8}", fullmatch=True)
# What no variable can hold, and what a file's own line ends are read as.
VALUES = st.text(alphabet=st.characters(exclude_characters="\0\r"), max_size=20)
PIECES = st.sampled_from(
    ["A", "b", "=", ":", " ", "\t", "\n", "\r\n", "#", "'", '"', "\\", "$", "{", "}", "${A}", "$b", "export ", "-", "\0", "é", "\ufeff"]
)  # fmt: skip


def values(text: str, **outer: str) -> dict[str, str]:
    return dotenv_values(parse_dotenv(text, ".env"), outer.get)


def fault(text: str) -> FileError:
    with pytest.raises(FileError) as caught:
        parse_dotenv(text, ".env")
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("K=v", "v"),
        ("K = v", "v"),
        ("K: v", "v"),
        ("K:v", "v"),
        ("  K\t=\tv\t", "v"),
        ("export K=v", "v"),
        ("export\tK = v", "v"),
        ("K=", ""),
        ("K=''", ""),
        ('K=""', ""),
        ("K=v # comment", "v"),
        ("K= # comment", ""),
        ("K=# no comment", "# no comment"),
        ("K=a#b", "a#b"),
        ("K=a#b # c # d", "a#b"),
        ("K=a b  c", "a b  c"),
        ("K=a=b:c", "a=b:c"),
        ("K=it's", "it's"),
        ('K=say "hi"', 'say "hi"'),
        (r"K=C:\new", r"C:\new"),
        (r"K=a\$b\\$", r"a$b\$"),
        ("K='x\\ny'", "x\\ny"),
        ("K='$A ${A} \"'", '$A ${A} "'),
        ("K='C:\\dir\\'", "C:\\dir\\"),
        ('K="x\\ny\\tz\\r"', "x\ny\tz\r"),
        (r'K="say \"hi\""', 'say "hi"'),
        (r'K="a\\nb"', r"a\nb"),
        (r'K="\$A \q"', "$A q"),
        ('K="a # b"', "a # b"),
        ("K='a' # comment", "a"),
        ('K="a"\t#comment', "a"),
        ('K="two\nlines"', "two\nlines"),
        ("K='two\n\n # lines'", "two\n\n # lines"),
        ('K="two\r\nlines"\r', "two\nlines"),
        ("K=v\r", "v"),
        ("\ufeffK=v", "v"),
    ],
)
def test_a_line_gives_a_value(line: str, value: str) -> None:
    assert values(f"{line}\n") == values(line) == {"K": value}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("$FILE", "from-file"),
        ("${FILE}/x", "from-file/x"),
        ("a$FILE-b", "afrom-file-b"),
        ("${lower.case}", "dotted"),
        ("$OUTER ${outer}", "from-caller also"),
        ("$BOTH", "file"),
        ("[$NOWHERE]", "[]"),
        ("[${NOWHERE}]", "[]"),
        ("pre-${name} $name ${Mixed}", "pre-${name} $name ${Mixed}"),
        ("$LATER", ""),
        ("$5 $ ${} ${5 $-", "$5 $ ${} ${5 $-"),
        ("${name:-x}", "${name:-x}"),
        ("$(FILE)", "$(FILE)"),
    ],
)
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_reference_means_the_file_then_the_caller(written: str, value: str, quote: str) -> None:
    text = f"FILE=from-file\nlower.case=dotted\nBOTH=file\nK={quote}{written}{quote}\nLATER=x\n"
    assert values(text, OUTER="from-caller", outer="also", BOTH="caller")["K"] == value


def test_a_name_given_again_builds_on_what_it_was() -> None:
    assert values("PATH=/a:$PATH\nX=$PATH\nPATH=$PATH:/b", PATH="/bin") == {
        "PATH": "/a:/bin:/b",
        "X": "/a:/bin",
    }


def test_an_empty_value_of_the_file_is_a_value() -> None:
    assert values("A=\nB=[$A]", A="caller")["B"] == "[]"


def test_what_a_reference_gives_is_not_read_again() -> None:
    assert values("A='$B # \\n'\nB=x\nC=$A\nD=\"$A\"")["C"] == "$B # \\n"


def test_blank_lines_and_comments_assign_nothing() -> None:
    assert values("\n  \n# A=1\n\t# B=2\r\nC=3\n#") == {"C": "3"}
    assert values("") == {}


def test_each_assignment_knows_its_place() -> None:
    found = parse_dotenv('A="1\n2"\n\n  export long.name = x\nA=3', "etc/.env")
    assert [(one.name, one.position) for one in found] == [
        ("A", Position("etc/.env", 1, 1, 1)),
        ("long.name", Position("etc/.env", 4, 10, 9)),
        ("A", Position("etc/.env", 5, 1, 1)),
    ]


@pytest.mark.parametrize(
    ("text", "line", "column", "length", "message"),
    [
        ("A=1\nthis is not an assignment", 2, 1, 25, "this is not an assignment"),
        ("  export A", 1, 3, 8, "this is not an assignment"),
        ("export", 1, 1, 6, "this is not an assignment"),
        ("=x", 1, 1, 2, "an assignment without a name"),
        ("my-var=x", 1, 3, 1, "`my-var` can't be the name of a variable"),
        ("A=1\r\n  ünder=x", 2, 3, 1, "`ünder` can't be the name of a variable"),
        ("two words=x", 1, 4, 1, "`two words` can't be the name of a variable"),
        ("A='x\nB=y\n", 1, 3, 1, "this single quote is not closed"),
        ('B=1\nA="x\n\\"', 2, 3, 1, "this double quote is not closed"),
        ('A="', 1, 3, 1, "this double quote is not closed"),
        ('A="\\', 1, 3, 1, "this double quote is not closed"),
        ('A="x"y ', 1, 6, 1, "`y` stands behind the quoted value"),
        ("A='it'll' # c", 1, 7, 7, "`ll' # c` stands behind the quoted value"),
        ("A='x'#c", 1, 6, 2, "`#c` stands behind the quoted value"),
        ("A=x${B:-c}", 1, 4, 3, "`${B` is not closed by a `}`"),
        ('A=x\nB="\n${B"', 3, 1, 3, "`${B` is not closed by a `}`"),
        ("A=1\nB=x\0y", 2, 4, 1, "a NUL can't stand in a variable"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    text: str, line: int, column: int, length: int, message: str
) -> None:
    error = fault(text)
    assert (error.message, error.at) == (message, Position(".env", line, column, length))


def test_a_long_line_is_not_repeated_whole() -> None:
    assert len(fault(f"A='x'{'y' * 500}").message) < 100


@given(st.one_of(st.text(), st.lists(PIECES, max_size=30).map("".join)), st.booleans())
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str, crlf: bool) -> None:
    if crlf:
        text = text.replace("\n", "\r\n")
    found: dict[str, str] = {}
    refused: FileError | None = None
    try:
        found = dotenv_values(parse_dotenv(text, ".env"), {"A": "x"}.get)
    except FileError as error:
        refused = error
    assert all(name and "\0" not in value for name, value in found.items())
    if refused is not None:
        at = refused.at
        assert at is not None
        assert refused.hint
        row = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")[at.line - 1]
        assert 1 <= at.column <= at.column + at.length - 1 <= len(row)


def double(value: str) -> str:
    for letter, written in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$")):
        value = value.replace(letter, written)
    return f'"{value}"'


def single(value: str) -> str:
    return double(value) if "'" in value else f"'{value}'"


def bare(value: str) -> str:
    plain = value == value.strip() and value.isprintable() and not value.startswith(("'", '"', "#"))
    return double(value) if not plain or " #" in value or "\\" in value else value.replace("$", "\\$")


@given(
    st.lists(
        st.tuples(
            NAMES,
            VALUES,
            st.sampled_from([double, single, bare]),
            st.sampled_from(["{}={}", "export {} = {} # c", "\t{}: {}\t"]),
        )
    )
)
def test_what_a_writer_writes_is_read_back(rows: list[tuple[str, str, object, str]]) -> None:
    lines = []
    for name, value, write, shape in rows:
        assert callable(write)
        lines.append(shape.format(name, write(value)))
    wanted = {name: value for name, value, _, _ in rows}
    assert values("\n".join(lines)) == wanted
