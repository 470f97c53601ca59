"""Words to invocations: what the args and options of a task are in one call of it.

The same reading serves the command line and the calls of a file. Words that come out of a template are never
taken for flags.
"""

from runner.errors import PlanError, UsageError
from runner.model.param import BOOL, LIST, ZERO
from runner.model.project import head_of
from runner.plan.expand import fill
from runner.plan.origin import GIVEN, VARIABLE, Origin
from runner.plan.origin import ZERO as NOTHING
from runner.plan.param_values import allowed_values, checked, values_hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.location import Position
    from runner.model.param import Param
    from runner.model.project import Head, Project
    from runner.model.task import Task
    from runner.plan.expand import Value
    from runner.plan.facts import Facts


class Invocation:
    """A task with its args and options filled in.

    Args:
        task: The task.
        values: Every arg and option by its name, the shared options that it uses too.
        given: The words that were given, for its label.
        origins: Where each value came from.
    """

    __slots__ = ("given", "key", "label", "origins", "task", "values")

    def __init__(
        self,
        task: "Task",
        values: "dict[str, Value]",
        given: "tuple[str, ...]",
        origins: "Mapping[str, Origin]",
    ) -> None:
        self.task = task
        self.values = values
        self.given = given
        self.origins = origins
        self.label = " ".join((task.name, *map(shown_word, given)))
        self.key = (task.name, tuple(sorted(values.items())))


class Draft:
    """A call that is being read.

    Args:
        task: The task called.
        at: Where the call stands, or None for the command line.
    """

    __slots__ = ("all", "args", "at", "options", "task")

    def __init__(self, task: "Task", at: "Position | None") -> None:
        self.task = task
        self.at = at
        self.args: list[str] = []
        self.options: dict[str, list[str]] = {}
        self.all = False

    def takes_more(self) -> bool:
        """Whether another word would still be an arg."""
        args = self.task.args
        return len(self.args) < len(args) or bool(args and args[-1].type == LIST)

    def options_known(self) -> "tuple[Param, ...]":
        """The options that can be given: on the command line the shared ones too, which are the whole run's."""
        options = self.task.options if self.at is not None else (*self.task.shared, *self.task.options)
        return tuple(param for param in options if not param.private)

    def add_option(self, param: "Param", value: str) -> None:
        """An option was given; of an option given twice the last value holds, a list keeps all."""
        if param.type == LIST:
            self.options.setdefault(param.name, []).append(value)
        else:
            self.options[param.name] = [value]


def option_named(draft: Draft, word: str) -> "tuple[Param, str | None, str] | None":
    """The option that a word such as `--name`, `--name=value`, `-n` or `-n=value` is for.

    Returns:
        The option, the value within the word, and, where the word is a bundle of one-letter flags, the rest
        of the bundle as a word of its own. None if the task has no such option.
    """
    if len(word) < 2 or word[0] != "-":
        return None
    options = draft.options_known()
    if word.startswith("--"):
        name, sign, value = word[2:].partition("=")
        param = next((p for p in options if p.name == name), None)
        return (param, value if sign else None, "") if param is not None else None
    # An option whose name is one letter goes by it, too.
    param = next((p for p in options if word[1] in {p.short, p.name}), None)
    if param is None:
        return None
    rest = word[2:]
    if rest.startswith("="):
        return param, rest[1:], ""
    if not rest:
        return param, None, ""
    return (param, None, "-" + rest) if param.type == BOOL else None


