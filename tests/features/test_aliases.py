"""Other names of a task: for the command line, calls, help and completion."""

from tests.features.conftest import MakeProject, Result

FILE = """
    include: {api: api}
    tasks:
      build: {aliases: [b, compile], usage: Build it, args: {x: {default: "1"}}, run: {command: {exec: 'echo built ${x}', quiet: true}}}
      all: {deps: ["b 2"], run: {task: compile}}
"""
API = "tasks: {serve: {aliases: s, run: {command: {exec: echo serves, quiet: true}}}, t: {run: {task: s}}}\n"


def test_a_task_goes_by_its_other_names(project: MakeProject) -> None:
    p = project({"tasks.yml": FILE, "api/tasks.yml": API})
    for name in ("build", "b", "compile"):
        assert p.run(name, "3") == Result("built 3\n", "", 0)
    assert p.run("all") == Result("built 2\nbuilt 1\n", "", 0)
    assert p.run("api:s") == Result("serves\n", "", 0)
    assert p.run("api:t") == Result("serves\n", "", 0)
    assert p.run("s", cwd="api") == Result("serves\n", "", 0)


def test_help_and_completion_know_them_and_the_list_shows_each_task_once(project: MakeProject) -> None:
    p = project({"tasks.yml": FILE, "api/tasks.yml": API})
    assert p.run("b", "--help").stdout == (
        "usage: pyrun build [x]\n\nBuild it\n\nalso called: b, compile\n\nargs:\n  x  (default: 1)\n"
    )
    assert [line.split()[0] for line in p.run("--list").stdout.splitlines()] == [
        "build", "all", "api:serve", "api:t", "serve", "t",
    ]  # fmt: skip
    offered = p.run("--pyrun-complete=fish", "").stdout.splitlines()[1:]
    assert [row.split("\t")[0] for row in offered] == [
        "build", "b", "compile", "all", "api:serve", "api:s", "api:t", "serve", "t",
    ]  # fmt: skip


def test_an_alias_that_is_another_name_already_is_refused(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {a: {aliases: [b, c]}, b: {}, d: {aliases: c}}\n"})
    result = p.run("a")
    assert (result.stdout, result.code) == ("", 2)
    assert "the alias `b` of `a` is the name of a task already" in result.stderr
    assert "the alias `c` of `d` is another name of `a` already" in result.stderr
