"""What the last run that did not succeed was asked for, and what of it was done: what `--resume` goes by.

The file `resume` in the project's `.pyrun` folder: a JSON list of the format's name, the folder in which the user
was with the words of the command line, and for each action that was done its id and a digest of what it says. A
run that begins takes it away, so it is there only while the last run is one that failed or was stopped.
"""

from runner.model.codec import read_json, write_json
from runner.store.whole_file import new_file, rename
from runner.system.state_folder import NAME, make_state_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FORMAT = "pyrun resume 1"


def save_run(top: str, words: "Sequence[str]", done: "Mapping[str, str]") -> None:
    """Keep what a run that did not succeed was asked for, and what of it was done.

    Args:
        top: The project's top folder, absolute.
        words: The folder in which the user is, absolute, and the command line.
        done: The ids of the actions that succeeded, with a digest of what each says.

    Raises:
        OSError: The file can't be written.
    """
    folder = make_state_folder(top)
    text = write_json((_FORMAT, tuple(words), tuple(done.items())))
    with new_file(folder, "resume.") as file:
        file.write(text.encode("ascii"))
        rename(file, f"{folder}/resume")


def load_run(top: str) -> "tuple[tuple[str, ...], dict[str, str]] | None":
    """The words and what was done of the last run; None if it succeeded, or nothing can be read."""
    try:
        with open(f"{top}/{NAME}/resume", encoding="ascii") as file:
            name, words, done = read_json(file.read())
        if name != _FORMAT or not words:
            return None
        return tuple(map(str, words)), {str(one): str(digest) for one, digest in done}
    except (OSError, ValueError, TypeError):
        return None
