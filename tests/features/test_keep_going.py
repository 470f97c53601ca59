"""`--keep-going`: all is done that does not need what failed, and the first failure gives the exit status."""

import re
import signal

import pytest

from tests.features.conftest import MakeProject, Project, Result, until

FILE = """
tasks:
  bad: {run: exit 3}
  worse: {deps: [slow], run: exit 4}
  slow: {run: sleep 0.2 && echo slow >> ran}
  needs: {deps: [bad], run: echo needs >> ran}
  far: {deps: [needs, good], run: echo far >> ran}
  good: {source: [in], target: good.txt, run: cp in good.txt && echo good >> ran}
  other: {deps: [good], run: echo other >> ran}
  all: {deps: [far, other, worse], run: echo all >> ran}
"""


def told(result: Result) -> str:
    """What was told, without where logs are."""
    return re.sub(r" \(log: [^)]*\)", "", result.stderr)


@pytest.mark.parametrize("jobs", ["-j1", "-j4"])
def test_all_is_done_that_does_not_need_what_failed(project: MakeProject, jobs: str) -> None:
    p = project({"tasks.yml": FILE, "in": "1\n"})
    result = p.run("--keep-going", jobs, "-q", "all")
    assert (result.stdout, result.code) == ("", 3)
    assert sorted(p.lines("ran")) == ["good", "other", "slow"]
    bad, worse = (
        "pyrun: bad failed with exit status 3: exit 3\n",
        "pyrun: worse failed with exit status 4: exit 4\n",
    )
    summary = "pyrun: ran 3, failed 2\n"
    assert told(result) == bad + worse + summary + bad + worse
    # What was done is known.
    assert "good: up to date" in p.run("good").stderr


def test_without_it_nothing_starts_once_something_failed(project: MakeProject) -> None:
    p = project({"tasks.yml": FILE, "in": "1\n"})
    assert p.run("-j1", "-q", "all") == ("", "pyrun: bad failed with exit status 3: exit 3\n", 3)
    assert p.lines("ran") == []


@pytest.mark.parametrize("jobs", ["-j1", "-j4"])
def test_the_first_failure_in_time_gives_the_status(project: MakeProject, jobs: str) -> None:
    p = project({
        "tasks.yml": """
        tasks:
          late: {run: "while ! test -e first || kill -0 $(cat first) 2> /dev/null; do sleep 0.01; done; exit 8"}
          soon: {run: "sh -c 'echo $PPID' > pid; mv pid first; exit 9"}
        """,
        "first": "",
    })  # fmt: skip
    if jobs == "-j4":
        p.remove("first")
    result = p.run("--keep-going", jobs, "-q", "late", "soon")
    assert result.code == (8 if jobs == "-j1" else 9)
    assert "pyrun: nothing was done" not in result.stderr
    assert "failed 2" in result.stderr


def test_two_that_fail_at_once_are_both_told(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
        tasks:
          a: {run: "touch a; while ! test -e b; do sleep 0.01; done; exit 5"}
          b: {run: "touch b; while ! test -e a; do sleep 0.01; done; exit 5"}
          after: {deps: [a, b], run: touch never}
          free: {run: touch free}
        """
    })  # fmt: skip
    result = p.run("--keep-going", "-j2", "-q", "after", "free")
    assert result.code == 5
    assert sorted(told(result).splitlines()[:2]) == [
        f"pyrun: {name} failed with exit status 5: touch {name}; while ! test -e {other}; do sleep 0.01; done; exit 5"
        for name, other in ("ab", "ba")
    ]
    assert "pyrun: ran 1, failed 2\n" in result.stderr
    assert p.exists("free")
    assert not p.exists("never")


def test_what_fails_before_its_command_goes_on_too(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
        tasks:
          gen: {run: "true", target: "gen/*.txt"}
          reads: {deps: [gen], source: ["gen/*.txt"], run: echo never >> ran}
          lies: {target: nothing, run: "true"}
          good: {run: echo good >> ran}
          last: {deps: [lies], run: echo never >> ran}
        """
    })  # fmt: skip
    result = p.run("--keep-going", "-j1", "-q", "reads", "last", "good")
    assert p.lines("ran") == ["good"]
    assert result.code in {1, 2}
    assert "the source `gen/*.txt` matches no file" in result.stderr
    assert "`lies` succeeded, but left no `nothing`" in result.stderr


def test_a_call_that_fails_fails_its_caller_and_nothing_else(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
        tasks:
          part: {run: exit 6}
          whole: {run: [echo begun >> ran, {task: part}, echo never >> ran], finally: echo cleaned >> ran}
          needs: {deps: [whole], run: echo never >> ran}
          good: {run: echo good >> ran}
        """
    })  # fmt: skip
    result = p.run("--keep-going", "-j1", "-q", "needs", "good")
    assert p.lines("ran") == ["begun", "cleaned", "good"]
    assert result.code == 6
    assert told(result) == "pyrun: part failed with exit status 6: exit 6\npyrun: ran 1, failed 1\n", result


def test_within_a_task_nothing_goes_on_and_its_finally_is_done(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
        tasks:
          t: {run: [exit 3, echo never >> ran], finally: [echo end >> ran, exit 9]}
          u: {run: echo u >> ran}
        """
    })  # fmt: skip
    assert p.run("--keep-going", "-j1", "-q", "t", "u").code == 3
    assert p.lines("ran") == ["end", "u"]


SERVER = """
tasks:
  db: {persistent: true, ready: {command: test -e up}, run: "touch up; echo db >> ran; exec sleep 300"}
  broken: {persistent: true, ready: {command: test -e never}, run: exit 7}
  uses: {deps: [db], run: echo uses >> ran}
  fails: {deps: [db], run: exit 3}
  mends: {deps: [fails], run: echo never >> ran}
  free: {run: echo free >> ran}
  hit: {deps: [broken], run: echo never >> ran}
"""


def test_a_server_serves_those_that_go_on_and_ends_with_them(project: MakeProject) -> None:
    p = project({"tasks.yml": SERVER})
    result = p.run("--keep-going", "-j1", "-q", "fails", "mends", "uses", "free")
    assert result.code == 3, result
    assert sorted(p.lines("ran")) == ["db", "free", "uses"]
    assert p.left() == []


def test_a_server_that_fails_ends_the_run(project: MakeProject) -> None:
    p = project({"tasks.yml": SERVER})
    result = p.run("--keep-going", "-j1", "-q", "hit")
    assert result.code == 7, result
    assert p.lines("ran") == []
    assert p.left() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_signal_ends_it_at_once(project: MakeProject, number: signal.Signals) -> None:
    p = project({
        "tasks.yml": """
        tasks:
          bad: {run: exit 3}
          long: {deps: [first], run: "touch up; sleep 300", finally: touch cleaned}
          first: {run: "true"}
          never: {deps: [long], run: touch never}
          later: {deps: [long], run: touch never}
        """
    })  # fmt: skip
    running = p.start("--keep-going", "-j1", "-q", "bad", "never", "later")
    until(lambda: p.exists("up"), "long begins though bad has failed")
    running.signal(number)
    assert running.result().code == 128 + number
    assert p.exists("cleaned")
    assert not p.exists("never")


def test_nothing_that_failed_is_the_same_with_and_without(project: MakeProject) -> None:
    p: Project = project({"tasks.yml": "tasks: {a: {run: echo a}, b: {deps: [a], run: echo b}}\n"})
    assert p.run("--keep-going", "-q", "b") == p.run("-q", "b") == ("a\nb\n", "", 0)
