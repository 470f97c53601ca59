"""One file, and those that it includes, from text to the model."""

from collections.abc import Mapping as MappingType

from runner.config.decode_container import decode_container_name, decode_containers
from runner.config.decode_head import decode_env_files, decode_store
from runner.config.decode_param import ARG, OPTION, Known, decode_params
from runner.config.decode_task import PLATFORM_NAMES, Surroundings, TaskReader, decode_pass_env
from runner.config.fields import Faultbook, read_map
from runner.config.files import Files
from runner.config.invoke_model import task_of_invoke
from runner.config.language import TEXTUAL, WORDS, Language, decode_interpolation, is_tusk
from runner.config.namespaces import included_files
from runner.config.node import Mapping, Node, Scalar
from runner.config.notices import notices_of
from runner.config.parse_yaml import decode_text, parse_yaml
from runner.config.shell import is_posix_shell
from runner.errors import PyrunError, did_you_mean
from runner.location import Position
from runner.model.container import Container, ContainerName
from runner.model.param import Param
from runner.model.path import beneath, resolved
from runner.model.project import FILE_NAMES, SHELL, EnvFile, Head, Notice
from runner.model.step import InvokeCall
from runner.model.task import Task


class Found:
    """What was found in all files so far.

    Args:
        files: The files that may be included.
    """

    def __init__(self, files: Files) -> None:
        self.files = files
        self.books: dict[str, Faultbook] = {}
        self.unread: list[PyrunError] = []
        self.heads: list[Head] = []
        self.tasks: list[Task] = []

    def open(self, data: bytes, path: str) -> tuple[Faultbook, Node]:
        """The book of a file's faults, and its node, an empty map where it says nothing.

        Raises:
            FileError: It is no YAML at all.
        """
        text = decode_text(data, path)
        node, unread = parse_yaml(text, path)
        self.unread += unread
        book = self.books.setdefault(path, Faultbook(text))
        return book, node if node is not None else Mapping([], Position(path, 1, 1))


