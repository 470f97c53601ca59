"""Secrets: variables and files that reach the commands of the task that lists them, and no others."""

import os

from runner.errors import RunError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.model.task import Secret


def environ_with(
    environ: "Mapping[str, str]", hidden: "Sequence[str]", own: "Sequence[Secret]", top: str
) -> "dict[str, str]":
    """The variables of a task's commands.

    A secret that is a file is in its variable: its content, or, where the task says under what path it wants to
    find it, that path. On this machine the file stays where it is.

    Args:
        environ: All variables that there are.
        hidden: The variables that are some task's secrets.
        own: The task's own secrets.
        top: The project's top folder, absolute.

    Raises:
        RunError: A secret of the task is not there.
    """
    found = {name: value for name, value in environ.items() if name not in set(hidden)}
    for secret in own:
        if secret.file:
            found[secret.variable] = _file(secret, environ, top)
        elif secret.variable in environ:
            found[secret.variable] = environ[secret.variable]
        else:
            raise RunError(
                f"the secret `{secret.name}` is not there",
                secret.position,
                f"set the variable {secret.variable}",
            )
    return found


def _file(secret: "Secret", environ: "Mapping[str, str]", top: str) -> str:
    """What the variable of a file's secret is set to."""
    path = secret.file
    if path == "~" or path.startswith("~/"):
        path = environ.get("HOME", "") + path[1:]
    path = os.path.join(top, path)
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read()
    except OSError as error:
        raise RunError(
            f"the secret `{secret.name}` can't be read: {secret.file}: {error.strerror}", secret.position
        ) from None
    return path if secret.to else data.decode("utf-8", "surrogateescape").rstrip("\n")
