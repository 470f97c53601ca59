"""How a plan is worked on, and what all commands of one thing that runs have in common."""

from os.path import exists, join, normpath

from runner.model.path import beneath
from runner.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.events import Reporter
    from runner.execute.launcher import Launcher
    from runner.plan.action import Action


class Settings(Record):
    """How to work on a plan.

    Args:
        top: The project's top folder, absolute.
        environ: The variables of an action's commands, as the tasks of a namespace get them.
        jobs: How many actions may run side by side.
        silent: Whether what commands write is for nobody.
        keep_going: Whether after a failure all is done that does not need what failed.
    """

    FIELDS = ("top", "environ", "jobs", "silent", "keep_going")
    __slots__ = FIELDS

    def __init__(
        self,
        top: str,
        environ: "Callable[[Action, str], Mapping[str, str]]",
        jobs: int,
        silent: bool,
        keep_going: bool,
    ) -> None:
        self.top = top
        self.keep_going = keep_going
        self.environ = environ
        self.jobs = jobs
        self.silent = silent


class Surroundings:
    """What the commands of an action, and of those that it calls, have in common.

    Args:
        work: How the plan is worked on.
        reporter: Who is told.
        stdin: What the commands read.
        null: What swallows all and gives nothing.
        prefix: What each line of output begins with, or None where the commands write straight to the user.
        terminal: The terminal that is lent to the commands, or None.
        whole: Whether output is handed on in whole lines, or at once.

    Attributes:
        settings: The variables that steps have set so far, None for those taken away.
        launcher: What starts the commands, if not this machine itself.
        tokens: Texts that stand for ports that are known by now, with what they stand for.
    """

    __slots__ = (
        "launcher",
        "null",
        "prefix",
        "reporter",
        "settings",
        "stdin",
        "terminal",
        "tokens",
        "whole",
        "work",
    )

    def __init__(
        self,
        work: Settings,
        reporter: "Reporter",
        stdin: int,
        null: int,
        prefix: bytes | None,
        terminal: int | None,
        *,
        whole: bool = True,
    ) -> None:
        self.work = work
        self.reporter = reporter
        self.stdin = stdin
        self.null = null
        self.prefix = prefix
        self.terminal = terminal
        self.whole = whole
        self.settings: dict[str, str | None] = {}
        self.launcher: Launcher | None = None
        self.tokens: Mapping[str, str] = {}

    def folder(self, written: str) -> str:
        """A folder of an action as an absolute path."""
        return normpath(beneath(self.work.top, written))

    def secrets_in(self) -> str:
        """The folder, absolute, that secrets which are files have their places in."""
        return self.work.top

    def exists(self, written: str, path: str) -> bool:
        """Whether there is something at a path, seen from a folder of an action."""
        return exists(join(self.folder(written), path))

    def words(self, argv: "Sequence[str]", _environ: "Mapping[str, str]", _folder: str) -> "Sequence[str]":
        """The words that start a command: its own, unless somebody is to look at what it does."""
        return argv
