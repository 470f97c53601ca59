"""The first `tasks.yml` of a project, for `--init`.

It is short, says in comments what could be added, and works as it is: each task in it can be run where it was
written. Nothing that is there is overwritten.
"""

import json
import os
import re

from runner.cli.first_tasks import FirstArg, FirstProject, FirstTask, find_projects
from runner.errors import UsageError
from runner.model.project import FILE_NAMES

_HEAD = """\
# What this project can do. `pyrun` lists it, `pyrun TASK` does it, `pyrun TASK --help` says what a task takes,
# and `pyrun --dry-run TASK` shows what it would do.
"""
_NOTES = {
    "source": "# With `source`, a task runs again only when what it reads has changed.",
    "args": "# `args` are the words behind a task's name; `--all` stands for every value.",
}
_PLAIN = re.compile(r"[^\W\d](?:[^#:]|:(?! |$)|(?<! )#)*(?<! )")
_RESERVED = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", ".inf", ".nan"})
_HELLO = FirstTask("hello", "Say hello", ("echo hello",))


def write_first_file(folder: str, shown: str) -> str:
    """Write a `tasks.yml` that fits what lies in a folder; what was done.

    Args:
        folder: The folder, absolute.
        shown: How the user named it, empty for the current one.

    Raises:
        UsageError: There is a file of tasks already, or none can be written.
    """
    for name in FILE_NAMES:
        if os.path.lexists(os.path.join(folder, name)):
            runs = "pyrun runs it as it is" if name.startswith("tusk") else "`pyrun` lists its tasks"
            raise UsageError(f"there is a {name} already, and it stays as it is", None, runs)
    path = os.path.join(shown, FILE_NAMES[0])
    try:
        projects = find_projects(folder)
        text, names = first_file(os.path.basename(folder), projects)
        with open(os.path.join(folder, FILE_NAMES[0]), "xb") as file:
            file.write(text.encode("utf-8", "replace"))
    except OSError as error:
        raise UsageError(f"`{path}` can't be written: {error.strerror}") from None
    kinds = " and ".join(project.kind for project in projects)
    return f"wrote {path}{f' for {kinds}' if kinds else ''}, with the tasks {', '.join(names)}\n"


def first_file(folder: str, projects: list[FirstProject]) -> tuple[str, list[str]]:
    """The text of the file, and the names of its tasks.

    Args:
        folder: The folder's name, which the project has if it has no other.
        projects: What the folder holds. Tasks of a later one whose names are taken get its kind in front.
    """
    name = next((project.name for project in projects if project.name), "") or folder
    tasks = _all_tasks(projects) or [_HELLO]
    args = {arg.name: arg for task in tasks for arg in task.args}
    lines = [_HEAD + f"name: {yaml_text(name or 'project')}", ""]
    if args:
        lines += [_NOTES["args"], "args:"]
        for arg in args.values():
            lines += _arg(arg)
        lines.append("")
    lines.append("tasks:")
    noted = False
    for task in tasks:
        with_note = bool(task.source or task.go) and not noted
        noted = noted or with_note
        lines += [*_task(task, with_note=with_note), ""]
    return "\n".join(lines[:-1]) + "\n", [task.name for task in tasks]


def _all_tasks(projects: list[FirstProject]) -> list[FirstTask]:
    found: dict[str, FirstTask] = {}
    for project in projects:
        kind = project.kind.split()[1].lower()
        own = {task.name for task in project.tasks}
        renamed = {name: f"{kind}-{name}" if name in found else name for name in own}
        for task in project.tasks:
            deps = tuple(" ".join([renamed[call.split(" ")[0]], *call.split(" ")[1:]]) for call in task.deps)
            name = renamed[task.name]
            found[name] = FirstTask(
                name, task.usage, task.run, deps, task.source, task.target, task.args, task.go
            )
    return list(found.values())


def _arg(arg: FirstArg) -> list[str]:
    values = f"{{glob: {yaml_text(arg.glob, inline=True)}}}" if arg.glob else _list(arg.values)
    return [f"  {arg.name}:", f"    usage: {yaml_text(arg.usage)}", f"    values: {values}"]


def _task(task: FirstTask, *, with_note: bool) -> list[str]:
    lines = [f"  {yaml_text(task.name)}:", f"    usage: {yaml_text(task.usage)}" if task.usage else ""]
    if task.args:
        lines.append(f"    args: {_list(tuple(arg.name for arg in task.args))}")
    if task.deps:
        lines.append(f"    deps: {_list(task.deps)}")
    if with_note:
        lines.append(f"    {_NOTES['source']}")
    if task.go:
        lines.append(f"    source: [{{go: {yaml_text(task.go, inline=True)}}}]")
    elif task.source:
        lines.append(f"    source: {_list(task.source)}")
    if task.target:
        lines.append(f"    target: {yaml_text(task.target)}")
    if len(task.run) == 1:
        lines.append(f"    run: {yaml_text(task.run[0])}")
    else:
        lines += ["    run:", *(f"      - {yaml_text(command)}" for command in task.run)]
    return [line for line in lines if line]


def _list(texts: tuple[str, ...]) -> str:
    return "[" + ", ".join(yaml_text(text, inline=True) for text in texts) + "]"


def yaml_text(text: str, *, inline: bool = False) -> str:
    """A text as YAML has it: plain where it can't be taken for anything else, else in quotes.

    Args:
        text: The text.
        inline: Whether it stands within brackets.
    """
    path = text.removeprefix("./").removeprefix(".")
    plain = _PLAIN.fullmatch(path) and text.isprintable() and text.lower() not in _RESERVED
    if plain and not (inline and any(letter in "[]{},?" for letter in text)):
        return text
    quoted = json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False)
    return "".join(letter if letter.isprintable() else _escape(letter) for letter in quoted)


def _escape(letter: str) -> str:
    """A letter that can't be seen, as YAML writes it in double quotes."""
    number = ord(letter)
    return f"\\U{number:08x}" if number > 0xFFFF else f"\\u{number:04x}"
