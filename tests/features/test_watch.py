"""`--watch`: what a change reaches runs again, servers stay or are replaced, and nothing is left in the end."""

import os
import signal
import subprocess

import pytest

from tests.features.conftest import PYRUN, MakeProject, Project, Running, until

TWO = """
    tasks:
      a: {source: [a.txt], target: [out/a], run: mkdir -p out && cp a.txt out/a && echo made a}
      b: {source: [b.txt], run: cat b.txt}
      show: {deps: [a], run: 'echo show; cat out/a'}
"""
SERVE = """
    import os, signal, sys
    name = sys.argv[1]

    def say(text):
        with open("log", "ab", buffering=0) as log:
            log.write(f"{name} {text}\\n".encode())

    def stop(*_):
        say("stops")
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    say("is up")
    while True:
        signal.pause()
"""
WAITS = "it waits"


def two(project: MakeProject) -> Project:
    return project({"tasks.yml": TWO, "a.txt": "1\n", "b.txt": "2\n"})


def rests(run: Running, times: int) -> None:
    """Wait until pyrun has waited for changes so often."""
    until(lambda: run.stderr.count("; Ctrl-C ends it") >= times or run.process.poll() is not None, WAITS)
    assert run.stderr.count("; Ctrl-C ends it") == times, run.stderr


