"""Which changed paths concern a plan that is watched, and which only what it is planned from.

Paths are relative to the project's top folder, absolute where they lie outside of it. Knows nothing of how
changes are noticed; what actions read now, and what git ignores, the caller brings.
"""

from runner.model.path import beneath, resolved
from runner.model.when import COMMAND, ENVIRONMENT
from runner.plan.affected import Changes, declares, reached
from runner.plan.pattern import parse_pattern
from runner.plan.select import NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from runner.plan.action import Action, Plan
    from runner.plan.pattern import Pattern

_RULES_FILE = ".gitignore"
_GO_FILES = ("go.mod", "go.sum", "go.work", "go.work.sum")


class Origins:
    """What a plan was made from.

    Args:
        tasks: The files of tasks.
        files: All files that were read or looked for, and so decide what the plan is.
        variables: The files of variables: what is in them reaches commands without being part of the plan.
        folders: The folders whose names were listed.
    """

    __slots__ = ("files", "folders", "tasks", "variables")

    def __init__(
        self,
        tasks: "Iterable[str]",
        files: "Iterable[str]",
        variables: "Iterable[str]",
        folders: "Iterable[str]",
    ) -> None:
        self.tasks = frozenset(tasks)
        self.files = frozenset(files)
        self.variables = frozenset(variables)
        self.folders = frozenset(folders)


class Wake:
    """Says of changed paths whether they concern a plan.

    Args:
        plan: The plan.
        reads: The files that each of its actions reads now, with what links lead to, by the action's id.
        origins: What it was made from.
        ignores: Whether git ignores a path.
    """

    def __init__(
        self,
        plan: "Plan",
        reads: "Mapping[str, Collection[str]]",
        origins: Origins,
        ignores: "Callable[[str], bool]",
    ) -> None:
        self.reads = frozenset(path for paths in reads.values() for path in paths)
        self._reads_of = reads
        self._plan = plan
        self._origins = origins
        self._ignores = ignores
        self._named = frozenset(name for action in plan.actions for name in _named(action))
        self._folders = _package_folders(plan, self.reads)
        self._written = frozenset(
            "/".join(str(name) for name in names)
            for action in plan.actions
            for pattern in _patterns(action)
            for names in pattern.alternatives
        )
        # Most patterns can be passed over by how they begin: many files may change at once.
        self._starts = [(_starts(_patterns(action)), action) for action in plan.actions]
        self._targets = [(_starts(action.targets or ()), action) for action in plan.actions if action.targets]

    @property
    def count(self) -> int:
        """How many files are watched, but for those of variables, which need not be there."""
        return len(self.reads | self._origins.tasks)

    @property
    def watchable(self) -> bool:
        """Whether any action says what it reads."""
        return any(
            (action.sources is not None and (self.reads or _any_source(action))) or action.image is not None
            for action in self._plan.actions
        )

    def concerns(self, path: str, *, gone: bool) -> bool:
        """Whether a change of a path may change what an action does or makes.

        Args:
            path: The path.
            gone: Whether there is nothing there now; then it may have been a folder.
        """
        if path in self._origins.variables:
            return True
        if self.makes(path):
            return False
        if path in self.reads or path in self._named:
            return True
        if gone:
            below = f"{path}/"
            return any(name.startswith(below) for name in self.reads | self._named)
        if path not in self._written and self._ignores(path):
            return self._in_package(path)
        whole = f"{path}/"
        for starts, action in self._starts:
            found = whole.startswith(starts) and declares(action, path)
            if found and (not self._ignores(path) or _written_out(action, path)):
                return True
        return self._in_package(path)

    def reached(self, paths: "Iterable[str]") -> frozenset[str]:
        """The ids of the actions that changes of some paths reach, directly or through others."""
        changed = tuple(paths)
        return reached(
            self._plan,
            Changes(changed, changed),
            lambda action: self._reads_of.get(action.id, ()),
            (),
        )

    def asks(self, path: str) -> bool:
        """Whether a change of a path may lead to another plan, or to other files being read."""
        if path in self._origins.files or path.rpartition("/")[2] == _RULES_FILE:
            return True
        if self.makes(path) or not self.is_plain(path):
            return False
        below = f"{path}/"
        return path.rpartition("/")[0] in self._origins.folders or any(
            name.startswith(below) for name in self._origins.files
        )

    def is_plain(self, path: str) -> bool:
        """Whether a path is neither git's nor pyrun's own."""
        return not any(name in NEVER for name in path.split("/"))

    def enters(self, folder: str) -> bool:
        """Whether anything in a new folder may concern the plan."""
        return self.is_plain(folder) and not (
            self._ignores(folder)
            and not any(name.startswith(f"{folder}/") for name in self.reads | self._named)
            and not any(_leads_below(action, folder) for action in self._plan.actions)
        )

    def makes(self, path: str) -> bool:
        """Whether a path is a target, so that its change is the plan's own work.

        What lies in a target and is a source of the same action by its whole name was written by hand.
        """
        whole = f"{path}/"
        makers = [
            action
            for starts, action in self._targets
            if whole.startswith(starts) and any(target.matches(path) for target in action.targets or ())
        ]
        if len(makers) != 1:
            return bool(makers)
        maker = makers[0]
        names = tuple(path.split("/"))
        named = any(names in target.alternatives for target in maker.targets or ())
        return named or not _written_out(maker, path)

    def _in_package(self, path: str) -> bool:
        """Whether a file may be part of a package that an action reads."""
        if not self._folders:
            return False
        folder, _, name = path.rpartition("/")
        return name in _GO_FILES or folder in self._folders


