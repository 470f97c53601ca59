"""Model and calls to a plan: every invocation once, everything filled in, edges drawn."""

from runner.errors import PlanError
from runner.model.codec import write_json
from runner.model.container import HOST, is_reference
from runner.model.path import beneath
from runner.model.project import container_named, head_of, unknown_container_hint
from runner.model.task import EXCLUDE, GO, SSH, Secret
from runner.plan.action import Action, Limits, Package, Plan, ServerPlan, Sources, Traits, apart_folder
from runner.plan.calls import draft_of
from runner.plan.expand import fill
from runner.plan.graph import check_images, check_targets, ordered
from runner.plan.image_plan import (
    CONTAINER,
    SCRATCH,
    BasePlan,
    ConfigPlan,
    ImagePlan,
    base_plan,
    name_and_tags,
)
from runner.plan.origin import Provenance
from runner.plan.pattern import parse_pattern
from runner.plan.plan_image import late_value, plan_image
from runner.plan.platform import Platform
from runner.plan.step import scripts_in
from runner.plan.steps import Body, StepFiller, task_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from runner.location import Position
    from runner.model.call import Call
    from runner.model.container import Container
    from runner.model.project import Head, Project
    from runner.model.step import SubTask
    from runner.model.task import Task
    from runner.model.template import Template
    from runner.plan.bind import Binder, Invocation
    from runner.plan.container_plan import ContainerPlan
    from runner.plan.container_plan import Value as Variable
    from runner.plan.expand import Value
    from runner.plan.facts import Facts
    from runner.plan.pattern import Pattern
    from runner.plan.place import WantedPlace
    from runner.plan.platforms import WantedImages

_DEEPEST = 5000
"""Calls from the one asked for to the one farthest away; no real project comes near."""
_READY_LIMIT = 60_000
"""Milliseconds that a server has to get ready where its file does not say."""
_HOST = "127.0.0.1"
_LONGEST_NAME = 63
"""Characters of a name on a network."""
_TARGET = "target"
"""What a container says that runs on whatever the image is for."""
_LINUX = "linux"


def make_plan(
    project: "Project",
    asked: "Sequence[Invocation]",
    binder: "Binder",
    facts: "Facts",
    wanted: "WantedPlace | None" = None,
    images: "Callable[[], WantedImages] | None" = None,
) -> Plan:
    """The plan for some invocations.

    Args:
        project: The tasks.
        asked: What was asked for, in order.
        binder: Fills in the calls of the file.
        facts: How to ask about the world.
        wanted: What is wanted of places beside what files say, if anything is.
        images: Gives what is wanted of images beside what files say, if anything is; asked where there is one.

    Raises:
        PlanError: Something the plan needs is not there, goes in circles, or two write the same path.
    """
    planner = _Planner(project, binder, facts, wanted, images)
    starts = tuple(dict.fromkeys(planner.add(invocation) for invocation in asked))
    planner.discover()
    planner.find_places()
    if planner.platforms:
        planner.do_once()
    ordered(starts, {name: planner.edges(name, idle=True) for name in planner.invocations}, planner.labels)
    live = ordered(starts, {name: planner.edges(name) for name in planner.invocations}, planner.labels)
    turns = planner.turns(starts)
    actions = tuple(planner.action(name) for name in live)
    # What a tusk.yml calls one after the other may well write the same file.
    checked = tuple(action for action in actions if not action.traits.tusk or action.id in turns)
    check_targets(checked, tuple(head.file for head in project.heads))
    check_images(actions)
    return Plan(actions, starts, tuple(name for name in live if name not in turns))


