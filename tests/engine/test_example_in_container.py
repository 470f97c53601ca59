"""The example in its own build container: the same words, for root and for somebody else, on both engines.

What is compiled is compiled once: the first of the tests leaves it for the others. They differ from the example
in three things: the image goes by a name that has no cache mounts yet, all is compiled with `-trimpath`, so that
tests are linked from what the services are, and two more tasks carry the compiler's cache.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator

import pytest

from tests.engine.engines import RealEngine
from tests.engine.images import give
from tests.example import BUILD_SECONDS, SERVICES, Example, example
from tests.features.conftest import PYRUN, Result

pytestmark = [pytest.mark.engine, pytest.mark.long]

IMAGE = "golang:1.24-alpine"
CARRY = """
tasks:
  keep: {run: cp -R ~/.cache/go-build .compiled}
  seed: {run: cp -R .compiled/. ~/.cache/go-build}
  whose: {run: "id -u; id -g; echo $HOME; stat -c '%u %g' ~ ~/.cache/go-build /go/pkg/mod; touch ~/mine"}
  modules: {run: ls /go/pkg/mod}
"""
INSTALLED = "install $ go mod download\n"
BUILT = "".join(
    f"build {one} $ go build -trimpath -buildvcs=false -ldflags='-s -w' -o bin/{one} ./cmd/{one}\n"
    for one in SERVICES
)
TESTED = """\
ok  \texample.org/payments/cmd/gateway
?   \texample.org/payments/cmd/gmicro\t[no test files]
?   \texample.org/payments/cmd/tmicro\t[no test files]
ok  \texample.org/payments/internal/apidoc
ok  \texample.org/payments/internal/consumer
ok  \texample.org/payments/internal/expenses
ok  \texample.org/payments/internal/groups
ok  \texample.org/payments/internal/httpserver
ok  \texample.org/payments/internal/proxy
ok  \texample.org/payments/internal/rest
ok  \texample.org/payments/internal/store
ok  \texample.org/payments/internal/tmicro/balance
ok  \texample.org/payments/internal/tmicro/model
"""
AGAIN = """\
build gateway: up to date (12 sources, 1 dep and bin/gateway as in the last run)
build gmicro: up to date (13 sources, 1 dep and bin/gmicro as in the last run)
build tmicro: up to date (12 sources, 1 dep and bin/tmicro as in the last run)
install: up to date (2 sources as in the last run)
test: up to date (34 sources and 1 dep as in the last run)
"""


class InContainer(Example):
    """A copy of the example whose tasks run in its container `go`.

    Args:
        folder: Where it and its home are made.
        engine: The engine.
        user: The number of the user who calls pyrun, and of the user's group.
    """

    def __init__(self, folder: str, engine: RealEngine, user: int) -> None:
        super().__init__(folder)
        self.engine = engine
        self.user = user
        self.tag = f"tests-example:{uuid.uuid4().hex}"
        engine.docker("tag", IMAGE, self.tag)
        self.edit(
            "tasks.yml", f"    from: {IMAGE}\n", f"    from: {self.tag}\n    env: {{GOFLAGS: -trimpath}}\n"
        )
        self.edit("tasks.yml", "\ntasks:\n", CARRY)
        self.write(".gitignore", ".compiled/\n" + self.read(".gitignore"))

    def called(self, *words: str) -> Result:
        """What comes of tasks in the container, which the user asks for."""
        group = f"--groups={self.engine.group}"
        who = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", group] if self.user else []
        done = subprocess.run(
            [*who, PYRUN, "--in", "go", *words], cwd=self.root, env={**self.environ(), **self.engine.environ},
            capture_output=True, text=True, timeout=BUILD_SECONDS, check=False,
        )  # fmt: skip
        # Podman has a digest for each name; whether a registry can be asked for it hangs on the machine's network.
        asked = f"pyrun: docker.io/library/{self.tag} is not pinned"
        told = "".join(line for line in done.stderr.splitlines(True) if not line.startswith(asked))
        return Result(done.stdout, told, done.returncode)

    def give_away(self) -> None:
        """Make all of it the user's."""
        for folder, _, files in os.walk(self.told):
            for path in (folder, *(os.path.join(folder, name) for name in files)):
                os.chown(path, self.user, self.user, follow_symlinks=False)

    def owners(self) -> set[tuple[int, int]]:
        """Whose the files and folders are, those of pyrun's state and the user's home among them."""
        found = set()
        for folder, _, files in os.walk(self.told):
            for path in (folder, *(os.path.join(folder, name) for name in files)):
                status = os.lstat(path)
                found.add((status.st_uid, status.st_gid))
        return found

    def containers(self) -> list[str]:
        """What the engine did to make and start containers for it; Podman, without a journal, may tell nothing."""
        label = f"label=pyrun.project={self.root}"
        told = self.engine.docker(
            "events", "--since=0", f"--until={time.time():.9f}", "--filter", label, "--format={{.Action}}"
        )
        return [action for action in told.split() if action in {"create", "start"}]

    def kept(self) -> list[str]:
        """The volumes that were made for it and say so."""
        label = f"label=pyrun.project={self.root}"
        return self.engine.docker("volume", "ls", "--quiet", "--filter", label).split()

    def take_down(self) -> None:
        """Remove what is kept for it in the engine, and the image's name."""
        for volume in self.kept():
            # One that somebody else uses meanwhile stays.
            self.engine.call("volume", "rm", volume)
        self.engine.docker("rmi", self.tag)


