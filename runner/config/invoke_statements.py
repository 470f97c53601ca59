"""What the names of a module stand for, found by following its statements without running them.

Imports, definitions, assignments of plain values and the building of collections are followed; of all else it
is told that it was not followed, if it has to do with tasks.
"""

import ast
from collections.abc import Iterable

from runner.config.invoke_collection import ClashError, Collection, TaskDraft
from runner.config.invoke_signature import UNKNOWN, NotFollowedError, Signature
from runner.config.invoke_source import COLLECTION, FROM_MODULE, TASK, Function, Literal, Module, Source
from runner.errors import FileError


def follow(source: Source, module: Module, statements: Iterable[ast.stmt]) -> None:
    """Give a module's names their meaning.

    Raises:
        FileError: A module that it imports is no Python, or Invoke would refuse what it does.
    """
    _Body(source, module).run(statements)


class _Body:
    """The statements of one module, followed one by one."""

    def __init__(self, source: Source, module: Module) -> None:
        self._source = source
        self._module = module
        self._names = module.names

    def run(self, statements: Iterable[ast.stmt]) -> None:
        """Follow some statements."""
        for statement in statements:
            try:
                self._statement(statement)
            except ClashError as error:
                hint = "Invoke refuses that too"
                raise FileError(error.message, self._module.at(statement), hint) from None

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Import():
                self._import(node)
            case ast.ImportFrom():
                self._import_from(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._names[node.name] = self._defined(node)
            case ast.ClassDef():
                self._names[node.name] = UNKNOWN
            case ast.Assign(targets=targets, value=value):
                self._bind(targets, self._assigned(value))
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._bind([target], self._assigned(value))
            case ast.AugAssign(target=target):
                self._bind([target], UNKNOWN)
            case ast.Delete(targets=targets):
                for name in (target.id for target in targets if isinstance(target, ast.Name)):
                    self._names.pop(name, None)
            case ast.Expr(value=ast.Call() as call):
                self._effect(call)
            case _:
                self._block(node)

    def _block(self, node: ast.stmt) -> None:
        match node:
            case ast.If():
                self._if(node)
            case ast.Try() | ast.TryStar():
                self.run(node.body)
                for handler in node.handlers:
                    self._unless_harmless(handler)
                self.run([*node.orelse, *node.finalbody])
            case ast.With():
                self.run(node.body)
            case ast.For(target=ast.Name(id=name), iter=ast.List(elts=items) | ast.Tuple(elts=items)):
                for item in items:
                    self._names[name] = self.value(item)
                    self.run(node.body)
            case ast.For() | ast.AsyncFor() | ast.While() | ast.Match() | ast.AsyncWith():
                self._unless_harmless(node)
            case _:
                pass

    def _if(self, node: ast.If) -> None:
        test = self._test(node.test)
        if test is None:
            self._unless_harmless(node)
        if test is not False:
            self.run(node.body)
        if test is not True:
            self.run(node.orelse)

    def _test(self, node: ast.expr) -> bool | None:
        """Whether a condition holds; None if that is not known."""
        if isinstance(node, ast.Compare) and ast.unparse(node.left) == "__name__":
            return False if ast.unparse(node.comparators[0]) == "'__main__'" else None
        if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node).endswith("TYPE_CHECKING"):
            return False
        value = self.value(node)
        return bool(value.value) if isinstance(value, Literal) else None

    def _unless_harmless(self, node: ast.AST) -> None:
        """Tell of code of which it is not known whether or how often it runs, if it has to do with tasks."""
        if any(self._is_task_word(inner) for inner in ast.walk(node)):
            self._source.note("whether or how often this runs is not known", self._module.at(node))

    def _is_task_word(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr in {"add_task", "add_collection"} or self.value(node) is TASK
        return isinstance(node, ast.Name) and self._names.get(node.id) is TASK

    def _mentions_task(self, node: ast.AST) -> bool:
        return any(self._is_task_word(inner) for inner in ast.walk(node))

    # Imports

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            parts = tuple(alias.name.split("."))
            for count in range(1, len(parts) + 1):
                found = self._source.module(parts[:count])
                outer = self._source.module(parts[: count - 1]) if count > 1 else None
                if found is not None and outer is not None:
                    outer.names.setdefault(parts[count - 1], found)
            bound = parts if alias.asname else parts[:1]
            self._names[alias.asname or parts[0]] = self._source.module(bound) or UNKNOWN

    def _import_from(self, node: ast.ImportFrom) -> None:
        parts = tuple((node.module or "").split(".")) if node.module else ()
        if node.level:
            package = self._module.package
            above = node.level - 1
            if package is None or above > len(package):
                self._source.note("this import leads out of what can be followed", self._module.at(node))
                return
            parts = package[: len(package) - above] + parts
        module = self._source.module(parts)
        for alias in node.names:
            if alias.name == "*":
                self._import_all(node, module)
                continue
            value: object = None if module is None else module.names.get(alias.name)
            if value is None and parts[:1] != ("invoke",):
                value = self._source.module((*parts, alias.name))
            self._names[alias.asname or alias.name] = UNKNOWN if value is None else value

    def _import_all(self, node: ast.ImportFrom, module: Module | None) -> None:
        if module is None:
            self._source.note(
                f"`{node.module or '.'}` is not beside this file, so the tasks that it may bring are not known",
                self._module.at(node),
            )
            return
        chosen = module.names.get("__all__")
        listed = chosen.value if isinstance(chosen, Literal) else None
        names = listed if isinstance(listed, list | tuple) else [n for n in module.names if n[:1] != "_"]
        self._names.update({name: module.names[name] for name in names if name in module.names})

    # Definitions

    def _defined(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> object:
        signature = Signature(node, self._module.at, self._literal, self._source.note)
        value: object = Function(signature, makes=any(map(self._mentions_task, node.body)))
        for decorator in reversed(node.decorator_list):
            what = self.value(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if what is TASK and isinstance(value, Function):
                value = self._task(value, decorator)
            elif (
                isinstance(value, TaskDraft)
                or self._mentions_task(decorator)
                or (isinstance(what, Function) and what.makes)
            ):
                self._source.note(
                    f"what `@{_shown(decorator)}` makes of `{node.name}` is not known",
                    self._module.at(decorator),
                )
                value = UNKNOWN
            elif isinstance(value, Function):
                value = Function(value.signature, changed=True)
        return value

    def _task(self, function: Function, decorator: ast.expr) -> object:
        """The task that a function becomes."""
        node = function.signature.node
        keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
        options = {keyword.arg or "**": self._literal(keyword.value) for keyword in keywords}
        try:
            task = function.signature.task(options)
        except NotFollowedError as error:
            self._source.note(f"the task `{node.name}` is left out: {error}", self._module.at(decorator))
            return UNKNOWN
        if function.changed:
            self._source.note(
                f"`{node.name}` is taken to have the parameters written here, whatever its other decorators do",
                task.position,
            )
        return task

    def _assigned(self, node: ast.expr) -> object:
        value = self.value(node)
        if value is UNKNOWN and isinstance(node, ast.Call) and self._mentions_task(node):
            self._source.note("whether this is a task is not known", self._module.at(node))
        return value

    def _bind(self, targets: list[ast.expr], value: object) -> None:
        for target in targets:
            if isinstance(target, ast.Name):
                self._names[target.id] = value
            elif isinstance(target, ast.Tuple | ast.List):
                self._bind(target.elts, UNKNOWN)

    # Values

    def value(self, node: ast.expr) -> object:
        """What an expression stands for: one of this module's kinds, or UNKNOWN."""
        match node:
            case ast.Name(id=name):
                return self._names.get(name, UNKNOWN)
            case ast.Attribute(value=inner, attr=attr):
                base = self.value(inner)
                if base is COLLECTION and attr == "from_module":
                    return FROM_MODULE
                return base.names.get(attr, UNKNOWN) if isinstance(base, Module) else UNKNOWN
            case ast.Call():
                return self._called(node)
            case ast.IfExp(test=test, body=body, orelse=other) if (holds := self._test(test)) is not None:
                return self.value(body if holds else other)
            case _:
                return self._plain(node)

    def _literal(self, node: ast.expr) -> object:
        value = self.value(node)
        return value.value if isinstance(value, Literal) else UNKNOWN

    def _plain(self, node: ast.expr) -> object:
        match node:
            case ast.Constant(value=value):
                return Literal(value)
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                values = [self._literal(item) for item in items]
                if UNKNOWN in values:
                    return UNKNOWN
                return Literal(values if isinstance(node, ast.List) else tuple(values))
            case ast.Dict(keys=keys, values=items):
                # What can't be read of a map of help texts is one text, not all of them.
                pairs = [(self._literal(key), self._literal(item)) for key, item in zip(keys, items) if key]  # noqa: B905
                return Literal({key: item for key, item in pairs if isinstance(key, str)})
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                number = self._literal(inner)
                return Literal(-number) if isinstance(number, int | float) else UNKNOWN
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                one, other = self._literal(left), self._literal(right)
                both = isinstance(one, str) and isinstance(other, str)
                return Literal(f"{one}{other}") if both else UNKNOWN
            case _:
                return UNKNOWN

    def _called(self, node: ast.Call) -> object:
        what = self.value(node.func)
        if what is COLLECTION:
            return self._collection(node)
        if what is FROM_MODULE and node.args:
            keywords = {keyword.arg: self._literal(keyword.value) for keyword in node.keywords}
            module = self.value(node.args[0])
            name = self._literal(node.args[1]) if len(node.args) > 1 else keywords.get("name")
            if isinstance(module, Module) and (name is None or isinstance(name, str)):
                return collection_of(module, name or "", keywords.get("auto_dash_names") is not False)
            return UNKNOWN
        if what is TASK and len(node.args) == 1:
            function = self.value(node.args[0])
            return self._task(function, node) if isinstance(function, Function) else UNKNOWN
        if isinstance(node.func, ast.Call) and self.value(node.func.func) is TASK and len(node.args) == 1:
            function = self.value(node.args[0])
            return self._task(function, node.func) if isinstance(function, Function) else UNKNOWN
        return UNKNOWN

    # Collections

    def _collection(self, node: ast.Call) -> Collection:
        options = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        dashes = options.pop("auto_dash_names", None)
        options.pop("loaded_from", None)
        args = list(node.args)
        name = self._literal(args[0]) if args else UNKNOWN
        if isinstance(name, str):
            args.pop(0)
        made = Collection(
            name if isinstance(name, str) else "", dashes is None or self._literal(dashes) is not False
        )
        for arg in args:
            self._add(made, arg, "")
        for key, arg in options.items():
            self._add(made, arg, key)
        if any(keyword.arg is None for keyword in node.keywords):
            self._source.note("what `**` brings into this collection is not known", self._module.at(node))
        return made

    def _add(self, into: Collection, node: ast.expr, name: str, default: bool | None = None) -> None:
        """Take a task, a collection or a module into a collection."""
        value = self.value(node)
        if isinstance(value, Module):
            value = collection_of(value)
        if isinstance(value, TaskDraft):
            into.add_task(value, name, default)
        elif isinstance(value, Collection):
            into.add_collection(value, name, bool(default))
        else:
            self._source.note(f"what `{_shown(node)}` is here is not known", self._module.at(node))

    def _effect(self, node: ast.Call) -> None:
        """A call for its effect: what it does to a collection."""
        func = node.func
        target = self.value(func.value) if isinstance(func, ast.Attribute) else UNKNOWN
        method = func.attr if isinstance(func, ast.Attribute) else ""
        if isinstance(target, Collection) and method in {"add_task", "add_collection"}:
            self._added(target, node, method)
        elif isinstance(target, Collection) and method == "configure":
            pass
        elif (
            isinstance(target, Collection)
            or method in {"add_task", "add_collection"}
            or any(isinstance(self.value(arg), Collection) for arg in node.args)
        ):
            self._source.note("what this does to the collection is not known", self._module.at(node))

    def _added(self, target: Collection, node: ast.Call, method: str) -> None:
        names = (
            ("task", "name", "aliases", "default") if method == "add_task" else ("coll", "name", "default")
        )
        given = dict(zip(names, node.args, strict=False))
        given.update({keyword.arg: keyword.value for keyword in node.keywords if keyword.arg})
        name = self._literal(given["name"]) if "name" in given else None
        default = self._literal(given["default"]) if "default" in given else None
        followed = name is None or isinstance(name, str)
        if names[0] not in given or not followed or default is UNKNOWN:
            self._source.note("what this adds to the collection is not known", self._module.at(node))
            return
        self._add(target, given[names[0]], name if isinstance(name, str) else "", _flag(default))


def _flag(value: object) -> bool | None:
    return None if value is None else bool(value)


def _shown(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else text[:39] + "…"


def collection_of(module: Module, name: str = "", dashes: bool = True) -> Collection:
    """The collection that Invoke makes of a module: its `ns` or `namespace` if one has tasks, else its tasks.

    Raises:
        ClashError: Two of its tasks want to be the default.
    """
    for candidate in ("ns", "namespace"):
        found = module.names.get(candidate)
        if isinstance(found, Collection) and found.names():
            return found.retyped(name or found.name or module.name, dashes)
    made = Collection(name or module.name, dashes)
    for value in module.names.values():
        if isinstance(value, TaskDraft):
            made.add_task(value)
    return made
