"""The tasks for another program, as JSON."""

import json
from collections.abc import Mapping

from runner.model.param import Param
from runner.model.project import Project
from runner.model.task import Task
from runner.ui.listing import default_text


def tasks_as_json(project: Project, values: Mapping[str, Mapping[str, tuple[str, ...]]]) -> str:
    """The tasks that can be asked for, in the order of the file, with what each takes.

    Args:
        project: The tasks.
        values: By the name of a task the values that its args and options may have, of those that are
            enumerated.
    """
    tasks = [task for name in project.names() if (task := project.task(name)) and not task.private]
    document = {
        "name": project.head.name,
        "usage": project.head.usage,
        "tasks": [_task(task, values.get(task.name, {})) for task in tasks],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _task(task: Task, values: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    options = [param for param in (*task.shared, *task.options) if not param.private]
    return {
        "name": task.name,
        "aliases": list(task.aliases),
        "usage": task.usage,
        "description": task.description,
        "args": [_param(param, values) for param in task.args],
        "options": [_param(param, values) for param in options],
        "server": task.persistent,
        "image": task.image is not None,
    }


def _param(param: Param, values: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    return {
        "name": param.name,
        "short": param.short,
        "type": param.type,
        "usage": param.usage,
        "required": param.required,
        "default": default_text(param) if param.defaults else None,
        "values": list(values[param.name]) if param.name in values else None,
        "environment": param.environment,
    }
