"""File patterns of a `tasks.yml`: text parsed once, then asked about paths relative to the top folder.

A pattern is a handful of alternatives, one for each way through its braces, and an alternative is a row of
segments, one for each name of a path. A `Cursor` is where a walk through folders stands in a pattern, so that
each folder is matched by its own name only and a folder that no alternative leads to is never read.

A pattern names files and folders; a folder stands for everything beneath it. Knows nothing of which files
there are: `runner.plan.select` walks.
"""

from runner.errors import PlanError
from runner.location import Position
from runner.plan.brace import expand_braces
from runner.plan.wildcard import STAR, MalformedError, Token, name_matcher, parse_tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST_ALTERNATIVES = 1000
"""How many ways through the braces of one pattern are accepted."""


class Segment:
    """One name of a pattern with a wildcard in it, or, without tokens, `**`: any number of names."""

    __slots__ = ("head", "matches", "tail", "tokens")

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self.tokens = tokens
        self.matches = name_matcher(tokens)
        self.head = tokens[0] if tokens and isinstance(tokens[0], str) else ""
        self.tail = tokens[-1] if tokens and isinstance(tokens[-1], str) else ""


DEEP = Segment(())
"""`**`: any number of names, also none; as the last segment at least one."""

Alternative = tuple[str | Segment, ...]
"""A literal name is plain text."""


class Pattern:
    """A file pattern; made by `parse_pattern`.

    Attributes:
        text: As it was written, with the values filled in.
        at: Where, if it stands in a file.
        base: The folder it is relative to, itself relative to the top folder.
        files_only: A folder that it names does not stand for what is beneath it, as in a `tusk.yml`.
        alternatives: The rows of segments, no two alike.
        has_wildcard: Whether it may name paths by more than one written-out text, by braces too.
        folder_only: It is written out and ends in a `/`: all beneath that folder and no file of its name.
        literal_prefix: The path of the names up to the first wildcard, without a `/` at the end; all of a
            pattern without wildcard.
    """

    __slots__ = (
        "alternatives",
        "at",
        "base",
        "files_only",
        "folder_only",
        "has_wildcard",
        "literal_prefix",
        "text",
    )

    def __init__(self, text: str, at: Position | None, base: str, files_only: bool) -> None:
        self.text = text
        self.at = at
        self.base = base
        self.files_only = files_only
        try:
            texts = expand_braces(text, MOST_ALTERNATIVES)
        except MalformedError as error:
            raise _malformed(text, at, error) from None
        self.alternatives = tuple(dict.fromkeys(_segments(self, plain) for plain in texts))
        common = _common_literals(self.alternatives)
        self.literal_prefix = "/".join(common)
        rest = self.alternatives[0][len(common) :]
        self.folder_only = len(texts) == 1 and rest == (DEEP,) and not texts[0].endswith("*")
        self.has_wildcard = len(self.alternatives) > 1 or (rest != () and not self.folder_only)

    def start(self) -> "Cursor":
        """The cursor that stands in the top folder."""
        return make_cursor(self.alternatives, self.files_only)

    def matches(self, path: str) -> bool:
        """Whether it names the file at this path, by its own name or by a folder above it."""
        names = path.split("/")
        cursor: Cursor | None = self.start()
        for name in names[:-1]:
            if cursor is None:
                return False
            cursor = cursor.below(name)
        return cursor is not None and cursor.names(names[-1])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and (self.text, self.base, self.files_only) == (
            other.text,
            other.base,
            other.files_only,
        )

    def __hash__(self) -> int:
        return hash((self.text, self.base))

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})" if not self.base else f"Pattern({self.text!r}, base={self.base!r})"


