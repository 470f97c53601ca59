"""What no key of a file can say for itself: whether the tasks that calls name are there."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from runner.config.fields import Faultbook
from runner.errors import did_you_mean
from runner.model.call import Call
from runner.model.container import HOST
from runner.model.project import Head, containers_seen, full_aliases, full_names, unknown_container_hint
from runner.model.record import Record
from runner.model.step import SubTask
from runner.model.task import Task
from runner.model.template import Hole, Template


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


def check_container_names(found: Books, heads: Iterable[Head], says: Iterable[Head | Task]) -> None:
    """Note every `container` that is none for the file in which it stands.

    Args:
        found: Where faults go.
        heads: All files.
        says: What may have a `container`.
    """
    heads = tuple(heads)
    for one in says:
        name = one.container
        if name is None or name.text == HOST or name.is_reference:
            continue
        if not any(container.name == name.text for container in containers_seen(heads, one.namespace)):
            book = found.books[name.position.path]
            hint = "" if book.full else unknown_container_hint(name.text, heads, one.namespace)
            book.add(f"there is no container `{name.text}`", name.position, hint)


def check_container_tasks(found: Books, heads: Iterable[Head], tasks: Mapping[str, Task]) -> None:
    """Note every container whose image is to come from a task that makes none, as far as its name is plain."""
    known = {name: task for task in tasks.values() for name in _names(task)}
    spread = {name[len(task.namespace) + 1 :] for name, task in known.items() if task.namespace}
    for head in heads:
        for container in head.containers:
            call = container.task
            name = _name(call) if call is not None else ""
            if call is None or not name:
                continue
            names = (*full_names(call.text, head.namespace), *full_names(name, head.namespace))
            task = next((known[full] for full in names if full in known), None)
            book = found.books[container.position.path]
            at = call.words[0].position
            if task is not None and task.image is None:
                book.add(f"`{name}` makes no image", at, "name a task with `image`")
            elif task is None and name not in spread:
                images = tuple(full for full, one in known.items() if one.image is not None)
                book.add(f"there is no task `{name}`", at, "" if book.full else did_you_mean(name, images))


def check_addresses(found: Books, tasks: Mapping[str, Task]) -> None:
    """Note every `${NAME.host}` and `${NAME.port}` of something that has none."""
    for task in tasks.values():
        # Only what a task depends on has an address for it.
        for hole in _holes(task) if task.deps else ():
            name, dot, what = hole.name.rpartition(".")
            if not dot:
                continue
            called = (full for call in task.deps for full in full_names(_name(call), task.namespace))
            server = next((tasks[full] for full in called if full in tasks and _short(full) == name), None)
            if server is None:
                continue
            book = found.books[hole.position.path]
            if not server.persistent:
                book.add(f"`{name}` is no server, so it has no address", hole.position)
            elif what == "port" and (server.server is None or not server.server.ports):
                book.add(f"`{name}` says no `ports`", hole.position, f"add `ports: [PORT]` to `{name}`")


def _short(full: str) -> str:
    """A task's own name, without its namespace."""
    return full.rpartition(":")[2]


def _holes(value: object) -> Iterable[Hole]:
    """All holes of a part of the model."""
    if isinstance(value, Template):
        yield from (part for part in value.parts if isinstance(part, Hole))
    elif isinstance(value, tuple):
        for item in value:
            yield from _holes(item)
    elif isinstance(value, Record):
        yield from _holes(value.fields())


def check_secrets(found: Books, tasks: Mapping[str, Task], secrets: Iterable[str]) -> None:
    """Note every way by which a secret would get into the text of commands, a log or a key."""
    # A faulty secret has no variable, and is told already.
    names = frozenset(secrets) - {""}
    for task in tasks.values():
        for param in (*task.shared, *task.args, *task.options):
            if param.environment in names:
                found.books[param.position.path].add(
                    f"`{param.name}` would put the secret `{param.environment}` into commands and logs",
                    param.position,
                    f"a task that lists it under `secrets` finds it in `${param.environment}`",
                )
        for key, value in task.env:
            for hole in _holes(value):
                if hole.name in names:
                    found.books[hole.position.path].add(
                        f"`{key}` would hold the secret `{hole.name}`, and `env` is shown and is part of the key",
                        hole.position,
                        f'set it in the command: `{key}="${hole.name}"; export {key}`',
                    )


def check_names(found: Books, tasks: Iterable[Task]) -> None:
    """Note every task and every alias whose name is already that of something else.

    Of two in different files the one in the outer file is the fault: `a:x` there is as good as a task `x` of
    the file that it includes as `a`.

    Args:
        found: Where faults go.
        tasks: All tasks of all files; two may have one name.
    """
    named: dict[str, Task] = {}
    for task in sorted(tasks, key=lambda one: -len(one.namespace.split(":")) if one.namespace else 0):
        known = named.setdefault(task.name, task)
        if known is not task:
            hint = f"that one stands at `{_place(known)}`: rename one of them"
            if known.namespace != task.namespace:
                hint += ", or include that file under another namespace"
            found.books[task.position.path].add(
                f"`{task.name}` is the name of a task already", task.position, hint
            )
    owner = dict(named)
    for task in named.values():
        for name in full_aliases(task):
            other = owner.get(name)
            if other is not None:
                what = "the name of a task" if name in named else f"another name of `{other.name}`"
                apart = other.position.path != task.position.path
                found.books[task.position.path].add(
                    f"the alias `{name}` of `{task.name}` is {what} already",
                    task.position,
                    f"that one stands at `{_place(other)}`" if apart else "",
                )
            owner[name] = task


def _place(task: Task) -> str:
    return f"{task.position.path}:{task.position.line}:{task.position.column}"


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
