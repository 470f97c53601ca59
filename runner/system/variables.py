"""The caller's variables, and those of the files that a `tasks.yml` names."""

from runner.errors import PlanError
from runner.model.path import beneath
from runner.system.witness import WITNESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.model.project import EnvFile, Head


class Variables:
    """What variables are set to, for the tasks of each file.

    Args:
        top: The project's top folder, absolute.
        caller: The caller's variables, which always win.
    """

    __slots__ = ("_caller", "_known", "_top")

    def __init__(self, top: str, caller: "Mapping[str, str]") -> None:
        self._top = top
        self._caller = caller
        self._known: dict[str, tuple[dict[str, str], dict[str, str]]] = {}

    def of(self, head: "Head") -> "Mapping[str, str]":
        """All variables for the tasks of a file.

        Raises:
            PlanError: A file of variables that must be there is not.
            FileError: One is malformed.
        """
        return self._read(head)[0]

    def origin(self, name: str, head: "Head") -> str:
        """Who set a variable: a file with a line, or the caller."""
        if name in self._caller:
            return "the caller's"
        return self._read(head)[1].get(name, "")

    def from_files(self, head: "Head") -> "list[tuple[str, str, str]]":
        """The variables that files set and the caller does not: name, value, and file with line."""
        values, origins = self._read(head)
        return [(name, values[name], place) for name, place in origins.items() if name not in self._caller]

    def _read(self, head: "Head") -> tuple[dict[str, str], dict[str, str]]:
        known = self._known.get(head.namespace)
        if known is None:
            known = ({}, {})
            for file in head.env_files:
                self._take(file, head, known)
            known[0].update(self._caller)
            self._known[head.namespace] = known
        return known

    def _take(self, file: "EnvFile", head: "Head", into: tuple[dict[str, str], dict[str, str]]) -> None:
        """Add the variables of a file."""
        path = beneath(head.folder, file.path)
        WITNESS.saw(beneath(self._top, path))
        try:
            with open(beneath(self._top, path), "rb", buffering=0) as opened:
                data = opened.read()
        except FileNotFoundError:
            if file.required:
                raise PlanError(
                    f"there is no file `{file.path}`", file.position, "make it, or say `required: false`"
                ) from None
            return
        except OSError as error:
            raise PlanError(f"`{file.path}` can't be read: {error.strerror}", file.position) from None
        if not data.strip():
            return
        from runner.config.dotenv import dotenv_values, parse_dotenv  # noqa: PLC0415 - where there is such a file

        assignments = parse_dotenv(_text(data, path, file), path)
        values = dotenv_values(assignments, self._caller.get)
        into[0].update(values)
        into[1].update({one.name: f"{path}:{one.position.line}" for one in assignments})


def _text(data: bytes, path: str, file: "EnvFile") -> str:
    if b"\0" in data:
        raise PlanError(f"`{path}` has a NUL character, so it is no file of variables", file.position)
    return data.decode("utf-8", "surrogateescape")
