"""`--why`: all that changed since the last success by kind, why a result is up to date, and nothing done."""

import os
import re
import subprocess

import pytest

from tests.features.conftest import MakeProject, Project, Result

TASKS = """
    tasks:
      lib:
        source: [lib/*]
        target: lib.out
        run: cat lib/* > lib.out
      app:
        deps: [lib]
        source: [app.txt]
        target: app.out
        env: {MODE: fast}
        pass-env: [TOKEN]
        run: cat app.txt lib.out > app.out
"""
FILES = {"tasks.yml": TASKS, "lib/a": "a\n", "lib/b": "b\n", "app.txt": "app\n"}
FRESH = """\
app: up to date (1 source, 1 dep and app.out as in the last run)
  made on the host on TIME
  lib: up to date (2 sources and lib.out as in the last run)
    made on the host on TIME
"""
LIB = """\
  lib: up to date (2 sources and lib.out as in the last run)
    made on the host on TIME
"""


def why(p: Project, *words: str, env: dict[str, str] | None = None) -> str:
    """What `--why` says, moments left out; it changes no file, so the same is said again."""
    before = {name: p.read(name) for name in [*p.files(), *state(p)]}
    result = p.run(*words, "--why", env=env)
    assert (result.stderr, result.code) == ("", 0), result
    assert {name: p.read(name) for name in [*p.files(), *state(p)]} == before
    return re.sub(r"\d{4}-\d\d-\d\d at \d\d:\d\d:\d\d", "TIME", result.stdout)


def state(p: Project) -> list[str]:
    """The files of pyrun's own state in the project."""
    return [
        os.path.relpath(os.path.join(folder, name), p.root)
        for folder, _, names in os.walk(p.path(".pyrun"))
        for name in names
    ]


@pytest.fixture
def p(project: MakeProject) -> Project:
    made = project(FILES)
    assert made.run("app", "-q") == Result("", "", 0)
    return made


def test_what_never_ran_says_so(project: MakeProject) -> None:
    p = project(FILES)
    assert why(p, "app") == (
        "app: is decided when `lib` is done; it has not run here yet\n"
        "  lib: would run, because it has not run here yet\n"
    )
    assert not p.exists(".pyrun")
    assert p.files() == sorted(FILES)


def test_what_is_up_to_date_says_what_it_went_by_and_how_it_was_made(p: Project) -> None:
    assert why(p, "app") == FRESH
    assert p.run("app").stderr == "app: up to date (1 source, 1 dep and app.out as in the last run)\n"


def test_the_moment_is_the_users_own_time(p: Project) -> None:
    times = set()
    for zone in ("UTC0", "XXX-5"):
        found = re.search(r"at (\d\d):", p.run("lib", "--why", env={"TZ": zone}).stdout)
        assert found is not None
        times.add(int(found[1]))
    first, second = sorted(times)
    assert second - first in {5, 19}


def test_all_that_differs_is_told_by_kind(p: Project) -> None:
    p.write("app.txt", "other\n")
    text = (
        p.read("tasks.yml")
        .replace("MODE: fast", "MODE: slow, EXTRA: x")
        .replace("pass-env: [TOKEN]\n    ", "")
    )
    p.write(
        "tasks.yml",
        text.replace("cat app.txt lib.out > app.out", "[cat app.txt > app.out, cat lib.out >> app.out]"),
    )
    p.write("app.out", "tampered\n")
    assert (
        why(p, "app")
        == f"""\
app: would run; since it last succeeded on TIME:
  command 1 changed
  command 2 is new
  variable MODE changed
  variable EXTRA is new
  variable TOKEN is gone
  source app.txt changed
  target app.out changed
{LIB}"""
    )


def test_files_that_are_new_gone_or_executable_are_told_apart(p: Project) -> None:
    p.write("lib/c", "c\n")
    p.remove("lib/b")
    os.chmod(p.path("lib/a"), 0o755)
    p.remove("lib.out")
    assert (
        why(p, "lib")
        == """\
lib: would run; since it last succeeded on TIME:
  executable bit of source lib/a changed
  source lib/c is new
  source lib/b is gone
  target lib.out is gone
"""
    )


