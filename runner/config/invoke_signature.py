"""The parameters of an Invoke task, from the definition of its function and what `@task` was given.

The rules are Invoke's: a parameter without a default is a positional argument, the type of a default is the
type of its option, and each option gets the first letter of its name that is still free as its short flag.
"""

import ast
from collections.abc import Callable, Mapping
from inspect import cleandoc

from runner.config.invoke_collection import TaskDraft
from runner.errors import FileError
from runner.location import Position
from runner.model.invoke import COUNT, Default, InvokeParam
from runner.model.param import BOOL, FLOAT, INT, LIST, STRING

FunctionDef = ast.FunctionDef | ast.AsyncFunctionDef


class Unknown:
    """What only running the file would tell."""


UNKNOWN = Unknown()
_NONE = Unknown()
"""What a parameter without a default has for one."""

_TYPES: dict[type, str] = {bool: BOOL, int: INT, float: FLOAT, list: LIST}


class NotFollowedError(Exception):
    """Something that a task depends on can't be read; the text says what, as the end of a sentence."""


class Signature:
    """A function that may become a task.

    Args:
        node: Its definition.
        at: Gives the place of a part of the file.
        literal: Gives the value of an expression, or UNKNOWN.
        note: Told of what can't be followed but does no harm: what, and where.
    """

    __slots__ = ("_at", "_literal", "_note", "node")

    def __init__(
        self,
        node: FunctionDef,
        at: Callable[[ast.AST, str], Position],
        literal: Callable[[ast.expr], object],
        note: Callable[[str, Position, str], None],
    ) -> None:
        self.node = node
        self._at = at
        self._literal = literal
        self._note = note

    def task(self, options: Mapping[str, object]) -> TaskDraft:
        """The task that `@task` makes of the function.

        Args:
            options: The keywords that `@task` was given, `**` among them, with their values or UNKNOWN.

        Raises:
            NotFollowedError: It can't be known without running the file.
        """
        if "**" in options:
            raise NotFollowedError("what `**` brings can't be read")
        name = options.get("name") or self.node.name
        if not isinstance(name, str):
            raise NotFollowedError("its name can't be read")
        default = options.get("default", False)
        if default is UNKNOWN:
            raise NotFollowedError("`default` can't be read")
        params: tuple[InvokeParam, ...] = ()
        fault: FileError | None = None
        try:
            params = self._params(options)
        except FileError as error:
            fault = error
        usage, description = _doc_parts(ast.get_docstring(self.node, clean=False) or "")
        return TaskDraft(
            name,
            _texts(options, "aliases"),
            bool(default),
            usage,
            description,
            params,
            self._at(self.node, self.node.name),
            fault,
        )

    def _params(self, options: Mapping[str, object]) -> tuple[InvokeParam, ...]:
        found = self._defaults()
        if options.get("positional") is None:
            positional = tuple(arg.arg for arg, default in found if default is _NONE)
        else:
            positional = _texts(options, "positional")
        short = options.get("auto_shortflags", True)
        if short is UNKNOWN:
            raise NotFollowedError("`auto_shortflags` can't be read")
        taken = {arg.arg for arg, _ in found}
        params: dict[str, InvokeParam] = {}
        owners: dict[str, str] = {}
        for arg, default in found:
            param = self._param(arg, default, options, arg.arg in positional, taken if short else None)
            if param.name in owners:
                other = owners[param.name]
                raise FileError(
                    f"Invoke can't tell `{arg.arg}` from `{other}`: both have the flag `{param.name}`",
                    param.position,
                    "rename one of them",
                )
            owners.update(dict.fromkeys((param.name, param.short), arg.arg))
            if default is not UNKNOWN or not self._hidden(arg, param):
                params[arg.arg] = param
        self._check_help(options.get("help"), [arg.arg for arg, _ in found])
        first = [params.pop(name) for name in dict.fromkeys(positional) if name in params]
        return (*first, *params.values())

    def _defaults(self) -> list[tuple[ast.arg, object]]:
        """The parameters behind the context, each with its default, _NONE or UNKNOWN."""
        args = self.node.args
        plain = [*args.posonlyargs, *args.args]
        bare = [_NONE] * (len(plain) - len(args.defaults))
        found = list(zip(plain, [*bare, *map(self._literal, args.defaults)], strict=True))
        if args.vararg:
            found.append((args.vararg, _NONE))
        for arg, value in zip(args.kwonlyargs, args.kw_defaults, strict=True):
            found.append((arg, _NONE if value is None else self._literal(value)))
        if args.kwarg:
            found.append((args.kwarg, _NONE))
        if not found:
            raise FileError(
                f"the task `{self.node.name}` takes no context",
                self._at(self.node, self.node.name),
                f"its first parameter is Invoke's context: `def {self.node.name}(c):`",
            )
        return found[1:]

    def _param(
        self,
        arg: ast.arg,
        default: object,
        options: Mapping[str, object],
        positional: bool,
        taken: set[str] | None,
    ) -> InvokeParam:
        name = arg.arg.strip("_").replace("_", "-") if "_" in arg.arg else arg.arg
        at = self._at(arg, arg.arg)
        if not name:
            raise FileError(f"Invoke makes no flag of `{arg.arg}`", at, "give it a name with a letter")
        optional = arg.arg in _texts(options, "optional")
        kind = LIST if arg.arg in _texts(options, "iterable") else STRING
        # The type of a default wins, but a flag that may have a value is no switch.
        if default not in (None, _NONE, UNKNOWN) and not (optional and isinstance(default, bool)):
            kind = _TYPES.get(type(default), STRING)
        if arg.arg in _texts(options, "incrementable"):
            kind = COUNT
        value = default if isinstance(default, Default) and kind != LIST else None
        # An argument that has a value already is never filled by position, nor asked for.
        required = positional and (default is None or default is _NONE) and kind != LIST
        short = "" if taken is None else _free_letter(name, taken)
        return InvokeParam(
            name, kind, value, required, optional, short.strip("-"), _help_of(options, name, arg.arg), at
        )

    def _hidden(self, arg: ast.arg, param: InvokeParam) -> bool:
        """Tell of a default that can't be read; whether its type can't be guessed harmlessly either."""
        flag = isinstance(arg.annotation, ast.Name) and arg.annotation.id == "bool"
        what = "can't be given here" if flag else "is taken as text here"
        self._note(
            f"the default of `{arg.arg}` can't be read without running the file, so it {what}",
            param.position,
            "write the default as a literal value",
        )
        return flag

    def _check_help(self, texts: object, names: list[str]) -> None:
        if not isinstance(texts, dict):
            return
        known = {*names, *(name.strip("_").replace("_", "-") for name in names)}
        for name in texts:
            if isinstance(name, str) and name not in known:
                self._note(
                    f"`{self.node.name}` has help for `{name}`, which is none of its parameters",
                    self._at(self.node, self.node.name),
                    "Invoke refuses that unless `tasks.ignore_unknown_help` is set",
                )


def _texts(options: Mapping[str, object], key: str) -> tuple[str, ...]:
    """An option of `@task` that lists names."""
    value = options.get(key)
    if value is None:
        return ()
    if isinstance(value, str | list | tuple | set) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise NotFollowedError(f"`{key}` can't be read")


def _free_letter(name: str, taken: set[str]) -> str:
    """The short flag that a name gets, which is taken from then on."""
    letter = next((char for char in name if char != name and char not in taken), "")
    taken.update({name, letter} if letter else {name})
    return letter


def _help_of(options: Mapping[str, object], *names: str) -> str:
    texts = options.get("help")
    if isinstance(texts, dict):
        for name in names:
            if isinstance(text := texts.get(name), str):
                return text
    return ""


def _doc_parts(doc: str) -> tuple[str, str]:
    """The first line of a docstring, and the rest of it."""
    if not doc.strip():
        return "", ""
    usage = doc.lstrip().splitlines()[0]
    rest = doc.lstrip()[len(usage) :]
    return usage.rstrip(), cleandoc("\n" + rest).strip()
