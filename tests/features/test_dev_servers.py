"""Servers side by side: who waits for whom, what ready means, and that nothing is left when one fails or all stop."""

import os
import signal
import socket

import pytest

from tests.features.conftest import MakeProject, Project, Result, Running, free_ports, until

SERVE = r"""
    import os, signal, socket, subprocess, sys, time

    name = sys.argv[1]
    asked = dict(word.partition("=")[::2] for word in sys.argv[2:])

    def note(text):
        with open("log", "ab", buffering=0) as log:
            log.write(f"{name} {text}\n".encode())

    def stop(number, _):
        note(f"stops at {number}")
        if "slow" in asked:
            time.sleep(0.1)
        note("is gone")
        os._exit(int(asked.get("status", "0")))

    deaf = "deaf" in asked
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN if deaf else stop)
    if "child" in asked:
        subprocess.Popen(["sleep", "300"])
        subprocess.Popen(["sleep", "300"], start_new_session=True)
    note("is up")
    said = listener = None
    kept = []
    while True:
        good = "late" not in asked or os.path.exists(f"go-{name}")
        if good and said is None:
            note("is good")
            said = os.write(int(asked.get("to", 1)), asked.get("says", "").replace("_", " ").encode())
        if "port" in asked and listener is None and (good or "http" in asked):
            host = asked.get("at", "127.0.0.1")
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, int(asked["port"])), family=family)
            listener.setblocking(False)
        try:
            one, _ = listener.accept() if listener else (None, None)
        except BlockingIOError:
            one = None
        if one and asked.get("http") == "mute":
            kept.append(one)
        elif one:
            one.setblocking(True)
            request = one.recv(4096).decode()
            path = request.split()[1] if request else ""
            if path:
                note(f"asked {path} {good}")
            status = 200 if good and path == asked.get("http", path) else 500
            one.sendall(f"HTTP/1.1 {status} So\r\n\r\n".encode())
            one.close()
        for found in os.listdir():
            if found.startswith(f"end-{name}-"):
                os._exit(int(found.rpartition("-")[2]))
        time.sleep(0.005)
"""
"""A server: `serve NAME [WORD[=VALUE]]...`.

It is good from the start, or `late`: when there is `go-NAME`. Then it listens at `port`, answers well to `http`
and `says` a text `to` 1 or 2. It ends with N once there is `end-NAME-N`, and when told to stop with `status`.
"""
STOPS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def has_other_address() -> bool:
    """Whether this machine can be reached by IPv6."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def serve(words: str, **keys: str) -> str:
    """A server's task: the words of `serve`, and the task's other keys."""
    more = "".join(f", {key}: {value}" for key, value in keys.items())
    return f'{{persistent: true, run: {{command: {{exec: "exec python3 -IS serve {words}", quiet: true}}}}{more}}}'


def does(command: str, **keys: str) -> str:
    """A task that runs a command."""
    more = "".join(f", {key}: {value}" for key, value in keys.items())
    return f'{{run: {{command: {{exec: "{command}", quiet: true}}}}{more}}}'


def shop(project: MakeProject, **tasks: str) -> Project:
    """A project with servers."""
    lines = "".join(f"  {name}: {task}\n" for name, task in tasks.items())
    return project({"tasks.yml": f"tasks:\n{lines}", "serve": SERVE})


def noted(p: Project, *lines: str) -> bool:
    """Whether all of this has been noted so far."""
    return set(lines) <= set(p.lines("log"))


def ends_by(running: Running, number: signal.Signals) -> Result:
    """What comes of it after a signal."""
    running.signal(number)
    return running.result()


def ordered(p: Project, *lines: str) -> bool:
    """Whether these lines were noted, in this order."""
    log = p.lines("log")
    return set(lines) <= set(log) and sorted(lines, key=log.index) == list(lines)


# Starting


@pytest.mark.parametrize("number", list(STOPS))
@pytest.mark.parametrize("jobs", ["-j1", "-j4"])
def test_who_needs_a_server_starts_when_it_is_ready(
    project: MakeProject, number: signal.Signals, jobs: str
) -> None:
    one, two = free_ports(2)
    p = shop(
        project,
        db=serve(f"db late port={one}", ports=f"[{one}]"),
        api=serve(f"api late port={two} says=hello", ports=f"[{two}]", deps="[db]"),
        web=serve("web", deps="[api]"),
        dev="{deps: [web, db, api]}",
    )
    running = p.start(jobs, "dev")
    for name, line in (("db", "db is up"), ("api", "api is up")):
        until(lambda text=line: noted(p, text), line)  # type: ignore[misc]
        p.write(f"go-{name}", "")
    until(lambda: noted(p, "web is up"), "all are up")
    assert ordered(p, "db is up", "db is good", "api is up", "api is good", "web is up")
    assert ends_by(running, number) == Result("api | hello\n", "", STOPS[number])
    assert noted(p, *(f"{name} stops at {int(number)}" for name in ("db", "api", "web")))
    assert not p.left()


PORT = "ports: [PORT]"
READY = {
    "first port": ("port=PORT", "ports: [PORT, 1]"),
    "port": ("port=PORT", "ready: {port: PORT}"),
    "path": ("port=PORT http=/healthz", f"{PORT}, ready: {{http: /healthz}}"),
    "port and path": ("port=PORT http=/x", "ready: {http: ':PORT/x'}"),
    "whole address": ("port=PORT http=/a?b=c", "ready: {http: 'http://localhost:PORT/a?b=c'}"),
    "port of the other address": ("port=PORT at=::1", "ports: [PORT]"),
    "path at the other address": ("port=PORT at=::1 http=/", "ready: {http: 'http://localhost:PORT/'}"),
    "command": ("", "ready: {command: test -e go-db}"),
    "log": ("says=now_up", "ready: {log: now up}"),
    "log on stderr": ("says=now_up to=2", "ready: {log: now up}"),
    "several": ("port=PORT http=/ says=up", f"{PORT}, ready: {{log: up, http: /, command: test -e go-db, port: PORT}}"),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(READY))
def test_each_kind_of_ready_is_waited_for(project: MakeProject, kind: str) -> None:
    (port,) = free_ports(1)
    words, keys = (text.replace("PORT", str(port)) for text in READY[kind])
    if not has_other_address() and not os.environ.get("CI"):
        # A user's machine without IPv6 asks the only address it has; CI must have both.
        words = words.replace("::1", "127.0.0.1")
    if kind == "first port":
        keys = keys.replace("1]", f"{free_ports(1)[0]}]")
    task = serve(f"db late {words}")[:-1] + f", {keys}}}"
    p = shop(project, db=task, test=does("echo tested >> log", deps="[db]"))
    running = p.start("test")
    wanted = "db asked" if "http" in words else "db is up"
    until(lambda: any(line.startswith(wanted) for line in p.lines("log")), "it is up, and asked in vain")
    p.write("go-db", "")
    assert running.result().code == 0
    assert ordered(p, "db is up", "db is good", "tested", "db stops at 15")


def test_a_text_in_two_writes_with_another_stream_between_is_found(project: MakeProject) -> None:
    script = "printf lis; echo noise >&2; until [ -e go ]; do sleep 0.01; done; printf 'tening\\\\n'; exec sleep 300"
    p = shop(
        project,
        db=f'{{persistent: true, ready: {{log: listening}}, run: {{command: {{exec: "{script}", quiet: true}}}}}}',
        test=does("echo tested", deps="[db]"),
    )
    running = p.start("test")
    until(lambda: "noise" in running.stderr, "one half is there")
    p.write("go", "")
    result = running.result()
    assert (sorted(result.stdout.splitlines()), result.stderr, result.code) == (
        ["db | listening", "tested"], "db | noise\n", 0,
    )  # fmt: skip


def test_halves_of_a_text_on_two_streams_are_no_text(project: MakeProject) -> None:
    script = "printf lis; printf tening >&2; exec sleep 300"
    p = shop(
        project,
        db=f"{{persistent: true, ready: {{log: listening, timeout: 1s}}, run: "
        f'{{command: {{exec: "{script}", quiet: true}}}}}}',
        test=does("touch tested", deps="[db]"),
    )
    assert p.run("test").code == 1
    assert not p.exists("tested")


def test_one_that_accepts_and_never_answers_does_not_hold_up_the_others(project: MakeProject) -> None:
    one, two = free_ports(2)
    p = shop(
        project,
        mute=serve(f"mute port={one} http=mute", ports=f"[{one}]", ready="{http: /}"),
        db=serve(f"db late port={two}", ports=f"[{two}]"),
        test=does("echo tested >> log", deps="[db]"),
        dev="{deps: [mute, test]}",
    )
    running = p.start("-j3", "dev")
    until(lambda: noted(p, "mute is up", "db is up"), "both are up")
    p.write("go-db", "")
    until(lambda: noted(p, "tested"), "the task has run")
    assert ends_by(running, signal.SIGTERM).code == 143
    assert not p.left()


def test_one_job_is_one_server_getting_ready_at_a_time(project: MakeProject) -> None:
    one, two = free_ports(2)
    p = shop(
        project,
        a=serve(f"a late port={one}", ports=f"[{one}]"),
        b=serve(f"b late port={two}", ports=f"[{two}]"),
        test=does("echo tested >> log", deps="[a, b]"),
    )
    running = p.start("-j1", "test")
    for name in ("a", "b"):
        until(lambda n=name: noted(p, f"{n} is up"), f"{name} is up")  # type: ignore[misc]
        p.write(f"go-{name}", "")
    assert running.result().code == 0
    assert ordered(
        p, "a is up", "a is good", "b is up", "b is good", "tested", "b stops at 15", "a stops at 15"
    )


def test_two_who_need_a_server_share_it_and_it_starts_once(project: MakeProject) -> None:
    (port,) = free_ports(1)
    p = shop(
        project,
        db=serve(f"db port={port}", ports=f"[{port}]", hostname="data", source="[serve]"),
        one=does("echo one >> log", deps="[db]"),
        two=does("echo two >> log", deps="[db]"),
        both="{deps: [one, two], run: {command: {exec: echo both >> log, quiet: true}}}",
    )
    assert p.run("-j4", "both").code == 0
    log = p.lines("log")
    assert sorted(log) == sorted(
        ["db is up", "db is good", "one", "two", "both", "db stops at 15", "db is gone"]
    )
    assert log[-3:] == ["both", "db stops at 15", "db is gone"]


def test_a_called_task_finds_its_servers_up(project: MakeProject) -> None:
    (port,) = free_ports(1)
    p = shop(
        project,
        db=serve(f"db late port={port}", ports=f"[{port}]"),
        test=does("echo tested >> log", deps="[db]"),
        all="{run: [{command: {exec: echo first >> log, quiet: true}}, {task: test}]}",
    )
    running = p.start("all")
    until(lambda: noted(p, "db is up"), "it is up")
    p.write("go-db", "")
    assert running.result().code == 0
    assert ordered(p, "db is good", "first", "tested", "db stops at 15")


def test_the_address_of_a_server_is_known_to_those_who_need_it(project: MakeProject) -> None:
    (port,) = free_ports(1)
    p = shop(
        project,
        db=serve(f"db port={port}", ports=f"['8080:{port}']"),
        show="{args: {where: {}}, run: {command: {exec: 'echo ${where}', quiet: true}}}",
        test="{deps: [db], env: {AT: '${db.host}:${db.port}'}, run: ["
        "{command: {exec: 'echo $AT ${db.host} ${db.port}', quiet: true}}, {task: 'show at-${db.port}'}]}",
    )
    result = p.run("test")
    lines = [line for line in result.stdout.splitlines() if not line.startswith("db | ")]
    assert (lines, result.code) == ([f"127.0.0.1:{port} 127.0.0.1 {port}", f"at-{port}"], 0)


def test_lines_of_servers_that_write_at_once_are_never_torn(project: MakeProject) -> None:
    talk = """
        import os, sys
        text = b"".join(b"%s %d %s\\n" % (sys.argv[1].encode(), n, b"x" * (n * 37 % 5000)) for n in range(300))
        while text:
            for to in (1, 2):
                size = len(text) * 7 % 4093 + 1
                os.write(to, text[:size] if to == 1 else b"e" * size + b"\\n")
            text = text[size:]
    """
    keys = "persistent: true, run: {command: {exec: 'exec python3 -IS talk ${name}', quiet: true}}"
    p = shop(project, talk=f"{{args: {{name: {{values: [a, b, c]}}}}, {keys}}}")
    p.script("talk", talk)
    result = p.run("talk", "--all")
    assert result.code == 0
    for name in "abc":
        mine = [line for line in result.stdout.splitlines() if line.startswith(f"talk {name} | ")]
        assert mine == [f"talk {name} | {name} {n} {'x' * (n * 37 % 5000)}" for n in range(300)]
    assert len(result.stdout.splitlines()) == 900
    assert {line.strip("e") for line in result.stderr.splitlines()} == {f"talk {name} | " for name in "abc"}


# Failing


def test_one_that_fails_stops_the_others_one_by_one_the_last_first(project: MakeProject) -> None:
    p = shop(
        project,
        db=serve("db slow says=db_up", ready="{log: up}"),
        api=serve("api slow says=api_up", ready="{log: up}", deps="[db]"),
        web=serve("web slow says=web_up", ready="{log: up}", deps="[api]"),
        odd=serve("odd", deps="[web]"),
        dev="{deps: [odd, web, api, db]}",
    )
    running = p.start("dev")
    until(lambda: noted(p, "odd is up"), "all are up")
    p.write("end-odd-5", "")
    result = running.result()
    assert (result.stderr, result.code) == (
        "pyrun: odd failed with exit status 5: exec python3 -IS serve odd\n",
        5,
    )
    assert p.lines("log")[-6:] == [f"{name} {what}" for name in ("web", "api", "db") for what in ("stops at 15", "is gone")]  # fmt: skip
    assert not p.left()


def test_a_server_of_several_commands_keeps_its_place_among_those_that_stop(project: MakeProject) -> None:
    p = shop(
        project,
        db="{persistent: true, run: ["
        "{command: {exec: 'until [ -e log ]; do sleep 0.01; done', quiet: true}}, "
        "{command: {exec: exec python3 -IS serve db slow, quiet: true}}]}",
        web=serve("web slow", deps="[db]"),
        odd=serve("odd", deps="[web]"),
        dev="{deps: [odd, db]}",
    )
    running = p.start("dev")
    until(lambda: noted(p, "db is up", "web is up", "odd is up"), "all are up")
    p.write("end-odd-5", "")
    assert running.result().code == 5
    assert ordered(p, "web stops at 15", "web is gone", "db stops at 15", "db is gone")


@pytest.mark.parametrize(("status", "code"), [(0, 1), (4, 4)])
def test_one_that_ends_fails_those_who_need_it_in_the_foreground_too(
    project: MakeProject, status: int, code: int
) -> None:
    p = shop(
        project,
        db=serve("db"),
        api=serve("api slow", deps="[db]"),
        web=serve("web slow", deps="[api]"),
        other=serve("other"),
        dev="{deps: [web, api, db, other]}",
    )
    running = p.start("dev")
    until(lambda: noted(p, *(f"{name} is up" for name in ("db", "api", "web", "other"))), "all are up")
    p.write(f"end-db-{status}", "")
    result = running.result()
    assert result.code == code
    assert ("pyrun: the server `db` ended while it was needed" in result.stderr) == (status == 0)
    assert ordered(p, "web stops at 15", "web is gone", "api stops at 15", "api is gone")
    assert noted(p, "other stops at 15")
    assert not p.left()


def test_one_that_ended_before_its_need_fails_who_needs_it(project: MakeProject) -> None:
    p = shop(
        project,
        db=serve("db"),
        build=does("touch builds; until [ -e built ]; do sleep 0.01; done"),
        test=does("touch tested", deps="[db, build]"),
        dev="{deps: [db, test]}",
    )
    running = p.start("-j3", "dev")
    until(lambda: noted(p, "db is up") and p.exists("builds"), "both run")
    line = next(line for line in p.left() if "serve db" in line)
    p.write("end-db-0", "")
    until(lambda: line not in p.left(), "the server is gone")
    p.write("built", "")
    result = running.result()
    assert (result.stderr, result.code) == ("pyrun: the server `db` ended while it was needed\n", 1)
    assert not p.exists("tested")


UNREADY = {
    "port": ("", "ports: [PORT]", "port PORT accepts nothing"),
    "http": ("port=PORT http=/", "ports: [PORT], ready: {http: /healthz}", "/healthz does not answer well"),
    "mute": ("port=PORT http=mute", "ready: {http: ':PORT/'}", ":PORT/ does not answer well"),
    "command": ("", "ready: {command: test -e never}", "`test -e never` does not succeed"),
    "hanging command": ("", "ready: {command: 'sleep 300 & setsid sleep 300'}", "`sleep 300 & setsid sleep 300` does not succeed"),
    "log": ("says=nearly", "ready: {log: really}", "it has not said `really`"),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(UNREADY))
def test_one_that_is_never_ready_fails_and_says_what_was_not_so(project: MakeProject, kind: str) -> None:
    (port,) = free_ports(1)
    words, keys, told = (text.replace("PORT", str(port)) for text in UNREADY[kind])
    limit = "timeout: 1s"
    keys = f"{keys[:-1]}, {limit}}}" if "ready" in keys else f"{keys}, ready: {{{limit}}}"
    p = shop(
        project,
        db=serve("db says=up", ready="{log: up}"),
        bad=serve(f"bad {words}", deps="[db]")[:-1] + f", {keys}}}",
        web=serve("web", deps="[bad]"),
        dev="{deps: [web, db, bad]}",
    )
    result = p.run("dev")
    assert result.code == 1
    assert f"the server `bad` is not ready: after 1 s {told}\n" in result.stderr
    assert ordered(p, "bad is up", "bad stops at 15", "db stops at 15")
    assert not noted(p, "web is up")
    assert not p.left()


def test_a_port_in_use_is_told_before_the_server_starts(project: MakeProject) -> None:
    (one,) = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        p = shop(
            project,
            db=serve(f"db port={one}", ports=f"[{one}]"),
            api=serve(f"api port={port}", ports=f"[{port}]", deps="[db]"),
            dev="{deps: [api, db]}",
        )
        result = p.run("dev")
    assert result.code == 1
    assert f"port {port} is in use already, and `api` needs it\n" in result.stderr
    assert p.lines("log") == ["db is up", "db is good", "db stops at 15", "db is gone"]
    assert not p.left()


def test_two_servers_can_not_have_one_port(project: MakeProject) -> None:
    (port,) = free_ports(1)
    p = shop(
        project,
        a=serve(f"a late port={port}", ports=f"[{port}]"),
        b=serve(f"b late port={port}", ports=f"[{port}]"),
        dev="{deps: [a, b]}",
    )
    result = p.run("-j4", "dev")
    assert result.code == 1
    assert f"port {port} is in use already, by `a`, and `b` needs it\n" in result.stderr
    assert not noted(p, "b is up")
    assert not p.left()


def test_what_a_server_started_does_not_outlive_it(project: MakeProject) -> None:
    p = shop(project, db=serve("db child"), web=serve("web"), dev="{deps: [db, web]}")
    for words in (["dev"], ["db"]):
        running = p.start(*words)
        until(lambda: sum("sleep" in line for line in p.left()) == 2, "it has children")
        assert ends_by(running, signal.SIGTERM).code == (143 if words == ["dev"] else 0)
        until(lambda: not p.left(), "nothing is left")


def test_what_a_server_that_fails_leaves_in_its_group_ends_too(project: MakeProject) -> None:
    p = shop(
        project,
        db=does("sleep 300 & touch up; until [ -e go ]; do sleep 0.01; done; exit 3", persistent="true"),
    )
    running = p.start("db")
    until(lambda: p.exists("up"), "it is up")
    p.write("go", "")
    assert running.result().code == 3
    until(lambda: not p.left(), "nothing is left")


def test_one_that_ignores_the_stop_is_killed_and_the_others_still_end_well(project: MakeProject) -> None:
    p = shop(
        project,
        db=serve("db"),
        web=serve("web deaf child", deps="[db]"),
        odd=serve("odd", deps="[web]"),
        dev="{deps: [odd, web, db]}",
    )
    running = p.start("dev")
    until(
        lambda: noted(p, "db is up", "odd is up") and sum("sleep" in line for line in p.left()) == 2,
        "all are up",
    )
    p.write("end-odd-5", "")
    assert running.result().code == 5
    assert noted(p, "db stops at 15", "db is gone")
    until(lambda: not p.left(), "nothing is left")


# Stopping from outside


@pytest.mark.parametrize("number", list(STOPS))
@pytest.mark.parametrize("ready", ["{command: 'touch asks; sleep 300 & setsid sleep 300'}", "{log: never}"])
def test_a_stop_while_servers_get_ready_leaves_nothing(
    project: MakeProject, number: signal.Signals, ready: str
) -> None:
    p = shop(
        project,
        db=serve("db"),
        api=serve("api child", deps="[db]", ready=ready),
        web=serve("web", deps="[api]"),
        dev="{deps: [web, db]}",
    )
    running = p.start("dev")
    until(
        lambda: noted(p, "db is up", "api is up") and p.exists("asks") == ("asks" in ready), "it gets ready"
    )
    assert ends_by(running, number).code == STOPS[number]
    assert noted(p, f"db stops at {int(number)}", f"api stops at {int(number)}")
    assert not noted(p, "web is up")
    until(lambda: not p.left(), "nothing is left")


@pytest.mark.parametrize("number", list(STOPS))
def test_one_server_asked_for_gives_its_own_status_even_while_it_gets_ready(
    project: MakeProject, number: signal.Signals
) -> None:
    p = shop(project, db=serve("db"), web=serve("web status=7", deps="[db]", ready="{command: 'false'}"))
    running = p.start("web")
    until(lambda: noted(p, "db is up", "web is up"), "both are up")
    assert ends_by(running, number).code == 7
    assert noted(p, f"db stops at {int(number)}")
    assert not p.left()


def test_a_second_stop_ends_all_at_once(project: MakeProject) -> None:
    p = shop(project, db=serve("db deaf child"), web=serve("web deaf", deps="[db]"), dev="{deps: [web, db]}")
    running = p.start("dev")
    until(lambda: noted(p, "web is up") and sum("sleep" in line for line in p.left()) == 2, "all are up")
    running.signal(signal.SIGINT)
    assert ends_by(running, signal.SIGINT).code == 130
    until(lambda: not p.left(), "nothing is left")


def test_nobody_is_asked_any_more_when_all_stops(project: MakeProject) -> None:
    p = shop(
        project,
        db=serve("db deaf", ready="{command: 'touch asked; exit 1'}"),
        web=serve("web"),
        dev="{deps: [db, web]}",
    )
    running = p.start("dev")
    until(lambda: p.exists("asked") and noted(p, "db is up", "web is up"), "all are up, and one is asked")
    running.signal(signal.SIGTERM)
    until(lambda: noted(p, "web is gone"), "the stop has come")
    p.remove("asked")
    for _ in range(3):
        assert p.run("--list").code == 0
    assert running.process.poll() is None
    assert not p.exists("asked")
    assert ends_by(running, signal.SIGTERM).code == 143
    assert not p.left()


# What is heard


@pytest.mark.parametrize("flag", ["-q", "-s"])
def test_what_a_server_says_counts_even_if_nobody_sees_it(project: MakeProject, flag: str) -> None:
    p = shop(
        project,
        db=serve("db says=up", ready="{log: up, timeout: 2s}"),
        test=does("echo tested >> log", deps="[db]"),
    )
    result = p.run(flag, "test")
    assert (result.stdout, result.stderr, result.code) == ("" if flag == "-s" else "db | up\n", "", 0)
    assert noted(p, "tested")


def test_a_single_server_writes_for_itself_and_needs_not_say_that_it_is_ready(project: MakeProject) -> None:
    p = shop(project, db=serve("db says=up", ready="{log: up, timeout: 1ms}"))
    running = p.start("db")
    until(lambda: "up" in running.stdout, "it is up")
    assert ends_by(running, signal.SIGTERM) == Result("up", "", 0)
    assert noted(p, "db stops at 15")


def test_servers_behind_a_task_that_only_names_them_stay_too(project: MakeProject) -> None:
    p = shop(project, db=serve("db"), api=serve("api"), back="{deps: [db, api]}", dev="{deps: [back]}")
    running = p.start("dev")
    until(lambda: noted(p, "db is up", "api is up"), "all are up")
    p.write("end-db-0", "")
    p.write("end-api-6", "")
    assert running.result().code == 6
    assert not p.left()


def test_a_task_that_only_names_a_server_does_not_start_it_for_one_that_is_up_to_date(
    project: MakeProject,
) -> None:
    p = shop(
        project,
        db=serve("db"),
        back="{deps: [db]}",
        test=does(
            "until grep -q good log; do sleep 0.01; done; echo tested >> log", deps="[back]", source="[serve]"
        ),
    )
    assert p.run("test").code == 0
    assert ordered(p, "db is up", "tested", "db stops at 15")
    p.remove("log")
    assert "test: up to date" in p.run("test").stderr
    assert not p.exists("log")
