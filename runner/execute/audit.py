"""`--audit`: actions run in the project, and what they read and write there is held against what they declare.

Every command of an action, and all that it starts, is looked at by `strace`. What counts is files of the
project that were opened, executed, made, written or removed; git's and pyrun's own state does not, and caches
do not, that is what lies in a `__pycache__`, in a folder that says by a `CACHEDIR.TAG` that it is one, or in one
that git ignores and that has `cache` in its name.
"""

import os

from runner.errors import PyrunError, RunError
from runner.events import TaskAudited
from runner.execute.input_root import input_root, invoke_files, providers
from runner.execute.surroundings import Surroundings
from runner.model.path import resolved
from runner.system.claimed_folder import claim, remove_folder, remove_left
from runner.system.programs import find_program
from runner.system.strace import Trace, find_strace, read_trace, traced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from runner.execute.host import HostRun
    from runner.execute.inputs import Inputs
    from runner.execute.outcome import Outcome
    from runner.execute.places import Places
    from runner.plan.action import Action, Plan
    from runner.plan.file_state import FileState

_STATE = frozenset({".git", ".pyrun"})


class TracedSurroundings(Surroundings):
    """What the commands of an action that is looked at have in common.

    Args:
        around: What they would have in common otherwise.
        strace: The path of `strace`.
        folder: Where what is seen is written to.

    Attributes:
        outputs: What was written, and the working folder of the program that it is about.
    """

    __slots__ = ("_folder", "_strace", "outputs")

    def __init__(self, around: Surroundings, strace: str, folder: str) -> None:
        for name in Surroundings.__slots__:
            setattr(self, name, getattr(around, name))
        self._strace = strace
        self._folder = folder
        self.outputs: list[tuple[str, str]] = []

    def words(self, argv: "Sequence[str]", environ: "Mapping[str, str]", folder: str) -> "Sequence[str]":
        """The words that start a command, so that it is looked at; one that can't be started is left alone."""
        path = find_program(argv[0], environ, folder)
        if path is None or not os.access(os.path.join(folder, path), os.X_OK):
            return argv
        output = f"{self._folder}/{len(self.outputs)}"
        self.outputs.append((output, folder))
        return traced(self._strace, argv, output)


