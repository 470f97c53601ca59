"""Secrets cannot ship: what tasks declare as secrets is looked for in an image before it has a name and ships.

All of it is looked through that is not the base's: the layers, unpacked, with the names of what is in them, the
config with its variables and its history, and the manifest. What was looked through once is remembered by its
digest. A secret's value leaves nowhere: what is told and what is remembered names the secret alone.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from runner.digest import Digest
from runner.errors import RunError
from runner.image import media_type
from runner.image.base_tree import opened
from runner.image.descriptor import Descriptor
from runner.image.document import decode
from runner.image.image_config import ImageConfig, parse_config
from runner.image.index import parse_index
from runner.image.manifest import parse_manifest
from runner.image.needles import Needles
from runner.image.unpacked import unpacked
from runner.location import Position
from runner.plan.image_plan import ImagePlan

COPIED = "pyrun copy to "
"""How the record of a copy's layer begins in the history of an image; the copy's `to` stands behind it."""


class Blobs(Protocol):
    """Where an image is read."""

    def read(self, descriptor: Descriptor) -> bytes:
        """The bytes of a document."""

    def chunks(self, digest: Digest) -> Iterable[bytes]:
        """A blob's bytes, piece by piece."""


class Searched(Protocol):
    """Who remembers what was looked through, and for which secrets."""

    def clean(self, blob: Digest) -> bool:
        """Whether nothing was found in a blob."""

    def note(self, blob: Digest) -> None:
        """Nothing was found in a blob."""


class SecretSearch:
    """Looks for secrets in what is about to ship.

    Args:
        needles: What is looked for.
        searched: Who remembers.
    """

    def __init__(self, needles: Needles, searched: Searched) -> None:
        self._needles = needles
        self._searched = searched

    def image(self, blobs: Blobs, head: Descriptor, plan: ImagePlan, at: Position | None) -> None:
        """Look through an image, or all images of an index.

        Args:
            blobs: Where it is read.
            head: Points to its manifest, or to an index.
            plan: What it was made by.
            at: Where it is declared.

        Raises:
            RunError: A secret is in it.
        """
        if not self._needles.longest:
            return
        data = blobs.read(head)
        self.text(plan.name, "its index" if head.media_type == media_type.INDEX else "its manifest", data, at)
        if head.media_type == media_type.INDEX:
            for entry in parse_index(data).manifests:
                self.image(blobs, entry, plan, at)
            return
        manifest = parse_manifest(data)
        written = blobs.read(manifest.config)
        self._config(plan.name, written, at)
        copies = _copies(parse_config(written))
        for number in range(_own(copies, plan), len(manifest.layers)):
            layer = manifest.layers[number]
            if not self._searched.clean(layer.digest):
                self._layer(blobs, layer, plan, copies[number], at)
                self._searched.note(layer.digest)

    def text(self, name: str, what: str, data: bytes, at: Position | None) -> None:
        """Look through a document that goes with an image.

        Args:
            name: The image's.
            what: What it is, in words.
            data: Its bytes.
            at: Where the image is declared.

        Raises:
            RunError: A secret is in it.
        """
        found = self._needles.find(data)
        if found is not None:
            raise _refused(name, found[1], f"it is in {what}", at)

    def _config(self, name: str, data: bytes, at: Position | None) -> None:
        found = self._needles.find(data)
        if found is not None:
            where = _where(
                decode(data, "the image config"), "", lambda text: self._needles.find(text.encode())
            )
            raise _refused(name, found[1], f"it is in its config{where and f', at `{where}`'}", at)

    def _layer(
        self, blobs: Blobs, layer: Descriptor, plan: ImagePlan, to: str | None, at: Position | None
    ) -> None:
        found = self._needles.search(unpacked(layer.media_type, blobs.chunks(layer.digest)))
        if found is None:
            return
        path = _path_at(unpacked(layer.media_type, blobs.chunks(layer.digest)), found[0])
        copy = next((one for one in plan.copies if one.to == to), None)
        what = f"the layer of `copy` to `{to}`" if to else f"the layer {layer.digest}"
        if copy is not None:
            task = f", from `{copy.task}`" if copy.task else ""
            what, at = f"{what}{task}", copy.at or at
        shown = f"`/{path}`"
        if self._needles.find(path.encode("utf-8", "surrogateescape")) is not None:
            shown = "the name of a file"
        raise _refused(plan.name, found[1], f"it is in {shown}, in {what}", at)


def _refused(name: str, secret: str, where: str, at: Position | None) -> RunError:
    return RunError(
        f"the secret `{secret}` would ship with the image `{name}`: {where}",
        at,
        "what a task writes must not hold it; what is no secret does not belong under `secrets`",
    )


def _copies(config: ImageConfig) -> Sequence[str | None]:
    """For each layer the `to` of the copy that made it; None if it was made otherwise, or that is not known."""
    words = [str(entry.get("created_by", "")) for entry in config.history if not entry.get("empty_layer")]
    if len(words) != len(config.diff_ids):
        return [None] * len(config.diff_ids)
    return [word.removeprefix(COPIED) if word.startswith(COPIED) else None for word in words]


def _own(copies: Sequence[str | None], plan: ImagePlan) -> int:
    """The number of the first layer that is not the base's; the lowest, where nobody knows."""
    if plan.dockerfile is not None or plan.run or plan.runner:
        return 0
    first = len(copies) - len(plan.copies)
    # Only where all of the topmost are a copy's is the image of the builder that makes a layer of each.
    return first if first >= 0 and all(to is not None for to in copies[first:]) else 0


def _path_at(tar: Iterable[bytes], at: int) -> str:
    """The path of the entry of a tar in which there is a byte."""
    path = ""
    with opened(iter(tar)) as archive:
        for member in archive:
            if member.offset > at:
                break
            path = member.name
            # It would keep them all.
            archive.members = []  # type: ignore[attr-defined]
    return path


def _where(value: Any, path: str, holds: Callable[[str], object]) -> str:
    """The place in a JSON document of the first text that holds something, as `config.Env`; empty for none."""
    if isinstance(value, dict):
        for name, inner in value.items():
            place = f"{path}.{name}" if path else str(name)
            if holds(str(name)):
                # The name is the secret itself.
                return path
            if found := _where(inner, place, holds):
                return found
    elif isinstance(value, list):
        return next(filter(None, (_where(inner, path, holds) for inner in value)), "")
    elif isinstance(value, str) and holds(value):
        return path
    return ""
