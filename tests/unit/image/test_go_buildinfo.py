import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.image.go_buildinfo import MAGIC, GoBuild, GoModule, go_build

TEXT = (
    "path\texample.org/payments/cmd/gmicro\n"
    "mod\texample.org/payments\t(devel)\t\n"
    "dep\tgithub.com/go-chi/chi/v5\tv5.2.3\th1:WQIt9uxdsAbgIYgid+BpYc+liqQZGMHRaUwp0JUcvdE=\n"
    "dep\texample.org/old\tv1.0.0\n"
    "=>\texample.org/new\tv1.0.1\th1:abc=\n"
    "build\t-compiler=gc\n"
    "build\tGOARCH=amd64\n"
)
BUILD = GoBuild(
    "go1.24.2",
    "example.org/payments/cmd/gmicro",
    GoModule("example.org/payments", "(devel)", ""),
    (
        GoModule("github.com/go-chi/chi/v5", "v5.2.3", "h1:WQIt9uxdsAbgIYgid+BpYc+liqQZGMHRaUwp0JUcvdE="),
        GoModule("example.org/new", "v1.0.1", "h1:abc="),
    ),
)


def varint(number: int) -> bytes:
    out = b""
    while number >= 0x80:
        out += bytes((number & 0x7F | 0x80,))
        number >>= 7
    return out + bytes((number,))


def program(
    version: str = "go1.24.2", text: str = TEXT, *, flags: int = 2, before: bytes = b"\x7fELF"
) -> bytes:
    modules = b"#" * 16 + text.encode() + b"#" * 16 if text else b""
    head = MAGIC + bytes((8, flags)) + bytes(16)
    info = head + varint(len(version)) + version.encode() + varint(len(modules)) + modules
    return before.ljust(-(-len(before) // 16) * 16, b"\0") + info + b"the rest"


def test_version_package_and_modules_are_read() -> None:
    assert go_build(program()) == BUILD


def test_without_modules_the_version_is_known() -> None:
    assert go_build(program(text="")) == GoBuild("go1.24.2", "", None, ())


def test_the_magic_as_a_text_of_the_program_is_none() -> None:
    assert go_build(program(before=b"\x7fELF" + b"x" * 8 + MAGIC + b"\x08\x02 no info")) == BUILD
    aligned = b"\x7fELF".ljust(16, b"\0") + MAGIC + b"\x08\x02" + bytes(16) + b"\x05other"
    assert go_build(program(before=aligned)) == BUILD


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x7fELF",
        MAGIC,
        MAGIC + b"\x08\x02",
        MAGIC + b"\x08\x02" + bytes(16) + b"\xff" * 9,
        program(flags=0),
    ],
)
def test_what_is_no_go_program_says_nothing(data: bytes) -> None:
    assert go_build(data) is None


@given(st.integers(0, 500), st.binary(max_size=8))
def test_a_damaged_program_is_no_trouble(at: int, put: bytes) -> None:
    data = program()
    found = go_build(data[:at] + put + data[at + len(put) :])
    assert found is None or found.version.startswith("go")


@given(st.integers(0, 600))
def test_a_cut_program_is_no_trouble(end: int) -> None:
    found = go_build(program()[:end])
    assert found is None or found.version == "go1.24.2"
