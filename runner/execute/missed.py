"""Which files of a project a command would have needed that were not to be seen, by what it wrote.

A command that misses a file mostly names it. Words of its output that name something of the project which is
not in its tree are what it meant, or at least worth a look. Reads the names in folders, and no file.
"""

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_MOST_WORDS = 4000
_MOST = 20
"""Files that are named at the most."""
_WORD = re.compile(r"[^\s'\"`(){}<>|;,&=\u2018\u2019\u201c\u201d]+")
_QUOTED = re.compile(r"['\"`\u2018\u201c]([^'\"`\u2018\u2019\u201c\u201d]+)['\"`\u2019\u201d]")
_GONE = re.compile(
    r"(?i)no such|not found|cannot find|can't find|can't open|cannot open|does not exist|doesn't exist"
    r"|no module|no required module|not in std|ENOENT|cannot stat|not resolve|unresolved|missing|no rule to make"
)
"""What a line says that tells of something that is not there."""
_MODULE = re.compile(r"No module named '?([\w.]+)|cannot import name '(\w+)' from '([\w.]+)'")
_ENDS = (".js", ".ts", ".mjs", ".cjs", ".json", ".jsx", ".tsx", "/index.js", "/index.ts")
_NEVER = frozenset({".git", ".pyrun"})
_MOST_FOLDERS = 5000
"""Folders of a project in which a file is looked for whose folder nobody has named."""


class Missed:
    """Looks for what a command missed.

    Args:
        top: The project's top folder, absolute.
        root: What stood for it, where only some files were to be seen.
        folder: The command's working folder, relative to both.
        named: Whether a path is one that the command itself makes.
        has: Whether there was something at a path; None for a look below `root`.
    """

    def __init__(
        self,
        top: str,
        root: str,
        folder: str,
        named: "Callable[[str], bool]",
        has: "Callable[[str], bool] | None" = None,
    ) -> None:
        self._top = top
        self._root = root
        self._folder = folder
        self._named = named
        self._has = has or (lambda path: os.path.lexists(f"{root}/{path}"))
        self._names: dict[str, list[str]] | None = None

    def paths(self, text: str) -> "list[str]":
        """The files, sorted, and folders with a `/` at the end, that the output of a command hints at."""
        found: dict[str, None] = {}
        count = 0
        for line in dict.fromkeys(text.splitlines()):
            gone = _GONE.search(line) is not None
            words = [*_modules(line), *_QUOTED.findall(line), *_WORD.findall(line)]
            count += len(words)
            for word in words:
                found.update((path, None) for path in self._of_word(word, gone))
            if count > _MOST_WORDS or len(found) >= _MOST:
                break
        folders = tuple(path for path in found if path.endswith("/"))
        return sorted(path for path in found if path in folders or not path.startswith(folders))[:_MOST]

    def _of_word(self, word: str, gone: bool) -> "Iterator[str]":
        """What a word names, if anything; the nearest first, and only that."""
        for form in _forms(word):
            for path in self._places(form):
                kind = self._kind(path)
                if kind == "f" and (gone or "." in form or "/" in form):
                    yield path
                    return
                if kind == "d" and (gone or form.count("/") > 1):
                    yield f"{path}/"
                    return
        if gone:
            yield from self._elsewhere(_forms(word)[-1])

    def _places(self, form: str) -> "Iterator[str]":
        """Where in the project a word may point, relative to the top."""
        for base in (self._root, self._top):
            if form.startswith(f"{base}/"):
                yield os.path.normpath(form[len(base) + 1 :])
        if not form.startswith("/"):
            yield os.path.normpath(os.path.join(self._folder, form))
            yield os.path.normpath(form)

    def _kind(self, path: str) -> str:
        """`f` or `d` for what is in the project and not to be seen; else empty."""
        if not path or path == "." or path.startswith(("../", "/")) or path == "..":
            return ""
        if not _NEVER.isdisjoint(path.split("/")) or self._named(path):
            return ""
        try:
            if self._has(path):
                return ""
            return (
                "f" if os.path.isfile(f"{self._top}/{path}") else "d" * os.path.isdir(f"{self._top}/{path}")
            )
        except ValueError:
            return ""

    def _elsewhere(self, form: str) -> "Iterator[str]":
        """What a name leads to that is looked up in folders which only the command knows."""
        parts = [part for part in form.split("/") if part not in {"", ".", ".."}]
        if not parts or len(form) < 3:
            return
        if "/" in form:
            # The last names of an imported package are its folder.
            for start in range(len(parts)):
                path = "/".join(parts[start:])
                if self._kind(path) == "d" and any(
                    name.endswith(".go") for name in _listed(f"{self._top}/{path}")
                ):
                    yield f"{path}/"
                    return
        tail = "/".join(parts)
        ends = ("",) if "." in parts[-1] else _ENDS
        if "." not in parts[-1] and not form.startswith("."):
            return
        for end in ends:
            wanted = tail + end
            hits = [
                path
                for path in self._files(wanted.rpartition("/")[2])
                if f"/{path}".endswith(f"/{wanted}") and self._kind(path) == "f"
            ]
            if hits:
                yield from hits[:2]
                return

    def _files(self, name: str) -> "Sequence[str]":
        """The files of some name anywhere in the project."""
        if self._names is None:
            self._names = {}
            for number, (folder, folders, names) in enumerate(os.walk(self._top)):
                if number > _MOST_FOLDERS:
                    break
                folders[:] = sorted(set(folders) - _NEVER - {"node_modules"})
                below = folder[len(self._top) + 1 :]
                for one in names:
                    self._names.setdefault(one, []).append(f"{below}/{one}" if below else one)
        return self._names.get(name, ())


def _forms(word: str) -> "list[str]":
    """What a word may mean: as it is, and without the line and column or the colon behind it."""
    plain = word.strip("[]").rstrip(".:!?…")
    pieces = [piece for piece in plain.split(":") if piece]
    return list(dict.fromkeys((plain, *pieces[:1], *pieces[1:]))) or [plain]


def _modules(line: str) -> "Iterable[str]":
    """The files that a Python module may be, if a line tells that there is none."""
    found = _MODULE.search(line)
    if found is None:
        return
    path = (found[1] or f"{found[3]}.{found[2]}").replace(".", "/")
    yield from (f"{path}.py", f"{path}/__init__.py")


def _listed(folder: str) -> "Sequence[str]":
    try:
        return os.listdir(folder)
    except OSError:
        return ()
