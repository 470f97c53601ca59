"""A tunnel to an engine that speaks TLS.

Encryption is done in memory and apart from the sockets: only so can one side be ended while the other still
speaks, as the streams of a container's command need it, and one thread can wait for both directions.
"""

import os
import select
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Mapping

from runner.engine.tunnel import Tunnel
from runner.engine.whereabouts import Certificates

_CONNECT_SECONDS = 10.0
_ENDING_SECONDS = 1.0
"""How long a connection may take to end when it is told to; one that is only just being made takes longer."""
_PIECE = 1 << 16
_MOST = 1 << 18
"""Bytes that may wait to be passed on before no more are taken in."""


class TlsTunnel(Tunnel):
    """A tunnel with TLS.

    Args:
        host: The engine's.
        port: The engine's.
        certificates: How to speak with it.
        environ: The caller's variables.

    Raises:
        OSError: It can't be made, or the certificates can't be read.
    """

    def __init__(self, host: str, port: int, certificates: Certificates, environ: Mapping[str, str]) -> None:
        self._host = host
        self._port = port
        self._settings = tls_settings(certificates)
        self._open: dict[socket.socket, threading.Thread] = {}
        super().__init__(environ)

    def _carry(self, near: socket.socket) -> None:
        thread = threading.Thread(target=self._pass, args=(near,), name="pyrun-tls", daemon=True)
        self._open[near] = thread
        thread.start()

    def _pass(self, near: socket.socket) -> None:
        """Pass on what either side says, until there is nothing more to say."""
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            with near, socket.create_connection((self._host, self._port), _CONNECT_SECONDS) as far:
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                secret = self._settings.wrap_bio(incoming, outgoing, server_hostname=self._host)
                _Passing(near, far, secret, incoming, outgoing).run()
        except OSError as error:
            if not self._closed:
                self._tell(tls_words(error))
        finally:
            self._open.pop(near, None)

    def _end(self) -> None:
        for near, thread in list(self._open.items()):
            try:
                # Both directions: that ends the passing too.
                near.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            thread.join(_ENDING_SECONDS)


