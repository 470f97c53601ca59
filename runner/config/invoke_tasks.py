"""Invoke's `tasks.py`: which tasks it has and what each takes.

Looking at tasks must not run the user's code, so the file is read and not imported. That follows what nearly
all such files consist of; the rest is told as notices, and no task is made up.
"""

from collections.abc import Callable

from runner.config.invoke_collection import ClashError
from runner.config.invoke_source import Source
from runner.config.invoke_statements import collection_of, follow
from runner.errors import FileError
from runner.location import Position
from runner.model.invoke import InvokeTask, InvokeTasks


def read_invoke_tasks(data: bytes, path: str, read: Callable[[str], bytes | None]) -> InvokeTasks:
    """The tasks of a `tasks.py`, or of the `__init__.py` of a `tasks` package.

    Args:
        data: The file's bytes.
        path: The file as the user would name it.
        read: Gives the bytes of another file, whose path is relative to the folder of this one; None if there
            is no such file.

    Raises:
        FileError: It, or one that it imports, is no Python, or Invoke would refuse it.
    """
    folder, _, file = path.rpartition("/")
    name = file.removesuffix(".py")
    if file == "__init__.py":
        name = folder.rpartition("/")[2] or "tasks"
    source = Source(f"{folder}/" if folder else "", read, follow)
    try:
        drafts = collection_of(source.top(name, path, data)).names()
    except ClashError as error:
        raise FileError(error.message, Position(path, 1, 1), "Invoke refuses that too") from None
    except RecursionError:
        raise FileError("this is nested too deeply to be read", Position(path, 1, 1)) from None
    taken: dict[str, str] = {}
    for name, aliases, draft in drafts:
        if draft.fault is not None:
            raise draft.fault
        for known in (name, *aliases):
            if known in taken:
                message = f"`{known}` is a name of both `{taken[known]}` and `{name}`"
                raise FileError(message, draft.position, "rename one of them; Invoke refuses that too")
            taken[known] = name
    tasks = tuple(
        InvokeTask(
            name, aliases, draft.usage, draft.description, draft.params,
            tuple(taken) if any(param.optional for param in draft.params) else (), draft.position,
        )
        for name, aliases, draft in drafts
    )  # fmt: skip
    return InvokeTasks(tasks, tuple(source.notices), tuple(dict.fromkeys(source.asked)))
