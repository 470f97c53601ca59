"""Text with `${name}` holes, kept as parts.

A template is split once, when the file is read; it is never pasted back into YAML and never read again as
text. What stands around a hole decides how a value is written there, so a hole carries its context.
"""

from runner.location import Position

TEXT = "text"
"""Not shell text: the value as it is."""
PATTERN = "pattern"
"""A file pattern: the value matches itself, its wildcards escaped."""
BARE = "bare"
"""Shell text outside quotes: one word, whatever the value; a list becomes many words. `detail` is empty or
one of PART, COMMAND, WORD and QUOTED."""
DOUBLE = "double"
"""Within double quotes of shell text; `detail` is ARRAY within an array's parentheses."""
SINGLE = "single"
"""Within single quotes of shell text."""
HEREDOC = "heredoc"
"""In a here-document that the shell expands; `detail` is its operator, a blank and its delimiter, as in
`<<- EOF`. A `+` behind the operator says that what else stands on the line may complete the delimiter, a `=`
that the line begins as the delimiter does."""
HEREDOC_RAW = "heredoc-raw"
"""In a here-document with a quoted delimiter; `detail` as for HEREDOC."""
PLAIN = "plain"
"""A place where no quoting is known: only plain values are let in; `detail` says what it is."""

FOREIGN = "a script for"
"""How the detail of PLAIN begins where what reads the script is no POSIX shell."""

PART = "part"
"""Where the hole is part of a longer word: an empty list is the empty text there."""
COMMAND = "command"
"""Where a command's name stands, or the first word of a `for`: an assignment or a reserved word needs its
quotes there."""
WORD = "word"
"""Where only one word may stand, as behind `>` or in an assignment: a list is joined to one."""
QUOTED = "quoted"
"""Where even a plain value needs its quotes, as within `{a,b}`; a list is joined to one word."""
ARRAY = "array"
"""Where bash doubles the control character 0x01, or puts it before a 0x7f."""


class Hole:
    """A `${name}` in a template.

    Args:
        name: What is to be filled in.
        context: How a value must be written here: one of the constants of this module.
        detail: More on the context, see there.
        position: Where the hole stands.
    """

    __slots__ = ("context", "detail", "name", "position")

    def __init__(self, name: str, context: str, detail: str, position: Position) -> None:
        self.name = name
        self.context = context
        self.detail = detail
        self.position = position

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hole) and (self.name, self.context, self.detail, self.position) == (
            other.name,
            other.context,
            other.detail,
            other.position,
        )

    def __hash__(self) -> int:
        return hash((self.name, self.context, self.detail))

    def __repr__(self) -> str:
        return f"Hole({self.name}, {self.context}, {self.detail!r})"


class Template:
    """Text with holes.

    Args:
        parts: Literal text and holes in turn, `$$` already resolved to `$`.
        position: Where the text begins in its file.
    """

    __slots__ = ("parts", "position")

    def __init__(self, parts: tuple[str | Hole, ...], position: Position) -> None:
        self.parts = parts
        self.position = position

    def names(self) -> tuple[str, ...]:
        """The names of the holes, in order, repeated where they are."""
        return tuple(part.name for part in self.parts if not isinstance(part, str))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self.parts == other.parts and self.position == other.position

    def __hash__(self) -> int:
        return hash(self.parts)

    def __repr__(self) -> str:
        return f"Template({self.parts!r})"
