"""A `runner.plan.facts.Facts` of dictionaries, which remembers what it was asked to run."""

from collections.abc import Mapping, Sequence

from runner.errors import RunError
from runner.model.project import Head
from runner.plan.platform import Platform
from tests.fakes.memory_tree import MemoryTree

NOTHING: Mapping[str, str] = {}


class MemoryFacts:
    """What a test says of the world.

    Args:
        files: Paths of the files there are, also absolute ones; all are empty.
        variables: The caller's variables.
        outputs: By its script what a command writes, or the exit status with which it fails; every other
            command fails with 127.
        by_namespace: Variables that only the tasks of one file see, by its namespace.
        os: The system.

    Attributes:
        ran: Each command that was run, in order: its words, its folder and the namespace of its file.
        inert: Whether nothing may run.
    """

    def __init__(
        self,
        files: tuple[str, ...] = (),
        variables: Mapping[str, str] | None = None,
        outputs: Mapping[str, str | int] | None = None,
        by_namespace: Mapping[str, Mapping[str, str]] | None = None,
        os: str = "linux",
    ) -> None:
        self._tree = MemoryTree({path: b"" for path in files if not path.startswith("/")})
        self._absolute = frozenset(path for path in files if path.startswith("/"))
        self._variables = dict(variables or {})
        self._outputs = dict(outputs or {})
        self._by_namespace = dict(by_namespace or {})
        self._os = os
        self.ran: list[tuple[tuple[str, ...], str, str]] = []
        self.inert = False

    @property
    def tree(self) -> MemoryTree:
        """See `Facts.tree`."""
        return self._tree

    def variable(self, name: str, head: Head) -> str | None:
        """See `Facts.variable`."""
        return self._variables.get(name, self._by_namespace.get(head.namespace, NOTHING).get(name))

    def origin(self, name: str, head: Head) -> str:
        """See `Facts.origin`; a file's variables are said to stand in `NAMESPACE/.env`."""
        if name in self._variables:
            return "the caller's"
        known = name in self._by_namespace.get(head.namespace, NOTHING)
        return f"{head.namespace}/.env" if known else ""

    def exists(self, path: str) -> bool:
        """See `Facts.exists`."""
        if path.startswith("/"):
            return path in self._absolute
        folder, _, name = path.rpartition("/")
        return not path or name in (self._tree.names(folder) or {})

    def output(self, argv: Sequence[str], folder: str, head: Head) -> str | None:
        """See `Facts.output`."""
        if self.inert:
            return None
        found = self._run(argv, folder, head)
        if isinstance(found, int):
            raise RunError(f"`{argv[-1]}` failed with exit status {found}")
        return found.strip()

    def succeeds(self, argv: Sequence[str], folder: str, head: Head) -> bool | None:
        """See `Facts.succeeds`."""
        return None if self.inert else not isinstance(self._run(argv, folder, head), int)

    def _run(self, argv: Sequence[str], folder: str, head: Head) -> str | int:
        self.ran.append((tuple(argv), folder, head.namespace))
        return self._outputs.get(argv[-1], 127)

    def platform(self) -> Platform:
        """See `Facts.platform`."""
        return Platform(self._os, "amd64")

    def platform_names(self) -> Mapping[str, str]:
        """See `Facts.platform_names`."""
        here = f"{self._os}/amd64"
        return {
            "TARGETOS": self._os, "TARGETARCH": "amd64", "TARGETVARIANT": "", "TARGETPLATFORM": here,
            "BUILDPLATFORM": here,
        }  # fmt: skip
