"""A container begins with the image that its name is pinned to, whatever an engine has by that name just now."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.engine.engines import RealEngine, podman_engine
from tests.engine.go_programs import known_program
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.engine.registries import RealRegistry, new_program, registry

pytestmark = pytest.mark.engine

FILE = """
    containers: {tools: "@NAME@"}
    tasks:
      which: {container: tools, run: "echo $WHICH"}
    """


@pytest.fixture(scope="module")
def here() -> Iterator[RealRegistry]:
    """A registry of this file's own."""
    with registry(new_program()) as found:
        yield found


class Tools:
    """An image in a registry that says which one it is, and a project whose container it is.

    Args:
        engine: The engine.
        registry: The registry.
        folder: Where the project is made.
        repository: The image's, of this test alone.
    """

    def __init__(self, engine: RealEngine, registry: RealRegistry, folder: str, repository: str) -> None:
        self.engine = engine
        self.name = f"{registry.host}/{repository}:1"
        give(engine, "busybox:1.36")
        self.p = ContainerProject(folder, engine, {"tasks.yml": FILE.replace("@NAME@", self.name)})

    def push(self, which: str) -> str:
        """Let the registry have another image by the name, and the engine none; the digest."""
        made = self.engine.docker("create", "busybox:1.36").strip()
        self.engine.docker("commit", "--change", f"ENV WHICH={which}", made, self.name)
        self.engine.docker("push", "--quiet", self.name)
        self.engine.docker("rm", made)
        found = self.engine.docker("image", "inspect", "--format", "{{index .RepoDigests 0}}", self.name)
        self.forget()
        return found.strip().partition("@")[2]

    def forget(self) -> None:
        """Let the engine have no image by the name, and none by a digest of its repository."""
        repository = self.name.rpartition(":")[0]
        for found in self.engine.docker("images", "--quiet", repository).split():
            self.engine.call("rmi", "--force", found)

    def run(self, *flags: str) -> tuple[list[str], str, int]:
        """What pyrun tells beside commands and times, what the task writes, and the exit status."""
        done = self.p.run(*flags, "which")
        told = [line for line in done.stderr.splitlines() if line.startswith(("pyrun:", "  "))]
        return [line.replace(self.name, "@NAME@") for line in told], done.stdout.strip(), done.code

    @property
    def lock(self) -> str:
        """The last line of `tasks.lock`."""
        return self.p.lines("tasks.lock")[-1]


@pytest.fixture
def tools(
    engine: RealEngine, here: RealRegistry, tmp_path: "os.PathLike[str]", request: pytest.FixtureRequest
) -> Iterator[Tools]:
    """The image, in a repository of the test's own."""
    repository = request.node.name.removeprefix("test_")[:60].rstrip("_")
    found = Tools(engine, here, f"{os.fspath(tmp_path)}/tools", repository)
    yield found
    assert found.p.gone() == []
    found.forget()


def test_what_is_pulled_on_first_use_is_pinned(tools: Tools) -> None:
    first = tools.push("one")
    assert tools.run() == (
        [
            "pyrun: pulls @NAME@ for the container tools",
            f"pyrun: tasks.lock: @NAME@ stands for {first[:19]} from now on",
        ],
        "one",
        0,
    )
    assert tools.lock == f"{tools.name} {first}"
    assert tools.run("--locked") == ([], "one", 0)


def test_what_the_engine_has_already_is_pinned_if_its_registry_has_it_too(tools: Tools) -> None:
    first = tools.push("one")
    tools.engine.docker("pull", "--quiet", tools.name)
    second = tools.engine.docker("image", "inspect", "--format", "{{.Id}}", tools.name)
    assert tools.run() == (
        [f"pyrun: tasks.lock: @NAME@ stands for {first[:19]} from now on"],
        "one",
        0,
    )
    assert tools.engine.docker("image", "inspect", "--format", "{{.Id}}", tools.name) == second


def test_the_pinned_image_is_pulled_though_the_name_is_taken(tools: Tools) -> None:
    first = tools.push("one")
    tools.run()
    tools.forget()
    tools.push("two")
    tools.engine.docker("pull", "--quiet", tools.name)
    repository = tools.name.rpartition(":")[0]
    pulls = [f"pyrun: pulls {repository}@{first} for the container tools"]
    assert tools.run("--locked") == (pulls, "one", 0)
    assert tools.run("--locked") == ([], "one", 0)
    taken = tools.engine.docker("run", "--rm", tools.name, "sh", "-c", "echo $WHICH")
    assert taken.strip() == "two"


