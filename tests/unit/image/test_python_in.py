"""The Python of an image is found by its files."""

import io
import tarfile

import pytest

from runner.image.base_tree import Merged, Tree
from runner.image.media_type import LAYER
from runner.image.python_in import PATH, python_in


def tree(*files: str) -> Tree:
    """What an image has: programs, and links as `PATH -> TARGET`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for file in files:
            path, arrow, target = file.partition(" -> ")
            member = tarfile.TarInfo(path.removesuffix("-"))
            member.mode = 0o644 if path.endswith("-") else 0o755
            if arrow:
                member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    merged = Merged()
    merged.apply(LAYER, [out.getvalue()])
    return Tree(merged.listing())


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["usr/bin/python3.11", "usr/bin/python3 -> python3.11"], ("/usr/bin/python3", (3, 11))),
        (
            ["usr/local/bin/python3.13", "usr/local/bin/python3 -> python3.13", "usr/bin/python3.11"],
            ("/usr/local/bin/python3", (3, 13)),
        ),
        (
            ["usr/bin/python3.9", "bin -> usr/bin", "usr/bin/python3 -> /bin/python3.9"],
            ("/usr/bin/python3", (3, 9)),
        ),
        (["usr/bin/python3", "usr/lib/python3.12/os.py-"], ("/usr/bin/python3", (3, 12))),
        (["usr/bin/python3"], ("/usr/bin/python3", (0, 0))),
        (["usr/bin/python3 -> nowhere"], None),
        (["usr/bin/python3-"], None),
        (["opt/bin/python3.13", "opt/bin/python3 -> python3.13", "usr/bin/python2"], None),
        (["usr/bin/python3.13"], None),
    ],
)
def test_it_is_the_first_on_the_path(files: list[str], found: tuple[str, tuple[int, int]] | None) -> None:
    assert python_in(tree(*files), PATH.split(":")) == found


def test_another_path_finds_another() -> None:
    files = ("opt/bin/python3.13", "opt/bin/python3 -> python3.13")
    assert python_in(tree(*files), ["/usr/bin", "/opt/bin"]) == ("/opt/bin/python3", (3, 13))
