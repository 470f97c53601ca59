"""`tasks.lock` in the project's top folder: what the names of images in `tasks.yml` stand for.

A line for each name: the name spelled out in full, a blank, the digest of the manifest or, where there are images
for several platforms, of the index. Lines that begin with `#` and empty lines say nothing. Names are sorted, so
that a new one changes one line, somewhere in the middle. A line that is there twice counts once, so that git may
merge by taking the lines of both sides; two digests for one name are an error.

People may write in it too: what they wrote stays where it is, comments above a line with their line.

It is read where an image or a container is asked for by a call that finds nothing to do, so little is imported.
"""

import os

from runner.errors import Faults, FileError
from runner.image.full_name import full_name
from runner.location import Position
from runner.system.state_folder import make_state_folder
from runner.system.witness import WITNESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "tasks.lock"
_HEAD = """\
# What the names of images in tasks.yml stand for. pyrun adds each name on its first use, and goes by this file
# from then on; `--update` lets the names that a task uses stand for what their registries have. Keep it in git.

"""
_ALGORITHM = "sha256:"
_HEX = 64
_CONFLICT = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


def read_pins(top: str) -> dict[str, str]:
    """The digest of each name, empty where there is no file.

    Args:
        top: The project's top folder, absolute.

    Raises:
        FileError: It can't be read, or says something else.
    """
    return parse_pins(_read(top))


def save_pins(top: str, found: "Mapping[str, str]", *, replace: bool) -> dict[str, str]:
    """Write down what names stand for; another pyrun that does the same now loses nothing by that.

    Args:
        top: The project's top folder, absolute.
        found: Names in full, and digests.
        replace: Whether they replace what the file says of a name, should it say something.

    Returns:
        All that the file says now.

    Raises:
        FileError: It says something else than names and digests.
        OSError: It can't be written.
    """
    import fcntl  # noqa: PLC0415 - a name is new only once

    from runner.store.whole_file import new_file, rename  # noqa: PLC0415

    folder = make_state_folder(top)
    with open(f"{folder}/{NAME}", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = _read(top)
        known = parse_pins(before)
        changes = {
            name: digest
            for name, digest in found.items()
            if known.get(name) != digest and (replace or name not in known)
        }
        if changes:
            with new_file(folder, f"{NAME}.") as file:
                file.write(with_pins(before, changes))
                # A link stays one.
                rename(file, os.path.realpath(f"{top}/{NAME}"))
        return {**known, **changes}


def parse_pins(data: bytes) -> dict[str, str]:
    """The digest of each name that a file's bytes tell.

    Raises:
        FileError: They say something else; `Faults` if they do so in several lines.
    """
    found: dict[str, str] = {}
    faults: list[FileError] = []
    for number, row in enumerate(_text(data).split("\n"), 1):
        words = row.split()
        if not words or words[0][0] == "#":
            continue
        fault = _fault(row, words, number, found)
        if fault is None:
            found[full_name(words[0])] = words[1]
            continue
        faults.append(fault)
        if row.startswith(_CONFLICT):
            # Each line of it would be told.
            break
    if faults:
        raise Faults(tuple(faults)) if len(faults) > 1 else faults[0]
    return found


def with_pins(data: bytes, changes: "Mapping[str, str]") -> bytes:
    """A file's bytes with other digests for some names; all else stays as it is.

    Args:
        data: The bytes, without fault; empty for a new file.
        changes: Names in full, and digests.
    """
    lines = (_text(data) or _HEAD).split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    new = dict(changes)
    for number, line in enumerate(lines):
        name = _name_in(line)
        if name in changes:
            lines[number] = f"{name} {changes[name]}"
            new.pop(name, None)
    for name in sorted(new):
        lines.insert(_place(lines, name), f"{name} {new[name]}")
    return ("\n".join(lines) + "\n").encode()


def _place(lines: list[str], name: str) -> int:
    """Where a new name's line comes: before the first name behind it, and what is noted above that."""
    behind = next((number for number, line in enumerate(lines) if _name_in(line) > name), len(lines))
    if behind == len(lines):
        if lines[-1].startswith("#"):
            lines.append("")
        return len(lines)
    noted = behind
    while noted and lines[noted - 1].startswith("#"):
        noted -= 1
    # What stands at the very top is about the whole file.
    return noted or behind


def _name_in(line: str) -> str:
    """The name in a line, spelled out; empty if it has none."""
    words = line.split()
    return full_name(words[0]) if words and words[0][0] != "#" else ""


def _fault(row: str, words: list[str], number: int, before: "Mapping[str, str]") -> FileError | None:
    """What is wrong with a line; None for nothing."""
    start = len(row) - len(row.lstrip())
    at = Position(NAME, number, start + 1, max(len(row.strip()), 1))
    if row.startswith(_CONFLICT):
        hint = f"keep one line for each name; for a digest that is not in {NAME} the registry is asked"
        return FileError("a conflict of git's stands here", at, hint)
    name = words[0]
    if len(words) != 2:
        what = "a name and nothing else" if len(words) == 1 else "more than a name and a digest"
        return FileError(f"here is {what}", at, f"such as `{full_name(name)} {_ALGORITHM}…`")
    digest = words[1]
    if not is_digest(digest):
        place = at.shifted(row.rindex(digest) - start, len(digest))
        hint = f"`{_ALGORITHM}` and {_HEX} digits from `0` to `f`, in lower case"
        return FileError(f"`{digest}` is no digest", place, hint)
    if "@" in name or not name.isprintable():
        place = at.shifted(0, len(name))
        return FileError(f"`{name}` is no name that a digest can be kept for", place, "a name and a tag")
    if before.get(full_name(name), digest) != digest:
        return FileError(f"`{name}` has another digest further up", at, "keep one of the two lines")
    return None


def is_digest(text: str) -> bool:
    """Whether a text is a digest that pins an image."""
    digits = text[len(_ALGORITHM) :]
    return text.startswith(_ALGORITHM) and len(digits) == _HEX and not digits.strip("0123456789abcdef")


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        at = Position(NAME, line, column)
        raise FileError("this is no text in UTF-8", at, f"{NAME} holds names of images and digests") from None


def _read(top: str) -> bytes:
    path = f"{top}/{NAME}"
    WITNESS.saw(path)
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise FileError(f"`{NAME}` can't be read: {error.strerror}") from None