def test_an_image_that_is_pulled_by_digest_gets_its_name_if_that_is_free(tools: Tools) -> None:
    first = tools.push("one")
    tools.run()
    tools.forget()
    tools.push("two")
    assert tools.run()[1:] == ("one", 0)
    named = tools.engine.docker("image", "inspect", "--format", "{{index .RepoDigests 0}}", tools.name)
    assert named.strip().partition("@")[2] == first


def test_update_lets_the_name_stand_for_what_the_registry_has(tools: Tools) -> None:
    first = tools.push("one")
    tools.run()
    second = tools.push("two")
    repository = tools.name.rpartition(":")[0]
    assert tools.run("--update") == (
        [
            f"pyrun: tasks.lock: @NAME@ stands for {second[:19]} from now on, it was {first[:19]}",
            f"pyrun: pulls {repository}@{second} for the container tools",
        ],
        "two",
        0,
    )
    assert tools.lock == f"{tools.name} {second}"
    assert tools.run() == ([], "two", 0)


def test_locked_wants_the_name_to_be_pinned(tools: Tools) -> None:
    tools.push("one")
    told, out, code = tools.run("--locked")
    assert (told[0], out, code) == (
        "pyrun: tasks.yml:1:14: `@NAME@` is not in tasks.lock, and `--locked` was given",
        "",
        2,
    )
    tools.engine.docker("pull", "--quiet", tools.name)
    assert tools.run("--locked") == (told, out, code)
    assert not tools.p.exists("tasks.lock")


def test_an_image_that_only_the_engine_has_is_taken_as_it_is(
    engine: RealEngine, tmp_path: "os.PathLike[str]"
) -> None:
    give(engine, "busybox:1.36")
    p = ContainerProject(
        f"{os.fspath(tmp_path)}/p", engine, {"tasks.yml": FILE.replace("@NAME@", "busybox:1.36")}
    )
    assert p.run("which").code == 0
    assert p.run("--update", "which").code == 0
    assert not p.exists("tasks.lock")
    refused = p.run("--locked", "which")
    told = (
        "pyrun: tasks.yml:1:14: only the engine knows the image `busybox:1.36`, and `--locked` wants one that "
        "tasks.lock holds\n"
        '  1 | containers: {tools: "busybox:1.36"}\n'
        "    |              ^^^^^\n"
        "  push it to a registry, or go without `--locked`\n"
    )
    assert (refused.code, refused.stderr) == (2, told)
    assert p.gone() == []


def test_a_pinned_image_that_cannot_be_had_is_told(tools: Tools) -> None:
    gone = f"sha256:{'5' * 64}"
    tools.p.write("tasks.lock", f"{tools.name} {gone}\n")
    tools.engine.docker("tag", "busybox:1.36", tools.name)
    told, out, code = tools.run()
    repository = tools.name.rpartition(":")[0]
    assert (told[0], out, code) == (f"pyrun: pulls {repository}@{gone} for the container tools", "", 125)
    assert told[1].startswith(
        "pyrun: tasks.yml:1:14: the image `@NAME@` of the container `tools` is not there as tasks.lock has it, "
        f"{gone[:19]}: "
    )
    assert told[-1] == "  is its registry reached from here? `--update` takes what that has now"


def test_podman_pins_the_index_of_all_platforms_and_not_the_image_of_its_own(
    tools: Tools, here: RealRegistry, tmp_path: "os.PathLike[str]"
) -> None:
    one = tools.push("one")
    repository = tools.name.rpartition(":")[0]
    argv = [known_program("crane"), "index", "append", "-m", f"{repository}@{one}", "-t", tools.name]
    done = subprocess.run([*argv, "--insecure"], check=True, capture_output=True, text=True)
    index = done.stdout.strip().partition("@")[2]
    assert index != one
    with podman_engine(plain=here.host) as podman:
        docker_project, tools.p = (
            tools.p,
            ContainerProject(
                f"{os.fspath(tmp_path)}/podman", podman, {"tasks.yml": FILE.replace("@NAME@", tools.name)}
            ),
        )
        assert tools.run() == (
            [
                "pyrun: pulls @NAME@ for the container tools",
                f"pyrun: tasks.lock: @NAME@ stands for {index[:19]} from now on",
            ],
            "one",
            0,
        )
        assert tools.run("--locked") == ([], "one", 0)
        assert tools.p.gone() == []
        podman.docker("rmi", "--force", podman.docker("images", "--quiet", tools.name).strip())
        pulls = [f"pyrun: pulls {repository}@{index} for the container tools"]
        assert tools.run("--locked") == (pulls, "one", 0)
        assert tools.p.gone() == []
    tools.p = docker_project
