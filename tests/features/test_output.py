"""What is written where: stdout is the tasks' own, and lines of tasks side by side stay whole."""

import os

from tests.features.conftest import MakeProject, Result, until

TWO = """
    tasks:
      t: {deps: [d], source: [tasks.yml], run: [echo out, echo err >&2]}
      d: {source: [tasks.yml], run: echo dep}
"""


def test_commands_are_told_on_stderr_before_they_run(project: MakeProject) -> None:
    p = project({"tasks.yml": TWO})
    assert p.run("t") == Result("dep\nout\n", "d $ echo dep\nt $ echo out\nt $ echo err >&2\nerr\n", 0)


def test_up_to_date_is_one_line_for_each_asked_for_task_and_none_for_deps(project: MakeProject) -> None:
    p = project({"tasks.yml": TWO})
    p.run("t")
    told = "t: up to date (1 source and 1 dep as in the last run)\n"
    assert p.run("t") == Result("", told, 0)
    assert p.run("t", "d") == Result("", "d: up to date (1 source as in the last run)\n" + told, 0)
    both = "d: up to date (1 source as in the last run)\n" + told
    assert p.run("t", "-v") == Result("", both + "pyrun: up to date 2\n", 0)


def test_quiet_tells_failures_only_and_silent_nothing(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {run: [echo out, echo err >&2, exit 3]}}\n"})
    failed = "pyrun: t failed with exit status 3: exit 3\n"
    assert p.run("t", "-q") == Result("out\n", f"err\n{failed}", 3)
    assert p.run("t", "--quiet") == Result("out\n", f"err\n{failed}", 3)
    assert p.run("t", "-s") == Result("", "", 3)
    assert p.run("--silent", "t") == Result("", "", 3)


def test_verbose_tells_why_and_how_long(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {source: [tasks.yml], run: 'true'}}\n"})
    lines = p.run("t", "-v").stderr.splitlines()
    assert lines[:2] == ["t: runs, because it has not run here yet", "t $ true"]
    (last,) = lines[2:]
    assert last.startswith("t: done in ")
    assert last.endswith((" ms", " s"))


def test_lines_of_tasks_side_by_side_stay_whole(project: MakeProject) -> None:
    body = "for i in $(seq 200); do printf '%s-' $x; printf '%s-' $i; printf '%0100d\\\\n' 7; done"
    rows = "".join(
        f'  t{n}: {{env: {{x: t{n}}}, run: {{command: {{exec: "{body}", quiet: true}}}}}}\n'
        for n in range(20)
    )
    p = project({"tasks.yml": "tasks:\n" + rows})
    result = p.run("-j8", *(f"t{n}" for n in range(20)))
    assert (result.stderr, result.code) == ("", 0)
    wanted = [f"t{n}-{i}-{7:0100d}" for n in range(20) for i in range(1, 201)]
    assert sorted(result.stdout.splitlines()) == sorted(wanted)
    for n in range(20):
        mine = [line for line in result.stdout.splitlines() if line.startswith(f"t{n}-")]
        assert mine == [f"t{n}-{i}-{7:0100d}" for i in range(1, 201)]


def test_bytes_pass_as_they_are(project: MakeProject) -> None:
    data = bytes(range(256)) * 41 + b"\r\n\x00\xff no end"
    p = project({
        "tasks.yml": """
            tasks:
              one: {run: {command: {exec: cat data, quiet: true}}}
              kept: {source: [data], run: {command: {exec: cat data, quiet: true}}}
              dep: {deps: [one], run: {command: {exec: cat data >&2, quiet: true}}}
              other: {run: {command: {exec: "true", quiet: true}}}
        """
    })  # fmt: skip
    text = data.decode("utf-8", "surrogateescape")
    p.write("data", text)
    assert p.run("one") == Result(text, "", 0)
    assert p.run("kept") == Result(text, "", 0)
    assert p.run("dep") == Result(text, text, 0)
    both = p.run("-j2", "one", "other")
    assert both.stdout.rstrip("\n") == text
    assert (both.stderr, both.code) == ("", 0)


def test_a_line_without_an_end_is_not_lost_and_does_not_join_another(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {run: {command: {exec: printf aaa, quiet: true}}}
              b: {run: {command: {exec: printf bbb, quiet: true}}}
        """
    })  # fmt: skip
    assert sorted(p.run("-j2", "a", "b").stdout.splitlines()) == ["aaa", "bbb"]
    assert p.run("a") == Result("aaa", "", 0)


def test_a_huge_line_passes_whole_or_in_pieces_and_nothing_is_lost(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {run: {command: {exec: "head -c 30000000 /dev/zero | tr '\\\\0' a", quiet: true}}}
              b: {run: {command: {exec: "seq 10000", quiet: true}}}
        """
    })  # fmt: skip
    result = p.run("-j2", "a", "b", memory=300 << 20)
    assert (result.stderr, result.code) == ("", 0)
    assert result.stdout.count("a") == 30_000_000
    assert result.stdout.replace("a", "").split() == [str(n) for n in range(1, 10001)]


