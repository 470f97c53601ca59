"""What a file says beside its tasks, from nodes to the model."""

from runner.config.fields import Faultbook, read_map
from runner.config.node import Mapping, Node, Scalar, Sequence
from runner.location import Position
from runner.model.project import EnvFile


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
