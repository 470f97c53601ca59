"""A value from the command line, a file name or the environment is a word, whatever stands in it."""

import json

import pytest

from tests.features.conftest import MakeProject, Project, Result

SHOW = """\
#!/usr/bin/env python3
import json, sys
print(json.dumps(sys.argv[1:]))
"""
HOSTILE = [
    "$(touch pwned)", "`touch pwned`", "; touch pwned", "\ntouch pwned\n", "' ; touch pwned ; '",
    '" ; touch pwned ; "', "\\", "\\'; touch pwned; '", "${IFS}", "*", "~root", "a b  c", "", "-rf", "\udcff",
]  # fmt: skip
"""What a value may hold that means something to a shell; the property tests of quoting draw many more."""
MORE = [
    "& touch pwned &", "| touch pwned", "&& touch pwned", "'$(touch pwned)'", '"$(touch pwned)"', "> pwned",
    "{a,b}", "!!", "#", " ", "--", "$'\\n'", "é日本", "\t", "EOF", "a=b", "%s%n", "a\nEOF\ntouch pwned", "?", "~",
]  # fmt: skip


def shop(project: MakeProject, run: str, **more: str) -> Project:
    p = project({
        "tasks.yml": f"""
            tasks:
              t:
                args: {{x: {{}}}}
                run: {{command: {{quiet: true, exec: {json.dumps(run)}}}}}
        """,
        **more,
    })  # fmt: skip
    p.write("show", SHOW, 0o755)
    return p


def test_hostile_values_of_a_list_stay_the_words_they_are(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {args: {x: {type: list}}, run: {command: {exec: "./show ${x}", quiet: true}}}
        """
    })  # fmt: skip
    p.write("show", SHOW, 0o755)
    result = p.run("t", "--", *HOSTILE, *MORE)
    assert (result.stderr, result.code) == ("", 0)
    assert json.loads(result.stdout) == [*HOSTILE, *MORE]
    assert p.files() == ["show", "tasks.yml"]


@pytest.mark.parametrize(
    ("run", "before", "behind"),
    [
        ("./show a${x}b", "a", "b"),
        ('./show "a ${x} b"', "a ", " b"),
        ("./show 'a ${x} b'", "a ", " b"),
        ('./show "$(printf %sE ${x})"', "", "E"),
        ('for v in ${x}; do w=${x}; ./show "$w"; done', "", ""),
        ('f() { ./show "$1"; }; if true; then (f ${x}) 2>/dev/null; fi', "", ""),
    ],
)
def test_a_hostile_value_stays_one_word_wherever_it_stands(
    project: MakeProject, run: str, before: str, behind: str
) -> None:
    p = shop(project, run)
    for value in HOSTILE:
        result = p.run("t", "--", value)
        assert (result.stderr, result.code) == ("", 0), value
        assert json.loads(result.stdout) == [f"{before}{value}{behind}"], value
    assert p.files() == ["show", "tasks.yml"]


def test_a_hostile_value_is_written_into_a_here_document_as_it_is_or_refused(project: MakeProject) -> None:
    p = shop(project, "cat <<EOF\nhello ${x}.\nEOF\n")
    for value in HOSTILE:
        assert p.run("t", "--", value) == Result(f"hello {value}.\n", "", 0), value
    for value in ("EOF", "a\nEOF\ntouch pwned", "\nEOF\n"):
        result = p.run("t", "--", value)
        assert (result.stdout, result.code) == ("", 2), value
        assert "could end the here-document, whose delimiter is `EOF`\n" in result.stderr
    assert p.files() == ["show", "tasks.yml"]


@pytest.mark.parametrize(
    "run",
    ["eval ./show ${x}", 'sh -c "./show ${x}"', "echo $(( ${x} ))", "ssh host ls ${x}", "echo # ${x}"],
)
def test_where_pyrun_can_not_quote_only_plain_values_are_let_in(project: MakeProject, run: str) -> None:
    p = shop(project, run)
    for value in HOSTILE:
        result = p.run("t", "--", value)
        assert (result.stdout, result.code) == ("", 2), value
        assert 'pass it as `"$1"` or as a variable' in result.stderr
        assert result.stderr.startswith("pyrun: tasks.yml:4:"), value
    assert p.files() == ["show", "tasks.yml"]


def test_a_plain_value_is_let_in_where_pyrun_can_not_quote(project: MakeProject) -> None:
    assert shop(project, "eval ./show ${x}").run("t", "a/b.c") == Result('["a/b.c"]\n', "", 0)
    assert shop(project, "echo $(( ${x} + 1 ))").run("t", "41") == Result("42\n", "", 0)


def test_a_hostile_name_of_a_task_runs_nothing(project: MakeProject) -> None:
    p = shop(project, "./show ${x}")
    for value in HOSTILE:
        if value != "--":
            result = p.run(value, "y")
            assert (result.stdout, result.code) == ("", 2), value
    assert p.files() == ["show", "tasks.yml"]


def test_a_hostile_value_among_enumerated_ones_is_refused(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {build: {args: {x: {values: [a]}}, run: touch built}}\n"})
    for value in HOSTILE:
        assert p.run("build", "--", value).code == 2
    assert p.files() == ["tasks.yml"]


def test_a_hostile_file_name_is_a_value_like_any_other(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                args: {x: {values: {glob: "in/*"}}}
                source: ["in/${x}"]
                target: ["out/${x}"]
                env: {NAME: "${x}"}
                run:
                  - mkdir -p out
                  - cp -- in/${x} out/${x}
                  - command: {exec: 'printf "%s\\n" "$NAME"', quiet: true}
        """
    })  # fmt: skip
    names = sorted(
        name for name in [*HOSTILE, *MORE] if name.strip() and "/" not in name and not name.startswith(".")
    )
    for name in names:
        p.write(f"in/{name}", "content")
    result = p.run("t", "--all", "-q", "-j1")
    assert (result.stderr, result.code) == ("", 0)
    assert sorted(result.stdout.split("\n")) == sorted([*"\n".join(names).split("\n"), ""])
    assert sorted(f"out/{name}" for name in names) == [name for name in p.files() if name.startswith("out/")]
    result = p.run("t", "--all", "-q", "-j1")
    assert result == Result("", "", 0)


def test_a_value_with_blanks_stays_one_word_of_a_dep_and_is_never_its_flag(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              outer: {args: {x: {}}, deps: ["inner ${x} end"], run: "true"}
              inner:
                args: {a: {}, b: {default: none}, c: {default: none}}
                options: {force: {type: bool}}
                run: {command: {exec: 'printf "%s|" ${a} ${b} ${c} ${force}', quiet: true}}
        """
    })  # fmt: skip
    for value in ("a b", "--force", "-x", "--", "", "$(touch pwned)", "'", "${a}"):
        assert p.run("outer", "-q", "--", value) == Result(f"{value}|end|none|false|", "", 0), value
    assert p.files() == ["tasks.yml"]


def test_a_value_is_literal_in_a_pattern(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {args: {x: {}}, source: ["${x}"], run: echo ran}
        """,
        "a": "",
    })  # fmt: skip
    for value in ("*", "?", "[a]", "{a,b}", "**"):
        assert p.run("t", value).code == 2, value
    assert p.run("t", "a", "-q") == Result("ran\n", "", 0)


def test_a_dollar_dollar_is_a_dollar_and_shell_variables_are_left_to_the_shell(project: MakeProject) -> None:
    p = shop(project, "VAR=v; echo $VAR ${VAR} $$VAR; echo '$${x}'")
    assert p.run("t", "y") == Result("v v v\n${x}\n", "", 0)
