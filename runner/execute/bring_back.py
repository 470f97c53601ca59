"""Bringing what an action has made back into a project: all of it or nothing.

First everything is looked at, then every file is made and verified in a folder of its own below `.pyrun`, and only
then something changes in the project: what else lies in a target folder is removed, and each file gets its name by
being renamed, so that at no moment a half file has it.
"""

import errno
import os
from stat import S_ISDIR, S_ISLNK, S_ISREG

from runner.digest import Digest
from runner.execute.outputs import own_paths, roots_in
from runner.store.tree_message import FORBIDDEN
from runner.system.claimed_folder import claim, remove_folder, remove_left
from runner.system.copy_file import copy_file, file_has
from runner.system.state_folder import make_state_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runner.plan.action import Action
    from runner.plan.file_state import FileState
    from runner.plan.result import Result
    from runner.store.blob_store import BlobStore


class RefusedError(Exception):
    """It can't be brought back here; nothing was changed."""


def bring_back(top: str, blobs: "BlobStore", action: "Action", result: "Result", kept: "set[str]") -> None:
    """Let an action's targets be what a result says.

    Args:
        top: The project's top folder, absolute.
        blobs: Where the files' bytes are.
        action: The action.
        result: What it has made; its paths are those of the action's targets.
        kept: Files that stay although they lie in a target folder.

    Raises:
        RefusedError: Something is in the way, or is not in the store; nothing was changed.
        OSError: The system refuses something; what is there then counts for nothing.
    """
    scene = _Scene(top, action, result, kept)
    scene.look()
    base = f"{make_state_folder(top)}/restore"
    remove_left(base)
    staging, lock = claim(base, str(os.getpid()))
    try:
        staged = _stage(scene, blobs, staging)
        scene.clear()
        scene.make_folders()
        for number, path in staged:
            _rename(f"{staging}/{number}", f"{top}/{path}")
    finally:
        remove_folder(staging)
        os.close(lock)


class _Scene:
    """What lies where targets are to be brought back."""

    def __init__(self, top: str, action: "Action", result: "Result", kept: "set[str]") -> None:
        self.top = top
        self.links = dict(result.links)
        self.files = {state.path: state for state in result.files if state.path not in self.links}
        self.folders = set(result.folders)
        self.kept = kept
        self._own = set(own_paths(action.targets or ()))
        self._gone: list[str] = []
        self._gone_folders: list[str] = []
        self._above: set[str] = set()

    def look(self) -> None:
        """Find out what is to be removed.

        Raises:
            RefusedError: Something is in the way.
        """
        roots = roots_in(self.folders)
        inside = tuple(f"{root}/" for root in roots)
        single = [path for path in (*self.files, *self.links) if not path.startswith(inside)]
        self._check_above({os.path.dirname(path) for path in (*roots, *single)})
        for root in roots:
            mode = _mode(f"{self.top}/{root}")
            if S_ISDIR(mode):
                self._walk(root)
            elif S_ISLNK(mode):
                raise RefusedError(f"{root} is a link")
            elif mode:
                self._gone.append(root)
        for path in single:
            if S_ISDIR(_mode(f"{self.top}/{path}")):
                if path not in self._own:
                    raise RefusedError(f"{path} is a folder")
                self._walk(path)
        self._spare()

    def _check_above(self, folders: "Iterable[str]") -> None:
        """Refuse to write where a link leads out of the project, or where a folder should be and is none."""
        real = os.path.realpath(self.top)
        self._above = set(folders)
        for folder in self._above:
            plain = os.path.normpath(f"{real}/{folder}")
            there = os.path.realpath(f"{self.top}/{folder}")
            if there != plain and self.links:
                raise RefusedError(f"{folder} is reached by a link, and there are links in it")
            below = there[len(real.rstrip("/")) + 1 :]
            if there != real and not there.startswith(f"{real.rstrip('/')}/"):
                raise RefusedError(f"{folder} leads out of the project")
            if any(name.lower() in FORBIDDEN for name in below.split("/")):
                raise RefusedError(f"{folder} is not a task's to write")
            while not os.path.lexists(there):
                there = os.path.dirname(there)
            if not os.path.isdir(there):
                raise RefusedError(f"{there} is no folder")

    def _walk(self, root: str) -> None:
        """Find out what of a folder is to be removed; of two folders the outer one comes first."""
        left = [root]
        if root not in self.folders:
            self._gone_folders.append(root)
        while left:
            folder = left.pop()
            with os.scandir(f"{self.top}/{folder}") as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}"
                    if entry.name.lower() in FORBIDDEN:
                        raise RefusedError(f"{path} is not a task's to remove")
                    if entry.is_dir(follow_symlinks=False):
                        left.append(path)
                        if path not in self.folders:
                            self._gone_folders.append(path)
                    elif path not in self.files and path not in self.links:
                        self._gone.append(path)

    def _spare(self) -> None:
        """Leave what is kept, and the folders that it is in."""
        gone = set(self._gone)
        spared = self.kept & gone
        above = {folder for path in spared for folder in _folders_above(path)}
        for path in (*spared, *above):
            if (path in self.folders and path in spared) or path in self.files or path in self.links:
                raise RefusedError(f"{path} is in the way, and is a source")
        self._gone = [path for path in self._gone if path not in spared]
        self._gone_folders = [path for path in self._gone_folders if path not in above]

    def wanted(self) -> "list[FileState]":
        """The files that are not there as they should be."""
        return [state for path, state in self.files.items() if not _is(f"{self.top}/{path}", state)]

    def wanted_links(self) -> "list[tuple[str, str]]":
        """The links that are not there as they should be."""
        return [(path, text) for path, text in self.links.items() if _link(f"{self.top}/{path}") != text]

    def clear(self) -> None:
        """Remove what is to be removed."""
        for path in self._gone:
            _allowed(os.unlink, f"{self.top}/{path}")
        for path in reversed(self._gone_folders):
            _allowed(os.rmdir, f"{self.top}/{path}")

    def make_folders(self) -> None:
        """Make the folders that are missing."""
        for folder in sorted(self._above | self.folders):
            if folder:
                os.makedirs(f"{self.top}/{folder}", exist_ok=True)


