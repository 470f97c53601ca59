"""Stop signals reach all that runs, and nothing is left behind; the terminal is given back."""

import os
import pty
import signal
import subprocess
import termios
from collections.abc import Callable

import pytest

from tests.features.conftest import PYRUN, MakeProject, Project, Result, until

STOPS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGQUIT: 131}
WAITS = "touch up-${name}; sleep 300 & setsid sleep 300 & wait; sleep 300"
TREE = f"""
    tasks:
      one:
        args: {{name: {{default: one}}}}
        run: {{command: {{exec: "{WAITS}", quiet: true}}}}
      kept:
        source: [tasks.yml]
        args: {{name: {{default: kept}}}}
        run: {{command: {{exec: "{WAITS}", quiet: true}}}}
      both: {{deps: [one a, kept b]}}
"""


@pytest.mark.parametrize("number", list(STOPS))
def test_a_signal_to_pyrun_ends_all_that_it_started_in_whatever_group(
    project: MakeProject, number: signal.Signals
) -> None:
    p = project({"tasks.yml": TREE})
    for words, files in ((["kept"], ["up-kept"]), (["-j2", "both"], ["up-a", "up-b"])):
        running = p.start(*words)
        until(lambda f=files: all(map(p.exists, f)) and len(p.left()) >= 1 + 3 * len(f), "all run")  # type: ignore[misc]
        running.signal(number)
        result = running.result()
        assert (result.stdout, result.code) == ("", STOPS[number]), words
        assert "Traceback" not in result.stderr
        until(lambda: not p.left(), "nothing is left")


def test_a_task_that_took_pyruns_place_gets_the_signal_itself(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {run: {command: {exec: "trap 'echo bye; exit 7' TERM; touch up; while :; do sleep 0.01; done", quiet: true}}}
        """
    })  # fmt: skip
    running = p.start("t")
    until(lambda: p.exists("up"), "it runs")
    running.signal(signal.SIGTERM)
    assert running.result() == Result("bye\n", "", 7)


def test_a_task_may_clean_up_and_pyrun_still_ends_with_the_signals_status(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                source: [tasks.yml]
                run: {command: {exec: "trap 'echo bye; touch clean; exit 0' TERM; touch up; while :; do sleep 0.01; done", quiet: true}}
        """
    })  # fmt: skip
    running = p.start("t")
    until(lambda: p.exists("up"), "it runs")
    running.signal(signal.SIGTERM)
    result = running.result()
    # A shell may tell that the signal reached its `sleep`, too.
    assert (result.stdout, result.stderr.replace("Terminated\n", ""), result.code) == ("bye\n", "", 143)
    assert p.exists("clean")
    p.write("tasks.yml", p.read("tasks.yml"))
    running = p.start("t", "-v")
    until(lambda: "runs, because" in running.stderr, "it runs again, for it was not done")
    assert "it did not succeed last time" in running.stderr
    running.signal(signal.SIGTERM)
    assert running.result().code == 143


def test_no_further_command_starts_after_a_signal(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {deps: [d], run: touch never}
              d: {run: ["trap 'exit 0' INT; touch up; while :; do sleep 0.01; done", touch never]}
        """
    })  # fmt: skip
    running = p.start("t")
    until(lambda: p.exists("up"), "it runs")
    running.signal(signal.SIGINT)
    assert running.result().code == 130
    assert not p.exists("never")


def test_what_was_finished_before_the_signal_is_kept(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              first: {source: [tasks.yml], target: made, run: touch made}
              second: {deps: [first], source: [tasks.yml], run: sleep 300}
        """
    })  # fmt: skip
    running = p.start("second")
    until(lambda: "second $" in running.stderr, "the second one runs")
    running.signal(signal.SIGINT)
    assert running.result().code == 130
    assert p.run("first").stderr == "first: up to date (1 source and made as in the last run)\n"


def test_a_second_signal_ends_all_at_once(project: MakeProject) -> None:
    stubborn = "trap '' INT TERM; touch up; while :; do sleep 1; done"
    p = project(
        {
            "tasks.yml": f'tasks: {{t: {{source: [tasks.yml], run: {{command: {{exec: "{stubborn}", quiet: true}}}}}}}}\n'
        }
    )
    running = p.start("t")
    until(lambda: p.exists("up"), "it runs")
    running.signal(signal.SIGINT)
    running.signal(signal.SIGTERM)
    assert running.result().code in {130, 143}
    until(lambda: not p.left(), "nothing is left")


def test_what_ignores_the_signal_is_ended_by_force_after_a_while(project: MakeProject) -> None:
    stubborn = "trap '' TERM; touch up; (trap '' TERM; exec setsid sleep 300) & while :; do sleep 0.1; done"
    p = project(
        {
            "tasks.yml": f'tasks: {{t: {{source: [tasks.yml], run: {{command: {{exec: "{stubborn}", quiet: true}}}}}}}}\n'
        }
    )
    running = p.start("t")
    until(lambda: p.exists("up") and len(p.left()) >= 3, "it runs")
    running.signal(signal.SIGTERM)
    assert running.result().code == 143
    until(lambda: not p.left(), "nothing is left")


