import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.digest import Digest
from runner.errors import RunError
from runner.image.descriptor import REFERENCE, Descriptor
from runner.image.index import Index
from runner.image.media_type import MANIFEST
from runner.store.base_identity import layout_digest, recorded_digest
from runner.store.oci_layout import OciLayout
from runner.store.read_archive import encode_entries

NAMES = st.sampled_from(["", "1", "a:1", "registry.example.org/a:1", "registry.example.org/b:1", "b:2", "2"])
ENTRIES = st.lists(st.tuples(NAMES, st.sampled_from("012")), max_size=5)


def descriptors(entries: list[tuple[str, str]]) -> tuple[Descriptor, ...]:
    return tuple(
        Descriptor(MANIFEST, Digest(digit * 64, 3), ((REFERENCE, name),) if name else ())
        for name, digit in entries
    )


@given(ENTRIES, NAMES)
def test_a_quick_look_finds_what_those_find_who_read_images(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[str, str]], tag: str
) -> None:
    layout = OciLayout.created(os.fspath(tmp_path_factory.mktemp("layout")))
    with open(f"{layout.folder}/index.json", "wb") as file:
        file.write(Index(descriptors(entries)).encode())
    try:
        wanted = str(layout.find(tag).digest)
    except RunError:
        wanted = ""
    assert layout_digest(layout.folder, tag) == wanted
    record = f"{layout.folder}/record"
    with open(record, "w", encoding="utf-8") as file:
        json.dump({"signature": "now", "entries": encode_entries(descriptors(entries))}, file)
    assert recorded_digest(record, tag, "now") == wanted
    assert recorded_digest(record, tag, "then") == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"manifests": 1}',
        '{"manifests": [1]}',
        '{"manifests": [{}]}',
        '{"manifests": [{"digest": 1}]}',
    ],
)
def test_what_is_no_index_tells_nothing(tmp_path: os.PathLike[str], text: str) -> None:
    folder = os.fspath(tmp_path)
    assert layout_digest(folder, "") == ""
    with open(f"{folder}/index.json", "w", encoding="utf-8") as file:
        file.write(text)
    assert layout_digest(folder, "") == ""
    assert recorded_digest(f"{folder}/index.json", "", "") == ""
