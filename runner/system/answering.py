"""A program between pyrun and a command that wants a terminal of its own, or answers to its prompts.

Started by the words of `answering_call`. It runs the command by Invoke's `Local` runner, answers by Invoke's
`Responder` (see `answers`), and is otherwise not to be noticed: bytes go through as they are, in both directions,
signals reach the command, and its exit status is this program's. Invoke's own threads are not used: they would
decode all output, keep it, and pass stdin on at a hundred characters a second.

The command has a session of its own. Where it has a terminal there, stdout and stderr are one.

A command with answers is not told that stdin has ended: a prompt may come again at any time, and what is closed
to this program's stdin would be closed to the answers too.
"""

import os
import re
import select
import signal
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from json import loads
from shlex import join
from subprocess import PIPE as SUBPROCESS_PIPE
from subprocess import Popen
from typing import Any

from invoke.config import Config
from invoke.context import Context
from invoke.runners import Local

from runner.errors import USAGE
from runner.system.answering_call import ANSWERS, PTY
from runner.system.answers import Stream
from runner.system.keyboard import Keyboard, copy_size
from runner.system.process import descendants, kill_left, still_there
from runner.system.stop_signals import STOPS

SHELL = "/bin/sh"
GRACE = 10.0
"""Seconds that what the command started has to end after it, if it was told to stop."""
_STDIN, _STDOUT, _STDERR = 0, 1, 2
_CHUNK = 1 << 16
_QUIET = 200
"""Milliseconds without output after which a terminal has no more to say, once its command has ended."""
_LEFT = 1 << 20
"""Bytes that are read, at the most, when the command has ended: more than any pipe holds."""


