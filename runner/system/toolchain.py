"""How much room a tool-chain on the host takes, to set beside the image that it made."""

import os

from runner.system.file_states import signature
from runner.system.programs import find_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def go_size(environ: "Mapping[str, str]", cache: str | None) -> int | None:
    """The bytes of the Go installation that `go` on PATH belongs to; None if that can't be told.

    Counting some fifteen thousand files takes a moment, so the sum is kept until the installation changes.

    Args:
        environ: The caller's variables.
        cache: The user's cache folder, or None for none.
    """
    found = find_program("go", environ, "/")
    if found is None:
        return None
    root = os.path.dirname(os.path.dirname(os.path.realpath(found)))
    mark = signature(f"{root}/VERSION")
    if mark is None:
        return None
    head = f"{root}\t{mark}\t"
    if cache is not None:
        try:
            with open(f"{cache}/go-size", encoding="utf-8") as file:
                known = file.read()
            if known.startswith(head):
                return int(known[len(head) :])
        except (OSError, ValueError):
            pass
    total = _size_below(root)
    if cache is not None:
        try:
            os.makedirs(cache, exist_ok=True)
            with open(f"{cache}/go-size.{os.getpid()}", "w", encoding="utf-8") as file:
                file.write(f"{head}{total}")
            os.replace(f"{cache}/go-size.{os.getpid()}", f"{cache}/go-size")
        except OSError:
            pass
    return total


def _size_below(root: str) -> int:
    total = 0
    left = [root]
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total
