"""Work that begins anew whenever something changes: `--watch`.

One cycle is the work on one plan. When something changes that the plan reads, what runs is told to stop, and the
next cycle begins with a plan of its own. Servers outlive cycles: at its turn in the next one a server is kept if
nothing that it depends on has changed, and replaced otherwise. What a cycle does is the loop's; this module only
says when it begins and ends.
"""

import os
import select
import stat
import time

from runner.errors import PyrunError
from runner.events import FilesChanged, RunFinished, RunStarted, TaskFailed, Watching
from runner.execute.loop import Loop
from runner.execute.stopping import GRACE, SIGPIPE, SIGTERM, Stopping
from runner.execute.turns import Turns
from runner.plan.affected import definition
from runner.plan.dirty import targets_change
from runner.system.file_states import observe
from runner.system.stop_signals import StoppedError, StopSignals
from runner.system.watching import files_below

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from runner.events import Event, Reporter
    from runner.execute.host import HostRun
    from runner.execute.item import Item, Part
    from runner.execute.outcome import Outcome
    from runner.execute.places import Places
    from runner.execute.ports import Images, Locks, Log, Results
    from runner.execute.readiness import Readiness
    from runner.execute.surroundings import Settings
    from runner.execute.verdict import Judge, Verdict
    from runner.plan.action import Action, Plan
    from runner.plan.wake import Wake
    from runner.system.watching import Watcher

_LOOK_AGAIN = 20.0
"""Milliseconds between two looks at what is leaving and is no child of ours."""


class Watch:
    """What the cycles of one run have in common.

    Args:
        files: Tells what changes.
        renew: Plans anew, from files that are read anew.
        tell_error: Tells the user of an error after which the watching goes on.
        rested: Called whenever a cycle has come to its end.

    Attributes:
        done: The keys with which actions that are never up to date have succeeded, by id.
    """

    def __init__(
        self,
        files: "Watcher",
        renew: "Callable[[], Cycle]",
        tell_error: "Callable[[PyrunError], object]",
        rested: "Callable[[Cycle], None]",
    ) -> None:
        self.files = files
        self.renew = renew
        self.tell_error = tell_error
        self.rested = rested
        self.done: dict[str, str] = {}


class WatchedTurns(Turns):
    """Turns in which what runs every time runs only when something that it depends on has changed.

    Attributes:
        watch: What the cycles have in common; set before the first turn.
        seen: What each source was whenever an action looked at it, by path.
    """

    watch: Watch

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.seen: dict[str, set[tuple[object, ...]]] = {}

    def passed(self, action: "Action", verdict: "Verdict") -> str:
        """Why an action that is never up to date need not be done in this cycle, or empty."""
        if action.remembered or action.persistent or action.id not in self.watch.done:
            return super().passed(action, verdict)
        entry = verdict.entry
        if action.targets and (entry is None or not entry.counts or targets_change(entry, verdict.targets)):
            return ""
        same = self.watch.done[action.id] == verdict.key
        return "nothing that it depends on has changed" if same else ""

    def _passes(self, action: "Action", verdict: "Verdict", *, called: bool) -> bool:
        for state in verdict.sources:
            self.seen.setdefault(state.path, set()).add(state.identity)
        return super()._passes(action, verdict, called=called)


class Kept:
    """A server that outlives the cycle that has started it.

    Args:
        item: It, as it runs.
        identity: What it depends on.
        asking: What asks it whether it is ready, None if it is.
    """

    __slots__ = ("asking", "identity", "item")

    def __init__(self, item: "Item", identity: object, asking: "Readiness | None") -> None:
        self.item = item
        self.identity = identity
        self.asking = asking