class Cursor:
    """Where a walk stands in a pattern: in one folder, with what may follow.

    Attributes:
        everything: All beneath this folder is named.
        literals: The only names of this folder that can lead on or match, or None if a wildcard looks at all.
        names: Says whether a file of some name in this folder is named by the pattern.
    """

    __slots__ = ("_files_only", "_rests", "everything", "literals", "names")

    def __init__(self, rests: tuple[Alternative, ...], files_only: bool) -> None:
        self._rests = rests
        self._files_only = files_only
        self.everything = (DEEP,) in rests
        first = frozenset(rest[0] for rest in rests if isinstance(rest[0], str))
        self.literals = first if all(isinstance(rest[0], str) for rest in rests) else None
        self.names: Callable[[str], bool] = _all_names if self.everything else _last_names(rests)

    def below(self, name: str) -> "Cursor | None":
        """The cursor for the folder of this name in this one, or None if nothing beneath can be named."""
        if self.everything:
            return self
        if not self._files_only and self.names(name):
            return EVERYTHING
        rests: list[Alternative] = []
        for rest in self._rests:
            first = rest[0]
            if first is DEEP:
                rests.append(rest)
            elif len(rest) > 1 and (first == name if isinstance(first, str) else first.matches(name)):
                rests.append(rest[1:])
        if not rests:
            return None
        cursor = make_cursor(rests, self._files_only)
        # `**` leads from a folder to the same place again in each folder beneath it.
        return self if cursor == self else cursor

    def through_link(self, name: str) -> "Cursor | None":
        """As `below`, for a link to a folder: only where the pattern writes out its name."""
        rests = [rest for rest in self._rests if rest[0] == name]
        return make_cursor(rests, self._files_only).below(name) if rests else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cursor) and self._rests == other._rests

    def __hash__(self) -> int:
        return hash(self._rests)


def _all_names(_: str) -> bool:
    return True


def _last_names(rests: tuple[Alternative, ...]) -> "Callable[[str], bool]":
    """What says whether a name fits the last segment of an alternative that has only that left."""
    last = [rest[0] for rest in rests if len(rest) == 1]
    literals = frozenset(segment for segment in last if isinstance(segment, str))
    wild = [segment.matches for segment in last if not isinstance(segment, str)]
    if not wild:
        return literals.__contains__
    if len(wild) == 1 and not literals:
        return wild[0]
    return lambda name: name in literals or any(matches(name) for matches in wild)


def make_cursor(alternatives: "Iterable[Alternative]", files_only: bool = False) -> Cursor:
    """A cursor for the top folder that follows some alternatives."""
    rests: dict[Alternative, None] = {}
    for rest in alternatives:
        rests[rest] = None
        while rest[0] is DEEP and len(rest) > 1:
            rest = rest[1:]  # noqa: PLW2901 - `**` may also stand for no name at all
            rests[rest] = None
    return Cursor(tuple(rests), files_only)


EVERYTHING = Cursor(((DEEP,),), files_only=False)


def parse_pattern(
    text: str, at: Position | None = None, *, base: str = "", files_only: bool = False
) -> Pattern:
    """The pattern that a text describes.

    `*` and `?` stand for any run and any one character but `/`; `[a-z]` for one of some, `[!a-z]` for one of
    all others; `{a,b}` for either; `**` as a whole name for any number of names, also none; a backslash takes
    the next character literally. Names that begin with a dot are names like all others. A `/` at the end
    means all beneath that folder.

    Args:
        text: What was written, values filled in by `escape`.
        at: Where, for errors.
        base: The folder it is relative to, itself relative to the top folder.
        files_only: See `Pattern`.

    Raises:
        PlanError: It is empty, absolute, leads out of the top folder, or a bracket or brace is left open.
    """
    return Pattern(text, at, base, files_only)


def rebased(pattern: Pattern, base: str) -> Pattern:
    """The same pattern relative to another folder, itself relative to the top folder."""
    return Pattern(pattern.text, pattern.at, base, pattern.files_only)


def escape(value: str) -> str:
    """The text that stands for `value` itself in a pattern, within braces too, though not within brackets."""
    if not any(char in value for char in "\\*?[]{},"):
        return value
    return "".join("\\" + char if char in "\\*?[]{}," else char for char in value)


