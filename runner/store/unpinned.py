"""Images of an engine that no registry knows under their names: so that none is asked about them each time.

The file `unpinned` in the project's `.pyrun` folder: a line for each name in full with what the engine calls its
image, a blank between them; behind it stands until when, in seconds since 1970, where nobody could be asked. An
image that is made anew is another one, about which is asked again.

Imported by calls that find nothing to do.
"""

import time

from runner.system.state_folder import NAME, make_state_folder

_WHILE = 24 * 60 * 60
"""Seconds for which nobody is asked again who could not be reached."""


def is_unpinned(top: str, name: str, image: str) -> bool:
    """Whether an image was found to be known to no registry under a name, or none could be asked of late.

    Args:
        top: The project's top folder, absolute.
        name: The name in full.
        image: What the engine calls the image.
    """
    found, _, until = _read(top).get(name, "").partition(" ")
    return found == image and (not until or time.time() < int(until))


def note_unpinned(top: str, name: str, image: str, *, asked: bool = True) -> None:
    """An image was found to be known to no registry under a name; that is not kept where it can't be written.

    Args:
        top: The project's top folder, absolute.
        name: The name in full.
        image: What the engine calls the image.
        asked: Whether the registry has said so; else it could not be reached, and is asked again in a day.
    """
    from runner.store.whole_file import new_file, rename  # noqa: PLC0415 - asked about once

    said = image if asked else f"{image} {int(time.time()) + _WHILE}"
    text = "".join(f"{one} {other}\n" for one, other in {**_read(top), name: said}.items())
    try:
        folder = make_state_folder(top)
        with new_file(folder, "unpinned.") as file:
            file.write(text.encode())
            rename(file, f"{folder}/unpinned")
    except OSError:
        return


def _read(top: str) -> dict[str, str]:
    try:
        with open(f"{top}/{NAME}/unpinned", encoding="utf-8") as file:
            rows = [line.split() for line in file]
    except (OSError, ValueError):
        return {}
    return {
        row[0]: " ".join(row[1:]) for row in rows if len(row) == 2 or (len(row) == 3 and row[2].isdigit())
    }
