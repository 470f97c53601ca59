"""A project as text, and back.

One JSON document a line: what the files say beside their tasks, then a line a task, each behind its name, and
behind `@` and an alias the name that it stands for. A task is found by searching for
its name, so that a file of thousands of tasks costs a start no more than the one it wants. JSON, because what
is loaded must never be able to execute.
"""

from _json import encode_basestring_ascii, make_encoder, make_scanner

from runner.errors import PyrunError
from runner.location import Position
from runner.model.call import Call
from runner.model.container import Container, ContainerName, Mount
from runner.model.image import Copy, Dockerfile, Healthcheck, Image
from runner.model.invoke import InvokeParam, InvokeTask
from runner.model.param import Default, Param
from runner.model.project import EnvFile, Head, Notice, Project, full_aliases
from runner.model.record import Record
from runner.model.step import Command, InvokeCall, SetEnvironment, Step, SubTask
from runner.model.task import Secret, Server, Source, Task
from runner.model.template import Hole, Template
from runner.model.when import Check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_KINDS: tuple[type[Record], ...] = (
    Head, Task, Param, Call, Command, Source, Image, Copy, Healthcheck, Default, SetEnvironment, Step, SubTask,
    Check, Secret, Server, EnvFile, InvokeCall, InvokeTask, InvokeParam, Notice,
    Container, ContainerName, Mount, Dockerfile,
)  # fmt: skip
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}
_PLAIN = frozenset((str, int, bool, type(None)))
_FEW = 8
"""Tasks that are searched for in the text; where more are wanted, all lines are found at once."""
_TUPLE, _POSITION, _HOLE, _TEMPLATE, _FLOAT = 40, 41, 42, 43, 44


class _Reading:
    """What the scanner of the standard library's `json` wants to know.

    The package `json` itself is not imported: it brings `re` and `enum`, which cost a start 9 ms.
    """

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = None
    memo: "dict[str, str]" = {}  # noqa: RUF012 - the scanner's own, emptied by it


_scan = make_scanner(_Reading())  # type: ignore[arg-type]  # any object with these names will do


def read_json(text: str) -> "Any":
    """The value of a JSON text that this program has written.

    Raises:
        ValueError: It is none.
    """
    try:
        value, end = _scan(text, 0)
    except (StopIteration, SystemError, RecursionError):
        raise ValueError("not JSON") from None
    if end != len(text):
        raise ValueError("more than one value")
    return value


def _refuse(value: object) -> object:
    raise TypeError(type(value).__name__)


_encode = make_encoder(None, _refuse, encode_basestring_ascii, None, ":", ",", False, False, False)


def write_json(value: object) -> str:
    """None, bools, numbers, text, and lists, tuples or maps of those as JSON on one line of ASCII.

    Raises:
        TypeError: It is something else.
        ValueError: It is a number that JSON has not.
    """
    return "".join(_encode(value, 0))


def encode(project: Project) -> str:
    """The whole project as lines of text."""
    lines = [write_json(_pack(project.heads))]
    for name in project.names():
        task = project.task(name)
        lines.append(f"{write_json(name)}\t{write_json(_pack(task))}")
        lines += [f"@{write_json(alias)}\t{write_json(name)}" for alias in full_aliases(task)] if task else []
    return "\n".join(lines) + "\n"


