"""What must succeed first: order, once each, side by side, and what is refused."""

from tests.features.conftest import MakeProject, Result, until


def deps(text: str) -> dict[str, str]:
    """A file of tasks `name: dep dep`, each of which says its name."""
    rows = []
    for line in text.split(";"):
        name, _, needs = line.partition(":")
        rows.append(
            f"  {name.strip()}: {{deps: [{', '.join(needs.split())}], "
            f"run: {{command: {{exec: echo {name.strip()} | tee -a log, quiet: true}}}}}}\n"
        )
    return {"tasks.yml": "tasks:\n" + "".join(rows)}


def test_deps_run_first_and_in_the_order_of_the_file(project: MakeProject) -> None:
    p = project(deps("a: b c; b: d; c:; d:"))
    assert p.run("-j1", "a") == Result("d\nb\nc\na\n", "", 0)


def test_each_invocation_runs_once_however_many_need_it(project: MakeProject) -> None:
    p = project(deps("top: left right; left: base; right: base; base:"))
    for _ in range(5):
        result = p.run("top", "base", "left")
        assert (result.stderr, result.code) == ("", 0)
        assert sorted(result.stdout.split()) == ["base", "left", "right", "top"]
        assert result.stdout.split()[0] == "base"
        assert result.stdout.split()[-1] == "top"


def test_deps_that_do_not_need_each_other_run_side_by_side(project: MakeProject) -> None:
    meet = "touch {0}; n=0; while [ ! -e {1} ]; do sleep 0.01; n=$((n+1)); [ $n -lt 3000 ]; done"
    p = project({
        "tasks.yml": f"""
            tasks:
              all: {{deps: [a, b], run: echo met}}
              a: {{run: {{command: {{exec: "set -e; {meet.format("A", "B")}", quiet: true}}}}}}
              b: {{run: {{command: {{exec: "set -e; {meet.format("B", "A")}", quiet: true}}}}}}
        """
    })  # fmt: skip
    assert p.run("-j2", "-q", "all") == Result("met\n", "", 0)


def test_jobs_is_the_most_that_run_side_by_side(project: MakeProject) -> None:
    body = "mkdir in/$$$$; ls in | wc -l >> seen; sleep 0.05; rmdir in/$$$$"
    names = [f"t{number}" for number in range(9)]
    p = project({
        "tasks.yml": "tasks:\n"
        + "".join(f'  {n}: {{run: {{command: {{exec: "{body}", quiet: true}}}}}}\n' for n in names)
        + f"  all: {{deps: [{', '.join(names)}]}}\n",
        "in/.keep": "",
    })  # fmt: skip
    for jobs in (1, 3):
        assert p.run(f"-j{jobs}", "all") == Result("", "", 0)
        counts = [int(line) for line in p.lines("seen")]
        assert len(counts) == 9
        assert max(counts) <= jobs
        p.remove("seen")


def test_a_task_without_run_only_needs_its_deps(project: MakeProject) -> None:
    p = project(deps("b:; c:"))
    p.write("tasks.yml", p.read("tasks.yml") + "  all: {deps: [b, c]}\n  none: {}\n")
    assert p.run("-j1", "all") == Result("b\nc\n", "", 0)
    assert p.run("none") == Result("", "", 0)


def test_a_dep_is_a_call_with_args_and_options(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              top:
                args: {who: {}}
                options: {loud: {type: bool}, tags: {type: list}}
                deps:
                  - "say ${who} --level=3 -v"
                  - say 'two words' --level ${who}
                  - "say -- --level"
                  - {name: say, args: ["${who}", second], options: {level: "9", v: "${loud}"}}
                  - "many ${tags} end"
                run: {command: {exec: echo top, quiet: true}}
              say:
                args: {a: {}, b: {default: "-"}}
                options: {level: {default: "0"}, v: {type: bool, short: v}}
                run: {command: {exec: 'echo [${a}] [${b}] ${level} ${v}', quiet: true}}
              many:
                args: {words: {type: list}}
                run: {command: {exec: 'printf "<%s>" ${words}; echo', quiet: true}}
        """
    })  # fmt: skip
    assert p.run("-j1", "top", "me too", "--loud", "--tags=x y", "--tags=z") == Result(
        "[me too] [-] 3 true\n[two words] [-] me too false\n[--level] [-] 0 false\n"
        "[me too] [second] 9 true\n<x y><z><end>\ntop\n",
        "",
        0,
    )


def test_a_dep_may_be_all_of_a_task(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              top: {deps: ["build --all"]}
              build:
                args: {x: {values: [a, b]}}
                run: {command: {exec: 'echo build ${x}', quiet: true}}
        """
    })  # fmt: skip
    assert p.run("-j1", "top") == Result("build a\nbuild b\n", "", 0)


def test_the_same_task_with_other_words_is_another_invocation(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              top: {deps: [say a, "say a --n 1", say b, say a, {name: say, args: [a]}, "say a --n=1"]}
              say:
                args: {x: {}}
                options: {n: {default: "0"}}
                run: {command: {exec: 'echo ${x} ${n}', quiet: true}}
        """
    })  # fmt: skip
    assert p.run("-j1", "top") == Result("a 0\na 1\nb 0\n", "", 0)


def test_a_task_whose_name_is_the_whole_text_comes_first(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              top: {deps: [say hi]}
              say hi: {run: {command: {exec: echo whole, quiet: true}}}
              say: {args: {x: {}}, run: {command: {exec: echo word, quiet: true}}}
        """
    })  # fmt: skip
    assert p.run("top") == Result("whole\n", "", 0)


