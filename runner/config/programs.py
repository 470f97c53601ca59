"""Which programs a script plainly starts.

Their identity is part of what decides whether a task is up to date, so a new compiler is noticed. The reading
is deliberately simple: the first word behind a line's begin or a `;`, `|`, `&&`, `(`. A word too many does no
harm, since a name that is no program on PATH is passed over.
"""

import re

from runner.model.template import Template

_BREAKS = ("&&", "||", "$(", ";", "|", "&", "(", ")", "\n", "`", "{", "}")
_KEYWORDS = frozenset({
    "if", "then", "else", "elif", "fi", "while", "until", "do", "done", "!", "time", "exec", "command", "env",
    "nohup", "sudo", "nice",
})  # fmt: skip
_NOT_PROGRAMS = frozenset({
    "for", "case", "in", "esac", "function", "cd", "echo", "export", "set", "unset", "test", "[", "true",
    "false", ":", "exit", "return", "read", "shift", "trap", "wait", "local", "printf", "eval", "source", ".",
    "umask", "ulimit", "break", "continue", "[[",
})  # fmt: skip
_HOLE = "\0"
_WORD = re.compile(r"\S+")


def plain_programs(script: Template) -> tuple[str, ...]:
    """The names by which a script starts programs, sorted, each once."""
    text = "".join(part if isinstance(part, str) else _HOLE for part in script.parts)
    text = text.replace("\\\n", " ")
    for mark in _BREAKS:
        text = text.replace(mark, "\n")
    found: set[str] = set()
    for line in text.split("\n"):
        for match in _WORD.finditer(line):
            word = match[0]
            name = word.strip("'\"")
            if word.startswith("#"):
                break
            if name in _KEYWORDS or _assigns(word):
                continue
            if name not in _NOT_PROGRAMS and _plain(name):
                found.add(name)
            break
    return tuple(sorted(found))


def _assigns(word: str) -> bool:
    name, sign, _ = word.partition("=")
    return bool(sign) and name.isidentifier()


def _plain(name: str) -> bool:
    return bool(name) and all(letter.isalnum() or letter in "_-./+@" for letter in name)
