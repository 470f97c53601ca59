"""The one loop that does the work of a plan: asks the schedule, starts, waits, records, tells.

One thread. It waits for signals, ends of processes and output in one place, so that there is no moment at
which a stop signal finds nobody.
"""

import os
import select
import time

from runner.errors import PyrunError, RunError
from runner.events import Noticed, TaskFailed, TaskFinished, TaskSkipped, TaskStarted
from runner.execute.host import HostRun
from runner.execute.stopping import SIGPIPE, Stopping
from runner.execute.terminal import Terminal
from runner.model.record import Record
from runner.plan.schedule import Schedule
from runner.system.stop_signals import StoppedError, StopSignals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.events import Reporter
    from runner.execute.ports import Images, Log
    from runner.execute.streams import Stream
    from runner.execute.verdict import Judge, Verdict
    from runner.plan.action import Action, Plan


class Settings(Record):
    """How to work on a plan.

    Args:
        top: The project's top folder, absolute.
        environ: The caller's variables.
        jobs: How many actions may run side by side.
    """

    FIELDS = ("top", "environ", "jobs")
    __slots__ = FIELDS

    def __init__(self, top: str, environ: "Mapping[str, str]", jobs: int) -> None:
        self.top = top
        self.environ = environ
        self.jobs = jobs


class _Running:
    """An action at work."""

    __slots__ = ("began", "run", "server", "verdict")

    def __init__(self, run: HostRun, verdict: "Verdict", server: bool) -> None:
        self.run = run
        self.verdict = verdict
        self.server = server
        self.began = time.monotonic()


