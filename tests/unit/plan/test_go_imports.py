from hypothesis import given
from hypothesis import strategies as st

from runner.plan.go_imports import scan

PATH = st.text("abcxyz019.-_~/", min_size=1, max_size=12)
GAP = st.sampled_from((" ", "\t", "  ", '/* ) import "no" */', " /**/ "))
LINE = st.sampled_from(
    ("\n", "\r\n", "\n\n", ";", " ; ", '\n// import "no" (\n', '\n/* "no"\n) */\n', "// )\n")
)
NAME = st.sampled_from(("", "_ ", ". ", "alias ", "importer ", "été ", '_/* "no" */', ".\t"))


@st.composite
def heads(draw: st.DrawFn) -> tuple[str, tuple[str, ...]]:
    """The head of a Go file in any style, and the paths that it imports."""
    paths: list[str] = []

    def spec() -> str:
        path = draw(PATH)
        paths.append(path)
        quote = draw(st.sampled_from(('"', "`")))
        return draw(NAME) + quote + path + quote

    text = draw(st.sampled_from(("", "\ufeff", "// licence\n", "//go:build linux\n\n", "/* package no */")))
    text += "package" + draw(GAP) + draw(st.sampled_from(("p", "importing", "main"))) + draw(LINE)
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            text += "import" + draw(GAP) + spec() + draw(LINE)
        else:
            inside = [spec() + draw(LINE) for _ in range(draw(st.integers(0, 4)))]
            text += "import" + draw(GAP) + "(" + draw(GAP) + "".join(inside) + ")" + draw(LINE)
    return text, tuple(paths)


@given(heads(), st.sampled_from(("", 'func f() {}\nimport "late"\n', 'var importer = "no"\n', "type (\n")))
def test_all_imports_and_nothing_else(head: tuple[str, tuple[str, ...]], rest: str) -> None:
    text, paths = head
    assert scan((text + rest).encode())[0] == paths


@given(heads(), st.data())
def test_a_file_that_breaks_off_gives_a_part_of_its_imports(
    head: tuple[str, tuple[str, ...]], data: st.DataObject
) -> None:
    text, paths = head
    cut = text[: data.draw(st.integers(0, len(text)))]
    found, _ = scan(cut.encode())
    assert found == paths[: len(found)]


@given(
    st.lists(
        st.sampled_from(
            (b"package", b" p", b"import", b"(", b")", b'"', b"`", b"/*", b"*/", b"//", b"\n", b"\xff")
        )
    )
)
def test_any_bytes_are_read_to_an_end(parts: list[bytes]) -> None:
    source = b"".join(parts)
    assert all(path.encode("utf-8", "surrogateescape") in source for path in scan(source)[0])


def test_reading_stops_behind_the_imports() -> None:
    head = b'package p\nimport "a"\nvar x = 1\n'
    assert scan(head + b'import "b"\n' * 1000) == (("a",), ())


def test_cgo_is_an_import() -> None:
    assert scan(b'package p\n\n// #include "x.h"\nimport "C"\n')[0] == ("C",)


def test_a_word_that_begins_like_import_is_none() -> None:
    assert scan(b'package p\nimports "a"\n')[0] == ()


def embeds(*lines: str) -> tuple[str, ...]:
    return scan("\n".join(('package p\nimport _ "embed"', *lines)).encode())[1]


def test_patterns_are_words_or_quoted() -> None:
    line = '//go:embed a/*.txt\t`b c` "d e"  all:f "g\\"h\\\\i"\r'
    assert embeds(line, "var x string") == ("a/*.txt", "b c", "d e", "all:f", 'g"h\\i')


def test_a_quote_that_is_not_closed_holds_the_rest() -> None:
    assert embeds('//go:embed a "b c') == ("a", "b c")
    assert embeds("//go:embed a `b c") == ("a", "b c")
    assert scan(b'package p\nimport "a"\nimport "b')[0] == ("a",)


def test_patterns_stand_at_the_begin_of_any_line() -> None:
    assert embeds("//go:embed a", "var (", "\t//go:embed b", "\tx string", ")", "  //go:embed c") == (
        "a",
        "b",
        "c",
    )


def test_what_only_looks_like_a_pattern_is_none() -> None:
    lines = ('var s = "//go:embed a"', "//go:embedded b", "// go:embed c", "//go:embed", "x() //go:embed d")
    assert embeds(*lines) == ()


def test_patterns_count_only_with_the_package_for_them() -> None:
    assert scan(b"package p\n//go:embed a\nvar s string\n") == ((), ())


@given(st.lists(st.text('abc"\\` \t*é', max_size=6), max_size=4))
def test_quoted_patterns_come_back_as_they_were(patterns: list[str]) -> None:
    quoted = ['"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in patterns]
    assert embeds("//go:embed " + " ".join(quoted)) == tuple(patterns)
