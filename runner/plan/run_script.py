"""What an action does as one script for a POSIX shell, for where pyrun itself is not there to do it step by step.

Each command is a process of its own, started with the words that start it elsewhere; `set-environment` becomes
`export` and `unset`, a condition that is asked at its turn an `if`, what comes in the end a function that is
called whatever came before. Whatever a value holds, it stays within the quotes it is put in.

The script works in the folder where the project is seen, and goes by paths relative to it.
"""

from dataclasses import dataclass

from runner.errors import PlanError
from runner.model.path import beneath, resolved
from runner.model.project import SHELL
from runner.model.when import COMMAND, ENVIRONMENT, EXISTS
from runner.plan.bind import shown_word
from runner.plan.image_plan import BaseVariable
from runner.plan.step import Block, Called, Guarded, Script, Setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.location import Position
    from runner.plan.action import Action
    from runner.plan.container_plan import Value
    from runner.plan.pattern import Pattern
    from runner.plan.step import PlanStep, Question

TITLE = "# "
"""What stands in front of the words that say what a script does."""
LONGEST = 120_000
"""Bytes of the longest script; Linux takes 128 KiB a word."""
SECRETS = "/run/secrets"
"""The folder in which a script finds what is secret, each under its name."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1, 30
"""Seconds before a task is tried for the second time, twice as many before each further try, and the most."""
_BY_SHELL = frozenset({
    "BASHOPTS", "BASH_VERSINFO", "DIRSTACK", "EUID", "FUNCNAME", "GROUPS", "IFS", "LINENO", "OPTIND", "PPID",
    "RANDOM", "SECONDS", "SHELLOPTS", "UID",
})  # fmt: skip
"""Variables that a shell keeps for itself: it would not set them, or give them another value."""
_BOTH = """\
pyrun_both() {
  "$1"; set -- $? "$2"
  "$2" || set -- $(($1 ? $1 : $?))
  return $1
}"""
"""Calls two functions; the first failure in time counts."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where steps stand.

    Args:
        interpreter: The words that start a script's interpreter.
        exports: Shell text that comes before each command, in a shell of its own.
        odd: Variables that no shell can set, as `NAME=VALUE`.
        end: How a failure is handed on: `return` from a function, or `exit`.
    """

    interpreter: tuple[str, ...]
    exports: tuple[str, ...]
    odd: tuple[str, ...]
    end: str


def run_script(action: "Action", actions: "Mapping[str, Action]", own: "Mapping[str, Value]") -> str:
    """The script of an action that runs in a container, without a newline at its end.

    Args:
        action: The action.
        actions: All of the plan, by id.
        own: The variables that the container has set already.

    Raises:
        PlanError: Something of it can't be done by a script.
    """
    text = "\n".join(_Writer(action, actions, own).lines())
    if "\0" in text:
        raise PlanError(
            f"`{action.label}` has a NUL byte in it, which no program can be given", action.position
        )
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise PlanError(
            f"`{action.label}` has bytes in it that are no UTF-8, and a Dockerfile is text", action.position
        ) from None
    if size > LONGEST:
        raise PlanError(
            f"the commands of `{action.label}` are {size} bytes, and one `RUN` takes {LONGEST}",
            action.position,
            "put them into a script of the project, and call that",
        )
    return text


def settle_lines(target: str) -> list[str]:
    """Shell text that gives what a task has made its lasting form, as it is kept elsewhere too.

    That is 0644 for files and 0755 for those that may be executed and for folders, and no empty folders.

    Args:
        target: The file or folder, which is there, as a word of a shell.
    """
    modes = (
        f"find {target} -type d -exec chmod 755 {{}} + -o -type f -perm -100 -exec chmod 755 {{}} + "
        "-o -type f -exec chmod 644 {} +"
    )
    empty = f"find {target} -mindepth 1 -depth -type d -exec rmdir {{}} \\; 2>/dev/null"
    return [f"{modes} || exit", f"{empty} || :"]


def title_line(words: str) -> str:
    """The first line of a script: what it does, in words, by which a step of a build is known again."""
    return f"{TITLE}{''.join(one if one.isprintable() else ' ' for one in words)}"


def quoted(text: str) -> str:
    """A text as one word of a POSIX shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def path_word(path: str) -> str:
    """A path relative to the working folder, as a word that no program takes for a flag."""
    return shown_word(f"./{path}" if path[:1] in {"-", ""} else path)


def is_odd(name: str) -> bool:
    """Whether a shell can't set a variable of that name."""
    return not (name.isascii() and name.isidentifier()) or name in _BY_SHELL


