"""One builder for tests of tasks in containers: the real command line beside a real engine."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import textwrap
import time

import pytest

from tests.engine.engines import RealEngine
from tests.features.conftest import PATIENCE, PYRUN, Project, limit

MEMORY = 4 << 30
"""Bytes of address space."""


class ContainerProject(Project):
    """A project whose tasks run in the containers of an engine.

    Args:
        folder: Where it and its home are made.
        engine: The engine.
        files: Its files, by name; their text may be indented as the test is.
    """

    def __init__(self, folder: str, engine: RealEngine, files: dict[str, str]) -> None:
        os.makedirs(folder)
        super().__init__(folder)
        self.engine = engine
        for name, text in files.items():
            self.write(name, textwrap.dedent(text).lstrip("\n"))

    def environ(self) -> dict[str, str]:
        """The variables that pyrun gets where a test does not name more."""
        return {**super().environ(), **self.engine.environ}

    def terminal(self, *argv: str, rows: int = 30, columns: int = 90) -> "Screen":
        """Call pyrun with a terminal of its own.

        Args:
            argv: The words behind `pyrun`.
            rows: The terminal's height.
            columns: And its width.
        """
        return Screen([PYRUN, *argv], self.root, {**self.environ(), "TERM": "xterm"}, rows, columns)

    def gone(self) -> list[str]:
        """What pyrun has left in the engine for this project, once what is just ending has ended."""
        deadline = time.monotonic() + PATIENCE
        while (left := self.left()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return left

    def left(self) -> list[str]:
        """What pyrun has in the engine for this project just now."""
        label = f"label=pyrun.project={self.root}"
        found = self.engine.docker("ps", "--all", "--quiet", "--filter", label).split()
        return [f"container {name}" for name in found]


class Screen:
    """A pyrun that has a terminal, and who sits at it.

    Args:
        argv: Its words.
        folder: Where it runs.
        environ: All its variables.
        rows: The terminal's height.
        columns: And its width.
    """

    def __init__(
        self, argv: list[str], folder: str, environ: dict[str, str], rows: int, columns: int
    ) -> None:
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if not self.pid:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                os.chdir(folder)
                limit(MEMORY)
                os.execve(argv[0], argv, environ)
            finally:
                os._exit(127)

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.fd, keys.encode())

    def until(self, text: str) -> None:
        """Wait until a text is on the screen, behind all that was waited for before."""
        deadline = time.monotonic() + PATIENCE
        while text.encode() not in self.seen:
            assert self._look(deadline), f"{text!r} never came: {self.seen!r}"
        self.seen = self.seen.partition(text.encode())[2]

    def end(self) -> tuple[str, int]:
        """What else comes, and the exit status."""
        deadline = time.monotonic() + PATIENCE
        while self._look(deadline):
            pass
        while (ended := os.waitpid(self.pid, os.WNOHANG)) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                pytest.fail(f"pyrun never ended: {self.seen!r}")
            time.sleep(0.01)
        os.close(self.fd)
        return self.seen.decode("utf-8", "surrogateescape").replace("\r\n", "\n"), os.waitstatus_to_exitcode(
            ended[1]
        )

    def _look(self, deadline: float) -> bool:
        if not select.select([self.fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return False
        try:
            found = os.read(self.fd, 65536)
        except OSError:
            # Nobody holds the other side any longer.
            return False
        self.seen += found
        return bool(found)
