"""What was to be forgotten: since when results of a project's tasks may be brought back into it.

The file `.pyrun/forgotten` has a line `NANOSECONDS TASK` for each time when a task was to be forgotten, and one
with no task for all of them; the time counts from 1970. The store itself is shared with other checkouts and keeps
what it has.
"""

import time

from runner.system.state_folder import NAME, make_state_folder


def forget_results(top: str, task: str = "") -> None:
    """Let no result that was made before now be brought back into a project.

    Args:
        top: The project's top folder, absolute.
        task: The one task that this is about, or empty for all.

    Raises:
        OSError: That can't be written down.
    """
    folder = make_state_folder(top)
    path = f"{folder}/forgotten"
    line = f"{time.time_ns()} {task}\n".encode("utf-8", "surrogateescape")
    if task:
        with open(path, "ab", buffering=0) as file:
            file.write(line)
        return
    from runner.store.whole_file import new_file, rename  # noqa: PLC0415 - who brings back does not forget

    with new_file(folder, "forgotten.") as file:
        file.write(line)
        rename(file, path)


def forgotten_since(top: str, task: str) -> int:
    """When the results of a task were last to be forgotten, in nanoseconds since 1970; 0 if never.

    Args:
        top: The project's top folder, absolute.
        task: The task.
    """
    try:
        with open(f"{top}/{NAME}/forgotten", "rb", buffering=0) as file:
            lines = file.read().decode("utf-8", "surrogateescape").splitlines()
    except OSError:
        return 0
    rows = [line.partition(" ") for line in lines]
    times = [int(when) for when, space, name in rows if space and when.isdecimal() and name in {"", task}]
    return max(times, default=0)
