"""What is called, and what that means for keys, targets, turns, stops and variables."""

import signal
import time

from tests.features.conftest import MakeProject, Result, until


def test_a_called_task_sees_the_files_that_its_caller_has_just_made(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {run: ['[ ! -e go ] || cp in src/gen.txt', {task: x}]}
              x: {source: [src/], target: out, run: 'cat src/* > out'}
        """,
        "src/a": "s\n", "in": "i\n",
    })  # fmt: skip
    assert p.run("-q", "a").code == 0
    p.write("go", "")
    assert p.run("-q", "a").code == 0
    assert p.read("out") == "s\ni\n"


def test_what_a_caller_sets_counts_for_the_variables_that_a_called_task_declares(
    project: MakeProject,
) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {args: {v: {}}, run: [{set-environment: {FOO: "${v}"}}, {task: x}, {task: y}]}
              x: {pass-env: [FOO], source: [], target: out, run: 'echo $FOO > out'}
              y: {source: [], target: when, run: [echo no > when, {when: {environment: {FOO: "2"}}, command: echo yes > when}]}
        """
    })  # fmt: skip
    for value, told in (("1", "no"), ("2", "yes"), ("1", "no")):
        assert p.run("-q", "a", value).code == 0
        assert (p.read("out"), p.read("when")) == (f"{value}\n", f"{told}\n")


def test_an_exclude_counts_for_the_list_in_which_it_stands(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {source: ["src/*.txt"], target: out, run: [{task: b}, 'cat src/*.txt > out']}
              b: {source: ["lib/*", {exclude: "**/*.gen.txt"}], run: "true"}
        """,
        "src/a.gen.txt": "1\n", "lib/x": "",
    })  # fmt: skip
    assert p.run("-q", "a").code == 0
    p.write("src/a.gen.txt", "2\n")
    assert p.run("-q", "a").code == 0
    assert p.read("out") == "2\n"


def test_a_called_step_that_is_not_done_owes_nothing(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a:  {source: [in], target: out,  run: [{when: {os: windows}, task: b}, 'cp in out']}
              a2: {source: [in], target: out2, run: [{when: {command: "false"}, task: b2}, 'cp in out2']}
              a3: {source: [in], target: out3, run: [{when: {exists: in}, task: b3}, 'cp in out3']}
              b:  {target: b.out, deps: [never], run: touch b.out}
              b2: {target: b2.out, run: touch b2.out}
              b3: {target: b3.out, run: touch b3.out}
              never: {run: touch never}
        """,
        "in": "",
    })  # fmt: skip
    assert p.run("-q", "a", "a2", "a3") == Result("", "", 0)
    assert not p.exists("never")
    assert [p.exists(name) for name in ("b.out", "b2.out", "b3.out")] == [False, False, True]
    told = p.run("a", "a2", "a3").stderr
    assert told.count("up to date") == 3
    p.remove("b3.out")
    assert "up to date" not in p.run("a3").stderr


def test_a_task_that_is_called_and_has_its_turn_too_never_runs_twice_at_once(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              x: {run: ['echo x begins >> log', sleep 0.3, 'echo x ends >> log']}
              c: {deps: [x], run: "true"}
              a: {run: [{task: x}]}
              z1: {deps: [a], run: "true"}
              z2: {deps: [z1], run: "true"}
        """
    })  # fmt: skip
    assert p.run("-q", "c", "z2", "-j4").code == 0
    assert p.lines("log") == ["x begins", "x ends"] * 2


def test_what_waits_for_a_called_task_still_cleans_up_after_a_stop(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              b: {run: [touch up, sleep 300]}
              a1: {run: [echo a1 >> log, {task: b}], finally: echo clean a1 >> log}
              a2: {run: [echo a2 >> log, {task: b}], finally: echo clean a2 >> log}
        """
    })  # fmt: skip
    running = p.start("-q", "a1", "a2", "-j4")
    until(lambda: p.exists("up") and len(p.lines("log")) == 2, "both have begun")
    running.signal(signal.SIGTERM)
    assert running.result().code == 143
    assert sorted(p.lines("log")) == ["a1", "a2", "clean a1", "clean a2"]
    assert not p.left()


def test_a_second_stop_ends_the_callers_of_what_runs_too(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              b: {run: "trap '' TERM; touch up; while :; do sleep 0.05; done"}
              a: {run: {task: b}, finally: touch cleaned}
        """
    })  # fmt: skip
    running = p.start("-q", "a")
    until(lambda: p.exists("up"), "it runs")
    running.signal(signal.SIGTERM)
    time.sleep(0.3)
    # Should the two have come as one, the grace time ends it, and all else holds too.
    running.signal(signal.SIGTERM)
    assert running.result().code == 143
    assert not p.exists("cleaned")
    assert not p.left()


def test_a_timeout_counts_while_a_call_waits_too(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              b: {run: [echo b >> log, sleep 2]}
              a1: {run: {task: b}}
              a2: {timeout: 500ms, run: [sleep 0.1, {task: b}, echo late >> log], finally: echo clean >> log}
        """
    })  # fmt: skip
    result = p.run("-q", "a1", "a2", "-j4")
    assert (result.code, "`a2` took longer than 0.5s" in result.stderr) == (124, True)
    assert p.lines("log") == ["b", "clean"]


def test_a_called_task_of_another_file_keeps_the_variables_of_its_file(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            include: {api: api}
            tasks:
              whole: {source: [], target: out, run: [{task: "api:g"}, 'cp api/said out']}
              order: {run: {task: "api:g"}}
        """,
        "api/tasks.yml": """
            env-file: vars
            pass-env: [BAR]
            tasks: {g: {run: 'echo "$FOO $BAR" > said'}}
        """,
        "api/vars": "FOO=file\n",
    })  # fmt: skip
    for task in ("order", "whole"):
        assert p.run("-q", task, env={"BAR": "1"}).code == 0
        assert p.read("api/said") == "file 1\n"
    assert p.run("-q", "whole", env={"BAR": "2"}).code == 0
    assert p.read("out") == "file 2\n"


def test_a_variable_that_is_empty_is_not_one_that_is_not_set(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "tasks: {a: {pass-env: [FOO], source: [], target: out, run: 'echo ${FOO-unset} > out'}}\n"
        }
    )
    assert p.run("-q", "a").code == 0
    assert p.run("-q", "a", env={"FOO": ""}).code == 0
    assert p.read("out") == "\n"


def test_calls_that_multiply_are_planned_at_once(project: MakeProject) -> None:
    rows = [f"p{n}: {{run: [{{task: p{n + 1}}}, {{task: p{n + 1}}}]}}" for n in range(60)]
    tasks = "\n".join(
        f"  {row}"
        for row in ["a: {source: [], run: [{when: {os: plan9}, task: p0}, echo done]}", *rows, "p60: {}"]
    )
    p = project({"tasks.yml": f"tasks:\n{tasks}\n"})
    assert p.run("-q", "a") == Result("done\n", "", 0)