class _Passing:
    """One connection: plain on the near side, encrypted on the far one."""

    def __init__(
        self,
        near: socket.socket,
        far: socket.socket,
        secret: ssl.SSLObject,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
    ) -> None:
        self.near = near
        self.far = far
        self.secret = secret
        self.incoming = incoming
        self.outgoing = outgoing
        self.shaken = False
        self.to_near = bytearray()
        self.to_far = bytearray()
        self.near_ended = False
        """Whether the near side says no more."""
        self.near_deaf = False
        """Whether the near side hears no more."""
        self.far_deaf = False
        """Whether the far side hears no more: why, it may have said just before."""
        self.far_ended = False
        """Whether the far side says no more."""
        self.far_gone = False
        """Whether no more bytes come from the far side's machine."""
        self.told_near = False
        """Whether the near side knows that the far one says no more."""
        self.told_far = False
        """And the other way round."""

    def run(self) -> None:
        """Pass on until both sides have ended, or one is gone.

        Raises:
            OSError: The far side can't be spoken with.
        """
        self.near.setblocking(False)
        self.far.setblocking(False)
        self.work()
        while not (self.told_near and self.told_far and not self.to_far) and self.wait():
            self.work()

    def work(self) -> None:
        """Do what can be done without waiting."""
        if not self.shaken:
            self.shake()
        if self.shaken and not self.far_ended:
            self.decrypt()
        drained = len(self.to_near) < _MOST
        if self.shaken and self.near_ended and not self.told_far and drained:
            self.told_far = True
            try:
                self.secret.unwrap()
            except ssl.SSLError:
                # It would wait for the other side to say the same; that comes in its time.
                pass
        encrypted = self.outgoing.read()
        if not self.far_deaf:
            self.to_far += encrypted
        if self.far_ended and not self.to_near and not self.told_near:
            self.told_near = True
            try:
                self.near.shutdown(socket.SHUT_WR)
            except OSError:
                # It has gone.
                pass

    def shake(self) -> None:
        """Go on with the handshake."""
        try:
            self.secret.do_handshake()
        except ssl.SSLWantReadError:
            if self.far_gone:
                raise ConnectionResetError("the engine hung up") from None
        else:
            self.shaken = True

    def decrypt(self) -> None:
        """Take out what came from the far side."""
        while len(self.to_near) < _MOST:
            try:
                piece = self.secret.read(_PIECE)
            except ssl.SSLWantReadError:
                return
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                piece = b""
            if not piece:
                self.far_ended = True
                return
            if not self.near_deaf:
                self.to_near += piece

    def wait(self) -> bool:
        """Wait until something can be done, and take it in or send it; False if there is nobody to wait for."""
        near = far = 0
        if self.shaken and not self.near_ended and len(self.to_far) < _MOST:
            near |= select.POLLIN
        if self.to_near:
            near |= select.POLLOUT
        if not self.far_gone and not self.far_ended and len(self.to_near) < _MOST:
            far |= select.POLLIN
        if self.to_far:
            far |= select.POLLOUT
        poll = select.poll()
        # One that is known to be gone would be told to be gone again and again.
        if near or not self.near_deaf:
            poll.register(self.near, near)
        if far:
            poll.register(self.far, far)
        if not far and self.near_deaf and not near:
            return False
        ready = dict(poll.poll())
        happened = ready.get(self.near.fileno(), 0)
        if happened & select.POLLIN:
            self.hear_near()
        if happened & (select.POLLERR | select.POLLHUP) or (
            happened & select.POLLOUT and not self.sent(self.near, self.to_near)
        ):
            self.near_deaf = self.told_near = True
            self.to_near.clear()
        happened = ready.get(self.far.fileno(), 0)
        if happened & (select.POLLIN | select.POLLERR | select.POLLHUP) and far & select.POLLIN:
            self.hear_far()
        if happened & select.POLLOUT and not self.sent(self.far, self.to_far):
            self.far_deaf = self.told_far = True
            self.to_far.clear()
        return True

    def hear_near(self) -> None:
        """Take in what the near side says."""
        try:
            piece = self.near.recv(_PIECE)
        except BlockingIOError:
            return
        except ConnectionResetError:
            piece = b""
        if piece:
            self.secret.write(piece)
        else:
            self.near_ended = True

    def hear_far(self) -> None:
        """Take in what comes from the far side."""
        try:
            piece = self.far.recv(_PIECE)
        except BlockingIOError:
            return
        if piece:
            self.incoming.write(piece)
        else:
            self.incoming.write_eof()
            self.far_gone = True

    @staticmethod
    def sent(side: socket.socket, data: bytearray) -> bool:
        """Send what can be sent; False if the side is gone."""
        try:
            del data[: side.send(data)]
        except BlockingIOError:
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True


def tls_settings(certificates: Certificates) -> ssl.SSLContext:
    """How to speak TLS, from a folder with `ca.pem`, `cert.pem` and `key.pem`.

    Without verification the first may be missing, and the other two always.

    Args:
        certificates: Where they are.

    Raises:
        OSError: They can't be read.
    """
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    folder = certificates.folder
    if certificates.verify:
        _loaded(f"{folder}/ca.pem", settings.load_verify_locations)
    else:
        settings.check_hostname = False
        settings.verify_mode = ssl.CERT_NONE
    key = f"{folder}/key.pem"
    if os.path.exists(f"{folder}/cert.pem") and os.path.exists(key):
        # A key that is locked is not asked for on the terminal: tasks may be using it.
        _loaded(f"{folder}/cert.pem", lambda path: settings.load_cert_chain(path, key, lambda: ""))
    return settings


def _loaded(path: str, load: Callable[[str], None]) -> None:
    try:
        load(path)
    except FileNotFoundError:
        raise OSError(f"`{path}` is not there") from None
    except ssl.SSLError as error:
        raise OSError(f"`{path}` can't be used: {_reason(error)}") from None
    except OSError as error:
        raise OSError(f"`{path}` can't be read: {error.strerror or error}") from None


def tls_words(error: OSError) -> str:
    """Why a connection with TLS failed."""
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {_reason(error)}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, TimeoutError):
        return f"no answer in {_CONNECT_SECONDS:g} s"
    return error.strerror or str(error)


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message.rstrip(".")
    return (error.reason or str(error)).lower().replace("_", " ")
