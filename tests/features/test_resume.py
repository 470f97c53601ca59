"""`--resume`: of the last run only what failed or did not start, with the words and flags of then."""

import os
import signal

import pytest

from tests.features.conftest import MakeProject, Project, Result, until

NOTHING = (
    "pyrun: there is nothing to resume\n"
    "  the last run here succeeded, or never came to its end\n"
)  # fmt: skip
FILES = {
    "tasks.yml": """
    tasks:
      one: {run: echo one >> ran}
      two: {deps: [one], source: [in], run: echo two >> ran}
      three: {deps: [two], target: three.txt, run: cp in three.txt && echo three >> ran}
      flaky: {deps: [three], run: "echo flaky >> ran; test -e mended"}
      last: {deps: [flaky], run: echo last >> ran}
      free: {run: echo free >> ran}
    """,
    "in": "1\n",
}


def ran(p: Project, *words: str, code: int = 0) -> list[str]:
    """Which tasks really ran."""
    if p.exists("ran"):
        p.remove("ran")
    result = p.run("-j1", *words)
    assert result.code == code, result
    return p.lines("ran")


def test_only_what_failed_or_did_not_start_is_done(project: MakeProject) -> None:
    p = project(FILES)
    assert ran(p, "last", "free", code=1) == ["one", "two", "three", "flaky"]
    assert ran(p, "--resume", code=1) == ["flaky"]
    p.write("mended", "")
    assert ran(p, "--resume") == ["flaky", "last", "free"]
    assert p.run("--resume") == Result("", NOTHING, 2)
    assert ran(p, "last") == ["one", "three", "flaky", "last"]


def test_it_says_why_something_need_not_be_done(project: MakeProject) -> None:
    p = project(FILES)
    ran(p, "one", "flaky", code=1)
    p.write("mended", "")
    assert p.run("--resume", "-j1", "-q") == ("", "", 0)
    p.remove("mended")
    ran(p, "one", "flaky", code=1)
    assert "one: up to date (it succeeded in the run that is resumed)\n" in p.run("--resume", "-j1").stderr


def test_where_nothing_was_run_there_is_nothing_to_resume(project: MakeProject) -> None:
    assert project(FILES).run("--resume") == Result("", NOTHING, 2)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '["pyrun resume 1"]', '["pyrun resume 1", 1, 2]', "\x00\xff"]
)
def test_what_can_not_be_read_is_nothing_to_resume(project: MakeProject, text: str) -> None:
    p = project(FILES)
    p.write(".pyrun/resume", text)
    assert p.run("--resume") == Result("", NOTHING, 2)


def test_words_that_are_given_are_done_without_what_succeeded(project: MakeProject) -> None:
    p = project(FILES)
    ran(p, "flaky", code=1)
    assert ran(p, "--resume", "three", "free") == ["free"]


def test_with_words_and_nothing_before_all_is_done(project: MakeProject) -> None:
    assert ran(project(FILES), "--resume", "two") == ["one", "two"]


def test_another_definition_is_done_again_and_what_needs_it(project: MakeProject) -> None:
    p = project(FILES)
    ran(p, "flaky", code=1)
    p.write("mended", "")
    p.write("tasks.yml", p.read("tasks.yml").replace("{run: echo one", "{run: echo new; echo one"))
    # two has a new dep; three has no source, and what it needs has run.
    assert ran(p, "--resume") == ["one", "two", "three", "flaky"]


def test_a_source_that_changed_counts_as_ever(project: MakeProject) -> None:
    p = project(FILES)
    ran(p, "flaky", code=1)
    p.write("in", "2\n")
    assert ran(p, "--resume", code=1) == ["two", "three", "flaky"]


def test_a_target_that_is_gone_is_made_again(project: MakeProject) -> None:
    p = project(FILES)
    ran(p, "flaky", code=1)
    p.remove("three.txt")
    assert ran(p, "--resume", code=1) == ["three", "flaky"]


def test_with_keep_going_only_what_failed_is_done_again(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
        tasks:
          a: {run: "echo a >> ran; test -e a"}
          b: {run: "echo b >> ran; test -e b"}
          c: {run: echo c >> ran}
          d: {deps: [a], run: echo d >> ran}
        """
    })  # fmt: skip
    assert ran(p, "--keep-going", "a", "b", "c", "d", code=1) == ["a", "b", "c"]
    # The flags of the first call hold.
    assert ran(p, "--resume", code=1) == ["a", "b"]
    p.write("a", "")
    assert ran(p, "--resume", code=1) == ["a", "b", "d"]
    p.write("b", "")
    assert ran(p, "--resume") == ["b"]
    assert p.run("--resume").code == 2


def test_flags_that_are_given_now_win_and_are_kept(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
        tasks:
          a: {run: "while test -e b-first && ! test -e b; do sleep 0.01; done; exit 3"}
          b: {run: "touch b; exit 3"}
        """
    })  # fmt: skip
    p.run("-j1", "--keep-going", "a", "b")
    p.remove("b")
    p.write("b-first", "")
    # With one job, a would wait for b for ever.
    assert "failed 2" in p.run("--resume", "-j2").stderr
    p.remove("b")
    assert "failed 2" in p.run("--resume").stderr


