"""The model of a file, kept so that the next start need not read YAML.

One file a `tasks.yml` in the user's cache folder: a first line `FORMAT TAB PATH TAB SIGNATURE TAB LENGTH`, then
the project as `runner.model.codec` writes it, so many characters. It counts as long as the stat of the
`tasks.yml` is as it was. It is text that is only ever read: nothing in it can execute.
"""

import os
import time

from runner import __version__
from runner.digest import digest_of
from runner.model.codec import EncodedProject, encode
from runner.system.file_states import GRAIN, signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.model.project import Project

FORMAT = f"pyrun model 2 {__version__}"
"""Counted up with every change of what the model holds or how files are read."""
_LONGEST_NAME = 200


def load_model(folder: str, path: str) -> EncodedProject | None:
    """The model of a file as it is now; None if it is not kept.

    Args:
        folder: The user's cache folder.
        path: The file, absolute.
    """
    try:
        with open(_place(folder, path), encoding="utf-8", newline="\n") as file:
            head = file.readline()
            text = file.read()
        return EncodedProject(text) if head == _head(path, signature(path), len(text)) else None
    except (OSError, ValueError, IndexError, TypeError):
        return None


def save_model(folder: str, path: str, project: "Project", seen: str | None) -> None:
    """Keep the model of a file; a cache that can't be written is no error.

    Args:
        folder: The user's cache folder.
        path: The file, absolute.
        project: What it says.
        seen: Its signature from before it was read.
    """
    if seen is None or seen != signature(path) or os.stat(path).st_ctime_ns + GRAIN > time.time_ns():
        return
    place = _place(folder, path)
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(f"{place}.{os.getpid()}", "w", encoding="utf-8", newline="\n") as file:
            text = encode(project)
            file.write(_head(path, seen, len(text)) + text)
        os.replace(f"{place}.{os.getpid()}", place)
    except OSError:
        return


def _head(path: str, seen: str | None, length: int) -> str:
    return f"{FORMAT}\t{path.encode('unicode_escape').decode()}\t{seen}\t{length}\n"


def _place(folder: str, path: str) -> str:
    name = path.replace("%", "%25").replace("/", "%2F")
    if len(name) > _LONGEST_NAME or not name.isascii():
        name = digest_of(path.encode("utf-8", "surrogateescape")).hex
    return f"{folder}/models/{name}"
