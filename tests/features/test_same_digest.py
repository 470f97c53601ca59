"""The same inputs give the same image, byte by byte, whoever builds it, where, when and with which Python."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from runner.plan.platform import Platform
from tests.example import MACHINE
from tests.features.conftest import PYRUN
from tests.other_python import other_python
from tests.registry.images import make_image

FILE = """\
name: same
tasks:
  compile:
    source: [src/**]
    target: out/
    run:
      - mkdir -p out/deep/er && cat src/tool src/zero > out/all && cp src/tool out/tool && chmod +x out/tool
      - for n in 9 3 7 1; do echo $n > out/deep/er/f$n; done; ln -sf all out/link
"""
IMAGE = """\
  @PACKED@:
    image:
      name: registry.example.org/@PACKED@
      from: oci:base
      compression: @PACKED@
      workdir: /app
      env: {B: "2", A: "1", PATH: "/app:${PATH}"}
      labels: {z: last, a: first}
      user: "1000:7"
      expose: [8080, 53/udp]
      volumes: [/data]
      stop-signal: SIGINT
      healthcheck: {command: ["true"], interval: 5s}
      entrypoint: [/app/tool]
      cmd: [--serve]
      copy:
        - {task: compile, to: /app/}
        - {source: "src/**", to: /src/, owner: "10:20"}
        - {source: "conf/*.conf", to: /etc/app/, mode: "0600"}
        - {from: "oci:base", source: /file0, to: /copied}
"""
KINDS = ("gzip", "zstd")
FILES = {
    "tasks.yml": FILE + "".join(IMAGE.replace("@PACKED@", kind) for kind in KINDS),
    "src/tool": "#!/bin/sh\necho tool\n",
    "src/größe.txt": "ü\n" * 2000,
    "src/b/c/d": "",
    "src/zero": "\0" * 70_000,
    "conf/a.conf": "a\n",
    "conf/b.conf": "b\n",
    ".gitignore": ".pyrun/\nout/\n",
}


class Way(NamedTuple):
    """A way to build.

    Args:
        argv: The words in front of pyrun's.
        env: Variables of its own.
        umask: What files that are made lack.
        folder: Where the project is, below the test's folder.
        turned: Whether its files are made in the other order.
        commit: Whether it is a checkout with a commit that changes nothing of it.
    """

    argv: tuple[str, ...] = (PYRUN,)
    env: Mapping[str, str] = {}
    umask: int = 0o022
    folder: str = "a"
    turned: bool = False
    commit: bool = False


def other_user() -> tuple[str, ...]:
    """The words by which somebody else than this user builds: for root it is 1000, for others root as they see it."""
    if os.geteuid():
        return ("unshare", "--map-root-user", PYRUN)
    return ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", PYRUN)


WAYS = {
    "another folder": Way(folder="a/much/longer/folder with blanks/ü"),
    "umask 000": Way(umask=0o000),
    "umask 077": Way(umask=0o077),
    "far east": Way(env={"TZ": "Pacific/Kiritimati", "LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8"}),
    "far west": Way(env={"TZ": "America/Adak", "LANG": "C", "LC_ALL": "C"}),
    "another order": Way(turned=True, env={"PYTHONHASHSEED": "77"}),
    "an unrelated commit": Way(commit=True),
    "another user": Way(argv=other_user(), env={"HOME": "@HOME@"}),
}


@pytest.fixture
def place() -> Iterator[str]:
    """A folder that all users may read."""
    with tempfile.TemporaryDirectory(prefix="pyrun-same.") as folder:
        os.chmod(folder, 0o755)
        yield os.path.realpath(folder)


def built(place: str, way: Way) -> dict[str, str]:
    """The digests of the images that are built in a way, and of what they are made of, by name."""
    top = f"{place}/{way.folder}"
    os.makedirs(top)
    rows = list(FILES.items())
    for name, text in reversed(rows) if way.turned else rows:
        path = f"{top}/{name}"
        before = os.umask(way.umask)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8", opener=opener) as file:
                file.write(text)
        finally:
            os.umask(before)
        os.utime(path, (len(name) * 1e8, time.time() - 1e6 * len(way.folder)))
    base = make_image(f"{top}/base", 1, (500, 7), platform=Platform("linux", MACHINE))
    with open(f"{top}/base/index.json", "w", encoding="ascii") as index:
        json.dump({"schemaVersion": 2, "manifests": [base.descriptor.document()]}, index)
    home = f"{place}/home"
    os.makedirs(home, exist_ok=True)
    environ = {
        "PATH": os.environ["PATH"], "HOME": home, "XDG_CACHE_HOME": f"{top}.cache", **way.env,
    }  # fmt: skip
    if way.commit:
        committed(top, environ)
    if "setpriv" in way.argv:
        subprocess.run(["chown", "-R", "1000:1000", place], check=True)
    argv = [*way.argv, "--no-load", "--jobs=1", *KINDS]
    done = subprocess.run(
        argv, cwd=top, env=environ, capture_output=True, text=True, check=False, umask=way.umask
    )
    assert done.returncode == 0, done.stderr
    return read(f"{top}/.pyrun/images")


def opener(path: str, flags: int) -> int:
    """Opens a new file that is executable if it is a tool, as far as the umask lets it be."""
    return os.open(path, flags, 0o777 if path.endswith("tool") else 0o666)


def committed(top: str, environ: Mapping[str, str]) -> None:
    """Makes a checkout of it, with a commit of a file that the image does not have."""
    who = {
        f"GIT_{role}_{what}": "a@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    with open(f"{top}/NEWS", "w", encoding="ascii") as file:
        file.write("unrelated\n")
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message=unrelated")):
        subprocess.run(["git", *words], cwd=top, env={**environ, **who}, check=True, capture_output=True)


def read(layout: str) -> dict[str, str]:
    """What a layout's index names, and the blobs of that: names and digests."""
    with open(f"{layout}/index.json", encoding="utf-8") as file:
        manifests = json.load(file)["manifests"]
    found = {}
    for one in manifests:
        with open(f"{layout}/blobs/sha256/{one['digest'][7:]}", encoding="utf-8") as file:
            manifest = json.load(file)
        kinds = {layer["mediaType"].rpartition("+")[2] for layer in manifest["layers"][2:]}
        name = f"{'-'.join(sorted(kinds))}"
        found[name] = one["digest"]
        found[f"{name} config"] = manifest["config"]["digest"]
        for number, layer in enumerate(manifest["layers"]):
            found[f"{name} layer {number}"] = layer["digest"]
    return found


@pytest.fixture(scope="module")
def usual() -> dict[str, str]:
    """What is built in the usual way."""
    with tempfile.TemporaryDirectory(prefix="pyrun-same.") as folder:
        return built(os.path.realpath(folder), Way())


@pytest.mark.parametrize("name", WAYS)
def test_each_way_gives_the_same_bytes(place: str, usual: dict[str, str], name: str) -> None:
    way = WAYS[name]
    env = {key: value.replace("@HOME@", f"{place}/home") for key, value in way.env.items()}
    assert built(place, way._replace(env=env)) == usual


def test_a_newer_python_gives_the_same_bytes(place: str, usual: dict[str, str]) -> None:
    argv, env = other_python()
    assert built(place, Way((*argv, "-m", "runner"), env)) == usual


def test_another_file_is_another_image(
    place: str, usual: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FILES, "conf/b.conf", "c\n")
    found = built(place, Way())
    changed = {name for name in usual if found[name] != usual[name]}
    assert changed == {"gzip", "gzip config", "gzip layer 4", "zstd", "zstd config", "zstd layer 4"}
