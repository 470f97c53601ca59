# ruff: noqa: INP001 - a part of programs, not a package
"""Equal work for pyrun and for each runner that can express it.

A scenario writes a project for each runner into a folder of its own, with the same sources, and gives the
commands to measure. What is up to date is decided by content wherever a runner can: times alone may lie.
"""

import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bench.measure import Command, succeeded
from bench.peers import NODE_MODULES, Peer

PYRUN, PASS = "pyrun", "python3 -c pass"
_WIDTH = 100
"""Tasks side by side in a layer, and how many a change of one source reaches."""


@dataclass(frozen=True)
class Work:
    """A task of a scenario.

    Args:
        name: Its name.
        sources: The files that it reads, in order.
        target: The file that it writes, or empty.
        deps: The tasks that it needs.
        targets_of: The targets of those, which it reads too.
    """

    name: str
    sources: tuple[str, ...] = ()
    target: str = ""
    deps: tuple[str, ...] = ()
    targets_of: tuple[str, ...] = ()

    @property
    def script(self) -> str:
        """What it does."""
        if not self.target:
            return "true"
        first = self.sources[0] if self.sources else "/dev/null"
        return f"cat {' '.join((first, *self.targets_of))} > {self.target}"


Writer = Callable[[str, list[Work]], None]


def commands(
    folder: str,
    peers: Mapping[str, Peer],
    work: list[Work],
    words: Mapping[str, tuple[str, ...]],
    before: Callable[[str], Callable[[], None]] = lambda _: lambda: None,
    after: Callable[[str], Callable[[int, bytes], None]] = lambda _: succeeded,
) -> dict[str, Command]:
    """A command for each runner that has words, its project written and run once.

    Args:
        folder: Where the projects go, a folder each.
        peers: The runners.
        work: The tasks.
        words: By runner, what stands behind its program; `{}` in none of them.
        before: Given a project's folder, what is done before each time.
        after: Given a project's folder, how it is found out that the result is right.
    """
    found = {PASS: Command([sys.executable, "-c", "pass"], folder, dict(os.environ))}
    for name, argv in words.items():
        if name != PYRUN and name not in peers:
            continue
        place = f"{folder}/{name}"
        os.makedirs(place)
        write_sources(place, work)
        WRITERS[name](place, work)
        program = f"{sysconfig.get_path('scripts')}/pyrun" if name == PYRUN else peers[name].program
        found[name] = Command((program, *argv), place, _environ(place, peers), before(place), after(place))
    return found


def write_sources(folder: str, work: list[Work]) -> None:
    """Write all that the tasks read, each file with a content of its own."""
    made: set[str] = set()
    for one in work:
        for path in (*one.sources, one.target):
            parent = os.path.dirname(path)
            if parent and parent not in made:
                os.makedirs(f"{folder}/{parent}", exist_ok=True)
                made.add(parent)
        for path in one.sources:
            with open(f"{folder}/{path}", "x", encoding="utf-8") as file:
                file.write(f"{path}\n")


def _environ(folder: str, peers: Mapping[str, Peer]) -> dict[str, str]:
    """A home of its own for each runner, and nothing that it would ask the network for."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ}
    near = [os.path.dirname(sys.executable), *(os.path.dirname(peer.program) for peer in peers.values())]
    return {
        **kept,
        "PATH": os.pathsep.join((*dict.fromkeys(near), os.environ["PATH"])),
        "HOME": f"{folder}/.home",
        "XDG_CACHE_HOME": f"{folder}/.home/cache",
        "MISE_TRUSTED_CONFIG_PATHS": folder,
        "MISE_OFFLINE": "1",
        "TURBO_TELEMETRY_DISABLED": "1",
        "NX_DAEMON": "false",
        "DO_NOT_TRACK": "1",
        "NO_COLOR": "1",
    }


def layers(count: int, sources: int) -> list[Work]:
    """Tasks in ten layers, each with sources of its own and the target of one or two of the layer below.

    A change of the first source of the first task reaches a tenth of all.

    Args:
        count: How many tasks, a multiple of ten.
        sources: How many sources each.
    """
    width = count // 10
    reached = max(width // 9, 1) if count < _WIDTH * 10 else (_WIDTH - 1) // 9
    found = []
    for layer in range(10):
        for place in range(width):
            name = f"t{layer}_{place}"
            own = tuple(f"src/{name}/f{number}.txt" for number in range(sources))
            below = (f"t{layer - 1}_{0 if place < reached else place}",) if layer else ()
            found.append(Work(name, own, f"out/{name}", below, tuple(f"out/{one}" for one in below)))
    return [*found, Work("all", deps=tuple(one.name for one in found))]


def trivial(count: int) -> list[Work]:
    """Tasks that do nothing and hang on nothing.

    Args:
        count: How many.
    """
    return [Work(f"t{number}") for number in range(count)]


def packages(count: int, files: int) -> list[Work]:
    """A task for each of several packages, each with files of its own.

    Args:
        count: How many packages.
        files: How many files in each.
    """
    found = [
        Work(
            f"p{number}",
            tuple(f"packages/p{number}/src/f{one}.txt" for one in range(files)),
            f"packages/p{number}/out",
        )
        for number in range(count)
    ]
    return [*found, Work("all", deps=tuple(one.name for one in found))]


def wide(count: int) -> list[Work]:
    """One task that reads many files, a thousand in a folder at most.

    Args:
        count: How many.
    """
    files = tuple(f"src/d{number // 1000}/f{number}.txt" for number in range(count))
    return [Work("one", files, "out/one")]


def _text(folder: str, name: str, lines: Iterator[str] | list[str]) -> None:
    with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def _folders(one: Work) -> list[str]:
    """The folders that hold a task's sources, and nothing else."""
    return list(dict.fromkeys(os.path.dirname(path) for path in one.sources))