class Answering(Local):
    """Invoke's runner for local commands, with one loop in place of its threads.

    Args:
        context: What Invoke's runners take their settings from.
        answers: Patterns with their answers.
    """

    def __init__(self, context: Context, answers: Sequence[tuple[str, str]]) -> None:
        super().__init__(context)
        self._answers = answers
        self._keyboard = Keyboard()
        self._signals, self._signals_in = os.pipe()
        self._streams: list[Stream] = []
        self._pending = bytearray()
        self._last = b"\n"
        self._read_stdin = self._keyboard.there or not os.isatty(_STDIN)
        self._at_end = False
        self._input: int | None = None
        self._ended = False
        # What was there when a stop signal came: it must have ended before this program does.
        self._told: list[tuple[int, str]] = []

    # What Invoke calls

    def start(self, command: str, shell: str, env: dict[str, Any]) -> None:
        """Start the command in a session of its own."""
        self._listen()
        if self.using_pty:
            # Python ignores these for itself, which no program expects; `Popen` takes care of that by itself.
            ignored = {number: signal.signal(number, signal.SIG_DFL) for number in _IGNORED}
            super().start(command, shell, env)
            for number, handler in ignored.items():
                signal.signal(number, handler)
            os.set_blocking(self.parent_fd, False)
            copy_size(self.parent_fd)
            self._keyboard.pass_keys()
            self._input = self.parent_fd
            self._streams = [Stream(self.parent_fd, _STDOUT, self._answers)]
            return
        self.process = Popen(
            [shell, "-c", command],
            env=env,
            stdin=SUBPROCESS_PIPE,
            stdout=SUBPROCESS_PIPE,
            stderr=SUBPROCESS_PIPE,
            start_new_session=True,
        )
        files = (self.process.stdin, self.process.stdout, self.process.stderr)
        self._input, out, err = (file.fileno() for file in files if file is not None)
        os.set_blocking(self._input, False)
        self._streams = [Stream(out, _STDOUT, self._answers), Stream(err, _STDERR, self._answers)]

    def create_io_threads(self) -> tuple[dict[Any, Any], list[str], list[str]]:
        """There are none."""
        return {}, [], []

    def wait(self) -> None:
        """Pass everything on until the command has ended and all its output is here."""
        while not self._has_ended():
            self._turn(None)
        self._drain()
        deadline = time.monotonic() + GRACE
        while self._told and (left := still_there(self._told)):
            if time.monotonic() > deadline:
                kill_left(left)
                break
            self._turn(20)

    def stop(self) -> None:
        """Give the terminal back."""
        self._keyboard.restore()
        super().stop()

    # Signals

    def _listen(self) -> None:
        os.set_blocking(self._signals, False)
        os.set_blocking(self._signals_in, False)
        signal.set_wakeup_fd(self._signals_in, warn_on_full_buffer=False)
        for number in (*STOPS, signal.SIGCHLD, signal.SIGWINCH, signal.SIGTSTP):
            # What the caller ignores (`nohup`) stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGCHLD:
                signal.signal(number, _nothing)

    def _hear(self) -> None:
        for number in dict.fromkeys(os.read(self._signals, _CHUNK)):
            if number in STOPS:
                self._told += descendants(os.getpid())
                self._signal(number)
            elif number == signal.SIGTSTP:
                self._suspend()
            elif number == signal.SIGWINCH and self.using_pty:
                copy_size(self.parent_fd)

    def _signal(self, number: int) -> None:
        """Signal the command's group and the one its terminal belongs to."""
        pid = self.pid if self.using_pty else self.process.pid
        groups = {pid}
        if self.using_pty and not self._ended:
            try:
                groups.add(os.tcgetpgrp(self.parent_fd))
            except OSError:
                pass
        for group in groups - {0}:
            try:
                os.killpg(group, number)
            except (ProcessLookupError, PermissionError):
                continue

    def _suspend(self) -> None:
        """Stop with the command, as Ctrl-Z wants, and go on with it."""
        self._keyboard.restore()
        # In a session of its own the command would not heed the signal that can be caught.
        self._signal(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        if self.using_pty:
            self._keyboard.pass_keys()
            copy_size(self.parent_fd)
        self._signal(signal.SIGCONT)

    # Bytes

    def _has_ended(self) -> bool:
        self._ended = self._ended or self.process_is_finished
        return self._ended

    def _turn(self, timeout: int | None) -> None:
        """Wait some milliseconds, or as long as it takes, for something to happen, and do what it asks for."""
        wanted = {stream.fd: select.POLLIN for stream in self._streams}
        wanted[self._signals] = select.POLLIN
        reading = self._read_stdin and not self._ended and len(self._pending) < _CHUNK
        if reading:
            wanted[_STDIN] = select.POLLIN
        if self._input is not None and self._pending:
            wanted[self._input] = wanted.get(self._input, 0) | select.POLLOUT
        poll = select.poll()
        for fd, mask in wanted.items():
            poll.register(fd, mask)
        ready = dict(poll.poll(timeout))
        if self._signals in ready:
            self._hear()
        for stream in tuple(self._streams):
            if ready.get(stream.fd, 0) & ~select.POLLOUT:
                self._pass_output(stream)
        if reading and _STDIN in ready:
            self._take_input()
        if self._input is not None and self._pending:
            self._give_input(self._input)
        self._pass_end()

    def _pass_output(self, stream: Stream) -> int:
        """Pass on what there is; how many bytes that were."""
        try:
            data = os.read(stream.fd, _CHUNK)
        except BlockingIOError:
            return 0
        except OSError:
            # So a terminal ends, when nobody has it open any longer.
            data = b""
        if not data:
            self._streams.remove(stream)
            return 0
        if stream.to is not None and not _write(stream.to, data):
            stream.to = None
            # Nobody listens any longer: let the command find out as it would without this program.
            self._signal(signal.SIGPIPE)
        for answer in stream.answers(data):
            self._pending += self._typed(answer)
        return len(data)

    def _typed(self, answer: str) -> bytes:
        """An answer as the keys that a person presses."""
        text = answer if answer.endswith("\n") else f"{answer}\n"
        return (text.replace("\n", "\r") if self.using_pty else text).encode("utf-8", "surrogateescape")

    def _take_input(self) -> None:
        try:
            data = os.read(_STDIN, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._pending += data
            self._last = data[-1:]
        else:
            self._read_stdin = False
            self._at_end = True

    def _pass_end(self) -> None:
        """Where stdin has ended, end the command's too, unless that would keep answers away."""
        if not self._at_end or self._input is None or self._answers:
            return
        if self.using_pty:
            self._at_end = False
            key = termios.tcgetattr(self.parent_fd)[6][termios.VEOF]
            # In the middle of a line, the key first ends the line.
            self._pending += key * (1 if self._last in {b"\n", b"\r"} else 2)
        elif not self._pending:
            self._close_input()

    def _give_input(self, fd: int) -> None:
        try:
            count = os.write(fd, self._pending)
        except BlockingIOError:
            return
        except OSError:
            self._close_input()
            return
        del self._pending[:count]

    def _close_input(self) -> None:
        self._input = None
        self._read_stdin = False
        self._pending.clear()
        if not self.using_pty and self.process.stdin is not None:
            self.process.stdin.close()

    def _drain(self) -> None:
        """Pass on what the command had still written when it ended."""
        self._input = None
        poll = select.poll()
        for stream in self._streams:
            poll.register(stream.fd, select.POLLIN)
        total = 0
        while total < _LEFT and (ready := dict(poll.poll(_QUIET if self.using_pty else 0))):
            for stream in tuple(self._streams):
                if stream.fd in ready:
                    total += self._pass_output(stream)
                    if stream not in self._streams:
                        poll.unregister(stream.fd)
            if not self._streams:
                break


_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)


def _nothing(_number: int, _frame: object) -> None:
    """Signals are read from a pipe; without a handler there would be none in it."""


def _write(fd: int, data: bytes) -> bool:
    """Write all of some data; whether somebody was there to take it."""
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(fd, left) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll()
        except OSError:
            return False
    return True


def run(argv: Sequence[str], *, pty: bool, answers: Sequence[tuple[str, str]], env: Mapping[str, str]) -> int:
    """Run a command with a terminal or with answers, and wait for its end.

    Returns:
        Its exit status as a shell gives it: 128 and the number for a command that a signal ended.
    """
    # Settings of the user's own use of Invoke have no say here.
    runner = Answering(Context(Config(lazy=True)), answers)
    result = runner.run(
        f"exec {join(argv)}",
        pty=pty,
        fallback=False,
        shell=SHELL,
        env=dict(env),
        replace_env=True,
        in_stream=False,
        warn=True,
    )
    code = 0 if result is None else result.exited
    return code if code >= 0 else 128 - code


def main() -> int:
    """Run what the words and the variable of this process ask for; its exit status."""
    environ = dict(os.environ)
    answers = [(str(pattern), str(answer)) for pattern, answer in loads(environ.pop(ANSWERS, "[]"))]
    for pattern, _ in answers:
        try:
            re.compile(pattern, re.DOTALL)
        except re.error as error:
            sys.stderr.write(f"`{pattern}` is no regular expression: {error}\n")
            return USAGE
    return run(sys.argv[2:], pty=sys.argv[1] == PTY, answers=answers, env=environ)


if __name__ == "__main__":
    sys.exit(main())
