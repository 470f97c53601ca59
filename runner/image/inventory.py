"""What is installed in an image, from the files by which it says so itself.

These are the package databases of distributions, the metadata of Python packages, and what the Go linker writes
into programs. Says which files are wanted and makes sense of their contents; who reads them brings them. A file
that makes no sense says nothing: it was written by others, and is no reason not to ship.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser

from runner.image.base_tree import File, Listing
from runner.image.go_buildinfo import GoBuild, go_build

DPKG = "var/lib/dpkg/status"
DPKG_FOLDER = "var/lib/dpkg/status.d"
APK = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
OS_RELEASE = ("usr/lib/os-release", "etc/os-release")
RPM = ("var/lib/rpm", "usr/lib/sysimage/rpm")
LARGEST = 1 << 30
"""Bytes of the largest program that is looked into."""
_LARGEST_TEXT = 1 << 26
_ELF = b"\x7fELF"
_PYTHON = {".dist-info": "METADATA", ".egg-info": "PKG-INFO"}
"""How the folder of a package's metadata ends, and the file in it."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package that is installed.

    Args:
        kind: The type of its package URL: `golang`, `pypi`, `deb` or `apk`.
        name: Its name.
        version: Its version.
        path: The file that says so, absolute.
        architecture: What it is for, or empty.
        hashes: Names of algorithms, as CycloneDX has them, each with hexadecimal digits.
    """

    kind: str
    name: str
    version: str
    path: str
    architecture: str = ""
    hashes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """A program of Go.

    Args:
        path: Where it is, absolute.
        sha256: Of its content, in hexadecimal digits.
        size: Of its content, in bytes.
        build: What it says of itself.
    """

    path: str
    sha256: str
    size: int
    build: GoBuild


@dataclass(slots=True)
class Inventory:
    """What is installed in an image.

    Args:
        packages: All packages but Go modules.
        programs: The programs of Go.
        release: What the image says of its distribution: `ID`, `VERSION_ID` and others.
        unread: What else is there and was not looked into, in words.
    """

    packages: list[Package] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)
    release: dict[str, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


def wanted(listing: Listing) -> Iterator[tuple[str, File]]:
    """The files of an image that must be read: path and what it is."""
    for path, what in listing.below(""):
        if isinstance(what, File) and what.size and (_is_text(path) or what.mode & 0o111):
            yield path, what


def inventory(listing: Listing, contents: "Iterable[tuple[str, Iterable[bytes]]]") -> Inventory:
    """What is installed in an image.

    Args:
        listing: All that is in it.
        contents: The files that are wanted, in any order, each with its content.
    """
    found = Inventory()
    releases: dict[str, dict[str, str]] = {}
    for path, chunks in contents:
        if path in OS_RELEASE:
            releases[path] = _release(_whole(chunks, _LARGEST_TEXT))
        elif _is_text(path):
            found.packages += _PARSERS[_kind(path)](_whole(chunks, _LARGEST_TEXT), f"/{path}")
        else:
            program = _program(path, chunks)
            if program is not None:
                found.programs.append(program)
    for path in OS_RELEASE:
        found.release |= releases.get(path, {})
    if any(next(listing.below(folder), None) is not None for folder in RPM):
        found.unread.append("the database of rpm")
    found.packages.sort(key=lambda one: (one.kind, one.name, one.version, one.path))
    found.programs.sort(key=lambda one: one.path)
    return found


def _is_text(path: str) -> bool:
    return path in OS_RELEASE or bool(_kind(path))


def _kind(path: str) -> str:
    """Whose metadata a file is, by its path; empty for any other file."""
    folder, _, name = path.rpartition("/")
    if path == DPKG or (folder == DPKG_FOLDER and not name.endswith(".md5sums")):
        return "deb"
    if path in APK:
        return "apk"
    if path.endswith(".egg-info") or any(
        name == file and folder.endswith(end) for end, file in _PYTHON.items()
    ):
        return "pypi"
    return ""


def _whole(chunks: Iterable[bytes], limit: int) -> bytes:
    """All bytes; none of what is larger than a limit."""
    found: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            return b""
        found.append(chunk)
    return b"".join(found)


def _program(path: str, chunks: Iterable[bytes]) -> Program | None:
    waiting = iter(chunks)
    head = next(waiting, b"")
    if not head.startswith(_ELF):
        return None
    data = head + _whole(waiting, LARGEST)
    build = go_build(data)
    return None if build is None else Program(f"/{path}", hashlib.sha256(data).hexdigest(), len(data), build)


def _release(data: bytes) -> dict[str, str]:
    """The variables of an `os-release`."""
    rows = (line.partition("=") for line in _lines(data) if not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, sign, value in rows if sign}


def _deb(data: bytes, path: str) -> Iterator[Package]:
    for fields in _paragraphs(data):
        # What was removed and has left its settings behind is not installed.
        if fields.get("Status", "install ok installed").endswith(" installed"):
            name, version = fields.get("Package", ""), fields.get("Version", "")
            if name and version:
                yield Package("deb", name, version, path, fields.get("Architecture", ""))


def _apk(data: bytes, path: str) -> Iterator[Package]:
    for fields in _paragraphs(data):
        name, version, sum_ = fields.get("P", ""), fields.get("V", ""), fields.get("C", "")
        hashes: tuple[tuple[str, str], ...] = ()
        if sum_.startswith("Q1") and (digits := hex_of(sum_[2:])):
            hashes = (("SHA-1", digits),)
        if name and version:
            yield Package("apk", name, version, path, fields.get("A", ""), hashes)


def _python(data: bytes, path: str) -> Iterator[Package]:
    headers = BytesHeaderParser().parsebytes(data)
    name, version = headers.get("Name", ""), headers.get("Version", "")
    if name and version:
        yield Package("pypi", str(name).strip(), str(version).strip(), path)


_PARSERS: Mapping[str, Callable[[bytes, str], Iterator[Package]]] = {
    "apk": _apk,
    "deb": _deb,
    "pypi": _python,
}


def hex_of(written: str) -> str:
    """Base64 as hexadecimal digits; empty for what is none."""
    try:
        return base64.b64decode(written, validate=True).hex()
    except (binascii.Error, ValueError):
        return ""


def _paragraphs(data: bytes) -> Iterator[dict[str, str]]:
    """Fields and values, of which an empty line ends each lot; of a value only its first line."""
    fields: dict[str, str] = {}
    for line in (*_lines(data), ""):
        if not line:
            if fields:
                yield fields
            fields = {}
        elif not line.startswith((" ", "\t")):
            name, colon, value = line.partition(":")
            if colon:
                # Of apk's fields those of files come once for each, behind the package's own.
                fields.setdefault(name, value.strip())
    return


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").split("\n")
