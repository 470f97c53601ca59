"""One concrete thing to do.

An action is a frozen value: everything that decides what it does is in it, filled in. What only people read
(its label, where things stand in files) has no part in its identity.
"""

from runner.location import Position
from runner.model.record import Record
from runner.model.task import Secret
from runner.plan.image_plan import ImagePlan
from runner.plan.origin import Provenance
from runner.plan.pattern import Pattern, rebased
from runner.plan.step import PlanStep, Question, Script, interpreters_in, questions_in, scripts_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.plan.container_plan import ContainerPlan

PATTERN = "pattern"
GO = "go"
APART = ".pyrun/platforms"
"""The folder, relative to the project's top folder, of what is made for other platforms than this machine's."""


class Package(Record):
    """A package whose files are sources, found by reading its imports.

    Args:
        name: The package, as its language names it.
        tests: Whether its tests count.
        dir: The folder that its name is relative to, relative to the project's top.
        position: Where it stands.
    """

    FIELDS = ("name", "tests", "dir", "position")
    __slots__ = FIELDS

    def __init__(
        self,
        name: str,
        tests: bool,
        dir: str,  # noqa: A002 - the key's own name
        position: Position,
    ) -> None:
        self.name = name
        self.tests = tests
        self.dir = dir
        self.position = position


class Sources(Record):
    """What an action reads.

    Args:
        patterns: Patterns, paths and folders, each with the place where it stands.
        excludes: What is taken out again.
        packages: Packages whose files are found by reading.
        more: What the tasks read that became part of it, each with its own excludes.
    """

    FIELDS = ("patterns", "excludes", "packages", "more")
    __slots__ = FIELDS

    def __init__(
        self,
        patterns: tuple[tuple[Pattern, Position], ...],
        excludes: tuple[Pattern, ...],
        packages: tuple[Package, ...],
        more: "tuple[Sources, ...]" = (),
    ) -> None:
        self.patterns = patterns
        self.excludes = excludes
        self.packages = packages
        self.more = more

    def with_more(self, other: "Sources") -> "Sources":
        """These sources and others, each with its own excludes."""
        return Sources(self.patterns, self.excludes, self.packages, (*self.more, other))


class Limits(Record):
    """How an action is tried.

    Args:
        timeout: Milliseconds that one try of its steps may take, or 0 for any.
        retries: How often its steps are tried again.
        confirm: What the user is asked before anything runs.
    """

    FIELDS = ("timeout", "retries", "confirm")
    __slots__ = FIELDS

    def __init__(self, timeout: int, retries: int, confirm: tuple[str, ...]) -> None:
        self.timeout = timeout
        self.retries = retries
        self.confirm = confirm


class ServerPlan(Record):
    """How a server is reached, and when it is ready.

    Args:
        ports: Its ports.
        ready: What must be so: `port`, `http`, `command` or `log`, and what to ask.
        limit: Milliseconds after which it is taken for never getting ready.
        outer: For each of its ports the one of this machine by which a container's is reached, 0 for any.
        hostname: Its name on the network of a run.
    """

    FIELDS = ("ports", "ready", "limit", "outer", "hostname")
    __slots__ = FIELDS

    def __init__(
        self,
        ports: tuple[int, ...],
        ready: tuple[tuple[str, str], ...],
        limit: int,
        outer: tuple[int, ...] = (),
        hostname: str = "",
    ) -> None:
        self.ports = ports
        self.ready = ready
        self.limit = limit
        self.outer = outer
        self.hostname = hostname


class Traits(Record):
    """What a file and a task say of how an action is told, remembered and surrounded.

    Args:
        shown: Whether it is named where its commands are told.
        quiet: Whether neither its commands nor those of what it calls are told.
        tusk: Whether its file is a `tusk.yml`.
        namespace: The namespace of its file.
        pass_env: Variables of the caller that are part of its key, with None for one that is not set.
        secrets: Its secrets.
        cache: What it says of being remembered, or empty.
        watch: Whether it wants to run again when what it reads changes.
    """

    FIELDS = ("shown", "quiet", "tusk", "namespace", "pass_env", "secrets", "cache", "watch")
    __slots__ = FIELDS

    def __init__(
        self,
        shown: bool,
        quiet: bool,
        tusk: bool,
        namespace: str,
        pass_env: tuple[tuple[str, str | None], ...],
        secrets: tuple[Secret, ...],
        cache: str,
        watch: bool,
    ) -> None:
        self.shown = shown
        self.quiet = quiet
        self.tusk = tusk
        self.namespace = namespace
        self.pass_env = pass_env
        self.secrets = secrets
        self.cache = cache
        self.watch = watch