class _Writer:
    """Writes the script of one action, and of those that it calls."""

    def __init__(self, action: "Action", actions: "Mapping[str, Action]", own: "Mapping[str, Value]") -> None:
        self._action = action
        self._actions = actions
        self._own = own
        self._count = 0
        all_steps = [(*one.steps, *one.last) for one in chain_of(action, actions)]
        self._calls = len(all_steps) > 1
        # Where commands differ in what they begin with, what steps set is kept as text and done for each anew.
        self._late = any(_any(steps, Setting) for steps in all_steps) and (
            self._calls or _any(all_steps[0], Block) or bool(action.limits.retries)
        )
        self._both = False

    def lines(self) -> list[str]:
        """All of it."""
        action = self._action
        made = folders_of(action)
        # Where commands work must be there, also where they find no files of theirs.
        folders = [f"mkdir -p {' '.join(map(path_word, made))} || exit"] if made else []
        whole = self._whole(action, _Place((), (), (), "exit"), apart=self._calls)
        return [title_line(action.label), *folders, *(_BOTH.split("\n") if self._both else ()), *whole]

    def _whole(self, action: "Action", outer: _Place, *, apart: bool) -> list[str]:
        """All that an action does.

        Args:
            action: The action.
            outer: Where it is called.
            apart: Whether its variables are for its own commands only, and others come after those.
        """
        container = action.container
        assert container is not None
        exports, odd = self._variables(action)
        before = [] if apart else [*exports]
        place = _Place(action.interpreter, tuple(exports) if apart else (), odd, outer.end)
        body: list[str]
        if action.last or action.limits.retries:
            number = self._next()
            inner = _Place(place.interpreter, place.exports, place.odd, "return")
            body = self._function(number, self._steps(action.steps, inner))
            if action.limits.retries:
                body += self._tried(number, action.limits.retries)
                number = f"{number}_tried"
            body += self._ended(number, self._steps(action.last, inner), outer.end)
        else:
            body = self._steps(action.steps, place)
        return [*before, *body, *self._settled(action)]

    def _tried(self, number: str, retries: int) -> list[str]:
        """A function that tries another one until it succeeds, or the tries are used up."""
        reset = "pyrun_set=; " if self._late else ""
        return [
            f"{number}_tried() {{",
            f"  pyrun_left={retries} pyrun_pause={_FIRST_PAUSE}",
            f"  until {reset}{number}; do",
            '    set -- $?; [ "$pyrun_left" -gt 0 ] || return $1',
            '    sleep "$pyrun_pause"',
            "    pyrun_left=$((pyrun_left - 1)) pyrun_pause=$((pyrun_pause * 2))",
            f'    [ "$pyrun_pause" -le {_LONGEST_PAUSE} ] || pyrun_pause={_LONGEST_PAUSE}',
            "  done",
            "}",
        ]

    def _settled(self, action: "Action") -> list[str]:
        """What comes when the steps have succeeded: what they had to make gets its lasting form."""
        found = []
        for target in action.written:
            if target.has_wildcard:
                continue
            path = path_word(target.literal_prefix)
            lines = settle_lines(path)
            if target.text in action.maybe:
                found += [f"if [ -e {path} ]; then", *lines, "fi"]
            else:
                told = quoted(f"{action.label} left no {target.literal_prefix}")
                found += [f"[ -e {path} ] || {{ echo {told} >&2; exit 1; }}", *lines]
        return found

    def _variables(self, action: "Action") -> tuple[list[str], tuple[str, ...]]:
        """The shell text that sets an action's variables, and those that no shell can set."""
        container = action.container
        assert container is not None
        fixed = dict(container.env)
        found: list[tuple[str, Value]] = [
            (name, value) for name, value in action.traits.pass_env if value is not None and name not in fixed
        ]
        exports = []
        for secret in action.traits.secrets:
            if secret.variable in fixed or secret.name == "ssh":
                continue
            if secret.to:
                found.append((secret.variable, secret_path(action, secret.to)))
            else:
                exports += _secret_lines(
                    secret.name, secret.variable, whole=not secret.file, at=secret.position
                )
        found += [(name, value) for name, value in container.env if self._own.get(name) != value]
        exports += [_export(name, value) for name, value in found if not is_odd(name)]
        return exports, self._odd(found, action.position)

    def _odd(self, found: "Sequence[tuple[str, Value]]", at: "Position") -> tuple[str, ...]:
        odd = []
        for name, value in found:
            if not is_odd(name):
                continue
            if not isinstance(value, str):
                raise PlanError(
                    f"the variable `{name}`, whose name no shell knows, names others of the image", at
                )
            odd.append(f"{name}={value}")
        return tuple(odd)

    def _next(self) -> str:
        self._count += 1
        return f"pyrun_{self._count}"

    @staticmethod
    def _function(name: str, body: list[str]) -> list[str]:
        return [f"{name}() {{", *(body or [":"]), "}"]

    def _ended(self, name: str, last: list[str], end: str) -> list[str]:
        """The call of a function, with what comes behind it whatever comes of it."""
        if not last:
            return [f"{name} || {end}"]
        self._both = True
        return [*self._function(f"{name}_last", last), f"pyrun_both {name} {name}_last || {end}"]

    def _steps(self, steps: "Sequence[PlanStep]", place: _Place) -> list[str]:
        found: list[str] = []
        for step in steps:
            if isinstance(step, Script):
                found.append(f"{self._command(step, place)} || {place.end}")
            elif isinstance(step, Setting):
                found += self._setting(step)
            elif isinstance(step, Guarded):
                inner = self._steps(step.steps, place) or [":"]
                found += [f"if {self._condition(step, place)}; then", *inner, "fi"]
            elif isinstance(step, Block):
                found += self._block(step, place)
            else:
                found += self._called(step, place)
        return found

    def _block(self, block: Block, place: _Place) -> list[str]:
        """The steps of a called task that are part of this action."""
        exports = [_export(name, value) for name, value in block.env if not is_odd(name)]
        odd = self._odd(block.env, self._action.position)
        inner = _Place(block.interpreter, (*place.exports, *exports), (*place.odd, *odd), place.end)
        if not block.last:
            return self._steps(block.steps, inner)
        inner = _Place(inner.interpreter, inner.exports, inner.odd, "return")
        number = self._next()
        return [
            *self._function(number, self._steps(block.steps, inner)),
            *self._ended(number, self._steps(block.last, inner), place.end),
        ]

    def _called(self, step: Called, place: _Place) -> list[str]:
        """Another action that is done at this point."""
        other = self._actions[step.id]
        if other.image is not None or other.persistent:
            what = "makes an image" if other.image is not None else "is a server"
            raise PlanError(
                f"`{self._action.label}` calls `{other.label}`, which {what}: a `RUN` can't do that",
                step.position,
            )
        mine, theirs = self._action.container, other.container
        if not (other.steps or other.last):
            return []
        if mine is None or theirs is None or theirs.definition.plain()[:-1] != mine.definition.plain()[:-1]:
            raise PlanError(
                f"`{self._action.label}` calls `{other.label}`, which runs somewhere else than in "
                f"`{'' if mine is None else mine.name}`, and one `RUN` is in one place",
                step.position,
                f"name `{other.label}` under `deps`, and what it makes under its `target`",
            )
        folders = folders_of(other)
        made = [f"mkdir -p {' '.join(map(path_word, folders))} || {place.end}"] if folders else []
        return [*made, *self._whole(other, place, apart=True)]

    def _setting(self, step: Setting) -> list[str]:
        """Variables that are set or taken away for all that comes after."""
        found = []
        for name, value in step.variables:
            if is_odd(name):
                raise PlanError(
                    f"`{name}` is no variable that a shell could set, and a `RUN` is a script of one",
                    step.position,
                )
            text = f"unset {name}" if value is None else f"export {name}={quoted(value)}"
            if self._late:
                ended = quoted(f"{text}\n")
                text = f'pyrun_set="$pyrun_set"{ended}'
            found.append(text)
        return found

    def _command(self, script: Script, place: _Place) -> str:
        if script.pty or script.respond:
            raise PlanError(
                f"`{self._action.label}` has a command with a terminal of its own, and a `RUN` has none",
                script.position,
                "leave `pty` and `respond` out; most programs have a flag that answers for you",
            )
        if script.argv:
            words = (script.argv[0] or "python3", *script.argv[1:])
        else:
            text = script.text
            if text[:1] in {"-", "+"} and place.interpreter == SHELL:
                text = f" {text}"
            words = (*place.interpreter, text)
        return self._process(words, script.dir, place)

    def _process(self, words: "Sequence[str]", folder: str, place: _Place, redirected: str = "") -> str:
        """Shell text that starts a process."""
        words = ("env", *place.odd, *words) if place.odd else words
        command = " ".join(map(shown_word, words))
        before = self._before(place)
        where = resolved(folder)
        if where:
            before.append(f"cd {path_word(where)} || exit")
        if not before:
            return f"{command}{redirected}"
        return f"( {'; '.join(before)}; exec {command} ){redirected}"

    def _before(self, place: _Place) -> list[str]:
        """What is done before a command or a question, in a shell of its own."""
        return [*place.exports, *(['eval "$pyrun_set"'] if self._late else [])]

    def _condition(self, step: Guarded, place: _Place) -> str:
        items = []
        for item in step.when:
            answers = [self._question(question, step, place) for question in item]
            items.append(answers[0] if len(answers) == 1 else f"{{ {' || '.join(answers)}; }}")
        return " && ".join(items) or ":"

    def _question(self, question: "Question", step: Guarded, place: _Place) -> str:
        texts = [value for value in question.values if value is not None]
        if question.kind == COMMAND:
            found = [
                self._process((*place.interpreter, text), question.dir, place, " >/dev/null 2>&1")
                for text in texts
            ]
            return _any_of(found)
        if question.kind == ENVIRONMENT:
            if is_odd(question.name):
                raise PlanError(f"`{question.name}` is no variable that a shell could ask for", step.position)
            name = question.name
            asked = _any_of([_is_set_to(name, value) for value in question.values])
            before = self._before(place)
            return f"( {'; '.join(before)}; {asked} )" if before else asked
        paths = [resolved(beneath(question.dir, text)) for text in texts]
        there = [f"[ -e {path_word(path)} ]" for path in paths]
        if question.kind == EXISTS:
            return _any_of(there)
        return f"! {{ {' && '.join(there)}; }}" if there else "false"


