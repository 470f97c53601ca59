"""Which words of a command are text for an interpreter.

A word that is quoted for this shell is still code if the command reads it as such: what `eval` or `sh -c`
gets is read a second time, and `unset` takes `a[$(reboot)]` for a subscript to work out. The commands that do
so are found by name, behind other commands that start them (`sudo`, `xargs`, `find -exec`) too. A word too many
is no harm: plain values are let in everywhere.
"""

import re
from collections.abc import Iterator

from runner.config.shell_quoting import HOLE, LostError, Word

_SHELLS = frozenset({
    "sh", "bash", "dash", "ash", "ksh", "ksh93", "mksh", "yash", "zsh", "fish", "csh", "tcsh", "pwsh",
})  # fmt: skip
# All their words are text for a shell, wherever the name stands.
_REMOTE = frozenset({"ssh", "rsh", "mosh", "autossh"})
# All their words are text for a shell or are evaluated by this one, where the name is a command's.
_EVALUATING = frozenset({
    "eval", "trap", "let", "unset", "mapfile", "readarray", "getopts", "complete", "compgen", "bind", "watch",
    "parallel", "hyperfine",
})  # fmt: skip
DECLARING = frozenset({"export", "readonly", "local", "declare", "typeset"})
"""The commands whose arguments are assignments."""
# They start the command that their arguments name, behind options of their own.
_STARTING = frozenset({
    "command", "builtin", "exec", "env", "sudo", "doas", "nohup", "time", "nice", "ionice", "timeout", "find",
    "xargs", "setsid", "stdbuf", "chroot", "unshare", "nsenter", "flock", "docker", "podman", "nerdctl",
    "kubectl", "busybox", "gosu", "su-exec", "tini", "dumb-init", "strace", "uv", "poetry", "pipenv", "pdm",
})  # fmt: skip
# The one-letter and the long options whose argument is a program, for languages: there the first argument
# that is no option ends them.
_LANGUAGES: tuple[tuple[re.Pattern[str], str, frozenset[str]], ...] = (
    (re.compile(r"python[0-9.]*|pypy[0-9.]*"), "c", frozenset()),
    (re.compile(r"perl[0-9.]*|raku"), "eEMm", frozenset()),
    (re.compile(r"ruby[0-9.]*|jruby"), "e", frozenset()),
    (re.compile(r"node|nodejs|bun|tsx"), "ep", frozenset({"--eval", "--print"})),
    (re.compile(r"php[0-9.]*"), "rBRE", frozenset({"--run"})),
    (
        re.compile(r"lua[0-9.]*|luajit|Rscript|julia|osascript|elixir|groovy|scala"),
        "e",
        frozenset({"--eval"}),
    ),
)
# The same for other programs, whose options may stand anywhere.
_PROGRAMS: dict[str, tuple[str, frozenset[str]]] = {
    "su": ("c", frozenset({"--command", "--session-command"})),
    "runuser": ("c", frozenset({"--command", "--session-command"})),
    "flock": ("c", frozenset({"--command"})),
    "script": ("c", frozenset({"--command"})),
    "env": ("S", frozenset({"--split-string"})),
    "psql": ("c", frozenset({"--command"})),
    "mysql": ("e", frozenset({"--execute"})),
    "mariadb": ("e", frozenset({"--execute"})),
    "mongosh": ("", frozenset({"--eval"})),
    "vim": ("c", frozenset()),
    "nvim": ("c", frozenset()),
    "emacs": ("", frozenset({"--eval", "-eval"})),
    "gdb": ("", frozenset({"-ex", "--ex", "-eval-command", "--eval-command"})),
    "erl": ("", frozenset({"-eval"})),
    "nix-shell": ("", frozenset({"--run", "--command"})),
    "npx": ("c", frozenset({"--call"})),
    "expect": ("c", frozenset()),
}
# Their first argument that is no option is a program; the options with an argument, and those that replace
# it.
_FILTERS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    name: (frozenset(data.split()), frozenset(code.split()))
    for names, data, code in (
        ("awk gawk mawk nawk", "-v -F --assign --field-separator -l -i", "-e --source"),
        ("sed gsed", "-l --line-length", "-e --expression"),
        ("jq gojq yq", "--indent -L --tab", ""),
    )
    for name in names.split()
}
_PAIRS = frozenset({"--arg", "--argjson", "--slurpfile", "--rawfile"})
_FROM_FILE = frozenset({"-f", "--file", "--from-file"})
_READING = frozenset(
    {
        "psql",
        "mysql",
        "mariadb",
        "mongosh",
        "sqlite3",
        "bc",
        "dc",
        "gdb",
        "expect",
        "tclsh",
        "R",
        "at",
        "batch",
    }
)
# Every name for which the words behind it are judged by the name.
_BY_NAME = (
    _SHELLS
    | _REMOTE
    | _EVALUATING
    | DECLARING
    | _STARTING
    | frozenset(_PROGRAMS)
    | frozenset(_FILTERS)
    | _READING
    | {"read", "test", "[", "printf", "source", "alias"}
)
# Those that may stand anywhere in a command.
_JUDGED = _SHELLS | _REMOTE | _EVALUATING | frozenset(_PROGRAMS) | frozenset(_FILTERS) | _READING
_NUMERIC = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})

