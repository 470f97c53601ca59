"""A script that is started without a shell is started with the very words that a shell would hand over."""

import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runner.execute.simple_command import simple_words

PROGRAMS = ("p", "p-1", "./p", "a.b", "@p", "q%", "a:b", "a,b", "_", "x/p")
"""Names of the program that prints its words."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a program under several names that prints its words, NUL behind each."""
    top = os.fspath(tmp_path_factory.mktemp("programs"))
    os.mkdir(f"{top}/x")
    with open(f"{top}/p", "w", encoding="ascii") as file:
        file.write(
            f"#!{sys.executable} -IS\nimport os, sys\nos.write(1, b'\\0'.join(map(os.fsencode, sys.argv)))\n"
        )
    os.chmod(f"{top}/p", 0o755)
    for name in {*PROGRAMS} - {"p", "./p"}:
        os.link(f"{top}/p", f"{top}/{name}")
    return top


def of_shell(folder: str, scripts: list[str]) -> list[tuple[str, ...]]:
    """The words behind the program that a shell hands over for each of some scripts."""
    environ = {"PATH": folder, "LANG": "C.UTF-8"}
    # Behind a line's end, so that a `+` at the begin is no option of the shell's.
    with_marks = "\n" + "\nprintf '\\1'\n".join(scripts)
    done = subprocess.run(
        ["/bin/sh", "-c", with_marks], cwd=folder, env=environ, capture_output=True, check=False, timeout=60
    )
    assert done.stderr == b""
    return [
        tuple(word.decode("utf-8", "surrogateescape") for word in out.split(b"\0")[1:])
        for out in done.stdout.split(b"\1")
    ]


pieces = st.one_of(
    st.text(st.sampled_from("abcXYZ019_@%+=:,./-"), min_size=1, max_size=4),
    st.text(st.characters(codec="utf-8", exclude_characters="'\0\1"), max_size=5).map(
        lambda text: f"'{text}'"
    ),
    st.sampled_from(["~", "''", "for", "A=b", "-n", "=", "!'x'", "'\n'", "'$x'", "'*'"]).filter(
        lambda p: p[0] not in "~!"
    ),
)
words = st.lists(pieces, min_size=1, max_size=3).map("".join)
blanks = st.sampled_from([" ", "  ", "   "])
scripts = st.builds(
    lambda name, rest, before, after: before + name + "".join(rest) + after,
    st.sampled_from(PROGRAMS),
    st.lists(st.builds(lambda blank, word: blank + word, blanks, words), max_size=4),
    st.sampled_from(["", " ", "\n", " \n "]),
    st.sampled_from(["", " ", "\n", "\n\n"]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(scripts, min_size=10, max_size=20))
def test_the_words_are_those_that_a_shell_hands_over(folder: str, many: list[str]) -> None:
    expected = of_shell(folder, many)
    got = [simple_words(script) for script in many]
    assert all(found is not None for found in got)
    assert [found[1:] for found in got if found] == expected
    assert [found[0] for found in got if found] == [script.split()[0] for script in many]


ANY = "ab1 \t\n'\"\\$`~*?[]{}()<>|&;#!=-/.%:,+@^é\0"


@settings(max_examples=1500)
@given(st.text(st.sampled_from(ANY), max_size=12))
@example("a\tb")
def test_where_there_is_anything_else_a_shell_is_started(script: str) -> None:
    found = simple_words(script)
    if found is None:
        return
    outside = "".join(script.split("'")[::2]).strip(" \n")
    assert not set(outside) & set('\t\n"\\$`~*?[]{}()<>|&;#!^\0é')
    assert script.count("'") % 2 == 0
    assert "=" not in found[0]


@pytest.mark.parametrize(
    "script",
    [
        "+x a", "-x a", "", " ", "\n", "''", "'' a", "A=b", "A=b p", "p a\nq b", "p\tq", "p \\\n q", "p 'a", "p ~", "p a~", "p *", "p $x",
        "p >f", "p &", "p;", "p # x", "p #", "p é", "é", 'p "x"', "p {a,b}", "p a!b", "p ^a", "p\r", "p\0", "(p)", "!p",
        "'p' a'", "p" + " a" * 5000,
    ],
)  # fmt: skip
def test_this_needs_a_shell(script: str) -> None:
    assert simple_words(script) is None


RESERVED = subprocess.run(
    ["bash", "-c", "compgen -b; compgen -k"], capture_output=True, text=True, check=True
).stdout.split()


@pytest.mark.parametrize("name", RESERVED)
def test_what_a_shell_keeps_for_itself_needs_a_shell(name: str) -> None:
    assert simple_words(name) is None
    assert simple_words(f"{name} a b") is None
    assert simple_words(f"'{name}' a") is None
    assert simple_words(f"p {name}") == ("p", name) or set(name) & set("[]{}!")


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("p", ("p",)),
        ("  p  a \n\n", ("p", "a")),
        ("p ''", ("p", "")),
        ("p a''b", ("p", "ab")),
        ("p 'a b' 'c\nd'", ("p", "a b", "c\nd")),
        ("p '\"$x\" \\ #é'", ("p", '"$x" \\ #é')),
        ("p A=b = a=", ("p", "A=b", "=", "a=")),
        ("p -n --x=1 'it'x's'", ("p", "-n", "--x=1", "itxs")),
        ("'p'x a", ("px", "a")),
        ("./bin/p-1.2 @x %y a,b a:b", ("./bin/p-1.2", "@x", "%y", "a,b", "a:b")),
    ],
)
def test_this_needs_none(script: str, found: tuple[str, ...]) -> None:
    assert simple_words(script) == found
