"""One task, from nodes to the model."""

from collections.abc import Callable, Iterable
from collections.abc import Mapping as MappingType

from runner.config.decode_call import decode_call
from runner.config.decode_container import decode_container_name
from runner.config.decode_image import decode_image
from runner.config.decode_param import ARG, OPTION, Known, decode_params
from runner.config.decode_run import RunReader
from runner.config.decode_server import ServerReader
from runner.config.duration import decode_time_limit
from runner.config.fields import Faultbook, Scope, check_variable, is_text_with_colon, read_map
from runner.config.invoke_model import params_of_invoke
from runner.config.language import Language, decode_interpolation
from runner.config.node import Mapping, Node, Scalar, Sequence
from runner.config.template import Gap, split
from runner.model.call import Call
from runner.model.container import HOST, ContainerName
from runner.model.image import Image
from runner.model.param import Param
from runner.model.step import InvokeCall, Step
from runner.model.task import EXCLUDE, GO, PATTERN, Secret, Source, Task
from runner.model.template import PATTERN as PATTERN_TEXT
from runner.model.template import Template
from runner.model.when import EQUAL, NOT_EQUAL, Check

PLATFORM_NAMES = ("TARGETOS", "TARGETARCH", "TARGETVARIANT", "TARGETPLATFORM", "BUILDPLATFORM")
"""Names that every template may use without defining them."""
_CACHE = {
    "true": "true", "yes": "true", "on": "true", "y": "true", "false": "false", "no": "false", "off": "false",
    "n": "false", "local": "local", "shared": "shared",
}  # fmt: skip


class Surroundings:
    """What a task finds in its file.

    Args:
        language: How its texts are read where the task does not say.
        args: The shared args by name.
        options: The shared options by name.
        namespace: The namespace of its file.
    """

    __slots__ = ("args", "language", "namespace", "options")

    def __init__(
        self,
        language: Language,
        args: MappingType[str, Param],
        options: MappingType[str, Param],
        namespace: str,
    ) -> None:
        self.language = language
        self.args = args
        self.options = options
        self.namespace = namespace


