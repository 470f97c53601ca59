"""The words of the command line.

Tasks own the name space, so what pyrun itself can do is a flag. Flags stand on either side of a task; behind
it, an option that the task declares wins, `--pyrun-NAME` always means ours, and `--` ends them.
"""

from runner.errors import UsageError, did_you_mean
from runner.model.param import BOOL
from runner.model.project import NAMESPACE, full_names
from runner.plan.bind import Draft, option_named
from runner.plan.calls import find_task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.model.param import Param
    from runner.model.project import Project

SWITCH, VALUE, OPTIONAL = "switch", "value", "optional"
"""A flag alone; one with a value; one whose value, if any, is joined with `=`."""

FLAGS = {
    "list": (OPTIONAL, "", "List the tasks; --list=json for other programs"),
    "help": (SWITCH, "h", "Show this, or what a task takes"),
    "dry-run": (SWITCH, "", "Show what would run, and run nothing"),
    "why": (
        SWITCH,
        "",
        "Show what changed since a task last succeeded, or why it is up to date, and run nothing",
    ),
    "graph": (OPTIONAL, "", "Show what needs what, as a tree or with --graph=json, and run nothing"),
    "validate": (SWITCH, "", "Check the file, and run nothing"),
    "schema": (SWITCH, "", "Show the JSON Schema of a tasks.yml"),
    "version": (SWITCH, "V", "Show the version"),
    "all": (SWITCH, "", "Run a task for every value of its enumerated arg"),
    "jobs": (VALUE, "j", "How many tasks may run side by side (default: the processor's cores)"),
    "force": (SWITCH, "", "Run tasks that are up to date, too"),
    "keep-going": (SWITCH, "", "After a failure go on with what does not need it"),
    "resume": (SWITCH, "", "Do only what failed or did not start last time"),
    "since": (
        OPTIONAL,
        "",
        "Do only what changed since a git revision (default: where upstream's branch began)",
    ),
    "shard": (VALUE, "", "Do one part of it, as 2/5; all parts together do everything"),
    "watch": (SWITCH, "", "Run again whenever something that a task reads changes"),
    "in": (VALUE, "", "Run tasks in this container, or with `host` none in a container"),
    "engine": (VALUE, "", "Use this container engine: docker, podman, or an address as unix:///PATH"),
    "shell": (VALUE, "", "Open a shell in a container, with what its tasks see"),
    "sandbox": (SWITCH, "", "Run each task where only what it declares is to be seen"),
    "audit": (SWITCH, "", "Run, and list what tasks read and write without declaring it"),
    "output": (VALUE, "", "How tasks' output is shown: interleaved, grouped, prefixed, json or plain"),
    "push": (SWITCH, "", "Send the image to its registry"),
    "tag": (VALUE, "", "Give the image this tag, or these with commas between, instead of its own"),
    "platform": (VALUE, "", "Make the image for this platform, or these with commas between"),
    "builder": (VALUE, "", "Make the image with: layers, or docker"),
    "dockerfile": (OPTIONAL, "", "Show the Dockerfile that makes the image, or write it into a folder"),
    "locked": (SWITCH, "", "Fail where tasks.lock lacks an image; with --update also where one has changed"),
    "update": (SWITCH, "", "Let names of images in tasks.lock stand for what their registries have now"),
    "verify": (SWITCH, "", "Make the image twice, in two places, and show the first difference"),
    "attest": (SWITCH, "", "Add what the image is made of and how, for those who get it"),
    "annotate": (SWITCH, "", "Write the revision and the time of the build on the image"),
    "save": (VALUE, "", "Write the image to an archive for `docker load` and `skopeo`"),
    "load": (SWITCH, "", "Give the image to the container engine, and fail without one"),
    "no-load": (SWITCH, "", "Give the image to no engine"),
    "clean": (
        OPTIONAL,
        "",
        "Forget what ran: project (the default), task:NAME, cache for all; or remove all containers or images",
    ),
    "clean-cache": (SWITCH, "", "The same as --clean=cache"),
    "clean-project-cache": (SWITCH, "", "The same as --clean=project"),
    "clean-task-cache": (VALUE, "", "The same as --clean=task:NAME"),
    "yes": (SWITCH, "y", "Answer the questions of tasks with yes"),
    "quiet": (SWITCH, "q", "Tell failures only"),
    "silent": (SWITCH, "s", "Tell nothing, and let tasks write nothing to the terminal"),
    "verbose": (SWITCH, "v", "Tell why tasks run, and how long they took"),
    "file": (VALUE, "f", "Use this file instead of the nearest tasks.yml"),
    "dir": (VALUE, "C", "Begin in this folder"),
    "init": (SWITCH, "", "Write a first tasks.yml that fits what lies in the folder"),
    "completion": (VALUE, "", "Show the script by which bash, zsh, fish or powershell completes pyrun"),
    "install-completion": (VALUE, "", "Put it where that shell finds it"),
    "uninstall-completion": (VALUE, "", "Take it away again"),
}
"""What pyrun itself can be told: kind, letter, help."""

