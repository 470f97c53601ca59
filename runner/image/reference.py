"""Names of images: `registry.example.org/payments/gmicro:latest`.

The grammar is the one of the distribution specification. What an image is given keeps the form in which the user
wrote it; only for comparison with an engine it is spelled out in full. What is asked of a registry is a source,
which may have a digest.
"""

import re
from dataclasses import dataclass

from runner.errors import PlanError
from runner.image.full_name import DEFAULT_TAG, HUB, full_repository, split_registry, split_tag

_HOST = re.compile(
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9-]+)*(?::[0-9]+)?|\[[0-9a-fA-F:]+\](?::[0-9]+)?"
)
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HUB_HOST = "registry-1.docker.io"


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
        registry, path = full_repository(self.repository)
        return f"{registry}/{path}:{self.tag}"

    @property
    def source(self) -> "Source":
        """Where a registry has it."""
        return Source(*full_repository(self.repository), self.tag)


@dataclass(frozen=True, slots=True)
class Source:
    """What a registry has, by tag, by digest, or by both, where the digest counts.

    Args:
        registry: The registry as users name it, never empty: `docker.io`, `registry.example.org:5000`.
        path: The repository within it, spelled out: `library/alpine`.
        tag: Empty only if there is a digest.
        digest: Of a manifest or an index, as `sha256:…`; empty if there is none.
    """

    registry: str
    path: str
    tag: str
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.path}{tag}{digest}"

    @property
    def host(self) -> str:
        """Name and port of the server to talk to, which for `docker.io` is another one."""
        return _HUB_HOST if self.registry == HUB else self.registry

    @property
    def wanted(self) -> str:
        """What is asked for: the digest, or the tag where there is none."""
        return self.digest or self.tag


def parse_source(written: str) -> Source:
    """The source that a text names: `NAME[:TAG][@sha256:HEX]`, the tag `latest` if it has neither.

    A name is read as Docker reads it: without a registry it is one of `docker.io`, and there, without a user,
    one of `library`.

    Raises:
        PlanError: It is no such name.
    """
    name, at, digest = written.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise PlanError(
            f"`{digest}` in `{written}` is no digest that is known here",
            hint="`sha256:` and 64 digits from `0` to `f`, in lower case",
        )
    reference = parse_reference(name)
    has_tag = ":" in name.rpartition("/")[2]
    return Source(*full_repository(reference.repository), "" if at and not has_tag else reference.tag, digest)


def parse_reference(written: str) -> Reference:
    """The reference that a text names, its tag `latest` if it has none.

    Raises:
        PlanError: It is no name that an image can be given; one with a digest (`@sha256:…`) is none.
    """
    repository, tag = split_tag(written)
    if "@" in written:
        raise PlanError(f"`{written}` names an image by digest", hint="give a name and a tag")
    if repository != written and not _TAG.fullmatch(tag):
        raise PlanError(
            f"`{tag}` in `{written}` cannot be a tag",
            hint="letters, digits, `_`, `.` and `-`, at most 128, no `.` or `-` first",
        )
    _check_repository(repository, written)
    return Reference(repository, tag or DEFAULT_TAG)


def _check_repository(repository: str, written: str) -> None:
    registry, path = split_registry(repository)
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
