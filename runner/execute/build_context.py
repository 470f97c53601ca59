"""What a Dockerfile is built of: itself, and the files of its context that it copies.

The one place that knows what goes into a build, for images and for containers: what is handed to the builder is
also what the result is kept by. Files are given with the modes 0644 and 0755 and without times, so that a checkout
with another umask, or a newer one, gives the same image.
"""

import os
import re

from runner.digest import canonical, digest_of
from runner.errors import PlanError, RunError
from runner.image import tar
from runner.plan.dockerfile_copies import dockerfile_needs
from runner.plan.dockerfile_text import parse_dockerfile
from runner.plan.dockerignore import Dockerignore
from runner.plan.facts import FOLDER, OTHER
from runner.plan.file_state import FileState
from runner.plan.pattern import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from runner.location import Position
    from runner.plan.dockerfile_copies import Copied, DockerfileNeeds
    from runner.plan.image_plan import DockerfilePlan
    from runner.plan.platform import Platform
    from runner.system.tree import DiskTree

HIDDEN = ".pyrun.Dockerfile"
"""What a Dockerfile is called in a context that it is no part of."""
_STATE = ".pyrun"
"""pyrun's own state, which changes with each build."""
_IGNORE = ".dockerignore"
_CHUNK = 1 << 20
_MOST_LINKS = 40
"""How many links on the way to a file are followed."""


class MissingError(PlanError):
    """A Dockerfile, or what it copies, is not there.

    Args:
        message: What is wrong.
        at: Where the Dockerfile is named.
        hint: What would be right.
        path: What is missing, relative to the project's top folder.

    Attributes:
        pattern: What could be it, in the words of a `source`.
    """

    def __init__(self, message: str, at: "Position | None", hint: str, path: str) -> None:
        super().__init__(message, at, hint)
        names = path.split("/")
        fixed = next((n for n, name in enumerate(names) if any(char in name for char in "*?[")), len(names))
        self.pattern = "/".join([*map(escape, names[:fixed]), *(["**"] if fixed < len(names) else [])])


class BuildContext:
    """What a Dockerfile is built of.

    Args:
        tree: The project's files.
        folder: The folder of the context, relative to the project's top folder.
        dockerfile: The Dockerfile, relative to that.
        text: Its bytes.
        needs: What it needs.
        paths: What is copied, relative to the context: files and links, and folders that hold nothing.

    Attributes:
        name: What the Dockerfile is called in the context.
        hidden: Whether it is no part of what is copied, and would be if it were there.
    """

    def __init__(
        self,
        tree: "DiskTree",
        folder: str,
        dockerfile: str,
        text: bytes,
        needs: "DockerfileNeeds",
        paths: "tuple[str, ...]",
    ) -> None:
        self._tree = tree
        self._folder = folder
        self._text = text
        self.needs = needs
        self.paths = paths
        inside = dockerfile.removeprefix(f"{folder}/") if folder else dockerfile
        self.name = inside if inside in paths and _plain(inside) else HIDDEN
        self.hidden = self.name == HIDDEN and any(_reaches(one.path, HIDDEN) for one in needs.copied)

    def files(self) -> "tuple[str, ...]":
        """The files that are copied, relative to the project's top folder; links are none of them."""
        return tuple(
            self._of_top(path)
            for path in self.paths
            if not (os.path.islink(full := self._full(path)) or os.path.isdir(full))
        )

    def others(self) -> "tuple[FileState, ...]":
        """The links that are copied, and the folders that hold nothing, as states of files."""
        found = []
        for path in self.paths:
            full = self._full(path)
            if os.path.islink(full):
                said = f"link {os.readlink(full)}"
            elif os.path.isdir(full):
                said = "folder"
            else:
                continue
            digest = digest_of(said.encode("utf-8", "surrogateescape"))
            found.append(FileState(self._of_top(path), "", False, digest.hex, digest.size))
        return tuple(found)

    def digest(self, *more: object) -> str:
        """All of it, and what else counts, as hexadecimal digits."""
        parts: list[tuple[str, str, bool]] = [("", digest_of(self._text).hex, False)]
        for path in self.paths:
            entry = self._entry(path)
            content = f"{entry.kind!r} {entry.target}" if entry.kind != tar.FILE else ""
            data = content.encode("utf-8", "surrogateescape") or b"".join(entry.content())
            parts.append((path, digest_of(data).hex, entry.mode == 0o755))
        return digest_of(canonical((tuple(parts), more))).hex

    def archive(self) -> "Iterator[bytes]":
        """A tar of it, piece by piece, the same for the same files.

        The Dockerfile comes first, under a name that is short and plain: an engine looks at the first 1,024 bytes
        to see what it is given.

        Raises:
            RunError: A file can't be read, or changes meanwhile.
        """
        entries = [tar.file_entry(self.name, self._text)]
        paths = self.paths
        if self.hidden:
            # The old builder and Podman look at it in the context itself.
            paths = tuple(path for path in paths if path != _IGNORE)
            entries.append(tar.file_entry(_IGNORE, f"{HIDDEN}\n{_IGNORE}\n".encode()))
        entries += [self._entry(path) for path in paths if path != self.name]
        return tar.tar_chunks(entries, 0)

    def _entry(self, path: str) -> tar.Entry:
        full = self._full(path)
        try:
            if os.path.islink(full):
                return tar.Entry(path, tar.LINK, 0o777, target=os.readlink(full))
            found = os.stat(full)
        except OSError as error:
            raise RunError(f"`{self._of_top(path)}` can't be read: {error.strerror}") from None
        if os.path.isdir(full):
            return tar.Entry(path, tar.FOLDER, 0o755)
        mode = 0o755 if found.st_mode & 0o100 else 0o644
        return tar.Entry(path, tar.FILE, mode, size=found.st_size, content=lambda: _chunks(full, path))

    def _full(self, path: str) -> str:
        return self._tree.path(self._of_top(path))

    def _of_top(self, path: str) -> str:
        return f"{self._folder}/{path}" if self._folder else path


