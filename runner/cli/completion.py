"""What can stand next on a command line, for shells that complete it.

A shell's script calls `pyrun --pyrun-complete=SHELL WORD...`. It is a flag, because tasks own the other words, and
one that a program which does not know it refuses instead of taking the words for work. The words are those
behind the program's name, the last one the word being typed as far as the cursor, maybe empty. Bash gives two
words instead, see `runner.cli.bash_line`; PowerShell one, each word in it behind a unit separator.

The answer is a line `KIND TAB PREFIX`, then a line for each candidate. The kind is one of the constants here:
for files and folders the shell itself offers what continues the word behind the prefix. There is no answer
where nothing is known. It holds no control characters but those, so a name can't add a line, and a shell must
not evaluate any of it.

A look of this kind starts no process, and writes only to pyrun's cache: the model of the file, and the answer.
"""

import os

from runner.cli.arguments import FLAGS, SWITCH, VALUE, flag_name
from runner.errors import PyrunError, UsageError
from runner.model.param import BOOL, FLOAT, INT, LIST
from runner.model.project import full_aliases

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from runner.cli.arguments import Request
    from runner.cli.session import Session
    from runner.model.param import Param
    from runner.plan.bind import Draft
    from runner.plan.expand import Value

    Read = Callable[[Sequence[str]], tuple[Request, Session | None]]
    Candidates = tuple[tuple[str, str], ...]

PROTOCOL = "--pyrun-complete="
VALUES, FILES, FOLDERS = "values", "files", "folders"

_SHELLS = (("bash", ""), ("zsh", ""), ("fish", ""), ("powershell", ""))
_FORGOTTEN = (("project", ""), ("cache", ""))
_SHELL_FLAGS = frozenset({"completion", "install-completion", "uninstall-completion"})
_FILE_FLAGS = frozenset({"file", "save"})
_SEPARATOR = "\x1f"


class Offer:
    """What may stand in the place of the word being typed.

    Args:
        kind: One of the constants of this module.
        candidates: Whole words that may stand there, each with what it is for, or an empty text.
        prefix: With FILES or FOLDERS, the part of the word being typed that is not yet the path.
    """

    __slots__ = ("candidates", "kind", "prefix")

    def __init__(self, kind: str, candidates: "Candidates" = (), prefix: str = "") -> None:
        self.kind = kind
        self.candidates = candidates
        self.prefix = prefix


_NOTHING = Offer(VALUES)


def answer(words: "Sequence[str]", read: "Read") -> str:
    """The answer to a shell's script, see above; empty where nothing can be said.

    Args:
        words: The words of the call, the first one with the shell's name.
        read: Reads a command line and opens its file, if there is one; raises PyrunError.
    """
    shell = words[0].removeprefix(PROTOCOL)
    typed = list(words[1:])
    if shell == "bash":
        from runner.cli.bash_line import BashLine  # noqa: PLC0415 - for one shell only

        line = BashLine(*(*typed, "", "")[:2])
        found = offer(line.words, read)
        return _lines(found.kind, "", map(line.insertion, (value for value, _ in _shown(found))))
    if shell == "powershell":
        typed = "".join(typed).split(_SEPARATOR)[1:]
    typed = typed or [""]
    found = offer(typed, read)
    rows = _shown(found)
    if shell == "zsh":
        return _lines(found.kind, found.prefix, (_described(value, text) for value, text in rows))
    if shell == "powershell":
        rows = ((value, text) for value, text in rows if value.startswith(typed[-1]))
    return _lines(found.kind, found.prefix, (f"{value}\t{text}" for value, text in rows))


def _lines(kind: str, prefix: str, rows: "Iterable[str]") -> str:
    return "".join(f"{row}\n" for row in (f"{kind}\t{prefix}" if prefix else kind, *rows) if row)


def _described(value: str, text: str) -> str:
    """A candidate as zsh's `_describe` takes it."""
    escaped = value.replace("\\", "\\\\").replace(":", "\\:")
    return f"{escaped}:{text}" if text else escaped


