"""Which files an action reads and leaves, and what they are now."""

import os

from runner.errors import PlanError, nearest
from runner.plan.pattern import overlap, parse_pattern
from runner.system.file_states import observe, signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.execute.build_context import BuildContext
    from runner.plan.action import Action, Package, Plan
    from runner.plan.file_state import FileState
    from runner.plan.gitignore import Ignore
    from runner.plan.go_imports import Scan
    from runner.plan.pattern import Pattern
    from runner.system.tree import DiskTree

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Inputs:
    """The files of a project from the view of its actions.

    What was found is remembered until `forget` is called, so in a run in which nothing runs each folder is
    read once.

    Args:
        tree: The project's files.
        find_ignore: Finds out what git ignores; asked when a pattern needs to know.
    """

    def __init__(self, tree: "DiskTree", find_ignore: "Callable[[], Ignore | None]") -> None:
        self.tree = tree
        self._find_ignore = find_ignore
        self._ignore: Ignore | None = None
        self._ignore_known = False
        self._selected: dict[str, tuple[str, ...]] = {}
        self._scans: dict[str, Scan] = {}
        self._contexts: dict[str, BuildContext] = {}

    def forget(self) -> None:
        """Take nothing that was found for granted any longer: something has run."""
        self.tree.forget()
        self._selected.clear()
        self._scans.clear()
        self._contexts.clear()
        self._ignore_known = False

    def check(self, plan: "Plan") -> None:
        """Refuse a source that matches nothing, unless the target of something before could match it.

        Raises:
            PlanError: One does.
        """
        actions = {action.id: action for action in plan.actions}
        called = {name for action in plan.actions for name in action.calls}
        for action in plan.actions:
            self._check_targets(action)
            try:
                self.paths(action)
            except UnmatchedError as error:
                targets = _targets_before(action, actions)
                if action.id in called:
                    # What is called before it may make it.
                    targets += [t for one in plan.actions if one is not action for t in one.targets or ()]
                if error.pattern is None:
                    if not targets:
                        raise
                elif not any(overlap(error.pattern, target) for target in targets):
                    raise

    def _check_targets(self, action: "Action") -> None:
        """Refuse a target folder in which git tracks files: it is owned whole, so they would be removed."""
        if action.traits.tusk or action.traits.cache == "false":
            return
        for target in action.targets or ():
            folder = target.literal_prefix
            if target.has_wildcard or self.tree.names(folder) is None:
                continue
            ignore = self.ignore()
            if ignore is not None and ignore.tracks_beneath(folder):
                raise PlanError(
                    f"git tracks files in the target folder `{target.text}`, and a target folder is owned whole",
                    target.at or action.position,
                    f"name what is made by a pattern, such as `{folder}/*.gen.go`, or a folder of its own",
                )

    def ignore(self) -> "Ignore | None":
        """What git says of the project, asked for once."""
        if not self._ignore_known:
            self._ignore = self._find_ignore()
            self._ignore_known = True
        return self._ignore

    def paths(self, action: "Action") -> tuple[str, ...]:
        """The files that an action declares to read, sorted.

        Raises:
            UnmatchedError: A source matches nothing.
        """
        known = self._selected.get(action.id)
        if known is None:
            known = self._selected[action.id] = self._paths(action)
        return known

    def present(self, action: "Action") -> tuple[str, ...]:
        """The files that are there of those that an action declares to read, sorted.

        What matches nothing is left out: what comes before the action may make it.
        """
        return self._paths(action, lenient=True)

    def _paths(self, action: "Action", *, lenient: bool = False) -> tuple[str, ...]:
        found: set[str] = set()
        if action.sources is not None:
            own = () if action.traits.tusk else action.written
            for sources in (action.sources, *action.sources.more):
                patterns = tuple(pattern for pattern, _ in sources.patterns)
                git = not action.traits.tusk
                found.update(self._select(patterns, sources.excludes, own, git=git, lenient=lenient))
                for package in sources.packages:
                    found.update(self._package(package))
        if action.image is not None:
            if action.image.dockerfile is not None:
                context = self.context(action)
                found.update(filter(None, (action.image.dockerfile.path, *context.files())))
            for copy in action.image.copies:
                patterns = tuple(parse_pattern(source, copy.at) for source in copy.own_sources)
                found.update(self._select(patterns, (), ()))
        return tuple(sorted(found))

    def _package(self, package: "Package") -> tuple[str, ...]:
        """The files of a package."""
        from runner.plan.go_sources import go_sources  # noqa: PLC0415 - for those who have Go only

        try:
            return go_sources(
                self.tree, package.dir, package.name, package.position, tests=package.tests, memo=self._scans
            )
        except PlanError as error:
            raise UnmatchedError(error.message, error.at, error.hint, None) from None

    def copied(self, source: str) -> tuple[str, ...]:
        """The files that a `copy` of sources takes."""
        return tuple(self._select((parse_pattern(source),), (), ()))

    def links(self, source: str, *, made: bool) -> "tuple[FileState, ...]":
        """The links below a folder that an image copies: they are copied as links, wherever they lead.

        A file that is named, or that a pattern matches, is copied for what it is, so that of a pattern there are
        none.

        Args:
            source: The folder, or a pattern.
            made: Whether it is what a task has made; then git has no say.
        """
        pattern = parse_pattern(source)
        if pattern.has_wildcard or self.tree.names(pattern.literal_prefix) is None:
            return ()
        from runner.plan.apart import is_apart, links_apart  # noqa: PLC0415 - few images copy folders
        from runner.plan.file_state import link_state  # noqa: PLC0415
        from runner.plan.select import select, select_targets  # noqa: PLC0415

        if made and is_apart(source):
            found = links_apart(self.tree, source)
        elif made:
            found = select_targets(self.tree, (pattern,), links=True)
        else:
            found = select(self.tree, (pattern,), ignore=self.ignore(), links=True).files
        paths = ((path, self.tree.path(path)) for path in found)
        return tuple(link_state(path, os.readlink(full)) for path, full in paths if os.path.islink(full))

    def sources(self, action: "Action", recorded: "tuple[FileState, ...]") -> "tuple[FileState, ...]":
        """The state of the files that an action declares to read.

        Args:
            action: The action.
            recorded: What the build log says of them.

        Raises:
            UnmatchedError: A source matches nothing.
        """
        states = observe(self.tree.top, self.paths(action), {state.path: state for state in recorded})
        if action.image is not None and action.image.dockerfile is not None:
            return (*states, *self.context(action).others())
        return states

    def context(self, action: "Action") -> "BuildContext":
        """What the Dockerfile of an image is built of.

        Raises:
            UnmatchedError: A file is not there that it copies, or it is not there itself.
            PlanError: It has no such stage.
        """
        known = self._contexts.get(action.id)
        if known is not None:
            return known
        from runner.execute.build_context import MissingError, image_context  # noqa: PLC0415 - few images have one

        assert action.image is not None
        one = action.image.dockerfile
        assert one is not None
        try:
            found = image_context(self.tree, one, action.image.platform, action.position)
        except MissingError as error:
            pattern = parse_pattern(error.pattern, one.at)
            raise UnmatchedError(error.message, error.at, error.hint, pattern) from None
        self._contexts[action.id] = found
        return found

    def targets(self, action: "Action", recorded: "tuple[FileState, ...]") -> "tuple[FileState, ...]":
        """The state of the files that are there of an action's targets."""
        if not action.targets:
            return ()
        from runner.plan.select import select_targets  # noqa: PLC0415 - a task without files does without

        if action.platform:
            from runner.plan.apart import select_apart  # noqa: PLC0415 - few images are for other platforms

            paths = select_apart(self.tree, action.targets, action.apart)
        else:
            paths = select_targets(self.tree, action.targets)
        return observe(self.tree.top, paths, {state.path: state for state in recorded})

    def rewritten(self, before: "Sequence[FileState]") -> str:
        """A file that was written since it was seen, whatever its content is now, or empty.

        In between it may have been another one. A new link to a file, which changes the ctime, is none of that.
        """
        for state in before:
            now = signature(self.tree.path(state.path)) if state.signature else None
            if now is not None and _written(now) != _written(state.signature):
                return state.path
        return ""

    def remove(self, paths: "Sequence[str]") -> None:
        """Remove files; one that is not there, or can't be removed, is left to what comes next.

        A link to a folder is never gone through: what lies behind it is somebody else's. A path that would lead
        out of the project comes from no record of ours, and is passed over.
        """
        folders: dict[str, list[str]] = {}
        for path in paths:
            folder, _, name = path.rpartition("/")
            folders.setdefault(folder, []).append(name)
        for folder, names in folders.items():
            handle = self._open_folder(folder)
            if handle is None:
                continue
            for name in names:
                try:
                    os.unlink(name, dir_fd=handle)
                except OSError:
                    continue
            os.close(handle)

    def _open_folder(self, folder: str) -> int | None:
        """A folder of the project, open; None if there is none, or a link is on the way to it."""
        handle = os.open(self.tree.top, _FOLDER)
        for name in folder.split("/") if folder else ():
            try:
                inner = (
                    os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=handle) if name not in {"", ".."} else None
                )
            except OSError:
                inner = None
            os.close(handle)
            if inner is None:
                return None
            handle = inner
        return handle

    def _select(
        self,
        patterns: "tuple[Pattern, ...]",
        excludes: "tuple[Pattern, ...]",
        own: "tuple[Pattern, ...]",
        *,
        git: bool = True,
        lenient: bool = False,
    ) -> tuple[str, ...]:
        if not patterns:
            return ()
        from runner.plan.select import select  # noqa: PLC0415 - a task without files does without

        ignore = self.ignore() if git and any(self._walks(pattern) for pattern in patterns) else None
        selection = select(self.tree, patterns, excludes, ignore=ignore, own=own)
        if selection.unmatched and not lenient:
            pattern = selection.unmatched[0]
            raise UnmatchedError(
                f"the source `{pattern.text}` matches no file", pattern.at, self._hint(pattern), pattern
            )
        return selection.files

    def _walks(self, pattern: "Pattern") -> bool:
        """Whether a pattern is more than the name of a file."""
        if pattern.has_wildcard or pattern.folder_only:
            return True
        folder, _, name = pattern.literal_prefix.rpartition("/")
        return (self.tree.names(folder) or {}).get(name) != "f"

    def _hint(self, pattern: "Pattern") -> str:
        prefix = pattern.literal_prefix
        folder, _, name = (prefix, "", "") if pattern.has_wildcard else prefix.rpartition("/")
        names = self.tree.names(folder)
        if names is None:
            return f"there is no folder `{folder}`"
        if pattern.has_wildcard:
            return "is the pattern relative to the file's folder? What git ignores is not matched"
        near = nearest(name, tuple(names))
        return (
            f"did you mean `{folder + '/' if folder else ''}{near}`?"
            if near
            else "make it, or remove the source"
        )


class UnmatchedError(PlanError):
    """A source that matches nothing.

    Args:
        message: What is wrong.
        at: Where it stands.
        hint: What would be right.
        pattern: The pattern, or None for a package.
    """

    def __init__(self, message: str, at: "object", hint: str, pattern: "Pattern | None") -> None:
        super().__init__(message, at, hint)  # type: ignore[arg-type]
        self.pattern = pattern


def _written(signature: str) -> tuple[str, str]:
    """The time and the inode in what was seen of a file."""
    _, modified, _, inode, _ = signature.split(",")
    return modified, inode


def _targets_before(action: "Action", actions: "dict[str, Action]") -> "list[Pattern]":
    """The targets of all that is done before an action."""
    found: list[Pattern] = []
    seen: set[str] = set()
    left = list(action.deps)
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            found += actions[name].targets or ()
            left += actions[name].deps
    return found
