"""Whatever is done to a project: a run leaves what a clean build would, and runs no action that it need not run.

A state machine makes random projects and does random things to them: edits of all kinds, other branches, other
checkouts, tampering, runs that are killed. After each, pyrun runs in a forked copy of this process; what it left is
compared byte for byte with what `tests/features/clean_build.py` says, and what it ran with what the declared facts
allow, both ways.
"""

import gc
import importlib
import os
import pkgutil
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

import runner
from runner.cli.main import main
from tests.features.clean_build import CONTENTS, FILES, MK, MORE, Action, Build, Clean, Made, there

STEPS = 50
"""Steps with one project."""
LEAST = 2000
"""Steps that are done in `check` at the least."""
SEEDS = ("1", "1001")
"""Where those begin that are done in `check`."""
PATIENCE = 60.0
"""Seconds after which a run is taken for never ending."""

steps: Counter[str] = Counter()
"""How often each kind of step was done."""

picks = st.integers(0, 2**20)


class Machine(RuleBasedStateMachine):
    """One project with its checkouts, and what is known to be recorded and stored of it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="pyrun-states-")
        self.builds: dict[str, Build] = {}
        self.tools: dict[str, str] = {}
        self.passed: str | None = None
        self.records: dict[tuple[str, str], tuple[object, Made]] = {}
        self.may_count: dict[tuple[str, str], set[object]] = {}
        self.stored: set[tuple[str, object]] = set()
        self.may_be_stored: set[tuple[str, object]] = set()
        self.known: set[tuple[str, str]] = set()
        self.killed: list[tuple[str, int, dict[str, object]]] = []
        self.runs = 0
        self.story: list[str] = []

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @initialize(number=picks)
    def make(self, number: int) -> None:
        choose = random.Random(number)
        root = f"{self.folder}/one"
        self.builds[root] = Build(choose)
        self.tools[root] = "v0"
        os.mkdir(f"{self.folder}/home")
        write(f"{self.folder}/mk", MK.replace("VERSION", "outside"), 0o755)
        write(f"{root}/tools/mk", MK.replace("VERSION", "v0"), 0o755)
        write(f"{root}/.gitignore", "/out/\n/gen/\n/tools/\n/flags/\n/tasks.yml\n.pyrun/\n")
        git(root, "init", "-q", "-b", "main")
        for branch in ("other", "main"):
            for path in (*FILES, *MORE):
                if os.path.exists(f"{root}/{path}"):
                    os.unlink(f"{root}/{path}")
                if path in FILES or choose.random() < 0.5:
                    write(f"{root}/{path}", choose.choice(CONTENTS), choose.choice((0o644, 0o644, 0o755)))
            git(root, "checkout", "-q", "-B", branch)
            git(root, "add", ".")
            git(
                root, "-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", branch
            )
        self.define(root)
        self.run(root, number, "new project")

    def define(self, root: str) -> None:
        write(f"{root}/tasks.yml", self.builds[root].yaml())

    # What is done.

    @rule(number=picks)
    def edit(self, number: int) -> None:
        root, choose = self.pick(number)
        path = choose.choice(self.present(root))
        how = choose.choice(("content", "set back", "time", "mode", "same again"))
        full = f"{root}/{path}"
        before = os.stat(full)
        if how == "mode":
            os.chmod(full, before.st_mode ^ 0o111)
        elif how == "time":
            os.utime(full, ns=(before.st_atime_ns, before.st_mtime_ns + choose.choice((-5, 5)) * 10**9))
        elif how == "same again":
            with open(full, encoding="ascii") as file:
                text = file.read()
            write(full, text, before.st_mode & 0o777)
        else:
            with open(full, "w", encoding="ascii") as file:
                file.write(choose.choice(CONTENTS))
            if how == "set back":
                os.utime(full, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.run(root, number, f"edit {how} of {path}")

    @rule(number=picks)
    def come_and_go(self, number: int) -> None:
        root, choose = self.pick(number)
        here = [path for path in MORE if os.path.exists(f"{root}/{path}")]
        gone = [path for path in MORE if path not in here]
        how = choose.choice(("create", "delete", "rename"))
        if gone and (how == "create" or not here):
            write(f"{root}/{choose.choice(gone)}", choose.choice(CONTENTS))
        elif how == "delete" or not gone:
            os.unlink(f"{root}/{choose.choice(here)}")
        else:
            os.rename(f"{root}/{choose.choice(here)}", f"{root}/{choose.choice(gone)}")
        self.run(root, number, f"{how} a file that patterns find")

    @rule(number=picks)
    def redefine(self, number: int) -> None:
        root, choose = self.pick(number)
        build = self.builds[root]
        task = choose.choice(build.tasks)
        how = choose.choice(("command", "variable", "dep", "usage", "source"))
        if how == "command":
            task.salt = choose.randrange(4)
        elif how == "variable":
            task.env = choose.choice((None, 0, 1))
        elif how == "dep":
            place = build.tasks.index(task)
            others = [number for number in range(place) if number not in task.deps]
            if others:
                task.deps = sorted([*task.deps, choose.choice(others)])
        elif how == "source" and task.sources is not None:
            task.sources = task.sources[1:] if task.sources else ["src/f0.x"]
        else:
            task.usage += 1
        self.define(root)
        self.run(root, number, f"redefine {how} of {task.name}")

    @rule(number=picks)
    def variable(self, number: int) -> None:
        root, choose = self.pick(number)
        self.passed = choose.choice((None, "", "1", "2"))
        self.run(root, number, f"variable P={self.passed}")

    @rule(number=picks)
    def tool(self, number: int) -> None:
        root, choose = self.pick(number)
        self.tools[root] = choose.choice(("v0", "v1"))
        write(f"{root}/tools/mk", MK.replace("VERSION", self.tools[root]), 0o755)
        self.run(root, number, f"tool is {self.tools[root]}")

    @rule(number=picks)
    def flag(self, number: int) -> None:
        root, choose = self.pick(number)
        path = f"{root}/flags/{choose.choice(self.builds[root].tasks).name}"
        if os.path.exists(path):
            os.unlink(path)
        else:
            write(path, "")
        self.run(root, number, f"flag {os.path.basename(path)}")

    @rule(number=picks)
    def branch(self, number: int) -> None:
        root, choose = self.pick(number)
        branch = choose.choice(("main", "other"))
        git(root, "checkout", "-q", "-f", branch)
        self.run(root, number, f"branch {branch}")

    @rule(number=picks)
    def tamper(self, number: int) -> None:
        root, choose = self.pick(number)
        actions = [one for one in self.builds[root].actions() if there(root, one)]
        told = "tamper with nothing"
        if actions:
            action = choose.choice(actions)
            path = choose.choice(sorted(there(root, action)))
            how = choose.choice(("changed", "removed", "mode", "extra", "folder"))
            told = f"tamper: {path} {how}"
            if how == "changed":
                write(f"{root}/{path}", "tampered\n")
            elif how == "mode":
                os.chmod(f"{root}/{path}", os.stat(f"{root}/{path}").st_mode ^ 0o111)
            elif (
                how == "extra"
                and action.task.kind == "dir"
                and action.task.remembered
                and (root, action.name) in self.known
            ):
                write(f"{root}/out/{action.name}/{choose.choice(('', 'new/'))}extra", "extra\n")
            elif how == "folder":
                shutil.rmtree(f"{root}/{path.split('/')[0]}")
            else:
                os.unlink(f"{root}/{path}")
        if choose.random() < 0.3:
            path = choose.choice(FILES)
            write(f"{root}/{path}", choose.choice(CONTENTS))
            told += f", and {path} edited"
        self.run(root, number, told)

    @rule(number=picks)
    def checkout(self, number: int) -> None:
        root, choose = self.pick(number)
        new = f"{self.folder}/two"
        left = choose.choice(((".pyrun", "out", "gen"), ()))
        if root == new or (left == () and self.killed):
            root, left = f"{self.folder}/one", (".pyrun", "out", "gen")
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(root, new, symlinks=True, ignore=lambda folder, _: left if folder == root else ())
        self.builds[new] = self.builds[root].copy()
        self.tools[new] = self.tools[root]
        self.killed = [one for one in self.killed if one[0] != new]
        for kept in (self.records, self.may_count):
            for place in [place for place in kept if place[0] == new]:
                del kept[place]
        self.known = {place for place in self.known if place[0] != new}
        if not left:
            for place in [place for place in self.records if place[0] == root]:
                self.records[new, place[1]] = self.records[place]
            for place in [place for place in self.may_count if place[0] == root]:
                self.may_count[new, place[1]] = set(self.may_count[place])
            self.known |= {(new, name) for place, name in self.known if place == root}
        self.run(new, number, f"checkout without {left}")

    @rule(number=picks)
    def kill(self, number: int) -> None:
        root, choose = self.pick(number)
        path = choose.choice(FILES)
        write(f"{root}/{path}", choose.choice(CONTENTS))
        if choose.random() < 0.3:
            self.passed = choose.choice((None, "1", "2"))
        which = choose.choice((signal.SIGKILL, signal.SIGTERM))
        clean = self.clean(root)
        asked = self.asked(root, choose)
        self.story.append(
            f"{os.path.basename(root)}: {path} edited, and a run of {names(asked)} gets {which.name}"
        )
        pid = self.start(root, asked, choose.choice((1, 2, 4)))
        time.sleep(choose.random() ** 2 * 0.12)
        os.kill(pid, which)
        wait(pid)
        would = {}
        for action in self.builds[root].closure(asked):
            place = (root, action.name)
            key = clean.keys[action.name]
            would[action.name] = key
            known = self.records.get(place)
            if known is None or known != (key, there(root, action)) or not action.task.remembered:
                # Whether it has begun, and whether that was still recorded, nobody knows.
                self.records.pop(place, None)
                self.may_count.setdefault(place, set()).add(key)
                if known is not None:
                    self.may_count[place].add(known[0])
            self.known.add(place)
        self.killed.append((root, self.runs, would))
        if choose.random() < 0.7:
            path = choose.choice(FILES)
            write(f"{root}/{path}", choose.choice(CONTENTS))
            self.story.append(f"{path} edited")
        self.run(root, number, "killed before")

    # What comes of it.

    def pick(self, number: int) -> tuple[str, random.Random]:
        choose = random.Random(number)
        return choose.choice(sorted(self.builds)), choose

    def present(self, root: str) -> list[str]:
        return [path for path in (*FILES, *MORE) if os.path.exists(f"{root}/{path}")]

    def asked(self, root: str, choose: random.Random) -> list[Action]:
        actions = self.builds[root].actions()
        return actions if choose.random() < 0.4 else choose.sample(actions, choose.randint(1, 3))

    def clean(self, root: str) -> Clean:
        path = f"{root}/tools/mk"
        found = os.stat(path)
        tool = (path, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size, found.st_mode)
        return Clean(self.builds[root], root, (self.tools[root], "outside"), tool, self.passed)

    def start(self, root: str, asked: list[Action], jobs: int) -> int:
        """Start pyrun in a copy of this process."""
        self.runs += 1
        environ = {
            "PATH": f"{root}/tools:/usr/bin:/bin",
            "HOME": f"{self.folder}/home",
            "XDG_CACHE_HOME": f"{self.folder}/home/.cache",
            "MK": f"{self.folder}/mk",
            "RAN": f"{self.folder}/ran",
            "RUN": str(self.runs),
            "PWD": root,
            "LC_ALL": "C",
            **({} if self.passed is None else {"P": self.passed}),
        }
        words = ["-q", f"-j{jobs}", *(word for action in asked for word in action.words)]
        pid = os.fork()
        if pid:
            return pid
        code = 99
        try:
            os.chdir(root)
            os.environ.clear()
            os.environ.update(environ)
            null = os.open(os.devnull, os.O_RDONLY)
            told = os.open(f"{self.folder}/told", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            for here, number in ((null, 0), (told, 1), (told, 2)):
                os.dup2(here, number)
            os.closerange(3, 64)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            code = main(words)
        except BaseException:  # noqa: BLE001 - the real one would tell it in the same way
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)

    def ran(self, number: int, what: str = "start") -> list[str]:
        """What a run has begun, or ended, by its number."""
        try:
            with open(f"{self.folder}/ran", encoding="ascii") as file:
                rows = [line.split() for line in file]
        except FileNotFoundError:
            return []
        return sorted(row[2] for row in rows if row[:2] == [what, str(number)])

    def run(self, root: str, number: int, told: str) -> None:
        """Run pyrun to its end, and see that it did what it must and no more."""
        choose = random.Random(number + 1)
        asked = self.asked(root, choose)
        self.story.append(f"{os.path.basename(root)}: {told}, then a run of {names(asked)}")
        steps[told.partition(" ")[0]] += 1
        plan = self.builds[root].closure(asked)
        before = {action.name: there(root, action) for action in plan}
        status = wait(self.start(root, asked, choose.choice((1, 2, 4))))
        with open(f"{self.folder}/told", encoding="utf-8", errors="replace") as file:
            said = file.read()
        assert status == 0, self.wrong(root, f"exit status {status}", said)
        self.settle()
        clean = self.clean(root)
        ran = self.ran(self.runs)
        assert len(ran) == len(set(ran)), self.wrong(root, f"twice: {ran}", said)
        for action in plan:
            why = self.judge(root, action, clean, before[action.name], action.name in ran)
            assert not why, self.wrong(root, f"{action.name} {why}", said)
        assert set(ran) <= {action.name for action in plan}, self.wrong(root, f"not asked for: {ran}", said)
        for action in plan:
            now, right = there(root, action), clean.made[action.name]
            assert now == right, self.wrong(
                root, f"{action.name} left {now}, and a clean build {right}", said
            )

    def settle(self) -> None:
        """What killed runs may have kept, now that all of them has ended."""
        for root, number, keys in self.killed:
            for name in self.ran(number, "end"):
                self.may_be_stored.add((name, keys[name]))
            for name in set(keys).difference(self.ran(number, "end")):
                if (root, name) in self.may_count and (
                    name,
                    keys[name],
                ) not in self.stored | self.may_be_stored:
                    self.may_count[root, name].discard(keys[name])
        self.killed.clear()

    def judge(self, root: str, action: Action, clean: Clean, before: Made, ran: bool) -> str:
        """What is wrong with an action having run, or not; and what is known from now on."""
        place, key = (root, action.name), clean.keys[action.name]
        result = (action.name, key)
        restorable = action.task.remembered and action.task.kind != "none"
        skip = action.task.remembered and self.records.get(place) == (key, before)
        maybe = result in self.may_be_stored and restorable
        maybe |= key in self.may_count.get(place, set()) and before == clean.made[action.name]
        why = ""
        if not action.task.remembered:
            why = "" if ran else "has no source and did not run"
        elif skip or (restorable and result in self.stored):
            why = "ran, and need not" if ran else ""
        elif not maybe:
            why = "" if ran else "did not run, and must"
        self.records[place] = (key, clean.made[action.name])
        self.may_count.pop(place, None)
        self.known.add(place)
        if restorable and ran:
            self.stored.add(result)
        return why

    def wrong(self, root: str, what: str, said: str) -> str:
        story = "\n".join(self.story)
        return f"{what}\n--- told:\n{said}\n--- story:\n{story}\n--- tasks.yml:\n{self.builds[root].yaml()}"


def names(actions: list[Action]) -> str:
    return " ".join(action.name for action in actions)


def write(path: str, text: str, mode: int = 0o644) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, mode)


def git(root: str, *words: str) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": root, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *words], cwd=root, env=environ, check=True, capture_output=True)


def wait(pid: int) -> int:
    """The exit status of a run, negative if a signal ended it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        assert time.monotonic() < deadline, "this run never ended"
        time.sleep(0.001)


def machine(examples: int, number: int) -> None:
    """Run the machine: this many projects, the same ones for the same number."""
    # What a run imports is imported once, before any copy of this process is made.
    for module in pkgutil.walk_packages(runner.__path__, "runner."):
        if module.name != "runner.__main__":
            importlib.import_module(module.name)
    gc.freeze()
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(number)(Machine), settings=chosen)


@pytest.mark.long
def test_whatever_is_done_a_run_is_right_and_does_the_least() -> None:
    # In processes of their own: a copy of a small one is made sooner, and there are two cores.
    argv = [sys.executable, "bench/state_machine.py", str(LEAST // len(SEEDS))]
    both = [
        subprocess.Popen([*argv, number], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for number in SEEDS
    ]
    texts = [one.communicate()[0] for one in both]
    assert [one.returncode for one in both] == [0] * len(SEEDS), "\n".join(texts)
    assert sum(int(text.split()[-1]) for text in texts) >= LEAST, texts
