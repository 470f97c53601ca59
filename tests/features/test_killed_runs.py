"""What is left by runs that were killed at any moment, or that ran out of disk: nothing that counts, nothing alive."""

import fcntl
import os
import random
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator

import pytest

from tests.features.conftest import MakeProject, Project, until

KILLED, FULL = 300, 100
"""How many runs are killed, and how many have no room on the disk."""

FILE = """
    tasks:
      gen: {source: [seed], target: gen/, run: "set -e; mkdir -p gen; for n in 1 2 3; do echo $n > gen/$n; cat seed >> gen/$n; done"}
      half: {source: [seed], target: half, run: "set -e; echo half > half; (sleep 0.02; sleep 0.01) & wait; cat seed seed > half"}
      left: {source: [seed], target: left, run: "setsid -w sh -c 'set -e; sleep 0.03; cat seed > left'"}
      lint: {source: [seed], run: "sleep 0.01"}
      join: {deps: [gen, half, left], target: out/joined, source: [], run: "cat gen/* half left > out/joined"}
      last: {deps: [join, lint], source: [seed], target: "made-*.txt", run: "set -e; cp out/joined made-$(cat seed).txt; echo ran >> log"}
"""


def made(seed: str) -> dict[str, str]:
    """What a clean build makes."""
    gen = {f"gen/{number}": f"{number}\n{seed}" for number in (1, 2, 3)}
    joined = "".join(gen.values()) + seed * 2 + seed
    return {**gen, "half": seed * 2, "left": seed, "out/joined": joined, f"made-{seed}.txt": joined}


def there(p: Project) -> dict[str, str]:
    """What was made, file by file."""
    names = [name for name in p.files() if name not in {"tasks.yml", "seed", "log", "out/.keep", "filler"}]
    return {name: p.read(name) for name in names}


def is_idle(p: Project) -> bool:
    """Whether nobody holds a lock in the project, and no run is known."""
    with open(p.path(".pyrun/locks"), "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return os.listdir(p.path(".pyrun/runs")) == []


@pytest.mark.long
def test_after_a_run_that_was_killed_at_any_moment_the_next_one_is_right(project: MakeProject) -> None:
    p = project({"tasks.yml": FILE, "out/.keep": ""})
    choose = random.Random(4)
    killed = 0
    # How long the last runs took here and now: a moment beyond that is no moment of a run.
    took = deque([0.2], maxlen=10)
    while killed < KILLED:
        # Mostly something new, so that there is work to be killed at; else what is in the store already.
        seed = str(killed if choose.random() < 0.8 else choose.randrange(killed + 1))
        p.write("seed", seed)
        running = p.start("-q", "-j4", "last")
        time.sleep(choose.random() * max(took))
        running.signal(signal.SIGKILL)
        killed += running.result().code == -signal.SIGKILL
        begun = time.monotonic()
        result = p.run("-q", "-j4", "last")
        took.append(time.monotonic() - begun)
        assert (result.stdout, result.code) == ("", 0), result
        assert result.stderr in {"", "pyrun: ended what a killed run had left running\n"}
        assert there(p) == made(seed), killed
        assert not p.left()
        assert is_idle(p)


def test_only_the_killed_runs_own_processes_are_ended(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "tasks: {t: {source: [in], run: 'touch up; sleep 300'}, u: {source: [in], run: [true]}}\n",
            "in": "",
        }
    )
    bystander = subprocess.Popen(["sleep", "300"], cwd=p.root, start_new_session=True)
    try:
        first = p.start("-q", "t")
        while not p.exists("up"):
            time.sleep(0.01)
        first.signal(signal.SIGKILL)
        first.result()
        assert p.run("-q", "u").code == 0
        assert not p.left()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_run_that_has_nothing_to_do_ends_what_was_left_too(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {source: [in], run: 'setsid -w sleep 300'}, u: {source: [in], run: [true]}}\n",
        "in": "",
    })  # fmt: skip
    assert p.run("-q", "u").code == 0
    first = p.start("-q", "t")
    # The command itself is told to end by the system; what has left its group is not.
    until(lambda: any(line.split()[1:] == ["sleep", "300"] for line in p.left()), "it sleeps")
    first.signal(signal.SIGKILL)
    first.result()
    result = p.run("u")
    assert "u: up to date" in result.stderr
    assert "pyrun: ended what a killed run had left running\n" in result.stderr
    assert not p.left()


@pytest.mark.parametrize("before", [0, 1, 2, 3, 4, 9])
def test_the_commands_of_a_killed_run_are_told_to_end(project: MakeProject, before: int) -> None:
    """However many have run before them: they are not all started in the same way."""
    names = [f"t{number}" for number in range(before)]
    tasks = "".join(f"  {name}: {{run: 'true; true'}}\n" for name in names)
    wait = "trap 'echo $0 >> told; exit' TERM; echo $0 >> up; while :; do sleep 0.01; done"
    p = project({
        "tasks.yml": f"tasks:\n{tasks}"
        f"  one: {{deps: [{', '.join(names)}], run: [\"{wait}\"]}}\n"
        f"  two: {{deps: [{', '.join(names)}], run: [\"{wait}\"]}}\n"
        "  all: {deps: [one, two]}\n",
    })  # fmt: skip
    first = p.start("-q", "-j2", "all")
    until(lambda: len(p.lines("up")) == 2, "both commands run")
    first.signal(signal.SIGKILL)
    first.result()
    until(lambda: len(p.lines("told")) == 2, "both are told to end")
    until(lambda: not p.left(), "nothing is left, not what has told them either")


def test_what_has_ended_is_told_nothing(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks:\n"
        + "".join(f"  t{number}: {{run: 'true; true'}}\n" for number in range(8))
        + f"  all: {{deps: [{', '.join(f't{number}' for number in range(8))}], run: 'sleep 300 & echo $! > pid'}}\n",
    })  # fmt: skip
    assert p.run("-q", "-j2", "all").code == 0
    number = int(p.read("pid"))
    try:
        os.kill(number, 0)
    finally:
        os.kill(number, signal.SIGKILL)


@pytest.fixture
def small(tmp_path: "os.PathLike[str]") -> Iterator[Project]:
    """A project on a disk of its own with little room."""
    disk = f"{os.fspath(tmp_path)}/disk"
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,nr_inodes=200000", "tmpfs", disk], check=True)
    try:
        p = Project(disk)
        # What pyrun tells has room, whatever happens.
        p.told = os.fspath(tmp_path)
        yield p
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.long
def test_after_a_run_on_a_full_disk_the_next_one_is_right(small: Project) -> None:
    p = small
    text = "\n".join(line[4:] for line in FILE.splitlines())
    p.write("tasks.yml", text)
    p.write("out/.keep", "")
    choose = random.Random(5)
    full = number = 0
    while full < FULL:
        number += 1
        seed = str(number if choose.random() < 0.8 else choose.randrange(number))
        p.write("seed", seed)
        free = os.statvfs(p.root)
        with open(p.path("filler"), "wb") as file:
            os.posix_fallocate(
                file.fileno(), 0, free.f_bavail * free.f_bsize - choose.randrange(0, 10) * 4096
            )
        result = p.run("-q", "-j4", "last")
        full += result.code != 0
        assert "Traceback" not in result.stderr
        assert result.code == 0 or "No space left" in result.stderr or "I/O error" in result.stderr, result
        if not result.code:
            assert there(p) == made(seed)
        p.remove("filler")
        result = p.run("-q", "-j4", "last")
        assert (result.stdout, result.stderr, result.code) == ("", "", 0)
        assert there(p) == made(seed), number
        assert not p.left()
