"""Defaults: what is taken when nothing is given, in which order, and what is run for it."""

import pytest

from tests.features.conftest import MakeProject, Project, Result


def shows(*options: str, args: str = "{}", file: str = "tasks.yml") -> dict[str, str]:
    """A file whose task `t` has these options, the last of which it shows."""
    rows = "".join(f"      {option}\n" for option in options)
    name = options[-1].partition(":")[0]
    run = f'{{command: {{exec: \'printf "<%s>" "${{{name}}}"\', quiet: true}}}}'
    return {file: f"tasks:\n  t:\n    args: {args}\n    options:\n{rows}    run: {run}\n"}


def shown(p: Project, *words: str, env: dict[str, str] | None = None) -> str:
    result = p.run("t", *words, env=env)
    assert (result.stderr, result.code) == ("", 0), words
    return result.stdout


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("x: {default: one}", "one"),
        ("x: {default: {value: one}}", "one"),
        ("x: {default: [one, two]}", "one"),
        ("x: {default: [{value: one}, two]}", "one"),
        ("x: {default: []}", ""),
        ("x: {default: }", ""),
        ("x: {default: ''}", ""),
        ("x: ", ""),
        ("x: {default: [{when: {os: plan9}, value: no}, yes]}", "yes"),
        (
            "x: {default: [{when: {os: plan9}, value: no}, {when: {os: linux}, value: on linux}, last]}",
            "on linux",
        ),
        ("x: {default: [{when: {os: plan9}, value: no}]}", ""),
        ("x: {type: int, default: [{when: {os: plan9}, value: 3}]}", "0"),
        ("x: {type: float, default: [{when: {os: plan9}, value: 3}]}", "0"),
        ("x: {type: bool, default: [{when: {os: plan9}, value: true}]}", "false"),
        ("x: {default: [{when: {exists: there}, value: found}, none]}", "found"),
        ("x: {default: [{when: {not-exists: there}, value: found}, none]}", "none"),
        ("x: {default: [{when: {environment: {FULL: x}}, value: set}, none]}", "set"),
        ("x: {default: [{when: {environment: {UNSET: }}, value: unset}, none]}", "unset"),
        ("x: {default: [{when: {command: test -e there}, value: found}, none]}", "found"),
        ("x: {default: [{when: [{os: linux}, {exists: gone}], value: both}, none]}", "none"),
        ("x: {default: {command: echo made}}", "made"),
        ("x: {default: [{when: {os: linux}, command: 'echo \" two  words \"; echo; echo'}]}", "two  words"),
        ("x: {default: {command: 'printf \"a\\nb\\n\"'}}", "a\nb"),
        ("x: {default: {command: 'cat; echo got $?'}}", "got 0"),
        ("x: {default: {command: 'echo told; echo hidden >&2'}}", "told"),
        ('x: {default: {command: basename "$PWD"}}', "project"),
        ("x: {default: {command: 'echo \"$FULL\"'}}", "x"),
        ("x: {default: 1.10}", "1.10"),
        ("x: {default: 010}", "010"),
        ("x: {default: $HOME/bin}", "$HOME/bin"),
        ("x: {default: 2024-02-03}", "2024-02-03"),
        ("x: {type: int, default: many}", "many"),
        ("x: {values: [a, b], default: c}", "c"),
    ],
)
def test_what_is_taken(project: MakeProject, option: str, value: str) -> None:
    p = project({**shows(option), "there": "", "sub/x": ""})
    result = p.run("-q", "t", env={"FULL": "x"}, cwd="sub", stdin="typed")
    assert result == Result(f"<{value}>", "", 0)


def test_a_default_sees_args_and_what_stands_above_it(project: MakeProject) -> None:
    p = project(
        shows(
            "kind: {type: bool}",
            "first: {default: '${what}-1'}",
            "x: {default: [{when: kind, value: 'kind ${first}'}, {when: {equal: {what: cmd}}, command: 'echo \"made ${first}\"'}, 'plain ${first}']}",
            args="{what: {}}",
        )
    )
    assert shown(p, "a b") == "<plain a b-1>"
    assert shown(p, "a", "--kind") == "<kind a-1>"
    assert shown(p, "cmd") == "<made cmd-1>"
    assert shown(p, "cmd", "--first=it's $x") == "<made it's $x>"
    assert shown(p, "a", "--x=given") == "<given>"


def test_a_name_further_down_is_a_fault_but_stays_as_it_is_in_a_tusk_file(project: MakeProject) -> None:
    options = ("later: {default: two}", "x: {default: '${later}'}")
    assert shown(project(shows(*options))) == "<two>"
    files = {
        "tasks.yml": """
            tasks:
              t: {options: {x: {default: "${later}"}, later: {}}, run: 'echo ${x}'}
        """
    }
    result = project(files).run("t")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.startswith("pyrun: tasks.yml:2:")
    assert "later" in result.stderr