class _Planner:
    """Invocations by id, grown until nothing new is reached.

    What an image for another platform than this machine's copies, and all that this needs, is planned for that
    platform, by ids of its own, until it is known what of it is the same for all.
    """

    def __init__(
        self,
        project: "Project",
        binder: "Binder",
        facts: "Facts",
        wanted: "WantedPlace | None",
        wanted_images: "Callable[[], WantedImages] | None",
    ) -> None:
        self.project = project
        self.binder = binder
        self.facts = facts
        self.wanted = wanted
        self.find_wanted = wanted_images
        self.found_wanted: WantedImages | None = None
        self.platform: Platform | None = None
        self.platforms: dict[str, Platform] = {}
        self.images_of: dict[str, tuple[tuple[str, Platform], ...]] = {}
        self.part_of: dict[str, str] = {}
        self.merged: dict[str, str] = {}
        self.places: dict[str, Container] = {}
        self.place: Container | None = None
        self.filler = StepFiller(project, self.values, self.env, self.called_by, self.add_called, self.system)
        self.invocations: dict[str, Invocation] = {}
        self.labels: dict[str, str] = {}
        self.deps: dict[str, dict[str, Position]] = {}
        self.bodies: dict[str, Body] = {}
        self.copied: dict[str, tuple[str, ...]] = {}
        self.images: dict[str, str] = {}
        self.addresses: dict[str, tuple[str, int]] = {}
        self.depths: dict[str, int] = {}
        self.open: list[str] = []
        self.depth = 0

    def add(self, invocation: "Invocation", depth: int = 0, at: "Position | None" = None) -> str:
        """The id of an invocation, made known."""
        # An image has one name, whatever it is for.
        platform = self.platform if invocation.task.image is None else None
        name = _id_of(invocation, platform)
        if name in self.merged:
            name, platform = self.merged[name], None
        if name not in self.invocations:
            self.know(name, invocation, depth, platform)
            if invocation.task.image is not None:
                self.take_platforms(name, invocation, depth)
            if depth > _DEEPEST:
                raise PlanError(
                    f"`{invocation.task.name}` leads to ever new calls, the last one of {depth} being "
                    f"`{invocation.label[:80]}`",
                    at,
                    "does a task call itself with a value that grows?",
                )
        return name

    def know(self, name: str, invocation: "Invocation", depth: int, platform: "Platform | None") -> None:
        """Let an invocation be one to be filled in, for another platform than this machine's if it is said."""
        self.invocations[name] = invocation
        self.labels[name] = invocation.label
        self.depths[name] = depth
        self.open.append(name)
        if platform is not None:
            self.platforms[name] = platform
            self.labels[name] = f"{invocation.label} [{platform}]"

    def take_platforms(self, name: str, invocation: "Invocation", depth: int) -> None:
        """Find out what an image is for; where that is several platforms, each gets an image of its own."""
        here = self.facts.platform()
        wanted = self.wanted_platforms(invocation)
        if len(wanted) == 1:
            if wanted[0] != here:
                self.platforms[name] = wanted[0]
                self.labels[name] = f"{invocation.label} [{wanted[0]}]"
            return
        self.images_of[name] = tuple((_id_of(invocation, platform), platform) for platform in wanted)
        for part, platform in self.images_of[name]:
            self.part_of[part] = name
            self.know(part, invocation, depth, platform if platform != here else None)
            self.labels[part] = f"{invocation.label} [{platform}]"

    @property
    def wanted_images(self) -> "WantedImages | None":
        """What is wanted of images, asked once."""
        if self.found_wanted is None and self.find_wanted is not None:
            self.found_wanted = self.find_wanted()
        return self.found_wanted

    def wanted_platforms(self, invocation: "Invocation") -> "tuple[Platform, ...]":
        """What an image is to be for, at least one."""
        wanted, image = self.wanted_images, invocation.task.image
        if wanted is not None:
            said: tuple[Platform, ...] = ()
            if image is not None and image.platforms:
                from runner.plan.platforms import parse_platforms  # noqa: PLC0415 - few are for several

                values = self.values(invocation)
                said = parse_platforms((fill(one, values), one.position) for one in image.platforms)
            return wanted.platforms or (said if wanted.exports else ()) or (wanted.usual(),)
        here = self.facts.platform()
        return (here if here.os == _LINUX else Platform(_LINUX, here.architecture, here.variant),)

    def add_called(self, invocation: "Invocation", at: "Position") -> str:
        """The id of an invocation that a step calls."""
        return self.add(invocation, self.depth, at)

    def discover(self) -> None:
        """Follow deps, calls and copies until there is nothing new."""
        while self.open:
            self.fill_in(self.open.pop())

    def fill_in(self, name: str) -> None:
        """Find out what an invocation does and needs in the place that it is known to run in."""
        invocation = self.invocations[name]
        if name in self.images_of:
            # All that it does is to list those images.
            at = invocation.task.position
            self.deps[name] = {part: at for part, _ in self.images_of[name]}
            self.bodies[name], self.copied[name] = Body(), ()
            return
        self.depth = self.depths[name] + 1
        self.place = self.places.get(name)
        self.platform = self.platforms.get(name)
        self.images.pop(name, None)
        needs: dict[str, Position] = {}
        self.take_deps(invocation, needs)
        if self.place is not None:
            self.take_image(name, self.place, needs)
        self.take_bases(invocation, needs)
        self.deps[name] = needs
        body = self.bodies[name] = self.filler.body(invocation)
        for part, _ in body.parts.values():
            self.take_deps(part, needs)
        self.copied[name] = self.copies(invocation, needs)
        self.place = self.platform = None

    def do_once(self) -> None:
        """Let what hangs on no platform, and needs nothing that does, be done once for all platforms."""
        from runner.plan.platforms import reaching  # noqa: PLC0415 - few images are for other platforms

        own = [name for name in self.platforms if self.invocations[name].task.image is None]
        needs = {name: [need for need, _ in self.edges(name, idle=True)] for name in own}
        apart = reaching([name for name in own if self.hangs_on_platform(name)], needs)
        for name in own:
            if name not in apart:
                self.merged[name] = _id_of(self.invocations[name])
                self.forget(name)
        for name in list(self.platforms):
            self.fill_in(name)
        self.discover()
        self.find_places()

    def forget(self, name: str) -> None:
        """Know nothing of an invocation any more."""
        known: tuple[dict[str, Any], ...] = (
            self.invocations, self.labels, self.depths, self.deps, self.bodies, self.copied, self.platforms,
            self.places, self.images,
        )  # fmt: skip
        for found in known:
            found.pop(name, None)

    def hangs_on_platform(self, name: str) -> bool:
        """Whether what an invocation itself does hangs on the platform that it is done for."""
        from runner.plan.platforms import uses_platform  # noqa: PLC0415 - few images are for other platforms

        place = self.places.get(name)
        if place is not None and place.platform == _TARGET:
            return True
        return any(uses_platform(part.task) for part in self.all_parts(name))

    def find_places(self) -> None:
        """Find out where each invocation runs, and fill in anew what hangs on that."""
        named = any(invocation.task.container is not None for invocation in self.invocations.values())
        if self.wanted is None and not named and all(head.container is None for head in self.project.heads):
            return
        from runner.plan.place import PlaceFinder  # noqa: PLC0415 - most plans have the host only

        finder = PlaceFinder(self.project, self.wanted)
        while True:
            tasks = {name: invocation.task for name, invocation in self.invocations.items()}
            before, self.places = self.places, finder.find(tasks, self.copied, self.below, self.labels)
            moved = {name for name in tasks if before.get(name) != self.places.get(name)}
            if not moved:
                return
            served = {name for name in moved if self.invocations[name].task.persistent}
            for name in list(self.invocations):
                if name in moved or not served.isdisjoint(self.deps[name]):
                    self.fill_in(name)
            self.discover()

    def below(self, name: str) -> "list[str]":
        """What an invocation depends on or calls."""
        return [*self.deps[name], *self.bodies[name].calls]

    def take_image(self, name: str, place: "Container", needs: "dict[str, Position]") -> None:
        """Let an invocation need the image task that makes its container's image."""
        if place.task is not None:
            self.images[name] = self.image_of(place, self.depth)
            needs.setdefault(self.images[name], place.task.position)

    def take_bases(self, invocation: "Invocation", needs: "dict[str, Position]") -> None:
        """Let an image task need those that make the images of the containers it stands on or copies from."""
        image = invocation.task.image
        if image is None:
            return
        values = self.values(invocation)
        for written in (image.base, *(copy.base for copy in image.copy)):
            text = "" if written is None else fill(written, values)
            if written is None or not text or text == SCRATCH or is_reference(text):
                continue
            found = container_named(self.project, text, invocation.task.namespace)
            if found is not None and found.task is not None:
                needs.setdefault(self.image_of(found, self.depth), written.position)

    def image_of(self, place: "Container", depth: int) -> str:
        """The id of the image task's invocation that makes a container's image."""
        assert place.task is not None
        namespace = next((head.namespace for head in self.project.heads if place in head.containers), "")
        found = self.called(place.task, self.facts.platform_names(), namespace)
        if len(found) != 1 or found[0].task.image is None:
            raise PlanError(
                f"the container `{place.name}` needs one task that makes an image",
                place.task.position,
                "such as `task: image NAME`",
            )
        return self.add(found[0], depth, place.task.position)

    def system(self) -> str:
        """The operating system of the place in which what is filled in just now runs."""
        if self.place is None:
            return self.facts.platform().os
        return self.runs_on().partition("/")[0] or _LINUX

    def runs_on(self) -> str:
        """What the container runs on in which is what is filled in just now; empty for what the engine chooses."""
        said = "" if self.place is None else self.place.platform
        return said if said != _TARGET else str(self.platform or "")

    def take_deps(self, invocation: "Invocation", needs: "dict[str, Position]") -> None:
        """Note what an invocation needs first."""
        values = self.values(invocation)
        for call in invocation.task.deps:
            for need in self.called(call, values, invocation.task.namespace):
                needs.setdefault(self.add(need, self.depth, call.position), call.position)

    def copies(self, invocation: "Invocation", needs: "dict[str, Position]") -> tuple[str, ...]:
        """For each `copy` of an image task the id of what it takes, or empty."""
        copied = []
        for copy in invocation.task.image.copy if invocation.task.image is not None else ():
            if copy.call is None:
                copied.append("")
                continue
            found = self.called(copy.call, self.values(invocation), invocation.task.namespace)
            if len(found) != 1:
                raise PlanError("a `copy` names one task", copy.position, "write an item for each")
            copied.append(self.add(found[0], self.depth, copy.call.position))
            needs.setdefault(copied[-1], copy.call.position)
        return tuple(copied)

    def edges(self, name: str, *, idle: bool = False) -> "tuple[tuple[str, Position], ...]":
        """What an invocation needs or calls, with what it would call if a condition held that does not."""
        body = self.bodies[name]
        return tuple({**self.deps[name], **body.calls, **(body.idle if idle else {})}.items())

    def needs(self, name: str) -> tuple[str, ...]:
        """What must be done before an invocation: what it needs itself, and what those need that it calls."""
        found = dict.fromkeys(self.deps[name])
        seen: set[str] = set()
        left = list(self.bodies[name].calls)
        while left:
            called = left.pop(0)
            if called not in seen:
                seen.add(called)
                found |= dict.fromkeys(self.deps[called])
                left += self.bodies[called].calls
        return tuple(found)

    def turns(self, wanted: "Sequence[str]") -> set[str]:
        """The invocations that have a turn of their own, and not only where they are called."""
        found: set[str] = set()
        left = list(wanted)
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += self.needs(name)
        return found

    def values(self, invocation: "Invocation") -> "Mapping[str, Value]":
        """All names that templates of an invocation may use."""
        values: dict[str, Value] = {**self.platform_names(), **invocation.values}
        for call in invocation.task.deps:
            first = call.words[0].parts
            if len(first) == 1 and isinstance(first[0], str):
                self.take_address(first[0], call, invocation.task, values)
        return values

    def platform_names(self) -> "Mapping[str, str]":
        """The names of the platform that what is filled in just now is for, and of the place in which it runs."""
        names = self.facts.platform_names()
        if self.place is not None:
            os, _, rest = self.runs_on().partition("/")
            if not rest:
                os, rest = (
                    _LINUX,
                    "/".join(part for part in (names["TARGETARCH"], names["TARGETVARIANT"]) if part),
                )
            architecture, _, variant = rest.partition("/")
            place = Platform(os, architecture, variant)
            names = {**_target_names(place), "BUILDPLATFORM": str(place)}
        if self.platform is None:
            return names
        return {**names, **_target_names(self.platform)}

    def take_address(self, name: str, call: "Call", task: "Task", values: "dict[str, Value]") -> None:
        """Where a server is reached that a task depends on, as seen from where the task runs."""
        from runner.plan.calls import find_task  # noqa: PLC0415 - for a moment

        found = find_task(self.project, name, task.position, task.namespace)
        if not found.persistent:
            return
        short = name.rpartition(":")[2]
        ports = found.server.ports if found.server is not None else ()
        place = server = None
        if self.places:
            servers = self.called(call, values, task.namespace)
            server = self.add(servers[0], self.depth, call.position) if servers else None
            place = self.places.get(server or "")
        if self.place is None:
            values[f"{short}.host"] = _HOST
        else:
            from runner.plan.container_plan import HOST_NAME  # noqa: PLC0415 - see `find_places`

            values[f"{short}.host"] = HOST_NAME if place is None else self.hostname(server or "")
        if not ports:
            return
        outer, inner = ports[0]
        values[f"{short}.port"] = str(inner)
        if place is not None and self.place is None:
            # Which port of this machine it gets is known when it runs, and has no part in what is asked for.
            if outer:
                values[f"{short}.port"] = str(outer)
            else:
                values[f"{short}.port"] = f"@@{short}.port@@"
                self.addresses[f"@@{short}.port@@"] = (server or "", inner)

    def hostname(self, server: str) -> str:
        """A server's name on the network of a run."""
        invocation = self.invocations[server]
        said = invocation.task.server.hostname if invocation.task.server is not None else None
        if said is not None:
            return fill(said, self.values(invocation))
        letters = "".join(one if one.isascii() and one.isalnum() else "-" for one in invocation.label)
        return letters.strip("-").lower()[:_LONGEST_NAME].rstrip("-") or "server"

    def called(self, call: "Call", values: "Mapping[str, Value]", namespace: str) -> "tuple[Invocation, ...]":
        """The invocations that a call of a file asks for."""
        return self.binder.bind(draft_of(self.project, call, values, namespace))

    def called_by(self, step: "SubTask", caller: "Invocation") -> "tuple[Invocation, ...]":
        """The invocations that a step of an invocation calls."""
        return self.called(step.call, self.values(caller), caller.task.namespace)

    def action(self, name: str) -> Action:
        """The action of an invocation whose deps are known."""
        if name in self.images_of:
            return self.joined(name)
        invocation = self.invocations[name]
        task = invocation.task
        head = head_of(self.project, task)
        self.place = self.places.get(name)
        self.platform = self.platforms.get(name)
        self.addresses = {}
        values = self.values(invocation)
        container = self.container(name, task_folder(task, head, values))
        copied, body = self.copied[name], self.bodies[name]
        image, parts = None, self.all_parts(name)
        if task.image is not None:
            sources = [self.copy_source(need) for need in copied]
            image = plan_image(
                task.image, values, self.image_platform(name), sources, lambda *said: self.base(name, *said),
                head.folder, self.given_tags(),
            )  # fmt: skip
            if name in self.part_of:
                # The image that lists it has its name, and asks what is to be asked.
                image, parts = image.tagged(()), []
        return Action(
            name,
            self.labels[name],
            task.name,
            invocation.key[1],
            body.steps,
            body.last,
            head.interpreter,
            tuple((key, value) for key, value in self.env(invocation) if isinstance(value, str)),
            task_folder(task, head, values),
            self.sources(name),
            self.targets(name),
            self.maybe(name),
            self.needs(name),
            tuple(self.deps[name]),
            tuple(body.calls),
            Limits(task.timeout, task.retries, self.questions(parts)),
            task.persistent,
            self.server(name, values),
            image,
            copied,
            self.traits(task, head, self.all_parts(name), task_folder(task, head, values)),
            Provenance(
                tuple(invocation.origins.items()),
                tuple((key, value.position) for key, value in task.env),
            ),
            task.position,
            container,
            tuple((text, server, port) for text, (server, port) in self.addresses.items()),
            self.apart(name),
        )

    def joined(self, name: str) -> Action:
        """The action that makes one image of several, each for a platform of its own."""
        invocation = self.invocations[name]
        task = invocation.task
        assert task.image is not None
        head, values, parts = head_of(self.project, task), self.values(invocation), self.images_of[name]
        written = tuple(fill(tag, values) for tag in task.image.tags)
        repository, tags = name_and_tags(fill(task.image.name, values), written, self.given_tags())
        ids = tuple(part for part, _ in parts)
        image = ImagePlan(
            repository,
            tags,
            BasePlan(SCRATCH),
            (),
            ConfigPlan(),
            parts[0][1],
            compression=task.image.compression,
            parts=parts,
        )
        traits = self.traits(task, head, [invocation], head.folder)
        return Action(
            name, self.labels[name], task.name, invocation.key[1], (), (), head.interpreter, (), head.folder, None,
            None, (), ids, ids, (), Limits(0, 0, self.questions([invocation])), False, None, image, (), traits,
            Provenance(tuple(invocation.origins.items()), ()), task.position,
        )  # fmt: skip

    def image_platform(self, name: str) -> Platform:
        """What the image of an invocation is for."""
        return self.platforms.get(name) or self.facts.platform()

    def given_tags(self) -> tuple[str, ...]:
        """The tags that images are to have instead of their own; empty for those."""
        return self.wanted_images.tags if self.wanted_images is not None else ()

    def apart(self, name: str) -> str:
        """The platform that an invocation is done for apart from this machine's; empty for that one's."""
        task, platform = self.invocations[name].task, self.platforms.get(name)
        return "" if platform is None or task.image is not None or task.persistent else str(platform)

    def container(self, name: str, folder: str) -> "ContainerPlan | None":
        """The container of an invocation; None for the host."""
        place = self.place
        for part, _ in self.bodies[name].parts.values():
            said = part.task.container
            where = HOST if place is None else place.name
            inside = self.wanted.inside if self.wanted is not None else ""
            other = ""
            if said is not None and said.text == where and place is not None and not said.is_reference:
                # Two files may each have a container of that name.
                other = (
                    "another " if container_named(self.project, where, part.task.namespace) != place else ""
                )
            if said is not None and (other or said.text not in {where, inside}):
                if place is None and self.wanted is not None and self.wanted.asked == HOST:
                    continue
                owner = self.invocations[name].task.name
                raise PlanError(
                    f"`{owner}` declares what it reads or writes, so what it calls becomes part of it and runs in "
                    f"`{where}`, and `{part.task.name}` names {other}`{said.text}`",
                    said.position,
                    f"name `{part.task.name}` under the `deps` of `{owner}`",
                )
        if place is None:
            return None
        task = self.invocations[name].task
        at = task.dir.position if task.dir is not None else task.position
        scripts = scripts_in((*self.bodies[name].steps, *self.bodies[name].last))
        for used, position in ((folder, at), *((script.dir, script.position) for script in scripts)):
            if used.startswith(("/", "../")) or used == "..":
                raise PlanError(
                    f"`{task.name}` works in `{used}`, and a container sees the project's folder only",
                    position,
                    "choose a folder of the project, or `container: host`",
                )
        from runner.plan.container_plan import ContainerPlan  # noqa: PLC0415 - see `find_places`

        env = {key: late_value(value, {}) for key, value in place.env}
        env.update(self.env(self.invocations[name]))
        alone = task.persistent or any(
            secret.name == SSH or secret.to.startswith(("/", "~")) for secret in task.secrets
        )
        passed: dict[str, None] = {}
        for part in self.all_parts(name):
            theirs = head_of(self.project, part.task)
            passed |= dict.fromkeys(one for one, _ in (*theirs.pass_env, *part.task.pass_env))
        hidden = frozenset(self.project.head.secrets)
        names = tuple(one for one in passed if one not in hidden)
        definition = place if place.platform != _TARGET else _on(place, self.runs_on())
        return ContainerPlan(definition, tuple(env.items()), self.images.get(name, ""), alone, names)

    def server(self, name: str, values: "Mapping[str, Value]") -> ServerPlan | None:
        """How an invocation is reached as a server."""
        task = self.invocations[name].task
        found = _server(task, values)
        if found is None or task.server is None or self.place is None:
            return found
        outer = tuple(outer for outer, _ in task.server.ports)
        return ServerPlan(found.ports, found.ready, found.limit, outer, self.hostname(name))

    def questions(self, parts: "Sequence[Invocation]") -> tuple[str, ...]:
        """What the user is asked for an invocation and for those that became part of it."""
        found = [(part.task.confirm, self.values(part)) for part in parts]
        return tuple(dict.fromkeys(fill(text, values) for text, values in found if text is not None))

    def traits(self, task: "Task", head: "Head", parts: "Sequence[Invocation]", folder: str) -> Traits:
        """How an action is told, remembered and surrounded."""
        hidden = frozenset(self.project.head.secrets)
        passed: dict[str, str | None] = {}
        for part in parts:
            theirs = head_of(self.project, part.task)
            for name, in_key in dict((*theirs.pass_env, *part.task.pass_env)).items():
                if in_key and name not in hidden:
                    passed[name] = self.facts.variable(name, theirs)
        return Traits(
            not task.private,
            task.quiet,
            head.tusk,
            head.namespace,
            tuple(passed.items()),
            tuple(_placed(secret, head.folder, folder) for secret in task.secrets),
            task.cache,
            task.watch,
        )

    def base(self, name: str, written: "Template", text: str) -> BasePlan:
        """The image that an image task names with `from`: of a container of the file, or another."""
        task = self.invocations[name].task
        head = head_of(self.project, task)
        found = None
        if not is_reference(text) and text != SCRATCH:
            found = container_named(self.project, text, task.namespace)
            if found is None:
                hint = unknown_container_hint(text, self.project.heads, task.namespace)
                raise PlanError(
                    f"`from: {text}` is neither a container nor an image's reference",
                    written.position,
                    hint,
                )
        if found is None:
            return base_plan(text, written.position, head.folder)
        env = tuple((key, late_value(value, {})) for key, value in found.env)
        made_by = self.image_of(found, self.depths[name] + 1) if found.task is not None else ""
        if found.platform == _TARGET:
            found = _on(found, str(self.platform or ""))
        return BasePlan(CONTAINER, container=found, env=env, made_by=made_by, at=written.position)

    def copy_source(self, need: str) -> "tuple[str, tuple[Pattern, ...]] | None":
        """The label and the targets of a task that is copied from."""
        if not need:
            return None
        before = self.place, self.platform
        self.place, self.platform = self.places.get(need), self.platforms.get(need)
        targets = self.targets(need) or ()
        self.place, self.platform = before
        return self.labels[need], targets

    def whole(self, name: str) -> "list[Invocation]":
        """An invocation, and in a `tasks.yml` those that became part of it."""
        invocation = self.invocations[name]
        if head_of(self.project, invocation.task).tusk:
            return [invocation]
        return [invocation, *(part for part, _ in self.bodies[name].parts.values())]

    def all_parts(self, name: str) -> "list[Invocation]":
        """An invocation and those that became part of it."""
        return [self.invocations[name], *(part for part, _ in self.bodies[name].parts.values())]

    def maybe(self, name: str) -> tuple[str, ...]:
        """The targets that a condition decides about at its turn."""
        found: list[str] = []
        for part, maybe in self.bodies[name].parts.values():
            if maybe:
                found += (fill(target, self.values(part)) for target in part.task.targets or ())
        return tuple(found)

    def sources(self, name: str) -> Sources | None:
        """What an invocation reads; None if it does not say."""
        if self.invocations[name].task.sources is None:
            return None
        own, *parts = self.whole(name)
        found = self.own_sources(own)
        for part in parts:
            found = found.with_more(self.own_sources(part))
        return self.without_made(name, found) if self.apart(name) else found

    def without_made(self, name: str, sources: Sources) -> Sources:
        """The sources of an invocation that is done apart, but for those that what it needs makes there.

        They are seen as targets of its deps; in the checkout there are others of that name, or none.
        """
        from runner.plan.apart import inside  # noqa: PLC0415 - few images are for other platforms

        made: list[Pattern] = []
        seen: set[str] = set()
        left = self.below(name)
        while left:
            need = left.pop()
            if need not in seen and self.apart(need):
                seen.add(need)
                left += self.below(need)
                label_and_targets = self.copy_source(need)
                targets = label_and_targets[1] if label_and_targets is not None else ()
                made += (inside(target, apart_folder(self.apart(need))) for target in targets)
        kept = tuple(
            (pattern, at)
            for pattern, at in sources.patterns
            if pattern.has_wildcard or not any(target.matches(pattern.literal_prefix) for target in made)
        )
        more = tuple(self.without_made(name, one) for one in sources.more)
        return Sources(kept, (*sources.excludes, *made), sources.packages, more)

    def own_sources(self, invocation: "Invocation") -> Sources:
        """What the task of an invocation itself says that it reads."""
        task, values = invocation.task, self.values(invocation)
        head = head_of(self.project, task)
        patterns = []
        excludes = []
        packages = []
        for source in task.sources or ():
            text, at = fill(source.text, values), source.position
            if source.kind == GO:
                packages.append(Package(text, source.tests, task_folder(task, head, values), at))
                continue
            pattern = parse_pattern(text, at, base=head.folder, files_only=head.tusk)
            if source.kind == EXCLUDE:
                excludes.append(pattern)
            else:
                patterns.append((pattern, at))
        return Sources(tuple(patterns), tuple(excludes), tuple(packages))

    def targets(self, name: str) -> "tuple[Pattern, ...] | None":
        """What an invocation writes; None if it does not say."""
        found = []
        for part in self.whole(name):
            head, values = head_of(self.project, part.task), self.values(part)
            for target in part.task.targets or ():
                text = fill(target, values)
                found.append(parse_pattern(text, target.position, base=head.folder, files_only=head.tusk))
        platform = self.apart(name)
        if platform:
            from runner.plan.apart import outside  # noqa: PLC0415 - few images are for other platforms

            found = [outside(target, apart_folder(platform)) for target in found]
        return tuple(dict.fromkeys(found)) or None

    def env(self, invocation: "Invocation") -> "tuple[tuple[str, Variable], ...]":
        """The fixed variables of a task; for an interpreter that is no shell its values too."""
        values, task = self.values(invocation), invocation.task
        head = head_of(self.project, task)
        found = {key: self.variable(value, values, head) for key, value in task.env}
        if not head.shell:
            for name, value in invocation.values.items():
                if name.isidentifier() and name.isascii() and isinstance(value, str):
                    found.setdefault(name, value)
        return tuple(found.items())

    def variable(self, template: "Template", values: "Mapping[str, Value]", head: "Head") -> "Variable":
        """The value of a variable; an unknown name is one of the place: the caller's, or the image's."""
        if self.place is not None:
            return late_value(template, values)
        return fill(template, values, lambda name: self.facts.variable(name, head) or "")


