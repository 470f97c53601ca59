"""Nodes to the model: what the keys of a file mean, and all that is wrong with them at once.

The JSON Schema in `schema/` says the same for editors; a corpus of files holds the two together.
"""

from runner.config.check import check_calls
from runner.config.decode_call import decode_call
from runner.config.decode_image import decode_image
from runner.config.decode_param import decode_params
from runner.config.fields import Faultbook, Scope, is_text_with_colon, read_map
from runner.config.node import Mapping, Node, Scalar, Sequence
from runner.config.parse_yaml import MAX_FAULTS, decode_text, parse_yaml
from runner.config.programs import plain_programs
from runner.config.shell import is_posix_shell, parse_script
from runner.errors import Faults, FileError, PyrunError
from runner.location import Position
from runner.model.call import Call
from runner.model.image import Image
from runner.model.param import Param
from runner.model.project import SHELL, Head, LoadedProject
from runner.model.step import Command
from runner.model.task import EXCLUDE, GO, PATTERN, Source, Task
from runner.model.template import PATTERN as PATTERN_TEXT
from runner.model.template import Template

PLATFORM_NAMES = ("TARGETOS", "TARGETARCH", "TARGETVARIANT", "TARGETPLATFORM", "BUILDPLATFORM")
"""Names that every template may use without defining them."""


def decode(data: bytes, path: str) -> LoadedProject:
    """The project that a file describes.

    Args:
        data: The bytes of the file.
        path: Its name, as errors are to show it.

    Raises:
        FileError: Something is wrong with it.
        Faults: Several things are.
    """
    text = decode_text(data, path)
    node, unread = parse_yaml(text, path)
    book = Faultbook(text)
    start = Position(path, 1, 1)
    project = _ProjectDecoder(book, path).decode(node if node is not None else Mapping([], start))
    faults = _told_once(unread, book.faults)
    if faults:
        raise faults[0] if len(faults) == 1 else Faults(faults)
    return project


def _told_once(unread: list[PyrunError], faults: list[PyrunError]) -> tuple[PyrunError, ...]:
    """The faults in the order of the file.

    What an alias brings in twice is wrong only once; and where YAML itself stumbled, what came of it is no
    fault of its own.
    """
    stumbled = {_place(error) for error in unread}
    kept = {(_place(error), error.message): error for error in unread}
    kept.update({(at, error.message): error for error in faults if (at := _place(error)) not in stumbled})
    told = [error for _, error in sorted(kept.items(), key=lambda item: item[0][0])]
    if len(told) > MAX_FAULTS:
        told[MAX_FAULTS:] = [FileError(f"there is more: these are the first {MAX_FAULTS} faults")]
    return tuple(told)


def _place(error: PyrunError) -> tuple[int, int]:
    return (error.at.line, error.at.column) if error.at else (0, 0)


class _ProjectDecoder:
    def __init__(self, book: Faultbook, path: str) -> None:
        self.book = book
        self.path = path
        self.name = ""
        self.usage = ""
        self.interpreter: tuple[str, ...] = SHELL
        self.args: dict[str, Param] = {}
        self.options: dict[str, Param] = {}
        self.tasks: dict[str, Task] = {}

    def decode(self, node: Node) -> LoadedProject:
        handlers = {
            "name": self.take_name, "usage": self.take_usage, "interpreter": self.take_interpreter,
            "args": self.take_args, "options": self.take_options, "tasks": self.take_tasks,
        }  # fmt: skip
        read_map(self.book, node, "the file", handlers)
        check_calls(self.book, self.tasks)
        shell = is_posix_shell(self.interpreter)
        head = Head(self.name, self.usage, self.interpreter, shell, self.path, node.position)
        return LoadedProject(head, tuple(self.tasks.values()))

    def take_name(self, _: Scalar, node: Node) -> None:
        self.name = self.book.text(node, "`name`")

    def take_usage(self, _: Scalar, node: Node) -> None:
        self.usage = self.book.text(node, "`usage`")

    def take_interpreter(self, _: Scalar, node: Node) -> None:
        self.interpreter = tuple(self.book.text(node, "`interpreter`").split()) or SHELL

    def take_args(self, _: Scalar, node: Node) -> None:
        self.args = {
            param.name: param for param in decode_params(self.book, node, "arg", None, PLATFORM_NAMES)
        }

    def take_options(self, _: Scalar, node: Node) -> None:
        found = decode_params(self.book, node, "option", None, PLATFORM_NAMES)
        self.options = {param.name: param for param in found}

    def take_tasks(self, _: Scalar, node: Node) -> None:
        if not isinstance(node, Mapping):
            if not (isinstance(node, Scalar) and node.null):
                self.book.wrong_type(node, "`tasks`", "a map")
            return
        for key, value in node:
            if not key.text or key.text.startswith("-"):
                self.book.add(
                    f"`{key.text}` can't be the name of a task",
                    key.position,
                    "begin it with a letter or a digit",
                )
                continue
            self.tasks[key.text] = _TaskDecoder(self, key).decode(value)


