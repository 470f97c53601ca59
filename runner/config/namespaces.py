"""Files under namespaces: which a file includes, and what their tasks are called at the top."""

from collections.abc import Iterable
from collections.abc import Mapping as MappingType

from runner.config.fields import Faultbook
from runner.config.files import Files
from runner.config.node import Mapping, Node, Scalar
from runner.config.parse_yaml import decode_text, parse_yaml
from runner.errors import PyrunError
from runner.location import Position
from runner.model.param import STRING, Param
from runner.model.path import beneath, resolved
from runner.model.project import NAMESPACE, full_aliases
from runner.model.task import Task
from runner.model.template import Template


def has_include(data: bytes) -> bool:
    """Whether a file, right or wrong, has the key `include` at its top.

    Where it is no YAML at all, a line that begins with that key counts.

    Args:
        data: The bytes of the file.
    """
    try:
        node, _ = parse_yaml(decode_text(data, ""), "")
    except PyrunError:
        rows = (row.lstrip(b"{ ").replace(b'"', b"").replace(b"'", b"") for row in data.splitlines())
        return any(row.startswith(b"include") and row[7:].lstrip().startswith(b":") for row in rows)
    return isinstance(node, Mapping) and any(key.text == "include" for key, _ in node)


def included_files(book: Faultbook, node: Node, folder: str, files: Files) -> list[tuple[str, str, Position]]:
    """What `include` names: for each file its namespace, its path as written, and where that stands.

    Args:
        book: Where faults go.
        node: A map of namespaces and paths, or patterns.
        folder: The folder of the including file.
        files: The files that are there.
    """
    if isinstance(node, Mapping):
        found = []
        for key, value in node:
            path = book.word(value, f"the path of `{key.text}`")
            if not key.text or any(letter in key.text for letter in ": /$"):
                book.add(
                    f"`{key.text}` can't be a namespace",
                    key.position,
                    "use letters, digits, `_`, `-` and `.`",
                )
            elif path:
                found.append((key.text, path, value.position))
        return found
    found = []
    for item in book.items(node):
        if isinstance(item, Scalar) and not item.null:
            found += _matching(book, item, folder, files)
        else:
            book.wrong_type(item, "an item of `include`", "a pattern")
    return found


def _matching(book: Faultbook, node: Scalar, folder: str, files: Files) -> list[tuple[str, str, Position]]:
    """The files that a pattern matches; what its first `*` stands for is the namespace."""
    segments = [segment for segment in node.text.split("/") if segment not in {"", "."}]
    star = next((index for index, segment in enumerate(segments) if segment == "*"), None)
    if star is None or any("*" in segment for segment in (*segments[:star], *segments[star + 1 :])):
        book.add(
            f"`{node.text}` has no namespace to go by",
            node.position,
            "write `{NAMESPACE: PATH}`, or a pattern with one `*` for a folder, such as `services/*/tasks.yml`",
        )
        return []
    base = resolved(beneath(folder, "/".join(segments[:star])))
    rest = "/".join(segments[star + 1 :])
    found = []
    for name, kind in sorted((files.names(base) or {}).items()):
        path = "/".join([*segments[:star], name, *([rest] if rest else [])])
        fits = kind in {"d", "l"} and not name.startswith(".") and ":" not in name
        if fits and (not rest or files.read(resolved(beneath(folder, path))) is not None):
            found.append((name, path, node.position))
    if not found:
        book.add(f"`{node.text}` matches no file", node.position)
    return found


def spread_tasks(tasks: MappingType[str, Task], namespaces: Iterable[str]) -> list[Task]:
    """What only included files define, as tasks at the top: the file is picked by an arg.

    Args:
        tasks: All tasks by their full names.
        namespaces: The namespaces, in order.
    """
    local: dict[str, list[Task]] = {}
    for task in tasks.values():
        if task.namespace and not task.private:
            local.setdefault(task.name[len(task.namespace) + 1 :], []).append(task)
    order = {namespace: number for number, namespace in enumerate(namespaces)}
    taken = {alias for task in tasks.values() for alias in full_aliases(task)}
    return [
        _spread(name, sorted(owners, key=lambda task: order[task.namespace]))
        for name, owners in local.items()
        if name not in tasks and name not in taken
    ]


def _spread(name: str, owners: list[Task]) -> Task:
    """A task that stands for the one of that name in the namespace that is picked."""
    first = owners[0]
    at = first.position
    alike = all(list(map(_shape, owner.args)) == list(map(_shape, first.args)) for owner in owners)
    args = tuple(map(_passed_on, first.args)) if alike else ()
    options = tuple(
        _passed_on(param)
        for param in first.options
        if all(_shape(param) in map(_shape, owner.options) for owner in owners)
    )
    shared = {param.position: param for owner in owners for param in owner.shared}
    values = tuple(Template((owner.namespace,), at) for owner in owners)
    pick = Param(NAMESPACE, STRING, "Where", values, None, (), True, "", "", False, None, at)
    fields: dict[str, object] = dict.fromkeys(Task.FIELDS, ())
    fields |= {
        "name": name, "usage": next((owner.usage for owner in owners if owner.usage), ""),
        "description": first.description, "private": False, "quiet": False,
        "namespace": "", "args": (pick, *args), "options": options, "shared": tuple(shared.values()),
        "spread": tuple(owner.namespace for owner in owners), "sources": None,
        "targets": None, "dir": None, "timeout": 0, "retries": 0, "confirm": None, "cache": "", "watch": False,
        "persistent": False, "server": None, "image": None, "container": None, "position": at,
    }  # fmt: skip
    return Task(**fields)  # type: ignore[arg-type]  # its own fields


def _shape(param: Param) -> tuple[object, ...]:
    """What a caller must know of an arg or option."""
    return (param.name, param.type, param.required, param.private)


def _passed_on(param: Param) -> Param:
    """A param whose value goes on to the task itself, which checks it and has the defaults."""
    return Param(
        param.name, param.type, param.usage, None, None, (), param.required, "", param.short, param.private,
        None, param.position,
    )  # fmt: skip
