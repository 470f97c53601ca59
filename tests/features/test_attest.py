"""`--attest`: a bill of materials and the provenance, attached to the image without changing it."""

import contextlib
import json
import os
import subprocess
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.engine.registries import RealRegistry, new_program, registry
from tests.example import NO_ENGINE, REPOSITORY, Example, example
from tests.features.conftest import MakeProject, Project

SBOM = "application/vnd.cyclonedx+json"
STATEMENT = "application/vnd.in-toto+json"
ENV = {"DOCKER_HOST": NO_ENGINE}
TASKS = """
    tasks:
      lib:
        source: [lib.txt]
        target: out/lib
        run: [mkdir -p out, cp lib.txt out/lib]
      build:
        deps: [lib]
        source: [in.txt]
        target: out/app
        env: {LEVEL: "2"}
        run: cat in.txt out/lib > out/app
      image:
        image:
          name: NAME
          tags: ["1", "2"]
          from: scratch
          copy: [{task: build, to: /app/}, {source: conf/, to: /etc/}]
"""
FILES = {"lib.txt": "lib\n", "in.txt": "in\n", "conf/a": "a\n"}


def made(project: MakeProject, name: str = "registry.example.org/app") -> Project:
    return project({"tasks.yml": TASKS.replace("NAME", name), **FILES})


def ran(p: Project, *words: str) -> str:
    result = p.run("image", *words, env=ENV)
    assert (result.stdout, result.code) == ("", 0), result
    return result.stderr


def blob(p: Project, digest: str, layout: str = ".pyrun/images") -> Any:
    return json.loads(p.read(f"{layout}/blobs/{digest.replace(':', '/')}"))


def attached(p: Project, layout: str = ".pyrun/images") -> dict[str, tuple[dict[str, Any], Any]]:
    """Of all that is attached in a layout, by its kind, the manifest and the document."""
    found = {}
    for entry in json.loads(p.read(f"{layout}/index.json"))["manifests"]:
        if "artifactType" in entry:
            manifest = blob(p, entry["digest"], layout)
            assert entry["artifactType"] == manifest["artifactType"]
            (layer,) = manifest["layers"]
            assert layer["mediaType"] == manifest["artifactType"]
            found[entry["artifactType"]] = (manifest, blob(p, layer["digest"], layout))
    return found


def image(p: Project, layout: str = ".pyrun/images") -> str:
    """The digest of the one image of a layout."""
    entries = json.loads(p.read(f"{layout}/index.json"))["manifests"]
    (digest,) = {entry["digest"] for entry in entries if "artifactType" not in entry}
    return str(digest)