class Action(Record):
    """A task with everything filled in.

    Args:
        id: What no other action of a plan is called, the same in every plan.
        label: What people call it.
        task: The name of its task.
        values: Its args and options.
        steps: What it does, in order.
        last: What it does in the end, whether the steps succeeded or not.
        interpreter: The words that start a script's interpreter.
        env: Fixed variables.
        dir: Its working folder, relative to the project's top.
        sources: What it reads, or None where its task does not say.
        targets: What it writes, or None where its task does not say.
        maybe: The texts of those targets that it need not have made, since a condition decides at its turn.
        deps: The ids of the actions that must succeed first.
        own_deps: Those of them that its own task names, and not only a task that it calls.
        calls: The ids of the actions that its steps call.
        limits: How it is tried.
        persistent: Whether it is a server.
        server: How it is reached as one, or None.
        image: The image it makes, or None.
        image_deps: For each `copy` of the image the id of the action whose targets it takes, or empty.
        traits: What its file and task say of how it is told and remembered.
        provenance: Where its values and variables came from.
        position: Where its task stands.
        container: The container that it runs in, or None for the host.
        addresses: Texts that stand for a port that is known only when a server runs, each with the id of the
            server and its own port.
        platform: What it is done for, such as `linux/arm64`, where that is another platform than this machine's:
            then it is done in a tree of its own, and what it makes never comes into the checkout. Else empty.
    """

    FIELDS = (
        "id", "label", "task", "values", "steps", "last", "interpreter", "env", "dir", "sources", "targets",
        "maybe", "deps", "own_deps", "calls", "limits", "persistent", "server", "image", "image_deps", "traits",
        "provenance", "position", "container", "addresses", "platform",
    )  # fmt: skip
    __slots__ = FIELDS

    def __init__(
        self,
        id: str,  # noqa: A002 - the word of the plan
        label: str,
        task: str,
        values: tuple[tuple[str, str | tuple[str, ...]], ...],
        steps: tuple[PlanStep, ...],
        last: tuple[PlanStep, ...],
        interpreter: tuple[str, ...],
        env: tuple[tuple[str, str], ...],
        dir: str,  # noqa: A002 - the key's own name
        sources: Sources | None,
        targets: tuple[Pattern, ...] | None,
        maybe: tuple[str, ...],
        deps: tuple[str, ...],
        own_deps: tuple[str, ...],
        calls: tuple[str, ...],
        limits: Limits,
        persistent: bool,
        server: ServerPlan | None,
        image: ImagePlan | None,
        image_deps: tuple[str, ...],
        traits: Traits,
        provenance: Provenance,
        position: Position,
        container: "ContainerPlan | None" = None,
        addresses: tuple[tuple[str, str, int], ...] = (),
        platform: str = "",
    ) -> None:
        self.id = id
        self.label = label
        self.task = task
        self.values = values
        self.steps = steps
        self.last = last
        self.interpreter = interpreter
        self.env = env
        self.dir = dir
        self.sources = sources
        self.targets = targets
        self.maybe = maybe
        self.deps = deps
        self.own_deps = own_deps
        self.calls = calls
        self.limits = limits
        self.persistent = persistent
        self.server = server
        self.image = image
        self.image_deps = image_deps
        self.traits = traits
        self.provenance = provenance
        self.position = position
        self.container = container
        self.addresses = addresses
        self.platform = platform

    @property
    def apart(self) -> str:
        """The folder in which its targets are instead of in the project's top folder; empty for that one.

        Relative to the top. Its commands see them at their usual paths all the same: see `written`.
        """
        return apart_folder(self.platform) if self.platform else ""

    @property
    def written(self) -> tuple[Pattern, ...]:
        """Its targets where its commands write them, which is not where they are kept if it is done apart."""
        if not self.platform:
            return self.targets or ()
        above = self.apart
        return tuple(
            rebased(target, target.base.removeprefix(above).removeprefix("/"))
            for target in self.targets or ()
        )

    @property
    def as_it_comes(self) -> bool:
        """Whether it is a server that is nothing but what its container's image starts by itself."""
        return self.persistent and self.container is not None and not (self.steps or self.last)

    @property
    def remembered(self) -> bool:
        """Whether it is skipped when nothing that it declares has changed."""
        declared = self.sources is not None or self.image is not None
        return declared and not self.persistent and self.traits.cache != "false"

    @property
    def restorable(self) -> bool:
        """Whether what it makes may be kept in the store and brought back from there."""
        asked = self.traits.cache == "true" if self.traits.tusk else True
        return self.remembered and asked and self.image is None and bool(self.targets)

    @property
    def scripts(self) -> tuple[Script, ...]:
        """All its commands, in order."""
        return scripts_in((*self.steps, *self.last))

    @property
    def interpreters(self) -> tuple[str, ...]:
        """The programs that read its scripts, in order, each once."""
        steps = (*self.steps, *self.last)
        return tuple(dict.fromkeys((self.interpreter[0], *interpreters_in(steps)))) if self.scripts else ()

    @property
    def questions(self) -> tuple[Question, ...]:
        """All that its conditions ask at their turn, in order."""
        return questions_in((*self.steps, *self.last))


def apart_folder(platform: str) -> str:
    """The folder, relative to the project's top folder, of what is made for a platform."""
    return f"{APART}/{platform.replace('/', '-')}"


class Plan(Record):
    """All that is to be done for one command line.

    Args:
        actions: Every action once, each behind those that it needs.
        asked: The ids of those that were asked for, in the order of the command line.
        called: The ids of those that are only called: they have no turn of their own.
    """

    FIELDS = ("actions", "asked", "called")
    __slots__ = FIELDS

    def __init__(self, actions: tuple[Action, ...], asked: tuple[str, ...], called: tuple[str, ...]) -> None:
        self.actions = actions
        self.asked = asked
        self.called = called

    @property
    def scheduled(self) -> tuple[Action, ...]:
        """The actions that have a turn of their own."""
        return tuple(action for action in self.actions if action.id not in self.called)
