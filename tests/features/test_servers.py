"""Persistent tasks: in the foreground until they are stopped, or in the background while they are needed."""

import http.client
import signal

import pytest

from tests.features.conftest import MakeProject, Project, Result, until

SERVE = r"""
    import os, signal, sys, time

    name, status = sys.argv[1], int((sys.argv[2:] or ["0"])[0])

    def say(text):
        os.write(1, f"{name} {text}\n".encode())
        with open("log", "ab", buffering=0) as log:
            log.write(f"{name} {text}\n".encode())

    def stop(number, _):
        say(f"stops at {number}")
        os._exit(status)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    say("is up")
    while True:
        time.sleep(0.01)
        for found in os.listdir():
            if found.startswith(f"end-{name}-"):
                os._exit(int(found.rpartition("-")[2]))
"""
"""A server: `serve NAME STATUS` ends with STATUS when told to stop, and with N once there is `end-NAME-N`."""

SHOP = """
    tasks:
      run:
        args: {name: {values: [a, b, c]}}
        options: {status: {default: "0"}}
        persistent: true
        run: {command: {exec: 'python3 -IS serve ${name} ${status}', quiet: true}}
"""
STOPS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def said(p: Project, *texts: str) -> bool:
    """Whether servers have said all of this so far."""
    return set(texts) <= set(p.lines("log"))


def shop(project: MakeProject, tasks: str = SHOP) -> Project:
    return project({"tasks.yml": tasks, "serve": SERVE})


@pytest.mark.parametrize("number", list(STOPS))
@pytest.mark.parametrize("status", [0, 7])
def test_a_single_server_has_the_output_for_itself_and_gives_the_status(
    project: MakeProject, number: signal.Signals, status: int
) -> None:
    p = shop(project)
    running = p.start("run", "a", f"--status={status}")
    until(lambda: said(p, "a is up"), "the server is up")
    running.signal(number)
    assert running.result() == Result(f"a is up\na stops at {int(number)}\n", "", status)
    assert not p.left()


def test_a_single_server_that_a_signal_ends_gives_128_and_its_number(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              run: {persistent: true, run: {command: {exec: "touch up; exec sleep 300", quiet: true}}}
        """
    })  # fmt: skip
    for number, status in STOPS.items():
        running = p.start("run")
        until(lambda: p.exists("up"), "the server is up")
        running.signal(number)
        assert running.result() == Result("", "", status)
        p.remove("up")


@pytest.mark.parametrize("status", [0, 3])
def test_a_single_server_that_ends_by_itself_gives_its_status(project: MakeProject, status: int) -> None:
    p = shop(project)
    p.write(f"end-a-{status}", "")
    failed = f"pyrun: run a failed with exit status {status}: python3 -IS serve a 0\n" if status else ""
    assert p.run("run", "a") == Result("a is up\n", failed, status)


def test_a_single_server_reads_what_is_given_and_runs_every_time(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              run: {source: [tasks.yml], persistent: true, run: {command: {exec: cat, quiet: true}}}
        """
    })  # fmt: skip
    for _ in range(2):
        assert p.run("run", stdin="hello\n") == Result("hello\n", "", 0)
    assert "run: runs, because it is a server\n" in p.run("run", "-v").stderr


def test_the_commands_of_a_server_come_one_after_the_other(project: MakeProject) -> None:
    p = shop(
        project,
        """
            tasks:
              run: {persistent: true, run: [echo prepare >> log, python3 -IS serve a]}
              bad: {persistent: true, run: [exit 4, touch never]}
        """,
    )
    running = p.start("run")
    until(lambda: said(p, "a is up"), "the server is up")
    assert p.lines("log") == ["prepare", "a is up"]
    running.signal(signal.SIGTERM)
    assert running.result().code == 0
    assert p.run("bad").code == 4
    assert not p.exists("never")


@pytest.mark.parametrize("number", list(STOPS))
def test_all_start_however_few_jobs_there_are_and_lines_say_whose_they_are(
    project: MakeProject, number: signal.Signals
) -> None:
    p = shop(project)
    running = p.start("run", "--all", "--jobs", "2")
    until(lambda: said(p, "a is up", "b is up", "c is up"), "all are up")
    running.signal(number)
    result = running.result()
    assert (result.stderr, result.code) == ("", STOPS[number])
    wanted = [f"run {n} | {n} {what}" for n in "abc" for what in ("is up", f"stops at {int(number)}")]
    assert sorted(result.stdout.splitlines()) == wanted
    assert not p.left()


