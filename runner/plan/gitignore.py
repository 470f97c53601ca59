"""What git ignores, by the rules of https://git-scm.com/docs/gitignore.

Rules come from the global excludes file, `.git/info/exclude` and the `.gitignore` of each folder from the
repository's root down; of all that match a path the last one holds, the deeper file counting as later.
Nothing beneath an ignored folder can be taken back by a rule; what git tracks is not ignored. `.git` itself
counts as ignored everywhere. Case counts, whatever `core.ignorecase` says.

Git compares bytes. Here a text whose characters are bytes (Latin-1) stands for them, so that `?` is one byte
as in git and the usual ASCII path needs no conversion.

The rules of a folder and all above are merged: plain names, endings such as `*.log`, and plain paths are
found in dictionaries, and only what has another form is tried rule by rule. Does not walk: it is asked.
"""

from runner.plan.facts import FILE, Tree
from runner.plan.git_index import TrackedFiles
from runner.plan.wildcard import SPECIAL, MalformedError, Token, match, name_matcher, parse_tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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
        rules = _Rules().extended(excludes_file, "").extended(exclude, "")
        self.top = self._enter_top(rules, prefix, above or {})
        self._scopes = {"": self.top}

    def _enter_top(self, rules: "_Rules", prefix: str, above: "Mapping[str, bytes]") -> "Scope":
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

    def __init__(self, ignore: Ignore, folder: str, path: str, rules: "_Rules", ignored: bool) -> None:
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


class _Rule:
    """One line of a rules file; `order` grows with each line and each deeper file."""

    __slots__ = ("base", "beginning", "folder_only", "matches", "negated", "order")

    def __init__(self, order: int, negated: bool, folder_only: bool) -> None:
        self.order = order
        self.negated = negated
        self.folder_only = folder_only
        # What a name or, with a base, a path in the repository must begin with to be matched.
        self.beginning = ""
        # How long the path of the folder is to which a rule for paths is relative; None for a rule for names.
        self.base: int | None = None
        self.matches: Callable[[str], bool] = _never

    def fits(self, name: str, path: str) -> bool:
        return self.matches(name if self.base is None else path[self.base :])


class _Rules:
    """Rules merged from some files, the later holding over the earlier."""

    __slots__ = ("beginnings", "endings", "names", "on_paths", "order", "others", "paths")

    def __init__(self) -> None:
        self.order = 0
        # Rules by what they match, the latest first: names, `.` and what follows it, literal paths in the
        # repository, the first letter of names; paths with wildcards, and all others.
        self.names: dict[str, tuple[_Rule, ...]] = {}
        self.endings: dict[str, tuple[_Rule, ...]] = {}
        self.paths: dict[str, tuple[_Rule, ...]] = {}
        self.beginnings: dict[str, tuple[_Rule, ...]] = {}
        self.on_paths: tuple[_Rule, ...] = ()
        self.others: tuple[_Rule, ...] = ()

    def ignore(self, name: str, path: str, folder: bool) -> bool:
        """Whether the latest rule that matches says so; `path` is the one in the repository."""
        best: _Rule | None = None
        if rules := self.names.get(name):
            best = _latest(rules, folder, best)
        if self.endings:
            at = name.find(".")
            while at >= 0:
                if rules := self.endings.get(name[at:]):
                    best = _latest(rules, folder, best)
                at = name.find(".", at + 1)
        if self.paths and (rules := self.paths.get(path)):
            best = _latest(rules, folder, best)
        for rules in (self.beginnings.get(name[0], ()), self.others, self.on_paths):
            for rule in rules:
                if best is not None and rule.order < best.order:
                    break
                if (folder or not rule.folder_only) and rule.fits(name, path):
                    best = rule
                    break
        return best is not None and not best.negated

    def within(self, folder: str) -> "_Rules":
        """Without the rules for paths that match nothing in or beneath a folder; it ends in `/`."""
        kept = tuple(
            rule
            for rule in self.on_paths
            if folder.startswith(rule.beginning) or rule.beginning.startswith(folder)
        )
        if len(kept) == len(self.on_paths):
            return self
        less = self.copy()
        less.on_paths = kept
        return less

    def extended(self, text: bytes, base: str) -> "_Rules":
        """With the rules of a file; `base` is the path of its folder in the repository, with a `/` behind."""
        lines = _lines(text)
        if not lines:
            return self
        more = self.copy()
        more.names, more.endings = dict(self.names), dict(self.endings)
        more.paths, more.beginnings = dict(self.paths), dict(self.beginnings)
        for line in lines:
            more.add(line, base)
        return more

    def copy(self) -> "_Rules":
        other = _Rules()
        for slot in _Rules.__slots__:
            setattr(other, slot, getattr(self, slot))
        return other

    def add(self, line: str, base: str) -> None:
        negated = line.startswith("!")
        text = line[negated:]
        folder_only = text.endswith("/")
        if folder_only:
            text = text[:-1]
        self.order += 1
        rule = _Rule(self.order, negated, folder_only)
        if "/" in text:
            self._add_for_paths(text.removeprefix("/"), base, rule)
            return
        rule.beginning = _literal_beginning(text)
        if rule.beginning == text:
            _put(self.names, text, rule)
        elif text.startswith("*.") and _literal_beginning(text[1:]) == text[1:]:
            _put(self.endings, text[1:], rule)
        else:
            rule.matches = _name_matcher(text)
            if rule.beginning:
                _put(self.beginnings, text[0], rule)
            else:
                self.others = (rule, *self.others)

    def _add_for_paths(self, text: str, base: str, rule: _Rule) -> None:
        literal = _literal_beginning(text)
        rule.beginning = base + literal
        if literal == text:
            _put(self.paths, rule.beginning, rule)
            return
        rule.base = len(base)
        rule.matches = _path_matcher(literal, text[len(literal) :])
        self.on_paths = (rule, *self.on_paths)


