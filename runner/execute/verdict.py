"""Whether an action must run, from what is declared, observed and recorded."""

import time

from runner.digest import canonical, digest_of
from runner.errors import PlanError
from runner.model.path import beneath
from runner.model.record import Record
from runner.model.when import COMMAND, ENVIRONMENT
from runner.plan.action_key import STANDING, key_of, made_by, part_digests, pieces
from runner.plan.dirty import MARKED, NEVER, key_change, targets_change
from runner.plan.file_state import BEGUN, CHANGED, FAILED, HOST, RESTORED, SANDBOX, FileState, LogEntry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from runner.execute.inputs import Inputs
    from runner.execute.ports import Containers, Images, Log, Programs
    from runner.plan.action import Action
    from runner.plan.action_key import Pieces
    from runner.plan.image_plan import CopyPlan
    from runner.plan.result import Result


class Verdict(Record):
    """What was found out about an action at its turn.

    Args:
        skip: Whether it need not run.
        why: Why it must or need not, in words.
        key: What it depends on, as one digest.
        found: The same piece by piece.
        sources: The files it reads.
        targets: The files that are there of its targets.
        entry: What is recorded, or None.
    """

    FIELDS = ("skip", "why", "key", "found", "sources", "targets", "entry")
    __slots__ = FIELDS

    def __init__(
        self,
        skip: bool,
        why: str,
        key: str,
        found: "Pieces",
        sources: tuple[FileState, ...],
        targets: tuple[FileState, ...],
        entry: LogEntry | None,
    ) -> None:
        self.skip = skip
        self.why = why
        self.key = key
        self.found = found
        self.sources = sources
        self.targets = targets
        self.entry = entry

    @property
    def moved(self) -> bool:
        """Whether the stat of a file is new, though its content is as recorded."""
        entry = self.entry
        return entry is not None and any(
            state.signature != old.signature and state.signature
            for states, olds in ((self.sources, entry.sources), (self.targets, entry.targets))
            for state, old in zip(states, olds, strict=True)
        )