def read_context(
    tree: "DiskTree",
    dockerfile: str,
    folder: str,
    stage: str,
    args: "Mapping[str, str]",
    automatic: "Mapping[str, str]",
    at: "Position | None",
) -> BuildContext:
    """What a Dockerfile is built of.

    Args:
        tree: The project's files.
        dockerfile: The Dockerfile, relative to the project's top folder.
        folder: The folder of the context, relative to it too.
        stage: The stage that is built, or empty for the last.
        args: Build arguments.
        automatic: Those that a builder gives by itself, such as `TARGETARCH`.
        at: Where it is named.

    Raises:
        MissingError: The Dockerfile, or what it copies, is not there.
        PlanError: The Dockerfile has no such stage.
    """
    data = tree.read(dockerfile)
    if data is None:
        message = f"there is no Dockerfile `{dockerfile}`"
        raise MissingError(message, at, "its path is relative to the file that names it", dockerfile)
    needs = dockerfile_needs(parse_dockerfile(data.decode("utf-8", "replace")), stage, args, automatic, at)
    ignore = ""
    for path in (f"{dockerfile}{_IGNORE}", f"{folder}/{_IGNORE}" if folder else _IGNORE):
        found = tree.read(path)
        if found is not None:
            ignore = found.decode("utf-8", "replace")
            break
    walk = _Walk(tree, folder, Dockerignore(ignore))
    for copied in needs.copied:
        if not walk.take(copied):
            raise _missing(walk, copied, dockerfile, folder, at)
    return BuildContext(tree, folder, dockerfile, data, needs, walk.paths())


def image_context(
    tree: "DiskTree", one: "DockerfilePlan", platform: "Platform", at: "Position | None"
) -> BuildContext:
    """What the Dockerfile of an image is built of; see `read_context`."""
    names = {
        "TARGETOS": platform.os,
        "TARGETARCH": platform.architecture,
        "TARGETVARIANT": platform.variant,
        "TARGETPLATFORM": str(platform),
    }
    if one.text:
        needs = dockerfile_needs(parse_dockerfile(one.text), one.stage, {}, names, one.at or at)
        context = BuildContext(tree, "", "", one.text.encode(), needs, one.files)
        # It is not among its files, and so none that it copies.
        context.hidden = False
        return context
    return read_context(tree, one.path, one.context, one.stage, dict(one.build_args), names, one.at or at)


def _missing(
    walk: "_Walk", copied: "Copied", dockerfile: str, folder: str, at: "Position | None"
) -> MissingError:
    whole = f"{folder}/{copied.path}" if folder else copied.path
    said = f"`{copied.path}` in line {copied.line}"
    if walk.left_out:
        message = f"`{dockerfile}` copies {said}, and `.dockerignore` leaves that out"
        return MissingError(message, at, "take it in again there, with a line `!PATTERN`", whole)
    message = f"`{dockerfile}` copies {said}, and there is no such file in `{folder or '.'}`"
    return MissingError(message, at, "name the folder that it copies from: `context:`", whole)


