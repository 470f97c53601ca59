"""The project's own folder of state, `.pyrun`."""

import os

NAME = ".pyrun"


def make_state_folder(top: str) -> str:
    """The folder, made if it is not there, and kept out of git by a rule file of its own.

    Raises:
        OSError: It can't be made.
    """
    folder = f"{top}/{NAME}"
    if not os.path.isdir(folder):
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/.gitignore", "w", encoding="ascii") as file:
            file.write("*\n")
    return folder
