"""Images for real engines, made of what this machine has, and of its distribution's packages: none is pulled.

They go by the names of well-known ones, whose place they take as far as tests can tell: the same tools, users,
variables and ways to start. Each is made once a machine and kept in `pyrun-tests` in the user's cache folder,
under a name that follows from all that it is made of.
"""

import contextlib
import fcntl
import functools
import glob
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.engine.engines import RealEngine
from tests.example import MACHINE

_HERE = os.path.dirname(os.path.abspath(__file__))
_MADE_OF = "tests.made-of"
"""The label that tells what an image is made of; not one of pyrun's own."""
_CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_CA_VARIABLES = tuple(
    f"{name}={_CA_BUNDLE}"
    for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
)
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PASSWD = """\
root:x:0:0:root:/root:/bin/sh
worker:x:1500:1500:worker:/home/worker:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
"""
_GROUP = """\
root:x:0:
worker:x:1500:
nogroup:x:65534:
"""


class Layer(NamedTuple):
    """A layer of an image.

    Args:
        made_of: All that decides what is in it.
        write: Writes it, a tar archive, to the path it is given.
    """

    made_of: str
    write: Callable[[str], None]


class Recipe(NamedTuple):
    """How an image is made.

    Args:
        layers: Its layers, the lowest first.
        config: What containers of it begin with, as the OCI specification names it.
    """

    layers: tuple[Layer, ...]
    config: dict[str, Any]

    @property
    def key(self) -> str:
        """Another one for all that could make the image another."""
        told = json.dumps([MACHINE, [layer.made_of for layer in self.layers], self.config])
        return hashlib.sha256(told.encode()).hexdigest()[:32]


def give(engine: RealEngine, *references: str) -> None:
    """See to it that an engine has images.

    An image that somebody else gave it under that name stays and does as well.

    Args:
        engine: To which.
        references: Which: `busybox:1.36` (a second user is `worker`, 1500), `golang:1.24-alpine` (with this
            machine's Go and an `apk` that does nothing), `postgres:16` (whichever PostgreSQL Debian has),
            `python:3.11-slim` (whichever Python Debian has, and supervisor).
    """
    for reference in references:
        recipe = _RECIPES[reference]()
        asked = engine.call("image", "inspect", "--format", "{{json .Config.Labels}}", reference)
        if asked.returncode == 0:
            labels = json.loads(asked.stdout) or {}
            if labels.get(_MADE_OF) in {None, recipe.key}:
                continue
        engine.docker("load", "--quiet", "--input", archive(reference, recipe))


