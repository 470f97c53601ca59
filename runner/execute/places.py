"""Where the commands of actions run, if not simply in the project: what the loop asks of such a place."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from runner.events import Event
    from runner.execute.host import HostRun
    from runner.execute.outcome import Outcome
    from runner.execute.surroundings import Surroundings
    from runner.plan.action import Action
    from runner.plan.file_state import FileState
else:
    Protocol = object


class Places(Protocol):
    """Gives each action its place, and sees to what it leaves there."""

    def enter(
        self, action: "Action", around: "Surroundings", sources: "Sequence[FileState]"
    ) -> "Surroundings":
        """What the commands of an action have in common where they run instead of in the project.

        Args:
            action: The action; its deps are done.
            around: What they have in common, or what those of its caller have.
            sources: The files that it reads.

        Raises:
            RunError: The place can't be made.
        """

    def attach(self, run: "HostRun") -> None:
        """The action's steps are about to begin in its place."""

    def leave(self, run: "HostRun", outcome: "Outcome") -> "Outcome":
        """The steps have ended, and nothing of that is recorded yet; what came of it."""

    def returned(self, caller: "HostRun") -> None:
        """Something that an action has called is done, and recorded."""

    @property
    def lasting(self) -> bool:
        """Whether a server goes on when other places follow these."""

    def follow(self, before: "Places") -> None:
        """Take over what the places of the same project before these have ready."""

    def close(self) -> None:
        """Nothing more comes."""

    def told(self) -> "Sequence[Event]":
        """What was found out about the actions, in the order in which they ended."""
