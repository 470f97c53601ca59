"""The documents about an image: valid by their schema, the same for the same image, as their specifications say."""

import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.digest import Digest, digest_of
from runner.image import media_type
from runner.image.attachment import EMPTY, SBOM, Attachment, subject_of
from runner.image.descriptor import Descriptor
from runner.image.go_buildinfo import GoBuild, GoModule
from runner.image.inventory import Inventory, Package, Program
from runner.image.provenance import Material, Step, provenance
from runner.image.sbom import bill_of_materials
from runner.plan.platform import Platform
from tests.unit.image.test_go_buildinfo import BUILD
from tests.unit.image.test_inventory import found as found_in

IMAGE = Digest("ab" * 32, 5)
RELEASE = {"ID": "debian", "VERSION_ID": "12", "PRETTY_NAME": "Debian 12"}
PACKAGES = [
    Package("deb", "libc6", "2.36-9+deb12u10", "/var/lib/dpkg/status", "amd64"),
    Package("apk", "musl", "1.2.5-r10", "/lib/apk/db/installed", "x86_64", (("SHA-1", "cd" * 20),)),
    Package("pypi", "Some_Package", "1.0", "/a/METADATA"),
    Package("pypi", "some-package", "1.0", "/b/METADATA"),
]


def bill(found: Inventory) -> dict[str, Any]:
    data = bill_of_materials(
        found, "registry.example.org/app", IMAGE, Platform("linux", "amd64"), "1970-01-01T00:00:00Z", "1.0"
    )
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode())
    assert error is None, error
    document: dict[str, Any] = json.loads(data)
    return document


def whole() -> Inventory:
    programs = [Program(f"/app/{name}", "ef" * 32, 5, BUILD) for name in ("one", "two")]
    return Inventory(list(PACKAGES), programs, dict(RELEASE), ["the database of rpm"])


def test_the_bill_names_all_by_package_urls() -> None:
    found = bill(whole())
    assert sorted(one.get("purl", one["name"]) for one in found["components"]) == [
        "/app/one",
        "/app/two",
        "debian",
        "pkg:apk/debian/musl@1.2.5-r10?arch=x86_64&distro=debian-12",
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12",
        "pkg:golang/example.org/new@v1.0.1",
        "pkg:golang/example.org/payments",
        "pkg:golang/github.com/go-chi/chi/v5@v5.2.3",
        "pkg:golang/std@1.24.2",
        "pkg:pypi/some-package@1.0",
    ]


def test_the_bill_is_about_the_image() -> None:
    found = bill(whole())
    about = found["metadata"]["component"]
    assert (about["type"], about["name"], about["version"]) == (
        "container", "registry.example.org/app", f"sha256:{'ab' * 32}",
    )  # fmt: skip
    assert about["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert about["purl"].startswith(f"pkg:oci/app@sha256:{'ab' * 32}?arch=amd64")
    assert about["properties"] == [{"name": "pyrun:not-read", "value": "the database of rpm"}]
    assert found["metadata"]["timestamp"] == "1970-01-01T00:00:00+00:00"


def test_a_program_needs_its_modules_and_the_image_what_is_in_it() -> None:
    needs = {one["ref"]: sorted(one.get("dependsOn", ())) for one in bill(whole())["dependencies"]}
    modules = [
        "pkg:golang/example.org/new@v1.0.1",
        "pkg:golang/example.org/payments",
        "pkg:golang/github.com/go-chi/chi/v5@v5.2.3",
        "pkg:golang/std@1.24.2",
    ]
    assert needs["file:/app/one"] == needs["file:/app/two"] == modules
    assert not set(modules) & set(needs[f"image@sha256:{'ab' * 32}"])
    assert {"file:/app/one", "os:debian@12"} < set(needs[f"image@sha256:{'ab' * 32}"])


def test_hashes_are_those_that_are_known() -> None:
    hashes = {one["bom-ref"]: one.get("hashes", []) for one in bill(whole())["components"]}
    assert hashes["file:/app/one"] == [{"alg": "SHA-256", "content": "ef" * 32}]
    assert hashes["pkg:apk/debian/musl@1.2.5-r10?arch=x86_64&distro=debian-12"] == [
        {"alg": "SHA-1", "content": "cd" * 20}
    ]
    (chi,) = hashes["pkg:golang/github.com/go-chi/chi/v5@v5.2.3"]
    assert chi["content"] == "59022df6ec5db006e021882277e06961cfa58aa41918c1d1694c29d0951cbdd1"
    assert hashes["pkg:golang/example.org/new@v1.0.1"] == []


def test_an_empty_image_has_a_bill_too_and_equal_ones_the_same() -> None:
    assert bill(Inventory()).get("components") is None
    assert bill(whole()) == bill(whole())
    turned = whole()
    turned.packages.reverse()
    turned.programs.reverse()
    assert bill(turned) == bill(whole())


def test_provenance_has_the_fields_of_its_specification() -> None:
    source = Material("main.go", "sha256", "01" * 32)
    made = Material("bin/app", "sha256", "02" * 32)
    data = provenance(
        [("registry.example.org/app:1", IMAGE)],
        parameters={"task": "image"},
        internal={"SOURCE_DATE_EPOCH": 0},
        materials=[Material("checkout", "gitCommit", "03" * 20, "git+https://git.example.org/a@030303")],
        steps=[
            Step("build", "run", "host", ("go build",), "", (("A", "1"),), (source,), (made,)),
            Step("image", "run", "layers", (), sources=(made,)),
        ],
        version="1.0",
    )
    assert json.loads(data) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "registry.example.org/app:1", "digest": {"sha256": "ab" * 32}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:pyrun:image:v1",
                "externalParameters": {"task": "image"},
                "internalParameters": {"SOURCE_DATE_EPOCH": 0},
                "resolvedDependencies": [
                    {
                        "uri": "git+https://git.example.org/a@030303",
                        "name": "checkout",
                        "digest": {"gitCommit": "03" * 20},
                    },
                    {"name": "main.go", "digest": {"sha256": "01" * 32}},
                ],
            },
            "runDetails": {
                "builder": {"id": "urn:pyrun:builder", "version": {"pyrun": "1.0"}},
                "pyrun_steps": [
                    {
                        "task": "build",
                        "result": "run",
                        "made": "host",
                        "commands": ["go build"],
                        "env": {"A": "1"},
                        "sources": ["main.go"],
                        "targets": [{"name": "bin/app", "digest": {"sha256": "02" * 32}}],
                    },
                    {"task": "image", "result": "run", "made": "layers", "sources": ["bin/app"]},
                ],
            },
        },
    }


