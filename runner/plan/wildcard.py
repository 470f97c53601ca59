"""Wildcards compiled to tokens, and their match against a text.

The common ground of `runner.plan.pattern`, which looks at one name at a time, and `runner.plan.gitignore`,
which looks at whole paths. Matched without `re`: loading it costs a start more than all matching does, and a
star needs no more than one place to return to, so no pattern takes more than (tokens x text) steps.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

STAR = 1
"""Any run of characters but `/`, also none."""
ONE = 2
"""Any one character but `/`."""
DEEP = 3
"""`**/`: any number of whole names with the slash behind each, also none."""
MANY = 4
"""`**` where no slash follows: any run of characters, also none."""

SPECIAL = "*?[\\"
"""The characters that are more than themselves outside of brackets."""

_CLASSES = {
    "alnum": (("0", "9"), ("A", "Z"), ("a", "z")),
    "alpha": (("A", "Z"), ("a", "z")),
    "blank": ((" ", " "), ("\t", "\t")),
    "cntrl": (("\x00", "\x1f"), ("\x7f", "\x7f")),
    "digit": (("0", "9"),),
    "graph": (("!", "~"),),
    "lower": (("a", "z"),),
    "print": ((" ", "~"),),
    "punct": (("!", "/"), (":", "@"), ("[", "`"), ("{", "~")),
    "space": ((" ", " "), ("\t", "\n"), ("\r", "\r")),
    "upper": (("A", "Z"),),
    "xdigit": (("0", "9"), ("A", "F"), ("a", "f")),
}


class MalformedError(ValueError):
    """Text that is no wildcard; its message says why, as the end of a sentence."""


class CharSet:
    """What stands in brackets: one character out of some, or, negated, out of all others.

    Args:
        chars: The characters named one by one.
        ranges: First and last character of each range.
        negated: Whether they are the ones left out.
    """

    __slots__ = ("chars", "negated", "ranges")

    def __init__(self, chars: str, ranges: tuple[tuple[str, str], ...], negated: bool) -> None:
        self.chars = chars
        self.ranges = ranges
        self.negated = negated

    def holds(self, char: str) -> bool:
        """Whether this one character is in the set."""
        if char in self.chars:
            return not self.negated
        for first, last in self.ranges:
            if first <= char <= last:
                return not self.negated
        return self.negated

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CharSet) and (self.chars, self.ranges, self.negated) == (
            other.chars,
            other.ranges,
            other.negated,
        )

    def __hash__(self) -> int:
        return hash((self.chars, self.ranges, self.negated))


Token = str | int | CharSet
"""A literal run, one of the constants of this module, or a set."""


def parse_tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a text with `*`, `?`, `[...]`, `**` as a whole name, and backslash escapes.

    Neighbouring literals are one token. The beginning of `text` counts as the beginning of a name.

    Raises:
        MalformedError: A bracket is not closed or names an unknown class, or a backslash stands last.
    """
    tokens: list[Token] = []
    literal = ""
    at = 0
    while at < len(text):
        char = text[at]
        if char not in SPECIAL:
            literal += char
            at += 1
            continue
        if char == "\\":
            literal += _escaped(text, at)
            at += 2
            continue
        begins_name = at == 0 or text[at - 1] == "/"
        if literal:
            tokens.append(literal)
            literal = ""
        if char == "*":
            token, at = _stars(text, at, begins_name)
        elif char == "?":
            token, at = ONE, at + 1
        else:
            token, at = parse_set(text, at + 1)
        tokens.append(token)
    if literal:
        tokens.append(literal)
    return tuple(tokens)


def _escaped(text: str, at: int) -> str:
    """The character behind the backslash at `at`."""
    if at + 1 >= len(text):
        raise MalformedError("has a backslash at its end")
    return text[at + 1]


def _stars(text: str, at: int, begins_name: bool) -> "tuple[Token, int]":
    """The token of the stars that begin at `at`, and the place behind it."""
    end = at
    while text[end : end + 1] == "*":
        end += 1
    if end - at > 1 and begins_name:
        if text[end : end + 1] == "/":
            return DEEP, end + 1
        if end == len(text) or text[end : end + 2] == "\\/":
            return MANY, end
    return STAR, end