def _stage(scene: _Scene, blobs: "BlobStore", staging: str) -> "list[tuple[int, str]]":
    """Make what is not there yet in a folder of its own; the number of each, and its path."""
    staged: list[tuple[int, str]] = []
    for state in scene.wanted():
        if state.path in scene.kept and os.path.lexists(f"{scene.top}/{state.path}"):
            raise RefusedError(f"{state.path} is a source, and another one than it was")
        digest = Digest(state.digest, state.size)
        if not blobs.copy(digest, f"{staging}/{len(staged)}", executable=state.executable):
            raise RefusedError(f"{state.path} is not in the store any more")
        staged.append((len(staged), state.path))
    for path, text in scene.wanted_links():
        os.symlink(text, f"{staging}/{len(staged)}")
        staged.append((len(staged), path))
    return staged


def _rename(source: str, target: str) -> None:
    """Give a file or link its name."""
    try:
        _allowed(lambda path: os.rename(source, path), target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Another file system begins somewhere below the project's top.
        folder, _, name = target.rpartition("/")
        near = f"{folder}/.{name[:64]}.{os.urandom(6).hex()}"
        try:
            if os.path.islink(source):
                os.symlink(os.readlink(source), near)
            else:
                copy_file(source, near, executable=bool(os.stat(source).st_mode & 0o100))
            os.rename(near, target)
        except BaseException:
            if os.path.lexists(near):
                os.unlink(near)
            raise


def _allowed(change: "Callable[[str], object]", path: str) -> None:
    """Change something in a folder, one of ours that says that nobody may among them."""
    try:
        change(path)
    except PermissionError:
        folder = os.path.dirname(path)
        os.chmod(folder, os.stat(folder).st_mode | 0o700)
        change(path)


def _mode(path: str) -> int:
    """What there is, links not followed; 0 for nothing."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _is(path: str, state: "FileState") -> bool:
    """Whether there is just the file that should be."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    same = S_ISREG(found.st_mode) and found.st_size == state.size
    return same and bool(found.st_mode & 0o100) == state.executable and file_has(path, state.digest)


def _link(path: str) -> str:
    """Where a link leads to; empty if there is none."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _folders_above(path: str) -> "list[str]":
    """The folders that a path is in, the nearest first."""
    found = []
    while "/" in path:
        path = path.rpartition("/")[0]
        found.append(path)
    return found
