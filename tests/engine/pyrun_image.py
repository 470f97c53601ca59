"""An image with this checkout's pyrun in it, and the Python that runs the tests, each where it is on this machine.

It stands on `busybox:1.36`. What is in it is what an installer would have put there: compiled, so that a start
in a new container takes no longer than one on this machine.
"""

import functools
import io
import os
import py_compile
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from importlib.util import find_spec

from tests.engine.engines import RealEngine
from tests.engine.images import give

BASE = "busybox:1.36"
NAME = "registry.example.org/pyrun-test/pyrun:latest"
_TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
_HOME = "/opt/pyrun"
"""Where pyrun and what it needs to read a file are."""
_NO_NEED = re.compile(
    r"/(test|tests|idlelib|tkinter|turtledemo|lib2to3|ensurepip|pydoc_data|config-[^/]*|site-packages|dist-packages"
    r"|_tkinter\.[^/]*|_test[^/]*\.so|[^/]*\.opt-[12]\.pyc)(/|$)"
)
"""What of Python's own library pyrun does without."""
_DOCKERFILE = f"""\
FROM {BASE}
ADD root.tar /
ENV PYTHONPATH={_HOME} LANG=C.UTF-8
WORKDIR /src
CMD ["pyrun"]
"""


def give_pyrun(engine: RealEngine) -> str:
    """See to it that an engine has the image; its name."""
    give(engine, BASE)
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        _add(tar, "Dockerfile", _DOCKERFILE.encode())
        _add(tar, "root.tar", _root())
    engine.docker("build", "--quiet", "--tag", NAME, "-", stdin=context.getvalue())
    return NAME


@functools.cache
def _root() -> bytes:
    """All files, as an archive."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        python = os.path.realpath(sys.executable)
        library = sysconfig.get_path("stdlib")
        tar.add(python, filter=_plain)
        tar.add(library, filter=_plain)
        modules = os.path.join(library, "lib-dynload")
        extensions = [f"{modules}/{name}" for name in os.listdir(modules) if not _NO_NEED.search(f"/{name}")]
        yaml = os.path.dirname(_origin("yaml"))
        parser = _origin("yaml._yaml")
        for path in _libraries([python, parser, *extensions]):
            # Under the name by which it is looked for, whatever that leads to here.
            tar.add(os.path.realpath(path), path, filter=_plain)
        _add_package(tar, f"{_TOP}/runner", f"{_HOME}/runner")
        _add_package(tar, yaml, f"{_HOME}/yaml")
        tar.add(parser, f"{_HOME}/yaml/{os.path.basename(parser)}", filter=_plain)
        with open(f"{_TOP}/runner/cli/pyrun", "rb") as file:
            script = file.read().replace(b"#!python\n", f"#!{python}\n".encode())
        _add(tar, "usr/local/bin/pyrun", script, 0o755)
    return written.getvalue()


def _origin(module: str) -> str:
    found = find_spec(module)
    assert found is not None, f"{module} is not installed"
    assert found.origin is not None, f"{module} is no file"
    return found.origin


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """A file as root's, or nothing of what there is no need for."""
    if _NO_NEED.search(f"/{member.name}"):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _libraries(paths: list[str]) -> list[str]:
    """The shared libraries that programs and extensions need, the loader among them."""
    told = subprocess.run(["ldd", *paths], capture_output=True, text=True, check=False).stdout
    return sorted(set(re.findall(r"(?:=> |^\t)(/\S+) \(0x", told, re.MULTILINE)))


def _add_package(tar: tarfile.TarFile, folder: str, to: str) -> None:
    """Adds a package's modules with what they compile to, which is never held against their times."""
    with tempfile.TemporaryDirectory() as made:
        for here, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            at = os.path.normpath(f"{to}/{os.path.relpath(here, folder)}")
            for name in sorted(names):
                path = f"{here}/{name}"
                if not name.endswith(".py"):
                    if not name.endswith(".so"):
                        tar.add(path, f"{at}/{name}", filter=_plain)
                    continue
                tar.add(path, f"{at}/{name}", filter=_plain)
                compiled = f"{at}/__pycache__/{name[:-3]}.{sys.implementation.cache_tag}.pyc"
                py_compile.compile(
                    path,
                    f"{made}/one",
                    f"{at}/{name}",
                    doraise=True,
                    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
                )
                tar.add(f"{made}/one", compiled, filter=_plain)


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.mode = mode
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
