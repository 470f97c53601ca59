# ruff: noqa: INP001 - a program, not a package
"""How long a start of pyrun takes, beside an interpreter that does nothing.

The fastest of many starts is what the program costs; the median is what a user of this machine feels.
"""

import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time

FILE = """\
tasks:
  hello:
    run: ":"
  copy:
    source: [in.txt]
    target: out.txt
    run: cp in.txt out.txt
"""


def main() -> None:
    """Measure, and print one line a kind of start: fastest and median, in milliseconds."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    pyrun = os.path.join(sysconfig.get_path("scripts"), "pyrun")
    kinds = {
        "bare interpreter": [sys.executable, "-c", "pass"],
        "pyrun --version": [pyrun, "--version"],
        "pyrun --list": [pyrun, "--list"],
        "a task without source": [pyrun, "hello"],
        "a task that is up to date": [pyrun, "copy"],
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("tasks.yml", FILE), ("in.txt", "text\n")):
            with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        # What has only just changed is not cached: the clock of files is coarse.
        time.sleep(0.2)
        environ = {**os.environ, "XDG_CACHE_HOME": f"{folder}/.cache", "PWD": folder}
        times: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(runs + 2):
            # In turn, so that a slow moment of the machine meets all kinds alike.
            for name, argv in kinds.items():
                times[name].append(_milliseconds(argv, folder, environ))
    for name, found in times.items():
        counted = found[2:]
        sys.stdout.write(f"{name:<26} {min(counted):6.1f} ms {statistics.median(counted):6.1f} ms\n")


def _milliseconds(argv: list[str], folder: str, environ: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(argv, cwd=folder, env=environ, check=True, capture_output=True)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