class Audit:
    """Looks at what each action does, as `runner.execute.places` describes it.

    Args:
        plan: The plan.
        top: The project's top folder, absolute.
        inputs: The files of the project.
        targets_of: What an action of this run has left, by its id.
        environ: The variables by which `strace` is found.

    Attributes:
        findings: What was seen of each action, in the order in which they ended.

    Raises:
        RunError: There is no `strace` that works.
    """

    def __init__(
        self,
        plan: "Plan",
        top: str,
        inputs: "Inputs",
        targets_of: "Callable[[str], Sequence[FileState]]",
        environ: "Mapping[str, str]",
    ) -> None:
        self._strace = find_strace(environ, top)
        self._actions = {action.id: action for action in plan.actions}
        self._top = top
        self._real_top = os.path.realpath(top)
        self._inputs = inputs
        self._targets_of = targets_of
        self._places: dict[str, tuple[TracedSurroundings, str, int]] = {}
        self.findings: list[TaskAudited] = []
        remove_left(f"{top}/.pyrun/audit")

    def enter(self, action: "Action", around: Surroundings, _sources: "Sequence[FileState]") -> Surroundings:
        """What the commands of an action have in common where they are looked at.

        Raises:
            RunError: There is no room to write down what is seen.
        """
        if action.image is not None:
            return around
        try:
            os.makedirs(f"{self._top}/.pyrun", exist_ok=True)
            folder, lock = claim(f"{self._top}/.pyrun/audit", "run")
        except OSError as error:
            raise RunError(
                f"`{action.label}` can't be looked at: {error.strerror}: {error.filename}"
            ) from None
        inside = TracedSurroundings(around, self._strace, folder)
        self._places[action.id] = (inside, folder, lock)
        return inside

    def attach(self, run: "HostRun") -> None:
        """Nothing is to be done."""

    def returned(self, caller: "HostRun") -> None:
        """Nothing is to be done."""

    def leave(self, run: "HostRun", outcome: "Outcome") -> "Outcome":
        """Hold what was seen of an action against what it declares; what came of it is left as it is."""
        action = run.action
        if action.id not in self._places:
            return outcome
        inside, folder, lock = self._places.pop(action.id)
        trace = Trace()
        for output, where in inside.outputs:
            read_trace(trace, output, where)
        remove_folder(folder)
        os.close(lock)
        # A server ends because it is told to.
        failed = outcome.failed and not action.persistent
        self.findings.append(self._finding(action, trace, failed=failed))
        return outcome

    @property
    def lasting(self) -> bool:
        """No server goes on when other places follow these."""
        return False

    def follow(self, before: "Places") -> None:
        """There is nothing to take over."""

    def close(self) -> None:
        """Take away what was written down."""
        for _, folder, lock in self._places.values():
            remove_folder(folder)
            os.close(lock)
        self._places.clear()
        remove_left(f"{self._top}/.pyrun/audit")

    def told(self) -> "Sequence[TaskAudited]":
        """See `runner.execute.places.Places`."""
        return self.findings

    def _finding(self, action: "Action", trace: Trace, *, failed: bool) -> TaskAudited:
        """What an action does that it does not declare, and what it declares and does not do."""
        from runner.execute.proposal import line_for, source_line  # noqa: PLC0415 - only for this

        targets = action.targets or ()
        sources = self._paths(action)
        visible = {state.path for state in input_root(action, self._actions, (), self._targets_of)}
        visible.update((*sources, *invoke_files(action)))
        made = [
            *targets,
            *(t for name in providers(action, self._actions) for t in self._actions[name].targets or ()),
        ]
        mine = _secret_files(action)
        reads = [
            path
            for path in self._of_project(trace.reads.items())
            if path not in visible and path not in mine and not any(target.matches(path) for target in made)
        ]
        changed = ((path, path) for path in (*trace.writes, *trace.removed))
        writes = [
            path
            for path in self._of_project(changed)
            if path not in mine
            and not any(target.matches(path) for target in targets)
            and (os.path.lexists(f"{self._top}/{path}") or f"{self._top}/{path}" in trace.removed)
        ]
        reads = [path for path in reads if os.path.isfile(f"{self._top}/{path}")]
        seen = set(self._of_project((path, path) for path in trace.seen))
        unread = [path for path in sources if path not in seen]
        lines = [source_line(action, reads, self._inputs.tree)] if reads else []
        left = [path for path in writes if os.path.lexists(f"{self._top}/{path}")]
        lines += [line_for("target", action, left)] if left else []
        return TaskAudited(
            action.label, tuple(reads), tuple(writes), () if failed else tuple(unread), tuple(lines), failed
        )

    def _paths(self, action: "Action") -> "tuple[str, ...]":
        try:
            return self._inputs.paths(action)
        except PyrunError:
            return ()

    def _of_project(self, paths: "Iterable[tuple[str, str]]") -> "list[str]":
        """Those of some paths that count, relative to the top, sorted; by its real name what lies elsewhere."""
        found: dict[str, None] = {}
        for path, real in paths:
            below = self._below(path)
            if below is None:
                below = self._below(real)
            if below and not self._is_state(below):
                found[below] = None
        return sorted(found)

    def _below(self, path: str) -> str | None:
        for top in (self._top, self._real_top):
            if path.startswith(f"{top}/"):
                return path[len(top) + 1 :]
        return None

    def _is_state(self, path: str) -> bool:
        """Whether a path is git's, pyrun's or a cache's."""
        names = path.split("/")
        if not _STATE.isdisjoint(names):
            return True
        return any(self._is_cache("/".join(names[:count])) for count in range(1, len(names)))

    def _is_cache(self, folder: str) -> bool:
        name = folder.rpartition("/")[2]
        if name == "__pycache__" or os.path.lexists(f"{self._top}/{folder}/CACHEDIR.TAG"):
            return True
        if "cache" not in name.lower():
            return False
        ignore = self._inputs.ignore()
        return ignore is not None and ignore.ignores(folder, folder=True)


def _secret_files(action: "Action") -> "set[str]":
    """The files that bring an action its secrets."""
    return {resolved(path) for secret in action.traits.secrets for path in (secret.file, secret.to) if path}
