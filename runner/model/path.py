"""Paths as files write them: relative to some folder, with `/` between names."""


def beneath(folder: str, written: str) -> str:
    """A path that is written relative to a folder, as it is from where that folder's own path begins."""
    return written if written.startswith("/") or not folder else f"{folder}/{written}"


def resolved(path: str) -> str:
    """A path without `.`, and without `..` where they can be resolved; those that lead out stay in front.

    An absolute one loses the `/` at its end only: what `..` means there may hang on links.
    """
    if path.startswith("/"):
        return path.rstrip("/") or "/"
    names: list[str] = []
    for name in path.split("/"):
        if name == ".." and names and names[-1] != "..":
            names.pop()
        elif name not in {"", "."}:
            names.append(name)
    return "/".join(names)
