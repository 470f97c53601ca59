"""Images for several platforms with a real engine and a real registry, and tasks in containers for another one."""

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.engine.clients import WAYS, client_environ
from tests.engine.engines import RealEngine
from tests.engine.go_programs import known_program
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.engine.registries import new_program, old_program, registry
from tests.features.conftest import Result
from tests.features.test_platforms import BOTH, HERE, MINE, OTHER, THEIRS, images

pytestmark = pytest.mark.engine

Make = Callable[..., ContainerProject]
TASKS = """
    containers:
      box: {from: "busybox:1.36", cache-mounts: [/kept]}
    tasks:
      fetch:
        source: [in.txt]
        target: got.txt
        run: tr a-z A-Z < in.txt > got.txt
      build:
        deps: [fetch]
        source: [src/]
        target: [bin/app, out/]
        env: {ARCH: "${TARGETARCH}", BUILD: "${BUILDPLATFORM}"}
        run: |
          mkdir -p bin out/deep
          cat got.txt src/* > bin/app
          echo "for $ARCH on $BUILD in $PYRUN_CONTAINER" >> bin/app
          chmod +x bin/app
          cp bin/app out/deep/$ARCH
          touch stray
      image:
        container: box
        image:
          name: NAME
          from: scratch
          copy: [{task: build, to: /app/}]
          labels: {arch: "${TARGETARCH}"}
"""
FILES = {"in.txt": "got\n", "src/a": "a\n", "src/b": "b\n", "unseen": ""}


@pytest.fixture
def make(engine: RealEngine, tmp_path: "os.PathLike[str]") -> Iterator[Make]:
    """Makes projects; what pyrun left in the engine is a failure."""
    made: list[ContainerProject] = []

    def one(name: str, where: RealEngine = engine) -> ContainerProject:
        give(where, "busybox:1.36")
        files = {**FILES, "tasks.yml": TASKS.replace("NAME", name)}
        made.append(ContainerProject(f"{os.path.realpath(tmp_path)}/{len(made)}", where, files))
        return made[-1]

    yield one
    assert [left for p in made for left in p.gone()] == []


def done(p: ContainerProject, *words: str, env: dict[str, str] | None = None) -> Result:
    result = p.run(*words, env=env, memory=4 << 30)
    assert result.code == 0, result.stderr
    return result


def said_to_be_for(archive: bytes, arch: str) -> bytes:
    """What `docker save` wrote, as an image of another name that says it is for an architecture."""
    written = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as source,
        tarfile.open(fileobj=written, mode="w") as target,
    ):

        def document(name: str) -> Any:
            data = source.extractfile(name)
            assert data is not None
            return json.load(data)

        def add(name: str, value: object) -> None:
            data = json.dumps(value).encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            target.addfile(member, io.BytesIO(data))

        (image,) = document("manifest.json")
        for layer in image["Layers"]:
            target.addfile(source.getmember(layer), source.extractfile(layer))
        add("config.json", {**document(image["Config"]), "architecture": arch})
        add("manifest.json", [{**image, "Config": "config.json", "RepoTags": [f"pyrun-test-box:{arch}"]}])
    return written.getvalue()


def content(arch: str) -> dict[str, str]:
    text = f"GOT\na\nb\nfor {arch} on {MINE} in box\n"
    return {"app/app": text, f"app/deep/{arch}": text}


def test_in_a_container_that_sees_the_checkout_nothing_for_another_platform_gets_into_it(make: Make) -> None:
    p = make("registry.example.org/pyrun-test/platforms")
    done(p, "image", "--platform", BOTH, "--no-load")
    assert images(p, "registry.example.org/pyrun-test/platforms:latest") == {
        MINE: content(HERE), THEIRS: content(OTHER),
    }  # fmt: skip
    # What is for this machine is made in the checkout, with all that comes of it.
    assert p.files() == [
        "bin/app", "got.txt", "in.txt", f"out/deep/{HERE}", "src/a", "src/b", "stray", "tasks.yml", "unseen",
    ]  # fmt: skip
    events = done(p, "image", "--platform", BOTH, "--no-load", "--output", "json").stdout
    assert "command-started" not in events


def test_with_copies_it_is_the_same(make: Make) -> None:
    p = make("registry.example.org/pyrun-test/copies")
    done(p, "image", "--platform", BOTH, "--no-load", "--sandbox")
    assert images(p, "registry.example.org/pyrun-test/copies:latest") == {
        MINE: content(HERE), THEIRS: content(OTHER),
    }  # fmt: skip
    assert not p.exists("stray")


