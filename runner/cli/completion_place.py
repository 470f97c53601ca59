"""Where each shell finds its completion script, and how it is put there and taken away.

Fish, and bash with the package bash-completion, look into a folder of the user's by themselves. Zsh,
PowerShell and bash alone read nothing but their own start files, so there one line that reads the script is
added at the end. A start file is the user's: it is replaced as a whole or not at all, keeps its mode, links to it
stay links, all else in it stays as it was, and the line can be told by what stands at its end.
"""

import os
import stat

from runner.errors import PyrunError, UsageError
from runner.plan.bind import shown_word
from runner.store.whole_file import new_file, rename
from runner.ui.shell_scripts import read_script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_MARK = b"# completion of pyrun"
_BASH_COMPLETION = (
    "/usr/share/bash-completion/bash_completion",
    "/usr/local/share/bash-completion/bash_completion",
    "/opt/homebrew/share/bash-completion/bash_completion",
    "/usr/local/etc/profile.d/bash_completion.sh",
    "/opt/homebrew/etc/profile.d/bash_completion.sh",
    "/run/current-system/sw/share/bash-completion/bash_completion",
    "/etc/bash_completion",
)
"""Where bash-completion is, if it is installed."""


class Place:
    """Where a shell's script goes.

    Args:
        script: The script's path.
        start: The start file that must read it, or empty if the shell finds it by itself.
        line: The line of the start file that does.
    """

    __slots__ = ("line", "script", "start")

    def __init__(self, script: str, start: str = "", line: str = "") -> None:
        self.script = script
        self.start = start
        self.line = line


def place_of(shell: str, environ: "Mapping[str, str]", bash_completion: bool) -> Place:
    """Where the script for a shell goes.

    Args:
        shell: One of `runner.ui.shell_scripts.SHELLS`.
        environ: The caller's variables.
        bash_completion: Whether bash looks into folders of the user's.

    Raises:
        UsageError: HOME names no folder.
    """
    home = environ.get("HOME", "")
    if not home.startswith("/"):
        raise UsageError("there is no home folder to put it in: HOME is not set")
    data = _absolute(environ.get("XDG_DATA_HOME", "")) or f"{home}/.local/share"
    config = _absolute(environ.get("XDG_CONFIG_HOME", "")) or f"{home}/.config"
    own = f"{data}/pyrun/completion/pyrun"
    if shell == "fish":
        return Place(f"{config}/fish/completions/pyrun.fish")
    if shell == "zsh":
        start = f"{_absolute(environ.get('ZDOTDIR', '')) or home}/.zshrc"
        return Place(f"{own}.zsh", start, _posix_line(f"{own}.zsh"))
    if shell == "powershell":
        quoted = own.replace("'", "''")
        line = f"if (Test-Path '{quoted}.ps1') {{ . '{quoted}.ps1' }}"
        return Place(f"{own}.ps1", f"{config}/powershell/profile.ps1", line)
    folder = (
        _absolute(environ.get("BASH_COMPLETION_USER_DIR", "").partition(":")[0]) or f"{data}/bash-completion"
    )
    script = f"{folder}/completions/pyrun"
    return Place(script) if bash_completion else Place(script, f"{home}/.bashrc", _posix_line(script))


def has_bash_completion() -> bool:
    """Whether the package bash-completion is on this machine."""
    return any(os.path.exists(path) for path in _BASH_COMPLETION)


def install(shell: str, environ: "Mapping[str, str]") -> str:
    """Put the script for a shell in its place; what was done.

    Raises:
        UsageError: HOME names no folder.
        PyrunError: A file can't be written.
    """
    place = place_of(shell, environ, has_bash_completion())
    told = [_replace(place.script, read_script(shell).encode())]
    if place.start:
        before = _bytes(place.start) or b""
        line = place.line.encode("utf-8", "surrogateescape") + b"  " + _MARK + b"\n"
        kept = without_line(before)
        if kept and not kept.endswith(b"\n"):
            kept += b"\n"
        try:
            told.append(_replace(place.start, before if line in before else kept + line))
        except PyrunError as error:
            told.append(f"{error.message}; {shell} completes pyrun with this line in it:\n  {place.line}")
    told.append(f"{shell} completes pyrun from its next start on")
    return "".join(f"{line}\n" for line in told)


def uninstall(shell: str, environ: "Mapping[str, str]") -> str:
    """Take the script for a shell away, and the line that reads it; what was done.

    Raises:
        UsageError: HOME names no folder.
        PyrunError: A file can't be written.
    """
    # The line may be from a time when bash-completion was not there.
    place = place_of(shell, environ, bash_completion=False)
    told = []
    before = _bytes(place.start) if place.start else None
    if before is not None and without_line(before) != before:
        told.append(_replace(place.start, without_line(before)))
    try:
        os.unlink(place.script)
        told.append(f"removed {place.script}")
    except FileNotFoundError:
        pass
    return "".join(f"{line}\n" for line in told or [f"{shell} has no completion of pyrun to remove"])


def without_line(text: bytes) -> bytes:
    """A start file without the line of ours, all else as it was."""
    lines = text.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.rstrip(b"\r\n").endswith(b"  " + _MARK))


def _absolute(path: str) -> str:
    """The path if it is absolute, else nothing: the specification of these variables says so."""
    return path.rstrip("/") if path.startswith("/") else ""


def _posix_line(script: str) -> str:
    name = shown_word(script)
    return f"[ ! -r {name} ] || . {name}"


def _bytes(path: str) -> bytes | None:
    """The bytes of a file, None if there is none.

    Raises:
        PyrunError: It can't be read, or is no file.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PyrunError(f"{path} can't be read: {error.strerror}") from None


def _replace(path: str, data: bytes) -> str:
    """Let a file have these bytes, as a whole or not at all; what was done.

    Raises:
        PyrunError: It can't be written.
    """
    if _bytes(path) == data:
        return f"{path} is as it should be"
    real = os.path.realpath(path)
    try:
        os.makedirs(os.path.dirname(real), exist_ok=True)
        with new_file(os.path.dirname(real), ".pyrun-") as file:
            if os.path.exists(real):
                os.fchmod(file.fileno(), stat.S_IMODE(os.stat(real).st_mode))
            file.write(data)
            rename(file, real)
    except OSError as error:
        raise PyrunError(f"{path} can't be written: {error.strerror}") from None
    return f"wrote {path}"
