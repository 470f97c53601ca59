"""Variables from files: which files are read, in which order, how they are written, and who wins."""

import pytest

from tests.features.conftest import MakeProject, Result

SHOWS = '{run: {command: {exec: \'printf "[%s]" "${A-unset}" "${B-unset}"\', quiet: true}}}'


def shows(head: str = "", file: str = "tasks.yml") -> dict[str, str]:
    """A file whose task `t` shows A and B."""
    return {file: f"{head}tasks: {{t: {SHOWS}}}\n"}


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("", "[dot][unset]"),
        ("env-file: \n", "[dot][unset]"),
        ("env-file: []\n", "[unset][unset]"),
        ("env-file: one.env\n", "[one][one]"),
        ("env-file: {path: one.env}\n", "[one][one]"),
        ("env-file: {path: missing.env}\n", "[unset][unset]"),
        ("env-file: {path: missing.env, required: false}\n", "[unset][unset]"),
        ("env-file: [one.env, two.env]\n", "[one][two]"),
        ("env-file: [two.env, one.env]\n", "[one][one]"),
        ("env-file: [.env, two.env]\n", "[dot][two]"),
        ("env-file: [one.env, {path: missing.env}]\n", "[one][one]"),
        ("env-file: /dev/null\n", "[unset][unset]"),
    ],
)
def test_which_files_are_read(project: MakeProject, head: str, expected: str) -> None:
    for file in ("tasks.yml", "tusk.yml"):
        made = {".env": "A=dot\n", "one.env": "A=one\nB=one\n", "two.env": "B=two\n"}
        p = project({**shows(head, file), **made, "sub/.env": "A=sub\n"})
        for cwd in ("", "sub"):
            assert p.run("t", cwd=cwd) == Result(expected, "", 0)


def test_a_file_that_must_be_there_is_missed_before_anything_runs(project: MakeProject) -> None:
    for head in ("env-file: missing.env\n", "env-file: {path: missing.env, required: true}\n"):
        result = project(shows(head)).run("t")
        assert (result.stdout, result.code) == ("", 2)
        assert "missing.env" in result.stderr
        assert result.stderr.startswith("pyrun: tasks.yml:1:")
        assert project(shows(head)).run("--list").code == 0


def test_the_caller_wins_even_with_nothing(project: MakeProject) -> None:
    p = project({**shows(), ".env": "A=file\nB=file\n"})
    assert p.run("t", env={"A": ""}) == Result("[][file]", "", 0)
    assert p.run("t", env={"A": "caller"}) == Result("[caller][file]", "", 0)


def test_task_env_and_set_environment_win_over_it(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                env: {A: task}
                run: ['echo "$A$B"', {set-environment: {A: set, B: }}, 'echo "$A${B-unset}"']
        """,
        ".env": "A=file\nB=file\n",
    })  # fmt: skip
    assert p.run("-q", "t").stdout == "taskfile\nsetunset\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=plain", "plain"),
        ("A = spaced out ", "spaced out"),
        ("A: colon", "colon"),
        ("export A=exported", "exported"),
        ("# c\n\nA=x # comment", "x"),
        ("A=x#y", "x#y"),
        ("A='raw $B ${B} \\n # no'", "raw $B ${B} \\n # no"),
        ('A="line\\nbreak" # c', "line\nbreak"),
        ('A="say \\"hi\\""', 'say "hi"'),
        ("A=", ""),
        ('A=""', ""),
        ("base=/srv\nA=${base}/log", "/srv/log"),
        ("base=/srv\nA=$base/log", "/srv/log"),
        ('base=/srv\nA="$base/log"', "/srv/log"),
        ("A=${OUTER}/x", "from caller/x"),
        ("A=$(touch pwned)", "$(touch pwned)"),
        ("A=`touch pwned`", "`touch pwned`"),
        ("A=a=b", "a=b"),
        ("A=1\nA=2", "2"),
        ("A=日本", "日本"),
        ("\ufeffA=bom", "bom"),
        ("A=crlf\r\n", "crlf"),
        ("A=https://user:p%40ss@host/x?y=1&z=2", "https://user:p%40ss@host/x?y=1&z=2"),
    ],
)
def test_how_a_file_is_written(project: MakeProject, text: str, value: str) -> None:
    for file in ("tasks.yml", "tusk.yml"):
        p = project({**shows("", file), ".env": text + "\n"})
        assert p.run("t", env={"OUTER": "from caller"}) == Result(f"[{value}][unset]", "", 0), file
        assert not p.exists("pwned")


def test_a_line_that_can_t_be_read_is_named(project: MakeProject) -> None:
    for line in ("just words", "A='open", 'A="open', "=x", "1 2=x"):
        result = project({**shows(), ".env": f"B=fine\n{line}\n"}).run("t")
        assert (result.stdout, result.code) == ("", 2), line
        assert result.stderr.startswith("pyrun: .env:2:"), result.stderr


def test_options_take_it_for_the_callers_variable(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                options: {stage: {environment: STAGE, default: dev, values: [dev, prod]}}
                run: {command: {exec: 'echo ${stage}', quiet: true}}
        """,
        ".env": "STAGE=prod\n",
    })  # fmt: skip
    assert p.run("t").stdout == "prod\n"
    assert p.run("t", env={"STAGE": "dev"}).stdout == "dev\n"
    assert p.run("t", env={"STAGE": ""}).stdout == "dev\n"
    p.write(".env", "STAGE=test\n")
    assert p.run("t").code == 2


def test_options_are_no_values_in_it(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks: {t: {options: {name: {default: x}}, run: 'echo "[$A]" ${name}'}}
        """,
        ".env": "A=${name}${NAME}\n",
    })  # fmt: skip
    assert p.run("-q", "t").stdout == "[${name}] x\n", (
        "and a name with small letters that means nothing stays"
    )


def test_a_condition_and_a_default_s_command_see_it(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                options: {made: {default: {command: 'echo "by $A"'}}}
                run: {when: {environment: {A: file}}, command: 'echo ${made}'}
        """,
        ".env": "A=file\n",
    })  # fmt: skip
    assert p.run("-q", "t").stdout == "by file\n"


def test_a_declared_variable_counts_for_what_is_up_to_date_wherever_it_comes_from(
    project: MakeProject,
) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                pass-env: [A]
                source: [in]
                target: out
                run: {command: {exec: 'echo "$A$B" | tee out', quiet: true}}
        """,
        "in": "", ".env": "A=one\nB=one\n",
    })  # fmt: skip
    assert p.run("t").stdout == "oneone\n"
    p.write(".env", "A=one\nB=two\n")
    assert p.run("t").stdout == "", "nothing declares B"
    assert p.run("t", env={"A": "one"}).stdout == "", "the same value from the caller"
    p.write(".env", "A=two\nB=two\n")
    assert p.run("t").stdout == "twotwo\n"


def test_a_file_that_is_a_folder_or_unreadable_as_text_is_told(project: MakeProject) -> None:
    p = project({**shows(), ".env/x": ""})
    result = p.run("t")
    assert "Traceback" not in result.stderr
    assert result.code in {0, 2}
    p = project(shows())
    p.write(".env", "A=\udcff\n")
    result = p.run("t")
    assert "Traceback" not in result.stderr
    assert (result.stdout, result.code) in {("[\udcff][unset]", 0), ("", 2)}
    p.write(".env", "A=a\0b\n")
    result = p.run("t")
    assert "Traceback" not in result.stderr
    assert (result.stdout, result.code) == ("", 2)