class Cycle(Loop):
    """The work on one plan until something changes.

    Args:
        watch: What the cycles have in common.
        wake: Says which changes concern the plan.
        wider: The plan that changes are held against: what is watched is more than what is done where only a
            part is asked for.
        plan: What is to be done; this and what follows as for `Loop`.

    Attributes:
        changed: Whether it is at its end since something changed.
        show_images: Shows the images that it has made.
    """

    turns_of = WatchedTurns

    def __init__(
        self,
        watch: Watch,
        wake: "Wake",
        wider: "Plan",
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
        super().__init__(plan, settings, judge, log, images, locks, results, done, reporter, places)
        assert isinstance(self.turns, WatchedTurns)
        self.watched = self.turns
        self.watched.watch = watch
        self.interactive = False
        self.watch = watch
        self.wake = wake
        self.wider = wider
        self.changed = False
        self.resting = False
        self.show_images: Callable[[], object] = bool
        self.kept: dict[str, Kept] = {}
        self._identities: dict[str, object] = {}
        self._retiring: dict[Item, None] = {}
        self._replacing: dict[str, tuple[Action, Verdict]] = {}
        self._stale = ""
        self._error_told: PyrunError | None = None
        self._begun = False
        self._outputs = [number for number in (1, 2) if _is_pipe(number)]

    def go(self, signals: StopSignals) -> None:
        """Do the work, then wait; return when something has changed or a stop signal came."""
        self._signals = signals
        self._handled = signals.handled
        if not self._begun:
            self._begun = True
            for name, kept in self.kept.items():
                assert kept.item.run.process is not None
                self.running[kept.item.run.process.pid] = kept.item
                if name not in self.actions:
                    self._retire(kept)
            asked = tuple(self.actions[name].label for name in self.plan.asked)
            self._tell(RunStarted(len(self.plan.actions), asked, keep_going=self.settings.keep_going))
        self._work(signals)

    def end_left(self) -> None:
        """End what killed runs have left running."""
        self._end_left()

    def end(self) -> None:
        """End all that is left; nothing comes any more."""
        self.stopping.kill(self._runs())
        self.stopping.end()
        self.servers.forget_waiting()
        for kept in self.kept.values():
            if kept.asking is not None:
                kept.asking.close()
        self.locks.close_run()
        self.leave()
        if not self.resting:
            self._tell(RunFinished(self.status_at_end))

    def leave(self) -> None:
        """Nothing but servers runs any more, and they are another cycle's."""
        self.stopping.end()
        if self.places is not None:
            self.places.close()

    @property
    def status_at_end(self) -> int:
        """The exit status: watching ends by a signal."""
        return 128 + self.stopping.caught

    def follow(self, before: "Cycle") -> None:
        """Take over from the cycle before what outlives it."""
        self.kept = before.handed_over()
        self._null = before.give_null()
        if self.places is not None and before.places is not None:
            self.places.follow(before.places)
        before.leave()

    def give_null(self) -> int:
        """What swallows all, for the next cycle; it is not this one's any more."""
        found, self._null = self._null, -1
        return found

    def handed_over(self) -> "dict[str, Kept]":
        """The servers that run, for the next cycle."""
        found = dict(self.kept)
        for item in self.running.values():
            action = item.action
            if action.id not in found and action.id in self._identities:
                asking = self.servers.give_up(action)
                found[action.id] = Kept(item, self._identities[action.id], asking)
        self.servers.forget_waiting()
        return found

    def wait_on(self, error: PyrunError | None) -> None:
        """There is no plan for what has changed: wait for the next change.

        Args:
            error: Why not; None if a stop signal came.
        """
        self.changed = False
        self.resting = True
        self.schedule.stop()
        if error is not None:
            self._tell_stale(error)

    def _tell_stale(self, error: PyrunError) -> None:
        """Tell once why there is no plan, and that it is waited for one."""
        if self._stale != str(error):
            self._stale = str(error)
            self.watch.tell_error(error)
            self._tell(Watching(self.wake.count))

    def _tell(self, event: "Event") -> None:
        try:
            self.reporter.tell(event)
        except BrokenPipeError:
            if not self.stopping.caught:
                self._stop(SIGPIPE)

    def _work(self, signals: StopSignals) -> None:
        while True:
            try:
                self._start_what_may()
            except BrokenPipeError:
                self._stop(SIGPIPE)
            if self.stopping.caught:
                if not self._at_work() and not self.stopping.unfinished(running=False):
                    for number in signals.read():
                        self._stop(number)
                    return
            elif self.stopping.begun:
                if self._none_leaving():
                    self.stopping.end()
                    self.stopping = Stopping()
                    continue
            elif self.changed:
                return
            elif not self.resting and not self._busy():
                self._rest()
            self._wait(signals)

    def _none_leaving(self) -> bool:
        """Whether all that was told to stop has ended."""
        working = (
            self.pausing or self.elsewhere or self.calling or any(map(self._goes, self.running.values()))
        )
        return not working and not self.stopping.unfinished(running=False)

    def _rest(self) -> None:
        """All is done: tell what came of it, and that changes are waited for."""
        self.resting = True
        self._tell(RunFinished(self.status))
        self._tell_error()
        self.watch.rested(self)
        self._tell(Watching(self.wake.count))

    def _tell_error(self) -> None:
        """Tell what pyrun itself found wrong, once."""
        if self.error is not None and self.error is not self._error_told:
            self._error_told = self.error
            self.watch.tell_error(self.error)

    def _busy(self) -> bool:
        return super()._busy() or bool(self._retiring or self._replacing)

    def _start_one(self) -> bool:
        if any(item.action.id not in self.actions for item in self._retiring):
            # Whatever starts may want the port of a server that is leaving.
            return False
        return super()._start_one()

    def _goes(self, item: "Item") -> bool:
        """Whether an item ends with the cycle: all but servers that are up or on their way."""
        return (
            not item.server
            or item in self._retiring
            or len(item.parts) > 1
            or not (self.places is None or self.places.lasting)
            or item.run.process is None
        )

    def _told(self) -> "list[HostRun]":
        if self.stopping.caught:
            return self._runs()
        return [item.run for item in self.running.values() if self._goes(item)]

    def _leaves(self, item: "Item") -> bool:
        return super()._leaves(item) and (bool(self.stopping.caught) or self._goes(item))

    def _patience(self) -> float | None:
        found = super()._patience()
        if self.stopping.begun and not any(map(self._goes, self.running.values())):
            return _LOOK_AGAIN if found is None else min(found, _LOOK_AGAIN)
        return found

    def _open_server(self, action: "Action", verdict: "Verdict") -> None:
        kept = self.kept.get(action.id)
        identity = (verdict.key, definition(action), tuple(sorted(self._environ(action).items())))
        if kept is None:
            self._identities[action.id] = identity
            super()._open_server(action, verdict)
        elif kept.identity == identity:
            del self.kept[action.id]
            self._identities[action.id] = identity
            self.judge.note_server(action, verdict)
            self.servers.adopt(action, kept.asking)
            self._done(action)
        else:
            self._identities[action.id] = identity
            self._replacing[action.id] = (action, verdict)
            self._retire(kept)

    def _retire(self, kept: Kept) -> None:
        """Let a server of an earlier cycle end."""
        if kept.asking is not None:
            kept.asking.close()
            kept.asking = None
        self._dismiss(kept.item)

    def _dismiss(self, item: "Item") -> None:
        """Tell a server to stop; after a grace time it is ended by force."""
        item.halt()
        self._retiring[item] = None
        item.below = item.run.signal(SIGTERM)
        item.overdue = time.monotonic() + GRACE

    def _server_ended(self, item: "Item", outcome: "Outcome") -> None:
        action = item.action
        kept = self.kept.get(action.id)
        if kept is not None and kept.item is item:
            del self.kept[action.id]
            if kept.asking is not None:
                kept.asking.close()
        elif item not in self._retiring:
            super()._server_ended(item, outcome)
            return
        else:
            self.servers.end(action)
        retired = item in self._retiring
        self._retiring.pop(item, None)
        waiting = self._replacing.pop(action.id, None)
        if waiting is not None and not self.stopping.begun:
            now, verdict = waiting
            self._guarded(now, lambda: super(Cycle, self)._open_server(now, verdict))
        elif outcome.failed and not retired and not self.stopping.begun:
            told = outcome.command if outcome.error is None else outcome.error.message
            self._tell(TaskFailed(action.label, outcome.status, told, ""))

    def _look_at_servers(self) -> None:
        unready = [
            item for item in self.running.values() if item.server and self.servers.unready(item.action)
        ]
        super()._look_at_servers()
        for item in unready:
            failed = self.failed and not self.servers.unready(item.action)
            if failed and item not in self._retiring and self.error is not None:
                label = item.action.label
                if f"`{label}` is not ready" in self.error.message:
                    self._dismiss(item)

    def _fail(self, action: "Action", outcome: "Outcome", log_path: str = "") -> None:
        super()._fail(action, outcome, log_path)
        self.watch.done.pop(action.id, None)
        if self.resting:
            self._tell_error()

    def _settle(self, item: "Item", part: "Part", outcome: "Outcome") -> "Outcome":
        found = super()._settle(item, part, outcome)
        action = part.run.action
        if not found.failed and not self.stopping.begun and not action.persistent:
            self.watch.done[action.id] = part.verdict.key
        return found

    def _stop_servers(self) -> None:
        """A server failed: what may need it ends; the other servers stay for the next cycle."""
        if any(not item.server for item in self._items()):
            self._cancel()

    def _cancel(self) -> None:
        """Let nothing begin any more but what comes in the end, and tell all but servers to stop."""
        self.schedule.stop()
        self.servers.waiting.clear()
        self.delayed.clear()
        self.elsewhere.clear()
        self._replacing.clear()
        going = [item for item in self.running.values() if self._goes(item)]
        for item in (*going, *self._waiting()):
            item.halt()
        if not self.stopping.begun:
            self.stopping.begin(SIGTERM, [item.run for item in going])
        self._let_go()

    def _register(self, poll: "select.poll") -> None:
        poll.register(self.watch.files.reader, select.POLLIN)
        for number in self._outputs:
            # Whether nobody reads any more is told unasked.
            poll.register(number, 0)

    def _heard(self, happened: "Sequence[int]") -> None:
        if self.watch.files.reader in happened:
            self._look(self.watch.files.take())
        if not self.stopping.caught and any(number in happened for number in self._outputs):
            self._stop(SIGPIPE)

    def _look(self, changes: "Sequence[tuple[str, bool]]") -> None:
        """Begin anew if changes concern the plan."""
        if self.stopping.caught or self.changed:
            # What comes next sees them anyway.
            return
        paths = self._files(changes)
        sure = [path for path in paths if self._concerns(path)]
        asking = [path for path in paths if self.wake.asks(path) or (self._stale and self._may_mend(path))]
        if not sure and asking and self._differs():
            sure = asking
        if not sure:
            return
        self.changed = True
        names = sorted(sure, key=lambda path: (path.count("/"), path))
        self._tell(FilesChanged(tuple(names)))
        self._forget_callers(self.wake.reached(sure))
        if not self.stopping.caught:
            self._cancel()

    def _files(self, changes: "Sequence[tuple[str, bool]]") -> "list[str]":
        """The paths that changed, with the files of folders that are new."""
        top = self.settings.top
        found: dict[str, None] = {}
        for path, added in changes:
            full = os.path.join(top, path)
            if os.path.isdir(full) and not os.path.islink(full):
                if added:
                    found.update(dict.fromkeys(files_below(top, path, self.wake.enters)))
                    found[path] = None
            else:
                found[path] = None
        return list(found)

    def _concerns(self, path: str) -> bool:
        gone = not os.path.lexists(os.path.join(self.settings.top, path))
        if not self.wake.concerns(path, gone=gone):
            return False
        before = self.watched.seen.get(path)
        if before is None:
            return True
        now = observe(self.settings.top, (path,), {})
        # All who looked must have seen what is there now, not only the last one.
        return {state.identity for state in now} != before

    def _may_mend(self, path: str) -> bool:
        return self.wake.is_plain(path) and not self.wake.makes(path)

    def _forget_callers(self, reached: "Collection[str]") -> None:
        """What calls something that changes reach runs again: what it calls is not in its key."""
        for action in self.wider.actions:
            if action.calls and action.id in reached:
                self.watch.done.pop(action.id, None)

    def _differs(self) -> bool:
        """Whether what is planned now is another plan, or reads other files."""
        try:
            with self._interruptible():
                other = self.watch.renew()
        except PyrunError as error:
            self._tell_stale(error)
            return False
        except StoppedError:
            return False
        was, self._stale = self._stale, ""
        same = _outline(other.wider) == _outline(self.wider) and other.wake.reads == self.wake.reads
        if other.places is not None:
            other.places.close()
        if same and was and self.resting:
            self._tell(Watching(self.wake.count))
        return not same


def watch_on(first: Cycle) -> int:
    """Do the work of one cycle after the other until a stop signal comes; the exit status."""
    with StopSignals() as signals:
        cycle = first
        try:
            cycle.end_left()
            cycle.go(signals)
            while not cycle.stopping.caught:
                cycle = _next(cycle, signals)
                cycle.go(signals)
        finally:
            cycle.end()
    return cycle.status_at_end


def _next(cycle: Cycle, signals: StopSignals) -> Cycle:
    """The cycle that comes next: the same one, if what has changed can't be planned."""
    try:
        with signals.interruptible():
            following = cycle.watch.renew()
    except PyrunError as error:
        cycle.wait_on(error)
        return cycle
    except StoppedError:
        cycle.wait_on(None)
        return cycle
    following.follow(cycle)
    return following


def _outline(plan: "Plan") -> object:
    """What a plan does, without what only people read."""
    return plan.asked, {action.id: definition(action) for action in plan.actions}


def _is_pipe(number: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(number).st_mode)
    except OSError:
        return False
