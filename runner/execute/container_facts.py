"""What is known of containers before one is started: images, variables, users, what is kept between runs.

The judge asks for an action's key, the executor for what a container is to be made of. Asks an engine as little as
can be, and not at all before somebody needs to know.
"""

import _thread
import os

from runner.digest import canonical, digest_of
from runner.errors import EngineError, RunError
from runner.model.path import beneath, resolved
from runner.plan.container_plan import filled
from runner.plan.file_state import CONTAINER, HERMETIC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from runner.engine.containers import ContainerEngine
    from runner.engine.docker import Engine
    from runner.engine.image_facts import ImageFacts
    from runner.execute.build_context import BuildContext
    from runner.execute.ports import Pins
    from runner.model.container import Container
    from runner.plan.action import Action
    from runner.plan.action_key import Pieces
    from runner.plan.container_plan import ContainerPlan
    from runner.plan.container_plan import Value as Variable

AGENT = "/.pyrun/agent"
"""Where the agent of ssh is found in a container."""
CERTIFICATES = "/.pyrun/certificates"
"""The folder of the caller's certificates in a container."""
SETUP, BUILT = "pyrun/setup", "pyrun/container"
"""What the images are called that a `setup` and a container's Dockerfile make."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What engines set where an image does not."""
_HOME = "/home/pyrun"
"""The HOME of those who have none."""
_PROXY = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
_CERTIFICATE_FILES = (
    "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO", "AWS_CA_BUNDLE",
)  # fmt: skip
"""Variables that lead to a file of certificates."""


class User:
    """Who commands run as.

    Args:
        number: The user's number.
        group: The group's.
        home: The HOME of the commands.
    """

    __slots__ = ("group", "home", "number")

    def __init__(self, number: int, group: int, home: str) -> None:
        self.number = number
        self.group = group
        self.home = home

    def __str__(self) -> str:
        return f"{self.number}:{self.group}"


