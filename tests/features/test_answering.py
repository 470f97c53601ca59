"""A command behind the program that gives it a terminal or answers its prompts: it must not notice it otherwise."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Iterator

import pytest

from runner.system.answering_call import ANSWERS, answering_call

WAIT = 60
"""Seconds after which a test that hangs is given up."""

Answers = tuple[tuple[str, str], ...]


class Started:
    """What is needed to start a command.

    Args:
        folder: Where it runs.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex

    def call(
        self, argv: list[str], terminal: bool, answers: Answers
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        words, variables = answering_call(argv, pty=terminal, respond=answers, python=sys.executable)
        return words, {**os.environ, **variables, "MARK": self.mark}

    def run(
        self, argv: list[str], *, terminal: bool = False, answers: Answers = (), stdin: bytes = b""
    ) -> "subprocess.CompletedProcess[bytes]":
        words, environ = self.call(argv, terminal, answers)
        return subprocess.run(
            words, cwd=self.folder, env=environ, input=stdin, capture_output=True, check=False, timeout=WAIT
        )

    def python(
        self, text: str, *, terminal: bool = False, answers: Answers = (), stdin: bytes = b""
    ) -> "subprocess.CompletedProcess[bytes]":
        return self.run([sys.executable, "-c", text], terminal=terminal, answers=answers, stdin=stdin)

    def open(
        self, script: str, *, terminal: bool = False, answers: Answers = (), stdin: int = subprocess.DEVNULL
    ) -> "subprocess.Popen[bytes]":
        words, environ = self.call(["sh", "-c", script], terminal, answers)
        return subprocess.Popen(words, cwd=self.folder, env=environ, stdin=stdin, stdout=subprocess.PIPE)

    def left(self) -> list[int]:
        """The processes that still run for this test."""
        found = []
        for number in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{number}/environ", "rb") as file:
                    if f"MARK={self.mark}".encode() in file.read():
                        found.append(int(number))
            except OSError:
                continue
        return found


@pytest.fixture
def started(tmp_path: "os.PathLike[str]") -> Iterator[Started]:
    """Starts commands, and sees to it that none is left."""
    one = Started(os.fspath(tmp_path))
    yield one
    # What was killed may take a moment to be gone.
    deadline = time.monotonic() + 5
    while (left := one.left()) and time.monotonic() < deadline:
        time.sleep(0.01)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


def test_bytes_go_through_as_they_are(started: Started) -> None:
    data = bytes(range(256)) * 4096
    done = started.run(["sh", "-c", "tee /dev/stderr; cat /dev/null"], stdin=data)
    assert (done.returncode, done.stdout == data, done.stderr == data) == (0, True, True)


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 0", 0), ("exit 1", 1), ("exit 255", 255), ("kill -9 $$", 137), ("kill -TERM $$", 143), ("kill -INT $$", 130)],
)  # fmt: skip
def test_the_exit_status_is_the_command_s(started: Started, terminal: bool, script: str, status: int) -> None:
    assert started.run(["sh", "-c", script], terminal=terminal).returncode == status


@pytest.mark.parametrize("terminal", [False, True])
def test_a_program_that_is_not_there(started: Started, terminal: bool) -> None:
    done = started.run(["no-such-program"], terminal=terminal)
    assert (done.returncode, b"no-such-program" in done.stdout + done.stderr) == (127, True)


@pytest.mark.parametrize("terminal", [False, True])
def test_words_arrive_as_they_are(started: Started, terminal: bool) -> None:
    words = ["", " ", "'", '"', "$HOME", "`x`", "\\", "*", "a\tb", "é", "--", "-c", "!"]
    text = "import json, sys; print(json.dumps(sys.argv[1:]))"
    done = started.run([sys.executable, "-c", text, *words], terminal=terminal)
    assert json.loads(done.stdout) == words


@pytest.mark.parametrize("terminal", [False, True])
def test_whether_there_is_a_terminal(started: Started, terminal: bool) -> None:
    done = started.python("import os; print([os.isatty(fd) for fd in (0, 1, 2)])", terminal=terminal)
    assert done.stdout.strip() == str([terminal] * 3).encode()


ASK = """
name = input("Your name? ")
colour = input("Farbe für Tür [rot/grün]: ")
print(f"<{name}> <{colour}>")
"""


@pytest.mark.parametrize("terminal", [False, True])
def test_prompts_are_answered(started: Started, terminal: bool) -> None:
    answers = (("[Nn]ame\\?", "Ada"), ("für .*grün\\]:", "grün\n"))
    done = started.python(ASK, terminal=terminal, answers=answers)
    assert done.returncode == 0
    assert "<Ada> <grün>".encode() in done.stdout


