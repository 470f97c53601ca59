"""The line that a task lacks, as a file would have it.

Many files that lie together become one pattern or one folder, and what a Go package is made of becomes that
package where a command names it.
"""

import re
from posixpath import relpath, splitext

from runner.errors import PlanError
from runner.model.path import resolved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from runner.plan.action import Action
    from runner.plan.facts import Tree

FEW = 3
"""Files of one folder that are listed each by itself."""
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./+@-]*")
_MEANT = re.compile(r"(?i:true|false|yes|no|on|off|null|y|n)|[0-9._+-]*|0x[0-9a-f]+|[0-9.]+e[0-9]+")
"""What a reader of YAML would not take for text."""
_GO = re.compile(r"\bgo\s+(build|install|run|test|vet)\b([^\n;&|]*)")
"""What names a Go package in a command."""
_SPECIAL = re.compile(r"[*?\[\]{}\\!]")


def line_for(key: str, action: "Action", paths: "Iterable[str]") -> str:
    """`target: [a.txt, lib]`: what a task lacks, relative to the folder of its file.

    Args:
        key: The key of the task.
        action: The task.
        paths: Files, relative to the project's top; a folder ends in a `/`.
    """
    return f"{key}: [{', '.join(_items(action, paths))}]"


def source_line(action: "Action", paths: "Iterable[str]", tree: "Tree") -> str:
    """As `line_for` with `source`: a Go package if a command names one, and what is left beside it.

    Args:
        action: The task.
        paths: Files, relative to the project's top; a folder ends in a `/`.
        tree: The project's files.
    """
    left, items = sorted(set(paths)), []
    for package, tests in packages(action):
        files = _package_files(action, package, tree, tests=tests)
        covered = [path for path in left if path in files or any(f.startswith(path) for f in files)]
        if covered:
            left = [path for path in left if path not in covered]
            items.append(f"{{go: {word(package)}{', tests: true' if tests else ''}}}")
    return f"source: [{', '.join((*items, *_items(action, left)))}]"


def _items(action: "Action", paths: "Iterable[str]") -> "list[str]":
    """Paths as the items of a list in a file."""
    base = action.position.path.rpartition("/")[0]
    return [word(relpath(name, base) if base else name) for name in fold(sorted(set(paths)))]


def packages(action: "Action") -> "Iterator[tuple[str, bool]]":
    """The Go packages that an action's commands name, from the folder of its file, and whether they are tested."""
    base = action.position.path.rpartition("/")[0]
    for script in action.scripts:
        for found in _GO.finditer(script.text):
            names = [text.strip("'\"") for text in found[2].split()]
            dots = [name for name in names if name == "." or name.startswith("./")]
            for name in dict.fromkeys(dots or ["."]):
                path = resolved(f"{script.dir}/{name}" if script.dir else name)
                if not base or path == base or path.startswith(f"{base}/"):
                    path = path[len(base) :].lstrip("/")
                    yield (f"./{path}" if path else "."), found[1] == "test"


def _package_files(action: "Action", package: str, tree: "Tree", *, tests: bool) -> "set[str]":
    """The files that a package is made of; none if that can't be found out."""
    from runner.plan.go_sources import go_sources  # noqa: PLC0415 - for those who have Go only

    base = action.position.path.rpartition("/")[0]
    try:
        return set(go_sources(tree, base, package, action.position, tests=tests))
    except PlanError:
        return set()


def fold(paths: "Sequence[str]") -> "list[str]":
    """Files as patterns: each by itself where few lie together, else by their common end, else their folder."""
    found: dict[str, None] = {}
    for top in dict.fromkeys(path.partition("/")[0] if "/" in path else "" for path in paths):
        ours = [path for path in paths if path.startswith(f"{top}/")] if top else []
        if not top:
            found.update((escaped(path), None) for path in paths if "/" not in path)
        elif len(ours) <= FEW:
            found.update((escaped(path), None) for path in ours)
        else:
            found[_pattern(ours)] = None
    return list(found)


def _pattern(paths: "Sequence[str]") -> str:
    """One pattern for files of a folder."""
    folders = [path.rpartition("/")[0] for path in paths]
    common = folders[0]
    while any(folder != common and not folder.startswith(f"{common}/") for folder in folders):
        common = common.rpartition("/")[0]
    ends = {splitext(path)[1] for path in paths}
    end = ends.pop() if len(ends) == 1 else ""
    if not end:
        return escaped(common)
    deep = any(folder != common for folder in folders)
    return f"{escaped(common)}/{'**/' if deep else ''}*{escaped(end)}"


def escaped(path: str) -> str:
    """A path as a pattern that names it and no other."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", path).replace("$", "$$").rstrip("/")


def word(text: str) -> str:
    """A text as YAML, in quotes where it needs them."""
    if _PLAIN.fullmatch(text) and not _MEANT.fullmatch(text):
        return text
    return f'"{"".join(map(_quoted, text))}"'


def _quoted(letter: str) -> str:
    """A character as it stands in double quotes."""
    if letter in '"\\':
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    return f"\\x{ord(letter):02x}" if letter < "\x80" else f"\\U{ord(letter):08x}"
