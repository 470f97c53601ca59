"""What containers need of an engine, through its SDK: images, containers, networks, files in and out.

Loading the SDK takes longer than a whole start, so nothing imports this module before a container is needed. All
that an engine can answer wrongly, late or not at all is an `EngineError` here.
"""

import contextlib
import io
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import docker
import docker.errors
import docker.types
import requests
import urllib3.exceptions

from runner.engine.image_facts import ImageFacts, image_facts
from runner.errors import EngineError
from runner.model.record import Record

RUN_LABEL = "pyrun.run"
"""The run that has made something: what is left of a killed one is known by it."""
KEY_LABEL = "pyrun.key"
"""What a container was made of, so that it is found again."""
PROJECT_LABEL = "pyrun.project"
"""The project that something was made for."""
SETUP_LABEL = "pyrun.setup"
"""What an image was made of by a `setup` or a Dockerfile."""
WHAT_LABEL = "pyrun.what"
"""What something is, for people."""
_SECONDS = 60
"""How long an engine may take for one answer, but those that take as long as the work does."""
_NOT_FOUND, _CONFLICT = 404, 409
_TRIES, _MOMENT = 20, 0.1
"""How often a container is removed that can't be, and the seconds in between."""
_WRONG = (
    docker.errors.DockerException,
    docker.errors.StreamParseError,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    ValueError,
    LookupError,
)
"""What the SDK raises when an engine hangs up, is late, or says what nobody can read."""


class UnseenError(EngineError):
    """The engine does not see the project's folder."""


class Bind(Record):
    """A file or folder of the engine's machine in a container.

    Args:
        source: Its path there, absolute.
        target: Its path in the container, absolute.
        readonly: Whether it can't be written there.
    """

    FIELDS = ("source", "target", "readonly")
    __slots__ = FIELDS

    def __init__(self, source: str, target: str, readonly: bool) -> None:
        self.source = source
        self.target = target
        self.readonly = readonly


class Spec(Record):
    """A container to be made.

    Args:
        image: The image's name or id.
        command: The words of its first process; empty for what the image starts.
        env: Variables beside the image's.
        user: Who the first process runs as; empty for the image's user.
        workdir: Where the first process begins; empty for the image's own place.
        binds: What it sees of the engine's machine.
        volumes: The volumes that it has: name, and where.
        volume_labels: What is written on those that are new: name, and label with value.
        network: The network, or empty for the engine's default.
        aliases: Its names on that network.
        ports: Its ports that are published on this machine: its own, and this machine's or 0 for any.
        platform: What it runs on, or empty.
        memory: The most bytes of memory, or 0.
        cpus: The most thousandths of processors, or 0.
        init: Whether a small init is its first process.
        labels: What is written on it.
        stdin: Whether its first process is to be spoken to.
        once: Whether stdin ends with the first who speaks.
    """

    FIELDS = (
        "image", "command", "env", "user", "workdir", "binds", "volumes", "volume_labels", "network", "aliases",
        "ports", "platform", "memory", "cpus", "init", "labels", "stdin", "once",
    )  # fmt: skip
    __slots__ = FIELDS

    def __init__(
        self,
        image: str,
        command: tuple[str, ...],
        env: tuple[tuple[str, str], ...],
        user: str,
        workdir: str,
        binds: tuple[Bind, ...],
        volumes: tuple[tuple[str, str], ...],
        volume_labels: tuple[tuple[str, str], ...],
        network: str,
        aliases: tuple[str, ...],
        ports: tuple[tuple[int, int], ...],
        platform: str,
        memory: int,
        cpus: int,
        init: bool,
        labels: tuple[tuple[str, str], ...],
        stdin: bool,
        once: bool,
    ) -> None:
        self.image = image
        self.command = command
        self.env = env
        self.user = user
        self.workdir = workdir
        self.binds = binds
        self.volumes = volumes
        self.volume_labels = volume_labels
        self.network = network
        self.aliases = aliases
        self.ports = ports
        self.platform = platform
        self.memory = memory
        self.cpus = cpus
        self.init = init
        self.labels = labels
        self.stdin = stdin
        self.once = once


