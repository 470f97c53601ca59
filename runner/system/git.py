"""What git keeps about the project's files, read without starting git."""

import os

from runner.plan.gitignore import Ignore
from runner.system.witness import WITNESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.plan.facts import Tree


def find_ignore(top: str, tree: "Tree", environ: "Mapping[str, str]") -> Ignore | None:
    """What git ignores below the project's top folder; None if it is in no repository.

    Args:
        top: The project's top folder, absolute.
        tree: The files below it.
        environ: The caller's variables: they say where the user's own rules are.
    """
    root = top
    while not _is_there(f"{root}/.git"):
        above = os.path.dirname(root)
        if above == root:
            return None
        root = above
    git = _git_folder(root)
    common = _common_folder(git)
    prefix = os.path.relpath(top, root) if top != root else ""
    above_texts = {}
    folder = prefix
    while folder:
        folder = folder.rpartition("/")[0]
        text = _read(f"{root}/{folder}/.gitignore" if folder else f"{root}/.gitignore")
        if text:
            above_texts[folder] = text
    return Ignore(
        tree,
        prefix=prefix,
        above=above_texts,
        exclude=_read(f"{common}/info/exclude"),
        excludes_file=_read(_excludes_file(common, environ)),
        tracked=_read(f"{git}/index") or None,
    )


def _is_there(path: str) -> bool:
    WITNESS.saw(path)
    return os.path.lexists(path)


def _read(path: str) -> bytes:
    WITNESS.saw(path)
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return b""


def _git_folder(root: str) -> str:
    """The repository's own folder, which a worktree's or submodule's `.git` file names."""
    path = f"{root}/.git"
    if os.path.isdir(path):
        return path
    text = _read(path).decode("utf-8", "surrogateescape").strip()
    return os.path.join(root, text[len("gitdir:") :].strip()) if text.startswith("gitdir:") else path


def _common_folder(git: str) -> str:
    """What the worktrees of a repository share."""
    text = _read(f"{git}/commondir").decode("utf-8", "surrogateescape").strip()
    return os.path.join(git, text) if text else git


def _excludes_file(common: str, environ: "Mapping[str, str]") -> str:
    """The file with the user's own rules: the last `core.excludesFile` that is said, or git's default."""
    home = environ.get("HOME", "")
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    found = f"{config}/git/ignore"
    for path in (f"{config}/git/config", f"{home}/.gitconfig", f"{common}/config"):
        section = ""
        for line in _read(path).decode("utf-8", "replace").splitlines():
            text = line.strip()
            if text.startswith("["):
                section = text.strip("[] \t").lower()
                continue
            name, sign, value = text.partition("=")
            if section == "core" and sign and name.strip().lower() == "excludesfile":
                found = value.strip().strip('"')
    return home + found[1:] if found.startswith("~/") else found
