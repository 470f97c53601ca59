"""The files of one Go package, and what they import.

Knows a single folder and nothing of modules. Constraints and file suffixes are not looked at, so that the
answer holds for all platforms and build tags, as `go list` says it for one. Headers that C code takes from
other folders are not found: `go list` and Go's own cache do not know of them either.
"""

from runner.plan.facts import FILE
from runner.plan.go_embed import embedded, joined
from runner.plan.go_imports import scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.plan.facts import Tree
    from runner.plan.go_embed import Names
    from runner.plan.go_imports import Scan

_OTHER = frozenset(
    (
        *(".s", ".S", ".sx", ".syso", ".h", ".hh", ".hpp", ".hxx", ".c", ".cc", ".cpp", ".cxx", ".m", ".mm"),
        *(".f", ".F", ".for", ".f90", ".swig", ".swigcxx"),
    )
)
"""Suffixes of files in other languages. They count with cgo and without: a compiler other than Go's own may
take C without it, and Go's refuses to build a package where there is any."""


def has_code(inside: "Mapping[str, str] | None", *, tests: bool) -> bool:
    """Whether a folder with these names is a package: it holds Go files, other than tests unless `tests`."""
    return inside is not None and any(
        name.endswith(".go") and kind == FILE and _counts(name, tests=tests) for name, kind in inside.items()
    )


def package_files(
    tree: "Tree", names: "Names", folder: str, memo: "dict[str, Scan]", *, tests: bool
) -> tuple[list[str], list[str]]:
    """The files of the package in a folder, as paths from the top, and the import paths in them.

    Args:
        tree: Where Go files are read.
        names: What lies in a folder.
        folder: The package.
        memo: What Go files said, by path; it is asked first and added to.
        tests: Also its test files.
    """
    files: list[str] = []
    imports: list[str] = []
    for name, kind in (names(folder) or {}).items():
        if kind != FILE or not _counts(name, tests=tests):
            continue
        path = joined(folder, name)
        suffix = name[name.rfind(".") :]
        if suffix == ".go":
            if path not in memo:
                memo[path] = scan(tree.read(path) or b"")
            imported, patterns = memo[path]
            files.append(path)
            imports += imported
            for pattern in patterns:
                files += embedded(names, folder, pattern)
        elif suffix in _OTHER:
            files.append(path)
    return files, imports


def _counts(name: str, *, tests: bool) -> bool:
    """Whether Go looks at a file of this name at all."""
    return name[0] not in "._" and (tests or not name.endswith("_test.go"))
