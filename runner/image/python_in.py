"""Which Python an image has: found by its files, without running it."""

import re
from collections.abc import Sequence

from runner.image.base_tree import File, Tree

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What engines set where an image does not."""
_VERSION = re.compile(r"python(\d+)\.(\d+)")
_NEWEST = 40
"""The highest number behind `3.` that is looked for where a program's name says none."""


def python_in(tree: Tree, path: Sequence[str]) -> tuple[str, tuple[int, int]] | None:
    """The `python3` that a program of an image is run by: its absolute path, and its version.

    The version is (0, 0) where nothing tells it. None if there is no such program.

    Args:
        tree: What is in the image.
        path: The folders in which its programs are looked for, in order.
    """
    for folder in path:
        place = tree.resolved(f"{folder.strip('/')}/python3", last=True)
        what = tree.get(place)
        if isinstance(what, File) and what.mode & 0o111:
            return f"/{folder.strip('/')}/python3", _version(tree, place)
    return None


def _version(tree: Tree, place: str) -> tuple[int, int]:
    """The version of the program at a place: by its name, or by the library that lies beside it."""
    named = _VERSION.fullmatch(place.rpartition("/")[2])
    if named is not None:
        return int(named[1]), int(named[2])
    prefix = place.rpartition("/")[0].rpartition("/")[0]
    for number in range(_NEWEST, 0, -1):
        library = tree.resolved(f"{prefix}/lib/python3.{number}/os.py".lstrip("/"), last=True)
        if isinstance(tree.get(library), File):
            return 3, number
    return 0, 0
