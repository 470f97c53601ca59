"""Invoke's collections: how tasks get their names.

A collection holds tasks and further collections, each under a name of its own; the names that are typed are the
ways through them, joined by dots. What a file does to its collections is found by `invoke_source`.
"""

from runner.errors import FileError, PyrunError
from runner.location import Position
from runner.model.invoke import InvokeParam


class ClashError(PyrunError):
    """Two things of one name, or two defaults of one collection, which Invoke refuses too."""


class TaskDraft:
    """A task before its collection names it.

    Args:
        name: Its own name, underscores kept.
        aliases: Its other names, the same.
        default: Whether it stands for its collection.
        usage: The first line of its docstring.
        description: The rest of it.
        params: Its parameters.
        position: Where its name stands.
        fault: Why Invoke would refuse every call of its file if this task is there in the end, or None.
    """

    __slots__ = ("aliases", "default", "description", "fault", "name", "params", "position", "usage")

    def __init__(
        self,
        name: str,
        aliases: tuple[str, ...],
        default: bool,
        usage: str,
        description: str,
        params: tuple[InvokeParam, ...],
        position: Position,
        fault: FileError | None = None,
    ) -> None:
        self.fault = fault
        self.name = name
        self.aliases = aliases
        self.default = default
        self.usage = usage
        self.description = description
        self.params = params
        self.position = position


class Collection:
    """A set of tasks and of further sets.

    Args:
        name: Its own name, or empty.
        dashes: Whether underscores within names are typed as dashes; if not, dashes are as underscores.
    """

    __slots__ = ("_aliases", "_dashes", "collections", "default", "name", "tasks")

    def __init__(self, name: str, dashes: bool = True) -> None:
        self._dashes = dashes
        self.name = self.typed(name)
        self.tasks: dict[str, TaskDraft] = {}
        self._aliases: dict[str, str] = {}
        self.collections: dict[str, Collection] = {}
        self.default = ""

    def add_task(self, task: TaskDraft, name: str = "", default: bool | None = None) -> None:
        """Take a task, under its own name if no other is given.

        Raises:
            ClashError: The name is a collection's, or there is a default already.
        """
        name = self.typed(name or task.name)
        if name in self.collections:
            raise ClashError(f"`{name}` is already the name of a collection here")
        # As in Invoke, a task that is named as an alias takes the place of the one whose alias that is.
        followed: set[str] = set()
        while name in self._aliases and name not in followed:
            followed.add(name)
            name = self._aliases[name]
        self.tasks[name] = task
        self._aliases.update(dict.fromkeys(map(self.typed, task.aliases), name))
        if default or (default is None and task.default):
            self._set_default(name)

    def add_collection(self, collection: "Collection", name: str = "", default: bool = False) -> None:
        """Take a collection, under its own name if no other is given.

        Raises:
            ClashError: The name is a task's, there is none, or there is a default already.
        """
        name = self.typed(name or collection.name)
        if not name:
            raise ClashError("a collection within another needs a name")
        if name in self.tasks or name in self._aliases:
            raise ClashError(f"`{name}` is already the name of a task here")
        self.collections[name] = collection
        if default:
            self._set_default(name)

    def retyped(self, name: str, dashes: bool = True) -> "Collection":
        """The same as the collection of a module, whose dashes rule whatever it was made with."""
        top = Collection(name, dashes)
        top.tasks = {top.typed(key): task for key, task in self.tasks.items()}
        top.collections = {top.typed(key): inner for key, inner in self.collections.items()}
        top.default = top.typed(self.default)
        return top

    def names(self) -> tuple[tuple[str, tuple[str, ...], TaskDraft], ...]:
        """Each task with the name and the other names that are typed for it, its own tasks first."""
        found = [(name, tuple(map(self.typed, task.aliases)), task) for name, task in self.tasks.items()]
        for prefix, inner in self.collections.items():
            for name, aliases, task in inner.names():
                others = tuple(f"{self.typed(prefix)}.{self.typed(alias)}" for alias in aliases)
                if inner.default == name:
                    others += (prefix,)
                found.append((f"{self.typed(prefix)}.{self.typed(name)}", others, task))
        return tuple(found)

    def typed(self, name: str) -> str:
        """A name as it is typed: all underscores but those at an end of one of its parts are dashes."""
        old, new = ("_", "-") if self._dashes else ("-", "_")
        last = len(name) - 1
        return "".join(
            new if letter == old and 0 < i < last and "." not in {name[i - 1], name[i + 1]} else letter
            for i, letter in enumerate(name)
        )

    def _set_default(self, name: str) -> None:
        if self.default:
            raise ClashError(f"`{name}` can't be the default: `{self.default}` already is")
        self.default = name
