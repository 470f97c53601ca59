"""The example monorepo for two platforms: compiled for each, in one index, and the checkout keeps its own."""

import gzip
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator

import pytest

from tests.engine.go_programs import known_program
from tests.example import MACHINE, REPOSITORY, Example, example

OTHER = "arm64" if MACHINE == "amd64" else "amd64"
MACHINES = {"amd64": 62, "arm64": 183}
"""What the head of an executable says of its processor."""
BOTH = ("--platform", "linux/amd64,linux/arm64")
BUILT_FOR = {f"build gmicro{mark}" for mark in ("", f" [linux/{OTHER}]")}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The example with the image of a service for both platforms."""
    with example(f"{tmp_path_factory.mktemp('both')}/one") as one:
        one.done("image", "gmicro", *BOTH)
        yield one


def ran(one: Example, *words: str) -> set[str]:
    lines = one.done(*words, "--output", "json").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    return {event["label"] for event in events if event["event"] == "command-started"}


def machine_of(data: bytes) -> int:
    assert data[:4] == b"\x7fELF"
    return int.from_bytes(data[18:20], "little")


def binaries(one: Example) -> dict[str, bytes]:
    """The executable of each image of the index, by its processor."""
    found = {}
    for entry in one.manifest("gmicro")[1]["manifests"]:
        manifest = json.loads(one.read(one.blob(entry["digest"])))
        with open(one.path(one.blob(manifest["layers"][0]["digest"])), "rb") as file:
            data = gzip.decompress(file.read())
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            member = tar.extractfile("app/gmicro")
            assert member is not None
            found[entry["platform"]["architecture"]] = member.read()
    return found


def test_each_image_has_the_program_for_its_platform_and_the_checkout_its_own(both: Example) -> None:
    found = binaries(both)
    assert list(found) == ["amd64", "arm64"]
    assert {arch: machine_of(data) for arch, data in found.items()} == MACHINES
    with open(both.path("bin/gmicro"), "rb") as file:
        assert file.read() == found[MACHINE]


def test_crane_finds_nothing_wrong_with_the_index(both: Example, tmp_path: "os.PathLike[str]") -> None:
    crane = known_program("crane")
    both.done("image", "gmicro", *BOTH, "--save", f"{os.fspath(tmp_path)}/saved.tar")
    with tarfile.open(f"{os.fspath(tmp_path)}/saved.tar") as tar:
        tar.extractall(f"{os.fspath(tmp_path)}/layout", filter="data")
    # What it takes as an archive is the one image that `docker load` would take.
    argv = [crane, "validate", "--tarball", f"{os.fspath(tmp_path)}/saved.tar"]
    finished = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    raw = subprocess.run(
        ["skopeo", "inspect", "--raw", f"oci:{os.fspath(tmp_path)}/layout:{REPOSITORY}/gmicro:latest"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [one["platform"]["architecture"] for one in json.loads(raw.stdout)["manifests"]] == [
        "amd64",
        "arm64",
    ]


def test_nothing_is_done_twice_and_a_change_is_compiled_for_both(both: Example) -> None:
    assert ran(both, "image", "gmicro", *BOTH) == set()
    before = binaries(both)
    both.edit("cmd/gmicro/main.go", "func main() {", 'func main() {\n\tprintln("changed")')
    assert ran(both, "image", "gmicro", *BOTH) == BUILT_FOR
    after = binaries(both)
    assert all(before[arch] != after[arch] and machine_of(after[arch]) == MACHINES[arch] for arch in MACHINES)
    # This machine's alone is up to date, too.
    assert ran(both, "build", "gmicro") == set()