def test_args_and_options_are_as_they_were(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
        tasks:
          say:
            args: {what: {values: [a b, c]}}
            options: {resume: {type: boolean}, loud: {}}
            run: "echo '${what} ${resume} ${loud}' >> ran; test -e mended"
          also: {run: echo also >> ran}
        """
    })  # fmt: skip
    assert ran(p, "say", "a b", "--resume", "--loud=--resume", "also", code=1) == ["a b true --resume"]
    p.write("mended", "")
    assert ran(p, "--resume") == ["a b true --resume", "also"]


def test_a_run_that_was_stopped_is_taken_up(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
        tasks:
          one: {run: echo one >> ran}
          two: {deps: [one], run: "echo two >> ran; test -e mended || sleep 300"}
          three: {deps: [two], run: echo three >> ran}
        """
    })  # fmt: skip
    running = p.start("-j1", "three")
    until(lambda: "two" in p.lines("ran"), "two begins")
    assert not p.exists(".pyrun/resume")
    running.signal(signal.SIGINT)
    assert running.result().code == 130
    p.write("mended", "")
    assert ran(p, "--resume") == ["two", "three"]


def test_a_server_is_started_again(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
        tasks:
          db: {persistent: true, ready: {command: test -e up}, run: "touch up; exec sleep 300"}
          uses: {deps: [db], run: "test -e up && echo uses >> ran; test -e mended"}
          other: {deps: [db], run: "test -e up && echo other >> ran"}
        """
    })  # fmt: skip
    assert ran(p, "other", "uses", code=1) == ["other", "uses"]
    p.remove("up")
    p.write("mended", "")
    assert ran(p, "--resume") == ["uses"]
    assert p.left() == []


def test_what_calls_others_is_done_whole(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
        tasks:
          part: {run: echo part >> ran}
          whole: {run: [{task: part}, "test -e mended"]}
        """
    })  # fmt: skip
    assert ran(p, "part", "whole", code=1) == ["part", "part"]
    p.write("mended", "")
    assert ran(p, "--resume") == ["part"]


def test_it_is_found_from_a_folder_and_from_afar(project: MakeProject) -> None:
    p = project({**FILES, "below/x": ""})
    assert p.run("-C", os.path.basename(p.root), "-q", "flaky", cwd="..").code == 1
    p.write("mended", "")
    p.remove("ran")
    assert p.run("--resume", "-q", cwd="below") == ("", "", 0)
    assert p.lines("ran") == ["flaky"]


def test_what_was_resumed_can_be_resumed_again_and_again(project: MakeProject) -> None:
    p = project(FILES)
    ran(p, "last", code=1)
    first = p.read(".pyrun/resume")
    for _ in range(3):
        assert p.run("--resume", "--pyrun-resume").code == 1
        assert p.read(".pyrun/resume").replace(', "--"', "").replace(',"--"', "") == first


def test_another_run_takes_the_place_of_the_last_one(project: MakeProject) -> None:
    p = project(FILES)
    ran(p, "last", code=1)
    # Its one command takes the place of pyrun itself.
    assert p.run("free").code == 0
    assert p.run("--resume") == Result("", NOTHING, 2)


def test_a_look_at_it_changes_nothing(project: MakeProject) -> None:
    p = project(FILES)
    ran(p, "last", code=1)
    for flag in ("--dry-run", "--why", "--graph"):
        assert p.run("--resume", flag).code == 0
    assert ran(p, "--resume", code=1) == ["flaky"]


def test_what_the_first_run_forced_is_not_done_again(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "tasks: {a: {source: [tasks.yml], run: 'echo a >> log'}, b: {deps: [a], run: 'echo b >> log; exit 1'}}\n"
        }
    )
    for words in (["--force", "b"], ["--resume"]):
        assert p.run("-q", *words).code == 1
    assert p.lines("log") == ["a", "b", "b"]


def test_who_needs_what_called_others_goes_by_what_those_made(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              x: {source: [in], target: o, run: cp in o}
              a: {run: [{task: x}, "true"]}
              d: {deps: [a], source: [in], run: echo d >> log}
              f: {deps: [d], run: exit 1}
        """,
        "in": "",
    })  # fmt: skip
    for words in (["f"], ["f"], ["--resume"], ["d"]):
        p.run("-q", *words)
    assert p.lines("log") == ["d"]


def test_who_needs_what_was_brought_back_is_done_again(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              gen: {source: [in], target: out, run: cp in out}
              c: {deps: [gen], run: cat out >> log}
              d: {deps: [c], run: exit 1}
        """
    })  # fmt: skip
    for text, words in (("2\n", ["gen"]), ("1\n", ["d"]), ("2\n", ["--resume"])):
        p.write("in", text)
        p.run("-q", *words)
    assert p.lines("log") == ["1", "2"]