def put(p: Project, text: str) -> None:
    """Let the tasks file have another text, at once, so that no half of it is ever read."""
    with open(f"{p.told}/new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(file.name, p.path("tasks.yml"))


def ended(run: Running, number: signal.Signals = signal.SIGINT) -> tuple[str, str]:
    """Both outputs after a stop signal, which gives the exit status."""
    run.signal(number)
    found = run.result()
    assert found.code == 128 + number
    return found.stdout, found.stderr


def test_a_change_runs_again_only_what_it_reaches(project: MakeProject) -> None:
    p = two(project)
    run = p.start("--watch", "-j1", "show", "b")
    rests(run, 1)
    p.write("b.txt", "3\n")
    rests(run, 2)
    p.write("a.txt", "4\n")
    rests(run, 3)
    stdout, stderr = ended(run)
    assert stdout == "made a\nshow\n1\n2\n3\nmade a\nshow\n4\n"
    assert stderr == (
        "a $ mkdir -p out && cp a.txt out/a && echo made a\n"
        "show $ echo show; cat out/a\n"
        "b $ cat b.txt\n"
        "pyrun: watching 3 files; Ctrl-C ends it\n"
        "pyrun: b.txt changed\n"
        "show: up to date (nothing that it depends on has changed)\n"
        "b $ cat b.txt\n"
        "pyrun: watching 3 files; Ctrl-C ends it\n"
        "pyrun: a.txt changed\n"
        "a $ mkdir -p out && cp a.txt out/a && echo made a\n"
        "show $ echo show; cat out/a\n"
        "b: up to date (1 source as in the last run)\n"
        "pyrun: watching 3 files; Ctrl-C ends it\n"
    )


def test_its_own_writes_and_what_stays_the_same_do_not_wake_it(project: MakeProject) -> None:
    p = two(project)
    p.write(".gitignore", "*.tmp\n")
    subprocess.run(["git", "init", "-q", p.root], check=True)
    run = p.start("--watch", "-j1", "show", "b")
    rests(run, 1)
    p.touch("a.txt")
    p.write("b.txt", "2\n")
    p.write("out/a", "by hand\n")
    p.write(".pyrun/other", "")
    p.write(".git/other", "")
    p.write("x.tmp", "")
    p.write("unrelated.txt", "")
    p.write("b.txt", "5\n")
    rests(run, 2)
    _, stderr = ended(run)
    assert [line for line in stderr.splitlines() if line.endswith(" changed")] == ["pyrun: b.txt changed"]
    assert stderr.count("b $ cat b.txt") == 2


def test_a_change_ends_what_runs_and_begins_anew(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
                tasks:
                  t:
                    source: [n]
                    run: 'echo begin $(cat n) >> log; test -e go || exec sleep 600'
                    finally: echo end >> log
            """,
            "n": "1",
        }
    )
    run = p.start("--watch", "t")
    until(lambda: p.lines("log") == ["begin 1"], "it runs")
    p.write("go", "")
    p.write("n", "2")
    rests(run, 1)
    assert p.lines("log") == ["begin 1", "end", "begin 2", "end"]
    _, stderr = ended(run)
    assert stderr.count("pyrun: n changed\n") == 1
    assert "failed" not in stderr


def test_many_changes_at_once_are_one(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {source: ['*.txt'], run: ls *.txt | wc -l}}", "a.txt": ""})
    run = p.start("--watch", "t")
    rests(run, 1)
    for name in "bcde":
        p.write(f"{name}.txt", "")
    until(lambda: "5\n" in run.stdout, "all are seen")
    until(lambda: run.stderr.endswith("ends it\n"), WAITS)
    _, stderr = ended(run)
    assert "changed\n" in stderr


@pytest.mark.parametrize(
    "edit",
    [
        "echo x > src/new.txt",
        "rm src/b.txt",
        "mv src/b.txt src/c.txt",
        "mkdir -p src/deep/er && echo x > src/deep/er/f.txt",
        "mv other src/other",
        "mv src/sub elsewhere",
        "echo y > src/t && mv src/t src/a.txt",
        "chmod +x src/a.txt",
    ],
)
def test_whatever_becomes_of_a_file_is_seen(project: MakeProject, edit: str) -> None:
    p = project(
        {
            "tasks.yml": "tasks: {t: {source: ['src/**/*.txt'], run: 'find src -name \"*.txt\" | wc -l'}}",
            "src/a.txt": "",
            "src/b.txt": "",
            "src/sub/s.txt": "",
            "other/o.txt": "",
        }
    )
    run = p.start("--watch", "t")
    rests(run, 1)
    subprocess.run(["sh", "-c", edit], cwd=p.root, check=True)
    until(lambda: run.stderr.count("t $ ") >= 2, "it runs again")
    until(lambda: run.stderr.endswith("ends it\n"), WAITS)
    ended(run)
    count = sum(name.endswith(".txt") for _, _, names in os.walk(p.path("src")) for name in names)
    assert run.stdout.splitlines()[-1].strip() == str(count)


def test_a_server_stays_until_what_it_depends_on_changes(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
                tasks:
                  db: {persistent: true, source: [db.conf], run: exec python3 -IS serve db}
                  build: {source: [a.txt], target: [app], run: cp a.txt app}
                  app: {persistent: true, deps: [build, db], run: exec python3 -IS serve app}
            """,
            "serve": SERVE,
            "a.txt": "1",
            "db.conf": "1",
        }
    )
    run = p.start("--watch", "app")
    rests(run, 1)
    until(lambda: set(p.lines("log")) == {"db is up", "app is up"}, "both are up")
    p.write("a.txt", "2")
    rests(run, 2)
    until(lambda: p.lines("log")[2:] == ["app stops", "app is up"], "the app is replaced")
    p.write("db.conf", "2")
    rests(run, 3)
    until(lambda: p.lines("log").count("app is up") == 3, "both are replaced")
    assert p.lines("log").count("db stops") == 1
    ended(run, signal.SIGTERM)
    assert p.lines("log").count("db stops") == 2
    assert p.lines("log").count("app stops") == 3


def test_a_server_that_is_gone_from_the_plan_ends(project: MakeProject) -> None:
    tasks = """
        tasks:
          db: {persistent: true, run: exec python3 -IS serve db}
          t: {deps: [db], source: [a.txt], run: cat a.txt}
    """
    p = project({"tasks.yml": tasks, "serve": SERVE, "a.txt": "1\n"})
    run = p.start("--watch", "t")
    rests(run, 1)
    until(lambda: p.lines("log") == ["db is up"], "it is up")
    put(p, "tasks: {t: {source: [a.txt], run: cat a.txt}}\n")
    rests(run, 2)
    assert p.lines("log") == ["db is up", "db stops"]
    ended(run)


def test_a_server_that_ends_is_told_and_started_with_the_next_change(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "tasks: {s: {persistent: true, source: [a.txt], run: 'cat a.txt >> log; exit 3'}}",
            "a.txt": "1\n",
        }
    )
    run = p.start("--watch", "s")
    until(lambda: "s failed with exit status 3" in run.stderr, "that is told")
    p.write("a.txt", "2\n")
    until(lambda: p.lines("log") == ["1", "2"], "it is started again")
    until(lambda: run.stderr.count("s failed with exit status 3") == 2, "that is told again")
    ended(run)


