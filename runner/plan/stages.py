"""The task graph as the stages of one Dockerfile: what runs where, in which order, and which files each step gets.

A container is a stage. A task is one `RUN`, in the stage of its container or in one that begins with it; what it
needs without a target of its own is an earlier `RUN` of the same stage. What it reads is gathered file by file in
stages that begin with nothing, so that no other file can make its `RUN` anything but cached, and what it gets from
tasks with targets is copied from their stages. The image itself is the last stage, and a build target.

Decides everything and writes no text: that is `runner.image.dockerfile`'s.
"""

from dataclasses import dataclass, field

from runner.errors import PlanError
from runner.model.task import SSH
from runner.plan.facts import FILE
from runner.plan.image_plan import (
    ARCHIVE,
    CONTAINER,
    OCI,
    SCRATCH,
    BasePlan,
    ConfigPlan,
    CopyPlan,
    ImagePlan,
    destination,
    placed,
)
from runner.plan.pattern import parse_pattern
from runner.plan.plan_image import late_value
from runner.plan.run_script import (
    SECRETS,
    chain_of,
    home_path,
    path_word,
    quoted,
    run_script,
    secret_path,
    settle_lines,
    title_line,
)
from runner.plan.stage import (
    Copied,
    From,
    Health,
    Instruction,
    Named,
    Ports,
    Run,
    Setting,
    SourceFile,
    Stage,
    Stages,
    Words,
)
from runner.plan.stage_matches import match_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from runner.location import Position
    from runner.model.container import Container
    from runner.model.task import Secret
    from runner.plan.action import Action, Plan
    from runner.plan.container_plan import ContainerPlan, Value

MOST_COPIES = 100
"""How many `COPY`s a stage that gathers files has: an engine lays at most 127 layers over each other."""
_MOST_DIRECT = 30
"""How many `COPY`s of project files an image gets by itself, before they are gathered first."""
_MADE = "/.pyrun/made"
"""Where a stage puts what is to be copied from it, if it can't stay where it is."""
_PERMISSIONS = 0o777
"""The bits of a mode that `COPY --chmod` gives on every engine."""
_BASE = "/.pyrun/base"
"""Where a stage looks at the image into which it is to be copied."""
_SYSTEM = frozenset(("", "etc", "home", "opt", "run", "srv", "usr", "usr/local", "var", "var/lib"))
"""The folders of an image in which there are others already, not all of which are root's and 0755."""
_UNKNOWN = "/.pyrun-workdir"
"""Stands for the working folder of a base that was not looked at."""
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:./-")
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def stages_of(
    plan: "Plan",
    images: "Sequence[str]",
    files: "Callable[[Action], Sequence[SourceFile]]",
    links: "Callable[[str], Sequence[str]]",
    pinned: "Callable[[str], str]",
    *,
    project: str = "",
    network: bool = True,
    machine: str = "",
) -> Stages:
    """The stages that make some images of a plan.

    Args:
        plan: The plan, in which tasks run in the containers that they are to run in.
        images: The ids of the actions that make the images; the last one's stage is the last.
        files: The files of the project that an action reads.
        links: The links below a folder of the project that an image copies: they stay links.
        pinned: A reference with the digest that it stands for.
        project: The project's name: what is kept between builds in its own folder is for it alone.
        network: Whether a `RUN` may be told to have no network.
        machine: The platform of this machine, on which tasks run whatever the images are for; empty for any.

    Raises:
        PlanError: Something can't be done by a Dockerfile.
    """
    actions = {action.id: action for action in plan.actions}
    made = [image for name in images if (image := actions[name].image) is not None]
    across = bool(machine) and any(str(image.platform) != machine for image in made)
    found = _Compiler(actions, files, links, pinned, project, network=network, across=across)
    return found.compiled(tuple(dict.fromkeys(images)))


