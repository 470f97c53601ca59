import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runner.system.long_script import script_words, write_script

LONG = 200_000
"""More letters than one word of a command line may have on Linux."""


@contextmanager
def script_file(text: str) -> Iterator[str]:
    path = write_script(text)
    try:
        yield path
    finally:
        os.remove(path)


@pytest.fixture
def folder(tmp_path: "os.PathLike[str]", monkeypatch: pytest.MonkeyPatch) -> str:
    """Where temporary files are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return str(tmp_path)


@pytest.mark.parametrize("text", ["", "x", "é\n\n", "a\r\nb", "\udcff\udc80", "x" * LONG])
def test_the_file_holds_the_script_byte_for_byte_and_is_the_users_own(text: str, folder: str) -> None:
    with script_file(text) as path:
        assert os.path.dirname(path) == folder
        with open(path, "rb") as file:
            assert file.read() == text.encode("utf-8", "surrogateescape")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_each_script_has_a_file_of_its_own(folder: str) -> None:
    with script_file("a") as one, script_file("a") as other:
        assert one != other
        assert sorted(os.listdir(folder)) == sorted(map(os.path.basename, (one, other)))


@pytest.mark.parametrize(
    ("interpreter", "words"),
    [
        (("python3", "-c"), ("python3", "/p")), (("/usr/bin/env", "python3", "-c"), ("/usr/bin/env", "python3", "/p")),
        (("node", "-e"), ("node", "/p")), (("node", "--eval"), ("node", "/p")), (("perl", "-E"), ("perl", "/p")),
        (("php", "-r"), ("php", "/p")), (("fish", "--command"), ("fish", "/p")), (("runs-files",), ("runs-files", "/p")),
        (("python3", "-u", "-c"), ("python3", "-u", "/p")),
    ],
)  # fmt: skip
def test_an_interpreter_that_is_no_shell_is_given_the_file(
    interpreter: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert script_words("/p", interpreter) == words


def outcome(words: tuple[str, ...]) -> tuple[int, str]:
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return done.returncode, done.stdout


SHELLS = [("sh", "-c"), ("sh", "-eu", "-c"), ("bash", "-euo", "pipefail", "-c"), ("env", "sh", "-c")]


@pytest.mark.parametrize("interpreter", SHELLS)
@pytest.mark.parametrize(
    "text",
    [
        "echo one; exit 3", "false; echo on", 'echo "$0" $# "$*"', "cat <<E\nx\nE\n", "set -- a b; echo $#", "nosuch_",
        "true | false | true; echo $?", "echo 'no newline at the end'", "(exit 4)", "",
    ],
)  # fmt: skip
def test_a_shell_does_what_it_would_do_with_the_script_as_a_word(
    text: str, interpreter: tuple[str, ...], folder: str
) -> None:
    assert folder
    with script_file(text) as path:
        assert outcome(script_words(path, interpreter)) == outcome((*interpreter, text))


@pytest.mark.parametrize("interpreter", [*SHELLS, (sys.executable, "-c")])
def test_a_script_may_be_longer_than_a_word(interpreter: tuple[str, ...], folder: str) -> None:
    assert folder
    call = "print('end')" if "python" in interpreter[0] else "echo end"
    with script_file(f"# {'x' * LONG}\n{call}\n") as path:
        assert outcome(script_words(path, interpreter)) == (0, "end\n")


@pytest.mark.parametrize("name", ["a b", "it's", "$HOME", "`x`", "a;b", "*", "é"])
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_temporary_folder_may_be_called_anything(
    name: str, shell: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = os.path.join(folder, name)
    os.mkdir(inner)
    monkeypatch.setattr(tempfile, "tempdir", inner)
    with script_file("echo end") as path:
        assert outcome(script_words(path, (shell, "-c"))) == (0, "end\n")