def test_servers_do_not_keep_a_task_from_its_place(project: MakeProject) -> None:
    p = shop(project, f"{SHOP}      t: {{run: touch ran}}\n")
    running = p.start("-j1", "run", "a", "run", "b", "t")
    until(lambda: p.exists("ran") and said(p, "a is up", "b is up"), "all run")
    running.signal(signal.SIGTERM)
    assert running.result().code == 143


def test_both_streams_are_prefixed_line_by_line_and_kept_apart(project: MakeProject) -> None:
    p = project({
        "tasks.yml": r"""
            tasks:
              talk:
                args: {name: {values: [a, b]}}
                persistent: true
                run: {command: {exec: "printf 'one\n\ntwo'; printf 'err\n' >&2; printf ' more\nlast'", quiet: true}}
        """
    })  # fmt: skip
    result = p.run("talk", "--all")
    assert result.code == 0
    for name in "ab":
        mine = [line for line in result.stdout.splitlines() if line.startswith(f"talk {name}")]
        assert mine == [f"talk {name} | {text}" for text in ("one", "", "two more", "last")]
    assert sorted(result.stderr.splitlines()) == ["talk a | err", "talk b | err"]


def test_one_that_fails_stops_the_others_and_its_status_counts(project: MakeProject) -> None:
    p = shop(project)
    running = p.start("run", "--all")
    until(lambda: said(p, "a is up", "b is up", "c is up"), "all are up")
    p.write("end-b-5", "")
    result = running.result()
    assert (result.stderr, result.code) == (
        "pyrun: run b failed with exit status 5: python3 -IS serve b 0\n",
        5,
    )
    assert sorted(p.lines("log")[3:]) == ["a stops at 15", "c stops at 15"]
    assert not p.left()


def test_one_that_ends_well_leaves_the_others_and_the_last_one_ends_all(project: MakeProject) -> None:
    p = shop(project)
    running = p.start("run", "a", "b")
    until(lambda: said(p, "a is up", "b is up"), "both are up")
    first = next(line for line in p.left() if "serve a" in line)
    p.write("end-a-0", "")
    until(lambda: first not in p.left(), "the first one is gone")
    assert running.process.poll() is None
    p.write("end-b-0", "")
    assert running.result().code == 0
    assert sorted(p.lines("log")) == ["a is up", "b is up"]


