"""One builder for feature tests: files in, a command line, and all that came of it out.

The command line is the real one, a process of its own: the `pyrun` beside the Python that runs the tests. It
gets a home of its own, variables that the test names and no others, and limits, so that a fault can't take
the machine along. When a test ends, nothing that it started may be left running.
"""

import os
import random
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

PYRUN = os.path.join(os.path.dirname(sys.executable), "pyrun")
CPU_SECONDS = 20
MEMORY = 2 << 30
"""Bytes of address space; the Go tool-chain wants more and gets no limit."""
PATIENCE = 60.0
"""Seconds after which something that must happen is taken for never happening."""
_MARK = "PYRUN_TEST_MARK"
_choose = random.SystemRandom()


class Result(NamedTuple):
    """What came of a command line; the project's folder reads `@ROOT@`."""

    stdout: str
    stderr: str
    code: int


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition; that it never comes true is a failure of the test."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"this never happened: {what}"
        time.sleep(0.01)


def free_ports(count: int) -> list[int]:
    """Ports of this machine where nobody listens, and none that the system or a test beside this one gives away."""
    # The system's own begin at 32768; each worker keeps to a range below.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    lowest = 10_000 + 1_000 * (worker % 20)
    found: list[int] = []
    while len(found) < count:
        port = lowest + _choose.randrange(1_000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        if port not in found:
            found.append(port)
    return found


class Running:
    """A pyrun at work."""

    def __init__(self, process: "subprocess.Popen[bytes]", out: str, err: str, root: str) -> None:
        self.process = process
        self._out = out
        self._err = err
        self._root = root

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to pyrun, and to nothing else."""
        self.process.send_signal(number)

    @property
    def stdout(self) -> str:
        """What was written so far."""
        return self._text(self._out)

    @property
    def stderr(self) -> str:
        """What was told so far."""
        return self._text(self._err)

    def result(self) -> Result:
        """What came of it, when it has ended."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"pyrun never ended\nstdout: {self.stdout}\nstderr: {self.stderr}")
        return Result(self.stdout, self.stderr, code)

    def _text(self, path: str) -> str:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "surrogateescape").replace(self._root, "@ROOT@")


class Project:
    """A folder with a `tasks.yml`, and pyrun called in it.

    Args:
        folder: Where it and its home are made.

    Attributes:
        told: The folder for what pyrun reads and writes.
    """

    def __init__(self, folder: str) -> None:
        self.root = f"{folder}/project"
        self.home = f"{folder}/home"
        self.mark = uuid.uuid4().hex
        self.told = folder
        self._calls = 0
        os.mkdir(self.root)
        os.mkdir(self.home)

    def environ(self) -> dict[str, str]:
        """The variables that pyrun gets where a test does not name more."""
        return {
            "PATH": f"{os.path.dirname(PYRUN)}:{os.environ['PATH']}",
            "HOME": self.home,
            "XDG_CACHE_HOME": f"{self.home}/.cache",
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            _MARK: self.mark,
        }

    def run(
        self,
        *argv: str,
        env: dict[str, str] | None = None,
        stdin: str | None = None,
        cwd: str = "",
        memory: int | None = MEMORY,
    ) -> Result:
        """Call pyrun and wait for its end.

        Args:
            argv: The words behind `pyrun`.
            env: Variables beside the usual ones.
            stdin: What it may read; nothing if None.
            cwd: The current folder, relative to the project.
            memory: Bytes of address space, or None for no limit.
        """
        return self.start(*argv, env=env, stdin=stdin, cwd=cwd, memory=memory).result()

    def start(
        self,
        *argv: str,
        env: dict[str, str] | None = None,
        stdin: str | None = None,
        cwd: str = "",
        memory: int | None = MEMORY,
    ) -> Running:
        """Call pyrun and do not wait."""
        self._calls += 1
        paths = [f"{self.told}/{name}{self._calls}" for name in ("in", "out", "err")]
        with open(paths[0], "wb") as file:
            file.write((stdin or "").encode("utf-8", "surrogateescape"))
        with open(paths[0] if stdin is not None else os.devnull, "rb") as reads, \
             open(paths[1], "wb") as out, open(paths[2], "wb") as err:  # fmt: skip
            process = subprocess.Popen(
                [PYRUN, *argv],
                stdin=reads,
                stdout=out,
                stderr=err,
                cwd=os.path.join(self.root, cwd),
                env={**self.environ(), **(env or {})},
                preexec_fn=lambda: limit(memory),  # noqa: PLW1509 - no thread runs here
            )
        return Running(process, paths[1], paths[2], self.root)

    def path(self, name: str) -> str:
        """The absolute path of a file."""
        return os.path.join(self.root, name)

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        """Write a file as it is, folders above it made."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        os.chmod(path, mode)

    def script(self, name: str, text: str) -> None:
        """Write a script that can be executed, indentation taken off."""
        self.write(name, textwrap.dedent(text).lstrip("\n"), 0o755)

    def read(self, name: str) -> str:
        """The text of a file."""
        with open(self.path(name), "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")

    def lines(self, name: str) -> list[str]:
        """The lines of a file, none if it is not there."""
        return self.read(name).splitlines() if self.exists(name) else []

    def exists(self, name: str) -> bool:
        """Whether there is a file or folder of that name."""
        return os.path.lexists(self.path(name))

    def remove(self, name: str) -> None:
        """Remove a file."""
        os.unlink(self.path(name))

    def touch(self, name: str) -> None:
        """Give a file another time, and leave its content."""
        found = os.stat(self.path(name))
        os.utime(self.path(name), ns=(found.st_atime_ns, found.st_mtime_ns + 3_000_000_000))

    def files(self) -> list[str]:
        """All files but those of pyrun's own state, sorted."""
        return sorted(
            os.path.relpath(os.path.join(folder, name), self.root)
            for folder, _, names in os.walk(self.root)
            for name in names
            if "/.pyrun" not in folder and "/.git" not in folder
        )

    def left(self) -> list[str]:
        """The processes that run for this project, pyrun and all below it, whatever group they are in."""
        found = []
        for number in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{number}/environ", "rb") as file:
                    mine = f"{_MARK}={self.mark}".encode() in file.read()
                if mine:
                    with open(f"/proc/{number}/cmdline", "rb") as file:
                        found.append(f"{number} {file.read().replace(bytes(1), b' ').decode()}")
            except OSError:
                continue
        return found

    def end_all(self) -> None:
        """End all that runs for this project."""
        for line in self.left():
            try:
                os.kill(int(line.split()[0]), signal.SIGKILL)
            except ProcessLookupError:
                continue


MakeProject = Callable[[dict[str, str]], Project]


def limit(memory: int | None) -> None:
    """In the child: no fault of it may take the machine along."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


@pytest.fixture
def project(tmp_path: "os.PathLike[str]") -> Iterator[MakeProject]:
    """Makes projects of files; their text may be indented as the test is."""
    made: list[Project] = []

    def make(files: dict[str, str]) -> Project:
        folder = f"{os.path.realpath(tmp_path)}/{len(made)}"
        os.mkdir(folder)
        one = Project(folder)
        for name, text in files.items():
            one.write(name, textwrap.dedent(text).lstrip("\n"))
        made.append(one)
        return one

    yield make
    left = [line for one in made if not _ends(one) for line in one.left()]
    for one in made:
        one.end_all()
    assert not left, "these were left running"


def _ends(one: Project) -> bool:
    """Whether nothing runs any longer; what was killed may take a moment to be gone."""
    deadline = time.monotonic() + 5
    while one.left():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
