"""The one loop that does the work of a plan: asks the schedule, starts, waits, records, tells.

One thread. It waits for signals, ends of processes and output in one place, so that there is no moment at
which a stop signal finds nobody.
"""

import os
import select
import time

from runner.errors import PyrunError, RunError
from runner.events import Noticed, RunFinished, RunStarted, TaskFailed
from runner.execute.host import HostRun
from runner.execute.item import Item, Part
from runner.execute.outcome import DONE, HALTED, STOPPED, Outcome, Pause
from runner.execute.servers import Servers, ended_early, foreground_servers
from runner.execute.stopping import GRACE, SIGPIPE, SIGTERM, Stopping
from runner.execute.surroundings import Surroundings
from runner.execute.terminal import Terminal
from runner.execute.turns import BusyError, Turns
from runner.plan.schedule import Schedule
from runner.plan.step import Called
from runner.system.process import AWAITED, Process, end_guard, kill_left
from runner.system.stop_signals import FIRST, StoppedError, StopSignals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from runner.events import Reporter
    from runner.execute.places import Places
    from runner.execute.ports import Images, Locks, Log, Results
    from runner.execute.streams import Feed
    from runner.execute.surroundings import Settings
    from runner.execute.verdict import Judge, Verdict
    from runner.plan.action import Action, Plan
    from runner.plan.step import Script


_ASK_AGAIN = 20.0
"""Milliseconds between two looks at whether another run is still at something."""
_LONGEST_LABEL = 200
"""Characters of callers that are told in front of a command."""


