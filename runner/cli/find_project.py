"""Which file a call of pyrun is about: the nearest one, or the outermost that includes it."""

import os

from runner.cli.session import Session
from runner.errors import Faults, PyrunError, UsageError
from runner.model.project import FILE_NAMES
from runner.system.environment import find_upwards
from runner.system.witness import WITNESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_BEHIND_KEY = (b":", b'"', b"'", b" ", b"\t", b"\n", b"\r")
"""What may stand behind the text of a key."""


def find_file(flags: "Mapping[str, str]", cwd: str) -> str | None:
    """The file that flags and the current folder lead to, absolute; None if there is none.

    Raises:
        UsageError: `--dir` or `--file` names something that is not there.
    """
    folder = cwd
    if "dir" in flags:
        folder = os.path.normpath(os.path.join(cwd, flags["dir"]))
        WITNESS.saw(folder)
        if not os.path.isdir(folder):
            raise UsageError(f"there is no folder `{flags['dir']}`")
    if "file" in flags:
        path = os.path.normpath(os.path.join(folder, flags["file"]))
        WITNESS.saw(path)
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

    A file above that can't include anything, or that can't be read, is passed over.

    Raises:
        FileError: A file above is wrong, includes others, and is not itself included by one that does.
    """
    found: Session | None = None
    wrong: OuterFileError | None = None
    folder = os.path.dirname(path)
    while folder != "/":
        above = find_upwards(os.path.dirname(folder), FILE_NAMES)
        if above is None:
            break
        folder = os.path.dirname(above)
        data = _bytes_of(above)
        if not _may_include(data):
            continue
        try:
            outer = Session(above, environ, cwd, here)
        except PyrunError as error:
            # By itself it may lack what the file that includes it has.
            if wrong is None and _includes(data):
                wrong = OuterFileError(error, above, os.path.relpath(path, here))
        else:
            found = outer if outer.includes(path) else found
    if found is None and wrong is not None:
        raise wrong
    return found


def _bytes_of(path: str) -> bytes:
    """The content of a file; nothing if it can't be read."""
    WITNESS.saw(path)
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return b""


def _may_include(data: bytes) -> bool:
    """Whether a file's bytes hold the word `include` as a key stands: quick, and never wrongly no."""
    at = data.find(b"include")
    while at >= 0:
        if data[at + 7 : at + 8] in _BEHIND_KEY:
            return True
        at = data.find(b"include", at + 7)
    return False


def _includes(data: bytes) -> bool:
    """Whether a file that can't be understood includes others."""
    from runner.config.namespaces import has_include  # noqa: PLC0415 - only where a file above is wrong

    return has_include(data)


class OuterFileError(PyrunError):
    """Something is wrong with a file above the nearest one.

    Args:
        error: What.
        path: The file, absolute.
        nearest: How the user would name the nearest one.
    """

    def __init__(self, error: PyrunError, path: str, nearest: str) -> None:
        super().__init__(error.message, error.at, error.hint)
        self.error = error
        self.path = path
        self.status = error.status
        way_on = f"`pyrun -f {nearest}` runs this folder's file by itself"
        last = error.errors[-1] if isinstance(error, Faults) else error
        last.hint = f"{last.hint}\n  {way_on}" if last.hint else way_on
