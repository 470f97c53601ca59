"""Scripts that need no shell.

A script that is one command of plain words means the same to every POSIX shell as it does to `execve`, so it
is started without one. That saves a process, and a signal or an exit status has no shell in between.
"""

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+:,./-=")
_SHELL_WORDS = frozenset({
    "!", ".", ":", "[", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "echo",
    "elif", "else", "esac", "eval", "exec", "exit", "export", "false", "fc", "fg", "fi", "for", "getopts", "hash",
    "if", "in", "jobs", "kill", "local", "printf", "pwd", "read", "readonly", "return", "set", "shift", "source",
    "test", "then", "time", "times", "trap", "true", "type", "ulimit", "umask", "unalias", "unset", "until",
    "wait", "while", "function", "select", "coproc", "declare", "typeset", "let", "builtin", "enable", "help",
    "history", "logout", "mapfile", "readarray", "shopt", "suspend", "caller", "compgen", "complete", "compopt",
    "dirs", "disown", "popd", "pushd", "bind",
})  # fmt: skip
"""Words that mean something to a shell itself where a command begins."""


_LONGEST = 4096
"""Characters beyond which a script is not looked at: starting a shell is the smaller part of it then."""


def simple_words(script: str) -> tuple[str, ...] | None:
    """The words of a script that is one command of plain words, single quotes allowed; None of any other.

    The first word is no assignment and none that a shell keeps for itself.
    """
    text = script.strip(" \n")
    if len(text) > _LONGEST:
        return None
    words: list[str] = []
    word: str | None = None
    index = 0
    while index < len(text):
        letter = text[index]
        if letter == " ":
            if word is not None:
                words.append(word)
                word = None
        elif letter == "'":
            end = text.find("'", index + 1)
            if end < 0:
                return None
            word = (word or "") + text[index + 1 : end]
            index = end
        elif letter in _PLAIN:
            word = (word or "") + letter
        else:
            return None
        index += 1
    if word is not None:
        words.append(word)
    first = words[0] if words else ""
    if not first or first[0] in "+-" or first in _SHELL_WORDS or not _PLAIN.issuperset(first) or "=" in first:
        return None
    return tuple(words)
