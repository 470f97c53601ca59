"""Images by Dockerfiles of the user's own: up to date like any task, in the layout and everywhere that images go."""

import json
import os
import signal
import subprocess
import tarfile

import pytest

from runner.engine.image_build import BUILDX
from tests.engine.clients import WAYS, client_environ
from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.engine.project import ContainerProject
from tests.features.conftest import until

pytestmark = pytest.mark.engine

NAME = "registry.example.org/pyrun-test/hand"
TASKS = f"""
    tasks:
      binary: {{source: src/, target: bin/app, run: "mkdir -p bin; cat src/* >bin/app; chmod +x bin/app"}}
      image:
        deps: [binary]
        image:
          name: {NAME}:@MARK@
          dockerfile: build/Dockerfile
          context: .
          target: final
          build-args: {{GREETING: "hello '@MARK@'"}}
          labels: {{org.example.mark: "@MARK@"}}
    """
DOCKERFILE = """
    FROM busybox:1.36 AS final
    ARG GREETING
    ENV GREETING="$GREETING"
    RUN echo "made of $GREETING"
    COPY bin/app /app/
    COPY conf/ /conf/
    CMD ["/app/app"]
    FROM final
    COPY nothing /that/is/here
    """
SOURCE = '#!/bin/sh\necho "$GREETING"; cat /conf/*\n'


class Hand:
    """A project whose image a Dockerfile makes, and an engine that builds it in some way."""

    def __init__(self, folder: str, engine: RealEngine, way: str = "") -> None:
        self.project = ContainerProject(folder, engine, {
            "build/Dockerfile": DOCKERFILE, "src/a": SOURCE, "conf/one": "1\n",
        })  # fmt: skip
        self.mark = self.project.mark[:12]
        self.project.write("tasks.yml", _dedented(TASKS).replace("@MARK@", self.mark))
        self.engine = engine
        self.name = f"{NAME}:{self.mark}"
        self.env = client_environ(way, f"{folder}/client") if way else {}
        if self.env:
            pyrun = self.project.environ()["PATH"].partition(":")[0]
            self.env["PATH"] = f"{pyrun}:{self.env['PATH']}"

    def run(self, *argv: str) -> str:
        """What is told, without where the engine is; it must succeed."""
        result = self.project.run(*argv, env=self.env, memory=None)
        assert (result.stdout, result.code) == ("", 0), result
        return result.stderr.replace(str(self.engine), "ENGINE").replace(self.mark, "@MARK@")

    def entry(self) -> dict[str, str]:
        """What the layout lists under the image's name."""
        index = json.loads(self.project.read(".pyrun/images/index.json"))
        (found,) = [
            one for one in index["manifests"] if one["annotations"]["org.opencontainers.image.ref.name"] == self.name
        ]  # fmt: skip
        return dict(found)

    def output(self) -> str:
        """What a container of the engine's image writes."""
        return self.engine.docker("run", "--rm", "--network=none", self.name)


def _dedented(text: str) -> str:
    return "\n".join(line[4:] for line in text.lstrip("\n").split("\n"))


@pytest.fixture(params=["engine", "podman"])
def each(request: pytest.FixtureRequest) -> RealEngine:
    found: RealEngine = request.getfixturevalue(request.param)
    give(found, "busybox:1.36")
    return found


@pytest.fixture
def docker(engine: RealEngine) -> RealEngine:
    give(engine, "busybox:1.36")
    return engine


@pytest.fixture
def hand(docker: RealEngine, tmp_path: os.PathLike[str]) -> Hand:
    return Hand(f"{os.path.realpath(tmp_path)}/hand", docker)


@pytest.mark.parametrize("way", WAYS)
def test_it_is_built_with_its_args_stage_and_files(
    docker: RealEngine, tmp_path: os.PathLike[str], way: str
) -> None:
    hand = Hand(f"{os.path.realpath(tmp_path)}/hand", docker, way)
    told = hand.run("image")
    lines = told.splitlines()
    assert "made of hello '@MARK@'" in lines
    assert [line.partition("] ")[2] for line in lines if line.startswith("image $ [")] == [
        line.partition("] ")[2] for line in lines if " RUN " in line
    ] + ["COPY bin/app /app/", "COPY conf/ /conf/"]
    assert lines[-1] == "in .pyrun/images, and loaded into the engine at ENGINE"
    assert hand.output() == f"hello '{hand.mark}'\n1\n"
    # What the layout has is the very image that the engine has.
    read = subprocess.run(
        ["skopeo", "inspect", "--config", f"oci:{hand.project.path('.pyrun/images')}:{hand.name}"],
        capture_output=True, check=True,
    )  # fmt: skip
    config = json.loads(read.stdout)
    assert config["config"]["Labels"]["org.example.mark"] == hand.mark
    assert (
        hand.engine.docker("image", "inspect", "--format", "{{.Id}}", hand.name).strip().startswith("sha256:")
    )


