"""Which actions of a plan changed files and changed definitions reach, and the part of a plan that some need.

Knows nothing of where a list of changes comes from. What an action reads now the caller finds out; a file that is
gone is matched against what the action declares.
"""

from runner.digest import canonical
from runner.model.path import beneath, resolved
from runner.plan.action import Plan
from runner.plan.action_key import pieces
from runner.plan.image_plan import ARCHIVE, OCI, REGISTRY
from runner.plan.pattern import parse_pattern
from runner.plan.select import NEVER
from runner.plan.step import Block, Guarded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from runner.plan.action import Action, Sources
    from runner.plan.pattern import Pattern
    from runner.plan.step import PlanStep


class Changes:
    """What has changed, as paths relative to the project's top folder.

    Args:
        paths: The files, those that are gone too. One that ends in `/` stands for all beneath it.
        gone: Those of them that are gone.
    """

    __slots__ = ("_folders", "gone", "paths")

    def __init__(self, paths: "Iterable[str]", gone: "Iterable[str]" = ()) -> None:
        self.paths = frozenset(paths)
        self.gone = tuple(sorted(gone))
        self._folders = tuple(path for path in self.paths if path.endswith("/"))

    def hold(self, path: str) -> bool:
        """Whether a file is among them."""
        return path in self.paths or path.startswith(self._folders)

    def hold_any(self, paths: "Iterable[str]") -> bool:
        """Whether any of some files is among them."""
        return not self.paths.isdisjoint(paths) or (
            bool(self._folders) and any(path.startswith(self._folders) for path in paths)
        )

    def beneath(self, folder: str) -> bool:
        """Whether there is one in a folder."""
        return self.hold(f"{folder}/") or any(path.startswith(f"{folder}/") for path in self.paths)


def reached(
    plan: "Plan",
    changes: Changes,
    reads: "Callable[[Action], Collection[str]]",
    redefined: "Collection[str]",
) -> frozenset[str]:
    """The ids of the actions that changes reach: directly, through deps, or through what they call.

    Args:
        plan: The plan.
        changes: What changed.
        reads: The files that an action reads now.
        redefined: The ids of the actions that do something else than before.
    """
    found: set[str] = set()
    for action in plan.actions:
        if (
            action.id in redefined
            or not found.isdisjoint(action.deps)
            or not found.isdisjoint(action.calls)
            or touches(action, changes)
            or changes.hold_any(reads(action))
        ):
            found.add(action.id)
    return frozenset(found)


def touches(action: "Action", changes: Changes) -> bool:
    """Whether changes hold what an action plainly names: a source that is gone, a program, or its image's base."""
    if any(declares(action, path) for path in changes.gone):
        return True
    programs = [
        beneath(script.dir, name) for script in action.scripts for name in script.programs if "/" in name
    ]
    programs += [name for name in action.interpreters if "/" in name]
    if changes.hold_any(resolved(path) for path in programs):
        return True
    bases = action.image.bases if action.image is not None else ()
    return any(base.kind in {OCI, ARCHIVE} and changes.beneath(resolved(base.path)) for base in bases)


def images_of(action: "Action") -> tuple[str, ...]:
    """The names of images that an action runs in, stands on or copies from, as they are written."""
    found = [action.container.definition.base] if action.container is not None else []
    for base in action.image.bases if action.image is not None else ():
        if base.kind == REGISTRY:
            found.append(base.path)
        elif base.container is not None:
            found.append(base.container.base)
    return tuple(filter(None, found))


def declares(action: "Action", path: str) -> bool:
    """Whether an action would read a file if it were there: by its patterns, not by its packages."""
    own = () if action.traits.tusk else action.written
    if action.sources is not None:
        for sources in (action.sources, *action.sources.more):
            if _selects(sources, own, path):
                return True
    if action.image is None:
        return False
    texts = [source for copy in action.image.copies for source in copy.own_sources]
    if action.image.dockerfile is not None:
        texts += action.image.dockerfile.may_read
    return any(_names(parse_pattern(text), (), path) for text in texts)


def _selects(sources: "Sources", own: "Sequence[Pattern]", path: str) -> bool:
    if any(pattern.matches(path) for pattern in sources.excludes):
        return False
    return any(_names(pattern, own, path) for pattern, _ in sources.patterns)


def _names(pattern: "Pattern", own: "Sequence[Pattern]", path: str) -> bool:
    """Whether a source names a file: written out, or by a wildcard or folder that reaches it."""
    if not pattern.matches(path):
        return False
    names = tuple(path.split("/"))
    if names in pattern.alternatives:
        return True
    return not any(name in NEVER for name in names) and not any(one.matches(path) for one in own)


def redefined(plan: "Plan", before: "Mapping[str, Action]") -> frozenset[str]:
    """The ids of the actions that do something else than those of the same ids before, or that there were not."""
    return frozenset(
        action.id
        for action in plan.actions
        if action.id not in before or definition(action) != definition(before[action.id])
    )


def definition(action: "Action") -> bytes:
    """All that a file says of what an action does; nothing that only people read, and no places in files."""
    traits, limits, image = action.traits, action.limits, action.image
    return canonical(
        (
            pieces(action, "", (), ()),
            action.dir,
            () if action.sources is None else (_sources(action.sources),),
            action.targets is not None,
            action.maybe,
            action.deps,
            action.calls,
            (limits.timeout, limits.retries),
            action.persistent,
            () if action.server is None else action.server.plain(),
            () if image is None else image.plain(),
            (traits.namespace, traits.cache, tuple(secret.fields()[:3] for secret in traits.secrets)),
        )
    )


def _sources(sources: "Sources") -> tuple[object, ...]:
    return (
        tuple((pattern.base, pattern.text) for pattern, _ in sources.patterns),
        tuple((pattern.base, pattern.text) for pattern in sources.excludes),
        tuple((package.dir, package.name, package.tests) for package in sources.packages),
        tuple(_sources(more) for more in sources.more),
    )


def namespaces(action: "Action") -> frozenset[str]:
    """The namespaces whose variables the commands of an action get."""
    return frozenset((action.traits.namespace, *_in_steps((*action.steps, *action.last))))


def _in_steps(steps: "Sequence[PlanStep]") -> "list[str]":
    found: list[str] = []
    for step in steps:
        if isinstance(step, Guarded):
            found += _in_steps(step.steps)
        elif isinstance(step, Block):
            found += (step.namespace, *_in_steps((*step.steps, *step.last)))
    return found


def part_of(plan: "Plan", asked: "Sequence[str]") -> "Plan":
    """The plan for some of what was asked for, with all that they need and call.

    Args:
        plan: The whole.
        asked: Ids of what was asked for.
    """
    actions = {action.id: action for action in plan.actions}
    turns = _closure(actions, asked, calls=False)
    live = _closure(actions, asked, calls=True)
    return Plan(
        tuple(action for action in plan.actions if action.id in live),
        tuple(asked),
        tuple(action.id for action in plan.actions if action.id in live and action.id not in turns),
    )


def _closure(actions: "Mapping[str, Action]", asked: "Sequence[str]", *, calls: bool) -> set[str]:
    """What some actions need, and with `calls` what they call too, themselves among it."""
    found: set[str] = set()
    left = list(asked)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += actions[name].deps
            left += actions[name].calls if calls else ()
    return found