class Binder:
    """Fills in calls, and keeps what is worked out once a run: the shared options, the values that files give.

    Args:
        project: The tasks.
        facts: How to ask about the world.
    """

    def __init__(self, project: "Project", facts: "Facts") -> None:
        self.project = project
        self.facts = facts
        self._given: dict[Position, list[str]] = {}
        self._shared: dict[Position, tuple[Value, Origin]] = {}
        self._globbed: dict[tuple[str, str], tuple[str, ...] | None] = {}

    def allowed(self, param: "Param", values: "Mapping[str, Value]", folder: str) -> "tuple[str, ...] | None":
        """See `allowed_values`."""
        if param.glob is None:
            return allowed_values(param, values, self.facts.tree, folder)
        # With `--all` each of its values is asked about.
        key = (folder, fill(param.glob, values))
        if key not in self._globbed:
            self._globbed[key] = allowed_values(param, values, self.facts.tree, folder)
        return self._globbed[key]

    def take_shared(self, draft: Draft) -> None:
        """What a command line says of shared options holds for the whole run."""
        for param in draft.task.shared:
            if param.name in draft.options:
                self._given[param.position] = draft.options[param.name]

    def bind(self, draft: Draft) -> "tuple[Invocation, ...]":
        """The invocations that a call asks for: one, or with `--all` one a value of the one enumerated arg.

        Raises:
            UsageError: Words of the command line that the task does not understand.
            PlanError: The same in a call of a file.
            RunError: A default's command failed.
        """
        task = draft.task
        if task.spread:
            return tuple(found for inner in self.picked(draft) for found in self.bind(inner))
        if not draft.all:
            return (_Binding(self, draft, tuple(draft.args)).invocation(),)
        enumerated = [index for index, param in enumerate(task.args) if param.enumerated]
        if len(enumerated) != 1 or draft.args[enumerated[0] :]:
            why = (
                "it has no arg with `values`"
                if not enumerated
                else "its value is given already"
                if len(enumerated) == 1
                else "it has more than one arg with `values`"
            )
            raise _error(draft, f"`--all` doesn't go with `{task.name}`: {why}", "")
        index = enumerated[0]
        before = _Binding(self, draft, tuple(draft.args))
        before.take_shared()
        for param, word in zip(task.args[:index], draft.args, strict=False):
            before.seen[param.name] = word
        allowed = before.allowed(task.args[index]) or ()
        if not allowed:
            param = task.args[index]
            raise _error(draft, f"`{task.name} --all` has nothing to do", values_hint(param, "", ()))
        return tuple(
            _Binding(self, draft, (*draft.args[:index], value, *draft.args[index:])).invocation()
            for value in allowed
        )

    def picked(self, draft: Draft) -> "list[Draft]":
        """The calls of the tasks in included files that a task of the top stands for."""
        task, pick = draft.task, draft.task.args[0]
        if draft.all and draft.args:
            hint = f"`pyrun {draft.args[0]}:{task.name} --all` is for all values of that one"
            message = f"`--all` doesn't go with `{task.name}`: its value is given already"
            raise _error(draft, message, hint if draft.args[0] in task.spread and draft.at is None else "")
        if not draft.all and not draft.args:
            raise _Binding(self, draft, ()).missing(pick)
        chosen = task.spread
        if not draft.all:
            deeper = next((one for one in task.spread if one.endswith(f":{draft.args[0]}")), "")
            if deeper and draft.args[0] not in task.spread:
                message = f"`{task.name}` knows no {pick.name} `{draft.args[0]}`"
                raise _error(draft, message, f"did you mean `{deeper}`?")
            chosen = (checked(pick, draft.args[0], task.spread, task.name, draft.at),)
        found = []
        for namespace in chosen:
            inner = self.project.task(f"{namespace}:{task.name}")
            if inner is not None:
                call = Draft(inner, draft.at)
                call.args = draft.args[1:]
                call.options = dict(draft.options)
                found.append(call)
        return found

    def shared(self, param: "Param", binding: "_Binding") -> "tuple[Value, Origin]":
        """A shared option, worked out once a run."""
        found = self._shared.get(param.position)
        if found is None:
            found = binding.option(param, self._given.get(param.position))
            self._shared[param.position] = found
        return found

    def fallback(self, param: "Param", binding: "_Binding") -> "tuple[Value, Origin]":
        """The value where the call gives none: the variable, the default, or the type's zero."""
        draft, head = binding.draft, binding.head
        if param.environment and not param.private:
            found = self.facts.variable(param.environment, head)
            if found:
                value = checked(param, found, binding.allowed(param), draft.task.name, draft.at)
                origin = Origin(
                    VARIABLE, f"{param.environment}, {self.facts.origin(param.environment, head)}", None
                )
                return ((value,) if param.type == LIST else value), origin
        if param.defaults:
            from runner.plan.fallback import Fallback  # noqa: PLC0415 - most tasks need none

            default = Fallback(self.facts).value(param, binding.seen, head)
            if default is not None:
                return default
        if param.required:
            raise binding.missing(param)
        is_option = param in draft.task.options or param in draft.task.shared
        zero = () if param.type == LIST else ZERO.get(param.type, "") if is_option else ""
        return zero, Origin(NOTHING, "", None)


