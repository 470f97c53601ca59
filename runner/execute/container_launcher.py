"""Starting the commands of one action in its container, and saying why one failed.

Knows one container, which somebody else gets ready, and keeps for it.
"""

import os

from runner.errors import EngineError, RunError
from runner.execute.outcome import Outcome
from runner.execute.surroundings import Surroundings
from runner.execute.warm import ClientProcess, ImageProcess, Job, ShellProcess, Waiting, Warm
from runner.model.path import resolved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol

    from runner.engine.shells import Note
    from runner.execute.container_facts import ContainerFacts
    from runner.execute.host import HostRun
    from runner.execute.streams import Feed, Stream
    from runner.model.task import Secret
    from runner.plan.action import Action
    from runner.plan.container_plan import Value as Variable
    from runner.system.process import Process
else:
    Protocol = object

_LONGEST_TAIL = 1 << 16
"""Bytes of what a command wrote last that are looked at when it has failed."""
_KILLED = 137


class Keeper(Protocol):
    """Who has the containers of a run."""

    facts: "ContainerFacts"

    def copies(self, action: "Action") -> bool:
        """Whether an action's container sees copies of what is declared, and not the project."""

    def job(self, action: "Action") -> Job:
        """What makes the container of an action ready, or has done so."""

    def lost(self, action: "Action") -> None:
        """The container of an action is of no use any more."""

    def unseen(self, action: "Action", job: Job) -> bool:
        """Whether a container could not be made since the engine does not see the project, and gets copies now."""


class ContainerSurroundings(Surroundings):
    """What the commands of an action in a container have in common.

    Args:
        around: What they would have in common on the host.
        launcher: Starts them.
        workdir: Where the project is seen; empty if it is not.

    Attributes:
        outer: See `around`.
    """

    __slots__ = ("_workdir", "outer")

    def __init__(self, around: Surroundings, launcher: "ContainerLauncher", workdir: str) -> None:
        for name in Surroundings.__slots__:
            setattr(self, name, getattr(around, name))
        self.outer = around
        self.launcher = launcher
        self._workdir = workdir
        work = around.work
        self.work = type(work)(
            *(launcher.variables if name == "environ" else getattr(work, name) for name in work.FIELDS)  # type: ignore[arg-type]
        )

    def folder(self, written: str) -> str:
        """A folder of an action as an absolute path in the container."""
        path = resolved(written)
        if not self._workdir:
            return "."
        if path.startswith("/"):
            return path
        return f"{self._workdir}/{path}" if path else self._workdir

    def exists(self, written: str, path: str) -> bool:
        """Whether there is something at a path of the project."""
        inside = resolved(path)
        if f"{inside}/".startswith(f"{self._workdir}/"):
            return os.path.exists(os.path.join(self.work.top, inside[len(self._workdir) + 1 :]))
        return os.path.exists(os.path.join(self.work.top, resolved(written), inside))