def _latest(rules: "Iterable[_Rule]", folder: bool, best: "_Rule | None") -> "_Rule | None":
    """The first of `rules` that holds for such a thing if it is later than `best`, else `best`."""
    for rule in rules:
        if folder or not rule.folder_only:
            return rule if best is None or rule.order > best.order else best
    return best


def _put(table: dict[str, tuple[_Rule, ...]], key: str, rule: _Rule) -> None:
    table[key] = (rule, *table.get(key, ()))


def _never(_: str) -> bool:
    return False


def _literal_beginning(text: str) -> str:
    """What stands in front of the first special character."""
    for at, char in enumerate(text):
        if char in SPECIAL:
            return text[:at]
    return text


def _name_matcher(text: str) -> "Callable[[str], bool]":
    """What matches this text, or nothing if it is malformed: git says no word about such a line either."""
    try:
        return name_matcher(parse_tokens(text))
    except MalformedError:
        return _never


def _path_matcher(literal: str, text: str) -> "Callable[[str], bool]":
    """As `_name_matcher`, for a rule for paths.

    Git compares the literal beginning first and reads wildcards from there on, so that in `a**/b` the stars
    do stand at a beginning.
    """
    try:
        tokens: tuple[Token, ...] = parse_tokens(text)
    except MalformedError:
        return _never
    if literal:
        tokens = (literal, *tokens)
    return lambda path: match(tokens, path)


def _lines(text: bytes) -> list[str]:
    """The rules of a file as written, comments, blank lines and what git trims left out."""
    lines = text.removeprefix(b"\xef\xbb\xbf").decode("latin-1").split("\n")
    rules = []
    for line in lines:
        if line and line[0] != "#":
            rule = _trimmed(line.removesuffix("\r").partition("\0")[0])
            if rule:
                rules.append(rule)
    return rules


def _trimmed(line: str) -> str:
    """Without trailing spaces, those behind a backslash left in place."""
    kept = line.rstrip(" ")
    backslashes = len(kept) - len(kept.rstrip("\\"))
    return line[: len(kept) + 1] if backslashes % 2 else kept


def _as_bytes(name: str) -> str:
    """A name as the text whose characters are the bytes of its UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("latin-1")
