"""The text of a Dockerfile, in a form that every BuildKit since Docker 20.10 reads alike.

Whatever a value holds, it stays a value: lists are JSON, which no shell looks at; in what is no list each
character that means something is escaped; what can't be said at all, as a newline in a variable, is an error.
There is no `# syntax` line, which would ask a registry for a program that reads the rest.

Knows nothing of tasks.
"""

import json
import re
from functools import singledispatch

from runner.errors import PlanError
from runner.image.image_config import exposed_ports
from runner.plan.image_plan import BaseVariable
from runner.plan.run_script import TITLE
from runner.plan.stage import (
    Copied,
    From,
    Health,
    Instruction,
    Named,
    Ports,
    Run,
    Setting,
    Stage,
    Stages,
    Words,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runner.plan.container_plan import Value

MARK = "# Made by pyrun"
"""How the files begin that may be replaced."""
_TITLE = re.compile(rf'(?:"-c",? "|sh -c ){re.escape(TITLE)}(.*?)(?:\\n|\n|$)')
_OTHER = re.compile(r"(?:\[[^]]*\] |Step \d+/\d+ : |\[\d+/\d+\] STEP \d+/\d+: |STEP \d+/\d+: )(?!RUN\b)")
_LONG = 100
"""Characters after which a list goes on in the next line."""
_LONGEST = 8000
"""Characters after which any line does; a builder reads 65,535 bytes of one."""
_IN_JSON = {letter: json.dumps(letter)[1:-1] for letter in (*map(chr, range(32)), '"', "\\")}
"""What stands for a character that can't stand for itself."""
_SPECIAL = "\\\"'$"
_WILD = "*?["
_NO_NETWORK = "--network=none"
_NEXT = " \\\n    "
"""What parts two flags, as nothing within a value can."""


def dockerfile_text(stages: Stages, words: "Sequence[str]" = ()) -> str:
    """A Dockerfile.

    Args:
        stages: What it says.
        words: Lines for people, at its head.

    Raises:
        PlanError: Something can't be said in a Dockerfile.
    """
    parts = [
        "\n".join(
            (f"{MARK}{_comment(words[0]) if words else ''}", *(f"#{_comment(one)}" for one in words[1:]))
        )
    ]
    parts += [_stage(stage) for stage in stages.stages]
    return "\n\n".join(parts) + "\n"


def dockerignore_text(files: "Iterable[str]") -> str:
    """What keeps all but some files out of what is sent to a builder.

    Args:
        files: Paths relative to the folder that is sent.
    """
    lines = [f"{MARK}: only what the Dockerfile copies is sent", "*"]
    return "\n".join((*lines, *(f"!{_ignored(path)}" for path in sorted(files)))) + "\n"


def without_network_none(text: str) -> str:
    """A Dockerfile for a builder that can't take the network away from a command: there it has one."""
    return text.replace(f"{_NO_NETWORK}{_NEXT}", "")


def told_step(step: str) -> str:
    """What a step of a build by such a Dockerfile does, in words; empty where it only copies.

    Args:
        step: What the builder calls it.
    """
    found = _TITLE.search(step)
    if found is not None:
        return found[1]
    return "" if _OTHER.match(step) else step


def _ignored(path: str) -> str:
    """A path as a pattern; a character that would be more than itself stands for any."""
    found = "".join("?" if one in "*?[]\\" or not one.isprintable() else one for one in path)
    if found != found.rstrip():
        found = f"{found.rstrip()}{'?' * (len(found) - len(found.rstrip()))}"
    return found


def _comment(text: str) -> str:
    plain = "".join(one if one.isprintable() else " " for one in text)
    return f" {plain}" if plain else ""


def _stage(stage: Stage) -> str:
    first, *others = stage.instructions
    assert isinstance(first, From)
    platform = f"--platform={first.platform} " if first.platform else ""
    lines = [f"#{_comment(stage.words)}", f"FROM {platform}{first.image} AS {stage.name}"]
    try:
        lines += [_text(one) for one in others]
        "\n".join(lines).encode()
    except PlanError as error:
        error.at = error.at or stage.at
        raise
    except UnicodeEncodeError:
        raise PlanError(
            f"{stage.words} has bytes in it that are no UTF-8, and a Dockerfile is text", stage.at
        ) from None
    return "\n".join(lines)


@singledispatch
def _text(one: Instruction) -> str:
    """An instruction."""
    raise NotImplementedError(one)


@_text.register
def _(one: Copied) -> str:
    flags = [f"--from={one.origin}"] if one.origin else []
    flags += [f"--chown={one.owner}"] if one.owner else []
    flags += [f"--chmod={one.mode:04o}"] if one.mode is not None else []
    sources = [_wild(source) for source in one.sources]
    head = " ".join(("COPY", *flags))
    return _listed(head, [*sources, _word(one.to, "the path")])


@_text.register
def _(one: Run) -> str:
    flags = [f"--mount={mount}" for mount in one.mounts]
    flags += [f"--network={one.network}"] if one.network else []
    head = "RUN " + "".join(f"{flag}{_NEXT}" for flag in flags)
    return head + _script(one.words)


@_text.register
def _(one: Named) -> str:
    label = one.what == "LABEL"
    pairs = []
    for name, value in one.pairs:
        if label:
            pairs.append(f'"{_word(name, "the label")}"={_quoted(value, f"the label `{name}`")}')
            continue
        if not name or not all(letter.isprintable() and letter not in " =\\\"'$" for letter in name):
            raise PlanError(f"`{name}` can't be the name of a variable in a Dockerfile")
        pairs.append(f"{name}={_quoted(value, f'the variable `{name}`')}")
    return " \\\n    ".join((f"{one.what} {pairs[0]}", *pairs[1:]))


@_text.register
def _(one: Setting) -> str:
    return f"{one.what} {_word(one.value, f'`{one.what.lower()}`')}"


@_text.register
def _(one: Words) -> str:
    if one.what == "VOLUME":
        return _listed(one.what, [_word(word, "the volume") for word in one.words])
    return f"{one.what} {_script(one.words)}"


@_text.register
def _(one: Ports) -> str:
    return f"EXPOSE {' '.join(exposed_ports(one.ports))}"


@_text.register
def _(one: Health) -> str:
    check = one.check
    kind, *words = check.test
    if kind == "NONE":
        return "HEALTHCHECK NONE"
    flags = [
        f"--{name}={_duration(value)}"
        for name, value in (
            ("interval", check.interval),
            ("timeout", check.timeout),
            ("start-period", check.start_period),
        )
        if value
    ]
    flags += [f"--retries={check.retries}"] if check.retries else []
    head = " ".join(("HEALTHCHECK", *flags, "CMD"))
    if kind == "CMD":
        return f"{head} {_script(words)}"
    text = words[0]
    plain = text == text.strip() and text.isprintable() and not text.endswith("\\") and not _is_list(text)
    if not plain or len(text) > _LONGEST:
        raise PlanError(
            "the text of `healthcheck` can't stand in a Dockerfile",
            None,
            "let it be one short line, or a list: `command: [sh, -c, …]`",
        )
    return f"{head} {text}"


def _duration(nanoseconds: int) -> str:
    for unit, size in (("s", 10**9), ("ms", 10**6)):
        if nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}"
    return f"{nanoseconds}ns"


