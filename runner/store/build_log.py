"""What ran last in this checkout, and with which digests.

The file `log` in the project's `.pyrun` folder: a first line with the format's name, then one line each time
something is known, `ID TAB RECORD`, both JSON on one line. A record is one of two:

- of a good run, `[key, parts, sources, targets, left, others, milliseconds, made, when]`, a file in it
  `[path, signature, executable, digest, size]`;
- of a run that has begun, or did not end well, `[made, left, others]`. From then on the good run before it counts
  no more, but what it was is kept: it says what has changed since.

Of two records of a kind with one id the later holds, and a good run takes away the mark before it. A line is
appended by one write, so a killed run leaves at most one torn line, which has no end and is passed over, and so
does a disk that is full. Several runs may append at once. When most lines are outdated the file is written anew
beside the old one and renamed, under a lock that those who append share. Only digests of values are kept, never a
value: a variable may be a password.
"""

import errno
import fcntl
import os

from runner.model.codec import read_json, write_json
from runner.plan.file_state import BEGUN, CHANGED, FAILED, FileState, LogEntry
from runner.system.state_folder import NAME, make_state_folder
from runner.system.witness import WITNESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = b"pyrun build log 4\n"
_MOST = 100_000
"""Records that are kept: of a `tusk.yml` there is one for each state that was ever built. The oldest go first."""
_VOID = b"\0\n"
"""Written behind a torn line: so it is none, and takes the place of no other."""
_MARKS = tuple(f'["{made}",['.encode() for made in (BEGUN, FAILED, CHANGED))
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
        self._marks: dict[str, bytes] = {}
        self._handle = -1
        self._seen = 0
        self._news = False
        self._outdated = 0

    def entry(self, name: str) -> LogEntry | None:
        """What is recorded of an action; None if nothing is, or nothing that can be read."""
        lines = self._read()
        text = write_json(name)
        line, mark = lines.get(text), self._marks.get(text)
        if line is None and mark is None:
            return None
        try:
            return _decoded(name, line, mark)
        except (ValueError, TypeError, IndexError):
            return None

    def durations(self) -> "Mapping[str, int]":
        """How long the last good run of each action took, in milliseconds."""
        found = {}
        for name, line in self._read().items():
            try:
                # The last but two of the fields, none of which has a comma in it.
                found[read_json(name)] = int(line.rsplit(b",", 3)[1])
            except (ValueError, IndexError):
                continue
        return found

    def refresh(self) -> bool:
        """Take in what other runs have recorded since this one has first looked; whether that was anything.

        What they have torn is passed over.
        """
        self._read()
        self._take_in()
        news, self._news = self._news, False
        return news

    def _take_in(self) -> None:
        """Take in what other runs have recorded."""
        if self._lines is None:
            return
        try:
            now = os.stat(self._path)
        except OSError:
            return
        if self._handle < 0 or not os.path.samestat(os.fstat(self._handle), now):
            self._lines = None
            self._read()
            self._news = True
        elif now.st_size > self._seen:
            data = os.pread(self._handle, now.st_size - self._seen, self._seen)
            before = self._seen
            self._take(data, self._lines)
            self._news = self._news or self._seen > before

    def record(self, entry: LogEntry) -> None:
        """Keep what the last good run of an action was.

        Raises:
            OSError: The file can't be written.
        """
        self._append(write_json(entry.id), _encoded(entry).encode(), self._read())

    def mark(self, name: str, made: str, left: tuple[str, ...], others: tuple[str, ...] = ()) -> None:
        """What is recorded of an action counts no more: a run has begun, or did not end well.

        Args:
            name: The action's id.
            made: `BEGUN`, `FAILED` or `CHANGED`.
            left: The paths that its runs made or changed.
            others: The paths that its targets match too, and that its runs did not make.

        Raises:
            OSError: The file can't be written.
        """
        self._read()
        self._append(write_json(name), write_json([made, left, others]).encode(), self._marks)

    def _append(self, name: str, line: bytes, lines: dict[str, bytes]) -> None:
        """Write a line down, and keep it with those of its kind."""
        make_state_folder(self._top)
        self._outdated += name in lines
        handle = self._open()
        try:
            size = os.fstat(handle).st_size
            # Whoever has torn a line is perhaps no more, and no other run may have seen it yet.
            torn = bool(size) and os.pread(handle, 1, size - 1) != b"\n"
            data = (b"" if size else FORMAT) + _VOID * torn + name.encode() + b"\t" + line + b"\n"
            if os.write(handle, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._path)
            end = os.lseek(handle, 0, os.SEEK_CUR)
            if end - len(data) == self._seen and self._handle >= 0 and self._is_the_file(self._handle):
                # Nobody else has written since: there is nothing to take in but this.
                self._seen = end
        finally:
            os.close(handle)
        lines.pop(name, None)
        lines[name] = line
        if lines is not self._marks:
            self._outdated += self._marks.pop(name, None) is not None
        count = len(self._read()) + len(self._marks)
        if self._outdated > _SPARE_LINES + count or count > _MOST + _SPARE_LINES:
            try:
                self._write_anew()
            except OSError:
                # What counts is written down already; there is room for less of it another time.
                return

    def _open(self) -> int:
        """The file, to append to; while it is open nobody puts another in its place."""
        while True:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
            fcntl.flock(handle, fcntl.LOCK_SH)
            if self._is_the_file(handle):
                return handle
            os.close(handle)

    def _is_the_file(self, handle: int) -> bool:
        """Whether nobody has put another file in its place since it was opened."""
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self._path))
        except OSError:
            return False

    def forget(self, task: str = "") -> int:
        """Take away what is recorded of all actions, or of those of one task; how many records that was.

        Raises:
            OSError: The file can't be written.
        """
        lines = self._read()
        # An id begins with its task's name, see `runner.plan.resolve`.
        begin = write_json(f"[{write_json(task)}")[:-1] if task else ""
        gone = [name for name in {**lines, **self._marks} if name.startswith(begin)]
        if gone:
            self._write_anew(frozenset(gone))
        return len(gone)

    def _read(self) -> dict[str, bytes]:
        if self._lines is not None:
            return self._lines
        data = b""
        self._let_go()
        WITNESS.saw(self._path)
        try:
            # It stays open, so that its number stands for no other file as long as it is compared.
            self._handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            data = _all_of(self._handle)
        except OSError:
            pass
        if data and not data.startswith(FORMAT):
            # Another version's log: what it says is not ours to understand.
            try:
                os.replace(self._path, f"{self._path}.old")
            except OSError:
                pass
            data = b""
        lines: dict[str, bytes] = {}
        self._lines = lines
        self._marks = {}
        self._seen = len(FORMAT) if data else 0
        self._take(data[len(FORMAT) :], lines)
        return lines

    def _take(self, data: bytes, lines: dict[str, bytes]) -> None:
        """Take in what stands in the file behind what was taken in before."""
        whole = data.rfind(b"\n") + 1
        self._seen += whole
        marks = self._marks
        for row in data[:whole].split(b"\n"):
            name, tab, line = row.partition(b"\t")
            if not tab or line.endswith(_VOID[:1]):
                continue
            text = name.decode("utf-8", "replace")
            if line.startswith(_MARKS):
                self._outdated += text in marks
                marks[text] = line
            else:
                self._outdated += (text in lines) + (marks.pop(text, None) is not None)
                lines[text] = line

    def _let_go(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __del__(self) -> None:
        self._let_go()

    def _write_anew(self, gone: frozenset[str] = frozenset()) -> None:
        """Write down only what still holds, without some ids."""
        while True:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                if not self._is_the_file(handle):
                    continue
                self._take_in()
                lines, marks = self._read(), self._marks
                for name in gone:
                    lines.pop(name, None)
                    marks.pop(name, None)
                for name in list(lines)[: max(0, len(lines) - _MOST)]:
                    del lines[name]
                self._replace(lines, marks)
                self._outdated = 0
                return
            finally:
                os.close(handle)

    def _replace(self, lines: dict[str, bytes], marks: dict[str, bytes]) -> None:
        """Put a file with these lines in the place of the one that is there."""
        path = f"{self._path}.{os.getpid()}"
        try:
            with open(path, "w+b") as file:
                file.write(FORMAT)
                for kind in (lines, marks):
                    file.writelines(name.encode() + b"\t" + line + b"\n" for name, line in kind.items())
                file.flush()
                os.replace(path, self._path)
                self._seen = file.tell()
                self._let_go()
                self._handle = os.dup(file.fileno())
        except OSError:
            try:
                os.unlink(path)
            except OSError:
                pass
            raise


def _all_of(handle: int) -> bytes:
    """The bytes of an open file."""
    with open(handle, "rb", buffering=0, closefd=False) as file:
        return file.read()


def _encoded(entry: LogEntry) -> str:
    sources, targets = ([state.fields() for state in states] for states in (entry.sources, entry.targets))
    return write_json([
        entry.key, entry.parts, sources, targets, entry.left, entry.others, entry.milliseconds, entry.made,
        entry.when,
    ])  # fmt: skip


def _decoded(name: str, line: bytes | None, mark: bytes | None) -> LogEntry:
    record: list[object] = ["", (), (), (), (), (), 0, "", 0] if line is None else read_json(line.decode())
    key, parts, sources, targets, left, others, milliseconds, made, when = record
    if mark is not None:
        made, left, others = read_json(mark.decode())
    if not all(isinstance(path, str) for path in (*left, *others)):  # type: ignore[misc]
        raise ValueError("a path that is none")
    return LogEntry(
        name,
        key,  # type: ignore[arg-type]
        tuple((what, digest) for what, digest in parts),  # type: ignore[attr-defined]
        tuple(FileState(*fields) for fields in sources),  # type: ignore[attr-defined]
        tuple(FileState(*fields) for fields in targets),  # type: ignore[attr-defined]
        milliseconds,  # type: ignore[arg-type]
        made,  # type: ignore[arg-type]
        tuple(left),  # type: ignore[arg-type]
        when,  # type: ignore[arg-type]
        tuple(others),  # type: ignore[arg-type]
    )