class FileReader:
    """Reads a file and those that it includes.

    Args:
        found: What was found so far.
        path: The file, relative to the top.
        namespace: The namespace of its tasks, empty for the top's.
        above: The file that includes it, or None.
    """

    def __init__(
        self, found: Found, path: str, namespace: str = "", above: "FileReader | None" = None
    ) -> None:
        self.found = found
        self.path = path
        self.namespace = namespace
        self.above = above
        self.folder = path.rpartition("/")[0] if namespace else ""
        tusk = is_tusk(path)
        self.language = Language(tusk, TEXTUAL if tusk else WORDS, SHELL)
        self.texts = {"name": "", "usage": ""}
        self.env_files: tuple[EnvFile, ...] = (EnvFile(".env", False, Position(path, 1, 1)),)
        self.pass_env: tuple[tuple[str, bool], ...] = ()
        self.store = ("", 0)
        self.containers: tuple[Container, ...] = ()
        self.container: ContainerName | None = None
        self.notices: list[Notice] = []
        self.args: MappingType[str, Param] = above.args if above is not None else {}
        self.options: MappingType[str, Param] = above.options if above is not None else {}

    def read(self, data: bytes) -> None:
        """All that the file says goes to what was found.

        Raises:
            FileError: It is no YAML at all.
        """
        self.book, node = self.found.open(data, self.path)
        place = len(self.found.heads)
        handlers = {
            "name": self._take_text, "usage": self._take_text, "interpreter": self._take_interpreter,
            "interpolation": self._take_interpolation, "env-file": self._take_env_file,
            "pass-env": self._take_pass_env, "cache": self._take_cache,
            "containers": self._take_containers, "container": self._take_container,
            "args": self._take_args, "options": self._take_options,
            "tasks": self._take_tasks, "invoke": self._take_invoke, "include": self._take_include,
        }  # fmt: skip
        read_map(self.book, node, "the file", handlers)
        head = Head(
            self.texts["name"], self.texts["usage"], self.language.interpreter,
            is_posix_shell(self.language.interpreter), self.language.tusk, self.env_files, self.pass_env,
            self.store, self.containers, self.container, (), tuple(self.notices), self.namespace, self.folder,
            self.path, node.position,
        )  # fmt: skip
        self.found.heads.insert(place, head)

    def _take_text(self, key: Scalar, node: Node) -> None:
        self.texts[key.text] = self.book.text(node, f"`{key.text}`")

    def _take_interpreter(self, _: Scalar, node: Node) -> None:
        words = tuple(self.book.text(node, "`interpreter`").split()) or SHELL
        self.language = Language(self.language.tusk, self.language.interpolation, words)

    def _take_interpolation(self, _: Scalar, node: Node) -> None:
        way = decode_interpolation(self.book, node, self.language.interpolation)
        self.language = Language(self.language.tusk, way, self.language.interpreter)

    def _take_env_file(self, _: Scalar, node: Node) -> None:
        self.env_files = decode_env_files(self.book, node)

    def _take_pass_env(self, _: Scalar, node: Node) -> None:
        self.pass_env = decode_pass_env(self.book, node)

    def _take_cache(self, _: Scalar, node: Node) -> None:
        self.store = decode_store(self.book, node)

    def _take_containers(self, _: Scalar, node: Node) -> None:
        self.containers = decode_containers(self.book, node, PLATFORM_NAMES, self.folder)

    def _take_container(self, _: Scalar, node: Node) -> None:
        self.container = decode_container_name(self.book, node)

    def _take_args(self, _: Scalar, node: Node) -> None:
        found = decode_params(self.book, node, ARG, Known(self.language, None, {}, PLATFORM_NAMES))
        self.args = {**self.args, **{param.name: param for param in found}}

    def _take_options(self, _: Scalar, node: Node) -> None:
        seen = self.options
        found = decode_params(self.book, node, OPTION, Known(self.language, None, seen, PLATFORM_NAMES))
        self.options = {**seen, **{param.name: param for param in found}}

    def _take_tasks(self, _: Scalar, node: Node) -> None:
        if not isinstance(node, Mapping):
            if not (isinstance(node, Scalar) and node.null):
                self.book.wrong_type(node, "`tasks`", "a map")
            return
        around = Surroundings(self.language, self.args, self.options, self.namespace)
        for key, value in node:
            if not key.text or key.text.startswith((":", "-")):
                self.book.add(
                    f"`{key.text}` can't be the name of a task",
                    key.position,
                    "begin it with a letter or a digit",
                )
                continue
            self.found.tasks.append(self.task(key, value, around))

    def task(self, key: Scalar, node: Node, around: Surroundings) -> Task:
        """A task, under the full name that it has at the top."""
        book, node = self.included_task(self.book, node, [self.path])
        name = f"{self.namespace}:{key.text}" if self.namespace else key.text
        full = Scalar(name, key.position, key.plain)
        reader = TaskReader(book, full, around, lambda value, wanted: self.invoke_task(book, value, wanted))
        task = reader.read(node)
        self.notices += notices_of(task)
        return task

    def _take_invoke(self, _: Scalar, node: Node) -> None:
        """All tasks of a `tasks.py`."""
        for one in self.invoke_tasks(self.book, node):
            task = task_of_invoke(one.task, one.file, self.namespace, one.position)
            own = (known for known in self.found.tasks if known.namespace == self.namespace)
            if any(task.name == known.name for known in own):
                short = one.task.name
                self.book.add(
                    f"`{short}` of `{one.file}` is the name of a task here, too",
                    node.position,
                    "rename one of them, or say under this file's task `invoke` what it runs",
                )
                continue
            self.found.tasks.append(task)

    def invoke_tasks(self, book: Faultbook, node: Node) -> list[InvokeCall]:
        """The tasks of a `tasks.py` that a node names; a fault and nothing if it can't be read."""
        written = book.word(node, "`invoke`")
        if not written:
            return []
        path = resolved(beneath(self.folder, written))
        data = self.found.files.read(path)
        if data is None:
            book.add(f"there is no file `{written}`", node.position, f"it is looked for beside `{self.path}`")
            return []
        from runner.config.invoke_tasks import read_invoke_tasks  # noqa: PLC0415 - few files have one

        beside = path.rpartition("/")[0]
        try:
            found = read_invoke_tasks(
                data, path, lambda name: self.found.files.read(resolved(beneath(beside, name)))
            )
        except PyrunError as error:
            book.faults.append(error)
            return []
        self.notices += (Notice(one.message, one.hint, one.at or node.position) for one in found.notices)
        return [InvokeCall(task, path, node.position) for task in found.tasks]

    def invoke_task(self, book: Faultbook, node: Node, name: str) -> InvokeCall | None:
        """The task of a `tasks.py` that a task of this file stands for; None if it is faulty."""
        wanted = name
        if isinstance(node, Mapping):
            parts: dict[str, Node] = {}
            read_map(book, node, "`invoke`", {
                "file": lambda key, value: parts.__setitem__(key.text, value),
                "task": lambda key, value: parts.__setitem__(key.text, value),
            })  # fmt: skip
            if "file" not in parts:
                book.add("`invoke` needs a `file`", node.position)
                return None
            wanted = book.word(parts["task"], "`task`") if "task" in parts else name
            node = parts["file"]
        before = len(book.faults)
        calls = self.invoke_tasks(book, node)
        found = next((one for one in calls if wanted in {one.task.name, *one.task.aliases}), None)
        if found is None and len(book.faults) == before:
            hint = did_you_mean(wanted, tuple(one.task.name for one in calls))
            book.add(f"it has no task `{wanted}`", node.position, hint)
        return found

    def included_task(self, book: Faultbook, node: Node, way: list[str]) -> tuple[Faultbook, Node]:
        """What the `include` of a task leads to: the node of that task and the book of its file."""
        pairs = node.pairs if isinstance(node, Mapping) else []
        include = next((pair for pair in pairs if pair[0].text == "include"), None)
        if include is None:
            return book, node
        key, value = include
        nothing: Node = Mapping([], node.position)
        for other, _ in pairs:
            if other is not key:
                book.add(
                    f"`{other.text}` can't stand beside `include`: the task is what that file says",
                    other.position,
                    "write it into that file",
                )
        written = book.word(value, "`include`")
        if not written:
            return book, nothing
        path = resolved(beneath(self.folder, written))
        if path in way:
            book.add(f"`{written}` includes itself: {' → '.join([*way, path])}", value.position)
            return book, nothing
        data = self.found.files.read(path)
        if data is None:
            book.add(
                f"there is no file `{written}`", value.position, f"it is looked for beside `{self.path}`"
            )
            return book, nothing
        try:
            inner, found = self.found.open(data, path)
        except PyrunError as error:
            book.faults.append(error)
            return book, nothing
        if isinstance(found, Mapping) and not found.pairs:
            book.add(f"`{written}` is empty", value.position, "it must hold the keys of one task")
        if isinstance(found, Mapping) and found.keys() == ("tasks",):
            inner.add(
                "this file holds the keys of one task, not a map of tasks",
                found.pairs[0][0].position,
                "to include a whole file, name it under `include` at the top",
            )
            return inner, nothing
        return self.included_task(inner, found, [*way, path])

    def _take_include(self, _: Scalar, node: Node) -> None:
        """Other files, each under a namespace."""
        for namespace, written, at in included_files(self.book, node, self.folder, self.found.files):
            self.include(namespace, written, at)

    def include(self, namespace: str, written: str, at: Position) -> None:
        """Another file under a namespace."""
        path = resolved(beneath(self.folder, written))
        names = self.found.files.names(path)
        if names is not None:
            name = next((name for name in FILE_NAMES if name in names), "")
            if not name:
                self.book.add(f"there is no tasks.yml in `{written}`", at)
                return
            path = f"{path}/{name}" if path else name
        if any(path == above.path for above in self.way()):
            circle = [above.path for above in reversed(self.way())]
            self.book.add(f"`{path}` includes itself: {' → '.join([*circle, path])}", at)
            return
        data = self.found.files.read(path)
        if data is None:
            self.book.add(f"there is no file `{written}`", at, "name a tasks.yml, or a folder that has one")
            return
        full = f"{self.namespace}:{namespace}" if self.namespace else namespace
        if any(head.namespace == full for head in self.found.heads):
            self.book.add(f"the namespace `{full}` is there already", at, "choose another name")
            return
        try:
            FileReader(self.found, path, full, self).read(data)
        except PyrunError as error:
            self.found.unread.append(error)

    def way(self) -> "list[FileReader]":
        """This file and those through which it is included, the top last."""
        return [self, *(self.above.way() if self.above is not None else [])]
