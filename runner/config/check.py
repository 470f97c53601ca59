"""What no key of a file can say for itself: whether the tasks that calls name are there."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from runner.config.fields import Faultbook
from runner.errors import did_you_mean
from runner.model.call import Call
from runner.model.project import full_aliases, full_names
from runner.model.step import SubTask
from runner.model.task import Task


class Books(Protocol):
    """The faults of each file, by its path."""

    books: dict[str, Faultbook]


def check_calls(found: Books, tasks: Mapping[str, Task]) -> None:
    """Note every call of a task that no file defines, as far as its name is plain."""
    known = {name: task for task in tasks.values() for name in _names(task)}
    spread = {name[len(task.namespace) + 1 :] for name, task in known.items() if task.namespace}
    for task in tasks.values():
        for call in _calls(task):
            name = _name(call)
            if not name or name in spread:
                continue
            names = (*full_names(name, task.namespace), *full_names(call.text, task.namespace))
            if not any(full in known for full in names):
                at = call.words[0].position
                book = found.books[at.path]
                hint = "" if book.full else did_you_mean(name, tuple(known))
                book.add(f"there is no task `{name}`", at, hint)


def check_names(found: Books, tasks: Mapping[str, Task]) -> None:
    """Note every alias that is already the name of something."""
    owner = dict.fromkeys(tasks, "")
    for task in tasks.values():
        for name in _names(task):
            if name == task.name:
                continue
            if name in owner:
                what = f"another name of `{owner[name]}`" if owner[name] else "the name of a task"
                found.books[task.position.path].add(
                    f"the alias `{name}` of `{task.name}` is {what} already", task.position
                )
            owner[name] = task.name


def _names(task: Task) -> Iterable[str]:
    """The name of a task and its aliases, as they are at the top."""
    return (task.name, *full_aliases(task))


def _calls(task: Task) -> Iterable[Call]:
    yield from task.deps
    for step in (*task.steps, *task.last):
        yield from (action.call for action in step.does if isinstance(action, SubTask))
    if task.image is not None:
        yield from (copy.call for copy in task.image.copy if copy.call is not None)


def _name(call: Call) -> str:
    """The name that a call begins with; empty if only a value tells it."""
    parts = call.words[0].parts
    return parts[0] if len(parts) == 1 and isinstance(parts[0], str) else ""
