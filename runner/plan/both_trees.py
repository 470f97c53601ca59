"""The files of a project with those that are gone put back, so that what an action read of them is found."""

from runner.plan.facts import FILE, FOLDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runner.plan.facts import Tree


class BothTrees:
    """The files of now and, where there is nothing now, some of then, as `runner.plan.facts.Tree` describes it.

    Args:
        now: The files of now.
        then: Those of then.
        gone: The paths that are put back.
    """

    __slots__ = ("_back", "_now", "_then")

    def __init__(self, now: "Tree", then: "Tree", gone: "Iterable[str]") -> None:
        self._now = now
        self._then = then
        self._back: dict[str, dict[str, str]] = {}
        for path in gone:
            folder, _, name = path.rpartition("/")
            self._back.setdefault(folder, {})[name] = FILE
            while folder:
                folder, _, name = folder.rpartition("/")
                self._back.setdefault(folder, {})[name] = FOLDER

    def names(self, folder: str) -> "Mapping[str, str] | None":
        """What lies in a folder or lay there: name to kind; None if there is no such folder."""
        now, back = self._now.names(folder), self._back.get(folder)
        return now if back is None else {**back, **(now or {})}

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None if there is and was no such file."""
        found = self._now.read(path)
        folder, _, name = path.rpartition("/")
        if found is None and self._back.get(folder, {}).get(name) == FILE:
            return self._then.read(path)
        return found
