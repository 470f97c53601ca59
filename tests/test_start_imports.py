"""What a start to a known task imports: every module costs each of a day's hundred starts.

The real program is run with Python's own list of imports switched on. A module that is missing from a list here
makes its test fail with its name: whoever adds it has seen what it costs.
"""

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path  # noqa: TID251 - a test's start may cost what it likes

import pytest

from runner.system.file_states import GRAIN

FORBIDDEN = (
    "argparse", "asyncio", "collections", "dataclasses", "docker", "enum", "functools", "inspect", "invoke",
    "json", "jsonschema", "logging", "pathlib", "re", "rich", "shutil", "subprocess", "tempfile", "threading",
    "typing", "yaml",
)  # fmt: skip

LOOK = """
runner
runner.cli runner.cli.arguments runner.cli.find_project runner.cli.main runner.cli.replay runner.cli.session
runner.digest runner.errors runner.events runner.location
runner.model runner.model.call runner.model.codec runner.model.container runner.model.image runner.model.invoke
runner.model.param
runner.model.path runner.model.project runner.model.record runner.model.step runner.model.task runner.model.template
runner.model.when
runner.plan runner.plan.action runner.plan.bind runner.plan.brace runner.plan.calls runner.plan.condition
runner.plan.expand runner.plan.facts runner.plan.file_state runner.plan.graph runner.plan.image_plan
runner.plan.origin runner.plan.param_values runner.plan.pattern runner.plan.plan_image runner.plan.platform
runner.plan.quote runner.plan.resolve runner.plan.step runner.plan.steps runner.plan.wildcard
runner.store runner.store.model_cache
runner.system runner.system.environment runner.system.file_states runner.system.stop_signals runner.system.tree
runner.system.variables runner.system.witness
runner.ui runner.ui.plain
"""

WORK = """
runner.cli.lazy_images
runner.execute runner.execute.host runner.execute.inputs runner.execute.item runner.execute.loop
runner.execute.outcome runner.execute.servers runner.execute.simple_command runner.execute.surroundings
runner.execute.stopping runner.execute.streams runner.execute.terminal runner.execute.turns runner.execute.verdict
runner.plan.action_key runner.plan.dirty runner.plan.schedule
runner.store.build_log runner.store.run_locks
runner.system.process runner.system.programs runner.system.state_folder
"""

FILES = """
runner.plan.git_index runner.plan.git_rules runner.plan.gitignore runner.plan.select
"""

KEEPING = """
runner.cli.recording
"""
"""Kept for the next call like it, which then needs nothing but what `AGAIN` names."""

AGAIN = frozenset(("runner", "runner.cli", "runner.cli.replay"))

FILE = """\
name: start
tasks:
  hello:
    run: echo hello
  copy:
    source: [in.txt]
    target: out.txt
    run: cp in.txt out.txt
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose model is cached and whose one task with sources is up to date."""
    top = tmp_path_factory.mktemp("start")
    (top / "tasks.yml").write_text(FILE)
    (top / "in.txt").write_text("text\n")
    # What has only just changed is not cached: the clock of files is coarse.
    for _ in range(2):
        time.sleep(2 * GRAIN / 1e9)
        assert started(top, "copy").returncode == 0
    time.sleep(2 * GRAIN / 1e9)
    return top


@pytest.fixture(scope="module")
def bare() -> frozenset[str]:
    """What an interpreter loads that does nothing."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "pass"], capture_output=True, text=True, check=True
    )
    return imported(done.stderr)


@pytest.mark.parametrize(
    ("words", "answer", "modules"),
    [
        (("hello",), "hello $ echo hello", LOOK + WORK + KEEPING),
        (("copy",), "copy: up to date", LOOK + WORK + FILES + KEEPING),
        (("--list",), "", LOOK + "runner.ui.listing" + KEEPING),
        (("--pyrun-complete=zsh", ""), "", LOOK + "runner.cli.completion" + KEEPING),
        (
            ("--pyrun-complete=bash", "pyrun ", ""),
            "",
            LOOK + "runner.cli.completion runner.cli.bash_line" + KEEPING,
        ),
    ],
    ids=["trivial", "up-to-date", "list", "complete", "complete-bash"],
)
def test_a_start_imports_what_it_needs_and_no_more(
    project: Path, bare: frozenset[str], words: tuple[str, ...], answer: str, modules: str
) -> None:
    done = started(project, *words)
    assert (done.returncode, answer in done.stderr) == (0, True), done.stderr
    loaded = imported(done.stderr) - bare
    assert sorted(loaded & set(FORBIDDEN)) == []
    ours = {name for name in loaded if name.partition(".")[0] == "runner"}
    wanted = set(modules.split())
    assert (sorted(ours - wanted), sorted(wanted - ours)) == ([], [])
    # Once more, it is answered from what was kept.
    again = imported(started(project, *words).stderr) - bare
    assert sorted(again & set(FORBIDDEN)) == []
    assert {name for name in again if name.partition(".")[0] == "runner"} == AGAIN


def test_reading_a_new_file_is_seen_by_this_measurement(tmp_path: Path) -> None:
    (tmp_path / "tasks.yml").write_text(FILE)
    assert "yaml" in imported(started(tmp_path, "--list").stderr)


def started(top: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """The program, run in a folder, with the list of its imports in what it says on stderr."""
    program = os.path.join(sysconfig.get_path("scripts"), "pyrun")
    argv = [sys.executable, "-X", "importtime", program, *words]
    return subprocess.run(
        argv,
        cwd=top,
        env=environment(top),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def environment(top: Path) -> Mapping[str, str]:
    """The caller's variables, with a cache folder of the test's own."""
    return {**os.environ, "XDG_CACHE_HOME": f"{top}/.cache", "PWD": str(top)}


def imported(text: str) -> frozenset[str]:
    """The modules in a list of imports."""
    rows = (line for line in text.splitlines() if line.startswith("import time:"))
    return frozenset(row.rpartition("|")[2].strip() for row in rows)
