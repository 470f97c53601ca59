"""What a command in a container reads, writes and hears is what it would be on the host."""

import json
import os
import signal

import pytest

from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.features.conftest import Result, until

pytestmark = pytest.mark.engine

SIDES = 8
LINES = 50_000
DATA = bytes(range(256)) * 300 + b"\0\0\0" + b"\0" + b"ab" * 16 + b" 0\0"
FILE = f"""
    containers:
      box: busybox:1.36
      bare: {{from: "busybox:1.36", setup: ["rm /bin/setsid"]}}
    tasks:
      both: {{container: box, run: {{command: {{exec: "cat data; cat data >&2; printf end; printf end >&2; exit 3", quiet: true}}}}}}
      reads: {{container: box, deps: [nothing], run: {{command: {{exec: "cat; exit 7", quiet: true}}}}}}
      nothing: {{container: box, run: {{command: {{exec: "cat", quiet: true}}}}}}
      zeros: {{container: box, run: {{command: {{exec: "head -c 50000000 /dev/zero", quiet: true}}}}}}
      leaves:
        container: box
        run:
        - command: {{exec: "setsid sh -c 'sleep 0.1; echo late; echo late >&2; echo >late' & (sleep 0.1; echo late) & echo first", quiet: true}}
        - command: {{exec: "until test -e late; do sleep 0.02; done; rm late; echo second", quiet: true}}
      sides: {{deps: [{", ".join(f"side{number}" for number in range(SIDES))}]}}
"""
SIDE = """
      side{number}: {{container: box, run: {{command: {{exec: "yes {number}{digits} | head -n {lines}", quiet: true}}}}}}
"""
TASKS = """
      variables:
        container: box
        run:
        - set-environment: {SAYS: "a'b\\"c\\n$d `e` \\\\", BYTES: "é\\x01"}
        - command: {exec: 'printf "%s|" "$SAYS" "$BYTES" "${OLDPWD-none}" "$PWD"', quiet: true}
      nowhere: {container: box, dir: nowhere, run: {command: {exec: "pwd", quiet: true}}}
      traps:
        container: box
        run: {command: {exec: "trap 'echo told; exit 9' TERM INT HUP QUIT; echo up; while :; do sleep 0.01; done", quiet: true}}
        finally: {command: {exec: "echo cleaned", quiet: true}}
      children: {container: box, run: {command: {exec: "sleep 300 & echo $! >pid; sleep 301 & echo up; wait", quiet: true}}, finally: {command: {exec: "kill -0 $(cat pid) 2>/dev/null || echo gone", quiet: true}}}
      bare-children: {container: bare, run: {command: {exec: "sleep 300 & echo $! >pid; echo up; wait", quiet: true}}, finally: {command: {exec: "kill -0 $(cat pid) 2>/dev/null || echo gone", quiet: true}}}
      slow:
        container: box
        timeout: 300ms
        retries: 1
        run: {command: {exec: "echo try; sleep 300 & echo $! >pid; wait", quiet: true}}
        finally: {command: {exec: "kill -0 $(cat pid) 2>/dev/null || echo gone", quiet: true}}
      size: {container: box, run: {command: {exec: "for n in 0 1 2; do test -t $n && echo $n; done; stty size; trap 'stty size; exit 6' WINCH; echo up; while :; do sleep 0.01; done", quiet: true}}}
      waits: {container: box, run: {command: {exec: "echo up; sleep 300", quiet: true}}, finally: {command: {exec: "echo cleaned", quiet: true}}}
      copies: {container: box, run: {command: {exec: "echo up; cat", quiet: true}}}
      pty: {container: box, run: {command: {exec: "test -t 0 && test -t 1 && test -t 2 && echo all; exit 4", quiet: true, pty: true}}}
      answers: {container: box, run: {command: {exec: "printf 'name? '; read name; echo hello $name >&2; exit 5", quiet: true, respond: {'name\\?': Ada}}}}
"""


def tasks() -> str:
    sides = "".join(
        SIDE.format(number=number, digits=f"{number}" * 98, lines=LINES) for number in range(SIDES)
    )
    return FILE.rstrip() + sides.rstrip() + TASKS


def made(engine: RealEngine, factory: pytest.TempPathFactory) -> ContainerProject:
    give(engine, "busybox:1.36")
    folder = f"{os.path.realpath(factory.getbasetemp())}/streams-{engine.name}"
    one = ContainerProject(folder, engine, {"tasks.yml": tasks()})
    with open(one.path("data"), "wb") as file:
        file.write(DATA)
    return one


@pytest.fixture(scope="module")
def on_docker(engine: RealEngine, tmp_path_factory: pytest.TempPathFactory) -> ContainerProject:
    return made(engine, tmp_path_factory)


@pytest.fixture(scope="module")
def on_podman(podman: RealEngine, tmp_path_factory: pytest.TempPathFactory) -> ContainerProject:
    return made(podman, tmp_path_factory)


@pytest.fixture
def p(on_docker: ContainerProject) -> ContainerProject:
    """The project beside Docker."""
    return on_docker


@pytest.fixture(params=["on_docker", "on_podman"])
def each(request: pytest.FixtureRequest) -> ContainerProject:
    """The project beside each kind of engine."""
    found: ContainerProject = request.getfixturevalue(request.param)
    return found


def failed(task: str, status: int, text: str) -> str:
    return f"pyrun: {task} failed with exit status {status}: {text}\n"