def test_a_command_runs_only_when_its_value_is_needed_and_once(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
            tasks:
              t:
                options:
                  x: {environment: X, default: [{when: {exists: other}, value: other}, {command: 'echo ran >> log; echo made'}]}
                  y: {default: "${x} ${x}"}
                run: ['echo ${x}', 'echo "${y}"']
        """
        }
    )
    assert p.run("-q", "t").stdout == "made\nmade made\n"
    assert p.lines("log") == ["ran"]
    assert p.run("-q", "t", "--x=given").stdout == "given\ngiven given\n"
    assert p.run("-q", "t", env={"X": "variable"}).stdout == "variable\nvariable variable\n"
    p.write("other", "")
    assert p.run("-q", "t").stdout == "other\nother other\n"
    assert p.lines("log") == ["ran"]


def test_a_command_that_fails_ends_it_before_anything_runs(project: MakeProject) -> None:
    for command in ("echo half; exit 9", "no-such-program", "kill -9 $$$$"):
        for file in ("tasks.yml", "tusk.yml"):
            p = project({
                file: f"""
                    tasks:
                      t: {{deps: [d], options: {{x: {{default: {{command: "{command}"}}}}}}, run: touch ran}}
                      d: {{run: touch ran}}
                      other: {{run: echo other}}
                """
            })  # fmt: skip
            result = p.run("t")
            assert (result.stdout, result.code) == ("", 1)
            assert command.replace("$$$$", "$$") in result.stderr, result.stderr
            assert result.stderr.startswith(f"pyrun: {file}:2:")
            assert not p.exists("ran")
            assert p.run("-q", "other").stdout == "other\n"


def test_what_is_given_is_checked_and_a_default_is_not(project: MakeProject) -> None:
    for file in ("tasks.yml", "tusk.yml"):
        p = project(shows("x: {type: int, environment: X, default: [{command: echo auto}]}", file=file))
        assert shown(p) == "<auto>"
        assert p.run("t", "--x=auto").code == 2
        assert p.run("t", env={"X": "auto"}).code == 2


def test_an_empty_word_counts_as_not_given(project: MakeProject) -> None:
    p = project(shows("x: {environment: X, default: d}"))
    for words in (["--x="], ["--x", ""]):
        assert shown(p, *words) == "<d>"
        assert shown(p, *words, env={"X": "v"}) == "<v>"


def test_a_rewrite_is_the_text_of_a_bool(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                args: {who: {}}
                options:
                  loud: {type: bool, rewrite: "--loud-${who}", environment: LOUD}
                  on: {type: bool, default: true, rewrite: "it is on"}
                run:
                  - {command: {exec: 'printf "[%s]" "${loud}" "${on}"', quiet: true}}
                  - {when: loud, command: echo never}
                  - {when: {equal: {loud: --loud-me}}, command: {exec: echo equal, quiet: true}}
        """
    })  # fmt: skip
    assert p.run("t", "me") == Result("[][it is on]", "", 0)
    assert p.run("t", "me", "--loud") == Result("[--loud-me][it is on]equal\n", "", 0)
    assert p.run("t", "me", "--on=false", env={"LOUD": "1"}) == Result("[--loud-me][]equal\n", "", 0)


def test_what_must_be_given_is_asked_for(project: MakeProject) -> None:
    p = project(shows("x: {required: true, environment: X}"))
    assert shown(p, "--x=1") == "<1>"
    assert shown(p, env={"X": "2"}) == "<2>"
    for words, env in (([], {}), (["--x="], {}), ([], {"X": ""})):
        result = p.run("t", *words, env=env)
        assert (result.stdout, result.code) == ("", 2)
        assert "--x" in result.stderr


def test_a_private_option_is_only_what_the_file_says(project: MakeProject) -> None:
    p = project(shows("x: {private: true, default: {command: echo made}}"))
    assert shown(p) == "<made>"
    assert p.run("t", "--x=1").code == 2
    assert "--x" not in p.run("t", "--help").stdout


def test_values_may_be_filled_in(project: MakeProject) -> None:
    p = project(shows("x: {values: ['${kind}-1', '${kind}-2'], default: '${kind}-1'}", args="{kind: {}}"))
    assert shown(p, "a") == "<a-1>"
    assert shown(p, "a", "--x=a-2") == "<a-2>"
    assert p.run("t", "a", "--x=b-2").code == 2


@pytest.mark.parametrize(
    "option",
    [
        "{default: {value: a, command: echo b}}",
        "{required: true, default: a}",
        "{private: true, required: true}",
        "{private: true, environment: X}",
        "{private: true, short: x}",
        "{private: true, values: [a]}",
        "{rewrite: text}",
        "{default: {valeu: a}}",
        "{type: text}",
        "{default: [[a]]}",
    ],
)
def test_what_does_not_go_together_is_a_fault(project: MakeProject, option: str) -> None:
    for file in ("tasks.yml", "tusk.yml"):
        p = project({file: f"tasks:\n  t: {{options: {{x: {option}}}, run: touch ran}}\n"})
        result = p.run("t")
        assert (result.stdout, result.code) == ("", 2)
        assert result.stderr.startswith(f"pyrun: {file}:2:"), result.stderr
        assert not p.exists("ran")