def checked(bill: Any) -> dict[str, Any]:
    """A bill of materials that is valid by the schema of CycloneDX."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    found: dict[str, Any] = bill
    return found


def test_the_image_stays_as_it_is(project: MakeProject) -> None:
    p = made(project)
    ran(p)
    before = image(p)
    assert attached(p) == {}
    ran(p, "--attest")
    assert image(p) == before
    found = attached(p)
    assert sorted(found) == [SBOM, STATEMENT]
    for manifest, _ in found.values():
        assert manifest["subject"]["digest"] == before
        assert manifest["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    assert found[STATEMENT][0]["annotations"] == {
        "in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"
    }


def test_the_provenance_says_what_was_asked_for_and_how_each_result_came_about(project: MakeProject) -> None:
    p = made(project)
    ran(p, "--attest")
    statement = attached(p)[STATEMENT][1]
    digest = image(p).partition(":")[2]
    assert statement["subject"] == [
        {"name": f"registry.example.org/app:{tag}", "digest": {"sha256": digest}} for tag in ("1", "2")
    ]
    definition, details = (statement["predicate"][key] for key in ("buildDefinition", "runDetails"))
    parameters = definition["externalParameters"]
    assert parameters.pop("platform").startswith("linux/")
    assert parameters == {"file": "tasks.yml", "task": "image", "args": {}}
    assert definition["internalParameters"] == {"SOURCE_DATE_EPOCH": 0}
    assert [one["name"] for one in definition["resolvedDependencies"]] == ["conf/a", "in.txt", "lib.txt"]
    assert [
        (one["task"], one["result"], one["made"], one.get("commands"), one.get("sources"))
        for one in details["pyrun_steps"]
    ] == [
        ("lib", "run", "host", ["mkdir -p out", "cp lib.txt out/lib"], ["lib.txt"]),
        ("build", "run", "host", ["cat in.txt out/lib > out/app"], ["in.txt"]),
        ("image", "run", "layers", None, ["conf/a"]),
    ]
    build = details["pyrun_steps"][1]
    assert build["env"] == {"LEVEL": "2"}
    assert [one["name"] for one in build["targets"]] == ["out/app"]


def test_what_was_restored_or_is_up_to_date_is_told_apart(project: MakeProject) -> None:
    p = made(project)
    ran(p)
    p.remove("out/app")
    p.write("conf/a", "b\n")
    ran(p, "--attest")
    steps = attached(p)[STATEMENT][1]["predicate"]["runDetails"]["pyrun_steps"]
    assert [(one["task"], one["result"]) for one in steps] == [
        ("lib", "up to date"), ("build", "restored"), ("image", "run"),
    ]  # fmt: skip


def test_it_is_written_once_and_goes_when_its_image_goes(project: MakeProject) -> None:
    p = made(project)
    ran(p, "--attest")
    first = p.read(".pyrun/images/index.json")
    ran(p, "--attest")
    ran(p)
    assert p.read(".pyrun/images/index.json") == first
    old = attached(p)
    p.write("in.txt", "other\n")
    ran(p)
    assert attached(p) == {}
    assert len(os.listdir(p.path(".pyrun/images/blobs/sha256"))) == 4
    p.write("in.txt", "in\n")
    ran(p, "--attest")
    assert attached(p)[SBOM] == old[SBOM]


def test_the_commit_is_a_material_with_its_address_and_no_credentials(project: MakeProject) -> None:
    p = made(project)
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (
        ("init", "-q"),
        ("remote", "add", "origin", "https://me:t0ken@git.example.org/app.git"),
        ("add", "-A"),
        ("commit", "-qm", "x"),
    ):
        subprocess.run([*git, *words], cwd=p.root, env=p.environ(), check=True)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=p.root, env=p.environ(), check=True, capture_output=True, text=True
    ).stdout.strip()
    ran(p, "--attest")
    statement = attached(p)[STATEMENT][1]
    assert statement["predicate"]["buildDefinition"]["resolvedDependencies"][0] == {
        "uri": f"git+https://git.example.org/app.git@{head}",
        "name": "checkout",
        "digest": {"gitCommit": head},
    }
    assert "t0ken" not in json.dumps(statement)


def test_a_base_is_a_material_and_its_packages_are_in_the_bill(project: MakeProject) -> None:
    p = made(project)
    status = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n"
    root = {
        "var/lib/dpkg/status": status,
        "usr/lib/os-release": "ID=debian\nVERSION_ID=12\n",
        "usr/lib/python3/site-packages/requests-2.32.0.dist-info/METADATA": "Name: requests\nVersion: 2.32.0\n",
    }
    for name, text in root.items():
        p.write(f"root/{name}", text)
    p.write(
        "base/tasks.yml",
        "tasks: {image: {image: {name: base, from: scratch, copy: [{source: root/, to: /}]}}}\n",
    )
    os.rename(p.path("root"), p.path("base/root"))
    assert p.run("image", "-q", env=ENV, cwd="base").code == 0
    p.write(
        "tasks.yml", p.read("tasks.yml").replace("from: scratch", "from: oci:base/.pyrun/images:base:latest")
    )
    ran(p, "--attest")
    found = attached(p)
    names = [one.get("purl", one["name"]) for one in checked(found[SBOM][1])["components"]]
    assert sorted(names) == [
        "debian",
        "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12",
        "pkg:pypi/requests@2.32.0",
    ]
    material = found[STATEMENT][1]["predicate"]["buildDefinition"]["resolvedDependencies"][0]
    assert material == {
        "name": "oci:base/.pyrun/images:base:latest",
        "digest": {"sha256": image(p, "base/.pyrun/images").partition(":")[2]},
    }


def test_what_a_layer_takes_away_is_not_in_the_bill(project: MakeProject) -> None:
    p = made(project)
    name = "site/a-1.dist-info/METADATA"
    p.write(f"base/root/{name}", "Name: a\nVersion: 1\n")
    p.write(
        "base/tasks.yml",
        "tasks: {image: {image: {name: base, from: scratch, copy: [{source: root/, to: /}]}}}\n",
    )
    assert p.run("image", "-q", env=ENV, cwd="base").code == 0
    p.write(f"conf/{name}", "Name: a\nVersion: 2\n")
    tasks = (
        p.read("tasks.yml")
        .replace("from: scratch", "from: oci:base/.pyrun/images")
        .replace("to: /etc/", "to: /")
    )
    p.write("tasks.yml", tasks)
    ran(p, "--attest")
    (one,) = checked(attached(p)[SBOM][1])["components"]
    assert one["purl"] == "pkg:pypi/a@2"


def test_an_archive_has_it_too(project: MakeProject) -> None:
    p = made(project)
    ran(p, "--attest", "--save", "a.tar")
    with tarfile.open(p.path("a.tar")) as archive:
        archive.extractall(p.path("unpacked"), filter="data")
    assert attached(p, "unpacked") == attached(p)
    for kind in ("oci-archive", "docker-archive"):
        archive_name = f"{kind}:{p.path('a.tar')}:registry.example.org/app:1"
        done = subprocess.run(
            ["skopeo", "inspect", archive_name], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    ran(p, "--save", "b.tar")
    with tarfile.open(p.path("b.tar")) as archive:
        assert b"artifactType" not in archive.extractfile("index.json").read()  # type: ignore[union-attr]


def test_each_image_of_an_index_is_attested(project: MakeProject) -> None:
    p = made(project)
    ran(p, "--attest", "--platform", "linux/amd64,linux/arm64")
    entries = json.loads(p.read(".pyrun/images/index.json"))["manifests"]
    parts = {one["digest"]: one["platform"]["architecture"] for one in blob(p, image(p))["manifests"]}
    subjects = [blob(p, one["digest"])["subject"]["digest"] for one in entries if "artifactType" in one]
    assert sorted(subjects) == sorted([*parts, *parts])
    for entry in entries:
        if entry.get("artifactType") == STATEMENT:
            manifest = blob(p, entry["digest"])
            statement = blob(p, manifest["layers"][0]["digest"])
            asked = statement["predicate"]["buildDefinition"]["externalParameters"]
            assert asked["platform"] == f"linux/{parts[manifest['subject']['digest']]}"
            names = [one["name"] for one in statement["subject"]]
            assert names == ["registry.example.org/app:1", "registry.example.org/app:2"]


def test_a_secret_in_a_command_stops_it(project: MakeProject) -> None:
    p = made(project)
    tasks = p.read("tasks.yml").replace("env: {LEVEL", "env: {KEY: a-value-that-is-secret, LEVEL")
    p.write("tasks.yml", f"{tasks}\n  publish: {{secrets: [TOKEN], run: echo}}\n")
    result = p.run("image", "--attest", env={**ENV, "TOKEN": "a-value-that-is-secret"})
    assert result.code == 1
    assert (
        "the secret `TOKEN` would ship with the image `registry.example.org/app`: it is in its provenance"
        in (result.stderr)
    )
    assert "a-value" not in result.stderr
    assert attached(p) == {}


@pytest.fixture(scope="module")
def present() -> Iterator[RealRegistry]:
    """A registry that keeps what is attached."""
    with registry(new_program()) as found:
        yield found


def about(there: RealRegistry, path: str, digest: str) -> list[dict[str, Any]]:
    """What a registry lists as being about an image, as clients ask: by its list, or by the tag that stands for one."""
    for url in (f"referrers/{digest}", f"manifests/{digest.replace(':', '-')}"):
        headers = {"Accept": "application/vnd.oci.image.index.v1+json"}
        request = urllib.request.Request(f"{there.url}/v2/{path}/{url}", headers=headers)
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request) as answer:
            found: list[dict[str, Any]] = json.load(answer)["manifests"]
            return found
    return []


def test_a_registry_tells_what_is_about_the_image(project: MakeProject, present: RealRegistry) -> None:
    p = made(project, f"{present.host}/team/app")
    ran(p, "--attest", "--push")
    listed = about(present, "team/app", image(p))
    assert sorted(entry["artifactType"] for entry in listed) == [SBOM, STATEMENT]
    for entry in listed:
        manifest = urllib.request.Request(
            f"{present.url}/v2/team/app/manifests/{entry['digest']}", headers={"Accept": entry["mediaType"]}
        )
        with urllib.request.urlopen(manifest) as answer:
            (layer,) = json.load(answer)["layers"]
        with urllib.request.urlopen(f"{present.url}/v2/team/app/blobs/{layer['digest']}") as answer:
            assert json.load(answer) == attached(p)[entry["artifactType"]][1]
    assert {"1", "2"} <= set(present.repositories()["team/app"])


def test_it_can_be_attached_to_an_image_that_was_pushed_without_it(
    project: MakeProject, present: RealRegistry
) -> None:
    p = made(project, f"{present.host}/later/app")
    ran(p, "--push")
    ran(p, "--push", "--attest")
    assert len(about(present, "later/app", image(p))) == 2


@pytest.fixture(scope="module")
def monorepo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The example, with an image that is attested."""
    with example(f"{tmp_path_factory.mktemp('attested')}/one") as one:
        one.done("image", "gmicro", "--attest")
        yield one


