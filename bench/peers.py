# ruff: noqa: INP001 - a part of programs, not a package
"""The other runners that pyrun is measured against: where each comes from, and the program it is.

They are got from PyPI, npm and the Go proxy into `pyrun-bench` in the user's cache folder, once; `make` is the
machine's own, and `tusk` is taken where it is on PATH. What can't be got is left out with a word.
"""

import glob
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True)
class Peer:
    """Another runner.

    Args:
        name: What it is called.
        program: Its path.
        version: As it tells it.
    """

    name: str
    program: str
    version: str


_PYTHON = {
    "ninja": "ninja",
    "just": "rust-just",
    "doit": "doit",
    "poe": "poethepoet",
    "invoke": "invoke",
    "nox": "nox",
}
"""Programs by the packages of PyPI that they come from."""
_NODE = {
    "mise": ("@jdxcode/mise", ".bin/mise"),
    "turbo": ("turbo", "@turbo/linux-*/bin/turbo"),
    "nx": ("nx", ".bin/nx"),
    "moon": ("@moonrepo/cli", "@moonrepo/core-linux-*-gnu/moon"),
}
"""The same for npm, each with the place of the program itself, which no script for Node stands before."""
_GO = {"task": "github.com/go-task/task/v3/cmd/task@latest"}


_FOLDER = f"{os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')}/pyrun-bench"
NODE_MODULES = f"{_FOLDER}/node/node_modules"
"""Where npm's packages are."""


def peers() -> dict[str, Peer]:
    """All that are there or can be got, by name."""
    folder = _FOLDER
    os.makedirs(folder, exist_ok=True)
    found: dict[str, Peer] = {}
    for name in ("make", "tusk"):
        if program := shutil.which(name):
            _take(found, name, partial(str, program))
    for name, package in _PYTHON.items():
        _take(found, name, partial(_python, folder, name, package))
    for name, (package, place) in _NODE.items():
        _take(found, name, partial(_node, folder, package, place))
    for name, package in _GO.items():
        _take(found, name, partial(_go, folder, name, package))
    return found


def _take(found: dict[str, Peer], name: str, get: Callable[[], str]) -> None:
    try:
        program = get()
        asked = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"{name} is left out: {error}\n")
        return
    lines = (asked.stdout or asked.stderr).strip().splitlines()
    found[name] = Peer(name, program, lines[0] if lines else "")


def _python(folder: str, name: str, package: str) -> str:
    program = f"{folder}/python/bin/{name}"
    if not os.path.exists(program):
        if not os.path.exists(f"{folder}/python/bin/pip"):
            subprocess.run([sys.executable, "-m", "venv", f"{folder}/python"], check=True)
        subprocess.run([f"{folder}/python/bin/pip", "install", "--quiet", package], check=True)
    return program


def _node(folder: str, package: str, place: str) -> str:
    modules = f"{folder}/node/node_modules"
    if not glob.glob(f"{modules}/{place}"):
        words = ("install", "--prefix", f"{folder}/node", "--no-audit", "--no-fund", "--silent", package)
        os.makedirs(f"{folder}/node", exist_ok=True)
        subprocess.run(["npm", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return next(iter(glob.glob(f"{modules}/{place}")), f"{modules}/{place}")


def _go(folder: str, name: str, package: str) -> str:
    program = f"{folder}/go/{name}"
    if not os.path.exists(program):
        environ = {**os.environ, "GOBIN": f"{folder}/go"}
        subprocess.run(["go", "install", package], check=True, env=environ, capture_output=True)
    return program
