"""A folder of its own for one action, with the files of a project that it may see and nothing else.

It lies outside the project, where a tool that looks in the folders above for its module, its packages or its
repository finds nothing of the project's. As long as it is in use it is locked, so that what a killed run has
left is known and removed by the next one. Knows files, and not why they may be seen.
"""

import os
from errno import EINVAL, ELOOP, EXDEV
from stat import S_ISDIR, S_ISLNK, S_ISREG

from runner.digest import digest_of
from runner.system.claimed_folder import claim, remove_folder
from runner.system.state_folder import NAME, make_state_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_LONGEST = 40
"""Characters of an action's name that its folder is called by."""
_SHOWN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


class FreshTree:
    """The tree of one action.

    Args:
        top: The project's top folder, absolute, which is what the tree is a part of.
        base: Where the trees of the project are, see `base_folder`.
        name: What it is for. The same name gives the same paths, unless two runs are at it.
        apart: A folder of the project, relative to the top, whose files lie in the tree as if they were in the top
            folder, and into which what is taken out goes; empty for none.

    Attributes:
        apart: See there.
        root: What stands for the project's top folder.
        scratch: A folder for temporary files.

    Raises:
        OSError: It can't be made.
    """

    def __init__(self, top: str, base: str, name: str, apart: str = "") -> None:
        self._top = top
        self.apart = apart
        self._apart = f"{apart}/" if apart else ""
        self._home = f"{top}/{apart}" if apart else top
        self._from: set[str] = set()
        slug = "".join(letter if letter in _SHOWN else "-" for letter in name.partition(" ")[0])[:_LONGEST]
        slug = f"{slug.lstrip('.')}-{digest_of(name.encode('utf-8', 'surrogateescape')).hex[:8]}"
        self._folder, self._lock = claim(base, slug)
        self._staging = ""
        self._staging_lock = -1
        self.root = f"{self._folder}/{os.path.basename(top) or 'root'}"
        self.scratch = f"{self.root}.tmp"
        self._put: dict[str, str] = {}
        self._folders: set[str] = set()
        os.mkdir(self.root)
        os.mkdir(self.scratch)

    def add(self, files: "Sequence[tuple[str, bool]]") -> None:
        """Put files of the project into the tree; one that is gone is left out.

        A link to another file that is to be seen stays one; of any other the content is taken.

        Args:
            files: Their paths, and whether they may be executed.

        Raises:
            OSError: One can't be read or written.
        """
        self._from.update(path for path, _ in files)
        for path, executable in files:
            place = self.place(path)
            target = f"{self.root}/{place}"
            if not os.path.exists(f"{self._top}/{path}"):
                continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if os.path.lexists(target):
                os.unlink(target)
            try:
                self._copy(path, target, executable, self._from)
            except FileNotFoundError:
                continue
            self._put[place] = _seen(target)

    def place(self, path: str) -> str:
        """Where a file of the project lies in the tree, or would."""
        return path.removeprefix(self._apart)

    def _copy(self, path: str, target: str, executable: bool, inside: "set[str]") -> None:
        from runner.system.copy_file import copy_file  # noqa: PLC0415 - for those who ask for a tree only

        source = f"{self._top}/{path}"
        if os.path.islink(source):
            written = os.readlink(source)
            other = os.path.normpath(f"{os.path.dirname(path)}/{written}".lstrip("/"))
            if (
                not written.startswith("/")
                and other in inside
                and os.path.samefile(f"{self._top}/{other}", source)
            ):
                os.symlink(written, target)
                return
        found = os.stat(source)
        copy_file(source, target, executable=executable)
        # Tools that go by times see the files in the order in which they were made.
        os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))

    def add_folders(self, folders: "Iterable[str]") -> None:
        """Make folders, those above them too."""
        for folder in folders:
            os.makedirs(f"{self.root}/{folder}", exist_ok=True)
            self._folders.update((folder, *_above(folder)))

    def add_link(self, path: str) -> None:
        """Let a path of the tree lead to the project's own file of that name, there or not."""
        target = f"{self.root}/{path}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(f"{self._top}/{path}", target)
        self._put[path] = _seen(target)

    def leave_behind(self, path: str) -> None:
        """Take what lies at a path for something that was only put into the tree."""
        self._put[path] = _seen(f"{self.root}/{path}")

    def has(self, path: str) -> bool:
        """Whether there is something at a path."""
        return os.path.lexists(f"{self.root}/{path}")

    def take_out(self, paths: "Sequence[str]") -> None:
        """Put what was made at some paths in its place in the project: files, links, and all of a folder.

        Each file is whole before it gets its name. What was only put into the tree stays where it is.

        Raises:
            OSError: One can't be put there. Nothing is put anywhere where a link leads out of the project.
        """
        for path in paths:
            self._check_way(path)
        for path in paths:
            if self.is_folder(path):
                os.makedirs(f"{self._home}/{path}", exist_ok=True)
                for folder, folders, names in os.walk(f"{self.root}/{path}"):
                    below = folder[len(self.root) + 1 :]
                    for name in folders:
                        if not os.path.islink(f"{folder}/{name}"):
                            os.makedirs(f"{self._home}/{below}/{name}", exist_ok=True)
                        else:
                            names.append(name)
                    for name in names:
                        self._take(f"{below}/{name}")
            else:
                self._take(path)

    def _check_way(self, path: str) -> None:
        """Refuse a place that a link makes one outside of the project."""
        real = os.path.realpath(self._home)
        place = f"{self._home}/{path}"
        there = os.path.realpath(place if self.is_folder(path) else os.path.dirname(place))
        if there != real and not there.startswith(f"{real.rstrip('/')}/"):
            raise OSError(ELOOP, "a link leads out of the project", path)

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder at a path, and no link to one."""
        return os.path.isdir(f"{self.root}/{path}") and not os.path.islink(f"{self.root}/{path}")

    def _take(self, path: str) -> None:
        source, target = f"{self.root}/{path}", f"{self._home}/{path}"
        if self._put.get(path) == _seen(source):
            return
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.islink(source):
            written = os.readlink(source)
            if written == self.root or written.startswith(f"{self.root}/"):
                os.unlink(source)
                os.symlink(self._home + written[len(self.root) :], source)
        try:
            os.replace(source, target)
        except OSError as error:
            if error.errno != EXDEV:
                raise
            os.replace(self._staged(source), target)

    def _staged(self, source: str) -> str:
        """A copy of a file on the project's file system."""
        from runner.system.copy_file import copy_file  # noqa: PLC0415 - for those who ask for a tree only

        if not self._staging:
            make_state_folder(self._top)
            self._staging, self._staging_lock = claim(
                f"{self._top}/{NAME}/sandbox", os.path.basename(self._folder)
            )
        copy = f"{self._staging}/file"
        mode = os.lstat(source).st_mode
        if S_ISLNK(mode):
            os.symlink(os.readlink(source), copy)
        elif S_ISREG(mode):
            copy_file(source, copy, executable=bool(mode & 0o100))
        else:
            raise OSError(EINVAL, "it is no file, and lies on another file system", source)
        return copy

    def written(self, named: "Callable[[str], bool]") -> "list[str]":
        """What was written, changed or removed, sorted; a folder that is new as a whole ends in a `/`.

        Args:
            named: Whether a path does not count.
        """
        found: list[str] = []
        seen: set[str] = set()
        known = self._folders.union(*(_above(path) for path in self._put))
        for folder, folders, names in os.walk(self.root):
            below = folder[len(self.root) + 1 :]
            prefix = f"{below}/" if below else ""
            links = [name for name in folders if os.path.islink(f"{folder}/{name}")]
            for name in sorted((*names, *links)):
                path = prefix + name
                seen.add(path)
                if named(path):
                    known.update(_above(path))
                elif self._put.get(path) != _seen(f"{folder}/{name}"):
                    found.append(path)
        found += [path for path in self._put if path not in seen and not named(path)]
        return _folded(sorted(found), known)

    def remove(self) -> None:
        """Remove the tree and all in it."""
        for folder, lock in ((self._folder, self._lock), (self._staging, self._staging_lock)):
            if folder:
                remove_folder(folder)
                os.close(lock)
        self._staging = self._folder = ""