def test_a_program_that_is_not_there_stops_the_others(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            interpreter: ./shell
            tasks:
              run:
                args: {name: {values: [good, bad]}}
                persistent: true
                dir: ${name}
                run: {command: {exec: "one", quiet: true}}
        """,
        "good/.x": "",
        "bad/.x": "",
    })  # fmt: skip
    p.script("good/shell", "#!/bin/sh\nexec sleep 300\n")
    result = p.run("run", "--all")
    assert result.code == 127
    assert "`./shell` is not found" in result.stderr
    assert not p.left()


def test_a_task_without_commands_keeps_its_servers_in_the_foreground(project: MakeProject) -> None:
    p = shop(project, f"{SHOP}      dev: {{deps: [run a, run b]}}\n")
    running = p.start("-j1", "dev")
    until(lambda: said(p, "a is up", "b is up"), "both are up")
    running.signal(signal.SIGINT)
    result = running.result()
    assert (result.stderr, result.code) == ("", 130)
    assert sorted({line.split(" | ")[0] for line in result.stdout.splitlines()}) == ["run a", "run b"]
    p.remove("log")
    running = p.start("dev")
    until(lambda: said(p, "a is up", "b is up"), "both are up")
    p.write("end-a-9", "")
    assert running.result().code == 9
    assert said(p, "b stops at 15")


NEEDS = """
    tasks:
      db: {persistent: true, run: {command: {exec: python3 -IS serve db, quiet: true}}}
      test:
        deps: [db]
        source: [in]
        run: {command: {exec: "while [ ! -e log ]; do sleep 0.01; done; [ ! -e bad ] || exit 6; echo tested", quiet: true}}
      late: {deps: [test], run: {command: {exec: "cat log >&2", quiet: true}}}
"""


def test_a_server_runs_in_the_background_while_it_is_needed(project: MakeProject) -> None:
    p = shop(project, NEEDS)
    p.write("in", "1")
    result = p.run("test")
    assert (result.stderr, result.code) == ("", 0)
    assert sorted(result.stdout.splitlines()) == ["db | db is up", "db | db stops at 15", "tested"]
    assert p.lines("log") == ["db is up", "db stops at 15"]
    assert not p.left()


def test_a_server_is_not_started_if_nothing_that_needs_it_runs(project: MakeProject) -> None:
    p = shop(project, NEEDS)
    p.write("in", "1")
    p.run("test")
    p.remove("log")
    assert p.run("test") == Result(
        "", "test: up to date (1 source and 1 dep as in the last run)\n", 0
    )  # fmt: skip
    assert not p.exists("log")
    p.write("in", "2")
    assert p.run("test").code == 0
    assert p.lines("log") == ["db is up", "db stops at 15"]


def test_a_look_says_which_servers_would_start(project: MakeProject) -> None:
    p = shop(project, NEEDS)
    p.write("in", "1")
    p.run("test")
    commands = [line for line in p.run("test", "--dry-run").stdout.splitlines() if line.startswith("  ")]
    assert len(commands) == 2

    def told(*words: str) -> list[str]:
        lines = p.run(*words, "--dry-run").stdout.splitlines()
        return [line for line in lines if not line.startswith("  ")]

    fresh = "test: up to date (1 source and 1 dep as in the last run)"
    starts, late = "db: would run, because it is a server", "late: would run, because it has no `source`"
    assert told("test") == ["db: would not start, because nothing that needs it would run", fresh]
    assert told("test", "db") == [starts, fresh]
    assert told("late")[:2] == ["db: would not start, because nothing that needs it would run", fresh]
    assert told("late")[2].startswith(late)
    p.write("in", "2")
    assert told("test") == [starts, "test: would run, because in changed"]


def test_what_a_server_is_counts_for_those_that_need_it(project: MakeProject) -> None:
    p = shop(project, NEEDS)
    p.write("in", "1")
    p.run("test")
    p.write("tasks.yml", p.read("tasks.yml").replace("serve db", "serve db 0"))
    assert "tested\n" in p.run("test").stdout


def test_a_failure_of_what_needs_a_server_stops_it(project: MakeProject) -> None:
    p = shop(project, NEEDS)
    p.write("in", "1")
    p.write("bad", "")
    result = p.run("test", "-q")
    assert result.code == 6
    assert "pyrun: test failed with exit status 6: " in result.stderr
    assert p.lines("log") == ["db is up", "db stops at 15"]
    assert not p.left()


@pytest.mark.parametrize(("end", "status"), [(0, 1), (8, 8)])
def test_a_server_that_ends_early_fails_what_needs_it_at_once(
    project: MakeProject, end: int, status: int
) -> None:
    p = shop(
        project,
        """
            tasks:
              db: {persistent: true, run: {command: {exec: python3 -IS serve db, quiet: true}}}
              test: {deps: [db], source: [serve], run: {command: {exec: "touch up; exec sleep 300", quiet: true}}}
        """,
    )
    running = p.start("test")
    until(lambda: p.exists("up") and said(p, "db is up"), "both run")
    p.write(f"end-db-{end}", "")
    result = running.result()
    assert result.code == status
    told = {
        0: "pyrun: the server `db` ended while it was needed\n",
        8: "pyrun: db failed with exit status 8: python3 -IS serve db\n",
    }
    assert result.stderr.startswith(told[end])
    assert not p.left()
    running = p.start("test", "-v")
    until(lambda: "test: runs" in running.stderr, "it is not taken for done")
    running.signal(signal.SIGTERM)
    assert running.result().code == 143


def test_nothing_starts_behind_a_server_that_cannot(project: MakeProject) -> None:
    p = project({
        "tasks.yml": """
            tasks:
              db: {persistent: true, dir: gone, run: {command: {exec: "true", quiet: true}}}
              test: {deps: [db], run: touch ran}
        """
    })  # fmt: skip
    result = p.run("test")
    assert (result.stdout, result.code) == ("", 1)
    assert "the working folder `@ROOT@/gone` can't be entered: No such file or directory\n" in result.stderr
    assert p.files() == ["tasks.yml"]


def test_a_server_that_needs_a_server_gets_it(project: MakeProject) -> None:
    tasks = """
        tasks:
          db: {persistent: true, run: {command: {exec: python3 -IS serve db, quiet: true}}}
          web: {persistent: true, deps: [db], run: {command: {exec: python3 -IS serve web 3, quiet: true}}}
          test: {deps: [web], run: {command: {exec: "until grep -qs web log && grep -qs db log; do sleep 0.01; done", quiet: true}}}
    """
    p = shop(project, tasks)
    running = p.start("web")
    until(lambda: said(p, "db is up", "web is up"), "both are up")
    running.signal(signal.SIGTERM)
    assert running.result().code == 3, "what counts is the one that was asked for"
    assert sorted(p.lines("log")) == ["db is up", "db stops at 15", "web is up", "web stops at 15"]
    p.remove("log")
    result = p.run("test")
    assert (result.stderr, result.code) == ("", 0)
    assert sorted(p.lines("log")) == ["db is up", "db stops at 15", "web is up", "web stops at 15"]
    assert not p.left()


BUILT = """
    tasks:
      build:
        args: {name: {}}
        run: {command: {exec: 'sh build-${name}', quiet: true}}
      run:
        args: {name: {values: [a, b]}}
        deps: ['build ${name}']
        persistent: true
        run: {command: {exec: 'python3 -IS serve ${name}', quiet: true}}
"""


def test_a_build_that_fails_stops_what_runs_already(project: MakeProject) -> None:
    p = shop(project, BUILT)
    p.write("build-a", "")
    p.write("build-b", "until [ -e log ]; do sleep 0.01; done; exit 6\n")
    result = p.run("run", "--all", "-j2")
    assert (result.stderr, result.code) == ("pyrun: build b failed with exit status 6: sh build-b\n", 6)
    assert p.lines("log") == ["a is up", "a stops at 15"]
    assert not p.left()


@pytest.mark.parametrize("number", list(STOPS))
def test_a_stop_before_the_server_runs_gives_the_signals_status(
    project: MakeProject, number: signal.Signals
) -> None:
    p = shop(project, BUILT)
    p.write("build-a", "touch up; exec sleep 300\n")
    running = p.start("run", "a")
    until(lambda: p.exists("up"), "the build runs")
    running.signal(number)
    assert running.result() == Result("", "", STOPS[number])
    assert not p.exists("log")


def test_a_server_that_something_else_needs_stays_when_it_is_asked_for(project: MakeProject) -> None:
    p = shop(project, NEEDS)
    p.write("in", "1")
    running = p.start("test", "db")
    until(lambda: "tested" in running.stdout, "the task is done")
    assert running.process.poll() is None
    assert p.lines("log") == ["db is up"]
    running.signal(signal.SIGTERM)
    assert running.result().code == 143
    assert p.lines("log") == ["db is up", "db stops at 15"]


SERVICE = r"""
    import http.server, os, signal, sys

    name = sys.argv[1]

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"I am {name}".encode())

        def log_message(self, *_):
            print("asked", flush=True)

    def stop(*_):
        with open("log", "a") as log:
            log.write(f"{name} stops\n")
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    with open(f"port-{name}.new", "w") as file:
        file.write(str(server.server_port))
    os.rename(f"port-{name}.new", f"port-{name}")
    server.serve_forever()
