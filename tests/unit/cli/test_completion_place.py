"""A start file loses nothing but the line that was added to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cli.completion_place import place_of, without_line
from runner.errors import UsageError

OURS = b"[ ! -r /x ] || . /x  # completion of pyrun\n"
TEXTS = st.lists(
    st.sampled_from([b"a\n", b"# completion of pyrun\n", b"\xff\r\n", b"\r", b"\n", b"end", b"\x0c\x85\n"])
)


@given(TEXTS, TEXTS)
def test_only_our_line_is_taken_away(before: list[bytes], behind: list[bytes]) -> None:
    head, tail = b"".join(before), b"".join(behind)
    if head and not head.endswith((b"\n", b"\r")):
        head += b"\n"
    assert without_line(head + OURS + tail) == without_line(head) + without_line(tail) == head + tail


def test_where_each_shell_looks() -> None:
    home = {"HOME": "/home/me"}
    assert (
        place_of("fish", home, bash_completion=True).script == "/home/me/.config/fish/completions/pyrun.fish"
    )
    assert (
        place_of("fish", {**home, "XDG_CONFIG_HOME": "/c/"}, bash_completion=True).script
        == "/c/fish/completions/pyrun.fish"
    )
    bash = place_of("bash", home, bash_completion=True)
    assert (bash.script, bash.start) == ("/home/me/.local/share/bash-completion/completions/pyrun", "")
    assert (
        place_of("bash", {**home, "XDG_DATA_HOME": "/d"}, bash_completion=True).script
        == "/d/bash-completion/completions/pyrun"
    )
    own = place_of("bash", {**home, "BASH_COMPLETION_USER_DIR": "/b:/c"}, bash_completion=True)
    assert own.script == "/b/completions/pyrun"
    alone = place_of("bash", home, bash_completion=False)
    assert alone.start == "/home/me/.bashrc"
    assert alone.line == f"[ ! -r {alone.script} ] || . {alone.script}"
    assert place_of("zsh", {**home, "ZDOTDIR": "/z"}, bash_completion=True).start == "/z/.zshrc"
    assert (
        place_of("powershell", home, bash_completion=True).start == "/home/me/.config/powershell/profile.ps1"
    )


def test_a_line_holds_any_path() -> None:
    home = {"HOME": "/it's $(me)"}
    assert "'/it'\\''s $(me)/.local" in place_of("zsh", home, bash_completion=True).line
    assert "'/it''s $(me)/.local" in place_of("powershell", home, bash_completion=True).line


@pytest.mark.parametrize("home", ["", "relative"])
def test_without_a_home_there_is_no_place(home: str) -> None:
    with pytest.raises(UsageError, match="HOME is not set"):
        place_of("fish", {"HOME": home}, bash_completion=True)
