"""Content of files by digest, with their stat as the first look.

A file whose size, times, inode and mode are as recorded is taken to have the recorded content. Only a file
that was changed at least `GRAIN` before it was looked at gets such a record: a later change within the grain
of the clock that the file system stamps with could otherwise go unseen.
"""

import os
import time
from stat import S_ISREG

from runner.plan.file_state import FileState
from runner.system.witness import WITNESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

GRAIN = 50_000_000
"""Nanoseconds: five times the slowest tick of a kernel that stamps with nanoseconds."""
COARSE_GRAIN = 2_000_000_000
"""Nanoseconds: the slowest clock of a file system that stamps with whole seconds."""
_SECOND = 1_000_000_000


def signature(path: str) -> str | None:
    """The size, times, inode and mode of a file as one text, links followed; None if there is no file."""
    WITNESS.saw(path)
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return _text(found)


def settled(times: "Sequence[int]") -> bool:
    """Whether something was changed so long ago that a change after this moment would show in its times.

    Args:
        times: Of its content and of its inode, in nanoseconds; none if there is no such thing.
    """
    if not times:
        return False
    coarse = not times[0] % _SECOND and not times[1] % _SECOND
    return max(times[0], times[1]) + (COARSE_GRAIN if coarse else GRAIN) < time.time_ns()


def _text(found: os.stat_result) -> str:
    return f"{found.st_size},{found.st_mtime_ns},{found.st_ctime_ns},{found.st_ino},{found.st_mode:o}"


def observe(top: str, paths: "Iterable[str]", known: "Mapping[str, FileState]") -> tuple[FileState, ...]:
    """The state of some files; one that is not there, or not to be read, is left out.

    Args:
        top: The folder that the paths are relative to.
        paths: The files.
        known: What was recorded of them, by path.
    """
    states = []
    stat = os.stat
    paths = tuple(paths)
    WITNESS.saw_all(top, paths)
    for path in paths:
        try:
            found = stat(f"{top}/{path}")
        except (OSError, ValueError):
            continue
        record = known.get(path)
        if record is not None and record.signature == _text(found):
            states.append(record)
            continue
        state = _read(f"{top}/{path}", path)
        if state is not None:
            states.append(state)
    return tuple(states)


def _read(full: str, path: str) -> FileState | None:
    """The state of one file by its content."""
    from hashlib import file_digest  # noqa: PLC0415 - a start that reads nothing does without

    try:
        with open(full, "rb", buffering=0) as file:
            now = time.time_ns()
            before = os.fstat(file.fileno())
            if not S_ISREG(before.st_mode):
                return None
            digest = file_digest(file, "sha256").hexdigest()
            after = os.fstat(file.fileno())
    except OSError:
        return None
    newest = max(before.st_mtime_ns, before.st_ctime_ns)
    coarse = before.st_mtime_ns % _SECOND == 0 and before.st_ctime_ns % _SECOND == 0
    settled = newest + (COARSE_GRAIN if coarse else GRAIN) < now and _text(before) == _text(after)
    seen = _text(before) if settled else ""
    return FileState(path, seen, bool(before.st_mode & 0o100), digest, after.st_size)
