"""A task as one script: what a shell makes of it is what pyrun would do step by step."""

import os
import shutil
import subprocess
import textwrap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.config.decode import decode
from runner.errors import PlanError
from runner.plan.action import Plan
from runner.plan.bind import Binder, Draft
from runner.plan.calls import find_task
from runner.plan.resolve import make_plan
from runner.plan.run_script import LONGEST, run_script
from tests.fakes.memory_facts import MemoryFacts

SHELLS = [words for words in (("dash",), ("bash",), ("busybox", "sh")) if shutil.which(words[0])]
CONTAINER = "containers: {c: {from: 'busybox:1.36', env: {OWN: container}}}\ncontainer: c\n"


def plan_of(text: str, *words: str) -> Plan:
    """The plan for the task `t`."""
    project, facts = decode((CONTAINER + textwrap.dedent(text)).encode(), "tasks.yml"), MemoryFacts()
    binder = Binder(project, facts)
    draft = Draft(find_task(project, "t", None), None)
    draft.args += words
    return make_plan(project, binder.bind(draft), binder, facts)


def script(text: str, *words: str) -> str:
    plan = plan_of(text, *words)
    actions = {action.id: action for action in plan.actions}
    return run_script(actions[plan.asked[0]], actions, {"OWN": "container"})


def ran(
    text: str, folder: "os.PathLike[str]", shell: tuple[str, ...] = ("sh",), **variables: str
) -> tuple[str, int]:
    """What a script writes, and its exit status."""
    done = subprocess.run(
        [*shell, "-c", text],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "OWN": "container", **variables},
        capture_output=True,
        check=False,
    )
    return (done.stdout + done.stderr).decode("utf-8", "surrogateescape"), done.returncode


@pytest.fixture(params=SHELLS, ids=lambda words: words[0])
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    found: tuple[str, ...] = request.param
    return found


def test_each_command_is_a_process_of_its_own_and_a_failure_ends_all(
    tmp_path: "os.PathLike[str]", shell: tuple[str, ...]
) -> None:
    text = script("tasks: {t: {run: ['x=1; echo ${x:-}', 'echo [${x:-}]', 'echo one; exit 7', echo never]}}")
    assert ran(text, tmp_path, shell) == ("1\n[]\none\n", 7)


def test_a_small_task_reads_as_it_is(tmp_path: "os.PathLike[str]") -> None:
    text = script("tasks: {t: {env: {A: 'b c'}, target: out/x, run: 'echo \"$A\" > out/x'}}")
    assert text.split("\n")[:5] == [
        "# t",
        "mkdir -p out || exit",
        "export A='b c'",
        "sh -c 'echo \"$A\" > out/x' || exit",
        "[ -e out/x ] || { echo 't left no out/x' >&2; exit 1; }",
    ]
    assert ran(text, tmp_path) == ("", 0)
    with open(f"{os.fspath(tmp_path)}/out/x") as file:
        assert file.read() == "b c\n"


def test_finally_comes_whatever_came_before_and_the_first_failure_counts(
    tmp_path: "os.PathLike[str]", shell: tuple[str, ...]
) -> None:
    for run, last, expected in (
        ("echo a", "echo z", ("a\nz\n", 0)),
        ("echo a; exit 3", "echo z", ("a\nz\n", 3)),
        ("echo a", "echo z; exit 4", ("a\nz\n", 4)),
        ("echo a; exit 3", "echo z; exit 4", ("a\nz\n", 3)),
    ):
        text = script(f"tasks: {{t: {{run: ['{run}', {{command: 'echo b'}}], finally: ['{last}']}}}}")
        (told, status) = expected
        if "exit" not in run:
            told = told.replace("a\n", "a\nb\n")
        assert ran(text, tmp_path, shell) == (told, status)


def test_set_environment_counts_from_there_on_and_wins(
    tmp_path: "os.PathLike[str]", shell: tuple[str, ...]
) -> None:
    text = script(
        """
        tasks:
          t:
            env: {A: task, B: task}
            run:
              - echo $A $B $OWN
              - set-environment: {A: "it's \\"set\\" $(x)\\nline", B: null}
              - echo "$A [${B-none}]"
            finally: echo "$A"
        """
    )
    assert ran(text, tmp_path, shell) == (
        'task task container\nit\'s "set" $(x)\nline [none]\nit\'s "set" $(x)\nline\n',
        0,
    )


