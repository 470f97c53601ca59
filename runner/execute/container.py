"""Actions done in containers: each definition has one warm container a run, and actions share it.

Two ways to let a container see files: the project's folder itself, or copies of what an action declares, in a
container that no other action has. Knows which container an action gets and what is to be in it; how commands are
given to it is `warm`'s to know, and what a container engine is `runner.engine`'s.
"""

import os
from contextlib import suppress
from threading import Condition

from runner.errors import EngineError, RunError
from runner.events import CommandStarted, Noticed
from runner.execute.container_facts import AGENT, CERTIFICATES, in_home
from runner.execute.container_launcher import ContainerLauncher, ContainerSurroundings
from runner.execute.copies import put_certificates
from runner.execute.outcome import Outcome
from runner.execute.surroundings import Surroundings
from runner.execute.warm import KILLS, Job, Warm, kills_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.engine.containers import ContainerEngine, Spec
    from runner.events import Event, Reporter
    from runner.execute.container_facts import ContainerFacts, User
    from runner.execute.copies import Copies
    from runner.execute.host import HostRun
    from runner.execute.places import Places
    from runner.plan.action import Action, Plan
    from runner.plan.container_plan import ContainerPlan
    from runner.plan.file_state import FileState

_PATIENCE = 60.0
"""Seconds that a container may take to be ready for commands, once it was started."""
_FAREWELL = 5.0
"""Seconds that a container may take to be made, when the run ends meanwhile."""
_KILL = 9


