"""Several runs in one project: who is at which action, and what a killed run has left.

In the project's `.pyrun` folder:

- `locks`, a file without content. A byte of it that a run has locked stands for an action that it is at, another
  for the run itself; the system lets go of both when the run ends, however it does.
- `runs/NAME`, a file for each run that has started a command. All that a run starts holds a shared lock of it
  by an inherited descriptor; what is started is written into it as well, a line `PID STARTED BYTE…` each: for
  systems that do not tell who has a file open, and so that a command that calls pyrun again does not wait for
  the very action that it is a part of. A run that ends takes its file away, so one whose run is not alive was
  left by a killed run.
"""

import fcntl
import os
import time

from runner.system.process import ancestors, descendants, holders, kill_left, members, started
from runner.system.state_folder import NAME, make_state_folder
from runner.system.witness import WITNESS

_NUMBER = 100
"""The number of the descriptor that is inherited, or the next one that is free."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_PATIENCE = 5.0
"""Seconds that what was killed has to be gone."""
_LOOK_AGAIN = 0.005
"""Seconds between two looks at what was killed."""


class RunLocks:
    """What one run has locked in a project.

    Args:
        top: The project's top folder, absolute.
    """

    def __init__(self, top: str) -> None:
        self._top = top
        self._folder = f"{top}/{NAME}"
        self._locks = -1
        self._name = ""
        self.inherited = -1

    def take(self, action: str) -> bool:
        """Be the one run that is at an action; False if another one is.

        Raises:
            OSError: The file of locks can't be made.
        """
        return self._lock(_byte_of(action), fcntl.LOCK_EX | fcntl.LOCK_NB)

    def within(self, action: str) -> bool:
        """Whether this process was started by a command of an action that another run is at."""
        byte = str(_byte_of(action))
        above = {str(pid) for pid in ancestors()}
        for name in _names(f"{self._folder}/runs"):
            try:
                with open(f"{self._folder}/runs/{name}", "rb") as file:
                    rows = [row.split() for row in file.read().decode("ascii", "replace").splitlines()]
            except OSError:
                continue
            if any(row[0] in above and byte in row[2:] for row in rows if row):
                return True
        return False

    def release(self, action: str) -> None:
        """Be at an action no longer."""
        if self._locks >= 0:
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, _byte_of(action))

    def open_run(self) -> None:
        """From now on what this run starts is found by the next one, should this one be killed.

        Raises:
            OSError: There is no room for that.
        """
        if self._name:
            return
        make_state_folder(self._top)
        os.makedirs(f"{self._folder}/runs", exist_ok=True)
        name = f"{os.getpid()}-{os.urandom(4).hex()}"
        # Locked before it can be seen, so that nobody takes it for one that was left.
        self._lock(_byte_of(name), fcntl.LOCK_EX)
        path = f"{self._folder}/runs/{name}"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o666)
        self._name = name
        fcntl.flock(handle, fcntl.LOCK_SH)
        try:
            # Out of the way of the numbers that scripts use themselves.
            self.inherited = fcntl.fcntl(handle, fcntl.F_DUPFD, _NUMBER)
            os.close(handle)
        except OSError:
            self.inherited = handle
            os.set_inheritable(handle, True)

    def note(self, pid: int, actions: "Iterable[str]") -> None:
        """A process was started, the leader of a group.

        Args:
            pid: Its number.
            actions: The ids of the action that it is a command of, and of those that have called that.
        """
        if self.inherited >= 0:
            words = (pid, started(pid) or "-", *map(_byte_of, actions))
            try:
                os.write(self.inherited, f"{' '.join(map(str, words))}\n".encode())
            except OSError:
                # It is found by what it has open as well.
                return

    def close_run(self) -> None:
        """This run ends: what it leaves running was left on purpose."""
        if self._name:
            try:
                os.unlink(f"{self._folder}/runs/{self._name}")
            except OSError:
                pass
            os.close(self.inherited)
            self.inherited, self._name = -1, ""
        if self._locks >= 0:
            os.close(self._locks)
            self._locks = -1

    def end_left(self) -> int:
        """End what killed runs have left running; of how many runs something was left."""
        count = 0
        WITNESS.saw_empty(f"{self._folder}/runs")
        for name in _names(f"{self._folder}/runs"):
            if name == self._name:
                continue
            try:
                count += self._end_left(name)
            except OSError:
                # Another run is about it, or it belongs to somebody else.
                continue
        return count

    def _end_left(self, name: str) -> bool:
        alive, ending = _byte_of(name), _byte_of(f"end of {name}")
        # Of several runs that find what was left, one ends it, and the others wait for that.
        self._lock(ending, fcntl.LOCK_EX)
        try:
            if not self._lock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB):
                return False
            path = f"{self._folder}/runs/{name}"
            with open(path, "r+b", buffering=0) as file:
                found = _end_all(file.fileno(), path, file.read())
            os.unlink(path)
        finally:
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, alive)
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, ending)
        return found

    def _lock(self, byte: int, how: int) -> bool:
        if self._locks < 0:
            make_state_folder(self._top)
            self._locks = os.open(f"{self._folder}/locks", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.lockf(self._locks, how, 1, byte)
        except (BlockingIOError, PermissionError):
            return False
        return True


def _end_all(handle: int, path: str, text: bytes) -> bool:
    """End what a killed run has started, as long as there is something; whether there was."""
    any_left = False
    groups = [row.split() for row in text.decode("ascii", "replace").splitlines()]
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        found = dict.fromkeys(holders(path))
        for row in groups:
            if len(row) > 1 and row[0].isdigit() and row[1] == started(int(row[0])):
                pid = int(row[0])
                found.update(dict.fromkeys(((pid, row[1]), *members(pid), *descendants(pid))))
        found.pop((os.getpid(), started(os.getpid())), None)
        kill_left(tuple(found))
        any_left = any_left or bool(found)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOK_AGAIN)
            continue
        if not found:
            break
        time.sleep(_LOOK_AGAIN)
    return any_left


def _names(folder: str) -> "list[str]":
    """The names in a folder, none if it is not there."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _byte_of(name: str) -> int:
    """Which byte of the file of locks stands for a name: two names have the same one once in 2 to the 62."""
    from hashlib import sha256  # noqa: PLC0415 - only where something is to run

    return int.from_bytes(sha256(name.encode("utf-8", "surrogateescape")).digest()[:8], "big") >> 2