def test_conditions_are_asked_at_their_turn(tmp_path: "os.PathLike[str]", shell: tuple[str, ...]) -> None:
    text = script(
        """
        tasks:
          t:
            run:
              - {when: {exists: made}, command: echo too early}
              - touch made
              - {when: {exists: made}, command: echo exists}
              - {when: {not-exists: made}, command: echo never}
              - {when: {environment: {MODE: fast}}, command: echo fast}
              - {when: {environment: {MODE: null}}, command: echo unset}
              - {when: {command: test -e made}, command: echo asked}
              - {when: [{command: "exit 1"}, {exists: made}], command: echo not both}
              - {when: {command: ["exit 1", "exit 0"]}, command: echo any}
              - set-environment: {MODE: fast}
              - {when: {environment: {MODE: fast}}, command: echo fast now}
        """
    )
    assert ran(text, tmp_path, shell) == ("exists\nunset\nasked\nany\nfast now\n", 0)
    os.unlink(f"{os.fspath(tmp_path)}/made")
    assert ran(text, tmp_path, shell, MODE="fast") == ("exists\nfast\nasked\nany\nfast now\n", 0)


def test_parts_have_variables_of_their_own_and_a_finally_of_their_own(
    tmp_path: "os.PathLike[str]", shell: tuple[str, ...]
) -> None:
    text = script(
        """
        tasks:
          part: {env: {A: part}, run: ['echo in $A $B', 'exit ${CODE:-0}'], finally: 'echo end of part'}
          t:
            source: []
            env: {A: whole}
            run: [{set-environment: {B: set}}, {task: part}, 'echo after $A $B']
            finally: echo end $A
        """
    )
    assert ran(text, tmp_path, shell) == ("in part set\nend of part\nafter whole set\nend whole\n", 0)
    assert ran(text, tmp_path, shell, CODE="9") == ("in part set\nend of part\nend whole\n", 9)


def test_called_tasks_get_what_was_set_and_none_of_the_callers_own(
    tmp_path: "os.PathLike[str]", shell: tuple[str, ...]
) -> None:
    text = script(
        """
        tasks:
          other: {dir: sub, target: sub/made, env: {C: other}, run: 'echo ${A-none} $B $C; pwd -P | grep -o sub; echo x > made'}
          t:
            env: {A: caller}
            run: [{set-environment: {B: set}}, {task: other}, 'echo $A $B ${C-none}', cat sub/made]
        """
    )
    assert ran(text, tmp_path, shell) == ("none set other\nsub\ncaller set none\nx\n", 0)


def test_a_task_is_tried_again_with_nothing_left_of_what_was_set(
    tmp_path: "os.PathLike[str]", shell: tuple[str, ...]
) -> None:
    text = script(
        """
        tasks:
          t:
            retries: 1
            run:
              - echo ${A-none}
              - set-environment: {A: set}
              - 'echo x >> tries; test $(wc -l < tries) -ge ${N:-2} || exit 5'
            finally: echo end ${A-none}
        """
    )
    assert ran(text, tmp_path, shell) == ("none\nnone\nend set\n", 0)
    os.unlink(f"{os.fspath(tmp_path)}/tries")
    assert ran(text, tmp_path, shell, N="9") == ("none\nnone\nend set\n", 5)


def test_interpreters_and_folders_are_the_tasks_own(tmp_path: "os.PathLike[str]") -> None:
    text = script(
        "interpreter: python3 -c\ntasks: {t: {dir: a/b, run: 'import os; print(os.getcwd()[-4:])'}}"
    )
    assert ran(text, tmp_path) == ("/a/b\n", 0)


