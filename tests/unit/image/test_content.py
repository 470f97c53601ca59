import struct

import pytest

from runner.image.content import may_run, runs_on, secret_in
from runner.plan.platform import Platform

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


def elf(machine: int, kind: int = 2, *, bits: int = 2, big: bool = False, system: int = 0) -> bytes:
    order = ">" if big else "<"
    return (
        b"\x7fELF"
        + bytes((bits, 2 if big else 1, 1, system))
        + bytes(8)
        + struct.pack(f"{order}HH", kind, machine)
    )


def mach(machine: int, kind: int = 2) -> bytes:
    return b"\xcf\xfa\xed\xfe" + struct.pack("<III", machine, 0, kind) + bytes(32)


def windows(machine: int, at: int = 128) -> bytes:
    return b"MZ" + bytes(58) + struct.pack("<I", at) + bytes(at - 64) + b"PE\0\0" + struct.pack("<H", machine)


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (elf(62), "linux/amd64"),
        (elf(62, 3), "linux/amd64"),
        (elf(183), "linux/arm64"),
        (elf(40, bits=1), "linux/arm"),
        (elf(3, bits=1), "linux/386"),
        (elf(243), "linux/riscv64"),
        (elf(22, big=True), "linux/s390x"),
        (elf(21, big=True), "linux/ppc64"),
        (elf(21), "linux/ppc64le"),
        (elf(62, system=9), "freebsd/amd64"),
        (elf(62, 1), ""),
        (elf(62, 4), ""),
        (elf(247), ""),
        (elf(62)[:19], ""),
        (mach(0x0100000C), "darwin/arm64"),
        (mach(0x01000007), "darwin/amd64"),
        (mach(0x0100000C, 6), ""),
        (mach(0x0100000C)[:15], ""),
        (windows(0x8664), "windows/amd64"),
        (windows(0xAA64), "windows/arm64"),
        (windows(1), ""),
        (windows(0x8664)[:-1], ""),
        (b"MZ", ""),
        (b"", ""),
        (b"#!/bin/sh\n", ""),
        # A class of Java begins as several programs of macOS in one file do.
        (b"\xca\xfe\xba\xbe\x00\x00\x00\x34" + bytes(64), ""),
    ],
)
def test_an_executable_says_what_it_is_built_for(head: bytes, found: str) -> None:
    assert runs_on(head, "bin/it") == found


def test_a_library_of_net_is_for_every_system() -> None:
    assert runs_on(windows(0x14C), "app/it.dll") == ""
    assert runs_on(windows(0x14C), "app/it.EXE") == "windows/386"


@pytest.mark.parametrize(
    ("built_for", "platform", "may"),
    [
        ("linux/amd64", AMD64, True),
        ("linux/386", AMD64, True),
        ("linux/arm64", AMD64, False),
        ("linux/arm", ARM64, True),
        ("linux/arm64", Platform("linux", "arm", "v7"), False),
        ("darwin/arm64", ARM64, False),
        ("windows/amd64", Platform("windows", "amd64"), True),
    ],
)
def test_what_runs_is_of_the_platform_or_narrower(built_for: str, platform: Platform, may: bool) -> None:
    assert may_run(built_for, platform) is may


KEY = b"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("path", "content", "word"),
    [
        ("app/.env", b"", "variables"),
        (".env.production", b"", "variables"),
        ("home/.ssh/id_ed25519", b"", "private key by its name"),
        ("certs/server.pem", KEY, "a private key"),
        ("certs/server.pem", b"cert first\n" + KEY.replace(b"\n", b"\r\n"), "a private key"),
        ("k", b"-----BEGIN PRIVATE KEY-----\n", "a private key"),
        ("k", b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "a private key"),
        ("k", b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "a private key"),
        ("k", b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "a private key"),
        ("k.ppk", b"PuTTY-User-Key-File-3: ssh-ed25519\n", "a private key"),
        (".netrc", b"", "credentials"),
        ("x/.npmrc", b"//registry.example.org/:_authToken=abc\n", "credentials"),
        ("x/.pypirc", b"[pypi]\npassword = x\n", "credentials"),
        ("root/.docker/config.json", b'{"auths": {"a": {"auth": "eDp5"}}}', "credentials"),
        (".docker/config.json", b'{"auths": {"a": {"auth": "eDp5"}}}', "credentials"),
        ("root/.aws/credentials", b"", "credentials"),
        ("root/.git-credentials", b"", "credentials"),
    ],
)
def test_what_should_not_ship_is_known(path: str, content: bytes, word: str) -> None:
    assert word in secret_in(path, content)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (".env.example", b"A=\n"),
        ("environment", b""),
        ("x.env", b""),
        ("id_rsa.pub", b"ssh-rsa AAAA"),
        ("server.pem", b"-----BEGIN CERTIFICATE-----\n"),
        ("k", b"-----BEGIN PUBLIC KEY-----\n"),
        ("main.go", b'\tif s == "-----BEGIN RSA PRIVATE KEY-----" {\n'),
        ("doc.md", b"It begins with -----BEGIN PRIVATE KEY-----\n"),
        (".npmrc", b"registry=https://registry.example.org\n"),
        (".docker/config.json", b'{"credsStore": "pass"}'),
        ("x/config.json", b'{"auth": "x"}'),
        ("aws/credentials", b""),
        ("large", None),
    ],
)
def test_what_may_ship_is_left_alone(path: str, content: bytes | None) -> None:
    assert secret_in(path, content) == ""