def _id_of(invocation: "Invocation", platform: "Platform | None" = None) -> str:
    """What no other invocation of a plan is called, one for another platform among them."""
    task, values = invocation.key
    words: list[object] = [task, *([key, value] for key, value in values)]
    return write_json([*words, str(platform)] if platform is not None else words)


def _target_names(platform: Platform) -> dict[str, str]:
    """The names of a platform that something is for."""
    return {
        "TARGETOS": platform.os,
        "TARGETARCH": platform.architecture,
        "TARGETVARIANT": platform.variant,
        "TARGETPLATFORM": str(platform),
    }


def _on(container: "Container", platform: str) -> "Container":
    """A container that runs on a platform; empty for what the engine chooses."""
    fields = {name: getattr(container, name) for name in container.FIELDS}
    return type(container)(**{**fields, "platform": platform})


def _server(task: "Task", values: "Mapping[str, Value]") -> ServerPlan | None:
    """How a task is reached as a server."""
    server = task.server
    if server is None or not task.persistent:
        return None
    ports = tuple(inner for _, inner in server.ports)
    ready = tuple((kind, fill(text, values)) for kind, text in server.ready)
    if not ready and ports:
        ready = (("port", str(ports[0])),)
    return ServerPlan(ports, ready, server.limit or _READY_LIMIT)


def _placed(secret: Secret, beside: str, folder: str) -> Secret:
    """A secret whose file is relative to its `tasks.yml`, and is to be found relative to the working folder."""
    paths = [
        path if not path or path.startswith(("/", "~")) else beneath(base, path)
        for base, path in ((beside, secret.file), (folder, secret.to))
    ]
    return Secret(secret.name, paths[0], paths[1], secret.position)
