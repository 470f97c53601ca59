"""The task graph as a Dockerfile: what `--dockerfile=FOLDER` writes, built by a client of Docker as it is, and what
`--builder docker` makes of tasks that are hard to put into a `RUN`."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from runner.engine.image_build import API, BUILDX, CLIENT
from tests.engine.clients import client_environ
from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.engine.same_image import SeenImage, differences, read_image
from tests.example import BUILD_SECONDS, Example, example
from tests.features.conftest import Result

pytestmark = [pytest.mark.engine, pytest.mark.long]

SERVICE = "gmicro"


@pytest.fixture(scope="module")
def docker(engine: RealEngine) -> RealEngine:
    give(engine, "busybox:1.36", "golang:1.24-alpine")
    return engine


@pytest.fixture(params=[BUILDX, CLIENT])
def client(
    request: pytest.FixtureRequest, docker: RealEngine, tmp_path: "os.PathLike[str]"
) -> dict[str, str]:
    """The variables of a machine with such a client."""
    return {
        **docker.environ,
        **client_environ(request.param, f"{os.fspath(tmp_path)}/client"),
        "DOCKER_BUILDKIT": "1",
    }


def docker_build(folder: str, environ: dict[str, str], *words: str) -> None:
    done = subprocess.run(
        ["docker", "build", *words, "."], cwd=folder, env={**os.environ, **environ}, capture_output=True,
        text=True, check=False, timeout=BUILD_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def saved(engine: RealEngine, name: str, folder: "os.PathLike[str]") -> SeenImage:
    path = f"{os.fspath(folder)}/saved.tar"
    engine.docker("save", "--output", path, name)
    engine.docker("rmi", "--force", name)
    return read_image(path)


@pytest.fixture(scope="module")
def layers(docker: RealEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The example with the image of one service made without a Dockerfile, in its container `go`."""
    with example(f"{tmp_path_factory.mktemp('layers')}/one") as one:
        one.done("--in", "go", "--no-load", "image", SERVICE, env=docker.environ)
        yield one


def test_docker_build_gives_the_same_service_as_pyrun(
    layers: Example, docker: RealEngine, client: dict[str, str], tmp_path: "os.PathLike[str]"
) -> None:
    with example(f"{os.fspath(tmp_path)}/example") as one:
        assert (
            one.done("--in", "go", "--dockerfile=.", "image", "--all").stderr
            == "Dockerfile and .dockerignore written\n"
        )
        # No file that no service needs is sent, nor could any change one.
        one.write("secret.env", "x\n")
        name = f"pyrun-test/{SERVICE}:{one.mark[:12]}"
        docker_build(one.root, client, "--target", f"image-{SERVICE}", "--tag", name)
    found = saved(docker, name, tmp_path)
    theirs = read_image(layers.path(".pyrun/images"))
    assert differences(found, theirs) == []
    assert f"app/{SERVICE}" in found.tree


def test_a_folder_beside_the_project_does_as_well(
    docker: RealEngine, client: dict[str, str], tmp_path: "os.PathLike[str]"
) -> None:
    p = ContainerProject(f"{os.fspath(tmp_path)}/p", docker, {
        "tasks.yml": """
            tasks:
              t: {container: "busybox:1.36", source: [a b], target: out, run: 'cat "a b" > out; ls -A > all'}
              image: {image: {name: i, from: scratch, copy: [{task: t, to: /}, {source: "o[d]d*", to: /o/}]}}
        """,
        "a b": "from a\n", "odd $x 'y' [z]": "o\n", "other": "x\n",
    })  # fmt: skip
    assert p.run("--dockerfile=build", "image").code == 0
    name = f"pyrun-test/beside:{p.mark[:12]}"
    docker_build(p.root, client, "--file", "build/Dockerfile", "--tag", name)
    assert sorted(saved(docker, name, tmp_path).tree) == ["o", "o/odd $x 'y' [z]", "out"]


