"""Real container engines for the tests: started by the run, for it alone, and gone at its end.

Each has folders, networks and addresses of its own, so that it meets neither an engine of the user's nor one
of another run. It leaves the machine's packet filter as it was: the rules that it would make for itself
(`--iptables`) it would also take from others, so there are three of ours that come and go with it.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

import pytest

from runner.engine.docker import Engine, find_engine
from tests.engine.far_address import carried, certificates
from tests.engine.private_network import private_network, program

_SECONDS = 60
"""After which an engine that has not answered, or not ended, never will."""
_ROOM = 12 << 20
"""Kilobytes of free memory; three engines with all images and what is compiled in them take three of the twelve."""
_GROUP = 61_616
"""Whose members the engines let in beside root: a number that no user of the machine has."""
_KINDS = ("container", "network", "volume")
_LABEL = "pyrun."
"""What the labels begin with by which pyrun knows its own."""


class RealEngine:
    """An engine that answers; as text, its address.

    Args:
        name: `docker`, `podman` or `far`.
        environ: The variables by which pyrun and `docker` reach it.
    """

    def __init__(self, name: str, environ: dict[str, str]) -> None:
        self.name = name
        self.environ = environ

    def __str__(self) -> str:
        return self.environ["DOCKER_HOST"]

    @property
    def group(self) -> int:
        """The number of the group whose members may use its socket."""
        return os.stat(str(self).removeprefix("unix://")).st_gid

    @property
    def client(self) -> Engine:
        """It as pyrun's own light client sees it."""
        found = find_engine(self.environ)
        assert found is not None, f"the engine at {self} answers no more"
        return found

    def docker(self, *words: str, stdin: bytes = b"") -> str:
        """What Docker's own command, which must succeed, writes to its standard output."""
        done = self.call(*words, stdin=stdin)
        assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr.decode(errors='replace')}"
        return done.stdout.decode(errors="surrogateescape")

    def call(self, *words: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        """What comes of Docker's own command, which may fail."""
        assert shutil.which("docker"), "this test calls `docker`: apt-get install docker.io"
        environ = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
        return subprocess.run(
            ["docker", *words],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=300,
            env={**environ, **self.environ},
        )


class FarEngine(RealEngine):
    """An engine that sees nothing of the folders in which tests make their projects, as one of another machine.

    Args:
        environ: The variables by which it is reached over its socket.
        tcp: Those for TCP without encryption.
        tls: Those for TCP with TLS, both sides known by certificates.
    """

    def __init__(self, environ: dict[str, str], tcp: dict[str, str], tls: dict[str, str]) -> None:
        super().__init__("far", environ)
        self.tcp = RealEngine("far by TCP", tcp)
        self.tls = RealEngine("far by TLS", tls)


class OwnEngine(RealEngine):
    """A dockerd of the tests' own, which they may end and start again.

    Args:
        folder: Where all that it has is.
        network: The beginning of its addresses.
    """

    def __init__(self, folder: str, network: str) -> None:
        super().__init__("own", {"DOCKER_HOST": f"unix://{folder}/d.sock"})
        self._folder = folder
        self._network = network
        self._running = contextlib.ExitStack()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        argv = _dockerd(self._folder, self._network, str(self))
        self._running.enter_context(_running(self._folder, argv, str(self)))

    def end(self, number: signal.Signals) -> None:
        """Send it a signal, and wait until it has ended."""
        with (
            contextlib.suppress(FileNotFoundError, ProcessLookupError),
            open(f"{self._folder}/d.pid") as file,
        ):
            os.kill(int(file.read()), number)
        self._running.close()
        if number == signal.SIGKILL:
            # What it was not able to end itself would be in the way of the next.
            _end_all(self._folder)
            shutil.rmtree(f"{self._folder}/exec/containerd", ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self._folder}/d.pid")


def leftovers(engine: RealEngine, *kinds: str) -> list[str]:
    """What pyrun made in an engine and is still there, as `container NAME`, sorted.

    Args:
        engine: Where to look.
        kinds: Of what kinds: `container`, `network`, `volume`; all of them if none is named.
    """
    found = []
    for kind in kinds or _KINDS:
        named = "Names" if kind == "container" else "Name"
        words = ("--all",) if kind == "container" else ()
        listing = engine.docker(kind, "ls", *words, "--format", f"{{{{.{named}}}}}\t{{{{.Labels}}}}")
        for line in listing.splitlines():
            name, _, labels = line.partition("\t")
            if any(label.startswith(_LABEL) for label in labels.split(",")):
                found.append(f"{kind} {name}")
    return sorted(found)


@contextlib.contextmanager
def docker_engine() -> Iterator[RealEngine]:
    """The user's engine, or a dockerd of this run's own if none answers."""
    told = {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
    told.setdefault("DOCKER_HOST", "unix:///var/run/docker.sock")
    if find_engine(told) is not None:
        yield RealEngine("docker", told)
        return
    with _folder() as folder, private_network(os.path.basename(folder)) as network:
        address = f"unix://{folder}/d.sock"
        argv = [*_view(folder), *_dockerd(folder, network, address)]
        with _running(folder, argv, address):
            yield RealEngine("docker", {"DOCKER_HOST": address})


@contextlib.contextmanager
def own_docker_engine(size: str) -> Iterator[OwnEngine]:
    """A dockerd that the tests may end and start again, with a small disk.

    Args:
        size: How much its disk holds, as `mount` has it.
    """
    with _folder() as folder, private_network(os.path.basename(folder)) as network:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", f"{folder}/data"], check=True)
        engine = OwnEngine(folder, network)
        try:
            engine.start()
            yield engine
        finally:
            engine.end(signal.SIGKILL)
            subprocess.run(["umount", "--recursive", "--lazy", f"{folder}/data"], check=False)


@contextlib.contextmanager
def far_docker_engine(hidden: str) -> Iterator[FarEngine]:
    """A dockerd that sees an empty folder where the projects of the tests are.

    Args:
        hidden: The folder that it can't look into.
    """
    with _folder() as folder, private_network(os.path.basename(folder)) as network:
        (port,) = _free_ports(1)
        tls_folder = certificates(f"{folder}/tls")
        address = f"unix://{folder}/d.sock"
        argv = [
            *_view(folder, hidden),
            *_dockerd(folder, network, address),
            f"--host=tcp://127.0.0.1:{port}",
            "--tlsverify",
            f"--tlscacert={tls_folder}/ca.pem",
            f"--tlscert={tls_folder}/server.pem",
            f"--tlskey={tls_folder}/server-key.pem",
        ]
        with _running(folder, argv, address), carried(f"{folder}/d.sock") as plain:
            tls = {
                "DOCKER_HOST": f"tcp://127.0.0.1:{port}",
                "DOCKER_TLS_VERIFY": "1",
                "DOCKER_CERT_PATH": tls_folder,
            }
            yield FarEngine({"DOCKER_HOST": address}, {"DOCKER_HOST": f"tcp://127.0.0.1:{plain}"}, tls)


@contextlib.contextmanager
def podman_engine(plain: str = "") -> Iterator[RealEngine]:
    """Podman's service, with storage, settings and networks of its own.

    Args:
        plain: A registry, by name and port, to which it speaks without TLS.
    """
    podman = program("podman", "podman netavark aardvark-dns runc")
    with _folder() as folder, private_network(os.path.basename(folder), made=False) as network:
        conf = _podman_settings(folder, network)
        environ = {**os.environ, "CONTAINERS_CONF": conf, "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf"}
        if plain:
            environ["CONTAINERS_REGISTRIES_CONF"] = f"{folder}/registries.conf"
            with open(f"{folder}/registries.conf", "w", encoding="utf-8") as file:
                file.write(f'[[registry]]\nlocation = "{plain}"\ninsecure = true\n')
        address = f"unix://{folder}/d.sock"
        argv = [*_view(folder), podman, "system", "service", "--time=0", address]
        with _running(folder, argv, address, environ) as number:
            try:
                yield RealEngine("podman", {"DOCKER_HOST": address})
            finally:
                # Its containers are nobody's children: they would outlive the service.
                inside = ("nsenter", f"--target={number}", "--mount", "--", podman)
                for words in (("rm", "--all", "--force", "--time=0"), ("network", "prune", "--force")):
                    subprocess.run([*inside, *words], env=environ, check=False, capture_output=True)
        _end_all(folder)


def _end_all(folder: str) -> None:
    """Ends what an engine left to watch over what runs in containers."""
    for number in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{number}/cmdline", "rb") as file:
                watches = f"{folder}/".encode() in file.read()
            if watches:
                os.kill(int(number), signal.SIGKILL)


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    """A folder for an engine; its path is short, as sockets want it."""
    folder = tempfile.mkdtemp(prefix="pye", dir="/tmp")
    # Whom the socket lets in must get there.
    os.chmod(folder, 0o711)
    os.mkdir(f"{folder}/data")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _view(folder: str, hidden: str = "") -> list[str]:
    """The words that give a command, and all that it starts, a view of the disk of their own.

    What an engine mounts is gone with it, however it ends. What it writes for minutes only needs no disk.

    Args:
        folder: Its folder; in `data` it keeps what it stores.
        hidden: A folder that it sees empty.
    """
    mounts = [f"{folder}/data"] if _roomy() else []
    if hidden:
        mounts.append(hidden)
    script = "".join(f"mount -t tmpfs -o mode=0711 none '{mount}' && " for mount in mounts)
    return ["unshare", "--mount", "--propagation=slave", "sh", "-c", f'{script}exec "$@"', "sh"]


def _roomy() -> bool:
    """Whether the engines and their images fit into memory beside all else."""
    with open("/proc/meminfo") as file:
        values = dict(line.split(":") for line in file)
    return int(values["MemAvailable"].split()[0]) > _ROOM


def _dockerd(folder: str, network: str, address: str) -> list[str]:
    return [
        program("dockerd", "docker.io iptables"),
        f"--data-root={folder}/data",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/d.pid",
        f"--host={address}",
        f"--bridge={os.path.basename(folder)}",
        f"--default-address-pool=base={network}.128.0/17,size=24",
        "--iptables=false",
    ]


def _podman_settings(folder: str, network: str) -> str:
    """Writes them all; the path of the file that names the others."""
    bridge = os.path.basename(folder)
    os.mkdir(f"{folder}/networks")
    _write(
        f"{folder}/networks/{bridge}.json",
        json.dumps(
            {
                "name": bridge,
                "id": bridge.encode().hex().zfill(64),
                "driver": "bridge",
                "network_interface": bridge,
                "subnets": [{"subnet": f"{network}.0.0/24", "gateway": f"{network}.0.1"}],
                "ipv6_enabled": False,
                "internal": False,
                "dns_enabled": False,
                "ipam_options": {"driver": "host-local"},
            }
        ),
    )
    _write(
        f"{folder}/storage.conf",
        f'[storage]\ndriver="overlay"\ngraphroot="{folder}/data"\nrunroot="{folder}/run"\n',
    )
    # The control groups and the log are those of a machine without systemd. Locks in shared memory would be
    # shared with the user's own Podman, which does not know these containers.
    return _write(
        f"{folder}/containers.conf",
        f"""\
[containers]
default_ulimits=["nofile=20000:20000","nproc=20000:20000"]
[network]
network_backend="netavark"
network_config_dir="{folder}/networks"
default_network="{bridge}"
default_subnet="{network}.0.0/24"
default_subnet_pools=[{{base="{network}.128.0/17",size=24}}]
[engine]
cgroup_manager="cgroupfs"
events_logger="file"
lock_type="file"
runtime="runc"
tmp_dir="{folder}/tmp"
volume_path="{folder}/volumes"
""",
    )


def _write(path: str, text: str) -> str:
    with open(path, "w") as file:
        file.write(text)
    return path


@contextlib.contextmanager
def _running(
    folder: str, argv: list[str], address: str, environ: dict[str, str] | None = None
) -> Iterator[int]:
    """The number of an engine's process, when it answers; what is not taken down with the tests is taken down when their process ends."""
    argv = ["setpriv", "--pdeathsig=TERM", *argv]
    log = f"{folder}/log"
    with (
        open(log, "wb") as file,
        # Podman's watchers write a file where they are when memory has run out.
        subprocess.Popen(
            argv, cwd=folder, stdout=file, stderr=file, env=environ, start_new_session=True
        ) as process,
    ):
        try:
            _await_answer(address, process, log)
            path = address.removeprefix("unix://")
            os.chown(path, -1, _GROUP)
            os.chmod(path, 0o660)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _await_answer(address: str, process: "subprocess.Popen[bytes]", log: str) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end and process.poll() is None:
        if find_engine({"DOCKER_HOST": address}) is not None:
            return
        time.sleep(0.05)
    with open(log, errors="replace") as file:
        pytest.fail(f"the engine does not answer; its last words:\n{file.read()[-3000:]}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