def test_a_cycle_is_shown_as_a_path_and_runs_nothing(project: MakeProject) -> None:
    p = project(deps("a: x b; x:; b: c; c: b"))
    assert p.run("a") == Result(
        "",
        "pyrun: tasks.yml:5:14: `b` needs itself: b → c → b\n"
        "  5 |   c: {deps: [b], run: {command: {exec: echo c | tee -a log, quiet: true}}}\n"
        "    |              ^\n"
        "  take one of these deps or calls away\n",
        2,
    )
    assert p.files() == ["tasks.yml"]


def test_a_task_that_needs_itself_with_other_words_is_no_cycle(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {args: {x: {values: [one, two]}}, deps: ["b ${x}"], run: true}
              b: {args: {x: {}}, run: {command: {exec: 'echo b ${x}', quiet: true}}}
              c: {deps: [c]}
        """
    })  # fmt: skip
    assert p.run("-q", "a", "one") == Result("b one\n", "", 0)
    result = p.run("c")
    assert "`c` needs itself: c → c\n" in result.stderr
    assert result.code == 2


def test_calls_that_grow_without_end_are_refused(project: MakeProject) -> None:
    p = project({"tasks.yml": 'tasks: {a: {args: {x: {}}, deps: ["a ${x}x"], run: touch ran}}\n'})
    result = p.run("a", "y")
    assert (result.stdout, result.code) == ("", 2)
    assert "Traceback" not in result.stderr
    assert p.files() == ["tasks.yml"]


def test_a_long_chain_and_many_deps_are_no_trouble(project: MakeProject) -> None:
    rows = "".join(f"  t{n}: {{deps: [t{n + 1}]}}\n" for n in range(3000))
    many = ", ".join(f"say {n}" for n in range(1000))
    p = project({
        "tasks.yml": f"tasks:\n{rows}  t3000: {{run: echo end}}\n"
        f"  many: {{deps: [{many}]}}\n  say: {{args: {{n: {{}}}}}}\n"
    })  # fmt: skip
    assert p.run("-q", "t0") == Result("end\n", "", 0)
    assert p.run("-q", "many") == Result("", "", 0)


def test_a_dep_that_is_not_there_gets_place_and_nearest_name(project: MakeProject) -> None:
    p = project(deps("build: instal; install:"))
    assert p.run("build") == Result(
        "",
        "pyrun: tasks.yml:2:18: there is no task `instal`\n"
        "  2 |   build: {deps: [instal], run: {command: {exec: echo build | tee -a log, quiet: true}}}\n"
        "    |                  ^^^^^^\n"
        "  did you mean `install`?\n",
        2,
    )
    assert p.files() == ["tasks.yml"]


def test_wrong_words_of_a_dep_are_placed(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {deps: [say]}
              b: {deps: [say x y]}
              c: {deps: [say x --loud]}
              d: {deps: [say x --n]}
              e: {deps: [{name: say, args: [x], options: {m: "1"}}]}
              f: {deps: [say z]}
              g: {deps: ["say --all"]}
              say: {args: {x: {values: [x]}}, options: {n: {}}, run: touch ran}
        """
    })  # fmt: skip
    place = "pyrun: tasks.yml:{}:14: {}\n"
    for task, line, told in (
        ("a", 2, "`say` needs a x"),
        ("b", 3, "`y` is too many: `say` takes one word"),
        ("c", 4, "`say` has no option `--loud`"),
        ("d", 5, "`--n` needs a value"),
        ("e", 6, "`say` has no option `m`"),
        ("f", 7, "`say` knows no x `z`"),
    ):
        result = p.run(task)
        assert (result.stdout, result.code) == ("", 2), task
        assert result.stderr.startswith(place.format(line, told)), (task, result.stderr)
    assert p.files() == ["tasks.yml"]


def test_an_unknown_name_in_a_call_is_a_fault_of_the_file(project: MakeProject) -> None:
    p = project({"tasks.yml": 'tasks: {a: {args: {who: {}}, deps: ["b ${wo}"]}, b: {run: touch ran}}\n'})
    result = p.run("a", "x")
    assert result == Result(
        "",
        "pyrun: tasks.yml:1:40: `a` has no arg or option `wo`\n"
        '  1 | tasks: {a: {args: {who: {}}, deps: ["b ${wo}"]}, b: {run: touch ran}}\n'
        "    |                                        ^^^^^\n"
        "  did you mean `who`?\n",
        2,
    )


def test_a_failing_dep_stops_what_needs_it_and_nothing_new_starts(project: MakeProject) -> None:
    p = project(deps("a: b c; c: b; d:"))
    p.write("tasks.yml", p.read("tasks.yml") + "  b: {run: exit 7}\n")
    assert p.run("-j1", "a", "d") == Result("", "b $ exit 7\npyrun: b failed with exit status 7: exit 7\n", 7)
    assert p.files() == ["tasks.yml"]


def test_what_runs_beside_a_failing_task_is_let_finish(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              all: {deps: [slow, bad], run: touch never}
              bad: {run: {command: {exec: 'while [ ! -e started ]; do sleep 0.01; done; exit 3', quiet: true}}}
              slow: {run: {command: {exec: "touch started; while [ ! -e go ]; do sleep 0.01; done; touch done", quiet: true}}}
        """
    })  # fmt: skip
    running = p.start("-j2", "all")
    until(lambda: "failed" in running.stderr, "bad fails")
    p.write("go", "")
    told = "pyrun: bad failed with exit status 3: while [ ! -e started ]; do sleep 0.01; done; exit 3\n"
    assert running.result() == Result("", told, 3)
    assert p.exists("done")
    assert not p.exists("never")
