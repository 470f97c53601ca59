"""`--watch`: what each cycle of a watched run is made of, planned from files that are read anew."""

import os

from runner.cli.session import Session, confirmed
from runner.errors import PyrunError, UsageError
from runner.execute.inputs import UnmatchedError
from runner.execute.watch import Cycle, Watch, watch_on
from runner.model.path import beneath, resolved
from runner.plan.wake import Origins, Wake
from runner.store.build_log import BuildLog
from runner.store.run_locks import RunLocks
from runner.system.asked_files import AskedFiles
from runner.system.tree import DiskTree
from runner.system.watching import NotedTree, Watcher, followed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Protocol

    from runner.cli.arguments import Request
    from runner.execute.inputs import Inputs
    from runner.plan.action import Action, Plan
    from runner.ui.plain import PlainReporter

    class Call(Protocol):
        """A call of pyrun, as far as watching asks it."""

        def read(self) -> "tuple[Request, Session | None]":
            """What the words ask for and the project they lead to, read anew."""

        def needed_session(self) -> Session:
            """The project."""

        def planned(self, session: Session, request: Request) -> "tuple[Plan, Plan]":
            """The plan of what was asked for: the whole, and the part that flags leave of it."""

        def reporter(self, session: Session, total: int, flags: "Mapping[str, str]") -> "PlainReporter":
            """Who shows the work."""

        def tell(self, error: PyrunError) -> int:
            """Let the user read an error."""


_FIRST_ONLY = ("force", "resume")
"""The flags that hold for the first cycle only."""


def watch(call: "Call", request: "Request") -> int:
    """Do what was asked for, and again whenever something changes; the exit status.

    Raises:
        UsageError: There is nothing to watch, or a flag does not go with it.
        PyrunError: The first plan can't be made, or the system can't watch files.
    """
    if "audit" in request.flags:
        raise UsageError("`--watch` and `--audit` do not go together", None, "use one after the other")
    cycles = _Cycles(call, request)
    try:
        return watch_on(cycles.first())
    finally:
        cycles.close()


class _Cycles:
    """Makes one cycle after the other.

    Args:
        call: The call.
        request: What it asks for at first.
    """

    def __init__(self, call: "Call", request: "Request") -> None:
        self.call = call
        self.request = request
        session = call.needed_session()
        self.top = session.top
        self.definitions = _definitions(session)
        outside = [path for path in (*self.definitions, *_variables(session)) if path.startswith("/")]
        self.files = Watcher(session.top, outside, session.environ)
        self.log = BuildLog(session.top)
        self.locks = RunLocks(session.top)
        self.told: PlainReporter | None = None
        self.watch = Watch(self.files, self.renew, call.tell, self.rested)

    def close(self) -> None:
        """Watch no more."""
        self.files.close()

    def first(self) -> Cycle:
        """The first cycle."""
        session = self.call.needed_session()
        cycle = self.cycle(session, self.request, self.request.flags)
        confirmed(cycle.wider, self.request.flags)
        return cycle

    def renew(self) -> Cycle:
        """Another cycle, of what the files say now.

        Raises:
            PyrunError: Something is wrong with them.
        """
        request, session = self.call.read()
        if session is None:
            raise UsageError("the project's file is gone")
        if session.top != self.top:
            raise UsageError("this folder is part of another project now", None, "begin to watch anew")
        if session.fresh:
            self.definitions = _definitions(session)
        flags = {name: value for name, value in request.flags.items() if name not in _FIRST_ONLY}
        return self.cycle(session, request, flags)

    def cycle(self, session: Session, request: "Request", flags: "Mapping[str, str]") -> Cycle:
        """A cycle of what was asked for."""
        tree = session.facts.tree = NotedTree(session.top)
        whole, plan = self.call.planned(session, request)
        asked = frozenset(tree.asked)
        reporter = self.reporter(session, len(plan.actions), flags)
        images, inputs, judge, log = session.looked_at(plan, flags, reporter, self.log, watched=True)
        reads = {action.id: _reads(inputs, action, session.top) for action in whole.actions}
        tasks = (resolved(head.file) for head in session.project.heads)
        origins = Origins(tasks, self.definitions, _variables(session), asked)
        ignore = inputs.ignore()

        def ignores(path: str) -> bool:
            return ignore is not None and ignore.ignores(path)

        wake = Wake(whole, reads, origins, ignores)
        if not wake.watchable:
            raise _nothing_to_watch(whole)
        places = session.places(plan, flags, inputs, judge, reporter)
        settings = session.settings(flags)
        cycle = Cycle(
            self.watch, wake, whole, plan, settings, judge, log, images, self.locks, session.results, {},
            reporter, places,
        )  # fmt: skip
        cycle.show_images = lambda: images.show(plan, reporter)
        return cycle

    def reporter(self, session: Session, total: int, flags: "Mapping[str, str]") -> "PlainReporter":
        """Who shows the work of all cycles: servers write on from one to the next."""
        if self.told is None:
            self.told = self.call.reporter(session, total, flags)
            self.told.line = None
        return self.told

    def rested(self, cycle: Cycle) -> None:
        """A cycle has come to its end: show the images that it made."""
        if self.told is not None and self.told.images:
            cycle.show_images()
            self.told.images.clear()


def _reads(inputs: "Inputs", action: "Action", top: str) -> "Collection[str]":
    """The files that an action reads now, with what links lead to; what can't be found out is read at its turn."""
    try:
        return followed(top, inputs.paths(action))
    except UnmatchedError:
        return ()


def _definitions(session: Session) -> frozenset[str]:
    """The files that the project was read from, and those that were looked for: relative to its top, if within."""
    from runner.config.decode import decode  # noqa: PLC0415 - YAML is slow to load

    files = AskedFiles(DiskTree(session.top))
    data = files.read(session.name) or b""
    try:
        decode(data, session.name, files)
    except PyrunError:
        # What was asked for so far is known.
        pass
    top = f"{session.top}/"
    found = {os.path.normpath(path).removeprefix(top) for path in files.seen}
    return frozenset(found - {session.top})


def _variables(session: Session) -> list[str]:
    """The files of variables, relative to the top folder, or absolute where they lie outside of it."""
    found = [beneath(head.folder, file.path) for head in session.project.heads for file in head.env_files]
    top = session.top
    return [os.path.normpath(os.path.join(top, path)).removeprefix(f"{top}/") for path in found]


def _nothing_to_watch(plan: "Plan") -> UsageError:
    asked = next((action for action in plan.actions if action.id in plan.asked), None)
    label = asked.label if asked is not None else ""
    return UsageError(
        f"there is nothing to watch: neither `{label}` nor anything that it needs says what it reads",
        asked.position if asked is not None else None,
        "add a `source`, such as `source: [src/]`",
    )
