"""A Dockerfile as its instructions, read the way BuildKit's own parser reads it.

No package does this here. `dockerfile-parse` takes the lines of a here-document for instructions and knows nothing
of the escape directive. `dockerfile` is BuildKit's parser itself, but comes as a Go runtime that would live in
this process with its threads and signal handlers, and as a wheel for two platforms only; so the tests hold it
against this module instead.

Only the text is looked at: what can't be an instruction is left to whoever builds, who says so better.
"""

import json
import re
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_HEREDOC = re.compile(r"\d*<<(-?)([^<]*)")
_WITH_HEREDOC = ("RUN", "COPY", "ADD")
_BLANKS = " \t\r\v\f"
_OFFICIAL = re.compile(r"(?:docker\.io/)?docker(?:/dockerfile|-upstream)(?:-upstream)?(?:[:@].*)?")


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction.

    Args:
        name: Such as `COPY`, in capitals.
        flags: The words behind it that begin with `--`, as they are written.
        text: What stands behind those, continued lines joined and without comments.
        line: The number of its first line, from 1.
        heredocs: The names of the here-documents behind it.
    """

    name: str
    flags: tuple[str, ...]
    text: str
    line: int
    heredocs: tuple[str, ...] = ()

    @property
    def inner(self) -> "Instruction":
        """What an `ONBUILD` says; any other one itself."""
        if self.name != "ONBUILD" or not self.text:
            return self
        name, flags, text = _parted(self.text)
        return Instruction(name, flags, text, self.line, self.heredocs)

    @property
    def listed(self) -> tuple[str, ...] | None:
        """Its words, if they are written as a list in JSON."""
        if not self.text.startswith("["):
            return None
        try:
            # What stands behind it is passed over.
            found, _ = json.JSONDecoder().raw_decode(self.text)
        except (ValueError, RecursionError):
            return None
        if isinstance(found, list) and all(isinstance(word, str) for word in found):
            return tuple(found)
        return None

    @property
    def words(self) -> tuple[str, ...]:
        """Its words: a list's, or what blanks part."""
        found = self.listed
        return tuple(self.text.split()) if found is None else found


@dataclass(frozen=True, slots=True)
class DockerfileText:
    """A Dockerfile.

    Args:
        instructions: In order.
        escape: The character that takes away what the next one means.
        syntax: What is to read it, or empty.
    """

    instructions: tuple[Instruction, ...]
    escape: str = "\\"
    syntax: str = ""

    @property
    def foreign(self) -> bool:
        """Whether something else than BuildKit's own parser is to read it, and may take it otherwise."""
        return bool(self.syntax) and not _OFFICIAL.fullmatch(self.syntax)