def test_each_engine_builds_it_and_nothing_changed_does_nothing(
    each: RealEngine, tmp_path: os.PathLike[str]
) -> None:
    hand = Hand(f"{os.path.realpath(tmp_path)}/hand", each)
    hand.run("image")
    before = hand.entry()
    assert hand.output() == f"hello '{hand.mark}'\n1\n"
    told = hand.run("image")
    assert told.startswith("image: up to date (3 sources, 1 dep and the image as in the last run)\n")
    assert hand.entry() == before
    # The engine lost it: it gets the one of the layout.
    each.docker("image", "rm", "--force", hand.name)
    assert hand.run("image") == told
    assert hand.output() == f"hello '{hand.mark}'\n1\n"


def test_what_it_copies_and_says_makes_it_anew_and_nothing_else_does(hand: Hand) -> None:
    hand.run("image", "--quiet")
    for path, text in (("other", "x\n"), ("conf.md", "x\n"), (".dockerignore", "nothing\n")):
        hand.project.write(path, text)
        assert hand.run("image").startswith("image: up to date"), path
    for path, text, why in (
        ("conf/two", "2\n", "conf/two is new"),
        ("conf/one", "one\n", "conf/one changed"),
        ("src/a", f"{SOURCE}echo more\n", "`binary` made something else"),
        ("build/Dockerfile", _dedented(DOCKERFILE).replace("made of", "and of"), "build/Dockerfile changed"),
        (".dockerignore", "conf/two\n", "conf/two is gone"),
    ):  # fmt: skip
        hand.project.write(path, text)
        before = hand.entry()
        explained = hand.project.run("--why", "image", env=hand.env)
        hand.run("image", "--quiet")
        assert hand.entry() != before, path
        if why.startswith("`"):
            assert "binary: would run" in explained.stdout
        else:
            assert why in explained.stdout, explained
    assert hand.output() == f"hello '{hand.mark}'\none\nmore\n"


def test_links_and_empty_folders_count(hand: Hand) -> None:
    os.symlink("one", hand.project.path("conf/link"))
    hand.run("image", "--quiet")
    assert hand.run("image").startswith("image: up to date (4 sources")
    before = hand.entry()
    os.unlink(hand.project.path("conf/link"))
    os.symlink("two", hand.project.path("conf/link"))
    hand.run("image", "--quiet")
    assert hand.entry() != before
    before = hand.entry()
    os.mkdir(hand.project.path("conf/empty"))
    hand.run("image", "--quiet")
    assert hand.entry() != before
    listed = hand.engine.docker("run", "--rm", "--network=none", hand.name, "ls", "-l", "/conf")
    assert "link -> two" in listed
    assert "empty" in listed


def test_it_goes_into_an_archive_and_only_there(hand: Hand) -> None:
    hand.run("image", "--save", "out.tar", "--quiet")
    with tarfile.open(hand.project.path("out.tar")) as archive:
        assert {"index.json", "manifest.json", "oci-layout"} <= set(archive.getnames())
    assert hand.engine.client.image_id(hand.name) is None
    hand.engine.docker("load", "--input", hand.project.path("out.tar"))
    assert hand.output() == f"hello '{hand.mark}'\n1\n"


def test_without_load_the_engine_keeps_no_image(hand: Hand) -> None:
    before = set(hand.engine.docker("images", "--all", "--quiet").split())
    hand.run("image", "--no-load", "--quiet")
    assert set(hand.engine.docker("images", "--all", "--quiet").split()) <= before
    assert hand.entry()["mediaType"] == "application/vnd.oci.image.manifest.v1+json"


def test_a_command_that_fails_gives_its_status(hand: Hand) -> None:
    hand.project.write("build/Dockerfile", f"FROM busybox:1.36 AS final\nRUN echo {hand.mark}; exit 9\n")
    result = hand.project.run("image", "--quiet", env=hand.env, memory=None)
    assert result.code == 9
    assert result.stderr.endswith(
        f"{hand.mark}\n"
        f"pyrun: tasks.yml:3:3: the Dockerfile `build/Dockerfile` failed with exit status 9: echo {hand.mark}; exit 9\n"
        "  3 |   image:\n"
        "    |   ^^^^^\n"
    )


def test_ctrl_c_ends_the_build(hand: Hand) -> None:
    text = f"FROM busybox:1.36 AS final\nRUN echo up {hand.mark}; while :; do sleep 1; done\n"
    hand.project.write("build/Dockerfile", text)
    running = hand.project.start("image", env=hand.env, memory=None)
    until(lambda: f"up {hand.mark}" in running.stderr.replace("echo up", ""), "the build writes")
    running.signal(signal.SIGINT)
    assert running.result().code == 130
    assert hand.project.run("--why", "image").stdout.startswith(
        "image: would run, because it did not succeed"
    )


