"""The model of a file, kept so that the next start need not read YAML.

One file a `tasks.yml` in the user's cache folder: a first line `FORMAT TAB PATH TAB SIGNATURE TAB COUNT TAB
LENGTH`, then COUNT lines `PATH TAB SIGNATURE` for what else the model came from (files that are included, files
that were looked for and are not there, folders that were listed), then the project as `runner.model.codec` writes
it, LENGTH characters. It counts as long as the stat of all those is as it was. It is text that is only ever read:
nothing in it can execute.
"""

import os
import time

from runner import __version__
from runner.digest import digest_of
from runner.model.codec import EncodedProject, encode
from runner.system.file_states import GRAIN, signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.model.project import Project

FORMAT = f"pyrun model 11 {__version__}"
"""Counted up with every change of what the model holds or how files are read."""
_LONGEST_NAME = 200
_LARGEST = 8 << 20
"""Bytes of the largest file whose model is kept: writing a larger one down takes more memory than it is worth."""


def load_model(folder: str, path: str) -> EncodedProject | None:
    """The model of a file as it is now; None if it is not kept.

    Args:
        folder: The user's cache folder.
        path: The file, absolute.
    """
    try:
        with open(_place(folder, path), encoding="utf-8", newline="\n") as file:
            head = file.readline().split("\t")
            if head[:3] != [FORMAT, _plain(path), signature(path)]:
                return None
            for _ in range(int(head[3])):
                other, _, seen = file.readline()[:-1].partition("\t")
                if (signature(other.encode().decode("unicode_escape")) or "") != seen:
                    return None
            text = file.read()
        return EncodedProject(text) if len(text) == int(head[4]) else None
    except (OSError, ValueError, IndexError, TypeError):
        return None


def save_model(
    folder: str, path: str, project: "Project", seen: str | None, others: "Mapping[str, str]"
) -> None:
    """Keep the model of a file; a cache that can't be written is no error.

    Args:
        folder: The user's cache folder.
        path: The file, absolute.
        project: What it says.
        seen: Its signature from before it was read.
        others: The signatures, from before they were read, of what else the model came from, by absolute
            path; empty for what is not there.
    """
    large = seen is not None and int(seen.partition(",")[0]) > _LARGEST
    if (
        seen is None
        or large
        or not all(_settled(one, before) for one, before in ((path, seen), *others.items()))
    ):
        return
    place = _place(folder, path)
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(f"{place}.{os.getpid()}", "w", encoding="utf-8", newline="\n") as file:
            text = encode(project)
            file.write(f"{FORMAT}\t{_plain(path)}\t{seen}\t{len(others)}\t{len(text)}\n")
            file.writelines(f"{_plain(other)}\t{before}\n" for other, before in others.items())
            file.write(text)
        os.replace(f"{place}.{os.getpid()}", place)
    except OSError:
        return


def _settled(path: str, seen: str) -> bool:
    """Whether a file is as it was seen, and has been so for longer than the clock's grain."""
    if (signature(path) or "") != seen:
        return False
    return not seen or os.stat(path).st_ctime_ns + GRAIN <= time.time_ns()


def _plain(path: str) -> str:
    """A path as text of one line without a tab."""
    return path.encode("unicode_escape").decode()


def _place(folder: str, path: str) -> str:
    name = path.replace("%", "%25").replace("/", "%2F")
    if len(name) > _LONGEST_NAME or not name.isascii():
        name = digest_of(path.encode("utf-8", "surrogateescape")).hex
    return f"{folder}/models/{name}"
