"""Two builders, one result: for each definition and each service of the example the same files and settings."""

import json
import os
from collections.abc import Iterator

import pytest

from tests.engine.definitions import DEFINITIONS, REPOSITORY, write_definitions
from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.engine.registries import new_program, registry
from tests.engine.same_image import differences, read_image
from tests.example import REPOSITORY as PAYMENTS
from tests.example import SERVICES, Example, example

pytestmark = [pytest.mark.engine, pytest.mark.long]

SCHEMA = os.path.join(os.path.dirname(__file__), "..", "..", "schema", "tasks.schema.json")
BUILDERS = ("layers", "docker")


@pytest.fixture(scope="module")
def base(engine: RealEngine) -> Iterator[str]:
    """The files of `busybox:1.36` in a registry."""
    give(engine, "busybox:1.36")
    with registry(new_program()) as found:
        name = f"{found.host}/busybox:1.36"
        engine.docker("tag", "busybox:1.36", name)
        engine.docker("push", "--quiet", name)
        yield name
        engine.call("rmi", name)


@pytest.fixture(scope="module")
def layouts(
    engine: RealEngine, base: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The layouts with all images, by who built them."""
    projects = {}
    for builder in BUILDERS:
        p = ContainerProject(f"{tmp_path_factory.mktemp('both')}/{builder}", engine, {})
        write_definitions(p, base)
        done = p.run("--no-load", f"--builder={builder}", "--keep-going", *DEFINITIONS)
        assert done.code == 0, done.stderr
        projects[builder] = p
    assert projects["layers"].read("tasks.lock") == projects["docker"].read("tasks.lock")
    yield {builder: p.path(".pyrun/images") for builder, p in projects.items()}
    for p in projects.values():
        assert p.gone() == []


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_gives_the_same_image(layouts: dict[str, str], name: str) -> None:
    tag = "1.2" if name == "tags" else "latest"
    one, other = (read_image(layouts[builder], f"{REPOSITORY}/{name}:{tag}") for builder in BUILDERS)
    assert differences(one, other) == []


def test_the_definitions_cover_every_key_of_an_image() -> None:
    """But those that only one builder can, and what a Dockerfile says by itself."""
    covered = {key for definition in DEFINITIONS.values() for key in definition.keys}
    elsewhere = {"run", "runner", "platforms", "dockerfile", "target", "context", "build-args", "name"}
    assert len(DEFINITIONS) >= 30
    with open(SCHEMA, encoding="utf-8") as file:
        keys = json.load(file)["$defs"]["image"]["properties"]
    assert set(keys) - elsewhere - covered == set()
    assert {f"copy.{key}" for key in ("task", "source", "from", "to", "mode", "owner")} <= covered


@pytest.fixture(scope="module")
def services(engine: RealEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Example]]:
    """The example with the images of all services, compiled on this machine or in stages of a Dockerfile."""
    give(engine, "golang:1.24-alpine")
    with (
        example(f"{tmp_path_factory.mktemp('services')}/layers") as layers,
        example(f"{tmp_path_factory.mktemp('services')}/docker") as docker,
    ):
        layers.done("--no-load", "image", "--all")
        docker.done("--in", "go", "--no-load", "--builder=docker", "image", "--all", env=engine.environ)
        yield {"layers": layers, "docker": docker}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_of_the_example_is_the_same_image(services: dict[str, Example], service: str) -> None:
    one, other = (
        read_image(services[builder].path(".pyrun/images"), f"{PAYMENTS}/{service}:latest")
        for builder in BUILDERS
    )
    assert f"app/{service}" in one.tree
    assert differences(one, other) == []
