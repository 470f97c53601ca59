"""Images on top of what an engine has: an image by its name, a container's with its `setup` or Dockerfile."""

import json
import os

import pytest

from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.engine.project import ContainerProject

pytestmark = pytest.mark.engine

TASKS = """
    containers:
      plain: busybox:1.36
      tools:
        from: busybox:1.36
        setup: [mkdir -p /opt/tools, "printf 'made\\n' >/opt/tools/by", chmod 0700 /opt]
        env: {TOOLS: /opt/tools}
        workdir: /work
      built: {dockerfile: Dockerfile}
    tasks:
      by-name:
        image: {name: registry.example.org/by-name, from: "engine:busybox:1.36", copy: [{source: file, to: /bin/}], cmd: [cat, /bin/file]}
      of-plain:
        image: {name: registry.example.org/of-plain, from: plain, copy: [{source: file, to: /bin/}], cmd: [cat, /bin/file]}
      of-tools:
        image:
          name: registry.example.org/of-tools
          from: tools
          copy: [{source: file, to: here/}, {source: file, to: /opt/}]
          cmd: 'echo $TOOLS; pwd; cat here/file /opt/tools/by; stat -c %a /opt; ls -d /.pyrun'
      of-built:
        image: {name: registry.example.org/of-built, from: built, copy: [{source: file, to: /}], cmd: [cat, /from-dockerfile, /file]}
      packed:
        image:
          name: registry.example.org/packed
          from: engine:busybox:1.36
          compression: zstd
          copy: [{source: file, to: /}]
          cmd: [cat, /file]
      files:
        image:
          name: registry.example.org/files
          from: scratch
          copy:
            - {from: plain, source: /bin/busybox, to: /bin/cat}
            - {from: tools, source: /opt/tools/, to: /opt/}
            - {from: built, source: "/from-*", to: /all/}
          entrypoint: [/bin/cat]
          cmd: [/opt/by, /all/from-dockerfile]
"""
DOCKERFILE = """
    FROM busybox:1.36
    RUN echo from the Dockerfile >/from-dockerfile
"""


@pytest.fixture(params=["engine", "podman"])
def project(request: pytest.FixtureRequest, tmp_path: os.PathLike[str]) -> ContainerProject:
    """A project beside Docker, and beside Podman."""
    engine: RealEngine = request.getfixturevalue(request.param)
    give(engine, "busybox:1.36")
    files = {"tasks.yml": TASKS, "file": "file\n", "Dockerfile": DOCKERFILE}
    return ContainerProject(f"{os.path.realpath(tmp_path)}/{request.param}", engine, files)


def good(one: ContainerProject, *argv: str) -> str:
    done = one.run(*argv)
    assert done.code == 0, done.stderr
    return done.stderr


def told_by(one: ContainerProject, name: str) -> str:
    """What a container of an image writes; the image is then gone from the engine."""
    reference = f"registry.example.org/{name}:latest"
    found = one.engine.call("run", "--rm", reference)
    one.engine.docker("image", "rm", "--force", reference)
    return (found.stdout + found.stderr).decode()


def test_an_engine_s_image_is_taken_once(project: ContainerProject) -> None:
    assert "pyrun: takes busybox:1.36 from the engine at " in good(project, "by-name")
    assert told_by(project, "by-name") == "file\n"
    assert "by-name: up to date" in good(project, "by-name", "--no-load")
    project.write("file", "other\n")
    assert "takes" not in good(project, "by-name")
    assert told_by(project, "by-name") == "other\n"


def test_a_container_s_image_that_only_the_engine_knows_is_the_engine_s(project: ContainerProject) -> None:
    good(project, "of-plain")
    assert told_by(project, "of-plain") == "file\n"
    assert not project.exists("tasks.lock")
    assert "of-plain: up to date" in good(project, "of-plain", "--no-load")


def test_a_container_s_image_comes_with_what_its_setup_made(project: ContainerProject) -> None:
    assert "container tools $ mkdir -p /opt/tools\n" in good(project, "of-tools")
    asked = ("image", "inspect", "--format", "{{json .Config}}", "registry.example.org/of-tools:latest")
    config = json.loads(project.engine.docker(*asked))
    # Nothing is left of the container in which the setup ran.
    assert config["Env"] == [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "TOOLS=/opt/tools",
    ]
    assert set(config["Labels"]) == {"tests.made-of"}
    assert (config.get("User", ""), config.get("Entrypoint")) == ("", None)
    # A folder of the base is in the image as the base has it, and what pyrun put there to make it is gone.
    told = told_by(project, "of-tools")
    assert told.startswith("/opt/tools\n/work\nfile\nmade\n700\n"), told
    assert "No such file" in told
    done = good(project, "of-tools", "--no-load")
    assert "of-tools: up to date" in done
    assert "$" not in done


def test_a_container_s_image_that_a_dockerfile_makes(project: ContainerProject) -> None:
    good(project, "of-built")
    assert told_by(project, "of-built") == "from the Dockerfile\nfile\n"
    assert "of-built: up to date" in good(project, "of-built", "--no-load")


def test_files_come_out_of_the_images_of_containers(project: ContainerProject) -> None:
    good(project, "files")
    assert told_by(project, "files") == "made\nfrom the Dockerfile\n"


def test_all_engines_give_the_same_image(
    engine: RealEngine, podman: RealEngine, tmp_path: os.PathLike[str]
) -> None:
    digests = set()
    for one in (engine, podman):
        give(one, "busybox:1.36")
        files = {"tasks.yml": TASKS, "file": "file\n", "Dockerfile": DOCKERFILE}
        project = ContainerProject(f"{os.path.realpath(tmp_path)}/{one}".replace("://", ""), one, files)
        good(project, "by-name", "--no-load")
        with open(project.path(".pyrun/images/index.json"), "rb") as file:
            (entry,) = json.load(file)["manifests"]
        digests.add(entry["digest"])
    assert len(digests) == 1


def test_an_image_that_the_engine_does_not_have_is_an_error_at_its_place(project: ContainerProject) -> None:
    project.write("tasks.yml", project.read("tasks.yml").replace("engine:busybox:1.36", "engine:nobody:has"))
    done = project.run("by-name", "--no-load")
    assert done.code == 1
    lines = done.stderr.splitlines()
    assert lines[0].startswith("pyrun: tasks.yml:11:")
    assert lines[0].endswith("has no image `nobody:has`")
    assert lines[-1] == "  `docker pull nobody:has` gets it there; `from: nobody:has` needs no engine"


def test_without_an_engine_its_images_are_an_error_that_says_what_needs_none(
    project: ContainerProject,
) -> None:
    done = project.run("by-name", "--no-load", env={"DOCKER_HOST": f"unix://{project.told}/none"})
    assert done.code == 125
    assert "no container engine answers" in done.stderr
    assert "take a base that needs none" in done.stderr


@pytest.mark.parametrize("name", ["by-name", "of-plain", "of-tools", "of-built"])
def test_a_look_without_an_engine_takes_what_it_would_tell_for_new(
    project: ContainerProject, name: str
) -> None:
    good(project, name, "--no-load")
    for look in ("--dry-run", "--why"):
        done = project.run(look, name, env={"DOCKER_HOST": f"unix://{project.told}/none"})
        assert done.code == 0, done.stderr


def test_an_image_whose_layers_are_packed_by_zstd_is_loaded_by_every_engine(
    project: ContainerProject,
) -> None:
    good(project, "packed")
    assert "packed: up to date" in good(project, "packed")
    assert told_by(project, "packed") == "file\n"
