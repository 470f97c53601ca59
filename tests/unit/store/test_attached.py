"""What is attached to images in a layout: found by what it is about, no image itself, gone with its image."""

import os

import pytest

from runner.image.attachment import EMPTY, SBOM, STATEMENT, Attachment
from runner.image.descriptor import Descriptor
from runner.image.reference import parse_reference
from runner.store.oci_layout import OciLayout
from tests.unit.store.test_oci_layout import blobs, put_image


@pytest.fixture
def layout(tmp_path: os.PathLike[str]) -> OciLayout:
    return OciLayout.created(f"{os.fspath(tmp_path)}/images")


def attach(layout: OciLayout, subject: Descriptor, *kinds: str, data: bytes = b"{}") -> list[Descriptor]:
    found = []
    for kind in kinds:
        descriptor, manifest = Attachment(kind, data).manifest(subject)
        for blob in (EMPTY, data, manifest):
            layout.write((blob,))
        found.append(descriptor)
    layout.attach(subject.digest, found)
    return found


def test_it_is_found_by_what_it_is_about(layout: OciLayout) -> None:
    one, other = put_image(layout, "a:1", content=b"1"), put_image(layout, "b:1", content=b"2")
    made = attach(layout, one, SBOM, STATEMENT)
    assert set(layout.attached(one.digest)) == set(made)
    assert layout.attached(other.digest) == ()


def test_it_takes_the_place_of_what_was_attached_before(layout: OciLayout) -> None:
    one = put_image(layout, "a:1")
    attach(layout, one, SBOM, STATEMENT)
    made = attach(layout, one, SBOM, data=b'{"a":1}')
    assert layout.attached(one.digest) == tuple(made)


def test_it_is_no_image(layout: OciLayout) -> None:
    one = put_image(layout, "a:1")
    attach(layout, one, SBOM, STATEMENT)
    for tag in ("", "1", "a:1"):
        assert layout.find(tag).digest == one.digest
    # Who takes the first entry takes the image.
    assert layout.index().manifests[0].digest == one.digest


def test_it_stays_with_its_image_and_goes_with_it(layout: OciLayout) -> None:
    one = put_image(layout, "a:1", content=b"1")
    attach(layout, one, SBOM, STATEMENT)
    before = blobs(layout)
    layout.prune()
    assert blobs(layout) == before
    layout.set_tags([parse_reference("b:2")], one)
    other = put_image(layout, "a:1", content=b"2")
    layout.prune()
    assert len(layout.attached(one.digest)) == 2
    layout.set_tags([parse_reference("b:2")], other)
    layout.prune()
    assert [entry.digest for entry in layout.index().manifests] == [other.digest, other.digest]
    assert len(blobs(layout)) == 3


def test_what_is_not_whole_is_not_attached(layout: OciLayout) -> None:
    one = put_image(layout, "a:1")
    (made,) = attach(layout, one, SBOM, data=b'{"a":1}')
    os.unlink(layout.blob_path(made.digest))
    assert layout.attached(one.digest) == ()
    (made,) = attach(layout, one, SBOM, data=b'{"b":1}')
    assert layout.attached(one.digest) == (made,)
    layout.prune()
    assert len(layout.attached(one.digest)) == 1


def test_it_is_written_and_read_with_its_kind(layout: OciLayout) -> None:
    one = put_image(layout, "a:1")
    made = attach(layout, one, SBOM)
    assert [entry for entry in layout.index().manifests if entry.artifact] == made
