"""Names of images: `registry.example.org/payments/gmicro:latest`.

The grammar is the one of the distribution specification. A name keeps the form in which the user wrote it;
only for comparison with an engine it is spelled out in full.
"""

import re
from dataclasses import dataclass

from runner.errors import PlanError

DEFAULT_TAG = "latest"
_HOST = re.compile(
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9-]+)*(?::[0-9]+)?|\[[0-9a-fA-F:]+\](?::[0-9]+)?"
)
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A repository and a tag in it.

    Args:
        repository: With its registry, if it names one.
        tag: Never empty.
    """

    repository: str
    tag: str

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"

    @property
    def full(self) -> str:
        """The name spelled out as engines do: `gmicro:1` is `docker.io/library/gmicro:1`."""
        registry, path = _split_registry(self.repository)
        if registry in {"", "index.docker.io"}:
            registry = "docker.io"
        if registry == "docker.io" and "/" not in path:
            path = f"library/{path}"
        return f"{registry}/{path}:{self.tag}"


def parse_reference(written: str) -> Reference:
    """The reference that a text names, its tag `latest` if it has none.

    Raises:
        PlanError: It is no name that an image can be given; one with a digest (`@sha256:…`) is none.
    """
    head, _, last = written.rpartition("/")
    name, colon, tag = last.partition(":")
    repository = f"{head}/{name}" if head else name
    if "@" in written:
        raise PlanError(f"`{written}` names an image by digest", hint="give a name and a tag")
    if colon and not _TAG.fullmatch(tag):
        raise PlanError(
            f"`{tag}` in `{written}` cannot be a tag",
            hint="letters, digits, `_`, `.` and `-`, at most 128, no `.` or `-` first",
        )
    _check_repository(repository, written)
    return Reference(repository, tag or DEFAULT_TAG)


def _check_repository(repository: str, written: str) -> None:
    registry, path = _split_registry(repository)
    if registry and not _HOST.fullmatch(registry):
        raise PlanError(f"`{registry}` in `{written}` is not a registry", hint="such as registry.example.org")
    for component in path.split("/"):
        if _COMPONENT.fullmatch(component):
            continue
        hint = "lower-case letters and digits, `.`, `_` or `-` between them"
        if _COMPONENT.fullmatch(component.lower()):
            hint = f"names of images are lower case: `{written.replace(component, component.lower())}`"
        raise PlanError(f"`{written}` cannot be the name of an image", hint=hint)
    if len(repository) > 255:
        raise PlanError(f"`{written}` is too long for the name of an image", hint="255 characters at most")


def _split_registry(repository: str) -> tuple[str, str]:
    """The registry, empty if none is named, and the path within it."""
    first, slash, rest = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return "", repository