@dataclass(slots=True)
class _Node:
    """Where the tasks of a container stand after some of them.

    Args:
        action: The last one, or None for the container itself.
        children: Those that come next, in one stage or another.
    """

    action: "Action | None"
    children: "dict[str, _Node]" = field(default_factory=dict)
    stage: str = ""
    seen: "frozenset[str]" = frozenset()


_Path = tuple["Action", ...]


class _Compiler:
    """Finds out what is needed, then puts it in order."""

    def __init__(
        self,
        actions: "dict[str, Action]",
        files: "Callable[[Action], Sequence[SourceFile]]",
        links: "Callable[[str], Sequence[str]]",
        pinned: "Callable[[str], str]",
        project: str,
        *,
        network: bool,
        across: bool,
    ) -> None:
        self._actions = actions
        self._across = across
        self._files = files
        self._links = links
        self._pinned = pinned
        self._project = "".join(one if one in _PLAIN else "-" for one in project)
        self._network = network
        self._stages: list[Stage] = []
        self._names = {"scratch", "context"}
        self._roots: dict[object, _Node] = {}
        self._paths: dict[str, _Path] = {}
        self._bases: dict[object, str] = {}
        self._needed_bases: set[object] = set()
        self._images: dict[str, str] = {}
        self._copied: set[str] = set()
        self._secrets: dict[str, Secret] = {}

    def compiled(self, images: "Sequence[str]") -> Stages:
        """All of it."""
        for name in images:
            self._need_image(self._actions[name])
        for name in images:
            self._images[name] = self._name(self._actions[name].label)
        done = [self._image(name) for name in images]
        order = {stage.name: stage for stage in self._stages}
        return Stages(
            tuple(order.values()),
            tuple(zip(images, done, strict=True)),
            tuple(sorted(self._copied)),
            tuple(self._secrets.values()),
        )

    # What is needed

    def _need_image(self, action: "Action") -> None:
        image = action.image
        if image is None:
            raise PlanError(f"`{action.label}` makes no image", action.position)
        if image.dockerfile is not None:
            path = image.dockerfile.path
            raise PlanError(
                f"`{action.label}` has a Dockerfile of its own, `{path}`, which no other one can contain",
                image.dockerfile.at,
                f"`docker build --file {path}` takes it as it is",
            )
        if image.runner:
            raise PlanError(
                f"`{action.label}` puts pyrun itself into its image, and that is no file of the project",
                action.position,
                "leave `run` and `--builder docker` out: the layers builder does it",
            )
        for base in image.bases:
            if base.container is not None:
                if base.made_by:
                    self._need_image(self._actions[base.made_by])
                self._needed_bases.add(_key(base.container, base.made_by))
        for need in action.image_deps:
            if need:
                self._need(self._actions[need])

    def _need(self, action: "Action") -> None:
        """Let there be a place where an action with targets is done."""
        if action.id in self._paths:
            return
        container = _container(action)
        path = (*self._before(action, action), action)
        self._paths[action.id] = path
        if container.image:
            self._need_image(self._actions[container.image])
        node = self._roots.setdefault(_key(container.definition, container.image), _Node(None))
        for one in path:
            node = node.children.setdefault(one.id, _Node(one))
        for one in path:
            for provider in self._providers(one):
                self._need(provider)

    def _before(self, action: "Action", user: "Action") -> "list[Action]":
        """What is done in the same stage before an action: what it needs and has no target, in order."""
        found: dict[str, Action] = {}
        for name in action.deps:
            dep = self._actions[name]
            if dep.persistent:
                raise PlanError(
                    f"`{action.label}` needs the server `{dep.label}`, and nothing runs beside a `RUN`",
                    dep.position,
                    "let an image need only what makes its files",
                )
            if dep.image is not None or dep.targets is not None:
                continue
            found |= {one.id: one for one in self._before(dep, user)}
            if not (dep.steps or dep.last):
                continue
            mine, theirs = _container(user), _container(dep)
            if _key(mine.definition, mine.image) != _key(theirs.definition, theirs.image):
                raise PlanError(
                    f"`{user.label}` runs in `{mine.name}` and needs `{dep.label}`, which runs in "
                    f"`{theirs.name}` and has no `target`: one stage does not see what another one has done",
                    dep.position,
                    f"name under its `target` what `{dep.label}` makes, or let both run in one container",
                )
            found[dep.id] = dep
        return list(found.values())

    def _providers(self, action: "Action") -> "list[Action]":
        """The actions whose targets an action gets: those of its deps, looking through those without."""
        found: dict[str, Action] = {}
        seen: set[str] = set()
        left = list(reversed(action.deps))
        while left:
            name = left.pop()
            if name in seen:
                continue
            seen.add(name)
            dep = self._actions[name]
            if dep.image is not None:
                continue
            if dep.targets is not None:
                found[name] = dep
            else:
                left += reversed(dep.deps)
        return list(found.values())

    # Containers and what runs in them

    def _base(self, container: "Container", made_by: str) -> str:
        """What the image of a container is called, without what its tasks add: a reference, or a stage."""
        key = _key(container, made_by)
        if key not in self._bases:
            self._bases[key] = self._new_base(container, made_by)
        return self._bases[key]

    def _new_base(self, container: "Container", made_by: str) -> str:
        image = self._image_of(container, made_by)
        if not container.setup:
            return image
        name = self._name(f"{container.name} setup")
        # Who its commands run as stays as the image has it: what stands on it has that, too.
        words = f"the image of the container {container.name}"
        instructions: list[Instruction] = [From(image, _platform(container)), *_set_up(container)]
        self._add(name, instructions, words, container.position)
        return name

    def _image_of(self, container: "Container", made_by: str) -> str:
        """What a container begins with."""
        if container.dockerfile:
            raise PlanError(
                f"the container `{container.name}` is made by `{container.dockerfile}`, and one Dockerfile can't "
                "contain another",
                container.position,
                "name an image with `from`, and what is to be added to it with `setup`",
            )
        return self._image(made_by) if made_by else self._pinned(container.base)

    def _root(self, plan: "ContainerPlan") -> "list[Instruction]":
        """The beginning of the stage of a container's tasks."""
        one = plan.definition
        if one.mounts:
            raise PlanError(
                f"the container `{one.name}` has `mounts` of this machine, which no Dockerfile has",
                one.mounts[0].position,
                "declare what its tasks read under `source`; what is to be kept is a cache mount",
            )
        # An image's own user has no say, as where tasks run in it elsewhere.
        root = Setting("USER", "0")
        found: list[Instruction]
        if one.setup and _key(one, plan.image) in self._needed_bases and not self._across:
            found = [From(self._base(one, plan.image)), root]
        else:
            # Where images are for another platform, tasks still run as fast as this machine is.
            platform = _platform(one) or ("$BUILDPLATFORM" if self._across and not one.platform else "")
            found = [From(self._image_of(one, plan.image), platform), root, *_set_up(one)]
        found.append(Named("ENV", (("PYRUN_CONTAINER", one.name),)))
        # Each may name those above it.
        found += [Named("ENV", ((name, value),)) for name, value in self._own(one).items()]
        found.append(Setting("WORKDIR", plan.workdir))
        if one.user:
            found.append(Run(("chown", one.user, plan.workdir)))
            found.append(Setting("USER", one.user))
        return found

    @staticmethod
    def _own(container: "Container") -> "dict[str, Value]":
        return {name: late_value(value, {}) for name, value in container.env}

    def _stage_of(self, action: "Action") -> str:
        """The stage in which the targets of an action are; it and all it needs are made."""
        container = _container(action)
        root = self._roots[_key(container.definition, container.image)]
        return self._placed(container, root, self._paths[action.id])

    def _placed(self, container: "ContainerPlan", root: _Node, path: _Path) -> str:
        """The stage after some actions in a container."""
        nodes = [root]
        for action in path:
            nodes.append(nodes[-1].children[action.id])
        if nodes[-1].stage:
            return nodes[-1].stage
        first = len(path)
        while first and len(nodes[first - 1].children) == 1:
            first -= 1
        # Where nobody else goes on from, there is no stage of its own.
        if first:
            before = self._placed(container, root, path[: first - 1])
            instructions: list[Instruction] = [From(before)]
            seen = nodes[first - 1].seen
            name = self._name(path[-1].label)
        else:
            instructions = self._root(container)
            seen = frozenset()
            name = self._name(container.name)
        done = path[max(first - 1, 0) :]
        for node in nodes[first or 1 :]:
            assert node.action is not None
            more, seen = self._action(node.action, seen)
            instructions += more
            node.seen = seen
        if not first:
            root.seen = frozenset()
        nodes[-1].stage = name
        labels = ", ".join(action.label for action in done)
        words = f"the container {container.name}{': ' if labels else ''}{labels}"
        self._add(name, instructions, words, container.definition.position)
        return name

    def _action(self, action: "Action", seen: "frozenset[str]") -> "tuple[list[Instruction], frozenset[str]]":
        """What does an action in its container's stage; and what is there then."""
        container = _container(action)
        owner = container.definition.user
        found: list[Instruction] = []
        providers = self._providers(action)
        made = [target for one in providers for target in one.written]
        parts = list(chain_of(action, self._actions))
        made += [target for one in parts for target in one.written]
        files = {
            file.path: file
            for one in parts
            for file in self._files(one)
            if file.path not in seen and not any(target.matches(file.path) for target in made)
        }
        if files:
            groups = self._groups((file, f"/{file.path}") for file in files.values())
            gathered = self._gathered(groups, f"{action.label} files", action)
            found.append(Copied(("/",), f"{container.workdir}/", gathered, owner))
        news = [one for one in providers if one.id not in seen]
        for provider in news:
            found += self._taken(provider, container, owner)
        mounts, network = self._mounts(action, parts), container.definition.network
        if network not in {"", "none", "host"}:
            raise PlanError(
                f"the container `{container.name}` is in the network `{network}`, and a `RUN` can be in none of "
                "an engine's",
                container.definition.position,
                "leave `network` out, or say `none`",
            )
        if network == "none" and not self._network:
            network = ""
        script = run_script(action, self._actions, self._own(container.definition))
        found.append(Run(("sh", "-c", script), mounts, network))
        return found, seen | set(files) | {one.id for one in news}

    def _gathered(self, copies: "Sequence[Copied]", label: str, action: "Action") -> str:
        """The stage that holds what is copied from the project and nothing else.

        Args:
            copies: What is copied.
            label: What the stage is called.
            action: Who wants it.
        """
        name = ""
        for number in range(0, len(copies), MOST_COPIES):
            part: list[Instruction] = [From(name or SCRATCH), *copies[number : number + MOST_COPIES]]
            name = self._name(label)
            self._add(name, part, f"what {action.label} reads", action.position)
        return name

    def _groups(
        self, files: "Iterable[tuple[SourceFile, str]]", owner: str = "", mode: int | None = None
    ) -> list[Copied]:
        """Files of the project in as few copies as can be, each file named: a copy a folder and mode."""
        groups: dict[tuple[str, int], list[str]] = {}
        single: list[Copied] = []
        for file, place in files:
            self._copied.add(file.source)
            bits = mode if mode is not None else 0o755 if file.executable else 0o644
            folder, _, name = place.rpartition("/")
            if name == file.source.rpartition("/")[2]:
                groups.setdefault((f"{folder}/", bits), []).append(file.source)
            else:
                single.append(Copied((file.source,), place, "", owner, bits))
        many = [Copied(tuple(sources), folder, "", owner, bits) for (folder, bits), sources in groups.items()]
        return [*many, *single]

    def _taken(self, provider: "Action", container: "ContainerPlan", owner: str) -> "list[Instruction]":
        """What copies the targets of an action into a container's stage."""
        stage = self._stage_of(provider)
        theirs = _container(provider).workdir
        found: list[Instruction] = []
        loose = []
        for target in provider.written:
            if target.has_wildcard or target.text in provider.maybe:
                loose.append(target)
                continue
            path = target.literal_prefix
            to = f"{container.workdir}/{path}"
            found.append(Copied((f"{theirs}/{path}",), to, stage, owner or _root_if(provider)))
        if loose:
            lines = []
            for target in loose:
                folder = target.literal_prefix if target.has_wildcard else _above(target.literal_prefix)
                lines += match_lines(target, f"{_MADE}/{folder}".rstrip("/"))
            made = self._made(provider, [*lines, *settle_lines(_MADE)], "made")
            found.append(Copied((f"{_MADE}/",), f"{container.workdir}/", made, owner or _root_if(provider)))
        return found

    def _made(self, action: "Action", lines: "Sequence[str]", what: str, base: str = "") -> str:
        """A stage that goes on from the one in which an action is done, to put what is copied in order.

        Args:
            action: The action.
            lines: What does that.
            what: What it is for.
            base: An image or a stage that is looked at for that, or empty.
        """
        before = self._stage_of(action)
        name = self._name(f"{action.label} {what}")
        instructions: list[Instruction] = [From(before)]
        if _container(action).definition.user:
            instructions.append(Setting("USER", "0"))
        title = title_line(f"take what {action.label} has made")
        mounts = (f"type=bind,from={base},target={_BASE}",) if base else ()
        instructions.append(Run(("sh", "-c", "\n".join((title, *lines))), mounts))
        self._add(name, instructions, f"what {action.label} has made", action.position)
        return name

    def _mounts(self, action: "Action", parts: "Sequence[Action]") -> tuple[str, ...]:
        """What a `RUN` sees beside the stage."""
        container = _container(action)
        one = container.definition
        found = []
        for path in one.cache_mounts:
            target = home_path(one.user, path, one.name, one.position)
            own = f"{self._project}/" if f"{target}/".startswith(f"{container.workdir}/") else ""
            whose = f"@{one.user}" if one.user else ""
            kept = f"{own}{one.base or one.name}{whose}{target}"
            number, _, group = one.user.partition(":")
            access = (
                ""
                if not one.user
                else f",uid={number},gid={group or 0}"
                if number.isdigit()
                else ",mode=0777"
            )
            found.append(
                f"type=cache,id={_word(kept, one.position)},target={_word(target, one.position)}{access}"
            )
        for secret in {secret.name: secret for part in parts for secret in part.traits.secrets}.values():
            if secret.name == SSH:
                # Its socket would be root's alone.
                found.append("type=ssh,mode=0666" if one.user else "type=ssh")
                continue
            self._secrets.setdefault(secret.name, secret)
            target = secret_path(action, secret.to) if secret.to else f"{SECRETS}/{secret.name}"
            access = ",mode=0444" if one.user else ""
            name = _word(secret.name, secret.position)
            found.append(f"type=secret,id={name},target={_word(target, secret.position)}{access}")
        return tuple(found)

    # Images

    def _image(self, action_id: str) -> str:
        """The stage of an image, which is made with all that it needs."""
        action = self._actions[action_id]
        image = action.image
        assert image is not None
        if action_id not in self._images:
            self._images[action_id] = self._name(action.label)
        name = self._images[action_id]
        if any(stage.name == name for stage in self._stages):
            return name
        base = self._from(image.base, action)
        workdir = _workdir(image)
        copies: list[Instruction] = []
        for number, (copy, need) in enumerate(zip(image.copies, action.image_deps, strict=True), 1):
            if need:
                copies += self._of_task(copy, self._actions[need], workdir, f"{action.label} {number}", base)
            elif copy.base is not None:
                copies += self._of_image(copy, action, workdir)
            else:
                copies += self._of_project(copy, action, workdir, f"{action.label} {number}")
        config = image.config
        instructions: list[Instruction] = [From(base)]
        first = workdir == _UNKNOWN and config.workdir and _any_relative(image)
        if first:
            instructions.append(Setting("WORKDIR", config.workdir))
        instructions += copies
        if config.env:
            # All at once: what a value names is what the base has.
            instructions.append(Named("ENV", config.env))
        if config.workdir and not first:
            instructions.append(Setting("WORKDIR", config.workdir))
        instructions += [Run(("/bin/sh", "-c", script)) for script in image.run]
        self._add(name, [*instructions, *_config(config)], f"the image of {action.label}", action.position)
        return name

    def _from(self, base: BasePlan, action: "Action") -> str:
        """What an image stands on or copies from, as a Dockerfile calls it."""
        if base.kind in {OCI, ARCHIVE}:
            raise PlanError(
                f"`from: {base}` is a file of this machine, and a Dockerfile names images only",
                base.at or action.position,
                "give it to the engine or to a registry, and name it there: `from: engine:NAME`",
            )
        if base.kind == CONTAINER:
            assert base.container is not None
            return self._base(base.container, base.made_by)
        return base.path if base.kind != SCRATCH and "@" in base.path else self._plain_base(base)

    def _plain_base(self, base: BasePlan) -> str:
        if base.kind == SCRATCH:
            return SCRATCH
        # What only the engine has is pinned nowhere.
        return base.path if base.kind == "engine" else self._pinned(base.path)

    def _of_task(
        self, copy: CopyPlan, action: "Action", workdir: str, label: str, base: str
    ) -> "list[Instruction]":
        """What copies the targets of a task into an image, which begins with a base."""
        place = _container(action).workdir
        owner = f"{copy.owner[0]}:{copy.owner[1]}"
        found: list[Instruction] = []
        for target in action.written:
            path, to = target.literal_prefix, _place(copy, workdir)
            among = base != SCRATCH and to.strip("/") in _SYSTEM
            loose = target.has_wildcard or target.text in action.maybe
            if not (loose or among) and copy.mode is None:
                # What tasks make has owners of their own, which a copy would leave to them.
                found.append(Copied((f"{place}/{path}",), to, self._stage_of(action), owner))
                continue
            to = f"{to.rstrip('/')}/" if target.has_wildcard or among else to
            lines = match_lines(target, _MADE) if target.has_wildcard else [f"mkdir -p {_MADE} || exit"]
            if not target.has_wildcard:
                lines.append(_put(path, to, loose=loose))
            lines += settle_lines(_MADE)
            if loose:
                told = quoted(f"{action.label} left nothing of {target.text}")
                lines.append(f'[ -n "$(ls -A {_MADE})" ] || {{ echo {told} >&2; exit 1; }}')
            if copy.mode is not None:
                lines.append(f"find {_MADE} -type f -exec chmod {copy.mode:o} {{}} +")
            if among:
                lines += _as_in_base(to, owner)
            made = self._made(action, lines, f"for {label}", base if among else "")
            # A folder that is there already stays as it is, if it is not among what is copied.
            source = f"{_MADE}/{'' if to.endswith('/') else _name_in(to)}"
            found.append(Copied((source,), to, made, "" if among else owner))
        return found

    def _of_image(self, copy: CopyPlan, action: "Action", workdir: str) -> "list[Instruction]":
        """What copies files of another image into one."""
        assert copy.base is not None
        _check_mode(copy)
        origin = self._from(copy.base, action)
        found: list[Instruction] = []
        for source in copy.sources:
            pattern = parse_pattern(source.strip("/") or ".", copy.at)
            if pattern.has_wildcard:
                raise PlanError(
                    f"`{source}` is a pattern for files of `{copy.base}`, and a Dockerfile takes other ones",
                    copy.at,
                    "name the files or the folder",
                )
            to = _place(copy, workdir)
            # Files of an image have owners of their own, which a copy would leave to them.
            owner = f"{copy.owner[0]}:{copy.owner[1]}"
            found.append(Copied((f"/{pattern.literal_prefix}",), to, origin, owner, copy.mode))
        return found

    def _of_project(self, copy: CopyPlan, action: "Action", workdir: str, label: str) -> "list[Instruction]":
        """What copies files of the project into an image."""
        _check_mode(copy)
        files = {file.path: file for file in self._files(action)}
        places: list[tuple[SourceFile, str]] = []
        folders: list[Copied] = []
        root = f"{_folder_of(copy, workdir)}/".replace("//", "/")
        for source in copy.sources:
            pattern = parse_pattern(source, copy.at)
            matches = [path for path in files if pattern.matches(path)]
            below = None if matches == [pattern.literal_prefix] else pattern.literal_prefix
            name = source if pattern.has_wildcard else pattern.literal_prefix
            found = placed(copy, name, below, [(path, FILE) for path in matches], workdir)
            places += [(files[one.source], one.to) for one in found if one.source in files]
            if links := self._links(source):
                # A link that is named is followed, one below a folder is not.
                self._copied.update(links)
                folders.append(
                    Copied((f"{pattern.literal_prefix}/".lstrip("/") or "./",), "/", "", "", 0o755)
                )
        groups = self._groups(places, _numbers(copy), copy.mode)
        if len(groups) <= _MOST_DIRECT and not folders:
            return [_relative(one) for one in groups]
        inside = self._groups([(file, f"/{place[len(root) :]}") for file, place in places], "", copy.mode)
        gathered = self._gathered([*folders, *inside], f"{label} files", action)
        return [_relative(Copied(("/",), root, gathered, _numbers(copy)))]

    # Names

    def _name(self, label: str) -> str:
        """A name that no other stage has."""
        plain = "".join(one if one in _NAME else "-" for one in label.lower()).strip("-._")
        plain = plain if plain[:1].isascii() and plain[:1].isalpha() else f"stage-{plain}".rstrip("-")
        name, number = plain, 1
        while name in self._names:
            number += 1
            name = f"{plain}-{number}"
        self._names.add(name)
        return name

    def _add(
        self, name: str, instructions: "Sequence[Instruction]", words: str, at: "Position | None"
    ) -> None:
        self._stages.append(Stage(name, tuple(instructions), words, at))


