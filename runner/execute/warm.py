"""Containers that are ready for commands, and how they get ready beside all else that goes on.

Making one takes a moment, and its image may take minutes: so that is done by a thread of its own, and whoever
wants to start a command waits for it as for a process. Knows no action and no step.
"""

import os
import threading
from time import monotonic, sleep

from runner.errors import EngineError, PyrunError, RunError
from runner.execute.outcome import Outcome
from runner.system.process import Process

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

    from runner.engine.containers import ContainerEngine
    from runner.engine.shells import Control, Note, Shell
    from runner.execute.container_facts import User
    from runner.execute.streams import Stream

_SIGNALLED = 128
_ENGINE = EngineError.status
_KILL = 9
_ENDING = 2.0
"""Seconds in which an engine notices that a container has ended."""
_LOOK = 0.02
KILLS = (
    "grep -h '^oom_kill ' /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null"
)
"""Tells how many processes of a container were ended for taking too much memory, on either kind of Linux."""


def kills_in(told: str) -> int:
    """How many processes that were, by what `KILLS` has written."""
    return sum(int(word) for word in told.split() if word.isdigit())


class _Numbers:
    """Numbers for what runs elsewhere; below zero, so that none is a process of this machine."""

    last = -1

    @classmethod
    def next(cls) -> int:
        """One that nothing else has."""
        cls.last -= 1
        return cls.last


class FarProcess(Process):
    """Something that runs elsewhere, to be waited for like a process of this machine.

    Attributes:
        status: How it ended, or None.
    """

    __slots__ = ("status",)

    def __init__(self) -> None:
        super().__init__(_Numbers.next())
        self.status: int | None = None

    def poll(self) -> int | None:
        """Its exit status if it has ended, else None."""
        return self.status

    def below(self) -> tuple[tuple[int, str], ...]:
        """What it starts is seen elsewhere only."""
        return ()

    def kill(self) -> None:
        """End it at once."""
        self.signal(_KILL)


class Waiting(FarProcess):
    """Somebody who waits for a container to get ready. Its feed is itself.

    Args:
        job: What makes it ready.
    """

    __slots__ = ("_job", "_writer", "reader")

    def __init__(self, job: "Job") -> None:
        super().__init__()
        self.reader, self._writer = os.pipe()
        self._job = job
        job.tell_end_to(self)

    def wake(self) -> None:
        """There is something to look at; called by the thread."""
        try:
            os.write(self._writer, b"!")
        except OSError:
            # Nobody waits any longer.
            return

    def pump(self) -> bool:
        """Tell what is to be told; False when the container is ready, or never will be."""
        os.read(self.reader, 4096)
        self._job.report()
        if self._job.done:
            self.status = self.status or 0
        return not self._job.done

    def drain(self) -> None:
        """Let go."""
        self._job.forget(self)
        if self.reader >= 0:
            os.close(self.reader)
            os.close(self._writer)
            self.reader = self._writer = -1

    def close_writer(self) -> None:
        """The other side is the thread, which keeps its end."""

    def signal(self, number: int) -> None:
        """Wait no longer."""
        if self.status is None:
            self.status = _SIGNALLED + number
            self.wake()


class Job:
    """Something done by a thread of its own.

    Args:
        work: Does it; gets the job, to report by.

    Attributes:
        done: Whether it has ended.
        error: Why it failed, or None.
        result: What came of it.
    """

    def __init__(self, work: "Callable[[Job], object]") -> None:
        self.done = False
        self.error: PyrunError | None = None
        self.result: object = None
        self._work = work
        self._reports: list[Callable[[], None]] = []
        self._waiting: list[Waiting] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._work(self)
        except PyrunError as error:
            self.error = error
        except OSError as error:
            self.error = RunError(
                f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
            )
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
            self.error = RunError(f"a container can't be made ready: {type(error).__name__}: {error}")
        with self._lock:
            self.done = True
            waiting = list(self._waiting)
        for one in waiting:
            one.wake()

    def tell(self, report: "Callable[[], None]") -> None:
        """Have something told by the thread that waits."""
        with self._lock:
            self._reports.append(report)
            waiting = self._waiting[:1]
        for one in waiting:
            one.wake()

    def report(self) -> None:
        """Tell what is to be told."""
        with self._lock:
            reports, self._reports = self._reports, []
        for report in reports:
            report()

    def tell_end_to(self, waiting: Waiting) -> None:
        """Wake somebody when it is done."""
        with self._lock:
            self._waiting.append(waiting)
            done = self.done
        if done:
            waiting.wake()

    def forget(self, waiting: Waiting) -> None:
        """Wake somebody no longer."""
        with self._lock:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    def join(self, seconds: float) -> None:
        """Wait until it has ended, some seconds at the most."""
        self._thread.join(seconds)


