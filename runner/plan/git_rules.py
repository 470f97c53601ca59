"""The lines of git's files of ignore rules, merged so that a path is matched against all of them at once.

Plain names, endings such as `*.log` and plain paths are found in dictionaries, and only what has another form
is tried rule by rule: a big repository has a hundred rules and a hundred thousand files.

Git compares bytes. Here a text whose characters are bytes (Latin-1) stands for them, names and paths handed
in included, so that `?` is one byte as in git and the usual ASCII path needs no conversion. Knows neither
files nor the index: `runner.plan.gitignore` does.
"""

from runner.plan.wildcard import SPECIAL, MalformedError, Token, match, name_matcher, parse_tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


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


class Rules:
    """Rules merged from some files, the later holding over the earlier; without any to begin with."""

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

    def within(self, folder: str) -> "Rules":
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

    def extended(self, text: bytes, base: str) -> "Rules":
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

    def copy(self) -> "Rules":
        """The same rules, to be changed."""
        other = Rules()
        for slot in Rules.__slots__:
            setattr(other, slot, getattr(self, slot))
        return other

    def add(self, line: str, base: str) -> None:
        """Add one line; `base` as in `extended`."""
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
