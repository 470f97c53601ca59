"""Conditions: what each check asks, how they join, when they are settled, and what a false one does."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.features.conftest import MakeProject, Project, Result


def asks(when: str, options: str = "{}", file: str = "tasks.yml") -> dict[str, str]:
    """A file with a task `t` that says `yes` if a condition holds."""
    return {
        file: f"""
            tasks:
              t:
                options: {options}
                run:
                  - when: {when}
                    command: {{exec: echo yes, quiet: true}}
        """
    }


def holds(p: Project, *words: str, env: dict[str, str] | None = None) -> bool:
    result = p.run("t", *words, env=env)
    assert (result.stderr, result.code) == ("", 0), words
    assert result.stdout in {"", "yes\n"}
    return result.stdout == "yes\n"


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{os: linux}", True),
        ("{os: LINUX}", True),
        ("{os: [darwin, linux]}", True),
        ("{os: [mac, macos, osx, win, windows, darwin]}", False),
        ("{exists: tasks.yml}", True),
        ("{exists: folder}", True),
        ("{exists: [nothing, folder/in]}", True),
        ("{exists: '*.yml'}", False),
        ("{exists: tasks.yml/below}", False),
        ("{not-exists: tasks.yml/below}", True),
        ("{not-exists: tasks.yml}", False),
        ("{not-exists: [tasks.yml, nothing]}", True),
        ("{not-exists: [tasks.yml, folder]}", False),
        ("{command: 'true'}", True),
        ("{command: 'false'}", False),
        ("{command: exit 7}", False),
        ("{command: ['false', 'true']}", True),
        ("{command: no-such-program}", False),
        ("{command: test -d folder}", True),
        ("{environment: {FULL: x}}", True),
        ("{environment: {FULL: [y, x]}}", True),
        ("{environment: {FULL: y}}", False),
        ("{environment: {FULL: }}", False),
        ("{environment: {EMPTY: ''}}", True),
        ("{environment: {EMPTY: }}", False),
        ("{environment: {UNSET: }}", True),
        ("{environment: {UNSET: ''}}", False),
        ("{environment: {UNSET: [a, null]}}", True),
        ("{environment: {FULL: no, EMPTY: ''}}", True),
        ("{}", True),
        ("[]", True),
        ("[{}, {os: linux}]", True),
    ],
)
def test_what_each_check_asks(project: MakeProject, when: str, expected: bool) -> None:
    for file in ("tasks.yml", "tusk.yml"):
        files = {**asks(when.replace("tasks.yml", file), file=file), "folder/in": ""}
        assert holds(project(files), env={"FULL": "x", "EMPTY": ""}) is expected, file


@pytest.mark.parametrize(
    ("when", "words", "expected"),
    [
        ("{equal: {a: one}}", ["--a=one"], True),
        ("{equal: {a: one}}", ["--a=One"], False),
        ("{equal: {a: [two, one]}}", ["--a=one"], True),
        ("{equal: {a: ''}}", [], True),
        ("{equal: {a: one, b: two}}", ["--b=two"], True),
        ("{equal: {a: '${b}'}}", ["--a=x y", "--b=x y"], True),
        ("{equal: {a: 1.10}}", ["--a=1.10"], True),
        ("{equal: {a: 1.10}}", ["--a=1.1"], False),
        ("{equal: {yes-or-no: true}}", ["--yes-or-no"], True),
        ("{equal: {yes-or-no: false}}", [], True),
        ("{not-equal: {a: one}}", [], True),
        ("{not-equal: {a: one}}", ["--a=one"], False),
        ("{not-equal: {a: [one, two]}}", ["--a=one"], True),
        ("yes-or-no", ["--yes-or-no"], True),
        ("yes-or-no", [], False),
        ("[yes-or-no, other]", ["--yes-or-no"], False),
        ("[yes-or-no, other]", ["--yes-or-no", "--other"], True),
        ("[[yes-or-no, other]]", ["--other"], True),
        ("[[yes-or-no, other]]", [], False),
        ("[[yes-or-no, other], {equal: {a: one}}]", ["--other"], False),
        ("[[yes-or-no, other], {equal: {a: one}}]", ["--other", "--a=one"], True),
        ("{equal: {a: one}, not-equal: {a: two}}", ["--a=two"], False),
        ("{equal: {a: one}, not-equal: {a: two}}", ["--a=three"], True),
        ("a", ["--a=true"], True),
    ],
)
def test_what_options_are_compared_with(
    project: MakeProject, when: str, words: list[str], expected: bool
) -> None:
    options = "{a: {}, b: {}, yes-or-no: {type: bool}, other: {type: bool}}"
    assert holds(project(asks(when, options)), *words) is expected


def test_an_arg_and_a_shared_option_are_compared_too(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            options: {deep: {type: bool}}
            tasks:
              t:
                args: {what: {}}
                run:
                  - {when: {equal: {what: a b}}, command: {exec: echo arg, quiet: true}}
                  - {when: deep, command: {exec: echo shared, quiet: true}}
        """
    })  # fmt: skip
    assert p.run("t", "a b") == Result("arg\n", "", 0)
    assert p.run("t", "x", "--deep") == Result("shared\n", "", 0)


