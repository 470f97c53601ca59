import hashlib
import io
import tarfile

import pytest

from runner.image import media_type
from runner.image.base_tree import Listing, Merged
from runner.image.inventory import Inventory, Package, inventory, wanted
from tests.unit.image.test_go_buildinfo import BUILD, program

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u10
Description: GNU C Library
 Version: not this one

Package: gone
Status: deinstall ok config-files
Version: 1.0

Package: tzdata
Status: install ok installed
Architecture: all
Version: 2025b-0+deb12u1
"""
APK = """\
C:Q1Fo1sXqUyFDQPMOVbhCzYPhnW9Rs=
P:musl
V:1.2.5-r10
A:x86_64
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1PA0hPLQPMOVbhCzYPhnW9RsFoQ=

P:busybox
V:1.37.0-r18
A:x86_64
"""


def listing(files: dict[str, tuple[bytes, int]]) -> Listing:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, (data, mode) in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), mode
            archive.addfile(member, io.BytesIO(data))
    merged = Merged()
    merged.apply(media_type.LAYER, [out.getvalue()])
    return merged.listing()


def found(files: dict[str, tuple[bytes, int]]) -> Inventory:
    whole = listing(files)
    return inventory(whole, ((path, [files[path][0][:9], files[path][0][9:]]) for path, _ in wanted(whole)))


def packages(path: str, text: str) -> list[Package]:
    return found({path: (text.encode(), 0o644)}).packages


@pytest.mark.parametrize("path", ["var/lib/dpkg/status", "var/lib/dpkg/status.d/base"])
def test_packages_of_dpkg(path: str) -> None:
    assert packages(path, STATUS) == [
        Package("deb", "libc6", "2.36-9+deb12u10", f"/{path}", "amd64"),
        Package("deb", "tzdata", "2025b-0+deb12u1", f"/{path}", "all"),
    ]


def test_a_distroless_package_has_no_status() -> None:
    assert packages("var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2025b\n") == [
        Package("deb", "tzdata", "2025b", "/var/lib/dpkg/status.d/tzdata")
    ]
    assert packages("var/lib/dpkg/status.d/tzdata.md5sums", "Package: tzdata\nVersion: 2025b\n") == []


@pytest.mark.parametrize("path", ["lib/apk/db/installed", "usr/lib/apk/db/installed"])
def test_packages_of_apk(path: str) -> None:
    digits = "168d6c5ea5321434 0f30e55b842cd83e19d6f51b".replace(" ", "")
    assert packages(path, APK) == [
        Package("apk", "busybox", "1.37.0-r18", f"/{path}", "x86_64"),
        Package("apk", "musl", "1.2.5-r10", f"/{path}", "x86_64", (("SHA-1", digits),)),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "usr/lib/python3/dist-packages/requests-2.32.0.dist-info/METADATA",
        "app/requests.egg-info/PKG-INFO",
        "app/requests-2.32.0.egg-info",
    ],
)
def test_packages_of_python(path: str) -> None:
    text = "Metadata-Version: 2.1\nName: requests\nVersion: 2.32.0\n\nName: not this one\n"
    assert packages(path, text) == [Package("pypi", "requests", "2.32.0", f"/{path}")]


def test_programs_of_go_are_found_among_executables() -> None:
    data = program()
    made = found({
        "app/gmicro": (data, 0o755),
        "app/script": (b"#!/bin/sh\n", 0o755),
        "app/data": (data, 0o644),
    })  # fmt: skip
    (one,) = made.programs
    assert (one.path, one.size, one.build) == ("/app/gmicro", len(data), BUILD)
    assert one.sha256 == hashlib.sha256(data).hexdigest()


def test_the_distribution_says_what_it_is() -> None:
    text = b'# about\nID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n\nbroken\n'
    assert found({"usr/lib/os-release": (text, 0o644)}).release == {
        "ID": "debian", "VERSION_ID": "12", "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite"])
def test_what_is_not_read_is_named(path: str) -> None:
    assert found({path: (b"SQLite", 0o644)}).unread == ["the database of rpm"]


@pytest.mark.parametrize(
    "data", [b"\0\xff" * 99, b"Package\n\n:\n\nVersion: 1\n", b"P:\nV:\n\nC:Q1%%%\nP:a\n"]
)
@pytest.mark.parametrize(
    "path", ["var/lib/dpkg/status", "lib/apk/db/installed", "a.dist-info/METADATA", "etc/os-release"]
)
def test_what_makes_no_sense_says_nothing(path: str, data: bytes) -> None:
    assert found({path: (data, 0o644)}).packages == []
