"""What the work needs of the rest, as protocols; `runner.cli.session` brings what fulfils them."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Protocol

    from runner.events import ImageReady
    from runner.location import Position
    from runner.plan.action import Action
    from runner.plan.action_key import Pieces
    from runner.plan.file_state import FileState, LogEntry
    from runner.plan.result import Result
else:
    Protocol = object


class Log(Protocol):
    """What ran last, and with which digests."""

    def entry(self, name: str) -> "LogEntry | None":
        """What is recorded of an action; None if nothing is."""

    def record(self, entry: "LogEntry") -> None:
        """Keep what the last good run of an action was."""

    def mark(self, name: str, made: str, left: tuple[str, ...], others: tuple[str, ...] = ()) -> None:
        """What is recorded of an action counts no more: a run has begun, or did not end well."""

    def refresh(self) -> bool:
        """Take in what other runs have recorded; whether that was anything."""

    def durations(self) -> "Mapping[str, int]":
        """How long the last good run of each action took, in milliseconds."""


class Locks(Protocol):
    """Who is at which action, of all runs in this project."""

    def take(self, action: str) -> bool:
        """Be the one run that is at an action; False if another one is."""

    def release(self, action: str) -> None:
        """Be at an action no longer."""

    def within(self, action: str) -> bool:
        """Whether this process was started by a command of an action that another run is at."""

    def open_run(self) -> None:
        """From now on what this run starts is found by the next one, should this one be killed."""

    def note(self, pid: int, actions: "Iterable[str]") -> None:
        """A process was started: a command of an action, which others may have called."""

    def close_run(self) -> None:
        """This run ends: what it leaves running was left on purpose."""

    def end_left(self) -> int:
        """End what killed runs have left running; of how many something was left."""


class Results(Protocol):
    """What was made before, in this checkout or another one of this user."""

    def find(self, action: "Action", key: str, made_in: str) -> "Result | None":
        """What an action with this key has made; None if that is not known or may not be brought here."""

    def bring(self, action: "Action", result: "Result", kept: "set[str]") -> bool:
        """Bring targets back, all of them; False if that can't be, and then nothing was changed.

        Args:
            action: The action.
            result: What to bring back.
            kept: Files that stay although they lie in a target folder.
        """

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

    def replay(self, result: "Result", put: "Callable[[int, bytes], None]") -> None:
        """Hand over what the action wrote when it ran: the number of the stream, and bytes."""


class Programs(Protocol):
    """The programs of this machine."""

    def identity(self, name: str, environ: "Mapping[str, str]", folder: str) -> str | None:
        """A text that changes when the program of that name, seen from a folder, does; None if there is none."""


class Containers(Protocol):
    """What is known of the containers that actions run in."""

    def pieces(self, action: "Action") -> "Pieces":
        """What of an action's container is part of its key beside what its plan says.

        Raises:
            EngineError: The engine does not answer, or an image can't be got.
        """

    def standing(self, action: "Action") -> str:
        """What a result hangs on that is nowhere but in the place where it was made, as text."""

    def variables(self, action: "Action", namespace: str) -> "Mapping[str, str]":
        """The variables of an action's commands there, as the tasks of a namespace get them."""

    @property
    def made_in(self) -> str:
        """How results are made there: `CONTAINER` or `HERMETIC`."""


class Pins(Protocol):
    """What the names of images stand for in this project."""

    @property
    def moving(self) -> bool:
        """Whether names may come to stand for something else: then what is recorded does not count yet."""

    @property
    def locked(self) -> bool:
        """Whether nothing may be written down."""

    def known(self, written: str) -> str:
        """The digest that a name stands for; empty if that is still to be found out."""

    def digest(self, written: str, at: "Position | None") -> str:
        """The digest that a name stands for from now on; empty where nothing may be asked."""

    def digest_in_engine(
        self, written: str, at: "Position | None", image: str, have: "Sequence[str]", *, pulled: bool
    ) -> str:
        """The same for a name under which an engine has an image; empty if only the engine knows that one."""


class ImageWork(Protocol):
    """The making of one image by an engine."""

    def run(self, tell: "Callable[[str, bytes], None]") -> None:
        """Make it, in a thread of its own.

        Args:
            tell: Told the words of a step when it begins, with nothing, and what it writes.

        Raises:
            RunError: It can't be made.
        """

    def cancel(self) -> None:
        """End that; `run` comes back a moment later. May be called by any thread, and more than once."""

    def keep(self) -> "tuple[ImageReady, FileState]":
        """The image, which is made: it goes where it was asked to go, and this is how it is recorded."""


class Images(Protocol):
    """Where images are made and kept."""

    def ahead(self) -> "Iterator[None]":
        """Get ready to make an image, a little each time that something is taken from this."""

    def work(self, action: "Action") -> "ImageWork | None":
        """What makes an image that only an engine can make; None for one that `make` makes."""

    def base_digest(self, action: "Action") -> "Sequence[tuple[str, object]]":
        """What an image hangs on beside its files: in words, and what identifies it now.

        That is its base and those that it copies from, the time that its files get, and what is written on it.

        Raises:
            RunError: It is not there.
        """

    def make(
        self, action: "Action", copies: "Sequence[Sequence[FileState]]"
    ) -> "tuple[ImageReady, FileState]":
        """Make an image from files in this order, one list a `copy`; how it is recorded comes with it."""

    def ready(self, action: "Action", recorded: "Sequence[FileState]", why: str) -> "ImageReady | None":
        """The image that is recorded, if it is still there and has its names; None if it is not."""
