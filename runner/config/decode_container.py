"""`containers` and `container`, from nodes to the model.

What an image's reference is in full, only an engine or a registry knows; here only what can't be one is refused.
"""

import re

from runner.config.decode_call import decode_call
from runner.config.duration import decode_time_limit
from runner.config.fields import Faultbook, Scope, check_variable, is_text_with_colon, read_map
from runner.config.node import Mapping, Node, Scalar
from runner.model.call import Call
from runner.model.container import HOST, Container, ContainerName, Mount, is_reference
from runner.model.template import Hole, Template

_NAME = re.compile(r"[^-:/\s$][^:/\s$]*")
_REFERENCE = re.compile(r"[^-:/\s$][^\s$]*")
_INSIDE = re.compile(r"~?/+[^/:][^:]*")
_WORKDIR = re.compile(r"/+[^/:][^:]*")
_USER = re.compile(r"(?:[0-9]{1,10}|[A-Za-z_][A-Za-z0-9_.-]*)(?::(?:[0-9]{1,10}|[A-Za-z_][A-Za-z0-9_.-]*))?")
_NETWORK = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_PLATFORM = re.compile(r"target|[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9]+)?")
_MEMORY = re.compile("([1-9][0-9]{0,14})b?|([1-9][0-9]{0,5})([kmgt])b?", re.IGNORECASE)
_LEAST_MEMORY = 6 << 20
"""Bytes: an engine gives no less."""
_BYTES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_CPUS = re.compile(r"([0-9]{0,4})(?:\.([0-9]{0,9}))?")
_LEAST_CPUS = 10
"""Thousandths: an engine gives no less."""
_MOUNT = re.compile(r"([^:]+):(~?/+[^/:][^:]*?)(:ro)?")
_ELSEWHERE = {
    "image": "write `from: NAME:TAG` for an image, `task: CALL` for one that a task makes",
    "volumes": "folders of the host stand under `mounts`, those that are kept under `cache-mounts`",
    "pass-env": "it stands at a task, or at the top of the file",
    "secrets": "they stand at the task that needs them",
    "ports": "they stand at a task that is a server",
    "run": "what is installed stands under `setup`, what is done under `tasks`",
}


def decode_container_name(book: Faultbook, node: Node) -> ContainerName | None:
    """What `container` says; None if it is faulty."""
    text = _plain(book, node, "`container`")
    if is_reference(text):
        text = _reference(book, node, text)
    return ContainerName(text, node.position) if text else None


def decode_containers(
    book: Faultbook, node: Node, names: tuple[str, ...], folder: str
) -> tuple[Container, ...]:
    """The containers that a file defines, the faulty ones too, so that their names are known.

    Args:
        book: Where faults go.
        node: A map of names and definitions.
        names: The names that templates may use.
        folder: The folder of the file, relative to the top.
    """
    if not isinstance(node, Mapping):
        if not (isinstance(node, Scalar) and node.null):
            book.wrong_type(node, "`containers`", "a map")
        return ()
    found = []
    for key, value in node:
        if key.text == HOST:
            book.add("`host` stands for no container at all", key.position, "choose another name")
        elif not _NAME.fullmatch(key.text):
            hint = "use letters, digits, `_`, `-` and `.`"
            book.add(f"`{key.text}` can't be the name of a container", key.position, hint)
        found.append(_ContainerReader(book, key, names, folder).read(value))
    return tuple(found)


def _plain(book: Faultbook, node: Node, what: str) -> str:
    """The text of a node in which nothing is filled in; empty if it is faulty."""
    text = book.word(node, what)
    if "${" not in text:
        return text
    book.add(f"{what} is plain text, in which no value is filled in", node.position, "write it out")
    return ""


def _reference(book: Faultbook, node: Node, text: str) -> str:
    """The reference of an image; empty if it is faulty."""
    if _REFERENCE.fullmatch(text):
        return text
    book.add(f"`{text}` can't be an image", node.position, "write it as `NAME:TAG`")
    return ""


