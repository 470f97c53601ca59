"""A tunnel to an engine on another machine by `ssh`.

Each connection is one `ssh` that runs `docker system dial-stdio` there: what it reads and writes is what the
engine does. The connection itself is its stdin and stdout, so nothing is copied here, and the end of one side is
the end of the other. It can't ask for a password: several may start at once, and beside a task's own questions.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from shlex import quote

from runner.engine.tunnel import Tunnel
from runner.engine.url import EngineUrl
from runner.errors import RunError
from runner.system.process import Process, exit_status, start

_CONNECT_SECONDS = 10
_ENDING_SECONDS = 2.0
"""How long an `ssh` may take to end when it is told to."""
_LONGEST_WORDS = 300
_REMEDIES = {
    "Host key verification failed": "call `ssh` by hand once",
    "Permission denied": "it needs a key, since no password is asked for",
}
"""What to do where `ssh` would have asked."""


class SshTunnel(Tunnel):
    """A tunnel by `ssh`.

    Args:
        url: Where the engine is.
        environ: The caller's variables, which `ssh` gets.

    Raises:
        OSError: It can't be made.
    """

    def __init__(self, url: EngineUrl, environ: Mapping[str, str]) -> None:
        self._argv = ssh_words(url)
        self._environ = dict(environ)
        self._running: dict[int, tuple[Process, threading.Thread]] = {}
        super().__init__(environ)

    def _carry(self, near: socket.socket) -> None:
        path = f"{self._folder}/words"
        words = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.unlink(path)
        with near:
            try:
                files = (near.fileno(), near.fileno(), words)
                process = start(self._argv, folder="/", environ=self._environ, files=files)
            except (RunError, OSError) as error:
                os.close(words)
                hint = f": {error.hint}" if isinstance(error, RunError) and error.hint else ""
                self._tell(f"{error}{hint}")
                return
        thread = threading.Thread(target=self._wait, args=(process, words), name="pyrun-ssh", daemon=True)
        self._running[process.pid] = (process, thread)
        thread.start()

    def _wait(self, process: Process, words: int) -> None:
        """See an `ssh` end, and keep what it said if it failed."""
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            status = exit_status(os.waitpid(process.pid, 0)[1])
        except ChildProcessError:
            status = 0
        text = os.pread(words, 1 << 16, 0).decode(errors="replace")
        os.close(words)
        if status and not self._closed:
            self._tell(ssh_said(text, status))
        self._running.pop(process.pid, None)

    def _end(self) -> None:
        left = list(self._running.values())
        deadline = time.monotonic() + _ENDING_SECONDS
        for process, thread in left:
            if thread.is_alive():
                process.signal(signal.SIGTERM)
        for process, thread in left:
            thread.join(max(deadline - time.monotonic(), 0))
            if thread.is_alive():
                process.signal(signal.SIGKILL)
                thread.join(_ENDING_SECONDS)


def ssh_said(text: str, status: int) -> str:
    """Why an `ssh` failed.

    Args:
        text: What it wrote to its stderr.
        status: Its exit status.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return f"ssh ended with status {status}"
    last = lines[-1].removeprefix("ssh: ").rstrip(".")[:_LONGEST_WORDS]
    remedy = next((remedy for words, remedy in _REMEDIES.items() if words in last), "")
    return f"ssh said: {last}; {remedy}" if remedy else f"ssh said: {last}"


def ssh_words(url: EngineUrl) -> list[str]:
    """The command line that connects its stdin and stdout with an engine.

    Args:
        url: Where the engine is.
    """
    argv = ["ssh", "-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={_CONNECT_SECONDS}"]
    if url.user:
        argv += ["-l", url.user]
    if url.port:
        argv += ["-p", str(url.port)]
    # There a shell takes the words apart again.
    socket_words = ["--host", quote(f"unix://{url.path}")] if url.path else []
    return [*argv, "--", url.host, "docker", *socket_words, "system", "dial-stdio"]