SETUP = ("init", "completion", "install-completion", "uninstall-completion")
"""Flags that have nothing to do with a project that is there already."""

SHAPES = {SWITCH: "", VALUE: " VALUE", OPTIONAL: "[=VALUE]"}
"""How the help shows what stands behind a flag of each kind."""
CLEANING = ("clean", "clean-cache", "clean-project-cache", "clean-task-cache")
"""The flags that make pyrun forget."""
_LETTERS = {letter: name for name, (_, letter, _) in FLAGS.items() if letter}
_TAKES_VALUE = "needs a value"


class Request:
    """What a command line asks for.

    Args:
        flags: Flags of pyrun's own with their values, switches with an empty one.
        calls: The calls of tasks, in order.
    """

    __slots__ = ("calls", "flags")

    def __init__(self, flags: "dict[str, str]", calls: "list[Draft]") -> None:
        self.flags = flags
        self.calls = calls


def leading_flags(words: "Sequence[str]") -> "tuple[dict[str, str], int]":
    """The flags before the first task, and how many words they are.

    Raises:
        UsageError: One is none of ours, or has no value.
    """
    flags: dict[str, str] = {}
    index = 0
    while index < len(words) and words[index].startswith("-") and words[index] not in {"-", "--"}:
        used = _take_flag(words, index, flags)
        if not used:
            raise _unknown(words[index], "")
        index += used
    return flags, index + (index < len(words) and words[index] == "--")


def trailing_place(words: "Sequence[str]") -> "dict[str, str]":
    """What flags behind a task may say of where the file is.

    Which flags are the task's own is known only when its file is read, so this is a guess: `read_calls` on
    the file that it leads to tells whether it was right.
    """
    flags: dict[str, str] = {}
    for index, word in enumerate(words):
        if word == "--":
            break
        name = flag_name(word)
        if name in {"file", "dir"}:
            try:
                _take_flag(words, index, flags)
            except UsageError:
                # Without a value it is rather the task's own.
                continue
    return flags


def flag_name(word: str) -> str:
    """Which flag of ours a word is, or empty."""
    if word.startswith("--"):
        name = word[2:].partition("=")[0]
        name = name.removeprefix("pyrun-")
        return name if name in FLAGS else ""
    if word.startswith("-") and len(word) > 1:
        return _LETTERS.get(word[1], "")
    return ""


def read_calls(
    words: "Sequence[str]",
    flags: "dict[str, str]",
    project: "Project",
    values: "Callable[[Draft], tuple[str, ...] | None]",
    namespace: str = "",
) -> Request:
    """The calls that the words from the first task on make.

    Args:
        words: The words, the first one a task.
        flags: The flags that stand before them.
        project: The tasks.
        values: The values that the last arg of a call may have; None if it is not enumerated.
        namespace: The namespace in whose folder the user is: its tasks go by their short names, too.

    Raises:
        UsageError: A word that nobody understands.
    """
    request = Request(dict(flags), [])
    reader = _Reader(request, project, values, namespace)
    reader.read(words)
    if "all" in request.flags:
        # Where several tasks are asked for, `--all` is for those that it can mean something to.
        open_ones = [
            draft
            for draft in request.calls
            if any(param.enumerated for param in draft.task.args[len(draft.args) :])
        ]
        for draft in open_ones or request.calls[-1:]:
            draft.all = True
    return request