class Warm:
    """A container that is ready.

    Args:
        engine: Where it is.
        id: What the engine calls it.
        control: The connection to its first process, or None for one that is as it comes.
        user: Who commands run as.
        base: The variables that a shell in it begins with.
        keep: Whether it stays when the run ends.
        streams: The connection to what its first process writes, of one that is as it comes.
        ports: The ports of this machine by which its own are reached.
        run: What tells the commands of this run from those of others in it; any text if there are none.
        kills: How many processes were ended in it before for taking too much memory.

    Attributes:
        dead: Whether nothing can be started in it any more.
    """

    def __init__(
        self,
        engine: "ContainerEngine",
        id: str,  # noqa: A002 - the engine's word
        control: "Control | None",
        user: "User",
        base: "Mapping[str, str]",
        *,
        keep: bool,
        streams: "socket.socket | None" = None,
        ports: "Mapping[int, int] | None" = None,
        run: str = "run",
        kills: int = 0,
    ) -> None:
        self.engine = engine
        self.id = id
        self.control = control
        self.user = user
        self.keep = keep
        self.streams = streams
        self.ports = dict(ports or {})
        self.dead = False
        self._base = dict(base)
        self._shells: list[Shell] = []
        self._count = 0
        self._run = run
        self._kills = kills

    def start(
        self, words: "Sequence[str]", folder: str, environ: "Mapping[str, str]", sinks: "Sequence[Stream]"
    ) -> "ShellProcess":
        """Start a command that reads nothing.

        Raises:
            EngineError: The engine did not start it.
        """
        shell = next((one for one in self._shells if not one.busy and not one.broken), None)
        if shell is None:
            shell = self._open()
        return ShellProcess(self, shell, words, folder, environ, sinks)

    def _open(self) -> "Shell":
        from runner.engine.shells import Shell  # noqa: PLC0415 - for containers only

        self._count += 1
        # One that is as it comes has its own user.
        user = str(self.user) if self.control is not None else ""
        _, connection = self.engine.execute(self.id, ["sh"], user=user, env=self._base)
        shell = Shell(connection, f"{self._run}.{self._count}", self._base)
        self._shells.append(shell)
        return shell

    def next_note(self) -> "Note":
        """Where the number of a command goes that another program starts."""
        from runner.engine.shells import Note  # noqa: PLC0415 - for containers only

        self._count += 1
        return Note(f"command.{self._run}.{self._count}", 1)

    @property
    def base(self) -> "Mapping[str, str]":
        """The variables that a shell in it begins with."""
        return self._base

    @property
    def idle(self) -> bool:
        """Whether nothing runs in it that was started here; of one that is as it comes nobody knows."""
        return self.control is not None and not self.dead and not any(shell.busy for shell in self._shells)

    def drop(self, shell: "Shell") -> None:
        """A shell can't be used any more."""
        if shell in self._shells:
            self._shells.remove(shell)
        shell.close()

    def why(self) -> str:
        """Why nothing comes from it any more, in words."""
        self.dead = True
        end = monotonic() + _ENDING
        try:
            # The engine hangs up first, and knows of the end a moment later.
            while (state := self.engine.state(self.id)).get("Running"):
                if monotonic() > end:
                    return f"the engine at {self.engine.shown} hung up"
                sleep(_LOOK)
        except EngineError:
            return f"the engine at {self.engine.shown} does not answer any more"
        if state.get("OOMKilled"):
            return "its memory limit was reached"
        return "it has ended, and nobody here told it to"

    def out_of_memory(self) -> bool:
        """Whether something in it was ended for taking too much memory since the last question."""
        try:
            told = self.engine.output(self.id, ["sh", "-c", KILLS])
        except EngineError:
            return False
        before, self._kills = self._kills, kills_in(told)
        return self._kills > before

    def close(self) -> None:
        """The run has no more use of it: it ends, unless it is to stay warm."""
        if self.keep and self.control is not None and not self.dead:
            self.control.end_all(self._run)
        for shell in self._shells:
            shell.close()
        self._shells = []
        if self.control is not None:
            self.control.close()
        if self.streams is not None:
            self.streams.close()


