"""`--sandbox`: each action's commands run in a fresh tree that has what it declares and no more of the project.

So a file that is read and not declared is missing, and what is written without being declared stays behind.
The tools are this machine's, an absolute path leads where it always leads, and servers and images stay in the
project: a server serves what lies there.
"""

import os

from runner.errors import PyrunError, RunError
from runner.events import Noticed
from runner.execute.input_root import input_root, invoke_files
from runner.execute.outcome import Outcome
from runner.execute.surroundings import Surroundings
from runner.execute.take_out import take_out
from runner.model.path import resolved
from runner.system.claimed_folder import remove_left
from runner.system.fresh_tree import FreshTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from runner.events import Event, Reporter
    from runner.execute.host import HostRun
    from runner.execute.inputs import Inputs
    from runner.execute.places import Places
    from runner.plan.action import Action, Plan
    from runner.plan.file_state import FileState

_LONGEST_TAIL = 1 << 16
"""Bytes of what a command wrote last that are looked at when it has failed."""
_TOLD = 5
"""Names that are told of what no target names."""


class TreeSurroundings(Surroundings):
    """What the commands of an action in a tree have in common.

    Args:
        around: What they would have in common in the project.
        tree: The tree.

    Attributes:
        outer: What they would have in common in the project.
        tree: The tree.
        tail: What the commands wrote last.
    """

    __slots__ = ("outer", "tail", "tree")

    def __init__(self, around: Surroundings, tree: FreshTree) -> None:
        self.outer = around
        for name in Surroundings.__slots__:
            setattr(self, name, getattr(around, name))
        self.tree = tree
        self.tail = b""
        if around.prefix is None:
            # What a failed command missed is read from what it wrote.
            self.prefix, self.whole = b"", False
        work = around.work

        def environ(action: "Action", namespace: str) -> "Mapping[str, str]":
            return {**work.environ(action, namespace), "TMPDIR": tree.scratch}

        self.work = type(work)(
            *(environ if name == "environ" else getattr(work, name) for name in work.FIELDS)  # type: ignore[arg-type]
        )

    def folder(self, written: str) -> str:
        """A folder of an action in the tree; what lies outside the project is where it is."""
        path = resolved(written)
        if path.startswith(("/", "../")) or path == "..":
            return super().folder(written)
        return f"{self.tree.root}/{path}" if path else self.tree.root

    def secrets_in(self) -> str:
        """The folder that secrets have their places in.

        What is done for several platforms at a time can't have them at one place of the project.
        """
        return self.tree.root if self.tree.apart else super().secrets_in()

    def exists(self, written: str, path: str) -> bool:
        """Whether there is something at a path in the tree, or, as the action's key has it, in the project."""
        return super().exists(written, path) or os.path.exists(os.path.join(super().folder(written), path))

    def hear(self, chunk: bytes, _number: int) -> None:
        """Keep the last of what is written."""
        self.tail = (self.tail + chunk)[-_LONGEST_TAIL:]


