"""The forms of `run`, and what a command finds: folder, variables, stdin."""

import json
import os

import pytest

from tests.features.conftest import MakeProject, Result


def test_a_text_a_list_and_maps_are_commands_in_order(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              text: {run: echo one}
              list: {run: [echo one, echo two]}
              maps:
                run:
                  - echo one
                  - command: echo two
                  - command: {exec: echo three}
                  - command: [echo four, {exec: echo five, quiet: true}]
              nested: {run: [[echo one, echo two], echo three]}
              map: {run: {command: echo one}}
        """
    })  # fmt: skip
    assert p.run("text") == Result("one\n", "text $ echo one\n", 0)
    assert p.run("list") == Result("one\ntwo\n", "list $ echo one\nlist $ echo two\n", 0)
    assert p.run("maps") == Result(
        "one\ntwo\nthree\nfour\nfive\n",
        "".join(f"maps $ echo {word}\n" for word in ("one", "two", "three", "four")),
        0,
    )
    assert p.run("nested").stdout == "one\ntwo\nthree\n"
    assert p.run("map") == Result("one\n", "map $ echo one\n", 0)


def test_print_is_told_instead_of_the_script_and_quiet_tells_nothing(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                args: {who: {}}
                run:
                  - command: {exec: 'echo ${who}', print: "greet ${who}"}
                  - command: {exec: echo quiet, quiet: true}
                  - command: {exec: echo both, print: never, quiet: yes}
        """
    })  # fmt: skip
    assert p.run("t", "a b") == Result("a b\nquiet\nboth\n", "t 'a b' $ greet a b\n", 0)


def test_each_command_is_a_shell_of_its_own(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {run: [cd /, VAR=x, 'echo [$VAR]', pwd]}}\n"})
    assert p.run("-q", "t") == Result("[]\n@ROOT@\n", "", 0)


def test_a_script_of_many_lines_is_one_shell(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                run: |
                  cd /
                  VAR=x

                  if true; then
                    echo [$VAR]
                  fi
                  cat <<EOF
                    here
                  EOF
                  pwd
        """
    })  # fmt: skip
    told = "t $ cd /\n    VAR=x\n    \n    if true; then\n      echo [$VAR]\n    fi\n"
    told += "    cat <<EOF\n      here\n    EOF\n    pwd\n"
    assert p.run("t") == Result("[x]\n  here\n/\n", told, 0)


def test_dir_is_relative_to_the_file_and_a_commands_own_wins(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                args: {sub: {default: b}}
                dir: a/./${sub}/../${sub}
                run:
                  - pwd
                  - command: {exec: pwd, dir: "${sub}"}
                  - command: {exec: pwd, dir: /}
                  - command: {exec: pwd, dir: .}
                  - command: {exec: pwd, dir: ..}
        """,
        "a/b/x": "", "b/x": "",
    })  # fmt: skip
    top = os.path.dirname(p.root)
    expected = f"@ROOT@/a/b\n@ROOT@/b\n/\n@ROOT@\n{top}\n"
    assert p.run("-q", "t", cwd="a") == Result(expected, "", 0)


def test_a_folder_that_is_not_there_is_told_with_its_place(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks:\n  t: {dir: no, run: touch ran}\n"})
    result = p.run("-q", "t")
    assert (result.stdout, result.code) == ("", 1)
    assert "the working folder `@ROOT@/no` can't be entered: No such file or directory" in result.stderr
    assert result.stderr.startswith("pyrun: tasks.yml:2:")


def test_pwd_is_the_commands_folder(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "tasks: {t: {dir: a, run: {command: {exec: env | grep ^PWD=, quiet: true}}}}\n",
            "a/x": "",
        }
    )
    assert p.run("t", env={"PWD": p.root}) == Result("PWD=@ROOT@/a\n", "", 0)


