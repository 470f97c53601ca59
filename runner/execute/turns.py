"""What becomes of an action at its turn, and what is kept of it at its end.

At its turn it is up to date, or brought back from the store, or an image is made of it, or it is to be run; at
most one run in a project is at an action at a time. Starts no process and knows no schedule.
"""

import time

from runner.errors import PyrunError, RunError
from runner.events import Noticed, TaskFinished, TaskRestored, TaskSkipped, TaskStarted
from runner.execute.outcome import DONE, HALTED, Outcome
from runner.execute.streams import LineByLine
from runner.plan.action_key import definition_digest
from runner.plan.dirty import targets_change
from runner.plan.file_state import BEGUN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.events import Reporter
    from runner.execute.item import Part
    from runner.execute.ports import Images, ImageWork, Locks, Log, Results
    from runner.execute.verdict import Judge, Verdict
    from runner.plan.action import Action, Plan
    from runner.system.stop_signals import StopSignals


class BusyError(Exception):
    """Another run in this project is at the action just now."""


class Turns:
    """The turns of a plan's actions.

    Args:
        plan: The plan.
        judge: Says what must run.
        images: Where images are made.
        log: What ran last.
        locks: Who is at what.
        results: Gives what was made before, or None where nothing is kept; asked when something is to run.
        reporter: Who is told.
        done: What the last run did already and need not be done again: ids, each with the digest of what it does
            and, behind a blank, that of what it made.
        interruptible: Gives a context in which a stop signal ends what this thread itself does.
    """

    def __init__(
        self,
        plan: "Plan",
        judge: "Judge",
        images: "Images",
        log: "Log",
        locks: "Locks",
        results: "Callable[[], Results | None]",
        reporter: "Reporter",
        done: "Mapping[str, str]",
        interruptible: "Callable[[], StopSignals.Interruptible]",
    ) -> None:
        self._plan = plan
        self._judge = judge
        self._images = images
        self._log = log
        self._locks = locks
        self._open_results = results
        self._results: Results | None = None
        self._reporter = reporter
        self._done = done
        self._interruptible = interruptible
        self._waited: set[str] = set()
        self._ran: set[str] = set()
        self._works: dict[str, ImageWork] = {}
        judge.spared = done

    def open(self, action: "Action", settings: "Mapping[str, str | None] | None" = None) -> "Verdict | None":
        """Do what can be done of an action without a command.

        Args:
            action: The action.
            settings: The variables that its callers have set, None for those taken away; None if it has no
                caller.

        Returns:
            What was found out about it if it is to be run; None if it is done.

        Raises:
            BusyError: Another run is at it.
            PyrunError: It can't be done.
            StoppedError: A stop signal came.
        """
        verdict = self._judge.verdict(action, settings)
        if verdict.skip and self._log.refresh():
            # Another run is at work, and what it is just at is not up to date.
            verdict = self._anew(action, settings)
        called = settings is not None
        if self._passes(action, verdict, called=called):
            return None
        if action.persistent or not (action.remembered or action.targets):
            if not (action.persistent and self._as_before(action)):
                self._ran.add(action.id)
            return verdict
        if not self._locks.take(action.id):
            self._wait_for(action)
            raise BusyError
        try:
            if self._log.refresh() or action.id in self._waited:
                # Others were at work, at this action perhaps.
                verdict = self._anew(action, settings)
            if verdict.entry is not None and verdict.entry.made == BEGUN:
                # Whoever was at it was killed, and what that has left may still be writing.
                self._locks.end_left()
                verdict = self._anew(action, settings)
            if self._passes(action, verdict, called=called):
                self._locks.release(action.id)
                return None
            self._ran.add(action.id)
            if self._restore(action, verdict):
                self._locks.release(action.id)
                return None
            if action.image is not None:
                work = self._images.work(action)
                if work is not None:
                    self._works[action.id] = work
                    return verdict
                self._make_image(action, verdict)
                self._locks.release(action.id)
                return None
        except BaseException:
            self._locks.release(action.id)
            raise
        return verdict

    def _anew(self, action: "Action", settings: "Mapping[str, str | None] | None") -> "Verdict":
        """What is found out about an action when nothing that was found before is taken for granted."""
        self._judge.forget()
        return self._judge.verdict(action, settings)

    def _wait_for(self, action: "Action") -> None:
        """Another run is at an action: tell that once.

        Raises:
            RunError: It is one whose command has called this one.
        """
        if action.id not in self._waited:
            self._waited.add(action.id)
            if self._locks.within(action.id):
                raise RunError(
                    f"`{action.label}` can't wait for itself: it is what this pyrun was called by",
                    action.position,
                    "a task whose command calls pyrun can't call it for something that needs the task",
                )
            self._reporter.tell(Noticed(f"{action.label} waits for another pyrun that is at it"))

    def image_work(self, action: "Action") -> "ImageWork | None":
        """What makes an action's image beside all else; None if there is nothing of that kind to do."""
        return self._works.get(action.id)

    def begin(self, action: "Action", verdict: "Verdict", told: "Reporter") -> None:
        """An action's first command is about to start; who is told of it alone, is told so.

        Raises:
            OSError: That can't be written down.
        """
        told.tell(TaskStarted(action.label, verdict.why))
        if not action.persistent:
            self._judge.begin(action, verdict)

    def end(self, part: "Part", outcome: Outcome) -> Outcome:
        """An action is at its end: what it did is kept, or counts for nothing."""
        action = part.run.action
        try:
            return self._end(part, outcome)
        finally:
            self._locks.release(action.id)

    def _end(self, part: "Part", outcome: Outcome) -> Outcome:
        action, verdict = part.run.action, part.verdict
        if outcome.failed:
            self._judge.drop(action, verdict)
            return outcome
        milliseconds = since(part.began)
        if action.image is not None:
            return self._end_image(part, milliseconds)
        missing, changed = self._judge.keep(action, verdict, milliseconds)
        if missing:
            self._judge.drop(action, verdict)
            hint = f"does its command write `{missing}`, relative to the file's folder?"
            at = next((t.at for t in action.targets or () if t.text == missing), action.position)
            error = RunError(f"`{action.label}` succeeded, but left no `{missing}`", at, hint)
            return Outcome(error.status, action.label, "", error)
        if changed:
            part.run.around.reporter.tell(
                Noticed(f"{changed} changed while {action.label} ran, so that is not taken for done")
            )
        elif (
            action.restorable and not self._judge.foreign[action.id] and (results := self._kept()) is not None
        ):
            results.keep(
                action,
                verdict.key,
                self._judge.targets_of(action.id),
                part.run.log_path,
                milliseconds,
                self._judge.made_in(action),
            )
        part.run.around.reporter.tell(TaskFinished(action.label, milliseconds))
        return outcome

    def _end_image(self, part: "Part", milliseconds: int) -> Outcome:
        """An engine has made an image: it goes where it was asked to go."""
        from runner.execute.image_run import ImageRun  # noqa: PLC0415 - for those only
        from runner.system.stop_signals import StoppedError  # noqa: PLC0415

        assert isinstance(part.run, ImageRun)
        action, verdict = part.run.action, part.verdict
        try:
            with self._interruptible():
                ready, state = part.run.keep()
        except PyrunError as error:
            self._judge.drop(action, verdict)
            return Outcome(error.status, action.label, "", error)
        except StoppedError:
            # The wait that follows finds the signal in its pipe.
            self._judge.drop(action, verdict)
            return HALTED
        changed = self._judge.keep_image(action, verdict, state, milliseconds)
        if changed:
            self._reporter.tell(
                Noticed(f"{changed} changed while {action.label} ran, so that is not taken for done")
            )
        self._reporter.tell(ready)
        return DONE

    def _passes(self, action: "Action", verdict: "Verdict", *, called: bool) -> bool:
        """Whether an action need not be done; then that is told."""
        why = verdict.why
        if not verdict.skip:
            why = self.passed(action, verdict) if not called else ""
            if not why:
                return False
            self._judge.assume(action, verdict)
            if action.calls:
                # What those have made is not looked at again.
                self._judge.assume_made(action, self._done[action.id].partition(" ")[2])
        elif action.image is not None and not self._image_ready(action, verdict):
            return False
        else:
            self._settle(action, verdict)
        if action.image is None:
            asked = action.id in self._plan.asked and not action.traits.tusk
            saved = 0 if verdict.entry is None else verdict.entry.milliseconds
            self._reporter.tell(TaskSkipped(action.label, asked, why, saved))
        return True

    def _settle(self, action: "Action", verdict: "Verdict") -> None:
        """An action is up to date; that the stat of its files is new is kept, unless another run is at it."""
        if not verdict.moved or not self._locks.take(action.id):
            self._judge.assume(action, verdict)
            return
        try:
            if self._log.refresh():
                self._judge.forget()
                self._judge.assume(action, verdict)
            else:
                self._judge.settle(action, verdict)
        finally:
            self._locks.release(action.id)

    def passed(self, action: "Action", verdict: "Verdict") -> str:
        """Why an action that is never up to date need not be done when the last run is resumed, or empty."""
        if action.remembered or action.persistent or not self._as_before(action):
            return ""
        if action.targets:
            entry = verdict.entry
            if entry is None or not entry.counts or targets_change(entry, verdict.targets):
                return ""
        return "it succeeded in the run that is resumed"

    def _as_before(self, action: "Action") -> bool:
        """Whether an action was done in the run that is resumed, says the same, and nothing it needs has run."""
        if action.id not in self._done or not self._ran.isdisjoint(action.deps):
            return False
        return self._done[action.id].partition(" ")[0] == definition_digest(action)

    def _image_ready(self, action: "Action", verdict: "Verdict") -> bool:
        """Whether a recorded image is still there; then it is told."""
        with self._interruptible():
            ready = self._images.ready(action, verdict.targets, verdict.why)
        if ready is not None:
            self._reporter.tell(ready)
        return ready is not None

    def _make_image(self, action: "Action", verdict: "Verdict") -> None:
        began = time.monotonic()
        self._reporter.tell(TaskStarted(action.label, verdict.why))
        with self._interruptible():
            ready, state = self._images.make(action, self._judge.copies(action))
        self._judge.keep_image(action, verdict, state, since(began))
        self._reporter.tell(ready)

    def _kept(self) -> "Results | None":
        """What was made before."""
        if self._results is None:
            self._results = self._open_results()
        return self._results

    def _restore(self, action: "Action", verdict: "Verdict") -> bool:
        """Whether what an action would make could be brought back from the store; then that is told."""
        results = self._kept() if action.restorable and not self._judge.forced else None
        if results is None:
            return False
        found = results.find(action, verdict.key, self._judge.made_in(action))
        if found is None:
            return False
        self._judge.begin_restore(action, verdict, found.paths)
        try:
            with self._interruptible():
                kept = {state.path for state in verdict.sources} | self._judge.others_of(verdict)
                brought = results.bring(action, found, kept)
        except PyrunError:
            brought = False
        if not (brought and self._judge.restored(action, verdict, found)):
            return False
        asked = action.id in self._plan.asked and not action.traits.tusk
        told = self._reporter.begin(action.label, server=False, direct=False)
        told.tell(TaskRestored(action.label, asked, verdict.why, found.milliseconds))
        lines = LineByLine(lambda number, data: told.output(action.label, number, data))
        results.replay(found, lines.put)
        lines.end()
        told.end(failed=False)
        return True


def since(began: float) -> int:
    """Milliseconds since a moment, as `time.monotonic` counts."""
    return int((time.monotonic() - began) * 1000)
