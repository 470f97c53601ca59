"""Children that nobody waits for are let go of; the status of the others is left to those who want it."""

import os
import subprocess
import sys

START = """
import os, sys, time
from runner.system.orphans import reap_orphans

def child(status):
    pid = os.fork()
    if not pid:
        os._exit(status)
    # It stays a zombie.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid

def there(pid):
    return os.path.exists(f"/proc/{pid}")
"""


def done(text: str) -> str:
    """What a process of its own writes: whatever else has children here keeps them."""
    argv = [sys.executable, "-c", START + text]
    found = subprocess.run(
        argv, capture_output=True, text=True, check=False, cwd=os.getcwd(), timeout=60, env=environ()
    )
    assert found.stderr == ""
    return found.stdout


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.path.join(os.path.dirname(__file__), "../../..")}


def test_all_that_ended_is_gone() -> None:
    assert done("""
pids = [child(number) for number in range(100)]
reap_orphans(())
print([pid for pid in pids if there(pid)])
""") == "[]\n"  # fmt: skip


def test_what_still_runs_is_not_waited_for() -> None:
    assert done("""
reader, writer = os.pipe()
running = os.fork()
if not running:
    os.close(writer)
    os.read(reader, 1)
    os._exit(7)
ended = child(0)
reap_orphans(())
print(there(running), there(ended))
os.close(writer)
print(os.waitstatus_to_exitcode(os.waitpid(running, 0)[1]))
""") == "True False\n7\n"  # fmt: skip


def test_without_children_nothing_happens() -> None:
    assert done("print(reap_orphans(()))") == "None\n"


def test_a_status_that_somebody_wants_is_kept_and_the_rest_goes_once_that_was_taken() -> None:
    assert done("""
first, wanted, last = child(1), child(2), child(3)
reap_orphans({wanted})
print(there(wanted))
print(os.waitstatus_to_exitcode(os.waitpid(wanted, 0)[1]))
reap_orphans({wanted})
print(there(first), there(last))
""") == "True\n2\nFalse False\n"  # fmt: skip
