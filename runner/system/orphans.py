"""The ends of processes that lost their parent, of which a container's first process is told.

Whatever in the container has no parent any more is that process's child from then on. Nobody else asks how it
ended, and until somebody does it stays in the table of processes.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container


def reap_orphans(awaited: "Container[int]") -> None:
    """Let go of the children that have ended, those ones apart for whose status somebody here waits.

    Args:
        awaited: Their numbers. Where one of them has ended, whoever waits for it must look first: what stands
            behind it is let go of by the next call.
    """
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in awaited:
            return
        os.waitpid(ended.si_pid, os.WNOHANG)