def test_a_file_that_is_wrong_is_told_and_waited_for(project: MakeProject) -> None:
    p = two(project)
    run = p.start("--watch", "b")
    rests(run, 1)
    good = p.read("tasks.yml")
    put(p, "tasks: {b: [}")
    rests(run, 2)
    assert "pyrun: tasks.yml:1:13: " in run.stderr
    p.write("b.txt", "unseen\n")
    put(p, good.replace("cat b.txt", "cat b.txt b.txt"))
    until(lambda: run.stdout.endswith("unseen\nunseen\n"), "the new command has run")
    stdout, _ = ended(run)
    assert stdout == "2\nunseen\nunseen\n"


def test_comments_run_nothing_and_a_source_that_is_gone_is_told(project: MakeProject) -> None:
    p = two(project)
    run = p.start("--watch", "b")
    rests(run, 1)
    put(p, "# more\n" + p.read("tasks.yml"))
    p.remove("b.txt")
    until(lambda: "the source `b.txt` matches no file" in run.stderr, "it is told")
    p.write("b.txt", "again\n")
    until(lambda: run.stdout.endswith("again\n"), "it runs again")
    stdout, stderr = ended(run)
    assert stdout == "2\nagain\n"
    assert "tasks.yml changed" not in stderr


def test_a_failure_is_told_and_watching_goes_on(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {source: [a.txt], run: grep good a.txt}}", "a.txt": "bad\n"})
    run = p.start("--watch", "t")
    rests(run, 1)
    assert "pyrun: t failed with exit status 1: grep good a.txt\n" in run.stderr
    p.write("a.txt", "good\n")
    rests(run, 2)
    stdout, _ = ended(run)
    assert stdout == "good\n"


def test_a_task_may_want_to_be_watched(project: MakeProject) -> None:
    tasks = "tasks: {t: {watch: true, source: [a.txt], run: cat a.txt}, u: {deps: [t], run: echo u}}"
    p = project({"tasks.yml": tasks, "a.txt": "1\n"})
    run = p.start("t")
    rests(run, 1)
    p.write("a.txt", "2\n")
    rests(run, 2)
    assert ended(run)[0] == "1\n2\n"
    assert p.run("u").code == 0


def test_included_files_and_files_of_variables_count(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": "env-file: .env\ninclude: {api: api}\ntasks: {}",
            "api/tasks.yml": "env-file: .env\ntasks: {t: {source: [a.txt], env: {V: '${V}'}, run: echo $V}}",
            "api/a.txt": "",
            "api/.env": "V=1\n",
            ".env": "",
        }
    )
    run = p.start("--watch", "api:t")
    rests(run, 1)
    p.write("api/.env", "V=2\n")
    rests(run, 2)
    p.write("api/tasks.yml", "env-file: .env\ntasks: {t: {source: [a.txt], run: echo other}}")
    rests(run, 3)
    assert ended(run)[0] == "1\n2\nother\n"


def test_a_new_folder_may_be_a_new_value(project: MakeProject) -> None:
    p = project(
        {
            "tasks.yml": """
                tasks:
                  t:
                    args: {name: {values: {glob: 'cmd/*/'}}}
                    source: ['cmd/${name}/*']
                    run: echo ${name}
            """,
            "cmd/a/f": "",
        }
    )
    run = p.start("--watch", "t", "--all")
    rests(run, 1)
    os.mkdir(p.path("new"))
    p.write("new/f", "")
    os.rename(p.path("new"), p.path("cmd/b"))
    until(lambda: run.stdout == "a\nb\n", "the new value is found")
    ended(run)


def test_a_task_that_calls_others_runs_again_when_one_of_them_is_reached(project: MakeProject) -> None:
    tasks = TWO + "      both: {run: [{task: a}, {task: b}, echo both]}\n"
    p = project({"tasks.yml": tasks, "a.txt": "1\n", "b.txt": "2\n", "c.txt": ""})
    run = p.start("--watch", "both")
    rests(run, 1)
    p.write("b.txt", "3\n")
    rests(run, 2)
    assert ended(run)[0] == "made a\n2\nboth\n3\nboth\n"