def test_values_of_variables_are_never_shown(p: Project) -> None:
    secrets = [f"hidden{number}" for number in range(3)]
    assert p.run("app", "-q", env={"TOKEN": secrets[0]}).code == 0
    told = p.run("app", "--why", env={"TOKEN": secrets[1]}).stdout
    assert "  variable TOKEN changed\n" in told
    p.write("tasks.yml", p.read("tasks.yml").replace("MODE: fast", f"MODE: {secrets[2]}"))
    told += p.run("app", "--why").stdout
    assert not [secret for secret in secrets if secret in told]


def test_a_dep_that_would_run_decides_and_says_why_beneath(p: Project) -> None:
    p.write("lib/a", "other\n")
    assert (
        why(p, "app")
        == """\
app: is decided when `lib` is done; nothing of its own has changed since it last succeeded on TIME
  lib: would run; since it last succeeded on TIME:
    source lib/a changed
"""
    )
    p.write("app.txt", "other\n")
    assert (
        why(p, "app")
        == """\
app: is decided when `lib` is done; since it last succeeded on TIME:
  source app.txt changed
  lib: would run; since it last succeeded on TIME:
    source lib/a changed
"""
    )


def test_a_dep_that_was_made_anew_since_is_what_changed(p: Project) -> None:
    p.write("lib/a", "other\n")
    assert p.run("lib", "-q").code == 0
    assert (
        why(p, "app")
        == """\
app: would run; since it last succeeded on TIME:
  dep lib changed
    lib: up to date (2 sources and lib.out as in the last run)
      made on the host on TIME
"""
    )


def test_each_is_told_once(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              one: {deps: [base], source: [one.txt], run: echo}
              two: {deps: [base], source: [two.txt], run: echo}
              base: {deps: [deep], source: [base.txt], run: echo}
              deep: {source: [deep.txt], run: echo}
            """,
        "one.txt": "", "two.txt": "", "base.txt": "", "deep.txt": "",
    })  # fmt: skip
    assert p.run("one", "two", "-q").code == 0
    p.write("deep.txt", "other")
    assert (
        why(p, "one", "two", "base")
        == """\
one: is decided when `base` is done; since it last succeeded on TIME:
  dep base changed
    base: is decided when `deep` is done; since it last succeeded on TIME:
      dep deep changed
        deep: would run; since it last succeeded on TIME:
          source deep.txt changed
two: is decided when `base` is done; since it last succeeded on TIME:
  dep base changed (see above)
"""
    )


def test_a_dep_more_and_a_dep_less(p: Project) -> None:
    text = p.read("tasks.yml")
    p.write(
        "tasks.yml",
        f"{text}  more: {{source: [more.txt], run: echo}}\n".replace("deps: [lib]", "deps: [more]"),
    )
    p.write("more.txt", "")
    assert (
        why(p, "app")
        == """\
app: is decided when `more` is done; since it last succeeded on TIME:
  dep more is new
    more: would run, because it has not run here yet
  dep lib is gone
"""
    )


def test_the_interpreter_programs_targets_and_args(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            interpreter: sh -c
            tasks: {t: {args: {n: {default: "1"}}, source: [a], target: out, run: tool > out}}
            """,
        "a": "",
    })  # fmt: skip
    p.script("bin/tool", "#!/bin/sh\necho tool\n")
    env = {"PATH": f"{p.path('bin')}:{os.environ['PATH']}"}
    assert p.run("t", "-q", env=env).code == 0
    p.script("bin/tool", "#!/bin/sh\necho other tool\n")
    p.write(
        "tasks.yml",
        p.read("tasks.yml").replace("sh -c", "bash -c").replace("target: out", "target: [out, out2]"),
    )
    told = why(p, "t", env=env).splitlines()
    assert told[0] == "t: would run; since it last succeeded on TIME:"
    assert told[1:] == [
        "  the interpreter changed",
        "  the list of targets changed",
        "  program bash is new",
        "  program tool changed",
        "  program sh is gone",
    ]


def test_the_answer_of_a_condition(project: MakeProject) -> None:
    p = project({
        "tasks.yml": "tasks: {t: {source: [a], run: [{when: {exists: flag}, command: echo}]}}\n", "a": "",
    })  # fmt: skip
    assert p.run("t", "-q").code == 0
    p.write("flag", "")
    assert why(p, "t") == (
        "t: would run; since it last succeeded on TIME:\n  the answer of the condition on flag changed\n"
    )


