import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.digest import Digest, digest_of
from runner.errors import RunError
from runner.image import media_type
from runner.image.descriptor import Descriptor
from runner.image.document import decode, encode
from runner.image.image_config import parse_config
from runner.image.index import Index, for_platform, parse_index
from runner.image.manifest import Manifest, parse_manifest
from runner.image.validate import check_blob
from runner.plan.platform import Platform

DIGESTS = st.binary(max_size=9).map(digest_of)
TEXTS = st.text(max_size=9)
PLATFORMS = st.builds(Platform, TEXTS, TEXTS.filter(bool), TEXTS)
DESCRIPTORS = st.builds(
    Descriptor,
    TEXTS,
    DIGESTS,
    st.dictionaries(TEXTS, TEXTS, max_size=3).map(lambda found: tuple(found.items())),
    st.none() | PLATFORMS,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@given(st.builds(Manifest, DESCRIPTORS, st.lists(DESCRIPTORS).map(tuple)))
def test_a_manifest_is_read_back_as_it_was_written(manifest: Manifest) -> None:
    assert parse_manifest(manifest.encode()) == manifest


@given(st.builds(Index, st.lists(DESCRIPTORS).map(tuple)))
def test_an_index_is_read_back_as_it_was_written(index: Index) -> None:
    assert parse_index(index.encode()) == index


def test_the_bytes_of_a_manifest_are_known() -> None:
    digest = Digest("ab" * 32, 5)
    manifest = Manifest(Descriptor(media_type.CONFIG, digest), (Descriptor(media_type.LAYER_GZIP, digest),))
    entry = '"digest":"sha256:' + "ab" * 32 + '","size":5}'
    assert manifest.encode().decode() == (
        '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",'
        '"config":{"mediaType":"application/vnd.oci.image.config.v1+json",' + entry + ","
        '"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",' + entry + "]}"
    )


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "schemaVersion": st.just(2) | JSON,
            "mediaType": st.just(media_type.MANIFEST) | JSON,
            "config": JSON,
            "layers": JSON,
            "manifests": JSON,
            "rootfs": JSON,
            "history": JSON,
            "platform": JSON,
            "created": JSON,
        },
    )
)
def test_a_broken_document_is_an_error_of_ours(document: dict[str, Any]) -> None:
    for parse in (parse_manifest, parse_index, parse_config):
        try:
            parse(json.dumps(document).encode())
        except RunError:
            continue


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"3"])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(RunError):
        decode(data, "it")


@pytest.mark.parametrize(
    "written",
    [
        "",
        "sha256:",
        "sha512:" + "a" * 64,
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "sha256:../" + "a" * 61,
    ],
)
def test_what_is_no_digest_is_refused(written: str) -> None:
    data = encode({"schemaVersion": 2, "manifests": [{"mediaType": "m", "digest": written, "size": 1}]})
    with pytest.raises(RunError, match="is not a digest"):
        parse_index(data)


def test_dockers_names_become_ocis() -> None:
    entry = {"digest": "sha256:" + "a" * 64, "size": 1}
    data = encode(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", **entry},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", **entry}],
        }
    )
    manifest = parse_manifest(data)
    assert manifest.config.media_type == media_type.CONFIG
    assert manifest.layers[0].media_type == media_type.LAYER_GZIP


def test_bytes_that_are_not_the_descriptors_are_refused() -> None:
    descriptor = Descriptor("m", digest_of(b"abc"))
    check_blob(descriptor, b"abc")
    with pytest.raises(RunError, match="damaged"):
        check_blob(descriptor, b"abd")
    with pytest.raises(RunError, match="is 2 bytes, not 3"):
        check_blob(descriptor, b"ab")


def test_the_entry_for_a_platform_is_found() -> None:
    def entry(name: bytes, *platform: str) -> Descriptor:
        return Descriptor("m", digest_of(name), (), Platform(*platform))

    v7, v8, amd = (
        entry(b"7", "linux", "arm", "v7"),
        entry(b"8", "linux", "arm", "v8"),
        entry(b"a", "linux", "amd64"),
    )
    listed = (Descriptor("m", digest_of(b"attestation")), v7, v8, amd)
    assert for_platform(listed, Platform("linux", "arm", "v8")) == v8
    assert for_platform(listed, Platform("linux", "arm")) == v7
    assert for_platform(listed, Platform("linux", "amd64")) == amd
    for missing in (
        Platform("linux", "arm", "v6"),
        Platform("linux", "riscv64"),
        Platform("windows", "amd64"),
    ):
        with pytest.raises(RunError) as caught:
            for_platform(listed, missing)
        assert caught.value.hint == "it has: linux/arm/v7, linux/arm/v8, linux/amd64"