class Loop:
    """The work on one plan.

    Args:
        plan: What is to be done.
        settings: How.
        judge: Says what must run.
        log: What ran last.
        images: Where images are made.
        reporter: Who is told.
    """

    def __init__(
        self,
        plan: "Plan",
        settings: Settings,
        judge: "Judge",
        log: "Log",
        images: "Images",
        reporter: "Reporter",
    ) -> None:
        self.plan = plan
        self.settings = settings
        self.judge = judge
        self.images = images
        self.reporter = reporter
        self.actions = {action.id: action for action in plan.actions}
        durations = log.durations() if settings.jobs > 1 and len(plan.actions) > settings.jobs else {}
        self.schedule = Schedule(plan, durations)
        self.running: dict[int, _Running] = {}
        self.waiting_servers: dict[str, Verdict] = {}
        self.foreground = foreground_servers(plan)
        self.status = 0
        self.error: PyrunError | None = None
        self.failed = False
        self.served = False
        self.stopping = Stopping()
        self.terminal = Terminal()
        self._null = -1
        self._handled: Sequence[int] = ()
        self._signals: StopSignals | None = None

    def run(self) -> int:
        """Do the work; the exit status.

        Raises:
            PyrunError: Something that pyrun itself found wrong while running, the first in time.
        """
        with StopSignals() as signals:
            self._signals = signals
            self._handled = signals.handled
            try:
                self._work(signals)
            finally:
                self.stopping.kill(self._runs())
                self.stopping.end()
                self.terminal.take_back()
        if self.error is not None and not self.stopping.caught:
            raise self.error
        return self._exit_status()

    def _exit_status(self) -> int:
        if self.stopping.caught and not (self._one_server() and self.served and not self.error):
            return 128 + self.stopping.caught
        return self.status

    def _one_server(self) -> bool:
        """Whether the one thing asked for is a server."""
        return len(self.plan.asked) == 1 and self.actions[self.plan.asked[0]].persistent

    def _work(self, signals: StopSignals) -> None:
        while True:
            try:
                self._start_what_may()
            except BrokenPipeError:
                self._stop(SIGPIPE)
            if not self.running and not self.stopping.unfinished(running=False):
                for number in signals.read():
                    self._stop(number)
                return
            if not self.stopping.begun and not self._busy() and (self.failed or not self._staying()):
                self._stop_servers()
            self._wait(signals)

    def _runs(self) -> "list[HostRun]":
        """What runs, in the order in which it was started."""
        return [item.run for item in self.running.values()]

    def _busy(self) -> bool:
        """Whether anything but servers is at work or can be."""
        return any(not item.server for item in self.running.values()) or self.schedule.ready()

    def _staying(self) -> bool:
        """Whether a server runs that stays in the foreground."""
        return any(item.server and item.run.action.id in self.foreground for item in self.running.values())

    def _start_what_may(self) -> None:
        while self.schedule.ready() and self._free():
            action = self.schedule.start()
            try:
                self._begin(action)
            except PyrunError as error:
                self._fail(action, error.status, error)
            except StoppedError:
                # The wait that follows finds the signal in its pipe.
                self.schedule.stop()

    def _free(self) -> bool:
        return sum(not item.server for item in self.running.values()) < self.settings.jobs

    def _begin(self, action: "Action") -> None:
        """An action's turn has come."""
        verdict = self.judge.verdict(action)
        if verdict.skip and (action.image is None or self._image_ready(action, verdict)):
            self.judge.settle(action, verdict)
            if action.image is None:
                asked = action.id in self.plan.asked
                self.reporter.tell(TaskSkipped(action.label, asked, verdict.why))
            self.schedule.finish(action.id)
            return
        if action.persistent:
            self.judge.note_server(action, verdict)
            if action.id in self.foreground:
                self._launch_behind_servers(action, verdict)
            else:
                self.waiting_servers[action.id] = verdict
            self.schedule.finish(action.id)
            return
        if action.image is not None:
            self._make_image(action, verdict)
        else:
            self._launch_behind_servers(action, verdict)

    def _image_ready(self, action: "Action", verdict: "Verdict") -> bool:
        """Whether a recorded image is still there; then it is told."""
        with self._interruptible():
            ready = self.images.ready(action, verdict.targets, verdict.why)
        if ready is not None:
            self.reporter.tell(ready)
        return ready is not None

    def _interruptible(self) -> "StopSignals.Interruptible":
        """While this lasts, a stop signal ends what this thread itself does."""
        assert self._signals is not None
        return self._signals.interruptible()

    def _launch_behind_servers(self, action: "Action", verdict: "Verdict") -> None:
        """Start an action, and before it the servers that it needs and that wait for somebody who does."""
        for name in self._needed_servers(action):
            self._launch(self.actions[name], self.waiting_servers.pop(name))
            if self.failed:
                return
        self._launch(action, verdict)

    def _needed_servers(self, action: "Action") -> list[str]:
        """The waiting servers that an action needs, each behind those that it needs itself."""
        found: dict[str, None] = {}
        left = [(name, False) for name in reversed(action.deps)]
        while left:
            name, ready = left.pop()
            dep = self.actions[name]
            if ready:
                found[name] = None
            elif name in self.waiting_servers or not dep.scripts:
                left += [(name, True)] * (name in self.waiting_servers)
                left += [(below, False) for below in reversed(dep.deps)]
        return list(found)

    def _make_image(self, action: "Action", verdict: "Verdict") -> None:
        began = time.monotonic()
        self.reporter.tell(TaskStarted(action.label, verdict.why))
        with self._interruptible():
            ready, state = self.images.make(action, self.judge.copies(action))
        self.judge.keep_image(action, verdict, state, _since(began))
        self.reporter.tell(ready)
        self.schedule.finish(action.id)

    def _launch(self, action: "Action", verdict: "Verdict") -> None:
        """Start an action's first command."""
        self.reporter.tell(TaskStarted(action.label, verdict.why))
        if not action.persistent:
            self.judge.begin(action, verdict)
        asked_alone = self.plan.asked == (action.id,)
        self.served = self.served or (asked_alone and action.persistent)
        direct = self._alone(action)
        stdin, terminal = self._nothing(), None
        if asked_alone and direct:
            stdin, terminal = 0, self.terminal.lend()
        prefix = None if direct else self._prefix(action)
        environ = {**self.settings.environ, **dict(action.env)}
        run = HostRun(action, self.settings.top, environ, self.reporter, stdin, prefix, terminal)
        if self._may_become(action, run, asked_alone and direct):
            run.become(self._handled)
        self._step(_Running(run, verdict, action.persistent))

    def _alone(self, action: "Action") -> bool:
        """Whether nothing can run beside an action until it ends, so that it may write straight to the user."""
        if self.running or self.waiting_servers:
            return False
        if action.persistent:
            return self.plan.asked == (action.id,)
        return not self.schedule.ready() or self.settings.jobs == 1

    def _prefix(self, action: "Action") -> bytes:
        return f"{action.label} | ".encode() if action.persistent else b""

    def _may_become(self, action: "Action", run: HostRun, asked_alone: bool) -> bool:
        """Whether one command is all that is left to do, so that it may take this process's place."""
        return (
            asked_alone
            and run.last_command()
            and self.schedule.unfinished == 1
            and not action.persistent
            and action.sources is None
            and action.targets is None
            and os.getpid() != 1
        )

    def _step(self, item: _Running) -> None:
        """Start the next command of an action, or finish it."""
        action = item.run.action
        try:
            more = item.run.step()
        except RunError as error:
            self._drop(item)
            self._fail(action, error.status, error)
            return
        if more and item.run.process is not None:
            self.running[item.run.process.pid] = item
        else:
            self._done(item)

    def _done(self, item: _Running) -> None:
        """All commands of an action have succeeded."""
        action = item.run.action
        if item.run.lends_terminal:
            self.terminal.take_back()
        if item.server:
            if not self.stopping.begun and action.id not in self.foreground:
                self._fail(action, 1, RunError(f"the server `{action.label}` ended while it was needed"))
                self._stop_servers()
            return
        missing, changed = self.judge.keep(action, item.verdict, _since(item.began))
        if missing:
            self.judge.drop(action, item.verdict)
            hint = f"does its command write `{missing}`, relative to the file's folder?"
            at = next((t.at for t in action.targets or () if t.text == missing), action.position)
            error = RunError(f"`{action.label}` succeeded, but left no `{missing}`", at, hint)
            self._fail(action, error.status, error)
            return
        if changed:
            self.reporter.tell(
                Noticed(f"{changed} changed while {action.label} ran, so that is not taken for done")
            )
        self.reporter.tell(TaskFinished(action.label, _since(item.began)))
        self.schedule.finish(action.id)

    def _drop(self, item: _Running) -> None:
        """What an action has done so far is not taken for done."""
        if not item.server:
            self.judge.drop(item.run.action, item.verdict)

    def _fail(
        self, action: "Action", status: int, error: PyrunError | None = None, command: str = ""
    ) -> None:
        """An action failed: nothing new starts; the first failure in time gives the exit status."""
        self.schedule.stop()
        first = not self.failed and not self.stopping.begun
        if first:
            self.failed = True
            self.status = status
            self.error = error
        if error is None or not first:
            self.reporter.tell(TaskFailed(action.label, status, command if error is None else error.message))

    def _wait(self, signals: StopSignals) -> None:
        """Wait for the next thing to happen and deal with all that did."""
        poll = select.poll()
        poll.register(signals.reader, select.POLLIN)
        streams: dict[int, Stream] = {}
        for run in (*self._runs(), *self.stopping.leaving()):
            for stream in run.streams:
                streams[stream.reader] = stream
                poll.register(stream.reader, select.POLLIN)
        # The pipe of signals is emptied before children are looked for, so that none that ends is missed.
        happened = [fd for fd, _ in poll.poll(self.stopping.timeout(running=bool(self.running)))]
        caught = signals.read()
        try:
            for fd in happened:
                if fd in streams and not streams[fd].pump():
                    self._close(streams[fd])
            self._reap()
        except BrokenPipeError:
            self._stop(SIGPIPE)
        for number in caught:
            self._stop(number)
        if self.stopping.overdue():
            self.stopping.kill(self._runs())

    def _close(self, done: "Stream") -> None:
        """A stream is at its end: its process closed it, which need not mean that it ended."""
        for run in (*self._runs(), *self.stopping.leaving()):
            if done in run.streams:
                run.streams.remove(done)
        done.drain()

    def _reap(self) -> None:
        """Deal with every process that has ended."""
        for pid, item in list(self.running.items()):
            process = item.run.process
            status = process.poll() if process is not None else 0
            if status is None:
                if process is not None and process.stopped:
                    self.terminal.suspend(process)
                continue
            del self.running[pid]
            if self.stopping.begun:
                self.stopping.leave(pid, item.run)
            else:
                item.run.end()
            if not status:
                if self.stopping.begun and not item.server:
                    # It ended well, but what was left of its commands did not run.
                    self._drop(item)
                    continue
                self._step(item) if not self.stopping.begun else self._done(item)
                continue
            if item.run.lends_terminal:
                self.terminal.take_back()
            if self.stopping.begun:
                self._note_stopped(item, status)
                continue
            self._drop(item)
            self._fail(item.run.action, status, command=item.run.command)
            if item.server:
                self._stop_servers()

    def _note_stopped(self, item: _Running, status: int) -> None:
        """What a server that was told to stop ended with is the exit status where it was all that was asked."""
        if item.server:
            if self.stopping.caught and self.plan.asked == (item.run.action.id,):
                self.status = status
        else:
            self._drop(item)

    def _stop(self, number: int) -> None:
        """A stop signal came."""
        self.schedule.stop()
        self.stopping.catch(number, self._runs())

    def _stop_servers(self) -> None:
        """Nobody needs the servers any longer."""
        self.schedule.stop()
        self.stopping.servers(self._runs())

    def _nothing(self) -> int:
        """A stdin that is at its end."""
        if self._null < 0:
            self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        return self._null


def foreground_servers(plan: "Plan") -> set[str]:
    """The servers that stay until they end: asked for, or deps of something asked for that does nothing."""
    actions = {action.id: action for action in plan.actions}
    found = {name for name in plan.asked if actions[name].persistent}
    for name in plan.asked:
        action = actions[name]
        if not action.scripts and action.image is None:
            found.update(dep for dep in action.deps if actions[dep].persistent)
    return found


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
