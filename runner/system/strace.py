"""What processes read and write, as `strace` sees it.

A program is started through `strace -DD`, which makes the tracer a distant relative: the program is the
caller's own child, with its exit status, signals and stdin as they are. What is read here is the text that
the tracer writes: one system call a line, the process first.

Names are taken as the processes gave them, seen from their working folders, and as the system resolved them.
"""

import os
import re
from posixpath import join, normpath

from runner.errors import ENGINE, RunError
from runner.system.programs import find_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_OPTIONS = (
    "-f", "-DD", "-y", "-qq", "-s", "0", "--seccomp-bpf", "-e", "signal=none",
    "-e", "trace=%file,fchdir,fork,vfork,clone,clone3",
)  # fmt: skip
_LINE = re.compile(r"(\d+)\s+(.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)", re.DOTALL)
_CALL = re.compile(r"(\w+)\(")
_RESULT = re.compile(r"\s*=\s+(-?\d+|\?)(?:<((?:[^>\\]|\\.)*)>)?")
_FOLDER = re.compile(r"(AT_FDCWD|\d+)(?:<((?:[^>\\]|\\.)*)>)?(?=[,)]|$)")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\.\.\.)?')
_ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|[0-7]{1,3}|.)")
_LETTERS = {"n": 10, "t": 9, "r": 13, "v": 11, "f": 12, "a": 7, "b": 8, "e": 27}
_UNFINISHED = " <unfinished ...>"


def find_strace(environ: "Mapping[str, str]", folder: str) -> str:
    """The path of a `strace` that works.

    Raises:
        RunError: There is none (125).
    """
    path = find_program("strace", environ, folder)
    if path is None:
        raise RunError(
            "`--audit` needs `strace`, and it is not found",
            None,
            "on Debian and Ubuntu: `apt-get install strace`; it works on Linux only",
            status=ENGINE,
        )
    from runner.system.process import capture  # noqa: PLC0415 - for those who ask for it only

    status, _ = capture(
        (path, *_OPTIONS, "-o", os.devnull, "--", "/bin/sh", "-c", ":"), folder="/", environ=environ
    )
    if status:
        raise RunError(
            "`--audit` needs `strace`, and this one may not look at other processes or is too old",
            None,
            "is that forbidden here, as in a container without CAP_SYS_PTRACE? It must be 5.3 or newer",
            status=ENGINE,
        )
    return path


def traced(strace: str, argv: "Sequence[str]", output: str) -> "tuple[str, ...]":
    """The words that start a program with what it does written to a file."""
    return (strace, *_OPTIONS, "-o", output, "--", *argv)


class Trace:
    """What processes did to files, by absolute paths.

    Attributes:
        reads: What was opened to be read or executed before it was written: as it was named, and as it was
            resolved.
        writes: What was written, made, or renamed to, and is not known to be gone again.
        removed: What was there before and was removed or renamed away.
        seen: What was looked at in any way.
    """

    __slots__ = ("made", "reads", "removed", "seen", "writes")

    def __init__(self) -> None:
        self.reads: dict[str, str] = {}
        self.writes: dict[str, None] = {}
        self.removed: dict[str, None] = {}
        self.seen: set[str] = set()
        self.made: set[str] = set()

    def read(self, path: str, real: str) -> None:
        """A file is opened to be read."""
        self.seen.update((path, real))
        if path not in self.made and real not in self.made:
            self.reads.setdefault(path, real)

    def write(self, path: str) -> None:
        """A file is made, or opened to be written."""
        if path not in self.reads:
            self.made.add(path)
        self.seen.add(path)
        self.removed.pop(path, None)
        self.writes[path] = None

    def remove(self, path: str) -> None:
        """A file is taken away."""
        self.writes.pop(path, None)
        if path not in self.made:
            self.removed[path] = None

    def rename(self, old: str, new: str) -> None:
        """A file, or a folder with all in it, gets another name."""
        below = [path for path in self.writes if path.startswith(f"{old}/")]
        if not below:
            self.remove(old)
            self.write(new)
        for path in below:
            self.remove(path)
            self.write(new + path[len(old) :])


