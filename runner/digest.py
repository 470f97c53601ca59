"""Identity: digests of bytes, and one canonical text for values.

A digest is never a bare string. SHA-256 is the function, as in the OCI image specification and in the remote
execution API, so that one digest serves the local store, an image and a remote cache.
"""


class Digest:
    """SHA-256 and size of some bytes.

    Args:
        hex: 64 lower-case hexadecimal digits.
        size: How many bytes.
    """

    __slots__ = ("hex", "size")
    algorithm = "sha256"

    def __init__(self, hex: str, size: int) -> None:  # noqa: A002 - the word the specifications use
        self.hex = hex
        self.size = size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and self.hex == other.hex and self.size == other.size

    def __hash__(self) -> int:
        return hash(self.hex)

    def __str__(self) -> str:
        return f"sha256:{self.hex}"

    def __repr__(self) -> str:
        return f"Digest({self.hex[:12]}…, {self.size})"


def digest_of(data: bytes) -> Digest:
    """The digest of these bytes."""
    # Loading the hash functions takes a tenth of a whole start, and a task without sources needs none.
    from hashlib import sha256  # noqa: PLC0415

    return Digest(sha256(data).hexdigest(), len(data))


def canonical(value: object) -> bytes:
    """One text for one value: equal values give equal bytes, unequal ones unequal bytes.

    `value` is made of None, bool, int, str, bytes and tuples or lists of those.

    Raises:
        TypeError: It holds something else.
    """
    out: list[bytes] = []
    _write(value, out)
    return b"".join(out)


def _write(value: object, out: list[bytes]) -> None:
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
        out.append(b"s%d:%b" % (len(value), value))
    elif isinstance(value, (tuple, list)):
        out.append(b"(")
        for item in value:
            _write(item, out)
        out.append(b")")
    elif value is None or isinstance(value, bool):
        out.append(b"n" if value is None else b"t" if value else b"f")
    elif isinstance(value, int):
        out.append(b"i%d;" % value)
    elif isinstance(value, bytes):
        out.append(b"b%d:%b" % (len(value), value))
    else:
        raise TypeError(f"no canonical form for {type(value).__name__}")
