"""The shape of the code: directions of imports, purity, what a start may import, docstrings.

Directions are import-linter's; it can't see a call of `open`, nor what a class or a function says of itself, so
for these the syntax trees are walked. Each rule is shown a planted breach of it, too.
"""

import ast
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path  # noqa: TID251 - a test's start may cost what it likes

import pytest

TOP = Path(__file__).parent.parent

PURE = ("config", "plan", "model", "image", "events", "digest", "errors", "location")
"""The packages and modules that touch nothing: the caller brings data."""

WORLD = frozenset({"os", "sys", "builtins", "importlib", "pathlib"})
"""Modules by which one could."""

SLOW = frozenset(
    {
        "argparse", "collections", "dataclasses", "enum", "functools", "inspect", "json", "logging", "pathlib",
        "re", "subprocess", "typing",
    }
)  # fmt: skip
"""Modules that cost a start more than its own work does."""

ENTRIES = (
    "runner.cli.main", "runner.ui.listing", "runner.execute.loop", "runner.execute.inputs",
    "runner.execute.verdict", "runner.store.build_log", "runner.system.git", "runner.system.programs",
    "runner.cli.completion", "runner.cli.bash_line",
)  # fmt: skip
"""What a start to a known task imports by name, the later ones within functions."""


def trees() -> dict[str, ast.Module]:
    """The syntax tree of every module of the program, by the module's name."""
    found = {}
    for path in sorted((TOP / "runner").rglob("*.py")):
        name = ".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text(), str(path))
    return found


TREES = trees()


def imports(node: ast.AST) -> Iterator[str]:
    """The full names that a module imports as it is loaded: not within functions, nor for type checkers."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        for child in node.orelse:
            yield from imports(child)
    elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        for inner in ast.iter_child_nodes(node):
            yield from imports(inner)


def touches(tree: ast.Module) -> list[str]:
    """By which names a module could reach the world, with the line."""
    found = []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            if names == ["io"]:
                names = ["open" for alias in node.names if alias.name in {"open", "open_code", "FileIO"}]
        elif isinstance(node, ast.Name):
            names = [node.id] if node.id in {"open", "__import__", "eval", "exec"} else []
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in {
            "io.open",
            "io.open_code",
            "io.FileIO",
        }:
            names = ["open"]
        found += [f"line {node.lineno}: {name}" for name in names if _is_world(name)]  # type: ignore[attr-defined]
    return found


def _is_world(name: str) -> bool:
    return name.partition(".")[0] in WORLD or name in {"open", "__import__", "eval", "exec"}


def undocumented(name: str, tree: ast.Module) -> list[str]:
    """The public things of a module that say nothing of themselves."""
    found = [] if ast.get_docstring(tree) else [name]
    left: list[tuple[str, ast.stmt]] = [(name, node) for node in tree.body]
    while left:
        where, node = left.pop()
        if not isinstance(
            node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        ) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            found.append(f"{where}.{node.name}")
        if isinstance(node, ast.ClassDef):
            left += [(f"{where}.{node.name}", child) for child in node.body]
    return sorted(found)


def reached() -> set[str]:
    """The modules that a start to a known task reaches by imports at the heads of modules."""
    found: set[str] = set()
    left = list(ENTRIES)
    while left:
        name = left.pop()
        if name not in TREES:
            name = name.rpartition(".")[0]
        if name in TREES and name not in found:
            found.add(name)
            left += imports(TREES[name])
    return found


def slow_imports(tree: ast.Module) -> set[str]:
    """The modules that a start must not wait for, of those that a module imports at its head."""
    return {name.partition(".")[0] for name in imports(tree)} & SLOW


def test_the_directions_of_imports_are_kept() -> None:
    program = os.path.join(sysconfig.get_path("scripts"), "lint-imports")
    done = subprocess.run(
        [program, "--no-cache", "--no-logo"], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize(
    "name", [name for name in TREES if name.split(".")[1:2] and name.split(".")[1] in PURE]
)
def test_a_pure_module_touches_nothing(name: str) -> None:
    assert touches(TREES[name]) == []


@pytest.mark.parametrize(
    "text",
    [
        "open('x')", "import os", "from os import path", "import os.path", "def f():\n    import sys",
        "from pathlib import Path", "import io\nio.open('x')", "from io import open", "read = open",
        "__import__('os')",
    ],
)  # fmt: skip
def test_a_module_that_touches_something_is_found(text: str) -> None:
    assert len(touches(ast.parse(text))) == 1


def test_bytes_in_memory_touch_nothing() -> None:
    assert touches(ast.parse("import io\nfrom io import BytesIO\nio.BytesIO(b'')\nself.open()")) == []


@pytest.mark.parametrize("name", TREES)
def test_what_is_public_says_what_it_promises(name: str) -> None:
    assert undocumented(name, TREES[name]) == []


def test_what_says_nothing_is_found() -> None:
    text = (
        "class A:\n    def f(self): ...\n    def _g(self): ...\ndef h(): ...\nclass _B:\n    def i(self): ..."
    )
    assert undocumented("m", ast.parse(text)) == ["m", "m.A", "m.A.f", "m.h"]


@pytest.mark.parametrize("name", sorted(reached()))
def test_a_module_on_the_way_to_a_known_task_imports_nothing_slow(name: str) -> None:
    assert slow_imports(TREES[name]) == set()


def test_the_way_to_a_known_task_is_followed() -> None:
    assert {"runner.plan.graph", "runner.model.codec", "runner.execute.loop"} <= reached()
    assert "runner.config.decode" not in reached()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import json", {"json"}),
        ("from collections.abc import Mapping", {"collections"}),
        ("try:\n    import re\nexcept ImportError:\n    pass", {"re"}),
        ("if TYPE_CHECKING:\n    from typing import Protocol\nelse:\n    import enum", {"enum"}),
        ("def f():\n    import json", set()),
    ],
)
def test_a_slow_import_at_the_head_is_found(text: str, found: set[str]) -> None:
    assert slow_imports(ast.parse(text)) == found
