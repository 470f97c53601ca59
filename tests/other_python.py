"""Another Python than the one that runs the tests: Debian trixie's, 3.13, with what pyrun needs of PyPI.

It is taken from the distribution's packages without being installed, with the C library that it comes with, and
kept in `pyrun-tests` in the user's cache folder. Anybody may run it, root or not.
"""

import fcntl
import glob
import os
import shutil
import subprocess
import sys
import tempfile

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PACKAGES = ("pyyaml>=6.0.2,<7", "deflate>=0.9,<0.10", "urllib3>=2.2,<3", "zstandard>=0.23,<0.26")
_NAME = "python-3.13-trixie-1"
"""Counted up whenever it comes to be made in another way."""
_ARCHIVE = "http://deb.debian.org/debian"


def other_python() -> tuple[list[str], dict[str, str]]:
    """The words in front of a script's for that Python, and the variables that it needs."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = f"{base}/pyrun-tests/{_NAME}"
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(f"{folder}.lock", "w", encoding="ascii") as lock:
        # Whoever comes second finds what the first one made.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            with tempfile.TemporaryDirectory(prefix=f"{_NAME}.", dir=os.path.dirname(folder)) as made:
                os.chmod(made, 0o755)
                _make(f"{made}/whole")
                os.rename(f"{made}/whole", folder)
    libraries = os.path.dirname(glob.glob(f"{folder}/root/usr/lib/*/ld-linux-*.so.*")[0])
    loader = glob.glob(f"{libraries}/ld-linux-*.so.*")[0]
    python = f"{folder}/root/usr/bin/python3.13"
    return (
        [loader, "--library-path", libraries, python],
        {"PYTHONHOME": f"{folder}/root/usr", "PYTHONPATH": f"{_HERE}:{folder}/site"},
    )


def _make(folder: str) -> None:
    os.makedirs(folder)
    program = shutil.which("mmdebstrap")
    assert program, "this test takes a Python of Debian's: apt-get install mmdebstrap"
    _done(program, "--quiet", "--variant=extract", "--include=python3", "trixie", f"{folder}/root", _ARCHIVE)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _done(*pip, "--target", f"{folder}/site", "--python-version=3.13", "--only-binary=:all:", *_PACKAGES)


def _done(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
