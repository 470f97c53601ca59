"""What a file says beside its tasks, from nodes to the model."""

import re

from runner.config.fields import Faultbook, read_map
from runner.config.node import Mapping, Node, Scalar, Sequence
from runner.location import Position
from runner.model.project import EnvFile

_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile("([1-9][0-9]{0,5}) ?(MB|GB|TB)")


def decode_env_files(book: Faultbook, node: Node) -> tuple[EnvFile, ...]:
    """The files of variables: null is the usual `.env`, an empty list none."""
    if isinstance(node, Scalar) and node.null:
        return (EnvFile(".env", False, node.position),)
    items = node.items if isinstance(node, Sequence) else [node]
    return tuple(found for item in items if (found := _env_file(book, item)) is not None)


def _env_file(book: Faultbook, node: Node) -> EnvFile | None:
    """One file; None if it is faulty."""
    if not isinstance(node, Mapping):
        path = book.text(node, "`env-file`")
        return EnvFile(path, True, node.position) if path else None
    paths: list[tuple[str, Position]] = []
    required: list[bool] = []

    def take_path(_: Scalar, value: Node) -> None:
        paths.append((book.text(value, "`path`"), value.position))

    def take_required(_: Scalar, value: Node) -> None:
        required.append(book.flag(value, "`required`"))

    before = len(book.faults)
    read_map(book, node, "`env-file`", {"path": take_path, "required": take_required})
    if not paths:
        if len(book.faults) == before:
            book.add("an `env-file` needs a `path`", node.position)
        return None
    return EnvFile(paths[0][0], any(required), paths[0][1])


def decode_store(book: Faultbook, node: Node) -> tuple[str, int]:
    """Where what tasks made is kept, and how many bytes that may take; empty and 0 where that is not said."""
    folder, size = [""], [0]

    def take_folder(_: Scalar, value: Node) -> None:
        folder[0] = book.word(value, "`folder`")

    def take_size(_: Scalar, value: Node) -> None:
        size[0] = _size(book, value)

    if isinstance(node, Scalar) and node.null:
        return "", 0
    read_map(book, node, "`cache`", {"folder": take_folder, "size": take_size})
    return folder[0], size[0]


def _size(book: Faultbook, node: Node) -> int:
    """How many bytes a size is, in powers of 1000; 0 if it is faulty."""
    text = book.text(node, "`size`")
    found = _SIZE.fullmatch(text)
    if found is not None:
        return int(found[1]) * _UNITS[found[2]]
    if isinstance(node, Scalar) and not node.null:
        book.add("`size` must be a number with a unit", node.position, "write it as `500MB` or `10GB`")
    return 0