def test_with_nothing_to_watch_it_says_so(project: MakeProject) -> None:
    p = project({"tasks.yml": "tasks: {t: {run: echo t}}"})
    found = p.run("--watch", "t")
    assert (found.stdout, found.code) == ("", 2)
    assert found.stderr == (
        "pyrun: tasks.yml:1:9: there is nothing to watch: neither `t` nor anything that it needs says what it reads\n"
        "  1 | tasks: {t: {run: echo t}}\n"
        "    |         ^\n"
        "  add a `source`, such as `source: [src/]`\n"
    )


def test_a_look_does_not_watch(project: MakeProject) -> None:
    p = two(project)
    assert p.run("--watch", "--dry-run", "b").code == 0
    assert p.run("--watch", "--why", "b").code == 0
    assert not p.exists(".pyrun")


def test_a_closed_pipe_ends_it_at_once(project: MakeProject) -> None:
    p = two(project)
    reader, writer = os.pipe()
    with open(f"{p.told}/err", "wb") as err:
        process = subprocess.Popen(
            [PYRUN, "--watch", "b"], stdout=writer, stderr=err, cwd=p.root, env=p.environ()
        )
    os.close(writer)
    try:
        assert os.read(reader, 100) == b"2\n"
        os.close(reader)
        assert process.wait(60) == 141
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_all(project: MakeProject, number: signal.Signals) -> None:
    p = project(
        {
            "tasks.yml": """
                tasks:
                  db: {persistent: true, run: exec python3 -IS serve db}
                  t: {deps: [db], source: [a.txt], run: echo run >> log; exec sleep 600}
            """,
            "serve": SERVE,
            "a.txt": "",
        }
    )
    run = p.start("--watch", "t")
    until(lambda: {"run", "db is up"} <= set(p.lines("log")), "all runs")
    p.write("a.txt", "2")
    until(lambda: p.lines("log").count("run") == 2, "it runs again")
    run.signal(number)
    assert run.result().code == 128 + number
    assert p.left() == []
    assert p.lines("log").count("db is up") == 1


def test_force_holds_for_the_first_time_only(project: MakeProject) -> None:
    p = two(project)
    assert p.run("a", "b").code == 0
    run = p.start("--watch", "--force", "-j1", "a", "b")
    rests(run, 1)
    p.write("b.txt", "3\n")
    rests(run, 2)
    assert ended(run)[0] == "made a\n2\n3\n"


def test_in_a_sandbox(project: MakeProject) -> None:
    p = two(project)
    run = p.start("--watch", "--sandbox", "-j1", "show")
    rests(run, 1)
    p.write("a.txt", "4\n")
    rests(run, 2)
    assert ended(run)[0] == "made a\nshow\n1\nmade a\nshow\n4\n"


def test_as_events(project: MakeProject) -> None:
    p = two(project)
    run = p.start("--watch", "--output=json", "b")
    until(lambda: '"event":"watching","files":2' in run.stdout, WAITS)
    p.write("b.txt", "3\n")
    until(lambda: run.stdout.count('"event":"watching"') == 2, WAITS)
    assert '{"event":"files-changed","paths":["b.txt"]}\n' in run.stdout
    ended(run)


def test_it_may_look_at_all_files_again_and_again(project: MakeProject) -> None:
    p = two(project)
    run = p.start("--watch", "b", env={"WATCHFILES_FORCE_POLLING": "true"})
    rests(run, 1)
    p.write("b.txt", "changed\n")
    # A look sees whole seconds only.
    p.touch("b.txt")
    rests(run, 2)
    assert ended(run)[0] == "2\nchanged\n"


def test_a_source_that_one_task_changes_wakes_those_that_looked_before(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              a: {source: [in], target: outa, run: cp in outa}
              m: {deps: [a], source: [trigger], run: cp trigger in}
              b: {deps: [m], source: [in], run: cat in > seen}
        """,
        "in": "v1\n", "trigger": "v1\n",
    })  # fmt: skip
    running = p.start("b", "--watch", "-q")
    try:
        until(lambda: p.exists("seen"), "the first cycle is done")
        until(lambda: p.lines("outa") == ["v1"], "what is there is made")
        p.write("trigger", "v2\n")
        until(lambda: p.lines("seen") == ["v2"], "the last one sees it")
        until(lambda: p.lines("outa") == ["v2"], "and so does the first one")
    finally:
        running.signal(signal.SIGTERM)
        running.result()
