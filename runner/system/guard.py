"""A process that outlives this one if it is killed, and then tells the commands of this one to end.

A command that is forked asks the system itself for that signal. One that is started the quick way can't, so its
number is written to a guard: a copy of this process that does nothing but read, and that ends when all is done.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    # `signal` would bring `enum` along, at a sixth of a whole start.
    import _signal as signal

_SLOT = 8
"""Bytes of a number."""


class Guard:
    """What tells commands to end when this process is gone.

    Their numbers stand in memory that both share, so that nobody wakes up when one comes or goes; the end of this
    process is the end of a pipe.

    Raises:
        OSError: No process can be made, or no memory shared.
    """

    __slots__ = ("_free", "_memory", "_owner", "_pid", "_pipe", "_slots")

    def __init__(self) -> None:
        if not hasattr(os, "memfd_create"):
            raise OSError("there is no memory to share")
        self._owner = os.getpid()
        self._slots: dict[int, int] = {}
        self._free: list[int] = []
        self._memory = os.memfd_create("guard", os.MFD_CLOEXEC)
        reader, self._pipe = os.pipe()
        try:
            pid = os.fork()
        except OSError:
            for number in (self._memory, reader, self._pipe):
                os.close(number)
            raise
        if not pid:
            _watch(reader, self._pipe, self._memory)
        self._pid = pid
        os.close(reader)

    @property
    def ours(self) -> bool:
        """Whether it guards this process, and not one that this is a copy of."""
        return self._owner == os.getpid()

    def add(self, pid: int) -> None:
        """A command was started."""
        slot = self._slots[pid] = self._free.pop() if self._free else len(self._slots)
        os.pwrite(self._memory, pid.to_bytes(_SLOT, "little"), slot * _SLOT)

    def remove(self, pid: int) -> None:
        """A command has ended."""
        slot = self._slots.pop(pid, None)
        if slot is not None and self.ours:
            os.pwrite(self._memory, bytes(_SLOT), slot * _SLOT)
            self._free.append(slot)

    def end(self) -> None:
        """Nothing is to be guarded any longer: what still runs was left on purpose."""
        if self.ours:
            os.ftruncate(self._memory, 0)
            os.close(self._memory)
            os.close(self._pipe)
            try:
                os.waitpid(self._pid, 0)
            except ChildProcessError:
                # Whoever waits for all children has met it already.
                return


def _watch(reader: int, writer: int, memory: int) -> None:
    """In the copy: wait until this process's other side is gone, then tell who is left. Never returns."""
    try:
        # Of the terminal's signals it gets none, and it holds nothing open that somebody waits for the end of.
        os.setsid()
        os.close(writer)
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        low, high = sorted((reader, memory))
        os.closerange(3, low)
        os.closerange(low + 1, high)
        os.closerange(high + 1, os.sysconf("SC_OPEN_MAX"))
        os.read(reader, 1)
        data = os.pread(memory, os.fstat(memory).st_size, 0)
        for at in range(0, len(data), _SLOT):
            pid = int.from_bytes(data[at : at + _SLOT], "little")
            if pid:
                try:
                    os.kill(pid, signal.SIGTERM)
                except OSError:
                    continue
    finally:
        os._exit(0)
