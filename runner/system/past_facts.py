"""What planning may ask, answered for a revision of the past, so that a plan of then can be compared with now's.

Files are those of the revision. Variables, the platform and what git does not know are those of now: what a
definition means is compared, and not another machine. No program is run twice: what one said in now's planning is
kept.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.model.project import Head
    from runner.plan.facts import Tree
    from runner.plan.platform import Platform
    from runner.system.environment import HostFacts
    from runner.system.past_tree import PastTree
    from runner.system.tree import DiskTree

    Asked = tuple[tuple[str, ...], str, str]
    """A program's words, its folder, and the namespace whose variables it gets."""


class NotedFacts:
    """Facts of now that keep what programs said.

    Args:
        facts: The facts of now.
    """

    __slots__ = ("_facts", "outputs", "successes")

    def __init__(self, facts: "HostFacts") -> None:
        self._facts = facts
        self.outputs: dict[Asked, str] = {}
        self.successes: dict[Asked, bool] = {}

    @property
    def tree(self) -> "DiskTree":
        """The files of the project."""
        return self._facts.tree

    def variable(self, name: str, head: "Head") -> str | None:
        """What a variable is set to for the tasks of a file; None if it is not set."""
        return self._facts.variable(name, head)

    def origin(self, name: str, head: "Head") -> str:
        """Who set a variable, in words."""
        return self._facts.origin(name, head)

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder, links followed."""
        return self._facts.exists(path)

    def output(self, argv: "Sequence[str]", folder: str, head: "Head") -> str | None:
        """What a program writes to its stdout; None if nothing may run now.

        Raises:
            RunError: It can't be started or fails.
        """
        found = self._facts.output(argv, folder, head)
        if found is not None:
            self.outputs[tuple(argv), folder, head.namespace] = found
        return found

    def succeeds(self, argv: "Sequence[str]", folder: str, head: "Head") -> bool | None:
        """Whether a program ends well; None if nothing may run now."""
        found = self._facts.succeeds(argv, folder, head)
        if found is not None:
            self.successes[tuple(argv), folder, head.namespace] = found
        return found

    def platform(self) -> "Platform":
        """The platform of this machine."""
        return self._facts.platform()

    def platform_names(self) -> "Mapping[str, str]":
        """The names of platforms with their values."""
        return self._facts.platform_names()


class PastFacts:
    """Facts of a revision.

    Args:
        now: The facts of now, with which the plan of now was made.
        tree: The files of the revision.
    """

    __slots__ = ("_now", "_tree")

    def __init__(self, now: NotedFacts, tree: "PastTree") -> None:
        self._now = now
        self._tree = tree

    @property
    def tree(self) -> "Tree":
        """The files of the project."""
        return self._tree

    def variable(self, name: str, head: "Head") -> str | None:
        """What a variable is set to for the tasks of a file; None if it is not set."""
        return self._now.variable(name, head)

    def origin(self, name: str, head: "Head") -> str:
        """Who set a variable, in words."""
        return self._now.origin(name, head)

    def exists(self, path: str) -> bool:
        """Whether there was a file or folder, links followed; outside of the project, whether there is."""
        return self._tree.exists(path)

    def output(self, argv: "Sequence[str]", folder: str, head: "Head") -> str | None:
        """What the program said in now's planning; None if it was not asked."""
        return self._now.outputs.get((tuple(argv), folder, head.namespace))

    def succeeds(self, argv: "Sequence[str]", folder: str, head: "Head") -> bool | None:
        """Whether the program ended well in now's planning; None if it was not asked."""
        return self._now.successes.get((tuple(argv), folder, head.namespace))

    def platform(self) -> "Platform":
        """The platform of this machine."""
        return self._now.platform()

    def platform_names(self) -> "Mapping[str, str]":
        """The names of platforms with their values."""
        return self._now.platform_names()
