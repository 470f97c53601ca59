"""What was asked to be shown: the tasks, what a task takes, what would run, the images that are ready."""

from runner.model.project import full_aliases
from runner.ui.plain import size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runner.events import ImageReady
    from runner.model.param import Param
    from runner.model.project import Head, Project
    from runner.model.task import Task
    from runner.model.template import Template

_SHORT_DIGEST = len("sha256:") + 12


def task_list(project: "Project") -> str:
    """The tasks that can be asked for, with what each is for."""
    rows = []
    for name in project.names():
        task = project.task(name)
        if task is not None and not task.private:
            rows.append((_call_shape(task), task.usage))
    if not rows:
        return f"{project.head.file} has no tasks\n"
    return _title(project.head) + _columns(rows)


def _title(head: "Head") -> str:
    """The project's name and usage, and an empty line; nothing if it has neither."""
    title = " - ".join(text for text in (head.name, head.usage) if text)
    return f"{title}\n\n" if title else ""


def _call_shape(task: "Task") -> str:
    """The task's name and args: `<arg>`, `[arg]` for one that may be left out, `[arg…]` for a list."""
    shapes = [task.name]
    for param in task.args:
        name = f"{param.name}…" if param.type == "list" else param.name
        shapes.append(f"<{name}>" if param.required else f"[{name}]")
    return " ".join(shapes)


def task_help(task: "Task", values: "Mapping[str, tuple[str, ...]]") -> str:
    """What a task is for and what it takes.

    Args:
        task: The task.
        values: The values that its args and options may have, of those that are enumerated.
    """
    options_told = [param for param in (*task.shared, *task.options) if not param.private]
    options = " [OPTIONS]" if options_told else ""
    lines = [f"usage: pyrun {_call_shape(task)}{options}"]
    if task.usage or task.description:
        lines += ["", *(text.rstrip() for text in (task.usage, task.description) if text)]
    if task.aliases:
        lines += ["", f"also called: {', '.join(full_aliases(task))}"]
    for title, params, prefix in (("args", task.args, ""), ("options", options_told, "--")):
        if params:
            rows = [(_param_shape(param, prefix), _param_text(param, values)) for param in params]
            lines += ["", f"{title}:", _columns(rows).rstrip("\n")]
    return "\n".join(lines) + "\n"


def _param_shape(param: "Param", prefix: str) -> str:
    if not prefix:
        return param.name
    short = f"-{param.short}, " if param.short else ""
    value = "" if param.type == "bool" else f" {param.type.upper()}"
    return f"{short}{prefix}{param.name}{value}"


def _param_text(param: "Param", values: "Mapping[str, tuple[str, ...]]") -> str:
    notes = []
    if param.name in values:
        notes.append("one of: " + ", ".join(values[param.name]))
    if param.defaults:
        notes.append(f"default: {default_text(param)}")
    if param.environment:
        notes.append(f"variable: {param.environment}")
    if param.required:
        notes.append("required")
    text = f" ({'; '.join(notes)})" if notes else ""
    return (param.usage + text).strip()


def default_text(param: "Param") -> str:
    """The default where it is one text, else how it comes about."""
    first = param.defaults[0]
    if len(param.defaults) > 1 or first.when:
        return "it depends"
    if first.command is not None:
        return f"output of `{shown(first.command).strip()}`"
    return " ".join(shown(template) for template in first.value or ())


def shown(template: "Template") -> str:
    """A template as its file has it."""
    return "".join(part if isinstance(part, str) else "${" + part.name + "}" for part in template.parts)


def general_help(flags: "Iterable[tuple[str, str, str, str]]", project: "Project | None") -> str:
    """What pyrun itself can do, and the tasks if there are any.

    Args:
        flags: Name, letter, what stands behind it, and what it does.
        project: The tasks, or None if there is no file.
    """
    rows = []
    for name, letter, shape, text in flags:
        short = f"-{letter}, " if letter else "    "
        rows.append((f"{short}--{name}{shape}", text))
    title = _title(project.head) if project is not None else ""
    parts = [f"{title}usage: pyrun [FLAGS] TASK [ARGS] [OPTIONS]\n\nflags:\n" + _columns(rows)]
    if project is not None and project.names():
        parts.append("tasks:\n" + _columns_of_tasks(project))
    parts.append("`pyrun TASK --help` shows what a task takes.\n")
    return "\n".join(parts)


def _columns_of_tasks(project: "Project") -> str:
    tasks = [task for name in project.names() if (task := project.task(name)) and not task.private]
    return _columns([(_call_shape(task), task.usage) for task in tasks])


def _columns(rows: "Sequence[tuple[str, str]]") -> str:
    """Two columns; a first one that is very wide does not push the others apart."""
    width = max((len(left) for left, _ in rows if len(left) <= 34), default=0)
    return "".join(f"  {left:<{width}}  {right}".rstrip() + "\n" for left, right in rows)


def image_table(
    images: "Sequence[ImageReady]", toolchains: "Mapping[str, int]", *, platforms: bool = False
) -> str:
    """The images that are ready, beside the size of the tool-chain that built each.

    Args:
        images: The images, in order.
        toolchains: By the label of an image's task the bytes of its tool-chain, where that is known.
        platforms: Whether it is told what they are for; it is wherever one is for several platforms.
    """
    platforms = platforms or any(len(image.platforms) > 1 for image in images)
    titles = ["IMAGE", "TAG", "DIGEST", "LAYERS", "SIZE", "UNPACKED"]
    if toolchains:
        titles.append("TOOL-CHAIN")
    if platforms:
        titles.append("PLATFORM")
    rows = [titles]
    for image in images:
        for reference in image.references:
            name, _, tag = reference.rpartition(":")
            cells = [name, tag, image.digest[:_SHORT_DIGEST], str(image.layers[0]), size(image.size)]
            cells.append(size(image.unpacked))
            if toolchains:
                cells.append(size(toolchains[image.label]) if image.label in toolchains else "")
            if platforms:
                cells.append(", ".join(image.platforms))
            rows.append(cells)
    widths = [max(len(row[column]) for row in rows) for column in range(len(titles))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
        for row in rows
    )
