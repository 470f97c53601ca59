"""Paths of what is done for another platform than this machine's.

The commands of such an action work in a tree of their own, where files lie as in the project's top folder. What
they make is kept in a folder below `.pyrun` with the same paths in it, so that each of these files has two: the
one that its commands know, and the one where it is.
"""

from runner.plan.action import APART as _APART
from runner.plan.action import Action
from runner.plan.file_state import FileState
from runner.plan.pattern import Pattern, parse_pattern, rebased
from runner.plan.select import select_targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.plan.facts import Tree


def outside(target: Pattern, apart: str) -> Pattern:
    """A target where it is kept.

    Args:
        target: The target as the commands know it.
        apart: The folder that what is made lies in, relative to the project's top folder.
    """
    return rebased(target, f"{apart}/{target.base}" if target.base else apart)


def inside(target: Pattern, apart: str) -> Pattern:
    """A target as the commands know it, which is kept in a folder."""
    return rebased(target, target.base.removeprefix(apart).removeprefix("/"))


class _Below:
    """A folder of a tree as a tree of its own."""

    def __init__(self, tree: "Tree", folder: str) -> None:
        self._tree = tree
        self._folder = folder

    def names(self, folder: str) -> "Mapping[str, str] | None":
        """See `runner.plan.facts.Tree`."""
        return self._tree.names(f"{self._folder}/{folder}" if folder else self._folder)

    def read(self, path: str) -> bytes | None:
        """See `runner.plan.facts.Tree`."""
        return self._tree.read(f"{self._folder}/{path}")


def select_apart(
    tree: "Tree", targets: "Sequence[Pattern]", apart: str, *, links: bool = False
) -> tuple[str, ...]:
    """The files of a project that targets name which are kept apart, see `runner.plan.select.select_targets`.

    Args:
        tree: The project's files.
        targets: The targets as they are kept.
        apart: The folder in which they are, which no walk enters by itself.
        links: Whether links are among them, as there.
    """
    seen = tuple(inside(target, apart) for target in targets)
    return tuple(f"{apart}/{path}" for path in select_targets(_Below(tree, apart), seen, links=links))


def links_apart(tree: "Tree", folder: str) -> tuple[str, ...]:
    """What is in a folder that is kept apart, links among it.

    Args:
        tree: The project's files.
        folder: The folder, as a pattern that is relative to the project's top folder.
    """
    apart = "/".join(folder.split("/")[: _APART.count("/") + 2])
    return select_apart(tree, [parse_pattern(folder[len(apart) + 1 :], base=apart)], apart, links=True)


def is_apart(path: str) -> bool:
    """Whether a path is one of what is kept apart."""
    return path.startswith(f"{_APART}/")


def as_seen(action: Action) -> Action:
    """An action whose targets are where its commands see them."""
    if not action.platform:
        return action
    return Action(
        *(action.written if name == "targets" else getattr(action, name) for name in Action.FIELDS)  # type: ignore[arg-type]  # its own fields, in their order
    )


def moved(states: "Sequence[FileState]", before: str, after: str) -> tuple[FileState, ...]:
    """Files with their paths in one folder of the project instead of in another; empty is the top folder."""
    return tuple(
        FileState(
            path_in(state.path, before, after), state.signature, state.executable, state.digest, state.size
        )
        for state in states
    )


def path_in(path: str, before: str, after: str) -> str:
    """A path in one folder instead of in another; one that is not in the first stays."""
    if before:
        if not path.startswith(f"{before}/"):
            return path
        path = path[len(before) + 1 :]
    return f"{after}/{path}" if after else path