class Judge:
    """Finds out at each action's turn whether it must run, and keeps what ran.

    Args:
        inputs: The files.
        log: What ran last.
        programs: The programs of this machine.
        images: Where images are kept.
        platform: What this machine is.
        environ: The variables of an action's commands.
        needed: The ids of the actions that others depend on.
        force: Whether what was asked for runs whatever is recorded.
        containers: What is known of containers, or None where no action runs in one.
        made_in: `HOST` or `SANDBOX`: where actions on the host run, and what counts as done there.

    Attributes:
        forced: See `force`.
        spared: The ids of actions that run only if they must, although all others are forced.
        foreign: For each action that ran the files that its targets match and that none of its runs made.
    """

    def __init__(
        self,
        inputs: "Inputs",
        log: "Log",
        programs: "Programs",
        images: "Images",
        platform: str,
        environ: "Callable[[Action, str], Mapping[str, str]]",
        needed: frozenset[str],
        force: bool,
        containers: "Containers | None" = None,
        made_in: str = HOST,
    ) -> None:
        self._containers = containers
        self._made_in = made_in
        self._inputs = inputs
        self._log = log
        self._programs = programs
        self._images = images
        self._platform = platform
        self._environ = environ
        self._needed = needed
        self.forced = force
        self._made: dict[str, tuple[str, str]] = {}
        self._targets: dict[str, tuple[FileState, ...]] = {}
        self._actions: dict[str, Action] = {}
        self.spared: Container[str] = ()
        self.foreign: dict[str, tuple[str, ...]] = {}

    def verdict(self, action: "Action", settings: "Mapping[str, str | None] | None" = None) -> Verdict:
        """What is to be done with an action whose deps are done.

        Args:
            action: The action.
            settings: The variables that its callers have set, None for those taken away; None if it has no
                caller. What they have done so far is not known here and may have changed any file.

        Raises:
            PlanError: A source matches nothing.
            RunError: An image's base is not there.
        """
        if settings is not None:
            self._inputs.forget()
        if not (action.remembered or action.targets is not None or action.id in self._needed):
            # Nobody will ask what it depends on.
            return Verdict(False, self._why(action, None, "", (), (), ()), "", (), (), (), None)
        entry = self._log.entry(action.id) if action.remembered or action.targets else None
        recorded = entry.sources if entry is not None else ()
        sources = self._inputs.sources(action, recorded)
        found = pieces(
            action,
            self._platform if action.container is None else "",
            self._tools(action),
            [self._made[dep] for dep in action.deps],
            self._images.base_digest(action) if action.image is not None else (),
            self._answers(action, settings or {}),
            settings or {},
        )
        if action.container is not None and self._containers is not None:
            found = (*found, *self._containers.pieces(action), *self._standing(action))
        links = self._links(action) if action.image is not None else ()
        if links:
            found = (*found, ("links that are copied", links))
        key = key_of(found, sources)
        if action.traits.tusk and action.remembered:
            # As in a tusk.yml: any earlier good run with this key counts, not only the last one.
            entry = self._log.entry(f"{action.id} {key}") or entry
        before = entry.targets if entry is not None else ()
        targets = before if action.image is not None else self._inputs.targets(action, before)
        why = self._why(action, entry, key, found, sources, targets)
        if why:
            return Verdict(False, why, key, found, sources, targets, entry)
        return Verdict(True, self._settled(action, sources, targets), key, found, sources, targets, entry)

    def _why(
        self,
        action: "Action",
        entry: LogEntry | None,
        key: str,
        found: "Pieces",
        sources: "Sequence[FileState]",
        targets: "Sequence[FileState]",
    ) -> str:
        """Why it must run, or empty."""
        if always := self.always(action):
            return always
        if entry is None:
            return NEVER
        if not entry.counts:
            return MARKED.get(entry.made, NEVER)
        if self._made_in == SANDBOX and not entry.made.startswith(self.made_in(action)):
            return "it was made in the open, and `--sandbox` was given"
        if entry.key != key:
            return key_change(entry, part_digests(found), sources) or "what it depends on changed"
        if action.container is not None and (moved := _moved(entry, found)):
            return moved
        missing = self._missing(action, targets) if action.image is None else ""
        if action.traits.tusk and action.targets and not targets:
            missing = action.targets[0].text
        return targets_change(entry, targets) or (f"the target {missing} is gone" if missing else "")

    def made_in(self, action: "Action") -> str:
        """How the result of an action is made."""
        if action.container is not None and self._containers is not None:
            return self._containers.made_in
        # What is done for another platform is done in a tree that has only what it declares.
        return SANDBOX if action.platform else self._made_in

    def _standing(self, action: "Action") -> "Pieces":
        """What the result of an action hangs on that is nowhere but in its container's place."""
        if self._containers is None or action.container is None:
            return ()
        if action.targets is not None or not action.remembered:
            return ()
        return ((STANDING, self._containers.standing(action)),)

    def always(self, action: "Action") -> str:
        """Why it runs whatever its deps make and its files are, or empty."""
        if not action.remembered:
            if action.sources is not None and action.traits.cache == "false":
                return "it says `cache: false`"
            return "it is a server" if action.persistent else "it has no `source`, so it runs every time"
        return "`--force` was given" if self.forced and action.id not in self.spared else ""

    def _settled(
        self, action: "Action", sources: "Sequence[FileState]", targets: "Sequence[FileState]"
    ) -> str:
        """Why it need not run."""
        counts = []
        if sources:
            counts.append("1 source" if len(sources) == 1 else f"{len(sources)} sources")
        if action.deps:
            counts.append("1 dep" if len(action.deps) == 1 else f"{len(action.deps)} deps")
        if action.image is not None:
            counts.append("the image")
        elif targets:
            counts.append(targets[0].path if len(targets) == 1 else f"{len(targets)} target files")
        return f"{_joined(counts) or 'its commands'} as in the last run"

    def assume(self, action: "Action", verdict: Verdict) -> None:
        """Take an action for up to date and write nothing, as for a look ahead."""
        self._note(action, verdict.key, verdict.targets)

    def settle(self, action: "Action", verdict: Verdict) -> None:
        """An action is up to date, and the stat of its files is new: that is kept."""
        self.assume(action, verdict)
        entry = verdict.entry
        if entry is not None:
            self._log.record(
                LogEntry(
                    action.id,
                    entry.key,
                    entry.parts,
                    verdict.sources,
                    verdict.targets,
                    entry.milliseconds,
                    entry.made,
                    entry.left,
                    entry.when,
                    entry.others,
                )
            )

    def keep(self, action: "Action", verdict: Verdict, milliseconds: int) -> tuple[str, str]:
        """An action ran and succeeded: record it if its declarations allow.

        Returns:
            What is missing of its targets, or empty; and which of the files that it may see is not what it was
            when it began, or empty.
        """
        self._inputs.forget()
        targets = self._inputs.targets(action, ())
        missing = "" if action.traits.tusk else self._missing(action, targets)
        self._note(action, verdict.key, targets)
        if missing:
            return missing, ""
        if not action.remembered and action.targets is None:
            return "", ""
        left = self._left(verdict, targets)
        others = _rest(targets, left)
        self.foreign[action.id] = _rest(targets, (*left, *(state.path for state in verdict.sources)))
        changed = self._changed(action, verdict) or self._changed_below(action)
        if changed:
            self._log.mark(action.id, CHANGED, left, others)
        else:
            self._record(action, verdict, targets, milliseconds, (left, others), self.made_in(action))
        return "", changed

    def _changed(self, action: "Action", verdict: Verdict) -> str:
        """A source that is not what it was before the commands ran, or empty.

        One that was written meanwhile counts too: what the commands read may have been something in between.
        """
        try:
            now = self._inputs.sources(action, verdict.sources)
        except PlanError as error:
            return error.message
        changed = _changed(verdict.sources, now)
        return changed if changed or action.traits.tusk else self._inputs.rewritten(verdict.sources)

    def forget(self) -> None:
        """Take nothing that was found for granted any longer: somebody else was at work."""
        self._inputs.forget()

    def made_of(self, name: str) -> str:
        """What those that depend on an action of this run go by, as a digest; empty if that is not known."""
        return self._made.get(name, ("", ""))[1]

    def assume_made(self, action: "Action", made: str) -> None:
        """What those that depend on an action go by is known from the run that is resumed."""
        self._made[action.id] = (action.label, made)

    def targets_of(self, name: str) -> tuple[FileState, ...]:
        """The targets that an action of this run has left, by its id."""
        return self._targets.get(name, ())

    def begin_restore(self, action: "Action", verdict: Verdict, paths: "Iterable[str]") -> None:
        """An action's targets are about to be brought back: until they are, what it did before counts no more."""
        ours = _ours(verdict)
        left = tuple(sorted(ours | set(paths)))
        self._log.mark(action.id, BEGUN, left, _others(action, verdict, ours))

    def restored(self, action: "Action", verdict: Verdict, result: "Result") -> bool:
        """An action's targets were brought back: record that, if they are what they should be.

        Stale files that earlier runs left are removed.
        """
        brought = {state.path for state in result.files}
        self._inputs.remove([path for path in _stale(action, verdict) if path not in brought])
        self._inputs.forget()
        targets = self._inputs.targets(action, ())
        others = self.others_of(verdict)
        made = {state.identity for state in targets if state.path in brought or state.path not in others}
        if made != {state.identity for state in result.files}:
            return False
        self._note(action, verdict.key, targets)
        left = tuple(state.path for state in targets if state.path in brought)
        made_how = f"{result.made}{RESTORED}"
        self._record(action, verdict, targets, result.milliseconds, (left, _rest(targets, left)), made_how)
        return True

    @staticmethod
    def others_of(verdict: Verdict) -> set[str]:
        """The files that an action's targets match and that were there before it ever ran: they stay."""
        return set(verdict.entry.others) if verdict.entry is not None else set()

    def _changed_below(self, action: "Action") -> str:
        """A target of what an action needs that is not what it was at its turn, or empty."""
        seen: set[str] = set()
        left = list(action.deps)
        while left:
            name = left.pop()
            dep = self._actions.get(name)
            if name in seen or dep is None:
                continue
            seen.add(name)
            if dep.targets is None:
                left += dep.deps
            elif dep.targets:
                before = self._targets[name]
                now = self._inputs.targets(dep, before)
                changed = _changed(before, now) or self._inputs.rewritten(before)
                if changed:
                    return changed
        return ""

    def keep_image(self, action: "Action", verdict: Verdict, state: FileState, milliseconds: int) -> str:
        """An image was made: record it; which of the files that it was made of is not what it was, or empty.

        A builder of its own reads them when it comes to them; ours holds each against its digest as it reads it.
        """
        self._note(action, verdict.key, (state,))
        if action.image is not None and action.image.dockerfile is not None:
            self._inputs.forget()
            changed = self._changed(action, verdict) or self._changed_below(action)
            if changed:
                self._log.mark(action.id, CHANGED, (), ())
                return changed
        self._record(action, verdict, (state,), milliseconds, ((), ()), HOST)
        return ""

    def begin(self, action: "Action", verdict: Verdict) -> None:
        """An action starts: until it has succeeded, what it did before counts no more.

        What its runs left in folders and patterns is removed, so that no stale file passes for a made one.
        """
        if action.remembered or action.targets:
            ours = _ours(verdict)
            self._inputs.remove(_stale(action, verdict))
            self._log.mark(action.id, BEGUN, tuple(sorted(ours)), _others(action, verdict, ours))

    def clear(self, action: "Action", verdict: Verdict) -> None:
        """A try failed and the next one comes: what the failed one left in folders and patterns is removed."""
        if not action.targets:
            return
        self._inputs.forget()
        ours = _ours(verdict)
        others = _others(action, verdict, ours)
        begun = LogEntry(action.id, "", (), (), (), 0, BEGUN, tuple(ours), 0, others)
        now = self._inputs.targets(action, ())
        tried = Verdict(False, "", verdict.key, (), verdict.sources, now, begun)
        self._inputs.remove([path for path in _stale(action, tried) if path not in others])

    def drop(self, action: "Action", verdict: Verdict) -> None:
        """An action failed or was stopped: what it has left so far is known, and counts for nothing."""
        self._inputs.forget()
        if action.remembered or action.targets:
            targets = self._inputs.targets(action, ()) if action.image is None else ()
            left = self._left(verdict, targets)
            self._log.mark(action.id, FAILED, left, _rest(targets, left))

    def _left(self, verdict: Verdict, targets: "Sequence[FileState]") -> tuple[str, ...]:
        """The target files that this run or an earlier one made, changed or wrote; others lay there before."""
        before = {state.path: state for state in verdict.targets}
        ours = _ours(verdict)
        return tuple(
            state.path
            for state in targets
            if state.path in ours
            or (old := before.get(state.path)) is None
            or old.identity != state.identity
            or self._inputs.rewritten((old,))
        )

    def note_server(self, action: "Action", verdict: Verdict) -> None:
        """A server is there for those that need it."""
        self._note(action, verdict.key, ())

    def copies(self, action: "Action") -> "list[tuple[FileState, ...]]":
        """The files of each `copy` of an image, in order; of one for several platforms what its parts are."""
        found: list[tuple[FileState, ...]] = []
        image = action.image
        if image is None:
            return found
        if image.parts:
            return [self._targets[part] for part, _ in image.parts]
        for copy, dep in zip(image.copies, action.image_deps, strict=True):
            links = self._copied_links(copy)
            if dep:
                found.append(_with_links(self._targets[dep], links))
            else:
                states = self._inputs.sources(action, ())
                wanted = {path for source in copy.own_sources for path in self._inputs.copied(source)}
                found.append(_with_links([state for state in states if state.path in wanted], links))
        return found

    def _links(self, action: "Action") -> "tuple[tuple[str, str], ...]":
        """The links that an image gets as links, and where they lead."""
        copies = action.image.copies if action.image is not None else ()
        return tuple((link.path, link.digest) for copy in copies for link in self._copied_links(copy))

    def _copied_links(self, copy: "CopyPlan") -> "tuple[FileState, ...]":
        """The links that a copy takes as links."""
        sources = () if copy.base is not None else copy.sources
        return tuple(link for source in sources for link in self._inputs.links(source, made=bool(copy.task)))

    def _record(
        self,
        action: "Action",
        verdict: Verdict,
        targets: tuple[FileState, ...],
        milliseconds: int,
        whose: tuple[tuple[str, ...], tuple[str, ...]],
        made: str,
    ) -> None:
        """Write down a good run; `whose` are the target files that its runs made, and the others."""
        left, others = whose
        kept = tuple(piece for piece in verdict.found if piece[0] != STANDING)
        parts = part_digests((*kept, *self._standing(action)))
        when = int(time.time())
        names = [action.id]
        if action.traits.tusk:
            names.append(f"{action.id} {verdict.key}")
        for name in names:
            self._log.record(
                LogEntry(
                    name, verdict.key, parts, verdict.sources, targets, milliseconds, made, left, when, others
                )
            )

    def _missing(self, action: "Action", targets: "Sequence[FileState]") -> str:
        """A target that is written out and not there, or empty."""
        paths = [state.path for state in targets]
        for target in action.targets or ():
            path = target.literal_prefix
            folder = not target.has_wildcard and self._inputs.tree.names(path) is not None
            if target.text in action.maybe:
                continue
            if not (target.has_wildcard or folder or any(target.matches(found) for found in paths)):
                return target.text
        return ""

    def _note(self, action: "Action", key: str, targets: "Sequence[FileState]") -> None:
        """Keep for those that depend on an action what it made: its targets, or its key where it has none."""
        self._targets[action.id] = tuple(targets)
        self._actions[action.id] = action
        made = made_by(targets) if action.targets is not None or action.image is not None else key
        if action.calls and made == key:
            called = tuple(self._made.get(name, ("", "")) for name in action.calls)
            made = digest_of(canonical((key, called))).hex
        self._made[action.id] = (action.label, made)

    def _answers(self, action: "Action", settings: "Mapping[str, str | None]") -> list[tuple[str, str]]:
        """What conditions ask at their turn that can be looked at now, and the answers."""
        found = []
        for question in action.questions:
            if question.kind == ENVIRONMENT:
                value = self._variables(action).get(question.name)
                value = settings.get(question.name, value)
                found.append((question.name, "" if value is None else f"={value}"))
            elif question.kind != COMMAND:
                paths = [beneath(question.dir, path) for path in question.values if path is not None]
                if action.container is not None:
                    # What lies elsewhere in a container is its image's.
                    paths = [path for path in paths if not path.startswith("/")]
                found += [(path, str(self._inputs.tree.exists(path))) for path in paths]
        return found

    def _variables(self, action: "Action") -> "Mapping[str, str]":
        """The variables of an action's commands in its place."""
        if action.container is not None and self._containers is not None:
            return self._containers.variables(action, action.traits.namespace)
        return self._environ(action, action.traits.namespace)

    def _tools(self, action: "Action") -> list[tuple[str, str]]:
        """The programs that an action plainly starts, with what identifies each."""
        if action.container is not None:
            # They are its image's.
            return []
        environ = {**self._environ(action, action.traits.namespace), **dict(action.env)}
        names = {(name, script.dir): None for script in action.scripts for name in script.programs}
        if action.scripts:
            names = {**{(name, ""): None for name in action.interpreters}, **names}
        found = ((name, self._programs.identity(name, environ, folder)) for name, folder in names)
        return [(name, identity) for name, identity in found if identity is not None]


