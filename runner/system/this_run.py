"""What a run of pyrun is known by, to others that find what it has left."""

import os

from runner.system.process import started


def this_run() -> str:
    """A text that no other run has: the machine's start, this process, and the time it was started."""
    pid = os.getpid()
    return f"{_boot()}:{pid}:{started(pid) or '0'}"


def has_ended(run: str) -> bool:
    """Whether a run of this machine that is known by such a text has ended; False of other machines' runs."""
    boot, _, rest = run.partition(":")
    pid, _, when = rest.partition(":")
    if not pid.isdigit() or boot.rpartition("-")[2] != _boot().rpartition("-")[2]:
        return False
    return boot != _boot() or (started(int(pid)) or "0") != when


def _boot() -> str:
    """This start of this machine, with what tells the machine from others behind a `-`; none in it is a `:`."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip().replace("-", "")
    except OSError:
        boot = "0"
    try:
        with open("/etc/machine-id", encoding="ascii") as file:
            machine = file.read().strip()
    except OSError:
        machine = ""
    return f"{boot}-{machine or os.uname().nodename.replace(':', '')}"
