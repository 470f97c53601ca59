"""Actions done on the host: each command a process of its own, one after the other.

The steps of an action are a generator: it goes on until a process has been started or another action is
called, and is told how that ended. So the order of steps reads as it is, and the loop waits for all at once.
"""

import os
import sys
import time

from runner.errors import TIMEOUT, PyrunError, RunError
from runner.events import CommandStarted, Noticed, Retried, StepSkipped, VariablesSet
from runner.execute.outcome import DONE, HALTED, STOPPED, Outcome, Pause
from runner.execute.simple_command import simple_words
from runner.execute.streams import Stream
from runner.model.project import SHELL
from runner.model.when import COMMAND, ENVIRONMENT, EXISTS
from runner.plan.step import Block, Called, Guarded, Script, Setting
from runner.system.process import Process, replace, start
from runner.system.programs import find_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from runner.execute.launcher import Launcher
    from runner.execute.streams import Feed
    from runner.execute.surroundings import Surroundings
    from runner.plan.action import Action
    from runner.plan.step import PlanStep, Question
    from runner.system.task_log import TaskLog

    Work = Generator["Process | Called | Pause", Outcome, Outcome]

_KEYBOARD = (130, 131)
"""The exit status of what the keyboard's interrupt or quit has ended."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a task is tried for the second time, twice as many before each further try, and the most."""
_LONGEST = 120_000
"""Bytes of the longest script that is handed over as a word; Linux takes 128 KiB a word."""


class _Place:
    """Where steps stand: what is told, and what their commands get."""

    __slots__ = ("base", "env", "interpreter", "label")

    def __init__(
        self, label: str, interpreter: tuple[str, ...], env: "Mapping[str, str]", base: "Mapping[str, str]"
    ) -> None:
        self.base = base
        self.label = label
        self.interpreter = interpreter
        self.env = env


