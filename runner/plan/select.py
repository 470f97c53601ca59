"""Which files patterns name, found by a walk that reads each folder once and only those it must.

The walk carries a cursor of each pattern down the tree and leaves a folder out as soon as no pattern can
lead into it, it is ignored, or all in it is excluded.
"""

from runner.plan.facts import FILE, FOLDER, LINK_TO_FOLDER, OTHER, Tree
from runner.plan.gitignore import Ignore, Scope
from runner.plan.pattern import Alternative, Cursor, Pattern, make_cursor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NEVER = (".git", ".pyrun")
"""What no wildcard and no folder reaches, at any depth."""


class Selection:
    """The files that some patterns name.

    Args:
        files: Their paths, sorted by code point, each once.
        unmatched: The patterns that gave no file.
    """

    __slots__ = ("files", "unmatched")

    def __init__(self, files: tuple[str, ...], unmatched: tuple[Pattern, ...]) -> None:
        self.files = files
        self.unmatched = unmatched

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Selection) and self.files == other.files and self.unmatched == other.unmatched
        )

    def __hash__(self) -> int:
        return hash((self.files, self.unmatched))

    def __repr__(self) -> str:
        return f"Selection({self.files!r}, unmatched={self.unmatched!r})"


def select(
    tree: Tree,
    patterns: tuple[Pattern, ...],
    excludes: tuple[Pattern, ...] = (),
    *,
    ignore: Ignore | None,
    own: tuple[Pattern, ...] = (),
    links: bool = False,
) -> Selection:
    """The files that patterns name as what a task reads.

    A file that is written out is taken whatever git says. A wildcard or a folder never reaches `.git`,
    `.pyrun`, the task's own targets or what git ignores, and it follows no link to a folder; a name that is
    written out in front of a wildcard may be such a link.

    Args:
        tree: The project's files.
        patterns: What to take.
        excludes: What to leave out, written out or not.
        ignore: What git ignores; None if there is no repository.
        own: The task's own targets.
        links: Whether what is found is to have links to folders too, and such as lead nowhere, by their names;
            what else is no file is among them.

    Raises:
        PlanError: Git's index cannot be read.
    """
    walk = _Walk(tree, patterns, links=links)
    outs = [pattern.start() for pattern in excludes]
    walk.take_written_out(excludes)
    walk.descend(outs + [pattern.start() for pattern in own], ignore.top if ignore else None)
    return Selection(
        walk.sorted_files(),
        tuple(pattern for index, pattern in enumerate(patterns) if index not in walk.matched),
    )


def select_targets(tree: Tree, patterns: tuple[Pattern, ...], *, links: bool = False) -> tuple[str, ...]:
    """The files that exist of what patterns name as a task's targets, sorted by code point, each once.

    Of a folder all beneath it, whatever git says; links to folders are not followed, and `.git` and `.pyrun`
    are reached by a written-out file only. For `links` see `select`.
    """
    walk = _Walk(tree, patterns, links=links)
    walk.take_written_out(())
    walk.descend([], None)
    return walk.sorted_files()


Wanted = list[tuple[int, Cursor]]
"""Where the walk stands in each pattern that can still match here, by the pattern's index."""

Place = tuple[str, "Mapping[str, str]", Wanted, list[Cursor], Scope | None]
"""A folder to look at: its path with a `/` behind, what lies in it, and where the walk stands in the
patterns, in what is left out, and in git's rules."""


