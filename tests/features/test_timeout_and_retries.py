"""How long a try may take, and how often it is tried again."""

import signal

import pytest

from tests.features.conftest import MakeProject, Result, until


def test_a_try_that_takes_too_long_is_ended_with_all_it_started(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {timeout: 1, run: [echo work, "sleep 300 & setsid sleep 300 & sleep 300", echo never]}
        """
    })  # fmt: skip
    result = p.run("-q", "t")
    told = "pyrun: tasks.yml:2:3: `t` took longer than 1s\n"
    assert (result.stdout, result.stderr[: len(told)], result.code) == ("work\n", told, 124)
    until(lambda: not p.left(), "nothing is left")


def test_one_that_ignores_the_signal_is_ended_all_the_same(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {timeout: 1, run: "trap '' TERM INT HUP; while :; do sleep 0.1; done"}
        """
    })  # fmt: skip
    assert p.run("-q", "t").code == 124
    until(lambda: not p.left(), "nothing is left")


@pytest.mark.parametrize("text", ["60", "60s", "5m", "1h", '"60"'])
def test_what_ends_in_time_is_no_failure(project: MakeProject, text: str) -> None:
    p = project({"tasks.yml": f"tasks: {{t: {{timeout: {text}, run: echo x}}}}\n"})
    assert p.run("-q", "t") == Result("x\n", "", 0)


def test_it_holds_for_the_whole_run_list_and_for_each_try(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              list: {timeout: 1, run: [sleep 0.7, sleep 0.7, echo never]}
              tries: {timeout: 2, retries: 3, run: 'echo try; sleep 0.7; exit 3'}
        """
    })  # fmt: skip
    result = p.run("-q", "list")
    assert (result.stdout, result.code) == ("", 124)
    result = p.run("-q", "tries")
    assert (result.stdout, result.code) == ("try\n" * 4, 3)


def test_a_timeout_is_tried_again_too(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {timeout: 1, retries: 1, run: 'echo try; [ -e again ] || { touch again; sleep 300; }'}
        """
    })  # fmt: skip
    result = p.run("-q", "t")
    assert (result.stdout, result.code) == ("try\ntry\n", 0)


def test_tries_begin_the_run_list_anew_until_one_is_good(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                retries: 3
                run: [echo one, 'echo x >> tries; [ $(wc -l < tries) -ge 3 ]', echo two]
        """
    })  # fmt: skip
    result = p.run("-q", "t")
    again = "pyrun: t failed with exit status 1, trying again in {} s ({} of 3)\n"
    assert result == Result("one\none\none\ntwo\n", again.format(0.5, 1) + again.format(1, 2), 0)
    assert len(p.lines("tries")) == 3


def test_the_last_try_s_status_counts(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {retries: 2, run: 'echo x >> tries; exit $((10 + $(wc -l < tries)))'}
        """
    })  # fmt: skip
    assert p.run("-q", "t").code == 13


def test_deps_are_not_tried_again_and_a_failed_one_is_not_ours_to_try(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {deps: [d], retries: 2, run: 'exit 3'}
              d: {run: echo d}
              u: {deps: [fails], retries: 2, run: echo never}
              fails: {run: 'echo fails; exit 4'}
        """
    })  # fmt: skip
    result = p.run("-q", "t")
    assert (result.stdout, result.code) == ("d\n", 3)
    result = p.run("-q", "u")
    assert (result.stdout, result.code) == ("fails\n", 4)


def test_what_is_called_is_called_again_by_each_try(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {retries: 1, run: [{task: sub}, 'exit 3']}
              sub: {run: echo sub}
        """
    })  # fmt: skip
    result = p.run("-q", "t")
    assert (result.stdout, result.code) == ("sub\nsub\n", 3)