def test_what_is_made_gets_its_lasting_form(tmp_path: "os.PathLike[str]", shell: tuple[str, ...]) -> None:
    text = script(
        """
        tasks:
          t:
            target: [out/, bin/x]
            run:
              - mkdir -m 700 -p out/a/b out/empty/more && echo 1 > out/a/b/f && ln -s f out/a/b/link
              - echo 2 > out/x && chmod 775 out/x && echo 3 > bin/x && chmod 600 bin/x out/a/b/f
        """
    )
    assert ran(text, tmp_path, shell) == ("", 0)
    top = os.fspath(tmp_path)
    found = {
        os.path.relpath(os.path.join(folder, name), top): os.lstat(os.path.join(folder, name)).st_mode
        & 0o7777
        for folder, folders, files in os.walk(top)
        for name in (*folders, *files)
        if not os.path.islink(os.path.join(folder, name))
    }
    assert found == {
        "bin": found["bin"], "bin/x": 0o644, "out": 0o755, "out/a": 0o755, "out/a/b": 0o755,
        "out/a/b/f": 0o644, "out/x": 0o755,
    }  # fmt: skip
    assert os.readlink(f"{top}/out/a/b/link") == "f"


def test_a_target_that_is_not_made_is_a_failure(tmp_path: "os.PathLike[str]") -> None:
    text = script("tasks: {t: {target: out/x, run: 'true'}}")
    assert ran(text, tmp_path) == ("t left no out/x\n", 1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60))
def test_any_value_goes_through_unchanged(tmp_path: "os.PathLike[str]", value: str) -> None:
    text = script(
        """
        tasks:
          t:
            args: {v: {usage: any}}
            env: {E: "${v}"}
            run:
              - printf '%s|' ${v} "${v}" "$E"
              - set-environment: {S: "${v}"}
              - printf '%s' "$S"
        """,
        value,
    )
    assert ran(text, tmp_path, SHELLS[0]) == (f"{value}|{value}|{value}|{value}", 0)


def refused(text: str) -> str:
    with pytest.raises(PlanError) as caught:
        script(text)
    return caught.value.message


def test_what_no_script_can_do_is_refused() -> None:
    assert refused("tasks: {t: {run: [{command: {exec: ls, pty: true}}]}}") == (
        "`t` has a command with a terminal of its own, and a `RUN` has none"
    )
    assert refused("tasks: {t: {run: [{set-environment: {UID: x}}]}}") == (
        "`UID` is no variable that a shell could set, and a `RUN` is a script of one"
    )
    assert refused(f"tasks: {{t: {{run: 'echo {'x' * LONGEST}'}}}}").endswith(f"one `RUN` takes {LONGEST}")
    assert refused("tasks: {s: {persistent: true, run: sleep 1}, t: {run: [{task: s}]}}") == (
        "`t` calls `s`, which is a server: a `RUN` can't do that"
    )


def test_a_variable_that_no_shell_knows_is_set_all_the_same(tmp_path: "os.PathLike[str]") -> None:
    text = script("tasks: {t: {env: {UID: 'x y'}, run: 'env | grep ^UID'}}")
    assert ran(text, tmp_path) == ("UID=x y\n", 0)


def test_secrets_are_read_where_they_are_mounted(tmp_path: "os.PathLike[str]") -> None:
    text = script(
        "tasks: {t: {secrets: [TOKEN, {name: FILE, file: x}, {name: AT, file: x, to: sub/y}], run: 'echo $TOKEN'}}"
    )
    assert text.split("\n") == [
        "# t",
        'TOKEN="$(cat /run/secrets/TOKEN && echo .)" || exit',
        'export TOKEN="${TOKEN%.}"',
        'FILE="$(cat /run/secrets/FILE)" || exit',
        "export FILE",
        "export AT='/src/sub/y'",
        "sh -c 'echo $TOKEN' || exit",
    ]
    here = text.replace("/run/secrets", os.fspath(tmp_path))
    for name in ("TOKEN", "FILE"):
        with open(f"{os.fspath(tmp_path)}/{name}", "w") as file:
            file.write("one\ntwo\n\n")
    shown = here.replace("echo $TOKEN", 'printf "[%s]" "$TOKEN" "$FILE"')
    assert ran(shown, tmp_path) == ("[one\ntwo\n\n][one\ntwo]", 0)