def test_other_tasks_go_on_while_it_is_built(hand: Hand) -> None:
    text = f"FROM busybox:1.36 AS final\nRUN echo up {hand.mark}; while :; do sleep 1; done\n"
    hand.project.write("build/Dockerfile", text)
    more = "  beside:\n    run: 'echo begun; read -r line <pipe; echo \"$line\" done'\n  both: {deps: [image, beside]}\n"
    hand.project.write("tasks.yml", hand.project.read("tasks.yml") + more)
    os.mkfifo(hand.project.path("pipe"))
    running = hand.project.start("both", "--jobs", "4", env=hand.env, memory=None)
    until(lambda: f"up {hand.mark}" in running.stderr.replace("echo up", ""), "the build writes")
    until(lambda: "begun" in running.stdout, "the task beside it begins")
    with open(hand.project.path("pipe"), "w") as pipe:
        pipe.write("all\n")
    until(lambda: "all done" in running.stdout, "the task beside it ends")
    running.signal(signal.SIGTERM)
    assert running.result().code == 143


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_of_the_task_reaches_the_commands_that_mount_it(
    docker: RealEngine, tmp_path: os.PathLike[str], way: str
) -> None:
    hand = Hand(f"{os.path.realpath(tmp_path)}/hand", docker, way)
    hand.project.write("tasks.yml", f"""\
tasks:
  image:
    secrets: [TOKEN, {{name: file, file: ~/secret}}]
    image: {{name: "{hand.name}", dockerfile: Dockerfile}}
""")  # fmt: skip
    mounts = "--mount=type=secret,id=TOKEN --mount=type=secret,id=file"
    command = f"echo {hand.mark}; cat /run/secrets/TOKEN /run/secrets/file | wc -c"
    hand.project.write("Dockerfile", f"FROM busybox:1.36\nRUN {mounts} {command}\n")
    with open(f"{hand.project.home}/secret", "w") as file:
        file.write("of a file")
    env = {**hand.env, "TOKEN": "of a variable"}
    result = hand.project.run("image", env=env, memory=None)
    if way == "api":
        assert result.code == 125
        assert "`RUN --mount=type=secret` in line 2 of the Dockerfile needs a client" in result.stderr
        return
    assert result.code == 0, result
    assert f"{hand.mark}\n22\n" in result.stderr
    del env["TOKEN"]
    hand.project.write("Dockerfile", f"FROM busybox:1.36\nRUN {mounts} {command} #\n")
    result = hand.project.run("image", env=env, memory=None)
    assert result.code == 1
    assert "the secret `TOKEN` is not there" in result.stderr


def test_a_file_that_changes_meanwhile_is_not_taken_for_done(
    docker: RealEngine, tmp_path: os.PathLike[str]
) -> None:
    hand = Hand(f"{os.path.realpath(tmp_path)}/hand", docker, BUILDX)
    client = f"{hand.project.told}/client/bin/docker"
    real, pipe = os.readlink(client), hand.project.path("pipe")
    os.unlink(client)
    os.mkfifo(pipe)
    # A client that has built, and comes back when it is let.
    hand.project.script(client, f"""
        #!/bin/sh
        {real} "$@" || exit
        case "$*" in *' -') read -r line <{pipe};; esac
        """)  # fmt: skip
    running = hand.project.start("image", "--quiet", env=hand.env, memory=None)
    with open(pipe, "w") as file:
        hand.project.write("conf/one", "other\n")
        file.write("go on\n")
    result = running.result()
    assert result.code == 0
    assert "conf/one changed while image ran, so that is not taken for done" in result.stderr
    hand.project.write("conf/one", "1\n")
    told = hand.project.run("--why", "image", env=hand.env).stdout
    assert told.startswith("image: would run, because a source changed while it ran last time")


def test_a_task_may_call_it_as_one_of_its_steps(hand: Hand) -> None:
    more = "  all: {run: [echo before, {task: image}, echo behind]}\n"
    hand.project.write("tasks.yml", hand.project.read("tasks.yml") + more)
    result = hand.project.run("all", "--quiet", env=hand.env, memory=None)
    assert (result.stdout, result.code) == ("before\nbehind\n", 0)
    assert hand.output() == f"hello '{hand.mark}'\n1\n"


def test_it_needs_an_engine(hand: Hand) -> None:
    gone = f"unix://{hand.project.root}/no.sock"
    result = hand.project.run("image", "--quiet", env={"DOCKER_HOST": gone})
    assert result.code == 125
    assert "make it without an engine, by `from` and `copy`" in result.stderr
