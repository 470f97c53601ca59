"""What starts the commands of an action that run elsewhere than on this machine, as a protocol."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Protocol

    from runner.execute.outcome import Outcome
    from runner.execute.streams import Feed, Stream
    from runner.model.task import Secret
    from runner.plan.container_plan import Value as Variable
    from runner.system.process import Process
else:
    Protocol = object


class Launcher(Protocol):
    """Starts the commands of one action where they run instead of on this machine."""

    @property
    def up(self) -> bool:
        """Whether commands can be started."""

    @property
    def apart(self) -> bool:
        """Whether what commands write is not to be seen in the project before all is done."""

    def prepare(self) -> "tuple[Process, Feed] | None":
        """What must be waited for before a command can be started, and be pumped meanwhile; None if nothing.

        Raises:
            RunError: It can't be made ready.
        """

    def environ(self) -> "Mapping[str, str]":
        """All variables of the commands but those that steps set; known when all is ready."""

    def fill(self, env: "Sequence[tuple[str, Variable]]") -> "Mapping[str, str]":
        """Fixed variables, with those of the image that they name."""

    def sees(self, path: str) -> bool:
        """Whether a path leads to the project's files, so that it need not be asked for."""

    def start(
        self,
        words: "Sequence[str]",
        folder: str,
        environ: "Mapping[str, str]",
        sinks: "Sequence[Stream]",
    ) -> "tuple[Process, Feed]":
        """Start a command that reads nothing; its process, and what is to be pumped for its output.

        Args:
            words: Its words.
            folder: Its working folder there.
            environ: All its variables.
            sinks: What take what it writes to stdout and stderr.

        Raises:
            RunError: It can't be started.
        """

    def client(
        self, words: "Sequence[str]", folder: str, environ: "Mapping[str, str]", *, terminal: bool
    ) -> str:
        """What a client on this machine needs to know to run a command with this machine's stdin, as text."""

    def client_environ(self) -> "Mapping[str, str]":
        """The variables of such a client."""

    def adopted(self, process: "Process") -> "Process":
        """A client that was just started, so that what it runs ends with it."""

    def reached(self, port: int) -> int:
        """The port of this machine by which one there is reached; 0 if nothing listens there yet, or ever."""

    def serve(self, sinks: "Sequence[Stream]") -> "tuple[Process, Feed]":
        """Start what the image starts by itself."""

    def places_secret(self, secret: "Secret") -> bool:
        """Whether a secret is put in its place here, and not in the project."""

    def explain(self, outcome: "Outcome") -> "Outcome":
        """What came of a command, with what is known of why it failed."""