class ContainerEngine:
    """An engine, ready to run containers. May be used by several threads.

    Args:
        url: Where the SDK finds it.
        shown: How people know it.

    Raises:
        EngineError: It does not answer.
    """

    def __init__(self, url: str, shown: str) -> None:
        self.shown = shown
        self._url = url
        self._own = threading.local()
        with self._told("answer"):
            self._version = docker.APIClient(base_url=url, version="auto", timeout=_SECONDS).api_version

    @property
    def _api(self) -> Any:
        """This thread's client: the SDK's clients are for one thread each."""
        client = getattr(self._own, "client", None)
        if client is None:
            client = docker.APIClient(base_url=self._url, version=self._version, timeout=_SECONDS)
            self._own.client = client
        return client

    @contextlib.contextmanager
    def _told(self, doing: str) -> Generator[None, None, None]:
        """What the SDK raises, as an error of ours."""
        try:
            yield
        except docker.errors.APIError as error:
            reason = str(error.explanation or error).strip()
            raise EngineError(f"the engine at {self.shown} did not {doing}: {reason}") from None
        except _WRONG as error:
            raise EngineError(
                f"the engine at {self.shown} did not {doing}: {_plainly(error)}", hint="is it still running?"
            ) from None

    # Images

    def image(self, reference: str) -> ImageFacts | None:
        """An image that the engine has; None if it does not have it."""
        with self._told(f"say what `{reference}` is"):
            try:
                return image_facts(self._api.inspect_image(reference))
            except docker.errors.NotFound:
                return None

    def pull(self, reference: str, platform: str, tell: Callable[[str], None]) -> None:
        """Get an image from its registry.

        Args:
            reference: Which.
            platform: For what, or empty.
            tell: Told how that goes, a few times a second at the most.
        """
        repository, tag = docker.utils.parse_repository_tag(reference)
        with self._told(f"pull `{reference}`"):
            done: dict[str, str] = {}
            for message in self._api.pull(
                repository, tag or "latest", stream=True, decode=True, platform=platform or None
            ):
                if "error" in message:
                    raise EngineError(f"`{reference}` can't be pulled: {message['error']}")
                layer, status = message.get("id", ""), message.get("status", "")
                if layer and done.get(layer) != status and status in {"Pull complete", "Already exists"}:
                    done[layer] = status
                    tell(f"{len(done)} layers of {reference} are there")

    def commit(self, container: str, repository: str, tag: str, config: Mapping[str, object]) -> None:
        """Make an image of what a container is now."""
        with self._told("keep the image"):
            # That takes as long as there is much to be kept.
            patient = docker.APIClient(base_url=self._url, version=self._version, timeout=None)
            patient.commit(container, repository=repository, tag=tag, conf=dict(config))

    def config_of(self, reference: str) -> dict[str, Any]:
        """What a container of an image begins with, as the engine writes it."""
        with self._told(f"say what `{reference}` is"):
            return dict(self._api.inspect_image(reference).get("Config") or {})

    # Containers

    def create(self, spec: Spec) -> str:
        """Make a container; its id.

        Raises:
            UnseenError: The engine's machine does not have what is to be bound.
            EngineError: It can't be made.
        """
        api = self._api
        mounts = [
            docker.types.Mount(bind.target, bind.source, type="bind", read_only=bind.readonly)
            for bind in spec.binds
        ]
        mounts += [
            docker.types.Mount(where, name, type="volume", labels=_volume_labels(spec, where))
            for name, where in spec.volumes
        ]
        ports = {f"{inner}/tcp": ("127.0.0.1", outer or None) for inner, outer in spec.ports}
        networking = None
        if spec.network and spec.aliases:
            endpoint = api.create_endpoint_config(aliases=list(spec.aliases))
            networking = api.create_networking_config({spec.network: endpoint})
        host = api.create_host_config(
            mounts=mounts or None,
            network_mode=spec.network or None,
            port_bindings=ports or None,
            mem_limit=spec.memory or None,
            memswap_limit=spec.memory or None,
            nano_cpus=spec.cpus * 1_000_000 or None,
            init=spec.init or None,
            auto_remove=spec.stdin,
            extra_hosts=None
            if spec.network in {"none", "host"}
            else {"host.docker.internal": "host-gateway"},
        )
        with self._told("make a volume"):
            for name, where in spec.volumes:
                # One that is there stays as it is. Podman labels none that it makes with a container.
                api.create_volume(name, labels=_volume_labels(spec, where))
        try:
            with self._told("make a container"):
                try:
                    made = self._create(spec, host, networking)
                except docker.errors.APIError as error:
                    told = str(error.explanation or "")
                    if _is_unseen(told):
                        raise UnseenError(
                            f"the engine at {self.shown} does not see this folder: {told}"
                        ) from None
                    if "host-gateway" not in told:
                        raise
                    # An engine that does not know how to call this machine does without.
                    host["ExtraHosts"] = None
                    made = self._create(spec, host, networking)
        except EngineError as error:
            raise _better(error) from None
        return str(made["Id"])

    def _create(self, spec: Spec, host: Any, networking: Any) -> Any:
        made = self._api.create_container_config(
            spec.image,
            None,
            user=spec.user or None,
            stdin_open=spec.stdin,
            environment=dict(spec.env) or None,
            working_dir=spec.workdir or None,
            labels=dict(spec.labels),
            host_config=host,
            networking_config=networking,
            ports=[(inner, "tcp") for inner, _ in spec.ports] or None,
            # Of an entrypoint of one's own follows that the image's command counts for nothing.
            entrypoint=list(spec.command) or None,
        )
        made["StdinOnce"] = spec.stdin and spec.once
        if not spec.stdin:
            made["AttachStdin"] = False
        return self._api.create_container_from_config(made, None, spec.platform or None)

    def attach(self, container: str, *, stdin: bool) -> socket.socket:
        """A connection to a container's first process: its output in frames, and its stdin if that is wanted."""
        with self._told("attach to a container"):
            wanted = {"stdin": int(stdin), "stdout": 1, "stderr": 1, "stream": 1}
            return _plain_socket(self._api.attach_socket(container, wanted))

    def start(self, container: str) -> None:
        """Let a container begin."""
        try:
            with self._told("start a container"):
                self._api.start(container)
        except EngineError as error:
            raise _better(error) from None

    def execute(
        self, container: str, words: Sequence[str], *, user: str, env: Mapping[str, str], workdir: str = ""
    ) -> tuple[str, socket.socket]:
        """Start one more process in a container: its id, and the connection to its streams, output in frames."""
        with self._told("start a process in a container"):
            made = self._api.exec_create(
                container, list(words), stdin=True, user=user, environment=dict(env), workdir=workdir or None
            )
            return str(made["Id"]), _plain_socket(self._api.exec_start(made["Id"], socket=True))

    def output(self, container: str, words: Sequence[str]) -> str:
        """What a short command in a container writes to its stdout; it runs as root."""
        with self._told("run a command in a container"):
            made = self._api.exec_create(container, list(words), stderr=False, user="0")
            found: bytes = self._api.exec_start(made["Id"])
        return found.decode("utf-8", "replace")

    def state(self, container: str) -> dict[str, Any]:
        """What state a container is in, as the engine says; empty if it is gone."""
        with self._told("say how a container is"):
            try:
                return dict(self._api.inspect_container(container).get("State") or {})
            except docker.errors.NotFound:
                return {}

    def ports(self, container: str) -> dict[int, int]:
        """The ports of this machine by which those of a container are reached."""
        with self._told("say how a container is reached"):
            found = self._api.inspect_container(container)["NetworkSettings"].get("Ports") or {}
        return {
            int(inner.partition("/")[0]): int(outer[0]["HostPort"]) for inner, outer in found.items() if outer
        }

    def signal(self, container: str, number: int) -> None:
        """Send a signal to a container's first process; nothing happens if it has ended."""
        with contextlib.suppress(docker.errors.APIError), self._told_as_it_is():
            self._api.kill(container, number)

    def unpause(self, container: str) -> None:
        """Let a container go on that somebody has paused, so that it can hear a signal."""
        if self.state(container).get("Paused"):
            with contextlib.suppress(docker.errors.APIError), self._told_as_it_is():
                self._api.unpause(container)

    def stop(self, container: str, seconds: int) -> None:
        """Stop a container as its image wants to be stopped, by force after some seconds."""
        with contextlib.suppress(docker.errors.APIError), self._told_as_it_is():
            self._api.stop(container, timeout=seconds)

    def remove(self, container: str) -> None:
        """Remove a container, whatever it does; nothing happens if it is gone, or somebody removes it already."""
        with self._told("remove a container"):
            for left in reversed(range(_TRIES)):
                try:
                    self._api.remove_container(container, force=True, v=True)
                except docker.errors.APIError as error:
                    if error.status_code in {_NOT_FOUND, _CONFLICT}:
                        return
                    if not left:
                        raise
                    # Podman can't remove what is just ending by itself; a moment later it can.
                    time.sleep(_MOMENT)
                else:
                    return

    def kept(self, key: str) -> str | None:
        """A running container that was made of the same; None if there is none."""
        with self._told("list its containers"):
            found = self._api.containers(filters={"label": f"{KEY_LABEL}={key}", "status": "running"})
        return str(found[0]["Id"]) if found else None

    def labelled(self) -> list[tuple[str, dict[str, str], str]]:
        """All containers that pyrun has made: id, labels, and state."""
        with self._told("list its containers"):
            found = self._api.containers(all=True, filters={"label": RUN_LABEL})
        return [(one["Id"], dict(one.get("Labels") or {}), one.get("State", "")) for one in found]

    # Networks, volumes

    def make_network(self, name: str, labels: Mapping[str, str]) -> None:
        """Make a network."""
        with self._told("make a network"):
            self._api.create_network(name, labels=dict(labels), check_duplicate=True)

    def networks(self) -> list[tuple[str, dict[str, str]]]:
        """All networks that pyrun has made: id and labels."""
        with self._told("list its networks"):
            found = self._api.networks(filters={"label": RUN_LABEL})
        return [(one["Id"], dict(one.get("Labels") or {})) for one in found]

    def remove_network(self, name: str) -> None:
        """Remove a network; nothing happens if it is gone, or somebody is still on it."""
        with contextlib.suppress(docker.errors.APIError), self._told_as_it_is():
            self._api.remove_network(name)

    def volumes(self) -> list[str]:
        """The names of all volumes that pyrun has made."""
        with self._told("list its volumes"):
            found = self._api.volumes(filters={"label": WHAT_LABEL})
        return [one["Name"] for one in found.get("Volumes") or ()]

    def remove_volume(self, name: str) -> None:
        """Remove a volume."""
        with self._told("remove a volume"), contextlib.suppress(docker.errors.NotFound):
            self._api.remove_volume(name)

    def made_images(self) -> list[str]:
        """The ids of all images that a `setup` or a container's Dockerfile has made."""
        with self._told("list its images"):
            return [one["Id"] for one in self._api.images(filters={"label": SETUP_LABEL})]

    def remove_image(self, image: str) -> None:
        """Remove an image; nothing happens if something stands on it."""
        with contextlib.suppress(docker.errors.APIError), self._told_as_it_is():
            self._api.remove_image(image, force=True)

    @contextlib.contextmanager
    def _told_as_it_is(self) -> Generator[None, None, None]:
        """As `_told`, but what the engine refuses is left to the caller."""
        try:
            yield
        except docker.errors.APIError:
            raise
        except _WRONG as error:
            raise EngineError(f"the engine at {self.shown} does not answer: {_plainly(error)}") from None

    # Files

    def put(self, container: str, folder: str, archive: Iterable[bytes] | bytes) -> None:
        """Put what a tar holds into a folder of a container."""
        with self._told("take files"):
            self._api.put_archive(container, folder, archive)

    def get(self, container: str, path: str) -> Iterator[bytes] | None:
        """A tar of what lies at a path of a container; None if nothing does."""
        with self._told("give files back"):
            try:
                stream, _ = self._api.get_archive(container, path)
            except docker.errors.NotFound:
                return None
        return self._pieces(stream)

    def _pieces(self, stream: Iterator[bytes]) -> Iterator[bytes]:
        with self._told("give files back"):
            yield from stream

    def file(self, container: str, path: str) -> bytes:
        """The bytes of a small file of a container; empty if there is none."""
        stream = self.get(container, path)
        if stream is None:
            return b""
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() else None
                return b"" if file is None else file.read()
        return b""