def test_the_bill_names_the_modules_that_go_itself_finds_in_the_program(monorepo: Example) -> None:
    told = subprocess.run(
        ["go", "version", "-m", monorepo.path("bin/gmicro")], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split("\t")[1:] for line in told.splitlines()]
    modules = {f"pkg:golang/{row[1]}@{row[2]}" for row in rows if row[:1] == ["dep"]}
    assert len(modules) > 2
    bill = checked(attached(monorepo)[SBOM][1])
    components = {one.get("purl", one["name"]) for one in bill["components"]}
    version = told.splitlines()[0].rpartition(" go")[2]
    main = {f"pkg:golang/{row[1]}" for row in rows if row[:1] == ["mod"]}
    assert components == {*modules, *main, f"pkg:golang/std@{version}", "/app/gmicro"}


def test_the_provenance_of_the_example_names_what_was_compiled(monorepo: Example) -> None:
    statement = attached(monorepo)[STATEMENT][1]
    assert statement["subject"][0]["name"] == f"{REPOSITORY}/gmicro:latest"
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["args"] == {"service": "gmicro"}
    names = [one["name"] for one in definition["resolvedDependencies"]]
    assert {"checkout", "go.mod", "go.sum", "cmd/gmicro/main.go"} <= set(names)
    assert not any(name.startswith("cmd/gateway/") for name in names)


def test_the_same_image_made_in_the_same_way_has_the_same_documents(project: MakeProject) -> None:
    found = []
    for zone in ("UTC0", "<+0545>-05:45"):
        p = made(project)
        assert p.run("image", "--attest", "-q", env={**ENV, "TZ": zone}).code == 0
        found.append(attached(p))
    assert found[0] == found[1]