def test_a_signal_that_the_caller_ignores_stays_ignored(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {source: [tasks.yml], run: "touch up; while [ ! -e go ]; do sleep 0.01; done"}
              nohup: {run: {command: {exec: "trap '' HUP; exec pyrun -q t", quiet: true}}}
        """
    })  # fmt: skip
    running = p.start("nohup")
    until(lambda: p.exists("up"), "it runs")
    running.signal(signal.SIGHUP)
    p.write("go", "")
    assert running.result() == Result("", "", 0)


def test_a_stop_before_anything_runs_leaves_nothing(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {source: [tasks.yml], run: sleep 300}}\n"})
    for _ in range(20):
        running = p.start("t", "-q")
        running.signal(signal.SIGTERM)
        result = running.result()
        assert result.code in {143, -15}
        assert result.stdout == ""
    until(lambda: not p.left(), "nothing is left")


def test_a_killed_pyrun_leaves_a_state_that_the_next_one_reads(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              first: {source: [tasks.yml], target: made, run: touch made}
              second: {deps: [first], source: [tasks.yml], target: half, run: "echo half > half; [ -e go ] || sleep 300; echo whole > half"}
        """
    })  # fmt: skip
    running = p.start("second")
    until(lambda: p.exists("half"), "the second one runs")
    running.signal(signal.SIGKILL)
    assert running.result().code == -9
    p.end_all()
    p.write("go", "")
    result = p.run("second", "-v")
    assert "first: up to date" in result.stderr
    assert "second: runs, because its last run was cut short" in result.stderr
    assert p.read("half") == "whole\n"


class Terminal:
    """A real terminal with pyrun in it, as a shell would start it."""

    def __init__(self, p: Project, *argv: str) -> None:
        self.out = b""
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.chdir(p.root)
            os.execve(argv[0], list(argv), p.environ())
        os.set_blocking(self.fd, False)
        attributes = termios.tcgetattr(self.fd)
        attributes[1] &= ~termios.OPOST
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(self.fd, termios.TCSANOW, attributes)

    def type(self, data: bytes) -> None:
        """Press keys."""
        os.write(self.fd, data)

    def shows(self, text: bytes) -> None:
        """Wait until the terminal shows a text."""
        until(lambda: text in self.read(), f"{text!r} is shown, after {self.out!r}")

    def read(self) -> bytes:
        """All that was shown so far."""
        try:
            while chunk := os.read(self.fd, 65536):
                self.out += chunk
        except OSError:
            pass
        return self.out

    def foreground(self) -> int:
        """The process group that has the terminal."""
        return os.tcgetpgrp(self.fd)

    def end(self) -> int:
        """The exit status, when it has ended."""
        status: list[int] = []

        def ended() -> bool:
            self.read()
            pid, found = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                status.append(os.waitstatus_to_exitcode(found))
            return bool(pid)

        until(ended, f"the terminal's program ends, after {self.out!r}")
        self.read()
        os.close(self.fd)
        return status[0]


Open = Callable[..., Terminal]
ON_TERMINAL = """
    tasks:
      t:
        source: [tasks.yml]
        run: {command: {exec: "bash task", quiet: true}}
      two: {deps: [a, b]}
      a: {run: {command: {exec: "bash task", quiet: true}}}
      b: {run: {command: {exec: "bash task", quiet: true}}}
"""


def test_ctrl_c_on_a_terminal_reaches_the_task_once(project: MakeProject) -> None:
    p = project({
        "tasks.yml": ON_TERMINAL,
        "task": "trap 'echo INT >> log' INT\necho ready\nfor n in $(seq 300); do sleep 0.01; [ -e log ] && break; done\nsleep 0.3\nexit 5\n",
    })  # fmt: skip
    terminal = Terminal(p, PYRUN, "-q", "t")
    terminal.shows(b"ready")
    terminal.type(b"\x03")
    assert terminal.end() in {5, 130}
    assert p.lines("log") == ["INT"]


def test_ctrl_c_on_a_terminal_ends_a_task_and_pyrun(project: MakeProject) -> None:
    p = project({"tasks.yml": ON_TERMINAL, "task": "echo ready\nsleep 300\n"})
    for words, count in ((["t"], 1), (["-j2", "two"], 2)):
        terminal = Terminal(p, PYRUN, "-q", *words)
        until(lambda t=terminal, c=count: t.read().count(b"ready") == c, "all are ready")  # type: ignore[misc]
        terminal.type(b"\x03")
        assert terminal.end() == 130, words
        until(lambda: not p.left(), "nothing is left")


