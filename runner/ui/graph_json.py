"""The plan for another program, as JSON.

`docs/graph.md` describes the form; a change that breaks readers counts `version` up. Values of variables are never
in it, only their names.
"""

import json
from collections.abc import Mapping

from runner.plan.action import Action, Plan, Sources
from runner.plan.image_plan import ImagePlan
from runner.plan.pattern import Pattern, escape

VERSION = 1


def graph_as_json(plan: Plan, name: str, durations: Mapping[str, int]) -> str:
    """A plan with all that other programs may want to know of it.

    Args:
        plan: The plan.
        name: What the project is called, or empty.
        durations: How long actions took last time, in milliseconds, by id.
    """
    document = {
        "version": VERSION,
        "project": name,
        "asked": list(plan.asked),
        "nodes": [_node(plan, action, durations) for action in plan.actions],
    }
    # Bytes of a name that are no text can only stand in it as escapes.
    return json.dumps(document, indent=1) + "\n"


def _node(plan: Plan, action: Action, durations: Mapping[str, int]) -> dict[str, object]:
    image = action.image
    fixed = action.env if action.container is None else action.container.env
    return {
        "id": action.id,
        "label": action.label,
        "task": action.task,
        "values": {name: list(value) if isinstance(value, tuple) else value for name, value in action.values},
        "asked": action.id in plan.asked,
        "called": action.id in plan.called,
        "dir": action.dir,
        "platform": action.platform or None,
        "container": None if action.container is None else action.container.name,
        "sources": _sources(action.sources),
        "targets": None if action.targets is None else [_text(target) for target in action.targets],
        "deps": list(action.deps),
        "calls": list(action.calls),
        "interpreter": list(action.interpreter),
        "commands": [script.text for script in action.scripts],
        "variables": sorted({name for name, _ in (*fixed, *action.traits.pass_env)}),
        "server": action.persistent,
        "ports": list(action.server.ports) if action.server is not None else [],
        "image": None if image is None else _image(image),
        "milliseconds": durations.get(action.id) or None,
        "at": {
            "file": action.position.path,
            "line": action.position.line,
            "column": action.position.column,
        },
    }


def _image(image: ImagePlan) -> dict[str, object]:
    """An image; one that an index lists has no tags."""
    return {"name": image.name, "tags": list(image.tags), "platforms": [str(one) for one in image.platforms]}


def _sources(sources: Sources | None) -> list[dict[str, object]] | None:
    """Its own sources and those of the tasks that became part of it, each with its own excludes."""
    if sources is None:
        return None
    return [
        {
            "patterns": [_text(pattern) for pattern, _ in one.patterns],
            "excludes": [_text(pattern) for pattern in one.excludes],
            "go": [{"package": item.name, "dir": item.dir, "tests": item.tests} for item in one.packages],
        }
        for one in (sources, *sources.more)
    ]


def _text(pattern: Pattern) -> str:
    """A pattern relative to the project's top folder."""
    return f"{escape(pattern.base)}/{pattern.text}" if pattern.base else pattern.text