def test_env_sets_variables_and_fills_in_those_of_the_caller(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t:
                args: {who: {}}
                env:
                  ONE: one
                  NUMBER: 010
                  MINE: "${who}: $HOME ${CALLER} ${UNSET} $$"
                  CALLER: changed
                  PATH: "@ROOT@/tools:${PATH}"
                run: {command: {exec: 'echo "$ONE $NUMBER $MINE $CALLER $OTHER"; tool', quiet: true}}
        """
    })  # fmt: skip
    p.write("tasks.yml", p.read("tasks.yml").replace("@ROOT@", p.root))
    p.script("tools/tool", "#!/bin/sh\necho tool\n")
    result = p.run("t", "a'b", env={"CALLER": "caller", "OTHER": "other"})
    assert result == Result("one 010 a'b: $HOME caller  $ changed other\ntool\n", "", 0)


def test_the_interpreter_is_what_runs_scripts(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            interpreter: bash -e -c
            tasks:
              t: {run: {command: {exec: 'a=(1 2); echo ${#a[@]}; false; echo never', quiet: true}}}
        """
    })  # fmt: skip
    result = p.run("t")
    assert (result.stdout, result.code) == ("2\n", 1)


def test_an_interpreter_that_is_no_shell_gets_plain_values_and_variables(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            interpreter: python3 -c
            tasks:
              t:
                args: {who: {}}
                run: {command: {exec: "import os; print('${who}')", quiet: true}}
              v:
                args: {who: {}}
                run: {command: {exec: "import os; print(os.environ['who'])", quiet: true}}
        """
    })  # fmt: skip
    assert p.run("t", "ann") == Result("ann\n", "", 0)
    result = p.run("t", "'); open('pwned', 'w'); print('")
    assert (result.stdout, result.code) == ("", 2)
    assert p.files() == ["tasks.yml"]
    assert p.run("v", "a'b") == Result("a'b\n", "", 0)


def test_stdin_belongs_to_the_one_asked_for_task(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              read: {run: {command: {exec: cat, quiet: true}}}
              two: {run: [head -c 2, cat]}
              kept: {source: [tasks.yml], run: {command: {exec: cat, quiet: true}}}
              after: {deps: [read], run: {command: {exec: cat, quiet: true}}}
        """
    })  # fmt: skip
    for jobs in ("-j1", "-j4"):
        assert p.run(jobs, "read", stdin="hello") == Result("hello", "", 0)
        assert p.run(jobs, "kept", "--force", stdin="hello") == Result("hello", "", 0)
        assert p.run(jobs, "after", stdin="hello") == Result("hello", "", 0)
    assert p.run("-q", "read", "after", stdin="hello") == Result("", "", 0)


def test_deps_and_tasks_side_by_side_read_nothing(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {deps: [b, c], run: {command: {exec: readlink /proc/self/fd/0, quiet: true}}}
              b: {run: {command: {exec: readlink /proc/self/fd/0, quiet: true}}}
              c: {run: {command: {exec: readlink /proc/self/fd/0, quiet: true}}}
        """
    })  # fmt: skip
    result = p.run("b", "c", stdin="x")
    assert result == Result("/dev/null\n/dev/null\n", "", 0)
    lines = p.run("-j1", "a", stdin="x").stdout.splitlines()
    assert lines[:2] == ["/dev/null", "/dev/null"]
    assert lines[2] != "/dev/null"


def test_no_descriptor_of_pyrun_gets_into_a_command_but_the_one_by_which_it_is_found(
    project: MakeProject,
) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              one: {run: {command: {exec: ls /proc/self/fd, quiet: true}}}
              kept: {source: [tasks.yml], run: {command: {exec: ls -l /proc/self/fd, quiet: true}}}
              a: {run: {command: {exec: ls /proc/self/fd > a, quiet: true}}}
              b: {run: {command: {exec: ls /proc/self/fd > b, quiet: true}}}
              both: {deps: [a, b]}
        """
    })  # fmt: skip
    assert p.run("one").stdout.split() == ["0", "1", "2", "3"]
    assert p.run("-j2", "both") == Result("", "", 0)
    assert p.lines("a") == p.lines("b") == ["0", "1", "2", "3"]
    # Where something is kept, the next run must find what a killed one has started.
    shown = [line.split(" ")[-3:] for line in p.run("kept").stdout.splitlines() if " -> " in line]
    assert sorted(number for number, _, _ in shown)[:4] == ["0", "1", "100", "2"]
    (name,) = [path for number, _, path in shown if number == "100"]
    assert name.startswith("@ROOT@/.pyrun/runs/")
    assert len(shown) == 5