def _container(action: "Action") -> "ContainerPlan":
    """The container that an action runs in.

    Raises:
        PlanError: It runs on the host.
    """
    if action.container is None:
        raise PlanError(
            f"`{action.label}` runs in no container, and a Dockerfile has no stage for it",
            action.position,
            "say `container: NAME` at the image task, for all that it copies, or give `--in NAME`",
        )
    return action.container


def _key(container: "Container", made_by: str = "") -> object:
    """What tells containers apart; where one stands in a file does not."""
    return (container.plain()[:-1], made_by)


def _platform(container: "Container") -> str:
    return container.platform if "/" in container.platform else ""


def _set_up(container: "Container") -> "list[Run]":
    """What makes the image of a container out of the one that it begins with."""
    title = title_line(f"set up {container.name}")
    return [Run(("sh", "-c", f"{title}\ncd / || exit\n{script}")) for script in container.setup]


def _root_if(provider: "Action") -> str:
    """The owner of what an action has made, where that would not be root by itself."""
    return "0:0" if _container(provider).definition.user else ""


def _as_in_base(to: str, owner: str) -> list[str]:
    """Shell text that lets folders among what is to be copied be as those that are there already in a base.

    Args:
        to: Where it is to be copied, with a `/` at the end.
        owner: Whose all else is to be.
    """
    there = path_word(f"{_BASE}{to}".rstrip("/"))
    return [
        f"chown -R {owner} {_MADE} || exit",
        f"cd {_MADE} && find . -type d | while IFS= read -r folder; do",
        f'  there={there}/"$folder"',
        '  [ -d "$there" ] && [ ! -L "$there" ] || continue',
        '  chmod "$(stat -c %a "$there")" "$folder" && chown "$(stat -c %u:%g "$there")" "$folder" || exit',
        "done || exit",
    ]


