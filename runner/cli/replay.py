"""The answer of an earlier call that was just like this one, if nothing that it hangs on has changed.

A call is like another if its words, its folder, its variables, its user and its terminals are the same. What its
answer hangs on is every path that the earlier call looked at: if the stat of each is the same now, it would find
the same again. Then what it wrote is written once more, or the program started that it became. In any other
case this module does nothing, and the call goes its whole way.

A record is one file, written by `runner.cli.recording`:

    first line    FORMAT, then the number of bytes of each part behind it, in decimal
    paths         absolute, a zero byte between them; in front those of folders that must be empty
    stats         five numbers of eight bytes for each other path: times of change in nanoseconds, size, inode and
                  mode; zeros for one that is not there
    told          what is written: for each piece its descriptor, its length, its bytes
    program       nothing, or lists of texts, each with its number of texts in front and each text with its length:
                  path and folder, words, variables that are set (`NAME=VALUE`), variables that are taken away

This is on the way of every call, so it imports nothing that an interpreter has not loaded already but one digest.
"""

import os
import sys

FORMAT = b"pyrun replay 1"
_VOLATILE = (b"_=", b"OLDPWD=", b"SHLVL=")
"""Variables that say nothing about what a call means."""
_TOO_LARGE = 1 << 64
_ENTRY = 40
"""Bytes of the numbers of a path."""
_MANY = 6000
"""Paths from which on a process for half of them is worth its start."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def replay(words: "Sequence[str]") -> None:
    """Answer as an earlier call did and end the process; return if there was none, or something has changed."""
    try:
        path = record_path(words)
        if path is None:
            return
        with open(path, "rb", buffering=0) as file:
            data = file.read()
        parts = _parts(data)
        if parts is None:
            return
        paths, stats, told, program = parts
        if not _as_it_was(paths, stats):
            return
    except (OSError, ValueError, IndexError, OverflowError):
        # A record that is damaged, or goes away just now, is none.
        return
    _tell(told)
    if program:
        _become(program)
        return
    os._exit(0)


def record_path(words: "Sequence[str]") -> str | None:
    """Where the record of a call with these words is, or would be; None where nothing is kept.

    Raises:
        OSError: The current folder is gone.
    """
    environ = os.environb
    base = environ.get(b"XDG_CACHE_HOME", b"")
    if not base.startswith(b"/"):
        home = environ.get(b"HOME", b"")
        if not home.startswith(b"/"):
            return None
        base = home + b"/.cache"
    from _blake2 import blake2b  # noqa: PLC0415 - what `hashlib` would load beside it takes longer than all else here

    found = blake2b(FORMAT, digest_size=16)
    terminals = "".join("t" if _is_terminal(number) else "-" for number in (0, 1, 2))
    machine = os.uname()
    for text in (
        sys.prefix, sys.version, __file__, machine.nodename, machine.machine, str(os.getuid()), terminals,
        os.getcwd(), *words,
    ):  # fmt: skip
        found.update(text.encode("utf-8", "surrogateescape") + b"\0")
    found.update(b"\0")
    for name, value in environ.items():
        pair = name + b"=" + value
        if not pair.startswith(_VOLATILE):
            found.update(pair + b"\0")
    return f"{os.fsdecode(base)}/pyrun/replay/{found.hexdigest()}"


def stats_of(paths: "Sequence[bytes]") -> "list[int]":
    """Five numbers for each path, links followed: see the head of this module."""
    numbers: list[int] = []
    stat = os.stat
    for path in paths:
        try:
            found = stat(path)
        except OSError:
            numbers += (0, 0, 0, 0, 0)
        else:
            numbers += (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode)
    return numbers


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return 1


def packed(numbers: "Sequence[int]") -> bytes:
    """Numbers as bytes, eight for each.

    Raises:
        OverflowError: One is negative or too large.
    """
    from _struct import pack  # noqa: PLC0415 - `array` would load all of `collections`

    if numbers and not (min(numbers) >= 0 and max(numbers) < _TOO_LARGE):
        raise OverflowError("a number has no eight bytes")
    found: bytes = pack(f"<{len(numbers)}Q", *numbers)
    return found


def _is_terminal(number: int) -> bool:
    try:
        return os.isatty(number)
    except OSError:
        return False


def _parts(data: bytes) -> "tuple[bytes, bytes, bytes, bytes] | None":
    """The parts of a record; None if it is of another kind, or not whole."""
    end = data.find(b"\n")
    head = data[:end].split(b"\t")
    if end < 0 or head[0] != FORMAT or len(head) != 5:
        return None
    sizes = [int(size) for size in head[1:]]
    if len(data) != end + 1 + sum(sizes):
        return None
    found = []
    at = end + 1
    for size in sizes:
        found.append(data[at : at + size])
        at += size
    return found[0], found[1], found[2], found[3]


def _as_it_was(paths: bytes, stats: bytes) -> bool:
    """Whether all that the earlier call looked at is as it was then."""
    empty, _, seen = paths.partition(b"\0\0")
    for folder in empty.split(b"\0") if empty else ():
        try:
            if os.listdir(folder):
                return False
        except FileNotFoundError:
            continue
    looked_at = seen.split(b"\0")
    if len(looked_at) < _MANY or _processors() < 2:
        return packed(stats_of(looked_at)) == stats
    # The system is what takes the time: two may ask it at once.
    half = len(looked_at) // 2
    other = os.fork()
    if not other:
        same = False
        try:
            same = packed(stats_of(looked_at[half:])) == stats[half * _ENTRY :]
        finally:
            os._exit(not same)
    same = packed(stats_of(looked_at[:half])) == stats[: half * _ENTRY]
    return os.waitpid(other, 0)[1] == 0 and same


def _tell(told: bytes) -> None:
    """Write what the earlier call wrote."""
    at = 0
    while at < len(told):
        number = told[at]
        size = int.from_bytes(told[at + 1 : at + 9], "little")
        view = memoryview(told)[at + 9 : at + 9 + size]
        at += 9 + size
        while view:
            try:
                view = view[os.write(number, view) :]
            except BlockingIOError:
                from select import select  # noqa: PLC0415 - somebody made our output non-blocking

                select([], [number], [])
            except BrokenPipeError:
                os._exit(141)  # as a whole call ends where nobody reads any more
            except OSError:
                os._exit(1)  # the same for a disk that is full


def _become(program: bytes) -> None:
    """Become the program that the earlier call became; return if it can't be started."""
    lists: list[list[bytes]] = []
    at = 0
    while at < len(program):
        count, at = int.from_bytes(program[at : at + 8], "little"), at + 8
        texts: list[bytes] = []
        for _ in range(count):
            size, at = int.from_bytes(program[at : at + 8], "little"), at + 8
            texts.append(program[at : at + size])
            at += size
        lists.append(texts)
    (path, folder), words, variables, gone = lists
    environ = {name: value for name, value in os.environb.items() if name not in gone}
    for pair in variables:
        name, _, value = pair.partition(b"=")
        environ[name] = value
    # `signal` itself loads much more.
    from _signal import SIG_DFL, SIGPIPE, SIGXFSZ, signal  # type: ignore[import-not-found]  # noqa: PLC0415

    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir(folder)
        for number in (SIGPIPE, SIGXFSZ):
            # Python ignores them, and what is started would inherit that.
            signal(number, SIG_DFL)
        os.execve(path, words, environ)  # noqa: S606 - that is what this is for
    except OSError:
        os.fchdir(here)
        os.close(here)
