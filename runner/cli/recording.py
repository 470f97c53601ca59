"""Keeping what a call has answered, so that the next one like it need not find it out: see `runner.cli.replay`.

Only a call is kept that has started nothing and changed nothing, or that has nothing left to do but to become
another program; and only if nothing that it has looked at was changed while it ran, or so shortly before that a
clock of files might not tell.
"""

import os

from runner import __file__ as package
from runner.cli.replay import FORMAT, packed, record_path, stats_of
from runner.system.file_states import COARSE_GRAIN, GRAIN
from runner.system.witness import WITNESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SECOND = 1_000_000_000
_MOST = 400
"""Records that are kept; those that were made first go first."""
_ROOM = 256 << 20
"""Bytes that all records may have together."""
_LARGEST = 64 << 20
"""Bytes of a record."""


def record(words: "Sequence[str]", began: int, program: bytes = b"") -> None:
    """Keep the answer of this call, if it may be given again.

    Args:
        words: The command line without the program's name.
        began: When the call began, in nanoseconds since 1970.
        program: What it becomes, see `becoming`.
    """
    try:
        path = record_path(words)
        data = _record(began, program) if path is not None else None
        if path is not None and data is not None:
            _write(path, data)
    except (OSError, ValueError, OverflowError):
        # What is not kept is found out again.
        return


def becoming(
    path: str, words: "Sequence[str]", folder: str, environ: "Mapping[str, str]", caller: "Mapping[str, str]"
) -> bytes:
    """The program that a call becomes, as a record holds it.

    Args:
        path: The program.
        words: Its name and words.
        folder: Its working folder.
        environ: Its variables.
        caller: Those of the call.
    """
    changed = [f"{name}={value}" for name, value in environ.items() if caller.get(name) != value]
    gone = [name for name in caller if name not in environ]
    return b"".join(map(_texts, ((path, folder), words, changed, gone)))


def _texts(texts: "Sequence[str]") -> bytes:
    parts = [len(texts).to_bytes(8, "little")]
    for text in texts:
        data = text.encode("utf-8", "surrogateescape")
        parts += (len(data).to_bytes(8, "little"), data)
    return b"".join(parts)


def _record(began: int, program: bytes) -> bytes | None:
    """The bytes of a record; None if this call can't be told."""
    if not WITNESS.whole:
        return None
    paths = [_bytes(path) for path in dict.fromkeys((*_own_folders(), *WITNESS.paths))]
    empty = [_bytes(path) for path in dict.fromkeys(WITNESS.empty)]
    numbers = stats_of(paths)
    if not _settled(numbers, began) or any(b"\0" in path or not path for path in (*paths, *empty)):
        return None
    seen = b"\0".join(empty) + b"\0\0" + b"\0".join(paths)
    told = b"".join(
        bytes((number,)) + len(data).to_bytes(8, "little") + data for number, data in WITNESS.told
    )
    parts = (seen, packed(numbers), told, program)
    head = b"\t".join((FORMAT, *(b"%d" % len(part) for part in parts)))
    data = b"\n".join((head, b"".join(parts)))
    return data if len(data) <= _LARGEST else None


def _settled(numbers: "Sequence[int]", began: int) -> bool:
    """Whether nothing was changed since a while before the call began."""
    for at in range(0, len(numbers), 5):
        changed = max(numbers[at], numbers[at + 1])
        coarse = not numbers[at] % _SECOND and not numbers[at + 1] % _SECOND
        if changed and changed + (COARSE_GRAIN if coarse else GRAIN) >= began:
            return False
    return True


def _own_folders() -> "Iterable[str]":
    """The folders of this program itself: another version answers in its own way."""
    top = os.path.dirname(package)
    yield top
    with os.scandir(top) as entries:
        found = sorted(entry.path for entry in entries if entry.is_dir() and entry.name != "__pycache__")
    yield from found


def _bytes(path: str) -> bytes:
    return os.fsencode(path)


def _write(path: str, data: bytes) -> None:
    """Write a record whole or not at all, for this user's eyes only."""
    folder, name = os.path.split(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    new = f"{folder}/.{name}.{os.getpid()}"
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
        finally:
            os.close(handle)
        os.rename(new, path)
    except OSError:
        os.unlink(new)
        raise
    _tidy(folder)


def _tidy(folder: str) -> None:
    """Take away the oldest records where there are too many."""
    with os.scandir(folder) as entries:
        found = sorted((entry.stat().st_mtime_ns, entry.stat().st_size, entry.path) for entry in entries)
    room = sum(size for _, size, _ in found)
    if len(found) <= _MOST and room <= _ROOM:
        return
    for number, (_, size, path) in enumerate(found):
        if len(found) - number <= _MOST * 3 // 4 and room <= _ROOM * 3 // 4:
            break
        os.unlink(path)
        room -= size
