"""The engines and images that the other tests here stand on are what they are said to be."""

import contextlib
import os
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from tests.engine.engines import FarEngine, RealEngine, leftovers
from tests.engine.images import give
from tests.features.conftest import until

pytestmark = pytest.mark.engine

BUSYBOX = "busybox:1.36"
GO = "golang:1.24-alpine"
POSTGRES = "postgres:16"


@pytest.fixture(params=["engine", "podman", "far_engine"])
def each(request: pytest.FixtureRequest) -> RealEngine:
    found: RealEngine = request.getfixturevalue(request.param)
    give(found, BUSYBOX)
    return found


def test_a_container_runs_on_each_engine(each: RealEngine) -> None:
    name = f"t{uuid.uuid4().hex[:12]}"
    # Podman forgets the status of what it also removes.
    argv = ("run", "-i", "--name", name, BUSYBOX, "sh", "-c", "cat; echo worse >&2; exit 3")
    try:
        done = each.call(*argv, stdin=b"a\0b\n")
        assert (done.returncode, done.stdout, done.stderr) == (3, b"a\0b\n", b"worse\n")
    finally:
        each.docker("rm", "--force", name)


def test_only_the_far_engine_does_not_see_what_tests_write(
    engine: RealEngine, podman: RealEngine, far_engine: FarEngine, tmp_path: "os.PathLike[str]"
) -> None:
    folder = os.path.realpath(tmp_path)
    with open(f"{folder}/seen", "w") as file:
        file.write("seen")
    listed = {}
    for one in (engine, podman, far_engine):
        give(one, BUSYBOX)
        listed[one.name] = one.docker("run", "--rm", "--volume", f"{folder}:/here", BUSYBOX, "ls", "/here")
    assert listed == {"docker": "seen\n", "podman": "seen\n", "far": ""}


def test_the_far_engine_is_reached_by_three_ways(far_engine: FarEngine) -> None:
    give(far_engine, BUSYBOX)
    for way in (far_engine, far_engine.tcp, far_engine.tls):
        # The container ends because the end of its input is carried on, too.
        assert way.docker("run", "--rm", "-i", BUSYBOX, "wc", "-c", stdin=bytes(100_000)) == "100000\n"
    stranger = RealEngine("stranger", {"DOCKER_HOST": str(far_engine.tls), "DOCKER_TLS": "1"})
    assert stranger.call("version").returncode != 0


def test_who_is_in_the_sockets_group_may_use_it(podman: RealEngine) -> None:
    argv = ["setpriv", "--reuid=1000", "--regid=1000", f"--groups={podman.group}", "docker", "info"]
    done = subprocess.run(argv, env={**os.environ, **podman.environ}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_containers_of_one_network_find_each_other_and_the_way_out(each: RealEngine) -> None:
    with (
        network(each) as name,
        container(each, "--network", name, "--name", f"one-{name}", BUSYBOX, "sleep", "60"),
    ):
        answer = each.docker("run", "--rm", "--network", name, BUSYBOX, "ping", "-c", "1", f"one-{name}")
        assert " 0% packet loss" in answer


def test_what_pyrun_left_is_found_and_nothing_else(each: RealEngine) -> None:
    before = leftovers(each)
    with network(each) as name, network(each, "pyrun.test=1") as ours:
        each.docker("volume", "create", "--label", "pyrun.kept=a,b", f"v-{name}")
        with container(
            each, "--label", "x=1", "--label", "pyrun.run=7", "--name", f"c-{name}", BUSYBOX, "sleep", "60"
        ):
            expected = {f"container c-{name}", f"network {ours}", f"volume v-{name}"}
            assert set(leftovers(each)) - set(before) == expected
            assert set(leftovers(each, "network")) - set(before) == {f"network {ours}"}
        each.docker("volume", "rm", f"v-{name}")
    assert leftovers(each) == before


def test_an_image_is_given_once(each: RealEngine) -> None:
    image = each.docker("image", "inspect", "--format", "{{.Id}}", BUSYBOX)
    give(each, BUSYBOX)
    assert each.docker("image", "inspect", "--format", "{{.Id}}", BUSYBOX) == image


def test_busybox_has_users_and_certificates(engine: RealEngine) -> None:
    give(engine, BUSYBOX)
    asked = 'id -un; echo ~; pwd; touch ~/x /tmp/x && ls -s /etc/ssl/certs | wc -l; env echo "$PATH"'
    told = engine.docker("run", "--rm", "--user", "worker", BUSYBOX, "sh", "-c", asked)
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    assert told == f"worker\n/home/worker\n/\n2\n{path}\n"


def test_go_fetches_modules(each: RealEngine) -> None:
    give(each, GO)
    script = "apk add --no-cache git; mkdir /m; cd /m; go mod init m 2>&1; go mod download github.com/google/uuid@v1.6.0"
    told = each.docker("run", "--rm", GO, "sh", "-c", script)
    assert told == "apk: nothing to do for: add --no-cache git\ngo: creating new go.mod: module m\n"


def test_go_compiles(engine: RealEngine) -> None:
    give(engine, GO)
    script = """\
        mkdir /m && cd /m && go mod init example.org/m 2>/dev/null
        printf 'package main\\nfunc main() { println("it runs") }\\n' >main.go
        go build -o m . && ./m 2>&1
    """
    assert engine.docker("run", "--rm", GO, "sh", "-e", "-c", script) == "it runs\n"


def test_postgres_makes_its_database_and_stops_when_told(each: RealEngine) -> None:
    give(each, POSTGRES)
    variables = ("POSTGRES_PASSWORD=it's", "POSTGRES_USER=ann", "POSTGRES_DB=Sums")
    words = [word for variable in variables for word in ("--env", variable)]
    with (
        network(each) as name,
        container(each, *words, "--network", name, "--name", f"db-{name}", POSTGRES) as db,
    ):

        def ask(query: str) -> str:
            client = ("--env", "PGPASSWORD=it's", "--entrypoint", "psql", POSTGRES)
            where = (f"--host=db-{name}", "--user=ann", "--dbname=Sums", "--no-align", "--tuples-only")
            return each.call("run", "--rm", "--network", name, *client, *where, "-c", query).stdout.decode()

        until(lambda: ask("select 6 * 7") == "42\n", "the database answers")
        each.docker("stop", "--time", "60", db)
        assert each.docker("inspect", "--format", "{{.State.ExitCode}}", db) == "0\n"


def test_postgres_wants_a_password(engine: RealEngine) -> None:
    give(engine, POSTGRES)
    done = engine.call("run", "--rm", POSTGRES)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"postgres: the user needs a password: set POSTGRES_PASSWORD\n"


@contextlib.contextmanager
def network(engine: RealEngine, *labels: str) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex[:12]}"
    engine.docker("network", "create", *(f"--label={label}" for label in labels), name)
    try:
        yield name
    finally:
        engine.docker("network", "rm", name)


@contextlib.contextmanager
def container(engine: RealEngine, *words: str) -> Iterator[str]:
    found = engine.docker("run", "--detach", *words).strip()
    try:
        yield found
    finally:
        engine.docker("rm", "--force", "--volumes", found)
