"""A task's `image`, from nodes to the model."""

import re
from collections.abc import Callable

from runner.config.decode_call import decode_call
from runner.config.duration import decode_duration
from runner.config.fields import Faultbook, Scope, read_map
from runner.config.language import Language
from runner.config.node import Mapping, Node, Scalar, Sequence
from runner.model.image import Copy, Dockerfile, Healthcheck, Image, Pairs
from runner.model.template import PATTERN, Template

_MODE = re.compile("[0-7]{1,4}")
_OWNER = re.compile("[0-9]{1,10}(?::[0-9]{1,10})?")
_OF_DOCKERFILE = ("target", "context", "build-args")
"""What says more of a Dockerfile."""
_BESIDE_DOCKERFILE = ("name", "tags", "platforms", "labels", "dockerfile", *_OF_DOCKERFILE)
"""All that an image made by a Dockerfile may say."""


def decode_image(book: Faultbook, node: Node, scope: Scope, language: Language) -> Image | None:
    """The image that a task makes; None if it is faulty.

    Args:
        book: Where faults go.
        node: What stands under `image`.
        scope: What its texts may name.
        language: How its commands are read.
    """
    return _ImageDecoder(book, scope, language).decode(node)


class _ImageDecoder:
    def __init__(self, book: Faultbook, scope: Scope, language: Language) -> None:
        self.book = book
        self.scope = scope
        self.language = language
        self.run: tuple[Template, ...] = ()
        self.runner = False
        self.compression = ""
        self.found: dict[str, Scalar] = {}
        self.texts: dict[str, Template] = {}
        self.lists: dict[str, tuple[Template, ...]] = {}
        self.pairs: dict[str, Pairs] = {}
        self.shell: set[str] = set()
        self.copies: list[Copy] = []
        self.healthcheck: Healthcheck | None = None

    def decode(self, node: Node) -> Image | None:
        handlers = {
            "name": self.text, "tags": self.list, "from": self.text, "copy": self.copy, "workdir": self.text,
            "env": self.env, "labels": self.labels, "user": self.text, "expose": self.list, "volumes": self.list,
            "stop-signal": self.text, "healthcheck": self.health, "entrypoint": self.command,
            "cmd": self.command, "run": self.commands, "platforms": self.list, "runner": self.flag,
            "compression": self.packing,
            "dockerfile": self.text, "target": self.text, "context": self.text, "build-args": self.build_args,
        }  # fmt: skip
        if isinstance(node, Mapping):
            self.found = {key.text: key for key, _ in node}
        if not read_map(self.book, node, "`image`", handlers):
            return None
        self.check(node)
        nothing = Template((), node.position)
        return Image(
            self.texts.get("name", nothing),
            self.lists.get("tags", ()),
            self.texts.get("from", nothing),
            tuple(self.copies),
            self.run,
            self.lists.get("platforms", ()),
            self.runner,
            self.compression,
            self.dockerfile(),
            self.texts.get("workdir"),
            self.pairs.get("env", ()),
            self.pairs.get("labels", ()),
            self.texts.get("user"),
            self.lists.get("expose", ()),
            self.lists.get("volumes", ()),
            self.texts.get("stop-signal"),
            self.healthcheck,
            self.lists.get("entrypoint"),
            "entrypoint" in self.shell,
            self.lists.get("cmd"),
            "cmd" in self.shell,
            node.position,
        )

    def check(self, node: Node) -> None:
        """What no key can say for itself."""
        if "name" not in self.texts:
            self.book.add("an image needs a `name`", node.position, "add `name: REPOSITORY`")
        if "dockerfile" in self.found:
            for name, key in self.found.items():
                if name not in _BESIDE_DOCKERFILE:
                    hint = "write it into the Dockerfile"
                    self.book.add(f"an image has no `{name}` beside `dockerfile`", key.position, hint)
            return
        if "from" not in self.texts:
            hint = "add `from: scratch`, `from: NAME:TAG`, or a `dockerfile`"
            self.book.add("an image needs a `from`", node.position, hint)
        for name in _OF_DOCKERFILE:
            if name in self.found:
                hint = "it says more of a Dockerfile"
                self.book.add(
                    f"an image has no `{name}` without `dockerfile`", self.found[name].position, hint
                )

    def dockerfile(self) -> Dockerfile | None:
        """What says how a Dockerfile makes it."""
        path = self.texts.get("dockerfile")
        if path is None:
            return None
        stage, context = self.texts.get("target"), self.texts.get("context")
        return Dockerfile(path, stage, context, self.pairs.get("build-args", ()), path.position)

    def text(self, key: Scalar, node: Node) -> None:
        self.texts[key.text] = self.book.template(node, f"`{key.text}`", self.scope, filled=True)

    def list(self, key: Scalar, node: Node) -> None:
        self.lists[key.text] = self.book.strings(node, f"`{key.text}`", self.scope)

    def env(self, key: Scalar, node: Node) -> None:
        """Variables, whose values may name those of the base."""
        scope = Scope(self.scope.names, self.scope.owner, lenient=True)
        self.map(key, node, scope, "a variable", lambda name: bool(name) and "=" not in name)

    def flag(self, key: Scalar, node: Node) -> None:
        self.runner = self.book.flag(node, f"`{key.text}`")

    def packing(self, key: Scalar, node: Node) -> None:
        self.compression = text = self.book.word(node, f"`{key.text}`")
        if text not in {"", "gzip", "zstd"}:
            self.book.add("`compression` is `gzip` or `zstd`", node.position)

    def commands(self, _: Scalar, node: Node) -> None:
        """Commands of a shell, in which values are words."""
        self.run = tuple(
            self.language.script(self.book, item, "a command", self.scope) for item in self.book.items(node)
        )

    def build_args(self, key: Scalar, node: Node) -> None:
        self.map(key, node, self.scope, "a build argument", lambda name: bool(name) and "=" not in name)

    def labels(self, key: Scalar, node: Node) -> None:
        self.map(key, node, self.scope, "a label", bool)

    def map(self, key: Scalar, node: Node, scope: Scope, what: str, allowed: Callable[[str], bool]) -> None:
        found = []
        for name, value in self.book.pairs(node, f"`{key.text}`", scope):
            if not allowed(name.text):
                self.book.add(f"`{name.text}` can't be the name of {what}", name.position)
            found.append((Template((name.text,), name.position), value))
        self.pairs[key.text] = tuple(found)

    def command(self, key: Scalar, node: Node) -> None:
        """A list is the words themselves, a text is for the image's shell."""
        if isinstance(node, Scalar) and node.null:
            return
        if isinstance(node, Scalar):
            self.shell.add(key.text)
        self.list(key, node)

    def copy(self, _: Scalar, node: Node) -> None:
        for item in self.book.items(node):
            self.copies += _decode_copy(self.book, item, self.scope)

    def health(self, _: Scalar, node: Node) -> None:
        if not (isinstance(node, Scalar) and node.null):
            self.healthcheck = _decode_health(self.book, node, self.scope)