def _pyrun(folder: str, work: list[Work]) -> None:
    def lines() -> Iterator[str]:
        yield "tasks:"
        for one in work:
            yield f"  {one.name}:"
            if one.deps:
                yield f"    deps: [{', '.join(one.deps)}]"
            if one.sources:
                yield f"    source: [{', '.join(f'{path}/' for path in _folders(one))}]"
            if one.target:
                yield f"    target: {one.target}"
            if one.target or not one.deps:
                yield f'    run: "{one.script}"'

    _text(folder, "tasks.yml", lines())


def _ninja(folder: str, work: list[Work]) -> None:
    def lines() -> Iterator[str]:
        yield "rule run"
        yield "  command = $script"
        for one in work:
            if one.target:
                yield f"build {one.target}: run {' '.join((*one.sources, *one.targets_of))}"
                yield f"  script = {one.script}"
                yield f"build {one.name}: phony {one.target}"
            elif one.deps:
                yield f"build {one.name}: phony {' '.join(one.deps)}"
            else:
                yield f"build {one.name}: run"
                yield f"  script = {one.script}"

    _text(folder, "build.ninja", lines())


def _make(folder: str, work: list[Work]) -> None:
    def lines() -> Iterator[str]:
        yield f".PHONY: {' '.join(one.name for one in work)}"
        for one in work:
            if one.target:
                yield f"{one.target}: {' '.join((*one.sources, *one.targets_of))}"
                yield f"\t@{one.script}"
                yield f"{one.name}: {one.target}"
            else:
                yield f"{one.name}: {' '.join(one.deps)}"
                if not one.deps:
                    yield f"\t@{one.script}"

    _text(folder, "Makefile", lines())


def _just(folder: str, work: list[Work]) -> None:
    def lines() -> Iterator[str]:
        for one in work:
            yield f"{one.name}: {' '.join(one.deps)}"
            if not one.deps:
                yield f"    @{one.script}"

    _text(folder, "justfile", lines())


def _task(folder: str, work: list[Work]) -> None:
    def lines() -> Iterator[str]:
        yield "version: '3'"
        yield "silent: true"
        yield "tasks:"
        for one in work:
            yield f"  {one.name}:"
            if one.deps:
                yield f"    deps: [{', '.join(one.deps)}]"
            if one.sources:
                found = [f"{path}/*.txt" for path in _folders(one)]
                yield f"    sources: [{', '.join(json.dumps(path) for path in (*found, *one.targets_of))}]"
            if one.target:
                yield f"    generates: [{one.target}]"
            if one.target or not one.deps:
                yield f'    cmds: ["{one.script}"]'

    _text(folder, "Taskfile.yml", lines())


def _mise(folder: str, work: list[Work]) -> None:
    def lines() -> Iterator[str]:
        for one in work:
            yield f"[tasks.{one.name}]"
            yield f"run = {json.dumps(one.script if one.target or not one.deps else 'true')}"
            if one.deps:
                yield f"depends = {json.dumps(one.deps)}"
            if one.sources:
                found = [f"{path}/*.txt" for path in _folders(one)]
                yield f"sources = {json.dumps([*found, *one.targets_of])}"
            if one.target:
                yield f"outputs = {json.dumps([one.target])}"

    _text(folder, "mise.toml", lines())


def _tusk(folder: str, work: list[Work]) -> None:
    def lines() -> Iterator[str]:
        yield "tasks:"
        for one in work:
            yield f"  {one.name}:"
            if one.sources:
                found = [f"{path}/*.txt" for path in _folders(one)]
                yield f"    source: [{', '.join((*(json.dumps(path) for path in found), *one.targets_of))}]"
            if one.target:
                yield f"    target: {one.target}"
            yield "    run:"
            for dep in one.deps:
                yield f"      - {{task: {dep}}}"
            if one.target or not one.deps:
                yield f'      - "{one.script}"'

    _text(folder, "tusk.yml", lines())


