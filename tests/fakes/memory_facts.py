"""A `runner.plan.facts.Facts` of dictionaries."""

from collections.abc import Mapping

from runner.plan.platform import Platform
from tests.fakes.memory_tree import MemoryTree


class MemoryFacts:
    """What a test says of the world.

    Args:
        files: Paths of the files there are; all are empty.
        variables: The caller's variables.
    """

    def __init__(self, files: tuple[str, ...] = (), variables: Mapping[str, str] | None = None) -> None:
        self._tree = MemoryTree(dict.fromkeys(files, b""))
        self._variables = dict(variables or {})

    @property
    def tree(self) -> MemoryTree:
        """See `Facts.tree`."""
        return self._tree

    def variable(self, name: str) -> str | None:
        """See `Facts.variable`."""
        return self._variables.get(name)

    def platform(self) -> Platform:
        """See `Facts.platform`."""
        return Platform("linux", "amd64")

    def platform_names(self) -> Mapping[str, str]:
        """See `Facts.platform_names`."""
        return {
            "TARGETOS": "linux", "TARGETARCH": "amd64", "TARGETVARIANT": "",
            "TARGETPLATFORM": "linux/amd64", "BUILDPLATFORM": "linux/amd64",
        }  # fmt: skip