class _Reader:
    def __init__(
        self,
        request: Request,
        project: "Project",
        values: "Callable[[Draft], tuple[str, ...] | None]",
        namespace: str,
    ) -> None:
        self.namespace = namespace
        self.request = request
        self.project = project
        self.values = values
        self.draft: Draft | None = None
        self.series: list[Draft] = []
        self.forms: dict[tuple[int, str], str] = {}

    def read(self, words: "Sequence[str]") -> None:
        """Give every word to the call, flag or option that it belongs to."""
        index = 0
        while index < len(words):
            word = words[index]
            if word == "--":
                self.rest(words[index + 1 :])
                break
            if word.startswith("-") and word != "-" and not self.is_number(word):
                index += self.flag(words, index)
            else:
                self.word(word)
                index += 1
        self.end_series()

    def end_series(self) -> None:
        """An option behind the last of several values is for all of them that were given none."""
        for draft in self.series[:-1]:
            for name, values in self.series[-1].options.items():
                draft.options.setdefault(name, list(values))
        self.series = []

    def is_number(self, word: str) -> bool:
        """Whether a word that begins with `-` is a number for an arg."""
        draft = self.draft
        if draft is None or not word[1:].replace(".", "", 1).isdigit() or not draft.takes_more():
            return False
        index = min(len(draft.args), len(draft.task.args) - 1)
        return draft.task.args[index].type in {"int", "float"}

    def word(self, word: str) -> None:
        """A word that is no flag: an arg, or another call."""
        draft = self.draft
        if draft is None:
            self.call(word)
        elif draft.takes_more() and not self.begins_behind_all(draft, word):
            draft.args.append(word)
        elif self.project.head.tusk:
            # In a tusk.yml a command line calls one task.
            draft.args.append(word)
        elif (allowed := self.values(draft)) is not None and word in allowed:
            another = Draft(draft.task, None)
            another.args = [*draft.args[:-1], word]
            another.options = {name: list(values) for name, values in draft.options.items()}
            self.draft = another
            self.series.append(another)
            self.request.calls.append(another)
        elif self.is_task(word):
            self.call(word)
        else:
            draft.args.append(word)

    def begins_behind_all(self, draft: Draft, word: str) -> bool:
        """Whether a word behind `--all` is the next task; what may be a value as well is taken for one."""
        return "all" in self.request.flags and self.is_task(word) and word not in (self.values(draft) or ())

    def is_task(self, word: str) -> bool:
        """Whether a word names a task that may be asked for."""
        found = (self.project.task(full) for full in full_names(word, self.namespace))
        task = next((one for one in found if one is not None), None)
        return task is not None and not task.private

    def call(self, word: str) -> None:
        """Begin the call of a task."""
        task = find_task(self.project, word, None, self.namespace)
        if task.private:
            raise UsageError(f"`{word}` is private: only other tasks may call it")
        self.end_series()
        self.draft = Draft(task, None)
        self.series = [self.draft]
        self.request.calls.append(self.draft)

    def rest(self, words: "Sequence[str]") -> None:
        """What stands behind `--` is args of the last call."""
        if self.draft is None:
            for word in words:
                self.word(word)
        else:
            self.draft.args += words

    def flag(self, words: "Sequence[str]", index: int) -> int:
        """A flag; how many words it took."""
        word, draft = words[index], self.draft
        if draft is not None and not word.startswith("--pyrun-"):
            used = self.option(draft, words, index)
            if used:
                return used
        name = flag_name(word)
        if (
            draft is not None
            and self.project.head.tusk
            and name != "help"
            and not word.startswith("--pyrun-")
        ):
            # In a tusk.yml what stands behind a task is the task's.
            raise self.misplaced(draft, word, name)
        used = _take_flag(words, index, self.request.flags)
        if not used:
            raise _unknown(word, draft.task.name if draft is not None else "", draft)
        return used

    def misplaced(self, draft: Draft, word: str, name: str) -> UsageError:
        """What to say to a flag of ours behind a task of a `tusk.yml`."""
        error = _unknown(word, draft.task.name, draft)
        if name:
            error.hint = (
                f"a flag of pyrun stands before the task of a tusk.yml: `pyrun {word} {draft.task.name}`"
            )
        return error

    def note_form(self, draft: Draft, param: "Param", word: str) -> None:
        """Refuse an option that is given by its name and by its letter, as a `tusk.yml` has it."""
        form = "--" if word.startswith("--") else "-"
        if self.forms.setdefault((id(draft), param.name), form) != form and self.project.head.tusk:
            raise UsageError(f"`{param.name}` is given by its name and by its letter", None, "give it once")

    def option(self, draft: Draft, words: "Sequence[str]", index: int) -> int:
        """An option of the task; how many words it took, 0 if the task has no such option."""
        word, used = words[index], 1
        bundle = word
        while bundle:
            found = option_named(draft, bundle)
            if found is None:
                if bundle == word:
                    return 0
                # A letter of a bundle may be ours.
                name = _LETTERS.get(bundle[1:2], "")
                if not name or FLAGS[name][0] != SWITCH:
                    raise _unknown(f"-{bundle[1:2]}", draft.task.name, draft)
                self.request.flags[name] = ""
                bundle = f"-{bundle[2:]}" if bundle[2:] else ""
                continue
            param, value, bundle = found
            self.note_form(draft, param, word)
            if value is None and param.type == BOOL:
                value = "true"
            elif value is None:
                if index + used >= len(words):
                    raise UsageError(f"`{word}` {_TAKES_VALUE}", None, f"write `{word} VALUE`")
                value = words[index + used]
                used += 1
            draft.add_option(param, value)
        return used