def _moved(entry: LogEntry, found: "Pieces") -> str:
    """What a result hangs on and is not what it was, though the key is the same; empty if all is."""
    now = next((value for what, value in part_digests(found) if what == STANDING), None)
    before = dict(entry.parts).get(STANDING)
    return "" if now is None or now == before else f"the {STANDING} changed"


def _ours(verdict: Verdict) -> set[str]:
    """The target files that this action's runs have made or changed, as far as that is known."""
    entry = verdict.entry
    if entry is None:
        return set()
    ours = set(entry.left)
    if entry.made == BEGUN:
        # A killed run could not say what it left: that is what was not there when it began.
        ours |= {state.path for state in verdict.targets}.difference(entry.others)
    return ours


def _others(action: "Action", verdict: Verdict, ours: set[str]) -> tuple[str, ...]:
    """The files that are there of the targets, that this action's runs have not made, and that stay."""
    gone = {*ours, *_stale(action, verdict)}
    return tuple(state.path for state in verdict.targets if state.path not in gone)


def _with_links(states: "Sequence[FileState]", links: "Sequence[FileState]") -> "tuple[FileState, ...]":
    """Files, and links in the place of what they lead to."""
    known = {link.path for link in links}
    return (*(state for state in states if state.path not in known), *links)


def _rest(targets: "Sequence[FileState]", left: "Iterable[str]") -> tuple[str, ...]:
    """The files of the targets that are not among some."""
    known = set(left)
    return tuple(state.path for state in targets if state.path not in known)


def _stale(action: "Action", verdict: Verdict) -> list[str]:
    """The files that earlier runs left in an action's folders and patterns, its sources not among them."""
    if verdict.entry is None or action.traits.tusk or action.traits.cache == "false":
        return []
    targets = action.targets or ()
    kept = {state.path for state in verdict.sources}
    kept |= {target.literal_prefix for target in targets if not target.has_wildcard}
    kept.update(verdict.entry.others)
    left = _ours(verdict)
    if action.remembered:
        # Nobody else's file may pass for a made one and be kept in the store: a target folder is the task's own as
        # a whole.
        folders = [target for target in targets if not target.has_wildcard]
        left |= {state.path for state in verdict.targets if any(one.matches(state.path) for one in folders)}
    return [
        path for path in sorted(left) if path not in kept and any(target.matches(path) for target in targets)
    ]


def _changed(before: "Sequence[FileState]", now: "Sequence[FileState]") -> str:
    """A file that is not what it was before the commands ran, or was not there, or empty."""
    after = {state.path: state.identity for state in now}
    changed = next((state.path for state in before if after.pop(state.path, None) != state.identity), "")
    return changed or next(iter(after), "")


def _joined(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
