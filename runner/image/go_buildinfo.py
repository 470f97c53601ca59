"""What a Go program says of itself: the version of Go and the modules that it was built from.

The linker writes this into every program since Go 1.13, where `go version -m` reads it; since Go 1.18 in the form
that is read here, which needs no table of addresses and so is the same in programs of every system:

    0   14 bytes  MAGIC, at an address divisible by 16
    14  1 byte    the size of a pointer, of no use here
    15  1 byte    flags; the bit 2 says that the texts stand right here
    32            the version of Go, then the modules: each the length as a varint, and the bytes
"""

from dataclasses import dataclass

MAGIC = b"\xff Go buildinf:"
_ALIGNED = 16
_HERE = 2
_TEXTS = 32
_MARK = 16
"""Bytes that stand before and behind the text of the modules, so that it can be told from others in memory."""


@dataclass(frozen=True, slots=True)
class GoModule:
    """A module that a program was built from.

    Args:
        path: Its path.
        version: Its version, `(devel)` for what was built where it lies.
        checksum: Its sum as `go.sum` has it, `h1:` and base64, or empty.
    """

    path: str
    version: str
    checksum: str


@dataclass(frozen=True, slots=True)
class GoBuild:
    """What a program was built from.

    Args:
        version: Of Go, such as `go1.24.2`.
        package: The path of its main package, or empty.
        main: The module of that package, or None.
        modules: Those it needs, a replaced one as what it is replaced by.
    """

    version: str
    package: str
    main: GoModule | None
    modules: tuple[GoModule, ...]


def go_build(data: bytes) -> GoBuild | None:
    """What a program was built from; None for one that is not of Go, or of a Go before 1.18.

    Args:
        data: The whole program.
    """
    at = data.find(MAGIC)
    while at >= 0:
        # Whoever reads such programs has the magic as a text of its own, too.
        if at % _ALIGNED == 0 and len(data) >= at + _TEXTS and data[at + 15] & _HERE:
            version, end = _text(data, at + _TEXTS)
            if version.startswith(b"go"):
                modules, _ = _text(data, end)
                return _parsed(version, modules[_MARK:-_MARK])
        at = data.find(MAGIC, at + 1)
    return None


def _text(data: bytes, at: int) -> tuple[bytes, int]:
    """A text with its length before it, and where it ends; empty if that can't be."""
    length = shift = 0
    while at < len(data) and shift < 35:
        byte = data[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (data[at : at + length], at + length) if at + length <= len(data) else (b"", at)
    return b"", at


def _parsed(version: bytes, text: bytes) -> GoBuild:
    package, main = "", None
    modules: list[GoModule] = []
    for line in text.decode("utf-8", "replace").splitlines():
        kind, *fields = line.split("\t")
        if kind == "path" and fields:
            package = fields[0]
        elif kind in {"mod", "dep", "=>"} and len(fields) >= 2:
            module = GoModule(fields[0], fields[1], fields[2] if len(fields) > 2 else "")
            if kind == "mod":
                main = module
            elif kind == "dep" or not modules:
                modules.append(module)
            else:
                modules[-1] = module
    return GoBuild(version.decode("utf-8", "replace"), package, main, tuple(modules))