def test_a_prompt_that_comes_again_is_answered_again(started: Started) -> None:
    text = "import sys\nfor i in range(5):\n    print(f'Go on ({i})?', end='', flush=True)\n    assert input() == 'y'"
    done = started.python(text, answers=(("Go on \\(.\\)\\?", "y"),))
    assert (done.returncode, done.stdout.count(b"Go on"), done.stderr) == (0, 5, b"")


def test_a_prompt_on_stderr_and_in_pieces_is_answered(started: Started) -> None:
    text = """
import sys, time
for piece in ("Pass", "wo", "rd: ".encode().decode(), "für T\\u00fc".encode()[:-1], b"\\xbcr?"):
    sys.stderr.buffer.write(piece if isinstance(piece, bytes) else piece.encode())
    sys.stderr.flush()
    time.sleep(0.02)
print(input())
"""
    done = started.python(text, answers=(("Password: für Tür\\?", "secret"),))
    assert (done.returncode, done.stdout) == (0, b"secret\n")


def test_a_prompt_behind_much_output_is_answered(started: Started) -> None:
    text = "print('line of output\\n' * 200_000, end='')\nprint(input('Sure? '))"
    done = started.python(text, answers=(("Sure\\?", "yes"),))
    assert (done.returncode, done.stdout.endswith(b"Sure? yes\n"), len(done.stdout)) == (0, True, 3_000_010)


def test_a_password_is_asked_for_on_the_terminal_and_not_shown(started: Started) -> None:
    text = "import getpass; print(len(getpass.getpass('Password: ')))"
    done = started.python(text, terminal=True, answers=(("Password:", "hush-hush"),))
    assert (done.returncode, b"hush" in done.stdout, b"9" in done.stdout) == (0, False, True)


@pytest.mark.parametrize("terminal", [False, True])
def test_the_command_does_not_see_the_answers(started: Started, terminal: bool) -> None:
    done = started.run(["env"], terminal=terminal, answers=(("no such prompt", "hush-hush"),))
    assert (done.returncode, b"hush" in done.stdout, ANSWERS.encode() in done.stdout) == (0, False, False)


def test_a_pattern_that_is_none_is_told(started: Started) -> None:
    done = started.run(["true"], answers=(("(", "x"),))
    assert (done.returncode, b"`(` is no regular expression" in done.stderr) == (2, True)


@pytest.mark.parametrize("terminal", [False, True])
def test_the_end_of_stdin_is_the_command_s(started: Started, terminal: bool) -> None:
    text = "import sys; sys.stdout.write(repr(sys.stdin.read()))"
    done = started.python(text, terminal=terminal, stdin=b"two\nlines")
    assert done.stdout.endswith(b"'two\\nlines'")
    assert started.run(["cat"], terminal=terminal).returncode == 0


@pytest.mark.parametrize("terminal", [False, True])
def test_the_end_of_stdin_keeps_no_answer_away(started: Started, terminal: bool) -> None:
    text = "import time\ntime.sleep(0.05)\nprint('<' + input('Name? ') + '>')"
    done = started.python(text, terminal=terminal, answers=(("Name\\?", "Ada"),))
    assert (done.returncode, b"<Ada>" in done.stdout) == (0, True)


def test_a_folder_of_the_project_is_not_taken_for_the_program(started: Started) -> None:
    os.makedirs(f"{started.folder}/runner/system")
    for name in ("runner/__init__.py", "runner/system/__init__.py", "runner/system/answering.py"):
        with open(f"{started.folder}/{name}", "w", encoding="utf-8") as file:
            file.write("raise SystemExit('the wrong one')\n")
    assert started.run(["echo", "right"]).stdout == b"right\n"


def test_what_is_left_in_the_background_does_not_hold_it(started: Started) -> None:
    process = started.open("sleep 1000 & echo $!")
    out, _ = process.communicate(timeout=WAIT)
    os.kill(int(out), signal.SIGKILL)
    assert process.returncode == 0


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_reaches_the_command(started: Started, terminal: bool, number: signal.Signals) -> None:
    script = f"trap 'echo told; exit 5' {number.value}; echo ready; while :; do sleep 0.02; done"
    process = started.open(script, terminal=terminal)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"ready"
    process.send_signal(number)
    out, _ = process.communicate(timeout=WAIT)
    assert (process.returncode, out.strip().splitlines()[-1]) == (5, b"told")


@pytest.mark.parametrize("terminal", [False, True])
def test_nothing_is_left_after_a_signal(started: Started, terminal: bool) -> None:
    process = started.open("sleep 1000 & sleep 1001 & echo ready; wait", terminal=terminal)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"ready"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=WAIT)
    assert process.returncode == 128 + signal.SIGTERM
    assert started.left() == []