def _shown(found: Offer) -> "Iterable[tuple[str, str]]":
    """The candidates that can be typed, their descriptions on one line; each once."""
    seen = {}
    for value, text in found.candidates:
        if value and value.isprintable() and value not in seen:
            line = text if text.isprintable() else " ".join(text.split())
            seen[value] = "".join(letter for letter in line if letter.isprintable())
    return seen.items()


def offer(words: "Sequence[str]", read: "Read") -> Offer:
    """What may stand in the place of the last word; nothing, where the words before it make no sense.

    Args:
        words: The words behind the program's name, at least one.
        read: See `answer`.
    """
    *before, current = words
    try:
        request, session = read(before)
    except UsageError:
        return _unread(before, current, read)
    except (PyrunError, OSError):
        return _awaiting(before, read) or _flags(None, {})
    if session is not None:
        session.facts.inert = True
    if "--" in before:
        return _next_word(request, session, ended=True)
    draft = request.calls[-1] if request.calls else None
    if current.startswith("--") and "=" in current:
        name, _, _ = current.partition("=")
        awaited = _awaited(name, draft)
        return _values(awaited, draft, request, session, f"{name}=") if awaited is not None else _NOTHING
    if current.startswith("-") or session is None:
        tusk = draft is not None and session is not None and session.project.head.tusk
        return _flags(draft, request.flags, ours=not tusk)
    return _next_word(request, session, ended=False)


def _unread(before: "list[str]", current: str, read: "Read") -> Offer:
    """What may stand behind words that can't be read: the value that the last one awaits, or a flag."""
    found = _awaiting(before, read)
    if found is not None:
        return found
    return _flags(None, {}) if current.startswith("-") and "--" not in before else _NOTHING


def _awaiting(before: "list[str]", read: "Read") -> Offer | None:
    """The values that the last word awaits; None if it awaits none."""
    if not before or not before[-1].startswith("-") or "--" in before:
        return None
    draft, request, session = None, None, None
    try:
        request, session = read(before[:-1])
        draft = request.calls[-1] if request.calls else None
    except (PyrunError, OSError):
        pass
    awaited = _awaited(before[-1], draft)
    return _values(awaited, draft, request, session, "") if awaited is not None else None


def _awaited(word: str, draft: "Draft | None") -> "Param | str | None":
    """The option of a task, or the name of the flag of ours, whose value stands behind a word."""
    options = draft.options_known() if draft is not None else ()
    if word.startswith("--"):
        for param in options:
            if word == f"--{param.name}":
                return param
        name = flag_name(word)
        return name if name and "=" not in word and FLAGS[name][0] != SWITCH else None
    for index, letter in enumerate(word[1:], 2):
        own = next((param for param in options if param.short == letter), None)
        name = flag_name(f"-{letter}") if own is None else ""
        if own is not None and own.type != BOOL:
            return own if index == len(word) else None
        if name and FLAGS[name][0] == VALUE:
            return name if index == len(word) else None
        if own is None and not name:
            return None
    return None


def _values(
    awaited: "Param | str",
    draft: "Draft | None",
    request: "Request | None",
    session: "Session | None",
    prefix: str,
) -> Offer:
    """The values of an option or of a flag of ours, each behind the part of the word that is typed already."""
    if not isinstance(awaited, str):
        return _param_values(awaited, draft, session, prefix)
    if awaited in _SHELL_FLAGS:
        return _prefixed(_SHELLS, prefix)
    if awaited == "clean":
        return _prefixed((*_FORGOTTEN, *((f"task:{name}", text) for name, text in _tasks(session))), prefix)
    if awaited == "clean-task-cache":
        return _prefixed(_tasks(session), prefix)
    if awaited == "file" and request is not None and "dir" in request.flags:
        return _prefixed(_yaml_files(request.flags["dir"]), prefix)
    if awaited in _FILE_FLAGS:
        return Offer(FILES, (), prefix)
    return Offer(FOLDERS, (), prefix) if awaited == "dir" else _NOTHING