def test_what_failed_or_was_killed_is_told_apart_and_what_changed_since_it_succeeded(p: Project) -> None:
    text = p.read("tasks.yml")
    p.write("tasks.yml", text.replace("cat lib/* > lib.out", "exit 3"))
    p.write("lib/a", "other\n")
    assert p.run("lib", "-q").code == 3
    assert (
        why(p, "lib")
        == """\
lib: would run, because it did not succeed last time; since it last succeeded on TIME:
  command 1 changed
  program cat is gone
  source lib/a changed
"""
    )
    p.write("tasks.yml", text)
    p.write("lib/a", "third\n")
    assert (
        why(p, "lib")
        == """\
lib: would run, because it did not succeed last time; since it last succeeded on TIME:
  source lib/a changed
"""
    )
    p.write("tasks.yml", text.replace("cat lib/* > lib.out", "kill -9 $PPID; sleep 1"))
    assert p.run("lib", "-q").code == -9
    p.write("tasks.yml", text)
    assert (
        why(p, "lib")
        == """\
lib: would run, because its last run was cut short; since it last succeeded on TIME:
  source lib/a changed
"""
    )


def test_what_was_made_before_would_be_restored(p: Project) -> None:
    p.write("lib/a", "other\n")
    assert p.run("app", "-q").code == 0
    p.write("lib/a", "a\n")
    assert (
        why(p, "app")
        == """\
app: would be restored from the store; since it last succeeded on TIME:
  dep lib changed
    lib: would be restored from the store; since it last succeeded on TIME:
      source lib/a changed
"""
    )
    assert p.run("app", "-q").code == 0
    assert (
        why(p, "app")
        == """\
app: up to date (1 source, 1 dep and app.out as in the last run)
  made on the host, restored from the store on TIME
  lib: up to date (2 sources and lib.out as in the last run)
    made on the host, restored from the store on TIME
"""
    )
    p.remove("app.out")
    assert why(p, "app").startswith("app: would be restored from the store; since it last succeeded on TIME:\n"
                                    "  target app.out is gone\n")  # fmt: skip
    assert why(p, "app", "--force").startswith("app: would run, because `--force` was given;")


def test_a_result_that_counts_no_more_is_restored_if_it_was_kept(p: Project) -> None:
    text = p.read("tasks.yml")
    p.write("tasks.yml", text.replace("cat lib/* > lib.out", "exit 3"))
    assert p.run("lib", "-q").code == 3
    p.write("tasks.yml", text)
    assert why(p, "lib") == (
        "lib: would be restored from the store; it did not succeed last time;"
        " nothing has changed since it last succeeded on TIME\n"
    )


def test_a_first_run_that_failed(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {source: [a], run: exit 1}}\n", "a": ""})
    assert p.run("t", "-q").code == 1
    assert why(p, "t") == "t: would run, because it did not succeed last time\n"


def test_what_runs_every_time_and_what_is_forced(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {run: echo}
              u: {source: [a], cache: false, run: echo}
              v: {source: [a], run: echo}
            """,
        "a": "",
    })  # fmt: skip
    assert p.run("v", "-q").code == 0
    assert why(p, "t", "u", "v", "--force") == (
        "t: would run, because it has no `source`, so it runs every time\n"
        "u: would run, because it says `cache: false`\n"
        "v: would run, because `--force` was given; nothing has changed since it last succeeded on TIME\n"
    )


def test_servers_and_called_tasks(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              test: {deps: [db], source: [a], run: echo}
              db: {ports: [5432], ready: {command: "true"}, run: touch started}
              all: {run: [{task: test}]}
            """,
        "a": "",
    })  # fmt: skip
    assert (
        why(p, "all")
        == """\
all: would run, because it has no `source`, so it runs every time
  db: would run, because it is a server
  test: would run, because it has not run here yet
"""
    )
    assert not p.exists("started")