def parse_dockerfile(text: str) -> DockerfileText:
    """The instructions of a Dockerfile.

    Args:
        text: The file's.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    directives = _directives(lines)
    escape = directives.get("escape", "\\")
    escape = escape if escape in {"\\", "`"} else "\\"
    return DockerfileText(tuple(_instructions(lines, escape)), escape, directives.get("syntax", ""))


def _directives(lines: list[str]) -> dict[str, str]:
    """What the first lines say of how to read the others, by lower-case name."""
    found: dict[str, str] = {}
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None or match[1].lower() in found:
            break
        found[match[1].lower()] = match[2]
    return found


def _instructions(lines: list[str], escape: str) -> list[Instruction]:
    quoted = re.escape(escape)
    # A line goes on where it ends in one escape, and not in two.
    going_on = re.compile(rf"([^{quoted}]|^){quoted}[ \t]*$")
    found: list[Instruction] = []
    at = 0
    while at < len(lines):
        first = at
        line = "" if _is_comment(lines[at]) else lines[at].strip("\r").lstrip(_BLANKS)
        at += 1
        whole, more = going_on.subn(r"\1", line)
        while more and at < len(lines):
            line = lines[at].strip("\r")
            at += 1
            if _is_comment(line) or not line.strip():
                continue
            part, more = going_on.subn(r"\1", line)
            whole += part
        if not whole.strip():
            continue
        name, flags, rest = _parted(whole.strip())
        heredocs = _heredocs(name, rest, escape)
        for chomped, ending in heredocs:
            while at < len(lines):
                line = lines[at].removesuffix("\r")
                at += 1
                if (line.lstrip("\t") if chomped else line) == ending:
                    break
        found.append(Instruction(name, flags, rest, first + 1, tuple(ending for _, ending in heredocs)))
    return found


def _is_comment(line: str) -> bool:
    return line.lstrip(_BLANKS).startswith("#")


def _parted(line: str) -> tuple[str, tuple[str, ...], str]:
    """The name, the flags and the rest of an instruction."""
    name, *others = line.split(None, 1)
    rest = others[0] if others else ""
    flags: list[str] = []
    while rest.startswith("--"):
        flag, rest = _flag(rest)
        if flag == "--":
            break
        flags.append(flag)
    return name.upper(), tuple(flags), rest.strip()


def _flag(text: str) -> tuple[str, str]:
    """The flag that a text begins with, without quotes, and what stands behind it."""
    out: list[str] = []
    at, quote = 0, ""
    while at < len(text):
        char = text[at]
        at += 1
        if char == quote:
            quote = ""
        elif char == "\\":
            # Here it is that whatever the escape directive says.
            out.append(text[at : at + 1])
            at += 1
        elif quote:
            out.append(char)
        elif char in "'\"":
            quote = char
        elif char.isspace():
            break
        else:
            out.append(char)
    return "".join(out), text[at:].lstrip()


def _word(text: str, at: int, escape: str) -> tuple[str, int]:
    """The word that begins at a place, as it is written, and where it ends: at a blank outside of quotes."""
    begin, quote = at, ""
    while at < len(text):
        char = text[at]
        if char == escape and quote != "'":
            at += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char.isspace():
            break
        at += 1
    return text[begin:at], min(at, len(text))


def split_words(text: str, escape: str) -> list[str]:
    """The words of a text as they are written, blanks in quotes and behind the escape being no end of one."""
    found: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at >= len(text):
            return found
        word, at = _word(text, at, escape)
        found.append(word)


def _heredocs(name: str, text: str, escape: str) -> list[tuple[bool, str]]:
    """The here-documents behind an instruction: whether tabs in front of their end are passed over, and it."""
    if name == "ONBUILD":
        name, _, text = _parted(text) if text else ("", (), "")
    if name not in _WITH_HEREDOC or "<<" not in text or _in_quotes(text, escape):
        return []
    if Instruction(name, (), text, 0).listed is not None:
        return []
    found = []
    for word in split_words(text, escape):
        match = _HEREDOC.fullmatch(word)
        if match is not None and (ending := match[2].replace('"', "").replace("'", "")):
            found.append((bool(match[1]), ending))
    return found


def _in_quotes(text: str, escape: str) -> bool:
    """Whether a text ends within quotes, so that nothing in it is a word for sure."""
    at, quote = 0, ""
    while at < len(text):
        char = text[at]
        at += 2 if char == escape and quote != "'" else 1
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
    return bool(quote)


def expanded(word: str, variables: "dict[str, str | None]", escape: str) -> str | None:
    """A word as it is meant, with the values of the variables in it; None if that is not known.

    Args:
        word: As it is written.
        variables: Those that are known, by name; None for one whose value is not, as for one that is not there.
        escape: The character that takes away what the next one means.
    """
    out: list[str] = []
    at, quote = 0, ""
    while at < len(word):
        char = word[at]
        at += 1
        if char == escape and quote != "'":
            nearby = word[at : at + 1]
            # In double quotes only what means something there is taken that from.
            out.append(nearby if not quote or nearby in {'"', "$", escape} else escape + nearby)
            at += 1
        elif char == quote:
            quote = ""
        elif char in "'\"" and not quote:
            quote = char
        elif char == "$" and quote != "'":
            value, at = _variable(word, at, variables, escape)
            if value is None:
                return None
            out.append(value)
        else:
            out.append(char)
    return "".join(out)


def _variable(word: str, at: int, variables: "dict[str, str | None]", escape: str) -> tuple[str | None, int]:
    """The value of the variable whose name begins at a place behind its `$`, and where it ends."""
    braced = word[at : at + 1] == "{"
    begin = at + braced
    end = begin
    while end < len(word) and (word[end] == "_" or (word[end].isascii() and word[end].isalnum())):
        end += 1
    name = word[begin:end]
    if not name or name[0].isdigit():
        return ("$", at) if not braced and not name else (None, len(word))
    if not braced:
        return variables.get(name), end
    close = word.find("}", end)
    rest = word[end:close]
    if close < 0 or "$" in rest or "{" in rest or escape in rest:
        return None, len(word)
    value = variables.get(name)
    if not rest:
        return value, close + 1
    operator = rest[:2] if rest[0] == ":" else rest[:1]
    if name not in variables or value is None or operator.lstrip(":") not in {"-", "+"}:
        return None, close + 1
    there = bool(value) or not operator.startswith(":")
    other = rest[len(operator) :]
    if operator.endswith("-"):
        return (value if there else other), close + 1
    return (other if there else ""), close + 1
