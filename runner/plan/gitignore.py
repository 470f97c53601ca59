"""What git ignores, by the rules of https://git-scm.com/docs/gitignore.

Rules come from the global excludes file, `.git/info/exclude` and the `.gitignore` of each folder from the
repository's root down; of all that match a path the last one holds, the deeper file counting as later.
Nothing beneath an ignored folder can be taken back by a rule; what git tracks is not ignored. `.git` itself
counts as ignored everywhere. Case counts, whatever `core.ignorecase` says.

What one line means, `runner.plan.git_rules` knows. Does not walk: it is asked.
"""

from runner.plan.facts import FILE, Tree
from runner.plan.git_index import TrackedFiles
from runner.plan.git_rules import Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

RULES_FILE = ".gitignore"


class Ignore:
    """What git ignores in a project.

    The project's top folder may lie anywhere in the repository.

    Args:
        tree: The project's files; asked for the `.gitignore` of each folder, once.
        prefix: The top folder's path in the repository, empty if it is the root.
        above: The content of `.gitignore` for each folder from the root to just above the top folder that has
            one, by its path in the repository; the root is the empty text.
        exclude: The content of `.git/info/exclude`.
        excludes_file: The content of the file that git's `core.excludesFile` names.
        tracked: The bytes of the index; None if nothing is tracked.
    """

    __slots__ = ("_prefix", "_scopes", "top", "tracked", "tree")

    def __init__(
        self,
        tree: Tree,
        *,
        prefix: str = "",
        above: "Mapping[str, bytes] | None" = None,
        exclude: bytes = b"",
        excludes_file: bytes = b"",
        tracked: bytes | None = None,
    ) -> None:
        self.tree = tree
        self._prefix = _as_bytes(prefix)
        self.tracked = None if tracked is None else TrackedFiles(tracked)
        rules = Rules().extended(excludes_file, "").extended(exclude, "")
        self.top = self._enter_top(rules, prefix, above or {})
        self._scopes = {"": self.top}

    def _enter_top(self, rules: "Rules", prefix: str, above: "Mapping[str, bytes]") -> "Scope":
        scope = Scope(self, "", "", rules, False)
        names = prefix.split("/") if prefix else []
        for depth, name in enumerate(names):
            folder = "/".join(names[:depth])
            if folder in above:
                scope = scope.extended(above[folder])
            scope = scope.child(name, "")
        return scope.with_own_rules(self.tree.names(""))

    def ignores(self, path: str, *, folder: bool = False) -> bool:
        """Whether git ignores the file, or folder, at this path relative to the top folder.

        A folder in which git tracks a file is not ignored. The empty path is the top folder itself: if git
        ignores that, it ignores all in it.

        Raises:
            PlanError: The index cannot be read.
        """
        if not path:
            tracked = self.tracked
            return self.top.ignored and not (
                tracked and tracked.holds_beneath(self._prefix.encode("latin-1"))
            )
        above, _, name = path.rpartition("/")
        return self.scope(above).ignores(name, folder=folder)

    def tracks_beneath(self, folder: str) -> bool:
        """Whether git tracks anything beneath a folder, by its path relative to the top folder.

        Raises:
            PlanError: The index cannot be read.
        """
        if self.tracked is None:
            return False
        prefix = f"{self._prefix}/".encode("latin-1") if self._prefix else b""
        return self.tracked.holds_beneath(prefix + folder.encode("utf-8", "surrogateescape"))

    def tracks(self, path: str) -> bool:
        """Whether git tracks the file at a path relative to the top folder.

        Raises:
            PlanError: The index cannot be read.
        """
        if self.tracked is None:
            return False
        prefix = f"{self._prefix}/".encode("latin-1") if self._prefix else b""
        return self.tracked.holds(prefix + path.encode("utf-8", "surrogateescape"))

    def scope(self, folder: str) -> "Scope":
        """The rules that hold in a folder of the project, by its path relative to the top folder."""
        scope = self._scopes.get(folder)
        if scope is None:
            above, _, name = folder.rpartition("/")
            scope = self._scopes[folder] = self.scope(above).below(name, self.tree.names(folder))
        return scope


class Scope:
    """The rules that hold in one folder; made by `Ignore`.

    Attributes:
        ignored: The folder itself is ignored, and so is all beneath it that is not tracked.
    """

    __slots__ = ("_folder", "_ignore", "_path", "_rules", "ignored")

    def __init__(self, ignore: Ignore, folder: str, path: str, rules: "Rules", ignored: bool) -> None:
        self._ignore = ignore
        self._folder = folder
        self._path = path
        self._rules = rules.within(path)
        self.ignored = ignored

    def ignores(self, name: str, *, folder: bool) -> bool:
        """Whether git ignores the file, or folder, of this name in this folder.

        Raises:
            PlanError: The index cannot be read.
        """
        if name == ".git":
            return True
        if not name.isascii():
            name = _as_bytes(name)
        path = self._path + name
        if not (self.ignored or self._rules.ignore(name, path, folder)):
            return False
        tracked = self._ignore.tracked
        if tracked is None:
            return True
        raw = path.encode("latin-1")
        return not (tracked.holds(raw) or (folder and tracked.holds_beneath(raw)))

    def below(self, name: str, names: "Mapping[str, str] | None") -> "Scope":
        """The rules that hold in the folder of this name in this one; `names` is what lies in it."""
        return self.child(name, f"{self._folder}{name}/").with_own_rules(names)

    def child(self, name: str, folder: str) -> "Scope":
        """As `below`, without the folder's own file; `folder` is its path from the top, with a `/` behind."""
        own = name if name.isascii() else _as_bytes(name)
        path = self._path + own
        ignored = self.ignored or name == ".git" or self._rules.ignore(own, path, True)
        tracked = self._ignore.tracked
        if ignored and tracked is not None and name != ".git" and tracked.holds(path.encode("latin-1")):
            # A submodule: ignored or not, what lies in it is its own repository's affair.
            ignored = False
        return Scope(self._ignore, folder, path + "/", self._rules, ignored)

    def with_own_rules(self, names: "Mapping[str, str] | None") -> "Scope":
        """With the rules of the folder's own `.gitignore`, if `names`, what lies in it, has one."""
        if self.ignored or names is None or names.get(RULES_FILE) != FILE:
            return self
        return self.extended(self._ignore.tree.read(self._folder + RULES_FILE) or b"")

    def extended(self, text: bytes) -> "Scope":
        """With the rules of a `.gitignore` of this folder that reads so."""
        rules = self._rules.extended(text, self._path)
        return Scope(self._ignore, self._folder, self._path, rules, self.ignored)


def _as_bytes(name: str) -> str:
    """A name as the text whose characters are the bytes of its UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("latin-1")