def _put(path: str, to: str, *, loose: bool) -> str:
    """Shell text that puts what is at a path where it is copied from: under its name, or that of `to`.

    Args:
        path: A file or a folder, relative to the working folder.
        to: Where it is to be copied, with a `/` at the end where it keeps its name.
        loose: Whether it need not be there.
    """
    word = path_word(path)
    if to.endswith("/"):
        # Of a folder its contents.
        text = f"if [ -d {word} ]; then cp -RHp {word}/. {_MADE}; else cp -RHp {word} {_MADE}; fi"
    else:
        text = f"cp -RHp {word} {path_word(f'{_MADE}/{_name_in(to)}')}"
    return f"[ ! -e {word} ] || {{ {text}; }} || exit" if loose else f"{{ {text}; }} || exit"


def _name_in(path: str) -> str:
    return path.rpartition("/")[2]


def _above(path: str) -> str:
    return path.rpartition("/")[0]


def _check_mode(copy: CopyPlan) -> None:
    """Refuse what an engine would leave out without a word.

    Raises:
        PlanError: The mode has more than permission bits.
    """
    if copy.mode is not None and copy.mode > _PERMISSIONS:
        raise PlanError(
            f"`mode: {copy.mode:04o}` is more than a COPY of a Dockerfile gives: engines take it for "
            f"{copy.mode & _PERMISSIONS:04o}",
            copy.at,
            "let a task make the file, and copy that; or build it with `--builder layers`",
        )