class TaskReader:
    """Reads a task.

    Args:
        book: Where faults go.
        key: Its name.
        around: What it finds in its file.
        invoke: Finds the task of Invoke's that a node names, the task's own name being the usual one.
    """

    def __init__(
        self,
        book: Faultbook,
        key: Scalar,
        around: Surroundings,
        invoke: Callable[[Node, str], InvokeCall | None],
    ) -> None:
        self.invoke = invoke
        self.book = book
        self.key = key
        self.around = around
        self.language = around.language
        self.texts = {"usage": "", "description": ""}
        self.flags = {"private": False, "quiet": False, "persistent": False, "watch": False}
        self.aliases: tuple[str, ...] = ()
        self.args: tuple[Param, ...] = ()
        self.options: tuple[Param, ...] = ()
        self.deps: list[Call] = []
        self.sources: tuple[Source, ...] | None = None
        self.targets: tuple[Template, ...] | None = None
        self.env: list[tuple[str, Template]] = []
        self.pass_env: tuple[tuple[str, bool], ...] = ()
        self.secrets: tuple[Secret, ...] = ()
        self.dir: Template | None = None
        self.timeout = 0
        self.retries = 0
        self.confirm: Template | None = None
        self.cache = ""
        self.steps: tuple[Step, ...] = ()
        self.last: tuple[Step, ...] = ()
        self.server = ServerReader(book, key.position)
        self.image: Image | None = None
        self.container: ContainerName | None = None
        self.runs = False
        self.found: dict[str, Scalar] = {}

    @property
    def params(self) -> dict[str, Param]:
        """The args and options that its templates may name, its own hiding shared ones."""
        own = {param.name: param for param in (*self.args, *self.options)}
        return {**self.around.options, **own}

    @property
    def scope(self) -> Scope:
        """What the task's templates may name: its own args and options and the shared options."""
        names = (*self.params, *PLATFORM_NAMES, *self.addresses())
        return Scope(names, f"`{self.key.text}`", literal=self.language.tusk)

    def addresses(self) -> Iterable[str]:
        """The names of the addresses of what it depends on."""
        for call in self.deps:
            first = call.words[0].parts
            if len(first) == 1 and isinstance(first[0], str):
                name = first[0].rpartition(":")[2]
                yield from (f"{name}.host", f"{name}.port")

    def read(self, node: Node) -> Task:
        """The task."""
        handlers = {
            "interpolation": self._take_interpolation, "invoke": self._take_invoke,
            "usage": self._take_text, "description": self._take_text, "private": self._take_flag,
            "quiet": self._take_flag, "watch": self._take_flag, "aliases": self._take_aliases,
            "args": self._take_args, "options": self._take_options, "deps": self._take_deps,
            "source": self._take_source, "target": self._take_target, "env": self._take_env,
            "pass-env": self._take_pass_env, "secrets": self._take_secrets, "dir": self._take_dir,
            "timeout": self._take_timeout, "retries": self._take_retries, "confirm": self._take_confirm,
            "cache": self._take_cache, "persistent": self._take_flag, "ports": self._take_ports,
            "ready": self._take_ready, "hostname": self._take_hostname, "run": self._take_run,
            "finally": self._take_finally, "image": self._take_image, "container": self._take_container,
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
        return self.task()

    def task(self) -> Task:
        """What was read."""
        flags = self.flags
        return Task(
            self.key.text, self.texts["usage"], self.texts["description"], flags["private"], flags["quiet"],
            self.aliases, self.around.namespace, self.args, self.options, self.shared(), tuple(self.deps),
            self.sources, self.targets, tuple(self.env), self.dir, self.steps, self.last, self.timeout,
            self.retries, self.confirm, self.secrets, self.pass_env, self.cache, flags["watch"],
            (), self.persistent, self.server.server(), self.image, self.container,
            self.key.position,
        )  # fmt: skip

    @property
    def persistent(self) -> bool:
        """Whether it is a server."""
        said = "persistent" in self.found
        return self.flags["persistent"] or (self.server.said and not said)

    def check(self) -> None:
        """What no key can say for itself."""
        names = {param.name for param in self.args}
        for param in self.options:
            if param.name in names:
                self.book.add(f"`{param.name}` is an arg and an option of this task", param.position)
        for one, other, why in (
            ("image", "run", "its action is the image; what must be done first belongs under `deps`"),
            ("image", "finally", "its action is the image"),
            ("image", "target", "an image is its own target"),
            ("image", "persistent", "an image is made and done"),
            ("image", "ports", "an image is made and done"),
            ("image", "ready", "an image is made and done"),
            ("invoke", "run", "its action is what Invoke does"),
            ("invoke", "image", "its action is what Invoke does"),
            ("invoke", "args", "it has those of Invoke's task"),
            ("invoke", "options", "it has those of Invoke's task"),
            ("persistent", "target", "a server has no target"),
            ("ports", "target", "a server has no target"),
            ("ready", "target", "a server has no target"),
        ):
            if self.has(one) and self.has(other):
                at = self.found[other].position
                self.book.add(f"a task has no `{other}` beside `{one}`", at, why)
        for one in ("persistent", "ports", "ready"):
            for other in ("timeout", "retries"):
                if self.has(one) and other in self.found and self.persistent:
                    at = self.found[other].position
                    why = "a server runs until nobody needs it"
                    self.book.add(f"a task has no `{other}` beside `{one}`", at, why)
        if self.persistent and not self.runs and not {"image", "invoke"} & self.found.keys():
            self.check_container()

    def check_container(self) -> None:
        """Note a server of which nobody says what it is."""
        said = self.container.text if self.container is not None else HOST
        if said == HOST and ("container" not in self.found or self.container is not None):
            key = next(self.found[name] for name in ("persistent", "ports", "ready") if name in self.found)
            self.book.add(
                "a server needs a `run`, or a `container` that is one",
                key.position,
                "add its command, or its image: `container: NAME:TAG`",
            )

    def has(self, key: str) -> bool:
        """Whether the task has this key, and a server is not said to be none."""
        return key in self.found and (key != "persistent" or self.flags[key])

    def shared(self) -> tuple[Param, ...]:
        """The shared options that it mentions and has no own one of that name of, in the order of the file."""
        options = self.around.options
        if not options:
            return ()
        own = {param.name for param in (*self.args, *self.options)}
        wanted = (self.mentioned() - own) & options.keys()
        left = list(wanted)
        while left:
            more = set(param_names(options[left.pop()])) & options.keys() - wanted
            wanted |= more
            left += more
        shared = tuple(param for name, param in options.items() if name in wanted - own)
        letters = {param.short: param.name for param in shared if param.short}
        for param in self.options:
            if param.short in letters and param not in shared:
                message = f"`-{param.short}` is already `{letters[param.short]}`, which this task takes"
                self.book.add(message, param.position, "choose another letter")
        return shared

    def mentioned(self) -> set[str]:
        """All names that the task uses, in its usage texts too."""
        parts = [
            self.deps, self.sources, self.targets, self.env, self.dir, self.confirm, self.steps, self.last,
            self.server.ready, self.server.hostname, self.image,
        ]  # fmt: skip
        found = set(names_in(parts))
        found.update(name for param in (*self.args, *self.options) for name in param_names(param))
        for text in self.texts.values():
            found.update(part.name for part in split(text) if isinstance(part, Gap))
        return found

    def _take_interpolation(self, _: Scalar, node: Node) -> None:
        way = decode_interpolation(self.book, node, self.language.interpolation)
        self.language = Language(self.language.tusk, way, self.language.interpreter)

    def _take_invoke(self, _: Scalar, node: Node) -> None:
        name = self.key.text.removeprefix(f"{self.around.namespace}:")
        call = self.invoke(node, name)
        if call is not None:
            self.texts["usage"], self.texts["description"] = call.task.usage, call.task.description
            self.args, self.options = params_of_invoke(call.task)
            self.steps = (Step((), (call,), node.position),)

    def _take_text(self, key: Scalar, node: Node) -> None:
        self.texts[key.text] = self.book.text(node, f"`{key.text}`")

    def _take_flag(self, key: Scalar, node: Node) -> None:
        self.flags[key.text] = self.book.flag(node, f"`{key.text}`")

    def _take_aliases(self, _: Scalar, node: Node) -> None:
        names = []
        for item in self.book.items(node):
            name = self.book.word(item, "an alias")
            if name.startswith("-"):
                self.book.add(f"`{name}` can't be the name of a task", item.position, _NAME_HINT)
            elif name:
                names.append(name)
        self.aliases = tuple(names)

    def _take_args(self, _: Scalar, node: Node) -> None:
        seen = {**self.around.options}
        self.args = decode_params(
            self.book, node, ARG, Known(self.language, self.around.args, seen, PLATFORM_NAMES)
        )

    def _take_options(self, _: Scalar, node: Node) -> None:
        seen = {**self.around.options, **{param.name: param for param in self.args}}
        self.options = decode_params(
            self.book, node, OPTION, Known(self.language, self.around.options, seen, PLATFORM_NAMES)
        )

    def _take_deps(self, _: Scalar, node: Node) -> None:
        for item in self.book.items(node):
            call = decode_call(self.book, item, "a dep", self.scope)
            if call is not None:
                self.deps.append(call)

    def _take_source(self, _: Scalar, node: Node) -> None:
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

    def _take_target(self, _: Scalar, node: Node) -> None:
        self.targets = self.book.strings(node, "a target", self.scope, PATTERN_TEXT)

    def _take_env(self, _: Scalar, node: Node) -> None:
        scope = Scope(self.scope.names, self.scope.owner, lenient=True)
        for key, value in self.book.pairs(node, "`env`", scope):
            check_variable(self.book, key.text, key)
            self.env.append((key.text, value))

    def _take_pass_env(self, _: Scalar, node: Node) -> None:
        self.pass_env = decode_pass_env(self.book, node)

    def _take_secrets(self, _: Scalar, node: Node) -> None:
        self.secrets = tuple(map(self.secret, self.book.items(node)))

    def secret(self, node: Node) -> Secret:
        """One secret: a variable's name, `ssh`, or a map of name, file and place."""
        texts = {"name": "", "file": "", "to": ""}
        if not isinstance(node, Mapping):
            texts["name"] = self.book.word(node, "a secret")
        else:

            def take(key: Scalar, value: Node) -> None:
                texts[key.text] = self.book.word(value, f"`{key.text}`")

            before = len(self.book.faults)
            read_map(self.book, node, "a secret", dict.fromkeys(texts, take))
            if texts["to"] and not texts["file"] and len(self.book.faults) == before:
                self.book.add("a secret with `to` needs a `file`", node.position, "say which file it is")
            if not texts["name"] and len(self.book.faults) == before:
                self.book.add("a secret needs a `name`", node.position)
        if texts["name"]:
            check_variable(self.book, texts["name"], node)
        return Secret(texts["name"], texts["file"], texts["to"], node.position)

    def _take_dir(self, _: Scalar, node: Node) -> None:
        self.dir = self.book.template(node, "`dir`", self.scope)

    def _take_timeout(self, _: Scalar, node: Node) -> None:
        self.timeout = decode_time_limit(self.book, node, "`timeout`")

    def _take_retries(self, _: Scalar, node: Node) -> None:
        self.retries = self.book.number(node, "`retries`")

    def _take_confirm(self, _: Scalar, node: Node) -> None:
        self.confirm = self.book.template(node, "`confirm`", self.scope, filled=True)

    def _take_cache(self, _: Scalar, node: Node) -> None:
        text = self.book.word(node, "`cache`")
        lower = text.lower()
        if lower in _CACHE:
            self.cache = _CACHE[lower]
        elif text:
            self.book.add("`cache` is `true`, `false`, `local` or `shared`", node.position)

    def _take_ports(self, _: Scalar, node: Node) -> None:
        self.server.take_ports(node)

    def _take_ready(self, _: Scalar, node: Node) -> None:
        self.server.take_ready(node, self.scope, self.language)

    def _take_hostname(self, _: Scalar, node: Node) -> None:
        self.server.take_hostname(node, self.scope)

    def _take_image(self, _: Scalar, node: Node) -> None:
        self.image = decode_image(self.book, node, self.scope, self.language)

    def _take_container(self, _: Scalar, node: Node) -> None:
        self.container = decode_container_name(self.book, node)

    def _take_run(self, _: Scalar, node: Node) -> None:
        self.runs = bool(self.book.items(node))
        self.steps = RunReader(self.book, self.scope, self.language, self.params).steps(node)

    def _take_finally(self, _: Scalar, node: Node) -> None:
        self.last = RunReader(self.book, self.scope, self.language, self.params).steps(node)


_NAME_HINT = "begin it with a letter or a digit"


def decode_pass_env(book: Faultbook, node: Node) -> tuple[tuple[str, bool], ...]:
    """Names of variables, each with whether its value is part of the key."""
    found = []
    for item in book.items(node):
        name, key = "", True
        if isinstance(item, Mapping):
            texts: list[str] = []
            flags: list[bool] = []

            def take_name(_: Scalar, value: Node, texts: list[str] = texts) -> None:
                texts.append(book.word(value, "`name`"))

            def take_key(_: Scalar, value: Node, flags: list[bool] = flags) -> None:
                flags.append(book.flag(value, "`key`"))

            read_map(book, item, "`pass-env`", {"name": take_name, "key": take_key})
            name, key = (texts or [""])[0], all(flags)
            if not texts:
                book.add("a variable needs a `name`", item.position)
        else:
            name = book.word(item, "a variable")
        if name:
            check_variable(book, name, item)
            found.append((name, key))
    return tuple(found)


def param_names(param: Param) -> Iterable[str]:
    """The names that a definition uses."""
    return names_in([param.values, param.glob, param.defaults, param.rewrite])


def names_in(value: object) -> Iterable[str]:
    """All names that a part of the model uses."""
    if isinstance(value, Template):
        yield from value.names()
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from names_in(item)
    else:
        if isinstance(value, Check) and value.kind in {EQUAL, NOT_EQUAL}:
            yield value.name
        fields = getattr(value, "fields", None)
        if fields is not None:
            yield from names_in(fields())
