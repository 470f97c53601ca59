"""Credential helpers: programs that keep passwords, such as `docker-credential-pass`.

Docker's protocol: `get`, the server's name on stdin, and on stdout a JSON object with user and secret, or words
that say why there is none.
"""

import json
import os
import signal
import time
from collections.abc import Mapping

from runner.errors import RunError
from runner.system.process import start

_SECONDS = 60.0
"""How long one may take, which may have to ask the user for the password of its store."""
_MOST = 1 << 20
_NONE = "credentials not found"
"""What helpers say where there is nothing to give."""


def ask_helper(name: str, server: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """User and secret that a helper keeps for a server, or None if it has none.

    Args:
        name: What stands behind `docker-credential-` in the program's name.
        server: The server as Docker names it.
        environ: The caller's variables, which the program gets.

    Raises:
        RunError: There is no such program, or it failed. What it wrote is not shown: it may be a secret.
    """
    program = f"docker-credential-{name}"
    if "/" in name:
        raise RunError(f"`{program}` can't be the name of a credential helper")
    status, output = _answer(program, server, environ)
    if status:
        if _NONE in output.decode("utf-8", "replace").lower():
            return None
        raise RunError(f"`{program} get` failed with exit status {status} for {server}")
    try:
        found = json.loads(output)
        user, secret = found["Username"], found["Secret"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise RunError(f"`{program} get` wrote something else than user and secret for {server}") from None
    if not isinstance(user, str) or not isinstance(secret, str):
        raise RunError(f"`{program} get` wrote something else than user and secret for {server}")
    return (user, secret) if secret else None


def _answer(program: str, server: str, environ: Mapping[str, str]) -> tuple[int, bytes]:
    """A helper's exit status and its stdout."""
    asks, ask = os.pipe()
    reader, writer = os.pipe()
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    process = None
    try:
        # Short enough for a pipe to hold it all, and so nobody waits for anybody.
        os.write(ask, f"{server[:1024]}\n".encode())
        os.close(ask)
        ask = -1
        process = start((program, "get"), folder="/", environ=environ, files=(asks, writer, null))
        os.close(writer)
        writer = -1
        output = _read(reader, program)
        status = process.wait()
        process = None
        return status, output
    finally:
        if process is not None:
            process.signal(signal.SIGKILL)
            process.wait()
        for number in (asks, ask, reader, writer, null):
            if number >= 0:
                os.close(number)


def _read(reader: int, program: str) -> bytes:
    """All that comes out of a pipe, within bounds of size and time."""
    import select  # noqa: PLC0415 - few registries have a helper

    deadline = time.monotonic() + _SECONDS
    output = b""
    while select.select([reader], [], [], max(0, deadline - time.monotonic()))[0]:
        data = os.read(reader, 1 << 16)
        if not data:
            return output
        output += data
        if len(output) > _MOST:
            raise RunError(f"`{program} get` writes without end")
    raise RunError(f"`{program} get` has not answered in {_SECONDS:.0f} seconds")
