"""The source files of a Go package: `{go: PACKAGE}` in a `source`.

What is found holds every file of the project that a build of the package may read, on any platform and with
any build tags, and no package that no build reads. Nothing is run, and git's ignore list has no say. The
standard library and modules from outside are no files of the project: `go.mod` and `go.sum` name them.
"""

from runner.errors import PlanError, did_you_mean
from runner.location import Position
from runner.plan.facts import FILE, FOLDER
from runner.plan.go_embed import files_below, joined
from runner.plan.go_package import has_code, package_files
from runner.plan.go_workspace import Workspace, below, find_workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.plan.facts import Tree
    from runner.plan.go_embed import Names
    from runner.plan.go_imports import Scan


def go_sources(
    tree: "Tree",
    folder: str,
    package: str,
    at: Position,
    *,
    tests: bool = False,
    memo: "dict[str, Scan] | None" = None,
) -> tuple[str, ...]:
    """The files that a build of a package may read, sorted, as paths from the top.

    Args:
        tree: The project.
        folder: Where a package that begins with a dot is looked for, as a path from the top.
        package: A folder (`./cmd/api`, `.`) or an import path; with `/...` at its end, all beneath it.
        at: Where the package is named.
        tests: Also the package's own tests, what they import, and its `testdata`.
        memo: What earlier calls read of the Go files of this very tree, by path. It is added to.

    Raises:
        PlanError: There is no such package, no module around it, or code of it outside of the top folder.
    """
    names = _asked_once(tree)
    base, wide = _split(package, at)
    local = base in (".", "..") or base.startswith(("./", "../"))
    start = below(folder, base) if local else folder
    if start is None:
        raise PlanError(f"`{package}` is outside of the project's top folder", at)
    workspace = find_workspace(tree, names, start, at)
    if not local:
        start = _looked_up(workspace, names, base, at)
    folders = _beneath(workspace, names, start) if wide else [start]
    roots = [root for root in folders if has_code(names(root), tests=tests)]
    if not roots:
        raise _no_package(names, start, package, at)
    memo = {} if memo is None else memo
    found = set(workspace.files)
    imports: list[str] = []
    for root in roots:
        files, wanted = package_files(tree, names, root, memo, tests=tests)
        found.update(files, _beside(names, root, tests=tests))
        imports += wanted
    found.update(_imported(tree, names, workspace, memo, imports, set(roots)))
    return tuple(sorted(found))


def _asked_once(tree: "Tree") -> "Names":
    """The names in folders, each folder asked for once."""
    known: dict[str, Mapping[str, str] | None] = {}

    def names(folder: str) -> "Mapping[str, str] | None":
        if folder not in known:
            known[folder] = tree.names(folder)
        return known[folder]

    return names


def _split(package: str, at: Position) -> tuple[str, bool]:
    """The package without `/...`, and whether that stood there."""
    wide = package.endswith("/...")
    base = package[:-4] if wide else package
    if "..." in base or not base or base.startswith("/"):
        raise PlanError(
            f"`{package}` is not a package whose imports can be followed",
            at,
            "write a folder such as `./cmd/api` or an import path, either with `/...` for all beneath it",
        )
    return base, wide


def _looked_up(workspace: Workspace, names: "Names", path: str, at: Position) -> str:
    """The folder that an import path names, whether it holds Go files or not."""
    folders = workspace.folders(names, path)
    if folders:
        return folders[0]
    mains = tuple(main.path for main in workspace.mains.values())
    hint = did_you_mean(path, mains) if "." in path.partition("/")[0] else f"a folder is written `./{path}`"
    raise PlanError(f"`{path}` is not a package of " + ", ".join(f"`{main}`" for main in mains), at, hint)


def _no_package(names: "Names", folder: str, package: str, at: Position) -> PlanError:
    """The error that says why there is nothing to build in a folder, and what is near it."""
    inside = names(folder)
    if inside is None:
        message = f"there is no folder `{folder}` for the package `{package}`"
    elif has_code(inside, tests=True):
        return PlanError(f"the package `{package}` holds only tests", at, "`tests: true` takes them in")
    else:
        message = f"`{package}` holds no Go files"
    lead, _, last = package.removesuffix("/...").rpartition("/")
    above = folder.rpartition("/")[0]
    near = _packages_in(names, above, lead) if last not in ("", ".", "..") else ()
    below_it = _packages_in(names, folder, package.rstrip("/"))
    return PlanError(message, at, did_you_mean(package, near or below_it))


def _packages_in(names: "Names", folder: str, lead: str) -> tuple[str, ...]:
    """The packages directly in a folder, written as paths that begin with `lead`."""
    return tuple(
        f"{lead}/{name}"
        for name, kind in sorted((names(folder) or {}).items())
        if kind == FOLDER and has_code(names(joined(folder, name)), tests=False)
    )


def _beneath(workspace: Workspace, names: "Names", folder: str) -> list[str]:
    """The folders at and below this one that `...` reaches: no testdata, no vendor, no other module."""
    found: list[str] = []
    todo = [folder]
    while todo:
        place = todo.pop()
        inside = names(place) or {}
        if place != folder and ("go.mod" in inside or workspace.leaves_out(place)):
            continue
        found.append(place)
        todo += [
            joined(place, name)
            for name, kind in inside.items()
            if kind == FOLDER and name[0] not in "._" and name not in ("testdata", "vendor")
        ]
    return found


def _beside(names: "Names", folder: str, *, tests: bool) -> list[str]:
    """What a package that is asked for by name reads beside its code: its profile, and data of its tests."""
    inside = names(folder) or {}
    found = [joined(folder, "default.pgo")] if inside.get("default.pgo") == FILE else []
    if tests and inside.get("testdata") == FOLDER:
        found += files_below(names, joined(folder, "testdata"), hidden=True, modules=True)
    return found


def _imported(
    tree: "Tree",
    names: "Names",
    workspace: Workspace,
    memo: "dict[str, Scan]",
    imports: list[str],
    done: set[str],
) -> set[str]:
    """The files of all packages that these imports lead to, but for the folders that are done."""
    found: set[str] = set()
    seen = set(imports)
    todo = list(seen)
    while todo:
        path = todo.pop()
        for folder in workspace.folders(names, path):
            if folder in done:
                continue
            done.add(folder)
            files, wanted = package_files(tree, names, folder, memo, tests=False)
            found.update(files)
            fresh = set(wanted) - seen
            seen |= fresh
            todo += fresh
    return found