def _prefixed(candidates: "Iterable[tuple[str, str]]", prefix: str) -> Offer:
    return Offer(VALUES, tuple((prefix + value, text) for value, text in candidates))


def _yaml_files(folder: str) -> "Candidates":
    """The YAML files of a folder that `--dir` names; a shell would look in the current one."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return ()
    return tuple((name, "") for name in names if name.endswith((".yml", ".yaml")))


def _param_values(
    param: "Param", draft: "Draft | None", session: "Session | None", prefix: str = ""
) -> Offer:
    """The values that an arg or an option may have, as far as what is given says it."""
    allowed = _allowed(param, draft, session) if draft is not None and session is not None else None
    if allowed is not None:
        return _prefixed(((value, "") for value in allowed), prefix)
    if param.type == BOOL:
        return _prefixed((("true", ""), ("false", "")), prefix)
    return _NOTHING if param.enumerated or param.type in {INT, FLOAT} else Offer(FILES, (), prefix)


def _allowed(param: "Param", draft: "Draft", session: "Session") -> "tuple[str, ...] | None":
    earlier: dict[str, Value] = {
        other.name: word
        for other, word in zip(draft.task.args, draft.args, strict=False)
        if other is not param
    }
    if param not in draft.task.args:
        for other in draft.options_known():
            given = draft.options.get(other.name)
            if given:
                earlier[other.name] = tuple(given) if other.type == LIST else given[-1]
    try:
        return session.allowed(param, earlier, draft.task)
    except PyrunError:
        return ()


def _flags(draft: "Draft | None", given: "dict[str, str]", *, ours: bool = True) -> Offer:
    """The options of the task and the flags of ours that it leaves their names, those given already left out."""
    options = draft.options_known() if draft is not None else ()
    own = [
        (f"--{param.name}", param.usage)
        for param in options
        if param.type == LIST or draft is None or param.name not in draft.options
    ]
    taken = {param.name for param in options} | given.keys()
    if ours:
        own += [(f"--{name}", text) for name, (_, _, text) in FLAGS.items() if name not in taken]
    return Offer(VALUES, tuple(own))


def _next_word(request: "Request", session: "Session | None", ended: bool) -> Offer:
    """What a word that is no flag may be: an arg's value, another value of an enumerated last arg, a task.

    Args:
        request: What the words before it ask for.
        session: The project.
        ended: Whether `--` stands before it: behind a task all words are its args then.
    """
    if session is None:
        return _NOTHING
    draft = request.calls[-1] if request.calls else None
    if draft is None:
        return Offer(VALUES, _tasks(session))
    args = draft.task.args
    if draft.takes_more():
        param = args[min(len(draft.args), len(args) - 1)]
        if "all" in request.flags and param.enumerated and not ended:
            return Offer(VALUES, _tasks(session))
        found = _param_values(param, draft, session)
        kept = (row for row in found.candidates if row[0] not in draft.args[len(args) - 1 :])
        # A word that begins with `-` would be read as a flag.
        number = param.type in {INT, FLOAT}
        return Offer(found.kind, tuple(row for row in kept if ended or number or not row[0].startswith("-")))
    if ended or session.project.head.tusk:
        return _NOTHING
    given = {tuple(call.args) for call in request.calls if call.task.name == draft.task.name}
    more = session.values_of(draft) or ()
    values = ((value, "") for value in more if (*draft.args[:-1], value) not in given)
    return Offer(VALUES, (*values, *_tasks(session)))


def _tasks(session: "Session | None") -> "Candidates":
    """The tasks that can be asked for."""
    found: list[tuple[str, str]] = []
    if session is None:
        return ()
    for name in session.project.names():
        task = session.project.task(name)
        if task is not None and not task.private:
            found += ((known, task.usage) for known in (name, *full_aliases(task)))
    return tuple(found)