def test_a_source_that_only_a_dep_can_make(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              use: {deps: [make], source: [gen/*], run: echo}
              make: {source: [a], target: gen/x, run: mkdir -p gen && cp a gen/x}
            """,
        "a": "",
    })  # fmt: skip
    assert (
        why(p, "use")
        == """\
use: is decided when `make` is done; the source `gen/*` matches no file
  make: would run, because it has not run here yet
"""
    )
    p.write("tasks.yml", "tasks: {t: {source: [gone], run: echo}}\n")
    result = p.run("t", "--why")
    assert (result.stdout, result.code) == ("", 2)
    assert "the source `gone` matches no file" in result.stderr


def test_a_default_that_a_command_works_out_is_not_worked_out(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              t: {options: {o: {default: {command: touch ran}}}, source: [a], run: "echo ${o}"}
              u: {deps: [t], source: [a], run: echo}
            """,
        "a": "",
    })  # fmt: skip
    assert (
        why(p, "u")
        == """\
u: is decided when `t` is done; it has not run here yet
  t: is decided at its turn; a default is what a command says, and a look runs none
"""
    )
    assert not p.exists("ran")


def test_an_image_says_what_it_is_made_of(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              image: {image: {name: app, from: scratch, copy: [{source: a, to: /}], env: {A: "1"}}}
            """,
        "a": "1",
    })  # fmt: skip
    assert p.run("image", "--no-load", "-q").code == 0
    assert why(p, "image") == (
        "image: up to date (1 source and the image as in the last run)\n  made on the host on TIME\n"
    )
    p.write("a", "2")
    text = p.read("tasks.yml").replace('A: "1"', 'A: "2", B: "1"').replace("from:", "workdir: /a, from:")
    p.write("tasks.yml", text)
    assert (
        why(p, "image", env={"SOURCE_DATE_EPOCH": "5"})
        == """\
image: would run; since it last succeeded on TIME:
  variable A of the image changed
  variable B of the image is new
  order of env of the image changed
  `workdir` of the image changed
  SOURCE_DATE_EPOCH changed
  source a changed, and with it the layer of `copy` to `/`
"""
    )


def test_an_image_says_which_layer_hangs_on_which_task_and_file(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              app: {source: [app.txt], target: app.out, run: cp app.txt app.out}
              doc: {source: [doc.txt], target: doc.out, run: cp doc.txt doc.out}
              image:
                image:
                  name: app
                  from: scratch
                  copy: [{task: doc, to: /doc/}, {task: app, to: /app/}, {source: conf/, to: /etc/}]
            """,
        "app.txt": "1",
        "doc.txt": "1",
        "conf/a": "1",
    })  # fmt: skip
    assert p.run("image", "--no-load", "-q").code == 0
    p.write("app.txt", "2")
    p.write("conf/b", "1")
    assert (
        why(p, "image")
        == """\
image: is decided when `app` is done; since it last succeeded on TIME:
  its layer of `copy` to `/app/` holds what `app` makes
  source conf/b is new, and with it the layer of `copy` to `/etc/`
  doc: up to date (1 source and doc.out as in the last run)
    made on the host on TIME
  app: would run; since it last succeeded on TIME:
    source app.txt changed
"""
    )
    assert p.run("app", "-q").code == 0
    assert (
        why(p, "image")
        == """\
image: would run; since it last succeeded on TIME:
  dep app changed, and with it the layer of `copy` to `/app/`
    app: up to date (1 source and app.out as in the last run)
      made on the host on TIME
  source conf/b is new, and with it the layer of `copy` to `/etc/`
  doc: up to date (1 source and doc.out as in the last run)
    made on the host on TIME
"""
    )


def test_a_long_chain_is_no_trouble(project: MakeProject) -> None:
    lines = [f"  t{n}: {{deps: [t{n + 1}], source: [a], run: echo}}" for n in range(1500)]
    p = project(
        {"tasks.yml": "tasks:\n" + "\n".join(lines) + "\n  t1500: {source: [a], run: echo}\n", "a": ""}
    )
    told = why(p, "t0").splitlines()
    assert len(told) == 1501
    assert max(len(line) - len(line.lstrip()) for line in told) < 200
    assert sorted(line.split(":")[0].strip() for line in told) == sorted(f"t{n}" for n in range(1501))


def test_it_goes_with_since_and_shard(p: Project) -> None:
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *words], cwd=p.root, env=p.environ(), check=True)
    p.write("app.txt", "other\n")
    result = p.run("lib", "app", "--since=HEAD", "--why")
    assert result.stdout.startswith("app: would run; since it last succeeded on ")
    parts = [p.run("lib", "app", f"--shard={part}/2", "--why").stdout.split(":")[0] for part in (1, 2)]
    assert sorted(parts) == ["app", "lib"]


def test_with_no_task_it_is_an_error(p: Project) -> None:
    assert p.run("--why") == Result(
        "", "pyrun: `--why` says why a task runs, and none is named\n  `pyrun --why TASK`\n", 2
    )
