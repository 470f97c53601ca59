"""`--since` and `--shard`: the part of what was asked for that is to be done."""

import os

from runner.errors import PyrunError
from runner.model.path import beneath, resolved
from runner.model.when import COMMAND, ENVIRONMENT
from runner.plan.affected import declares, images_of, namespaces, part_of, reached, redefined
from runner.plan.bind import Binder, Draft
from runner.plan.resolve import make_plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from runner.cli.arguments import Request
    from runner.cli.session import Session
    from runner.execute.inputs import Inputs
    from runner.model.project import LoadedProject
    from runner.plan.action import Action, Plan
    from runner.plan.affected import Changes
    from runner.plan.bind import Invocation
    from runner.plan.go_imports import Scan
    from runner.system.past_facts import NotedFacts, PastFacts
    from runner.system.past_tree import PastTree

_MOST_LINKS = 40
"""Links one behind the other that are followed, as by the kernel."""


class Part:
    """A part of a plan.

    Args:
        plan: The plan of the part.
        taken: What was taken, in words for `-v`.
        nothing: Why nothing was, in words; empty if something was.
    """

    __slots__ = ("nothing", "plan", "taken")

    def __init__(self, plan: "Plan", taken: str, nothing: str) -> None:
        self.plan = plan
        self.taken = taken
        self.nothing = nothing


def narrow(session: "Session", plan: "Plan", request: "Request", noted: "NotedFacts | None") -> Part:
    """The part of a plan that `--since` and `--shard` leave, in this order.

    Args:
        session: The project.
        plan: The plan of all that was asked for.
        request: The command line.
        noted: The facts that the plan was made with; None without `--since`.

    Raises:
        UsageError: The revision or the part makes no sense here.
        PyrunError: Git fails.
    """
    flags = request.flags
    part = Part(plan, "", "")
    if "shard" in flags:
        from runner.plan.shard import parse_shard  # noqa: PLC0415 - only for this

        parse_shard(flags["shard"])
    if noted is not None:
        part = Since(session, plan, request, noted).part()
    if "shard" in flags and part.plan.asked:
        part = _shard(session, part, flags["shard"])
    return part


def _shard(session: "Session", part: Part, text: str) -> Part:
    from runner.plan.shard import parse_shard, shard  # noqa: PLC0415 - only for this
    from runner.store.build_log import BuildLog  # noqa: PLC0415

    asked = part.plan.asked
    found = shard(asked, *parse_shard(text), BuildLog(session.top).durations())
    taken = f"part {text} is {_count(len(found))} of {len(asked)}"
    nothing = "" if found else f"nothing to do: part {text} of {_count(len(asked))} is empty"
    return Part(part_of(part.plan, found), "; ".join(filter(None, (part.taken, taken))), nothing)


def _count(number: int) -> str:
    return "1 invocation" if number == 1 else f"{number} invocations"


class Since:
    """What changes since a revision reach.

    Args:
        session: The project.
        plan: The plan of all that was asked for.
        request: The command line.
        noted: The facts that the plan was made with.
    """

    def __init__(self, session: "Session", plan: "Plan", request: "Request", noted: "NotedFacts") -> None:
        self.session = session
        self.plan = plan
        self.request = request
        self.noted = noted

    def part(self) -> Part:
        """The part of the plan that they reach."""
        from runner.execute.inputs import Inputs  # noqa: PLC0415 - only for this
        from runner.system.git import find_ignore  # noqa: PLC0415
        from runner.system.git_changes import Repository  # noqa: PLC0415
        from runner.system.past_tree import PastTree  # noqa: PLC0415

        session = self.session
        repository = Repository(session.top, session.environ)
        commit, named = repository.revision(self.request.flags["since"])
        changes, before = repository.changes(commit)
        tree = session.facts.tree
        then = PastTree(tree, repository, commit, changes, before)
        inputs = Inputs(tree, lambda: find_ignore(session.top, tree, session.environ))
        reads = Reads(inputs, changes, then)
        found = reached(self.plan, changes, reads.of, self.redefined(changes, then))
        asked = tuple(name for name in self.plan.asked if name in found)
        since = f"since {commit[:12]} ({named})"
        files = "1 file" if len(changes.paths) == 1 else f"{len(changes.paths)} files"
        taken = f"{since} {files} changed, which reach {_count(len(asked))} of {len(self.plan.asked)}"
        nothing = "" if asked else f"nothing to do: no change {since} reaches what was asked for"
        return Part(part_of(self.plan, asked), taken, nothing)

    def redefined(self, changes: "Changes", then: "PastTree") -> frozenset[str]:
        """The ids of the actions that do something else than they did in the revision."""
        from runner.config.decode import decode  # noqa: PLC0415 - YAML is slow to load
        from runner.system.past_facts import PastFacts  # noqa: PLC0415

        everything = frozenset(action.id for action in self.plan.actions)
        data = then.read(self.session.name)
        if data is None:
            return everything
        try:
            project = decode(data, self.session.name, then)
        except PyrunError:
            return everything
        past = PastFacts(self.noted, then)
        before = self.plan_of(project, past)
        found = set(redefined(self.plan, before))
        shaken = self.shaken(project, changes)
        moved = self.moved(changes, then)
        for action in self.plan.actions:
            if (
                shaken & namespaces(action)
                or any(past.exists(path) != self.noted.exists(path) for path in _asked_paths(action))
                or (moved and _stands_on(action, moved))
            ):
                found.add(action.id)
        return frozenset(found)

    def moved(self, changes: "Changes", then: "PastTree") -> frozenset[str]:
        """The names of images, in full, that stand for something else than they did in the revision."""
        from runner.store.lock_file import NAME, parse_pins, read_pins  # noqa: PLC0415 - only for this

        if not changes.hold(NAME):
            return frozenset()
        now = read_pins(self.session.top)
        try:
            before = parse_pins(then.read(NAME) or b"")
        except PyrunError:
            before = {}
        return frozenset(name for name in {**before, **now} if before.get(name) != now.get(name))

    def plan_of(self, project: "LoadedProject", past: "PastFacts") -> "dict[str, Action]":
        """By id the actions that the same command line would have led to, but for what can't be planned."""
        binder = Binder(project, past)
        invocations: list[Invocation] = []
        for draft in self.request.calls:
            task = project.task(draft.task.name)
            if task is None:
                continue
            same = Draft(task, draft.at)
            same.args, same.all = list(draft.args), draft.all
            same.options = {name: list(values) for name, values in draft.options.items()}
            try:
                binder.take_shared(same)
                invocations += binder.bind(same)
            except PyrunError:
                continue
        flags = self.request.flags
        wanted = self.session.wanted_place(flags), self.session.wanted_images(flags)
        try:
            return {
                action.id: action for action in make_plan(project, invocations, binder, past, *wanted).actions
            }
        except PyrunError:
            pass
        found: dict[str, Action] = {}
        for invocation in invocations:
            try:
                plan = make_plan(project, [invocation], binder, past, *wanted)
            except PyrunError:
                continue
            found.update({action.id: action for action in plan.actions})
        return found

    def shaken(self, project: "LoadedProject", changes: "Changes") -> frozenset[str]:
        """The namespaces whose files of variables are others, or say something else."""
        before = {head.namespace: [file.path for file in head.env_files] for head in project.heads}
        return frozenset(
            head.namespace
            for head in self.session.project.heads
            if before.get(head.namespace) != [file.path for file in head.env_files]
            or changes.hold_any(resolved(beneath(head.folder, file.path)) for file in head.env_files)
        )


