import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.plan.go_module import is_folder, read_module_file, statements

WORD = st.text("abcxyz019.-_~/", min_size=1, max_size=10).filter(lambda word: "//" not in word)
END = st.sampled_from(("\n", "\r\n", " // why\n", "\t//why (\n", "\n\n// replace a => ./b\n"))


@st.composite
def files(draw: st.DrawFn) -> tuple[str, list[list[str]]]:
    """A file of statements in any style, and those statements."""

    def line(words: list[str]) -> str:
        quotes = st.sampled_from(("", "", '"', "`"))
        return draw(st.sampled_from((" ", "\t"))).join(
            q + w + q for w in words if (q := draw(quotes)) is not None
        )

    text, wanted = "", []
    for _ in range(draw(st.integers(0, 5))):
        verb = draw(st.sampled_from(("require", "replace", "use", "unheard")))
        rows = draw(st.lists(st.lists(WORD, min_size=1, max_size=4), max_size=3))
        if draw(st.booleans()):
            text += verb + draw(st.sampled_from((" (", "(", "\t( "))) + draw(END)
            text += "".join("\t" + line(row) + draw(END) for row in rows) + ")" + draw(END)
        else:
            text += "".join(f"{verb} " + line(row) + draw(END) for row in rows)
        wanted += [[verb, *row] for row in rows]
    return text, wanted


@given(files())
def test_statements_are_read_in_every_style(case: tuple[str, list[list[str]]]) -> None:
    text, wanted = case
    assert statements(text.encode()) == wanted


@given(st.text('ab \n()"`/=>.\\'))
def test_no_text_is_refused(text: str) -> None:
    assert read_module_file(text.encode()).path == ""


def test_a_module() -> None:
    file = read_module_file(
        b"toolchain\nmodule example.org/shop // the shop\n\ngo 1.22.3\n\nrequire example.org/lib v1.0.0\n\n"
        b"replace example.org/lib v1.0.0 => ../lib\n"
        b'replace (\n\texample.org/far => example.org/near v1.2.0\n\t"example.org/kit" => `./my kit`\n)\n'
        b"replace example.org/broken =>\n"
        b"ignore ./made\nignore (\n\tnode_modules\n)\n"
    )
    assert file.path == "example.org/shop"
    assert file.version == (1, 22)
    assert file.replaced == (("example.org/lib", "../lib"), ("example.org/kit", "./my kit"))
    assert file.ignored == ("./made", "node_modules")
    assert file.uses == ()


def test_a_workspace() -> None:
    file = read_module_file(
        b"go 1.24rc1\nuse ./a\nuse (\n\t./b\n\t../c // far\n)\nuse ()\nreplace x => /abs\n"
    )
    assert file.uses == ("./a", "./b", "../c")
    assert file.replaced == (("x", "/abs"),)
    assert file.version == (1, 24)


@pytest.mark.parametrize(
    ("text", "version"), [("1.9", (1, 9)), ("1.21.0", (1, 21)), ("2", (0, 0)), ("x.1", (0, 0)), ("", (0, 0))]
)
def test_versions(text: str, version: tuple[int, int]) -> None:
    assert read_module_file(f"go {text}\n".encode()).version == version


def test_folders_are_told_from_modules() -> None:
    assert [is_folder(text) for text in (".", "..", "./a", "../a", "/a")] == [True] * 5
    assert [is_folder(text) for text in ("a", ".a", "a/./b", "example.org/a")] == [False] * 4
