"""All images are read by programs that others wrote, and run by the engines of the field."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from tests.engine.definitions import DEFINITIONS, LAYERS_ONLY, write_definitions
from tests.engine.engines import RealEngine, podman_engine
from tests.engine.go_programs import known_program
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.engine.registries import RealRegistry, new_program, old_program, registry
from tests.engine.same_image import differences, read_image
from tests.example import MACHINE, SERVICES, Example, example, healthy
from tests.example import REPOSITORY as PAYMENTS
from tests.features.conftest import until

pytestmark = [pytest.mark.engine, pytest.mark.long]

ALL = (*DEFINITIONS, *LAYERS_ONLY)
GZIP = tuple(name for name in ALL if name != "zstd")
"""What those read that know nothing but gzip: umoci, `crane validate`, and Docker before 23.0."""


class Pushed(NamedTuple):
    """A project whose images were pushed.

    Args:
        project: The project.
        registry: Where they were pushed.
    """

    project: ContainerProject
    registry: RealRegistry

    def name(self, image: str) -> str:
        """What the registry calls an image."""
        return f"{self.registry.host}/all/{image}:{'1.2' if image == 'tags' else 'latest'}"

    @property
    def layout(self) -> str:
        """The layout."""
        return self.project.path(".pyrun/images")


@pytest.fixture(scope="module", params=["docker-registry", "distribution"])
def pushed(
    request: pytest.FixtureRequest, engine: RealEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pushed]:
    """The images of all definitions in each of the two registries."""
    give(engine, "busybox:1.36")
    program = old_program() if request.param == "docker-registry" else new_program()
    with registry(program) as found:
        base = f"{found.host}/busybox:1.36"
        engine.docker("tag", "busybox:1.36", base)
        engine.docker("push", "--quiet", base)
        p = ContainerProject(f"{tmp_path_factory.mktemp('read')}/p", engine, {})
        write_definitions(p, base, f"{found.host}/all")
        done = p.run("--push", "--keep-going", *ALL)
        assert done.code == 0, done.stderr
        yield Pushed(p, found)
        assert p.gone() == []
        engine.call("rmi", base)


def said(*argv: str) -> str:
    """What a program says that must succeed."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
    return done.stdout


def test_crane_finds_every_pushed_image_to_be_valid(pushed: Pushed) -> None:
    crane = known_program("crane")
    for image in GZIP:
        said(crane, "validate", "--insecure", "--remote", pushed.name(image))


def test_skopeo_takes_every_image_back_from_the_registry_as_it_was(
    pushed: Pushed, tmp_path: "os.PathLike[str]"
) -> None:
    folder = f"{os.fspath(tmp_path)}/back"
    for image in ALL:
        name = pushed.name(image)
        source = f"docker://{name}"
        said("skopeo", "copy", "--quiet", "--src-tls-verify=false", source, f"oci:{folder}:{image}")
        assert differences(read_image(folder, image), read_image(pushed.layout, name)) == []
        raw = said("skopeo", "inspect", "--raw", "--tls-verify=false", source)
        assert raw == said("skopeo", "inspect", "--raw", f"oci:{pushed.layout}:{name}")


def test_umoci_unpacks_every_image(pushed: Pushed, tmp_path: "os.PathLike[str]") -> None:
    for image in GZIP:
        bundle = f"{os.fspath(tmp_path)}/{image}"
        name = pushed.name(image)
        said("umoci", "unpack", "--rootless", "--image", f"{pushed.layout}:{name}", bundle)
        tree = read_image(pushed.layout, name).tree
        found = {
            os.path.relpath(os.path.join(folder, one), f"{bundle}/rootfs")
            for folder, folders, files in os.walk(f"{bundle}/rootfs")
            for one in (*folders, *files)
        }
        assert found == set(tree)


def test_docker_loads_every_image(pushed: Pushed, engine: RealEngine) -> None:
    done = pushed.project.run("--load", *ALL)
    assert done.code == 0, done.stderr
    try:
        for image in ALL:
            (found,) = json.loads(engine.docker("image", "inspect", pushed.name(image)))
            assert len(found["RootFS"]["Layers"]) == len(manifest(pushed, image)["layers"])
            # It unpacks all of it then, and takes what a container begins with.
            made = engine.docker("create", pushed.name(image), "/nothing").strip()
            engine.docker("rm", made)
    finally:
        engine.call("rmi", "--force", *map(pushed.name, ALL))


def manifest(pushed: Pushed, image: str) -> dict[str, Any]:
    """An image's manifest."""
    found: dict[str, Any] = json.loads(
        said("skopeo", "inspect", "--raw", f"oci:{pushed.layout}:{pushed.name(image)}")
    )
    return found


