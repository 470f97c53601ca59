"""Which files a `//go:embed` pattern means.

Follows the rules of https://pkg.go.dev/embed and `path.Match`. Asks for the names in folders and reads no
file. A pattern that means nothing, or something that may not be embedded, gives no files: the compiler tells.
"""

from runner.plan.facts import FILE, FOLDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Names = Callable[[str], Mapping[str, str] | None]

_VERSION_CONTROL = (".bzr", ".git", ".hg", ".svn")


def embedded(names: "Names", folder: str, pattern: str) -> list[str]:
    """The files that a package in `folder` embeds by this pattern, as paths from the top.

    A folder stands for all beneath it but what begins with a dot or an underscore (which `all:` lets in) and
    but other modules.
    """
    hidden = pattern.startswith("all:")
    elements = (pattern[4:] if hidden else pattern).split("/")
    found = [(folder, FOLDER)]
    for element in elements:
        if element in ("", ".", ".."):
            return []
        found = _step(names, [path for path, kind in found if kind == FOLDER], element)
    files: list[str] = []
    for path, kind in found:
        if kind == FILE:
            files.append(path)
        else:
            files += files_below(names, path, hidden=hidden)
    return files


def files_below(names: "Names", folder: str, *, hidden: bool, modules: bool = False) -> list[str]:
    """All files beneath a folder, links to folders not followed.

    Args:
        names: What lies in a folder.
        folder: The folder, as a path from the top.
        hidden: Also what begins with a dot or an underscore.
        modules: Also folders that are modules of their own.
    """
    files: list[str] = []
    todo = [folder]
    while todo:
        folder = todo.pop()
        inside = names(folder) or {}
        if "go.mod" in inside and not modules:
            continue
        for name, kind in inside.items():
            if name in _VERSION_CONTROL or (name[0] in "._" and not hidden):
                continue
            if kind == FILE:
                files.append(joined(folder, name))
            elif kind == FOLDER:
                todo.append(joined(folder, name))
    return files


def joined(folder: str, name: str) -> str:
    """The path from the top of something in a folder."""
    return f"{folder}/{name}" if folder else name


def _step(names: "Names", folders: list[str], element: str) -> list[tuple[str, str]]:
    """The files and folders, with their kind, that lie in these folders and fit one element of a pattern."""
    found: list[tuple[str, str]] = []
    plain = not any(mark in element for mark in "*?[\\")
    for folder in folders:
        inside = names(folder) or {}
        for name in (element,) if plain else inside:
            kind = inside.get(name, "")
            if kind in (FILE, FOLDER) and name not in _VERSION_CONTROL and (plain or matches(element, name)):
                found.append((joined(folder, name), kind))
    return found


def matches(pattern: str, name: str) -> bool:
    """Whether a name without `/` fits a pattern as `path.Match` has them: `*`, `?`, `[a-z]`, `[^a-z]`.

    A character behind a backslash stands for itself. A pattern that breaks off within brackets fits nothing.
    """
    at, begin = 0, 0
    star, again = -1, 0
    while begin < len(name):
        if pattern[at : at + 1] == "*":
            star, again = at, begin
            at += 1
            continue
        size = _one(pattern, at, name[begin])
        if size:
            at, begin = at + size, begin + 1
        elif star >= 0:
            again += 1
            at, begin = star + 1, again
        else:
            return False
    return not pattern[at:].strip("*")


def _one(pattern: str, at: int, letter: str) -> int:
    """How many characters of the pattern, from `at` on, stand for this letter; 0 if it does not fit."""
    mark = pattern[at : at + 1]
    if mark == "?":
        return 1
    if mark == "\\":
        return 2 * (pattern[at + 1 : at + 2] == letter)
    if mark == "[":
        return _class(pattern, at, letter)
    return int(mark == letter)


def _class(pattern: str, begin: int, letter: str) -> int:
    """As `_one`, for a pattern in brackets."""
    negated = pattern[begin + 1 : begin + 2] == "^"
    at = begin + 1 + negated
    fits, ranges = False, 0
    while at < len(pattern) and (pattern[at] != "]" or not ranges):
        at += pattern[at] == "\\"
        low = high = pattern[at : at + 1]
        at += 1
        if pattern[at : at + 1] == "-":
            at += 1 + (pattern[at + 1 : at + 2] == "\\")
            high = pattern[at : at + 1]
            at += 1
        fits = fits or low <= letter <= high
        ranges += 1
    return (at + 1 - begin) * (at < len(pattern) and fits != negated)
