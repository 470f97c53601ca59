"""What changes while a task runs, and runs that meet: nothing is recorded that is not so, and nothing waits for itself."""

import os
import shutil
import signal
import subprocess

import pytest

from tests.features.conftest import MakeProject, Result, until

WAIT = "touch begun; while [ ! -e go ]; do sleep 0.01; done"
"""A command that waits until the test lets it go on."""


@pytest.mark.parametrize(
    "change",
    ["new source", "changed source", "gone source", "dep", "dep's folder", "rewritten", "source rewritten"],
)
def test_a_result_of_files_that_changed_meanwhile_is_not_taken_for_done(
    project: MakeProject, change: str
) -> None:
    p = project({
        "tasks.yml": f"""
            tasks:
              d: {{source: [in], target: gen/, run: "mkdir -p gen; cp in gen/in"}}
              t: {{deps: [d], source: ["src/*"], target: out, run: "{WAIT}; cat src/* gen/* > out; echo ran >> log"}}
        """,
        "in": "in\n", "src/a": "a\n", "src/b": "b\n",
    })  # fmt: skip
    assert p.run("-q", "d").code == 0
    # The stat of what has only just been written says nothing yet.
    until(
        lambda: p.run("-q", "d").code == 0 and '"",false' not in p.read(".pyrun/log").splitlines()[-1],
        "settled",
    )
    running = p.start("-q", "t")
    until(lambda: p.exists("begun"), "it has begun")
    if change == "new source":
        p.write("src/c", "c\n")
    elif change == "changed source":
        p.write("src/a", "A\n")
    elif change == "gone source":
        p.remove("src/b")
    elif change == "dep's folder":
        p.write("gen/more", "more\n")
    elif change == "dep":
        p.write("gen/in", "IN\n")
    else:
        path, text = ("src/a", "a\n") if change == "source rewritten" else ("gen/in", "in\n")
        p.write(path, "half")
        p.write(path, text)
    p.write("go", "")
    result = running.result()
    assert (result.code, "changed while t ran, so that is not taken for done" in result.stderr) == (
        0,
        True,
    ), result
    shutil.rmtree(p.path("gen"))
    p.write("src/a", "a\n")
    p.write("src/b", "b\n")
    if p.exists("src/c"):
        p.remove("src/c")
    assert p.run("-q", "t").code == 0
    assert p.read("out") == "a\nb\nin\n"
    assert p.lines("log") == ["ran", "ran"]


def test_what_another_run_is_at_is_not_up_to_date(project: MakeProject) -> None:
    p = project({
        "tasks.yml": f"""
            tasks:
              slow: {{run: "touch slow; while [ ! -e on ]; do sleep 0.01; done"}}
              t: {{source: [in], target: out, run: "echo half > out; [ ! -e hold ] || {{ {WAIT}; }}; cp in out"}}
              u: {{deps: [slow, t], source: [], target: copy, run: cp out copy}}
        """,
        "in": "whole\n",
    })  # fmt: skip
    assert p.run("-q", "t").code == 0
    p.write("hold", "")
    first = p.start("-q", "-j1", "u")
    until(lambda: p.exists("slow"), "the first run has read what is recorded")
    second = p.start("-q", "--force", "t")
    until(lambda: p.exists("begun"), "the second run is at it")
    p.write("on", "")
    until(lambda: "waits" in first.stderr, "the first one waits")
    p.write("go", "")
    assert second.result().code == first.result().code == 0
    assert p.read("copy") == "whole\n"


def test_one_action_never_runs_twice_at_once_in_a_run_that_waited(project: MakeProject) -> None:
    p = project({
        "tasks.yml": f"""
            tasks:
              x: {{source: [in], run: "echo begins >> log; [ -e go ] || {{ {WAIT}; }}; sleep 0.05; echo ends >> log"}}
              a: {{run: [{{task: x}}]}}
              b: {{run: [{{task: x}}]}}
        """,
        "in": "",
    })  # fmt: skip
    first = p.start("-q", "--force", "x")
    until(lambda: p.exists("begun"), "the first one is at it")
    second = p.start("-q", "--force", "-j4", "a", "b")
    until(lambda: "waits" in second.stderr, "the second one waits")
    p.write("go", "")
    assert first.result().code == second.result().code == 0
    assert p.lines("log") == ["begins", "ends"] * 3


def test_jobs_hold_for_what_waited_too(project: MakeProject) -> None:
    p = project({
        "tasks.yml": f"""
            tasks:
              x: {{source: [in], run: "[ -e go ] || {{ {WAIT}; }}; echo x begins >> log; sleep 0.05; echo x ends >> log"}}
              z: {{run: "touch z; while [ ! -e go ]; do sleep 0.01; done; echo z begins >> log; sleep 0.1; echo z ends >> log"}}
        """,
        "in": "",
    })  # fmt: skip
    first = p.start("-q", "x")
    until(lambda: p.exists("begun"), "the first one is at it")
    second = p.start("-q", "--force", "-j1", "x", "z")
    until(lambda: p.exists("z"), "the second one does what it can")
    p.write("go", "")
    assert first.result().code == second.result().code == 0
    told = [line for line in p.lines("log") if line.startswith("z")] + p.lines("log")[-2:]
    assert told == ["z begins", "z ends", "x begins", "x ends"]


