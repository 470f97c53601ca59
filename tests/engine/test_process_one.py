"""pyrun as the first process of a container: `ENTRYPOINT ["pyrun", "run", "gmicro"]`.

It gets what `docker stop` sends from its first moment on and passes it on, ends as its command did, and takes
care of the processes that lost their parent.
"""

import io
import itertools
import signal
import tarfile
import textwrap
from collections.abc import Callable, Iterator

import pytest

from tests.engine.engines import RealEngine
from tests.engine.pyrun_image import give_pyrun
from tests.features.conftest import Result, until

pytestmark = pytest.mark.engine

WAITS = "while :; do sleep 0.01; done"
FILE = f"""\
tasks:
  run:
    args: {{service: {{default: zero, values: [zero, three, plain, deaf]}}}}
    run: {{command: {{exec: "exec sh ./${{service}}.sh", quiet: true}}}}
  server:
    persistent: true
    run: {{command: {{exec: "exec sh ./five.sh", quiet: true}}}}
  itself: {{run: {{command: {{exec: "exit 3", quiet: true}}}}}}
  missing: {{run: {{command: {{exec: "./nothing", quiet: true}}}}}}
  called: {{run: {{task: run}}}}
  called-and-more: {{run: [{{task: run}}, echo never]}}
  steps: {{run: [{{command: {{exec: "sh ./zero.sh", quiet: true}}}}, echo never]}}
  server-steps: {{persistent: true, run: [{{command: {{exec: "sh ./zero.sh", quiet: true}}}}, echo never]}}
  behind: {{deps: [run], run: echo never}}
  both: {{deps: [run zero, run three]}}
  cleans:
    run: {{command: {{exec: "exec sh ./four.sh", quiet: true}}}}
    finally: {{command: {{exec: "echo cleaned; exit 9", quiet: true}}}}
  tries: {{retries: 1, run: {{command: {{exec: "echo try; exit 6", quiet: true}}}}}}
  hurries: {{timeout: 1, run: {{command: {{exec: "echo up; exec sleep 300", quiet: true}}}}}}
  reloads:
    run: {{command: {{exec: "trap 'echo again' USR1; trap 'echo bye; exit 7' WINCH; echo up; {WAITS}", quiet: true}}}}
  plans:
    options: {{wait: {{default: {{command: "echo up >/proc/1/fd/1; sleep 300"}}}}}}
    run: echo ${{wait}}
  place: {{run: {{command: {{exec: "cat /proc/1/cmdline | tr '\\\\0' ' '; echo; test $$$$ -ne 1", quiet: true}}}}}}
  orphans: {{run: {{command: {{exec: "exec sh ./orphans.sh", quiet: true}}}}}}
  among-orphans: {{run: {{command: {{exec: "sh ./leave.sh; exit 3", quiet: true}}}}, retries: 2, finally: {{command: {{exec: "sh ./leave.sh", quiet: true}}}}}}
  asks: {{deps: [unready], run: {{command: {{exec: "echo ready", quiet: true}}}}}}
  unready:
    persistent: true
    ready: {{command: "sh ./leave.sh; echo >>asked; test $(wc -l <asked) -gt 3"}}
    run: {{command: {{exec: "exec sleep 300", quiet: true}}}}
"""
SCRIPTS = {
    "zero.sh": f"trap 'exit 0' INT TERM HUP QUIT; echo up; {WAITS}\n",
    "three.sh": f"trap 'exit 3' INT TERM HUP QUIT; echo up; {WAITS}\n",
    "four.sh": f"trap 'exit 4' TERM; echo up; {WAITS}\n",
    "five.sh": f"trap 'exit 5' TERM; echo up; {WAITS}\n",
    "plain.sh": "echo up; exec sleep 300\n",
    "deaf.sh": f"trap '' INT TERM; echo up; {WAITS}\n",
    # Each of those that stay behind has lost its parent before it ends.
    "leave.sh": "for n in 1 2 3 4 5; do (sleep 0.01 &); done\n",
    "orphans.sh": """\
        trap 'exit 0' TERM
        for n in $(seq 100); do (sh -c 'while [ ! -e go ]; do sleep 0.1; done' &); done
        echo up
        while :; do sleep 0.1; done
    """,
}


