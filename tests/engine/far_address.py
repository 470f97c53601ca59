"""TCP ports of this machine that lead to an engine, with encryption and without."""

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator

from tests.engine.private_network import program


def certificates(folder: str) -> str:
    """A folder with certificates and keys for a server on this machine and its client, named as Docker does."""
    os.mkdir(folder, 0o700)

    def openssl(*words: str) -> None:
        argv = [program("openssl", "openssl"), *words]
        subprocess.run(argv, cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *key, "-days=30", "-subj=/CN=ca", "-keyout=ca-key.pem", "-out=ca.pem")
    for name, extension in (
        ("server", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
        ("client", "extendedKeyUsage=clientAuth"),
    ):
        with open(f"{folder}/{name}.ext", "w") as file:
            file.write(extension)
        openssl("req", *key, f"-subj=/CN={name}", f"-keyout={name}-key.pem", f"-out={name}.csr")
        openssl(
            "x509", "-req", "-days=30", f"-in={name}.csr", "-CA=ca.pem", "-CAkey=ca-key.pem", "-CAcreateserial",
            f"-extfile={name}.ext", f"-out={name}.pem",
        )  # fmt: skip
    for ours, dockers in (("client.pem", "cert.pem"), ("client-key.pem", "key.pem")):
        os.rename(f"{folder}/{ours}", f"{folder}/{dockers}")
    return folder


@contextlib.contextmanager
def carried(path: str) -> Iterator[int]:
    """A port of this machine whose connections lead to a socket: an engine encrypts all of its ports or none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, path), daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            # Wakes the thread that waits in accept.
            server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, path: str) -> None:
    while True:
        try:
            near, _ = server.accept()
        except OSError:
            return
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(path)
        except OSError:
            near.close()
            far.close()
            continue
        halves = [
            threading.Thread(target=_carry, args=ends, daemon=True) for ends in ((near, far), (far, near))
        ]
        for half in halves:
            half.start()
        threading.Thread(target=_close, args=(halves, (near, far)), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Carries bytes one way, then says that no more will come that way."""
    with contextlib.suppress(OSError):
        while piece := source.recv(1 << 16):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _close(halves: list[threading.Thread], ends: tuple[socket.socket, socket.socket]) -> None:
    for half in halves:
        half.join()
    for end in ends:
        end.close()