"""
INIT = """
    [supervisord]
    nodaemon=true
    logfile=/dev/null
    logfile_maxbytes=0
    pidfile={name}.pid

    [program:{name}]
    command=python3 -I service.py {name}
    autorestart=true
    startretries=3
    stdout_logfile=/dev/stdout
    stdout_logfile_maxbytes=0
    stderr_logfile=/dev/stderr
    stderr_logfile_maxbytes=0
"""
SUPERVISED = """
    tasks:
      run:
        args: {name: {values: {glob: '*.conf'}}}
        persistent: true
        run: 'supervisord -n -c ${name}.conf'
"""


def answer(p: Project, name: str) -> str:
    """What a service answers."""
    until(lambda: p.exists(f"port-{name}"), f"{name} is up")
    connection = http.client.HTTPConnection("127.0.0.1", int(p.read(f"port-{name}")), timeout=60)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("words", "names", "code"), [(["web"], ["web"], 0), (["--all", "-j2"], ["api", "db", "web"], 143)]
)
def test_services_under_supervisord_start_answer_and_stop(
    project: MakeProject, words: list[str], names: list[str], code: int
) -> None:
    files = {f"{name}.conf": INIT.format(name=name) for name in ("api", "db", "web")}
    p = project({"tasks.yml": SUPERVISED, "service.py": SERVICE, **files})
    running = p.start("run", *words)
    assert [answer(p, name) for name in names] == [f"I am {name}" for name in names]
    assert sum("supervisord" in line for line in p.left()) == len(names)
    running.signal(signal.SIGTERM)
    result = running.result()
    assert result.code == code
    assert sorted(p.lines("log")) == [f"{name} stops" for name in names]
    assert not p.left()
    if len(names) > 1:
        assert {f"run {name} | asked" for name in names} <= set(result.stdout.splitlines())
        assert all(line.startswith("run ") for line in result.stdout.splitlines())