def overlap(one: Pattern, other: Pattern) -> bool:
    """Whether two targets may name a common path, one being a folder above the other included.

    Exact between patterns without wildcard. Between others it says yes when in doubt, except that a name
    without `/` at its end is not taken for a folder merely because a `**` of the other could go through it.
    """
    return any(_meet(rest, rival, set()) for rest in one.alternatives for rival in other.alternatives)


def _meet(one: Alternative, other: Alternative, seen: "set[tuple[int, int]]") -> bool:
    """Whether two rows of segments may name a common path; `seen` holds the lengths already tried."""
    if not one or not other:
        return True
    if (len(one), len(other)) in seen:
        return False
    seen.add((len(one), len(other)))
    if (one[0] is DEEP and len(one) == 1) or (other[0] is DEEP and len(other) == 1):
        return True
    if one[0] is DEEP:
        return _meet(one[1:], other, seen) or (len(other) > 1 and _meet(one, other[1:], seen))
    if other[0] is DEEP:
        return _meet(one, other[1:], seen) or (len(one) > 1 and _meet(one[1:], other, seen))
    if not _compatible(one[0], other[0]):
        return False
    if len(one) == len(other) or (len(one) > 1 and len(other) > 1):
        return _meet(one[1:], other[1:], seen)
    above, beneath = (one[0], other[0]) if len(one) == 1 else (other[0], one[0])
    return isinstance(above, str) or isinstance(beneath, str) or above.tokens == (STAR,)


def _compatible(one: str | Segment, other: str | Segment) -> bool:
    """Whether one name may fit both segments; yes when in doubt."""
    if isinstance(one, str):
        return one == other if isinstance(other, str) else other.matches(one)
    if isinstance(other, str):
        return one.matches(other)
    heads = one.head.startswith(other.head) or other.head.startswith(one.head)
    return heads and (one.tail.endswith(other.tail) or other.tail.endswith(one.tail))


def _segments(pattern: Pattern, plain: str) -> Alternative:
    """One alternative, cleaned of `.` and `..`; `plain` is the text with one choice of its braces."""
    if not plain:
        raise PlanError("a pattern is empty", pattern.at, "`./` names the whole folder")
    if plain.startswith("/"):
        hint = "patterns are relative to the folder of the file, with `/` between names"
        raise PlanError(f"the pattern `{pattern.text}` is an absolute path", pattern.at, hint)
    row: list[str | Segment] = list(pattern.base.split("/")) if pattern.base else []
    names = plain.split("/")
    for name in names:
        if name in ("", "."):
            continue
        if name == "..":
            _go_up(pattern, row)
        else:
            row.append(_segment(pattern, name))
    if (names[-1] in ("", ".", "..") and not pattern.files_only) or not row:
        row.append(DEEP)
    return tuple(row)


def _segment(pattern: Pattern, name: str) -> str | Segment:
    if len(name) > 1 and not name.strip("*"):
        return DEEP
    try:
        tokens = parse_tokens(name)
    except MalformedError as error:
        raise _malformed(pattern.text, pattern.at, error) from None
    if len(tokens) == 1 and isinstance(tokens[0], str):
        return tokens[0]
    return Segment(tokens)


def _go_up(pattern: Pattern, row: list[str | Segment]) -> None:
    if not row:
        hint = "all that a task reads or writes lies in the project's top folder"
        raise PlanError(f"the pattern `{pattern.text}` leads out of the project", pattern.at, hint)
    if not isinstance(row.pop(), str):
        hint = "write the path without `..`"
        raise PlanError(f"the pattern `{pattern.text}` has `..` behind a wildcard", pattern.at, hint)


def _malformed(text: str, at: Position | None, error: MalformedError) -> PlanError:
    return PlanError(f"the pattern `{text}` {error}", at, "a backslash before a character takes it literally")


def _common_literals(alternatives: tuple[Alternative, ...]) -> list[str]:
    """The literal names with which all alternatives begin."""
    common: list[str] = []
    for segments in zip(*alternatives, strict=False):
        first = segments[0]
        if not isinstance(first, str) or any(segment != first for segment in segments):
            break
        common.append(first)
    return common