class _ContainerReader:
    """Reads a container definition."""

    def __init__(self, book: Faultbook, key: Scalar, names: tuple[str, ...], folder: str) -> None:
        self.book = book
        self.key = key
        self.folder = folder
        # Names that have no value here are the image's variables, or a fault of `task`, which has none.
        self.names = names
        self.scope = Scope(names, f"`{key.text}`", lenient=True)
        self.texts: dict[str, str] = {}
        self.setup: tuple[str, ...] = ()
        self.task: Call | None = None
        self.env: tuple[tuple[str, Template], ...] = ()
        self.cache_mounts: tuple[str, ...] = ()
        self.memory = 0
        self.cpus = 0
        self.mounts: tuple[Mount, ...] = ()
        self.init = False
        self.keep = 0
        self.found: dict[str, Scalar] = {}

    def read(self, node: Node) -> Container:
        """The container, faulty or not."""
        handlers = {
            "from": self._take_from, "setup": self._take_setup, "dockerfile": self._take_word,
            "target": self._take_word, "context": self._take_word, "task": self._take_task,
            "workdir": self._take_workdir, "env": self._take_env, "user": self._take_user,
            "cache-mounts": self._take_cache_mounts, "network": self._take_network,
            "platform": self._take_platform, "memory": self._take_memory, "cpus": self._take_cpus,
            "mounts": self._take_mounts, "init": self._take_init, "keep": self._take_keep,
        }  # fmt: skip
        what = f"the container `{self.key.text}`"
        if isinstance(node, Mapping) and not is_text_with_colon(node):
            self.found = {key.text: key for key, _ in node}
            read_map(self.book, node, what, handlers, _ELSEWHERE)
            self.check()
        elif isinstance(node, Scalar) and not node.null:
            self._take_from(Scalar("from", node.position), node)
        else:
            self.book.wrong_type(node, what, "an image or a map")
        return Container(
            self.key.text, self.texts.get("from", ""), self.setup, self.texts.get("dockerfile", ""),
            self.texts.get("target", ""), self.texts.get("context", ""), self.task,
            self.texts.get("workdir", ""), self.env, self.texts.get("user", ""), self.cache_mounts,
            self.texts.get("network", ""), self.texts.get("platform", ""), self.memory, self.cpus, self.mounts,
            self.init, self.keep, self.folder, self.key.position,
        )  # fmt: skip

    def check(self) -> None:
        """What no key can say for itself."""
        first, *others = [name for name in ("from", "dockerfile", "task") if name in self.found] or [""]
        if not first:
            self.book.add(
                f"the container `{self.key.text}` has no image",
                self.key.position,
                "add `from: NAME:TAG`, a `dockerfile`, or the `task` that makes one",
            )
        for other in others:
            at = self.found[other].position
            self.book.add(f"a container has no `{other}` beside `{first}`", at, "it begins with one image")
        self.check_mounts()
        for name, needed, hint in (
            ("setup", "from", "write it into the Dockerfile, or into the task that makes the image"),
            ("target", "dockerfile", "it is a stage of a Dockerfile"),
            ("context", "dockerfile", "it is the folder that a Dockerfile copies from"),
        ):
            if first and name in self.found and needed not in self.found:
                at = self.found[name].position
                self.book.add(f"a container has no `{name}` without `{needed}`", at, hint)

    def check_mounts(self) -> None:
        """Note a place in the container that is to be two things."""
        seen = set()
        for name, paths in (
            ("workdir", (self.texts.get("workdir", ""),)),
            ("cache-mounts", self.cache_mounts),
            ("mounts", tuple(mount.target for mount in self.mounts)),
        ):
            for path in filter(None, paths):
                if path.rstrip("/") in seen:
                    self.book.add(f"`{path}` is mounted twice", self.found[name].position)
                seen.add(path.rstrip("/"))

    def word(self, key: Scalar, node: Node, pattern: re.Pattern[str], what: str, hint: str) -> None:
        """A text that is refused unless it has the form of what it stands for."""
        text = _plain(self.book, node, f"`{key.text}`")
        if text and not pattern.fullmatch(text):
            self.book.add(f"`{text}` can't be {what}", node.position, hint)
        self.texts[key.text] = text

    def inside(self, node: Node, what: str) -> str:
        """A path in the container."""
        text = _plain(self.book, node, what)
        if text and not _INSIDE.fullmatch(text):
            hint = "write the whole path in the container, or one below `~/`, the home there"
            self.book.add(f"`{text}` can't be {what}", node.position, hint)
        return text

    def _take_word(self, key: Scalar, node: Node) -> None:
        self.texts[key.text] = _plain(self.book, node, f"`{key.text}`")

    def _take_from(self, key: Scalar, node: Node) -> None:
        what = "`from`" if key.text in self.found else f"the image of `{self.key.text}`"
        text = self.texts["from"] = _plain(self.book, node, what)
        if text == "scratch":
            hint = "name an image that has a shell"
            self.book.add("`scratch` has nothing that can run", node.position, hint)
        elif text:
            _reference(self.book, node, text)

    def _take_setup(self, _: Scalar, node: Node) -> None:
        self.setup = tuple(self.book.word(item, "`setup`") for item in self.book.items(node))

    def _take_task(self, _: Scalar, node: Node) -> None:
        self.task = decode_call(self.book, node, "`task`", self.scope)
        if self.task is None:
            return
        texts = (*self.task.words, *self.task.args, *(value for _, value in self.task.options))
        for part in (part for text in texts for part in text.parts):
            if isinstance(part, Hole) and part.name not in self.names:
                message = f"a container has no args or options, so `{part.name}` has no value here"
                self.book.add(message, part.position, "write it out")

    def _take_workdir(self, key: Scalar, node: Node) -> None:
        self.word(key, node, _WORKDIR, "a `workdir`", "write a whole path, such as `/src`, without `:`")

    def _take_env(self, _: Scalar, node: Node) -> None:
        pairs = self.book.pairs(node, "`env`", self.scope)
        for key, _value in pairs:
            check_variable(self.book, key.text, key)
        self.env = tuple((key.text, value) for key, value in pairs)

    def _take_user(self, key: Scalar, node: Node) -> None:
        self.word(key, node, _USER, "a user", "write `NAME`, `1000` or `1000:1000`")

    def _take_cache_mounts(self, _: Scalar, node: Node) -> None:
        self.cache_mounts = tuple(self.inside(item, "a cache mount") for item in self.book.items(node))

    def _take_network(self, key: Scalar, node: Node) -> None:
        self.word(key, node, _NETWORK, "a network", "write `none`, or the name of one of the engine's")

    def _take_platform(self, key: Scalar, node: Node) -> None:
        hint = "write it as `linux/arm64`, or `target` for that of the image that is made"
        self.word(key, node, _PLATFORM, "a platform", hint)

    def _take_memory(self, _: Scalar, node: Node) -> None:
        text = _plain(self.book, node, "`memory`")
        found = _MEMORY.fullmatch(text)
        if found is not None:
            self.memory = int(found[1] or 0) or int(found[2]) * _BYTES[found[3].lower()]
            if self.memory < _LEAST_MEMORY:
                hint = "write it as `512m` or `2g`; the least is `6m`"
                self.book.add(f"`{text}` is less memory than an engine gives", node.position, hint)
        elif text:
            self.book.add(
                f"`{text}` can't be an amount of memory", node.position, "write it as `512m` or `2g`"
            )

    def _take_cpus(self, _: Scalar, node: Node) -> None:
        text = _plain(self.book, node, "`cpus`")
        found = _CPUS.fullmatch(text)
        if found is not None:
            self.cpus = int(found[1] or 0) * 1000 + int(f"{found[2] or ''}000"[:3])
        if text and self.cpus < _LEAST_CPUS:
            hint = "write it as `2` or `1.5`; the least is `0.01`"
            self.book.add(f"`{text}` can't be a number of processors", node.position, hint)

    def _take_mounts(self, _: Scalar, node: Node) -> None:
        self.mounts = tuple(
            found for item in self.book.items(node) if (found := self.mount(item)) is not None
        )

    def mount(self, node: Node) -> Mount | None:
        """One mount; None if it is faulty."""
        key, value = node.pairs[0] if isinstance(node, Mapping) and len(node.pairs) == 1 else (None, None)
        if key is not None and isinstance(value, Scalar):
            hint = f'write it without a blank: `"{key.text}:{value.text}"`'
            self.book.add("a mount must be a text, and this is a map", node.position, hint)
            return None
        text = _plain(self.book, node, "a mount")
        found = _MOUNT.fullmatch(text)
        if found is not None:
            return Mount(found[1], found[2], found[3] is not None, node.position)
        if text:
            hint = (
                "write it as `SOURCE:TARGET` or `SOURCE:TARGET:ro`, the target a whole path or one below `~/`"
            )
            self.book.add(f"`{text}` can't be a mount", node.position, hint)
        return None

    def _take_init(self, _: Scalar, node: Node) -> None:
        self.init = self.book.flag(node, "`init`")

    def _take_keep(self, _: Scalar, node: Node) -> None:
        self.keep = decode_time_limit(self.book, node, "`keep`")