TASKS = """
    containers:
      root: {from: "busybox:1.36", env: {MINE: "mine:${PATH}"}, cache-mounts: [/cache], network: none}
      user: {from: "busybox:1.36", user: "1500:1500", workdir: /work, env: {HOME: /home/worker}}
    tasks:
      prepare: {container: root, source: [], run: 'echo prepared > /tmp/prepared; date +%s%N > /cache/when'}
      first:
        container: root
        deps: [prepare]
        source: [value.txt]
        target: [made/, "more/**/*.txt"]
        env: {VALUE: "a 'b' \\"c\\" $HOME `d` \\\\e é"}
        run:
          - set-environment: {SET: "it's set\\n# not a comment\\n   \\\\"}
          - mkdir -p made/deep/er made/empty more/x/y; cat value.txt /tmp/prepared > made/deep/text
          - printf '%s|' "$VALUE" "$SET" "$MINE" "$PWD" "$HOME" > made/values
          - {when: {exists: made}, command: echo yes >> made/values}
          - echo one > more/x/y/one.txt; echo two > more/two.txt; echo no > more/no.bin
          - ln -s text made/deep/link; chmod 700 made/values; chmod 600 more/two.txt; chown -R 1500 made
        finally: echo finally >> made/values
      second:
        container: user
        deps: [first]
        source: [src/]
        target: bin/all
        secrets: [TOKEN, {name: NETRC, file: netrc, to: secret/netrc}]
        run: id -u > bin/all; cat made/values more/two.txt src/s >> bin/all; wc -c < secret/netrc >> bin/all; echo "$TOKEN" | wc -c >> bin/all; ls -A more >> bin/all
      image:
        image:
          name: registry.example.org/pyrun-test/hard
          from: "engine:busybox:1.36"
          copy: [{task: first, to: /first/}, {task: second, to: /usr/bin/all}, {task: second, to: /tmp/, mode: "0444"}]
          env: {PATH: "/own:${PATH}"}
          run: ['echo "$PATH" > /path', "echo made:x:1501:1501::/:/bin/sh >> /etc/passwd"]
          user: made
    """
VALUES = (
    "a 'b' \"c\" $HOME `d` \\e é|it's set\n# not a comment\n   \\|"
    "mine:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|/src|/root|yes\nfinally\n"
)


def hard(docker: RealEngine, folder: str) -> ContainerProject:
    return ContainerProject(folder, docker, {
        "tasks.yml": TASKS, "value.txt": "value\n", "src/s": "source\n", "netrc": "machine x\n",
    })  # fmt: skip


def contents(docker: RealEngine, name: str, *paths: str) -> str:
    """What is in some files of an image."""
    return docker.docker("run", "--rm", "--network=none", "--user=0", "--entrypoint=cat", name, *paths)


@pytest.mark.parametrize("way", [BUILDX, CLIENT])
def test_what_is_hard_to_put_into_a_dockerfile_comes_out_right(
    docker: RealEngine, tmp_path: "os.PathLike[str]", way: str
) -> None:
    folder = os.fspath(tmp_path)
    p = hard(docker, f"{folder}/p")
    # An engine of that age has no way to take the network away from a command.
    p.write("tasks.yml", p.read("tasks.yml").replace(", network: none", ""))
    env = client_environ(way, f"{folder}/client")
    env["PATH"] = f"{p.environ()['PATH'].partition(':')[0]}:{env['PATH']}"
    env["TOKEN"] = "very secret\n\n"
    result = p.run("image", env=env, memory=None)
    assert result.code == 0, result.stderr
    name = "registry.example.org/pyrun-test/hard:latest"
    assert contents(docker, name, "/first/values") == VALUES
    assert contents(docker, name, "/first/deep/text", "/first/x/y/one.txt", "/first/two.txt") == (
        "value\nprepared\none\ntwo\n"
    )
    assert contents(docker, name, "/usr/bin/all") == (f"1500\n{VALUES}two\nsource\n10\n14\ntwo.txt\nx\n")
    assert (
        contents(docker, name, "/path")
        == "/own:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
    )
    seen = read_image(p.path(".pyrun/images"), name)
    told = {path: (entry.mode, entry.owner) for path, entry in seen.tree.items()
            if path.startswith(("first", "tmp", "usr/bin/all"))}  # fmt: skip
    root = (0, 0)
    assert told == {
        "first": (0o755, root), "first/values": (0o755, root), "first/deep": (0o755, root),
        "first/deep/text": (0o644, root), "first/deep/link": (0o777, root), "first/x": (0o755, root),
        "first/x/y": (0o755, root), "first/x/y/one.txt": (0o644, root), "first/two.txt": (0o644, root),
        "usr/bin/all": (0o644, root), "tmp": (0o1777, root), "tmp/all": (0o444, root),
    }  # fmt: skip
    assert (seen.config["User"], seen.tree["first/deep/link"].content) == ("made", "text")
    # Nothing has changed, so nothing is asked of the builder.
    again = p.run("image", env=env, memory=None)
    assert again.stderr.startswith("image: up to date (")
    assert "very secret" not in p.run("--dockerfile", "image", env=env).stdout
    docker.docker("rmi", "--force", name)


