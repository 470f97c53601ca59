"""A task: what the user writes under `tasks`."""

from runner.location import Position
from runner.model.call import Call
from runner.model.container import ContainerName
from runner.model.image import Image
from runner.model.param import Param
from runner.model.record import Record
from runner.model.step import Step
from runner.model.template import Template

PATTERN = "pattern"
EXCLUDE = "exclude"
GO = "go"


class Source(Record):
    """One `source` item.

    Args:
        kind: PATTERN (a pattern, a path or a folder), EXCLUDE (what is taken out again), GO (a package).
        text: The pattern or the package.
        tests: For a package: whether its tests count.
        position: Where it stands.
    """

    FIELDS = ("kind", "text", "tests", "position")
    __slots__ = FIELDS

    def __init__(self, kind: str, text: Template, tests: bool, position: Position) -> None:
        self.kind = kind
        self.text = text
        self.tests = tests
        self.position = position


SSH = "ssh"
"""The secret that stands for the agent of ssh."""


class Secret(Record):
    """Something that one task's commands get and nothing else.

    Args:
        name: The variable, or SSH.
        file: A file whose content it is, or empty for the caller's variable of that name.
        to: Where the commands find it as a file, or empty where they find it in the variable.
        position: Where it stands.
    """

    FIELDS = ("name", "file", "to", "position")
    __slots__ = FIELDS

    def __init__(self, name: str, file: str, to: str, position: Position) -> None:
        self.name = name
        self.file = file
        self.to = to
        self.position = position

    @property
    def variable(self) -> str:
        """The variable that it is in, or that leads to it."""
        return "SSH_AUTH_SOCK" if self.name == SSH else self.name


class Server(Record):
    """How a server is reached, and when it is ready.

    Args:
        ports: For each port the one of this machine, 0 for any free one, and the server's own.
        ready: How it is found out: `port`, `http`, `command` or `log`, with what to ask; empty for its
            first port, if it has one.
        limit: Milliseconds after which it is taken for never getting ready, or 0 for the usual time.
        hostname: Its name on the network of a run, or None.
        position: Where that is said.
    """

    FIELDS = ("ports", "ready", "limit", "hostname", "position")
    __slots__ = FIELDS

    def __init__(
        self,
        ports: tuple[tuple[int, int], ...],
        ready: tuple[tuple[str, Template], ...],
        limit: int,
        hostname: Template | None,
        position: Position,
    ) -> None:
        self.ports = ports
        self.ready = ready
        self.limit = limit
        self.hostname = hostname
        self.position = position


class Task(Record):
    """A task as its file says it.

    Args:
        name: Its name.
        usage: One line for the list of tasks, or empty.
        description: More for its own help, or empty.
        private: Whether only other tasks may call it.
        quiet: Whether its commands, and those of the tasks that it calls, are not told.
        aliases: Its other names.
        namespace: The namespace of its file, empty for the top's.
        args: Its args, in order.
        options: Its own options, in order.
        shared: The options of the top level that it mentions, directly or through one of these, in order.
        deps: What must succeed first.
        sources: What it reads, or None where it does not say.
        targets: What it writes, or None where it does not say.
        env: Fixed variables, in order.
        dir: Its working folder, or None for its file's.
        steps: What it does, in order.
        last: What it does in the end, whether the steps succeeded or not.
        timeout: Milliseconds that one try of its steps may take, or 0 for any.
        retries: How often its steps are tried again.
        confirm: What the user is asked before anything runs, or None.
        secrets: What only its commands get.
        pass_env: The caller's variables that it is about, each with whether its value is part of the key.
        cache: Whether what it made counts the next time: `true`, `false`, `local` or `shared`; empty where it
            is not said.
        watch: Whether it runs again by itself when what it reads changes.
        spread: Where it stands for the tasks of its name in included files: the namespaces that have one.
        persistent: Whether it is a server.
        server: What is known of it as a server, or None.
        image: The image it makes, or None.
        container: Where it runs, or None where it does not say; for one that makes an image, where what it
            copies from runs.
        position: Where its name stands.
    """

    FIELDS = (
        "name", "usage", "description", "private", "quiet", "aliases", "namespace", "args", "options", "shared",
        "deps", "sources", "targets", "env", "dir", "steps", "last", "timeout", "retries", "confirm", "secrets",
        "pass_env", "cache", "watch", "spread", "persistent", "server", "image", "container", "position",
    )  # fmt: skip
    __slots__ = FIELDS

    def __init__(
        self,
        name: str,
        usage: str,
        description: str,
        private: bool,
        quiet: bool,
        aliases: tuple[str, ...],
        namespace: str,
        args: tuple[Param, ...],
        options: tuple[Param, ...],
        shared: tuple[Param, ...],
        deps: tuple[Call, ...],
        sources: tuple[Source, ...] | None,
        targets: tuple[Template, ...] | None,
        env: tuple[tuple[str, Template], ...],
        dir: Template | None,  # noqa: A002 - the key's own name
        steps: tuple[Step, ...],
        last: tuple[Step, ...],
        timeout: int,
        retries: int,
        confirm: Template | None,
        secrets: tuple[Secret, ...],
        pass_env: tuple[tuple[str, bool], ...],
        cache: str,
        watch: bool,
        spread: tuple[str, ...],
        persistent: bool,
        server: Server | None,
        image: Image | None,
        container: ContainerName | None,
        position: Position,
    ) -> None:
        self.name = name
        self.usage = usage
        self.description = description
        self.private = private
        self.quiet = quiet
        self.aliases = aliases
        self.namespace = namespace
        self.args = args
        self.options = options
        self.shared = shared
        self.deps = deps
        self.sources = sources
        self.targets = targets
        self.env = env
        self.dir = dir
        self.steps = steps
        self.last = last
        self.timeout = timeout
        self.retries = retries
        self.confirm = confirm
        self.secrets = secrets
        self.pass_env = pass_env
        self.cache = cache
        self.watch = watch
        self.spread = spread
        self.persistent = persistent
        self.server = server
        self.image = image
        self.container = container
        self.position = position
