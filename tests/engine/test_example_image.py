"""The images of the example monorepo in a real engine: loaded by pyrun, run by Docker's own command."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.engine.engines import RealEngine
from tests.example import NO_ENGINE, REPOSITORY, SERVICES, Example, example, healthy, serves_groups
from tests.features.conftest import until

pytestmark = pytest.mark.engine

MAX_SIZE = 12_000_000
"""Bytes; the images that these services were first shipped in took 8.53 MB."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The example with the images of all services made, and given to no engine."""
    with example(f"{tmp_path_factory.mktemp('built')}/one") as one:
        one.done("image", "--all", "--no-load")
        yield one


@pytest.fixture
def empty_engine(engine: RealEngine) -> Iterator[RealEngine]:
    """The engine without the example's images, before and after."""
    forget(engine)
    yield engine
    forget(engine)


def forget(engine: RealEngine) -> None:
    for service in SERVICES:
        if engine.client.image_id(name(service)) is not None:
            engine.docker("image", "rm", "--force", name(service))


def name(service: str) -> str:
    return f"{REPOSITORY}/{service}:latest"


def loads(engine: RealEngine) -> int:
    """How many images the engine was given of late, the same one twice counted twice."""
    past = ("--since", "0", "--until", f"{time.time():.9f}")
    return len(engine.docker("events", *past, "--filter", "event=load").splitlines())


@contextmanager
def container(engine: RealEngine, service: str) -> Iterator[int]:
    """A container of a service's image; the port of this machine that leads to it."""
    found = engine.docker("run", "--detach", "--publish", "127.0.0.1:0:8080", name(service)).strip()
    try:
        (line,) = engine.docker("port", found, "8080/tcp").splitlines()
        yield int(line.rpartition(":")[2])
    finally:
        engine.docker("rm", "--force", "--volumes", found)


def test_an_image_goes_to_the_engine_that_answers_and_only_once(
    built: Example, empty_engine: RealEngine
) -> None:
    before = loads(empty_engine)
    first = built.done("image", "gmicro", env=empty_engine.environ)
    told = f"\nin .pyrun/images, and loaded into the engine at {empty_engine}\n"
    assert first.stderr.endswith(told)
    assert loads(empty_engine) == before + 1
    again = built.done("image", "gmicro", env=empty_engine.environ)
    assert again.stderr == first.stderr
    assert loads(empty_engine) == before + 1
    empty_engine.docker("image", "rm", name("gmicro"))
    built.done("image", "gmicro", "--load", env=empty_engine.environ)
    assert loads(empty_engine) == before + 2
    assert empty_engine.client.image_id(name("gmicro")) in ids(built, "gmicro")


def ids(built: Example, service: str) -> tuple[str, str]:
    """What an engine may call an image: by its manifest, or by its config."""
    digest, manifest = built.manifest(service)
    return digest, manifest["config"]["digest"]


@pytest.mark.parametrize("flags", [("--no-load",), ("--save", "../gmicro.tar")])
def test_an_image_is_kept_from_the_engine_where_that_was_asked(
    built: Example, empty_engine: RealEngine, flags: tuple[str, ...]
) -> None:
    result = built.done("image", "gmicro", *flags, env=empty_engine.environ)
    assert "engine" not in result.stderr
    assert empty_engine.client.image_id(name("gmicro")) is None


def test_an_image_that_is_made_now_is_loaded_too(built: Example, empty_engine: RealEngine) -> None:
    result = built.done("image", "tmicro", "--force", env=empty_engine.environ)
    assert result.stderr.endswith(f", and loaded into the engine at {empty_engine}\n")
    assert "up to date" not in result.stderr
    assert empty_engine.client.image_id(name("tmicro")) in ids(built, "tmicro")


def test_docker_loads_what_was_saved(built: Example, empty_engine: RealEngine) -> None:
    built.done("image", "gmicro", "--save", "../gmicro.tar", env=empty_engine.environ)
    path = os.path.normpath(built.path("../gmicro.tar"))
    assert name("gmicro") in empty_engine.docker("load", "--input", path)
    assert empty_engine.client.image_id(name("gmicro")) in ids(built, "gmicro")
    with container(empty_engine, "gmicro") as port:
        until(lambda: healthy(port, "gmicro"), "gmicro answers")


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_of_the_image_answers(built: Example, empty_engine: RealEngine, service: str) -> None:
    built.done("image", service, "--load", env=empty_engine.environ)
    (found,) = json.loads(empty_engine.docker("image", "inspect", name(service)))
    assert 0 < found["Size"] <= MAX_SIZE
    assert found["Config"]["WorkingDir"] == "/app"
    assert found["Config"]["Entrypoint"] == [f"./{service}"]
    with container(empty_engine, service) as port:
        until(lambda: healthy(port, service), f"{service} answers")
        if service == "gmicro":
            serves_groups(port)


def test_without_an_engine_only_load_fails(built: Example) -> None:
    result = built.pyrun("image", "gmicro", "--load")
    assert result.code == 125
    assert result.stderr == (
        f"pyrun: no container engine answers at {NO_ENGINE}\n"
        "  no such socket (DOCKER_HOST names it)\n"
        "  start it, name another with `--engine URL`, or leave `--load` out\n"
    )
    assert built.done("image", "gmicro").stderr.endswith("\nin .pyrun/images\n")
