"""What a program or an image runs on."""

from runner.model.record import Record


class Platform(Record):
    """What an image runs on, in the words of the OCI specification: `linux`, `arm64`, `v8`."""

    FIELDS = ("os", "architecture", "variant")
    __slots__ = FIELDS

    def __init__(self, os: str, architecture: str, variant: str = "") -> None:
        self.os = os
        self.architecture = architecture
        self.variant = variant

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)