def test_signals_are_as_a_program_expects_them(project: MakeProject) -> None:
    show = "grep -E '^Sig(Blk|Ign)' /proc/self/status"
    p = project({
        "tasks.yml": f"""
            tasks:
              one: {{run: {{command: {{exec: "{show}", quiet: true}}}}}}
              kept: {{source: [tasks.yml], run: {{command: {{exec: "{show}", quiet: true}}}}}}
              many: {{run: [":", ":", ":", ":", ":", {{command: {{exec: "{show}", quiet: true}}}}], quiet: true}}
        """
    })  # fmt: skip
    # Two that the C library keeps to itself: no program can name them.
    own = 1 << 31 | 1 << 32
    for task in ("one", "kept", "many"):
        result = p.run(task)
        assert (result.stderr, result.code) == ("", 0)
        names, masks = zip(*(line.split(":\t") for line in result.stdout.splitlines()), strict=True)
        assert names == ("SigBlk", "SigIgn")
        assert [int(mask, 16) & ~own for mask in masks] == [0, 0]


def test_a_script_too_long_for_a_word_runs_all_the_same(project: MakeProject) -> None:
    long = "x" * 200_000
    p = project({
        "tasks.yml": f"""
            tasks:
              t: {{run: "printf '%s' {long} | wc -c"}}
              kept: {{source: [tasks.yml], run: "echo $0; : {long}"}}
              waits: {{run: "read line; echo got $line; : {long}"}}
        """
    })  # fmt: skip
    assert p.run("-q", "t") == Result("200000\n", "", 0)
    assert p.run("-q", "kept") == Result("sh\n", "", 0)
    assert p.run("-q", "waits", stdin="it\n") == Result("got it\n", "", 0)


@pytest.mark.parametrize("interpreter", ["python3 -c", "bash -eu -c", "node -e"])
def test_a_script_too_long_for_a_word_of_another_interpreter(project: MakeProject, interpreter: str) -> None:
    script = {
        "python3 -c": "print(len('{}'))",
        "bash -eu -c": "x={}; echo ${{#x}}",
        "node -e": "console.log('{}'.length)",
    }
    text = script[interpreter].format("x" * 200_000)
    p = project({"tasks.yml": f'interpreter: {interpreter}\ntasks: {{t: {{run: "{text}"}}}}\n'})
    assert p.run("-q", "t", memory=None) == Result("200000\n", "", 0)


def test_words_are_split_as_the_shell_does(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "tasks: {t: {run: {command: {exec: \"printf '<%s>' a  'b  c' \\\"d\\\"\", quiet: true}}}}\n"
        }
    )
    assert p.run("t") == Result("<a><b  c><d>", "", 0)


def test_a_yaml_anchor_serves_two_tasks(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: &base {run: &script echo same, env: {A: a}}
              b: {run: *script}
              c: {<<: *base, env: {A: c}}
        """
    })  # fmt: skip
    for task in ("a", "b", "c"):
        assert p.run("-q", task) == Result("same\n", "", 0)


def test_json_is_yaml(project: MakeProject) -> None:
    p = project({"tasks.yml": json.dumps({"tasks": {"t": {"run": ["echo 1", "echo 2"]}}})})
    assert p.run("-q", "t") == Result("1\n2\n", "", 0)
