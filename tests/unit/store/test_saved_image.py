"""What engines write of an image becomes one of the layout, and nothing of it is believed unseen."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator

import pytest

from runner.errors import RunError
from runner.image import media_type
from runner.plan.platform import Platform
from runner.store.oci_layout import OciLayout
from runner.store.saved_image import SavedImage, take_saved

AMD64 = Platform("linux", "amd64")


@pytest.fixture
def layout(tmp_path: os.PathLike[str]) -> OciLayout:
    return OciLayout.created(f"{os.fspath(tmp_path)}/layout")


def layer(name: str, content: bytes = b"x\n") -> bytes:
    """The tar of a layer with one file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def hexed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def config(*layers: bytes) -> bytes:
    return json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["x"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hexed(one)}" for one in layers]},
        "history": [{"created_by": "x"} for _ in layers],
    }).encode()  # fmt: skip


def archive(files: dict[str, bytes | str]) -> list[bytes]:
    """A tar, in pieces; text is where a link leads."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    data = out.getvalue()
    return [data[at : at + 700] for at in range(0, len(data), 700)]


def docker(*layers: bytes, **more: bytes | str) -> dict[str, bytes | str]:
    """What an engine without a store of containerd's writes."""
    paths = [f"{number}/layer.tar" for number in range(len(layers))]
    written = config(*layers)
    images = [{"Config": f"{hexed(written)}.json", "RepoTags": None, "Layers": paths}]
    files: dict[str, bytes | str] = {}
    for path, one in zip(paths, layers, strict=True):
        folder = path.partition("/")[0]
        files |= {f"{folder}/VERSION": b"1.0", f"{folder}/json": b'{"id": "x"}', path: one}
    files[f"{hexed(written)}.json"] = written
    return {**files, "manifest.json": json.dumps(images).encode(), **more}


def descriptor(data: bytes, kind: str, **more: object) -> dict[str, object]:
    return {"mediaType": kind, "digest": f"sha256:{hexed(data)}", "size": len(data), **more}


def oci(written: bytes, blobs: list[bytes], kind: str = media_type.LAYER_GZIP) -> dict[str, bytes | str]:
    """What an engine with a store of containerd's writes."""
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": media_type.MANIFEST, "config": descriptor(written, media_type.CONFIG),
        "layers": [descriptor(blob, kind) for blob in blobs],
    }).encode()  # fmt: skip
    index = {"schemaVersion": 2, "manifests": [descriptor(manifest, media_type.MANIFEST)]}
    paths = [f"blobs/sha256/{hexed(blob)}" for blob in blobs]
    images = [{"Config": f"blobs/sha256/{hexed(written)}", "Layers": paths}]
    return {
        **{f"blobs/sha256/{hexed(data)}": data for data in (*blobs, written, manifest)},
        "index.json": json.dumps(index).encode(),
        "manifest.json": json.dumps(images).encode(),
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
    }


def take(layout: OciLayout, files: dict[str, bytes | str]) -> SavedImage:
    with layout.held():
        return take_saved(archive(files), layout, AMD64)


def layers_of(layout: OciLayout, saved: SavedImage) -> Iterator[bytes]:
    for one in saved.manifest.layers:
        yield gzip.decompress(b"".join(layout.chunks(one.digest)))


def test_an_image_of_dockers_own_kind_keeps_its_config_and_layers(layout: OciLayout) -> None:
    one, two = layer("a"), layer("b", b"y" * 3_000_000)
    saved = take(layout, docker(one, two))
    assert saved.manifest.config.digest.hex == hexed(config(one, two))
    assert list(layers_of(layout, saved)) == [one, two]
    assert (saved.new, saved.unpacked_size) == (2, len(one) + len(two))
    assert layout.has(saved.descriptor.digest)


def test_a_layer_that_is_known_is_packed_once(layout: OciLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    first = take(layout, docker(layer("a")))

    def packed(*_: object) -> Iterator[bytes]:
        raise AssertionError("it is packed again")

    monkeypatch.setattr("runner.store.saved_image.packed", packed)
    again = take(layout, docker(layer("a")))
    assert (again.new, again.descriptor) == (0, first.descriptor)


def test_a_layer_may_be_a_link_to_another_place(layout: OciLayout) -> None:
    files = docker(layer("a"), layer("a"))
    files["1/layer.tar"] = "../0/layer.tar"
    saved = take(layout, files)
    assert list(layers_of(layout, saved)) == [layer("a")] * 2


def test_a_packed_image_of_an_oci_layout_is_taken_as_it_is(layout: OciLayout) -> None:
    one = layer("a")
    files = oci(config(one), [gzip.compress(one, 1, mtime=7)])
    saved = take(layout, files)
    assert f"blobs/sha256/{saved.descriptor.digest.hex}" in files
    assert list(layers_of(layout, saved)) == [one]
    assert (saved.new, saved.unpacked_size, take(layout, files).new) == (1, len(one), 0)


def test_one_that_is_not_packed_gets_packed(layout: OciLayout) -> None:
    one = layer("a")
    saved = take(layout, oci(config(one), [one], media_type.LAYER))
    assert saved.manifest.layers[0].media_type == media_type.LAYER_GZIP
    assert saved.descriptor == take(layout, docker(one)).descriptor


def test_of_several_platforms_the_wanted_one_is_taken(layout: OciLayout) -> None:
    one = layer("a")
    files = oci(config(one), [gzip.compress(one)])
    (entry,) = json.loads(files["index.json"])["manifests"]
    arm = entry | {"digest": f"sha256:{hexed(b'no')}", "platform": {"os": "linux", "architecture": "arm64"}}
    inner = json.dumps({
        "schemaVersion": 2, "mediaType": media_type.INDEX,
        "manifests": [arm, entry | {"platform": {"os": "linux", "architecture": "amd64"}}],
    }).encode()  # fmt: skip
    files[f"blobs/sha256/{hexed(inner)}"] = inner
    outer = {"schemaVersion": 2, "manifests": [descriptor(inner, media_type.INDEX)]}
    files["index.json"] = json.dumps(outer).encode()
    assert f"sha256:{take(layout, files).descriptor.digest.hex}" == entry["digest"]


def broken() -> dict[str, tuple[dict[str, bytes | str], str]]:
    one = layer("a")
    good, packed = docker(one), oci(config(one), [gzip.compress(one)])
    other = {**docker(one), "0/layer.tar": layer("b")}
    blob = next(path for path in packed if path.startswith("blobs/"))
    return {
        "nothing": ({"x": b"y"}, "holds no image"),
        "no config": ({**good, "manifest.json": b'[{"Config": "no", "Layers": []}]'}, "it has no config"),
        "no layer": ({path: data for path, data in good.items() if path != "0/layer.tar"}, "no layer `0/layer.tar`"),
        "a link to itself": ({**good, "0/layer.tar": "layer.tar"}, "no layer"),
        "another layer": (other, "not those that its config names"),
        "two images": ({**good, "manifest.json": b"[{}, {}]"}, "holds no image"),
        "no list": ({**good, "manifest.json": b"{}"}, "holds no image"),
        "a blob that is another": ({**packed, blob: gzip.compress(layer("b"))}, "is damaged"),
    }  # fmt: skip


@pytest.mark.parametrize("what", broken())
def test_what_is_not_whole_is_refused(layout: OciLayout, what: str) -> None:
    files, message = broken()[what]
    with pytest.raises(RunError, match=message):
        take(layout, files)


def test_what_is_no_archive_is_refused(layout: OciLayout) -> None:
    with pytest.raises(RunError, match="is no archive"):
        take_saved([b"no archive" * 100], layout, AMD64)
