"""Programs in Go that the tests meet as readers, registries and peers: built once a machine, from their modules.

They stand in `pyrun-tests/bin` in the user's cache folder, each under its name and version. As a program, this
file builds all that the tests need, so that none of them waits for it: `python3 go_programs.py [NAME…]`.
"""

import fcntl
import os
import subprocess
import sys
import tempfile

_PROGRAMS = {
    "registry": ("github.com/distribution/distribution/v3/cmd/registry", "v3.1.2"),
    "crane": ("github.com/google/go-containerregistry/cmd/crane", "v0.22.1"),
    "buildx": ("github.com/docker/buildx/cmd/buildx", "v0.38.2"),
    "ko": ("github.com/google/ko", "v0.19.1"),
}
"""By name: the package of the program's `main`, and its version."""


def known_program(name: str) -> str:
    """The path of one of the programs in the table, built if it is not there."""
    return go_program(*_PROGRAMS[name], name)


def go_program(package: str, version: str, name: str, *, tags: str = "", cgo: bool = False) -> str:
    """The path of a program that `go install` builds, and that stays for the next run.

    Two that ask at once wait for one build; a build that was killed leaves nothing that is taken for a program.

    Args:
        package: The package of its `main`.
        version: The module's version, such as `v1.2.3`.
        name: What the program is called in the end.
        tags: Build tags, separated by blanks.
        cgo: Whether C may be in it.
    """
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = f"{base}/pyrun-tests/bin/{name}-{version}"
    path = f"{folder}/{name}"
    if os.path.exists(path):
        return path
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            _build(f"{package}@{version}", path, tags, cgo)
    return path


def _build(what: str, path: str, tags: str, cgo: bool) -> None:
    """Build beside the path, and give the program its place when it is whole."""
    with tempfile.TemporaryDirectory(prefix="new.", dir=os.path.dirname(path)) as made:
        environ = {
            **os.environ,
            "GOBIN": made,
            "GOFLAGS": "-buildvcs=false -trimpath",
            "CGO_ENABLED": "1" if cgo else "0",
        }
        # A workspace or module of the current folder has no say.
        environ |= {"GOWORK": "off"}
        for name in ("GOOS", "GOARCH"):
            environ.pop(name, None)
        argv = ["go", "install", "-tags", tags, "-ldflags=-s -w", what]
        done = subprocess.run(argv, cwd=made, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"`{' '.join(argv)}` failed:\n{done.stderr[-4000:]}"
        (program,) = os.listdir(made)
        os.replace(f"{made}/{program}", path)


if __name__ == "__main__":
    for wanted in sys.argv[1:] or _PROGRAMS:
        sys.stdout.write(f"{known_program(wanted)}\n")
