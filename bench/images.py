# ruff: noqa: INP001 - a program, not a package
"""What the image of a Go service costs, beside Docker's own ways and `ko`: `[ROUNDS]`.

The service is one of the example's, compiled with the same flags for each. Three states: nothing changed, one
file changed, and nothing there at all (which is measured twice only). A hand-written Dockerfile has two stages; a
second one keeps Go's caches in cache mounts. `go build` alone is what none of them can do without.
"""

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from bench.measure import Command, Samples, measured, ratio
from tests.engine.engines import RealEngine, docker_engine
from tests.engine.go_programs import known_program
from tests.engine.images import give
from tests.engine.registries import new_program, registry
from tests.example import SOURCE

_PYRUN = os.path.join(sysconfig.get_path("scripts"), "pyrun")
_GO = shutil.which("go") or "go"
_DOCKER = shutil.which("/usr/bin/docker") or shutil.which("docker") or "docker"
"""Debian's own has BuildKit's client built in."""
_FLAGS = ("build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w")
_SERVICE = "gmicro"
_FILE = f"cmd/{_SERVICE}/main.go"
_BASE = "busybox:1.36"
_MANY = 400
"""Images in a project with many."""
_PYRUN_NAME, _BY_HAND, _CACHED, _KO, _GO_BUILD = (
    "pyrun image", "docker build, by hand", "the same, cache mounts", "ko build", "go build",
)  # fmt: skip
_DOCKERFILE = """\
FROM golang:1.24-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN {modules}go mod download
COPY . .
RUN {both}CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags='-s -w' -o /out/{service} ./cmd/{service}
FROM busybox:1.36
COPY --from=build /out/{service} /app/{service}
ENTRYPOINT ["/app/{service}"]
"""
_MODULES = "--mount=type=cache,target=/go/pkg/mod "
_BOTH = f"{_MODULES}--mount=type=cache,target=/root/.cache/go-build "


def main() -> None:
    """Measure, and print a table for each state."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(docker_engine())
        give(engine, "golang:1.24-alpine", _BASE)
        there = stack.enter_context(registry(new_program()))
        base = f"{there.host}/bases/busybox:1.36"
        engine.docker("tag", _BASE, base)
        engine.docker("push", base)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pyrun-bench-"))
        for title, state, times in (
            ("nothing changed", _unchanged, rounds),
            ("one file changed", _one_file, rounds),
            ("from nothing", _from_nothing, 2),
        ):
            found = measured(_commands(f"{folder}/{state.__name__}", engine, base, state), times)
            sys.stdout.write(f"\n### {title}\n\n{_table(found)}")
            sys.stdout.flush()
        found = measured({"pyrun image --all": _many(f"{folder}/many")}, rounds)
        sys.stdout.write(f"\n### {_MANY} images, nothing changed\n\n{_table(found)}")


State = Callable[[str], Callable[[], None]]


def _unchanged(_: str) -> Callable[[], None]:
    return lambda: None


def _one_file(folder: str) -> Callable[[], None]:
    """Another text in one file of the service, each time a new one."""
    with open(f"{folder}/{_FILE}", encoding="utf-8") as file:
        text = file.read()
    counter = iter(range(1, 1_000_000))

    def change() -> None:
        with open(f"{folder}/{_FILE}", "w", encoding="utf-8") as file:
            file.write(f"{text}\nvar _ = {next(counter)}\n")

    return change


def _from_nothing(folder: str) -> Callable[[], None]:
    """No cache of Go's, pyrun's or the engine's, and nothing that was made; modules stay, they are the net's."""

    def clear() -> None:
        for name in (".pyrun", "bin", ".home/.cache", ".out"):
            subprocess.run(["chmod", "-R", "u+w", f"{folder}/{name}"], check=False, capture_output=True)
            shutil.rmtree(f"{folder}/{name}", ignore_errors=True)
        if os.path.exists(f"{folder}/Dockerfile"):
            subprocess.run(
                ["docker", "builder", "prune", "--all", "--force"],
                check=True,
                capture_output=True,
                env=_ENGINE,
            )

    return clear


_ENGINE: dict[str, str] = {}
"""The variables by which Docker's own command reaches the engine."""


