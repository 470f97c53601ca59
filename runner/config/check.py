"""What no key of a file can say for itself: whether the tasks that calls name are there."""

from collections.abc import Iterable, Mapping

from runner.config.fields import Faultbook
from runner.errors import did_you_mean
from runner.model.call import Call
from runner.model.task import Task


def check_calls(book: Faultbook, tasks: Mapping[str, Task]) -> None:
    """Note every call of a task that the file does not define, as far as its name is plain."""
    for task in tasks.values():
        for call in _calls(task):
            name = _name(call)
            if name and name not in tasks and call.text not in tasks:
                at = call.words[0].position
                hint = "" if book.full else did_you_mean(name, tuple(tasks))
                book.add(f"there is no task `{name}`", at, hint)


def _calls(task: Task) -> Iterable[Call]:
    yield from task.deps
    if task.image is not None:
        yield from (copy.call for copy in task.image.copy if copy.call is not None)


def _name(call: Call) -> str:
    """The name that a call begins with; empty if only a value tells it."""
    parts = call.words[0].parts
    return parts[0] if len(parts) == 1 and isinstance(parts[0], str) else ""
