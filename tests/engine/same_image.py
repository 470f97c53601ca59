"""Reads an image as a stranger would, and says in what two images differ.

Nothing of pyrun is used: an archive or a layout goes through `tarfile`, `json`, `hashlib`, and layers are laid one
over the other by the rules of the OCI specification, whiteouts and hard links among them. What is compared is
what a container sees (path, type, mode, owner, content, where links lead) and what it starts with (the config).
Times, histories and digests of layers are no part of that.
"""

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

_COMPARED = (
    "Cmd", "Entrypoint", "Env", "ExposedPorts", "Healthcheck", "Labels", "Shell", "StopSignal", "User",
    "Volumes", "WorkingDir",
)  # fmt: skip
"""What of a config a container starts with."""
_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "folder",
    tarfile.SYMTYPE: "link",
    tarfile.FIFOTYPE: "pipe",
    tarfile.CHRTYPE: "character device",
    tarfile.BLKTYPE: "block device",
}
_HIDDEN, _OPAQUE = ".wh.", ".wh..wh..opq"
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

Blob = Callable[[str], bytes]
"""Gives the bytes of a file of an archive or a layout, by its path in there."""


class Entry(NamedTuple):
    """What is at a path.

    Args:
        kind: What it is.
        mode: Its permission bits, those of set-user-id and its like among them.
        owner: The numbers of user and group.
        content: The SHA-256 of a file's content, or where a link leads; empty for all else.
    """

    kind: str
    mode: int
    owner: tuple[int, int]
    content: str


class SeenImage(NamedTuple):
    """An image as it was read.

    Args:
        tree: What is at each path; paths have no `/` in front, and the root itself is not among them.
        config: What a container starts with, without what is empty.
        platform: Operating system, architecture, variant.
        document: The whole image config.
    """

    tree: dict[str, Entry]
    config: dict[str, Any]
    platform: tuple[str, str, str]
    document: dict[str, Any]


def read_image(path: str, name: str = "", platform: str = "") -> SeenImage:
    """The image in an archive (OCI's, or what `docker save` writes) or in a folder with an OCI layout.

    Args:
        path: The file or the folder.
        name: Which, by its tag or its whole name; empty for the only one.
        platform: For which platform, as `linux/arm64`, where there are several.
    """
    blob = _folder_blob(path) if os.path.isdir(path) else _archive_blob(path)
    config, layers = _documents(blob, name, platform)
    tree: dict[str, Entry] = {}
    for layer in layers:
        _apply(tree, _unpacked(layer))
    document = json.loads(config)
    started = {key: value for key in _COMPARED if (value := (document.get("config") or {}).get(key))}
    if started.get("WorkingDir") == "/":
        # Where containers begin that are not told.
        del started["WorkingDir"]
    told = tuple(str(document.get(key, "")) for key in ("os", "architecture", "variant"))
    return SeenImage(tree, started, (told[0], told[1], told[2]), document)


def differences(one: SeenImage, other: SeenImage) -> list[str]:
    """In what two images differ, a line each; nothing if a container can't tell them apart."""
    found = [
        f"/{path}: {_shown(one.tree.get(path))} | {_shown(other.tree.get(path))}"
        for path in sorted(one.tree.keys() | other.tree.keys())
        if one.tree.get(path) != other.tree.get(path)
    ]
    found += [
        f"{key}: {one.config.get(key)!r} | {other.config.get(key)!r}"
        for key in _COMPARED
        if one.config.get(key) != other.config.get(key)
    ]
    if one.platform[:2] != other.platform[:2]:
        found.append(f"platform: {'/'.join(one.platform)} | {'/'.join(other.platform)}")
    return found


def _shown(entry: Entry | None) -> str:
    if entry is None:
        return "nothing"
    content = f" {entry.content[:12]}" if entry.content else ""
    return f"{entry.kind} {entry.mode:04o} {entry.owner[0]}:{entry.owner[1]}{content}"


# Documents


def _folder_blob(folder: str) -> Blob:
    def read(path: str) -> bytes:
        with open(os.path.join(folder, path), "rb") as file:
            return file.read()

    return read


def _archive_blob(path: str) -> Blob:
    with tarfile.open(path) as tar:
        found = {os.path.normpath(member.name): member for member in tar}

    def read(name: str) -> bytes:
        member = found.get(os.path.normpath(name))
        if member is None:
            raise FileNotFoundError(name)
        with tarfile.open(path) as tar:
            # Of two layers that are the same, an archive has one as a link to the other.
            file = tar.extractfile(member)
            assert file is not None, f"{name} is no file"
            return file.read()

    return read


def _documents(blob: Blob, name: str, platform: str) -> tuple[bytes, list[bytes]]:
    """The config and the layers, lowest first."""
    try:
        index = json.loads(blob("index.json"))
    except FileNotFoundError:
        return _saved(blob, name)
    wanted = [entry for entry in index["manifests"] if not name or _is_named(entry, name)]
    digests = {entry["digest"] for entry in wanted}
    assert len(digests) == 1, f"{len(digests)} images are called {name!r}"
    manifest = _verified(blob, wanted[0])
    while "manifests" in manifest:
        fitting = [
            entry
            for entry in manifest["manifests"]
            if entry.get("platform", {}).get("os") != "unknown" and _fits(entry["platform"], platform)
        ]
        assert len(fitting) == 1, f"{len(fitting)} images for {platform!r}"
        manifest = _verified(blob, fitting[0])
    config = _bytes(blob, manifest["config"])
    return config, [_bytes(blob, layer) for layer in manifest["layers"]]