class _TaskDecoder:
    def __init__(self, project: _ProjectDecoder, key: Scalar) -> None:
        self.project = project
        self.book = project.book
        self.key = key
        self.usage = ""
        self.description = ""
        self.private = False
        self.args: tuple[Param, ...] = ()
        self.options: tuple[Param, ...] = ()
        self.deps: list[Call] = []
        self.sources: tuple[Source, ...] | None = None
        self.targets: tuple[Template, ...] | None = None
        self.env: list[tuple[str, Template]] = []
        self.dir: Template | None = None
        self.steps: list[Command] = []
        self.persistent = False
        self.image: Image | None = None
        self.found: dict[str, Scalar] = {}

    @property
    def scope(self) -> Scope:
        """What the task's templates may name: its own args and options and the shared options."""
        own = tuple(param.name for param in (*self.args, *self.options))
        return Scope((*own, *self.project.options, *PLATFORM_NAMES), f"`{self.key.text}`")

    def decode(self, node: Node) -> Task:
        handlers = {
            "usage": self.take_usage, "description": self.take_description, "private": self.take_private,
            "args": self.take_args, "options": self.take_options, "deps": self.take_deps,
            "source": self.take_source, "target": self.take_target, "env": self.take_env, "dir": self.take_dir,
            "persistent": self.take_persistent, "run": self.take_run, "image": self.take_image,
        }  # fmt: skip
        if isinstance(node, (Scalar, Sequence)) and not (isinstance(node, Scalar) and node.null):
            self.book.add(
                f"the task `{self.key.text}` must be a map, and this is {node.kind}",
                node.position,
                "write the commands under `run:`",
            )
        else:
            read_map(self.book, node, f"the task `{self.key.text}`", handlers)
            if isinstance(node, Mapping):
                self.found = {key.text: key for key, _ in node}
        self.check()
        return Task(
            self.key.text, self.usage, self.description, self.private, self.args, self.taken_options(),
            tuple(self.deps), self.sources, self.targets, tuple(self.env), self.dir, tuple(self.steps),
            self.persistent, self.image, self.key.position,
        )  # fmt: skip

    def check(self) -> None:
        """What no key can say for itself."""
        names = {param.name for param in self.args}
        for param in self.options:
            if param.name in names:
                self.book.add(f"`{param.name}` is an arg and an option of this task", param.position)
        for one, other, why in (
            ("image", "run", "its action is the image; what must be done first belongs under `deps`"),
            ("image", "target", "an image is its own target"),
            ("image", "persistent", "an image is made and done"),
            ("persistent", "target", "a server has no target"),
        ):
            if self.has(one) and self.has(other):
                at = self.found[other].position
                self.book.add(f"a task has no `{other}` beside `{one}`", at, why)

    def has(self, key: str) -> bool:
        """Whether the task has this key, and a server is not said to be none."""
        return key in self.found and (key != "persistent" or self.persistent)

    def taken_options(self) -> tuple[Param, ...]:
        """Its own options, and the shared ones that it mentions, in the order of the file."""
        own = {param.name for param in (*self.args, *self.options)}
        wanted = (self.mentioned() - own) & self.project.options.keys()
        left = list(wanted)
        while left:
            more = _param_names(self.project.options[left.pop()]) & self.project.options.keys() - wanted
            wanted |= more
            left += more
        shared = tuple(param for name, param in self.project.options.items() if name in wanted - own)
        letters = {param.short: param.name for param in shared if param.short}
        for param in self.options:
            if param.short in letters and param not in shared:
                message = f"`-{param.short}` is already `{letters[param.short]}`, which this task takes"
                self.book.add(message, param.position, "choose another letter")
        return shared + self.options

    def mentioned(self) -> set[str]:
        """All names that templates of the task use."""
        return {
            name
            for template in _templates(
                [self.deps, self.sources, self.targets, self.env, self.dir, self.steps, self.image]
            )
            for name in template.names()
        } | {name for param in (*self.args, *self.options) for name in _param_names(param)}

    def take_usage(self, _: Scalar, node: Node) -> None:
        self.usage = self.book.text(node, "`usage`")

    def take_description(self, _: Scalar, node: Node) -> None:
        self.description = self.book.text(node, "`description`")

    def take_private(self, _: Scalar, node: Node) -> None:
        self.private = self.book.flag(node, "`private`")

    def take_args(self, _: Scalar, node: Node) -> None:
        self.args = decode_params(
            self.book, node, "arg", self.project.args, (*PLATFORM_NAMES, *self.project.options)
        )

    def take_options(self, _: Scalar, node: Node) -> None:
        seen = (*PLATFORM_NAMES, *self.project.options, *(param.name for param in self.args))
        self.options = decode_params(self.book, node, "option", self.project.options, seen)

    def take_deps(self, _: Scalar, node: Node) -> None:
        for item in self.book.items(node):
            call = decode_call(self.book, item, "a dep", self.scope)
            if call is not None:
                self.deps.append(call)

    def take_source(self, _: Scalar, node: Node) -> None:
        self.sources = tuple(source for item in self.book.items(node) for source in self.source(item))

    def source(self, node: Node) -> list[Source]:
        """One `source` item: an `exclude` of many patterns gives as many."""
        if not isinstance(node, Mapping):
            text = self.book.template(node, "a source", self.scope, PATTERN_TEXT)
            return [Source(PATTERN, text, False, node.position)] if text.parts else []
        if any(key.text == "exclude" for key, _ in node):
            found: list[Source] = []

            def exclude(_: Scalar, value: Node) -> None:
                texts = self.book.strings(value, "`exclude`", self.scope, PATTERN_TEXT)
                found.extend(Source(EXCLUDE, text, False, text.position) for text in texts)

            read_map(self.book, node, "a source with `exclude`", {"exclude": exclude})
            return found
        packages: list[Template] = []
        tests: list[bool] = []

        def go(_: Scalar, value: Node) -> None:
            packages.append(self.book.template(value, "`go`", self.scope, filled=True))

        def tests_(_: Scalar, value: Node) -> None:
            tests.append(self.book.flag(value, "`tests`"))

        if is_text_with_colon(node):
            self.book.wrong_type(node, "a source", "a pattern or a map")
            return []
        before = len(self.book.faults)
        read_map(
            self.book, node, "a source", {"go": go, "tests": tests_, "exclude": lambda _key, _node: None}
        )
        if len(self.book.faults) == before and not packages:
            self.book.add("a source that is a map has `go` or `exclude`", node.position)
        return [Source(GO, text, any(tests), text.position) for text in packages]

    def take_target(self, _: Scalar, node: Node) -> None:
        self.targets = self.book.strings(node, "a target", self.scope, PATTERN_TEXT)

    def take_env(self, _: Scalar, node: Node) -> None:
        scope = Scope(self.scope.names, self.scope.owner, lenient=True)
        for key, value in self.book.pairs(node, "`env`", scope):
            if not key.text.isascii() or not key.text.isidentifier():
                self.book.add(
                    f"`{key.text}` can't be the name of a variable",
                    key.position,
                    "use letters, digits and `_`",
                )
            self.env.append((key.text, value))

    def take_dir(self, _: Scalar, node: Node) -> None:
        self.dir = self.book.template(node, "`dir`", self.scope)

    def take_persistent(self, _: Scalar, node: Node) -> None:
        self.persistent = self.book.flag(node, "`persistent`")

    def take_image(self, _: Scalar, node: Node) -> None:
        self.image = decode_image(self.book, node, self.scope)

    def take_run(self, _: Scalar, node: Node) -> None:
        for item in self.book.items(node):
            if isinstance(item, Sequence):
                for inner in item.items:
                    self.steps += self.command(inner)
            elif isinstance(item, Mapping) and not is_text_with_colon(item):
                read_map(self.book, item, "a `run` item", {"command": self.take_commands})
            else:
                self.steps += self.command(item)

    def take_commands(self, _: Scalar, node: Node) -> None:
        for item in self.book.items(node):
            self.steps += self.command(item)

    def command(self, node: Node) -> list[Command]:
        """One command, as a text or as a map."""
        if not isinstance(node, Mapping) or is_text_with_colon(node):
            script = self.script(node)
            return [Command(script, None, False, None, plain_programs(script), node.position)]
        script = Template((), node.position)
        shown: Template | None = None
        folder: Template | None = None
        quiet = False

        def exec_(_: Scalar, value: Node) -> None:
            nonlocal script
            script = self.script(value)

        def print_(_: Scalar, value: Node) -> None:
            nonlocal shown
            shown = self.book.template(value, "`print`", self.scope)

        def dir_(_: Scalar, value: Node) -> None:
            nonlocal folder
            folder = self.book.template(value, "`dir`", self.scope)

        def quiet_(_: Scalar, value: Node) -> None:
            nonlocal quiet
            quiet = self.book.flag(value, "`quiet`")

        read_map(self.book, node, "a command", {"exec": exec_, "print": print_, "dir": dir_, "quiet": quiet_})
        return [Command(script, shown, quiet, folder, plain_programs(script), script.position)]

    def script(self, node: Node) -> Template:
        """The text of a script, its holes placed in the shell's grammar."""
        text = self.book.text(node, "a command")
        if not isinstance(node, Scalar):
            return Template((), node.position)
        try:
            return parse_script(
                text, self.scope.names, node.position, self.project.interpreter, at_offset=node.at_offset
            )
        except PyrunError as error:
            self.book.faults.append(error)
            return Template((), node.position)


def _param_names(param: Param) -> set[str]:
    """The names that a definition's own templates use."""
    return {
        name
        for template in _templates([param.values, param.glob, param.default])
        for name in template.names()
    }


def _templates(value: object) -> list[Template]:
    """All templates that a part of the model holds."""
    if isinstance(value, Template):
        return [value]
    if isinstance(value, (list, tuple)):
        return [found for item in value for found in _templates(item)]
    fields = getattr(value, "fields", None)
    return _templates(fields()) if fields is not None else []