_LANGUAGE_NAME = re.compile("|".join(pattern.pattern for pattern, _, _ in _LANGUAGES))
_LONGEST_NAME = max(map(len, _BY_NAME))
_MOST_STEPS = 500_000
"""How often a word may be looked at for the sake of another, in all of its command."""

Finding = tuple[Word, str]


def code_words(words: list[Word]) -> Iterator[Finding]:
    """The words of a command in which only plain values may stand, each with what it is."""
    for number, name in _programs(words):
        yield from _started(name, words[0].text in _STARTING and number > 0, words[number + 1 :])
    head = _head(words)
    yield from _evaluated(words[head].text, words[head + 1 :])
    last = head
    while last + 1 < len(words) and not words[last].text.strip(HOLE):
        # What is filled in may be nothing at all, so that the next word names the command.
        last += 1
    for number in {next((n for n in range(head, last) if words[n].text), last), last} - {head}:
        yield from _evaluated(words[number].text, words[number + 1 :])


def single_words(words: list[Word]) -> Iterator[Word]:
    """The words of a command where a list must stay one word, since a second one would be taken for more."""
    head = _head(words)
    if words[head].text in ("read", "test", "["):
        yield from words[head + 1 :]
    names = {name for word in words if (name := _base(word)) in _FILTERS}
    options = frozenset(option for name in names for option in _FILTERS[name][0] | _PAIRS)
    for number in range(2, len(words) if options else 0):
        if words[number - 1].text in options or words[number - 2].text in options:
            yield words[number]


def reads_script(words: list[Word], *, piped: bool) -> str:
    """The program among the words that takes its standard input for a script, or empty."""
    head = 0
    while head + 1 < len(words) and not words[head].text.strip(HOLE):
        head += 1
    words = words[head:]
    for number, name in _programs(words if words[0].text in _STARTING else words[:1]):
        rest = words[number + 1 :]
        if name in _SHELLS and _shell_reads(rest):
            return name
        if name in _SHELLS and words[0].text == "xargs" and piped:
            return "xargs"
        if name in _REMOTE or name in _READING:
            return name
        if (
            _language(name)
            and all(word.text == "-" or _is_option(word) for word in rest)
            and not any("c" in word.text or "e" in word.text for word in rest)
        ):
            return name
    return ""


def evaluates(words: list[Word]) -> bool:
    """Whether a command makes variables whose every assignment is worked out as arithmetic or as a name."""
    return words[0].text in DECLARING and any(
        word.text[:1] in ("-", "+") and not set("in" + HOLE).isdisjoint(word.text) for word in words[1:]
    )


