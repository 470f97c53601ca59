"""What holds for every image, looked at before one is built upon and before one is named."""

from runner.digest import digest_of
from runner.errors import RunError
from runner.image import media_type
from runner.image.descriptor import Descriptor
from runner.image.image_config import ImageConfig
from runner.image.manifest import Manifest


def check_blob(descriptor: Descriptor, data: bytes) -> None:
    """Says nothing if the bytes are those that the descriptor points to.

    Raises:
        RunError: They are not.
    """
    found = digest_of(data)
    if found.size != descriptor.digest.size:
        raise RunError(f"{descriptor.digest} is {found.size} bytes, not {descriptor.digest.size}")
    if found != descriptor.digest:
        raise RunError(f"{descriptor.digest} is damaged: its bytes are {found}")


def check_image(manifest: Manifest, config: ImageConfig) -> None:
    """Says nothing if manifest and config belong together.

    Raises:
        RunError: They tell of different layers, or of a kind of layer nobody can unpack, or of no platform.
    """
    if manifest.config.media_type != media_type.CONFIG:
        raise RunError(f"this is not an image: its config is {manifest.config.media_type}")
    for layer in manifest.layers:
        if layer.media_type not in media_type.LAYERS:
            raise RunError(f"the image has a layer of a kind that is not known here: {layer.media_type}")
    if len(manifest.layers) != len(config.diff_ids):
        raise RunError(
            f"the image is broken: {len(manifest.layers)} layers in its manifest, "
            f"{len(config.diff_ids)} in its config"
        )
    told = sum(not entry.get("empty_layer") for entry in config.history)
    if config.history and told != len(config.diff_ids):
        raise RunError(f"the image is broken: {told} layers in its history, {len(config.diff_ids)} there")
    if not config.platform.os or not config.platform.architecture:
        raise RunError("the image does not say what it runs on")
