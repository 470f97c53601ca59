"""What the content of a file says that must be known before it ships: what it runs on, and whether it is a secret.

Looks at bytes and names alone. Who asks decides what to make of the answer.
"""

import re
import struct

from runner.plan.platform import Platform

HEAD = 4096
"""Bytes from the beginning of a file that say what an executable runs on."""
WHOLE = 1 << 16
"""Bytes: a file with a key or with credentials is never longer."""

_ELF = {
    (3, 1): "386",
    (8, 1): "mipsle",
    (8, 2): "mips64le",
    (21, 2): "ppc64le",
    (22, 2): "s390x",
    (40, 1): "arm",
    (62, 2): "amd64",
    (183, 2): "arm64",
    (243, 2): "riscv64",
    (258, 2): "loong64",
}
"""Machines of ELF, each with its class (1: 32 bits, 2: 64 bits), by the names that platforms have."""
_BIG = {"mipsle": "mips", "mips64le": "mips64", "ppc64le": "ppc64"}
"""What those are called where the high byte comes first."""
_SYSTEMS = {2: "netbsd", 6: "solaris", 9: "freebsd", 12: "openbsd"}
"""What ELF says of the system; most programs of Linux say nothing."""
_EXECUTABLE, _SHARED = 2, 3
_MACH = {0x01000007: "amd64", 0x0100000C: "arm64", 7: "386", 12: "arm"}
_MACH_EXECUTE = 2
_PE = {0x14C: "386", 0x8664: "amd64", 0xAA64: "arm64"}

_KEY = re.compile(rb"^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[ \t\r]*$", re.MULTILINE)
_PUTTY = re.compile(rb"^PuTTY-User-Key-File-[0-9]+:", re.MULTILINE)
_KEY_NAMES = frozenset(("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk"))
_ENV_EXAMPLES = frozenset(("example", "sample", "template", "dist", "defaults"))
_CREDENTIALS = {
    ".netrc": None,
    "_netrc": None,
    ".git-credentials": None,
    ".pgpass": None,
    ".htpasswd": None,
    ".npmrc": re.compile(rb"_auth(?:Token)?[ \t]*=|_password[ \t]*=", re.IGNORECASE),
    ".yarnrc.yml": re.compile(rb"npmAuth(?:Token|Ident)[ \t]*:"),
    ".pypirc": re.compile(rb"^[ \t]*password[ \t]*[=:]", re.MULTILINE | re.IGNORECASE),
    ".docker/config.json": re.compile(rb'"(?:auth|identitytoken|password|registrytoken)"[ \t]*:'),
    ".aws/credentials": None,
    ".kube/config": None,
}
"""Files of credentials by the end of their path, and what shows that one is in it, or None for always."""


def runs_on(head: bytes, path: str) -> str:
    """What an executable is built for, as `linux/arm64`; empty for a file that is none, or that nobody knows.

    Args:
        head: Its first bytes, `HEAD` of them if it has so many.
        path: Its path.
    """
    if head.startswith(b"\x7fELF"):
        return _elf(head)
    if head[:4] in {b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe"}:
        return _mach(head)
    if head.startswith(b"MZ"):
        return _pe(head, path)
    return ""


def may_run(built_for: str, platform: Platform) -> bool:
    """Whether an image's platform runs what is built for another one: a kernel runs the narrower programs too."""
    system, _, machine = built_for.partition("/")
    also = {"amd64": "386", "arm64": "arm"}.get(platform.architecture)
    return system == platform.os and machine in {platform.architecture, also}


def secret_in(path: str, content: bytes | None) -> str:
    """Why a file must not ship unless somebody says so, in words; empty if nothing speaks against it.

    Args:
        path: Its path.
        content: All its bytes, or None if it has more than `WHOLE`.
    """
    name = path.rpartition("/")[2]
    if name == ".env" or (name.startswith(".env.") and name.rpartition(".")[2] not in _ENV_EXAMPLES):
        return "it sets variables, secrets among them, as a rule"
    if name in _KEY_NAMES:
        return "it is a private key by its name"
    for end, mark in _CREDENTIALS.items():
        if path == end or path.endswith(f"/{end}"):
            return "it holds credentials" if mark is None or mark.search(content or b"") else ""
    if content is not None and (_KEY.search(content) or _PUTTY.search(content)):
        return "it holds a private key"
    return ""


def _elf(head: bytes) -> str:
    if len(head) < 20:
        return ""
    order = ">" if head[5] == 2 else "<"
    kind, machine = struct.unpack_from(f"{order}HH", head, 16)
    if kind not in {_EXECUTABLE, _SHARED}:
        return ""
    name = _ELF.get((machine, head[4]), "")
    name = _BIG.get(name, name) if order == ">" else name
    return f"{_SYSTEMS.get(head[7], 'linux')}/{name}" if name else ""


def _mach(head: bytes) -> str:
    if len(head) < 16:
        return ""
    machine, _, kind = struct.unpack_from("<III", head, 4)
    name = _MACH.get(machine, "")
    return f"darwin/{name}" if name and kind == _MACH_EXECUTE else ""


def _pe(head: bytes, path: str) -> str:
    name = path.rpartition("/")[2]
    if "." in name and not name.lower().endswith(".exe"):
        # Libraries of .NET have this form on every system.
        return ""
    if len(head) < 64:
        return ""
    (at,) = struct.unpack_from("<I", head, 60)
    if head[at : at + 4] != b"PE\0\0" or len(head) < at + 6:
        return ""
    machine = _PE.get(struct.unpack_from("<H", head, at + 4)[0], "")
    return f"windows/{machine}" if machine else ""