def test_a_called_task_has_its_own_tries_and_time(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {run: [{task: sub}, echo t]}
              sub: {retries: 1, run: 'echo sub; [ -e again ] || { touch again; exit 3; }'}
              u: {run: [{task: slow}, echo never]}
              slow: {timeout: 1, run: sleep 300}
        """
    })  # fmt: skip
    result = p.run("-q", "t")
    assert (result.stdout, result.code) == ("sub\nsub\nt\n", 0)
    result = p.run("-q", "u")
    assert (result.stdout, result.code) == ("", 124)


@pytest.mark.parametrize(("own", "told"), [("retries: 1", "`retries`"), ("timeout: 1", "a `timeout`")])
def test_one_that_becomes_part_of_its_caller_can_have_none(project: MakeProject, own: str, told: str) -> None:
    p = project({
        "tasks.yml": f"""
            tasks:
              t: {{source: [], run: [touch ran, {{task: sub}}]}}
              sub: {{{own}, run: touch ran}}
        """
    })  # fmt: skip
    result = p.run("t")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.startswith("pyrun: tasks.yml:2:"), result.stderr
    assert f"`sub` has {told} of its own" in result.stderr
    assert result.stderr.endswith("name `sub` under `deps`\n")
    assert not p.exists("ran")


def test_the_callers_time_ends_what_it_calls(project: MakeProject) -> None:
    for head in ("", "source: [], "):
        p = project({
            "tasks.yml": f"""
                tasks:
                  t: {{{head}timeout: 1, run: [{{task: sub}}, echo never]}}
                  sub: {{run: [echo sub, sleep 300], finally: echo clean}}
            """
        })  # fmt: skip
        result = p.run("-q", "t")
        assert (result.stdout, result.code) == ("sub\nclean\n", 124), head
        until(lambda p=p: not p.left(), "nothing is left")  # type: ignore[misc]


def test_a_called_task_s_finally_leaves_the_callers_timeout(project: MakeProject) -> None:
    for head in ("", "source: [], "):
        p = project({
            "tasks.yml": f"""
                tasks:
                  t: {{{head}timeout: 1, run: [{{task: sub}}, sleep 300]}}
                  sub: {{run: echo sub, finally: echo clean}}
            """
        })  # fmt: skip
        running = p.start("-q", "t")
        until(lambda r=running: r.process.poll() is not None, f"it ends: {head}")  # type: ignore[misc]
        result = running.result()
        assert (result.stdout, result.code) == ("sub\nclean\n", 124)


def test_finally_has_all_the_time_it_needs(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {timeout: 1, run: sleep 300, finally: [sleep 1.5, echo clean]}
        """
    })  # fmt: skip
    result = p.run("-q", "t")
    assert (result.stdout, result.code) == ("clean\n", 124)


def test_a_timeout_leaves_others_alone(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              all: {deps: [slow, fine]}
              slow: {timeout: 1, run: sleep 300}
              fine: {run: 'while [ -d /proc/self ] && [ $((n += 1)) -lt 30 ]; do sleep 0.1; done; echo fine > made'}
        """
    })  # fmt: skip
    assert p.run("-q", "-j2", "all").code == 124
    until(lambda: not p.left(), "nothing is left")


def test_a_failed_try_is_not_taken_for_done(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {source: [in], target: out, timeout: 1, run: [echo x > out, '[ -e ok ] || sleep 300']}
        """,
        "in": "",
    })  # fmt: skip
    for _ in range(2):
        assert p.run("-q", "t").code == 124
    p.write("ok", "")
    assert "up to date" not in p.run("t").stderr
    assert "up to date" in p.run("t").stderr


@pytest.mark.parametrize(
    "wrong",
    ["timeout: soon", "timeout: -1", "timeout: 5 parsecs", "retries: many", "retries: -1", "retries: 1.5"],
)
def test_a_wrong_number_is_a_fault(project: MakeProject, wrong: str) -> None:
    p = project({"tasks.yml": f"tasks:\n  t: {{{wrong}, run: touch ran}}\n"})
    result = p.run("t")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.startswith("pyrun: tasks.yml:2:")
    assert not p.exists("ran")


def test_a_stop_while_the_next_try_is_waited_for_ends_it_at_once(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "tasks: {t: {retries: 50, run: 'echo try >> log; exit 3', finally: echo last >> log}}\n"
        }
    )
    running = p.start("t")
    until(lambda: len(p.lines("log")) == 4, "the fourth try")
    until(lambda: "in 4 s" in running.stderr, "a pause of four seconds")
    running.signal(signal.SIGTERM)
    assert running.result().code == 143
    assert p.lines("log") == ["try"] * 4 + ["last"]