class Container:
    """A container that was made, and its `docker` commands.

    Args:
        engine: Where it is.
        words: What it is made with: flags, the image, and what it runs.
    """

    def __init__(self, engine: RealEngine, *words: str) -> None:
        self._engine = engine
        self.name = engine.docker("create", *words).strip()
        engine.docker("cp", "-", f"{self.name}:/", stdin=_project())

    def start(self, *, said: str = "up\n") -> "Container":
        """Start it, and wait until it has said something."""
        self.do("start")
        until(lambda: said in self.logs().stdout, f"it says {said!r}: {self.logs()}")
        return self

    def do(self, *words: str) -> str:
        """What a command says that names a container last."""
        return self._engine.docker(*words, self.name)

    def kill(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.do("kill", "--signal", number.name)

    def inside(self, script: str) -> str:
        """What a script writes that another process of the container runs."""
        return self._engine.docker("exec", self.name, "sh", "-c", script)

    def logs(self) -> Result:
        """What it has written so far."""
        found = self._engine.call("logs", self.name)
        return Result(found.stdout.decode(), found.stderr.decode(), found.returncode)

    def result(self) -> Result:
        """What came of it, when it has ended."""
        code = int(self.do("wait"))
        said = self.logs()
        return Result(said.stdout, said.stderr, code)


def _project() -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, text in {"tasks.yml": FILE, **SCRIPTS}.items():
            data = textwrap.dedent(text).encode()
            member = tarfile.TarInfo(f"src/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return written.getvalue()


Make = Callable[..., Container]


@pytest.fixture(scope="module")
def image(engine: RealEngine) -> str:
    """The name of an image with pyrun in it."""
    return give_pyrun(engine)


@pytest.fixture
def make(engine: RealEngine, image: str) -> Iterator[Make]:
    """Makes containers of it, without a network."""
    made: list[Container] = []

    def one(*words: str, flags: tuple[str, ...] = ()) -> Container:
        made.append(Container(engine, "--network=none", *flags, image, *words))
        return made[-1]

    yield one
    for container in made:
        container.do("rm", "--force")


def quiet(stderr: str) -> str:
    """What was told, without what a shell tells of a `sleep` of its own that the signal reached, too."""
    heard = {"Terminated\n", "Hangup\n", "Quit\n"}
    return "".join(line for line in stderr.splitlines(keepends=True) if line not in heard)


@pytest.mark.parametrize(
    ("words", "number", "code"),
    [
        (("run",), signal.SIGTERM, 0),
        (("run", "zero"), signal.SIGINT, 0),
        (("run", "zero"), signal.SIGHUP, 0),
        (("run", "zero"), signal.SIGQUIT, 0),
        (("run", "three"), signal.SIGTERM, 3),
        (("run", "plain"), signal.SIGTERM, 143),
        (("run", "plain"), signal.SIGINT, 130),
        (("run", "plain"), signal.SIGHUP, 129),
        (("server",), signal.SIGTERM, 5),
        (("called",), signal.SIGTERM, 0),
    ],
)
def test_it_ends_as_its_command_did_after_a_stop_signal(
    make: Make, words: tuple[str, ...], number: signal.Signals, code: int
) -> None:
    container = make("pyrun", *words).start()
    container.kill(number)
    result = container.result()
    assert (result.stdout, quiet(result.stderr), result.code) == ("up\n", "", code)


@pytest.mark.parametrize("task", ["steps", "server-steps", "called-and-more", "behind", "both"])
def test_what_the_signal_left_undone_is_no_success(make: Make, task: str) -> None:
    container = make("pyrun", "-q", "-j2", "--output=plain", task).start()
    container.kill(signal.SIGTERM)
    result = container.result()
    assert (set(result.stdout.split()), quiet(result.stderr), result.code) == ({"up"}, "", 143)


def test_docker_stop_is_heard(make: Make) -> None:
    container = make("pyrun", "run", "three").start()
    container.do("stop", "--time", "60")
    assert container.result().code == 3


def test_by_itself_it_ends_as_anywhere(make: Make) -> None:
    for task, code, told in (
        ("itself", 3, "pyrun: itself failed with exit status 3: exit 3\n"),
        ("missing", 127, "sh: ./nothing: not found\npyrun: missing failed with exit status 127: ./nothing\n"),
        ("nothing", 2, "pyrun: there is no task `nothing`"),
    ):
        container = make("pyrun", task)
        container.do("start")
        result = container.result()
        assert (result.stdout, result.code) == ("", code)
        assert told in result.stderr


def test_retries_timeout_and_finally_are_kept(make: Make) -> None:
    again = make("pyrun", "-q", "tries")
    again.do("start")
    late = make("pyrun", "-q", "hurries").start()
    cleaning = make("pyrun", "cleans").start()
    cleaning.kill(signal.SIGTERM)
    result = cleaning.result()
    assert (result.stdout, quiet(result.stderr), result.code) == ("up\ncleaned\n", "", 4)
    assert late.result().code == 124
    assert "`hurries` took longer than 1s" in late.logs().stderr
    assert again.result() == Result(
        "try\ntry\n",
        "pyrun: tries failed with exit status 6, trying again in 0.5 s (1 of 1)\n"
        "pyrun: tries failed with exit status 6: echo try; exit 6\n",
        6,
    )


def test_what_does_not_listen_is_ended_by_a_second_signal_or_after_a_while(make: Make) -> None:
    twice, once = (make("pyrun", "run", "deaf").start() for _ in range(2))
    once.kill(signal.SIGTERM)
    twice.kill(signal.SIGTERM)
    twice.kill(signal.SIGINT)
    assert twice.result() == Result("up\n", "", 137)
    assert once.result() == Result("up\n", "", 137)


def test_while_there_is_only_a_plan_a_signal_ends_it(make: Make) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        container = make("pyrun", "plans").start()
        container.kill(number)
        assert container.result() == Result("up\n", "", 128 + number)


def test_signals_are_asked_for_before_anything_else_of_pyrun_is_loaded(make: Make) -> None:
    container = make(
        "sh", "-c", "exec $(sed -n 's/^#!//p;q' $(which pyrun)) -X importtime $(which pyrun) itself"
    )
    container.do("start")
    result = container.result()
    assert result.code == 3
    loaded = [
        line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if "import time:" in line
    ]
    ours = itertools.dropwhile(lambda name: not name.startswith("runner"), loaded)
    assert list(itertools.islice(ours, 4)) == [
        "runner", "runner.system", "runner.system.stop_signals", "runner.cli"
    ]  # fmt: skip


def test_a_signal_at_any_moment_of_the_start_is_heard_or_was_never_delivered(make: Make) -> None:
    # The kernel drops what comes before the interpreter itself is up.
    for _ in range(5):
        container = make("pyrun", "run", "plain")
        container.do("start")
        container.kill(signal.SIGTERM)

        def ended(container: Container = container) -> bool:
            return container.do("inspect", "--format", "{{.State.Running}}") == "false\n"

        until(lambda c=container, e=ended: e() or c.logs().stdout, "it has ended, or its service runs")  # type: ignore[misc]
        if not ended():
            container.kill(signal.SIGTERM)
        assert container.result().code == 143


def test_what_is_for_the_service_reaches_it(make: Make) -> None:
    container = make("pyrun", "reloads", flags=("--stop-signal", "SIGWINCH")).start()
    container.kill(signal.SIGUSR1)
    until(lambda: "again" in container.logs().stdout, "the service heard it")
    container.do("stop", "--time", "60")
    result = container.result()
    assert (result.stdout, result.code) == ("up\nagain\nbye\n", 7)


def test_a_hundred_orphans_leave_nothing_behind(make: Make) -> None:
    container = make("pyrun", "orphans").start()
    children = "grep -l '^PPid:.1$' /proc/[0-9]*/status 2>/dev/null | wc -l"
    until(lambda: int(container.inside(children)) == 101, "all have lost their parent")
    container.inside("touch go")
    # The service is left, whatever became of the others.
    until(lambda: int(container.inside(children)) == 1, "all are gone")
    container.kill(signal.SIGTERM)
    result = container.result()
    assert (result.stdout, quiet(result.stderr), result.code) == ("up\n", "", 0)


def test_orphans_take_no_status_of_what_is_waited_for(make: Make) -> None:
    failing = make("pyrun", "-q", "among-orphans")
    failing.do("start")
    asking = make("pyrun", "-q", "asks")
    asking.do("start")
    result = asking.result()
    assert (result.stdout, result.code) == ("ready\n", 0)
    assert failing.result() == Result(
        "",
        "pyrun: among-orphans failed with exit status 3, trying again in 0.5 s (1 of 2)\n"
        "pyrun: among-orphans failed with exit status 3, trying again in 1 s (2 of 2)\n"
        "pyrun: among-orphans failed with exit status 3: sh ./leave.sh; exit 3\n",
        3,
    )


def test_it_stays_the_first_process(make: Make) -> None:
    container = make("pyrun", "place")
    container.do("start")
    result = container.result()
    assert result.code == 0
    assert result.stdout.split()[-2:] == ["/usr/local/bin/pyrun", "place"]


@pytest.mark.parametrize("task", ["run zero", "run three", "server"])
def test_a_shell_in_front_changes_nothing(make: Make, task: str) -> None:
    container = make("sh", "-c", f"pyrun {task}").start()
    container.kill(signal.SIGTERM)
    assert container.result().code == {"run zero": 0, "run three": 3, "server": 5}[task]


def test_below_an_init_it_is_a_process_like_any_other(make: Make) -> None:
    # A task that is all there is takes pyrun's place; of two, pyrun itself was told to stop.
    for words, code in ((("run", "three"), 3), (("server",), 5), (("-q", "both"), 143)):
        container = make("pyrun", *words, flags=("--init",)).start()
        container.kill(signal.SIGTERM)
        assert container.result().code == code