def base_folder(top: str, cache: str | None) -> str:
    """Where the trees of a project are: in the user's cache, or in the project where there is none.

    Args:
        top: The project's top folder, absolute.
        cache: The folder of this user's caches; None if the user has no home.
    """
    if cache is not None:
        folder = f"{cache}/sandbox/{digest_of(top.encode('utf-8', 'surrogateescape')).hex[:12]}"
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError:
            pass
        else:
            if os.access(folder, os.W_OK | os.X_OK):
                return folder
    return f"{make_state_folder(top)}/sandbox"


def _seen(path: str) -> str:
    """What tells whether something at a path was changed, links not followed; empty if nothing is there."""
    try:
        found = os.lstat(path)
    except OSError:
        return ""
    what = os.readlink(path) if S_ISLNK(found.st_mode) else f"{found.st_size},{found.st_mtime_ns}"
    return f"{found.st_ino},{found.st_mode:o},{'' if S_ISDIR(found.st_mode) else what}"


def _above(path: str) -> "list[str]":
    """The folders above a path, the nearest first."""
    found = []
    while "/" in path:
        path = path.rpartition("/")[0]
        found.append(path)
    return found


def _folded(paths: "Sequence[str]", known: "set[str]") -> "list[str]":
    """Paths, with the topmost folder that holds nothing of what is known instead of all in it."""
    found: dict[str, None] = {}
    for path in paths:
        new = [folder for folder in _above(path) if folder not in known]
        found[f"{new[-1]}/" if new else path] = None
    return list(found)