class HostRun:
    """The steps of one action, as they run.

    Args:
        action: What is done.
        around: What its commands have in common with those of its caller.
        environ: All variables of its commands but those that steps set.
        label: What it is called where its commands are told, its callers first.
        quiet: Whether its commands are not told.
        caller: What has called it, or None.

    Attributes:
        process: What runs now, or None.
        halted: Whether no step may begin any more, but those of `finally`.
        killed: Whether not even those may.
        deadline: When this try has taken too long, as `time.monotonic` counts, or 0.
        expired: Whether it has.
        hear: Hears all that the commands write, or None.
        log: Where all that the commands write is being kept, or None.
        logged: Whether it was decided if that is kept.
        again: What is done before each further try, or None.
        log_path: Where it is kept, once the run is done; empty if it is not.
    """

    __slots__ = (
        "_environ", "_final", "_work", "action", "again", "around", "caller", "deadline", "expired", "halted",
        "hear", "killed", "label", "log", "log_path", "logged", "process", "quiet", "scratch", "streams", "tries",
    )  # fmt: skip

    def __init__(
        self,
        action: "Action",
        around: "Surroundings",
        environ: "Mapping[str, str]",
        label: str,
        quiet: bool,
        caller: "HostRun | None",
    ) -> None:
        self.caller = caller
        self.action = action
        self.around = around
        self.label = label
        self.quiet = quiet
        self.process: Process | None = None
        self.streams: list[Feed] = []
        self.halted = False
        self.killed = False
        self.deadline = 0.0
        self.expired = False
        self.tries = 0
        self.scratch = ""
        self.hear: Callable[[bytes, int], None] | None = None
        self.again: Callable[[], None] | None = None
        self.log: TaskLog | None = None
        self.logged = False
        self.log_path = ""
        self._environ = environ
        self._final = 0
        self._work = self._whole()

    @property
    def prefix(self) -> bytes | None:
        """What each line of output begins with."""
        return self.around.prefix

    @property
    def lends_terminal(self) -> bool:
        """Whether the commands have the terminal."""
        return self.around.terminal is not None

    def go_on(self, before: Outcome | None) -> "Process | Called | Pause | Outcome":
        """Go on until a process has been started, another action is called, or all is done.

        Args:
            before: How the process or the called action ended; None at the beginning.
        """
        try:
            if before is None:
                return next(self._work)
            return self._work.send(before)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome

    def single(self) -> Script | None:
        """The one command that is all this action does, or None."""
        steps = self.action.steps
        step = steps[0] if len(steps) == 1 and not self.action.last else None
        if not isinstance(step, Script) or step.pty or step.respond or len(step.text) * 4 > _LONGEST:
            return None
        return step

    def become(self, script: Script, handled: "Sequence[int]") -> None:
        """Let a command take this process's place; return only if that fails.

        Raises:
            RunError: It did.
        """
        place = _Place(self.label, self.action.interpreter, {}, self._environ)
        self._tell(script, place)
        folder = self.around.folder(script.dir)
        for argv in self._ways(script, place):
            error = replace(argv, folder=folder, environ=self._variables(folder, place), reset=handled)
        error.at = error.at or script.position
        raise error

    def end(self) -> None:
        """The process has ended: pass on what it wrote."""
        self.process = None
        if self.scratch:
            try:
                os.unlink(self.scratch)
            except FileNotFoundError:
                # Who needed it has removed it at once.
                pass
            self.scratch = ""
        self.close_streams()

    def close_streams(self) -> None:
        """Pass on what is left and let go of the pipes."""
        for stream in self.streams:
            stream.drain()
        self.streams = []

    def close_log(self) -> None:
        """All that the action's commands wrote is kept now, or given up."""
        log, self.log = self.log, None
        if log is not None and log.close():
            self.log_path = log.path

    def signal(self, number: int) -> "tuple[tuple[int, str], ...]":
        """Send a signal to all that runs; what was below it at that moment comes back."""
        if self.process is None:
            return ()
        below = self.process.below()
        self.process.signal(number)
        return below

    @property
    def has_last(self) -> bool:
        """Whether something comes in the end."""
        return bool(self.action.last) or any(_has_last(step) for step in self.action.steps)

    def kill(self) -> None:
        """End all that runs, at once, and let nothing more begin, in what has called it neither."""
        run: HostRun | None = self
        while run is not None:
            run.killed = True
            run = run.caller
        self.kill_process()

    def kill_process(self) -> None:
        """End what runs now, at once, what has left its group too."""
        if self.process is not None:
            self.process.kill()

    def _whole(self) -> "Work":
        """All that the action does, with its secrets in their places as long as that takes."""
        action, launcher = self.action, self.around.launcher
        secrets = [secret for secret in action.traits.secrets if secret.to]
        if launcher is not None:
            unready = yield from self._prepared(launcher)
            if unready.failed:
                return unready
            self._environ = launcher.environ()
            secrets = [secret for secret in secrets if not launcher.places_secret(secret)]
        if not secrets:
            return (yield from self._all())
        from runner.system.secrets import place_secrets, remove_secrets  # noqa: PLC0415 - few tasks have any

        try:
            made = place_secrets(
                secrets,
                self.around.work.environ(action, action.traits.namespace),
                self.around.work.top,
                self.around.secrets_in(),
            )
        except PyrunError as error:
            return Outcome(error.status, action.label, "", error)
        try:
            return (yield from self._all())
        finally:
            remove_secrets(made)

    def _prepared(self, launcher: "Launcher") -> "Work":
        """Wait until commands can be started."""
        try:
            while (waiting := launcher.prepare()) is not None:
                self.process, feed = waiting
                self.streams = [feed]
                outcome = yield self.process
                if outcome.failed or self.halted:
                    return outcome if outcome.failed else HALTED
        except PyrunError as error:
            if isinstance(error, RunError):
                # That there is no engine is no fault of the task.
                error.at = error.at or self.action.position
            return Outcome(error.status, self.action.label, "", error)
        return DONE

    def _all(self) -> "Work":
        """All that the action does: its steps, as often as it says, and what comes in the end."""
        action = self.action
        place = _Place(self.label, action.interpreter, {}, self._environ)
        before = dict(self.around.settings)
        outcome = yield from self._tried(place)
        while outcome.failed and self.tries <= action.limits.retries and not self.halted:
            if self.lends_terminal and outcome.status in _KEYBOARD:
                # The keyboard's signal went to the command, which had the terminal; it was meant for all.
                break
            pause = min(_FIRST_PAUSE * 2 ** (self.tries - 1), _LONGEST_PAUSE)
            self.around.reporter.tell(
                Retried(action.label, outcome.status, self.tries, action.limits.retries, int(pause * 1000))
            )
            rested = yield Pause(pause)
            if rested.failed:
                break
            # What the failed try has set and left is no part of the next one.
            if self.again is not None:
                self.again()
            self.around.settings.clear()
            self.around.settings.update(before)
            outcome = yield from self._tried(place)
        if self.halted and not outcome.failed and not action.persistent:
            # The last command ended well, but it had been told to stop.
            outcome = STOPPED
        return (yield from self._finally(action.last, place, outcome))

    def _tried(self, place: _Place) -> "Work":
        """One try of the action's steps."""
        timeout = self.action.limits.timeout
        self.tries += 1
        self.expired = False
        self.deadline = time.monotonic() + timeout / 1000 if timeout else 0.0
        if self.action.as_it_comes:
            outcome = yield from self._served()
        else:
            outcome = yield from self._steps(self.action.steps, place)
        self.deadline = 0.0
        if self.expired:
            limit = duration_text(timeout)
            error = RunError(
                f"`{self.action.label}` took longer than {limit}", self.action.position, "", TIMEOUT
            )
            return Outcome(TIMEOUT, self.action.label, outcome.command, error)
        return outcome

    def _finally(self, last: "tuple[PlanStep, ...]", place: _Place, outcome: Outcome) -> "Work":
        """What comes in the end, whatever came before; the first failure in time counts."""
        if not last or self.killed:
            return outcome
        self._final += 1
        deadline, self.deadline = self.deadline, 0.0
        after = yield from self._steps(last, place)
        self.deadline = deadline
        self._final -= 1
        return outcome if outcome.failed else after

    def _steps(self, steps: "Sequence[PlanStep]", place: _Place) -> "Work":
        for step in steps:
            if self.killed or ((self.halted or self.expired) and not self._final):
                return HALTED
            outcome = DONE
            if isinstance(step, Script):
                outcome = yield from self._command(step, place)
            elif isinstance(step, Setting):
                self._set(step)
            elif isinstance(step, Guarded):
                holds = yield from self._holds(step, place)
                if holds is DONE:
                    outcome = yield from self._steps(step.steps, place)
                elif holds.error is not None:
                    outcome = holds
                else:
                    self.around.reporter.tell(StepSkipped(place.label, _shown(step)))
            elif isinstance(step, Block):
                outcome = yield from self._block(step, place)
            else:
                outcome = yield step
                if outcome is STOPPED:
                    # What is left undone here shows in the steps behind it.
                    outcome = DONE
            if outcome.failed:
                return outcome
        return DONE

    def _block(self, block: Block, place: _Place) -> "Work":
        """The steps of a called task that are part of this action."""
        label = f"{place.label} > {block.label}" if block.label else place.label
        base = self._environ
        if block.namespace != self.action.traits.namespace:
            variables = self.around.work.environ(self.action, block.namespace)
            base = {**variables, **dict(self.action.env)}
        launcher = self.around.launcher
        fixed = dict(block.env) if launcher is None else launcher.fill(block.env)
        env = {name: value for name, value in fixed.items() if isinstance(value, str)}
        inner = _Place(label, block.interpreter, {**place.env, **env}, base)
        outcome = yield from self._steps(block.steps, inner)
        return (yield from self._finally(block.last, inner, outcome))

    def _command(self, script: Script, place: _Place) -> "Work":
        """Run a command."""
        self._tell(script, place)
        try:
            self._start(script, place)
        except PyrunError as error:
            error.at = error.at or script.position
            return Outcome(error.status, self.action.label, script.text, error)
        assert self.process is not None
        outcome = yield self.process
        if outcome.failed and not outcome.command:
            launcher = self.around.launcher
            if launcher is not None and not self.expired and not self.halted:
                outcome = launcher.explain(outcome)
                if outcome.error is not None:
                    outcome.error.at = outcome.error.at or script.position
            return Outcome(outcome.status, self.action.label, script.text, outcome.error)
        return outcome

    def _served(self) -> "Work":
        """What the container's image starts by itself."""
        launcher = self.around.launcher
        assert launcher is not None
        try:
            self.process, feed = launcher.serve(self._sinks())
        except PyrunError as error:
            error.at = error.at or self.action.position
            return Outcome(error.status, self.action.label, "", error)
        self.streams = [feed]
        outcome = yield self.process
        return Outcome(outcome.status, self.action.label, "", outcome.error) if outcome.failed else outcome

    def _start(self, script: Script, place: _Place) -> None:
        around = self.around
        folder = self.around.folder(script.dir)
        environ = self._variables(folder, place)
        terminal = around.terminal
        if around.launcher is None:
            ways = self._ways(script, place)
        else:
            words = self._far_words(script, place)
            if not (script.pty or script.respond or _gives(around.stdin)):
                self.process, feed = around.launcher.start(words, folder, environ, self._sinks())
                self.streams = [feed]
                return
            ways, environ, folder = self._client(around.launcher, script, words, folder, environ)
        files = self._files()
        if script.pty or script.respond:
            from runner.system.answering_call import answering_call  # noqa: PLC0415 - few commands are

            words, more = answering_call(
                ways[-1], pty=script.pty, respond=script.respond, python=sys.executable
            )
            ways, environ = [words], {**environ, **more}
        for number, argv in enumerate(ways):
            try:
                self.process = start(
                    around.words(argv, environ, folder),
                    folder=folder,
                    environ=environ,
                    files=files,
                    terminal=terminal,
                )
                break
            except RunError:
                if number == len(ways) - 1:
                    self.close_streams()
                    raise
        if around.launcher is not None and self.process is not None:
            self.process = around.launcher.adopted(self.process)
        for stream in self.streams:
            stream.close_writer()

    def _far_words(self, script: Script, place: _Place) -> "Sequence[str]":
        """The words of a command where this machine's programs are not to be seen."""
        if script.argv:
            return (script.argv[0] or "python3", *script.argv[1:])
        text = script.text
        if text[:1] in {"-", "+"} and place.interpreter == SHELL:
            text = f" {text}"
        return (*place.interpreter, self._late(text))

    def _client(
        self,
        launcher: "Launcher",
        script: Script,
        words: "Sequence[str]",
        folder: str,
        environ: "Mapping[str, str]",
    ) -> "tuple[list[Sequence[str]], Mapping[str, str], str]":
        """How a program of this machine is started that runs a command elsewhere with this machine's stdin."""
        from runner.system.long_script import write_script  # noqa: PLC0415 - for commands with a terminal

        terminal = script.pty or (
            self.lends_terminal and os.isatty(0) and os.isatty(1) and self.around.prefix is None
        )
        self.scratch = write_script(launcher.client(words, folder, environ, terminal=terminal))
        argv = (sys.executable, "-P", "-m", "runner.engine.exec_client", self.scratch)
        return [argv], launcher.client_environ(), self.around.work.top

    def _late(self, text: str) -> str:
        """A text with the ports in it that are known only now."""
        for token, value in self.around.tokens.items():
            text = text.replace(token, value)
        return text

    def _sinks(self) -> "list[Stream]":
        """What take what a command elsewhere writes."""
        around = self.around
        silent = around.work.silent
        heard = self.hear is not None or self.action.restorable
        if around.prefix is None or (silent and not heard):
            self._forget_log()
        else:
            self._open_log()
        write = _drop if silent else self._show
        prefix, whole = (b"", False) if around.prefix is None else (around.prefix, around.whole)
        sinks = [Stream(number, prefix, write, whole=whole, pipe=False) for number in (1, 2)]
        for number, sink in enumerate(sinks, 1):
            sink.listener = self._ear(number)
        return sinks

    def _files(self) -> tuple[int, int, int]:
        """What a command reads and writes: the user's, nobody's, or pipes to us."""
        around = self.around
        silent = around.work.silent
        heard = self.hear is not None or self.action.restorable
        if around.prefix is None or (silent and not heard):
            self._forget_log()
            return (around.stdin, around.null, around.null) if silent else (around.stdin, 1, 2)
        self._open_log()
        write = _drop if silent else self._show
        streams = [Stream(number, around.prefix, write, whole=around.whole) for number in (1, 2)]
        for number, stream in enumerate(streams, 1):
            stream.listener = self._ear(number)
        self.streams = [*streams]
        return (around.stdin, streams[0].writer, streams[1].writer)

    def _show(self, number: int, data: bytes) -> None:
        *_, first = self._callers()
        self.around.reporter.output(first.action.label, number, data)

    def _ear(self, number: int) -> "Callable[[bytes], None]":
        """Who hears what is written to one of the streams: who asked for it, and the logs of all callers."""
        hear = self.hear
        # What a task with secrets writes may hold one of them: that is shown, and kept nowhere.
        quiet = bool(self.action.traits.secrets)
        logs = [run.log for run in self._callers() if run.log is not None and not quiet]

        def listen(chunk: bytes) -> None:
            if hear is not None:
                hear(chunk, number)
            for log in logs:
                log.put(number, chunk)

        return listen

    def _callers(self) -> "Iterator[HostRun]":
        """This run, and those that wait for it."""
        run: HostRun | None = self
        while run is not None:
            yield run
            run = run.caller

    def _open_log(self) -> None:
        """Have a log for this run and for its callers, once a run."""
        if all(run.logged for run in self._callers()):
            return
        from runner.system.state_folder import make_state_folder  # noqa: PLC0415 - for output that is kept
        from runner.system.task_log import TaskLog, forget_log, log_path  # noqa: PLC0415

        top = self.around.work.top
        reporter = self.around.reporter
        for run in self._callers():
            if run.logged:
                continue
            run.logged = True
            if run.action.traits.secrets:
                forget_log(log_path(top, run.action.id))
                continue
            try:
                os.makedirs(f"{make_state_folder(top)}/logs", exist_ok=True)
            except OSError:
                # Where nothing can be written there are no logs.
                continue
            run.log = TaskLog(
                log_path(top, run.action.id),
                lambda why: reporter.tell(Noticed(f"what tasks write is not kept any more: {why}")),
            )

    def _forget_log(self) -> None:
        """What is kept of an earlier run is not what this one writes."""
        if not self.logged and os.path.exists(f"{self.around.work.top}/.pyrun/logs"):
            from runner.system.task_log import forget_log, log_path  # noqa: PLC0415 - few have any

            forget_log(log_path(self.around.work.top, self.action.id))
        self.logged = True

    def _set(self, step: Setting) -> None:
        """Set variables for all that comes after."""
        self.around.settings.update(step.variables)
        if not (step.quiet or self.quiet):
            self.around.reporter.tell(VariablesSet(step.variables))

    def _holds(self, step: Guarded, place: _Place) -> "Work":
        """DONE if a condition holds, HALTED if it does not."""
        for item in step.when:
            for question in item:
                answer = yield from self._answer(question, step, place)
                if answer is DONE or answer.error is not None:
                    break
            else:
                return HALTED
            if answer.error is not None:
                return answer
        return DONE

    def _answer(self, question: "Question", step: Guarded, place: _Place) -> "Work":
        """DONE if one question is answered by yes."""
        folder = self.around.folder(question.dir)
        environ = self._variables(folder, place)
        texts = [self._late(value) for value in question.values if value is not None]
        if question.kind == ENVIRONMENT:
            return DONE if environ.get(question.name) in question.values else HALTED
        if question.kind == COMMAND:
            for text in texts:
                outcome = yield from self._asked((*place.interpreter, text), text, folder, environ, step)
                if not outcome.failed:
                    return DONE
                if outcome.error is not None:
                    return outcome
                if self.halted:
                    break
            return HALTED
        launcher = self.around.launcher
        there = []
        for text in texts:
            if launcher is None or launcher.sees(text):
                found = self.around.exists(question.dir, text)
                if found or launcher is None or not launcher.apart:
                    there.append(found)
                    continue
            outcome = yield from self._asked(("test", "-e", text), text, folder, environ, step)
            if outcome.error is not None:
                return outcome
            there.append(not outcome.failed)
        return DONE if (any(there) if question.kind == EXISTS else not all(there)) else HALTED

    def _asked(
        self, words: "Sequence[str]", text: str, folder: str, environ: "Mapping[str, str]", step: Guarded
    ) -> "Work":
        """What came of a command that is only asked how it ends: DONE, or a failure."""
        launcher = self.around.launcher
        try:
            if launcher is not None:
                sinks = [Stream(number, b"", _drop, pipe=False) for number in (1, 2)]
                self.process, feed = launcher.start(words, folder, environ, sinks)
                self.streams = [feed]
            else:
                interpreter, script = tuple(words[:-1]), words[-1]
                self.process = start(
                    self.around.words(self._argv(script, interpreter), environ, folder),
                    folder=folder,
                    environ=environ,
                    files=(self.around.null,) * 3,
                )
        except PyrunError as error:
            error.at = step.position
            return Outcome(error.status, self.action.label, text, error)
        outcome = yield self.process
        return outcome

    def _tell(self, script: Script, place: _Place) -> None:
        if not (script.quiet or self.quiet):
            text = script.text if script.shown is None else script.shown
            self.around.reporter.tell(CommandStarted(place.label, self._late(text)))

    def _ways(self, script: Script, place: _Place) -> "list[Sequence[str]]":
        """How to start a command, the quickest way first; the last one says what is wrong if none works."""
        if script.argv:
            return [(script.argv[0] or sys.executable, *script.argv[1:])]
        text = self._late(script.text)
        shell = self._argv(text, place.interpreter)
        if place.interpreter == SHELL:
            words = simple_words(text)
            environ = self._variables("", place)
            if (
                words is not None
                and find_program(words[0], environ, self.around.folder(script.dir)) is not None
            ):
                return [words, shell]
        return [shell]

    def _argv(self, text: str, interpreter: "tuple[str, ...]") -> "Sequence[str]":
        """The words that run a script."""
        if len(text) * 4 > _LONGEST and len(text.encode("utf-8", "surrogateescape")) > _LONGEST:
            from runner.system.long_script import script_words, write_script  # noqa: PLC0415 - few are that long

            self.scratch = write_script(text)
            return script_words(self.scratch, interpreter)
        if text[:1] in {"-", "+"} and interpreter == SHELL:
            # A shell would take it for an option.
            return (*interpreter, f" {text}")
        return (*interpreter, text)

    def _variables(self, folder: str, place: _Place) -> "Mapping[str, str]":
        """All variables of a command; as a shell's `cd` would leave them."""
        found = {**place.base, "PWD": folder, **place.env} if place.env else {**place.base, "PWD": folder}
        for name, value in self.around.settings.items():
            if value is None:
                found.pop(name, None)
            else:
                found[name] = value
        if self.around.tokens:
            return {name: self._late(value) for name, value in found.items()}
        return found


def _gives(number: int) -> bool:
    """Whether a stdin may give anything: not where it is closed, or nobody's."""
    try:
        found, nothing = os.fstat(number), os.stat(os.devnull)
    except OSError:
        return False
    return found.st_rdev != nothing.st_rdev


def _drop(_target: int, _data: bytes) -> None:
    """What is written is for nobody."""


def duration_text(milliseconds: int) -> str:
    """A duration as a file would have it."""
    if milliseconds % 60_000 == 0:
        return f"{milliseconds // 60_000}m"
    return f"{milliseconds / 1000:g}s"


def _has_last(step: "PlanStep") -> bool:
    if isinstance(step, Guarded):
        return any(map(_has_last, step.steps))
    return isinstance(step, Block) and (bool(step.last) or any(map(_has_last, step.steps)))


def _shown(step: Guarded) -> str:
    """What is told of steps that are passed over: the first command's first line."""
    first = next((inner for inner in step.steps if isinstance(inner, Script)), None)
    return "" if first is None else first.text.strip().partition("\n")[0]
