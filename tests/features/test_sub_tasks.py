"""`task:` in `run`: calls, in order, each time, in the place and with the check of what is called."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.features.conftest import MakeProject, Result

FILES = 2
"""How many files the trees below ask for."""
Entry = tuple[str, int]
Task = tuple[list[Entry], list[Entry], int]


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


class Told:
    """What a file of tasks should do, worked out beside it.

    Args:
        tasks: For each task its entries, what it does in the end, and how often it is tried again. An entry is its
            kind and what belongs to it; a task calls only those behind it.
    """

    def __init__(self, tasks: list[Task]) -> None:
        self.tasks = tasks
        self.out: list[str] = []
        self.value = "unset"
        self.made: set[int] = set()

    def status(self, number: int) -> int:
        """Run a task; its exit status."""
        steps, last, retries = self.tasks[number]
        begun = self.value
        failed = self.entries(steps)
        while failed and retries:
            retries -= 1
            self.value = begun
            failed = self.entries(steps)
        after = self.entries(last)
        return failed or after

    def entries(self, steps: list[Entry]) -> int:
        """Run entries up to the first that fails; its exit status, or 0."""
        for kind, number in steps:
            if kind == "say":
                self.out.append(f"say {number} {self.value}")
            elif kind == "set":
                self.value = str(number)
            elif kind == "unset":
                self.value = "unset"
            elif kind == "make":
                self.made.add(number % FILES)
            elif kind == "fail":
                return number + 1
            elif kind == "flaky" and number % FILES not in self.made:
                self.made.add(number % FILES)
                return number + 1
            elif kind == "if made" and number % FILES in self.made:
                self.out.append(f"made {number}")
            elif kind == "if set" and self.value == str(number):
                self.out.append(f"set {number}")
            elif kind == "call" and (failed := self.status(number)):
                return failed
        return 0


def entry_text(kind: str, number: int) -> str:
    """An entry as the file has it."""
    file = f"made-{number % FILES}"
    quiet = "{{command: {{exec: '{}', quiet: true}}}}"
    return {
        "say": quiet.format(f'echo say {number} "${{A-unset}}"'),
        "set": f'{{set-environment: {{A: "{number}"}}}}',
        "unset": "{set-environment: {A: }}",
        "make": quiet.format(f"touch {file}"),
        "fail": quiet.format(f"exit {number + 1}"),
        "flaky": quiet.format(f"[ -e {file} ] || {{ touch {file}; exit {number + 1}; }}"),
        "if made": f"{{when: {{exists: {file}}}, command: echo made {number}}}",
        "if set": f'{{when: {{environment: {{A: "{number}"}}}}, command: echo set {number}}}',
        "call": f"{{task: t{number}}}",
    }[kind]


def file_text(tasks: list[Task], head: str) -> str:
    """The file; `head` goes to every task."""
    rows = []
    for number, (steps, last, retries) in enumerate(tasks):
        run, end = (", ".join(entry_text(*entry) for entry in entries) for entries in (steps, last))
        again = f"retries: {retries}, " if retries else ""
        rows.append(f"  t{number}: {{{head}{again}run: [{run}], finally: [{end}]}}\n")
    return "tasks:\n" + "".join(rows)


@st.composite
def entry_lists(draw: st.DrawFn, number: int, count: int, most: int) -> list[Entry]:
    """Entries of a task that has so many behind it."""
    kinds = ["say", "say", "set", "unset", "make", "fail", "flaky", "if made", "if set"]
    kinds += ["call", "call", "call"] if number + 1 < count else []
    found = []
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=most)):
        numbers = st.integers(number + 1, count - 1) if kind == "call" else st.integers(0, 5)
        found.append((kind, draw(numbers)))
    return found


@st.composite
def task_lists(draw: st.DrawFn, tries: int) -> list[Task]:
    """Tasks that call those behind them."""
    count = draw(st.integers(1, 5))
    return [
        (draw(entry_lists(n, count, 5)), draw(entry_lists(n, count, 2)), draw(st.integers(0, tries)))
        for n in range(count)
    ]


ALSO = settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def compare(project: MakeProject, tasks: list[Task], head: str) -> None:
    told = Told(tasks)
    status = told.status(0)
    p = project({"tasks.yml": file_text(tasks, head)})
    result = p.run("-q", "t0")
    assert (result.stdout.splitlines(), result.code) == (told.out, status), result.stderr
    assert {name for name in p.files() if name.startswith("made-")} == {f"made-{n}" for n in told.made}


@ALSO
@given(tasks=task_lists(2))
def test_any_tree_of_calls_does_what_it_says(project: MakeProject, tasks: list[Task]) -> None:
    compare(project, tasks, "")


@ALSO
@given(tasks=task_lists(0))
def test_any_tree_of_calls_does_the_same_as_one_action(project: MakeProject, tasks: list[Task]) -> None:
    compare(project, tasks, "source: [], cache: false, ")
