"""Names of images spelled out in full, as Docker reads them: `alpine` is `docker.io/library/alpine:latest`.

A name without a registry is one of `docker.io`, and there, without a user, one of `library`. Here names are only
taken apart; whether each part may be what it is, `runner.image.reference` says. Imported by calls that find
nothing to do, so it imports nothing.
"""

HUB = "docker.io"
"""The registry of names that say none."""
DEFAULT_TAG = "latest"
_HUB_NAMES = frozenset(("", "index.docker.io", HUB))


def full_name(written: str) -> str:
    """Registry, repository and tag of a name without digest, spelled out; the tag is `latest` if it has none."""
    repository, tag = split_tag(written)
    registry, path = full_repository(repository)
    return f"{registry}/{path}:{tag or DEFAULT_TAG}"


def split_tag(written: str) -> tuple[str, str]:
    """The repository of a name without digest, and its tag, or empty."""
    head, slash, last = written.rpartition("/")
    last, _, tag = last.partition(":")
    return f"{head}{slash}{last}", tag


def by_digest(written: str, digest: str) -> str:
    """A name without digest as engines and registries take it by digest, to which the tag gives way."""
    return f"{split_tag(written)[0]}@{digest}"


def full_repository(repository: str) -> tuple[str, str]:
    """Registry and path of a repository, spelled out."""
    registry, path = split_registry(repository)
    if registry in _HUB_NAMES:
        return HUB, path if "/" in path else f"library/{path}"
    return registry, path


def split_registry(repository: str) -> tuple[str, str]:
    """The registry, empty if none is named, and the path within it."""
    first, slash, rest = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return "", repository