def _is_list(text: str) -> bool:
    """Whether a builder would take a text for a list of words."""
    try:
        return isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False


# Values


def _escaped(text: str, what: str) -> str:
    """A text in which nothing stands for anything else.

    Raises:
        PlanError: A line ends in it, which nothing in a Dockerfile can say.
    """
    if any(one in text for one in "\n\r\0"):
        raise PlanError(
            f"{what} has a line's end in it, and a Dockerfile has no way to say that: `{_shown(text)}`"
        )
    return "".join(f"\\{one}" if one in _SPECIAL else one for one in text)


def _shown(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


def _word(text: str, what: str) -> str:
    """A text that is a word of an instruction in which variables count."""
    return _escaped(text, what)


def _wild(path: str) -> str:
    """The path of what is copied, none of its characters a wildcard.

    Raises:
        PlanError: It can't be said.
    """
    if "\\" in path or not path.isprintable():
        raise PlanError(
            f"a file of the name `{_shown(path)!r}` can't be copied by a Dockerfile",
            None,
            "give it another name",
        )
    return _word("".join(f"[{one}]" if one in _WILD else one for one in path), "the path")


def _quoted(value: "Value", what: str) -> str:
    """A value in double quotes, variables of the stage in it."""
    parts = (value,) if isinstance(value, str) else value
    found = []
    for part in parts:
        if isinstance(part, BaseVariable):
            if not (part.name.isascii() and part.name.isidentifier()):
                raise PlanError(f"{what} names the variable `{part.name}`, which no Dockerfile can")
            found.append(f"${{{part.name}}}")
        else:
            found.append("".join(f"\\{one}" if one in '\\"$' else one for one in _checked(part, what)))
    return _wrapped(f'"{"".join(found)}"', what)


def _checked(text: str, what: str) -> str:
    _escaped(text, what)
    return text


def _wrapped(text: str, what: str) -> str:
    """A long text in several lines, which a builder makes one again."""
    found = []
    while len(text) > _LONGEST:
        at = next(
            (
                at
                for at in range(_LONGEST, _LONGEST // 2, -1)
                if text[at - 1].isalnum() and text[at].isalnum()
            ),
            0,
        )
        if not at:
            raise PlanError(f"{what} is too long for a Dockerfile: `{_shown(text)}`")
        found.append(f"{text[:at]}\\\n")
        text = text[at:]
    return "".join((*found, text))


def _listed(head: str, words: "Sequence[str]") -> str:
    """An instruction with a list, which goes on in a new line where it gets long."""
    lines = [f"{head} ["]
    for number, word in enumerate(words):
        text = json.dumps(word, ensure_ascii=False)
        if len(text) > _LONGEST:
            raise PlanError(f"a path is too long for a Dockerfile: `{_shown(word)}`")
        if number and len(lines[-1]) + len(text) > _LONG:
            lines.append("    ")
        lines[-1] += text + (", " if number < len(words) - 1 else "]")
    return "\\\n".join(lines)


def _script(words: "Sequence[str]") -> str:
    """Words as a list that is taken as it is, a line for each line of a script in it.

    A line must not begin like a comment, nor end in a backslash that is its own: a builder would leave it out, or
    would not go on behind it. Such a character is written by its number.
    """
    lines = [""]
    for number, word in enumerate(words):
        lines[-1] += ', "' if number else '"'
        for place, letter in enumerate(word):
            bare = not lines[-1].strip()
            if len(lines) > 1 and bare and (letter == "#" or (letter.isspace() and letter not in " \n")):
                lines[-1] += _numbered(letter)
            elif letter == "\n":
                lines[-1] += "\\n"
                if place < len(word) - 1:
                    lines.append("")
            elif len(lines[-1]) >= _LONGEST:
                lines[-1] += _numbered(letter)
                lines.append("")
            else:
                lines[-1] += _IN_JSON.get(letter, letter)
        lines[-1] += '"'
    if len(lines) > 1 and not lines[-1].strip():
        lines[-2:] = ["".join(lines[-2:])]
    return "[" + "\\\n".join(lines) + "]"


def _numbered(letter: str) -> str:
    """A character as JSON has it by its number; one beyond the first plane is two of them."""
    data = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[at]:02x}{data[at + 1]:02x}" for at in range(0, len(data), 2))