class ContainerFacts:
    """What is known of the containers of a project.

    Args:
        open_engine: Gives the engine, and fails where none answers.
        top: The project's top folder, absolute.
        cache: The folder of this user's caches; None if the user has no home.
        caller: The caller's variables.
        environ_of: The variables of an action's commands on the host, its secrets among them.
        tell: Told what takes long.
        reference_of: The reference of the image that an action makes, by its id.
        pins: Gives what the names of images stand for.
        inert: Whether nothing may be changed: then no image is got from anywhere.
    """

    def __init__(
        self,
        open_engine: "Callable[[], Engine]",
        top: str,
        cache: str | None,
        caller: "Mapping[str, str]",
        environ_of: "Callable[[Action, str], Mapping[str, str]]",
        tell: "Callable[[str], None]",
        reference_of: "Callable[[str], str]",
        pins: "Callable[[], Pins]",
        *,
        inert: bool,
    ) -> None:
        self.top = top
        self._copies: bool | None = None
        self.apart = False
        self._open_engine = open_engine
        self._cache = cache
        self._caller = caller
        self._environ_of = environ_of
        self._tell = tell
        self._reference_of = reference_of
        self._pins = pins
        self._inert = inert
        self._engine: Engine | None = None
        self._lacking: bool | None = None
        self._failed: EngineError | None = None
        self._sdk: ContainerEngine | None = None
        self._images: dict[tuple[str, str], ImageFacts | None] = {}
        self._users: dict[tuple[str, str, str], User] = {}
        self._volumes: dict[str, str] = {}
        self._info: dict[str, object] | None = None
        self._built: dict[str, str] = {}
        # `threading` would cost a start that only looks more than its question.
        self._lock = _thread.allocate_lock()

    # The engine

    @property
    def engine(self) -> "Engine":
        """The engine.

        Raises:
            EngineError: None answers.
        """
        if self._failed is not None:
            # Looking for one takes a second, and it will not be there a moment later.
            raise self._failed
        if self._engine is None:
            try:
                self._engine = self._open_engine()
            except EngineError as error:
                self._failed = error
                raise
        return self._engine

    @property
    def lacking(self) -> bool:
        """Whether no engine answers where one can do without: where nothing may be changed."""
        if self._lacking is None:
            self._lacking = False
            try:
                if self._inert and self._engine is None:
                    self._engine = self._open_engine()
            except EngineError as error:
                self._lacking = True
                self._tell(f"{error.message}, so tasks in containers are taken to have changed")
        return self._lacking

    @property
    def copies(self) -> bool:
        """Whether containers see copies of what is declared, and not the project's folder."""
        if self._copies is None:
            self._copies = not self.lacking and not self.engine.local
        return self._copies

    def copy_only(self) -> None:
        """From now on containers see copies."""
        self._copies = True

    def stay_apart(self) -> None:
        """From now on containers see copies, and what they keep between runs is kept for this project alone.

        `remove_caches` removes it.
        """
        self._copies = True
        self.apart = True

    def remove_caches(self, plans: "Sequence[ContainerPlan]") -> None:
        """Remove what was kept between runs for this project alone.

        Raises:
            EngineError: The engine does not answer.
        """
        for name in {name for plan in plans for name in self._volume_names(plan)}:
            self.sdk.remove_volume(name)

    @property
    def made_in(self) -> str:
        """How results are made in containers."""
        return HERMETIC if self.copies else CONTAINER

    def _ask(self, question: "Callable[[Engine], dict[str, Any] | None]") -> "dict[str, Any] | None":
        """The answer of the engine to a question; two threads may ask."""
        engine = self.engine
        with self._lock:
            return question(engine)

    @property
    def sdk(self) -> "ContainerEngine":
        """The engine as the SDK has it.

        Raises:
            EngineError: It does not answer.
        """
        if self._sdk is None:
            engine = self.engine
            from runner.engine.containers import ContainerEngine  # noqa: PLC0415 - the SDK takes long to load

            self._sdk = ContainerEngine(engine.url, engine.shown)
        return self._sdk

    @property
    def info(self) -> "Mapping[str, object]":
        """What the engine says of itself."""
        if self._info is None:
            self._info = dict(self._ask(lambda engine: engine.info()) or {})
        return self._info

    @property
    def rootless(self) -> bool:
        """Whether the engine runs as this user, who is root in its containers."""
        options = self.info.get("SecurityOptions")
        return isinstance(options, list) and any("rootless" in str(option) for option in options)

    def agent(self) -> str:
        """The socket of the caller's agent of ssh; empty if there is none."""
        path = self._caller.get("SSH_AUTH_SOCK", "")
        return path if path and os.path.exists(path) else ""

    def look_again(self, plan: "ContainerPlan") -> None:
        """The image that a container begins with was just made."""
        self._images.pop((self.base_reference(plan), plan.definition.platform), None)

    @property
    def near(self) -> bool:
        """Whether the ports that the engine publishes on its own machine are this one's."""
        kind, _, rest = self.engine.shown.partition("://")
        host = rest.rpartition(":")[0].strip("[]")
        return kind == "unix" or (kind == "tcp" and (host in {"localhost", "::1"} or host.startswith("127.")))

    def forget(self) -> None:
        """Take nothing for granted that a container that was started may have changed."""
        self._volumes.clear()

    # Images

    def base(self, plan: "ContainerPlan") -> "ImageFacts | None":
        """The image that a container begins with; None if it is still to be made or got.

        Raises:
            EngineError: The engine does not answer, or the image can't be got.
        """
        reference = self.base_reference(plan)
        key = (reference, plan.definition.platform)
        known = self._images.get(key)
        if known is None:
            known = self._images[key] = self._look(plan, reference)
        return known

    def base_reference(self, plan: "ContainerPlan") -> str:
        """What the engine calls the image that a container begins with."""
        one = plan.definition
        if plan.image:
            return self._reference_of(plan.image)
        return f"{BUILT}:{self.recipe(plan)}" if one.dockerfile else one.base

    def _look(self, plan: "ContainerPlan", reference: str) -> "ImageFacts | None":
        from runner.engine.image_facts import image_facts  # noqa: PLC0415 - for containers only

        if self.lacking:
            return None
        named = plan.definition.base
        found = self._pinned(plan) if named else self._ask(lambda engine: engine.image(reference))
        return None if found is None else image_facts(found)

    def _pinned(self, plan: "ContainerPlan") -> "dict[str, Any] | None":
        """What the engine says of the image that a container's name stands for."""
        from runner.execute.pinned_image import PinnedImages  # noqa: PLC0415 - for containers only

        images = PinnedImages(
            self._pins(),
            lambda name: self._ask(lambda engine: engine.image(name)),
            lambda name, platform: self.sdk.pull(name, platform, lambda _: None),
            self.engine.tag,
            self._tell,
            inert=self._inert,
        )
        return images.find(plan.definition)

    def reference(self, plan: "ContainerPlan") -> str:
        """What the engine calls the image that commands run in."""
        if not plan.definition.setup:
            return self.base_reference(plan)
        base = self.base(plan)
        text = canonical((base.identity if base is not None else "", plan.definition.setup))
        return f"{SETUP}:{digest_of(text).hex[:32]}"

    def recipe(self, plan: "ContainerPlan") -> str:
        """What a container's Dockerfile makes its image of, as hexadecimal digits.

        Raises:
            RunError: A file can't be read.
        """
        name = plan.name
        if name not in self._built:
            one = plan.definition
            self._built[name] = self.context(one).digest(one.stage, one.platform)[:32]
        return self._built[name]

    def context(self, one: "Container") -> "BuildContext":
        """What a container's Dockerfile makes its image of.

        Raises:
            PlanError: A file is not there.
        """
        from runner.execute.build_context import read_context  # noqa: PLC0415 - few containers have one
        from runner.system.tree import DiskTree  # noqa: PLC0415

        dockerfile = resolved(beneath(one.folder, one.dockerfile))
        folder = dockerfile.rpartition("/")[0]
        if one.context:
            folder = resolved(beneath(one.folder, one.context))
        return read_context(DiskTree(self.top), dockerfile, folder, one.stage, {}, {}, one.position)

    # Keys

    def pieces(self, action: "Action") -> "Pieces":
        """What of an action's container is part of its key beside what its plan says.

        Raises:
            EngineError: The engine does not answer, or an image can't be got.
        """
        plan = action.container
        assert plan is not None
        if plan.image:
            # It depends on the action that makes it.
            return ()
        if plan.definition.dockerfile:
            return (("Dockerfile of the container", self.recipe(plan)),)
        try:
            base = self.base(plan)
        except EngineError as error:
            if error.at is not None and plan.definition.name == plan.definition.base:
                # A bare reference is defined nowhere but at the task.
                error.at = action.position
            raise
        return (("image of the container", base.identity if base is not None else ""),)

    def standing(self, action: "Action") -> str:
        """What a result hangs on that is nowhere but in the place where it was made, as text.

        Raises:
            EngineError: The engine does not answer.
        """
        plan = action.container
        assert plan is not None
        if self.base(plan) is None:
            return ""
        where = [str(self.info.get(name, "")) for name in ("Name", "DockerRootDir")]
        made = tuple((name, self._made(name)) for name in self._volume_names(plan))
        return digest_of(canonical((tuple(where), made))).hex[:32]

    def _made(self, volume: str) -> str:
        """Which run made a volume; empty if it is not there."""
        if volume not in self._volumes:
            found = self._ask(lambda engine: engine.volume(volume)) or {}
            labels = found.get("Labels")
            run = labels.get("pyrun.run", "") if isinstance(labels, dict) else ""
            # When it was made is no answer: for Docker before 24 that is when its top folder was written last.
            self._volumes[volume] = str(run or found.get("CreatedAt", ""))
        return self._volumes[volume]

    # Users and what is kept for them

    def known_user(self, plan: "ContainerPlan") -> User | None:
        """Who a container's commands run as; None where only its image could tell and was not asked yet."""
        base = self.base(plan)
        if base is None:
            return None
        written = plan.definition.user
        key = (base.id, written, plan.workdir)
        found = self._users.get(key)
        if found is None:
            found = self._user(plan, base)
            if found is not None:
                self._users[key] = found
        return found

    def _user(self, plan: "ContainerPlan", base: "ImageFacts") -> User | None:
        written = plan.definition.user
        name, _, group = written.partition(":")
        if not written:
            number, own_group = (0, 0) if self.rootless else (os.getuid(), os.getgid())
        elif name.isdigit() and (not group or group.isdigit()):
            number, own_group = int(name), int(group or 0)
        else:
            return None
        return User(number, own_group, _home(plan, base, "" if number else "/root"))

    def user(self, plan: "ContainerPlan", passwd: "Callable[[], tuple[bytes, bytes]]") -> User:
        """Who a container's commands run as.

        Args:
            plan: The container.
            passwd: Gives the image's files of users and of groups.

        Raises:
            RunError: The image has no such user.
        """
        found = self.known_user(plan)
        if found is not None:
            return found
        base = self.base(plan)
        assert base is not None
        written = plan.definition.user
        name, _, group = written.partition(":")
        users, groups = (data.decode("utf-8", "replace").splitlines() for data in passwd())
        row = next(
            (one.split(":") for one in users if name in one.split(":")[:1] or name == _second(one)), None
        )
        if row is None or len(row) < 7:
            raise RunError(
                f"the image of the container `{plan.name}` has no user `{name}`",
                plan.definition.position,
                "name one that stands in its /etc/passwd, or a number",
            )
        number, own_group = int(row[2]), int(row[3])
        if group:
            line = next((one.split(":") for one in groups if one.split(":")[0] == group), None)
            if not group.isdigit() and line is None:
                raise RunError(
                    f"the image of the container `{plan.name}` has no group `{group}`",
                    plan.definition.position,
                )
            own_group = int(group) if group.isdigit() or line is None else int(line[2])
        found = User(number, own_group, _home(plan, base, row[5]))
        self._users[base.id, written, plan.workdir] = found
        return found

    def volumes(self, plan: "ContainerPlan", user: User) -> "list[tuple[str, str]]":
        """What is kept between runs for a user's containers: the volume's name, and where it is seen."""
        paths = [user.home, *(in_home(written, user) for written in plan.definition.cache_mounts)]
        return list(zip(self._volume_names(plan), paths, strict=True))

    def _volume_names(self, plan: "ContainerPlan") -> list[str]:
        """What the engine calls what is kept, HOME first; by what is written, which is known from the start."""
        one = plan.definition
        base = self.base(plan)
        by_name = not all(part.isdigit() for part in one.user.split(":"))
        whose = one.user if one.user and by_name else str(self.known_user(plan))
        apart = (self.top,) if self.apart else ()
        found = [_volume("home", base.identity if base is not None else "", whose, *apart)]
        for path in one.cache_mounts:
            project = self.top if apart or path.startswith(f"{plan.workdir}/") else ""
            found.append(_volume("cache", one.base or one.name, path, whose, project))
        return found

    # Variables

    def fill(self, plan: "ContainerPlan", env: "Sequence[tuple[str, Variable]]") -> "dict[str, str]":
        """Fixed variables, with those of the image that they name."""
        return filled(tuple(env), self._image_env(plan))

    def _image_env(self, plan: "ContainerPlan") -> "dict[str, str]":
        base = self.base(plan)
        found = {"PATH": _PATH, **(dict(base.env) if base is not None else {})}
        user = self.known_user(plan)
        if user is not None:
            found["HOME"] = user.home
        return found

    def variables(self, action: "Action", namespace: str) -> "dict[str, str]":
        """All variables of an action's commands but those that steps set, as the tasks of a namespace get them."""
        plan = action.container
        assert plan is not None
        found = self._image_env(plan)
        caller = self._environ_of(action, namespace)
        found["PYRUN_CONTAINER"] = plan.name
        found.update(self.passing())
        found.update((name, caller[name]) for name in plan.passed if name in caller)
        for secret in action.traits.secrets:
            name = secret.variable
            found[name] = caller.get(name, "")
            if secret.to:
                user = self.known_user(plan)
                found[name] = self.secret_path(plan, secret.to, user)
            elif name == "SSH_AUTH_SOCK":
                found[name] = AGENT
        found.update(filled(plan.env, found))
        return found

    def secret_path(self, plan: "ContainerPlan", to: str, user: User | None) -> str:
        """Where a secret that is a file is found in the container."""
        if user is not None and (to == "~" or to.startswith("~/")):
            return in_home(to, user)
        return resolved(beneath(plan.workdir, to))

    def passing(self) -> "dict[str, str]":
        """The caller's variables that every container gets: proxies, and where certificates are found in it."""
        found = self.proxies()
        paths = {path: number for number, path in enumerate(self.certificates())}
        for name in _CERTIFICATE_FILES:
            if self._caller.get(name) in paths:
                found[name] = f"{CERTIFICATES}/{paths[self._caller[name]]}.pem"
        return found

    @property
    def caller(self) -> "Mapping[str, str]":
        """The caller's variables."""
        return self._caller

    def proxies(self) -> "dict[str, str]":
        """The caller's variables that say by which proxies the network is reached."""
        names = (one for name in _PROXY for one in (name, name.upper()))
        return {name: self._caller[name] for name in names if name in self._caller}

    def certificates(self) -> "list[str]":
        """The caller's files of certificates, each once."""
        named = dict.fromkeys(self._caller[name] for name in _CERTIFICATE_FILES if self._caller.get(name))
        return [path for path in named if os.path.isfile(path)]


def in_home(written: str, user: User) -> str:
    """A path in a container, `~` being the HOME there."""
    if written == "~" or written.startswith("~/"):
        return f"{user.home.rstrip('/')}{written[1:]}"
    return written


def _home(plan: "ContainerPlan", base: "ImageFacts", usual: str) -> str:
    """The HOME in a container: the image's, or the user's usual one, unless the project or all else is there."""
    home = resolved(dict(base.env).get("HOME") or usual)
    seen = f"{home}/".startswith(f"{plan.workdir}/")
    return _HOME if seen or home == "/" or not home.startswith("/") else home


def _second(line: str) -> str:
    """The number in a line of users."""
    fields = line.split(":")
    return fields[2] if len(fields) > 2 else ""


def _volume(kind: str, *parts: str) -> str:
    return f"pyrun-{kind}-{digest_of(canonical(parts)).hex[:24]}"
