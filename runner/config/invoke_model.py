"""Invoke's tasks as tasks of ours: their parameters as args and options."""

from runner.location import Position
from runner.model.invoke import COUNT, InvokeParam, InvokeTask, default_text
from runner.model.param import INT, Default, Param
from runner.model.step import InvokeCall, Step
from runner.model.task import Task
from runner.model.template import Template


def task_of_invoke(task: InvokeTask, file: str, namespace: str, at: Position) -> Task:
    """The task that has Invoke run one of its own.

    Args:
        task: Invoke's.
        file: Its file, relative to the top.
        namespace: The namespace of the file that names it.
        at: Where it is named.
    """
    args, options = params_of_invoke(task)
    fields: dict[str, object] = dict.fromkeys(Task.FIELDS, ())
    fields |= {
        "name": f"{namespace}:{task.name}" if namespace else task.name, "usage": task.usage,
        "description": task.description, "private": False, "quiet": False, "aliases": task.aliases,
        "namespace": namespace, "args": args, "options": options, "sources": None, "targets": None, "dir": None,
        "steps": (Step((), (InvokeCall(task, file, at),), at),), "timeout": 0, "retries": 0, "confirm": None,
        "cache": "", "watch": False, "persistent": False, "server": None, "image": None,
        "container": None, "position": at,
    }  # fmt: skip
    return Task(**fields)  # type: ignore[arg-type]  # its own fields


def params_of_invoke(task: InvokeTask) -> tuple[tuple[Param, ...], tuple[Param, ...]]:
    """The args and the options of a task: what must be given are args."""
    args = tuple(_param(param) for param in task.params if param.required)
    options = tuple(_param(param) for param in task.params if not param.required)
    return args, options


def _param(param: InvokeParam) -> Param:
    text = default_text(param)
    default = () if text is None else (_default(text, param.position),)
    short = param.short if param.short.isascii() and param.short.isalnum() else ""
    return Param(
        param.name, INT if param.type == COUNT else param.type, param.help, None, None,
        () if param.required else default, param.required, "", short, False, None, param.position,
    )  # fmt: skip


def _default(text: str, at: Position) -> Default:
    return Default((), (Template((text,) if text else (), at),), None, at)