def _any(steps: "Sequence[PlanStep]", kind: type) -> bool:
    """Whether there is a step of a kind, also within others."""
    return any(isinstance(step, kind) or _any(_within(step), kind) for step in steps)


def _within(step: "PlanStep") -> "Sequence[PlanStep]":
    if isinstance(step, Guarded):
        return step.steps
    return (*step.steps, *step.last) if isinstance(step, Block) else ()


def _any_of(answers: "Sequence[str]") -> str:
    if len(answers) == 1:
        return answers[0]
    return f"{{ {' || '.join(answers)}; }}" if answers else "false"


def _is_set_to(name: str, value: str | None) -> str:
    """Whether a variable has a value, or with None that it is not set."""
    if value is None:
        return f'[ -z "${{{name}+x}}" ]'
    return f'[ "${{{name}+x}}${{{name}-}}" = {quoted(f"x{value}")} ]'


def _export(name: str, value: "Value") -> str:
    if isinstance(value, str):
        return f"export {name}={quoted(value)}"
    parts = (
        f'"${{{part.name}-}}"' if isinstance(part, BaseVariable) else quoted(part) for part in value if part
    )
    return f"export {name}={''.join(parts)}"


def _secret_lines(name: str, variable: str, *, whole: bool, at: "Position") -> list[str]:
    """Shell text that sets a variable to what is secret: all of it, or without newlines at its end."""
    if is_odd(variable):
        raise PlanError(f"the secret `{name}` is no variable that a shell could set", at)
    path = f"{SECRETS}/{name}"
    if not whole:
        return [f'{variable}="$(cat {path})" || exit', f"export {variable}"]
    return [f'{variable}="$(cat {path} && echo .)" || exit', f'export {variable}="${{{variable}%.}}"']