def _saved(blob: Blob, name: str) -> tuple[bytes, list[bytes]]:
    entries = json.loads(blob("manifest.json"))
    wanted = [
        entry
        for entry in entries
        if not name or any(tag == name or tag.endswith(f"/{name}") for tag in entry.get("RepoTags") or ())
    ]
    assert len(wanted) == 1, f"{len(wanted)} images are called {name!r}"
    return blob(wanted[0]["Config"]), [blob(layer) for layer in wanted[0]["Layers"]]


def _is_named(entry: dict[str, Any], name: str) -> bool:
    told = entry.get("annotations") or {}
    return name in {told.get("org.opencontainers.image.ref.name"), told.get("io.containerd.image.name")}


def _fits(found: dict[str, str], wanted: str) -> bool:
    parts = [found["os"], found["architecture"], found.get("variant", "")]
    return not wanted or "/".join(filter(None, parts)) == wanted or "/".join(parts[:2]) == wanted


def _verified(blob: Blob, descriptor: dict[str, Any]) -> dict[str, Any]:
    found = json.loads(_bytes(blob, descriptor))
    assert isinstance(found, dict)
    return found


def _bytes(blob: Blob, descriptor: dict[str, Any]) -> bytes:
    algorithm, _, digest = descriptor["digest"].partition(":")
    data = blob(f"blobs/{algorithm}/{digest}")
    assert len(data) == descriptor["size"], f"{descriptor['digest']} is {len(data)} bytes"
    assert hashlib.new(algorithm, data).hexdigest() == digest, f"{descriptor['digest']} is another blob"
    return data


def _unpacked(data: bytes) -> bytes:
    if data.startswith(_GZIP):
        return gzip.decompress(data)
    if data.startswith(_ZSTD):
        import zstandard  # noqa: PLC0415 - few images have such layers

        found: bytes = zstandard.ZstdDecompressor().decompressobj().decompress(data)
        return found
    return data


# Layers


def _apply(tree: dict[str, Entry], layer: bytes) -> None:
    """Lay a layer, an unpacked tar, over what is there."""
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        members = list(tar)
        # What a layer hides is hidden of the layers below, wherever the whiteout stands in it.
        for member in members:
            folder, name = _split(tree, member.name)
            if name == _OPAQUE:
                _remove(tree, [path for path in tree if _is_below(path, folder)])
            elif name.startswith(_HIDDEN):
                hidden = _joined(folder, name[len(_HIDDEN) :])
                _remove(tree, [path for path in tree if path == hidden or _is_below(path, hidden)])
        for member in members:
            folder, name = _split(tree, member.name)
            if name and not name.startswith(_HIDDEN):
                _put(tree, folder, _joined(folder, name), member, tar)


def _put(
    tree: dict[str, Entry], folder: str, path: str, member: tarfile.TarInfo, tar: tarfile.TarFile
) -> None:
    at = ""
    for part in folder.split("/") if folder else ():
        at = _joined(at, part)
        known = tree.get(at)
        if known is None or known.kind != "folder":
            tree[at] = Entry("folder", 0o755, (0, 0), "")
    if not member.isdir():
        _remove(tree, [other for other in tree if _is_below(other, path)])
    if member.islnk():
        to_folder, to_name = _split(tree, member.linkname)
        tree[path] = tree[_joined(to_folder, to_name)]
        return
    content = ""
    if member.issym():
        content = member.linkname
    elif member.isreg():
        file = tar.extractfile(member)
        assert file is not None
        content = hashlib.sha256(file.read()).hexdigest()
    # The mode of a link means nothing.
    mode = 0o777 if member.issym() else member.mode & 0o7777
    tree[path] = Entry(_KINDS[member.type], mode, (member.uid, member.gid), content)


def _split(tree: dict[str, Entry], name: str) -> tuple[str, str]:
    """The folder and the name of an entry of a layer; links to folders on the way are gone through."""
    *folders, last = [part for part in name.split("/") if part not in {"", "."}] or [""]
    assert ".." not in (*folders, last), f"{name!r} leads out of the layer"
    left, at, steps = list(reversed(folders)), "", 0
    while left:
        part = left.pop()
        if part == "..":
            at = at.rpartition("/")[0]
            continue
        path = _joined(at, part)
        known = tree.get(path)
        if known is None or known.kind != "link":
            at = path
            continue
        steps += 1
        assert steps < 40, f"links without end on the way to {name!r}"
        if known.content.startswith("/"):
            at = ""
        left += reversed([part for part in known.content.split("/") if part not in {"", "."}])
    return at, last


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _remove(tree: dict[str, Entry], paths: Iterable[str]) -> None:
    for path in paths:
        tree.pop(path, None)
