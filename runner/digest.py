"""Identity: digests of bytes, and one canonical text for values.

A digest is never a bare string. SHA-256 is the function, as in the OCI image specification and in the remote
execution API, so that one digest serves the local store, an image and a remote cache.
"""

from _json import encode_basestring_ascii, make_encoder


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


def _bytes(value: object) -> object:
    """What stands for bytes: nothing else is a map."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    raise TypeError(f"no canonical form for {type(value).__name__}")


_encode = make_encoder(None, _bytes, encode_basestring_ascii, None, ":", ",", False, False, False)


def canonical(value: object) -> bytes:
    """One text for one value: equal values give equal bytes, unequal ones unequal bytes.

    `value` is made of None, bool, int, str, bytes and tuples or lists of those; a list is equal to a tuple of the
    same. The text is JSON, since what writes that is as fast as C.

    Raises:
        TypeError: It holds something else.
    """
    return "".join(_encode(value, 0)).encode("ascii")
