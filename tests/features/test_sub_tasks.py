"""`task:` in `run`: calls, in order, each time, in the place and with the check of what is called."""

import pytest

from tests.features.conftest import MakeProject, Result


def test_each_mention_runs_again_and_in_order(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                run:
                  - task: say
                  - echo between
                  - task: [say, "say two", {name: say, args: [three]}, {name: say, args: four}]
                  - {task: {name: say, options: {loud: true}}}
              say: {args: {what: {default: one}}, options: {loud: {type: bool}}, run: 'echo say ${what} ${loud}'}
        """
    })  # fmt: skip
    told = "t > say $ echo say one false\nt $ echo between\nt > say $ echo say one false\n"
    told += "".join(f"t > say {word} $ echo say {word} false\n" for word in ("two", "three", "four"))
    said = "say one false\nbetween\nsay one false\nsay two false\nsay three false\nsay four false\nsay one true\n"
    assert p.run("t") == Result(said, told + "t > say --loud $ echo say one true\n", 0)


def test_a_shared_part_runs_at_each_call_and_not_once(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              top: {run: {task: [left, right]}}
              left: {run: [{task: base}, echo left]}
              right: {run: [{task: base}, echo right]}
              base: {run: echo base}
        """
    })  # fmt: skip
    assert p.run("-q", "top") == Result("base\nleft\nbase\nright\n", "", 0)
    assert p.run("-q", "-j4", "top", "left").stdout.count("base") == 3


@pytest.mark.parametrize(
    "value", ["a b", "--loud", "$HOME", "x; touch pwned", "", "*", "'", '"', "${what}", "a\nb"]
)
def test_a_value_stays_one_word_on_its_way_down(project: MakeProject, value: str) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                args: {v: {}}
                run:
                  - task: "say ${v} --word=${v}"
                  - task: "say ${v} --word ${v}"
                  - {task: {name: say, args: ["${v}"], options: {word: "${v}"}}}
              say:
                args: {what: {}}
                options: {word: {}, loud: {type: bool}}
                run: {command: {exec: "printf '<%s>' ${what} ${word} ${loud}", quiet: true}}
        """
    })  # fmt: skip
    assert p.run("-q", "t", "--", value) == Result(f"<{value}><{value}><false>" * 3, "", 0)
    assert not p.exists("pwned")


def test_what_is_called_may_be_a_value(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {args: {which: {}}, run: {task: "${which}"}}
              one: {run: echo one}
              two words: {run: echo two words}
        """
    })  # fmt: skip
    assert p.run("-q", "t", "one") == Result("one\n", "", 0)
    assert p.run("-q", "t", "two words") == Result("two words\n", "", 0)
    result = p.run("t", "onw")
    assert (result.stdout, result.code) == ("", 2)
    assert "did you mean `one`?" in result.stderr


def test_values_of_the_caller_are_not_seen_below(project: MakeProject) -> None:
    p = project({
        "tusk.yml": """
            tasks:
              t: {options: {word: {}}, run: {task: [sub, {name: sub, options: {other: "${word}"}}]}}
              sub: {options: {other: {default: none}}, run: 'echo "[${word}] ${other}"'}
        """
    })  # fmt: skip
    assert p.run("-q", "t", "--word", "x") == Result("[] none\n[] x\n", "", 0)


@pytest.mark.parametrize(
    "call",
    [
        "missing",
        "{name: sub, args: []}",
        "{name: sub, args: [a, b]}",
        "{name: sub, args: [a], options: {unknown: x}}",
        "{name: sub, args: [a], options: {count: many}}",
        "{name: sub, args: [a], options: {kind: green}}",
        "{name: needs}",
        "{name: sub, args: [a], options: {shared: x}}",
    ],
)
def test_a_call_that_can_t_be_is_refused_before_anything_runs(project: MakeProject, call: str) -> None:
    for file, guard in (
        ("tasks.yml", "exists: nothing"),
        ("tusk.yml", "os: plan9"),
        ("tasks.yml", "os: plan9"),
    ):
        p = project({
            file: f"""
                options: {{shared: {{default: x}}}}
                tasks:
                  t:
                    run:
                      - touch ran
                      - {{when: {{{guard}}}, task: {call}}}
                  sub:
                    args: {{a: {{}}}}
                    options: {{count: {{type: int}}, kind: {{values: [red, blue]}}}}
                    run: echo sub ${{shared}}
                  needs: {{options: {{must: {{required: true}}}}, run: echo needs}}
            """
        })  # fmt: skip
        result = p.run("t")
        assert (result.stdout, result.code) == ("", 2), result
        assert result.stderr.startswith((f"pyrun: {file}:6:", "pyrun: ")), result.stderr
        assert not p.exists("ran")


def test_a_cycle_is_shown_at_once_a_guarded_one_too(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {run: [touch ran, {task: b}]}
              b: {run: {when: {exists: nothing}, task: c}}
              c: {finally: {task: a}}
              self: {run: {task: self}}
        """
    })  # fmt: skip
    result = p.run("a")
    assert (result.stdout, result.code) == ("", 2)
    assert "a -> b -> c -> a" in result.stderr.replace("→", "->"), result.stderr
    assert "self -> self" in p.run("self").stderr.replace("→", "->")
    assert not p.exists("ran")


def test_a_failure_ends_every_caller_and_its_status_is_the_programs(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {run: [{task: b}, echo never]}
              b: {run: [{task: c}, echo never]}
              c: {run: [echo c, exit 42, echo never]}
        """
    })  # fmt: skip
    result = p.run("-q", "a")
    assert result == Result("c\n", "pyrun: c failed with exit status 42: exit 42\n", 42)