class _Walk:
    """One selection in the making."""

    __slots__ = ("_kinds", "_rows", "_tree", "files", "matched")

    def __init__(self, tree: Tree, patterns: tuple[Pattern, ...], *, links: bool = False) -> None:
        self._kinds = (FILE, LINK_TO_FOLDER, OTHER) if links else (FILE,)
        self._tree = tree
        self._rows = [(index, item.alternatives, item.files_only) for index, item in enumerate(patterns)]
        self.files: list[str] = []
        self.matched: set[int] = set()

    def take_written_out(self, excludes: tuple[Pattern, ...]) -> None:
        """Take each written-out file, and keep for the walk what may lead to more."""
        kept: list[tuple[int, tuple[Alternative, ...], bool]] = []
        for index, alternatives, files_only in self._rows:
            rest: list[Alternative] = []
            for row in alternatives:
                names = [name for name in row if isinstance(name, str)]
                path = "/".join(names)
                kind = self._kind(path) if len(names) == len(row) else FOLDER
                if kind in (FOLDER, LINK_TO_FOLDER):
                    rest.append(row)
                elif kind == FILE and not any(pattern.matches(path) for pattern in excludes):
                    self.files.append(path)
                    self.matched.add(index)
            if rest:
                kept.append((index, tuple(rest), files_only))
        self._rows = kept

    def _kind(self, path: str) -> str | None:
        folder, _, name = path.rpartition("/")
        names = self._tree.names(folder)
        return None if names is None else names.get(name)

    def descend(self, outs: list[Cursor], scope: Scope | None) -> None:
        """Walk from the top folder; `outs` lead to what is left out."""
        wanted = [(index, make_cursor(rest, files_only)) for index, rest, files_only in self._rows]
        if not wanted or any(cursor.everything for cursor in outs):
            return
        names = self._tree.names("")
        pending: list[Place] = [("", names, wanted, outs, scope)] if names else []
        while pending:
            place = pending.pop()
            listed = _reachable(place[1], place[2])
            self._take([name for name, kind in listed if kind in self._kinds], place)
            for name, kind in reversed(listed):
                if kind in (FOLDER, LINK_TO_FOLDER) and name not in NEVER:
                    below = self._below(place, name, kind)
                    if below:
                        pending.append(below)

    def sorted_files(self) -> tuple[str, ...]:
        """What has been found, each once."""
        return tuple(sorted(dict.fromkeys(self.files)))

    def _below(self, place: Place, name: str, kind: str) -> Place | None:
        """The folder of this name, or None if there is nothing to find in it."""
        prefix, _, wanted, outs, scope = place
        wanted_below: Wanted = []
        for index, cursor in wanted:
            further = cursor.below(name) if kind == FOLDER else cursor.through_link(name)
            if further is not None:
                wanted_below.append((index, further))
        if not wanted_below or (scope is not None and scope.ignores(name, folder=True)):
            return None
        outs_below = [further for out in outs if (further := out.below(name)) is not None]
        if any(cursor.everything for cursor in outs_below):
            return None
        names = self._tree.names(prefix + name)
        if not names:
            return None
        scope_below = None if scope is None else scope.below(name, names)
        return (f"{prefix}{name}/", names, wanted_below, outs_below, scope_below)

    def _take(self, names: list[str], place: Place) -> None:
        """Take the files of a folder that a pattern names and nothing speaks against."""
        prefix, _, wanted, outs, scope = place
        kept: dict[str, bool] = {}
        for index, cursor in wanted:
            for name in filter(cursor.names, names):
                keep = kept.get(name)
                if keep is None:
                    keep = kept[name] = _stays(name, outs, scope)
                if keep:
                    self.matched.add(index)
        self.files += [prefix + name for name, keep in kept.items() if keep]


def _stays(name: str, outs: list[Cursor], scope: Scope | None) -> bool:
    """Whether a file is neither left out nor ignored."""
    for out in outs:
        if out.names(name):
            return False
    return name not in NEVER and not (scope is not None and scope.ignores(name, folder=False))


def _reachable(names: "Mapping[str, str]", wanted: Wanted) -> "list[tuple[str, str]]":
    """What lies in a folder, only the names written out if no wildcard looks at the others.

    Sorted, since files that are found nearly in order are sorted in a fraction of the time.
    """
    written: set[str] = set()
    for _, cursor in wanted:
        if cursor.literals is None:
            return sorted(names.items())
        written |= cursor.literals
    return sorted([(name, names[name]) for name in written if name in names])
