"""The example monorepo, used as its README says: built, shipped, run and load-tested by pyrun."""

import gzip
import io
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from runner.ui.plain import size
from tests.example import (
    MACHINE,
    NO_ENGINE,
    REPOSITORY,
    SERVICES,
    Example,
    ask,
    example,
    healthy,
    serves_groups,
)
from tests.features.conftest import Result, free_ports, until

UP_TO_DATE = re.compile(r"build (\w+): up to date \(\d+ sources, 1 dep and bin/\1 as in the last run\)")
COMPILES = "build {0} $ go build -trimpath -buildvcs=false -ldflags='-s -w' -o bin/{0} ./cmd/{0}"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The example with the images of all services made; `told` has what pyrun said. For tests that only look."""
    with example(f"{tmp_path_factory.mktemp('shipped')}/one") as one:
        one.write("told", one.done("image", "--all").stderr)
        yield one


@pytest.fixture
def monorepo(shipped: Example, tmp_path: "os.PathLike[str]") -> Iterator[Example]:
    """A copy of the same, for a test that changes it."""
    with example(f"{os.path.realpath(tmp_path)}/copy") as one:
        for name in ("bin", ".pyrun"):
            shutil.copytree(shipped.path(name), one.path(name))
        yield one


def tool(*argv: str) -> str:
    assert shutil.which(argv[0]), f"this test needs {argv[0]}: apt-get install skopeo umoci apache2-utils"
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def inspected(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(tool("skopeo", "inspect", *words))
    return found


def built(result: Result) -> set[str]:
    """The services that were compiled; nothing else ran, and of the others it was said why not."""
    lines = result.stderr.splitlines()
    compiled = [name for name in SERVICES if COMPILES.format(name) in lines]
    skipped = [match[1] for line in lines if (match := UP_TO_DATE.fullmatch(line))]
    assert sorted([*compiled, *skipped]) == sorted(SERVICES), result.stderr
    assert len(lines) == len(SERVICES), result.stderr
    return set(compiled)


def file_sizes(top: str) -> int:
    """The bytes of all files below a folder."""
    return sum(
        os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(top) for name in names
    )


def test_the_same_image_comes_of_another_folder_commit_umask_and_time_zone(
    shipped: Example, tmp_path: "os.PathLike[str]"
) -> None:
    before = os.umask(0o077)
    try:
        with example(f"{os.path.realpath(tmp_path)}/a longer path/to/it") as other:
            other.write("NOTES", "of no service\n")
            other.commit("an unrelated one")
            other.done("image", "gmicro", env={"TZ": "Asia/Kathmandu", "LANG": "C"})
            assert other.manifest("gmicro") == shipped.manifest("gmicro")
            # Otherwise the umask was not put to the test.
            assert os.stat(other.path("bin/gmicro")).st_mode & 0o777 == 0o700
    finally:
        os.umask(before)


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_is_the_binary_and_nothing_else(
    shipped: Example, service: str, tmp_path: "os.PathLike[str]"
) -> None:
    binary = shipped.path(f"bin/{service}")
    (layer,) = shipped.manifest(service)[1]["layers"]
    with gzip.open(shipped.path(shipped.blob(layer["digest"]))) as file:
        data = file.read()
    assert len(data) <= os.stat(binary).st_size + 4096
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        modes = {member.name.rstrip("/"): member.mode for member in archive}
    assert modes == {"app": 0o755, f"app/{service}": 0o755}
    bundle = f"{os.fspath(tmp_path)}/bundle"
    layout = f"{shipped.root}/.pyrun/images:{REPOSITORY}/{service}:latest"
    tool("umoci", "unpack", "--rootless", "--image", layout, bundle)
    assert file_sizes(f"{bundle}/rootfs") == os.stat(binary).st_size
    with open(f"{bundle}/rootfs/app/{service}", "rb") as found, open(binary, "rb") as made:
        assert found.read() == made.read()


@pytest.mark.parametrize("service", SERVICES)
def test_skopeo_reads_what_the_file_says(shipped: Example, service: str) -> None:
    labels = {
        "org.opencontainers.image.title": service,
        "org.opencontainers.image.description": f"The {service} service of payments",
        "org.opencontainers.image.vendor": "example.org",
    }
    found = inspected(shipped.image(service))
    assert found["Labels"] == labels
    assert (found["Os"], found["Architecture"]) == ("linux", MACHINE)
    assert found["Digest"] == shipped.manifest(service)[0]
    assert inspected(shipped.image(service), "--config")["config"] == {
        "Entrypoint": [f"./{service}"],
        # What builders of Dockerfiles give an image from nothing.
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "ExposedPorts": {"8080/tcp": {}},
        "Labels": labels,
        "WorkingDir": "/app",
    }


def test_a_saved_image_is_read_as_either_kind_of_archive(shipped: Example) -> None:
    result = shipped.done("image", "gmicro", "--save", "../gmicro.tar")
    path = os.path.normpath(shipped.path("../gmicro.tar"))
    assert result.stderr.endswith("\nin .pyrun/images, and saved to ../gmicro.tar\n")
    config = inspected(shipped.image("gmicro"), "--config")
    for kind in ("docker-archive", "oci-archive"):
        for image in (f"{kind}:{path}", f"{kind}:{path}:{REPOSITORY}/gmicro:latest"):
            assert inspected(image, "--config") == config
        # A copy reads every byte and compares it with its digest.
        copy = f"dir:{os.path.dirname(path)}/{kind}"
        tool("skopeo", "copy", "--quiet", "--insecure-policy", f"{kind}:{path}", copy)
    assert inspected(f"oci-archive:{path}")["Digest"] == shipped.manifest("gmicro")[0]


def test_the_table_sets_images_beside_the_tool_chain_that_built_them(shipped: Example) -> None:
    lines = shipped.read("told").splitlines()
    *rows, where = lines[lines.index("") + 1 :]
    titles, *cells = (re.split(r" {2,}", row) for row in rows)
    assert titles == ["IMAGE", "TAG", "DIGEST", "LAYERS", "SIZE", "UNPACKED", "TOOL-CHAIN"]
    root = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    expected = []
    for service in SERVICES:
        digest, manifest = shipped.manifest(service)
        packed = manifest["config"]["size"] + manifest["layers"][0]["size"]
        with gzip.open(shipped.path(shipped.blob(manifest["layers"][0]["digest"]))) as file:
            unpacked = len(file.read())
        numbers = [size(packed), size(unpacked), size(file_sizes(root))]
        expected.append([f"{REPOSITORY}/{service}", "latest", digest[:19], "1", *numbers])
    assert sorted(cells) == expected
    assert where == "in .pyrun/images"


def test_an_image_that_is_there_is_told_in_one_line_and_the_table(shipped: Example) -> None:
    first, second = (shipped.done("image", "gmicro").stderr for _ in range(2))
    assert first == second
    assert first.startswith("image gmicro: up to date (1 dep and the image as in the last run)\n\nIMAGE ")
    assert len(first.splitlines()) == 5


@pytest.mark.parametrize("done_before", [False, True])
def test_load_without_an_engine_fails_with_words(monorepo: Example, done_before: bool) -> None:
    if not done_before:
        shutil.rmtree(monorepo.path(".pyrun"))
    result = monorepo.pyrun("image", "gmicro", "--load")
    assert result.code == 125
    told = (
        f"pyrun: no container engine answers at {NO_ENGINE}\n  no such socket (DOCKER_HOST names it)\n"
        "  start it, name another with `--engine URL`, or leave `--load` out\n"
    )
    assert result.stderr.endswith(told)


# What is up to date


def test_a_second_build_runs_nothing_and_says_why_in_one_line(shipped: Example) -> None:
    result = shipped.done("build", "gmicro")
    assert result.stdout == ""
    assert UP_TO_DATE.fullmatch(result.stderr.removesuffix("\n"))


def test_another_time_of_a_source_starts_nothing(monorepo: Example) -> None:
    for name in ("internal/groups/groups.go", "cmd/gmicro/main.go", "go.mod", "internal/expenses/book.go"):
        monorepo.touch(name)
    assert built(monorepo.done("build", "--all")) == set()


def test_a_change_compiles_what_imports_it_and_nothing_else(monorepo: Example) -> None:
    changes = {
        "internal/expenses/book.go": {"tmicro"},
        "internal/groups/groups.go": {"gmicro"},
        "internal/consumer/consumer.go": {"gmicro"},
        "internal/tmicro/model/model.go": {"tmicro"},
        "internal/apidoc/static/index.html": {"gateway"},
        "internal/groups/groups_test.go": set(),
        "internal/httpserver/server.go": set(SERVICES),
    }
    imported = tool("go", "-C", monorepo.root, "list", "-deps", "./cmd/gmicro").splitlines()
    if "example.org/payments/internal/tmicro/model" in imported:
        changes["internal/tmicro/model/model.go"].add("gmicro")
    for name, services in changes.items():
        monorepo.write(name, f"{monorepo.read(name)}\n{'' if name.endswith('html') else '// changed'}\n")
        assert built(monorepo.done("build", "--all")) == services, name
    assert built(monorepo.done("build", "--all")) == set()


def test_an_edit_of_the_same_size_with_the_time_set_back_is_found(monorepo: Example) -> None:
    name = "internal/groups/routes.go"
    assert built(monorepo.done("build", "--all")) == set()
    before = os.stat(monorepo.path(name))
    monorepo.edit(name, "the balances can't be had now", "the balances CAN'T be had now")
    os.utime(monorepo.path(name), ns=(before.st_atime_ns, before.st_mtime_ns))
    after = os.stat(monorepo.path(name))
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (
        before.st_size,
        before.st_mtime_ns,
        before.st_ino,
    )
    assert built(monorepo.done("build", "--all")) == {"gmicro"}
    with open(monorepo.path("bin/gmicro"), "rb") as file:
        assert b"the balances CAN'T be had now" in file.read()


def test_tests_and_coverage_run_once(monorepo: Example) -> None:
    result = monorepo.done("test")
    assert result.stderr == "test $ go test ./...\n"
    assert "ok  \texample.org/payments/internal/groups\t" in result.stdout
    result = monorepo.done("coverage")
    assert re.search(r"^total:\s+\(statements\)\s+\d+\.\d%$", result.stdout, re.MULTILINE)
    assert monorepo.read("coverage.out").startswith("mode: set\n")
    again = monorepo.done("test", "coverage")
    assert again.stdout == ""
    coverage, test = sorted(again.stderr.splitlines())
    assert re.fullmatch(r"coverage: up to date \(.* and coverage\.out as in the last run\)", coverage)
    assert re.fullmatch(r"test: up to date \(.* as in the last run\)", test)


def test_a_failing_test_gives_its_status_and_is_tried_again(monorepo: Example) -> None:
    monorepo.write("internal/rest/bad_test.go", "package rest\n\nfunc TestBad() {}\n")
    for _ in range(2):
        result = monorepo.pyrun("test")
        assert result.code == 1
        assert result.stderr.endswith("pyrun: test failed with exit status 1: go test ./...\n")


# Servers


def move(monorepo: Example) -> dict[str, int]:
    """Give the services ports that are free on this machine."""
    ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
    urls = ",".join(f'{name.upper()}_URL="http://127.0.0.1:{ports[name]}"' for name in ("gmicro", "tmicro"))
    for old, name in zip((8080, 8081, 8082), SERVICES, strict=True):
        listen = f'LISTEN="127.0.0.1:{ports[name]}",{urls}'
        monorepo.edit(f"init/{name}.conf", f'LISTEN=":{old}"', listen)
    return ports


def test_one_service_under_supervisord_answers_and_stops_clean(monorepo: Example) -> None:
    ports = move(monorepo)
    running = monorepo.start("run", "gmicro", memory=None)
    until(lambda: healthy(ports["gmicro"], "gmicro"), "gmicro answers")
    assert len(monorepo.left()) == 3
    serves_groups(ports["gmicro"])
    running.signal(signal.SIGTERM)
    result = running.result()
    assert result.code == 0
    assert "run gmicro $ supervisord -n -c init/gmicro.conf" in result.stderr
    assert "stopped: gmicro (exit status 0)" in result.stdout + result.stderr
    assert not monorepo.left()
    assert not healthy(ports["gmicro"], "gmicro")
    assert not monorepo.exists("run/gmicro.pid")


def test_all_services_run_side_by_side_until_ctrl_c(monorepo: Example) -> None:
    ports = move(monorepo)
    running = monorepo.start("run", "--all", "--jobs", "2", memory=None)
    until(lambda: all(healthy(ports[name], name) for name in SERVICES), "all services answer")
    group = serves_groups(ports["gateway"])
    assert [found["id"] for found in ask(ports["gmicro"], "GET", "/groups")[1]] == [group]
    spent = {"group": group, "payer": "ann", "amount": 3000, "between": ["ann", "bob"]}
    assert ask(ports["gateway"], "POST", "/expenses", spent)[0] == 201
    assert ask(ports["gateway"], "GET", f"/balances/{group}")[0] == 200
    # gmicro asks tmicro whether ann may leave.
    assert ask(ports["gateway"], "DELETE", f"/groups/{group}/members/ann")[0] == 409
    running.signal(signal.SIGINT)
    result = running.result()
    assert result.code == 130
    assert not monorepo.left()
    for name in SERVICES:
        assert not healthy(ports[name], name)
        lines = (result.stdout + result.stderr).splitlines()
        (stopped,) = (line for line in lines if f"stopped: {name} (exit status 0)" in line)
        assert stopped.startswith(f"run {name} | ")


def test_supervisord_starts_again_what_died(monorepo: Example) -> None:
    port = move(monorepo)["gmicro"]
    running = monorepo.start("run", "gmicro", memory=None)
    until(lambda: healthy(port, "gmicro"), "gmicro answers")
    (first,) = (line.split()[0] for line in monorepo.left() if line.split()[1:] == ["./bin/gmicro"])
    # It counts as started only when it has lived for a second, so it may die before or after.
    os.kill(int(first), signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{first}"), "it is gone")
    until(lambda: healthy(port, "gmicro"), "gmicro answers again")
    running.signal(signal.SIGTERM)
    assert running.result().code == 0


def test_a_service_that_runs_stands_the_load_test(monorepo: Example) -> None:
    assert shutil.which("ab"), "this test makes load: apt-get install apache2-utils"
    port = move(monorepo)["gmicro"]
    running = monorepo.start("run", "gmicro", memory=None)
    until(lambda: healthy(port, "gmicro"), "gmicro answers")
    url = f"http://127.0.0.1:{port}/healthz"
    result = monorepo.done("load", "-n", "500", "-c", "20", "--url", url)
    call = f"load --requests=500 --concurrency=20 --url={url}"
    assert result.stderr.startswith(f"{call} $ ab -n 500 -c 20 {url}\n")
    assert re.search(r"^Complete requests: +500$", result.stdout, re.MULTILINE)
    assert re.search(r"^Failed requests: +0$", result.stdout, re.MULTILINE)
    running.signal(signal.SIGTERM)
    assert running.result().code == 0