@pytest.fixture(scope="module")
def folder() -> Iterator[str]:
    """A folder that every user may enter, other than those of the tests."""
    with tempfile.TemporaryDirectory(prefix="pyrun-", dir="/tmp") as found:
        os.chmod(found, 0o755)
        yield found


@pytest.fixture(scope="module")
def on_host(folder: str) -> dict[str, str]:
    """The services as they are built here."""
    with example(f"{folder}/host") as project:
        project.done("build", "--all")
        return digests(project)


def digests(project: Example) -> dict[str, str]:
    """What the services are, by name."""
    found = {}
    for service in SERVICES:
        with open(project.path(f"bin/{service}"), "rb") as file:
            found[service] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def ordered(text: str) -> str:
    """Lines of tasks that run side by side, sorted."""
    return "".join(sorted(text.splitlines(keepends=True)))


@pytest.mark.parametrize("user", [0, 1000], ids=["root", "user"])
@pytest.mark.parametrize("where", ["engine", "podman"])
def test_the_example_is_built_in_its_container_as_on_the_host(
    where: str, user: int, folder: str, on_host: dict[str, str], request: pytest.FixtureRequest
) -> None:
    engine: RealEngine = request.getfixturevalue(where)
    give(engine, IMAGE)
    compiled = f"{folder}/compiled"
    project = InContainer(f"{folder}/{where}-{user}", engine, user)
    try:
        seeded = os.path.exists(compiled)
        if seeded:
            shutil.copytree(compiled, project.path(".compiled"))
        project.give_away()
        assert project.called("install") == Result("", INSTALLED, 0)
        # The modules were fetched in the container: its cache mount was empty.
        assert project.called("-q", "modules") == Result("cache\ngithub.com\ngo.etcd.io\ngolang.org\n", "", 0)
        if seeded:
            assert project.called("-q", "seed") == Result("", "", 0)
        built = project.called("build", "--all")
        assert (built.stdout, ordered(built.stderr), built.code) == ("", BUILT, 0)
        assert digests(project) == on_host
        tested = project.called("test")
        assert (re.sub(r"(?m)\t(\(cached\)|[\d.]+s)$", "", tested.stdout), *tested[1:]) == (
            TESTED, "test $ go test ./...\n", 0,
        )  # fmt: skip
        if not seeded:
            project.called("-q", "keep")
            shutil.move(project.path(".compiled"), compiled)
        home = "/root" if not user else "/home/pyrun"
        told = "".join(f"{user}\n{user}\n{home}\n" + f"{user} {user}\n" * 3)
        assert project.called("-q", "whose") == Result(told, "", 0)
        before = project.containers()
        assert before or where == "podman"
        again = project.called("install", "test", "build", "--all")
        assert (again.stdout, ordered(again.stderr), again.code) == ("", AGAIN, 0)
        # What Podman has told once it may have forgotten by now.
        assert len(project.containers()) <= len(before)
        assert project.owners() == {(user, user)}
        assert project.left() == []
        # Both cache mounts; a HOME may be there from before.
        assert len([name for name in project.kept() if name.startswith("pyrun-cache-")]) == 2
    finally:
        project.end_all()
        project.take_down()