class ContainerLauncher:
    """Starts the commands of one action in its container, as `runner.execute.launcher.Launcher` has it.

    Args:
        containers: All containers of the run.
        action: The action.
        host_environ: The variables of programs on the host that serve it.
    """

    def __init__(
        self, containers: "Keeper", action: "Action", host_environ: "Callable[[], Mapping[str, str]]"
    ) -> None:
        assert action.container is not None
        self._containers = containers
        self._facts = containers.facts
        self._action = action
        self._plan = action.container
        self._host_environ = host_environ
        self._warm: Warm | None = None
        self._last: Process | None = None
        self._words: Sequence[str] = ()
        self._folder = ""
        self._note: Note | None = None
        self.run: HostRun | None = None
        self.tail = b""

    @property
    def warm(self) -> Warm:
        """The container, which is ready."""
        assert self._warm is not None
        return self._warm

    @property
    def up(self) -> bool:
        """Whether commands can be started."""
        return self._warm is not None

    def prepare(self) -> "tuple[Process, Feed] | None":
        """What must be waited for before a command can be started; None if nothing.

        Raises:
            RunError: The container can't be made.
        """
        job = self._containers.job(self._action)
        if not job.done:
            waiting = Waiting(job)
            return waiting, waiting
        job.report()
        if job.error is not None:
            if self._containers.unseen(self._action, job):
                return self.prepare()
            raise job.error
        assert isinstance(job.result, Warm)
        self._warm = job.result
        if self.run is not None and self.apart and not self._action.persistent:
            self.run.hear = self._hear
        return None

    @property
    def apart(self) -> bool:
        """Whether what commands write is not to be seen in the project before all is done."""
        return self._containers.copies(self._action)

    def _hear(self, chunk: bytes, _number: int) -> None:
        """Keep the last of what is written: what a failed command missed is read from it."""
        self.tail = (self.tail + chunk)[-_LONGEST_TAIL:]

    def variables(self, action: "Action", namespace: str) -> "Mapping[str, str]":
        """The variables of an action's commands; none before it is known what the image has."""
        return self._facts.variables(action, namespace) if self._warm is not None else {}

    def environ(self) -> "Mapping[str, str]":
        """All variables of the commands but those that steps set."""
        return self._facts.variables(self._action, self._action.traits.namespace)

    def fill(self, env: "Sequence[tuple[str, Variable]]") -> "Mapping[str, str]":
        """Fixed variables, with those of the image that they name."""
        return self._facts.fill(self._plan, env)

    def sees(self, path: str) -> bool:
        """Whether a path leads to the project's files, so that it need not be asked for."""
        inside = f"{resolved(path)}/"
        if inside.startswith(f"{self._plan.workdir}/"):
            return "/../" not in inside
        return not inside.startswith(("/", "../"))

    def start(
        self, words: "Sequence[str]", folder: str, environ: "Mapping[str, str]", sinks: "Sequence[Stream]"
    ) -> "tuple[Process, Feed]":
        """Start a command that reads nothing.

        Raises:
            EngineError: The engine did not start it.
        """
        process = self.warm.start(words, folder, environ, sinks)
        self._last, self._words, self._folder = process, words, folder
        return process, process

    def client(
        self, words: "Sequence[str]", folder: str, environ: "Mapping[str, str]", *, terminal: bool
    ) -> str:
        """What the client needs to know, as text."""
        from runner.engine.exec_client import request_text  # noqa: PLC0415 - for commands with a terminal

        warm = self.warm
        self._last = None
        self._note = warm.next_note()
        gone = [name for name in warm.base if name not in environ]
        return request_text(
            self._facts.engine.url, warm.id, str(warm.user), words, folder, environ, gone,
            secrets=[secret.variable for secret in self._action.traits.secrets],
            note=self._note, terminal=terminal,
        )  # fmt: skip

    def client_environ(self) -> "Mapping[str, str]":
        """The variables of the client."""
        return self._host_environ()

    def adopted(self, process: "Process") -> "Process":
        """A client that was just started, so that what it runs ends with it."""
        assert self._note is not None
        return ClientProcess(process.pid, self.warm, self._note)

    def serve_in(self, containers: "Keeper") -> None:
        """Its container is one of others now."""
        self._containers = containers

    def reached(self, port: int) -> int:
        """The port of this machine by which one of the container is reached; 0 as long as there is none."""
        return self._warm.ports.get(port, 0) if self._warm is not None else 0

    def serve(self, sinks: "Sequence[Stream]") -> "tuple[Process, Feed]":
        """Start what the image starts by itself: it was started when its container was."""
        process = ImageProcess(self.warm, sinks)
        self._last = process
        return process, process

    def places_secret(self, secret: "Secret") -> bool:
        """Whether a secret is put in its place in the container, and not in the project."""
        return self._containers.copies(self._action) or secret.to.startswith(("/", "~"))

    def explain(self, outcome: Outcome) -> Outcome:
        """What came of a command, with what is known of why it failed."""
        last, name = self._last, self._plan.name
        if isinstance(last, ShellProcess) and last.broken:
            self._containers.lost(self._action)
            if self.warm.out_of_memory():
                return self._ran_out(outcome)
            error = EngineError(
                f"the container `{name}` failed while `{self._action.label}` ran: {self.warm.why()}",
                self._action.position,
                "was it or its engine stopped from outside, or did a command end all processes?",
            )
            return Outcome(error.status, outcome.label, outcome.command, error)
        if isinstance(last, ShellProcess) and last.failing:
            return Outcome(
                outcome.status, outcome.label, outcome.command, self._unbegun(last.failing, outcome)
            )
        if outcome.status == _KILLED and self.warm.out_of_memory():
            return self._ran_out(outcome)
        return outcome

    def _ran_out(self, outcome: Outcome) -> Outcome:
        """What came of a command that took too much memory."""
        limit = self._plan.definition.memory
        of = f" of {_bytes(limit)}" if limit else ""
        error = RunError(
            f"`{self._action.label}` was killed (exit status {_KILLED}): the container `{self._plan.name}` "
            f"reached its memory limit{of}",
            self._action.position,
            "let it use more: `memory:` at the container, or run fewer tasks side by side with `--jobs`",
            _KILLED,
        )
        return Outcome(_KILLED, outcome.label, outcome.command, error)

    def _unbegun(self, why: str, outcome: Outcome) -> RunError:
        """Why a command could not begin, in words."""
        from runner.engine.shells import FOLDER_FAILED  # noqa: PLC0415 - it is loaded by now

        name = self._plan.name
        if why == FOLDER_FAILED:
            message = f"the working folder `{self._folder}` can't be entered in the container `{name}`"
            return RunError(message, None, "make it first", outcome.status)
        return RunError(
            f"there is no `{self._words[0]}` in the container `{name}`", None,
            "take an image that has it, or let the container's `setup` install it", outcome.status,
        )  # fmt: skip


def _bytes(number: int) -> str:
    for unit, size in (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)):
        if number % size == 0:
            return f"{number // size}{unit}"
    return f"{number} bytes"
