"""What a container of an image begins with, from what an engine says of the image.

Engines name one image by different ids, as they keep it by its config, by its manifest or by a digest of their
own; its layers and its settings are the same everywhere, so what identifies it here is made of those.
"""

from collections.abc import Mapping
from typing import Any

from runner.digest import canonical, digest_of
from runner.image.full_name import full_repository, split_tag
from runner.model.record import Record

_SETTINGS = ("Entrypoint", "Cmd", "User", "WorkingDir", "StopSignal", "Shell")


class ImageFacts(Record):
    """An image that an engine has.

    Args:
        id: What the engine calls it.
        identity: What identifies it on every engine, as hexadecimal digits.
        env: Its variables.
        user: Who its process runs as, or empty.
    """

    FIELDS = ("id", "identity", "env", "user")
    __slots__ = FIELDS

    def __init__(self, id: str, identity: str, env: tuple[tuple[str, str], ...], user: str) -> None:  # noqa: A002
        self.id = id
        self.identity = identity
        self.env = env
        self.user = user


def image_facts(document: Mapping[str, Any]) -> ImageFacts:
    """The image that a document of an engine's `inspect` is about."""
    config = document.get("Config") or {}
    env = tuple(_pair(one) for one in config.get("Env") or () if "=" in one)
    layers = (document.get("RootFS") or {}).get("Layers") or ()
    settings = [(name, _words(config.get(name))) for name in _SETTINGS if config.get(name)]
    platform = tuple(str(document.get(name) or "") for name in ("Os", "Architecture", "Variant"))
    whole = (tuple(layers), env, tuple(settings), platform)
    return ImageFacts(
        str(document.get("Id", "")), digest_of(canonical(whole)).hex, env, str(config.get("User") or "")
    )


def is_for(document: Mapping[str, Any], platform: str) -> bool:
    """Whether the image that a document of an engine's `inspect` is about runs on a platform.

    Args:
        document: The document.
        platform: Such as `linux/arm64`, with a variant or without.
    """
    told = [str(document.get(name) or "") for name in ("Os", "Architecture", "Variant")]
    wanted = platform.split("/")
    # An image that does not tell its variant is good for all of them.
    return all(one in {have, ""} or not have for one, have in zip(wanted, told, strict=False))


def registry_digests(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The digests under which, as far as an engine can tell, a registry has an image by a name.

    Args:
        document: What the engine says of the image.
        name: The name, with a tag or without.
    """
    wanted = full_repository(split_tag(name)[0])
    pairs = (str(one).partition("@") for one in document.get("RepoDigests") or ())
    return tuple(digest for repository, _, digest in pairs if full_repository(repository) == wanted)


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _words(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