def test_who_stops_listening_is_told_to_the_command(started: Started) -> None:
    process = started.open("echo begin; while :; do echo more; done")
    assert process.stdout is not None
    assert process.stdout.readline() == b"begin\n"
    process.stdout.close()
    assert process.wait(timeout=WAIT) == 128 + signal.SIGPIPE


class Screen:
    """A terminal with a command in it, from the side of the person before it."""

    def __init__(
        self, started: Started, argv: list[str], size: tuple[int, int] = (24, 80), answers: Answers = ()
    ) -> None:
        words, environ = started.call(argv, terminal=True, answers=answers)
        ready, go = os.pipe()
        self.pid, self.fd = pty.fork()
        if not self.pid:
            # Not before the terminal has its size.
            os.read(ready, 1)
            os.chdir(started.folder)
            os.execve(words[0], words, environ)
        self.resize(*size)
        os.write(go, b".")
        os.close(ready)
        os.close(go)
        self.text = b""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_to(self, wanted: bytes) -> None:
        """Read until a text has come, or to the end."""
        while wanted not in self.text:
            assert select.select([self.fd], [], [], WAIT)[0], self.text
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                data = b""
            assert data, self.text
            self.text += data

    def type(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def shows_keys(self) -> bool:
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def status(self) -> int:
        """How the program ended."""
        while select.select([self.fd], [], [], WAIT)[0]:
            try:
                if not os.read(self.fd, 4096):
                    break
            except OSError:
                break
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def test_keys_go_to_the_command_and_are_shown_once(started: Started) -> None:
    screen = Screen(started, ["sh", "-c", "echo ready; read a; echo got-$a; read b; echo got-$b; sleep 0.1"])
    screen.read_to(b"ready")
    screen.type(b"hello\r")
    screen.read_to(b"got-hello")
    screen.type(b"again\n")
    screen.read_to(b"got-again")
    assert screen.text.count(b"hello") == screen.text.count(b"again") == 2
    assert screen.status() == 0


def test_the_screen_has_the_size_of_the_terminal(started: Started) -> None:
    script = "stty size; trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.02; done"
    screen = Screen(started, ["sh", "-c", script], size=(33, 77))
    screen.read_to(b"ready")
    assert b"33 77" in screen.text
    screen.resize(44, 88)
    screen.read_to(b"44 88")
    assert screen.status() == 0


def test_the_terminal_is_given_back_as_it_was(started: Started) -> None:
    argv = ["sh", "-c", f'exec {sys.executable} "$@"', "sh"]
    words, _ = answering_call(["sh", "-c", "echo ready; read a"], pty=True, respond=(), python=sys.executable)
    text = f"import subprocess; subprocess.run({words!r}); print('after', flush=True); input()"
    # The outer one is a program that goes on after it, as pyrun does.
    outer = Screen(started, [*argv, "-c", text])
    outer.read_to(b"ready")
    outer.type(b"x\r")
    outer.read_to(b"after")
    outer.type(b"shown")
    outer.read_to(b"shown")
    outer.type(b"\r")
    assert outer.status() == 0


def test_ctrl_c_reaches_the_command_once(started: Started) -> None:
    script = "trap 'echo told' INT; echo ready; read a; read b; echo got-$b"
    screen = Screen(started, ["bash", "-c", f"{script} || read b; echo end"])
    screen.read_to(b"ready")
    screen.type(b"\x03")
    screen.read_to(b"told")
    screen.type(b"one\rtwo\rthree\r")
    screen.read_to(b"end")
    assert screen.text.count(b"told") == 1
    screen.status()


def test_a_prompt_is_answered_while_a_person_watches(started: Started) -> None:
    screen = Screen(started, [sys.executable, "-c", ASK], answers=(("name\\?", "Ada"),))
    screen.read_to(b"Farbe")
    screen.type(b"blau\r")
    screen.read_to(b"<Ada> <blau>")
    assert screen.status() == 0


def test_ctrl_z_stops_both_and_they_go_on_together(started: Started) -> None:
    screen = Screen(started, ["sh", "-c", "echo ready; while read a; do echo got-$a; done"])
    screen.read_to(b"ready")
    assert not screen.shows_keys()
    screen.type(b"\x1a")
    _, status = os.waitpid(screen.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    assert screen.shows_keys()
    # The command is told in time, and heeds it as soon as it has a turn.
    deadline = time.monotonic() + 5
    while (states := {state(pid) for pid in started.left()}) != {"T"} and time.monotonic() < deadline:
        time.sleep(0.01)
    assert states == {"T"}
    os.kill(screen.pid, signal.SIGCONT)
    screen.type(b"one\r")
    screen.read_to(b"got-one")
    screen.type(b"\x04")
    assert screen.status() == 0


def state(pid: int) -> str:
    """What a process is doing, by its letter."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0]
