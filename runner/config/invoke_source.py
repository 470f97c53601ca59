"""The modules that a `tasks.py` reaches, and what their names stand for.

A module is found beside the file, as Invoke lets Python find it, parsed once, and handed to whoever follows its
statements (`invoke_statements`).
"""

import ast
import warnings
from collections.abc import Callable

from runner.config.invoke_signature import Signature
from runner.errors import FileError
from runner.location import Position

Parts = tuple[str, ...]
"""The parts of a module's name, counted from the folder of the file; none for the file itself."""

_RUN_IT = "only running the file would tell"


class Word:
    """One of Invoke's own names that are understood here."""


TASK = Word()
COLLECTION = Word()
FROM_MODULE = Word()


class Literal:
    """A value that is written out in the file.

    Args:
        value: It.
    """

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


class Function:
    """A function that is no task.

    Args:
        signature: Its definition.
        changed: Whether a decorator may have changed it.
        makes: Whether it has to do with `task`, so that it may make tasks of others.
    """

    __slots__ = ("changed", "makes", "signature")

    def __init__(self, signature: Signature, changed: bool = False, makes: bool = False) -> None:
        self.signature = signature
        self.changed = changed
        self.makes = makes


class Module:
    """A module and what its names stand for, in the order in which they were first given.

    Args:
        name: The last part of its name.
        path: The file as errors show it.
        package: The parts by which its relative imports begin, or None if it can have none.
        lines: Its text.
    """

    __slots__ = ("lines", "name", "names", "package", "path")

    def __init__(self, name: str, path: str, package: Parts | None, lines: tuple[bytes, ...] = ()) -> None:
        self.name = name
        self.path = path
        self.package = package
        self.lines = lines
        self.names: dict[str, object] = {}

    def at(self, node: ast.AST, text: str = "") -> Position:
        """The place of a part of its text, or of a word that follows at the begin of that."""
        number = getattr(node, "lineno", 1)
        row = self.lines[number - 1] if number <= len(self.lines) else b""
        column = len(row[: getattr(node, "col_offset", 0)].decode("utf-8", "replace"))
        shown = row.decode("utf-8", "replace")
        if text:
            # A function's name stands behind its `def`.
            begin = column if isinstance(node, ast.arg) else shown.find("def", column) + len("def")
            column = max(column, shown.find(text, begin))
            return Position(self.path, number, column + 1, len(text))
        end = getattr(node, "end_col_offset", 0) or 0
        if getattr(node, "end_lineno", number) != number:
            end = len(row)
        return Position(
            self.path, number, column + 1, max(1, len(row[:end].decode("utf-8", "replace")) - column)
        )


class Source:
    """The modules that a `tasks.py` reaches.

    Args:
        folder: What stands before the names of files beside it where errors show them.
        read: Gives the bytes of a file beside it, or None.
        follow: Finds out what the names of a module stand for, from its statements.

    Attributes:
        asked: The files that were asked for.
        notices: What was not followed.
    """

    def __init__(
        self,
        folder: str,
        read: Callable[[str], bytes | None],
        follow: "Callable[[Source, Module, list[ast.stmt]], None]",
    ) -> None:
        self.asked: list[str] = []
        self.notices: list[FileError] = []
        self._folder = folder
        self._read = read
        self._follow = follow
        self._top = ""
        self._modules: dict[Parts, Module | None] = {("invoke",): _invoke()}
        for name in ("tasks", "collection"):
            self._modules["invoke", name] = _invoke()

    def top(self, name: str, path: str, data: bytes) -> Module:
        """The file itself, read whole.

        Raises:
            FileError: It, or one that it imports, is no Python, or Invoke would refuse it.
        """
        self._top = name
        package: Parts | None = () if path.rpartition("/")[2] == "__init__.py" else None
        return self._run((), Module(name, path, package, tuple(data.splitlines())), data)

    def module(self, parts: Parts) -> Module | None:
        """A module by its name, or None if it is not beside the file."""
        if parts[:1] == (self._top,) and (len(parts) == 1 or self._is_package()):
            parts = parts[1:]
        if parts in self._modules:
            return self._modules[parts]
        for path, package in (
            ("/".join((*parts, "__init__.py")), parts),
            ("/".join(parts) + ".py", parts[:-1]),
        ):
            self.asked.append(path)
            data = self._read(path)
            if data is not None:
                inside = package if package or self._is_package() else None
                module = Module(parts[-1], self._folder + path, inside, tuple(data.splitlines()))
                return self._run(parts, module, data)
        self._modules[parts] = None
        return None

    def note(self, message: str, at: Position, hint: str = _RUN_IT) -> None:
        """Keep in mind what was not followed."""
        self.notices.append(FileError(message, at, hint))

    def _is_package(self) -> bool:
        top = self._modules.get(())
        return top is not None and top.package is not None

    def _run(self, parts: Parts, module: Module, data: bytes) -> Module:
        # Before it is read: modules that import each other find what is there so far, as in Python.
        self._modules[parts] = module
        self._follow(self, module, _parsed(data, module.path).body)
        return module


def _invoke() -> Module:
    module = Module("invoke", "", None)
    module.names = {"task": TASK, "Collection": COLLECTION}
    return module


def _syntax_position(error: SyntaxError, path: str) -> Position:
    line, column = error.lineno or 1, error.offset or 1
    length = (error.end_offset or 0) - column if error.end_lineno == line else 1
    return Position(path, max(line, 1), max(column, 1), max(length, 1))


def _undecodable(data: bytes, path: str) -> Position:
    """The place of the first byte that is not UTF-8."""
    begin = 0
    try:
        data.decode()
    except UnicodeDecodeError as error:
        begin = error.start
    row = data[data.rfind(b"\n", 0, begin) + 1 : begin]
    return Position(path, data.count(b"\n", 0, begin) + 1, len(row.decode("utf-8", "replace")) + 1)


def _parsed(data: bytes, path: str) -> ast.Module:
    nul = data.find(b"\0")
    if nul >= 0:
        at = Position(path, data.count(b"\n", 0, nul) + 1, 1)
        raise FileError("this is no Python: it has a NUL", at, "Invoke could not load it either")
    try:
        with warnings.catch_warnings():
            # What Python would warn of is not this program's to tell.
            warnings.simplefilter("ignore")
            return ast.parse(data, path)
    except (SyntaxError, UnicodeDecodeError) as error:
        if isinstance(error, UnicodeDecodeError) or error.msg.startswith("(unicode error) 'utf-8'"):
            at, text = _undecodable(data, path), "it is not text in UTF-8"
        else:
            at, text = _syntax_position(error, path), error.msg
        raise FileError(f"this is no Python: {text}", at, "Invoke could not load it either") from None
    except (RecursionError, MemoryError):
        hint = "Invoke could not load it either"
        raise FileError("this is no Python: it is nested too deeply", Position(path, 1, 1), hint) from None
