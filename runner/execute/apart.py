"""What is done for another platform than this machine's: its commands' places, and its results in the store.

Its commands run in a tree of their own, as with `--sandbox`, and what they make is kept below `.pyrun`, so that
the checkout keeps what is for this machine. In the store it has the paths that the commands know.
"""

from runner.execute.sandbox import TreeSurroundings
from runner.plan.apart import as_seen, moved, path_in
from runner.plan.result import Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.events import Event
    from runner.execute.host import HostRun
    from runner.execute.outcome import Outcome
    from runner.execute.places import Places
    from runner.execute.ports import Results
    from runner.execute.sandbox import Sandbox
    from runner.execute.surroundings import Surroundings
    from runner.plan.action import Action
    from runner.plan.file_state import FileState


class ApartPlaces:
    """Gives what is done for another platform a tree of its own, as `runner.execute.places` describes it.

    Args:
        inner: The places of all else, or None for simply the project.
        trees: Makes the trees.
    """

    def __init__(self, inner: "Places | None", trees: "Sandbox") -> None:
        self.inner = inner
        self._trees = trees

    def enter(
        self, action: "Action", around: "Surroundings", sources: "Sequence[FileState]"
    ) -> "Surroundings":
        """What the commands of an action have in common in its place.

        Raises:
            RunError: It can't be made.
        """
        if isinstance(around, TreeSurroundings):
            # What calls it has a tree; it has a place of its own.
            around = around.outer
        if action.platform:
            return self._trees.enter(action, around, sources)
        return around if self.inner is None else self.inner.enter(action, around, sources)

    def attach(self, run: "HostRun") -> None:
        """The action's steps are about to begin in its place."""
        places = self._of(run)
        if places is not None:
            places.attach(run)

    def leave(self, run: "HostRun", outcome: "Outcome") -> "Outcome":
        """The steps have ended; what came of it, once what they made is where it belongs."""
        places = self._of(run)
        return outcome if places is None else places.leave(run, outcome)

    def returned(self, caller: "HostRun") -> None:
        """Something that an action has called is done."""
        places = self._of(caller)
        if places is not None:
            places.returned(caller)

    def _of(self, run: "HostRun") -> "Places | None":
        return self._trees if run.action.platform else self.inner

    @property
    def lasting(self) -> bool:
        """Whether a server goes on when other places follow these."""
        return self.inner is None or self.inner.lasting

    def follow(self, before: "Places") -> None:
        """Take over what the places before these have ready."""
        inner = before.inner if isinstance(before, ApartPlaces) else before
        if self.inner is not None and inner is not None:
            self.inner.follow(inner)

    def close(self) -> None:
        """Nothing more comes."""
        self._trees.close()
        if self.inner is not None:
            self.inner.close()

    def told(self) -> "Sequence[Event]":
        """What was found out about the actions on the host."""
        return () if self.inner is None else self.inner.told()


class ApartResults:
    """Results of a project, those for other platforms among them, see `runner.execute.ports.Results`.

    Args:
        here: What was made for this machine's platform.
        apart: Gives what was made for others, from the view of a folder of the project.
    """

    def __init__(self, here: "Results", apart: "Callable[[str], Results]") -> None:
        self._here = here
        self._open_apart = apart
        self._apart: dict[str, Results] = {}

    def _of(self, action: "Action") -> "Results":
        if not action.platform:
            return self._here
        if action.apart not in self._apart:
            self._apart[action.apart] = self._open_apart(action.apart)
        return self._apart[action.apart]

    def find(self, action: "Action", key: str, made_in: str) -> Result | None:
        """What an action with this key has made; None if that is not known or may not be brought here."""
        found = self._of(action).find(as_seen(action), key, made_in)
        return found if found is None or not action.platform else _moved(found, "", action.apart)

    def bring(self, action: "Action", result: Result, kept: "set[str]") -> bool:
        """Bring targets back, all of them; False if that can't be, and then nothing was changed."""
        if not action.platform:
            return self._here.bring(action, result, kept)
        inside = _moved(result, action.apart, "")
        # A source that lies in a target folder is one of the checkout.
        stays = {path_in(path, action.apart, "") for path in kept if path.startswith(f"{action.apart}/")}
        return self._of(action).bring(as_seen(action), inside, stays)

    def keep(
        self,
        action: "Action",
        key: str,
        targets: "tuple[FileState, ...]",
        log_path: str,
        milliseconds: int,
        made: str,
    ) -> str:
        """Keep what an action has made; empty, or why that can't be."""
        seen = moved(targets, action.apart, "")
        return self._of(action).keep(as_seen(action), key, seen, log_path, milliseconds, made)

    def replay(self, result: Result, put: "Callable[[int, bytes], None]") -> None:
        """Hand over what the action wrote when it ran: the number of the stream, and bytes."""
        self._here.replay(result, put)


def _moved(result: Result, before: str, after: str) -> Result:
    """A result with its paths in another folder."""
    return Result(
        result.key,
        moved(result.files, before, after),
        tuple((path_in(path, before, after), text) for path, text in result.links),
        tuple(path_in(path, before, after) for path in result.folders),
        result.log,
        result.milliseconds,
        result.made,
        result.only_in,
    )