def _commands(folder: str, engine: RealEngine, base: str, state: State) -> dict[str, Command]:
    """A project for each way, and the command that makes the image there."""
    _ENGINE.update({**os.environ, **engine.environ, "DOCKER_BUILDKIT": "1"})
    modules = subprocess.run(
        [_GO, "env", "GOMODCACHE"], capture_output=True, text=True, check=True
    ).stdout.strip()
    tag = f"bench{os.path.basename(folder).replace('_', '-')}"
    ways: dict[str, tuple[str, ...]] = {
        _PYRUN_NAME: (_PYRUN, "--no-load", "--quiet", "image", _SERVICE),
        _BY_HAND: (_DOCKER, "build", "--quiet", "--tag", f"{tag}-hand", "."),
        _CACHED: (_DOCKER, "build", "--quiet", "--tag", f"{tag}-cached", "."),
        _KO: (
            known_program("ko"), "build", "--push=false", "--sbom=none", "--oci-layout-path=.out",
            f"./cmd/{_SERVICE}",
        ),
        _GO_BUILD: (_GO, *_FLAGS, "-o", f"bin/{_SERVICE}", f"./cmd/{_SERVICE}"),
    }  # fmt: skip
    found = {}
    for number, (name, argv) in enumerate(ways.items()):
        place = f"{folder}/{number}"
        shutil.copytree(SOURCE, place, ignore=shutil.ignore_patterns("bin", ".pyrun", "data"))
        environ = {
            **_ENGINE, "HOME": f"{place}/.home", "XDG_CACHE_HOME": f"{place}/.home/.cache", "GOMODCACHE": modules,
            "GOCACHE": f"{place}/.home/.cache/go", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0",
            "KO_DOCKER_REPO": "bench", "KO_DEFAULTBASEIMAGE": base, "PWD": place,
        }  # fmt: skip
        _prepare(name, place, base)
        found[name] = Command(argv, place, environ, state(place))
    return found


def _prepare(name: str, place: str, base: str) -> None:
    if name in {_BY_HAND, _CACHED}:
        mounts = {"modules": "", "both": ""} if name == _BY_HAND else {"modules": _MODULES, "both": _BOTH}
        with open(f"{place}/Dockerfile", "w", encoding="utf-8") as file:
            file.write(_DOCKERFILE.format(service=_SERVICE, **mounts))
        with open(f"{place}/.dockerignore", "w", encoding="utf-8") as file:
            file.write(".home\nbin\n.pyrun\n.out\n")
    elif name == _KO:
        with open(f"{place}/.ko.yaml", "w", encoding="utf-8") as file:
            file.write(
                f"defaultBaseImage: {base}\nbuilds:\n- id: one\n  main: ./cmd/{_SERVICE}\n"
                "  flags: ['-trimpath', '-buildvcs=false']\n  ldflags: ['-s', '-w']\n"
            )
    elif name == _PYRUN_NAME:
        with open(f"{place}/tasks.yml", encoding="utf-8") as file:
            text = file.read()
        with open(f"{place}/tasks.yml", "w", encoding="utf-8") as file:
            file.write(text.replace("from: scratch", f"from: {base}"))


def _many(folder: str) -> Command:
    """A project with many images of one file each."""
    names = [f"s{number}" for number in range(_MANY)]
    for name in names:
        os.makedirs(f"{folder}/services/{name}")
        with open(f"{folder}/services/{name}/page", "w", encoding="utf-8") as file:
            file.write(f"{name}\n")
    with open(f"{folder}/tasks.yml", "w", encoding="utf-8") as file:
        file.write(
            "args: {service: {values: {glob: services/*/}}}\n"
            "tasks:\n"
            "  image:\n"
            "    args: [service]\n"
            "    image:\n"
            "      name: registry.example.org/many/${service}\n"
            "      from: scratch\n"
            "      copy: [{source: 'services/${service}/', to: /srv/}]\n"
        )
    environ = {
        **os.environ,
        "HOME": f"{folder}/.home",
        "XDG_CACHE_HOME": f"{folder}/.home/.cache",
        "PWD": folder,
    }
    return Command((_PYRUN, "--no-load", "--quiet", "image", "--all"), folder, environ)


def _table(found: dict[str, Samples]) -> str:
    lines = ["| | median ms | processor ms | pyrun takes |\n", "|---|---:|---:|---:|\n"]
    ours = next(samples for name, samples in found.items() if name.startswith(_PYRUN_NAME))
    for name, samples in sorted(found.items(), key=lambda item: item[1].median):
        beside = "" if samples is ours else f"{ratio(ours, samples):.3f} x"
        lines.append(f"| {name} | {samples.median:.1f} | {statistics.median(samples.cpu):.1f} | {beside} |\n")
    if _GO_BUILD in found:
        more = statistics.median(one - two for one, two in zip(ours.wall, found[_GO_BUILD].wall, strict=True))
        lines.append(f"\npyrun over `go build`: {more:.1f} ms\n")
    return "".join(lines)


if __name__ == "__main__":
    main()