def parse_set(text: str, at: int) -> "tuple[CharSet, int]":
    """The set whose bracket has been opened before `at`, and the place behind it.

    Raises:
        MalformedError: It is not closed, or names an unknown class.
    """
    chars = ""
    ranges: list[tuple[str, str]] = []
    negated = text[at : at + 1] in ("!", "^")
    at += negated
    first = at
    previous = ""
    while at < len(text):
        char = text[at]
        if char == "]" and at > first:
            return CharSet(chars, tuple(ranges), negated), at + 1
        if char == "-" and previous and text[at + 1 : at + 2] not in ("", "]"):
            at += 1
            last = text[at]
            if last == "\\":
                last, at = _escaped(text, at), at + 1
            ranges.append((previous, last))
            previous = ""
        elif char == "[" and (close := _class_end(text, at)):
            ranges.extend(_class(text[at + 2 : close - 1]))
            previous, at = "", close
        else:
            if char == "\\":
                char, at = _escaped(text, at), at + 1
            chars += char
            previous = char
        at += 1
    raise MalformedError("has a `[` without its `]`")


def _class_end(text: str, at: int) -> int:
    """Where the bracket of a `[:class:]` that begins at `at` closes, or 0 if none begins there."""
    close = text.find("]", at + 2)
    return close if text[at + 1 : at + 2] == ":" and close > at + 2 and text[close - 1] == ":" else 0


def _class(name: str) -> tuple[tuple[str, str], ...]:
    if name not in _CLASSES:
        raise MalformedError(f"names an unknown class `[:{name}:]`")
    return _CLASSES[name]


def match(tokens: tuple[Token, ...], text: str) -> bool:
    """Whether the tokens stand for the whole text."""
    step = at = 0
    # Where to return to. A later star can take over all that an earlier one of the same name could take, and
    # a later DEEP or MANY all that any earlier wildcard could, so the last of each kind is enough.
    star, star_at = -1, 0
    deep, deep_at, by_name = -1, 0, True
    while True:
        if step < len(tokens):
            token = tokens[step]
            step += 1
            if token == STAR:
                star, star_at = step, at
                continue
            if token in (DEEP, MANY):
                deep, deep_at, by_name, star = step, at, token == DEEP, -1
                continue
            taken = _taken(token, text, at)
            at += taken
            if taken:
                continue
        elif at == len(text):
            return True
        if star >= 0 and star_at < len(text) and text[star_at] != "/":
            star_at += 1
            step, at = star, star_at
            continue
        if deep < 0 or deep_at >= len(text):
            return False
        deep_at = text.find("/", deep_at) + 1 if by_name else deep_at + 1
        if not deep_at:
            return False
        step, at, star = deep, deep_at, -1


def _taken(token: Token, text: str, at: int) -> int:
    """How many characters from `at` on a token other than a star stands for; 0 if it does not fit there."""
    if isinstance(token, str):
        return len(token) if text.startswith(token, at) else 0
    if at >= len(text) or text[at] == "/":
        return 0
    return 1 if isinstance(token, int) or token.holds(text[at]) else 0


def name_matcher(tokens: tuple[Token, ...]) -> "Callable[[str], bool]":
    """A function that says whether the tokens stand for a name without `/`; the common shapes fast."""
    shape = tuple(STAR if token == MANY else "" if isinstance(token, str) else token for token in tokens)
    words = tuple(token for token in tokens if isinstance(token, str))
    if not tokens:
        return lambda name: not name
    if shape == (STAR,):
        return lambda _: True
    if shape == ("",):
        return words[0].__eq__
    if shape == (STAR, ""):
        ending = words[0]
        return lambda name: name.endswith(ending)
    if shape == ("", STAR):
        beginning = words[0]
        return lambda name: name.startswith(beginning)
    if shape == ("", STAR, ""):
        beginning, ending = words
        least = len(beginning) + len(ending)
        return lambda name: len(name) >= least and name.startswith(beginning) and name.endswith(ending)
    return lambda name: match(tokens, name)
