import pytest

from runner.cli.completion import PROTOCOL
from runner.errors import UsageError
from runner.ui.shell_scripts import SHELLS, read_script, shell_named


@pytest.mark.parametrize("shell", SHELLS)
def test_each_script_asks_for_its_own_shell(shell: str) -> None:
    text = read_script(shell)
    asked = [other for other in SHELLS if f"{PROTOCOL}{other}" in text]
    assert asked == [shell]
    assert "eval" not in text.replace("evaluated", "")
    assert text.endswith("\n")


def test_a_shell_is_known_by_its_program_too() -> None:
    assert shell_named("pwsh") == "powershell"
    for word in ("", "sh", "Bash", "tcsh"):
        with pytest.raises(UsageError) as caught:
            shell_named(word)
        assert caught.value.hint == "there is one for bash, zsh, fish, powershell"