class _Folder:
    """The working folder of a process, or of several threads of one."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path


class Reader:
    """Reads what the tracer writes.

    Args:
        trace: What is found is added to it.
        folder: The working folder of the first process, absolute.
    """

    def __init__(self, trace: Trace, folder: str) -> None:
        self._trace = trace
        self._first: _Folder | None = _Folder(folder)
        self._folders: dict[str, _Folder] = {}
        self._pending: dict[str, str] = {}
        self._early: dict[str, list[str]] = {}

    def take(self, lines: "Iterable[str]") -> None:
        """Take in lines; one that is not understood is passed over."""
        for line in lines:
            found = _LINE.match(line.rstrip("\n"))
            if found is not None:
                self._row(found[1], found[2])
        for pid, rows in list(self._early.items()):
            # Nobody has told who started it.
            self._known(pid, _Folder(next(iter(self._folders.values())).path if self._folders else "/"), rows)

    def _row(self, pid: str, text: str) -> None:
        if self._first is not None:
            self._folders[pid], self._first = self._first, None
        if pid not in self._folders:
            # It is at work before whoever started it has come back.
            self._early.setdefault(pid, []).append(text)
            return
        if text.startswith(("+++", "---")):
            return
        resumed = _RESUMED.match(text)
        if resumed is not None:
            text = self._pending.pop(pid, "") + resumed[1]
        elif text.endswith(_UNFINISHED):
            self._pending[pid] = text[: -len(_UNFINISHED)]
            return
        call = _CALL.match(text)
        if call is not None:
            self._call(pid, call[1], text, call.end())

    def _call(self, pid: str, name: str, text: str, begin: int) -> None:
        args, end = _arguments(text, begin)
        result = _RESULT.match(text, end)
        if result is None or result[1] == "?" or result[1].startswith("-"):
            return
        folder = self._folders[pid]
        if name in {"clone", "clone3", "fork", "vfork"}:
            shared = "CLONE_FS" in text or "CLONE_THREAD" in text
            child = result[1]
            self._known(child, folder if shared else _Folder(folder.path), self._early.pop(child, []))
            return
        paths = _paths(args, folder.path)
        if name == "chdir" and paths:
            folder.path = paths[0]
        elif name == "fchdir" and args and args[0][0] == "folder":
            folder.path = args[0][1] or folder.path
        elif paths:
            self._file(name, paths, " ".join(word for kind, word in args if kind == "word"), result[2])

    def _known(self, pid: str, folder: _Folder, rows: "Sequence[str]") -> None:
        """It has become known where a process began."""
        self._folders[pid] = folder
        self._pending.pop(pid, None)
        self._early.pop(pid, None)
        for row in rows:
            self._row(pid, row)

    def _file(self, name: str, paths: "Sequence[str]", words: str, real: str | None) -> None:
        """A call that has succeeded and has to do with files."""
        trace = self._trace
        if name in {"open", "openat", "openat2", "creat"}:
            self._open(name, paths[0], words, _unescaped(real) if real else paths[0])
        elif name in {"execve", "execveat"}:
            trace.read(paths[0], paths[0])
        elif name in {"rename", "renameat", "renameat2"} and len(paths) > 1:
            trace.rename(paths[0], paths[1])
            if "RENAME_EXCHANGE" in words:
                trace.write(paths[0])
        elif name in {"link", "linkat"} and len(paths) > 1:
            trace.read(paths[0], paths[0])
            trace.write(paths[1])
        elif name in {"symlink", "symlinkat", "mknod", "mknodat", "truncate"}:
            trace.write(paths[-1])
        elif name in {"unlink", "unlinkat"}:
            if "AT_REMOVEDIR" not in words:
                trace.remove(paths[0])
        elif name not in {"mkdir", "mkdirat", "rmdir"}:
            trace.seen.update(paths)

    def _open(self, name: str, path: str, flags: str, real: str) -> None:
        writes = name == "creat" or any(flag in flags for flag in ("O_WRONLY", "O_RDWR", "O_CREAT"))
        if "O_PATH" in flags or "O_DIRECTORY" in flags or "__O_TMPFILE" in flags:
            self._trace.seen.add(path)
            return
        fresh = name == "creat" or any(flag in flags for flag in ("O_TRUNC", "O_EXCL", "O_WRONLY"))
        if not writes or not (fresh or "O_CREAT" in flags):
            self._trace.read(path, real)
        if writes:
            self._trace.write(path)


def _arguments(text: str, at: int) -> "tuple[list[tuple[str, str]], int]":
    """The arguments of a call, each with its kind, and where the call ends: behind its `)`."""
    found: list[tuple[str, str]] = []
    while at < len(text) and text[at] != ")":
        if text[at] in ", ":
            at += 1
            continue
        folder = _FOLDER.match(text, at)
        quoted = _TEXT.match(text, at)
        if folder is not None:
            found.append(("folder", _unescaped(folder[2] or "")))
            at = folder.end()
        elif quoted is not None:
            found.append(("text", _unescaped(quoted[1])))
            at = quoted.end()
        else:
            # What can't stand here is passed over like a word.
            end = max(_end(text, at), at + 1)
            found.append(("word", text[at:end]))
            at = end
    return found, at + 1


def _end(text: str, at: int) -> int:
    """Where a word, or what stands in brackets, ends."""
    depth = 0
    while at < len(text):
        letter = text[at]
        if letter == '"' and (quoted := _TEXT.match(text, at)) is not None:
            at = quoted.end()
            continue
        if letter in "[{(":
            depth += 1
        elif letter in "]})":
            if not depth:
                break
            depth -= 1
        elif letter == "," and not depth:
            break
        at += 1
    return at


def _paths(args: "Sequence[tuple[str, str]]", folder: str) -> "list[str]":
    """The paths among arguments, each seen from the folder that stands before it or the working folder."""
    found: list[str] = []
    base = folder
    for kind, text in args:
        if kind == "folder":
            base = text.removesuffix(" (deleted)") or folder
        elif kind == "text":
            if text:
                found.append(normpath(join(base, text)))
            base = folder
    return found


def _unescaped(text: str) -> str:
    """A text without strace's escapes."""
    if "\\" not in text:
        return text
    out = bytearray()
    at = 0
    for found in _ESCAPE.finditer(text):
        out += text[at : found.start()].encode("utf-8", "surrogateescape")
        code = found[1]
        if code[0] == "x" and len(code) == 3:
            out.append(int(code[1:], 16))
        elif code[0] in "01234567":
            out.append(int(code, 8) & 0xFF)
        elif code in _LETTERS:
            out.append(_LETTERS[code])
        else:
            out += code.encode("utf-8", "surrogateescape")
        at = found.end()
    out += text[at:].encode("utf-8", "surrogateescape")
    return os.fsdecode(bytes(out))


def read_trace(trace: Trace, path: str, folder: str) -> None:
    """Add to a trace what a tracer has written to a file; nothing if there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            Reader(trace, folder).take(file)
    except FileNotFoundError:
        return