def _stands_on(action: "Action", moved: "Collection[str]") -> bool:
    """Whether an action runs in, stands on or copies from one of some images; by a Dockerfile it may be any."""
    from runner.image.full_name import full_name  # noqa: PLC0415 - only for this

    by_hand = action.image is not None and action.image.dockerfile is not None
    return by_hand or any(full_name(name) in moved for name in images_of(action))


def _asked_paths(action: "Action") -> "list[str]":
    """The paths that an action's conditions ask about at its turn."""
    return [
        resolved(beneath(question.dir, path))
        for question in action.questions
        if question.kind not in {COMMAND, ENVIRONMENT}
        for path in question.values
        if path is not None
    ]


class Reads:
    """The files that actions read now, and those of their packages that are gone.

    Args:
        inputs: The files of now.
        changes: What has changed.
        then: The files of the revision.
    """

    def __init__(self, inputs: "Inputs", changes: "Changes", then: "PastTree") -> None:
        from runner.plan.both_trees import BothTrees  # noqa: PLC0415 - only for this

        self.inputs = inputs
        self.changes = changes
        self.both = BothTrees(inputs.tree, then, changes.gone)
        self.memo: dict[str, Scan] = {}
        self.top = os.path.realpath(inputs.tree.top)
        self.folders: dict[str, tuple[str, tuple[str, ...]]] = {}

    def of(self, action: "Action") -> "set[str]":
        """The files that an action reads, what links lead to among them."""
        from runner.execute.inputs import UnmatchedError  # noqa: PLC0415 - only for this

        try:
            paths: Sequence[str] = self.inputs.paths(action)
        except UnmatchedError:
            # Something before it may still make what it lacks.
            paths = [path for path in self.changes.paths if declares(action, path)]
        return {*self.followed(paths), *self.gone(action)}

    def gone(self, action: "Action") -> "tuple[str, ...]":
        """The files of its packages, those among them that are gone."""
        sources = action.sources
        if sources is None or not self.changes.gone:
            return ()
        packages = [package for one in (sources, *sources.more) for package in one.packages]
        if not packages:
            return ()
        from runner.plan.go_sources import go_sources  # noqa: PLC0415 - for those who have Go only

        found: list[str] = []
        for package in packages:
            try:
                found += go_sources(
                    self.both, package.dir, package.name, package.position,
                    tests=package.tests, memo=self.memo,
                )  # fmt: skip
            except PyrunError:
                continue
        return tuple(found)

    def followed(self, paths: "Iterable[str]") -> "set[str]":
        """Some files, with the links on the way and what they lead to, as far as that is in the project."""
        found: set[str] = set()
        for path in paths:
            folder, _, name = path.rpartition("/")
            real, links = self.folder(folder)
            found.add(path)
            found.update(links)
            steps = 0
            at = f"{real}/{name}"
            while os.path.islink(at) and steps < _MOST_LINKS:
                found.add(self.inside(at))
                above = os.path.dirname(at)
                at = os.path.join(os.path.realpath(os.path.join(above, os.path.dirname(os.readlink(at)))),
                                  os.path.basename(os.readlink(at)))  # fmt: skip
                steps += 1
            found.add(self.inside(at))
        found.discard("")
        return found

    def folder(self, folder: str) -> "tuple[str, tuple[str, ...]]":
        """Where a folder really is, and the links on the way to it."""
        known = self.folders.get(folder)
        if known is None:
            if not folder:
                known = (self.top, ())
            else:
                above, _, name = folder.rpartition("/")
                real, links = self.folder(above)
                at = f"{real}/{name}"
                if os.path.islink(at):
                    known = (os.path.realpath(at), (*links, folder, self.inside(at)))
                else:
                    known = (at, links)
            self.folders[folder] = known
        return known

    def inside(self, full: str) -> str:
        """An absolute path as one of the project; empty if it is none."""
        return full[len(self.top) + 1 :] if full.startswith(f"{self.top}/") else ""
