"""Layers and a base to one image."""

from collections.abc import Sequence
from dataclasses import dataclass

from runner.digest import Digest, digest_of
from runner.image import media_type
from runner.image.descriptor import Descriptor
from runner.image.image_config import ImageConfig, image_config
from runner.image.manifest import Manifest
from runner.image.validate import check_image
from runner.plan.image_plan import ConfigPlan
from runner.plan.platform import Platform


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    """A layer that stands ready as a blob.

    Args:
        blob: The compressed bytes.
        diff_id: Digest and size of the unpacked tar.
        words: What made it, for the history.
        programs: What its executables are built for, as `linux/arm64`; of each kind the first one's path.
        secrets: Paths of files that should not ship, and why.
    """

    blob: Descriptor
    diff_id: Digest
    words: str
    programs: tuple[tuple[str, str], ...] = ()
    secrets: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """An image's two documents, and their bytes.

    Args:
        manifest: The manifest.
        config: The image config.
        manifest_bytes: The manifest, encoded.
        config_bytes: The image config, encoded.
    """

    manifest: Manifest
    config: ImageConfig
    manifest_bytes: bytes
    config_bytes: bytes

    @property
    def descriptor(self) -> Descriptor:
        """Points to the manifest."""
        return Descriptor(media_type.MANIFEST, digest_of(self.manifest_bytes))


def assemble(
    base: tuple[Manifest, ImageConfig] | None,
    layers: Sequence[BuiltLayer],
    plan: ConfigPlan,
    platform: Platform,
    epoch: int,
    annotations: Sequence[tuple[str, str]] = (),
) -> Image:
    """The image of these layers on a base; equal arguments give equal bytes.

    Args:
        base: The base's documents, or None for none.
        layers: What lies on it, the lowest first.
        plan: What a container starts with.
        platform: What it runs on.
        epoch: The image's time, in seconds since 1970.
        annotations: Of the manifest: names and texts.

    Raises:
        PlanError: The plan's config cannot be.
        RunError: The base is for another platform, or broken.
    """
    below, base_config = base or (None, None)
    made = [(layer.diff_id, layer.words) for layer in layers]
    config = image_config(base_config, plan, platform, made, epoch)
    data = config.encode()
    manifest = Manifest(
        Descriptor(media_type.CONFIG, digest_of(data)),
        (below.layers if below else ()) + tuple(layer.blob for layer in layers),
        annotations=tuple(sorted(annotations)),
    )
    check_image(manifest, config)
    return Image(manifest, config, manifest.encode(), data)