def test_a_false_condition_passes_over_all_of_its_entry_and_is_no_failure(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                run:
                  - {when: {exists: nothing}, command: [echo no, exit 3]}
                  - {when: {exists: nothing}, task: [fails, {name: fails}]}
                  - {when: {exists: nothing}, set-environment: {A: set}}
                  - {when: {exists: tasks.yml}}
                  - {when: {exists: tasks.yml}, command: ["echo one", 'echo "two[$A]"']}
              fails: {run: exit 5}
        """
    })  # fmt: skip
    assert p.run("-q", "t") == Result("one\ntwo[]\n", "", 0)


def test_files_and_variables_are_asked_for_when_their_turn_comes(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                run:
                  - {when: {exists: made}, command: echo too early}
                  - touch made
                  - {when: {exists: made}, command: echo file}
                  - {when: {not-exists: made}, command: echo no}
                  - {when: {environment: {A: }}, command: echo unset}
                  - set-environment: {A: "1"}
                  - {when: {environment: {A: "1"}}, command: echo variable}
                  - {when: {command: 'test "$A" = 1 && test -e made'}, command: echo command}
        """
    })  # fmt: skip
    assert p.run("-q", "t") == Result("file\nunset\nvariable\ncommand\n", "", 0)
    p.remove("made")
    assert p.run("-q", "t").stdout == "file\nunset\nvariable\ncommand\n"


def test_files_are_looked_for_beside_the_file_wherever_the_command_runs(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              t:
                run:
                  - {when: {exists: in/file}, command: {exec: pwd, dir: in}}
                  - {when: {command: test -e in/file}, command: {exec: echo command, dir: in}}
        """,
            "in/file": "",
        }
    )
    for cwd in ("", "in"):
        assert p.run("-q", "t", cwd=cwd) == Result("@ROOT@/in\ncommand\n", "", 0)


def test_a_condition_is_asked_no_further_than_it_must_be(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                run:
                  - {when: {command: [echo 1 >> log, echo 2 >> log]}, command: {exec: echo any, quiet: true}}
                  - {when: [{command: 'echo 3 >> log; false'}, {command: echo 4 >> log}], command: echo all}
                  - {when: [{os: plan9}, {command: echo 5 >> log}], command: echo never}
        """
    })  # fmt: skip
    assert p.run("t") == Result("any\n", "", 0)
    assert p.lines("log") == ["1", "3"]


def test_what_a_condition_s_command_says_is_not_shown(project: MakeProject) -> None:
    p = project(asks("{command: 'echo told; echo wrong >&2'}"))
    assert holds(p)
    assert p.run("-v", "t").stdout == "yes\n"