def told(docker: RealEngine, folder: str, tasks: str, **files: str) -> Result:
    p = ContainerProject(folder, docker, {"tasks.yml": tasks, **files})
    env = client_environ(API, f"{folder}/client")
    env["PATH"] = f"{p.environ()['PATH'].partition(':')[0]}:{env['PATH']}"
    return p.run("--builder", "docker", "--no-load", "image", env=env)


def test_a_step_goes_by_the_name_of_its_task_and_so_does_its_failure(
    docker: RealEngine, tmp_path: "os.PathLike[str]"
) -> None:
    result = told(
        docker,
        f"{os.fspath(tmp_path)}/p",
        """
        container: "busybox:1.36"
        tasks:
          one: {target: one, run: 'echo @MARK@ > one; echo from one'}
          two: {deps: [one], target: two, run: 'cat one; echo from two; exit 7', finally: 'echo at the end'}
          image: {image: {name: i, from: scratch, copy: [{task: two, to: /}]}}
        """.replace("@MARK@", os.fspath(tmp_path)),
    )
    assert result == (
        "",
        (
            "image $ one\nfrom one\n"
            f"image $ two\n{os.fspath(tmp_path)}\nfrom two\nat the end\n"
            "pyrun: tasks.yml:5:3: `image` failed with exit status 7: two\n"
            "  5 |   image: {image: {name: i, from: scratch, copy: [{task: two, to: /}]}}\n"
            "    |   ^^^^^\n"
        ),
        7,
    )


def test_an_engine_that_can_not_take_the_network_away_says_so(
    docker: RealEngine, tmp_path: "os.PathLike[str]"
) -> None:
    result = told(
        docker,
        f"{os.fspath(tmp_path)}/p",
        f"""
        containers: {{c: {{from: "busybox:1.36", network: none}}}}
        tasks:
          one: {{container: c, target: one, run: 'echo {os.fspath(tmp_path)} > one'}}
          image: {{image: {{name: i, from: scratch, copy: [{{task: one, to: /}}]}}}}
        """,
    )
    assert result.code == 0, result.stderr
    first = result.stderr.split("\n")[0]
    version = docker.client.headers()["api-version"]
    if tuple(map(int, version.split("."))) < (1, 42):
        assert (
            first
            == "image $ `network: none`: this engine can't take the network away from a RUN, so it has one"
        )
    else:
        assert first == "image $ one"


def test_what_a_task_has_to_make_must_be_there(docker: RealEngine, tmp_path: "os.PathLike[str]") -> None:
    result = told(
        docker,
        f"{os.fspath(tmp_path)}/p",
        f"""
        container: "busybox:1.36"
        tasks:
          one: {{target: one, run: 'echo {os.fspath(tmp_path)} > other'}}
          image: {{image: {{name: i, from: scratch, copy: [{{task: one, to: /}}]}}}}
        """,
    )
    assert result.code == 1
    assert result.stderr.split("\n")[:3] == [
        "image $ one",
        "one left no one",
        "pyrun: tasks.yml:4:3: `image` failed with exit status 1: one",
    ]
