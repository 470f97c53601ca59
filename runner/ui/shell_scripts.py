"""The scripts by which shells complete pyrun.

They lie in the folder `shells` beside this module, each in its shell's own language, and know nothing of tasks:
they ask `pyrun --pyrun-complete=SHELL`, see `runner.cli.completion`.
"""

import os

from runner.errors import UsageError

SHELLS = ("bash", "zsh", "fish", "powershell")
"""The shells that there is a script for."""

_ENDINGS = {"bash": "bash", "zsh": "zsh", "fish": "fish", "powershell": "ps1"}


def shell_named(word: str) -> str:
    """Which of SHELLS a word names; `pwsh`, as PowerShell's program is called, is one of them.

    Raises:
        UsageError: None of them.
    """
    name = "powershell" if word == "pwsh" else word
    if name in SHELLS:
        return name
    hint = f"there is one for {', '.join(SHELLS)}"
    raise UsageError(f"there is no completion for the shell `{word}`", None, hint)


def read_script(shell: str) -> str:
    """The text of the script for one of SHELLS."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shells")
    with open(f"{folder}/pyrun.{_ENDINGS[shell]}", encoding="utf-8") as file:
        return file.read()
