"""`run` and `finally`, from nodes to the model."""

from collections.abc import Mapping as MappingType

from runner.config.decode_call import decode_call
from runner.config.decode_when import decode_when
from runner.config.fields import Faultbook, Scope, is_text_with_colon, read_map
from runner.config.language import Language
from runner.config.node import Mapping, Node, Scalar, Sequence
from runner.config.programs import plain_programs
from runner.model.param import Param
from runner.model.step import Command, SetEnvironment, Step, SubTask
from runner.model.template import Template
from runner.model.when import When

_ACTIONS = ("command", "task", "set-environment")
_OF_COMMAND = {
    key: f"it belongs to a command: `command: {{exec: SCRIPT, {key}: …}}`"
    for key in ("print", "quiet", "dir", "pty", "respond")
} | {"exec": "it belongs to a command: `command: {exec: SCRIPT}`"}


class RunReader:
    """Reads the items of a task's `run` and `finally`.

    Args:
        book: Where faults go.
        scope: What their texts may name.
        language: How their scripts are read.
        params: The args and options that conditions may ask for.
    """

    def __init__(
        self, book: Faultbook, scope: Scope, language: Language, params: MappingType[str, Param]
    ) -> None:
        self.book = book
        self.scope = scope
        self.language = language
        self.params = params

    def steps(self, node: Node) -> tuple[Step, ...]:
        """The steps of a list, or of the one item that stands for it."""
        return tuple(self.step(item) for item in self.book.items(node))

    def step(self, node: Node) -> Step:
        """One item: a command, a list of commands, or a map with one action and what must hold for it."""
        if isinstance(node, Sequence):
            return Step((), tuple(map(self.command, node.items)), node.position)
        if isinstance(node, Mapping) and not is_text_with_colon(node):
            return self.map(node)
        return Step((), (self.command(node),), node.position)

    def map(self, node: Mapping) -> Step:
        """An item with keys."""
        when: list[When] = []
        does: list[Command | SetEnvironment | SubTask] = []

        def when_(_: Scalar, value: Node) -> None:
            when.append(decode_when(self.book, value, self.scope, self.language, self.params))

        def command(_: Scalar, value: Node) -> None:
            does.extend(map(self.command, self.book.items(value)))

        def task(_: Scalar, value: Node) -> None:
            for item in self.book.items(value):
                call = decode_call(self.book, item, "a task", self.scope)
                if call is not None:
                    does.append(SubTask(call, call.position))

        def variables(key: Scalar, value: Node) -> None:
            does.append(self.variables(key, value))

        keys = {"when": when_, "command": command, "task": task, "set-environment": variables}
        read_map(self.book, node, "a `run` item", keys, _OF_COMMAND)
        actions = [key for key, _ in node if key.text in _ACTIONS]
        for key in actions[1:]:
            self.book.add(
                f"an item has one action, and this one has `{actions[0].text}` already",
                key.position,
                f"begin another item: `- {key.text}:`",
            )
        return Step(tuple(item for items in when for item in items), tuple(does), node.position)

    def variables(self, key: Scalar, node: Node) -> SetEnvironment:
        """Variables to set, or with null to take away."""
        found: list[tuple[Template, Template | None]] = []
        if not isinstance(node, Mapping):
            self.book.wrong_type(node, "`set-environment`", "a map of variables")
            return SetEnvironment((), key.position)
        for name, value in node:
            null = isinstance(value, Scalar) and value.null
            text = None if null else self.book.template(value, f"`{name.text}`", self.scope)
            found.append((self.book.template(name, "a variable", self.scope, filled=True), text))
        return SetEnvironment(tuple(found), key.position)

    def command(self, node: Node) -> Command:
        """One command, as a text or as a map."""
        if not isinstance(node, Mapping) or is_text_with_colon(node):
            script = self.language.script(self.book, node, "a command", self.scope)
            return Command(script, None, False, None, plain_programs(script), False, (), node.position)
        return _CommandReader(self, node).read()


class _CommandReader:
    """Reads a command that is a map."""

    def __init__(self, run: RunReader, node: Mapping) -> None:
        self.run = run
        self.book = run.book
        self.node = node
        self.script = Template((), node.position)
        self.shown: Template | None = None
        self.folder: Template | None = None
        self.quiet = False
        self.pty = False
        self.respond: tuple[tuple[str, Template], ...] = ()

    def read(self) -> Command:
        """The command."""
        handlers = {
            "exec": self.take_exec, "print": self.take_print, "dir": self.take_dir, "quiet": self.take_quiet,
            "pty": self.take_pty, "respond": self.take_respond,
        }  # fmt: skip
        read_map(self.book, self.node, "a command", handlers)
        return Command(
            self.script, self.shown, self.quiet, self.folder, plain_programs(self.script), self.pty,
            self.respond, self.script.position,
        )  # fmt: skip

    def take_exec(self, _: Scalar, node: Node) -> None:
        self.script = self.run.language.script(self.book, node, "a command", self.run.scope)

    def take_print(self, _: Scalar, node: Node) -> None:
        self.shown = self.book.template(node, "`print`", self.run.scope)

    def take_dir(self, _: Scalar, node: Node) -> None:
        self.folder = self.book.template(node, "`dir`", self.run.scope)

    def take_quiet(self, _: Scalar, node: Node) -> None:
        self.quiet = self.book.flag(node, "`quiet`")

    def take_pty(self, _: Scalar, node: Node) -> None:
        self.pty = self.book.flag(node, "`pty`")

    def take_respond(self, _: Scalar, node: Node) -> None:
        pairs = self.book.pairs(node, "`respond`", self.run.scope)
        self.respond = tuple((key.text, answer) for key, answer in pairs)
