"""The files that pyrun itself consists of, for an image that has it: pure Python, with all that a task needs.

That is this package, and PyYAML without its part in C, for which it has another of its own in Python. What needs
more (containers, `invoke`, `pty` and `respond`, `--watch`, images) stays away: in an image, pyrun runs tasks.
"""

import os

from runner.system.schema_file import read_schema

_DATA = (".py", ".bash", ".fish", ".ps1", ".zsh")
_SCHEMA = "runner/schema/tasks.schema.json"
_LICENSES = ("LICENSE", "METADATA")


def own_files() -> dict[str, str]:
    """The absolute path of each file, by its path below the folder where pyrun is put."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = {f"runner/{path}": f"{package}/{path}" for path in _below(package)}
    found.pop(_SCHEMA, None)
    yaml = _yaml_folder()
    found |= {f"yaml/{path}": f"{yaml}/{path}" for path in _below(yaml)}
    beside = os.path.dirname(yaml)
    for name in sorted(os.listdir(beside)):
        if name.lower().startswith("pyyaml-") and name.endswith(".dist-info"):
            for path in _below(f"{beside}/{name}", _LICENSES):
                found[f"{name}/{path}"] = f"{beside}/{name}/{path}"
    return found


def own_texts(folder: str, python: str) -> dict[str, bytes]:
    """What is written for an image alone: the schema below the folder, and the script, whose path is empty.

    Args:
        folder: Where pyrun is put, absolute.
        python: The interpreter there, absolute.
    """
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with open(f"{package}/cli/pyrun", "rb") as file:
        _, _, script = file.read().partition(b"\n")
    # Nothing of what the image or its caller sets for programs in Python gets into this one.
    head = f"#!{python} -I\nimport sys\n\nsys.path.insert(0, {folder!r})\n"
    return {_SCHEMA: read_schema().encode(), "": head.encode() + script}


def own_identity() -> str:
    """Another text for another pyrun: its files with their sizes and times."""
    rows = []
    for path, full in own_files().items():
        found = os.stat(full)
        rows.append(f"{path} {found.st_size} {found.st_mtime_ns}")
    return "\n".join(rows)


def _yaml_folder() -> str:
    from importlib.util import find_spec  # noqa: PLC0415 - for images with pyrun only

    spec = find_spec("yaml")
    assert spec is not None
    assert spec.origin is not None
    return os.path.dirname(spec.origin)


def _below(folder: str, names: "tuple[str, ...]" = _DATA) -> "list[str]":
    """The files below a folder whose names end so, sorted."""
    found = []
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        found += [os.path.relpath(f"{here}/{name}", folder) for name in files if name.endswith(names)]
    return sorted(found)