def _numbers(copy: CopyPlan) -> str:
    return "" if copy.owner == (0, 0) else f"{copy.owner[0]}:{copy.owner[1]}"


def _word(text: str, at: "Position") -> str:
    """A text as a value of a mount.

    Raises:
        PlanError: It would be more than that.
    """
    if not text or not _PLAIN.issuperset(text):
        raise PlanError(
            f"`{text}` can't be written into a mount of a Dockerfile", at, "plain letters and digits"
        )
    return text


def _workdir(image: ImagePlan) -> str:
    """The working folder of an image, as far as it is known without a look at its base."""
    written = image.config.workdir
    if written.startswith("/"):
        return written
    if image.base.kind != SCRATCH:
        return _UNKNOWN
    return f"/{written}" if written else ""


def _any_relative(image: ImagePlan) -> bool:
    return any(not copy.to.startswith("/") for copy in image.copies)


def _place(copy: CopyPlan, workdir: str) -> str:
    """Where a copy goes, with a `/` at the end where its files keep their names."""
    where = _folder_of(copy, workdir)
    keeps = copy.to.rpartition("/")[2] in {"", ".", ".."} and where != "/"
    return _without_workdir(f"{where}/" if keeps else where)


def _folder_of(copy: CopyPlan, workdir: str) -> str:
    """The path that a copy names, absolute.

    Raises:
        PlanError: It is relative, and there is no working folder; or it leads above the root.
    """
    return destination(copy.to, workdir, "", "", copy.at)


def _without_workdir(path: str) -> str:
    """A path relative to the working folder of the base, where that is what it is beneath."""
    if path.startswith(f"{_UNKNOWN}/"):
        return path[len(_UNKNOWN) + 1 :] or "./"
    return "." if path == _UNKNOWN else path


def _relative(copied: Copied) -> Copied:
    return Copied(copied.sources, _without_workdir(copied.to), copied.origin, copied.owner, copied.mode)


def _config(config: ConfigPlan) -> "list[Instruction]":
    """What a container starts with, beside its variables and its working folder."""
    found: list[Instruction] = []
    if config.labels:
        found.append(Named("LABEL", config.labels))
    if config.user:
        found.append(Setting("USER", config.user))
    if config.expose:
        found.append(Ports(config.expose))
    if config.volumes:
        found.append(Words("VOLUME", config.volumes))
    if config.stop_signal:
        found.append(Setting("STOPSIGNAL", config.stop_signal))
    if config.healthcheck is not None:
        found.append(Health(config.healthcheck))
    if config.entrypoint is not None:
        found.append(Words("ENTRYPOINT", config.entrypoint))
    if config.cmd is not None:
        found.append(Words("CMD", config.cmd))
    return found