def archive(reference: str, recipe: Recipe) -> str:
    """The path of an image's archive, which is made if it is not there."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = f"{base}/pyrun-tests"
    name = reference.replace(":", "-")
    path = f"{folder}/{name}.{recipe.key}.tar"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{name}.lock", "w") as lock:
        # Whoever comes second finds what the first one made.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=folder) as made:
                _write_archive(made, reference, recipe)
                for old in glob.glob(f"{folder}/{name}.*.tar"):
                    os.unlink(old)
                os.rename(f"{made}/image.tar", path)
    return path


def _write_archive(folder: str, reference: str, recipe: Recipe) -> None:
    """Writes `image.tar` as `docker save` would."""
    diff_ids = []
    with tarfile.open(f"{folder}/image.tar", "w") as tar:
        for layer in recipe.layers:
            layer.write(f"{folder}/layer")
            with open(f"{folder}/layer", "rb") as file:
                diff_ids.append(hashlib.file_digest(file, "sha256").hexdigest())
            tar.add(f"{folder}/layer", f"{diff_ids[-1]}.tar")
        document = {
            "architecture": MACHINE,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {**recipe.config, "Labels": {_MADE_OF: recipe.key}},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{each}" for each in diff_ids]},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "tests"} for _ in diff_ids],
        }
        config = json.dumps(document).encode()
        named = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = {"Config": named, "RepoTags": [reference], "Layers": [f"{each}.tar" for each in diff_ids]}
        _add(tar, named, config)
        _add(tar, "manifest.json", json.dumps([manifest]).encode())


def _add(
    tar: tarfile.TarFile, name: str, content: bytes | None = None, mode: int = 0o644, owner: int = 0
) -> None:
    """Adds a file, or a folder if it has no content."""
    member = tarfile.TarInfo(name)
    member.mode = mode
    member.uid = member.gid = owner
    if content is None:
        member.type = tarfile.DIRTYPE
        tar.addfile(member)
    else:
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))


def _link(tar: tarfile.TarFile, name: str, target: str) -> None:
    member = tarfile.TarInfo(name)
    member.type = tarfile.SYMTYPE
    member.linkname = target
    tar.addfile(member)


def _given(content: bytes) -> Layer:
    """A small layer, made already."""

    def write(path: str) -> None:
        with open(path, "wb") as file:
            file.write(content)

    return Layer(hashlib.sha256(content).hexdigest(), write)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


@contextlib.contextmanager
def _small() -> Iterator[tuple[tarfile.TarFile, io.BytesIO]]:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        yield tar, written


def _ca_bundle() -> bytes:
    """Whom this machine trusts, so that a container behind the same proxy trusts it too."""
    path = os.environ.get("SSL_CERT_FILE") or _CA_BUNDLE
    assert os.path.exists(path), "containers of the tests fetch modules: apt-get install ca-certificates"
    return _content(path)


@functools.cache
def _busybox_root() -> Layer:
    """A program and the links to it."""
    program = shutil.which("busybox")
    assert program, (
        "images of the tests are made of a busybox without libraries: apt-get install busybox-static"
    )
    commands = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    with _small() as (tar, written):
        for name in ("bin", "dev", "etc", "etc/ssl", "etc/ssl/certs", "home", "proc", "sys", "usr", "usr/bin",
                     "usr/local", "usr/local/bin", "usr/sbin", "sbin", "var", "var/run"):  # fmt: skip
            _add(tar, name, mode=0o755)
        for name, mode, owner in (
            ("root", 0o700, 0), ("tmp", 0o1777, 0), ("var/tmp", 0o1777, 0), ("home/worker", 0o755, 1500),
        ):  # fmt: skip
            _add(tar, name, None, mode, owner)
        _add(tar, "bin/busybox", _content(program), 0o755)
        for name in sorted(set(commands) - {"busybox"}):
            _link(tar, f"bin/{name}", "/bin/busybox")
        _link(tar, "usr/bin/env", "/bin/busybox")
        _add(tar, "etc/passwd", _PASSWD.encode())
        _add(tar, "etc/group", _GROUP.encode())
        _add(tar, _CA_BUNDLE[1:], _ca_bundle())
        _link(tar, "etc/ssl/cert.pem", _CA_BUNDLE)
    return _given(written.getvalue())


def _busybox() -> Recipe:
    return Recipe((_busybox_root(),), {"Env": [f"PATH={_SYSTEM_PATH}"], "Cmd": ["sh"]})


_NO_NEED = ("api", "doc", "misc", "test", "src/cmd", "pkg/obj", "bin/gofmt")
"""What of Go's folder no build reads."""


@functools.cache
def _golang() -> Recipe:
    assert shutil.which("go"), "these tests compile: install Go 1.24 or newer"
    names = ("GOROOT", "GOVERSION", "GOPROXY", "GOSUMDB", "GONOSUMDB")
    asked = subprocess.run(["go", "env", "-json", *names], capture_output=True, check=True, cwd="/")
    told = json.loads(asked.stdout)
    root = told.pop("GOROOT")

    def kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = member.name.removeprefix("usr/local/go/")
        if name in _NO_NEED or "/testdata" in name or name.endswith("_test.go"):
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    def write(path: str) -> None:
        with tarfile.open(path, "w") as tar:
            tar.add(root, "usr/local/go", filter=kept)

    with _small() as (tar, written):
        for name in ("go", "go/bin", "go/src", "go/pkg"):
            _add(tar, name, None, 0o1777)
        _add(tar, "bin/apk", _content(f"{_HERE}/apk"), 0o755)
    variables = [
        f"PATH=/go/bin:/usr/local/go/bin:{_SYSTEM_PATH}",
        "GOTOOLCHAIN=local",
        "GOPATH=/go",
        *(f"{name}={value}" for name, value in told.items() if name != "GOVERSION" and value),
        *_CA_VARIABLES,
    ]
    tools = Layer(json.dumps([told, _content(f"{root}/VERSION").decode(), _NO_NEED]), write)
    return Recipe(
        (_busybox_root(), tools, _given(written.getvalue())),
        {"Env": variables, "Cmd": ["sh"], "WorkingDir": "/go"},
    )


