"""The example's images in a real engine: loaded once, small, and they answer."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runner.engine.docker import Engine
from tests.example import REPOSITORY, SERVICES, Example, healthy, serves_groups
from tests.features.conftest import until

pytestmark = pytest.mark.engine

LARGEST = 12_000_000
"""Bytes that an image of the example may take; the program that built it takes two hundred million and more."""


def docker(engine: Engine, *words: str) -> str:
    """What docker's own command says."""
    done = subprocess.run(["docker", "-H", str(engine), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def running(engine: Engine, image: str) -> Iterator[int]:
    """A container of an image; gives the port of this machine that leads to its 8080."""
    container = docker(engine, "run", "-d", "-p", "127.0.0.1:0:8080", image)
    try:
        yield int(docker(engine, "port", container, "8080/tcp").splitlines()[0].rpartition(":")[2])
    finally:
        docker(engine, "rm", "-f", container)


def wait_for(port: int, service: str) -> None:
    until(lambda: healthy(port, service), f"{service} answers")


def test_images_are_loaded_once_and_the_services_answer(engine: Engine, tmp_path: "object") -> None:
    example = Example(f"{tmp_path}/example")
    env = {"DOCKER_HOST": str(engine)}
    made = example.done("image", "--all", env=env)
    assert f"in .pyrun/images, and loaded into the engine at {engine}\n" in made.stderr
    for service in SERVICES:
        image = f"{REPOSITORY}/{service}:latest"
        assert int(docker(engine, "image", "inspect", "--format", "{{.Size}}", image)) <= LARGEST
        with running(engine, image) as port:
            wait_for(port, service)
            if service == "gmicro":
                serves_groups(port)
    again = example.done("image", "gmicro", env=env)
    assert again.stderr.startswith("image gmicro: up to date (")


def test_a_saved_archive_is_what_the_engine_loads(engine: Engine, tmp_path: "object") -> None:
    example = Example(f"{tmp_path}/example")
    example.done("image", "gmicro", "--save", "gmicro.tar")
    assert f"{REPOSITORY}/gmicro:latest" in docker(engine, "load", "-i", f"{example.root}/gmicro.tar")


def test_an_engine_that_must_take_an_image_and_is_not_there_is_told(tmp_path: "object") -> None:
    example = Example(f"{tmp_path}/example")
    result = example.pyrun("image", "gmicro", "--load")
    assert result.code == 125
    assert result.stderr.endswith("  start one, or leave `--load` out\n")