def _evaluated(name: str, rest: list[Word]) -> Iterator[Finding]:
    """What a command of the shell's own reads as code."""
    if name in _EVALUATING:
        yield from _all(rest, f"the text of `{name}`")
    elif name in DECLARING:
        yield from _declared(name, rest)
    elif name == "read":
        yield from _read(rest)
    elif name in ("test", "["):
        yield from _tested(rest)
    elif name == "printf" and rest and rest[0].text.startswith("-v"):
        yield from _all(rest[:2], "the name that `printf -v` assigns")
    elif name in (".", "source"):
        yield from _all([word for word in rest if word.process], f"the script of `{name}`")
    elif HOLE in name:
        if name.strip(HOLE) and _may_be_known(name):
            yield from _all(rest, "the text of a command that is not known")
        else:
            yield from _options(rest, "ce", frozenset({"--eval"}), "a program's text")


def _head(words: list[Word]) -> int:
    """The number of the word that names the command, behind `command` and `builtin`."""
    number = 0
    while words[number].text in ("command", "builtin") and number + 1 < len(words):
        number += 1
        while _is_option(words[number]) and number + 1 < len(words):
            number += 1
    return number


def _may_be_known(name: str) -> bool:
    """Whether a name with holes may be one by which the words behind it are judged."""
    if len(name.replace(HOLE, "")) > _LONGEST_NAME:
        return False
    shape = re.compile(".*".join(re.escape(part) for part in re.split(f"{HOLE}+", name)), re.DOTALL)
    return any(shape.fullmatch(known) for known in _BY_NAME)


def _programs(words: list[Word]) -> Iterator[tuple[int, str]]:
    """The words that may name a program which reads others as code, each by its number and that name.

    Raises:
        LostError: They are so many that to look at what is behind each would take too long.
    """
    found = 0
    for number, word in enumerate(words):
        name = _base(word)
        if name in _JUDGED or _LANGUAGE_NAME.fullmatch(name):
            found += 1
            if found * len(words) > _MOST_STEPS:
                raise LostError("a command with so many programs")
            yield number, name


def _base(word: Word) -> str:
    """The name of a program that is called by its path or without one."""
    text = word.text
    return "" if HOLE in text else text.rpartition("/")[2]


def _is_option(word: Word) -> bool:
    return word.text[:1] in ("-", "+") and len(word.text) > 1


def _is_known_argument(word: Word) -> bool:
    """Whether a word is an argument whatever is filled in, and no option."""
    text = word.text
    return text == "-" or (text[:1] not in ("-", "+", HOLE, "")) or (text[:1] == HOLE and "/" in text)


def _all(words: list[Word], why: str) -> Iterator[Finding]:
    for word in words:
        yield word, why


def _started(name: str, started: bool, rest: list[Word]) -> Iterator[Finding]:
    """What is code behind a word that may be a program's name, of one that another starts or not."""
    if name in _SHELLS:
        yield from _shell(name, rest)
    elif name in _REMOTE or (name in _EVALUATING and started):
        yield from _all(rest, f"the text of `{name}`")
    elif name in _PROGRAMS:
        yield from _options(rest, *_PROGRAMS[name], f"text for `{name}`")
    elif name in _FILTERS:
        yield from _filter(name, rest)
    elif name == "sqlite3":
        yield from _all(rest[1:], "text for `sqlite3`")
    elif language := _language(name):
        yield from _language_options(name, rest, *language)


def _language(name: str) -> tuple[str, frozenset[str]] | None:
    for pattern, letters, options in _LANGUAGES:
        if pattern.fullmatch(name):
            return letters, options
    return None


