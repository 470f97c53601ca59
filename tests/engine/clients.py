"""Clients of Docker as machines have them: with `buildx`, with BuildKit's part in it, and none at all."""

import os
import re
import subprocess

from runner.engine.image_build import API, BUILDX, CLIENT
from tests.engine.go_programs import known_program

WAYS = (BUILDX, CLIENT, API)
"""How Docker builds on a machine with such a client; with none, the engine does it alone."""


def client_environ(way: str, folder: str) -> dict[str, str]:
    """The variables of a machine whose client builds in a way.

    Args:
        way: One of `WAYS`.
        folder: A folder of the test's own.
    """
    os.makedirs(f"{folder}/config/cli-plugins")
    path = path_without_docker(f"{folder}/bin")
    if way != API:
        os.symlink(_docker(old=way == CLIENT), f"{folder}/bin/docker")
    if way == BUILDX:
        os.symlink(known_program("buildx"), f"{folder}/config/cli-plugins/docker-buildx")
    return {"PATH": path, "DOCKER_CONFIG": f"{folder}/config"}


def path_without_docker(folder: str) -> str:
    """A PATH with all programs of this machine but `docker`.

    Args:
        folder: Where to make links to those that lie beside one.
    """
    os.makedirs(folder)
    kept = [folder]
    for other in os.environ["PATH"].split(":"):
        if not os.path.exists(f"{other}/docker"):
            kept.append(other)
            continue
        for name in os.listdir(other):
            if name != "docker" and not os.path.lexists(f"{folder}/{name}"):
                os.symlink(f"{other}/{name}", f"{folder}/{name}")
    return ":".join(kept)


def _docker(*, old: bool) -> str:
    """A client of Docker; an old one has BuildKit's part in it."""
    found = [f"{folder}/docker" for folder in os.environ["PATH"].split(":")]
    for path in filter(os.path.exists, found):
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"Docker version (\d+)\.", told)
        if version is not None and (not old or int(version[1]) < 23):
            return path
    raise AssertionError("these tests call `docker` of version 20.10: apt-get install docker.io on Debian 12")