class Sandbox:
    """Gives each action a tree of its own, as `runner.execute.places` describes it.

    Args:
        plan: The plan.
        top: The project's top folder, absolute.
        base: Where the trees are.
        inputs: The files of the project.
        targets_of: What an action of this run has left, by its id.
        reporter: Who is told.
    """

    def __init__(
        self,
        plan: "Plan",
        top: str,
        base: str,
        inputs: "Inputs",
        targets_of: "Callable[[str], Sequence[FileState]]",
        reporter: "Reporter",
    ) -> None:
        self._actions = {action.id: action for action in plan.actions}
        self._top = top
        self._base = base
        self._inputs = inputs
        self._targets_of = targets_of
        self._reporter = reporter
        self._trees: dict[str, tuple[TreeSurroundings, dict[str, tuple[str, bool, str]]]] = {}
        self._remove_left()

    def enter(self, action: "Action", around: Surroundings, sources: "Sequence[FileState]") -> Surroundings:
        """What the commands of an action have in common in its tree, which is made.

        Raises:
            RunError: It can't be made.
        """
        if action.persistent or action.image is not None:
            return around
        try:
            tree = FreshTree(self._top, self._base, action.label, action.apart)
        except OSError as error:
            raise self._failed(action, error) from None
        inside = TreeSurroundings(around, tree)
        self._trees[action.id] = (inside, {})
        try:
            self._fill(action, self._inputs.sources(action, tuple(sources)))
            tree.add([(path, False) for path in invoke_files(action) if not tree.has(path)])
            tree.add_folders(_folders(action))
            for secret in action.traits.secrets:
                if secret.to and not secret.to.startswith(("/", "~", "../")) and not tree.has(secret.to):
                    self._make_way(tree, resolved(secret.to))
        except OSError as error:
            self._remove(action)
            raise self._failed(action, error) from None
        except PyrunError:
            self._remove(action)
            raise
        return inside

    @staticmethod
    def _make_way(tree: FreshTree, path: str) -> None:
        """Let a secret that is put at a path be seen in a tree."""
        if tree.apart:
            tree.add_folders([os.path.dirname(path)])
        else:
            tree.add_link(path)

    def _failed(self, action: "Action", error: OSError) -> RunError:
        what = f": {error.filename}" if error.filename else ""
        return RunError(
            f"the sandbox of `{action.label}` failed: {error.strerror or error}{what}", action.position
        )

    def _fill(self, action: "Action", sources: "Sequence[FileState]") -> None:
        """Put in the tree what may be seen and is not there yet."""
        inside, known = self._trees[action.id]
        states = input_root(action, self._actions, sources, self._targets_of)
        new = [state for state in states if known.get(state.path) != state.identity]
        inside.tree.add([(state.path, state.executable) for state in new])
        known.update((state.path, state.identity) for state in new)

    def attach(self, run: "HostRun") -> None:
        """Let the sandbox hear what an action's commands write."""
        if isinstance(run.around, TreeSurroundings):
            run.hear = run.around.hear

    def returned(self, caller: "HostRun") -> None:
        """Something that an action has called is done: its targets are to be seen from now on."""
        if caller.action.id in self._trees:
            self._fill(caller.action, ())

    def leave(self, run: "HostRun", outcome: Outcome) -> Outcome:
        """Take the targets of an action out of its tree if all went well, and remove it."""
        action = run.action
        if action.id not in self._trees:
            return outcome
        inside = self._trees[action.id][0]
        try:
            if outcome.failed:
                return self._proposed(run, inside, outcome)
            return self._take_out(action, inside.tree) or outcome
        except OSError as failure:
            error = self._failed(action, failure)
            return Outcome(error.status, action.label, "", error)
        finally:
            self._remove(action)

    def _take_out(self, action: "Action", tree: FreshTree) -> Outcome | None:
        """Put targets in their places; None if all are there."""
        outcome = take_out(action, tree)
        self._tell_written(action, tree)
        return outcome

    def _tell_written(self, action: "Action", tree: FreshTree) -> None:
        """Tell what was written and is no target."""
        targets = action.written
        written = tree.written(lambda path: any(target.matches(path) for target in targets))
        if not written:
            return
        more = len(written) - _TOLD
        names = ", ".join(written[:_TOLD]) + (f" and {more} more" if more > 0 else "")
        one = len(written) == 1
        what = "is no target of it and is not kept" if one else "are no targets of it and are not kept"
        self._reporter.tell(Noticed(f"{action.label} wrote {names}, which {what}"))

    def _proposed(self, run: "HostRun", inside: TreeSurroundings, outcome: Outcome) -> Outcome:
        """What came of a failed action, with the sources that it seems to lack."""
        action = run.action
        if run.halted or run.expired:
            return outcome
        from runner.execute.lacking import lacking  # noqa: PLC0415 - only when something failed

        tree = inside.tree
        return lacking(
            action, outcome, inside.tail, top=self._top, root=tree.root, has=tree.has, tree=self._inputs.tree,
            place="sandbox",
        )  # fmt: skip

    def _remove(self, action: "Action") -> None:
        inside, _ = self._trees.pop(action.id)
        inside.tree.remove()

    def told(self) -> "Sequence[Event]":
        """See `runner.execute.places.Places`."""
        return ()

    @property
    def lasting(self) -> bool:
        """No server goes on when other places follow these."""
        return False

    def follow(self, before: "Places") -> None:
        """There is nothing to take over."""

    def close(self) -> None:
        """Remove all trees."""
        for name in list(self._trees):
            self._remove(self._actions[name])
        self._remove_left()

    def _remove_left(self) -> None:
        """Remove the trees that killed runs have left."""
        remove_left(self._base, f"{self._top}/.pyrun/sandbox")


def _folders(action: "Action") -> "Iterator[str]":
    """The folders that an action finds: those it works in, and those above its targets."""
    for written in dict.fromkeys((action.dir, *(script.dir for script in action.scripts))):
        path = resolved(written)
        if not path.startswith(("/", "../")) and path != "..":
            yield path
    for target in action.written:
        prefix = target.literal_prefix
        yield prefix if target.has_wildcard else os.path.dirname(prefix)