def test_an_attachment_is_a_manifest_about_its_subject() -> None:
    subject = Descriptor(media_type.MANIFEST, IMAGE, (("a", "b"),), Platform("linux", "amd64"))
    descriptor, data = Attachment(SBOM, b"{}x", (("k", "v"),)).manifest(subject)
    document = json.loads(data)
    assert document == {
        "schemaVersion": 2,
        "mediaType": media_type.MANIFEST,
        "artifactType": SBOM,
        "config": Descriptor("application/vnd.oci.empty.v1+json", digest_of(EMPTY)).document(),
        "layers": [Descriptor(SBOM, digest_of(b"{}x")).document()],
        "subject": {"mediaType": media_type.MANIFEST, "digest": str(IMAGE), "size": 5},
        "annotations": {"k": "v"},
    }
    assert descriptor.document() == {
        "mediaType": media_type.MANIFEST,
        "digest": str(digest_of(data)),
        "size": len(data),
        "annotations": {"k": "v"},
        "artifactType": SBOM,
    }
    assert subject_of(document) == str(IMAGE)


@pytest.mark.parametrize(
    "document", [{}, {"subject": None}, {"subject": {"digest": 5}}, {"subject": {"digest": "x"}}]
)
def test_what_is_about_nothing_has_no_subject(document: dict[str, object]) -> None:
    assert subject_of(document) == ""


TEXTS = st.text(max_size=12)


@settings(max_examples=40)
@given(
    st.lists(st.builds(Package, st.sampled_from(["deb", "apk", "pypi"]), TEXTS, TEXTS, TEXTS, TEXTS)),
    st.lists(
        st.builds(
            Program,
            TEXTS,
            st.just("ef" * 32),
            st.integers(0),
            st.builds(
                GoBuild,
                TEXTS,
                TEXTS,
                st.none() | st.builds(GoModule, TEXTS, TEXTS, TEXTS),
                st.lists(st.builds(GoModule, TEXTS, TEXTS, TEXTS)).map(tuple),
            ),
        )
    ),
    st.dictionaries(st.sampled_from(["ID", "VERSION_ID", "PRETTY_NAME"]), TEXTS),
)
def test_whatever_an_image_says_of_itself_the_bill_is_valid(
    packages: list[Package], programs: list[Program], release: dict[str, str]
) -> None:
    bill(Inventory(packages, programs, release))


@pytest.mark.parametrize(
    "header", [b"Name: caf\xe9\nVersion: 1\n", b"Name: =?utf-8?q?a=C3=A9?=\nVersion: \xff1\n"]
)
def test_metadata_in_no_known_encoding_is_no_trouble(header: bytes) -> None:
    data = {"a.dist-info/METADATA": (header, 0o644)}
    assert len(bill(found_in(data))["components"]) == 1
