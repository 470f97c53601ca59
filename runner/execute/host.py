"""Actions done on the host: each command a process of its own, one after the other."""

from os.path import normpath

from runner.errors import RunError
from runner.events import CommandStarted
from runner.execute.simple_command import simple_words
from runner.execute.streams import Stream, write_all
from runner.model.project import SHELL
from runner.system.process import Process, descendants, kill_left, replace, start
from runner.system.programs import find_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.events import Reporter
    from runner.plan.action import Action, Script


class HostRun:
    """The commands of one action, as they run.

    Args:
        action: What is done.
        top: The project's top folder, absolute.
        environ: All variables of its commands.
        reporter: Who is told.
        stdin: What the commands read.
        prefix: What each line of output begins with, or None where the commands write straight to the user.
        terminal: The terminal that is lent to the commands, or None.
    """

    __slots__ = (
        "_environ", "_next", "_reporter", "_stdin", "_terminal", "_top", "action", "prefix", "process", "streams",
    )  # fmt: skip

    def __init__(
        self,
        action: "Action",
        top: str,
        environ: "Mapping[str, str]",
        reporter: "Reporter",
        stdin: int,
        prefix: bytes | None,
        terminal: int | None,
    ) -> None:
        self.action = action
        self.prefix = prefix
        self.process: Process | None = None
        self.streams: list[Stream] = []
        self._top = top
        self._environ = environ
        self._reporter = reporter
        self._stdin = stdin
        self._terminal = terminal
        self._next = 0

    @property
    def lends_terminal(self) -> bool:
        """Whether the commands have the terminal."""
        return self._terminal is not None

    @property
    def command(self) -> str:
        """The command that runs, or ran last."""
        scripts = self.action.scripts
        return scripts[max(0, self._next - 1)].text if scripts else ""

    def last_command(self) -> bool:
        """Whether one command is left to do."""
        return self._next == len(self.action.scripts) - 1

    def step(self) -> bool:
        """Start the next command; False if there is none.

        Raises:
            RunError: It can't be started.
        """
        if self._next >= len(self.action.scripts):
            return False
        script = self._announce()
        files = (self._stdin, 1, 2)
        if self.prefix is not None:
            self.streams = [Stream(1, self.prefix, write_all), Stream(2, self.prefix, write_all)]
            files = (self._stdin, self.streams[0].writer, self.streams[1].writer)
        folder = self._folder(script)
        for argv in self._ways(script):
            try:
                self.process = start(
                    argv, folder=folder, environ=self._variables(folder), files=files, terminal=self._terminal
                )
                break
            except RunError as error:
                failure = error
        else:
            self.close_streams()
            failure.at = failure.at or script.position
            raise failure
        for stream in self.streams:
            stream.close_writer()
        return True

    def become(self, handled: "Sequence[int]") -> None:
        """Let the next command take this process's place; return only if that fails.

        Raises:
            RunError: It did.
        """
        script = self._announce()
        folder = self._folder(script)
        for argv in self._ways(script):
            error = replace(argv, folder=folder, environ=self._variables(folder), reset=handled)
        error.at = error.at or script.position
        raise error

    def end(self) -> None:
        """The process has ended: pass on what it wrote."""
        self.process = None
        self.close_streams()

    def close_streams(self) -> None:
        """Pass on what is left and let go of the pipes."""
        for stream in self.streams:
            stream.drain()
        self.streams = []

    def signal(self, number: int) -> "tuple[tuple[int, str], ...]":
        """Send a signal to all that runs; what was below it at that moment comes back."""
        if self.process is None:
            return ()
        below = descendants(self.process.pid)
        self.process.signal(number)
        return below

    def kill(self) -> None:
        """End all that runs, at once, what has left its group too."""
        if self.process is not None:
            kill_left(descendants(self.process.pid))
            self.process.signal(9)

    def _announce(self) -> "Script":
        script = self.action.scripts[self._next]
        self._next += 1
        if not script.quiet:
            text = script.text if script.shown is None else script.shown
            self._reporter.tell(CommandStarted(self.action.label, text))
        return script

    def _ways(self, script: "Script") -> "list[Sequence[str]]":
        """How to start a command, the quickest way first; the last one says what is wrong if none works."""
        shell = (*self.action.interpreter, script.text)
        if self.action.interpreter == SHELL:
            words = simple_words(script.text)
            if words is not None and find_program(words[0], self._environ, self._folder(script)) is not None:
                return [words, shell]
        return [shell]

    def _variables(self, folder: str) -> "Mapping[str, str]":
        """All variables of a command; as a shell's `cd` would leave them."""
        return {**self._environ, "PWD": folder}

    def _folder(self, script: "Script") -> str:
        return normpath(f"{self._top}/{script.dir}") if not script.dir.startswith("/") else script.dir