def test_what_a_failed_task_left_is_seen_by_the_next(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {run: "touch x.txt; exit 1"}
              b: {source: ["*.txt"], run: "ls *.txt"}
        """,
        "y.txt": "",
    })  # fmt: skip
    assert p.run("-q", "b").stdout == "y.txt\n"
    assert p.run("-q", "--keep-going", "-j1", "a", "b").stdout == "x.txt\ny.txt\n"


def test_a_callers_timeout_holds_while_what_it_calls_rests(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "tasks: {a: {timeout: 800ms, run: [{task: x}]}, x: {retries: 9, run: 'echo try >> log; exit 1'}}\n"
        }
    )
    assert p.run("-q", "a").code == 124
    assert len(p.lines("log")) < 5


def test_what_a_failed_try_left_passes_for_nothing(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                source: [in]
                target: [out/, "*.gen"]
                retries: 1
                run: "mkdir -p out; [ -e again ] || { touch again out/a a.gen; exit 1; }; touch out/b b.gen"
        """,
        "in": "", "mine.gen": "",
    })  # fmt: skip
    assert p.run("-q", "t").code == 0
    assert p.files() == ["again", "b.gen", "in", "mine.gen", "out/b", "tasks.yml"]


def test_keep_going_goes_on_without_a_server_that_failed(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              s: {persistent: true, ready: {log: up}, run: "exit 1"}
              u: {deps: [s], run: echo u}
              v: {run: "sleep 0.3; echo v"}
              w: {deps: [v], run: echo w}
        """
    })  # fmt: skip
    result = p.run("-q", "--keep-going", "-j4", "u", "v", "w")
    assert (result.stdout, result.code) == ("v\nw\n", 1)


def test_a_task_can_not_wait_for_itself(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              gen: {source: [tasks.yml], target: o, run: "echo 1 > o; pyrun -q check"}
              check: {deps: [gen], source: [], run: cat o}
              calls: {source: [tasks.yml], run: pyrun -q other}
              other: {source: [tasks.yml], run: "sleep 0.2; echo other"}
        """
    })  # fmt: skip
    result = p.run("-q", "gen")
    assert result.code == 1
    assert "`gen` can't wait for itself: it is what this pyrun was called by" in result.stderr
    # What the other run is at, and not because of this one, is waited for.
    result = p.run("-q", "-j2", "calls", "other")
    assert (result.stdout.count("other\n"), result.code) == (1, 0)


def test_a_run_that_waited_ends_what_a_killed_one_left_before_it_begins(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              r:
                source: [in]
                target: o
                run: "n=$(cat who); echo $n > o; touch begun; setsid sh -c \\"sleep 0.4; echo $n late >> o\\"; cat in >> o"
        """,
        "in": "in\n", "who": "first\n",
    })  # fmt: skip
    first = p.start("-q", "r")
    until(lambda: p.exists("begun"), "the first one is at it")
    second = p.start("-q", "r")
    until(lambda: "waits" in second.stderr, "the second one waits")
    p.write("who", "second\n")
    first.signal(signal.SIGKILL)
    first.result()
    assert second.result().code == 0
    assert p.read("o") == "second\nsecond late\nin\n"


def test_who_only_reads_a_file_of_a_killed_run_is_not_ended(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "tasks: {t: {source: [in], run: 'touch begun; sleep 300'}, u: {source: [in], run: [true]}}\n",
            "in": "",
        }
    )
    first = p.start("-q", "t")
    until(lambda: p.exists("begun"), "it is at work")
    (name,) = os.listdir(p.path(".pyrun/runs"))
    with subprocess.Popen(["tail", "-f", p.path(f".pyrun/runs/{name}")], stdout=subprocess.DEVNULL) as reader:
        first.signal(signal.SIGKILL)
        first.result()
        assert p.run("-q", "u").code == 0
        assert reader.poll() is None
        reader.terminate()


def test_a_record_that_is_not_ours_removes_nothing_outside(project: MakeProject) -> None:
    p = project(
        {"tasks.yml": "tasks: {t: {source: [in], target: out/, run: 'mkdir -p out; cp in out'}}\n", "in": ""}
    )
    assert p.run("-q", "t").code == 0
    victim = f"{p.root}/../victim"
    with open(victim, "w", encoding="ascii") as file:
        file.write("mine")
    log = p.read(".pyrun/log")
    name = log.splitlines()[-1].partition("\t")[0]
    for mark in ('["begun",["out/../../victim"],[]]', '["begun",[1],[2]]', '["failed",["../victim"],[]]'):
        p.write(".pyrun/log", f"{log}{name}\t{mark}\n")
        assert p.run("-q", "--force", "t") == Result("", "", 0)
        assert os.path.exists(victim)


def test_two_checkouts_whose_results_hold_their_path_keep_one_each(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "tasks: {t: {source: [in], target: out, run: 'pwd > out; echo ran >> log'}}\n",
            "in": "",
        }
    )
    shutil.copytree(p.root, f"{p.root}/../other")
    for folder in (".", "../other"):
        assert p.run("-q", "t", cwd=folder).code == 0
    p.remove("out")
    assert p.run("t").stderr == "t: restored (the target out is gone)\n"
    assert p.read("out") == f"{p.root}\n"
