"""Images of container tasks and of engines: made twice and compared, attested, and searched for secrets."""

import json
import os
from typing import Any

import pytest

from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.features.conftest import Result

pytestmark = pytest.mark.engine

STATEMENT = "application/vnd.in-toto+json"
TASKS = """
    containers:
      bb: {from: "busybox:1.36", keep: 1m}
    tasks:
      build:
        container: bb
        source: [in.txt]
        target: out/app
        run: sh -c 'mkdir -p out; SCRIPT'
      image:
        image:
          name: registry.example.org/pyrun-test/proof
          from: scratch
          copy: [{task: build, to: /app/}]
      hand:
        secrets: [TOKEN]
        image:
          name: registry.example.org/pyrun-test/hand
          dockerfile: Dockerfile
    """
DOCKERFILE = """
    FROM busybox:1.36
    COPY in.txt /in.txt
    RUN cp /in.txt /made
    """


def made(
    engine: RealEngine, tmp_path: "os.PathLike[str]", script: str = "cp in.txt out/app"
) -> ContainerProject:
    give(engine, "busybox:1.36")
    files = {"tasks.yml": TASKS.replace("SCRIPT", script), "in.txt": "1\n", "Dockerfile": DOCKERFILE}
    return ContainerProject(f"{os.path.realpath(tmp_path)}/p", engine, files)


def run(p: ContainerProject, *words: str, env: dict[str, str] | None = None) -> Result:
    return p.run(*words, env=env, memory=None)


def statement(p: ContainerProject) -> Any:
    """The provenance that stands in the layout."""
    entries = json.loads(p.read(".pyrun/images/index.json"))["manifests"]
    (digest,) = (one["digest"] for one in entries if one.get("artifactType") == STATEMENT)
    (layer,) = _blob(p, digest)["layers"]
    return _blob(p, layer["digest"])


def _blob(p: ContainerProject, digest: str) -> Any:
    return json.loads(p.read(f".pyrun/images/blobs/{digest.replace(':', '/')}"))


def test_container_tasks_run_twice_in_places_of_their_own(
    engine: RealEngine, tmp_path: "os.PathLike[str]"
) -> None:
    p = made(engine, tmp_path)
    before = engine.docker("volume", "ls", "--quiet")
    result = run(p, "image", "--verify")
    assert result.code == 0, result
    assert "pyrun: registry.example.org/pyrun-test/proof:latest is the same twice: sha256:" in result.stderr
    labels = engine.docker(
        "ps", "--all", "--filter", "label=pyrun.project", "--format", '{{.Label "pyrun.project"}}'
    )
    assert p.home not in labels
    assert engine.docker("volume", "ls", "--quiet") == before
    assert not p.exists("out")


def test_what_a_container_keeps_between_runs_is_not_there(
    engine: RealEngine, tmp_path: "os.PathLike[str]"
) -> None:
    p = made(
        engine,
        tmp_path,
        "if [ -e ~/old ]; then echo old; fi > out/app; echo >> ~/old; cat /kept/* >> out/app; echo x > /kept/x",
    )
    p.write("tasks.yml", p.read("tasks.yml").replace("keep: 1m", "keep: 1m, cache-mounts: [/kept]"))
    # The script fails where nothing was kept; then it has the same for both.
    p.write("tasks.yml", p.read("tasks.yml").replace("cat /kept/*", "cat /kept/* 2>/dev/null"))
    assert run(p, "image", "-q", "--no-load").code == 0
    assert run(p, "build", "-q", "--force").code == 0
    assert p.read("out/app") == "old\nx\n"
    assert run(p, "image", "--verify").code == 0


def test_what_differs_in_a_container_is_found(engine: RealEngine, tmp_path: "os.PathLike[str]") -> None:
    p = made(engine, tmp_path, "head -c 9 /dev/urandom > out/app")
    result = run(p, "image", "--verify")
    assert result.code == 1
    assert "is not the same twice: byte 0 of `/app/app`, in the layer of `copy` to `/app/`, from `build`" in (
        result.stderr
    )


def test_provenance_names_the_container_and_its_image(
    engine: RealEngine, tmp_path: "os.PathLike[str]"
) -> None:
    p = made(engine, tmp_path)
    assert run(p, "image", "--attest", "--no-load", "-q").code == 0
    found = statement(p)["predicate"]
    (step, _) = found["runDetails"]["pyrun_steps"]
    assert (step["container"], step["made"]) == ("bb (busybox:1.36)", "container")
    named = {one["name"]: one["digest"] for one in found["buildDefinition"]["resolvedDependencies"]}
    assert (
        f"sha256:{named['container bb']['sha256']}"
        == engine.docker("image", "inspect", "--format", "{{.Id}}", "busybox:1.36").strip()
    )


def test_an_image_of_an_engine_is_attested_by_its_files(
    engine: RealEngine, tmp_path: "os.PathLike[str]"
) -> None:
    p = made(engine, tmp_path)
    env = {"TOKEN": "a-value-that-is-nowhere"}
    result = run(p, "hand", "--attest", "--no-load", "-q", env=env)
    assert result.code == 0, result
    found = statement(p)["predicate"]
    (step,) = found["runDetails"]["pyrun_steps"]
    assert (step["task"], step["result"], step["made"]) == ("hand", "run", "docker")
    assert step["sources"] == ["Dockerfile", "in.txt"]


def test_a_secret_in_an_image_of_an_engine_stops_it(engine: RealEngine, tmp_path: "os.PathLike[str]") -> None:
    p = made(engine, tmp_path)
    p.write("in.txt", "a-value-that-is-secret\n")
    result = run(p, "hand", "--no-load", "-q", env={"TOKEN": "a-value-that-is-secret"})
    assert result.code == 1
    assert (
        "the secret `TOKEN` would ship with the image `registry.example.org/pyrun-test/hand`: it is in"
        in (result.stderr)
    )
    assert json.loads(p.read(".pyrun/images/index.json"))["manifests"] == []
    p.write("in.txt", "1\n")
    p.write(
        "Dockerfile", f"FROM busybox:1.36 AS one\nRUN echo a-value-that-is-secret\n{p.read('Dockerfile')}"
    )
    result = run(p, "hand", "--no-load", "-q", env={"TOKEN": "a-value-that-is-secret"})
    assert result.code == 1
    assert "it is in its Dockerfile\n" in result.stderr