def test_ctrl_c_on_the_terminal_ends_the_tries_and_finally_comes_once(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                retries: 50
                run: ['echo try >> log; echo trying; exec sleep 300']
                finally: echo last >> log
        """
    })  # fmt: skip
    terminal = Terminal(p, PYRUN, "-q", "t")
    until(lambda: p.lines("log") == ["try"], "the first try")
    terminal.shows(b"trying")
    terminal.type(b"\x03")
    assert terminal.end() == 130
    assert p.lines("log") == ["try", "last"]


def test_a_task_reads_what_is_typed_and_the_terminal_is_given_back(project: MakeProject) -> None:
    p = project({
        "tasks.yml": ON_TERMINAL,
        "task": 'test -t 0 && test -t 1 && test -t 2 && echo terminal\nread line\necho "got $line"\n',
    })  # fmt: skip
    shell = Terminal(p, "/bin/bash", "--norc", "--noprofile", "-i")
    group = shell.pid
    shell.type(b"PS1='> '\n")
    shell.type(b"pyrun -q t; echo status $((1+1))\n")
    shell.shows(b"terminal")
    shell.type(b"hello\n")
    shell.shows(b"got hello")
    shell.shows(b"status 2")
    until(lambda: shell.foreground() == group, "the shell has the terminal")
    shell.type(b"pyrun t\n")
    shell.shows(b"t: up to date")
    shell.type(b"exit 3\n")
    assert shell.end() == 3


@pytest.mark.parametrize("task", ["t", "a"])
def test_ctrl_z_stops_pyrun_with_its_task_and_fg_goes_on_with_both(project: MakeProject, task: str) -> None:
    p = project({
        "tasks.yml": ON_TERMINAL,
        "task": 'echo ready\nfor n in $(seq 6000); do sleep 0.01; [ -e go ] && break; done\nread line\necho "got $line"\n',
    })  # fmt: skip
    shell = Terminal(p, "/bin/bash", "--norc", "--noprofile", "-i")
    shell.type(b"PS1='> '\n")
    shell.type(f"pyrun -q {task}\n".encode())
    shell.shows(b"ready")
    shell.type(b"\x1a")
    shell.shows(b"Stopped")
    until(lambda: shell.foreground() == shell.pid, "the shell has the terminal")
    shell.type(b"echo shell $((2+2)) lives\n")
    shell.shows(b"shell 4 lives")
    shell.type(b"fg\n")
    until(lambda: shell.foreground() != shell.pid, "the task has the terminal")
    p.write("go", "")
    shell.type(b"hello\n")
    shell.shows(b"got hello")
    until(lambda: shell.foreground() == shell.pid, "the shell has the terminal again")
    shell.type(b"echo status $?\n")
    shell.shows(b"status 0")
    shell.type(b"exit\n")
    assert shell.end() == 0


def test_in_the_background_of_a_shell_pyrun_works_and_takes_no_terminal(project: MakeProject) -> None:
    p = project({"tasks.yml": ON_TERMINAL, "task": "echo ready\n[ -e go ] || sleep 0.1\ntouch done\n"})
    shell = Terminal(p, "/bin/bash", "--norc", "--noprofile", "-i")
    shell.type(b"PS1='> '\npyrun -q t &\n")
    until(lambda: p.exists("done"), "the task is done")
    shell.type(b"wait; echo status $?\n")
    shell.shows(b"status 0")
    assert shell.foreground() == shell.pid
    shell.type(b"exit\n")
    assert shell.end() == 0


def test_a_terminal_that_hangs_up_ends_all(project: MakeProject) -> None:
    p = project({"tasks.yml": ON_TERMINAL, "task": "echo ready\nsleep 300\n"})
    for words, count in ((["t"], 1), (["-j2", "two"], 2)):
        terminal = Terminal(p, PYRUN, "-q", *words)
        until(lambda t=terminal, c=count: t.read().count(b"ready") == c, "all are ready")  # type: ignore[misc]
        os.close(terminal.fd)
        os.waitpid(terminal.pid, 0)
        until(lambda: not p.left(), "nothing is left")


def test_pyrun_within_pyrun_stops_as_one(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              outer: {source: [tasks.yml], run: pyrun inner}
              inner: {source: [tasks.yml], run: "touch up; sleep 300"}
        """
    })  # fmt: skip
    running = p.start("-q", "outer")
    until(lambda: p.exists("up"), "it runs")
    running.signal(signal.SIGTERM)
    assert running.result().code == 143
    until(lambda: not p.left(), "nothing is left")


def test_a_group_signal_as_a_process_manager_sends_it_ends_all(project: MakeProject) -> None:
    p = project({"tasks.yml": TREE})
    process = subprocess.Popen(
        [PYRUN, "-q", "kept"], cwd=p.root, env=p.environ(), stdin=subprocess.DEVNULL, start_new_session=True
    )
    until(lambda: p.exists("up-kept") and len(p.left()) >= 4, "it runs")
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(60) == 143
    until(lambda: not p.left(), "nothing is left")