def test_a_value_in_a_condition_is_one_word(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                args: {what: {}}
                run:
                  - {when: {exists: "${what}"}, command: {exec: echo there, quiet: true}}
                  - {when: {command: "test -e ${what}"}, command: {exec: echo tested, quiet: true}}
                  - {when: {environment: {NAME: "${what}"}}, command: {exec: echo named, quiet: true}}
        """,
        "a b": "",
    })  # fmt: skip
    assert p.run("t", "a b", env={"NAME": "a b"}) == Result("there\ntested\nnamed\n", "", 0)
    assert p.run("t", "x; touch pwned") == Result("", "", 0)
    assert p.run("t", "*") == Result("", "", 0)
    assert not p.exists("pwned")


def test_verbose_tells_what_was_passed_over(project: MakeProject) -> None:
    p = project(asks("{exists: nothing}"))
    told = p.run("-v", "t")
    assert (told.stdout, told.code) == ("", 0)
    assert "t: passed over, its condition does not hold: echo yes\n" in told.stderr


def test_a_dry_run_marks_what_is_settled_late_and_leaves_out_what_is_settled(project: MakeProject) -> None:
    for late in ("{command: touch ran}", "{exists: there}", "{environment: {NAME: there}}"):
        p = project(asks(late))
        marked = p.run("--dry-run", "t")
        assert (marked.stderr, marked.code) == ("", 0)
        plain = project(asks("{}")).run("--dry-run", "t").stdout
        line = next(line for line in plain.splitlines() if "echo yes" in line)
        assert line not in marked.stdout.splitlines(), late
        assert "echo yes" in marked.stdout
        assert ("touch ran" if "ran" in late else "there") in marked.stdout
        assert not p.exists("ran")
    assert "echo yes" not in project(asks("{os: plan9}")).run("--dry-run", "t").stdout


def test_a_wrong_condition_is_a_fault_of_the_file(project: MakeProject) -> None:
    for when, word in (
        ("{exist: x}", "exist"),
        ("{not_equal: {a: b}}", "not_equal"),
        ("{os: [[linux]]}", ""),
        ("{equal: a}", ""),
        ("3.5: x", ""),
    ):
        for file in ("tasks.yml", "tusk.yml"):
            told = project(asks(f"{when}", file=file)).run("t")
            assert (told.stdout, told.code) == ("", 2), when
            assert told.stderr.startswith(f"pyrun: {file}:5:"), told.stderr
            assert word in told.stderr


def test_a_name_that_is_not_defined_is_a_fault_but_in_a_tusk_file_it_never_matches(
    project: MakeProject,
) -> None:
    told = project(asks("{equal: {sevrice: x}}", "{service: {}}")).run("t")
    assert (told.stdout, told.code) == ("", 2)
    assert "service" in told.stderr.splitlines()[-1]
    for when in ("{equal: {unknown: ''}}", "{not-equal: {unknown: x}}", "unknown"):
        assert not holds(project(asks(when, file="tusk.yml")))


def test_what_a_late_condition_asks_about_is_part_of_the_key(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              t:
                source: [in]
                target: out
                run:
                  - {command: {exec: echo made | tee out, quiet: true}}
                  - {when: {environment: {NAME: x}}, command: {exec: echo named, quiet: true}}
                  - {when: {exists: flag}, command: {exec: echo flagged, quiet: true}}
        """,
            "in": "",
        }
    )
    assert p.run("t").stdout == "made\n"
    assert p.run("t").stdout == ""
    assert p.run("t", env={"NAME": "x"}).stdout == "made\nnamed\n"
    assert p.run("t", env={"NAME": "x"}).stdout == ""
    p.write("flag", "")
    assert p.run("t", env={"NAME": "x"}).stdout == "made\nnamed\nflagged\n"
    assert p.run("t", env={"NAME": "x"}).stdout == ""
    p.remove("flag")
    assert p.run("t").stdout == "made\n"


CHECKS = {
    "{os: linux}": True,
    "{os: plan9}": False,
    "{exists: tasks.yml}": True,
    "{exists: nothing}": False,
    "{not-exists: nothing}": True,
    "{not-exists: tasks.yml}": False,
    "{command: 'true'}": True,
    "{command: 'false'}": False,
    "{environment: {FULL: x}}": True,
    "{environment: {FULL: y}}": False,
    "{equal: {a: one}}": True,
    "{equal: {a: two}}": False,
    "{not-equal: {a: two}}": True,
    "{not-equal: {a: one}}": False,
    "on": True,
    "off": False,
    "[on, off]": True,
    "[off]": False,
    "{}": True,
}
"""Items, and whether they hold."""
MAPS = [text for text in CHECKS if text.startswith("{") and text != "{}"]


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, bool]:
    """A condition of one or many items, each of one or many checks, and whether it holds."""
    items = []
    for chosen in draw(st.lists(st.lists(st.sampled_from(MAPS), min_size=1, max_size=3), max_size=3)):
        kinds = {text[1:].partition(":")[0]: text for text in chosen}
        joined = ", ".join(text[1:-1] for text in kinds.values())
        items.append((f"{{{joined}}}", any(CHECKS[text] for text in kinds.values())))
    items += [(text, CHECKS[text]) for text in draw(st.lists(st.sampled_from(list(CHECKS)), max_size=2))]
    items = draw(st.permutations(items))
    if len(items) == 1 and draw(st.booleans()) and items[0][0].startswith("{"):
        return items[0]
    return f"[{', '.join(text for text, _ in items)}]", all(holds for _, holds in items)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(conditions(), min_size=1, max_size=30), file=st.sampled_from(["tasks.yml", "tusk.yml"]))
def test_items_are_joined_by_and_the_checks_of_an_item_by_or(
    project: MakeProject, drawn: list[tuple[str, bool]], file: str
) -> None:
    rows = "".join(
        f"      - {{when: {when.replace('tasks.yml', file)}, command: {{exec: echo {number}, quiet: true}}}}\n"
        for number, (when, _) in enumerate(drawn)
    )
    options = "{a: {default: one}, on: {type: bool, default: true}, off: {type: bool}}"
    p = project({file: f"tasks:\n  t:\n    options: {options}\n    run:\n{rows}"})
    result = p.run("t", env={"FULL": "x"})
    assert (result.stderr, result.code) == ("", 0)
    assert result.stdout.split() == [str(number) for number, (_, holds) in enumerate(drawn) if holds]