def _plain_socket(found: Any) -> socket.socket:
    """The socket in what the SDK gives, which keeps it open."""
    inner = getattr(found, "_sock", found)
    assert isinstance(inner, socket.socket)
    own = inner.dup()
    own.setblocking(True)
    found.close()
    return own


def _volume_labels(spec: Spec, where: str) -> dict[str, str]:
    """What is written on a volume that is seen at a path of a new container."""
    return {**dict(spec.volume_labels), WHAT_LABEL: where}


def _is_unseen(told: str) -> bool:
    return "bind source path does not exist" in told or ("statfs" in told and "no such file" in told)


def _better(error: EngineError) -> EngineError:
    """The same error with what would be right, as far as the engine's own words tell."""
    told = error.message
    if ('"sh"' in told or "/sh" in told) and "not found" in told.lower():
        return EngineError(
            told, error.at, "commands need a `sh` in the image; a server without `run` does not"
        )
    if "port is already allocated" in told or "address already in use" in told:
        return EngineError(told, error.at, "another program has that port: name only the container's own")
    return error


def _plainly(error: Exception) -> str:
    """What went wrong, without the SDK's own chain of reasons around it."""
    reason: BaseException = error
    while reason.__cause__ is not None or reason.__context__ is not None:
        reason = reason.__cause__ or reason.__context__ or reason
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return str(text)
