"""Options at the top level: which tasks have them, when they are worked out, and whose value holds."""

import pytest

from tests.features.conftest import MakeProject, Result

DIALECTS = pytest.mark.parametrize("file", ["tasks.yml", "tusk.yml"])


@DIALECTS
@pytest.mark.parametrize(
    "task",
    [
        "{run: 'echo ${shared}'}",
        "{run: {command: {exec: 'echo given', dir: '${shared}'}}}",
        "{run: {command: {exec: 'echo given', print: '${shared}'}}}",
        "{run: {when: {equal: {shared: given}}, command: echo given}}",
        "{run: {when: {not-equal: {shared: default}}, command: echo given}}",
        "{run: [{when: shared, command: echo no}, echo given]}",
        "{run: {when: {command: 'test ${shared} = given'}, command: echo given}}",
        "{run: {when: {exists: '${shared}'}, command: echo given}}",
        "{run: [{set-environment: {A: '${shared}'}}, 'echo $A']}",
        "{run: {task: {name: say, args: ['${shared}']}}}",
        "{run: {task: {name: say, args: [given], options: {other: '${shared}'}}}}",
        "{run: [], finally: 'echo ${shared}'}",
        "{options: {own: {default: '${shared}'}}, run: 'echo ${own}'}",
        "{options: {own: {default: [{when: {equal: {shared: given}}, value: given}]}}, run: 'echo ${own}'}",
        "{run: 'echo ${through}'}",
        "{usage: 'Says ${shared}', run: echo given}",
    ],
)
def test_a_task_that_mentions_it_has_it_as_a_flag(project: MakeProject, file: str, task: str) -> None:
    p = project({
        file: f"""
            options:
              shared: {{default: default}}
              through: {{default: "${{shared}}"}}
            tasks:
              t: {task}
              say: {{args: {{what: {{}}}}, options: {{other: {{}}}}, run: 'echo ${{what}}'}}
        """,
        "given/x": "", "default/x": "",
    })  # fmt: skip
    result = p.run("-q", "t", "--shared=given")
    assert result == Result("given\n", "", 0)
    assert "--shared" in p.run("t", "--help").stdout


@DIALECTS
def test_one_that_does_not_mention_it_neither_has_it_nor_works_it_out(
    project: MakeProject, file: str
) -> None:
    p = project({
        file: """
            options:
              made: {default: {command: 'echo ran >> log; exit 1'}}
              must: {required: true}
            tasks:
              t: {run: echo t}
              u: {run: {task: v}}
              v: {run: 'echo ${made}'}
        """
    })  # fmt: skip
    assert p.run("-q", "t") == Result("t\n", "", 0)
    assert not p.exists("log")
    result = p.run("t", "--made=x")
    assert (result.stdout, result.code) == ("", 2)
    result = p.run("u", "--made=x")
    assert (result.stdout, result.code) == ("", 2), "only what it calls mentions it"
    assert p.run("u").code == 1
    assert p.lines("log") == ["ran"]


@DIALECTS
def test_its_command_runs_once_a_run_and_its_flag_holds_for_all_that_is_called(
    project: MakeProject, file: str
) -> None:
    p = project({
        file: """
            options: {made: {environment: MADE, default: {command: 'echo ran >> log; echo made'}}}
            tasks:
              t: {run: [{task: u}, 'echo t ${made}', {task: [u, u]}]}
              u: {run: 'echo u ${made}'}
        """
    })  # fmt: skip
    assert p.run("-q", "t") == Result("u made\nt made\nu made\nu made\n", "", 0)
    assert p.lines("log") == ["ran"]
    assert p.run("-q", "t", "--made=given") == Result("u given\nt given\nu given\nu given\n", "", 0)
    assert p.run("-q", "t", env={"MADE": "v"}) == Result("u v\nt v\nu v\nu v\n", "", 0)
    assert p.lines("log") == ["ran"]