def test_a_container_for_the_image_s_platform_is_one_of_that(engine: RealEngine, make: Make) -> None:
    p = make("registry.example.org/pyrun-test/native")
    # What is in it is this machine's, so that it runs all the same.
    engine.docker("load", stdin=said_to_be_for(engine.call("save", "busybox:1.36").stdout, "386"))
    text = p.read("tasks.yml").replace('from: "busybox:1.36"', 'from: "pyrun-test-box:386", platform: target')
    p.write("tasks.yml", text)
    done(p, "image", "--platform", "linux/386", "--no-load")
    found = images(p, "registry.example.org/pyrun-test/native:latest")
    assert found["linux/386"]["app/app"] == "GOT\na\nb\nfor 386 on linux/386 in box\n"
    # Its tasks are all for that platform, so none is done in the checkout.
    assert p.files() == ["in.txt", "src/a", "src/b", "tasks.yml", "unseen"]
    engine.docker("rmi", "pyrun-test-box:386")


def test_the_engine_gets_the_image_of_an_index_that_it_runs(engine: RealEngine, make: Make) -> None:
    name = "registry.example.org/pyrun-test/indexed"
    p = make(name)
    done(p, "image", "--platform", f"{THEIRS},{MINE}")
    (found,) = json.loads(engine.docker("image", "inspect", f"{name}:latest"))
    assert (found["Architecture"], found["Config"]["Labels"]) == (HERE, {"arch": HERE})
    done(p, "image", "--platform", f"{THEIRS},{MINE}", "--no-load", "--save", "saved.tar")
    engine.docker("rmi", f"{name}:latest")
    with open(p.path("saved.tar"), "rb") as file:
        engine.docker("load", stdin=file.read())
    (found,) = json.loads(engine.docker("image", "inspect", f"{name}:latest"))
    assert found["Architecture"] == HERE
    engine.docker("rmi", f"{name}:latest")


@pytest.mark.parametrize("program", [old_program, new_program])
def test_an_index_is_pushed_with_its_images(make: Make, program: Callable[[], list[str]]) -> None:
    crane = known_program("crane")
    with registry(program()) as found:
        name = f"{found.host}/team/app"
        p = make(name)
        done(p, "image", "--platform", BOTH, "--push", "--tag", "1,latest")

        def asked(*words: str) -> str:
            finished = subprocess.run([crane, *words], capture_output=True, text=True, check=False)
            assert finished.returncode == 0, finished.stderr
            return finished.stdout

        asked("validate", "--remote", f"{name}:1", "--insecure")
        for platform, arch in ((MINE, HERE), (THEIRS, OTHER)):
            asked("validate", "--remote", f"{name}:latest", "--platform", platform)
            config = json.loads(asked("config", "--platform", platform, f"{name}:latest"))
            assert (config["architecture"], config["config"]["Labels"]) == (arch, {"arch": arch})
        listed = json.loads(asked("manifest", f"{name}:1"))["manifests"]
        assert [one["platform"]["architecture"] for one in listed] == [HERE, OTHER]
        # What the registry has is not sent again.
        told = done(p, "image", "--platform", BOTH, "--push", "--tag", "1,latest").stderr
        assert f"pushed {name}:1 {name}:latest: it was there\n" in told

        # Who stands on it stands on the image for the same platform.
        q = make("unused")
        image = f"{{name: app, from: '{name}:1', copy: [{{source: in.txt, to: /}}]}}"
        q.write("tasks.yml", f"tasks: {{image: {{image: {image}}}}}\n")
        done(q, "image", "--platform", BOTH, "--no-load")
        assert images(q, "app:latest") == {
            f"linux/{arch}": {**content(arch), "in.txt": "got\n"} for arch in (HERE, OTHER)
        }
        result = q.run("image", "--platform", "linux/s390x", "--no-load")
        assert result.code != 0
        assert "linux/s390x" in result.stderr
        assert f"it has: {MINE}, {THEIRS}" in result.stderr


@pytest.mark.parametrize("way", WAYS)
def test_by_a_dockerfile_it_is_the_same_for_each_platform(
    make: Make, tmp_path: "os.PathLike[str]", way: str
) -> None:
    name = "registry.example.org/pyrun-test/by-docker"
    p = make(name)
    client = client_environ(way, f"{os.fspath(tmp_path)}/client")
    done(p, "image", "--platform", BOTH, "--no-load", "--builder", "docker", env=client)
    assert images(p, f"{name}:latest") == {MINE: content(HERE), THEIRS: content(OTHER)}
    # Nothing is done for it in the checkout.
    assert p.files() == ["in.txt", "src/a", "src/b", "tasks.yml", "unseen"]
    told = done(p, "image", "--platform", BOTH, "--no-load", "--builder", "docker", env=client).stderr
    assert "image: up to date (2 deps and the image as in the last run)\n" in told


def test_a_dockerfile_by_hand_is_built_for_each_platform(make: Make) -> None:
    p = make("unused")
    p.write("tasks.yml", "tasks: {image: {image: {name: pyrun-test/by-hand, dockerfile: Dockerfile}}}\n")
    p.write("Dockerfile", "FROM scratch\nARG TARGETARCH\nCOPY src/ /for-$TARGETARCH/\n")
    done(p, "image", "--platform", BOTH, "--no-load")
    assert images(p, "pyrun-test/by-hand:latest") == {
        f"linux/{arch}": {f"for-{arch}/a": "a\n", f"for-{arch}/b": "b\n"} for arch in (HERE, OTHER)
    }
