"""Variables that a task sets for all that comes after it."""

import pytest

from tests.features.conftest import MakeProject, Result


def test_variables_are_set_and_taken_away_for_the_commands_after(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                run:
                  - 'echo "$A-$B"'
                  - set-environment: {A: 1.50, B: null, C: "", D: yes}
                  - 'echo "$A-${B-unset}-${C-unset}-$D"'
                  - set-environment: {A: }
                  - 'echo "${A-unset}"'
        """
    })  # fmt: skip
    result = p.run("t", env={"A": "old", "B": "old", "C": "old"})
    assert result.stdout == "old-old\n1.50-unset--yes\nunset\n"
    told = [line for line in result.stderr.splitlines() if " $ " not in line]
    assert told == ["set A=1.50", "unset B", "set C=", "set D=yes", "unset A"]


@pytest.mark.parametrize(
    "value", ["a b", "$HOME", "`id`", "$(id)", "a'b\"c", "${nothing}", "x\ny", "*", "--", "=", "日"]
)
def test_a_value_is_no_script(project: MakeProject, value: str) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                args: {value: {}}
                run:
                  - set-environment: {A: "<${value}>"}
                  - {command: {exec: 'printf %s "$A"', quiet: true}}
        """
    })  # fmt: skip
    assert p.run("t", "--", value).stdout == f"<{value}>"
    p = project({
        "tasks.yml": """
            tasks:
              t:
                run:
                  - set-environment: {A: '$HOME and `date`'}
                  - {command: {exec: 'printf %s "$A"', quiet: true}}
        """
    })  # fmt: skip
    assert p.run("t").stdout == "$HOME and `date`"


def test_a_name_may_be_a_value(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                args: {who: {}}
                run:
                  - set-environment: {"${who}_PORT": "8080"}
                  - 'echo "${API_PORT-none} ${WEB_PORT-none}"'
        """
    })  # fmt: skip
    assert p.run("-q", "t", "API").stdout == "8080 none\n"
    for word in ("", "A=B", "a b", "1"):
        result = p.run("t", "--", word)
        assert "Traceback" not in result.stderr
        if word == "A=B":
            assert result.code != 0
            assert "A=B_PORT" in result.stderr


def test_it_outlives_the_task_that_is_called(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                run:
                  - set-environment: {A: outer}
                  - task: shows
                  - task: sets
                  - task: shows
                  - 'echo "$A"'
              sets: {private: true, run: {set-environment: {A: inner}}}
              shows: {run: 'echo "called $A"'}
        """
    })  # fmt: skip
    assert p.run("-q", "t").stdout == "called outer\ncalled inner\ninner\n"


def test_it_does_not_reach_what_was_worked_out_before(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                run:
                  - set-environment: {A: set}
                  - task: shows
              shows:
                options: {a: {environment: A, default: none}}
                run: 'echo "${a} $A"'
        """
    })  # fmt: skip
    assert p.run("-q", "t").stdout == "none set\n"


def test_it_wins_over_env_of_the_task_and_ends_with_the_task_for_others(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                env: {A: task}
                run: ['echo "$A"', {set-environment: {A: set}}, 'echo "$A"', {set-environment: {A: }}, 'echo "${A-unset}"']
              u: {run: 'echo "${A-unset}"'}
        """
    })  # fmt: skip
    assert p.run("-q", "-j1", "t", "u").stdout == "task\nset\nunset\nunset\n"


def test_one_that_is_passed_over_sets_nothing(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                run:
                  - {when: {exists: nothing}, set-environment: {A: late}}
                  - {when: {os: plan9}, set-environment: {A: early}}
                  - 'echo "${A-unset}"'
        """
    })  # fmt: skip
    assert p.run("t") == Result("unset\n", 't $ echo "${A-unset}"\n', 0)


def test_a_program_is_found_on_the_path_that_was_set(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {options: {home: {environment: PWD}}, run: [{set-environment: {PATH: "${home}/bin"}}, mine]}
        """
    })  # fmt: skip
    p.script("bin/mine", "#!/bin/sh\necho mine\n")
    assert p.run("-q", "t", env={"PWD": p.root}).stdout == "mine\n"


def test_a_retry_begins_with_the_variables_of_the_first_try(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                retries: 1
                run: ['echo "${A-unset}"', {set-environment: {A: set}}, '[ -e again ] || { touch again; exit 1; }']
        """
    })  # fmt: skip
    result = p.run("-q", "t")
    assert (result.stdout, result.code) == ("unset\nunset\n", 0)


def test_it_is_part_of_the_key(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                options: {a: {default: one}}
                source: [in]
                target: out
                run: [{set-environment: {A: "${a}"}}, 'echo "$A" | tee out']
        """,
        "in": "",
    })  # fmt: skip
    assert p.run("t").stdout == "one\n"
    assert p.run("t").stdout == ""
    assert p.run("t", "--a=two").stdout == "two\n"


def test_wrong_forms_are_faults_of_the_file(project: MakeProject) -> None:
    for wrong in ("[A=b]", "A=b", "{A: [b]}", "{A: {b: c}}"):
        for file in ("tasks.yml", "tusk.yml"):
            p = project({file: f"tasks: {{t: {{run: [touch ran, {{set-environment: {wrong}}}]}}}}\n"})
            result = p.run("t")
            assert (result.stdout, result.code) == ("", 2)
            assert result.stderr.startswith(f"pyrun: {file}:1:")
            assert not p.exists("ran")
