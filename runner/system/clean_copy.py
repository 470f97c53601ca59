"""A copy of a project in another folder, as somebody else would get it: what git would give, and what is named.

Files get what the umask gives them; what was made is left behind. Knows files, and not why they are left.
"""

import os
from stat import S_ISDIR, S_ISLNK, S_ISREG

from runner.errors import RunError
from runner.system.copy_file import copy_file
from runner.system.process import capture
from runner.system.state_folder import NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def copy_project(top: str, target: str, left: "Callable[[str, bool], bool]") -> None:
    """Copy a project's files.

    Args:
        top: The project's top folder, absolute.
        target: The folder that is made.
        left: Whether what lies at a path is left behind, and whether that is a folder: then all in it is.

    Raises:
        OSError: Something can't be read or written.
    """
    os.makedirs(target, exist_ok=True)
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for name in sorted(os.listdir(f"{top}/{folder}")):
            path = f"{folder}{name}"
            found = os.lstat(f"{top}/{path}")
            is_folder = S_ISDIR(found.st_mode)
            if path == NAME or name == ".git" or left(path, is_folder):
                continue
            if is_folder:
                os.mkdir(f"{target}/{path}")
                waiting.append(f"{path}/")
            elif S_ISLNK(found.st_mode):
                os.symlink(os.readlink(f"{top}/{path}"), f"{target}/{path}")
            elif S_ISREG(found.st_mode):
                copy_file(f"{top}/{path}", f"{target}/{path}", executable=bool(found.st_mode & 0o100))


def copy_repository(top: str, target: str, environ: "Mapping[str, str]") -> str:
    """Make a folder a checkout of a project's commit, without its files; where in it the project belongs.

    It borrows the commits and has all else of its own: what git writes there changes nothing of the project. Where
    there is no repository or no git, the folder is only made.

    Args:
        top: The project's top folder, absolute.
        target: The folder that is made.
        environ: The caller's variables.

    Returns:
        The folder of the project, absolute.
    """
    quiet = {**environ, "GIT_OPTIONAL_LOCKS": "0", "PWD": top}

    def asked(*words: str, folder: str = top) -> str | None:
        try:
            status, data = capture(("git", *words), folder=folder, environ={**quiet, "PWD": folder})
        except RunError:
            return None
        return None if status else os.fsdecode(data).removesuffix("\n")

    os.makedirs(os.path.dirname(target), exist_ok=True)
    root = asked("rev-parse", "--show-toplevel")
    prefix = asked("rev-parse", "--show-prefix")
    cloned = root and asked("clone", "--quiet", "--shared", "--no-checkout", root, target) is not None
    if prefix is None or not cloned:
        return target
    origin = asked("config", "--get", "remote.origin.url")
    if origin:
        asked("config", "remote.origin.url", origin, folder=target)
    # The index as after a checkout, so that only what differs is told as changed.
    asked("reset", "--quiet", folder=target)
    return f"{target}/{prefix}".rstrip("/")


def other_home(home: str, target: str) -> None:
    """Make a home in which all is as in the caller's, but for caches.

    Args:
        home: The caller's, absolute, or empty.
        target: The folder that is made.
    """
    os.makedirs(f"{target}/.cache")
    if not os.path.isdir(home):
        return
    for name in os.listdir(home):
        if name not in {".cache", ".ccache"}:
            os.symlink(f"{home}/{name}", f"{target}/{name}")
