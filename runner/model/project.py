"""The whole file.

A start needs one task of maybe thousands, so a project answers for its tasks one by one, and one that comes
from the cache decodes a task when it is asked for and not before.
"""

from runner.errors import did_you_mean
from runner.location import Position
from runner.model.container import HOST, Container, ContainerName, bare_container, is_reference
from runner.model.record import Record
from runner.model.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


NAMESPACE = "namespace"
"""What the arg is called that picks one of the included files that define a task."""
FILE_NAMES = ("tasks.yml", "tasks.yaml", "tusk.yml", "tusk.yaml")
"""What a folder's own file may be called, the first one first."""
SHELL = ("sh", "-c")
"""The interpreter where a file names none."""


class EnvFile(Record):
    """A file of variables.

    Args:
        path: Where it is, relative to its `tasks.yml`.
        required: Whether it must be there.
        position: Where it is named.
    """

    FIELDS = ("path", "required", "position")
    __slots__ = FIELDS

    def __init__(self, path: str, required: bool, position: Position) -> None:
        self.path = path
        self.required = required
        self.position = position


class Notice(Record):
    """Something in a file that stops nothing, but that its writer should know.

    Args:
        text: What, in a sentence without a full stop.
        hint: What would be better, or empty.
        position: Where.
    """

    FIELDS = ("text", "hint", "position")
    __slots__ = FIELDS

    def __init__(self, text: str, hint: str, position: Position) -> None:
        self.text = text
        self.hint = hint
        self.position = position


class Head(Record):
    """What a file says beside its tasks.

    Args:
        name: The project's name, or empty.
        usage: The project in one line, or empty.
        interpreter: The words that start a script's interpreter; the script is added as the last.
        shell: Whether that is a POSIX shell, in whose text values can be quoted.
        tusk: Whether the file is a `tusk.yml`, which keeps some ways of its own.
        env_files: The files of variables, in order, later ones winning.
        pass_env: What every task passes on, see there.
        store: Where what tasks made is kept, as written, and how many bytes that may take; empty and 0 where the
            file does not say.
        containers: The containers that the file defines, in order, and none of other files.
        container: Where tasks run that do not say, or None where the file does not say.
        secrets: The variables that are some task's secrets.
        notices: What its writer should know.
        namespace: The namespace of the file, empty for the top's.
        folder: Where the file is, relative to the top.
        file: The file's name as errors show it.
        position: Where the file begins.
    """

    FIELDS = (
        "name", "usage", "interpreter", "shell", "tusk", "env_files", "pass_env", "store", "containers",
        "container", "secrets", "notices", "namespace", "folder", "file", "position",
    )  # fmt: skip
    __slots__ = FIELDS

    def __init__(
        self,
        name: str,
        usage: str,
        interpreter: tuple[str, ...],
        shell: bool,
        tusk: bool,
        env_files: tuple[EnvFile, ...],
        pass_env: tuple[tuple[str, bool], ...],
        store: tuple[str, int],
        containers: tuple[Container, ...],
        container: ContainerName | None,
        secrets: tuple[str, ...],
        notices: tuple[Notice, ...],
        namespace: str,
        folder: str,
        file: str,
        position: Position,
    ) -> None:
        self.name = name
        self.usage = usage
        self.interpreter = interpreter
        self.shell = shell
        self.tusk = tusk
        self.env_files = env_files
        self.pass_env = pass_env
        self.store = store
        self.containers = containers
        self.container = container
        self.secrets = secrets
        self.notices = notices
        self.namespace = namespace
        self.folder = folder
        self.file = file
        self.position = position


class Project(Protocol):
    """A file's tasks, those of the files that it includes among them."""

    @property
    def heads(self) -> tuple[Head, ...]:
        """What each file says beside its tasks, the top's first."""

    @property
    def head(self) -> Head:
        """What the top file says."""

    def names(self) -> tuple[str, ...]:
        """The names of all tasks, in the order of the file."""

    def task(self, name: str) -> Task | None:
        """The task of that name or alias, or None."""


class LoadedProject:
    """A project whose tasks are all at hand.

    Args:
        heads: What each file says beside its tasks, the top's first.
        tasks: Its tasks, in order.
    """

    __slots__ = ("_aliases", "_tasks", "heads")

    def __init__(self, heads: tuple[Head, ...], tasks: tuple[Task, ...]) -> None:
        self.heads = heads
        self._tasks = {task.name: task for task in tasks}
        self._aliases = {alias: task for task in tasks for alias in full_aliases(task)}

    @property
    def head(self) -> Head:
        """What the top file says."""
        return self.heads[0]

    def names(self) -> tuple[str, ...]:
        """The names of all tasks, in the order of the file."""
        return tuple(self._tasks)

    def task(self, name: str) -> Task | None:
        """The task of that name, or None."""
        return self._tasks.get(name) or self._aliases.get(name)


def full_names(name: str, namespace: str) -> tuple[str, ...]:
    """What a name in a file may mean, the first meaning first.

    A bare name is the file's own task, then the top's; `:name` is the top's.

    Args:
        name: The name as it is written.
        namespace: The namespace of the file.
    """
    if name.startswith(":"):
        return (name[1:],)
    return (f"{namespace}:{name}", name) if namespace else (name,)


def full_aliases(task: Task) -> tuple[str, ...]:
    """The other names of a task, as they are at the top."""
    return tuple(f"{task.namespace}:{alias}" if task.namespace else alias for alias in task.aliases)


def head_of(project: Project, task: Task) -> Head:
    """What the file of a task says beside its tasks."""
    return head_named(project, task.namespace)


def head_named(project: Project, namespace: str) -> Head:
    """What the file of a namespace says beside its tasks."""
    return next((head for head in project.heads if head.namespace == namespace), project.heads[0])


def container_named(project: Project, name: str, namespace: str) -> Container | None:
    """The container that a name in a file stands for; None if there is none of that name.

    It is the file's own, or that of the nearest file that includes it, or an image by its reference.

    Args:
        project: All files.
        name: The name as it is written.
        namespace: The namespace of the file.
    """
    if is_reference(name):
        return bare_container(name, head_named(project, namespace).position)
    seen = containers_seen(project.heads, namespace)
    return next((container for container in seen if container.name == name), None)


def containers_seen(heads: tuple[Head, ...], namespace: str) -> tuple[Container, ...]:
    """The containers that a file can name: its own, then those of the files that include it, the nearest first.

    Of two of one name the first counts.

    Args:
        heads: What all files say.
        namespace: The namespace of the file.
    """
    found: tuple[Container, ...] = ()
    while True:
        found += next((head.containers for head in heads if head.namespace == namespace), ())
        if not namespace:
            return found
        namespace = namespace.rpartition(":")[0]


def unknown_container_hint(name: str, heads: tuple[Head, ...], namespace: str) -> str:
    """What to say to a user who named a container that is not there.

    Args:
        name: The name as it is written.
        heads: What all files say.
        namespace: The namespace of the file.
    """
    known = tuple(dict.fromkeys(container.name for container in containers_seen(heads, namespace)))
    near = did_you_mean(name, (*known, HOST))
    return near if near.startswith("did") else f"an image is written with its tag: `{name}:latest`"


def public_names(project: Project) -> tuple[str, ...]:
    """The names that can be asked for on the command line, in the order of the file."""
    return tuple(name for name in project.names() if (task := project.task(name)) and not task.private)


def unknown_task_hint(name: str, project: Project) -> str:
    """What to say to a user who named a task that is not there."""
    return did_you_mean(name, public_names(project)) or "`pyrun --list` shows the tasks"
