"""What an action has left, looked at as something to keep: every file, link and folder of its targets.

What could not be brought back as it is, or not without harm, is refused as a whole. Looks, and writes nothing.
"""

import os
from stat import S_ISDIR, S_ISLNK, S_ISREG

from runner.digest import Digest
from runner.store.tree_message import FORBIDDEN, Entries, leads_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runner.plan.action import Action
    from runner.plan.file_state import FileState
    from runner.plan.pattern import Pattern


class UnfitError(Exception):
    """It can't be kept, for a reason in words."""


def own_paths(targets: "Iterable[Pattern]") -> list[str]:
    """The paths of targets that are written out, sorted: each a file, or a folder that is owned whole."""
    return sorted({one.literal_prefix for one in targets if not one.has_wildcard and not one.files_only})


def roots_in(folders: "Iterable[str]") -> list[str]:
    """Those of some folders that are in none of the others, sorted."""
    found: list[str] = []
    for folder in sorted(f"{folder}/" for folder in folders):
        if not (found and folder.startswith(found[-1])):
            found.append(folder)
    return [folder[:-1] for folder in found]


def gather(top: str, action: "Action", targets: "Sequence[FileState]") -> Entries:
    """What an action has left.

    Args:
        top: The project's top folder, absolute.
        action: The action.
        targets: The files of its targets, as they were just seen.

    Raises:
        UnfitError: It can't be kept.
        OSError: It can't be looked at.
    """
    found = Entries()
    look = _Look(top, {state.path: state for state in targets}, found)
    roots = []
    for path in own_paths(action.targets or ()):
        try:
            mode = os.lstat(f"{top}/{path}").st_mode
        except FileNotFoundError:
            continue
        if S_ISDIR(mode):
            roots.append(path)
        else:
            look.take(path, mode)
    for root in roots_in(roots):
        look.walk(root)
    for state in targets:
        if state.path not in found.files and state.path not in found.links:
            look.take(state.path, os.lstat(f"{top}/{state.path}").st_mode)
    _check(top, found)
    return found


class _Look:
    """A look at what lies in a project."""

    def __init__(self, top: str, states: "dict[str, FileState]", found: Entries) -> None:
        self._top = top
        self._states = states
        self._found = found

    def walk(self, root: str) -> None:
        """Take a folder and all in it."""
        if not root:
            raise UnfitError("a target is the whole project")
        left = [root]
        while left:
            folder = left.pop()
            self._found.folders[folder] = None
            with os.scandir(f"{self._top}/{folder}") as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        left.append(path)
                    else:
                        link = entry.is_symlink()
                        mode = 0 if link else entry.stat(follow_symlinks=False).st_mode
                        self._take(path, link=link, regular=S_ISREG(mode))

    def take(self, path: str, mode: int) -> None:
        """Take what is no folder."""
        if S_ISLNK(mode) and os.path.isdir(f"{self._top}/{path}"):
            raise UnfitError(f"{path} is a link to a folder")
        self._take(path, link=S_ISLNK(mode), regular=S_ISREG(mode))

    def _take(self, path: str, *, link: bool, regular: bool) -> None:
        if link:
            text = os.readlink(f"{self._top}/{path}")
            if leads_out(path, text):
                raise UnfitError(f"the link {path} leads to {text}, which may be out of the project")
            self._found.links[path] = text
            return
        state = self._states.get(path)
        if not regular:
            raise UnfitError(f"{path} is neither file nor folder nor link")
        if state is None:
            raise UnfitError(f"{path} came when all was done, or can't be read")
        self._found.files[path] = (Digest(state.digest, state.size), state.executable)


def _check(top: str, found: Entries) -> None:
    """Refuse names that can't be kept, and links where they would lead elsewhere than they seem to."""
    for path in (*found.files, *found.links, *found.folders):
        if any(name.lower() in FORBIDDEN for name in path.split("/")):
            raise UnfitError(f"{path} is not a task's to write")
        try:
            path.encode()
        except UnicodeEncodeError:
            raise UnfitError(f"the name {path!r} is no Unicode text") from None
    real = os.path.realpath(top)
    for folder in {os.path.dirname(path) for path in (*found.links, *roots_in(found.folders))}:
        if found.links and os.path.realpath(f"{top}/{folder}") != os.path.normpath(f"{real}/{folder}"):
            raise UnfitError(f"{folder} is reached by a link, and there are links in it")