class EncodedProject:
    """A project that decodes what it is asked for.

    Args:
        text: What `encode` gave.

    Raises:
        ValueError: It is something else.
    """

    __slots__ = ("_asked", "_known", "_lines", "_text", "heads")

    def __init__(self, text: str) -> None:
        end = text.find("\n")
        heads = _read_packed(text[:end])
        if not isinstance(heads, tuple) or not heads or not isinstance(heads[0], Head):
            raise ValueError("not a project")
        self.heads: tuple[Head, ...] = heads
        self._text = text
        self._known: dict[str, Task] = {}
        self._lines: dict[str, str] | None = None
        self._asked = 0

    @property
    def head(self) -> Head:
        """What the top file says."""
        return self.heads[0]

    def names(self) -> tuple[str, ...]:
        """The names of all tasks, in the order of the file.

        Raises:
            PyrunError: A line is not as `encode` wrote it.
        """
        lines = [line for line in self._text.split("\n")[1:-1] if line[:1] != "@"]
        try:
            return tuple(str(read_json(line.partition("\t")[0])) for line in lines)
        except ValueError:
            raise _damaged("list of tasks") from None

    def task(self, name: str) -> Task | None:
        """The task of that name, or None.

        Raises:
            PyrunError: Its line is not as `encode` wrote it.
        """
        task = self._known.get(name)
        if task is None:
            line = self._line(write_json(name))
            if line is None:
                return self._alias(name)
            try:
                found = _read_packed(line)
            except ValueError:
                found = None
            if not isinstance(found, Task):
                raise _damaged(f"task `{name}`")
            task = self._known[name] = found
        return task

    def _alias(self, name: str) -> Task | None:
        line = self._line(f"@{write_json(name)}")
        if line is None:
            return None
        try:
            whose = str(read_json(line))
        except ValueError:
            whose = ""
        if self._line(write_json(whose)) is None:
            raise _damaged(f"task `{name}`")
        return self.task(whose)

    def _line(self, name: str) -> str | None:
        """What stands behind a name; None if there is no such line."""
        self._asked += 1
        if self._lines is None and self._asked > _FEW:
            rows = (row.partition("\t") for row in self._text.split("\n")[1:-1])
            self._lines = {key: rest for key, _, rest in rows}
        if self._lines is not None:
            return self._lines.get(name)
        mark = f"\n{name}\t"
        start = self._text.find(mark)
        if start < 0:
            return None
        start += len(mark)
        return self._text[start : self._text.find("\n", start)]


def _damaged(what: str) -> PyrunError:
    return PyrunError(f"the cached {what} is damaged", None, "remove pyrun's cache folder")


def _read_packed(line: str) -> "Any":
    """What `_pack` made a line of.

    Raises:
        ValueError: It is something else.
    """
    try:
        return _unpack(read_json(line))
    except (TypeError, IndexError):
        raise ValueError("not packed") from None


def _pack(value: object) -> object:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, tuple):
        return [_TUPLE, *_packed(value)]
    if isinstance(value, Record):
        return [_NUMBERS[type(value)], *_packed(value.fields())]
    if isinstance(value, Position):
        return [_POSITION, value.path, value.line, value.column, value.length]
    if isinstance(value, Template):
        return [_TEMPLATE, _pack(value.position), *_packed(value.parts)]
    if isinstance(value, Hole):
        return [_HOLE, value.name, value.context, value.detail, _pack(value.position)]
    if isinstance(value, float):
        return [_FLOAT, repr(value)]
    raise TypeError(type(value).__name__)


def _packed(values: "tuple[Any, ...]") -> "list[object]":
    # A call for each text and number would be most of the time that a large file takes.
    return [value if type(value) in _PLAIN else _pack(value) for value in values]


def _unpack(value: object) -> "Any":
    if not isinstance(value, list):
        return value
    kind = value[0]
    if kind == _POSITION:
        return Position(*value[1:])
    if kind == _TUPLE:
        return tuple(_unpacked(value[1:]))
    if kind == _TEMPLATE:
        return Template(tuple(_unpacked(value[2:])), _unpack(value[1]))
    if kind == _HOLE:
        return Hole(value[1], value[2], value[3], _unpack(value[4]))
    if kind == _FLOAT:
        return float(value[1])
    return _KINDS[kind](*_unpacked(value[1:]))


def _unpacked(values: "list[Any]") -> "list[Any]":
    return [_unpack(value) if type(value) is list else value for value in values]