_DEBIAN = ("mmdebstrap", "--quiet", "--variant=minbase", "--format=tar")
_NOT_OF_DEBIAN = tuple(
    f"--dpkgopt=path-exclude={pattern}"
    for pattern in (
        "/usr/share/doc/*", "/usr/share/info/*", "/usr/share/man/*", "/usr/share/locale/*",
        "/usr/share/i18n/*", "/usr/share/perl/*/Unicode/*", "/usr/lib/*/gconv/*", "/usr/lib/*/perl/*/CORE/*",
        "/usr/lib/*/perl/*/auto/Encode/*",
        # It compiles queries where it can, and does without where it can't.
        "/usr/lib/*/libLLVM*", "/usr/lib/*/libz3*", "/usr/lib/postgresql/*/lib/llvmjit*",
        "/usr/lib/postgresql/*/lib/bitcode/*",
    )
)  # fmt: skip


_OF_POSTGRES = (
    "--include=postgresql,ca-certificates",
    # Without this its installation would make a database, which is forty megabytes.
    "--essential-hook=mkdir -p $1/etc/postgresql-common",
    "--essential-hook=echo create_main_cluster = false >$1/etc/postgresql-common/createcluster.conf",
    "--dpkgopt=force-confold",
)


def _debian(options: tuple[str, ...], instead: str) -> Layer:
    """The packages of this machine's Debian, made by `mmdebstrap` with some options."""
    release = platform.freedesktop_os_release()
    suite = release.get("VERSION_CODENAME", "")
    words = (*_DEBIAN, *options, *_NOT_OF_DEBIAN)

    def write(path: str) -> None:
        assert release["ID"] == "debian" and shutil.which("mmdebstrap"), (  # noqa: PT018 - one answer to both
            f"the tests make an image of Debian's packages: give your engine `{instead}` yourself, or "
            "on Debian: apt-get install mmdebstrap"
        )
        # Nothing of it must survive a fall of the power.
        unsynced = ["eatmydata"] if shutil.which("eatmydata") else []
        sources = [each for each in ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list")
                   if os.path.exists(each)]  # fmt: skip
        subprocess.run([*unsynced, *words, suite, path, *sources[:1]], check=True)

    return Layer(json.dumps([suite, words]), write)


@functools.cache
def _postgres() -> Recipe:
    with _small() as (tar, written):
        _add(tar, "usr/local/bin/docker-entrypoint.sh", _content(f"{_HERE}/postgres-entrypoint"), 0o755)
    return Recipe(
        (_debian(_OF_POSTGRES, "postgres:16"), _given(written.getvalue())),
        {
            "Env": [f"PATH={_SYSTEM_PATH}", "LANG=C.UTF-8", "PGDATA=/var/lib/postgresql/data"],
            "Entrypoint": ["docker-entrypoint.sh"],
            "Cmd": ["postgres"],
            "ExposedPorts": {"5432/tcp": {}},
            "Volumes": {"/var/lib/postgresql/data": {}},
            "StopSignal": "SIGINT",
        },
    )


@functools.cache
def _python() -> Recipe:
    return Recipe(
        (_debian(("--include=python3,supervisor,ca-certificates",), "python:3.11-slim"),),
        {"Env": [f"PATH={_SYSTEM_PATH}", "LANG=C.UTF-8"], "Cmd": ["python3"]},
    )


_RECIPES: dict[str, Callable[[], Recipe]] = {
    "busybox:1.36": _busybox,
    "golang:1.24-alpine": _golang,
    "postgres:16": _postgres,
    "python:3.11-slim": _python,
}