class WritingProcess(FarProcess):
    """Something that writes over a connection. Its feed is itself.

    Args:
        warm: The container that it runs in.
        reader: The connection's descriptor.
        sinks: What take what it writes to stdout and stderr.
    """

    __slots__ = ("_sinks", "_warm", "reader")

    def __init__(self, warm: Warm, reader: int, sinks: "Sequence[Stream]") -> None:
        super().__init__()
        self._warm = warm
        self._sinks = sinks
        self.reader = reader

    def drain(self) -> None:
        """Pass on the last lines."""
        for sink in self._sinks:
            sink.end()

    def close_writer(self) -> None:
        """There is none."""


class ShellProcess(WritingProcess):
    """A command that a shell in a container does. Its feed is itself."""

    __slots__ = ("_ending", "_shell", "broken")

    def __init__(
        self,
        warm: Warm,
        shell: "Shell",
        words: "Sequence[str]",
        folder: str,
        environ: "Mapping[str, str]",
        sinks: "Sequence[Stream]",
    ) -> None:
        super().__init__(warm, shell.frames.connection.fileno(), sinks)
        from runner.engine.shells import Ending  # noqa: PLC0415 - for containers only

        self._shell = shell
        self.broken = False
        self._ending = Ending(shell.begin(words, folder, environ), self._put)

    @property
    def failing(self) -> str:
        """Why the command could not even begin, as `runner.engine.shells` has it; else empty."""
        return self._ending.failing

    def _put(self, number: int, data: bytes) -> None:
        self._sinks[number - 1].take(data)

    def pump(self) -> bool:
        """Pass on what is there; False when the command has ended and all that it wrote is here."""
        if self.status is not None:
            return False
        if not self._shell.frames.receive(self._ending.take):
            self._ending.end()
            self.broken = True
            self.status = _ENGINE
            self._warm.drop(self._shell)
            return False
        if not self._ending.done:
            return True
        self.status = self._ending.status or 0
        self._shell.busy = False
        if self._ending.left:
            # What it has left running may write where the next command's output would be.
            self._warm.drop(self._shell)
        return False

    def signal(self, number: int) -> None:
        """Send a signal to the command and all of its group."""
        if self.status is None and self._warm.control is not None:
            self._warm.control.signal(self._shell.note, number)
            engine, container = self._warm.engine, self._warm.id
            Job(lambda _: engine.unpause(container))


class ClientProcess(Process):
    """A client on this machine that runs a command in a container.

    Args:
        pid: The client's number.
        warm: The container.
        note: Where the command notes its number.
    """

    __slots__ = ("_note", "_told", "_warm")

    def __init__(self, pid: int, warm: Warm, note: "Note") -> None:
        super().__init__(pid)
        self._warm = warm
        self._note = note
        self._told = False

    def kill(self) -> None:
        """End the command at once: the client ends with it, and gives the terminal back; else end the client."""
        if self._told or self._warm.control is None or not self._warm.control.signal(self._note, _KILL):
            super().kill()
        self._told = True


class ImageProcess(WritingProcess):
    """What an image starts by itself, as the first process of a container. Its feed is itself."""

    __slots__ = ("_frames",)

    def __init__(self, warm: Warm, sinks: "Sequence[Stream]") -> None:
        assert warm.streams is not None
        super().__init__(warm, warm.streams.fileno(), sinks)
        from runner.engine.shells import Frames  # noqa: PLC0415 - for containers only

        self._frames = Frames(warm.streams)

    def pump(self) -> bool:
        """Pass on what is there; False when it has ended."""
        if self.status is not None:
            return False
        if self._frames.receive(lambda number, data: self._sinks[number != 1].take(data)):
            return True
        self._warm.dead = True
        try:
            self.status = int(self._warm.engine.state(self._warm.id).get("ExitCode") or 0)
        except EngineError:
            self.status = _ENGINE
        return False

    def signal(self, number: int) -> None:
        """Tell it to stop as its image wants to be stopped, or send it a signal."""
        engine, container = self._warm.engine, self._warm.id
        if number == 15:
            Job(lambda _: engine.stop(container, 3600))
        else:
            Job(lambda _: engine.signal(container, number))


def broken(outcome: Outcome, process: Process | None, warm: Warm, label: str) -> Outcome:
    """What came of a command, with what is known of why it failed.

    Args:
        outcome: What came of it.
        process: The command.
        warm: Its container.
        label: What the container is called.
    """
    if isinstance(process, ShellProcess) and process.broken:
        error: PyrunError = EngineError(f"the container `{label}` failed: {warm.why()}")
        return Outcome(error.status, outcome.label, outcome.command, error)
    return outcome
