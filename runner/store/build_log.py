"""What ran last in this checkout, and with which digests.

The file `log` in the project's `.pyrun` folder: a first line with the format's name, then one line a good run,
`ID TAB RECORD`, both JSON on one line; of two lines with one id the later holds. A line is appended by one
write, so a killed run leaves at most one torn line, which has no end and is passed over. When most lines are
outdated the file is written anew beside the old one and renamed.

A record is `[key, parts, sources, targets, left, milliseconds, made]`, a file in it `[path, signature, executable,
digest, size]`. Only digests of values are kept, never a value: a variable may be a password.
"""

import os

from runner.model.codec import read_json, write_json
from runner.plan.file_state import FileState, LogEntry
from runner.system.state_folder import NAME, make_state_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = b"pyrun build log 2\n"
_MOST = 100_000
"""Records that are kept: of a `tusk.yml` there is one for each state that was ever built. The oldest go first."""
_SPARE_LINES = 200
"""Outdated lines that are not worth writing the file anew."""


class BuildLog:
    """The log of one project.

    Args:
        top: The project's top folder, absolute; its `.pyrun` is made when there is something to keep.
    """

    def __init__(self, top: str) -> None:
        self._top = top
        self._path = f"{top}/{NAME}/log"
        self._lines: dict[str, bytes] | None = None
        self._torn = False
        self._outdated = 0

    def entry(self, name: str) -> LogEntry | None:
        """What is recorded of an action; None if nothing is, or nothing that can be read."""
        line = self._read().get(write_json(name))
        if line is None:
            return None
        try:
            return _decoded(name, read_json(line.decode()))
        except (ValueError, TypeError, IndexError):
            return None

    def durations(self) -> "Mapping[str, int]":
        """How long the last good run of each action took, in milliseconds."""
        found = {}
        for name, line in self._read().items():
            try:
                found[read_json(name)] = int(
                    line[line.rfind(b",", 0, line.rfind(b",")) + 1 : line.rfind(b",")]
                )
            except ValueError:
                continue
        return found

    def record(self, entry: LogEntry) -> None:
        """Keep what the last good run of an action was.

        Raises:
            OSError: The file can't be written.
        """
        lines = self._read()
        name = write_json(entry.id)
        line = _encoded(entry).encode()
        make_state_folder(self._top)
        self._outdated += name in lines
        lines.pop(name, None)
        lines[name] = line
        if self._outdated > _SPARE_LINES + len(lines) or len(lines) > _MOST + _SPARE_LINES:
            self._write_anew()
            return
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            start = b"" if os.fstat(handle).st_size else FORMAT
            data = start + b"\n" * self._torn + name.encode() + b"\t" + line + b"\n"
            self._torn = os.write(handle, data) < len(data)
        finally:
            os.close(handle)

    def forget(self, task: str = "") -> int:
        """Take away what is recorded of all actions, or of those of one task; how many records that was.

        Raises:
            OSError: The file can't be written.
        """
        lines = self._read()
        # An id begins with its task's name, see `runner.plan.resolve`.
        begin = write_json(f"[{write_json(task)}")[:-1] if task else ""
        gone = [name for name in lines if name.startswith(begin)]
        for name in gone:
            del lines[name]
        if gone:
            self._write_anew()
        return len(gone)

    def _read(self) -> dict[str, bytes]:
        if self._lines is not None:
            return self._lines
        try:
            with open(self._path, "rb", buffering=0) as file:
                data = file.read()
        except OSError:
            data = b""
        lines: dict[str, bytes] = {}
        if data and not data.startswith(FORMAT):
            # Another version's log: what it says is not ours to understand.
            try:
                os.replace(self._path, f"{self._path}.old")
            except OSError:
                pass
            data = b""
        rows = data.split(b"\n")
        self._torn = bool(rows[-1])
        for row in rows[1:-1]:
            name, tab, line = row.partition(b"\t")
            if tab:
                text = name.decode("utf-8", "replace")
                self._outdated += text in lines
                lines[text] = line
        self._lines = lines
        return lines

    def _write_anew(self) -> None:
        lines = self._read()
        for name in list(lines)[: max(0, len(lines) - _MOST)]:
            del lines[name]
        path = f"{self._path}.{os.getpid()}"
        with open(path, "wb") as file:
            file.write(FORMAT)
            file.writelines(name.encode() + b"\t" + line + b"\n" for name, line in lines.items())
        os.replace(path, self._path)
        self._outdated = 0


def _encoded(entry: LogEntry) -> str:
    sources, targets = ([state.fields() for state in states] for states in (entry.sources, entry.targets))
    return write_json([
        entry.key, entry.parts, sources, targets, entry.left, entry.milliseconds, entry.made
    ])  # fmt: skip


def _decoded(name: str, record: "list[object]") -> LogEntry:
    key, parts, sources, targets, left, milliseconds, made = record
    return LogEntry(
        name,
        key,  # type: ignore[arg-type]
        tuple((what, digest) for what, digest in parts),  # type: ignore[attr-defined]
        tuple(FileState(*fields) for fields in sources),  # type: ignore[attr-defined]
        tuple(FileState(*fields) for fields in targets),  # type: ignore[attr-defined]
        milliseconds,  # type: ignore[arg-type]
        made,  # type: ignore[arg-type]
        tuple(left),  # type: ignore[arg-type]
    )
