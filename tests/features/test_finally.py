"""What is done in the end: once, after good and bad, and not where nothing was begun."""

import signal

import pytest

from tests.features.conftest import MakeProject, Result, until


def test_it_comes_after_a_good_run_and_after_a_bad_one(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                args: {status: {}}
                run: [echo work, "exit ${status}", echo never reached when it fails]
                finally: [echo one, echo two]
        """
    })  # fmt: skip
    assert p.run("-q", "t", "0").stdout == "work\nnever reached when it fails\none\ntwo\n"
    assert p.run("t", "7") == Result(
        "work\none\ntwo\n",
        "t 7 $ echo work\nt 7 $ exit 7\nt 7 $ echo one\nt 7 $ echo two\npyrun: t 7 failed with exit status 7: exit 7\n",
        7,
    )


@pytest.mark.parametrize(
    ("run", "last", "out", "code"),
    [
        ("exit 3", "exit 5", "", 3),
        ("'true'", "exit 5", "", 5),
        ("exit 3", "[echo one, exit 5, echo two]", "one\n", 3),
        ("'true'", "[echo one, exit 5, echo two]", "one\n", 5),
        ("[]", "echo only", "only\n", 0),
        ("no-such-program", "echo clean", "clean\n", 127),
    ],
)
def test_the_first_failure_gives_the_status_and_one_in_finally_ends_it(
    project: MakeProject, run: str, last: str, out: str, code: int
) -> None:
    for file in ("tasks.yml", "tusk.yml"):
        p = project({file: f"tasks: {{t: {{run: {run}, finally: {last}}}}}\n"})
        result = p.run("-q", "t")
        assert (result.stdout, result.code) == (out, code)


def test_a_task_of_finally_alone_does_it(project: MakeProject) -> None:
    assert project({"tasks.yml": "tasks: {t: {finally: echo only}}\n"}).run("-q", "t").stdout == "only\n"


def test_it_takes_all_forms_that_run_takes(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                options: {name: {default: a b}}
                run: [{set-environment: {A: from run}}, exit 4]
                finally:
                  - {when: {os: plan9}, command: echo no}
                  - {when: {environment: {A: from run}}, command: ['echo "$A" ${name}', {exec: pwd, dir: in}]}
                  - {task: {name: sweep, args: ["${name}"]}}
                  - {set-environment: {A: late, B: "${name}"}}
                  - 'echo "$A $B"'
              sweep: {args: {what: {}}, run: 'echo sweep ${what}', finally: echo swept}
        """,
        "in/x": "",
    })  # fmt: skip
    result = p.run("-q", "t", "--name=x  y")
    assert result.stdout == "from run x  y\n@ROOT@/in\nsweep x  y\nswept\nlate x  y\n"
    assert result.code == 4


def test_what_is_called_in_finally_is_refused_up_front_if_it_can_t_be(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {run: touch ran, finally: {task: missing}}
              u: {run: touch ran, finally: {task: {name: v, args: [a]}}}
              v: {run: echo v}
        """
    })  # fmt: skip
    for name in ("t", "u"):
        result = p.run(name)
        assert (result.stdout, result.code) == ("", 2)
    assert not p.exists("ran")


def test_it_comes_once_for_each_call_inner_ones_first(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              top: {run: {task: [middle a, middle b]}, finally: echo top}
              middle: {args: {x: {}}, run: {task: "inner ${x}"}, finally: 'echo middle ${x}'}
              inner: {args: {x: {}}, run: 'echo do ${x}; test ${x} = a', finally: 'echo inner ${x}'}
        """
    })  # fmt: skip
    result = p.run("-q", "top")
    assert result.stdout == "do a\ninner a\nmiddle a\ndo b\ninner b\nmiddle b\ntop\n"
    assert result.code == 1


def test_it_is_not_done_when_nothing_was_begun(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              kept: {source: [in], target: out, run: cp in out, finally: echo kept}
              bad-dep: {deps: [fails], run: echo no, finally: echo no}
              fails: {run: exit 6}
              bad-word: {args: {a: {values: [x]}}, run: echo no, finally: echo no}
              bad-default: {options: {a: {default: {command: exit 9}}}, run: echo no, finally: echo no}
              asks: {confirm: Sure?, run: echo no, finally: echo no}
        """,
        "in": "",
    })  # fmt: skip
    assert p.run("-q", "kept").stdout == "kept\n"
    assert p.run("-q", "kept") == Result("", "", 0)
    assert p.run("-q", "kept", "--force").stdout == "kept\n"
    for words, code in ((["bad-dep"], 6), (["bad-word", "y"], 2), (["bad-default"], 1), (["asks"], 1)):
        result = p.run("-q", *words)
        assert (result.stdout, result.code) == ("", code), result


def test_a_run_that_fails_in_finally_is_not_taken_for_done(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {source: [in], target: out, run: cp in out, finally: test -e ok}
        """,
        "in": "",
    })  # fmt: skip
    for _ in range(2):
        assert p.run("t").code == 1
    p.write("ok", "")
    assert "up to date" not in p.run("t").stderr
    assert "up to date" in p.run("t").stderr


def test_it_comes_once_after_the_last_try(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {retries: 2, run: [echo try, exit 3], finally: echo clean}
              u: {retries: 2, run: 'echo try; [ -e out ] || { touch out; exit 3; }', finally: echo clean}
        """
    })  # fmt: skip
    assert p.run("-q", "t").stdout == "try\ntry\ntry\nclean\n"
    assert p.run("-q", "t").code == 3
    result = p.run("-q", "u")
    assert (result.stdout, result.code) == ("try\ntry\nclean\n", 0)


def test_it_comes_after_a_timeout(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {timeout: 1, run: [echo work, sleep 300], finally: echo clean}
        """
    })  # fmt: skip
    result = p.run("-q", "t")
    assert (result.stdout, result.code) == ("work\nclean\n", 124)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_stop_signal_still_runs_it(project: MakeProject, number: signal.Signals, code: int) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              top: {run: [{task: t}, echo never], finally: echo top}
              t: {run: [touch up; exec sleep 300, echo never], finally: [echo clean, touch cleaned]}
        """
    })  # fmt: skip
    running = p.start("-q", "top")
    until(lambda: p.exists("up"), "it runs")
    running.signal(number)
    result = running.result()
    assert (result.stdout, result.code) == ("clean\ntop\n", code), result
    assert p.exists("cleaned")


def test_a_second_signal_ends_it_too(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {run: touch up; exec sleep 300, finally: [touch cleaning; sleep 300, echo never]}
        """
    })  # fmt: skip
    running = p.start("-q", "t")
    until(lambda: p.exists("up"), "it runs")
    running.signal(signal.SIGINT)
    until(lambda: p.exists("cleaning"), "it cleans")
    running.signal(signal.SIGINT)
    result = running.result()
    assert (result.stdout, result.code) == ("", 130)
    until(lambda: not p.left(), "nothing is left")
