"""The files of a project as they were in a commit: those of now, with what has changed since undone.

What git ignores is taken to have been as it is now.
"""

import os

from runner.plan.facts import FILE, FOLDER, LINK_TO_FOLDER, OTHER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runner.plan.affected import Changes
    from runner.system.git_changes import Entry, Repository
    from runner.system.tree import DiskTree

_LINK = "link"
_KINDS = {"100": FILE, "120": _LINK, "160": FOLDER}
"""What the first digits of git's modes stand for; a repository of its own is a folder."""
_MOST_LINKS = 40
"""Links one behind the other that are followed, as by the kernel."""


class PastTree:
    """The files as they were, as `runner.plan.facts.Tree` describes it.

    Args:
        now: The files of now.
        repository: Where the others are.
        commit: When they were so.
        changes: What has changed since.
        before: What those that changed were then, by path.
    """

    __slots__ = ("_before", "_changes", "_commit", "_folders", "_held", "_now", "_repository", "_touched")

    def __init__(
        self,
        now: "DiskTree",
        repository: "Repository",
        commit: str,
        changes: "Changes",
        before: "Mapping[str, Entry]",
    ) -> None:
        self._now = now
        self._repository = repository
        self._commit = commit
        self._changes = changes
        self._before = before
        self._touched = set(_above(changes.paths))
        self._folders: dict[str, set[str]] = {}
        for path in (*before, *_above(before)):
            folder, _, name = path.rpartition("/")
            self._folders.setdefault(folder, set()).add(name)
        self._held: dict[str, bool] = {}

    def names(self, folder: str) -> "Mapping[str, str] | None":
        """What lay in a folder: name to kind; None if there was no such folder."""
        place = self._place(folder)
        if place is None or place.startswith("/"):
            return None if place is None else self._now.names(place)
        if place not in self._touched and place:
            return self._now.names(place)
        now = self._now.names(place) or {}
        found = {}
        for name in (*now, *sorted(self._folders.get(place, set()) - set(now))):
            path = f"{place}/{name}" if place else name
            kind = self._kind(path)
            if kind == _LINK:
                found[name] = self._behind(path)
            elif kind:
                found[name] = now[name] if kind == FILE and name in now and not self._changed(path) else kind
        return found if found or self._kind(place) == FOLDER else None

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, links followed; None if there was no such file."""
        place = self._place(path)
        if place is None:
            return None
        if place in self._before and self._kind(place) == FILE:
            return self._repository.blob(self._before[place][1])
        return None if self._changed(place) else self._now.read(place)

    def exists(self, path: str) -> bool:
        """Whether there was a file or folder, links followed."""
        place = self._place(path)
        return place is not None and (not place.startswith("/") or self._now.exists(place))

    def _changed(self, path: str) -> bool:
        return path in self._before or self._changes.hold(path)

    def _kind(self, path: str) -> str:
        """What lay at a path, no link followed: FILE, FOLDER or a link; empty for nothing."""
        if path in self._before:
            return _KINDS.get(self._before[path][0][:3], "")
        if not path or path in self._folders:
            return FOLDER
        if self._changes.hold(path):
            return ""
        full = self._now.path(path)
        if os.path.islink(full):
            return _LINK
        if os.path.isdir(full):
            return FOLDER if self._existed(path) else ""
        return FILE if os.path.lexists(full) else ""

    def _existed(self, folder: str) -> bool:
        """Whether there was a folder that there is now."""
        if folder not in self._touched:
            return True
        if folder not in self._held:
            self._held[folder] = self._repository.held(self._commit, folder)
        return self._held[folder]

    def _behind(self, link: str) -> str:
        """What a link led to."""
        place = self._place(link)
        if place is None:
            return OTHER
        kind = self._kind(place) if not place.startswith("/") else FOLDER if os.path.isdir(place) else FILE
        return LINK_TO_FOLDER if kind == FOLDER else FILE

    def _target(self, link: str) -> str:
        """The text of a link."""
        if link in self._before:
            return os.fsdecode(self._repository.blob(self._before[link][1]) or b"")
        return os.readlink(self._now.path(link))

    def _place(self, path: str) -> str | None:
        """Where a path led, all links followed: absolute if that is not in the project, None for nowhere."""
        if path.startswith("/"):
            return path
        left = list(reversed(path.split("/")))
        done: list[str] = []
        links = 0
        while left:
            name = left.pop()
            if name in {"", "."}:
                continue
            if name == "..":
                if not done:
                    rest = "/".join(reversed(left))
                    return os.path.normpath(f"{self._now.top}/../{rest}")
                done.pop()
                continue
            here = "/".join((*done, name))
            kind = self._kind(here)
            if not kind:
                return None
            if kind != _LINK:
                done.append(name)
                continue
            links += 1
            target = self._target(here)
            if links > _MOST_LINKS or not target:
                return None
            if target.startswith("/"):
                return os.path.normpath("/".join((target, *reversed(left))))
            left += reversed(target.split("/"))
        return "/".join(done)


def _above(paths: "Iterable[str]") -> "set[str]":
    """The folders in which some paths lie, at any depth."""
    found: set[str] = set()
    for path in paths:
        folder = path.rstrip("/").rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found