def test_a_private_task_can_be_called_and_is_not_named(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {run: {task: hidden}}
              hidden: {private: true, run: {task: shown}}
              shown: {run: echo shown}
        """
    })  # fmt: skip
    assert p.run("t") == Result("shown\n", "t > shown $ echo shown\n", 0)
    result = p.run("hidden")
    assert (result.stdout, result.code) == ("", 2)


def test_quiet_holds_for_all_below(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {quiet: true, run: [{task: loud}, echo t]}
              loud: {run: echo loud}
              u: {run: [{task: hushed}, {task: loud}]}
              hushed: {quiet: true, run: echo hushed}
        """
    })  # fmt: skip
    assert p.run("t") == Result("loud\nt\n", "", 0)
    assert p.run("u") == Result("hushed\nloud\n", "u > loud $ echo loud\n", 0)


def test_what_is_called_has_its_own_folder_variables_and_check(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                dir: here
                env: {A: t}
                run: ['basename "$PWD"; echo "$A"', {task: sub}, {task: kept}, {task: kept}, 'echo "$A"']
              sub: {dir: there, env: {B: sub}, run: 'basename "$PWD"; echo "${A-unset} $B"'}
              kept: {source: [in], target: out, run: 'echo kept | tee out'}
        """,
        "here/x": "", "there/x": "", "in": "",
    })  # fmt: skip
    assert p.run("-q", "t").stdout == "here\nt\nthere\nunset sub\nkept\nt\n"
    assert p.run("-q", "t").stdout == "here\nt\nthere\nunset sub\nt\n"


def test_a_caller_with_source_makes_the_called_steps_its_own(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {source: [in], target: out, run: [echo t > out, {task: "sub a"}, {task: kept}]}
              sub: {args: {x: {}}, source: [other], target: sub-out, run: 'echo sub ${x} | tee sub-out'}
              kept: {run: echo always}
        """,
        "in": "", "other": "",
    })  # fmt: skip
    assert p.run("-q", "t").stdout == "sub a\nalways\n"
    assert p.run("t") == Result("", "t: up to date (2 sources and 2 target files as in the last run)\n", 0)
    p.write("other", "changed")
    assert p.run("-q", "t").stdout == "sub a\nalways\n", "its sources count"
    p.remove("sub-out")
    assert p.run("-q", "t").stdout == "sub a\nalways\n", "its targets count"
    p.write("tasks.yml", p.read("tasks.yml").replace("echo always", "echo changed"))
    assert p.run("-q", "t").stdout == "sub a\nchanged\n", "its commands count"


@pytest.mark.parametrize(
    "sub", ["image: {name: registry.example.org/x, from: scratch}", "persistent: true, run: sleep 300"]
)
def test_what_can_t_be_part_of_an_action_is_an_error_that_names_deps(project: MakeProject, sub: str) -> None:
    p = project({
        "tasks.yml": f"""
            tasks:
              t: {{source: [in], run: [touch ran, {{task: sub}}]}}
              sub: {{{sub}}}
        """,
        "in": "",
    })  # fmt: skip
    result = p.run("t")
    assert (result.stdout, result.code) == ("", 2)
    assert "tasks.yml:2:" in result.stderr
    assert "deps" in result.stderr
    assert not p.exists("ran")


def test_deps_of_what_is_called_run_before_the_callers_first_command(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {run: [echo t, {task: sub}, {when: {exists: nothing}, task: other}]}
              sub: {deps: [dep], run: echo sub}
              other: {deps: [dep], run: echo no}
              dep: {run: echo dep}
        """
    })  # fmt: skip
    assert p.run("-q", "t").stdout == "dep\nt\nsub\n"


def test_calls_and_deps_of_one_invocation_never_run_at_the_same_time(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              all: {deps: [one, two, base]}
              one: {run: {task: base}}
              two: {run: {task: base}}
              base: {run: 'mkdir held && sleep 0.1 && rmdir held'}
        """
    })  # fmt: skip
    assert p.run("-q", "-j4", "all") == Result("", "", 0)


def test_what_is_called_reads_the_callers_stdin(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {run: [{task: cat}]}, cat: {run: cat}}\n"})
    assert p.run("-q", "t", stdin="typed\n") == Result("typed\n", "", 0)


def test_a_tusk_file_checks_only_the_tasks_that_are_asked_for(project: MakeProject) -> None:
    files = {"tusk.yml": "tasks: {t: {run: echo t}, u: {run: {task: missing}}}\n"}
    assert project(files).run("-q", "t") == Result("t\n", "", 0)
    result = project({"tasks.yml": files["tusk.yml"]}).run("-q", "t")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.startswith("pyrun: tasks.yml:1:")


def test_hundreds_of_calls_within_calls_are_no_accident(project: MakeProject) -> None:
    rows = "".join(f"  t{n}: {{run: {{task: t{n + 1}}}}}\n" for n in range(150))
    p = project({"tasks.yml": f"tasks:\n{rows}  t150: {{run: echo bottom}}\n"})
    assert p.run("-q", "t0") == Result("bottom\n", "", 0)
    rows = "".join(f"  t{n}: {{run: {{task: t{n + 1}}}}}\n" for n in range(3000))
    p = project({"tasks.yml": f"tasks:\n{rows}  t3000: {{run: echo bottom}}\n"})
    result = p.run("-q", "t0")
    assert "Traceback" not in result.stderr
    assert (result.stdout, result.code) in {("bottom\n", 0), ("", 2)}