def _doit(folder: str, work: list[Work]) -> None:
    plain = [
        {
            "name": one.name, "actions": [one.script] if one.target or not one.deps else [],
            "file_dep": [*one.sources, *one.targets_of], "targets": [one.target] if one.target else [],
            "task_dep": list(one.deps),
        }
        for one in work
    ]  # fmt: skip
    _text(folder, "tasks.json", [json.dumps(plain)])
    _text(
        folder,
        "dodo.py",
        [
            "import json",
            "def _maker(one):",
            "    name = one.pop('name')",
            "    one['verbosity'] = 0",
            "    def make():",
            "        return one",
            "    return name, make",
            "with open('tasks.json') as file:",
            "    for one in json.load(file):",
            "        name, make = _maker(one)",
            "        globals()['task_' + name] = make",
        ],
    )


def _poe(folder: str, work: list[Work]) -> None:
    _text(folder, "poe_tasks.toml", ["[tasks]", *(f'{one.name} = "{one.script}"' for one in work)])


def _invoke(folder: str, work: list[Work]) -> None:
    def lines() -> Iterator[str]:
        yield "from invoke import task"
        for one in work:
            yield f"@task(name={one.name!r})"
            yield f"def {one.name}(c):"
            yield f"    c.run({one.script!r})"

    _text(folder, "tasks.py", lines())


def _nox(folder: str, work: list[Work]) -> None:
    def lines() -> Iterator[str]:
        yield "import nox"
        for one in work:
            yield "@nox.session(venv_backend='none')"
            yield f"def {one.name}(session):"
            yield f"    session.run('sh', '-c', {one.script!r}, external=True)"

    _text(folder, "noxfile.py", lines())


def _workspaces(folder: str, work: list[Work]) -> None:
    """A workspace of npm's, as turbo and nx want it."""
    whole = {
        "name": "bench", "version": "1.0.0", "private": True, "packageManager": "npm@10.8.2",
        "workspaces": ["packages/*"],
    }  # fmt: skip
    _text(folder, "package.json", [json.dumps(whole)])
    locked: dict[str, object] = {"": whole}
    for one in work:
        if not one.target:
            continue
        package = {"name": one.name, "version": "1.0.0", "scripts": {"build": "cat src/f0.txt > out"}}
        _text(folder, f"packages/{one.name}/package.json", [json.dumps(package)])
        locked[f"packages/{one.name}"] = {"name": one.name, "version": "1.0.0"}
        locked[f"node_modules/{one.name}"] = {"resolved": f"packages/{one.name}", "link": True}
    lock = {"name": "bench", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": locked}
    _text(folder, "package-lock.json", [json.dumps(lock)])


def _turbo(folder: str, work: list[Work]) -> None:
    _workspaces(folder, work)
    build = {"inputs": ["src/**"], "outputs": ["out"]}
    _text(folder, "turbo.json", [json.dumps({"tasks": {"build": build}})])
    _git(folder)


def _nx(folder: str, work: list[Work]) -> None:
    _workspaces(folder, work)
    build = {"inputs": ["{projectRoot}/src/**"], "outputs": ["{projectRoot}/out"], "cache": True}
    _text(folder, "nx.json", [json.dumps({"targetDefaults": {"build": build}, "analytics": False})])
    # nx wants to be a package of the project that it works on.
    os.symlink(NODE_MODULES, f"{folder}/node_modules")
    _git(folder)


def _moon(folder: str, work: list[Work]) -> None:
    os.makedirs(f"{folder}/.moon", exist_ok=True)
    _text(folder, ".moon/workspace.yml", ["projects: ['packages/*']"])
    for one in work:
        if one.target:
            _text(
                folder,
                f"packages/{one.name}/moon.yml",
                [
                    "tasks:", "  build:", "    script: 'cat src/f0.txt > out'",
                    "    inputs: ['src/**/*']", "    outputs: ['out']",
                ],
            )  # fmt: skip
    _git(folder)


def _git(folder: str) -> None:
    """A repository, which some runners insist on."""
    import subprocess  # noqa: PLC0415 - for those only

    _text(folder, ".gitignore", [".home", "node_modules", "out", ".turbo", ".nx", ".moon/cache"])
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "all")):
        subprocess.run(["git", *who, *words], cwd=folder, check=True)


WRITERS: dict[str, Writer] = {
    PYRUN: _pyrun, "ninja": _ninja, "make": _make, "just": _just, "task": _task, "mise": _mise, "tusk": _tusk,
    "doit": _doit, "poe": _poe, "invoke": _invoke, "nox": _nox, "turbo": _turbo, "nx": _nx, "moon": _moon,
}  # fmt: skip
"""What writes a project, by runner."""


def emptied(folder: str) -> Callable[[], None]:
    """What takes away all that a run has left in a project, so that the next one is cold."""

    def empty() -> None:
        for name in (".pyrun", ".doit.db", ".task", ".ninja_log", ".ninja_deps"):
            path = f"{folder}/{name}"
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.exists(path):
                os.unlink(path)

    return empty