def _shell(name: str, rest: list[Word]) -> Iterator[Finding]:
    """The script of a shell's `-c`, and a process that it takes for a file."""
    why = f"the script of `{name} -c`"
    code = False
    takes = False
    for number, word in enumerate(rest):
        text = word.text
        if takes:
            takes = False
        elif _is_option(word) and HOLE not in text:
            code = code or (text[:2] != "--" and "c" in text) or text.lower() == "-command"
            takes = text in ("--rcfile", "--init-file") or (text[:2] != "--" and text[-1] in "oO")
        elif _is_known_argument(word) or word.process or code:
            if code or word.process:
                yield word, why
            if not code or HOLE not in text[:1]:
                return
        else:
            # What is filled in here may be `-c`.
            yield from _all(rest[number + 1 :], why)
            return


def _shell_reads(rest: list[Word]) -> bool:
    for word in rest:
        text = word.text
        if not _is_option(word):
            return text == "-"
        if text[:2] != "--" and "c" in text:
            return False
        if text[:2] != "--" and "s" in text:
            return True
    return True


def _options(words: list[Word], letters: str, options: frozenset[str], why: str) -> Iterator[Finding]:
    """The arguments of options that are a program, joined to the option or behind it."""
    behind = False
    for word in words:
        text = word.text
        if behind:
            yield word, why
        behind = False
        if not _is_option(word):
            continue
        name, sign, _ = text.partition("=")
        if name in options:
            behind = not sign
            if sign:
                yield word, why
        elif text[1] != "-" and any(letter in letters for letter in text[1:]):
            behind = text[-1] in letters
            yield word, why
        elif HOLE in text:
            behind = True


def _language_options(
    name: str, rest: list[Word], letters: str, options: frozenset[str]
) -> Iterator[Finding]:
    why = f"the script of `{name} -{letters[0]}`"
    count = 0
    while count < len(rest) and _is_option(rest[count]):
        count += 1
    before = rest[count - 1].text if count else ""
    if count:
        yield from _options(rest, letters, options, why)
    if count < len(rest) and not _is_known_argument(rest[count]) and before[-1:] not in tuple(letters):
        # What is filled in here may be such an option.
        yield from _all(rest[count + 1 :], why)


def _filter(name: str, rest: list[Word]) -> Iterator[Finding]:
    """The program of `awk`, `sed` or `jq`."""
    why = f"the program of `{name}`"
    data, code = _FILTERS[name]
    yield from _options(rest, "".join(option[1] for option in code if len(option) == 2), code, why)
    skip = 0
    given = any(
        word.text in _FROM_FILE or word.text.partition("=")[0] in code or word.text[:2] in code
        for word in rest
    )
    for word in rest:
        text = word.text
        if skip:
            skip -= 1
        elif text in _PAIRS:
            skip = 2
        elif text in data:
            skip = 1
        elif not _is_option(word) and text and not given:
            yield word, why
            if text[0] != HOLE:
                return


def _declared(name: str, rest: list[Word]) -> Iterator[Finding]:
    """The names that are declared, and the values too if they are worked out."""
    worked_out = any(_is_option(word) and not set("aAin" + HOLE).isdisjoint(word.text) for word in rest)
    for word in rest:
        left, sign, _ = word.text.partition("=")
        if worked_out or not sign or HOLE in left:
            yield word, f"what `{name}` declares"


def _read(rest: list[Word]) -> Iterator[Finding]:
    before = ""
    for word in rest:
        if not (before[:1] == "-" and before[-1] in "pdtnNui") and not word.text.startswith("-p"):
            yield word, "a name that `read` assigns"
        before = word.text


def _tested(rest: list[Word]) -> Iterator[Finding]:
    """What `test` takes for a variable's name or for a number, which some shells work out."""
    before = ""
    for number, word in enumerate(rest):
        behind = rest[number + 1].text if number + 1 < len(rest) else ""
        if before in ("-v", "-R") or (before and HOLE in before and before[0] == HOLE):
            yield word, "what a `test -v` may ask for"
        elif before in _NUMERIC or behind in _NUMERIC:
            yield word, "a number in `test`"
        before = word.text