def test_it_holds_for_deps_and_all_that_is_asked_for(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            options: {level: {default: "1"}}
            tasks:
              t: {deps: [d], run: 'echo t ${level}'}
              d: {run: 'echo d ${level}'}
              u: {run: 'echo u ${level}'}
        """
    })  # fmt: skip
    assert p.run("-q", "-j1", "t", "--level=2") == Result("d 2\nt 2\n", "", 0)
    result = p.run("-q", "-j1", "t", "--level=2", "u")
    assert sorted(result.stdout.splitlines()) == ["d 2", "t 2", "u 2"]


@DIALECTS
def test_an_own_one_of_that_name_hides_it_but_not_below(project: MakeProject, file: str) -> None:
    p = project({
        file: """
            options: {env: {default: shared}}
            tasks:
              t: {options: {env: {default: own}}, run: ['echo t ${env}', {task: u}]}
              u: {run: 'echo u ${env}'}
              v: {args: {env: {}}, run: ['echo v ${env}', {task: u}]}
        """
    })  # fmt: skip
    assert p.run("-q", "t") == Result("t own\nu shared\n", "", 0)
    assert p.run("-q", "t", "--env", "given") == Result("t given\nu shared\n", "", 0)
    assert p.run("-q", "v", "word") == Result("v word\nu shared\n", "", 0)


@DIALECTS
def test_it_can_t_be_passed_by_a_call(project: MakeProject, file: str) -> None:
    p = project({
        file: """
            options: {level: {default: "1"}}
            tasks:
              t: {run: [touch ran, {task: {name: u, options: {level: "2"}}}]}
              u: {run: 'echo ${level}'}
        """
    })  # fmt: skip
    result = p.run("t")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.startswith(f"pyrun: {file}:3:")
    assert not p.exists("ran")


@DIALECTS
def test_it_sees_those_above_it(project: MakeProject, file: str) -> None:
    p = project({
        file: """
            options:
              host: {default: example.org}
              secure: {type: bool}
              url: {default: [{when: secure, value: "https://${host}"}, "http://${host}"]}
            tasks: {t: {run: 'echo ${url}'}}
        """
    })  # fmt: skip
    assert p.run("-q", "t") == Result("http://example.org\n", "", 0)
    assert p.run("-q", "t", "--secure", "--host=localhost") == Result("https://localhost\n", "", 0)


def test_what_must_be_given_and_what_is_private(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            options:
              must: {required: true, environment: MUST, values: [a, b]}
              hidden: {private: true, default: {command: echo made}}
            tasks:
              t: {run: 'echo ${must} ${hidden}'}
        """
    })  # fmt: skip
    assert p.run("-q", "t", "--must=a") == Result("a made\n", "", 0)
    assert p.run("-q", "t", env={"MUST": "b"}) == Result("b made\n", "", 0)
    for words in ([], ["--must=c"], ["--must=a", "--hidden=x"]):
        result = p.run("t", *words)
        assert (result.stdout, result.code) == ("", 2)
    shown = p.run("t", "--help").stdout
    assert "--must" in shown
    assert "--hidden" not in shown


def test_a_task_may_take_one_by_name(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            args: {service: {values: [api, web]}}
            options: {level: {default: "1", short: l}}
            tasks:
              t: {args: [service], options: [level], run: 'echo ${service} ${level}'}
        """
    })  # fmt: skip
    assert p.run("-q", "t", "api", "-l", "2") == Result("api 2\n", "", 0)
    assert p.run("-q", "t", "web") == Result("web 1\n", "", 0)


def test_its_value_is_part_of_the_key(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            options: {level: {default: "1"}}
            tasks: {t: {source: [in], target: out, run: 'echo ${level} | tee out'}}
        """,
        "in": "",
    })  # fmt: skip
    assert p.run("-q", "t").stdout == "1\n"
    assert p.run("-q", "t").stdout == ""
    assert p.run("-q", "t", "--level=2").stdout == "2\n"
