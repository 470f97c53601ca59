# ruff: noqa: INP001 - a program, not a package
"""What a task in a container costs, beside what Docker's own ways cost: `ROUNDS [TASKS]`.

All kinds are measured in turn, round by round, so that a slow moment of the machine meets them alike. What a
task costs is the difference between a run of many that do nothing and a run of one, by their number: start,
container and end are in both.
"""

import importlib
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from tests.engine.engines import RealEngine, docker_engine
from tests.engine.images import give

_IMAGE = "busybox:1.36"
_HEAD = f"""\
containers:
  box: {_IMAGE}
tasks:
"""
_TASK = """\
  {name}:
    container: box
    run: "true"
"""
_IMPORT = "import docker"
_FIRST = "pyrun one, until it is done"
_ALONE = f"import docker; docker.from_env().containers.run({_IMAGE!r}, 'true', remove=True)"


def main() -> None:
    """Measure, and print one line a kind: fastest and median, in milliseconds, and below the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    with docker_engine() as engine, tempfile.TemporaryDirectory() as folder:
        give(engine, _IMAGE)
        with open(f"{folder}/tasks.yml", "w", encoding="utf-8") as file:
            file.write(project(count))
        # Whoever runs as root would else find files of the tests in a home of his own.
        environ = {**os.environ, **engine.environ, "HOME": folder, "XDG_CACHE_HOME": f"{folder}/.cache"}
        warm = engine.docker("run", "--detach", "--init", _IMAGE, "sleep", "100000").strip()
        try:
            _report(_measured(engine, warm, folder, environ, rounds), count, _told(folder, environ))
        finally:
            engine.docker("rm", "--force", warm)


def project(count: int) -> str:
    """A project with one task more than `count` that do nothing in a container, and `all` and `one` of them.

    Args:
        count: How many.
    """
    names = [f"t{number}" for number in range(count + 1)]
    tasks = "".join(_TASK.format(name=name) for name in names)
    return f"{_HEAD}{tasks}  one: {{deps: [t0]}}\n  all: {{deps: [{', '.join(names)}]}}\n"


def _measured(
    engine: RealEngine, warm: str, folder: str, environ: dict[str, str], rounds: int
) -> dict[str, list[float]]:
    pyrun = os.path.join(sysconfig.get_path("scripts"), "pyrun")
    sdk = importlib.import_module("docker").DockerClient(base_url=str(engine))
    container = sdk.containers.get(warm)

    def process(*argv: str) -> Callable[[], object]:
        return lambda: subprocess.run(argv, cwd=folder, env=environ, check=True, capture_output=True)

    kinds: dict[str, Callable[[], object]] = {
        "docker run --rm": process("docker", "run", "--rm", _IMAGE, "true"),
        "docker exec": process("docker", "exec", warm, "true"),
        "SDK: containers.run": lambda: sdk.containers.run(_IMAGE, "true", remove=True),
        "SDK: exec_run": lambda: container.exec_run("true"),
        "Python, SDK imported": process(sys.executable, "-c", _IMPORT),
        "the same, and containers.run": process(sys.executable, "-c", _ALONE),
        "pyrun one": process(pyrun, "one"),
        "pyrun all": process(pyrun, "all"),
        "pyrun all -j1": process(pyrun, "all", "-j1"),
        "pyrun one --in host": process(pyrun, "one", "--in", "host"),
        "pyrun all -j1 --in host": process(pyrun, "all", "-j1", "--in", "host"),
    }
    times: dict[str, list[float]] = {name: [] for name in (*kinds, _FIRST)}
    # The first round fills caches.
    for _ in range(rounds + 1):
        for name, work in kinds.items():
            times[name].append(_milliseconds(work))
        times[_FIRST].append(_until_done([pyrun, "one", "--output=json"], folder, environ))
    sdk.close()
    return {name: found[1:] for name, found in times.items()}


def _until_done(argv: list[str], folder: str, environ: dict[str, str]) -> float:
    """How long it takes until a run says that its first task is done; what it then still has to do is left out."""
    began = time.perf_counter()
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=folder, env=environ, stdout=pipe, stderr=subprocess.STDOUT) as process:
        done = next(
            (time.perf_counter() for line in process.stdout or () if b'"task-finished"' in line), began
        )
        process.communicate()
    return (done - began) * 1000


def _told(folder: str, environ: dict[str, str]) -> list[int]:
    """How long pyrun itself says that each task took but the first, one at a time."""
    pyrun = os.path.join(sysconfig.get_path("scripts"), "pyrun")
    argv = [pyrun, "all", "-j1", "--output=json"]
    done = subprocess.run(argv, cwd=folder, env=environ, check=True, capture_output=True)
    events = [
        json.loads(line) for line in done.stdout.splitlines() + done.stderr.splitlines() if line[:1] == b"{"
    ]
    ended = [
        event for event in events if event["event"] == "task-finished" and event["task"] not in {"one", "all"}
    ]
    return [event["milliseconds"] for event in ended[1:]]


def _report(times: dict[str, list[float]], count: int, told: list[int]) -> None:
    for name, found in times.items():
        _line(name, min(found), statistics.median(found))
    a_task = {
        name: [(every - one) / count for every, one in zip(times[every_name], times[one_name], strict=True)]
        for name, every_name, one_name in (
            ("a task", "pyrun all", "pyrun one"),
            ("a task, one at a time", "pyrun all -j1", "pyrun one"),
            ("the same on the host", "pyrun all -j1 --in host", "pyrun one --in host"),
        )
    }
    sys.stdout.write(f"\nof {count} tasks, each\n")
    for name, found in a_task.items():
        _line(name, min(found), statistics.median(found))
    _line("as pyrun itself tells", min(told), statistics.median(told))
    median = {name: statistics.median(found) for name, found in {**times, **a_task}.items()}
    imported = median["Python, SDK imported"]
    sdk = median["SDK: containers.run"]
    sys.stdout.write("\n")
    for name, ratio in (
        ("docker run / a task, one at a time", median["docker run --rm"] / median["a task, one at a time"]),
        ("docker exec / a task, one at a time", median["docker exec"] / median["a task, one at a time"]),
        (
            "pyrun one / SDK in a process of its own",
            median["pyrun one"] / median["the same, and containers.run"],
        ),
        ("pyrun one without import / containers.run", (median["pyrun one"] - imported) / sdk),
        ("the same, until it is done", (median[_FIRST] - imported) / sdk),
    ):
        sys.stdout.write(f"{name:<44} {ratio:6.2f}\n")


def _line(name: str, fastest: float, median: float) -> None:
    sys.stdout.write(f"{name:<30} {fastest:8.2f} ms {median:8.2f} ms\n")


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