class _Binding:
    """One call as it is filled in."""

    def __init__(self, binder: Binder, draft: Draft, args: "tuple[str, ...]") -> None:
        self.binder = binder
        self.draft = draft
        self.task = draft.task
        self.left = list(args)
        self.head: Head = head_of(binder.project, draft.task)
        self.values: dict[str, Value] = {}
        self.seen: dict[str, Value] = dict(binder.facts.platform_names())
        self.origins: dict[str, Origin] = {}
        self.given: list[str] = []

    def invocation(self) -> Invocation:
        """The task with everything filled in."""
        self.take_shared()
        for param in self.task.args:
            self.set(param, *self.arg(param))
        if self.left:
            raise self.too_many()
        for param in self.task.options:
            given = None if param.private else self.draft.options.get(param.name)
            self.set(param, *self.option(param, given))
            self.tell(param, given)
        return Invocation(self.task, self.values, tuple(self.given), self.origins)

    def take_shared(self) -> None:
        """The shared options that the task uses."""
        for param in self.task.shared:
            self.set(param, *self.binder.shared(param, self))
            self.tell(param, self.draft.options.get(param.name))

    def set(self, param: "Param", value: "Value", origin: Origin) -> None:
        """A param has its value."""
        self.values[param.name] = self.seen[param.name] = value
        self.origins[param.name] = origin

    def tell(self, param: "Param", given: "list[str] | None") -> None:
        """What was given becomes part of the label."""
        if given is None or given == [""]:
            return
        value = self.values[param.name]
        for text in given if param.rewrite is not None else value if isinstance(value, tuple) else (value,):
            plain = param.type == BOOL and text == "true"
            self.given.append(f"--{param.name}" if plain else f"--{param.name}={text}")

    def arg(self, param: "Param") -> "tuple[Value, Origin]":
        """An arg: its words, or what stands for them."""
        origin = Origin(GIVEN, "", self.draft.at)
        if param.type == LIST and self.left:
            words, self.left = self.left, []
            allowed = self.allowed(param)
            self.given += words
            return tuple(self.checked(param, word, allowed) for word in words), origin
        if self.left:
            word = self.left.pop(0)
            found = self.checked(param, word, self.allowed(param))
            # As in a tusk.yml a word stays as it was typed, also where it means a truth.
            self.given.append(word)
            return (word if param.type == BOOL else found), origin
        return self.binder.fallback(param, self)

    def option(self, param: "Param", given: "list[str] | None") -> "tuple[Value, Origin]":
        """An option: what was given, or what stands for it."""
        value: Value
        if given is None or given == [""]:
            value, origin = self.binder.fallback(param, self)
        else:
            allowed = self.allowed(param)
            texts = tuple(self.checked(param, word, allowed) for word in given)
            value, origin = texts if param.type == LIST else texts[-1], Origin(GIVEN, "", self.draft.at)
        if param.rewrite is not None:
            # No word at all, so that a flag that is off leaves nothing behind in a command.
            off: Value = "" if self.head.tusk else ()
            value = fill(param.rewrite, self.seen) if value == "true" else off
        return value, origin

    def allowed(self, param: "Param") -> "tuple[str, ...] | None":
        """The values that a param may have; None for any."""
        return self.binder.allowed(param, self.seen, self.head.folder)

    def checked(self, param: "Param", word: str, allowed: "tuple[str, ...] | None") -> str:
        """A word that was given, in the form in which templates see it."""
        return checked(param, word, allowed, self.task.name, self.draft.at)

    def too_many(self) -> "UsageError | PlanError":
        """What to say to more words than the task takes."""
        task = self.task
        takes = f"takes {len(task.args)} words" if len(task.args) > 1 else "takes one word"
        takes = "takes no words" if not task.args else takes
        hint = "" if task.args else f"`pyrun {task.name} --help` shows what it takes"
        return _error(self.draft, f"`{self.left[0]}` is too many: `{task.name}` {takes}", hint)

    def missing(self, param: "Param") -> "UsageError | PlanError":
        """What to say where a value must be given and is not."""
        kind = "arg" if param in self.task.args else "option"
        allowed = self.allowed(param)
        hint = values_hint(param, "", allowed) if allowed is not None else ""
        if allowed and kind == "arg":
            hint += "; or `--all`"
        article = "an" if param.name[:1].lower() in {"a", "e", "i", "o", "u"} else "a"
        what = f"the option `--{param.name}`" if kind == "option" else f"{article} {param.name}"
        return _error(self.draft, f"`{self.task.name}` needs {what}", hint)


def _error(draft: Draft, message: str, hint: str) -> UsageError | PlanError:
    return UsageError(message, None, hint) if draft.at is None else PlanError(message, draft.at, hint)


def shown_word(word: str) -> str:
    """A word as a shell would want it typed."""
    if word and all(letter.isalnum() or letter in "_@%+=:,./-" for letter in word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"
