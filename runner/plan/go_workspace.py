"""Which modules count for a Go package, and in which folders an import path lies.

The same choice that the `go` command makes: the nearest `go.mod`, or the nearest `go.work` that lists that
module; folders that stand in for other modules; and `vendor/`, which then takes the place of those. Asks for
names and reads the module files, nothing else. Modules from outside of the project have no folder here.
"""

from runner.errors import PlanError
from runner.location import Position
from runner.plan.facts import FILE
from runner.plan.go_embed import joined
from runner.plan.go_module import ModuleFile, read_module_file
from runner.plan.go_package import has_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.plan.facts import Tree
    from runner.plan.go_embed import Names


class Workspace:
    """The modules whose packages are read from the project.

    Args:
        modules: Import path and folder of each, the longest path first. One path may have several folders.
        mains: The folders of those that stand in for no other module, and what their `go.mod` says.
        vendor: The vendor folder in use, or None.
        files: The files that say so, sums and lists included.
    """

    __slots__ = ("files", "mains", "modules", "vendor")

    def __init__(
        self,
        modules: list[tuple[str, str]],
        mains: dict[str, ModuleFile],
        vendor: str | None,
        files: list[str],
    ) -> None:
        self.modules = modules
        self.mains = mains
        self.vendor = vendor
        self.files = files

    def folders(self, names: "Names", path: str) -> list[str]:
        """The folders that may hold the package of an import path; none for one from outside of the project.

        As for `go`, the module with the longest path that has such a package gives it. If none has one, the
        folders are where it would be.
        """
        missing: list[str] = []
        found: list[str] = []
        length = 0
        for prefix, home in self.modules:
            if found and len(prefix) < length:
                break
            folder = _place(names, prefix, home, path)
            if folder is None:
                continue
            if has_code(names(folder), tests=True):
                found.append(folder)
                length = len(prefix)
            else:
                missing.append(folder)
        if not found and self.vendor is not None and path.partition("/")[0] in (names(self.vendor) or {}):
            folder = joined(self.vendor, path)
            if has_code(names(folder), tests=True):
                found.append(folder)
        return found or missing

    def leaves_out(self, folder: str) -> bool:
        """Whether `...` skips this folder because of an `ignore` in the `go.mod` around it."""
        homes = [home for home in self.mains if not home or f"{folder}/".startswith(f"{home}/")]
        home = max(homes, key=len, default="")
        inner = f"/{folder[len(home) :].strip('/')}/"
        for ignored in self.mains[home].ignored if homes else ():
            name = f"/{ignored.removeprefix('./').strip('/')}/"
            if inner.startswith(name) or (name in inner and not ignored.startswith("./")):
                return True
        return False


def below(folder: str, path: str) -> str | None:
    """The path from the top of what is written as `path` in a folder; None if it is not beneath the top."""
    if path.startswith("/"):
        return None
    parts = folder.split("/") if folder else []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def find_workspace(tree: "Tree", names: "Names", folder: str, at: Position) -> Workspace:
    """The modules that count in this folder.

    Raises:
        PlanError: There is no module, or one of them lies outside of the top folder.
    """
    home = _nearest(names, folder, "go.mod")
    base = _nearest(names, folder, "go.work")
    if base is not None:
        work = _read(tree, joined(base, "go.work"))
        if work.uses and (home is None or home in [below(base, use) for use in work.uses]):
            used = [_inside(base, use, "go.work", at) for use in work.uses]
            return _assembled(tree, names, base, work, used, at)
    if home is None:
        raise PlanError(
            f"there is no go.mod in `{folder or '.'}` or above it",
            at,
            "`go:` reads the imports of a module; `go mod init` makes one",
        )
    return _assembled(tree, names, home, None, [home], at)


def _assembled(
    tree: "Tree", names: "Names", base: str, work: ModuleFile | None, folders: list[str], at: Position
) -> Workspace:
    """The workspace of these modules; `base` is the folder of the `go.work`, or of the only module."""
    mains = {folder: _read(tree, joined(folder, "go.mod")) for folder in folders}
    modules = [(main.path, folder) for folder, main in mains.items()]
    files = [joined(base, "go.work"), joined(base, "go.work.sum")] if work else []
    for folder in folders:
        files += [joined(folder, "go.mod"), joined(folder, "go.sum")]
    vendor = _vendor(tree, names, base, work or mains[base], shared=work is not None)
    if vendor is None:
        stand_ins = _stand_ins(base, work, mains, at)
        modules += stand_ins
        files += [joined(folder, "go.mod") for _, folder in stand_ins]
    else:
        files.append(joined(vendor, "modules.txt"))
    modules.sort(key=lambda module: -len(module[0]))
    return Workspace(modules, mains, vendor, [path for path in files if _is_file(names, path)])


def _stand_ins(
    base: str, work: ModuleFile | None, mains: dict[str, ModuleFile], at: Position
) -> list[tuple[str, str]]:
    """Import path and folder of each module replaced by a folder; a `go.work` overrides what modules say."""
    taken = {main.path for main in mains.values()}
    found: list[tuple[str, str]] = []
    if work:
        found += [(path, _inside(base, target, "go.work", at)) for path, target in work.replaced]
        taken.update(path for path, _ in found)
    for folder, main in mains.items():
        for path, target in main.replaced:
            if path not in taken:
                found.append((path, _inside(folder, target, "go.mod", at)))
    return found


def _vendor(tree: "Tree", names: "Names", base: str, lead: ModuleFile, *, shared: bool) -> str | None:
    """The vendor folder, if `go` uses it by itself: since Go 1.14, and only where it was made for."""
    folder = joined(base, "vendor")
    if lead.version < (1, 14) or not _is_file(names, joined(folder, "modules.txt")):
        return None
    text = tree.read(joined(folder, "modules.txt")) or b""
    return folder if text.startswith(b"## workspace") == shared else None


def _place(names: "Names", prefix: str, home: str, path: str) -> str | None:
    """The folder of a package in the module `prefix`; None if it is none of it, or of a module in between."""
    if path == prefix:
        return home
    if not path.startswith(prefix + "/"):
        return None
    folder = home
    for part in path[len(prefix) + 1 :].split("/"):
        if part in ("", ".", ".."):
            return None
        folder = joined(folder, part)
        if _is_file(names, joined(folder, "go.mod")):
            return None
    return folder


def _inside(folder: str, target: str, file: str, at: Position) -> str:
    path = below(folder, target)
    if path is None:
        raise PlanError(
            f"`{joined(folder, file)}` names `{target}`, which is outside of the project's top folder",
            at,
            "only files beneath the top folder can be a source: move the code there, or publish that module",
        )
    return path


def _nearest(names: "Names", folder: str, name: str) -> str | None:
    """The nearest folder, at or above this one, that holds a file of this name."""
    while not _is_file(names, joined(folder, name)):
        if not folder:
            return None
        folder = folder.rpartition("/")[0]
    return folder


def _is_file(names: "Names", path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return (names(folder) or {}).get(name) == FILE


def _read(tree: "Tree", path: str) -> ModuleFile:
    return read_module_file(tree.read(path) or b"")
