"""Secrets: variables and files that reach the commands of the task that lists them, and no others."""

import os

from runner.errors import RunError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runner.model.task import Secret


def environ_with(
    environ: "Mapping[str, str]", hidden: "Sequence[str]", own: "Sequence[Secret]", top: str
) -> "dict[str, str]":
    """The variables of a task's commands.

    A secret that is a file is in its variable: its content, or, where the task says under what path it wants to
    find it, that path.

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
    """What the variable of a file's secret is set to: its content, or the path under which it is found."""
    if secret.to:
        return _path(secret.to, environ, top)
    return read_secret(secret, environ, top).decode("utf-8", "surrogateescape").rstrip("\n")


def place_secrets(own: "Sequence[Secret]", environ: "Mapping[str, str]", top: str, place: str) -> "list[str]":
    """Put the secrets of a task where it wants to find them as files; the paths of those that were made.

    Only this user can read them. One that is there already because it is that very file stays as it is.

    Args:
        own: The secrets.
        environ: The variables of the task's commands.
        top: The project's top folder, absolute.
        place: What the task takes for that folder, absolute.

    Raises:
        RunError: Something else is there, or it can't be read or written; then none is left behind.
    """
    made: list[str] = []
    try:
        for secret in own:
            target = _path(secret.to, environ, place)
            if secret.to and not _same(_path(secret.file, environ, top), target):
                data = read_secret(secret, environ, top)
                handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                made.append(target)
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
    except FileExistsError:
        remove_secrets(made)
        raise RunError(
            f"the secret `{secret.name}` can't be put at `{secret.to}`: something is there already",
            secret.position,
            "take it away, or choose another `to`",
        ) from None
    except OSError as error:
        remove_secrets(made)
        hint = f"make its folder first: `mkdir -p {os.path.dirname(secret.to)}`"
        raise RunError(
            f"the secret `{secret.name}` can't be put at `{secret.to}`: {error.strerror}",
            secret.position,
            hint if isinstance(error, FileNotFoundError) else "",
        ) from None
    except RunError:
        remove_secrets(made)
        raise
    return made


def remove_secrets(made: "Sequence[str]") -> None:
    """Take away the files that `place_secrets` made."""
    for path in made:
        try:
            os.unlink(path)
        except OSError:
            continue


def _same(one: str, other: str) -> bool:
    """Whether two paths lead to one file."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _path(written: str, environ: "Mapping[str, str]", top: str) -> str:
    """A path of a file, `~` being the caller's home."""
    if written == "~" or written.startswith("~/"):
        written = environ.get("HOME", "") + written[1:]
    return os.path.join(top, written)


def read_secret(secret: "Secret", environ: "Mapping[str, str]", top: str) -> bytes:
    """The content of a secret that is a file.

    Raises:
        RunError: It can't be read.
    """
    try:
        with open(_path(secret.file, environ, top), "rb", buffering=0) as file:
            return file.read()
    except OSError as error:
        raise RunError(
            f"the secret `{secret.name}` can't be read: {secret.file}: {error.strerror}", secret.position
        ) from None


def secret_values(
    declared: "Iterable[tuple[Secret, Mapping[str, str]]]", environ: "Mapping[str, str]", top: str
) -> "list[tuple[str, bytes, bool]]":
    """Of each secret that is at hand its name, its value, and whether that is the content of a file.

    One that is not there now can't be in anything that is made now. An agent of ssh has no value.

    Args:
        declared: Secrets, each with the variables of its task.
        environ: The caller's variables.
        top: The project's top folder, absolute.
    """
    found: dict[tuple[str, bytes, bool], None] = {}
    for secret, variables in declared:
        if secret.variable != secret.name:
            continue
        if not secret.file:
            value = variables.get(secret.name, "").encode("utf-8", "surrogateescape")
            found[secret.name, value, False] = None
            continue
        try:
            found[secret.name, read_secret(secret, environ, top), True] = None
        except RunError:
            continue
    return list(found)
