"""What pyrun ends with: the task's own status, or one of its own that says why."""

import os
import signal

import pytest

from tests.features.conftest import MakeProject, Result, until


@pytest.mark.parametrize("more", ["", "source: [tasks.yml], ", "deps: [ok], ", "target: out, "])
def test_the_status_of_a_task_is_handed_on(project: MakeProject, more: str) -> None:
    p = project({
        "tasks.yml": f"""
            tasks:
              ok: {{}}
              t: {{{more}args: {{n: {{}}}}, run: {{command: {{exec: "touch out; exit ${{n}}", quiet: true}}}}}}
        """
    })  # fmt: skip
    assert p.run("t", "0") == Result("", "", 0)
    for status in (1, 2, 3, 42, 125, 126, 127, 130, 141, 255):
        result = p.run("t", str(status), "-s")
        assert result == Result("", "", status)


@pytest.mark.parametrize("more", ["source: [tasks.yml], ", "deps: [ok], target: out, "])
def test_a_task_that_a_signal_ends_gives_128_and_its_number(project: MakeProject, more: str) -> None:
    p = project({
        "tasks.yml": f"""
            tasks:
              ok: {{}}
              t: {{{more}args: {{n: {{}}}}, run: {{command: {{exec: "kill -${{n}} $$$$", quiet: true}}}}}}
        """
    })  # fmt: skip
    for name in ("TERM", "KILL", "INT", "SEGV", "PIPE", "USR1"):
        number = getattr(signal, f"SIG{name}")
        told = f"pyrun: t {name} failed with exit status {128 + number}: kill -{name} $$\n"
        assert p.run("t", name) == Result("", told, 128 + number)


def test_a_replaced_task_ends_as_its_command_does(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {run: {command: {exec: kill -TERM $$$$, quiet: true}}}}\n"})
    assert p.run("t").code in {-signal.SIGTERM, 128 + signal.SIGTERM}


def test_a_program_that_is_not_there_gives_127(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {source: [tasks.yml], run: nosuchprogram}, u: {run: nosuchprogram}}\n"
    })  # fmt: skip
    result = p.run("t")
    assert (result.stdout, result.code) == ("", 127)
    assert result.stderr.endswith("pyrun: t failed with exit status 127: nosuchprogram\n")
    assert p.run("u").code == 127


def test_an_interpreter_that_is_not_there_gives_127_and_one_that_is_no_program_126(
    project: MakeProject,
) -> None:
    p = project(
        {
            "tasks.yml": "interpreter: nosuchshell -c\ntasks: {t: {run: echo, source: [tasks.yml]}, u: {run: echo}}\n"
        }
    )
    for task in ("t", "u"):
        result = p.run(task, "-q")
        assert (result.stdout, result.code) == ("", 127)
        assert "`nosuchshell` is not found\n" in result.stderr
        assert "is it installed, and on PATH?\n" in result.stderr
    p.write("shell", "no program\n", 0o644)
    p.write("tasks.yml", p.read("tasks.yml").replace("nosuchshell", "./shell"))
    for task in ("t", "u"):
        result = p.run(task, "-q")
        assert (result.stdout, result.code) == ("", 126)
        assert "`./shell` can't be executed: Permission denied\n" in result.stderr


def test_a_command_that_is_not_executable_gives_126(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {source: [tasks.yml], run: ./plain}}\n", "plain": "x"})
    told = "sh: 1: ./plain: Permission denied\npyrun: t failed with exit status 126: ./plain\n"
    assert p.run("t", "-q") == Result("", told, 126)


def test_a_wrong_file_and_a_wrong_command_line_give_2(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {run: touch ran}}\n"})
    assert p.run("u").code == 2
    assert p.run("t", "--nope").code == 2
    p.write("tasks.yml", "tasks: {t: {rum: touch ran}}\n")
    assert p.run("t").code == 2
    p.write("tasks.yml", "tasks: [")
    assert p.run("t").code == 2
    p.write("tasks.yml", "tasks: {t: {source: [nothing], run: touch ran}}\n")
    assert p.run("t").code == 2
    assert p.files() == ["tasks.yml"]


def test_the_first_failure_in_time_counts(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              all: {deps: [late, early]}
              late: {run: {command: {exec: "touch up; while [ ! -e go ]; do sleep 0.01; done; exit 5", quiet: true}}}
              early: {run: {command: {exec: "while [ ! -e up ]; do sleep 0.01; done; exit 6", quiet: true}}}
        """
    })  # fmt: skip
    running = p.start("-j2", "all")
    until(lambda: "early failed" in running.stderr, "early fails")
    p.write("go", "")
    result = running.result()
    assert result.code == 6
    assert "pyrun: late failed with exit status 5" in result.stderr


def test_a_command_that_fails_ends_its_task(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {run: [echo one, exit 4, echo never]}}\n"})
    assert p.run("t", "-q") == Result("one\n", "pyrun: t failed with exit status 4: exit 4\n", 4)


def test_a_state_that_cannot_be_written_is_told_without_a_traceback(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {source: [tasks.yml], run: 'true'}}\n", ".pyrun": "a file"})
    result = p.run("t", "-q")
    assert result.code == 1
    assert result.stderr.startswith("pyrun: ")
    assert "Traceback" not in result.stderr


def test_a_folder_that_is_gone_is_told(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {run: {command: {exec: "cd gone && rmdir ../gone && pyrun x", quiet: true}}}
        """,
        "gone/.x": "",
    })  # fmt: skip
    os.unlink(p.path("gone/.x"))
    result = p.run("t")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr == "pyrun: the current folder is gone\n  go to one that is there\n"