def test_much_output_on_both_streams_does_not_block(project: MakeProject) -> None:
    body = "seq 60000; seq 60000 >&2"
    p = project({
        "tasks.yml": f"""
            tasks:
              a: {{run: {{command: {{exec: "{body}", quiet: true}}}}}}
              b: {{run: {{command: {{exec: "{body}", quiet: true}}}}}}
        """
    })  # fmt: skip
    wanted = sorted([str(n) for n in range(1, 60001)] * 2)
    result = p.run("-j2", "a", "b")
    assert result.code == 0
    assert sorted(result.stdout.split()) == wanted
    assert sorted(result.stderr.split()) == wanted


def test_a_closed_pipe_ends_with_141_and_without_a_traceback(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              one: {run: {command: {exec: yes one, quiet: true}}}
              kept: {source: [tasks.yml], run: {command: {exec: yes kept, quiet: true}}}
              a: {run: {command: {exec: yes a, quiet: true}}}
              b: {run: {command: {exec: yes a, quiet: true}}}
              pipe:
                args: {words: {type: list}}
                interpreter-free: x
        """.replace("                interpreter-free: x\n", '                run: {command: {exec: "bash ./pipe ${words}", quiet: true}}\n'),
        "pipe": 'pyrun "$@" | head -n 1; echo "${PIPESTATUS[0]}"\n',
    })  # fmt: skip
    assert p.run("pipe", "one") == Result("one\n141\n", "", 0)
    for words, first in (["kept"], "kept"), (["-j2", "a", "b"], "a"):
        result = p.run("pipe", "--", *words)
        assert result.stdout == f"{first}\n141\n", words
        assert "Traceback" not in result.stderr
    assert p.left() == []


def test_a_closed_stderr_ends_pyrun_and_what_it_started(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {run: [sleep 0.2, echo two, echo three, sleep 300]}
              t: {run: {command: {exec: "bash ./pipe", quiet: true}}}
        """,
        "pipe": 'pyrun a 2>&1 >/dev/null | true; echo "${PIPESTATUS[0]}"\n',
    })  # fmt: skip
    assert p.run("t") == Result("141\n", "", 0)
    assert p.left() == []


def test_a_full_disk_is_told_without_a_traceback(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              list: {usage: a, run: "true"}
              t: {run: {command: {exec: "pyrun --list > /dev/full", quiet: true}}}
              u: {run: {command: {exec: "pyrun -j2 v w > /dev/full", quiet: true}}}
              v: {run: echo v}
              w: {run: echo w}
        """
    })  # fmt: skip
    for task in ("t", "u"):
        result = p.run(task)
        assert result.stdout == ""
        assert result.code == 1
        assert "pyrun: No space left on device" in result.stderr
        assert "Traceback" not in result.stderr


def test_a_child_left_behind_does_not_hang_pyrun(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {run: {command: {exec: "sleep 300 & echo $! > pid", quiet: true}}}
              kept: {source: [tasks.yml], run: {command: {exec: "sleep 300 & echo $! > pid", quiet: true}}}
              b: {run: {command: {exec: echo b, quiet: true}}}
        """
    })  # fmt: skip
    for words in (["a"], ["kept"], ["-j2", "a", "b"], ["-j2", "kept", "--force", "b"]):
        result = p.run(*words)
        assert (result.stderr, result.code) == ("", 0), words
        until(lambda: p.exists("pid"), "the child is there")
        p.end_all()


def test_output_comes_as_it_is_written(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {run: {command: {exec: "echo first; while [ ! -e go ]; do sleep 0.01; done; echo last", quiet: true}}}
              b: {run: {command: {exec: "true", quiet: true}}}
        """
    })  # fmt: skip
    for words in (["a"], ["-j2", "a", "b"]):
        running = p.start(*words)
        until(lambda r=running: r.stdout == "first\n", "the first line comes")  # type: ignore[misc]
        p.write("go", "")
        assert running.result() == Result("first\nlast\n", "", 0)
        p.remove("go")


def test_output_of_a_group_that_closed_its_streams_is_no_end(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {run: {command: {exec: "exec >&- 2>&-; while [ ! -e go ]; do sleep 0.01; done; touch done; exit 3", quiet: true}}}
              b: {run: {command: {exec: "touch go", quiet: true}}}
        """
    })  # fmt: skip
    result = p.run("-j2", "a", "b")
    assert (result.stdout, result.code) == ("", 3)
    assert os.path.exists(p.path("done"))
