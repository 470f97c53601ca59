"""Forgetting what ran: `--clean`. Never touches what tasks made.

What is forgotten runs again: it is not up to date, and what was kept of it is not brought back. The store is
shared with other checkouts, so only `--clean=cache` takes anything out of it.
"""

import os

from runner.errors import RunError, UsageError, did_you_mean
from runner.model.project import public_names
from runner.plan.action import APART
from runner.store.build_log import BuildLog
from runner.store.forgotten import forget_results

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.cli.arguments import Request
    from runner.cli.session import Session

_PROJECT, _CACHE, _TASK, _CONTAINERS, _IMAGES = "project", "cache", "task:", "containers", "images"
_SANDBOX = "sandbox"
"""The folder of the trees in which actions run that may see only what they declare."""


def clean(session: "Session", request: "Request") -> str:
    """Forget what the flags say; what was done, in a line.

    Raises:
        UsageError: The flags name nothing that can be forgotten, or a task was asked for too.
    """
    what = _wanted(request.flags)
    if request.calls:
        asked = request.calls[0].task.name
        raise UsageError(
            f"`--clean` forgets and runs nothing, and `{asked}` is asked for",
            None,
            "call pyrun once for each",
        )
    if what == _CONTAINERS:
        from runner.cli.containers import remove_all  # noqa: PLC0415 - only for this

        return remove_all(session.environ, request.flags.get("engine", ""))
    if what == _IMAGES:
        return _clear_images(session)
    if what.startswith(_TASK):
        name = what[len(_TASK) :]
        task = session.project.task(name)
        if task is None:
            hint = did_you_mean(name, public_names(session.project))
            raise UsageError(f"there is no task `{name}`", None, hint)
        forget_results(session.top, task.name)
        return f"pyrun: forgot {_records(BuildLog(session.top).forget(task.name))} of {task.name}\n"
    forget_results(session.top)
    count = BuildLog(session.top).forget()
    # Nobody would know any more what of it was made by which task.
    _remove(f"{session.top}/{APART}")
    if what == _CACHE:
        folders = [
            _empty(folder) for folder in (session.cache, session.store) if folder and os.path.isdir(folder)
        ]
        emptied = " and ".join(dict.fromkeys(folders)) or "nothing"
        return f"pyrun: forgot {_records(count)} of this project, and emptied {emptied}\n"
    return f"pyrun: forgot {_records(count)} of this project\n"


def _clear_images(session: "Session") -> str:
    """Remove the images of the project's layout; what engines and registries have stays."""
    folder = f"{session.top}/.pyrun/images"
    if not os.path.isdir(folder):
        return "pyrun: there are no images of this project here\n"
    from runner.store.oci_layout import OciLayout  # noqa: PLC0415 - only for this
    from runner.ui.plain import size as shown_size  # noqa: PLC0415

    layout = OciLayout.created(folder)
    try:
        count = len(layout.index().manifests)
    except RunError:
        # One that can't be read goes all the same.
        count = 0
    size = layout.clear()
    names = "1 name" if count == 1 else f"{count} names"
    return f"pyrun: removed {names} of images, {shown_size(size)}, from {session.name_of('.pyrun/images')}\n"


def _remove(folder: str) -> None:
    """Remove a folder of pyrun's own, if it is there."""
    if os.path.isdir(folder):
        from shutil import rmtree  # noqa: PLC0415 - only for this

        rmtree(folder, ignore_errors=True)


def _empty(cache: str) -> str:
    """Remove all of a folder of pyrun's but the trees in which another run is at work just now; the folder."""
    from shutil import rmtree  # noqa: PLC0415 - only for this

    from runner.system.claimed_folder import remove_left  # noqa: PLC0415

    for name in os.listdir(cache):
        path = f"{cache}/{name}"
        if name == _SANDBOX and os.path.isdir(path):
            for project in os.listdir(path):
                remove_left(f"{path}/{project}")
        elif os.path.islink(path) or not os.path.isdir(path):
            os.unlink(path)
        else:
            rmtree(path, ignore_errors=True)
    return cache


def _wanted(flags: "Mapping[str, str]") -> str:
    """What is to be forgotten, in the words of `--clean`."""
    if "clean-cache" in flags:
        return _CACHE
    if "clean-project-cache" in flags:
        return _PROJECT
    if "clean-task-cache" in flags:
        return _TASK + flags["clean-task-cache"]
    what = flags["clean"] or _PROJECT
    if what in {_PROJECT, _CACHE, _CONTAINERS, _IMAGES} or what.startswith(_TASK):
        return what
    raise UsageError(
        f"`--clean={what}` names nothing", None, "`project`, `cache`, `containers`, `images` or `task:NAME`"
    )


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"
