"""Nodes to the model: what the keys of a file mean, and all that is wrong with them at once.

The JSON Schema in `schema/` says the same for editors; a corpus of files holds the two together.
"""

from runner.config.check import (
    check_addresses,
    check_calls,
    check_container_names,
    check_container_tasks,
    check_names,
    check_secrets,
)
from runner.config.decode_file import FileReader, Found
from runner.config.files import Files, NoFiles
from runner.config.namespaces import spread_tasks
from runner.config.parse_yaml import MAX_FAULTS
from runner.errors import Faults, FileError, PyrunError
from runner.model.project import Head, LoadedProject


def decode(data: bytes, path: str, files: Files | None = None) -> LoadedProject:
    """The project that a file describes, with all that it includes.

    Args:
        data: The bytes of the file.
        path: Its name, as errors are to show it.
        files: The files that it may include, their paths relative to the folder of this one.

    Raises:
        FileError: Something is wrong with it.
        Faults: Several things are.
    """
    found = Found(files or NoFiles())
    reader = FileReader(found, path)
    reader.read(data)
    tasks = {task.name: task for task in found.tasks}
    if not reader.language.tusk:
        check_calls(found, tasks)
    check_container_tasks(found, found.heads, tasks)
    # What is asked for is checked once more where its place is found.
    places = found.tasks if not reader.language.tusk else ()
    check_container_names(found, found.heads, (*found.heads, *places))
    check_names(found, found.tasks)
    check_addresses(found, tasks)
    for task in spread_tasks(tasks, [head.namespace for head in found.heads]):
        tasks[task.name] = task
    secrets = tuple(sorted({secret.variable for task in tasks.values() for secret in task.secrets}))
    check_secrets(found, tasks, secrets)
    faults = _told_once(found)
    if faults:
        raise faults[0] if len(faults) == 1 else Faults(faults)
    heads = tuple(_with_secrets(head, secrets) for head in found.heads)
    return LoadedProject(heads, tuple(tasks.values()))


def _with_secrets(head: Head, secrets: tuple[str, ...]) -> Head:
    fields = [secrets if name == "secrets" else getattr(head, name) for name in Head.FIELDS]
    return Head(*fields)  # type: ignore[arg-type]  # its own fields, in their order


def _told_once(found: Found) -> tuple[PyrunError, ...]:
    """The faults in the order of the files.

    What an alias brings in twice is wrong only once; and where YAML itself stumbled, what came of it is no
    fault of its own.
    """
    order = {path: number for number, path in enumerate(found.books)}

    def place(error: PyrunError) -> tuple[int, int, int]:
        at = error.at
        return (order.get(at.path, len(order)), at.line, at.column) if at else (0, 0, 0)

    unread = found.unread
    stumbled = {place(error) for error in unread}
    kept = {(place(error), error.message): error for error in unread}
    faults = [error for book in found.books.values() for error in book.faults]
    kept.update({(at, error.message): error for error in faults if (at := place(error)) not in stumbled})
    told = [error for _, error in sorted(kept.items(), key=lambda item: item[0][0])]
    if len(told) > MAX_FAULTS:
        told[MAX_FAULTS:] = [FileError(f"there is more: these are the first {MAX_FAULTS} faults")]
    return tuple(told)