def _decode_copy(book: Faultbook, node: Node, scope: Scope) -> list[Copy]:
    calls, sources, to, bases = [], [], [], []
    text = {"mode": "", "owner": ""}

    def task(_: Scalar, value: Node) -> None:
        call = decode_call(book, value, "`task`", scope)
        if call is not None:
            calls.append(call)

    def source(_: Scalar, value: Node) -> None:
        sources.append(book.template(value, "`source`", scope, PATTERN))

    def to_(_: Scalar, value: Node) -> None:
        to.append(book.template(value, "`to`", scope, filled=True))

    def base(_: Scalar, value: Node) -> None:
        bases.append(book.template(value, "`from`", scope, filled=True))

    def mode(_: Scalar, value: Node) -> None:
        text["mode"] = found = book.text(value, "`mode`")
        if isinstance(value, Scalar) and not value.null and not _MODE.fullmatch(found):
            book.add("`mode` is one to four octal digits", value.position, "write it as `0755`")

    def owner(_: Scalar, value: Node) -> None:
        text["owner"] = found = book.text(value, "`owner`")
        if isinstance(value, Scalar) and not value.null and not _OWNER.fullmatch(found):
            book.add("`owner` is `UID` or `UID:GID`, in numbers", value.position, "write it as `1000:1000`")

    if not isinstance(node, Mapping):
        book.wrong_type(node, "a `copy` item", "a map")
        return []
    before = len(book.faults)
    handlers = {"task": task, "source": source, "from": base, "to": to_, "mode": mode, "owner": owner}
    read_map(book, node, "a `copy` item", handlers)
    if len(book.faults) == before:
        if bases and not sources:
            book.add(
                "a `copy` item with `from` needs a `source`", node.position, "say which files of that image"
            )
        elif len(calls) + len(sources) != 1:
            book.add("a `copy` item has either `task` or `source`", node.position)
        elif not to:
            book.add("a `copy` item needs a `to`", node.position, "say where in the image: `to: /app/`")
    if len(book.faults) > before:
        return []
    return [
        Copy(
            calls[0] if calls else None,
            sources[0] if sources else None,
            to[0],
            text["mode"],
            text["owner"],
            node.position,
            bases[0] if bases else None,
        )
    ]


def _decode_health(book: Faultbook, node: Node, scope: Scope) -> Healthcheck:
    numbers = {"interval": 0, "timeout": 0, "start-period": 0, "retries": 0}
    test: list[Template] = []
    shell: list[bool] = []

    def command(_: Scalar, value: Node) -> None:
        shell.append(not isinstance(value, Sequence))
        test.extend(book.strings(value, "`command`", scope))

    def duration(key: Scalar, value: Node) -> None:
        numbers[key.text] = decode_duration(book, value, f"`{key.text}`")

    def retries(_: Scalar, value: Node) -> None:
        numbers["retries"] = book.number(value, "`retries`")

    if isinstance(node, Mapping):
        handlers = {
            "command": command, "interval": duration, "timeout": duration, "start-period": duration,
            "retries": retries,
        }  # fmt: skip
        before = len(book.faults)
        read_map(book, node, "`healthcheck`", handlers)
        faulty = len(book.faults) > before
    else:
        command(Scalar("", node.position), node)
        faulty = False
    if not test and not faulty:
        book.add("a `healthcheck` needs a `command`", node.position)
    return Healthcheck(
        tuple(test),
        bool(shell and shell[0]),
        numbers["interval"],
        numbers["timeout"],
        numbers["start-period"],
        numbers["retries"],
        node.position,
    )
