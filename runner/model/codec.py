"""A project as text, and back.

One JSON document a line: what the files say beside their tasks, then a line a task, each behind its name, and
behind `@` and an alias the name that it stands for. A task is found by searching for
its name, so that a file of thousands of tasks costs a start no more than the one it wants. JSON, because what
is loaded must never be able to execute.
"""

from _json import encode_basestring_ascii, make_scanner

from runner.errors import PyrunError
from runner.location import Position
from runner.model.call import Call
from runner.model.container import Container, ContainerName, Mount
from runner.model.image import Copy, Healthcheck, Image
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
    Container, ContainerName, Mount,
)  # fmt: skip
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}
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


def write_json(value: object) -> str:
    """None, bools, whole numbers, text, and lists or tuples of those as JSON on one line of ASCII."""
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(write_json, value)) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise TypeError(type(value).__name__)


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

    __slots__ = ("_known", "_text", "heads")

    def __init__(self, text: str) -> None:
        end = text.find("\n")
        heads = _read_packed(text[:end])
        if not isinstance(heads, tuple) or not heads or not isinstance(heads[0], Head):
            raise ValueError("not a project")
        self.heads: tuple[Head, ...] = heads
        self._text = text
        self._known: dict[str, Task] = {}

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
            mark = f"\n{write_json(name)}\t"
            start = self._text.find(mark)
            if start < 0:
                return self._alias(name)
            start += len(mark)
            try:
                found = _read_packed(self._text[start : self._text.find("\n", start)])
            except ValueError:
                found = None
            if not isinstance(found, Task):
                raise _damaged(f"task `{name}`")
            task = self._known[name] = found
        return task

    def _alias(self, name: str) -> Task | None:
        mark = f"\n@{write_json(name)}\t"
        start = self._text.find(mark)
        if start < 0:
            return None
        start += len(mark)
        try:
            whose = str(read_json(self._text[start : self._text.find("\n", start)]))
        except ValueError:
            whose = ""
        if f"\n{write_json(whose)}\t" not in self._text:
            raise _damaged(f"task `{name}`")
        return self.task(whose)


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
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return [_FLOAT, repr(value)]
    if isinstance(value, tuple):
        return [_TUPLE, *map(_pack, value)]
    if isinstance(value, Template):
        return [_TEMPLATE, _pack(value.position), *map(_pack, value.parts)]
    if isinstance(value, Position):
        return [_POSITION, value.path, value.line, value.column, value.length]
    if isinstance(value, Hole):
        return [_HOLE, value.name, value.context, value.detail, _pack(value.position)]
    if isinstance(value, Record):
        return [_NUMBERS[type(value)], *map(_pack, value.fields())]
    raise TypeError(type(value).__name__)


def _unpack(value: object) -> "Any":
    if not isinstance(value, list):
        return value
    kind = value[0]
    rest = value[1:]
    if kind == _POSITION:
        return Position(*rest)
    if kind == _TEMPLATE:
        return Template(tuple(map(_unpack, rest[1:])), _unpack(rest[0]))
    if kind == _TUPLE:
        return tuple(map(_unpack, rest))
    if kind == _FLOAT:
        return float(rest[0])
    if kind == _HOLE:
        return Hole(rest[0], rest[1], rest[2], _unpack(rest[3]))
    return _KINDS[kind](*map(_unpack, rest))
