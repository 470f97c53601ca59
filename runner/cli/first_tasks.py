"""Which tasks suit what lies in a folder: a Go module, a Python project, a Node package.

Only files are read, and only those that name what the project is made of. A task is proposed where its
commands can run as things are: no tests are run where there are none.
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.plan.bind import shown_word

_PYPROJECT, _REQUIREMENTS = "pyproject.toml", "requirements.txt"
_DEV_REQUIREMENTS = (
    "requirements-dev.txt",
    "requirements_dev.txt",
    "dev-requirements.txt",
    "requirements-test.txt",
)
_VENV = ".venv/bin/"
_NODE_LOCKS = (
    ("package-lock.json", "npm"),
    ("npm-shrinkwrap.json", "npm"),
    ("yarn.lock", "yarn"),
    ("pnpm-lock.yaml", "pnpm"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
)
_GO_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_GO_MAIN = re.compile(r"\A\s*package\s+main\b")
_GO_LEFT_OUT = re.compile(r"^//go:build\s+ignore\s*$", re.MULTILINE)


@dataclass(frozen=True)
class FirstTask:
    """A task of the file that is to be written.

    Args:
        name: Its name.
        usage: What it is for, in one line.
        run: Its commands, as a `tasks.yml` has them: `$$` for a dollar sign.
        deps: The calls that it needs first.
        source: Patterns of what it reads; none for a task that always runs.
        target: What it writes.
        args: By the name of each arg the key and the value of `values` that say what it may be.
        go: The Go package that it compiles, whose files are its sources.
    """

    name: str
    usage: str
    run: tuple[str, ...]
    deps: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    target: str = ""
    args: tuple["FirstArg", ...] = ()
    go: str = ""


@dataclass(frozen=True)
class FirstArg:
    """An arg that has values.

    Args:
        name: Its name.
        usage: What it is, in one line.
        values: What it may be.
        glob: A pattern that finds them, instead.
    """

    name: str
    usage: str
    values: tuple[str, ...] = ()
    glob: str = ""


@dataclass(frozen=True)
class FirstProject:
    """What a folder holds.

    Args:
        kind: What it is in words: `a Go module`.
        name: The project's own name, or empty.
        tasks: The tasks that suit it.
    """

    kind: str
    name: str
    tasks: tuple[FirstTask, ...]


def find_projects(folder: str) -> list[FirstProject]:
    """What lies in a folder; nothing, where it is none of what is known.

    Args:
        folder: The folder, absolute.
    """
    names = set(os.listdir(folder))
    found = []
    if "go.mod" in names:
        found.append(_go(folder))
    if names & {_PYPROJECT, _REQUIREMENTS, "setup.py"}:
        found.append(_python(folder, names))
    if "package.json" in names:
        found.append(_node(folder, names))
    return found


def _go(folder: str) -> FirstProject:
    line = re.search(r'^\s*module\s+"?([^\s"]+)', _text(f"{folder}/go.mod"), re.MULTILINE)
    path = [part for part in (line[1] if line else "").split("/") if not re.fullmatch(r"v\d+", part)]
    name = path[-1] if path else os.path.basename(folder)
    # One pattern, because there is no go.sum before the first dependency.
    tasks = [
        FirstTask("install", "Download the module's dependencies", ("go mod download",), source=("go.*",))
    ]
    if _has_go(folder):
        tasks.append(FirstTask("test", "Test all packages", ("go test ./...",), deps=("install",)))
    inner = _folders(f"{folder}/cmd")
    programs = [one for one in inner if _is_go_program(f"{folder}/cmd/{one}")]
    if programs:
        arg = FirstArg("program", "A program of this module", tuple(programs))
        if programs == inner:
            arg = FirstArg("program", "A program of this module", glob="cmd/*/")
        tasks += _go_program("./cmd/${program}", "${program}", (arg,))
    elif _is_go_program(folder):
        tasks += _go_program(".", name, ())
    return FirstProject("a Go module", name, tuple(tasks))


def _go_program(package: str, name: str, args: tuple[FirstArg, ...]) -> list[FirstTask]:
    """The tasks for a program, or for each of several."""
    path = f"bin/{name}"
    command = f"go build -o {path} {package}"
    what = "a program" if args else "the program"
    call = "build ${program}" if args else "build"
    return [
        FirstTask("build", f"Compile {what}", (command,), ("install",), target=path, args=args, go=package),
        FirstTask("run", f"Compile {what} and run it", (path,), (call,), args=args),
    ]


def _has_go(folder: str) -> bool:
    """Whether there is a package of Go in a folder or below it, where `go` looks for some."""
    for _, folders, files in os.walk(folder):
        if any(name.endswith(".go") for name in files):
            return True
        folders[:] = [name for name in folders if name[0] not in "._" and name not in {"vendor", "testdata"}]
    return False


def _is_go_program(folder: str) -> bool:
    """Whether a folder holds a package `main`."""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".go") and not name.endswith("_test.go") and name[0] not in "._":
            text = _text(f"{folder}/{name}")
            if not _GO_LEFT_OUT.search(text):
                return bool(_GO_MAIN.match(_GO_COMMENT.sub(" ", text)))
    return False


def _python(folder: str, names: set[str]) -> FirstProject:
    project = _pyproject(folder)
    about = _map(project.get("project"))
    uv, poetry = "uv.lock" in names, "poetry.lock" in names
    if uv or poetry:
        tool = "uv" if uv else "poetry"
        install = FirstTask("install", "Install the dependencies", (f"{tool} {'sync' if uv else 'install'}",))
        start = f"{tool} run "
    else:
        install = _venv(folder, names, project)
        start = _VENV
    tasks = [install]
    test = _python_test(folder, names)
    if test:
        tasks.append(FirstTask("test", "Run the tests", (f"{start}python -m {test}",), deps=("install",)))
    scripts = tuple(one for one in _map(about.get("scripts")) if re.fullmatch(r"[\w.-]+", one))
    if len(scripts) == 1:
        tasks.append(FirstTask("run", "Run the program", (f"{start}{scripts[0]}",), deps=("install",)))
    elif scripts:
        arg = FirstArg("program", "A program of this project", scripts)
        run = (f"{start}${{program}}",)
        tasks.append(FirstTask("run", "Run a program", run, deps=("install",), args=(arg,)))
    return FirstProject("a Python project", _line(about.get("name")), tuple(tasks))


def _venv(folder: str, names: set[str], project: Mapping[str, Any]) -> FirstTask:
    """The task that installs a project without a lock file: into an environment of its own, by pip."""
    about = _map(project.get("project"))
    files = [one for one in (_REQUIREMENTS, *_DEV_REQUIREMENTS) if one in names]
    words = [f"-r {one}" for one in files]
    declared = any(_mentions_pytest(_text(f"{folder}/{one}")) for one in files)
    declared = declared or _mentions_pytest(json.dumps(about.get("dependencies")))
    if "setup.py" in names or "project" in project or "build-system" in project:
        extras = _map(about.get("optional-dependencies"))
        extra = next((one for one in extras if _mentions_pytest(json.dumps(extras[one]))), "")
        declared = declared or bool(extra)
        words.append(f"-e {shown_word(f'.[{extra}]')}" if extra else "-e .")
    if not declared and _python_test(folder, names) == "pytest":
        words.append("pytest")
    run = ["python3 -m venv .venv"]
    if words:
        run.append(f"{_VENV}python -m pip install --quiet {' '.join(words)}")
    source = tuple(one for one in (_PYPROJECT, "setup.py", "setup.cfg", *files) if one in names)
    usage = "Install the dependencies into .venv"
    return FirstTask("install", usage, tuple(run), source=source, target=".venv/pyvenv.cfg")


def _python_test(folder: str, names: set[str]) -> str:
    """The module and words that run the tests; empty if there are none."""
    place = next((one for one in ("tests", "test") if os.path.isdir(f"{folder}/{one}")), "")
    found = sorted(os.listdir(f"{folder}/{place}"))
    tests = [one for one in found if re.fullmatch(r"test.*\.py|.*_test\.py", one)]
    if not tests:
        # In folders below, only pytest finds those that are in no package.
        tests = [
            one for one in _folders(f"{folder}/{place}") if place and _has_tests(f"{folder}/{place}/{one}")
        ]
    settings = ("pytest.ini", "conftest.py", f"{place}/conftest.py")
    texts = (_PYPROJECT, _REQUIREMENTS, *_DEV_REQUIREMENTS, "setup.py", "setup.cfg", "tox.ini")
    wanted = [f"{place}/{one}" if place else one for one in tests if one.endswith(".py")]
    uses_pytest = any(os.path.isfile(f"{folder}/{one}") for one in settings) or any(
        _mentions_pytest(_text(f"{folder}/{one}")) for one in (*texts, *wanted) if one in names or "/" in one
    )
    if not tests:
        return ""
    return "pytest" if uses_pytest else f"unittest discover{f' -s {place}' if place else ''}"


def _has_tests(folder: str) -> bool:
    return any(re.fullmatch(r"test.*\.py|.*_test\.py", name) for name in os.listdir(folder))


def _mentions_pytest(text: str) -> bool:
    return re.search(r"\bpytest\b", text) is not None


def _pyproject(folder: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(_text(f"{folder}/{_PYPROJECT}"))
    except tomllib.TOMLDecodeError:
        return {}


def _node(folder: str, names: set[str]) -> FirstProject:
    try:
        package = _map(json.loads(_text(f"{folder}/package.json")))
    except ValueError:
        package = {}
    lock, tool = next(((one, tool) for one, tool in _NODE_LOCKS if one in names), ("", ""))
    if not tool:
        named = str(package.get("packageManager", "")).partition("@")[0]
        tool = named if named in {"yarn", "pnpm", "bun"} else "npm"
    tasks = []
    if any(_map(package.get(key)) for key in ("dependencies", "devDependencies", "optionalDependencies")):
        clean = tool == "npm" and lock
        files = tuple(one for one in ("package.json", lock) if one)
        # Only npm always leaves the same file behind, by which one sees that it has been at work.
        source, target = (files, "node_modules/.package-lock.json") if tool == "npm" else ((), "")
        command = f"{tool} {'ci' if clean else 'install'}"
        tasks.append(
            FirstTask("install", "Install the dependencies", (command,), source=source, target=target)
        )
    deps = ("install",) if tasks else ()
    scripts = _map(package.get("scripts"))
    for name, text in scripts.items():
        if not _is_step(name, scripts) and isinstance(text, str) and _can_be_a_task(name):
            command = f"{tool} run {shown_word(name)}".replace("$", "$$")
            tasks.append(FirstTask(name, _line(text), (command,), deps=deps))
    return FirstProject("a Node package", _line(package.get("name")), tuple(tasks))


def _is_step(name: str, scripts: Mapping[str, Any]) -> bool:
    """Whether a script is run by itself with another one, or with an installation."""
    base = name.removeprefix("pre").removeprefix("post")
    lifecycle = {"install", "prepare", "prepublish", "dependencies"}
    return name in lifecycle or (base != name and (base in scripts or base in lifecycle))


def _can_be_a_task(name: str) -> bool:
    return name not in {"", "<<"} and name[0] not in "-:" and name.isprintable()


def _map(value: Any) -> Mapping[str, Any]:
    """A value if it is a map, else an empty one: what others wrote may be anything."""
    return value if isinstance(value, dict) else {}


def _line(value: Any) -> str:
    """A text on one line, what can't be seen left out; empty for what is no text."""
    return "".join(filter(str.isprintable, " ".join(value.split()))) if isinstance(value, str) else ""


def _folders(folder: str) -> list[str]:
    """The names of the folders in a folder, sorted, hidden ones left out; none if there is no such folder."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [name for name in names if not name.startswith(".") and os.path.isdir(f"{folder}/{name}")]


def _text(path: str) -> str:
    """The text of a file, what is no text in it replaced; empty if it can't be read."""
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