def test_docker_pulls_every_image(pushed: Pushed, engine: RealEngine) -> None:
    try:
        for image in GZIP:
            engine.docker("pull", "--quiet", pushed.name(image))
    finally:
        engine.call("rmi", "--force", *map(pushed.name, ALL))


def test_podman_pulls_every_image(pushed: Pushed) -> None:
    with podman_engine(plain=pushed.registry.host) as podman:
        for image in ALL:
            podman.docker("pull", "--quiet", pushed.name(image))
            made = podman.docker("create", pushed.name(image), "/nothing").strip()
            podman.docker("rm", made)


@contextmanager
def container(engine: RealEngine, name: str) -> Iterator[int]:
    """A container of a service's image; the port of this machine that leads to it."""
    found = engine.docker("run", "--detach", "--publish", "127.0.0.1:0:8080", name).strip()
    try:
        (line,) = engine.docker("port", found, "8080/tcp").splitlines()
        yield int(line.rpartition(":")[2])
    finally:
        engine.docker("rm", "--force", "--volumes", found)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Example, str]]:
    """The example with the images of all services pushed, and what their names begin with."""
    with registry(new_program()) as found, example(f"{tmp_path_factory.mktemp('services')}/one") as one:
        repository = f"{found.host}/payments"
        one.edit("tasks.yml", f"name: {PAYMENTS}/", f"name: {repository}/")
        one.done("image", "--all", "--push")
        yield one, repository


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_was_pushed_is_pulled_and_answers(
    services: tuple[Example, str], engine: RealEngine, service: str
) -> None:
    name = f"{services[1]}/{service}:latest"
    engine.docker("pull", "--quiet", name)
    try:
        with container(engine, name) as port:
            until(lambda: healthy(port, service), f"{service} answers")
    finally:
        engine.docker("rmi", "--force", name)


@pytest.mark.parametrize("service", SERVICES)
def test_every_reader_takes_a_service(
    services: tuple[Example, str], service: str, tmp_path: "os.PathLike[str]"
) -> None:
    one, repository = services
    name = f"{repository}/{service}:latest"
    layout = one.path(".pyrun/images")
    said(known_program("crane"), "validate", "--insecure", "--remote", name)
    said("umoci", "unpack", "--rootless", "--image", f"{layout}:{name}", f"{os.fspath(tmp_path)}/bundle")
    said("skopeo", "copy", "--quiet", f"oci:{layout}:{name}", f"docker-archive:{os.fspath(tmp_path)}/a.tar")
    assert differences(read_image(f"{os.fspath(tmp_path)}/a.tar"), read_image(layout, name)) == []


def test_two_architectures_are_one_name_to_every_reader(
    services: tuple[Example, str], engine: RealEngine, tmp_path: "os.PathLike[str]"
) -> None:
    one, repository = services
    name = f"{repository}/gmicro:both"
    one.done("image", "gmicro", "--push", "--tag=both", "--platform=linux/amd64,linux/arm64")
    said(known_program("crane"), "validate", "--insecure", "--remote", name)
    folder = f"{os.fspath(tmp_path)}/copy"
    source = f"docker://{name}"
    said("skopeo", "copy", "--quiet", "--all", "--src-tls-verify=false", source, f"oci:{folder}:both")
    raw = said("skopeo", "inspect", "--raw", "--tls-verify=false", source)
    assert raw == said("skopeo", "inspect", "--raw", f"oci:{folder}:both")
    trees = {}
    for architecture in ("amd64", "arm64"):
        found = read_image(folder, "both", f"linux/{architecture}")
        assert found.platform[:2] == ("linux", architecture)
        trees[architecture] = found.tree
        flags = ("--override-arch", architecture, "--src-tls-verify=false")
        to = f"{os.fspath(tmp_path)}/{architecture}.tar"
        said("skopeo", "copy", "--quiet", *flags, source, f"docker-archive:{to}")
        assert differences(read_image(to), found) == []
    contents = {tree["app/gmicro"].content for tree in trees.values()}
    assert len(contents) == 2
    assert trees["amd64"].keys() == trees["arm64"].keys()
    engine.docker("pull", "--quiet", name)
    engine.docker("rmi", "--force", name)
    with podman_engine(plain=repository.partition("/")[0]) as podman:
        podman.docker("pull", "--quiet", name)
        told = podman.docker("image", "inspect", "--format", "{{.Architecture}}", name)
        assert told.strip() == MACHINE
