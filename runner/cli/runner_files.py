"""pyrun itself, put into an image: `runner: true`.

It becomes the lowest layer above the base, the same bytes for the same pyrun whichever Python runs it here.
"""

import os

from runner.digest import Digest, digest_of
from runner.errors import PlanError
from runner.execute.build_image import listing_of
from runner.image.base_tree import Listing, Tree
from runner.image.image_config import ImageConfig
from runner.image.python_in import PATH, python_in
from runner.plan.image_plan import CopyFile, CopyPlan, ImagePlan
from runner.system.own_files import own_files, own_texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from runner.execute.build_image import Base, Trees
else:
    Protocol = object

FOLDER = "/usr/local/lib/pyrun"
"""Where it is put."""
_COMMANDS = "/usr/local/bin"
_OLDEST = (3, 11)
_CHUNK = 1 << 20


class _Files(Protocol):
    """See `runner.execute.build_image.Files`."""

    def executable(self, path: str) -> bool: ...

    def link_target(self, path: str) -> str: ...

    def chunks(self, path: str) -> "Iterable[bytes]": ...


def base_python(image: ImagePlan, base: "Base | None", trees: "Trees") -> tuple[str, str]:
    """The Python of the base of an image that gets pyrun, and where pyrun's command is found there.

    Args:
        image: The image.
        base: What it stands on, or None for nothing.
        trees: Remembers what is in bases.

    Raises:
        PlanError: It has none that is new enough.
    """
    listing, config = Listing(), None
    if base is not None:
        descriptor, manifest, config = base.image(image.base.tag, image.platform)
        listing = listing_of(image.base, descriptor, manifest, base, trees)
    path = _path(config, image)
    found = python_in(Tree(listing), path)
    oldest = ".".join(map(str, _OLDEST))
    if found is None or found[1] < _OLDEST:
        if found is None:
            has = "has no Python"
        elif any(found[1]):
            has = f"has Python {'.'.join(map(str, found[1]))}"
        else:
            has = "has one whose version nobody knows"
        raise PlanError(
            f"`runner: true` needs Python {oldest} or newer, and `from: {image.base}` {has}",
            image.base.at,
            "a base that has it on its PATH, such as `python:3.13-slim`",
        )
    return found[0], _COMMANDS if _COMMANDS in path else os.path.dirname(found[0])


def _path(config: ImageConfig | None, image: ImagePlan) -> list[str]:
    """The folders in which a container of the image looks for programs."""
    for name, value in image.config.env:
        if name == "PATH" and isinstance(value, str):
            return value.split(":")
    written = PATH
    for one in (config.config.get("Env") or []) if config is not None else []:
        if str(one).startswith("PATH="):
            written = str(one).partition("=")[2]
    return written.split(":")


class RunnerFiles:
    """The files of pyrun, for copying.

    Args:
        python: The interpreter in the image, absolute.
        commands: The folder of its command there.
        others: The other files that are copied.
    """

    def __init__(self, python: str, commands: str, others: _Files) -> None:
        self._others = others
        self._paths = {f"pyrun's own {path}": full for path, full in own_files().items()}
        self._texts = {f"pyrun's own {path}": text for path, text in own_texts(FOLDER, python).items()}
        self._commands = commands

    def with_runner(self, image: ImagePlan) -> ImagePlan:
        """The image with a first copy that puts pyrun there."""
        fields = {name: getattr(image, name) for name in image.FIELDS}
        own = CopyPlan("/", (), at=image.base.at)
        return ImagePlan(**{**fields, "copies": (own, *image.copies)})

    def items(self) -> tuple[CopyFile, ...]:
        """What that copy puts where."""
        found = []
        for name in (*self._paths, *self._texts):
            path = name.removeprefix("pyrun's own ")
            to = f"{FOLDER}/{path}" if path else f"{self._commands}/pyrun"
            found.append(CopyFile(name, to, digest=self._digest(name), executable=not path))
        return tuple(sorted(found, key=lambda item: item.to))

    def _digest(self, name: str) -> Digest:
        return digest_of(b"".join(self.chunks(name)))

    def executable(self, path: str) -> bool:
        """Whether the file's owner may execute it."""
        return self._others.executable(path)

    def link_target(self, path: str) -> str:
        """Where a symbolic link leads, as it is written."""
        return self._others.link_target(path)

    def chunks(self, path: str) -> "Iterable[bytes]":
        """The file's bytes, piece by piece."""
        if path in self._texts:
            return (self._texts[path],)
        if path in self._paths:
            return _read(self._paths[path])
        return self._others.chunks(path)


def _read(path: str) -> "Iterable[bytes]":
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