class _Walk:
    """Finds in a context what is copied.

    Args:
        tree: The project's files.
        folder: The context, relative to the project's top folder.
        ignore: What is left out of it.

    Attributes:
        left_out: Whether something was there, and left out.
    """

    def __init__(self, tree: "DiskTree", folder: str, ignore: Dockerignore) -> None:
        self._tree = tree
        self._folder = folder
        self._ignore = ignore
        self._found: dict[str, None] = {}
        self.left_out = False

    def paths(self) -> tuple[str, ...]:
        """What was found, sorted, each once."""
        return tuple(sorted(self._found))

    def take(self, copied: "Copied") -> bool:
        """Find what a path or a pattern names; whether that is anything."""
        self.left_out = False
        if not copied.path:
            self._take_below("")
            return True
        return self._match("", copied.path.split("/"), _MOST_LINKS)

    def _names(self, folder: str) -> "Mapping[str, str]":
        whole = "/".join(part for part in (self._folder, folder) if part)
        return self._tree.names(whole) or {}

    def _full(self, path: str) -> str:
        return self._tree.path("/".join(part for part in (self._folder, path) if part))

    def _match(self, folder: str, parts: "list[str]", links: int) -> bool:
        """Find what a pattern names in a folder, and below it."""
        names = self._names(folder)
        part, rest = parts[0], parts[1:]
        if part == "**":
            below = [name for name, kind in sorted(names.items()) if kind == FOLDER and name != _STATE]
            hits = [self._match(_joined(folder, name), parts, links) for name in below]
            hits.append(self._match(folder, rest, links) if rest else self._take_below(folder))
            return any(hits)
        wanted = [part] if part in names else [name for name in sorted(names) if _matches(part, name)]
        # Each of them, also behind one that is there.
        hits = [self._hit(_joined(folder, name), names[name], rest, links) for name in wanted]
        return any(hits)

    def _hit(self, path: str, kind: str, rest: "list[str]", links: int) -> bool:
        """Take what is at a path, or look on below it."""
        full = self._full(path)
        if os.path.islink(full):
            if not self._add(path) or not links:
                return False
            target = os.readlink(full)
            start = "" if target.startswith("/") else path.rpartition("/")[0]
            parts = [name for name in os.path.normpath(f"/{start}/{target}").split("/") if name]
            # A link that leads nowhere is copied as it is, where it is one of many.
            return self._match("", [*parts, *rest], links - 1) if [*parts, *rest] else self._take_below("")
        if kind != FOLDER:
            return not rest and kind != OTHER and self._add(path)
        if path == _STATE or path.endswith(f"/{_STATE}") or self._ignore.prunes(path):
            self.left_out = True
            return False
        return self._match(path, rest, links) if rest else self._take_below(path)

    def _take_below(self, folder: str) -> bool:
        """Take all that is below a folder; links are not followed."""
        waiting = [folder]
        while waiting:
            here = waiting.pop()
            before = len(self._found)
            deeper = False
            for name, kind in self._names(here).items():
                path = _joined(here, name)
                if kind == FOLDER:
                    if name != _STATE and not self._ignore.prunes(path):
                        waiting.append(path)
                        deeper = True
                elif kind != OTHER or os.path.islink(self._full(path)):
                    self._add(path)
            if here and not deeper and len(self._found) == before and not self._ignore.leaves_out(here):
                self._found.setdefault(here)
        return True

    def _add(self, path: str) -> bool:
        if self._ignore.leaves_out(path):
            self.left_out = True
            return False
        self._found.setdefault(path)
        return True


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _reaches(pattern: str, name: str) -> bool:
    """Whether a pattern means a file at the top of the context."""
    first, *others = pattern.split("/")
    if first == "**" and others:
        return _reaches("/".join(others), name)
    return first in {"", "**"} or (not others and _matches(first, name))


def _plain(name: str) -> bool:
    """Whether a name needs no second header in front of it in a tar."""
    return name.isascii() and len(name) < 100


def _matches(part: str, name: str) -> bool:
    """Whether a name is meant by a part of a pattern, as Go's `filepath.Match` has it."""
    if not any(char in part for char in "*?["):
        return False
    out: list[str] = []
    at = 0
    while at < len(part):
        char = part[at]
        at += 1
        if char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "[" and (end := part.find("]", at + 1)) >= 0:
            out.append("[" + part[at:end].replace("\\", "\\\\").replace("[", "\\[") + "]")
            at = end + 1
        else:
            out.append(re.escape(char))
    try:
        return re.fullmatch("".join(out), name, re.DOTALL) is not None
    except re.error:
        # A builder refuses it, and says so.
        return True


def _chunks(full: str, path: str) -> "Iterable[bytes]":
    try:
        with open(full, "rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise RunError(f"`{path}` can't be read: {error.strerror}") from None