def secret_path(action: "Action", to: str) -> str:
    """Where a secret that is a file is found in an action's container.

    Raises:
        PlanError: It is below the home of somebody whose home only the image knows.
    """
    container = action.container
    assert container is not None
    if to == "~" or to.startswith("~/"):
        return home_path(container.definition.user, to, container.name, action.position)
    return resolved(beneath(container.workdir, to))


def home_path(user: str, written: str, name: str, at: "Position") -> str:
    """A path that may be below `~` in a container, as an absolute one.

    Args:
        user: Who commands run as, as the container's definition has it.
        written: The path.
        name: The container's.
        at: Where it stands.

    Raises:
        PlanError: Only the image knows where that user's home is.
    """
    if written != "~" and not written.startswith("~/"):
        return written
    if user.partition(":")[0] in {"", "0", "root"}:
        return f"/root{written[1:]}"
    raise PlanError(
        f"`{written}` in the container `{name}` is below the home of `{user}`, which only its image knows",
        at,
        "write the folder out: `/home/…`",
    )


def folders_of(action: "Action") -> list[str]:
    """The folders that an action must find: those it works in, and those above its targets."""
    found: dict[str, None] = {}
    for written in (action.dir, *(script.dir for script in action.scripts)):
        found[resolved(written)] = None
    for target in action.written:
        found[_above(target)] = None
    return [folder for folder in found if folder]


def _above(target: "Pattern") -> str:
    prefix = target.literal_prefix
    return prefix if target.has_wildcard else prefix.rpartition("/")[0]


def chain_of(action: "Action", actions: "Mapping[str, Action]") -> "Iterator[Action]":
    """What an action calls, at any depth, in no order, and itself."""
    seen: set[str] = set()
    left = [action]
    while left:
        one = left.pop()
        if one.id not in seen:
            seen.add(one.id)
            yield one
            left += [actions[name] for name in one.calls]