def _take_flag(words: "Sequence[str]", index: int, flags: "dict[str, str]") -> int:
    """Take a flag of ours; how many words it took, 0 if it is none."""
    word = words[index]
    name = flag_name(word)
    if not name:
        return 0
    kind = FLAGS[name][0]
    joined: str | None = None
    if word.startswith("--"):
        _, sign, text = word.partition("=")
        joined = text if sign else None
    elif len(word) > 2:
        if kind == SWITCH:
            rest = f"-{word[2:]}"
            flags[name] = ""
            if not _take_flag([rest], 0, flags):
                return 0
            return 1
        joined = word[2:].removeprefix("=")
    if kind == SWITCH:
        if joined is not None:
            raise UsageError(f"`{word.partition('=')[0]}` takes no value")
        flags[name] = ""
        return 1
    if joined is not None or kind == OPTIONAL:
        flags[name] = joined or ""
        return 1
    if index + 1 >= len(words):
        raise UsageError(f"`{word}` {_TAKES_VALUE}", None, f"write `{word} VALUE`")
    flags[name] = words[index + 1]
    return 2


def _unknown(word: str, task: str, draft: Draft | None = None) -> UsageError:
    """What to say to a flag that nobody understands."""
    name = word.partition("=")[0]
    own = tuple(f"--{param.name}" for param in draft.task.options) if draft is not None else ()
    lead = "--pyrun-" if name.startswith("--pyrun-") else "--"
    hint = did_you_mean(name, (*own, *(f"{lead}{flag}" for flag in FLAGS)))
    if draft is not None and draft.args and any(p.name == NAMESPACE for p in draft.task.args[:1]):
        hint = f"`pyrun {draft.args[0]}:{task} --help` shows what that one takes"
    elif draft is not None and draft.task.spread:
        hint = f"one of them may have it: `pyrun {draft.task.spread[0]}:{task} --help`"
    elif not hint.startswith("did"):
        hint = f"`pyrun {task + ' ' if task else ''}--help` shows what there is"
    whose = f"neither `{task}` nor pyrun has an option" if task else "pyrun has no flag"
    return UsageError(f"{whose} `{name}`", None, hint)