@pytest.mark.parametrize("stdin", [None, "given"])
def test_both_streams_are_apart_and_whole(each: ContainerProject, stdin: str | None) -> None:
    done = each.run("both", stdin=stdin, memory=None)
    whole = DATA.decode("utf-8", "surrogateescape")
    script = "cat data; cat data >&2; printf end; printf end >&2; exit 3"
    assert done.code == 3
    assert done.stdout == whole + "end"
    assert done.stderr.startswith(whole + "end")
    assert done.stderr[len(whole) + 3 :].lstrip("\n") == failed("both", 3, script)


def test_fifty_megabytes(p: ContainerProject) -> None:
    done = p.run("zeros", memory=None)
    assert (len(done.stdout), done.stdout.count("\0"), done.stderr, done.code) == (
        50_000_000,
        50_000_000,
        "",
        0,
    )


def test_stdin_belongs_to_the_asked_for_task(each: ContainerProject) -> None:
    text = "a\0b\n" * 30_000 + "end"
    assert each.run("reads", stdin=text, memory=None) == Result(text, failed("reads", 7, "cat; exit 7"), 7)
    assert each.run("reads", memory=None) == Result("", failed("reads", 7, "cat; exit 7"), 7)


def test_what_a_command_leaves_does_not_write_into_the_next_one_s_output(p: ContainerProject) -> None:
    found = p.run("leaves", memory=None)
    assert (found.stdout.replace("late\n", ""), found.code) == ("first\nsecond\n", 0)
    lines = found.stdout.splitlines()
    assert lines.index("second") == len(lines) - 1


@pytest.mark.parametrize("mode", ["grouped", "prefixed", "json"])
def test_side_by_side_no_line_is_torn_and_none_is_lost(p: ContainerProject, mode: str) -> None:
    done = p.run("sides", f"--jobs={SIDES}", f"--output={mode}", memory=None)
    assert done.code == 0
    counts: dict[str, int] = {}
    for line in done.stdout.splitlines():
        if mode == "json":
            event = json.loads(line)
            written = event.get("text", "").splitlines() if event["event"] == "output" else []
        else:
            written = [line.rpartition(" ")[2]]
        for text in written:
            counts[text] = counts.get(text, 0) + 1
    wanted = {f"{number}" * 99: LINES for number in range(SIDES)}
    assert {text: counts.get(text) for text in wanted} == wanted
    assert p.gone() == []


def test_variables_arrive_as_they_are(p: ContainerProject) -> None:
    done = p.run("variables", memory=None)
    assert (done.stdout, done.code) == ("a'b\"c\n$d `e` \\|é\x01|none|/src|", 0)


def test_a_folder_that_is_not_there(p: ContainerProject) -> None:
    done = p.run("nowhere", memory=None)
    assert "the working folder `/src/nowhere` can't be entered in the container `box`" in done.stderr
    assert (done.stdout, done.code) == ("", 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_reaches_the_command_and_finally_runs(p: ContainerProject, number: signal.Signals) -> None:
    running = p.start("traps", memory=None)
    until(lambda: running.stdout == "up\n", "it says that it is up")
    running.signal(number)
    done = running.result()
    assert (done.stdout, done.code) == ("up\ntold\ncleaned\n", 128 + number)
    assert p.gone() == []


@pytest.mark.parametrize(
    ("task", "number", "stdin"),
    [
        ("children", signal.SIGTERM, None),
        ("children", signal.SIGINT, None),
        ("children", signal.SIGTERM, "given"),
        ("bare-children", signal.SIGTERM, None),
    ],
)
def test_a_script_s_children_end_with_it(
    p: ContainerProject, task: str, number: signal.Signals, stdin: str | None
) -> None:
    running = p.start(task, stdin=stdin, memory=None)
    until(lambda: running.stdout == "up\n", "it says that it is up")
    running.signal(number)
    done = running.result()
    assert (done.stdout, done.code) == ("up\ngone\n", 128 + number)


def test_a_timeout_ends_the_command_there(each: ContainerProject) -> None:
    done = each.run("slow", memory=None)
    assert (done.stdout, done.code) == ("try\ntry\ngone\n", 124)


def test_a_terminal_there_is_as_this_one(each: ContainerProject) -> None:
    screen = each.terminal("size", rows=30, columns=90)
    screen.until("0\r\n1\r\n2\r\n30 90\r\nup\r\n")
    screen.resize(11, 22)
    shown, code = screen.end()
    assert (shown.partition("pyrun: ")[0], code) == ("11 22\n", 6)


def test_keys_do_there_what_they_do_here(each: ContainerProject) -> None:
    screen = each.terminal("waits")
    screen.until("up\r\n")
    screen.type("\x03")
    shown, code = screen.end()
    assert (shown, code) == ("^Ccleaned\n" + failed("waits", 130, "echo up; sleep 300"), 130)
    screen = each.terminal("copies")
    screen.until("up\r\n")
    screen.type("abc\r")
    screen.until("abc\r\nabc\r\n")
    screen.type("\x04")
    assert screen.end() == ("", 0)


def test_a_terminal_or_answers_if_a_command_asks_for_them(p: ContainerProject) -> None:
    done = p.run("pty", memory=None)
    assert (done.stdout.replace("\r", ""), done.code) == ("all\n", 4)
    done = p.run("answers", memory=None)
    assert (done.stdout, done.stderr, done.code) == (
        "name? ",
        "hello Ada\n" + failed("answers", 5, "printf 'name? '; read name; echo hello $name >&2; exit 5"),
        5,
    )