class Containers:
    """The containers of a run, as `runner.execute.places.Places` describes places.

    Args:
        plan: The plan.
        facts: What is known of containers.
        inner: The places of what runs on the host, or None for simply the project.
        files: Brings files into containers and back.
        reporter: Who is told.
        run: What this run is known by, see `runner.system.this_run`.
        dead: Whether a run that is known by a text has ended.
    """

    def __init__(
        self,
        plan: "Plan",
        facts: "ContainerFacts",
        inner: "Places | None",
        *,
        files: "Copies",
        reporter: "Reporter",
        run: str,
        dead: "Callable[[str], bool]",
    ) -> None:
        self.facts = facts
        self._actions = {action.id: action for action in plan.actions}
        self._inner = inner
        self._files = files
        self._reporter = reporter
        self._run = run
        self._dead = dead
        self._jobs: dict[str, Job] = {}
        self._launchers: dict[str, ContainerLauncher] = {}
        self._sources: dict[str, Sequence[FileState]] = {}
        self._made: list[str] = []
        self._closed = False
        self._making = Condition()
        self._under_way = 0
        self._swept = False
        self._token = ""
        # What talks to each other needs a network of its own; what does not, does not pay for one.
        serving = any(one.persistent and one.container is not None for one in plan.actions)
        self._network = f"pyrun-{run.partition(':')[2].replace(':', '-')}" if serving else ""
        self._network_job: Job | None = None

    @property
    def inner(self) -> "Places | None":
        """The places of what runs on the host."""
        return self._inner

    def copies(self, action: "Action") -> bool:
        """Whether an action's container sees copies of what is declared, and not the project.

        What is done for another platform must not write into the project.
        """
        return bool(action.platform) or self.facts.copies

    # Places

    def enter(self, action: "Action", around: Surroundings, sources: "Sequence[FileState]") -> Surroundings:
        """What the commands of an action have in common where they run."""
        tokens = {
            text: str(port) for text, server, inner in action.addresses if (port := self._port(server, inner))
        }
        if isinstance(around, ContainerSurroundings):
            # What calls it runs in a container; it has its own place.
            around = around.outer
        if action.container is None:
            if self._inner is not None:
                around = self._inner.enter(action, around, sources)
            if tokens or around.tokens:
                around = _with_tokens(around, tokens)
            return around
        host = around.work
        launcher = ContainerLauncher(self, action, lambda: host.environ(action, action.traits.namespace))
        self._launchers[action.id] = launcher
        self._sources[action.id] = sources
        workdir = "" if action.as_it_comes else action.container.workdir
        inside = ContainerSurroundings(around, launcher, workdir)
        inside.tokens = tokens
        return inside

    def _port(self, server: str, inner: int) -> int:
        launcher = self._launchers.get(server)
        return launcher.warm.ports.get(inner, 0) if launcher is not None else 0

    def attach(self, run: "HostRun") -> None:
        """The action's steps are about to begin in its place."""
        if run.action.container is not None:
            self._launchers[run.action.id].run = run
        elif self._inner is not None:
            self._inner.attach(run)

    def leave(self, run: "HostRun", outcome: Outcome) -> Outcome:
        """The steps have ended; what came of it, once what they made is where it belongs."""
        action = run.action
        if action.container is None:
            return outcome if self._inner is None else self._inner.leave(run, outcome)
        launcher = self._launchers[action.id]
        if not launcher.up:
            return outcome
        warm = launcher.warm
        try:
            if self.copies(action) and not action.persistent:
                if not outcome.failed:
                    return self._files.take_out(warm, action) or outcome
                if not (run.halted or run.expired or isinstance(outcome.error, EngineError)):
                    return self._files.proposed(action, outcome, launcher.tail)
        except EngineError as error:
            error.at = error.at or action.position
            return Outcome(error.status, action.label, "", error)
        finally:
            if self._alone(action) and not action.persistent:
                self._jobs.pop(self._key(action), None)
                warm.close()
        return outcome

    def returned(self, caller: "HostRun") -> None:
        """Something that an action has called is done: what it made is to be seen from now on."""
        action = caller.action
        if action.container is None:
            if self._inner is not None:
                self._inner.returned(caller)
            return
        launcher = self._launchers[action.id]
        if self.copies(action) and launcher.up:
            self._files.put_new(launcher.warm, action, ())

    def told(self) -> "Sequence[Event]":
        """What was found out about the actions on the host."""
        return () if self._inner is None else self._inner.told()

    @property
    def lasting(self) -> bool:
        """Whether a server goes on when other places follow these."""
        return self._inner is None or self._inner.lasting

    def follow(self, before: "Places") -> None:
        """Take over the containers that are ready, and what is made for them."""
        if not isinstance(before, Containers):
            return
        if self._inner is not None and before.inner is not None:
            self._inner.follow(before.inner)
        given = before.give()
        self._jobs, self._made, self._launchers, network, self._network_job, self._token, self._swept = given
        self._network = network or self._network
        for launcher in self._launchers.values():
            launcher.serve_in(self)

    def give(
        self,
    ) -> "tuple[dict[str, Job], list[str], dict[str, ContainerLauncher], str, Job | None, str, bool]":
        """All that is ready, and what is known of it; nothing of it is left here to be closed."""
        found = (
            self._jobs, self._made, self._launchers, self._network, self._network_job, self._token, self._swept,
        )  # fmt: skip
        self._jobs, self._made, self._launchers, self._network_job = {}, [], {}, None
        return found

    def close(self) -> None:
        """Nothing more comes: end what runs in containers, and remove what nobody needs any more."""
        if self._inner is not None:
            self._inner.close()
        with self._making:
            self._closed = True
            self._making.wait_for(lambda: not self._under_way, _FAREWELL)
        jobs, self._jobs = list(self._jobs.values()), {}
        ready, ended = set(), set()
        for job in jobs:
            if job.done and isinstance(job.result, Warm):
                ready.add(job.result.id)
                # With the connection its first process ends, and the engine removes the container at once. Nobody
                # needs to wait for that where nothing runs in it.
                stays = job.result.keep and not job.result.dead
                if stays or (job.result.idle and not self._network):
                    ended.add(job.result.id)
                job.result.close()
        try:
            self._remove([one for one in self._made if one not in ended], ready)
        except EngineError as error:
            self._reporter.tell(Noticed(f"{error.message}, so what it has left is removed by the next run"))

    def _remove(self, made: "Sequence[str]", ready: "set[str]") -> None:
        if not made and self._network_job is None:
            return
        engine = self.facts.sdk
        for container in reversed(made):
            if self._network or container not in ready:
                # One that is not ready yet may not have begun either; who gets it ready stops then.
                engine.remove(container)
            else:
                # The engine removes it as soon as its first process has ended.
                engine.signal(container, _KILL)
        if self._network_job is not None:
            self._network_job.join(_FAREWELL)
            engine.remove_network(self._network)

    # Which container an action gets

    def _alone(self, action: "Action") -> bool:
        assert action.container is not None
        return action.container.alone or self.copies(action)

    def _key(self, action: "Action") -> str:
        plan = action.container
        assert plan is not None
        # Where it stands in a file counts for nothing: an image may be named in many places.
        whose = (action.id, action.server) if self._alone(action) else ()
        return repr((plan.definition.plain()[:-1], plan.env if self._alone(action) else (), whose))

    def job(self, action: "Action") -> Job:
        """What makes the container of an action ready, or has done so."""
        key = self._key(action)
        known = self._jobs.get(key)
        if known is None or (known.done and isinstance(known.result, Warm) and known.result.dead):
            # What only this thread may ask, it asks before the other one begins.
            engine = self.facts.sdk
            copies = self.copies(action)
            if not self._token and not copies:
                self._token = self._files.token()
            if self._network and self._network_job is None:
                self._network_job = Job(
                    lambda _: engine.make_network(self._network, {"pyrun.run": self._run})
                )
            states = self._files.states(action, self._sources.get(action.id, ())) if copies else ()
            known = self._jobs[key] = Job(lambda job: self._ready(engine, action, states, job))
        return known

    def lost(self, action: "Action") -> None:
        """The container of an action is of no use any more."""
        self._jobs.pop(self._key(action), None)

    def unseen(self, action: "Action", job: Job) -> bool:
        """Whether a container could not be made since the engine does not see the project, and gets copies now."""
        from runner.engine.containers import UnseenError  # noqa: PLC0415 - it is loaded by now

        if (
            not isinstance(job.error, UnseenError)
            or action.container is None
            or action.container.definition.mounts
        ):
            return False
        if not self.facts.copies:
            self.facts.copy_only()
            self._reporter.tell(
                Noticed("the engine does not see this folder, so tasks get copies of what they declare")
            )
        self._jobs.pop(self._key(action), None)
        return True

    # In the thread that makes a container

    def _ready(
        self, engine: "ContainerEngine", action: "Action", states: "Sequence[FileState]", job: Job
    ) -> Warm:
        """Make a container ready.

        Raises:
            EngineError: The engine does not do it.
            RunError: It can't be as its definition says.
        """
        plan = action.container
        assert plan is not None
        self._sweep(engine)
        from runner.execute.make_image import make_image  # noqa: PLC0415 - for containers only

        image = make_image(
            engine, self.facts, plan, self._labels(plan), job, self._tell_output,
            lambda spec: self._create(engine, spec),
        )  # fmt: skip
        user = self.facts.user(plan, lambda: self._passwd(engine, image))
        if action.server is not None and action.server.ports and not self.facts.near:
            raise RunError(
                f"the ports of `{action.label}` are published on the engine's machine, which is not this one",
                action.position,
                "servers need an engine of this machine: `--engine docker`",
            )
        if self._network_job is not None:
            self._network_job.join(_PATIENCE)
            if self._network_job.error is not None:
                raise self._network_job.error
        if action.as_it_comes:
            return self._as_it_comes(engine, action, plan, image, user)
        # What is on the run's own network ends with it.
        stays = not self._alone(action) and not (self._network and not plan.definition.network)
        keep = plan.definition.keep // 1000 if stays and not self.facts.apart else 0
        spec = self._spec(action, plan, image, user, keep)
        if keep and (kept := engine.kept(dict(spec.labels)["pyrun.key"])) is not None:
            found = self._again(engine, kept, plan, user)
            if found is not None:
                return found
        return self._fresh(engine, action, plan, spec, user, states)

    def _tell_output(self, job: Job, plan: "ContainerPlan", shown: str, data: bytes) -> None:
        """Tell a command that makes an image, or what it writes."""
        label = f"container {plan.name}"
        if shown:
            job.tell(lambda: self._reporter.tell(CommandStarted(label, shown)))
        if data:
            job.tell(lambda: self._reporter.output(label, 2, data))

    def _labels(self, plan: "ContainerPlan") -> dict[str, str]:
        return {"pyrun.run": self._run, "pyrun.project": self.facts.top, "pyrun.what": plan.name}

    def _spec(self, action: "Action", plan: "ContainerPlan", image: str, user: "User", keep: int) -> "Spec":
        """What an action's container is to be made of."""
        from runner.digest import canonical, digest_of  # noqa: PLC0415 - for containers only
        from runner.engine.containers import Bind, Spec  # noqa: PLC0415
        from runner.engine.shells import first_process  # noqa: PLC0415

        facts, one, copies = self.facts, plan.definition, self.copies(action)
        binds = []
        if not copies:
            binds.append(Bind(facts.top, plan.workdir, False))
            for number, path in enumerate(facts.certificates()):
                binds.append(Bind(os.path.realpath(path), f"{CERTIFICATES}/{number}.pem", True))
        for mount in one.mounts:
            if copies:
                raise RunError(
                    f"the container `{plan.name}` has `mounts`, and its tasks get copies of what they declare",
                    mount.position,
                    "declare what they read under `source`; what must last is a cache mount",
                )
            binds.append(
                Bind(self._mounted(mount.source, one.folder), in_home(mount.target, user), mount.readonly)
            )
        agent = facts.variables(action, action.traits.namespace).get("SSH_AUTH_SOCK") == AGENT
        if agent:
            binds.append(Bind(self._agent(action), AGENT, False))
        volumes = facts.volumes(plan, user)
        home, *caches = volumes
        if copies or any(secret.to.startswith(("/", "~")) for secret in action.traits.secrets):
            # There each action has a HOME of its own; and what is secret must not be in one that others have.
            volumes = caches
        token = None if copies else (f"{plan.workdir}/.pyrun/seen", self._token)
        script = first_process(
            home=home[1], user=user.number, group=user.group, owned=[where for _, where in caches],
            token=token, keep=keep,
        )  # fmt: skip
        server = action.server if action.persistent else None
        ports = tuple(zip(server.ports, server.outer, strict=True)) if server is not None else ()
        aliases = (server.hostname,) if server is not None and server.hostname else ()
        network = one.network or self._network
        made_of = (
            image, script, tuple(bind.plain() for bind in binds), tuple(volumes), network, one.platform,
            one.memory, one.cpus, one.init, tuple(facts.certificates()),
        )  # fmt: skip
        labels = {**self._labels(plan), "pyrun.key": digest_of(canonical(made_of)).hex[:32]}
        if keep:
            labels["pyrun.keep"] = str(keep)
        return Spec(
            image, ("sh", "-c", script), (), "0", "/", tuple(binds), tuple(volumes), tuple(labels.items()),
            network, aliases if network == self._network else (), ports, one.platform, one.memory, one.cpus,
            one.init, tuple(labels.items()), True, not keep,
        )  # fmt: skip

    def _mounted(self, source: str, folder: str) -> str:
        """A path of this machine that a container is to see, absolute."""
        if source == "~" or source.startswith("~/"):
            source = os.path.expanduser(source)
        return os.path.normpath(os.path.join(self.facts.top, folder, source))

    def _agent(self, action: "Action") -> str:
        path = self.facts.agent()
        copies = self.copies(action)
        if copies or not path:
            raise RunError(
                f"`{action.label}` needs the agent of ssh, which "
                f"{'a container that gets copies does not reach' if copies else 'does not run here'}",
                action.position,
                "use an engine of this machine, without `--sandbox`"
                if copies
                else "start one: `eval $(ssh-agent)`, and `ssh-add`",
            )
        return path

    def _fresh(
        self,
        engine: "ContainerEngine",
        action: "Action",
        plan: "ContainerPlan",
        spec: "Spec",
        user: "User",
        states: "Sequence[FileState]",
    ) -> Warm:
        from runner.engine.containers import UnseenError  # noqa: PLC0415 - for containers only
        from runner.engine.shells import READY, UNSEEN, Control  # noqa: PLC0415

        try:
            container = self._create(engine, spec)
        except UnseenError as error:
            for mount in plan.definition.mounts:
                if self._mounted(mount.source, plan.definition.folder) in error.message:
                    raise EngineError(
                        f"the container `{plan.name}` mounts `{mount.source}`, which the engine's machine does "
                        "not have",
                        mount.position,
                        "make it first; a folder that is to be kept between runs is a cache mount",
                    ) from None
            raise
        copies = self.copies(action)
        if copies:
            put_certificates(engine, container, self.facts.certificates(), CERTIFICATES)
            self._files.put_tree(engine, container, action, user, states)
        self._files.put_secrets(
            engine,
            container,
            action,
            user,
            lambda to: self.facts.secret_path(plan, to, user),
            copies=copies,
        )
        connection = engine.attach(container, stdin=True)
        engine.start(container)
        lines = []
        for line in _lines(connection):
            lines.append(line)
            if line in {READY, UNSEEN}:
                break
        if UNSEEN in lines:
            raise UnseenError(f"the engine at {engine.shown} sees another folder of this name")
        if READY not in lines:
            told = b" ".join(lines).decode("utf-8", "replace").strip()
            raise EngineError(
                f"the container `{plan.name}` did not get ready{f': {told}' if told else ''}",
                plan.definition.position,
            )
        ports = engine.ports(container) if spec.ports else {}
        self.facts.forget()
        if not spec.once:
            connection.close()
            warm = self._again(engine, container, plan, user)
            if warm is None:
                raise EngineError(f"the container `{plan.name}` ended at once", plan.definition.position)
            return warm
        base = {**dict(self._image_env(plan)), "HOME": user.home}
        return Warm(engine, container, Control(connection), user, base, keep=False, ports=ports)

    def _image_env(self, plan: "ContainerPlan") -> "tuple[tuple[str, str], ...]":
        base = self.facts.base(plan)
        return base.env if base is not None else ()

    def _again(
        self, engine: "ContainerEngine", container: str, plan: "ContainerPlan", user: "User"
    ) -> Warm | None:
        """A container that is kept warm, for this run and others; None if it is just ending."""
        from runner.engine.shells import READY, Control, control_words  # noqa: PLC0415 - for containers only

        run = os.urandom(4).hex()
        try:
            _, connection = engine.execute(container, control_words(run), user="0", env={})
        except EngineError:
            return None
        control = Control(connection)
        control.tell(f"{KILLS}; echo ready")
        told = list(_until(_lines(control.connection), READY))
        if READY not in told:
            control.close()
            return None
        kills = kills_in(b" ".join(told).decode("utf-8", "replace"))
        base = {**dict(self._image_env(plan)), "HOME": user.home}
        return Warm(engine, container, control, user, base, keep=True, run=run, kills=kills)

    def _as_it_comes(
        self, engine: "ContainerEngine", action: "Action", plan: "ContainerPlan", image: str, user: "User"
    ) -> Warm:
        """A server that is what its image starts: its user, its words, and nothing of the project."""
        from runner.engine.containers import Bind, Spec  # noqa: PLC0415 - for containers only

        one, server = plan.definition, action.server
        environ = self.facts.variables(action, action.traits.namespace)
        image_env = dict(self._image_env(plan))
        own = tuple(
            (name, value)
            for name, value in environ.items()
            if image_env.get(name) != value and name not in {"HOME", "PYRUN_CONTAINER"}
        )
        secret = {secret.variable for secret in action.traits.secrets}
        if secret:
            raise RunError(
                f"`{action.label}` is what its image starts, and the engine would show its secrets to everybody",
                action.position,
                "give it a `run` that starts it: its commands get them",
            )
        ports = tuple(zip(server.ports, server.outer, strict=True)) if server is not None else ()
        aliases = (server.hostname,) if server is not None and server.hostname else ()
        binds = tuple(
            Bind(self._mounted(mount.source, one.folder), mount.target, mount.readonly)
            for mount in one.mounts
        )
        labels = tuple(self._labels(plan).items())
        network = one.network or self._network
        spec = Spec(
            image, (), own, one.user, "", binds, (), labels, network, aliases if network == self._network else (),
            ports, one.platform, one.memory, one.cpus, one.init, labels, False, False,
        )  # fmt: skip
        container = self._create(engine, spec)
        connection = engine.attach(container, stdin=False)
        engine.start(container)
        found = engine.ports(container) if ports else {}
        return Warm(engine, container, None, user, image_env, keep=False, streams=connection, ports=found)

    def _create(self, engine: "ContainerEngine", spec: "Spec") -> str:
        with self._making:
            if self._closed:
                raise EngineError("the run has ended")
            self._under_way += 1
        try:
            container = engine.create(spec)
            self._made.append(container)
        finally:
            with self._making:
                self._under_way -= 1
                self._making.notify_all()
        return container

    def _passwd(self, engine: "ContainerEngine", image: str) -> tuple[bytes, bytes]:
        """An image's files of users and groups."""
        from runner.engine.containers import Spec  # noqa: PLC0415 - for containers only

        labels = (("pyrun.run", self._run),)
        spec = Spec(
            image, ("sh",), (), "", "", (), (), (), "none", (), (), "", 0, 0, False, labels, False, False
        )
        container = self._create(engine, spec)
        try:
            return engine.file(container, "/etc/passwd"), engine.file(container, "/etc/group")
        finally:
            engine.remove(container)

    def _sweep(self, engine: "ContainerEngine") -> None:
        """Remove what killed runs have left, once."""
        if self._swept:
            return
        self._swept = True
        for container, labels, state in engine.labelled():
            run = labels.get("pyrun.run", "")
            stays = state == "running" and "pyrun.keep" in labels
            if run != self._run and not stays and self._dead(run):
                with suppress(EngineError):
                    engine.remove(container)
        for network, labels in engine.networks():
            if self._dead(labels.get("pyrun.run", "")):
                engine.remove_network(network)


def _with_tokens(around: Surroundings, tokens: "Mapping[str, str]") -> Surroundings:
    """The same surroundings with other ports in them."""
    import copy  # noqa: PLC0415 - for what talks to servers in containers only

    found = copy.copy(around)
    found.tokens = tokens
    return found


def _lines(connection: "object") -> "Sequence[bytes]":
    """The lines that come from a container's first process, until it is silent for too long."""
    from time import monotonic  # noqa: PLC0415 - for containers only

    from runner.engine.shells import Frames  # noqa: PLC0415

    end = monotonic() + _PATIENCE
    return Frames(connection).lines(lambda: end - monotonic())  # type: ignore[arg-type,return-value]


def _until(lines: "Sequence[bytes]", last: bytes) -> "list[bytes]":
    found = []
    for line in lines:
        found.append(line)
        if line == last:
            break
    return found
