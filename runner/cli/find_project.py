"""Which file a call of pyrun is about: the nearest one, or the outermost that includes it."""

import os

from runner.cli.session import Session
from runner.errors import PyrunError, UsageError
from runner.model.project import FILE_NAMES
from runner.system.environment import find_upwards

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def find_file(flags: "Mapping[str, str]", cwd: str) -> str | None:
    """The file that flags and the current folder lead to, absolute; None if there is none.

    Raises:
        UsageError: `--dir` or `--file` names something that is not there.
    """
    folder = cwd
    if "dir" in flags:
        folder = os.path.normpath(os.path.join(cwd, flags["dir"]))
        if not os.path.isdir(folder):
            raise UsageError(f"there is no folder `{flags['dir']}`")
    if "file" in flags:
        path = os.path.normpath(os.path.join(folder, flags["file"]))
        if not os.path.isfile(path):
            raise UsageError(f"there is no file `{flags['file']}`")
        return path
    return find_upwards(folder, FILE_NAMES)


def open_session(flags: "Mapping[str, str]", environ: "Mapping[str, str]", cwd: str) -> Session | None:
    """The project that flags and the current folder lead to; None if there is none.

    It is the outermost file that includes the nearest one, directly or through others; a file that is named
    by a flag stands for itself.

    Raises:
        UsageError: `--dir` or `--file` names something that is not there.
        FileError: Something is wrong with the file.
    """
    path = find_file(flags, cwd)
    if path is None:
        return None
    here = os.path.normpath(os.path.join(cwd, flags["dir"])) if "dir" in flags else cwd
    if "file" in flags:
        return Session(path, environ, cwd, here, alone=True)
    return _outermost(path, environ, cwd, here) or Session(path, environ, cwd, here)


def _outermost(path: str, environ: "Mapping[str, str]", cwd: str, here: str) -> Session | None:
    """The project of the outermost file that includes a file, or None.

    Raises:
        FileError: A file above is wrong, may include it, and is not itself included by one that does.
    """
    found: Session | None = None
    wrong: OuterFileError | None = None
    folder = os.path.dirname(path)
    while folder != "/":
        above = find_upwards(os.path.dirname(folder), FILE_NAMES)
        if above is None:
            break
        try:
            outer = Session(above, environ, cwd, here)
        except PyrunError as error:
            # By itself it may lack what the file that includes it has.
            wrong = wrong or (OuterFileError(error, above) if _may_include(above) else None)
        else:
            found = outer if outer.includes(path) else found
        folder = os.path.dirname(above)
    if found is None and wrong is not None:
        raise wrong
    return found


def _may_include(path: str) -> bool:
    """Whether a file that can't be understood speaks of including others."""
    with open(path, "rb") as file:
        return b"include" in file.read()


class OuterFileError(PyrunError):
    """Something is wrong with a file above the nearest one.

    Args:
        error: What.
        path: The file, absolute.
    """

    def __init__(self, error: PyrunError, path: str) -> None:
        super().__init__(error.message, error.at, error.hint)
        self.error = error
        self.path = path
        self.status = error.status