def _named(action: "Action") -> "list[str]":
    """What an action plainly names beside its sources: programs, and what its conditions ask about."""
    found = [
        beneath(script.dir, name) for script in action.scripts for name in script.programs if "/" in name
    ]
    found += [name for name in action.interpreters if "/" in name]
    found += [
        beneath(question.dir, path)
        for question in action.questions
        if question.kind not in {COMMAND, ENVIRONMENT}
        for path in question.values
        if path is not None
    ]
    return [resolved(path) for path in found]


def _starts(patterns: "Iterable[Pattern]") -> tuple[str, ...]:
    """What a path, with a `/` behind, begins with if one of some patterns names it."""
    return tuple({f"{pattern.literal_prefix}/" if pattern.literal_prefix else "" for pattern in patterns})


def _any_source(action: "Action") -> bool:
    """Whether an action names anything as a source."""
    sources = action.sources
    return sources is not None and any(one.patterns or one.packages for one in (sources, *sources.more))


def _patterns(action: "Action") -> "list[Pattern]":
    """All that an action names as sources by patterns."""
    sources, image = action.sources, action.image
    found: list[Pattern] = []
    if sources is not None:
        found += [pattern for one in (sources, *sources.more) for pattern, _ in one.patterns]
    if image is not None:
        found += [parse_pattern(text) for copy in image.copies for text in copy.own_sources]
        if image.dockerfile is not None:
            found += map(parse_pattern, image.dockerfile.may_read)
    return found


def _written_out(action: "Action", path: str) -> bool:
    """Whether one of an action's sources is a path's whole name."""
    names = tuple(path.split("/"))
    return any(names in pattern.alternatives for pattern in _patterns(action))


def _leads_below(action: "Action", folder: str) -> bool:
    """Whether one of an action's sources is written out up to somewhere below a folder."""
    return any(f"{pattern.literal_prefix}/".startswith(f"{folder}/") for pattern in _patterns(action))


def _package_folders(plan: "Plan", reads: "Iterable[str]") -> frozenset[str]:
    """The folders of what is read, if any action reads packages: a file that is added to one may be part of it."""
    packages = any(
        one.packages
        for action in plan.actions
        if action.sources is not None
        for one in (action.sources, *action.sources.more)
    )
    return frozenset(path.rpartition("/")[0] for path in reads) if packages else frozenset()