class Loop:
    """The work on one plan.

    Args:
        plan: What is to be done.
        settings: How.
        judge: Says what must run.
        log: What ran last.
        images: Where images are made.
        locks: Who is at what.
        results: Gives what was made before, or None where nothing is kept.
        done: What need not be done again, see `Turns`.
        reporter: Who is told.
        places: Where commands run, or None for simply in the project.

    Attributes:
        succeeded: The ids of the actions that are done.
        interactive: Whether the one task asked for may have stdin and the terminal.
    """

    turns_of: "type[Turns]" = Turns

    def __init__(
        self,
        plan: "Plan",
        settings: "Settings",
        judge: "Judge",
        log: "Log",
        images: "Images",
        locks: "Locks",
        results: "Callable[[], Results | None]",
        done: "Mapping[str, str]",
        reporter: "Reporter",
        places: "Places | None" = None,
    ) -> None:
        self.places = places
        self.plan = plan
        self.settings = settings
        self.judge = judge
        self.locks = locks
        self.reporter = reporter
        self.turns = self.turns_of(
            plan, judge, images, log, locks, results, reporter, done, self._interruptible
        )
        self.succeeded: dict[str, None] = {}
        self._keeps = any(action.remembered or action.targets for action in plan.actions)
        self.actions = {action.id: action for action in plan.actions}
        durations = log.durations() if settings.jobs > 1 and len(plan.actions) > settings.jobs else {}
        self.schedule = Schedule(plan, durations)
        self.running: dict[int, Item] = {}
        self.busy: set[str] = set()
        self.parked: list[tuple[Item, Called]] = []
        self.delayed: list[Action] = []
        self.elsewhere: list[Action] = []
        self.calling: list[tuple[Item, Called]] = []
        self.pausing: list[tuple[float, Item]] = []
        self.servers = Servers(self.actions, settings.top)
        self.foreground = foreground_servers(plan)
        self.status = 0
        self.error: PyrunError | None = None
        self.failed = False
        self.ended: int | None = None
        self._first = os.getpid() == FIRST
        self.stopping = Stopping()
        self.terminal = Terminal()
        self.interactive = True
        makes = any(action.image is not None for action in plan.actions)
        self._ahead: Iterator[None] | None = images.ahead() if makes else None
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
                asked = tuple(self.actions[name].label for name in self.plan.asked)
                keep_going = self.settings.keep_going
                self.reporter.tell(RunStarted(len(self.plan.actions), asked, keep_going=keep_going))
                self._end_left()
                self._work(signals)
            finally:
                self.stopping.kill(self._runs())
                self.stopping.end()
                self.servers.forget_waiting()
                self.terminal.take_back()
                end_guard()
                self.locks.close_run()
                if self.places is not None:
                    self.places.close()
                    for found in self.places.told():
                        self.reporter.tell(found)
                self.reporter.tell(RunFinished(self._exit_status()))
        if self.error is not None and not self.stopping.caught:
            raise self.error
        return self._exit_status()

    def _end_left(self) -> None:
        """End what killed runs have left running, before anything of theirs is touched."""
        count = self.locks.end_left()
        if count:
            runs = "a killed run" if count == 1 else f"{count} killed runs"
            self.reporter.tell(Noticed(f"ended what {runs} had left running"))

    @property
    def closed(self) -> bool:
        """Whether nothing new may start because something failed."""
        return self.failed and not self.settings.keep_going

    def _exit_status(self) -> int:
        if not self.stopping.caught:
            return self.status
        return 128 + self.stopping.caught if self.ended is None or self.error else self.ended

    def _work(self, signals: StopSignals) -> None:
        while True:
            try:
                self._start_what_may()
            except BrokenPipeError:
                self._stop(SIGPIPE)
            if not self._at_work() and not self.stopping.unfinished(running=False):
                for number in signals.read():
                    self._stop(number)
                return
            if not self.stopping.begun and not self._busy() and (self.closed or not self._staying()):
                self._stop_servers()
            self._wait(signals)

    def _runs(self) -> "list[HostRun]":
        """What runs, in the order in which it was started."""
        items = sorted(self.running.values(), key=lambda item: item.parts[0].began)
        return [item.run for item in items]

    def _at_work(self) -> bool:
        """Whether there is something to wait for."""
        return bool(self.running or self.pausing or self.elsewhere or self.calling)

    def _busy(self) -> bool:
        """Whether anything but servers is at work or can be."""
        return bool(
            any(not item.server for item in self.running.values())
            or self.schedule.ready()
            or self.pausing
            or self.parked
            or self.calling
            or (not self.closed and (self.servers.waiting or self.delayed or self.elsewhere))
        )

    def _staying(self) -> bool:
        """Whether a server runs that stays in the foreground."""
        return any(item.server and item.action.id in self.foreground for item in self.running.values())

    def _start_what_may(self) -> None:
        while self._start_one():
            pass

    def _start_one(self) -> bool:
        """Start what waited for its servers, for an action that was busy, or for its turn; False if nothing."""
        if not self.closed and self._room() and (served := self.servers.next_served()) is not None:
            action, verdict = served
            self._guarded(action, lambda: self._launch(action, verdict))
            return True
        for number, (item, called) in enumerate(self.parked):
            if called.id not in self.busy:
                del self.parked[number]
                self._step_called(item, called)
                return True
        late = next((action for action in self.delayed if action.id not in self.busy), None)
        if late is not None and not self.closed and self._free():
            self.delayed.remove(late)
            self._guarded(late, lambda: self._begin(late))
            return True
        if self.schedule.ready() and self._free():
            turn = self.schedule.start()
            if turn.id in self.busy:
                # It is just being called: its own turn comes when that has ended.
                self.delayed.append(turn)
            else:
                self._guarded(turn, lambda: self._begin(turn))
            return True
        return False

    def _ask_again(self) -> None:
        """See whether other runs are still at what is waited for here."""
        waiting, self.elsewhere = self.elsewhere, []
        for action in waiting:
            if self.closed:
                break
            if action.id in self.busy:
                # It is just being called here: its own turn comes when that has ended.
                self.delayed.append(action)
            elif self._free():
                self._guarded(action, lambda action=action: self._begin(action))  # type: ignore[misc]
            else:
                self.elsewhere.append(action)
        calling, self.calling = self.calling, []
        for item, called in calling:
            if called.id in self.busy:
                self.parked.append((item, called))
            else:
                self._step_called(item, called)

    def _go_on(self) -> None:
        """Try again what was to wait a moment."""
        now = time.monotonic()
        due = [item for at, item in self.pausing if at <= now]
        self.pausing = [(at, item) for at, item in self.pausing if at > now]
        for item in due:
            self._step(item, DONE)

    def _guarded(self, action: "Action", work: "Callable[[], None]") -> None:
        """Do something for an action whose failure is the action's."""
        try:
            work()
        except PyrunError as error:
            self.busy.discard(action.id)
            self.locks.release(action.id)
            self._fail(action, Outcome(error.status, action.label, "", error))
        except BrokenPipeError:
            raise
        except OSError as error:
            self.busy.discard(action.id)
            self.locks.release(action.id)
            self._fail(action, unwritten(action, error))
        except StoppedError:
            # The wait that follows finds the signal in its pipe.
            self.busy.discard(action.id)
            self.locks.release(action.id)
            self.schedule.stop()

    def _free(self) -> bool:
        """Whether another action may start; one that waits for something is at work already."""
        return self._room(
            len(self.parked) + len(self.calling) + len(self.pausing) + len(self.servers.waiting)
        )

    def _room(self, waiting: int = 0) -> bool:
        """Whether there is room for one more beside those at work and some that wait."""
        working = sum(not item.server or self.servers.unready(item.action) for item in self.running.values())
        return working + waiting < self.settings.jobs

    def _begin(self, action: "Action") -> None:
        """An action's turn has come."""
        try:
            verdict = self.turns.open(action)
        except BusyError:
            self.elsewhere.append(action)
            return
        if verdict is None:
            self._done(action)
        elif action.persistent:
            self._open_server(action, verdict)
        else:
            self.busy.add(action.id)
            self._serve(action, verdict)

    def _open_server(self, action: "Action", verdict: "Verdict") -> None:
        """A server's turn has come."""
        self.judge.note_server(action, verdict)
        self.servers.add(action, verdict)
        if action.id in self.foreground:
            self._serve(action, verdict)
        self._done(action)

    def _done(self, action: "Action") -> None:
        """An action is done, as far as those are concerned that need it."""
        self.succeeded[action.id] = None
        self.schedule.finish(action.id)

    def _interruptible(self) -> "StopSignals.Interruptible":
        """While this lasts, a stop signal ends what this thread itself does."""
        assert self._signals is not None
        return self._signals.interruptible()

    def _serve(self, action: "Action", verdict: "Verdict") -> None:
        """Start an action as soon as the servers that it needs are ready; start those that are not up yet."""
        if self.servers.wanted_by(action, verdict):
            return
        self._launch(action, verdict)

    def _launch(self, action: "Action", verdict: "Verdict") -> None:
        """Start an action's first command."""
        self.servers.check(action)
        making = self.turns.image_work(action)
        asked_alone = self.plan.asked == (action.id,)
        alone = self._alone(action)
        captured = making is not None or not alone or self.reporter.captures or action.restorable
        stdin, terminal = self._nothing(), None
        if asked_alone and alone and self.interactive and making is None:
            stdin, terminal = 0, self.terminal.lend()
        direct = not captured or terminal is not None
        last = alone and self.schedule.unfinished == 1
        told = self.reporter.begin(action.label, server=action.persistent, direct=direct, last=last)
        self.turns.begin(action, verdict, told)
        whole = self.reporter.captures or not (asked_alone and alone)
        prefix = self._prefix(action) if captured else None
        around = Surroundings(self.settings, told, stdin, self._nothing(), prefix, terminal, whole=whole)
        run = self._placed(action, verdict, around, (action.label, action.traits.quiet), None)
        replaced = asked_alone and not captured and self.places is None
        if replaced and (script := self._last_command(action, run)) is not None:
            self.locks.close_run()
            run.become(script, self._handled)
        if self._keeps:
            self.locks.open_run()
        item = Item(Part(run, verdict), action.persistent)
        self.busy.add(action.id)
        if action.persistent:
            self.servers.start(action, run, self._environ(action))
        self._step(item, None)

    def _placed(
        self,
        action: "Action",
        verdict: "Verdict",
        around: Surroundings,
        told: tuple[str, bool],
        caller: HostRun | None,
    ) -> HostRun:
        """The steps of an action, in the place that it is given; or the making of its image."""
        making = self.turns.image_work(action)
        if making is not None:
            from runner.execute.image_run import ImageRun  # noqa: PLC0415 - few images are made by an engine

            return ImageRun(action, around, making, *told, caller)
        if self.places is not None:
            around = self.places.enter(action, around, verdict.sources)
        environ = {**around.work.environ(action, action.traits.namespace), **dict(action.env)}
        run = HostRun(action, around, environ, *told, caller)
        run.again = lambda: self.judge.clear(action, verdict)
        if self.places is not None:
            self.places.attach(run)
        return run

    def _environ(self, action: "Action") -> "Mapping[str, str]":
        """The variables of an action's commands but those that steps set."""
        return {**self.settings.environ(action, action.traits.namespace), **dict(action.env)}

    def _alone(self, action: "Action") -> bool:
        """Whether nothing can run beside an action until it ends, so that it may write straight to the user."""
        if self.elsewhere or self.calling or self.pausing or self.delayed:
            return False
        if self.running or self.servers.any():
            return action.persistent and self.plan.asked == (action.id,) and not self.running
        if action.persistent:
            return self.plan.asked == (action.id,)
        return not self.schedule.ready() or self.settings.jobs == 1

    def _prefix(self, action: "Action") -> bytes:
        return f"{action.label} | ".encode() if action.persistent and not self.reporter.captures else b""

    def _last_command(self, action: "Action", run: HostRun) -> "Script | None":
        """The one command that is all that is left to do, if it may take this process's place."""
        if (
            # What was done for it could not be kept, and so not be resumed.
            len(self.plan.actions) > 1
            or self.settings.silent
            or self.reporter.sums_up
            or action.persistent
            or action.sources is not None
            or action.targets is not None
            or action.limits.timeout
            or action.limits.retries
            or action.traits.secrets
            or not self.interactive
            or self._first
        ):
            return None
        return run.single()

    def _step(self, item: Item, before: Outcome | None) -> None:
        """Go on with an item until it waits for something or is done."""
        while True:
            part = item.parts[-1]
            if before is not None and self.places is not None and part.run.action.calls:
                self.places.returned(part.run)
            found = part.run.go_on(before)
            if isinstance(found, Process):
                self.running[found.pid] = item
                if found.pid > 0:
                    self.locks.note(found.pid, [each.run.action.id for each in item.parts])
                return
            if isinstance(found, Pause):
                self.pausing.append((time.monotonic() + found.seconds, item))
                return
            if isinstance(found, Called):
                if found.id in self.busy:
                    self.parked.append((item, found))
                    return
                try:
                    before = self._call(item, found)
                except BusyError:
                    self.calling.append((item, found))
                    return
                continue
            part.run.close_log()
            outcome = self._settle(item, part, found)
            item.parts.pop()
            self.busy.discard(part.run.action.id)
            if not item.parts:
                self._finish(item, outcome)
                return
            before = outcome

    def _step_called(self, item: Item, called: Called) -> None:
        """Go on with an item with the call that it has waited for."""
        try:
            before = self._call(item, called)
        except BusyError:
            self.calling.append((item, called))
            return
        self._step(item, before)

    def _call(self, item: Item, called: Called) -> Outcome | None:
        """Do another action at this point of an item, as if it were asked for by itself.

        Returns:
            What came of it; None if its steps are the item's next ones.

        Raises:
            BusyError: Another run is at it.
        """
        action = self.actions[called.id]
        try:
            verdict = self.turns.open(action, item.run.around.settings)
            if verdict is None:
                return DONE
            caller = item.run
            self.turns.begin(action, verdict, caller.around.reporter)
            told = (_label(caller.label, action), caller.quiet or action.traits.quiet)
            run = self._placed(action, verdict, caller.around, told, caller)
        except PyrunError as error:
            self.locks.release(action.id)
            return Outcome(error.status, action.label, "", error)
        except BrokenPipeError:
            raise
        except OSError as error:
            self.locks.release(action.id)
            return unwritten(action, error)
        except StoppedError:
            self.locks.release(action.id)
            self.schedule.stop()
            return HALTED
        item.parts.append(Part(run, verdict))
        self.busy.add(action.id)
        return None

    def _settle(self, item: Item, part: Part, outcome: Outcome) -> Outcome:
        """An action is at its end."""
        if self.places is not None and part.run.action.image is None:
            outcome = self.places.leave(part.run, outcome)
        if item.server and len(item.parts) == 1:
            return outcome
        try:
            return self.turns.end(part, outcome)
        except BrokenPipeError:
            raise
        except OSError as error:
            return outcome if outcome.failed else unwritten(part.run.action, error)

    def _finish(self, item: Item, outcome: Outcome) -> None:
        """An item is done."""
        action = item.action
        if item.terminal:
            self.terminal.take_back()
        if not self.stopping.begun:
            item.first.around.reporter.end(failed=outcome.failed)
        if (item.server or self._first) and self.plan.asked == (action.id,) and outcome is not HALTED:
            # Who stops a service, or the container that it is in, is told how it ended.
            self.ended = 0 if outcome is STOPPED else outcome.status
        if item.server:
            self._server_ended(item, outcome)
        elif self.stopping.begun:
            return
        elif outcome.failed:
            self._fail(action, outcome, item.first.log_path)
        else:
            self._done(action)

    def _server_ended(self, item: Item, outcome: Outcome) -> None:
        """A server has ended: that fails those who need it, or is what it was told."""
        action = item.action
        unready = self.servers.unready(action)
        given_up = self.servers.ended(action)
        self.servers.end(action)
        self.judge.forget()
        if given_up and not self.stopping.begun:
            return
        if self.stopping.begun:
            return
        if outcome.failed:
            self._server_failed(action, outcome, item.first.log_path)
        elif unready or action.id not in self.foreground or self._needed(action):
            when = "before it was ready" if unready else "while it was needed"
            early = Outcome(1, action.label, "", ended_early(action, when))
            self._server_failed(action, early, item.first.log_path)

    def _server_failed(self, action: "Action", outcome: Outcome, log_path: str = "") -> None:
        """A server failed: who needs it can't go on; nor can anything else, unless that is wanted."""
        self._fail(action, outcome, log_path)
        if not self._goes_on_without(action):
            self._stop_servers()

    def _goes_on_without(self, server: "Action") -> bool:
        """Whether all that does not need a server is done although it failed."""
        return self.settings.keep_going and server.id not in self.foreground

    def _needed(self, server: "Action") -> bool:
        """Whether something that runs or waits needs a server that has just ended."""
        return self.servers.needed(server, [item.action for item in self.running.values()])

    def _fail(self, action: "Action", outcome: Outcome, log_path: str = "") -> None:
        """An action failed: what needs it does not start, nor anything else unless the work goes on."""
        if action.persistent:
            # Its turn is over; who needs it finds out when it is to start.
            if not self._goes_on_without(action):
                self.schedule.stop()
        elif self.settings.keep_going:
            self.schedule.fail(action.id)
        else:
            self.schedule.stop()
        first = not self.failed and not self.stopping.begun
        if first:
            # The first failure in time gives the exit status.
            self.failed = True
            self.status = outcome.status
            self.error = outcome.error
        if self.closed:
            self.elsewhere.clear()
        error = outcome.error
        told = outcome.command if error is None else error.message
        log = log_path.removeprefix(f"{self.settings.top}/")
        raised = first and error is not None
        self.reporter.tell(TaskFailed(outcome.label, outcome.status, told, log, raised=raised))

    def _wait(self, signals: StopSignals) -> None:
        """Wait for the next thing to happen and deal with all that did."""
        poll = select.poll()
        poll.register(signals.reader, select.POLLIN)
        streams: dict[int, Feed] = {}
        for run in (*self._runs(), *self.stopping.leaving()):
            for stream in run.streams:
                streams[stream.reader] = stream
                poll.register(stream.reader, select.POLLIN)
        self._register(poll)
        found = poll.poll(0)
        while self._ahead is not None and not found:
            # Nothing happens: the time is good for what will be needed.
            self._ahead = None if next(self._ahead, self) is self else self._ahead
            found = poll.poll(0)
        # The pipe of signals is emptied before children are looked for, so that none that ends is missed.
        happened = [fd for fd, _ in found or poll.poll(self._patience())]
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
        for number in signals.passed():
            for run in self._runs():
                run.signal(number)
        if self.stopping.overdue():
            self.stopping.force(self._told())
        self._heard(happened)
        self._expire()
        self._go_on()
        self._ask_again()
        self._look_at_servers()
        if self._first:
            from runner.system.orphans import reap_orphans  # noqa: PLC0415 - only in a container

            # All who wait for the end of a process have looked by now.
            reap_orphans(AWAITED)
        self.reporter.refresh()

    def _register(self, poll: "select.poll") -> None:
        """Wait for more than signals and output, where there is more."""

    def _heard(self, happened: "Sequence[int]") -> None:
        """Deal with what happened to some descriptors, those that `_register` has added among them."""

    def _told(self) -> "list[HostRun]":
        """What was told to stop and runs, once all is to stop."""
        return self._runs()

    def _patience(self) -> float | None:
        """How many milliseconds to wait at the most; None for as long as it takes."""
        now = time.monotonic()
        limits = [
            self.stopping.timeout(running=bool(self.running)),
            self.servers.patience(),
            self.reporter.patience(),
            _ASK_AGAIN if self.elsewhere or self.calling else None,
            *(max(0.0, (at - now) * 1000) + 1 for at, _ in self.pausing),
            *(max(0.0, (at - now) * 1000) + 1 for item in self._items() for at in item.deadlines()),
        ]
        return min((limit for limit in limits if limit is not None), default=None)

    def _expire(self) -> None:
        """End what has taken too long, at first kindly."""
        now = time.monotonic()
        for item in self.running.values():
            if item.overdue and now >= item.overdue:
                item.overdue = now + GRACE
                item.run.kill_process()
            elif not item.overdue and item.expire(now):
                item.overdue = now + GRACE
                item.below = item.run.signal(SIGTERM)
        for waiting in (self.parked, self.calling):
            for pair in [pair for pair in waiting if pair[0].expire(now)]:
                waiting.remove(pair)
                self._step(pair[0], HALTED)
        for rest in [rest for rest in self.pausing if rest[1].expire(now)]:
            self.pausing.remove(rest)
            self._step(rest[1], HALTED)

    def _items(self) -> "list[Item]":
        """All that is at work, what waits for a call among it."""
        return [*self.running.values(), *self._waiting()]

    def _waiting(self) -> "list[Item]":
        """What waits for a call, or for its next try."""
        return [item for item, _ in (*self.parked, *self.calling)] + [item for _, item in self.pausing]

    def _let_go(self) -> None:
        """What waits for a call will not get it, and nothing is tried again."""
        waiting = self._waiting()
        self.parked, self.calling, self.pausing = [], [], []
        for item in waiting:
            self._step(item, HALTED)

    def _look_at_servers(self) -> None:
        """See which servers have become ready; one that never does fails."""
        for action, why in self.servers.look():
            error = RunError(f"the server `{action.label}` is not ready: {why}", action.position)
            self.servers.end(action)
            self._server_failed(action, Outcome(1, action.label, "", error))
            for item in self.running.values():
                if item.action.id == action.id and not self.stopping.begun:
                    item.halt()
                    item.overdue = time.monotonic() + GRACE
                    item.below = item.run.signal(SIGTERM)

    def _close(self, done: "Feed") -> None:
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
            if item.overdue:
                kill_left(item.below)
                item.overdue, item.below = 0.0, ()
            if self._leaves(item):
                self.stopping.leave(pid, item.run)
            else:
                item.run.end()
            alone = item.server and process is not None and not self.stopping.begun
            self._step(item, Outcome(status))
            if alone and process is not None and not item.parts:
                self.stopping.orphans(process)
            self.stopping.ended(self._runs())

    def _leaves(self, item: Item) -> bool:
        """Whether nothing of an item comes any more, but for what it has left running."""
        return self.stopping.begun and not item.cleans()

    def _stop(self, number: int) -> None:
        """A stop signal came."""
        self._halt(lambda: self.stopping.catch(number, self._runs()))

    def _stop_servers(self) -> None:
        """Nobody needs the servers any longer, or one of them failed."""
        self._halt(lambda: self.stopping.servers(self._runs()))

    def _halt(self, tell: "Callable[[], None]") -> None:
        """Let nothing begin any more but what comes in the end, and tell what runs to stop."""
        self.schedule.stop()
        self.servers.forget_waiting()
        self.delayed.clear()
        self.elsewhere.clear()
        for item in self._items():
            item.halt()
        tell()
        self._let_go()

    def _nothing(self) -> int:
        """A stdin that is at its end, and an output that nobody sees."""
        if self._null < 0:
            self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        return self._null


def _label(caller: str, action: "Action") -> str:
    """What a called action is called where its commands are told: behind its callers, the outermost first."""
    if not action.traits.shown:
        return caller
    if len(caller) > _LONGEST_LABEL:
        caller = f"{caller.partition(' > ')[0]} > …"
    return f"{caller} > {action.label}"


def unwritten(action: "Action", error: OSError) -> Outcome:
    """What comes of an action that can't be done, since something about it can't be written down or read."""
    what = f": {error.filename}" if error.filename else ""
    message = f"`{action.label}` can't be done: {error.strerror or error}{what}"
    return Outcome(1, action.label, "", RunError(message, action.position))
